"""The table of gaps, shared by the verdict and its own section."""

from __future__ import annotations

from typing import Any

from xai_compare.report.asked import by_methods, chosen, under
from xai_compare.report.blocks import Column, Entry, Strong, Table, Text
from xai_compare.report.words import (
    NO_POWER,
    VERDICTS,
    gap_entry,
    method_places,
    method_title,
    metric_link,
    model_name,
    number_text,
    p_words,
    plain_entry,
    undecided,
)

__all__ = ["again_table", "gap_table", "pairing_text"]

_NUMBER = ("No.", True)
_TONES = {"better": "good", "worse": "bad", "cannot be told apart": "", NO_POWER: "quiet"}


def pairing_text(report: dict[str, Any], row: dict[str, Any]) -> str:
    """Which methods stand behind a gap, in words that fit a figure; which the best ones are stands in the tables."""
    return "each model's best method" if row["pairing"] == "best_method" else str(by_methods(report, row)[0])


def gap_table(report: dict[str, Any], rows: list[dict[str, Any]], caption: str, by: bool = True) -> Table:
    """Gaps with interval, cases, p, verdict, disposition and number, in the order given; `by` adds what was held the same."""
    titles = [("Question", False), ("Finding", False), ("Gap", True), ("Cases", True), ("p", True), ("Against tolerance", False), _NUMBER]
    columns = [Column(*title) for title in titles]
    if by:
        columns.insert(2, Column("On or by"))
    numbers = _numbers(report)
    return Table(caption, tuple(columns), tuple((*_row(report, row, by), numbers[id(row)]) for row in rows))


_AGAIN = "The fidelity gap asked again. Exploratory: not adjusted for being several"


def again_table(report: dict[str, Any], rows: list[dict[str, Any]], caption: str = _AGAIN) -> Table:
    """One gap per model, asked again under conditions."""
    columns = (Column("Asked again"), Column("Finding"), Column("By which methods"), Column("Gap", True), Column("Cases", True))
    numbers = _numbers(report)
    return Table(caption, (*columns, Column(*_NUMBER)), tuple((*_again(report, row), numbers[id(row)]) for row in rows))


def _numbers(report: dict[str, Any]) -> dict[int, Entry]:
    """{identity of a gap: its place in report.json, where a reader finds it again}."""
    return {id(row): Entry((str(place),), float(place), "quiet") for place, row in enumerate(report["gaps"])}


def _again(report: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    by = chosen(report, row) if row["choices"] is not None else by_methods(report, row)
    return (plain_entry(under(row["condition"])), _finding(report, row), Entry(by), gap_entry(row), _cases(row))


def _row(report: dict[str, Any], row: dict[str, Any], by: bool) -> tuple[Entry, ...]:
    return (
        Entry((f"{row['question']}: ", *metric_link(report, row["metric"]))),
        _finding(report, row),
        *((Entry(_held(report, row)),) if by else ()),
        gap_entry(row),
        _cases(row),
        _p(row),
        _disposition(row),
    )


def _held(report: dict[str, Any], row: dict[str, Any]) -> Text:
    if row["kind"] == "methods":
        return (model_name(report, row["model"]),)
    return (*by_methods(report, row), *((f", {under(row['condition'])}",) if row["condition"] else ()))


def _cases(row: dict[str, Any]) -> Entry:
    return Entry((str(row["gap"]["n"]),), float(row["gap"]["n"]))


def _disposition(row: dict[str, Any]) -> Entry:
    if row["tolerance"] is None:
        return plain_entry(row["disposition"], "quiet")
    accepted = number_text(row["tolerance"])
    if not row["headline"]:  # one method alone, or the question asked again: no disposition to be quoted
        return plain_entry(f"{row['disposition']} ({accepted}), exploratory", "quiet")
    return Entry((Strong(row["disposition"]), f" ({accepted})"))


def _p(row: dict[str, Any]) -> Entry:
    p = row["gap"]["p"] if row["p_adjusted"] is None else row["p_adjusted"]
    silent, weak = row["verdict"] == NO_POWER, bool(undecided(row["gap"]))
    # One that was not tested has no p to be sorted by.
    untested = silent or (row["headline"] and weak)
    return Entry((p_words(row),), None if untested else p, "quiet" if silent or weak or row["p_adjusted"] is None else "")


def _finding(report: dict[str, Any], row: dict[str, Any]) -> Entry:
    named = (row["a"], row["b"]) if row["kind"] == "methods" else (row["explainer"],)
    methods = method_places(report, *(name for each in named for name in each.split(" ~ ")))
    return Entry(_verdict(report, row), None, _TONES[row["verdict"]], methods)  # type: ignore[arg-type]  # the tones are the literals of Entry


def _verdict(report: dict[str, Any], row: dict[str, Any]) -> Text:
    if row["gap"]["estimate"] is None:
        return ("not measured",)
    names = [model_name(report, name) if row["kind"] == "models" else method_title(report, name) for name in (row["a"], row["b"])]
    if row["verdict"] == NO_POWER:
        return (f"{NO_POWER}: ", names[0], " and ", names[1], " are not ranked")
    words = VERDICTS[row["verdict"]]
    return (names[0], f" {words if row['kind'] == 'models' else words.replace('explained', 'explains')} ", names[1])
