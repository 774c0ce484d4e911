"""What the pictures of a case share: attributions as shares, so that models stand side by side, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xai_compare.report.blocks import Column, Entry, Table
from xai_compare.report.coded import weights
from xai_compare.report.sections._absent import absent
from xai_compare.report.sheets import Cell, Line
from xai_compare.report.words import about, fixed, method_title, model_name, plain_entry, shown_name

__all__ = [
    "by_method",
    "cells",
    "first_and_others",
    "lines",
    "places",
    "said",
    "share_table",
    "shares",
    "signed_text",
    "strongest",
]

FIRST = 4  # methods that stand open; the others are folded
_TOLD = 3  # features of a method and a model that the words and the table below a picture name

_Row = dict[str, Any]


def shares(row: _Row) -> list[float | None]:
    """An attribution's values as signed shares of their whole size; of a method without signs what lies below 0 counts as 0."""
    values = [None if value is None else value if row["signed"] else max(value, 0.0) for value in row["values"]]
    total = sum(abs(value) for value in values if value is not None)
    return [None if value is None else value / total if total else 0.0 for value in values]


def by_method(report: dict[str, Any], case: dict[str, Any]) -> dict[str, dict[str, _Row]]:
    """{method: {model: attribution}} of a case, the leading method first, those without direction last."""
    lead = report["scope"]["lead_method"]
    signed = {method["name"]: method["signed"] for method in report["methods"]}
    names = [name for name in signed if any(row["explainer"] == name for row in case["attributions"])]
    names.sort(key=lambda name: (name != lead, not signed[name]))
    return {name: {row["model"]: row for row in case["attributions"] if row["explainer"] == name} for name in names}


def first_and_others(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The methods that stand open, and those that are folded."""
    names = list(found)
    return names[:FIRST], names[FIRST:]


def places(report: dict[str, Any]) -> list[tuple[str, int]]:
    """The models as pictures name them, with their colour."""
    return [(shown_name(report, model["name"]), place) for place, model in enumerate(report["models"])]


def lines(report: dict[str, Any], found: dict[str, dict[str, _Row]], names: Sequence[str]) -> list[Line]:
    """A line of a picture for each of these methods."""
    return [_line(report, name, found[name]) for name in names]


def _line(report: dict[str, Any], name: str, rows: dict[str, _Row]) -> Line:
    made = cells(report, {model: shares(row) for model, row in rows.items()}, {model: row["fine"] for model, row in rows.items()})
    lost = tuple(absent(report, model["name"], name) for model in report["models"])
    return Line(method_title(report, name), any(row["signed"] for row in rows.values()), made, name, lost)


def cells(report: dict[str, Any], found: dict[str, list[float | None]], fine: dict[str, Any]) -> tuple[Cell | None, ...]:
    """A cell for each model, None where the method did not run."""
    names = [model["name"] for model in report["models"]]
    own = {name: weights(fine[name]) for name in found if fine.get(name)}
    return tuple(Cell(tuple(found[name]), own.get(name)) if name in found else None for name in names)


def said(report: dict[str, Any], feature: str) -> str:
    """A feature as a sentence names it: a patch without the comma, the points of a series' only channel as points."""
    scope = report["scope"]
    if scope["modality"] == "image":
        return feature.replace(", ", " ")
    return f"points {feature}" if scope["modality"] == "series" and len(scope["layout"]["channels"]) == 1 else feature


def strongest(values: Sequence[float | None], most: int = _TOLD) -> list[int]:
    """The features with the largest shares, largest first; none that has nothing."""
    size = np.array([abs(value or 0.0) for value in values])
    return [int(i) for i in np.argsort(-size, kind="stable")[:most] if size[i] > 0]


def signed_text(value: float, signed: bool) -> str:
    """A share of attribution as words have it.

    >>> signed_text(0.304, True), signed_text(0.304, False), signed_text(-0.001, True)
    ('+0.30', '0.30', '0.00')
    """
    words = fixed(value, 2)
    return f"+{words}" if signed and value > 0 and words != "0.00" else words


def share_table(report: dict[str, Any], made: Sequence[Line], features: Sequence[str]) -> Table:
    """The strongest features of a picture with their shares, a column for each method and model."""
    columns, found = [Column("Feature")], []
    for line in made:
        for model, cell in zip(report["models"], line.cells, strict=True):
            if cell is not None:
                speaks = about(report, model["name"], line.method)
                columns.append(Column(f"{model_name(report, model['name']).text}, {line.title}", numeric=True, about=speaks))
                found.append((line.signed, cell.shares))
    told = {j for _, values in found for j in strongest(values)}
    ranked = sorted(told, key=lambda j: (-max(abs(values[j] or 0.0) for _, values in found), j))
    rows = tuple((plain_entry(features[j]), *(_share(values[j], signed) for signed, values in found)) for j in ranked)
    cut = f", those among the first {_TOLD} of any of them; {len(features)} in all" if len(rows) < len(features) else ""
    return Table(f"Shares of attribution of features{cut}", tuple(columns), rows)


def _share(value: float | None, signed: bool) -> Entry:
    return Entry(("absent",), None, "quiet") if value is None else Entry((signed_text(value, signed),), value)
