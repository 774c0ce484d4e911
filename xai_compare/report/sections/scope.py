"""Section 1: what is explained, to whom it applies, and by which methods."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from xai_compare.report.asked import FILLS
from xai_compare.report.blocks import Block, Column, Details, Entry, Prose, Table, Terms
from xai_compare.report.sections import section
from xai_compare.report.sections._columns import features, rows_told, together
from xai_compare.report.sections._facts import facts
from xai_compare.report.words import SPACES, count, join, level, method_title, model_name, plain_entry

__all__ = ["make"]


@section("scope", 1, "Scope", "Is this my decision?")
def make(report: dict[str, Any]) -> list[Block]:
    """Task, cases, models with the space each is explained in, methods, and the data's facts."""
    scope = report["scope"]
    what = "a class" if scope["task"] == "classification" else "a number"
    classes = f" ({join(scope['classes'], 'or')})" if scope["classes"] else ""
    given = {"table": count(len(scope["features"]), "feature"), "image": "images", "text": "texts", "series": "series"}[scope["modality"]]
    opening = (
        f"The models predict {what}{classes} from {given}. "
        f"{count(scope['cases'], 'case was', 'cases were')} explained; intervals are at {level(report)}. "
    )
    opening += _inputs(report)
    closing = "What is said here is said of these fitted models on these data, not of their families."
    shown = "" if scope["values_shown"] else " Values of cases are not shown in this report."
    return [
        Prose((opening + closing + shown,)),
        *_leaks(report),
        *together(report),
        *rows_told(report),
        _models(report),
        _methods(report),
        Details("Facts of the data", (Terms(facts(scope["data"])),))
        if scope["data"]
        else Prose(("No facts of the data were recorded.",), "note"),
        *([] if scope["modality"] == "text" else [Details("Features", (features(report),))]),
    ]


def _inputs(report: dict[str, Any]) -> str:
    """What the inputs are where they are no table, how they are cut into features, and what stands in the place of a hidden one."""
    scope, kind = report["scope"], report["scope"]["modality"]
    if kind == "table":
        return ""
    d, fill = len(scope["features"]), FILLS.get(scope["data"].get("fill", ""), "")
    if kind == "text":
        return f"Texts in words, at most {d} of them" + (f"; in the place of a hidden word stands {fill}. " if fill else ". ")
    layout = scope["layout"]
    if kind == "image":
        rows, columns = layout["rows"], layout["columns"]
        sizes = sorted({b - a for a, b in pairwise(rows)}), sorted({b - a for a, b in pairwise(columns)})
        patch = " x ".join(join([str(size) for size in side], "or") for side in sizes)
        said = f"Images of {rows[-1]} x {columns[-1]} pixels in {count(d, 'patch', 'patches')} of {patch}"
        return said + (f"; hidden patches show {fill}. " if fill else ". ")
    channels = len(layout["channels"])
    of_each = f"{count(channels, 'channel')} of " if channels > 1 else ""
    said = f"Series of {of_each}{count(layout['edges'][-1], 'point')} in {count(len(layout['edges']) - 1, 'stretch', 'stretches')}"
    return said + (" each" if channels > 1 else "") + (f"; hidden stretches show {fill}. " if fill else ". ")


def _leaks(report: dict[str, Any]) -> list[Block]:
    columns = list(report["scope"]["data"].get("leakage") or {})
    if not columns:
        return []
    said = "tells the target almost perfectly. If it is not known when the decision is made, a model that learns it is of no use"
    return [Prose((f"Look at the data first: {join(columns)} alone {said}; what explains it then explains the leak.",), "finding")]


def _models(report: dict[str, Any]) -> Table:
    rows = tuple(
        (
            plain_entry(model_name(report, model["name"])),
            plain_entry(model["kind"]),
            plain_entry(SPACES[model["output"]]),
            plain_entry("reference" if model["reference"] else "compared with the reference"),
            plain_entry("trained by this study" if model["trained_here"] else "given, already fitted"),
        )
        for model in report["models"]
    )
    titles = ("Model", "Kind", "Explained in the space of its", "Role", "Origin")
    differ = len({model["output"] for model in report["models"]}) > 1
    caption = "Models. Spaces differ, so explanations are compared by share, rank and sign only" if differ else "Models"
    return Table(caption, tuple(Column(t) for t in titles), rows)


def _methods(report: dict[str, Any]) -> Table:
    rows = tuple(
        (
            plain_entry(method_title(report, method["name"])),
            plain_entry("each case" if method["scope"] == "case" else "the model as a whole"),
            plain_entry("with direction" if method["signed"] else "strength only"),
            Entry((method["citation"] or "none",)),
        )
        for method in report["methods"]
    )
    return Table("Methods", tuple(Column(t) for t in ("Method", "Explains", "Gives", "Source")), rows)
