"""How well the models predict, in sentences, and what those of two classes decide at their threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.report.made import HOSTILE, Made, made
from tests.report.test_again import words
from tests.report.test_measured import blocks, table
from tests.report.test_render import html_of
from xai_compare import report as reports
from xai_compare.compare import Interval, PerformanceRow
from xai_compare.report.blocks import Figure, Heading, Prose

RESAMPLED = "resampled predictions"


def sentences(source: Made) -> list[str]:
    """The paragraphs before the first figure."""
    found = blocks(source, "performance")
    before = found[: next(place for place, block in enumerate(found) if isinstance(block, Figure))]
    return [words(block.pieces) for block in before if isinstance(block, Prose)]


def changed(source: Made, model: str, score: str, split: str = "test", **changes: Any) -> Made:
    """The same run with one row of performance changed."""
    rows = tuple(
        replace(row, **changes) if (row.model, row.score, row.split) == (model, score, split) else row
        for row in source.comparison.performance
    )
    assert rows != source.comparison.performance
    return replace(source, comparison=replace(source.comparison, performance=rows))


def gap(estimate: float, half: float = 0.01) -> Interval:
    return Interval(estimate, estimate - half, estimate + half, 171, RESAMPLED, 0.01)


def test_no_score_tells_models_apart() -> None:
    assert sentences(made())[0] == "No score in the figure tells forest or network apart from logistic."


def test_a_score_that_tells_a_model_apart_is_named_with_its_numbers() -> None:
    source = changed(made(), "forest", "F1", value=gap(0.5, 0.05), difference=gap(-0.12))
    told = sentences(source)[0]
    assert told.startswith(
        "By F1 forest is worse than logistic: 0.50 against 0.62 (difference \u22120.12 [\u22120.13, \u22120.11]); "
        "no other score in the figure tells the two apart. No score in the figure tells network apart from logistic."
    )
    assert told.endswith("Intervals are not adjusted for how many scores there are.")


def test_a_lower_error_is_better_and_the_usual_score_comes_first() -> None:
    source = made()
    for score, change in (("Brier", -0.05), ("F1", 0.04), ("ROC-AUC", 0.02)):
        source = changed(source, "network", score, difference=gap(change))
    told = sentences(source)[0]
    assert told.startswith("By ROC-AUC, F1 and Brier network is better than logistic: ROC-AUC 0.80 against 0.79 (difference 0.02 ")
    assert "no other score" not in told  # there is none
    mixed = sentences(changed(source, "network", "Brier", difference=gap(0.05)))[0]
    assert "By ROC-AUC and F1 network is better than logistic: " in mixed
    assert "; by Brier it is worse: 0.17 against 0.17 (difference 0.05 " in mixed
    unlike = sentences(changed(source, "network", "Brier", better="none"))[0]
    assert "; by Brier it is unlike: " in unlike


def test_what_was_not_measured_is_in_no_sentence() -> None:
    source = made()
    for score in ("ROC-AUC", "F1", "Brier"):
        source = changed(source, "forest", score, difference=Interval(None, None, None, 171, "undefined"))
    assert sentences(source)[0] == "No score in the figure tells network apart from logistic."


def test_models_that_do_better_on_the_rows_they_were_trained_on() -> None:
    source = made()
    assert sentences(source)[1].startswith("On the rows they were trained on, logistic scores 0.04 [0.01, 0.07], forest 0.04 ")
    assert sentences(source)[1].endswith(" higher (ROC-AUC) than on others.")
    for model in ("logistic", "network"):
        source = changed(source, model, "ROC-AUC", "train - test", value=gap(0.01, 0.02))
    assert sentences(source)[1] == (
        "On the rows it was trained on, forest scores 0.04 [0.01, 0.07] higher (ROC-AUC) than on others. "
        "For logistic and network the difference cannot be told from 0."
    )
    lower = changed(source, "forest", "ROC-AUC", "train - test", value=gap(-0.05))
    assert "forest scores 0.05 [0.04, 0.06] lower (ROC-AUC)" in sentences(lower)[1]
    alike = changed(source, "forest", "ROC-AUC", "train - test", value=gap(0.0))
    assert sentences(alike)[1] == "By ROC-AUC no model is told apart between the rows it was trained on and others."


def decided(source: Made, whose: str = "bad", called: bool = True) -> Made:
    """The same run with the decisions of three models, of which forest calls few; `called` or, for network, none at all."""
    rows, bad = [], whose
    for place, model in enumerate(source.results.models):
        for score, better, level, step in (
            ("precision", "higher", 0.6, 0.0),
            ("prevalence", "none", 0.3, 0.0),
            ("recall", "higher", 0.55, -0.2),
            ("share called", "none", 0.28, -0.1),
        ):
            there = place == 1
            value = gap(level + step * there, 0.05)
            difference = None if place == 0 else gap(step * there, 0.02)
            if not called and place == 2 and score == "precision":
                value = difference = Interval(None, None, None, 171, "undefined on these rows: the model calls none of them so")
            rows.append(PerformanceRow(model.name, f"{score} ({bad})", "test", better, value, difference))  # type: ignore[arg-type]
            rows.append(PerformanceRow(model.name, f"{score} ({bad})", "train - test", "none", gap(0.2), None))
    performance = (*source.comparison.performance, *rows)
    return replace(source, comparison=replace(source.comparison, performance=performance))


def test_decisions_stand_in_a_table_of_their_own() -> None:
    source = decided(made())
    rows = table(source, "performance", "What the models decide")
    assert [row[0] for row in rows] == [
        *["Called 'bad'"] * 3,
        *["Recall (higher is better)"] * 3,
        *["Precision (higher is better)"] * 3,
    ]
    assert rows[0][1:] == ["logistic", "0.28 [0.23, 0.33]", "is the reference"]
    assert rows[1][1:] == ["forest", "0.18 [0.13, 0.23]", "\u22120.10 [\u22120.12, \u22120.08]"]
    assert rows[4][1:] == ["forest", "0.35 [0.30, 0.40]", "\u22120.20 [\u22120.22, \u22120.18]"]
    found = blocks(source, "performance")
    (place,) = [place for place, block in enumerate(found) if isinstance(block, Heading) and block.text == "What the models decide"]
    prose = found[place + 1]
    assert isinstance(prose, Prose)
    assert words(prose.pieces).startswith(
        "Of the 171 test rows a share of 0.30 [0.25, 0.35] is 'bad'. forest calls fewer of them 'bad' than logistic: "
        "0.18 against 0.28 (difference \u22120.10 [\u22120.12, \u22120.08]). Recall: "
    )
    assert "network" not in words(prose.pieces)
    reports.validate(reports.build(source.results, source.comparison))


def test_decisions_change_nothing_else() -> None:
    """Not the verdict, the sentences, the figure with its table, nor who is ahead."""
    before, after = made(), decided(made())
    assert sentences(after) == sentences(before)
    old, new = (reports.build(one.results, one.comparison) for one in (before, after))
    assert new["verdict"] == old["verdict"]
    for section in ("choosing", "verdict"):
        assert blocks(after, section) == blocks(before, section)
    pictures = [[block for block in blocks(one, "performance") if isinstance(block, Figure)] for one in (before, after)]
    assert pictures[0] == pictures[1]


def test_a_precision_that_is_undefined_says_why() -> None:
    rows = table(decided(made(), called=False), "performance", "What the models decide")
    assert rows[8][2:] == ["not measured (undefined on these rows: the model calls none of them so)"] * 2


@pytest.mark.parametrize("score", ["recall (macro)", "precision", "prevalence"])
def test_a_score_of_that_name_without_a_class_that_counts_is_a_score_like_any_other(score: str) -> None:
    source = made()
    rows = tuple(replace(row, score=score) if row.score == "Brier" else row for row in source.comparison.performance)
    other = replace(source, comparison=replace(source.comparison, performance=rows))
    assert not [block for block in blocks(other, "performance") if isinstance(block, Heading)]
    assert any(row[0].startswith(score) for row in table(other, "performance", "Prediction quality"))


def test_a_class_of_a_hostile_name_is_shown_as_it_is() -> None:
    page = html_of(decided(made(hostile=True), f"bad{HOSTILE}"))
    assert "What the models decide" in page
    assert "<img src=x" not in page
