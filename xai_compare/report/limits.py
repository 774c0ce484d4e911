"""What was not tested, and why: grouped where the same reason repeats. Nothing vanishes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from xai_compare.report.plain import text

__all__ = ["limits", "note"]

_Place: TypeAlias = tuple[str, str, str, str]
"""Model, explainer, condition, metric."""

_BY_DESIGN = "not among the "  # begins the reason of cases that a metric leaves out to save time, the same for every model and method
_TROUBLES = ("failed", "degraded", "skipped", "not_applicable")


def limits(report: dict[str, Any], warnings: Iterable[str]) -> list[dict[str, Any]]:
    """Every cell that is not ok, every missing score, every metric without power, every warning of the run."""
    found = [*_cells(report), *_missing(report), *_powerless(report), *_inputs(report), *_readings(report), *_leaks(report)]
    return [*found, *(note("warning", text(said)) for said in warnings)]


def note(kind: str, reason: str, where: list[dict[str, Any]] | None = None, count: int = 1) -> dict[str, Any]:
    """One limit. `where` lists {model, explainer, condition, metrics}; empty is everywhere. `count` counts cells, or missing scores."""
    return {"kind": kind, "reason": reason, "where": where or [], "count": count}


def _cells(report: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[_Place]] = {}
    for cell in report["cells"]:
        if cell["status"] != "ok":
            place = (cell["model"], cell["explainer"], cell["condition"], cell["metric"])
            groups.setdefault((cell["status"], cell["reason"] or "no reason was recorded"), []).append(place)
    ordered = sorted(groups.items(), key=lambda item: _TROUBLES.index(item[0][0]))
    return [note(status, reason, _where(places), len(places)) for (status, reason), places in ordered]


def _where(places: list[_Place]) -> list[dict[str, Any]]:
    merged: dict[tuple[str, str, str], list[str]] = {}
    for model, explainer, condition, metric in places:
        merged.setdefault((model, explainer, condition), []).append(metric)
    return [
        {"model": model, "explainer": explainer, "condition": condition, "metrics": metrics}
        for (model, explainer, condition), metrics in merged.items()
    ]


def _missing(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Scores that some cases lack. That a metric takes only some of them, the same everywhere, is no trouble and has no places."""
    groups: dict[str, list[_Place]] = {}
    counts: dict[str, int] = {}
    for row in report["skills"]:
        if row["part"]:
            continue  # a part is missing where its whole is
        for found in row["missing"]:
            groups.setdefault(found["reason"], []).append((row["model"], row["explainer"], "", row["metric"]))
            counts[found["reason"]] = counts.get(found["reason"], 0) + found["count"]
    troubles = [note("missing", why, _where(places), counts[why]) for why, places in groups.items() if not why.startswith(_BY_DESIGN)]
    return [*troubles, *(note("subset", why, count=counts[why]) for why in groups if why.startswith(_BY_DESIGN))]


def _inputs(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Features that a model is not given, or takes no notice of: a difference of inputs, which no method should be blamed for."""
    unseen = {model["name"]: model["about"].get("unseen") or [] for model in report["models"]}
    return [
        note("inputs", f"not among its inputs, so their attribution is 0: {', '.join(names)}", [_whole(model)], len(names))
        for model, names in unseen.items()
        if names
    ]


def _readings(report: dict[str, Any]) -> list[dict[str, Any]]:
    """How the outputs of a model were read that does not say itself what they are: if that is wrong, so is everything told of it."""
    found = {model["name"]: model["about"].get("note") for model in report["models"]}
    return [note("reading", said, [_whole(model)]) for model, said in found.items() if said]


def _leaks(report: dict[str, Any]) -> list[dict[str, Any]]:
    found = report["scope"]["data"].get("leakage") or {}
    return [note("leakage", f"'{column}' alone tells the target almost perfectly (score {score:.3f})") for column, score in found.items()]


def _whole(model: str) -> dict[str, Any]:
    return {"model": model, "explainer": "", "condition": "", "metrics": []}


def _powerless(report: dict[str, Any]) -> list[dict[str, Any]]:
    """A metric that tells no method of a model from the control says nothing about that model."""
    flat = [(row["model"], "", "", row["metric"]) for row in report["powerless"]]
    if not flat:
        return []
    return [note("no_power", "no method does better than the control here, so the metric cannot rank them", _where(flat), len(flat))]
