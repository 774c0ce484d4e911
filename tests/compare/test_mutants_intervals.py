"""Behaviour of intervals, contrasts and p-values that no other test pins down; found by changing the code and seeing nothing fail."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from xai_compare.compare import resample
from xai_compare.compare.gaps import _disposition
from xai_compare.compare.intervals import BOOTSTRAP_T, invert, significant, wilson
from xai_compare.compare.resample import contrasts, difference, intervals, mean_of, skill_of
from xai_compare.compare.rows import Interval
from xai_compare.streams import Streams

S = Streams(7)
N = 40


def noise(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.03, n)


@pytest.mark.parametrize(("bias", "acceleration"), [(0.2, 0.0), (0.0, 0.1), (0.0, -0.1), (-0.3, 0.05), (0.2, 0.1)])
def test_shifted_limits_and_p_are_those_of_bca(bias: float, acceleration: float) -> None:
    normal, ends = NormalDist(), np.sort(np.random.default_rng(0).normal(0.15, 0.1, 9999))

    def place(tail: float) -> float:  # Efron & Tibshirani 1993, (14.10), in ranks of 10,000
        z = bias + normal.inv_cdf(tail)
        return 10000 * normal.cdf(bias + z / (1 - acceleration * z))

    low, high, p = invert(ends, 0.95, bias, acceleration)
    assert low == ends[math.floor(place(0.025) + 1e-9) - 1]
    assert high == ends[math.ceil(place(0.975) - 1e-9) - 1]
    # p is where a limit meets 0: a little less confidence excludes it, a little more does not.
    assert invert(ends, 1 - p * 1.02, bias, acceleration)[0] > 0 >= invert(ends, 1 - p * 0.98, bias, acceleration)[0]


def test_a_shift_beyond_all_ends_reads_none_of_them() -> None:
    ends = np.linspace(1.0, 2.0, 9999)
    low, high, p = invert(ends, 0.999, 3.9, 1 / 6)
    assert 1.0 <= low <= 2.0
    assert high == math.inf
    assert 0 <= p <= 1


def test_a_rank_just_missed_is_not_reached() -> None:
    ends = np.arange(1.0, 10000.0)
    assert invert(ends, 1 - 2 * 0.05)[0] == 500
    assert invert(ends, 1 - 2 * 0.04999995)[0] == 499


def test_no_cases_have_no_share() -> None:
    assert wilson(0, 0, 0.95) == Interval(None, None, None, 0, "no cases")
    assert wilson(0, 1, 0.95).estimate == 0


def test_a_loss_of_just_the_tolerance_passes() -> None:
    same = Interval(-0.25, None, None, N, "all equal")
    assert (_disposition(same, 0.25), _disposition(same, 0.24)) == ("pass", "review")


def test_without_a_known_end_there_is_no_limit_whatever_the_shift() -> None:
    assert invert(np.full(5, np.nan), 0.95, 20.0) == (-math.inf, math.inf, 1.0)


def test_p_a_billionth_above_its_bound_is_not_significant() -> None:
    assert significant(0.05 + 1e-14, 0.95)
    assert not significant(0.05 + 1e-9, 0.95)
    assert not significant(None, 0.95)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_limits_scale_with_the_unit(unit: float) -> None:
    a, b = noise(1), noise(2)
    plain = intervals([mean_of(a)], 0.95, S, 999) + contrasts([(mean_of(a), mean_of(b))], 0.95, S, 999)
    scaled = intervals([mean_of(unit * a)], 0.95, S, 999) + contrasts([(mean_of(unit * a), mean_of(unit * b))], 0.95, S, 999)
    for one, other in zip(plain, scaled, strict=True):
        assert (other.low / unit, other.high / unit, other.p) == pytest.approx((one.low, one.high, one.p))


def test_up_to_5000_cases_have_9999_resamples_and_more_have_1999(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for, means = {}, resample.resampled_means

    def counted(columns, streams, resamples):
        asked_for[columns.shape[1]] = resamples
        return means(columns, streams, 9)

    monkeypatch.setattr(resample, "resampled_means", counted)
    intervals([mean_of(noise(0, n)) for n in (50, 5000, 5001)], 0.5, S)
    assert asked_for == {50: 9999, 5000: 9999, 5001: 1999}


def test_statistics_too_wide_for_a_batch_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [difference(*(skill_of(0.5 + noise(k + j), noise(9), 1 + noise(8)) for j in (0, 20))) for k in range(4)]
    together = intervals(many, 0.95, S, 199)
    monkeypatch.setattr(resample, "_COLUMNS", 1)
    monkeypatch.setattr(resample, "_BLOCK", 1)
    for one, other in zip(intervals(many, 0.95, S, 199), together, strict=True):
        assert (one.low, one.high, one.p) == pytest.approx((other.low, other.high, other.p))


def test_differences_of_a_billionth_are_no_rounding() -> None:
    assert intervals([mean_of(1 + 1e-8 * noise(0))], 0.95, S)[0].how == BOOTSTRAP_T


def test_rounding_is_judged_by_the_largest_numbers_behind_a_difference() -> None:
    half = 1e6 * noise(0)
    values = np.array([0.0, *half, *-half])
    found = intervals([difference(mean_of(values), mean_of(values - 0.1))], 0.95, S)[0]
    assert (found.how, found.low) == ("all equal", None)
    assert found.estimate == pytest.approx(0.1)


@pytest.mark.parametrize("common", [-0.3, 0.3, 1e-4, -1e-4])
def test_the_same_difference_on_every_case_has_the_sign_flip_p(common: float) -> None:
    found = intervals([mean_of(np.full(10, common))], 0.95, S)[0]
    assert (found.how, found.p) == ("all equal", 2 / 2**10)


def test_a_denominator_that_vanishes_or_turns_in_a_resample_leaves_no_room() -> None:
    score, zero = 0.3 + noise(0, 8), np.zeros(8)
    for ceiling in ([1.0] * 2 + [0.0] * 6, [2.0] * 4 + [-1.0] * 4, [1.0, 1.0, -0.2, -0.2, -0.2, -0.2, -0.2, -0.2]):
        found = intervals([skill_of(score, zero, np.array(ceiling))], 0.95, S)[0]
        assert (found.low, found.high, found.how) == (None, None, "no room")


def test_a_room_of_five_hundredths_is_enough() -> None:
    score, zero = noise(0, 8), np.zeros(8)
    assert resample.estimate(skill_of(score, zero, zero + 0.05)) == pytest.approx(score.mean() / 0.05)
    assert resample.estimate(skill_of(score, zero, zero + 0.0499)) is None


@pytest.mark.parametrize(("differing", "how"), [((4, 4), BOOTSTRAP_T), ((4, 3), "few differing cases"), ((8, 0), BOOTSTRAP_T)])
def test_eight_differing_cases_on_both_sides_together_make_a_contrast(differing: tuple[int, int], how: str) -> None:
    first, second = (mean_of(np.array([*range(1, count + 1), *[0] * (200 - count)], dtype=np.float64)) for count in differing)
    assert contrasts([(first, second)], 0.9, S, 1999)[0].how == how


def test_a_contrast_without_room_stands_among_the_others() -> None:
    dead, alive = skill_of(*np.zeros((3, 10))), mean_of(noise(0, 40))
    assert [one.how for one in contrasts([(dead, alive), (alive, alive)], 0.95, S, 199)] == ["no room", BOOTSTRAP_T]


def test_a_contrast_without_spread_in_a_resample_reaches_to_infinity_there() -> None:
    few, same = np.array([*range(10, 18), *[0] * 192], dtype=np.float64), np.ones(60)
    for side in ("first", "second"):  # of 1999 resamples one end is dropped on each side, and here one at least has zeros only
        draw = Streams(5).at(side).at("resample", 200).shared().integers(0, 200, size=(1999, 200))
        assert (draw >= 8).all(axis=1).any()
    for sides in ((few, same), (same, few)):
        found = contrasts([(mean_of(sides[0]), mean_of(sides[1]))], 0.999, Streams(5), 1999)[0]
        assert (found.low, found.high, found.how) == (None, None, "few differing cases")


def test_a_contrast_is_skewed_as_its_first_side_is() -> None:
    # The mean of a few large values is likelier to be too small than too large: bootstrap-t reaches further up.
    skewed, still = np.exp(2 * np.random.default_rng(0).normal(size=60)), mean_of(1e-3 * noise(1, 60))
    alone = intervals([mean_of(skewed)], 0.9, S, 1999)[0]
    for found, sign in (
        (contrasts([(mean_of(skewed), still)], 0.9, S, 1999)[0], 1),
        (contrasts([(still, mean_of(skewed))], 0.9, S, 1999)[0], -1),
    ):
        low, high = sorted((sign * found.low, sign * found.high))
        assert high - sign * found.estimate > 1.5 * (sign * found.estimate - low)
        assert (low, high) == pytest.approx((alone.low, alone.high), rel=0.1)


def test_a_contrast_counts_the_cases_of_its_first_side() -> None:
    a, b = mean_of(noise(0, 40)), mean_of(noise(1, 60))
    few = mean_of(np.array([1.0] * 30 + [2.0, 3.0]))
    same = mean_of(np.ones(50))
    for first, second in ((a, b), (b, a), (few, same), (same, few), (same, mean_of(np.ones(20))), (same, mean_of(np.ones(1)))):
        assert contrasts([(first, second)], 0.95, S, 199)[0].n == first.shape[2]
    assert contrasts([(a, b)], 0.999, S, 199)[0] == Interval(float(a[0, 0].mean() - b[0, 0].mean()), None, None, 40, "few differing cases")


@pytest.mark.parametrize("sign", [1, -1])
def test_one_infinite_end_leaves_no_interval(sign: int) -> None:
    few = sign * np.array([*range(10, 18), *[0] * 192], dtype=np.float64)
    draw = Streams(6).at("resample", 200).shared().integers(0, 200, size=(1999, 200))
    assert (draw >= 8).all(axis=1).any()  # a resample of zeros only
    found = intervals([mean_of(few)], 0.999, Streams(6), 1999)[0]
    assert (found.low, found.high, found.how) == (None, None, "few differing cases")


def test_a_case_at_the_mean_counts_like_any_other() -> None:
    at, beside = (intervals([mean_of(np.arange(51.0) + shift)], 0.95, S, 999)[0] for shift in (0, 1e-3))
    assert (at.low, at.high) == pytest.approx((beside.low - 1e-3, beside.high - 1e-3))
