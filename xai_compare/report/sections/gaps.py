"""Section 3: differences of skill between models and between methods, with what noise alone would do."""

from __future__ import annotations

from typing import Any

from xai_compare.report.asked import answer, under
from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Piece, Prose, Table
from xai_compare.report.canvas import Span, label
from xai_compare.report.charts import Gap, forest
from xai_compare.report.coherent import SAME
from xai_compare.report.sections import section
from xai_compare.report.sections._gaps import gap_table, pairing_text
from xai_compare.report.sections._scores import powerless
from xai_compare.report.words import (
    NO_POWER,
    count,
    gap_text,
    interval_entry,
    level,
    method_entry,
    metric_link,
    model_name,
    number_entry,
    number_text,
    plain_entry,
    shown_name,
    undecided,
)

__all__ = ["make"]

_LONGEST = 36
_ROOM = 36  # characters of a line's label
_FEW = "few differing cases"


@section("gaps", 3, "Gaps", "Which gaps exceed noise?")
def make(report: dict[str, Any]) -> list[Block]:
    """Forest plot of the lead metrics' gaps between models, then every gap as a table."""
    between = [row for row in report["gaps"] if row["kind"] == "models"]
    methods = [row for row in report["gaps"] if row["kind"] == "methods"]
    reading = (
        "A gap is a difference of skill on the same cases; above 0 the first of the two is explained better, "
        f"also for metrics where a lower score is better. Intervals are at {level(report)}. "
        "A p marked Holm is corrected for the number of headline gaps; one marked exploratory is not, and some of those are small by luck."
    )
    if any(row["pairing"] == "best_method" for row in between):
        reading += " A model's best method is chosen on one half of the cases and scored on the other, and the reverse."
    blocks: list[Block] = [Prose((reading,)), *_forest(report, between), *_changed(report, between), *_spread(report)]
    if between:
        blocks.append(
            Details(
                "Every gap between models",
                (gap_table(report, between, "Gaps between models, first minus second, in skill (higher is better explained)"),),
            )
        )
    if methods:
        blocks.append(
            Details(
                "Every gap between methods on one model",
                (gap_table(report, methods, "Gaps between methods, first minus second, in skill (higher explains better)"),),
            )
        )
    blocks += _skills(report)
    return blocks if between or methods else [Prose(("No gap was computed.",), "note")]


def _changed(report: dict[str, Any], between: list[dict[str, Any]]) -> list[Block]:
    """Which headline findings are others under a condition, in one line; fidelity's are told in the verdict too."""
    headlines = {tuple(row[key] for key in SAME): row for row in between if row["headline"]}
    asked = [(headlines.get(tuple(row[key] for key in SAME)), row) for row in between if row["condition"]]
    pairs = [(own, row) for own, row in asked if own is not None]
    if not pairs:
        return []
    unlike = [(own, row) for own, row in pairs if answer(own, row) != "same"]
    told = f"{count(len(pairs), 'answer')} to headline questions asked again, on another scale, with another fill or on other cases, "
    told += "stand in the tables below; "
    if not unlike:
        return [Prose((told + "each of them says the same. Single methods are the open circles above.",), "note")]
    pieces: list[Piece] = [told + "other than the headline: "]
    for place, (own, row) in enumerate(unlike):
        words = {"reversed": "the order is reversed", "not measured": "not measured", "found": f"{row['verdict']} than the reference"}
        said = words.get(answer(own, row), row["verdict"])
        before = f"{'; ' if place else ''}{row['question']} of "
        pieces += [
            before,
            model_name(report, row["a"]),
            f" {under(row['condition'], row['gap']['n'])} ({said})",
        ]
    return [Prose((*pieces, "."), "note")]


_DRAWN = {"background draw": "other background rows", "training seed": "other trainings"}


def _spread(report: dict[str, Any]) -> list[Block]:
    """What the intervals take as given: how far the headline gap moves with other background rows and other trainings."""
    if not report["spread"]:
        return []
    columns = [Column("Model"), Column("Against"), Column("Over"), Column("Gaps, the study's own first", True)]
    columns += [Column("Standard deviation", True), Column("All intervals reach", True)]
    rows = tuple(
        (
            plain_entry(model_name(report, row["a"])),
            plain_entry(model_name(report, row["b"])),
            plain_entry(_DRAWN[row["what"]]),
            plain_entry(", ".join(map(number_text, row["estimates"]))),
            number_entry(row["deviation"]),
            plain_entry("no interval" if row["lowest"] is None else f"{number_text(row['lowest'])} to {number_text(row['highest'])}"),
        )
        for row in report["spread"]
    )
    caption = "The fidelity gap over draws of what its interval takes as given: background rows, and the seed of the training"
    return [Table(caption, tuple(columns), rows)]


