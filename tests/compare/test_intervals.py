"""Reading intervals and p-values, against hand-worked numbers and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from xai_compare.compare.intervals import decides, excludes_zero, holm, invert, newcombe, percentile, wilson
from xai_compare.compare.rows import Interval

END = st.one_of(st.integers(-4, 12).map(float), st.floats(-2, 9), st.sampled_from([math.inf, -math.inf, math.nan]))


def test_limits_are_the_order_statistics_of_r_plus_1() -> None:
    # R = 39, level 0.9: (39 + 1) * 0.05 = 2, so the second smallest and the second largest of 1..39.
    # No end is at or below 0: p = 2 * (0 + 1) / 40.
    assert invert(np.arange(1.0, 40.0)[::-1], 0.9) == (2.0, 38.0, 0.05)


def test_ends_at_zero_count_against() -> None:
    # Three of 39 ends are not above 0: p = 2 * (3 + 1) / 40, and the fourth smallest is the first limit above 0.
    ends = np.concatenate([[-1.0, 0.0, 0.0], np.arange(1.0, 37.0)])
    low, _, p = invert(ends, 0.8)
    assert p == pytest.approx(0.2)
    assert low == 1.0
    assert invert(ends, 0.81)[0] == 0.0


def test_a_resample_without_value_counts_on_both_sides() -> None:
    ends = np.concatenate([[math.nan], np.arange(1.0, 39.0)])
    # It takes the first place on either side: the second smallest is now 1, the second largest 38.
    assert invert(ends, 0.9) == (1.0, 38.0, 0.1)
    assert invert(np.concatenate([[math.nan] * 2, ends]), 0.9)[:2] == (-math.inf, math.inf)
    assert invert(np.full(39, math.nan), 0.9) == (-math.inf, math.inf, 1.0)


def test_bca_shift_by_hand() -> None:
    # z0 = 0.1, a = 0.05, tail 0.025: z0 + z = 0.1 - 1.959964 = -1.859964; / (1 + 0.0929982) = -1.701709; + 0.1 = -1.601709;
    # Phi(-1.601709) = 0.054610 -> rank floor(10000 * 0.054610) = 546. Upper: 2.059964 / (1 - 0.1029982) = 2.296499; + 0.1 -> 2.396499;
    # 1 - Phi = 0.008276 -> rank 82 from above, 9999 - 81 = 9918.
    low, high, _ = invert(np.arange(1.0, 10000.0), 0.95, 0.1, 0.05)
    assert (low, high) == (546.0, 9918.0)


@given(st.lists(END, min_size=19, max_size=120), st.floats(0.5, 0.99), st.floats(-0.5, 0.5), st.floats(-1 / 6, 1 / 6))
def test_p_and_interval_never_contradict(ends: list[float], level: float, bias: float, acceleration: float) -> None:
    for shift in ((0.0, 0.0), (bias, acceleration)):
        low, high, p = invert(np.array(ends), level, *shift)
        assert 0 < p <= 1
        if abs(p - (1 - level)) > 1e-9:  # at equality the last bit decides
            assert (p < 1 - level) == (low > 0 or high < 0)


@given(st.integers(1, 99), st.integers(0, 40))
def test_p_meets_alpha_exactly(rank: int, below: int) -> None:
    # At alpha = 2 rank / (R + 1), where rounding would bite, the rank-th end is the limit.
    ends = np.concatenate([-np.arange(1.0, below + 1), np.arange(1.0, 400 - below)])
    level = 1 - 2 * rank / 400
    low, high, p = invert(ends, level)
    assert (p <= 1 - level + 1e-12) == (low > 0 or high < 0)


@given(st.lists(END, min_size=19, max_size=80), st.floats(-0.4, 0.4), st.floats(-1 / 6, 1 / 6))
def test_mirroring(ends: list[float], bias: float, acceleration: float) -> None:
    low, high, p = invert(np.array(ends), 0.9, bias, acceleration)
    assert invert(-np.array(ends), 0.9, -bias, -acceleration) == (-high, -low, p)


def test_percentile_drops_and_counts_nan() -> None:
    # 39 known of 41: limits are the second from each side, as above.
    found = percentile(20.0, np.concatenate([[math.nan, math.nan], np.arange(1.0, 40.0)]), 0.9, 50)
    assert found == Interval(20.0, 2.0, 38.0, 50, "resampled predictions, 2 of 41 undefined", 0.05)


def test_percentile_without_interval() -> None:
    assert percentile(0.8, None, 0.95, 50) == Interval(0.8, None, None, 50, "no resamples")
    assert percentile(0.8, np.linspace(0, 1, 38), 0.95, 50) == Interval(0.8, None, None, 50, "too few resamples")
    assert percentile(0.8, np.linspace(0, 1, 39), 0.95, 50).low == 0
    assert percentile(math.nan, None, 0.95, 50).estimate is None


@given(st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_scipys(counts: tuple[int, int], level: float) -> None:
    found = wilson(*counts, level)
    if counts[1] == 0:
        assert found == Interval(None, None, None, 0, "no cases")
        return
    wanted = binomtest(*counts).proportion_ci(level, method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    assert found.estimate == counts[0] / counts[1]
    assert found.low <= found.estimate <= found.high


def test_holm_by_hand() -> None:
    # Sorted: .005 * 4 = .02; .01 * 3 = .03; .03 * 2 = .06; .04 * 1 = .04, raised to the .06 before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_holm_keeps_the_order_and_is_never_below_p(p: list[float], random: object) -> None:
    adjusted = holm(p)
    assert all(after >= before for before, after in zip(p, adjusted, strict=True))
    assert max(adjusted) <= 1
    shuffled = list(range(len(p)))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = holm([p[index] for index in shuffled])
    assert sorted(again) == sorted(adjusted)


def test_excludes_zero_is_strict() -> None:
    assert excludes_zero(Interval(1, 0.1, 2, 9, ""))
    assert excludes_zero(Interval(-1, -2, -0.1, 9, ""))
    assert not excludes_zero(Interval(1, 0.0, 2, 9, ""))
    assert not excludes_zero(Interval(-1, -2, 0.0, 9, ""))
    assert not excludes_zero(Interval(1, None, None, 9, "all equal"))


def test_few_differing_cases_decide_nothing() -> None:
    assert decides(Interval(1, 0.1, 2, 9, "bootstrap-t", 0.01))
    assert decides(Interval(1, None, None, 9, "all equal", 0.01))
    assert not decides(Interval(1, 0.1, 2, 9, "BCa, few differing cases", 0.01))
    assert not decides(Interval(0, None, None, 9, "all equal", None))


# Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10
@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_is_the_published_table(a: tuple[int, int], b: tuple[int, int], low: float, high: float) -> None:
    found = newcombe(wilson(*a, 0.95), wilson(*b, 0.95))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.estimate == a[0] / a[1] - b[0] / b[1]
    assert found.n == a[1]


def test_newcombe_is_told_the_other_way_round() -> None:
    a, b = wilson(7, 30, 0.9), wilson(20, 41, 0.9)
    there, back = newcombe(a, b), newcombe(b, a)
    assert (there.estimate, there.low, there.high) == (-back.estimate, -back.high, -back.low)
    assert newcombe(a, wilson(0, 0, 0.9)).estimate is None
