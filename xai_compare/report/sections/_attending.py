"""Attention of a case, layer by layer, with its summaries beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.report.attending import Attended, attention
from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Heading, Prose, Table
from xai_compare.report.coded import weights
from xai_compare.report.words import count, fixed, join, method_title, plain_entry, shown_name

__all__ = ["attending"]

_TITLE = "Attention is not attribution"
_OPEN = 2  # cases whose grids are not folded
_TOLD = 3  # weights of a grid in the table below it


def attending(report: dict[str, Any], case: dict[str, Any], name: str) -> list[Block]:
    """A figure for each model that has attention; folded but for the first cases of the report."""
    figures = [
        _figure(report, case, f"{name}-attention-{place}", model["name"])
        for place, model in enumerate(report["models"])
        if any(row["model"] == model["name"] and row["attention"] for row in case["attributions"])
    ]
    if not figures:
        return []
    said = (
        "A weight says what a row reads from a column, not what the output owes to it. "
        "What a row lacks to 1 goes to signs of the model's own, or to what is not shown."
    )
    blocks: tuple[Block, ...] = (Prose((said,), "note"), *figures)
    if [one["id"] for one in report["cases"]].index(case["id"]) < _OPEN:
        return [Heading(_TITLE), *blocks]
    return [Details(_TITLE, blocks)]


def _figure(report: dict[str, Any], case: dict[str, Any], name: str, model: str) -> Figure:
    rows = [row for row in case["attributions"] if row["model"] == model and row["attention"]]
    first = rows[0]["attention"]
    rows = [row for row in rows if row["attention"]["features"] == first["features"]]
    names = _names(report, case, first["features"])
    grids = [grid for row in rows for grid in _grids(report, row)]
    drawing = attention(grids, names)
    spoken = "; ".join(f"{grid.title}: {_strongest(grid, names)}" for grid in grids)
    shown = shown_name(report, model)
    alt = f"Grids of attention of {shown} for case {case['id']}: rows look at columns. {spoken}."
    cut = f" The first {len(names)} of {count(first['of'], 'feature')}." if first["of"] > len(names) else ""
    methods = join(list(dict.fromkeys(method_title(report, row["explainer"]) for row in rows)))
    caption = f"Attention in {shown}: {methods}. Rows look at columns; each grid has its own scale, from light for 0 to blue.{cut}"
    return Figure(name, drawing, alt, caption, _table(grids, names))


def _names(report: dict[str, Any], case: dict[str, Any], features: list[int]) -> list[str]:
    if report["scope"]["modality"] == "text" and case["values"] is not None:
        return [case["values"][j] for j in features]
    return [report["scope"]["features"][j]["name"] for j in features]


def _grids(report: dict[str, Any], row: dict[str, Any]) -> list[Attended]:
    maps = row["attention"]["maps"]
    title = next(method["name"] for method in report["methods"] if method["name"] == row["explainer"]).replace("_", " ")
    titles = [title] if len(maps) == 1 else [f"layer {i}" for i in range(1, len(maps) + 1)]
    return [Attended(own, weights(found)) for own, found in zip(titles, maps, strict=True)]


def _strongest(grid: Attended, names: list[str]) -> str:
    for i, j in _largest(grid, 1):
        return f"most by {names[i]} at {names[j]}, {fixed(grid.weights[i, j], 2)}"
    return "nothing known"


def _largest(grid: Attended, most: int) -> list[tuple[int, int]]:
    """(row, column) of the largest weights of a grid, the largest first; of equal ones the first."""
    order = np.argsort(-grid.weights, axis=None, kind="stable")[:most]  # NaN comes last
    return [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, grid.weights.shape), strict=True) if np.isfinite(grid.weights[i, j])]


def _table(grids: list[Attended], names: list[str]) -> Table:
    """What the eye sees first; a whole grid has a number for every two features."""
    columns = (Column("Grid"), Column("Row"), Column("Looks at"), Column("Weight", True))
    rows = tuple(
        (*map(plain_entry, (grid.title, names[i], names[j])), Entry((fixed(grid.weights[i, j], 2),), float(grid.weights[i, j])))
        for grid in grids
        for i, j in _largest(grid, _TOLD)
    )
    return Table(f"The {_TOLD} largest weights of each grid; report.json has all", columns, rows)
