"""What the report says of the models themselves: a table beside their performance, in no verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.report.drawn import lettering
from tests.report.made import HOSTILE, Made, made
from tests.report.test_measured import blocks, table
from tests.report.test_render import html_of
from xai_compare import report
from xai_compare.compare import Interval, PerformanceRow
from xai_compare.errors import XaiCompareError
from xai_compare.report.blocks import Figure, Heading, Prose, Table, Terms
from xai_compare.report.canvas import Span
from xai_compare.report.learning import Learner, learning
from xai_compare.report.sections import performance

MEASURES = (("features_used", "lower", 12.0), ("interaction_share", "lower", 0.1), ("surrogate_tree", "higher", 0.8))


def themselves(source: Made, only: bool = False, missing: bool = False) -> Made:
    """The same run with intrinsic rows; `only` without performance, `missing` with a model that is constant."""
    rows = []
    for place, model in enumerate(source.results.models):
        for name, better, level in MEASURES:
            at, counted = level - 3 * place if name == "features_used" else level + 0.05 * place, name == "features_used"
            how = "no resamples" if counted else "resampled predictions"
            value = Interval(at, None if counted else at - 0.02, None if counted else at + 0.02, 171, how)
            if missing and place == 1 and not counted:
                value = Interval(None, None, None, 171, "the model is constant")
            shift = replace(
                value, estimate=at - level, low=None if counted else at - level - 0.01, high=None if counted else at - level + 0.01
            )
            difference = None if place == 0 else value if value.estimate is None else shift
            rows.append(PerformanceRow(model.name, name, "model", better, value, difference))  # type: ignore[arg-type]
    before = () if only else source.comparison.performance
    return replace(source, comparison=replace(source.comparison, performance=(*before, *rows)))


def test_a_row_for_each_measure_and_model_with_a_line_of_plain_words() -> None:
    source = themselves(made())
    rows = table(source, "performance", "The models themselves")
    assert [row[1] for row in rows[:3]] == ["logistic", "forest", "network"]
    assert rows[0] == ["Features used (lower is simpler)", "logistic", "12", "is the reference"]
    assert rows[1][2:] == ["9", "\u22123"]
    assert rows[4][2:] == ["0.15 [0.13, 0.17]", "0.05 [0.04, 0.06]"]
    assert rows[6][0] == "Imitated by a small tree (higher is simpler)"
    found = blocks(source, "performance")
    assert any(isinstance(block, Heading) and block.text == "The models themselves" for block in found)
    assert any(isinstance(block, Prose) and "no verdict rests on it" in str(block.pieces) for block in found)
    (terms,) = [block for block in found if isinstance(block, Terms) and block.items[0][0] == "Features used"]
    assert terms.items[0][1] == ("features whose change moves the output at all, of 12",)
    assert len(terms.items) == len(MEASURES)


def test_performance_itself_is_told_as_before() -> None:
    before, after = blocks(made(), "performance"), blocks(themselves(made()), "performance")
    assert after[0] == before[0]
    found = [report.build(one.results, one.comparison)["verdict"] for one in (made(), themselves(made()))]
    assert found[0] == found[1]


def test_without_outcomes_the_models_themselves_are_told_all_the_same() -> None:
    found = blocks(themselves(made(), only=True), "performance")
    assert isinstance(found[0], Prose)
    assert "was not measured" in str(found[0].pieces)
    assert any(isinstance(block, Table) and "The models themselves" in block.caption for block in found)


def test_without_them_there_is_no_table() -> None:
    assert not any(isinstance(block, Heading) for block in blocks(made(), "performance"))


def test_what_was_not_measured_says_why() -> None:
    rows = table(themselves(made(), missing=True), "performance", "The models themselves")
    assert rows[4][2:] == ["not measured (the model is constant)"] * 2


def test_the_schema_knows_the_splits() -> None:
    source = themselves(made())
    found: dict[str, Any] = report.build(source.results, source.comparison)
    report.validate(found)
    found["performance"][-1]["split"] = "models"
    with pytest.raises(XaiCompareError):
        report.validate(found)


def test_a_measure_of_another_name_and_hostile_names_are_shown() -> None:
    source = themselves(made(hostile=True))
    rows = tuple(replace(row, score=HOSTILE) if row.score == "surrogate_tree" else row for row in source.comparison.performance)
    page = html_of(replace(source, comparison=replace(source.comparison, performance=rows)))
    assert "The models themselves" in page
    assert "<img src=x" not in page


def sized(source: Made) -> Made:
    """The same run with the sizes of two models, one of them unknown."""

    def row(model: str, score: str, count: float | None, how: str = "no resamples") -> PerformanceRow:
        return PerformanceRow(model, score, "cost", "lower", Interval(count, None, None, 0, how), None)

    rows = (
        row("logistic", "coefficients", 31.0),
        row("logistic", "stored bytes", 53151.0),
        row("forest", "leaves of trees", 6341.0),
        row("forest", "coefficients", 12.0),
        row("forest", "stored bytes", 740.0),
        row("network", "size", None, "a plain function has no inside to open"),
        row("network", "stored bytes", None, "it was given in memory"),
    )
    return replace(source, comparison=replace(source.comparison, performance=(*source.comparison.performance, *rows)))


def test_sizes_stand_beside_the_scores() -> None:
    assert table(sized(made()), "performance", "Size of the models") == [
        ["logistic", "31 coefficients", "53.2 kB"],
        ["forest", "6,341 leaves of trees, 12 coefficients", "740 bytes"],
        ["network", "not counted (a plain function has no inside to open)", "not known (it was given in memory)"],
    ]
    scores = {row[0] for row in table(sized(made()), "performance", "Prediction quality")}
    assert not [score for score in scores if "coefficients" in score or "bytes" in score]
    report.validate(report.build(sized(made()).results, sized(made()).comparison))


@pytest.mark.parametrize(("size", "said"), [(999, "999 bytes"), (1000, "1.0 kB"), (2_242_587, "2.2 MB"), (5.4e11, "540 GB")])
def test_sizes_in_words(size: float, said: str) -> None:
    value = {"estimate": float(size), "how": ""}
    assert performance._stored(value).pieces == (said,)


def learnt(source: Made, missing: bool = False) -> Made:
    """The same run with a learning curve of three sizes for two models."""
    rows = []
    for place, model in enumerate(source.results.models[:2]):
        for step, size in enumerate((40, 400, 4000)):
            at = 0.7 + 0.05 * step - 0.02 * place
            value = Interval(at, at - 0.03, at + 0.03, 171, "resampled predictions")
            value = Interval(None, None, None, 171, "no training row has the class 'bad'") if missing else value
            gap = Interval(-0.02, -0.03, -0.01, 171, "resampled predictions") if place and not missing else None
            rows.append(PerformanceRow(model.name, f"ROC-AUC, {size} rows", "learning", "higher", value, gap))
    return replace(source, comparison=replace(source.comparison, performance=(*source.comparison.performance, *rows)))


def test_learning_curves_are_one_figure_with_the_numbers_beside_it() -> None:
    source = learnt(made())
    (figure,) = [block for block in blocks(source, "performance") if isinstance(block, Figure) and block.name == "learning"]
    assert "ROC-AUC, 400 rows: 0.75 [0.72,\u00a00.78]" in figure.alt
    rows = table(source, "performance", "Test ROC-AUC of the models trained again")
    assert rows[0] == ["logistic", "40", "0.70 [0.67, 0.73]", "is the reference"]
    assert rows[5] == ["forest", "4,000", "0.78 [0.75, 0.81]", "\u22120.02 [\u22120.03, \u22120.01]"]
    scores = {row[0] for row in table(source, "performance", "Prediction quality")}
    assert not [score for score in scores if "rows" in score]
    report.validate(report.build(source.results, source.comparison))


def test_a_learning_curve_without_any_score_is_a_table_with_the_reasons() -> None:
    source = learnt(made(), missing=True)
    assert not [block for block in blocks(source, "performance") if isinstance(block, Figure) and block.name == "learning"]
    assert table(source, "performance", "Test ROC-AUC of the models trained again")[0][2].startswith("not measured (no training row")


def test_drawn_learning_curves_have_a_line_for_each_model_and_a_whisker_for_each_score() -> None:
    learners = [Learner(HOSTILE, place, ((10, Span(0.6, 0.5, 0.7)), (90, Span(0.8, 0.7, 0.9)))) for place in range(2)]
    found = learning(learners, "R2")
    assert found.svg == learning(learners, "R2").svg
    assert {"training rows", "test R2"} <= set(lettering(found))
    assert b"<img" not in found.svg


def noted(source: Made, note: str) -> Made:
    """The same run with a model that does not say what its outputs are."""
    models = tuple(
        replace(model, about={**model.about, "note": note}) if model.name.startswith("forest") else model for model in source.results.models
    )
    return replace(source, results=replace(source.results, models=models))


def test_how_outputs_were_read_stands_under_limits() -> None:
    source = noted(made(), "it numbers its classes; its outputs are read as good, bad, in this order")
    (row,) = table(source, "limits", "does not say what its outputs are")
    assert row == ["it numbers its classes; its outputs are read as good, bad, in this order", "forest", "1"]
    report.validate(report.build(source.results, source.comparison))
    assert "<img src=x" not in html_of(noted(made(hostile=True), HOSTILE))
    assert not [row for row in report.build(made().results, made().comparison)["limits"] if row["kind"] == "reading"]


def test_the_verdict_speaks_of_whichever_metric_leads_fidelity() -> None:
    source = made()

    def renamed(rows: Any) -> Any:
        return tuple(replace(row, metric="of_another_package") if row.metric == "additive_fit" else row for row in rows)

    metrics = tuple(replace(one, name="of_another_package") if one.name == "additive_fit" else one for one in source.results.metrics)
    other = replace(source.comparison, gaps=renamed(source.comparison.gaps), skills=renamed(source.comparison.skills))
    found = report.build(replace(source.results, metrics=metrics), other)
    before = report.build(source.results, source.comparison)
    assert [model["gap"] for model in found["verdict"]["models"]] == [model["gap"] for model in before["verdict"]["models"]]
    assert None not in [model["gap"] for model in found["verdict"]["models"]]
