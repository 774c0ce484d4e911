"""Section 6: would another method have said otherwise?"""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Link, Piece, Prose, Table
from xai_compare.report.canvas import Span
from xai_compare.report.charts import Grid, heatmaps
from xai_compare.report.sections import section
from xai_compare.report.words import (
    case_anchors,
    interval_entry,
    interval_text,
    method_places,
    model_name,
    number_entry,
    plain_entry,
    short_title,
    shown_name,
)

__all__ = ["make"]

_LEAD = ("sign", "signed")


@section("agreement", 6, "Do methods agree", "Would another method say otherwise?")
def make(report: dict[str, Any]) -> list[Block]:
    """Chance-corrected agreement of signs between methods, every measure as a table, and the cases that differ most."""
    if not report["agreement"]:
        return [Prose(("Agreement was not measured: it needs two methods that ran on the same model.",), "note")]
    lead = _lead(report)
    grids = [grid for model in report["models"] if (grid := _grid(report, model["name"], lead))]
    if not grids:  # with so few features that methods cannot but name the same ones, say
        return [
            Prose((f"The leading measure ({lead}) could be told of no two methods. The others:",), "note"),
            _table(report),
            *_worst(report),
        ]
    reading = (
        f"Each number is the agreement of two methods on the features they rank first, corrected for chance (measure: {lead}). "
        "0 is what chance gives, 1 full agreement."
    )
    return [Prose((reading,)), _figure(report, lead, grids), *_worst(report)]


def _lead(report: dict[str, Any]) -> str:
    """The measure of the heatmap: agreement of signs where it was measured."""
    names: list[str] = list(dict.fromkeys(m["measure"] for row in report["agreement"] for m in row["measures"]))
    return next((name for name in names if name.split()[0].split("_")[0] in _LEAD), names[0])


def _figure(report: dict[str, Any], lead: str, grids: list[Grid]) -> Figure:
    drawing = heatmaps(grids)
    spoken = "; ".join(f"{row['model']}, {row['a']} and {row['b']}: {_said(row, lead)}" for row in report["agreement"])
    alt = f"Triangular heatmaps, one per model, of the agreement of signs between methods corrected for chance. {spoken}."
    caption = "Agreement of signs between methods, corrected for chance, per model, for methods that have signs. Hatched: not measured."
    return Figure("agreement", drawing, alt, caption, _table(report))


def _signed(row: dict[str, Any], lead: str) -> bool:
    """Whether the measure of the heatmap exists for a pair: a method without signs would be a row of nothing."""
    return any(measure["measure"] == lead and measure["skill"] for measure in row["measures"])


def _said(row: dict[str, Any], lead: str) -> str:
    return next((interval_text(m["skill"]) for m in row["measures"] if m["measure"] == lead), "not measured")


def _grid(report: dict[str, Any], model: str, lead: str) -> Grid | None:
    rows = [row for row in report["agreement"] if row["model"] == model and _signed(row, lead)]
    taking_part = {name for row in rows for name in (row["a"], row["b"])}
    names = [method["name"] for method in report["methods"] if method["name"] in taking_part]
    if len(names) < 2:
        return None
    values: dict[tuple[int, int], float | None] = {(r, c): None for r in range(len(names)) for c in range(r)}
    for row in rows:
        at = sorted((names.index(row["a"]), names.index(row["b"])), reverse=True)
        span = next((Span.of(m["skill"]) for m in row["measures"] if m["measure"] == lead), None)
        values[at[0], at[1]] = span.mid if span else None
    titles = tuple(short_title(report, name) for name in names)
    return Grid(shown_name(report, model), model_name(report, model).colour, titles, values)


def _table(report: dict[str, Any]) -> Table:
    columns = (
        Column("Model"),
        Column("Methods"),
        Column("Measure"),
        Column("Agreement", True),
        Column("Chance", True),
        Column("Corrected", True),
        Column("Cases", True),
    )
    rows = tuple(_row(report, row, measure) for row in report["agreement"] for measure in row["measures"])
    return Table("Agreement between methods by every measure; intervals are exploratory", columns, rows)


def _row(report: dict[str, Any], row: dict[str, Any], measure: dict[str, Any]) -> tuple[Entry, ...]:
    n = measure["value"]["n"]
    return (
        plain_entry(model_name(report, row["model"])),
        _pair(report, row),
        plain_entry(measure["measure"]),
        interval_entry(measure["value"]),
        number_entry(measure["chance"]),
        interval_entry(measure["skill"]),
        Entry((str(n),), n),
    )


def _pair(report: dict[str, Any], row: dict[str, Any]) -> Entry:
    pair = row["a"], row["b"]
    return Entry((" and ".join(short_title(report, name) for name in pair),), methods=method_places(report, *pair))


def _worst(report: dict[str, Any]) -> list[Block]:
    """Where the methods part most, with a link for the cases that the report shows."""
    shown = case_anchors(report)
    rows = tuple(
        (
            plain_entry(model_name(report, row["model"])),
            _pair(report, row),
            _case(found["id"], shown),
            number_entry(found["overlap"]),
        )
        for row in report["agreement"]
        for found in row["worst"]
    )
    if not rows:
        return []
    columns = (Column("Model"), Column("Methods"), Column("Case"), Column("Overlap of shares", True))
    caption = "The cases on which two methods differ most: overlap of their shares, 1 is the same explanation"
    return [Details("Cases on which methods differ most", (Table(caption, columns, rows),))]


def _case(case: str, shown: dict[str, str]) -> Entry:
    piece: Piece = Link(case, shown[case]) if case in shown else case
    return Entry((piece,))
