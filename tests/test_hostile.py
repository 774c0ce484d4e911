"""What a user may bring that nobody planned for: each works with right numbers, or says what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import xai_compare as xc
from tests.toys import brute_force_shapley, classified, game_of, world
from xai_compare.data.tabular import as_frame, kinds_of
from xai_compare.errors import ModelError, StudyError, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.models.adapt import adapt
from xai_compare.run.store import DiskStore
from xai_compare.streams import Streams

QUICK = {"explainers": ["shap"], "data": {"explain": 20, "background": 15}}


def status(result):
    return {(cell.explainer, cell.metric): cell.status for cell in result.results.cells}


class Pick(TransformerMixin, BaseEstimator):
    """Takes columns by name: works on a DataFrame only, and keeps no feature names."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[["x0", "x1", "x2"]].to_numpy()

    def __sklearn_is_fitted__(self):
        return True


def test_a_models_own_threshold_decides_what_it_predicts():
    frame, y = classified()
    base = LogisticRegression().fit(frame, y)
    strict = FixedThresholdClassifier(base, threshold=0.9).fit(frame, y)
    result = xc.compare({"strict": strict, "base": base}, frame, y, background=frame, study=QUICK)
    rows = [
        int(case)
        for case in xc.compare(
            {"strict": strict}, frame, y, background=frame, study={**QUICK, "report": {"show_values": True}}
        ).results.cases.ids
    ]
    np.testing.assert_array_equal(result.results.cases.predicted["strict"], strict.predict(frame.iloc[rows]))
    np.testing.assert_array_equal(result.results.cases.target, strict.predict(frame.iloc[rows]))
    agree = np.mean(strict.predict(frame.iloc[rows]) == base.predict(frame.iloc[rows]))
    assert result.comparison.predictions_agree["base"].estimate == pytest.approx(agree)


def test_one_hot_trees_with_few_features_are_exact():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(list("xyz"), 200), "b": rng.choice(list("uvw"), 200), "c": rng.standard_normal(200)})
    y = ((frame["a"] == "x") ^ (frame["c"] > 0)).astype(int)
    prepare = make_column_transformer((OneHotEncoder(), ["a", "b"]), remainder="passthrough")
    forest = make_pipeline(prepare, RandomForestClassifier(10, random_state=0)).fit(frame, y)
    data = world(frame.head(5), frame.iloc[50:60], task="classification", classes=("0", "1"))
    game = game_of(adapt("forest", forest, data.background_inputs()), data, 1)
    found = EXPLAINERS["shap"]()(game, Streams(0))
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-9)
    summed = EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
    assert found.about["exact"]
    assert not summed.about["exact"]


def test_a_pipeline_that_needs_a_frame_gets_one():
    frame, y = classified()
    result = xc.compare({"pick": make_pipeline(Pick(), LogisticRegression()).fit(frame, y)}, frame, y, background=frame, study=QUICK)
    assert not result.failed


@pytest.mark.parametrize("model", [DummyClassifier(), DummyRegressor()])
def test_a_constant_model_has_nothing_to_explain_and_nothing_fails(model):
    frame, y = classified()
    y = y if isinstance(model, DummyClassifier) else y + 0.5
    result = xc.compare({"dummy": model.fit(frame, y)}, frame, y, background=frame, study=QUICK)
    assert not result.failed
    assert {"flat case: nothing moves the output"} == {
        reason for row in result.skills for reason in row.missing if row.metric == "additive_fit"
    }


def test_an_output_that_depends_on_how_many_features_are_shown_only_is_said_so():
    frame = pd.DataFrame(np.ones((30, 4)), columns=list("abcd"))
    result = xc.compare({"sum": lambda x: x.sum(axis=1)}, frame, background=frame * 0, study=QUICK)
    assert not result.failed
    reasons = {reason for row in result.skills for reason in row.missing if row.metric == "additive_fit"}
    assert reasons == {"nothing moves the output beyond how many features are shown"}


