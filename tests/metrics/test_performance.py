"""Performance through the metric, against scikit-learn on the same predictions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.svm import LinearSVC

from tests.toys import classified
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _arrays as arrays
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
    data = assemble(train, test, task, classes, (20, 10), Streams(0), {})
    fitted = estimator.fit(frame.head(200), y[:200])
    model = adapt("m", fitted, data.background_inputs())
    return METRICS["performance"](resamples=500)(View(data, Streams(0), model=model)), fitted, frame, y


def test_two_classes():
    found, fitted, frame, y = scored(LogisticRegression())
    for split, rows in (("train", slice(0, 200)), ("test", slice(200, 300))):
        p = fitted.predict_proba(frame[rows])[:, 1]
        assert found.parts[f"{split} ROC-AUC"].values[0] == pytest.approx(roc_auc_score(y[rows], p))
        assert found.parts[f"{split} F1 (1)"].values[0] == pytest.approx(f1_score(y[rows], p > 0.5))
        assert found.parts[f"{split} log loss"].values[0] == pytest.approx(log_loss(y[rows], p))
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


def test_regression():
    found, fitted, frame, y = scored(LinearRegression(), lambda frame: (frame["x0"] + 0.1 * frame["x1"] ** 2).to_numpy())
    said = fitted.predict(frame[200:])
    assert found.parts["test R2"].values[0] == pytest.approx(r2_score(y[200:], said))
    assert found.parts["test RMSE"].values[0] == pytest.approx(root_mean_squared_error(y[200:], said))


def test_without_probabilities_there_is_no_log_loss():
    found, *_ = scored(LinearSVC())
    assert "test ROC-AUC" in found.parts
    assert "test log loss" not in found.parts


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
    assert arrays.weighted_f1(said, y, 3, np.ones((1, 100)))[0] == pytest.approx(expected)
