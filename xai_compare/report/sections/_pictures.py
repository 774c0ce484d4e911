"""Cases of images and series: pictures of the patches or stretches that methods point at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xai_compare.report.blocks import Block, Details, Figure
from xai_compare.report.canvas import Drawing
from xai_compare.report.coded import pixels
from xai_compare.report.overlays import images
from xai_compare.report.sections._shown import by_method, cells, first_and_others, lines, places, said, share_table, signed_text, strongest
from xai_compare.report.sheets import Line
from xai_compare.report.traces import CHANNELS, series
from xai_compare.report.words import count

__all__ = ["pictures", "share_map"]

_KINDS = {"image": "Patches", "series": "Stretches"}


def pictures(report: dict[str, Any], case: dict[str, Any], name: str) -> list[Block]:
    """A picture of the first methods, and one of the others, folded."""
    found = by_method(report, case)
    if not found:
        return []
    first, others = first_and_others(found)
    blocks: list[Block] = [_figure(report, case, name, lines(report, found, first))]
    if others:
        more = _figure(report, case, f"{name}-more", lines(report, found, others))
        blocks.append(Details(f"By {count(len(others), 'more method')}", (more,)))
    return blocks


def share_map(report: dict[str, Any], title: str, found: dict[str, list[float | None]]) -> Figure:
    """The mean shares of all patches or stretches by one method, {model: shares}, a panel per model on one scale."""
    made = [Line(title, False, cells(report, found, {}))]
    drawing = _drawn(report, made, None, None)
    names, kind = _names(report), _KINDS[report["scope"]["modality"]]
    alt = f"{kind} in the colours of their mean shares, a panel per model. {_spoken(report, made[0], names)}."
    caption = f"{kind} by their mean share over the cases: the darker the more, all models on the scale at the right."
    return Figure("where", drawing, alt, caption, share_table(report, made, names))


def _names(report: dict[str, Any]) -> list[str]:
    return [said(report, feature["name"]) for feature in report["scope"]["features"]]


def _figure(report: dict[str, Any], case: dict[str, Any], name: str, made: Sequence[Line]) -> Figure:
    drawing = _drawn(report, made, case["image"], case["series"])
    names = _names(report)
    kind = _KINDS[report["scope"]["modality"]]
    spoken = ". ".join(_spoken(report, line, names) for line in made)
    alt = f"{kind} of case {case['id']} in the colours of their shares, a line per method, a panel per model. {spoken}."
    return Figure(name, drawing, alt, _caption(report, made), share_table(report, made, names))


def _drawn(report: dict[str, Any], made: Sequence[Line], image: dict[str, Any] | None, channels: list[dict[str, Any]] | None) -> Drawing:
    layout = report["scope"]["layout"]
    if report["scope"]["modality"] == "image":
        return images(made, places(report), None if image is None else pixels(image), (layout["rows"], layout["columns"]))
    drawn = None if channels is None else [(one["at"], one["values"]) for one in channels]
    return series(made, places(report), drawn, layout["edges"], layout["channels"])


def _spoken(report: dict[str, Any], line: Line, names: Sequence[str]) -> str:
    told = []
    for place, (model, cell) in enumerate(zip(report["models"], line.cells, strict=True)):
        if cell is None:
            told += [f"{model['name']} {line.absent[place]}"] if line.absent else []
        else:
            first = [f"{names[j]} {signed_text(cell.shares[j] or 0.0, line.signed)}" for j in strongest(cell.shares)]
            told.append(f"{model['name']} {', '.join(first) if first else 'nothing'}")
    return f"{line.title}: {'; '.join(told)}"


def _caption(report: dict[str, Any], made: Sequence[Line]) -> str:
    kind = _KINDS[report["scope"]["modality"]].lower()
    parts = [
        f"Share of each model's whole attribution, {kind} in blue with + for the explained output and in orange with \u2212 against it"
        if any(line.signed for line in made)
        else f"Share of each model's whole attribution, {kind} in blue the more the stronger",
        "each method has its own scale, the same for all models, which stands at its right",
    ]
    if any(not line.signed for line in made) and any(line.signed for line in made):
        parts.append("a scale from 0 is that of a method without direction")
    if any(cell is not None and cell.fine is not None for line in made for cell in line.cells):
        own = "the small map beside" if report["scope"]["modality"] == "image" else "the strip below"
        parts.append(f"{own} is the method's own resolution, for the eye; all numbers are of the shared features")
    channels = len(report["scope"]["layout"].get("channels", ()))
    if channels > CHANNELS:
        parts.append(f"drawn are the {CHANNELS} of {channels} channels with the largest shares")
    return f"{'; '.join(parts)}."
