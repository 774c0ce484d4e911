"""Performance rows: splits, directions, paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.compare import compare
from xai_compare.errors import XaiCompareError
from xai_compare.types import Scores


def part(value: float, replicates: object = None) -> Scores:
    return Scores(np.array([value]), replicates=None if replicates is None else np.asarray(replicates, dtype=np.float64), n=171)


def rows(study, logistic, network=None):
    scores = {("logistic", "", "performance"): Scores(np.array([0.8]), parts=logistic)}
    if network is not None:
        scores["network", "", "performance"] = Scores(np.array([0.8]), parts=network)
    return compare(study(scores)).performance


def test_names_splits_and_directions(study) -> None:
    names = [
        "train - test R2",
        "train R2",
        "test RMSE",
        "test ROC-AUC",
        "test log loss",
        "test Brier",
        "test MAE",
        "train - test RMSE",
        "test calibration error",
    ]
    found = rows(study, {name: part(0.5) for name in names})
    assert [(row.split, row.score, row.better) for row in found] == [
        ("test", "Brier", "lower"),
        ("test", "MAE", "lower"),
        ("test", "RMSE", "lower"),
        ("test", "ROC-AUC", "higher"),
        ("test", "calibration error", "lower"),
        ("test", "log loss", "lower"),
        ("train", "R2", "higher"),
        ("train - test", "R2", "none"),
        ("train - test", "RMSE", "none"),
    ]
    assert found[0].value.how == "no resamples"


def test_difference_is_paired_resample_by_resample(study) -> None:
    draw = np.random.default_rng(0)
    base = draw.normal(0.8, 0.1, 999)
    logistic, network = rows(study, {"test F1": part(0.8, base)}, {"test F1": part(0.79, base - 0.01 + 1e-4 * draw.normal(size=999))})
    assert logistic.difference is None
    assert network.value.high - network.value.low > 0.3
    assert network.value.p is None
    # The models' scores go up and down together: their difference hardly does.
    assert network.difference.estimate == pytest.approx(-0.01)
    assert network.difference.low < -0.01 < network.difference.high < -0.01 + 1e-3
    assert network.difference.p == pytest.approx(2 / 1000)


def test_percentile_limits_by_hand(study) -> None:
    # 99 resamples: (99 + 1) * 0.025 = 2.5, so the second from each side.
    (row,) = rows(study, {"test F1": part(0.5, np.arange(1, 100) / 100)})
    assert (row.value.low, row.value.high, row.value.n) == (0.02, 0.98, 171)  # n: rows predicted, not resamples


def test_nan_in_either_model_is_dropped_from_the_difference(study) -> None:
    a, b = np.arange(100) / 100.0, np.arange(100)[::-1] / 100.0
    a[:3], b[2:5] = np.nan, np.nan
    logistic, network = rows(study, {"test F1": part(0.5, a)}, {"test F1": part(0.5, b)})
    assert {logistic.value.how, network.value.how} == {"resampled predictions, 3 of 100 undefined"}
    assert network.difference.how == "resampled predictions, 5 of 100 undefined"


def test_score_that_the_reference_lacks(study) -> None:
    _, network = rows(study, {"test F1": part(0.8)}, {"test R2": part(0.5, np.ones(50))})
    assert network.difference is None


def test_errors(study) -> None:
    with pytest.raises(XaiCompareError, match="'valid F1' names no split"):
        rows(study, {"valid F1": part(0.8)})
    with pytest.raises(XaiCompareError, match="49 resamples against 50"):
        rows(study, {"test F1": part(0.8, np.ones(50))}, {"test F1": part(0.8, np.ones(49))})
