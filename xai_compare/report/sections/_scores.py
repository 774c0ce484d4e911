"""Tables of mean scores beside the control's, shared by the sections on fidelity and stability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xai_compare.report.blocks import Column, Entry, Table
from xai_compare.report.words import interval_entry, method_entry, metric_link, model_name, number_entry, plain_entry

__all__ = ["DIRECTION", "asking", "powerless", "score_table", "scored"]

DIRECTION = {"higher": "higher is better", "lower": "lower is better", "none": "no direction"}


def asking(report: dict[str, Any], *questions: str) -> list[str]:
    """The metrics of these questions that have a score for a method: those that lead first, then in the order of the study."""
    found = {row["metric"] for row in report["skills"] if not row["part"] and row["value"]["estimate"] is not None}
    metrics = [metric for metric in report["metrics"] if metric["question"] in questions and metric["name"] in found]
    return [metric["name"] for metric in sorted(metrics, key=lambda metric: not metric["lead"])]


def scored(report: dict[str, Any], part: str = "") -> dict[tuple[str, str, str], dict[str, Any]]:
    """{(metric, model, method): row} of one part of the scores, "" for the scores themselves."""
    return {(row["metric"], row["model"], row["explainer"]): row for row in report["skills"] if row["part"] == part}


def powerless(report: dict[str, Any], model: str, metric: str) -> bool:
    """Whether the metric tells no method of the model from the control: what it says is shown, greyed."""
    return {"model": model, "metric": metric} in report["powerless"]


def score_table(
    report: dict[str, Any], metrics: Sequence[str], caption: str, columns: Sequence[tuple[str, str]], extra: Sequence[str] = ()
) -> Table:
    """A row per metric, model and method but the control, whose score stands beside; of one metric, the caption says which.

    Parameters
    ----------
    columns : (field, title) of what follows the score: "ceiling", "chance", "skill", "control".
    extra : names of parts with a column of their own at the end.
    """
    parts = [scored(report, name) for name in extra]
    titles = ["Score", *(title for _, title in columns), *(name.replace("_", " ").capitalize() for name in extra), "Cases"]
    several, one = len(metrics) > 1, _one_direction(report, metrics)
    names = (*((Column("Metric"),) if several else ()), Column("Model"), Column("Method"))
    control, found = report["scope"]["control"], scored(report)
    wanted = [key for metric in metrics for key in found if key[0] == metric and key[2] != control]
    rows = []
    for metric, model, method in wanted:
        row = found[metric, model, method]
        beside = [_beside(report, row, field, found.get((metric, model, control))) for field, _ in columns]
        more = [_estimate(part.get((metric, model, method))) for part in parts]
        n = row["value"]["n"]
        named = _names(report, row, one is None)[0 if several else 1 :]
        rows.append((*named, interval_entry(row["value"]), *beside, *more, Entry((str(n),), n)))
    heads = (*names, *(Column(title, numeric=True) for title in titles))
    return Table(f"{caption}; {one}" if one else caption, heads, tuple(rows))


def _estimate(row: dict[str, Any] | None) -> Entry:
    return number_entry(row["value"]["estimate"] if row else None)


def _one_direction(report: dict[str, Any], metrics: Sequence[str]) -> str | None:
    """Which way is better, said once where it is the same for all."""
    found = {metric["better"] for metric in report["metrics"] if metric["name"] in metrics}
    return DIRECTION[found.pop()] if len(found) == 1 else None


def _names(report: dict[str, Any], row: dict[str, Any], directed: bool) -> tuple[Entry, ...]:
    better = next((metric["better"] for metric in report["metrics"] if metric["name"] == row["metric"]), "none")
    return (
        Entry((*metric_link(report, row["metric"]), *((f" ({DIRECTION[better]})",) if directed else ()))),
        plain_entry(model_name(report, row["model"])),
        method_entry(report, row["explainer"]),
    )


def _beside(report: dict[str, Any], row: dict[str, Any], field: str, control: dict[str, Any] | None) -> Entry:
    if field == "control":
        return interval_entry(control["value"] if control else None, "has none")
    if field == "skill":
        return interval_entry(row["skill"], "has none", "quiet" if powerless(report, row["model"], row["metric"]) else "")
    return number_entry(row[field])
