"""Where a limit holds: the places that share a reason, folded to a line for each method or set of metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from xai_compare.report.asked import under
from xai_compare.report.blocks import Entry, Piece, Text
from xai_compare.report.words import join, method_places, method_title, metric_link, model_name, short_title

__all__ = ["Group", "Place", "groups", "metrics_text", "places", "where_entry"]

Place: TypeAlias = tuple[str, str, str, str]
"""Model, explainer, condition, metric: a cell. Without a metric it is the explanation itself."""

_At: TypeAlias = tuple[str, str, str]
"""Model, explainer, condition."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cells with one reason that are told in one line.

    what : the metrics, or the methods whose explanations could not be had. where : the places, empty for wherever there is an explanation.
    count : of cells, or of missing scores. by : whether the methods are to be told beside the models.
    """

    what: Text
    where: tuple[_At, ...]
    count: int
    by: bool = True


def places(report: dict[str, Any], limit: dict[str, Any]) -> dict[Place, int]:
    """Every place of a limit, and what is counted there: a cell, or the scores that some of its cases lack."""
    found = dict.fromkeys(
        ((row["model"], row["explainer"], row["condition"], metric) for row in limit["where"] for metric in row["metrics"]), 1
    )
    if limit["kind"] == "missing":
        for row in report["skills"]:
            counts = [missing["count"] for missing in row["missing"] if missing["reason"] == limit["reason"] and not row["part"]]
            if counts:
                found[row["model"], row["explainer"], "", row["metric"]] = sum(counts)
    return found


def groups(report: dict[str, Any], limit: dict[str, Any]) -> list[Group]:
    """The lines of a limit. Every place is counted in exactly one of them."""
    found = places(report, limit)
    lost = {place[:3] for place in found if not place[3]}
    owned = {place: cause for place in found if (cause := _cause(place, lost))}
    rest = {place: count for place, count in found.items() if place not in owned}
    return [*_explanations(report, found, owned), *_metrics(report, limit, rest)]


def _cause(place: Place, lost: set[_At]) -> _At | None:
    """The explanation that could not be had, if that is what a cell lacks: all that rests on it goes with it, agreement with others too."""
    model, explainer, condition, _ = place
    names = dict.fromkeys((explainer, *explainer.split(" ~ ")))
    causes = ((model, name, asked) for asked in dict.fromkeys(("", condition)) for name in names)
    return next((cause for cause in causes if cause in lost), None)


def _explanations(report: dict[str, Any], found: Mapping[Place, int], owned: Mapping[Place, _At]) -> Iterable[Group]:
    """Methods that are missing on the same models are told together."""
    counts: dict[tuple[str, str], int] = {}
    models: dict[tuple[str, str], dict[str, None]] = {}
    for place, (model, explainer, condition) in owned.items():
        models.setdefault((explainer, condition), {})[model] = None
        counts[explainer, condition] = counts.get((explainer, condition), 0) + found[place]
    alike: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (explainer, condition), names in models.items():
        alike.setdefault((tuple(names), condition), []).append(explainer)
    for (fixed, condition), explainers in alike.items():
        titles = join([method_title(report, explainer) for explainer in explainers])
        said = ": the explanation, and all that rests on it" if len(explainers) == 1 else ": the explanations, and all that rests on them"
        where = tuple((model, explainer, condition) for model in fixed for explainer in explainers)
        yield Group((titles, said), where, sum(counts[explainer, condition] for explainer in explainers), by=False)


def _metrics(report: dict[str, Any], limit: dict[str, Any], rest: Mapping[Place, int]) -> Iterable[Group]:
    """Metrics that are missing at the same places are told together."""
    of_metric: dict[str, dict[_At, None]] = {}
    for model, explainer, condition, metric in rest:
        of_metric.setdefault(metric, {})[model, explainer, condition] = None
    wide = _all_over(report, limit, of_metric)
    alike: dict[tuple[_At, ...], list[str]] = {}
    for metric, found in of_metric.items():
        alike.setdefault(() if metric in wide else tuple(found), []).append(metric)
    for where, metrics in alike.items():
        yield Group(metrics_text(report, metrics), where, sum(count for place, count in rest.items() if place[3] in metrics))


def _all_over(report: dict[str, Any], limit: dict[str, Any], of_metric: Mapping[str, Mapping[_At, None]]) -> set[str]:
    """The metrics that fit these data nowhere: for every explanation that there is, the reason is this one."""
    if limit["kind"] != "not_applicable":
        return set()
    usual = [cell for cell in report["cells"] if not cell["condition"]]
    there = {(cell["model"], cell["explainer"]) for cell in usual if not cell["metric"] and cell["status"] in ("ok", "degraded")}
    wanted = {metric: {(c["model"], c["explainer"]) for c in usual if c["metric"] == metric} & there for metric in of_metric}
    return {
        metric
        for metric, where in of_metric.items()
        if len(wanted[metric]) > 1 and not any(condition for _, _, condition in where) and wanted[metric] <= {place[:2] for place in where}
    }


def metrics_text(report: dict[str, Any], metrics: Iterable[str]) -> Text:
    """Metrics by title, each linked to its definition."""
    pieces: list[Piece] = []
    for metric in metrics:
        pieces += [", " if pieces else "", *metric_link(report, metric)]
    return tuple(piece for piece in pieces if piece != "")


def where_entry(report: dict[str, Any], group: Group) -> Entry:
    """The models of a group, by which methods and under which condition; the filters go by what is named here."""
    if not group.where:
        return Entry(("wherever there is an explanation",))
    pieces: list[Piece] = []
    for (models, condition), explainers in _rectangles(group.where):
        pieces += ["; "] if pieces else []
        for place, model in enumerate(models):
            pieces += [", " if place else "", model_name(report, model)]
        told = [short_title(report, name) for name in explainers if name and group.by]
        pieces.append((f" by {join(told)}" if told else "") + (f" {under(condition)}" if condition else ""))
    methods = method_places(report, *dict.fromkeys(name for _, explainer, _ in group.where for name in explainer.split(" ~ ")))
    return Entry(tuple(piece for piece in pieces if piece != ""), None, "", methods)


def _rectangles(where: Iterable[_At]) -> list[tuple[tuple[tuple[str, ...], str], list[str]]]:
    """Methods that stand for the same models under the same condition, together."""
    models: dict[tuple[str, str], list[str]] = {}
    for model, explainer, condition in where:
        models.setdefault((explainer, condition), []).append(model)
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for (explainer, condition), names in models.items():
        found.setdefault((tuple(names), condition), []).append(explainer)
    return list(found.items())
