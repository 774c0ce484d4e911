"""The table of gaps, shared by the verdict and its own section."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Column, Entry, Strong, Table, Text
from xai_compare.report.words import (
    VERDICTS,
    gap_entry,
    method_title,
    metric_link,
    model_name,
    number_text,
    p_words,
    plain_entry,
    undecided,
)

__all__ = ["gap_table", "pairing_text"]

_TONES = {"better": "good", "worse": "bad", "cannot be told apart": ""}
_PAIRINGS = {"best_method": "each model's best method", "same_method": "the same method"}


def pairing_text(report: dict[str, Any], row: dict[str, Any]) -> str:
    """Which methods stand behind a gap, in words."""
    known = {method["name"] for method in report["methods"]}
    by = method_title(report, row["explainer"]) if row["explainer"] in known or " ~ " in row["explainer"] else row["explainer"]
    if row["pairing"] == "same_method":
        return by or _PAIRINGS["same_method"]
    said = _PAIRINGS.get(row["pairing"], row["pairing"].replace("_", " "))
    return f"{said} ({by})" if by and by != row["pairing"] else said


def gap_table(report: dict[str, Any], rows: list[dict[str, Any]], caption: str, by: bool = True) -> Table:
    """Gaps with interval, cases, p, verdict and disposition, in the order given; `by` adds what was held the same."""
    titles = [("Question", False), ("Finding", False), ("Gap", True), ("Cases", True), ("p", True), ("Against tolerance", False)]
    columns = [Column(*title) for title in titles]
    if by:
        columns.insert(2, Column("On or by"))
    return Table(caption, tuple(columns), tuple(_row(report, row, by) for row in rows))


def _row(report: dict[str, Any], row: dict[str, Any], by: bool) -> tuple[Entry, ...]:
    where = pairing_text(report, row) if row["kind"] == "models" else model_name(report, row["model"])
    return (
        Entry((f"{row['question']}: ", *metric_link(report, row["metric"]))),
        Entry(_verdict(report, row), None, _TONES[row["verdict"]]),  # type: ignore[arg-type]  # the tones are the literals of Entry
        *((plain_entry(where),) if by else ()),
        gap_entry(row),
        Entry((str(row["gap"]["n"]),), float(row["gap"]["n"])),
        _p(row),
        _disposition(row),
    )


def _disposition(row: dict[str, Any]) -> Entry:
    if row["tolerance"] is None:
        return plain_entry(row["disposition"], "quiet")
    return Entry((Strong(row["disposition"]), f" ({number_text(row['tolerance'])})"))


def _p(row: dict[str, Any]) -> Entry:
    p = row["gap"]["p"] if row["p_adjusted"] is None else row["p_adjusted"]
    quiet = row["p_adjusted"] is None or bool(undecided(row["gap"]))
    # One that was not tested has no p to be sorted by.
    return Entry((p_words(row),), None if row["headline"] and undecided(row["gap"]) else p, "quiet" if quiet else "")


def _verdict(report: dict[str, Any], row: dict[str, Any]) -> Text:
    if row["gap"]["estimate"] is None:
        return ("not measured",)
    names = [model_name(report, name) if row["kind"] == "models" else method_title(report, name) for name in (row["a"], row["b"])]
    words = VERDICTS[row["verdict"]]
    return (names[0], f" {words if row['kind'] == 'models' else words.replace('explained', 'explains')} ", names[1])
