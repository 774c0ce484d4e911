"""What is known of a table's columns: what moves together, rows that come again, and each feature in a row of a table."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Entry, Prose, Table
from xai_compare.report.words import MINUS, count, fixed, join, plain_entry

__all__ = ["features", "rows_told", "together"]

_NAMED = 3  # pairs, or features, that a sentence names
_CHANCE = 0.05  # a difference of training and test rows is no chance below this, over all features
_SHORT = {"Kolmogorov-Smirnov": "KS", "total variation": "TV"}


def together(report: dict[str, Any]) -> list[Block]:
    """Which features move together, and what follows for whoever reads their shares."""
    told = report["scope"]["together"]
    if told is None or len(report["scope"]["features"]) < 2:
        return []
    if told["reason"]:
        return [Prose((f"Which features move together is not known: {told['reason']}.",), "note")]
    alone = f" {join(told['left_out'])}, of several columns, {_are(told['left_out'], 'is', 'are')} not paired." if told["left_out"] else ""
    if not told["pairs"]:
        said = f"No two features move together: no pair has an association above {told['above']:g} on {told['rows']:,} rows."
        return [Prose((said + alone,), "note")]
    said = (
        f"These features move together: {_pairs(told)}. Hiding one of them alone can make rows that hardly occur. "
        "Read their shares together, or make one feature of them (data.groups)."
    )
    return [Prose((said + alone,))]


def _pairs(told: dict[str, Any]) -> str:
    named = [f"{pair['a']} and {pair['b']} ({pair['measure']} {_strength(pair['value'])})" for pair in told["pairs"][:_NAMED]]
    more = told["found"] - len(named)
    if more:
        return f"{', '.join(named)}, and {count(more, 'more pair')}"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])}, and {named[-1]}"


def _strength(value: float) -> str:
    """To two decimals; what is not 1 does not seem to be."""
    shown = fixed(value, 2)
    return shown if abs(value) == 1 or not shown.endswith("1.00") else ">0.99" if value > 0 else f"<{fixed(-0.99, 2)}"


def rows_told(report: dict[str, Any]) -> list[Block]:
    """Missing values, rows that come again, and what tells training from test rows. A test row that was trained on is a finding."""
    rows = report["scope"]["rows"]
    if rows is None:
        return []
    of = "rows" if rows["training"] else "test rows"
    repeats = f"{count(rows['repeated'], 'row repeats', 'rows repeat')} an earlier one" if rows["repeated"] else "no row stands twice"
    said = f"Of {rows['rows']:,} {of} {_missing(report)}, and {repeats}; {_apart(report)}."
    blocks: list[Block] = [Prose((said,), "note")]
    if rows["known"]:
        seen = f"{count(rows['known'], 'test row is', 'test rows are')} the same as a training row, target and all"
        blocks.insert(0, Prose((f"Look at the rows first: {seen}. What a model says there may be remembered.",), "finding"))
    return blocks


def _missing(report: dict[str, Any]) -> str:
    lacking = sorted((one for one in report["scope"]["features"] if one["missing"]), key=lambda one: -one["missing"])
    if not lacking:
        return "none lacks a value"
    named = join([f"{one['name']} ({_share(one['missing'])})" for one in lacking[:_NAMED]])
    return f"some lack a value of {named}{_more(lacking)}"


def _apart(report: dict[str, Any]) -> str:
    """The features in which training and test rows differ by more than chance, over all features; else the largest difference."""
    sides = "training and test rows" if report["scope"]["rows"]["training"] else "background and test rows"
    found = sorted((one for one in report["scope"]["features"] if one["distance"]), key=lambda one: -one["distance"]["value"])
    if not found or not found[0]["distance"]["value"]:
        return f"{sides} do not differ in any feature"
    clear = [one for one in found if one["distance"]["p"] is not None and one["distance"]["p"] * len(found) < _CHANCE]
    if not clear:
        return f"the largest difference of {sides}, that of {_named(found[0])}, is no more than chance makes"
    return f"{sides} differ by more than chance in {join([_named(one) for one in clear[:_NAMED]])}{_more(clear)}"


def _named(one: dict[str, Any]) -> str:
    return f"{one['name']} ({_SHORT[one['distance']['measure']]} {fixed(one['distance']['value'], 2)})"


def _more(found: list[dict[str, Any]]) -> str:
    return f" and {count(len(found) - _NAMED, 'more feature')}" if len(found) > _NAMED else ""


def _are(names: list[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many


def features(report: dict[str, Any]) -> Table:
    """A row for each feature; of what is no table its name and kind."""
    rows, known = report["scope"]["rows"], report["scope"]["features"]
    titles = [Column("Feature"), Column("Kind")]
    if rows is None:
        entries = tuple((plain_entry(one["name"]), plain_entry(one["kind"])) for one in known)
        return Table("Features, as they are named in the data", tuple(titles), entries)
    sides = "training and test rows" if rows["training"] else "background and test rows"
    whose = "the training and the test rows" if rows["training"] else "the test rows"
    titles += [Column("Missing", numeric=True), Column("Different values", numeric=True), Column("Quartiles, or the commonest level")]
    caption = (
        f"Features, as they are named in the data, over {whose}. The distance of {sides} is 0 where both are alike: Kolmogorov-Smirnov "
        "(KS) for numbers, 1 where all of one side lie above those of the other; total variation (TV) for levels, 1 where none is in both"
    )
    return Table(caption, (*titles, Column("Distance", numeric=True)), tuple(_row(one) for one in known))


def _row(one: dict[str, Any]) -> tuple[Entry, ...]:
    none, distance = Entry(("none",), None, "quiet"), one["distance"]
    return (
        plain_entry(one["name"]),
        plain_entry(one["kind"]),
        none if one["missing"] is None else Entry((_share(one["missing"]),), one["missing"]),
        none if one["distinct"] is None else Entry((f"{one['distinct']:,}",), one["distinct"]),
        _middle(one) or none,
        none if distance is None else Entry((f"{_SHORT[distance['measure']]} {fixed(distance['value'], 2)}",), distance["value"]),
    )


def _middle(one: dict[str, Any]) -> Entry | None:
    """The quartiles of a number; the largest share of a category, with its level where that may be told."""
    if one["quartiles"] is not None:
        return plain_entry("; ".join(f"{value:.6g}".replace("-", MINUS) for value in one["quartiles"]))
    most = one["most_frequent"]
    if most is None:
        return None
    return plain_entry(_share(most["share"]) if most["level"] is None else f"{most['level']} ({_share(most['share'])})")


def _share(value: float) -> str:
    """A share as a percentage; a small one is not none."""
    return "<1\u00a0%" if 0 < value < 0.005 else f"{fixed(100 * value, 0)}\u00a0%"
