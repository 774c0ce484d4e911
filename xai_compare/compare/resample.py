"""Bootstrap intervals of means, skills and their differences over cases. Pure array functions.

A statistic is an array (s, 2, n): s = 1 ratio of means or s = 2 of which the second is taken from the first; per ratio
its n numerators and its n denominators. A mean has denominators 1, a skill score - chance over ceiling - chance.
All statistics on n cases see the same resamples, so that rows of one report can be set side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from statistics import NormalDist

import numpy as np

from xai_compare.compare.intervals import ALL_EQUAL, BCA, BOOTSTRAP_T, invert
from xai_compare.compare.rows import Interval
from xai_compare.streams import Streams
from xai_compare.types import Array

__all__ = ["RESAMPLES", "contrasts", "difference", "estimate", "intervals", "mean_of", "resampled_means", "skill_of"]

RESAMPLES = 9999
_MANY = 5000  # cases above which a fifth of the resamples must do: there the limits are nearly normal and each resample is dear
_ROOM = 0.05  # a mean ceiling nearer to chance than this leaves no skill to speak of
_FEW = 8  # differing cases below which bootstrap-t has resamples without spread far too often
_SAME = 1e-12  # relative: differences below it are rounding
_ZERO = 1e-9  # of a skill: a common difference below it is none
_BLOCK = 2**22  # numbers in one block of resample counts: 32 MiB
_COLUMNS = 2**23  # numbers in one batch of columns: 64 MiB


def mean_of(values: Array) -> Array:
    """The mean of values (n,) as a statistic (1, 2, n)."""
    return np.stack([values, np.ones_like(values)])[np.newaxis]


def skill_of(score: Array, chance: Array, ceiling: Array) -> Array:
    """Skill, (mean score - mean chance) / (mean ceiling - mean chance), of arrays (n,) as a statistic (1, 2, n)."""
    return np.stack([score - chance, ceiling - chance])[None]


def difference(a: Array, b: Array) -> Array:
    """Statistic a minus statistic b of the same cases, each (1, 2, n), as a statistic (2, 2, n)."""
    return np.concatenate([a, b])


def estimate(statistic: Array) -> float | None:
    """The value of a statistic (s, 2, n) on its cases; None without cases, or with a mean denominator within 0.05 of 0."""
    return _settle(statistic).estimate


def intervals(statistics: Sequence[Array], level: float, streams: Streams, resamples: int | None = None) -> list[Interval]:
    """Estimate, interval and p-value of each statistic, by resampling cases.

    Bootstrap-t (Efron & Tibshirani 1993, ch. 12) with the standard error of the linearised statistic inside each resample;
    a resample without spread counts as infinite. BCa (DiCiccio & Efron 1996) where fewer than 8 cases differ from the rest.

    Parameters
    ----------
    statistics : arrays (s, 2, n) as made by `mean_of`, `skill_of` and `difference`; n may differ between them.
    level : two-sided confidence level, in [0.5, 0.999].
    streams : where the resamples come from; they depend on it and on n only.
    resamples : R, by default 9999, or 1999 above 5000 cases; p is hardly ever below 2 / (R + 1).

    Returns
    -------
    One `Interval` per statistic; without limits where `how` is "no room" (a mean denominator within 0.05 of 0, or of unsure sign),
    "all equal" (no case differs), "too few cases" (n < 2) or "few differing cases" (the level is too high for them).

    Examples
    --------
    >>> gap = intervals([mean_of(np.arange(50.0))], 0.95, Streams(0))[0]
    >>> gap.estimate, 19 < gap.low < 21, 28 < gap.high < 30, gap.how
    (24.5, True, True, 'bootstrap-t')
    """
    found: dict[int, Interval] = {}
    waiting: dict[int, dict[int, _Linear]] = {}
    for index, statistic in enumerate(statistics):
        settled = _settle(statistic)
        if isinstance(settled, Interval):
            found[index] = settled
        else:
            waiting.setdefault(statistic.shape[2], {})[index] = settled
    for n, linear in waiting.items():
        count = resamples or (RESAMPLES if n <= _MANY else RESAMPLES // 5)
        found |= dict(zip(linear, _resampled_intervals(list(linear.values()), n, level, streams, count), strict=True))
    return [found[index] for index in range(len(statistics))]


def contrasts(sides: Sequence[tuple[Array, Array]], level: float, streams: Streams, resamples: int = RESAMPLES) -> list[Interval]:
    """First statistic minus second, each on its own cases: two independent samples, as a slice and the rest.

    Bootstrap-t with the two samples resampled apart (Efron & Tibshirani 1993, ch. 16); its standard error is that of both.

    Parameters
    ----------
    sides : statistics (s, 2, n) and (s, 2, m), as for `intervals`.

    Returns
    -------
    One `Interval` per pair, n that of the first. Without limits where `how` is "no room", "too few cases", "all equal" (neither side
    differs between its cases) or "few differing cases" (fewer than 8 on both sides together).
    """
    found = []
    for first, second in sides:
        settled = _settle(first), _settle(second)
        dead = next((one for one in settled if isinstance(one, Interval) and one.how != ALL_EQUAL), None)
        if dead is not None:
            found.append(Interval(None, None, None, first.shape[2], dead.how))
            continue
        sizes = first.shape[2], second.shape[2]
        moved = [_moved(one, n, streams.at(side), resamples) for one, n, side in zip(settled, sizes, ("first", "second"), strict=True)]
        found.append(_contrast(settled, moved, sizes, level))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """A statistic in coordinates that are 0 on average over its cases.

    columns (m, n): those of u, ga, fb, gb that are not 0 throughout, and `used` (m,) which. With f = (numerator - ratio * denominator)
    / mean denominator, the influence of each case on one ratio, and g = denominator / mean denominator - 1, u = fa - fb.
    Keeping u, not fa, as a coordinate means that nothing cancels where a and b differ little.
    scale : size of the numbers behind u, against which rounding is judged.
    """

    estimate: float
    columns: Array
    used: tuple[int, ...]
    scale: float
    differing: int

    @property
    def influence(self) -> Array:
        u: Array = self.columns[0]
        return u


def _settle(statistic: Array) -> _Linear | Interval:
    """The linear form of a statistic, or at once its interval where there is nothing to resample."""
    n = statistic.shape[2]
    if n == 0:
        return Interval(None, None, None, 0, "too few cases")
    top, bottom = statistic[:, 0], statistic[:, 1]
    room = bottom.mean(axis=1)
    if np.any(np.abs(room) < _ROOM):
        return Interval(None, None, None, n, "no room")
    ratio = top.mean(axis=1) / room
    estimate = float(ratio[0] - ratio[1:].sum())
    if n == 1:
        return Interval(estimate, None, None, n, "too few cases")
    linear = _linearise(top / room[:, None], bottom / room[:, None], ratio, estimate)
    if linear.differing:
        return linear
    # Every case differs by the same amount: no interval, but the exact sign-flip test has a p, 2 of its 2^n outcomes.
    return Interval(estimate, None, None, n, ALL_EQUAL, None if abs(estimate) <= _ZERO else 2.0 ** (1 - n))


def _linearise(top: Array, bottom: Array, ratio: Array, estimate: float) -> _Linear:
    """Top and bottom (s, n) in units of the mean denominators."""
    f = top - ratio[:, None] * bottom
    g = bottom - 1
    columns = np.stack([f[0], g[0]]) if len(f) == 1 else np.stack([f[0] - f[1], g[0], f[1], g[1]])
    scale = float(max(np.abs(top).max(), np.abs(ratio[:, None] * bottom).max()))
    used = tuple(np.flatnonzero(columns.any(axis=1)).tolist())
    return _Linear(estimate, columns[list(used)], used, scale, _differing(columns[0], _SAME * scale))


def _differing(values: Array, tolerance: float) -> int:
    """How many values differ from the most frequent one by more than rounding."""
    cluster = np.cumsum(np.diff(np.sort(values), prepend=values.min()) > tolerance)
    return len(values) - int(np.bincount(cluster).max())


def _resampled_intervals(linear: list[_Linear], n: int, level: float, streams: Streams, resamples: int) -> Iterator[Interval]:
    for batch in _batches(linear, max(_COLUMNS // n, 1)):
        columns = np.concatenate([_with_products(one.columns) for one in batch])
        moments = resampled_means(columns, streams, resamples)
        start = 0
        for one in batch:
            stop = start + _width(one)
            yield _interval(one, *_statistic(moments[start:stop], one.used), level)
            start = stop


def _batches(linear: list[_Linear], columns: int) -> Iterator[list[_Linear]]:
    """Statistics in batches of at most `columns` columns and at least one statistic; 256 columns already fill a matrix product."""
    batch: list[_Linear] = []
    for one in linear:
        if batch and sum(map(_width, batch)) + _width(one) > min(columns, 256):
            yield batch
            batch = []
        batch.append(one)
    yield batch


def _width(one: _Linear) -> int:
    m = len(one.used)
    return m + m * (m + 1) // 2


def _with_products(columns: Array) -> Array:
    """(m, n) -> (m + m (m + 1) / 2, n): the columns, then their products in pairs."""
    products = [a * b for a, b in combinations_with_replacement(columns, 2)]
    return np.concatenate([columns, np.stack(products)])


def resampled_means(columns: Array, streams: Streams, resamples: int) -> Array:
    """(c, n) -> (c, R): the mean of each column in each resample of the n cases."""
    n = columns.shape[1]
    draw = streams.at("resample", n).shared()
    means = np.empty((len(columns), resamples))
    step = max(_BLOCK // n, 1)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        means[:, start : start + rows] = columns @ _counts(draw, rows, n).T
    means /= n
    return means


def _counts(draw: np.random.Generator, rows: int, n: int) -> Array:
    """(rows, n): how often each case occurs in each resample."""
    drawn = draw.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def _statistic(moments: Array, used: tuple[int, ...]) -> tuple[Array, Array]:
    """Departure from the estimate, and linearised variance of one case, in each resample: two arrays (R,).

    With A = 1 / (1 + mean ga), B likewise, and departures da = (mean u + mean fb) A, db = mean fb B of the two ratios, a case's influence
    in the resample is A u + (A - B) fb - A da ga + B db gb less its mean; it is taken to second order in the moments.
    NaN where a denominator vanishes or changes its sign.
    """
    means = np.zeros((4, moments.shape[1]))
    means[list(used)] = moments[: len(used)]
    u, ga, fb, gb = means
    a, b = _inverse(1 + ga), _inverse(1 + gb)
    weights = np.stack([a, -a * a * (u + fb), a - b, b * b * fb])
    variance = np.zeros(moments.shape[1])
    for (i, j), product in zip(combinations_with_replacement(used, 2), moments[len(used) :], strict=True):
        variance += (1 if i == j else 2) * weights[i] * weights[j] * (product - means[i] * means[j])
    return u * a + fb * (a - b), variance


def _inverse(room: Array) -> Array:
    return np.divide(1, room, out=np.full_like(room, np.nan), where=room > 0)


def _interval(one: _Linear, departure: Array, variance: Array, level: float) -> Interval:
    departure = _snap(departure, one.scale)
    n = one.columns.shape[1]
    if one.differing < _FEW:
        ends = _snap(one.estimate + departure, one.scale)
        low, high, p = invert(ends, level, _bias(departure), _acceleration(one.influence))
        how = BCA
    else:
        ends = _snap(_bootstrap_t_ends(one, departure, variance), one.scale)
        low, high, p = invert(ends, level)
        how = BOOTSTRAP_T
    if math.isinf(low) or math.isinf(high):
        return Interval(one.estimate, None, None, n, "no room" if np.isnan(ends).any() else "few differing cases")
    return Interval(one.estimate, low, high, n, how, p)


def _moved(one: _Linear | Interval, n: int, streams: Streams, resamples: int) -> tuple[Array, Array]:
    """Departure and linearised variance of one case in each resample, (R,) each: zeros where all cases are equal."""
    if isinstance(one, Interval):
        return np.zeros(resamples), np.zeros(resamples)
    return _statistic(resampled_means(_with_products(one.columns), streams, resamples), one.used)


def _contrast(
    sides: tuple[_Linear | Interval, _Linear | Interval], moved: Sequence[tuple[Array, Array]], sizes: tuple[int, int], level: float
) -> Interval:
    a, b = sides
    assert a.estimate is not None
    assert b.estimate is not None
    estimate = a.estimate - b.estimate
    linear = [one for one in sides if isinstance(one, _Linear)]
    if not linear:
        return Interval(estimate, None, None, sizes[0], ALL_EQUAL)
    if sum(one.differing for one in linear) < _FEW:
        return Interval(estimate, None, None, sizes[0], "few differing cases")
    spread = sum(float(np.mean(one.influence**2)) / n for one, n in zip(sides, sizes, strict=True) if isinstance(one, _Linear))
    departure = moved[0][0] - moved[1][0]
    variance = moved[0][1] / sizes[0] + moved[1][1] / sizes[1]
    scale = max(one.scale for one in linear)
    with np.errstate(divide="ignore", invalid="ignore"):  # as for one sample: without spread t is infinite
        ends = estimate - _snap(departure, scale) * np.sqrt(spread / np.where(variance <= _SAME * spread, 0.0, variance))
    low, high, p = invert(_snap(ends, scale), level)
    if math.isinf(low) or math.isinf(high):
        return Interval(estimate, None, None, sizes[0], "few differing cases")
    return Interval(estimate, low, high, sizes[0], BOOTSTRAP_T, p)


def _bootstrap_t_ends(one: _Linear, departure: Array, variance: Array) -> Array:
    """(R,) estimate - se * t. Without spread in a resample t is infinite; NaN if its departure is 0 as well."""
    spread = float(np.mean(one.influence**2))
    with np.errstate(divide="ignore", invalid="ignore"):  # both are meant, see above
        return one.estimate - departure * np.sqrt(spread / np.where(variance <= _SAME * spread, 0.0, variance))


def _snap(values: Array, scale: float) -> Array:
    """Rounding taken off values that stand for 0, so that ties with 0 count as ties."""
    return np.where(np.abs(values) <= _SAME * scale, 0.0, values)


def _bias(departure: Array) -> float:
    """BCa's z0: the normal quantile of the share of resamples below the estimate, ties counted by half."""
    known = departure[~np.isnan(departure)]
    count = np.sum(known < 0) + 0.5 * np.sum(known == 0)
    return NormalDist().inv_cdf(min(max(float(count), 0.5), len(known) - 0.5) / len(known))


def _acceleration(influence: Array) -> float:
    """BCa's a, a sixth of the skewness of the estimate: within 1/6 of 0."""
    return float(np.sum(influence**3) / (6 * np.sum(influence**2) ** 1.5))
