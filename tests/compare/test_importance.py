"""Importance rows: shares against hand and NumPy, intervals against a plain bootstrap, differences paired by case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xai_compare.compare import compare
from xai_compare.compare.importance import strength
from xai_compare.types import Attribution


def attributed(values, **facts):
    values = np.asarray(values, dtype=np.float64)
    return Attribution(values, np.zeros(len(values), dtype=np.int64), "margin", **facts)


@pytest.fixture
def rows_of(study):
    """{(model, method, feature): row} of attributions {(model, method): Attribution}."""

    def make(attributions, features=("a", "b", "c"), scopes=(), level=0.95):
        results = study({})
        methods = tuple(replace(m, scope="model") if m.name in scopes else m for m in results.methods)
        rows = compare(replace(results, attributions=attributions, features=features, methods=methods), level=level).importance
        return {(row.model, row.explainer, row.feature): row for row in rows}

    return make


def test_a_share_is_the_mean_size_over_that_of_all_features(rows_of) -> None:
    rows = rows_of({("logistic", "shap"): attributed([[1, -2, 0], [3, 0, 2]])})
    assert {key[2]: row.share.estimate for key, row in rows.items()} == pytest.approx({"a": 4 / 8, "b": 2 / 8, "c": 2 / 8})
    assert [row.rank for row in rows.values()] == [1, 2, 2]
    assert all((row.share.n, row.share.p, row.difference) == (2, None, None) for row in rows.values())


def test_rows_follow_models_methods_and_features_without_the_control(rows_of) -> None:
    one = attributed(np.ones((4, 3)))
    rows = rows_of({("network", "shap"): one, ("logistic", "random"): one, ("logistic", "lime"): one, ("logistic", "shap"): one})
    expected = [("logistic", "shap"), ("logistic", "lime"), ("network", "shap")]
    assert list(rows) == [(*key, feature) for key in expected for feature in "abc"]


def test_the_interval_is_about_that_of_a_plain_bootstrap(rows_of) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(150, 3)) * [3, 1, 0.2]
    rows = rows_of({("logistic", "shap"): attributed(values)}, level=0.9)
    size = np.abs(values)
    drawn = size[rng.integers(150, size=(4000, 150))].mean(axis=1)
    shares = drawn / drawn.sum(axis=1, keepdims=True)
    for j, row in enumerate(rows.values()):
        assert row.share.how == "bootstrap-t"
        assert (row.share.low, row.share.high) == pytest.approx(tuple(np.quantile(shares[:, j], [0.05, 0.95])), abs=0.008)
    assert sum(row.share.estimate for row in rows.values()) == pytest.approx(1)


def test_the_difference_is_paired_by_case(rows_of) -> None:
    # Both models vary much from case to case, and by the same: their difference hardly varies.
    rng = np.random.default_rng(1)
    base = np.abs(rng.normal(size=(100, 3)))
    other = base.copy()
    other[:, 0] += 0.1 + 0.01 * rng.random(100)
    rows = rows_of({("logistic", "shap"): attributed(base), ("network", "shap"): attributed(other), ("network", "lime"): attributed(base)})
    for feature in "abc":
        own, row = rows["logistic", "shap", feature], rows["network", "shap", feature]
        assert row.difference.estimate == pytest.approx(row.share.estimate - own.share.estimate)
        assert row.difference.high - row.difference.low < 0.3 * (row.share.high - row.share.low)
        assert own.difference is None
        assert rows["network", "lime", feature].difference is None  # the reference has none by this method
    assert rows["network", "shap", "a"].difference.low > 0
    assert rows["network", "shap", "b"].difference.high < 0


def test_a_vector_for_all_cases_has_shares_and_no_interval(rows_of) -> None:
    vector = attributed(np.tile([0.3, 0.1, -0.02], (20, 1)), signed=False, scope="model")
    rows = rows_of({("logistic", "saliency"): vector, ("network", "saliency"): vector}, scopes=("saliency",))
    assert [row.share.estimate for key, row in rows.items() if key[0] == "logistic"] == pytest.approx([0.75, 0.25, 0])
    for row in rows.values():
        assert (row.share.low, row.share.high, row.share.how) == (None, None, "the same vector for every case")
    assert [row.difference.estimate for key, row in rows.items() if key[0] == "network"] == [0, 0, 0]


def test_below_zero_counts_by_size_only_where_there_are_signs() -> None:
    np.testing.assert_array_equal(strength(attributed([[1.0, -2.0, np.nan]], present=np.array([[True, True, False]]))), [[1, 2, 0]])
    np.testing.assert_array_equal(strength(attributed([[1.0, -2.0, 0.0]], signed=False)), [[1, 0, 0]])


def test_where_nothing_is_attributed_there_is_no_share(rows_of) -> None:
    rows = rows_of({("logistic", "shap"): attributed(np.zeros((9, 3))), ("network", "shap"): attributed(np.ones((9, 3)))})
    for key, row in rows.items():
        if key[0] == "logistic":
            assert (row.share.estimate, row.rank, row.share.how) == (None, None, "nothing is attributed to any feature")
        assert row.difference is None


def test_a_feature_that_takes_all_and_one_that_takes_nothing(rows_of) -> None:
    rows = rows_of({("logistic", "shap"): attributed(np.random.default_rng(2).normal(size=(30, 3)) * [1, 0, 0])})
    assert [row.share.estimate for row in rows.values()] == [1, 0, 0]
    assert [row.rank for row in rows.values()] == [1, 2, 2]
    assert all((row.share.low, row.share.how) == (None, "all equal") for row in rows.values())


def test_intervals_stay_within_their_range(rows_of) -> None:
    values = np.random.default_rng(3).exponential(size=(12, 3)) ** 4
    rows = rows_of({("logistic", "shap"): attributed(values), ("network", "shap"): attributed(values[:, ::-1])}, level=0.999)
    for row in rows.values():
        assert 0 <= (row.share.low or 0) <= row.share.estimate <= (row.share.high or 1) <= 1
        if row.difference is not None and row.difference.low is not None:
            assert -1 <= row.difference.low <= row.difference.estimate <= row.difference.high <= 1
