"""What drives models on texts: not places in a text, but words, where they occur."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Piece, Prose, Table
from xai_compare.report.sections._shown import signed_text
from xai_compare.report.words import count, fixed, join, method_title, model_name, plain_entry, short_title

__all__ = ["words"]

_NAMED = 3  # words that the sentence names of a model
_SHOWN = 10  # words of a model by the leading method

_Row = dict[str, Any]


def words(report: dict[str, Any]) -> list[Block]:
    """The words that take most where they occur, by the leading method, and by the others folded; or why there are none."""
    found: dict[tuple[str, str], list[_Row]] = {}
    for row in report["words"]:
        found.setdefault((row["explainer"], row["model"]), []).append(row)
    if not found:
        return [Prose((_absent(report),), "note")]
    ran = list(dict.fromkeys(method for method, _ in found))
    lead = report["scope"]["lead_method"] if report["scope"]["lead_method"] in ran else ran[0]
    others = [_table(report, method, found) for method in ran if method != lead]
    folded = [Details(f"By {count(len(others), 'more method')}", tuple(others))] if others else []
    return [Prose(_finding(report, lead, found), "finding"), _table(report, lead, found), *folded]


def _absent(report: dict[str, Any]) -> str:
    why = "The features of texts are places, and the seventh word of one text has nothing to do with that of another, so no feature drives"
    if not report["scope"]["values_shown"]:
        return f"{why} a model as a whole. The words themselves may not be shown in this report."
    return f"{why} a model as a whole. No word occurs in two of the explained cases, or no method speaks of single cases."


def _finding(report: dict[str, Any], lead: str, found: dict[tuple[str, str], list[_Row]]) -> tuple[Piece, ...]:
    pieces: list[Piece] = [f"By {method_title(report, lead)}, where they occur, "]
    models = [model["name"] for model in report["models"] if (lead, model["name"]) in found]
    for place, model in enumerate(models):
        told = [f"\u201c{row['word']}\u201d ({fixed(100 * (row['share'] or 0.0), 0)}\u00a0%)" for row in found[lead, model][:_NAMED]]
        pieces += [model_name(report, model), f" leans most on {join(told)}{'.' if place == len(models) - 1 else '; '}"]
    return tuple(pieces)


def _table(report: dict[str, Any], method: str, found: dict[tuple[str, str], list[_Row]]) -> Table:
    columns = (Column("Model"), Column("Word"), Column("Cases", True), Column("Mean share", True), Column("With its sign", True))
    entries = []
    for model in report["models"]:
        for row in found.get((method, model["name"]), [])[:_SHOWN]:
            leaning = row["leaning"]
            sign = Entry(("none",), None, "quiet") if leaning is None else Entry((signed_text(leaning, True),), leaning)
            share = Entry((fixed(row["share"] or 0.0, 2),), row["share"])
            names = plain_entry(model_name(report, model["name"])), plain_entry(row["word"])
            entries.append((*names, Entry((str(row["n"]),), row["n"]), share, sign))
    caption = (
        f"{short_title(report, method)}: words with the largest mean share of a text's whole attribution, over the cases that have them "
        "(two at least; upper and lower case count as one). Without intervals: exploratory"
    )
    return Table(caption, columns, tuple(entries))