def _forest(report: dict[str, Any], between: list[dict[str, Any]]) -> list[Block]:
    lead = {metric["name"] for metric in report["metrics"] if metric["lead"]}
    asked = [row for row in between if not row["condition"] and (row["metric"] in lead or row["headline"])]
    rows = [row for row in asked if Span.of(row["gap"])]
    questions = list(dict.fromkeys(row["question"] for row in rows))
    rows.sort(key=lambda row: (questions.index(row["question"]), not row["headline"]))
    shown = rows[:_LONGEST]
    if not shown:
        return [Prose(("No gap between models was measured on a lead metric.",), "note")]
    drawing = forest([_line(report, row) for row in shown], level(report))
    spoken = "; ".join(_spoken(report, row) for row in shown if row["headline"]) or "None of them is a gap of the verdict"
    alt = f"Forest plot of {len(shown)} gaps between models about a zero line, by question. {spoken}."
    caption = (
        "Gaps by question against the reference, lead metrics only. "
        "Filled diamonds are the gaps of the verdict, open circles the others (exploratory)"
    )
    if any(row["tolerance"] is not None for row in shown):
        caption += "; the grey band is the tolerance of the study"
    if any(_flag(row) == _FEW for row in shown):
        caption += "; dotted lines rest on few differing cases and decide nothing"
    if any(_flag(row) == NO_POWER for row in shown):
        caption += "; grey lines are of metrics that tell no method from the control and rank nothing"
    if len(rows) > len(shown):
        caption += f"; {len(rows) - len(shown)} more are in the table"
    table = gap_table(report, shown, "The same gaps in numbers, in skill: higher is better explained")
    return [Figure("gaps", drawing, alt, caption + ".", table)]


def _spoken(report: dict[str, Any], row: dict[str, Any]) -> str:
    return f"{row['question']}, {row['a']} minus {row['b']} by {pairing_text(report, row)}: {gap_text(row['gap'])}"


def _line(report: dict[str, Any], row: dict[str, Any]) -> Gap:
    span = Span.of(row["gap"])
    if span is None:
        raise ValueError(f"the gap of {row['a']} and {row['b']} on {row['metric']} was not measured")
    by = "best method" if row["pairing"] == "best_method" else pairing_text(report, row)
    name = label(shown_name(report, row["a"]), 18)
    words = f"{name}, {label(by, _ROOM - len(name) - 2)}"
    strong = row["headline"] and row["verdict"] != NO_POWER
    return Gap(row["question"], words, model_name(report, row["a"]).colour, span, row["tolerance"], strong, _flag(row))


def _flag(row: dict[str, Any]) -> str:
    """What a figure says of a gap with an interval that decides nothing; one without an interval says so by itself."""
    if row["verdict"] == NO_POWER:
        return NO_POWER
    return _FEW if undecided(row["gap"]) and row["gap"]["low"] is not None else ""


def _skills(report: dict[str, Any]) -> list[Block]:
    """What the gaps are differences of: every score with its chance level, ceiling and skill."""
    rows = [row for row in report["skills"] if not row["part"]]
    if not rows:
        return []
    titles = ("Score", "Chance", "Ceiling", "Skill", "Cases")
    columns = (Column("Metric"), Column("Model"), Column("Method"), *(Column(title, numeric=True) for title in titles))
    entries = tuple(_skill(report, row) for row in rows)
    caption = "Every mean score. Skill is (score - chance) / (ceiling - chance); intervals are exploratory"
    return [Details("Every score and skill", (Table(caption, columns, entries),))]


def _skill(report: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    return (
        Entry(metric_link(report, row["metric"])),
        plain_entry(model_name(report, row["model"])),
        method_entry(report, row["explainer"]),
        interval_entry(row["value"]),
        number_entry(row["chance"]),
        number_entry(row["ceiling"]),
        interval_entry(row["skill"], "has none", "quiet" if powerless(report, row["model"], row["metric"]) else ""),
        Entry((str(row["value"]["n"]),), row["value"]["n"]),
    )
