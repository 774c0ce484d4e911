"""Attributions that were made elsewhere: measured like those of any method, and refused where they do not fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shap
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

import xai_compare as xc
from tests.made import numbers
from xai_compare.errors import DataError, StudyError

SHOWN = {"metrics": ["additive_fit"], "report": {"show_values": True}}
QUICK = {"metrics": ["additive_fit", "effective_features", "input_stability"], "explainers": ["shap"], "profiles": []}


def people(n: int = 60):
    frame = numbers(n, 4)
    y = np.where(frame.a + frame.b * frame.c > 0, "yes", "no")
    return frame, y


def scored(audit, explainer, metric="additive_fit"):
    found = audit.scores.frame().query("explainer == @explainer and metric == @metric and part == ''")
    return found.set_index("case").score


class TestMeasure:
    def test_what_was_brought_scores_as_the_method_that_made_it(self):
        frame, y = people()
        model = LogisticRegression().fit(frame, y)
        made = xc.explain(model, frame, "shap", background=frame, target="yes")
        brought = xc.given({"model": made.values}, output="margin", target="yes")
        options = {**QUICK, "target": "yes"}
        audit = xc.measure({"brought": brought}, model, frame, y, background=frame, study=options)
        assert audit.failed == ()
        np.testing.assert_allclose(scored(audit, "brought"), scored(audit, "shap"), atol=1e-9)

    def test_an_explanation_of_shap_of_all_classes_and_with_its_columns_in_another_order(self):
        frame, y = people(40)
        model = RandomForestClassifier(5, random_state=0).fit(frame, y)
        explained = shap.TreeExplainer(model, frame.head(20))(frame)
        turned = shap.Explanation(explained.values[:, ::-1], explained.base_values, feature_names=list(frame.columns)[::-1])
        audit = xc.measure({"plain": explained, "turned": turned}, model, frame, background=frame.head(20), study=QUICK)
        assert audit.failed == ()
        np.testing.assert_array_equal(scored(audit, "plain"), scored(audit, "turned"))
        np.testing.assert_allclose(scored(audit, "plain"), scored(audit, "shap"), atol=1e-6)

    def test_of_two_classes_the_other_is_the_mirror_image(self):
        frame, y = people()
        model = LogisticRegression().fit(frame, y)
        made = xc.explain(model, frame, "shap", background=frame, target="yes").values
        one = xc.given({"model": made}, output="margin", target="yes")
        other = xc.given({"model": -made}, output="margin", target="no")
        by_row = xc.given({"model": made * np.where(y == "yes", 1, -1)[:, None]}, output="margin", target=y)
        audit = xc.measure({"one": one, "other": other, "by row": by_row}, model, frame, background=frame, study=QUICK)
        np.testing.assert_array_equal(scored(audit, "one"), scored(audit, "other"))
        np.testing.assert_array_equal(scored(audit, "one"), scored(audit, "by row"))

    def test_a_base_of_the_other_class_is_mirrored_too(self):
        frame, y = people(40)
        model = LogisticRegression().fit(frame, y)
        own = xc.explain(model, frame, "shap", background=frame, target="yes")
        explained = shap.Explanation(own.values, own.base, feature_names=list(frame.columns))
        brought = xc.given({"model": explained}, output="margin", target="yes", additive=True)
        audit = xc.measure({"brought": brought}, model, frame, background=frame, study={**QUICK, "metrics": ["completeness"]})
        np.testing.assert_allclose(scored(audit, "brought", "completeness"), 0, atol=1e-9)

    def test_what_explains_again_is_not_applicable(self):
        frame, y = people()
        model = LogisticRegression().fit(frame, y)
        brought = xc.given({"model": frame.to_numpy()}, output="margin", target="yes")
        audit = xc.measure({"brought": brought}, model, frame, background=frame, study=QUICK)
        cell = next(cell for cell in audit.results.cells if (cell.explainer, cell.metric) == ("brought", "input_stability"))
        assert cell.status == "not_applicable"
        assert "attributions that were given cannot be" in cell.reason

    def test_scores_are_one_row_per_method_metric_and_case(self):
        frame = numbers(30, 3)
        model = LinearRegression().fit(frame, frame.a - frame.b)
        audit = xc.measure({"m": model.coef_ * frame.to_numpy()}, model, frame, background=frame, study=SHOWN)
        found = audit.scores.frame()
        assert list(found) == ["model", "explainer", "metric", "part", "case", "score", "chance", "ceiling", "reason"]
        whole = found[(found.part == "") & (found.explainer == "m")]
        assert whole.case.tolist() == [str(row) for row in range(30)]
        assert (whole.ceiling == 1).all()


class TestCompare:
    def test_they_stand_beside_the_studys_explainers(self):
        frame, _ = people()
        models = {"a": LinearRegression().fit(frame, frame.a + frame.b), "b": LinearRegression().fit(frame, frame.a * frame.b)}
        values = {name: model.coef_ * (frame - frame.mean()).to_numpy() for name, model in models.items()}
        options = {**QUICK, **SHOWN, "metrics": QUICK["metrics"], "data": {"explain": 20}}
        audit = xc.compare(models, frame, background=frame, study=options, attributions={"mine": xc.given(values, output="value")})
        assert audit.failed == ()
        names = [method.name for method in audit.results.methods]
        assert names == ["mine", "shap", "random"]
        np.testing.assert_allclose(
            audit.results.attributions["b", "mine"].values, values["b"][[int(case) for case in audit.results.cases.ids]]
        )
        assert audit.report["methods"][0]["name"] == "mine"
        assert "values" not in audit.results.methods[0].parameters
        assert len(audit.results.methods[0].parameters["sha256"]) == 64

    def test_a_model_without_them_is_not_applicable(self):
        frame, _ = people()
        models = {"a": LinearRegression().fit(frame, frame.a), "b": LinearRegression().fit(frame, frame.b)}
        mine = xc.given({"a": frame.to_numpy()}, output="value")
        audit = xc.compare(models, frame, background=frame, study=QUICK, attributions={"mine": mine})
        cell = next(cell for cell in audit.results.cells if (cell.model, cell.explainer, cell.metric) == ("b", "mine", ""))
        assert (cell.status, cell.reason) == ("not_applicable", "no attributions were given for the model 'b'")

    def test_a_name_cannot_be_taken_twice(self):
        frame, _ = people()
        mine = xc.given({"a": frame.to_numpy()}, output="value")
        with pytest.raises(StudyError, match="'shap' is the name of attributions that are given too"):
            xc.compare({"a": LinearRegression().fit(frame, frame.a)}, frame, background=frame, study=QUICK, attributions={"shap": mine})

    def test_bare_values_are_refused_with_what_to_write(self):
        frame, _ = people()
        with pytest.raises(DataError, match="wrap it, as in given"):
            xc.compare({"a": LinearRegression().fit(frame, frame.a)}, frame, background=frame, attributions={"m": frame.to_numpy()})


FRAME = numbers(12, 4)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: xc.given({}, output="value"), "mapping from the names of models"),
        (lambda: xc.given({"m": np.ones(3)}, output="value"), r"must be \(rows, features\)"),
        (lambda: xc.given({"m": [["a"]]}, output="value"), "are no numbers"),
        (lambda: xc.given({"m": np.full((2, 2), np.inf)}, output="value"), "4 values that are not finite"),
    ],
)
def test_what_is_no_attribution_is_refused(made, message):
    with pytest.raises(DataError, match=message):
        made()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (lambda: xc.given({"model": np.ones((12, 4))}, output="margin"), "say which class"),
        (lambda: xc.given({"model": np.ones((11, 4))}, output="margin", target="yes"), "have 11 rows, and X has 12"),
        (lambda: xc.given({"model": np.ones((12, 3))}, output="margin", target="yes"), "are of 3 features, and the table has 4"),
        (
            lambda: xc.given({"model": np.full((12, 4), np.nan)}, output="margin", target="yes"),
            "not finite for features that the rows of X have",
        ),
        (lambda: xc.given({"modl": np.ones((12, 4))}, output="margin", target="yes"), "no model: did you mean 'model'"),
        (lambda: xc.given({"model": np.ones((12, 4))}, output="margin", target="maybe"), "names 'maybe', which is no class"),
        (lambda: xc.given({"model": np.ones((12, 4))}, output="margin", target=["yes"]), "target has 1 classes, and X has 12 rows"),
        (
            lambda: xc.given({"model": shap.Explanation(np.ones((12, 4)), feature_names=list("abcz"))}, output="margin", target="yes"),
            "of other features than the table's: d, z",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_once(given, reason):
    y = np.where(FRAME.a > 0, "yes", "no")
    with pytest.raises(DataError, match=reason):
        xc.measure({"m": given()}, LogisticRegression().fit(FRAME, y), FRAME, background=FRAME)


def test_what_speaks_of_another_output_is_not_applicable():
    y = np.where(FRAME.a > 0, "yes", "no")
    brought = xc.given({"model": np.ones((12, 4))}, output="probability", target="yes")
    audit = xc.measure({"m": brought}, LogisticRegression().fit(FRAME, y), FRAME, background=FRAME, study={"metrics": ["gini"]})
    cell = next(cell for cell in audit.results.cells if (cell.explainer, cell.metric) == ("m", ""))
    assert cell.status == "not_applicable"
    assert "speak of the probability" in cell.reason


def test_a_frame_in_another_order_is_put_right_by_its_columns():
    model = LinearRegression().fit(FRAME, FRAME.a - FRAME.b)
    values = model.coef_ * FRAME
    audit = xc.measure({"one": values, "turned": values[list("dbca")]}, model, FRAME, background=FRAME, study={"metrics": ["gini"]})
    found = audit.results.attributions
    np.testing.assert_array_equal(found["model", "one"].values, found["model", "turned"].values)


def test_another_of_several_classes_is_not_applicable():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    model = LogisticRegression().fit(frame, np.digitize(frame.a, [-0.5, 0.5]))
    brought = xc.given({"model": frame.to_numpy()}, output="margin", target="2")
    audit = xc.measure({"m": brought}, model, frame, background=frame, study={"metrics": ["effective_features"]})
    cell = next(cell for cell in audit.results.cells if (cell.explainer, cell.metric) == ("m", ""))
    assert cell.status == "not_applicable"
    assert "are explained for another class" in cell.reason
