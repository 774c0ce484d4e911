"""The gap asked again: on another scale, with another fill, on other cases. What the first sentences say of it, and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.report.made import HOSTILE, Made, made, with_answer, with_gap
from xai_compare import report
from xai_compare.compare import Interval
from xai_compare.report.asked import by_methods, supposing, under
from xai_compare.report.blocks import Block, Figure, Piece, Prose, Table
from xai_compare.report.sections import SECTIONS
from xai_compare.report.words import gap_parts

MADE = made()
CONDITIONS = ("predictions agree", "probability", "reference")


def blocks(source: Made, section: str = "verdict") -> Sequence[Block]:
    return SECTIONS[section].make(report.build(source.results, source.comparison))


def words(pieces: Sequence[Piece]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces).replace("\u00a0", " ")


def said(source: Made, kind: str = "finding", section: str = "verdict") -> str:
    return "\n".join(words(block.pieces) for block in blocks(source, section) if isinstance(block, Prose) and block.kind == kind)


def table(source: Made, caption: str, section: str = "verdict") -> list[list[str]]:
    (found,) = [block for block in blocks(source, section) if isinstance(block, Table) and block.caption.startswith(caption)]
    return [[words(entry.pieces) for entry in row] for row in found.rows]


def only(source: Made, model: str) -> Made:
    """The study of the reference and one other model."""
    names = {source.results.reference, model}
    results = replace(source.results, models=tuple(m for m in source.results.models if m.name in names))
    gaps = tuple(row for row in source.comparison.gaps if {row.model or row.a} <= names)
    skills = tuple(row for row in source.comparison.skills if row.model in names)
    return replace(source, results=results, comparison=replace(source.comparison, gaps=gaps, skills=skills))


# ---- by which methods


BOTH = ("shap", "shap")
TELLS = "a list of features tells"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (
            (BOTH, BOTH),
            f"by each model's best method (SHAP for both) {TELLS} 0.90 of what moves its output, against 1.00; ",
        ),
        (
            (("lime", "lime"), BOTH),
            f"(LIME for forest, SHAP for logistic) {TELLS} 0.85 of what moves its output, against 1.00; ",
        ),
        (
            (("lime", "shap"), BOTH),
            "(LIME and SHAP, each on one half of the cases, for forest; SHAP for logistic) "
            "a list of features tells 0.90 (SHAP on all cases) of what moves its output, against 1.00; ",
        ),
        (
            (BOTH, ("shap", "lime")),
            "(SHAP for forest; SHAP and LIME, each on one half of the cases, for logistic) "
            "a list of features tells 0.90 of what moves its output, against 1.00 (SHAP on all cases); ",
        ),
    ],
)
def test_the_sentence_names_the_methods_that_were_chosen(choices: Any, expected: str) -> None:
    assert expected in said(with_gap(made(), 0, choices=choices))


def test_without_shares_the_sentence_still_names_the_methods() -> None:
    source = made()
    rows = tuple(row for row in source.comparison.skills if row.metric != "additive_fit")
    found = said(replace(source, comparison=replace(source.comparison, skills=rows)))
    assert "less than logistic: by each model's best method (SHAP for both) corrected for chance the gap is" in found
    assert "a list of features tells" not in found


def test_a_gap_by_one_method_says_which() -> None:
    source = made()
    rows = tuple(row for row in source.comparison.gaps if row.pairing != "best_method")
    found = said(replace(source, comparison=replace(source.comparison, gaps=rows)))
    assert "forest can be explained less than logistic: by SHAP a list of features tells 0.90" in found


def test_other_pairings_keep_their_words() -> None:
    found = report.build(MADE.results, MADE.comparison)
    row = {**found["gaps"][0], "choices": None}
    assert by_methods(found, row) == ("each model's best method",)
    assert by_methods(found, {**row, "pairing": "same_method", "explainer": "all signed methods"}) == ("all signed methods",)
    assert by_methods(found, {**row, "pairing": "same_method", "explainer": ""}) == ("the same method",)


# ---- under which condition


def test_where_all_agree_one_quiet_sentence_says_so() -> None:
    source = made()
    note = said(source, "note")
    assert (
        "For forest the same holds on the probability scale, with the reference fill, and on the 36 cases where the models predict" in note
    )
    assert "For network the same holds" in note
    assert "; but" not in said(source)
    alone = said(only(source, "network"), "note")
    assert "The same holds on the probability scale, with the reference fill, and on the 36 cases where the models predict alike." in alone


def test_a_regression_has_one_condition() -> None:
    assert "For forest the same holds with the reference fill." in said(made("regression"), "note")


SUPPOSING = {
    "probability": "on the probability scale",
    "reference": "if hidden features take the median and most frequent value instead of the background's values,",
    "predictions agree": "on the 40 cases where the models predict alike",
}


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(
    ("own", "again", "expected"),
    [
        ("worse", "better", "the order is reversed (gap 0.20 [0.15, 0.25])"),
        ("better", "worse", "the order is reversed (gap \u22120.20 [\u22120.25, \u22120.15])"),
        ("worse", "cannot be told apart", "they cannot be told apart (gap 0.01 [\u22120.04, 0.06])"),
        ("worse", "no power here", "they cannot be ranked, as no method is told apart from the control there"),
        ("cannot be told apart", "worse", "forest is explained worse than logistic (gap \u22120.20 [\u22120.25, \u22120.15])"),
        ("cannot be told apart", "better", "forest is explained better than logistic (gap 0.20 [0.15, 0.25])"),
        ("no power here", "better", "forest is explained better than logistic (gap 0.20 [0.15, 0.25])"),
    ],
)
def test_another_answer_is_said_in_the_same_sentence(condition: str, own: str, again: str, expected: str) -> None:
    source = made()
    for other in ("", *CONDITIONS):
        source = with_answer(source, "forest", other, again if other == condition else own)
    found = said(source).splitlines()[0]
    clause = f"; but {SUPPOSING[condition]} {expected}"
    advice = "; use the scale your decision is made on" if condition == "probability" and "reversed" in expected else ""
    assert f"{clause}{advice}. " in found
    # What comes before it is one sentence.
    assert ". " not in found[: found.index(clause)]


def test_an_answer_that_is_the_same_is_not_repeated() -> None:
    source = made()
    for condition in ("", *CONDITIONS):
        source = with_answer(source, "forest", condition, "cannot be told apart")
    assert "; but" not in said(source)
    assert "For forest the same holds on the probability scale" in said(source, "note")


def test_what_only_the_adjustment_took_away_is_no_other_answer() -> None:
    close = Interval(-0.05, -0.09, -0.01, 40, "bootstrap-t", 0.03)
    own = with_answer(made(), "forest", "", "cannot be told apart", gap=close, p_adjusted=0.06)
    assert "; but" not in said(own).splitlines()[0]  # the conditions of made() say worse, unadjusted
    assert "; but on the probability scale forest is explained better than" in said(with_answer(own, "forest", "probability", "better"))


def test_a_second_clause_is_a_sentence_of_its_own() -> None:
    source = made()
    for condition in CONDITIONS:
        source = with_answer(source, "forest", condition, "better")
    found = said(source).splitlines()[0]
    assert "use the scale your decision is made on. If hidden features take the median" in found
    assert "[0.15, 0.25]). On the 40 cases where the models predict alike the order is reversed" in found
    assert found.index("predict alike the order") < found.index("The missing 0.10 lies in the model")
    assert "For forest" not in said(source, "note")


def test_what_was_not_measured_or_decides_nothing_is_no_agreement() -> None:
    none = Interval(None, None, None, 0, "no room")
    source = with_answer(made(), "forest", "probability", "cannot be told apart", gap=none)
    assert "; but on the probability scale it was not measured: no room. " in said(source)
    weak = Interval(-0.05, -0.09, -0.01, 40, "BCa, few differing cases", 0.001)
    source = with_answer(made(), "forest", "probability", "cannot be told apart", gap=weak)
    assert "they cannot be told apart (gap \u22120.05 [\u22120.09, \u22120.01]; few differing cases: decides nothing)" in said(source)
    unmeasured = with_gap(made(), 0, gap=none, verdict="cannot be told apart")
    assert "For forest the same holds" not in said(unmeasured, "note")


def test_the_study_may_fill_otherwise() -> None:
    found = report.build(MADE.results, MADE.comparison)
    row = {**found["gaps"][0], "condition": "background"}
    found["scope"]["data"]["fill"] = "reference"
    assert supposing(found, row) == "if hidden features take the background's values instead of the median and most frequent value,"
    assert supposing(found, {**row, "condition": "conditional"}) == under("conditional") == "with the conditional fill"
    found["scope"]["data"]["fill"] = "conditional"
    assert supposing(found, row) == "if hidden features take the background's values,"


# ---- the tables


def test_the_answers_stand_in_a_small_table() -> None:
    rows = table(with_answer(made(), "forest", "probability", "better"), "The fidelity gap asked again")
    assert [row[0] for row in rows[:3]] == [
        "on the probability scale",
        "with the reference fill",
        "on the cases where the models predict alike",
    ]
    assert rows[0][1:5] == ["forest explained better than logistic", "SHAP for both", "0.20 [0.15, 0.25]", "40"]
    assert len(rows) == 6
    assert [row[4] for row in rows] == ["40", "40", "36"] * 2


def test_every_gap_tells_its_place_in_the_report() -> None:
    gaps = report.build(MADE.results, MADE.comparison)["gaps"]
    for caption in ("The headline gaps", "The fidelity gap asked again"):
        for row in table(MADE, caption):
            gap = gaps[int(row[-1])]
            assert any(entry.startswith(f"{gap['a']} ") for entry in row)
            assert gap_parts(gap["gap"])[0].replace("\u00a0", " ") in row


def test_headlines_name_their_methods_only_where_they_are_others() -> None:
    assert len(table(made(), "The headline gaps")[0]) == 7
    source = made()
    index = next(i for i, row in enumerate(source.comparison.gaps) if row.metric == "features_needed" and row.pairing == "best_method")
    rows = table(with_gap(source, index, choices=(("lime", "lime"), BOTH)), "The headline gaps")
    assert any(row[2] == "each model's best method (LIME for forest, SHAP for logistic)" for row in rows)


def test_no_condition_no_table_and_no_sentence() -> None:
    source = made()
    bare = replace(source, comparison=replace(source.comparison, gaps=tuple(row for row in source.comparison.gaps if not row.condition)))
    assert "the same holds" not in said(bare, "note")
    assert not [block for block in blocks(bare) if isinstance(block, Table) and "asked again" in block.caption]
    assert "asked again" not in said(bare, "note", "gaps")


def test_the_section_on_gaps_says_which_headlines_change() -> None:
    found = said(made(), "note", "gaps")
    assert "6 answers to headline questions asked again, on another scale, with another fill or on other cases, stand in" in found
    assert "; each of them says the same. Single methods are the open circles above." in found
    found = said(with_answer(made(), "forest", "probability", "better"), "note", "gaps")
    assert "other than the headline: fidelity of forest on the probability scale (the order is reversed)." in found


def everything_powerless(source: Made) -> Made:
    gaps = tuple(replace(row, verdict="no power here", disposition="not assessed") for row in source.comparison.gaps)
    pairs = frozenset((model.name, metric.name) for model in source.results.models for metric in source.results.metrics)
    return replace(source, comparison=replace(source.comparison, gaps=gaps, powerless=pairs))


def test_a_metric_without_power_ranks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    source = everything_powerless(made())
    found = report.build(source.results, source.comparison)
    report.validate(found)
    html = report.render(found)
    assert not caplog.records
    assert 'class=" good"' not in html
    assert 'class=" bad"' not in html
    first = said(source).splitlines()[0]
    opening = "forest and logistic cannot be ranked by how far they can be explained: no method of either is told apart from the control. "
    assert first.startswith(f"{opening}In return")
    rows = table(source, "The headline gaps")
    assert {row[1] for row in rows} == {f"no power here: {model} and logistic are not ranked" for model in ("forest", "network")}
    assert {row[4] for row in rows} == {"not tested (no power here)"}
    (headline,) = [block for block in blocks(source) if isinstance(block, Table) and block.caption.startswith("The headline")]
    # Unranked: nothing to sort by; and quiet.
    assert {(entry.order, entry.tone) for row in headline.rows for entry in (row[2], row[4])} == {(None, "quiet")}


def test_one_question_without_power_is_counted_apart() -> None:
    source = made()
    index = next(i for i, row in enumerate(source.comparison.gaps) if row.metric == "features_needed" and row.headline)
    found = said(with_gap(source, index, verdict="no power here"), "note")
    assert "and not ranked on 1 of the headline questions. " in found
    assert "not tested on" not in found


@pytest.mark.parametrize("variant", [{"hostile": True}, {"task": "regression"}])
def test_odd_runs_have_their_sentences_too(variant: Any) -> None:
    source = made(**variant)
    name = next(row.a for row in source.comparison.gaps if row.condition == "reference")
    found = said(with_answer(source, name, "reference", "better"))
    assert "the order is reversed" in found
    assert (HOSTILE in found) == ("hostile" in variant)


# ---- single methods


def by_lime(verdict: str) -> Made:
    """The forest against the reference by LIME alone has this verdict."""
    gaps = MADE.comparison.gaps
    index = next(
        i for i, row in enumerate(gaps) if (row.a, row.metric, row.explainer, row.condition) == ("forest", "additive_fit", "lime", "")
    )
    return with_gap(MADE, index, verdict=verdict, gap=Interval(0.07, 0.05, 0.1, 40, "bootstrap-t", 0.001))


def test_a_method_by_which_the_order_is_reversed_is_named() -> None:
    assert "alone" not in said(MADE, "note")
    found = said(by_lime("better"), "note")
    assert "The order is reversed for forest by LIME (gap 0.07 [0.05, 0.10]) alone." in found
    assert "alone" not in said(by_lime("cannot be told apart"), "note")


def test_only_the_gap_of_the_verdict_has_a_disposition_to_be_quoted() -> None:
    source = made()
    (rows,) = [block.rows for block in blocks(source, "gaps") if isinstance(block, Figure) for block in [block.table]]
    for row in rows:
        entry = words(row[6].pieces)
        if "(0.02)" in entry:
            headline = "by each model's best method" in words(row[2].pieces) or words(row[2].pieces).startswith("each model's best")
            assert entry.endswith("exploratory") != headline
    assert any(words(row[6].pieces) == "review (0.02)" for row in rows)
