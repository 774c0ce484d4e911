"""Bootstrap intervals over cases, against a plain loop, scipy and exact properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from xai_compare.compare import resample
from xai_compare.compare.resample import difference, intervals, mean_of, skill_of
from xai_compare.compare.rows import Interval
from xai_compare.streams import Streams
from xai_compare.types import Array

S = Streams(7)


def one(statistic: Array, level: float = 0.95, resamples: int | None = None) -> Interval:
    return intervals([statistic], level, S, resamples)[0]


def scores(seed: int, n: int) -> tuple[Array, Array, Array]:
    draw = np.random.default_rng(seed)
    return draw.beta(4, 2, n), draw.uniform(0, 0.3, n), draw.uniform(0.8, 1, n)


def limits(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def textbook_bootstrap_t(a: tuple[Array, ...], b: tuple[Array, ...], resamples: int, level: float) -> tuple[float, float, float]:
    """Efron & Tibshirani, algorithm 12.1, one resample at a time, with the delta method written out."""
    n = len(a[0])

    def estimate_and_error(rows: Array) -> tuple[float, float]:
        total, influence = 0.0, np.zeros(n)
        for (score, chance, ceiling), sign in ((a, 1), (b, -1)):
            top, bottom = (score - chance)[rows], (ceiling - chance)[rows]
            ratio = top.mean() / bottom.mean()
            total += sign * ratio
            influence += sign * (top - ratio * bottom) / bottom.mean()
        return total, float(np.sqrt(np.mean(influence**2) / n))

    draw = S.at("resample", n).shared()
    estimate, error = estimate_and_error(np.arange(n))
    t = []
    for rows in draw.integers(0, n, size=(resamples, n)):
        again, spread = estimate_and_error(rows)
        t.append((again - estimate) / spread)
    t.sort()
    rank = round((resamples + 1) * (1 - level) / 2)
    far = min(sum(one >= estimate / error for one in t), sum(one <= estimate / error for one in t))
    return estimate - error * t[-rank], estimate - error * t[rank - 1], 2 * (far + 1) / (resamples + 1)


def test_bootstrap_t_is_the_textbooks() -> None:
    a, b = scores(1, 40), scores(2, 40)
    found = one(difference(skill_of(*a), skill_of(*b)), 0.9, 999)
    assert found.how == "bootstrap-t"
    assert (*limits(found), found.p) == pytest.approx(textbook_bootstrap_t(a, b, 999, 0.9), rel=1e-9)


def test_bca_is_scipys() -> None:
    draw = np.random.default_rng(3)
    a = draw.beta(4, 2, 60)
    b = a.copy()
    b[:6] -= draw.lognormal(-3, 1, 6)
    wanted = bootstrap((a - b,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    plain = bootstrap((a - b,), np.mean, n_resamples=40_000, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    found = one(difference(mean_of(a), mean_of(b)), resamples=39_999)
    assert found.how == "BCa, few differing cases"
    assert limits(found) == pytest.approx((wanted.low, wanted.high), abs=0.02 * (wanted.high - wanted.low))
    assert abs(plain.high - wanted.high) > 0.05 * (wanted.high - wanted.low)  # or the line above could not tell BCa from percentile


def test_bca_of_a_ratio_is_scipys() -> None:
    a, b = scores(5, 7), scores(6, 7)

    def gap(*arrays: Array, axis: int = -1) -> Array:
        sa, ca, ka, sb, cb, kb = (array.mean(axis) for array in arrays)
        return (sa - ca) / (ka - ca) - (sb - cb) / (kb - cb)

    wanted = bootstrap(
        (*a, *b), gap, paired=True, vectorized=True, n_resamples=40_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    found = one(difference(skill_of(*a), skill_of(*b)), resamples=39_999)
    assert found.how == "BCa, few differing cases"
    # scipy takes the skewness from the jackknife, we from the influence function: they differ by O(1/n).
    assert limits(found) == pytest.approx((wanted.low, wanted.high), abs=0.05 * (wanted.high - wanted.low))


def test_skill_is_a_ratio_of_means() -> None:
    # Ratio of means: (0.9 + 0.1) / (1 + 0.2) = 5/6; mean of ratios: (0.9 + 0.5) / 2 = 0.7.
    skill = skill_of(np.array([0.9, 0.9]), np.array([0.0, 0.8]), np.array([1.0, 1.0]))
    assert one(skill).estimate == pytest.approx(5 / 6)


def test_every_resample_recomputes_the_ratio() -> None:
    # Chance and score move together: the skill is 0.6 in every case, so in every resample, whatever its mean chance.
    _, chance, ceiling = scores(8, 30)
    found = one(skill_of(chance + 0.6 * (ceiling - chance), chance, ceiling))
    assert found == Interval(pytest.approx(0.6), None, None, 30, "all equal", 2.0**-29)


@pytest.mark.parametrize("n", [6, 40])
def test_swapping_mirrors(n: int) -> None:
    a, b = skill_of(*scores(1, n)), skill_of(*scores(2, n))
    forth, back = one(difference(a, b)), one(difference(b, a))
    assert forth.estimate == pytest.approx(-back.estimate)
    assert limits(forth) == pytest.approx(limits(back)[::-1] * np.array([-1, -1]))
    assert forth.p == pytest.approx(back.p)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([5, 30]), st.floats(-50, 50), st.floats(0.06, 1000))
def test_shift_and_scale_leave_skill(seed: int, n: int, shift: float, scale: float) -> None:
    a, b = scores(seed, n), scores(seed + 1, n)
    moved = [tuple(scale * array + shift for array in side) for side in (a, b)]
    if abs(np.mean(a[2] - a[1])) * scale < 0.06 or abs(np.mean(b[2] - b[1])) * scale < 0.06:
        return  # no room on that scale
    before = one(difference(skill_of(*a), skill_of(*b)), 0.8, 999)
    after = one(difference(skill_of(*moved[0]), skill_of(*moved[1])), 0.8, 999)
    assert (after.estimate, *limits(after)) == pytest.approx((before.estimate, *limits(before)), rel=1e-6, abs=1e-6)
    assert (after.p, after.how) == (pytest.approx(before.p), before.how)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(0.01, 1000))
def test_means_shift_and_scale(seed: int, shift: float, scale: float) -> None:
    x = np.random.default_rng(seed).lognormal(size=25)
    before, after = one(mean_of(x), resamples=199), one(mean_of(scale * x + shift), resamples=199)
    moved = scale * np.array([before.estimate, *limits(before)]) + shift
    assert [after.estimate, *limits(after)] == pytest.approx(moved, rel=1e-6)


def test_lower_is_better_has_skill() -> None:
    # Features needed: chance 11, ceiling 1. Needs 3 and 5: (4 - 11) / (1 - 11) = 0.7.
    needed, chance, ceiling = np.array([3.0, 5.0]), np.full(2, 11.0), np.full(2, 1.0)
    found = one(skill_of(needed, chance, ceiling))
    assert found.estimate == pytest.approx(0.7)
    # Fewer features is better: every resample lies between the skills 0.6 and 0.8.
    assert limits(found) == pytest.approx((0.6, 0.8))


def test_duplicating_the_cases_leaves_the_estimate_and_narrows() -> None:
    a, b = scores(1, 40), scores(2, 40)
    twice = [tuple(np.tile(array, 2) for array in side) for side in (a, b)]
    once, doubled = one(difference(skill_of(*a), skill_of(*b))), one(difference(skill_of(*twice[0]), skill_of(*twice[1])))
    assert doubled.estimate == pytest.approx(once.estimate)
    assert doubled.n == 80
    widths = np.diff(limits(once))[0], np.diff(limits(doubled))[0]
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(0.5), rel=0.05)


def test_all_equal_has_an_estimate_no_interval_and_the_p_of_a_sign_flip() -> None:
    assert one(mean_of(np.full(50, 0.1))) == Interval(pytest.approx(0.1), None, None, 50, "all equal", 2.0**-49)
    assert one(mean_of(np.full(50, 1e-17))).p is None
    # A constant gap of 0.2 on varying scores, with the rounding that comes with it.
    a = np.random.default_rng(0).random(50)
    assert one(difference(mean_of(a + 0.2), mean_of(a))) == Interval(pytest.approx(0.2), None, None, 50, "all equal", 2.0**-49)


@pytest.mark.parametrize(("differing", "how"), [(1, "BCa, few differing cases"), (7, "BCa, few differing cases"), (8, "bootstrap-t")])
def test_few_differing_cases_are_counted_from_the_mode(differing: int, how: str) -> None:
    x = np.full(60, 0.3)
    x[:differing] += np.linspace(0.1, 0.4, differing)
    assert one(mean_of(x)).how == how


def test_an_interval_that_touches_zero_does_not_exclude_it() -> None:
    # 2 of 50 cases differ from 0, both upwards: a resample misses both with probability (48/50)^50 = 0.13,
    # which is more than the tail of a 95 % interval. Its mean is 0 only up to rounding.
    gap = np.zeros(50)
    gap[:2] = (0.1, 0.2)
    for seed in range(8):
        base = np.random.default_rng(seed).random(50)
        found = one(difference(mean_of(base + gap), mean_of(base)), resamples=999)
        assert found.low == 0
        assert found.p > 0.05


def test_resamples_without_spread_are_infinite(monkeypatch: pytest.MonkeyPatch) -> None:
    # 2 of 30 cases differ: (28/30)^30 = 12.6 % of the resamples have no spread, more than a tail: bootstrap-t has no upper limit.
    monkeypatch.setattr(resample, "_FEW", 0)
    x = np.zeros(30)
    x[:2] = (0.5, 0.6)
    assert one(mean_of(x)) == Interval(pytest.approx(1.1 / 30), None, None, 30, "few differing cases")
    # At level 0.5 they fit into the tail and the interval is back.
    assert one(mean_of(x), level=0.5).high < np.inf


@pytest.mark.parametrize("ceiling", [0.349, 0.251])
def test_no_room(ceiling: float) -> None:
    score, chance = np.linspace(0.2, 0.4, 20), np.full(20, 0.3)
    assert one(skill_of(score, chance, np.full(20, ceiling))) == Interval(None, None, None, 20, "no room")
    assert one(difference(mean_of(score), skill_of(score, chance, np.full(20, ceiling)))).how == "no room"
    assert one(skill_of(score, chance, np.full(20, ceiling + np.sign(ceiling - 0.3) * 0.002))).how == "bootstrap-t"


def test_no_room_where_the_sign_of_the_denominator_is_unsure() -> None:
    draw = np.random.default_rng(0)
    score, ceiling = draw.normal(0.05, 0.1, 40), draw.normal(0.06, 1.0, 40)
    ceiling += 0.06 - ceiling.mean()
    found = one(skill_of(score, np.zeros(40), ceiling))
    assert found == Interval(pytest.approx(score.mean() / 0.06), None, None, 40, "no room")


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_cases(n: int) -> None:
    found = one(mean_of(np.full(n, 0.4)))
    assert found == Interval(0.4 if n else None, None, None, n, "too few cases")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([4, 9, 30]), st.floats(-0.4, 0.4), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_p_and_interval_never_contradict(seed: int, n: int, shift: float, level: float) -> None:
    draw = np.random.default_rng(seed)
    b = scores(seed, n)
    a = (b[0] + shift + draw.normal(0, 0.3, n) * (draw.random(n) < 0.6), *b[1:])
    found = one(difference(skill_of(*a), skill_of(*b)), level, 199)
    if found.p is None or abs(found.p - (1 - level)) < 1e-9:
        return
    low, high = limits(found)
    assert (found.p < 1 - level) == (low > 0 or high < 0)


def test_the_same_cases_are_resampled_for_every_statistic() -> None:
    # The interval of a statistic is its own, whatever stands beside it, and in whatever batch.
    statistics = [difference(skill_of(*scores(i, n)), skill_of(*scores(i + 1, n))) for i in range(0, 60, 2) for n in (20, 30)]
    together = intervals(statistics, 0.95, S, 499)
    for index in (0, 1, 40, 59):
        alone = one(statistics[index], resamples=499)
        assert (together[index].estimate, *limits(together[index])) == pytest.approx((alone.estimate, *limits(alone)), rel=1e-10)
        assert (together[index].n, together[index].p) == (alone.n, alone.p)


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    statistic = difference(skill_of(*scores(1, 40)), skill_of(*scores(2, 40)))
    whole = one(statistic, resamples=499)
    monkeypatch.setattr(resample, "_BLOCK", 40 * 7)
    assert limits(one(statistic, resamples=499)) == pytest.approx(limits(whole), rel=1e-12)


def test_many_cases_take_fewer_resamples() -> None:
    x = np.random.default_rng(0).normal(1, 1, 6000)
    found = one(mean_of(x))
    assert found.p == 2 / (resample.RESAMPLES // 5 + 1)
    half = 1.96 * x.std() / np.sqrt(6000)
    assert limits(found) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.15 * half)


def test_another_seed_is_another_set_of_resamples() -> None:
    statistic = mean_of(scores(1, 40)[0])
    first, second = (intervals([statistic], 0.95, Streams(seed))[0] for seed in (0, 1))
    assert limits(first) != limits(second)
    assert limits(first) == pytest.approx(limits(second), abs=0.01)
