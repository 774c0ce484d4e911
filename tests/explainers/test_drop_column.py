"""Drop-column importance against least squares done by hand, and what it tells that permutation cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss

from tests.made import data_of, numbers, study_of
from xai_compare.config import study_from_dict
from xai_compare.data.tabular import grouped
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models.adapt import adapt
from xai_compare.models.trained import Training
from xai_compare.run.plan import plan_study
from xai_compare.streams import Streams


def explained(model, data, **params):
    n = len(data.explain)
    return EXPLAINERS["drop_column"](**params)(
        Game(model, data, data.cases(), np.arange(n), np.zeros(n, dtype=np.int64), model.native), Streams(0)
    )


def line(frame: pd.DataFrame, y: np.ndarray, groups=None):
    data = grouped(data_of(frame, y), groups or {})
    return Training("m", "linear_regression", 0).train(data)[0], data


def squares(frame: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """Squared residuals of least squares with an intercept."""
    x = np.column_stack([np.ones(len(frame)), frame.to_numpy()])
    return (y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2


def noisy(n: int = 120):
    frame = numbers(n, 4)
    frame["d"] = frame.a + 0.3 * frame.d
    return frame, (2 * frame.a - frame.b + np.random.default_rng(1).normal(0, 0.5, n)).to_numpy()


def test_it_is_the_rise_of_the_residuals_of_least_squares():
    frame, y = noisy()
    model, data = line(frame, y)
    found = explained(model, data)
    rises = [squares(frame.drop(columns=name), y) - squares(frame, y) for name in frame]
    np.testing.assert_allclose(found.values, np.tile([rise.mean() for rise in rises], (len(data.explain), 1)), atol=1e-9)
    np.testing.assert_allclose(found.about["standard_error"], [rise.std(ddof=1) / np.sqrt(len(y)) for rise in rises], atol=1e-9)
    assert (found.scope, found.signed, found.about["loss"]) == ("model", False, "squared error")


def test_a_copy_makes_a_column_needless_though_the_model_uses_it():
    frame = numbers(150, 2).assign(copy=lambda t: t.a)
    y = (3 * frame.a + frame.b).to_numpy()
    model, data = line(frame, y)
    found = explained(model, data).values[0]
    np.testing.assert_allclose(found[[0, 2]], 0, atol=1e-9)
    assert found[1] > 0.5
    game = Game(model, data, data.cases(), np.arange(8), np.zeros(8, dtype=np.int64), "value")
    assert EXPLAINERS["permutation_importance"]()(game, Streams(0)).values[0][0] > 1


def test_a_group_is_left_out_as_one():
    frame, y = noisy()
    model, data = line(frame, y, {"ad": ("a", "d")})
    found = explained(model, data).values[0]
    rise = (squares(frame[["b", "c"]], y) - squares(frame, y)).mean()
    assert found[0] == pytest.approx(rise)
    assert found.shape == (3,)


def test_classes_are_told_by_log_loss():
    frame = numbers(200, 3)
    y = (frame.a + 0.5 * frame.b + np.random.default_rng(2).normal(0, 0.7, 200) > 0).astype(np.int64).to_numpy()
    data = data_of(frame, y, ("no", "yes"))
    model = Training("m", "logistic_regression", 0).train(data)[0]
    found = explained(model, data)

    def loss(table: pd.DataFrame) -> float:
        scaled = (table - table.mean()) / table.std(ddof=0)
        return float(log_loss(y, LogisticRegression(max_iter=5000).fit(scaled, y).predict_proba(scaled)))

    np.testing.assert_allclose(found.values[0], [loss(frame.drop(columns=name)) - loss(frame) for name in frame], atol=1e-6)


def test_what_the_model_is_not_given_is_not_trained_without():
    frame, y = noisy()
    data = data_of(frame, y)
    model, _ = Training("m", "linear_regression", 0, {}, ("b",)).train(data)
    found = explained(model, data)
    assert found.values[0][1] == 0
    rise = (squares(frame[["c", "d"]], y) - squares(frame[["a", "c", "d"]], y)).mean()
    assert found.values[0][0] == pytest.approx(rise)


def test_repeats_average_over_seeds():
    frame, y = noisy(80)
    data = data_of(frame, y)
    model, _ = Training("m", "random_forest", 0, {"n_estimators": 5}).train(data)
    one, three = explained(model, data), explained(model, data, repeats=3)
    assert not np.allclose(one.values, three.values)
    np.testing.assert_array_equal(three.values, explained(model, data, repeats=3).values)
    assert (one.about["repeats"], three.about["repeats"]) == (1, 3)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda f, y: (adapt("m", LinearRegression().fit(f, y), f.head(9)), data_of(f, y)), "was not trained by the study"),
        (lambda f, y: (line(f, y)[0], data_of(f)), "known outcomes"),
        (lambda f, y: line(f[["a"]], y), "only feature"),
    ],
)
def test_where_it_does_not_fit(made, message):
    with pytest.raises(NotApplicable, match=message):
        explained(*made(*noisy(60)))


def test_it_is_run_on_request_only():
    auto = plan_study(study_from_dict({**study_of(), "explainers": "auto"}))
    assert "drop_column" not in auto.explainers
    assert "permutation_importance" in auto.explainers
    asked = plan_study(study_from_dict({**study_of(), "explainers": ["drop_column"]}))
    assert "drop_column" in asked.explainers


def test_repeats_are_counted_from_one():
    with pytest.raises(XaiCompareError, match="repeats must be at least 1"):
        EXPLAINERS["drop_column"](repeats=0)
