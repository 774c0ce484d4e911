"""Section 10: are explanations worse for some people? Skill, gaps and predictions by group, with n."""

from __future__ import annotations

from typing import Any

from xai_compare.compare.slices import FEWEST
from xai_compare.report.blocks import Block, Column, Details, Entry, Heading, Prose, Table, Text
from xai_compare.report.sections import section
from xai_compare.report.verdict import excludes_zero
from xai_compare.report.words import (
    interval_text,
    join,
    method_entry,
    method_title,
    metric_link,
    model_name,
    number_text,
    plain_entry,
    share_text,
    unsigned,
)

__all__ = ["make"]

_READING = (
    f"Each group is held against all other explained cases; groups of fewer than {FEWEST} are not shown. Everything here is exploratory: "
    "intervals are not adjusted for the number of groups, and a difference between groups does not say why there is one."
)


@section("slices", 10, "Slices", "Are explanations worse for some people?")
def make(report: dict[str, Any]) -> list[Block]:
    """For each declared column: fidelity and what else leads, the gaps within groups, and what is predicted for them."""
    rows = report["slices"]
    if not rows:
        return [Prose(("No slices were declared (data.slices in the study).",), "note")]
    blocks: list[Block] = [Prose((_READING,))]
    for column in dict.fromkeys(row["column"] for row in rows):
        own = [row for row in rows if row["column"] == column]
        blocks += [Heading(f"By {column}"), *_of(report, column, own)]
    return blocks


def _of(report: dict[str, Any], column: str, rows: list[dict[str, Any]]) -> list[Block]:
    lead = report["scope"]["lead_method"]
    skills = [row for row in rows if row["kind"] == "skill"]
    blocks: list[Block] = [_finding(report, column, rows)]
    if outcomes := [row for row in rows if row["kind"] in ("predicted", "observed")]:
        what = "Mean prediction" if report["scope"]["task"] == "regression" else f"Share predicted {report['scope']['classes'][-1]}"
        blocks.append(_table(report, f"What is predicted by {column}, beside the explanations", outcomes, what, ("kind", "model")))
    if right := [row for row in rows if row["kind"] == "right"]:
        blocks.append(_table(report, f"How often the prediction is right by {column}", right, "Share right", ("model",)))
    if own := [row for row in skills if row["explainer"] == lead]:
        table = _table(report, f"Skill of {method_title(report, lead)} by {column}", own, "Skill", ("metric", "model"))
        blocks.append(Details(f"Skill of {method_title(report, lead)}", (table,)))
    if others := [row for row in skills if row["explainer"] != lead]:
        table = _table(report, f"Skill of the other methods by {column}", others, "Skill", ("metric", "model", "explainer"))
        blocks.append(Details("Skill of the other methods", (table,)))
    if gaps := [row for row in rows if row["kind"] == "gap"]:
        table = _table(report, f"Gaps between models within groups of {column}", gaps, "Gap", ("metric", "model", "b"))
        blocks.append(Details("Gaps between models", (table,)))
    if hidden := [row["label"] for row in rows if row["kind"] == "suppressed"]:
        blocks.append(Prose((f"Not shown, with fewer than {FEWEST} explained cases: {join(hidden)}.",), "note"))
    return blocks


def _finding(report: dict[str, Any], column: str, rows: list[dict[str, Any]]) -> Prose:
    """Where a slice differs from the rest by more than its interval: in what is said of it, in the lead method's skill, or in a gap."""
    lead = report["scope"]["lead_method"]
    told = [row for row in rows if row["kind"] in _ORDER and (row["kind"] != "skill" or row["explainer"] == lead)]
    found = [row for row in told if excludes_zero(row["difference"])]
    if not any(row["difference"] is not None for row in told):
        return Prose((f"No group of {column} has enough cases in and outside of it to be held against the others.",), "note")
    if not found:
        by = f"by what is predicted, by {method_title(report, lead)} or by the gaps"
        return Prose((f"No group of {column} is told apart from the others, {by}.",))
    once = list({_question(row, len({one["label"] for one in told})): row for row in reversed(found)}.values())
    once.sort(key=lambda row: (_ORDER.index(row["kind"]), -abs(row["difference"]["estimate"])))
    said = [piece for row in once[:_TOLD] for piece in _sentence(report, row)]
    more = f"{len(once) - _TOLD} more are in the tables." if len(once) > _TOLD else ""
    return Prose((*said, more), "finding")


