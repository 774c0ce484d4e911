"""Performance rows: splits, directions, paired differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xai_compare.compare import compare
from xai_compare.errors import XaiCompareError
from xai_compare.types import Scores


def part(value: float, replicates: object = None, better: Any = None) -> Scores:
    drawn = None if replicates is None else np.asarray(replicates, dtype=np.float64)
    return Scores(np.array([value]), replicates=drawn, n=171, better=better)


def rows(study, logistic, network=None):
    scores = {("logistic", "", "performance"): Scores(np.array([0.8]), parts=logistic)}
    if network is not None:
        scores["network", "", "performance"] = Scores(np.array([0.8]), parts=network)
    return compare(study(scores)).performance


def test_names_splits_and_directions(study) -> None:
    directions = {
        "train - test R2": "none",
        "train R2": None,
        "test RMSE": "lower",
        "test ROC-AUC": "higher",
        "test log loss": "lower",
        "test score of another package": None,
        "train - test RMSE": "none",
    }
    found = rows(study, {name: part(0.5, better=better) for name, better in directions.items()})
    assert [(row.split, row.score, row.better) for row in found] == [
        ("test", "RMSE", "lower"),
        ("test", "ROC-AUC", "higher"),
        ("test", "log loss", "lower"),
        ("test", "score of another package", "higher"),  # its metric's own
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


def intrinsic(study, logistic, network):
    """The rows of two models' intrinsic parts."""
    scores = {
        (name, "", "intrinsic"): Scores(np.array([0.1]), parts=parts) for name, parts in (("logistic", logistic), ("network", network))
    }
    return compare(study(scores)).performance


def test_intrinsic_parts_are_rows_of_the_model_itself_in_their_own_order(study) -> None:
    draw = np.random.default_rng(0).normal(0, 0.1, 999)

    def parts(used: float, share: float, tree: float) -> dict[str, Scores]:
        drawn = {"interaction_share": part(share, draw + share, "lower"), "surrogate_tree": part(tree, draw + tree, "higher")}
        return {"features_used": part(used, better="lower"), **drawn}

    one, two = parts(12, 0.1, 0.8), parts(20, 0.3, 0.7)
    found = intrinsic(study, one, two)
    assert [(row.model, row.score) for row in found] == [(model, name) for model in ("logistic", "network") for name in one]
    assert {row.split for row in found} == {"model"}
    assert [row.better for row in found[:3]] == ["lower", "lower", "higher"]
    assert [row.difference for row in found[:3]] == [None] * 3
    features, share, tree = (row.difference for row in found[3:])
    assert (features.estimate, features.low, features.how) == (8, None, "no resamples")  # a count
    assert (share.low, share.high) == (pytest.approx(0.2), pytest.approx(0.2))  # resample by resample
    assert tree.estimate == pytest.approx(-0.1)
    assert {row.difference.p for row in found[3:]} == {None}  # descriptive: nothing to test


def test_what_was_not_measured_says_why(study) -> None:
    lost = Scores(np.array([np.nan]), reasons={0: "the model is constant"}, n=171)
    _, row = intrinsic(study, {"interaction_share": part(0.1)}, {"interaction_share": lost})
    assert (row.value.estimate, row.value.how) == (None, "the model is constant")
    assert (row.difference.estimate, row.difference.how) == (None, "the model is constant")


def test_performance_comes_before_what_is_intrinsic(study) -> None:
    scores = {("logistic", "", "intrinsic"): Scores(np.array([0.1]), parts={"features_used": part(3)})}
    scores["logistic", "", "performance"] = Scores(np.array([0.8]), parts={"test F1": part(0.8)})
    assert [row.split for row in compare(study(scores)).performance] == ["test", "model"]


def test_sizes_are_compared_where_the_same_thing_was_counted(study) -> None:
    def cost(*parts: str) -> Scores:
        return Scores(np.array([1.0]), parts={name: part(10.0 + i) for i, name in enumerate(parts)})

    scores = {("logistic", "", "cost"): cost("coefficients", "stored bytes"), ("network", "", "cost"): cost("parameters", "stored bytes")}
    found = compare(study(scores)).performance
    assert {(row.split, row.better) for row in found} == {("cost", "lower")}
    differences = {(row.model, row.score): row.difference for row in found}
    assert differences["network", "parameters"] is None
    assert (differences["network", "stored bytes"].estimate, differences["network", "stored bytes"].p) == (0, None)


def test_a_metric_of_another_package_is_a_row_under_its_own_name(study) -> None:
    scores = {(name, "", "wobble"): part(value) for name, value in (("logistic", 0.2), ("network", 0.5))}
    logistic, network = compare(study(scores)).performance
    assert (logistic.score, logistic.split, logistic.better, logistic.value.estimate) == ("wobble", "model", "lower", 0.2)
    assert network.difference.estimate == pytest.approx(0.3)
