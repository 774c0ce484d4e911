"""Performance through the metric, against scikit-learn on the same predictions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    precision_score,
    r2_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.svm import LinearSVC

from tests.toys import classified
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _predictions as predictions
from xai_compare.models.adapt import adapt
from xai_compare.streams import Streams

RNG = np.random.default_rng(0)


def scored(estimator, y_of=None, outcomes=True):
    frame, y = classified()
    y = y if y_of is None else y_of(frame)
    task = "classification" if y.dtype.kind == "i" else "regression"
    classes = tuple(map(str, np.unique(y))) if task == "classification" else ()
    train = as_table(as_frame(frame.head(200)), y[:200] if outcomes else None)
    test = as_table(as_frame(frame.tail(100)), y[200:] if outcomes else None)
    data = assemble(train, test, task, classes, (20, 10), Streams(0))
    fitted = estimator.fit(frame.head(200), y[:200])
    model = adapt("m", fitted, data.background_inputs())
    return METRICS["performance"](resamples=500)(View(data, Streams(0), model=model)), fitted, frame, y


def by_pairs(said, true, weights=None):
    """The calibration error by its definition: all pairs of different rows of a bin, one by one."""
    n, squares = len(said), []
    w = np.ones(n) if weights is None else weights
    bins = max(1, min(10, n // 20))
    for p, y in zip(said.T, true.T, strict=True):
        place = [(np.sum(p < own) + np.sum(p == own) / 2) / n for own in p]
        members = [[i for i in range(n) if int(place[i] * bins) == b] for b in range(bins)]
        told, mass = 0.0, 0.0
        for rows in members:
            pairs = [(i, j) for i in rows for j in rows if i != j]
            both = sum(w[i] * w[j] for i, j in pairs)
            if both > 0:
                held = sum(w[i] for i in rows)
                told += held * sum(w[i] * w[j] * (p[i] - y[i]) * (p[j] - y[j]) for i, j in pairs) / both
                mass += held
        squares.append(told / mass if mass else np.nan)
    return float(np.maximum(np.mean(squares), 0)) ** 0.5


def test_two_classes():
    found, fitted, frame, y = scored(LogisticRegression())
    for split, rows in (("train", slice(0, 200)), ("test", slice(200, 300))):
        p = fitted.predict_proba(frame[rows])[:, 1]
        assert found.parts[f"{split} ROC-AUC"].values[0] == pytest.approx(roc_auc_score(y[rows], p))
        assert found.parts[f"{split} F1 (1)"].values[0] == pytest.approx(f1_score(y[rows], p > 0.5))
        assert found.parts[f"{split} log loss"].values[0] == pytest.approx(log_loss(y[rows], p))
        assert found.parts[f"{split} PR-AUC (1)"].values[0] == pytest.approx(average_precision_score(y[rows], p))
        assert found.parts[f"{split} Brier"].values[0] == pytest.approx(brier_score_loss(y[rows], p))
        told = by_pairs(p[:, None], y[rows, None] == 1)
        assert found.parts[f"{split} calibration error"].values[0] == pytest.approx(told)
    assert found.parts["test F1 (1)"].n == 100
    assert found.parts["train F1 (1)"].n == 200
    gap = found.parts["train - test F1 (1)"].values[0]
    assert gap == pytest.approx(found.parts["train F1 (1)"].values[0] - found.parts["test F1 (1)"].values[0])


def test_three_classes():
    def three(frame):
        return np.digitize(frame["x0"] + frame["x1"], [-0.5, 0.5])

    found, fitted, frame, y = scored(RandomForestClassifier(20, random_state=0), three)
    p = fitted.predict_proba(frame[200:])
    assert found.parts["test ROC-AUC"].values[0] == pytest.approx(roc_auc_score(y[200:], p, multi_class="ovr", average="macro"))
    assert found.parts["test F1 (macro)"].values[0] == pytest.approx(f1_score(y[200:], p.argmax(axis=1), average="macro"))
    assert not any(name.split(" (")[0] in ("test recall", "test precision", "test share called") for name in found.parts)
    true = np.eye(3)[y[200:]]
    assert found.parts["test PR-AUC (macro)"].values[0] == pytest.approx(average_precision_score(true, p, average="macro"))
    assert found.parts["test Brier"].values[0] == pytest.approx(brier_score_loss(y[200:], p))
    assert found.parts["test calibration error"].values[0] == pytest.approx(by_pairs(p, true == 1))


def test_regression():
    found, fitted, frame, y = scored(LinearRegression(), lambda frame: (frame["x0"] + 0.1 * frame["x1"] ** 2).to_numpy())
    said = fitted.predict(frame[200:])
    assert found.parts["test R2"].values[0] == pytest.approx(r2_score(y[200:], said))
    assert found.parts["test RMSE"].values[0] == pytest.approx(root_mean_squared_error(y[200:], said))
    assert found.parts["test MAE"].values[0] == pytest.approx(mean_absolute_error(y[200:], said))
    assert {name: part.better for name, part in found.parts.items() if name.startswith("test")} == {
        "test R2": "higher",
        "test RMSE": "lower",
        "test MAE": "lower",
    }
    assert found.parts["train - test MAE"].better == "none"


def test_without_probabilities_there_is_nothing_that_needs_them():
    found, *_ = scored(LinearSVC())
    names = {name.removeprefix("test ") for name in found.parts if name.startswith("test ")}
    decisions = {"recall (1)", "precision (1)", "share called (1)", "prevalence (1)"}
    assert names == {"ROC-AUC", "PR-AUC (1)", "F1 (1)"} | decisions


def test_resamples_are_the_same_for_every_model():
    one, *_ = scored(LogisticRegression())
    two, *_ = scored(LogisticRegression(C=0.9))
    a, b = one.parts["test ROC-AUC"].replicates, two.parts["test ROC-AUC"].replicates
    assert np.corrcoef(a, b)[0, 1] > 0.99


def test_needs_outcomes():
    with pytest.raises(NotApplicable, match="known outcomes"):
        scored(LogisticRegression(), outcomes=False)


def test_f1_takes_the_models_own_decision_threshold():
    found, fitted, frame, y = scored(FixedThresholdClassifier(LogisticRegression(), threshold=0.8))
    assert found.parts["test F1 (1)"].values[0] == pytest.approx(f1_score(y[200:], fitted.predict(frame[200:])))
    assert found.parts["test F1 (1)"].values[0] != pytest.approx(f1_score(y[200:], fitted.predict_proba(frame[200:])[:, 1] > 0.5))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_decisions_are_those_of_scikit_learn_at_the_models_own_threshold(threshold):
    found, fitted, frame, y = scored(FixedThresholdClassifier(LogisticRegression(), threshold=threshold))
    for split, rows in (("train", slice(0, 200)), ("test", slice(200, 300))):
        said = fitted.predict(frame[rows])
        told = {name: found.parts[f"{split} {name} (1)"] for name in ("recall", "precision", "share called", "prevalence")}
        assert told["recall"].values[0] == pytest.approx(recall_score(y[rows], said), abs=1e-12)
        assert told["precision"].values[0] == pytest.approx(precision_score(y[rows], said), abs=1e-12)
        assert told["share called"].values[0] == pytest.approx(np.mean(said == 1), abs=1e-12)
        assert told["prevalence"].values[0] == pytest.approx(np.mean(y[rows] == 1), abs=1e-12)
        assert [one.better for one in told.values()] == ["higher", "higher", "none", "none"]
        f1 = 2 * told["recall"].values[0] * told["precision"].values[0] / (told["recall"].values[0] + told["precision"].values[0])
        assert found.parts[f"{split} F1 (1)"].values[0] == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_shares_under_weights_equal_scikit_learn_on_repeated_rows(seed):
    """Few rows, so that in some resamples nothing is called positive, or nothing is."""
    rng = np.random.default_rng(seed)
    y, said = rng.permutation([1, 1, 0, 0, 0, 0]), rng.permutation([1, 1, 0, 0, 0, 0])
    weights = rng.multinomial(6, np.full(6, 1 / 6), size=200)
    repeated = [(np.repeat(y, w), np.repeat(said, w)) for w in weights]
    for score, which, among in ((recall_score, said, y), (precision_score, y, said)):
        expected = [score(true, called, zero_division=np.nan) for true, called in repeated]
        found = predictions.share_of(which == 1, among == 1, weights.astype(float))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)  # NaN equals NaN here
        assert np.isnan(expected).any()


def test_the_precision_of_a_model_that_calls_nothing_positive_is_not_measured():
    found, fitted, frame, _ = scored(FixedThresholdClassifier(LogisticRegression(), threshold=1.1))
    assert not fitted.predict(frame).any()
    for split in ("test", "train", "train - test"):
        precision = found.parts[f"{split} precision (1)"]
        assert np.isnan(precision.values[0])
        assert precision.reasons == {0: "undefined on these rows: the model calls none of them so"}
    assert found.parts["test recall (1)"].values[0] == found.parts["test share called (1)"].values[0] == 0
    assert found.parts["test prevalence (1)"].values[0] > 0


def test_r2_of_a_target_far_from_zero():
    found, fitted, frame, y = scored(LinearRegression(), lambda frame: (frame["x0"] + 0.1 * frame["x1"] ** 2 + 1e9).to_numpy())
    assert found.parts["test R2"].values[0] == pytest.approx(r2_score(y[200:], fitted.predict(frame[200:])), abs=1e-6)


def test_what_is_undefined_costs_its_own_score_only():
    found, *_ = scored(LinearRegression(), lambda frame: np.full(len(frame), 2.5))
    assert np.isnan(found.values[0])
    assert "constant" in found.reasons[0]
    assert found.parts["test RMSE"].values[0] == pytest.approx(0, abs=1e-9)


def test_macro_f1_leaves_out_classes_that_do_not_occur():
    y, said = RNG.integers(0, 2, (2, 100))
    expected = f1_score(y, said, average="macro")
    assert predictions.weighted_f1(said, y, 3, np.ones((1, 100)))[0] == pytest.approx(expected)


def test_average_precision_with_ties_and_weights_equals_scikit_learn():
    y, score = RNG.integers(0, 2, 200), RNG.integers(0, 20, 200) / 20
    weights = RNG.integers(0, 4, (30, 200)).astype(float)
    found = predictions.weighted_average_precision(score, y == 1, weights)
    np.testing.assert_allclose(found, [average_precision_score(np.repeat(y, w), np.repeat(score, w)) for w in weights.astype(int)])
    assert np.isnan(predictions.weighted_average_precision(score, y > 1, weights)).all()


@pytest.mark.parametrize("n", [3, 45, 150])
def test_calibration_error_with_ties_and_weights_equals_all_pairs_one_by_one(n):
    said = RNG.integers(0, 12, (n, 2)) / 12
    true = RNG.random((n, 2)) < said**2
    weights = RNG.integers(0, 3, (6, n)).astype(float)
    found = predictions.calibration_error(said, true, weights)
    np.testing.assert_allclose(found, [by_pairs(said, true, w) for w in weights], atol=1e-12)


def test_the_square_of_the_calibration_error_is_right_on_average_where_the_usual_one_is_not():
    """Probabilities that say .7 where 6 of 10 are true: the error is .1. Few rows, two bins."""
    ones, usual = np.ones((1, 40)), []
    squares = []
    for _ in range(4000):
        true = RNG.random(40) < 0.6
        squares.append(predictions._squared_error(np.full(40, 0.7), true, ones)[0])
        usual.append((0.7 - true.mean()) ** 2)
    assert np.mean(squares) == pytest.approx(0.01, abs=4 * np.std(squares) / 4000**0.5)
    assert np.mean(usual) > 0.01 + 8 * np.std(usual) / 4000**0.5  # too large by .24 / 40


def test_resamples_are_centred_on_the_calibration_error():
    said = np.clip(RNG.normal(0.5, 0.2, 400), 0.01, 0.99)
    true = RNG.random(400) < said
    weights = RNG.multinomial(400, np.full(400, 1 / 400), size=4000).astype(float)
    own, drawn = (predictions._squared_error(said, true, w) for w in (np.ones((1, 400)), weights))
    assert drawn.mean() == pytest.approx(own[0], abs=6 * drawn.std() / 4000**0.5 + 0.02 * drawn.std())


def test_a_bin_in_which_no_two_rows_are_left_tells_nothing():
    weights = np.zeros((1, 5))
    weights[0, 2] = 5
    assert np.isnan(predictions.calibration_error(np.linspace(0, 1, 5)[:, None], np.ones((5, 1), dtype=bool), weights)).all()


def test_resamples_do_not_hang_on_how_many_are_held_at_once(monkeypatch):
    whole, *_ = scored(LogisticRegression())
    monkeypatch.setattr("xai_compare.metrics._predictions._BLOCK", 7)
    again, *_ = scored(LogisticRegression())
    for name, part in whole.parts.items():
        np.testing.assert_allclose(again.parts[name].replicates, part.replicates, rtol=1e-10, atol=1e-10)


def test_the_model_is_asked_twice_for_each_row():
    asked = []

    class Spy(LogisticRegression):
        def decision_function(self, X):
            asked.append(len(X))
            return super().decision_function(X)

    scored(Spy())
    assert sum(n for n in asked if n >= 100) == 2 * 300