def _question(row: dict[str, Any], groups: int) -> tuple[Any, ...]:
    """What a row asks: with two groups the second is the mirror of the first, and told once."""
    return tuple(row[key] for key in ("kind", "metric", "model", "explainer", "b", *(("label",) if groups > 2 else ())))


def _sentence(report: dict[str, Any], row: dict[str, Any]) -> Text:
    titles = {metric["name"]: metric["title"] for metric in report["metrics"]}
    size, classes = interval_text(unsigned(row["difference"])), report["scope"]["task"] == "classification"
    share = (share_text if classes else number_text)(row["value"]["estimate"])
    up = row["difference"]["estimate"] > 0
    if row["kind"] == "predicted":
        what, more = _predicts(report), "more" if up else "less"
        return (model_name(report, row["model"]), f" {what} {share} for {row['label']}, {size} {more} than for the others. ")
    if row["kind"] == "right":
        often = "more" if up else "less"
        return (model_name(report, row["model"]), f" is right for {share} of {row['label']}, {size} {often} than of the others. ")
    if row["kind"] == "observed":
        if not classes:
            return (f"The mean outcome of {row['label']} is {share}, {size} {'above' if up else 'below'} the others'. ",)
        known, more = report["scope"]["classes"][-1], "more" if up else "less"
        return (f"Of {row['label']} a share of {share} is {known}, {size} {more} than of the others. ",)
    what = "is" if row["kind"] == "skill" else f"against {row['b']} has a gap"
    way = "above" if up else "below"
    return (
        f"For {row['label']} the {titles[row['metric']].lower()} of ",
        model_name(report, row["model"]),
        f" {what} {size} {way} the others'. ",
    )


def _predicts(report: dict[str, Any]) -> str:
    return "predicts on average" if report["scope"]["task"] == "regression" else f"predicts {report['scope']['classes'][-1]} in a share of"


_ORDER = ("predicted", "right", "observed", "skill", "gap")
"""What is told first where groups differ: what a model does to people before how it is explained."""

_TOLD = 4
_TITLES = {"metric": "Metric", "model": "Model", "explainer": "Method", "b": "Against", "kind": "What"}


def _table(report: dict[str, Any], caption: str, rows: list[dict[str, Any]], what: str, named: tuple[str, ...]) -> Table:
    columns = (
        *(Column(_TITLES[key]) for key in named),
        Column("Group"),
        Column("Cases", numeric=True),
        Column(what, numeric=True),
        Column("Difference from the others", numeric=True),
    )
    places = {key: list(dict.fromkeys(row[key] for row in rows)) for key in named}
    ordered = sorted(rows, key=lambda row: [places[key].index(row[key]) for key in named])  # the groups of one model below each other
    return Table(f"{caption}. Exploratory", columns, tuple(_line(report, row, named) for row in ordered))


def _line(report: dict[str, Any], row: dict[str, Any], named: tuple[str, ...]) -> tuple[Entry, ...]:
    numbers = tuple(
        Entry(("too few others",)) if one is None else Entry((interval_text(one),), one["estimate"])
        for one in (row["value"], row["difference"])
    )
    count = Entry((str(row["value"]["n"]),), row["value"]["n"])
    return *(_named(report, key, row[key]) for key in named), plain_entry(row["label"]), count, *numbers


def _named(report: dict[str, Any], key: str, name: str) -> Entry:
    if key == "metric":
        return Entry(tuple(metric_link(report, name)))
    if key == "explainer":
        return method_entry(report, name) if name else plain_entry("each model's best")
    if key == "kind":
        return plain_entry({"predicted": "predicted", "observed": "known outcome"}[name])
    return plain_entry(model_name(report, name)) if name else plain_entry("")
