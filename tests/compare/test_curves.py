"""Curve rows: which there are, and what each step is the mean of."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from xai_compare.compare import compare


@pytest.fixture
def curved(scored):
    def make(**curves):
        arrays = {name.replace("_", " "): np.asarray(curve, dtype=np.float64) for name, curve in curves.items()}
        n = len(next(iter(arrays.values())))
        return replace(scored(np.full(n, 0.5)), curves=arrays)

    return make


def test_rows_of_methods_and_of_models(study, curved) -> None:
    one, other = [[0.0, 1.0]], [[0.0, 3.0]]
    scores = {
        ("logistic", "random", "seed_stability"): curved(most=one, best_most=one, best_least=one),
        ("logistic", "lime", "seed_stability"): curved(most=other, least=one, best_most=other),
        ("network", "shap", "additive_fit"): curved(least=one),
        ("network", "shap ~ lime", "agreement"): curved(most=one),
    }
    rows = compare(study(scores)).curves
    assert [(row.model, row.explainer, row.metric, row.curve, row.y[1].estimate) for row in rows] == [
        ("logistic", "lime", "seed_stability", "least", 1.0),
        ("logistic", "lime", "seed_stability", "most", 3.0),
        ("logistic", "random", "seed_stability", "most", 1.0),
        # Of the model, once, from the first explainer that has it.
        ("logistic", "", "seed_stability", "best least", 1.0),
        ("logistic", "", "seed_stability", "best most", 3.0),
        ("network", "shap", "additive_fit", "least", 1.0),
    ]


def test_each_step_is_a_mean_over_the_cases_that_have_the_curve(study, curved) -> None:
    draw = np.random.default_rng(0)
    curve = draw.random((30, 5))
    curve[3] = math.nan
    curve[4, 2] = math.nan
    kept = np.delete(curve, [3, 4], axis=0)
    (row,) = compare(study({("logistic", "shap", "additive_fit"): curved(most=curve)}), level=0.9, seed=4).curves
    assert len(row.y) == 5
    for step, column in zip(row.y, kept.T, strict=True):
        drawn = draw.choice(column, size=(20_000, 28)).mean(axis=1)
        assert step.estimate == pytest.approx(column.mean())
        assert (step.low, step.high) == pytest.approx(tuple(np.quantile(drawn, [0.05, 0.95])), abs=0.01)
        assert (step.n, step.how, step.p) == (28, "percentile", None)


def test_a_band_stays_among_the_values(study, curved) -> None:
    """Outputs of a saturated model: 1 to many digits but for a few."""
    curve = np.ones((50, 2)) - np.r_[np.full(48, 1e-9), 0.2, 0.4][:, None]
    (row,) = compare(study({("logistic", "shap", "additive_fit"): curved(most=curve)})).curves
    for step in row.y:
        assert 0.9 < step.low < step.estimate < step.high <= 1


def test_a_step_without_spread_and_a_curve_without_cases(study, curved) -> None:
    scores = {
        ("logistic", "shap", "additive_fit"): curved(most=[[1.0, 0.2], [1.0, 0.4], [1.0, 0.5]]),
        ("logistic", "lime", "additive_fit"): curved(most=[[math.nan, math.nan]]),
    }
    flat, empty = compare(study(scores)).curves
    assert (flat.y[0].estimate, flat.y[0].low, flat.y[0].high, flat.y[0].p) == (1.0, 1.0, 1.0, None)
    assert [(step.estimate, step.n, step.how) for step in empty.y] == [(None, 0, "too few cases")] * 2


def test_many_curves_are_quick(study, curved) -> None:
    draw = np.random.default_rng(0)
    models, methods = ("a", "b", "c"), (*(f"method{i}" for i in range(7)), "random")
    scores = {(m, e, "additive_fit"): curved(most=draw.random((50, 21)), least=draw.random((50, 21))) for m in models for e in methods}
    start = time.perf_counter()
    rows = compare(study(scores, models, methods)).curves
    assert len(rows) == 3 * 8 * 2
    assert time.perf_counter() - start < 10  # about one second on a quiet core
