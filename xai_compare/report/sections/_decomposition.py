"""The decomposition's picture and table, shared by the verdict and its own section."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Column, Entry, Figure, Table
from xai_compare.report.canvas import Span
from xai_compare.report.charts import Bar, decomposition
from xai_compare.report.words import (
    fixed,
    interval_entry,
    interval_text,
    method_entry,
    method_title,
    model_name,
    number_entry,
    plain_entry,
    short_title,
    shown_name,
)

__all__ = ["bar_rows", "parts_table", "picture"]

_PARTS = (("explained", "explained"), ("lost_by_method", "lost by the method"), ("beyond_additive", "beyond any list of features"))


def bar_rows(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows whose share explained was measured, models in the order of the study."""
    order = [model["name"] for model in report["models"]]
    rows = [row for row in report["decomposition"] if Span.of(row["explained"]) is not None]
    return sorted(rows, key=lambda row: order.index(row["model"]))


def picture(report: dict[str, Any], rows: list[dict[str, Any]], name: str, caption: str) -> Figure:
    """The stacked bars of these rows, with their numbers."""
    drawing = decomposition([_bar(report, row) for row in rows])
    spoken = "; ".join(_spoken(report, row) for row in rows)
    alt = f"Stacked bars from 0 to 1 of what is explained, lost by the method, and beyond any list of features. {spoken}."
    note = ". Black lines are the intervals of the first and of the last part."
    if any(_negative(row) for row in rows):
        note += " \u2020 A loss below 0 (noise) is drawn as 0; the table keeps its sign."
    return Figure(name, drawing, alt, caption + note, parts_table(report, rows))


def _negative(row: dict[str, Any]) -> bool:
    lost = Span.of(row["lost_by_method"])
    return lost is not None and lost.mid < 0 and fixed(lost.mid, 2) != "0.00"


def _bar(report: dict[str, Any], row: dict[str, Any]) -> Bar:
    explained = Span.of(row["explained"])
    if explained is None:
        raise ValueError(f"nothing was measured for {row['model']} by {row['explainer']}")
    place = model_name(report, row["model"]).colour
    title = short_title(report, row["explainer"])
    lost, beyond = Span.of(row["lost_by_method"]), Span.of(row["beyond_additive"])
    return Bar(shown_name(report, row["model"]), place, title, row["control"], explained, lost, beyond)


def _spoken(report: dict[str, Any], row: dict[str, Any]) -> str:
    parts = ", ".join(f"{words} {interval_text(row[part])}" for part, words in _PARTS)
    return f"{row['model']} by {method_title(report, row['explainer'])}: {parts}"


def parts_table(report: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    """Every part with its interval, chance level and number of cases."""
    titles = ("explained", "chance", "lost by the method", "beyond any list", "attainable", "by size alone", "cases")
    columns = (Column("Model"), Column("Method"), *(Column(title, numeric=True) for title in titles))
    caption = "Shares of what moves the output: explained + lost + beyond = 1; attainable is the best that any list of features could do"
    return Table(caption, columns, tuple(_row(report, row) for row in rows))


def _row(report: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    explained = row["explained"]
    chance = number_entry(explained["chance"] if explained else None)
    names = (
        plain_entry(model_name(report, row["model"])),
        method_entry(report, row["explainer"], "quiet" if row["control"] else ""),
    )
    parts = tuple(interval_entry(row[part]) for part in ("lost_by_method", "beyond_additive", "attainable", "size_alone"))
    cases = explained["n"] if explained else 0
    return (*names, interval_entry(explained), chance, *parts, Entry((str(cases),), float(cases)))
