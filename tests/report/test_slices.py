"""Section 10 and the spread of section 3: what is said of groups, and how far a gap moves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.report.made import made
from xai_compare import report
from xai_compare.report.blocks import Block, Details, Heading, Prose, Table
from xai_compare.report.sections import SECTIONS


@cache
def built(task: str = "classification") -> dict[str, Any]:
    source = made(task=task)
    return report.build(source.results, source.comparison)


def blocks(name: str, found: dict[str, Any] | None = None) -> list[Block]:
    return list(SECTIONS[name].make(found or built()))


def text(block: Any) -> str:
    return "".join(str(getattr(piece, "text", piece)) for piece in block.pieces)


def tables(found: list[Block]) -> list[Table]:
    inner = [block for one in found if isinstance(one, Details) for block in one.blocks]
    return [block for block in [*found, *inner] if isinstance(block, Table)]


def cell(entry: Any) -> str:
    return "".join(str(getattr(piece, "text", piece)) for piece in entry.pieces)


def test_a_group_that_differs_is_named_with_how_much() -> None:
    said = [text(block) for block in blocks("slices") if isinstance(block, Prose) and block.kind == "finding"]
    assert len(said) == 1
    told = said[0].replace("\u00a0", " ")
    assert told.startswith("forest predicts bad in a share of 0.40 for under 30, 0.20 [0.15, 0.25] less than for the others. ")
    assert "For under 30 the additive fit of forest is 0.20 [0.15, 0.25] below the others'." in told
    assert "30 to under 80" not in told  # of two groups the second is the mirror of the first
    assert "logistic" not in told


def test_each_column_has_a_heading_and_small_groups_are_named_only() -> None:
    found = blocks("slices")
    assert [block.text for block in found if isinstance(block, Heading)] == ["By age"]
    notes = [text(block) for block in found if isinstance(block, Prose) and block.kind == "note"]
    assert notes == ["Not shown, with fewer than 30 explained cases: 80 and over."]


def test_groups_of_one_model_stand_below_each_other_with_their_cases() -> None:
    first = next(table for table in tables(blocks("slices")) if table.caption.startswith("Skill of SHAP"))
    assert [column.title for column in first.columns] == ["Metric", "Model", "Group", "Cases", "Skill", "Difference from the others"]
    rows = [[cell(entry) for entry in row] for row in first.rows]
    assert [row[2] for row in rows] == ["under 30", "30 to under 80"] * 3
    assert {row[3] for row in rows} == {"35"}


@pytest.mark.parametrize(("task", "what"), [("classification", "Share predicted bad"), ("regression", "Mean prediction")])
def test_what_is_predicted_stands_beside_it(task: str, what: str) -> None:
    titles = [column.title for table in tables(blocks("slices", built(task))) for column in table.columns]
    assert what in titles


def test_without_others_there_is_no_difference() -> None:
    gaps = next(table for table in tables(blocks("slices")) if "Gaps" in table.caption)
    assert {cell(row[-1]) for row in gaps.rows} == {"too few others"}


def test_without_slices_one_line_says_so() -> None:
    assert [text(block) for block in blocks("slices", {**built(), "slices": []})] == ["No slices were declared (data.slices in the study)."]


def test_the_spread_of_a_gap_is_a_table_with_the_studys_own_first() -> None:
    table = next(block for block in blocks("gaps") if isinstance(block, Table) and "over draws" in block.caption)
    rows = [[cell(entry) for entry in row] for row in table.rows]
    assert rows[0][:3] == ["forest", "logistic", "other background rows"]
    assert rows[0][3].replace("\u2212", "-") == "-0.10, -0.12, -0.09, -0.11"
    assert rows[1][2] == "other trainings"
    assert rows[1][-1] == "no interval"
    assert not any(isinstance(block, Table) and "over draws" in block.caption for block in blocks("gaps", {**built(), "spread": []}))


def test_they_go_through_the_schema() -> None:
    report.validate(built())
    source = made()
    report.validate(report.build(source.results, replace(source.comparison, slices=(), spread=())))