def test_a_function_that_changes_its_mind_is_caught():
    frame, y = classified()
    fitted = LogisticRegression().fit(frame, y)

    def moody(rows):
        p = fitted.predict_proba(rows)
        return p if len(rows) < 500 else np.column_stack([p, p[:, 0] * 3])

    result = xc.compare({"base": fitted, "moody": moody}, frame, y, background=frame, study=QUICK)
    assert any("moody" in line and "must return probabilities" in line for line in result.failed)
    assert not any(line.startswith("base") for line in result.failed)


def test_a_boosting_on_top_of_another_model_is_more_than_its_trees():
    frame, _ = classified()
    y = (frame["x0"] * 2 + frame["x1"] * frame["x2"]).to_numpy()
    boosted = GradientBoostingRegressor(init=LinearRegression(), n_estimators=20, random_state=0).fit(frame, y)
    data = world(frame.head(3), frame.iloc[50:58])
    game = game_of(adapt("boosted", boosted, data.background_inputs()), data)
    found = EXPLAINERS["shap"]()(game, Streams(0))
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-9)


def test_lime_asks_about_whole_numbers_where_the_column_holds_them():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"code": rng.choice([10, 20, 70], 80), "x": rng.standard_normal(80)})
    asked = []
    data = world(frame.head(3), frame.tail(40))
    from tests.toys import valued

    model = valued(lambda rows: asked.append(np.unique(rows[:, 0])) or rows[:, 1] + (rows[:, 0] == 70))
    EXPLAINERS["lime"](samples=200)(game_of(model, data), Streams(0))
    assert set(np.concatenate(asked).tolist()) <= {10.0, 20.0, 70.0}


def test_an_array_of_objects_keeps_its_numbers_numeric():
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"], "c": [1, 2]})
    assert kinds_of(as_frame(frame.to_numpy())) == ("numeric", "categorical", "numeric")


def test_an_array_takes_its_names_from_the_background():
    frame, y = classified()
    fitted = LogisticRegression().fit(frame.to_numpy(), y)
    result = xc.compare({"line": fitted}, frame.to_numpy(), y, background=frame, study=QUICK, random_state=np.int64(3))
    assert result.results.features == tuple(frame.columns)


@pytest.mark.parametrize(
    ("models", "study", "error", "says"),
    [
        ({"m": LogisticRegression}, None, ModelError, "not a fitted model"),
        ({" lead": LogisticRegression()}, None, ModelError, "blanks at their ends"),
        ({3: LogisticRegression()}, None, ModelError, "must be text"),
        ({"m": LogisticRegression()}, ["a"], StudyError, "give a mapping"),
    ],
)
def test_one_clear_error(models, study, error, says):
    frame, y = classified()
    with pytest.raises(error, match=says):
        xc.compare(models, frame, y, background=frame, study=study)


def test_explain_says_which_method_failed_on_what():
    frame, _ = classified()
    calls = []

    def breaks(rows):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("out of order")
        return rows["x0"].to_numpy()

    with pytest.raises(ModelError, match="shap failed on this model: RuntimeError: out of order"):
        xc.explain(breaks, frame.head(3), background=frame.head(10))


def test_a_journal_that_is_none_says_how_to_start_anew(tmp_path):
    (tmp_path / "journal.sqlite").write_text("this is no database, and long enough to be seen as none " * 20)
    with pytest.raises(XaiCompareError, match="--fresh"):
        DiskStore(tmp_path)


def test_hidden_ids_cannot_be_counted_out():
    from xai_compare.run.collect import _hidden

    assert _hidden(["1", "2"], "salt") != _hidden(["1", "2"], "other data")
    assert _hidden(["1"], "salt") == _hidden(["1"], "salt")


def test_reasons_hold_no_folders_and_end():
    from xai_compare.run.collect import _readable

    assert _readable("cannot open /home/someone/secret/model.pkl: gone") == "cannot open model.pkl: gone"
    assert len(_readable("x" * 10_000)) < 600
