"""Section 8: would the next run, or the next similar case, get the same explanation? Does it depend on the model at all?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xai_compare.report.blocks import Block, Figure, Link, Prose
from xai_compare.report.canvas import Span
from xai_compare.report.sections import section
from xai_compare.report.sections._scores import asking, powerless, score_table, scored
from xai_compare.report.strips import Mark, Strip, strips
from xai_compare.report.words import interval_text, join, short_title, shown_name

__all__ = ["make"]

_PARTS = ("output_changed", "max_sensitivity")


@section("stability", 8, "Stability, sanity", "Same answer next time?")
def make(report: dict[str, Any]) -> list[Block]:
    """Skill of every metric of stability and sanity as dots, then the scores."""
    metrics = asking(report, "stability", "sanity")
    if not metrics:
        return [Prose(("Stability was not measured, nor was sanity (whether explanations depend on the model at all).",), "note")]
    reading = ("A constant explanation is perfectly stable: read stability beside ", Link("fidelity", "fidelity"), ".")
    blocks: list[Block] = [Prose(reading), *_picture(report, metrics)]
    if not asking(report, "sanity"):
        blocks.append(Prose(("Sanity (whether explanations depend on the model at all) was not measured.",), "note"))
    return blocks


def _picture(report: dict[str, Any], metrics: list[str]) -> list[Block]:
    caption = "Mean overlap with the explanations of the changed question; skill is 0 for the control and 1 for the same explanation"
    if asking(report, "sanity"):
        caption += ". Sanity: skill is 0 for what does not depend on the model, or the class, and 1 for what wholly does"
    extra = [part for part in _PARTS if any(metric in metrics for metric, _, _ in scored(report, part))]
    table = score_table(report, metrics, f"{caption}. Exploratory", (("chance", "Chance"), ("skill", "Skill")), extra)
    rows = {key: row for key, row in scored(report).items() if key[0] in metrics and Span.of(row["skill"]) is not None}
    methods = [m["name"] for m in report["methods"] if not m["control"] and any(method == m["name"] for _, _, method in rows)]
    if not methods:
        return [table]
    drawn = [name for name in metrics if any(key[0] == name for key in rows)]
    return [replace(_figure(report, drawn, methods, rows), table=table)]


def _figure(report: dict[str, Any], metrics: list[str], methods: list[str], rows: dict[tuple[str, str, str], dict[str, Any]]) -> Figure:
    models = [model["name"] for model in report["models"]]
    titles = {metric["name"]: metric["title"] for metric in report["metrics"]}
    panels = [Strip(titles[metric], tuple(_marks(report, metric, method, models, rows) for method in methods)) for metric in metrics]
    drawing = strips(panels, [short_title(report, name) for name in methods], [shown_name(report, name) for name in models])
    keys = [(metric, model, method) for metric in metrics for method in methods for model in models if (metric, model, method) in rows]
    spoken = "; ".join(f"{titles[key[0]]}, {key[1]} by {short_title(report, key[2])}: {interval_text(rows[key]['skill'])}" for key in keys)
    alt = f"Dots with intervals of skill from 0, the control, to 1, one panel per metric, a line per method, a dot per model. {spoken}."
    caption = f"Skill of {join([titles[name] for name in metrics])}: from 0 (control) to 1 (best possible), a dot per model."
    if any(powerless(report, key[1], key[0]) for key in keys):
        caption += " Hollow grey dots rank nothing: there the metric tells no method from the control."
    return Figure("stability", drawing, alt, caption)


def _marks(
    report: dict[str, Any], metric: str, method: str, models: list[str], rows: dict[tuple[str, str, str], dict[str, Any]]
) -> tuple[Mark, ...]:
    found = []
    for place, model in enumerate(models):
        span = Span.of(rows[metric, model, method]["skill"]) if (metric, model, method) in rows else None
        if span is not None:
            found.append(Mark(place, span, powerless(report, model, metric)))
    return tuple(found)
