"""What was not tested, and why: grouped where the same reason repeats. Nothing vanishes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xai_compare.report.plain import text

__all__ = ["limits", "note"]

_TROUBLES = ("failed", "degraded", "skipped", "not_applicable")


def limits(report: dict[str, Any], warnings: Iterable[str]) -> list[dict[str, Any]]:
    """Every cell that is not ok, every missing score, every metric without power, every warning of the run."""
    return [*_cells(report), *_missing(report), *_powerless(report), *(note("warning", text(said)) for said in warnings)]


def note(kind: str, reason: str, where: list[dict[str, Any]] | None = None, count: int = 1) -> dict[str, Any]:
    """One limit. `where` lists {model, explainer, metrics}; `count` counts cells, or scores for kind "missing"."""
    return {"kind": kind, "reason": reason, "where": where or [], "count": count}


def _cells(report: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for cell in report["cells"]:
        if cell["status"] != "ok":
            place = (cell["model"], cell["explainer"], cell["metric"])
            groups.setdefault((cell["status"], cell["reason"] or "no reason was recorded"), []).append(place)
    ordered = sorted(groups.items(), key=lambda item: _TROUBLES.index(item[0][0]))
    return [note(status, reason, _where(places), len(places)) for (status, reason), places in ordered]


def _where(places: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    merged: dict[tuple[str, str], list[str]] = {}
    for model, explainer, metric in places:
        merged.setdefault((model, explainer), []).append(metric)
    return [{"model": model, "explainer": explainer, "metrics": metrics} for (model, explainer), metrics in merged.items()]


def _missing(report: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[str, list[tuple[str, str, str]]] = {}
    counts: dict[str, int] = {}
    for row in report["skills"]:
        if row["part"]:
            continue  # a part is missing where its whole is
        for found in row["missing"]:
            groups.setdefault(found["reason"], []).append((row["model"], row["explainer"], row["metric"]))
            counts[found["reason"]] = counts.get(found["reason"], 0) + found["count"]
    return [note("missing", reason, _where(places), counts[reason]) for reason, places in groups.items()]


def _powerless(report: dict[str, Any]) -> list[dict[str, Any]]:
    """A metric on which no method's skill is above the control's on a model says nothing about that model."""
    control = report["scope"]["control"]
    lows: dict[tuple[str, str], list[float]] = {}
    for row in report["skills"]:
        if row["skill"] and row["skill"]["low"] is not None and not row["part"] and row["explainer"] != control:
            lows.setdefault((row["model"], row["metric"]), []).append(row["skill"]["low"])
    flat = [(model, "", metric) for (model, metric), found in lows.items() if max(found) <= 0]
    if not flat:
        return []
    return [note("no_power", "no method does better than the control here, so the metric cannot rank them", _where(flat), len(flat))]
