"""Reading intervals and p-values off a distribution, so that the two can never contradict each other. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from xai_compare.compare.rows import Interval
from xai_compare.types import Array

__all__ = [
    "ALL_EQUAL",
    "BCA",
    "BOOTSTRAP_T",
    "decides",
    "excludes_zero",
    "holm",
    "invert",
    "newcombe",
    "percentile",
    "significant",
    "wilson",
]

ALL_EQUAL, BCA, BOOTSTRAP_T = "all equal", "BCa, few differing cases", "bootstrap-t"

_NORMAL = NormalDist()
_ROUNDING = 1e-9  # of a rank: keeps 10,000 * (1 - 0.9) / 2 from falling to 499
_EQUAL = 1e-12  # of an alpha: p is a ratio of whole numbers and may meet it exactly


def invert(ends: Array, level: float, bias: float = 0.0, acceleration: float = 0.0) -> tuple[float, float, float]:
    """The interval between two order statistics of `ends`, and the p-value that inverts it for the value 0.

    One function serves all intervals: the percentile interval reads resampled estimates, bootstrap-t reads
    estimate - se * t, BCa reads resampled estimates at shifted probabilities. With R ends the limit at one-sided
    probability b is the floor((R + 1) b)-th from its side, and p = 2 (1 + number of ends on the far side of 0) / (R + 1).

    Parameters
    ----------
    ends : (R,) in any order, infinite values allowed. NaN, a resample without a value, counts as infinite on both sides.
    level : two-sided confidence level in (0, 1).
    bias, acceleration : z0 and a of BCa (Efron & Tibshirani 1993, ch. 14; DiCiccio & Efron 1996); 0 reads the ends as they are.

    Returns
    -------
    low, high (infinite where R or NaN leave no limit) and p in [0, 1]: p <= 1 - level if and only if the interval excludes 0.

    Examples
    --------
    >>> invert(np.arange(-9.0, 30.0), 0.9)  # 39 ends: the second from each side; 10 of them are not above 0
    (-8.0, 28.0, 0.55)
    """
    known = np.sort(ends[~np.isnan(ends)])
    lost = len(ends) - len(known)
    low, below = _side(known, lost, (1 - level) / 2, (bias, acceleration))
    high, above = _side(-known[::-1], lost, (1 - level) / 2, (-bias, -acceleration))
    return low, -high, min(1.0, 2 * min(below, above))


def _side(known: Array, lost: int, tail: float, shift: tuple[float, float]) -> tuple[float, float]:
    """The lower limit, and the smallest tail probability whose lower limit lies above 0."""
    total = len(known) + lost + 1
    rank = math.floor(total * _shifted(tail, *shift) + _ROUNDING) - lost
    limit = float(known[min(rank, len(known)) - 1]) if rank >= 1 and len(known) else -math.inf
    first = lost + int(np.searchsorted(known, 0.0, side="right")) + 1
    return limit, _unshifted(first / total, *shift) if first < total else 1.0


def _shifted(tail: float, bias: float, acceleration: float) -> float:
    if not bias and not acceleration:
        return tail
    z = bias + _NORMAL.inv_cdf(tail)
    return _NORMAL.cdf(bias + z / max(1 - acceleration * z, 1e-6))


def _unshifted(probability: float, bias: float, acceleration: float) -> float:
    if not bias and not acceleration:
        return probability
    w = _NORMAL.inv_cdf(probability) - bias
    return _NORMAL.cdf(w / max(1 + acceleration * w, 1e-6) - bias)


def percentile(estimate: float, replicates: Array | None, level: float, n: int) -> Interval:
    """Percentile interval from resampled predictions (Efron & Tibshirani 1993, ch. 13).

    Parameters
    ----------
    estimate : the statistic on the predictions as they are.
    replicates : (R,) the statistic on each resample; NaN (say, a resample with one class) is dropped, and counted in `how`.
    level : confidence level.
    n : how many rows were predicted.

    Examples
    --------
    >>> percentile(0.8, np.linspace(0.7, 0.9, 199), 0.95, 50).low
    0.704...
    """
    if math.isnan(estimate):
        return Interval(None, None, None, n, "undefined")
    if replicates is None:
        return Interval(estimate, None, None, n, "no resamples")
    known = replicates[~np.isnan(replicates)]
    low, high, p = invert(known, level)
    if math.isinf(low) or math.isinf(high):
        return Interval(estimate, None, None, n, "too few resamples")
    dropped = len(replicates) - len(known)
    how = "resampled predictions" + (f", {dropped} of {len(replicates)} undefined" if dropped else "")
    return Interval(estimate, low, high, n, how, p)


def wilson(successes: int, n: int, level: float) -> Interval:
    """Wilson's score interval of a share (Wilson 1927), n >= 0 cases.

    Examples
    --------
    >>> share = wilson(8, 10, 0.95)
    >>> share.estimate, round(share.low, 3), round(share.high, 3)
    (0.8, 0.49, 0.943)
    """
    if n == 0:
        return Interval(None, None, None, 0, "no cases")
    share, z = successes / n, _NORMAL.inv_cdf((1 + level) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At no or all successes the limit is 0 or 1 exactly; rounding must not push the share out of its interval.
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)), n, "Wilson")


def newcombe(a: Interval, b: Interval) -> Interval:
    """The difference a - b of two shares of different cases, from their Wilson intervals (Newcombe 1998, method 10).

    Examples
    --------
    >>> difference = newcombe(wilson(56, 70, 0.95), wilson(48, 80, 0.95))
    >>> round(difference.estimate, 4), round(difference.low, 4), round(difference.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    if a.estimate is None or b.estimate is None:
        return Interval(None, None, None, a.n, "no cases")
    assert None not in (a.low, a.high, b.low, b.high), "an interval by Wilson has both ends"
    below, above = (math.hypot(one.estimate - one.low, other.high - other.estimate) for one, other in ((a, b), (b, a)))  # type: ignore[operator]
    difference = a.estimate - b.estimate
    return Interval(difference, difference - below, difference + above, a.n, "Newcombe")


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values (Holm 1979), in the order given.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    adjusted, reached = [0.0] * len(p), 0.0
    for passed, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        reached = max(reached, min(1.0, (len(p) - passed) * p[index]))
        adjusted[index] = reached
    return tuple(adjusted)


def excludes_zero(interval: Interval) -> bool:
    """Whether there is an interval and 0 lies strictly outside it."""
    return interval.low is not None and interval.high is not None and (interval.low > 0 or interval.high < 0)


def decides(interval: Interval) -> bool:
    """Whether an interval may carry a verdict.

    One that rests on fewer than eight differing cases may not: simulated, its nominal 95 % covers 73 % (three cases) to
    88 % (seven), and its p is far too small. It is shown, flagged, and decides nothing.
    """
    return interval.p is not None and interval.how in (BOOTSTRAP_T, ALL_EQUAL)


def significant(p: float | None, level: float) -> bool:
    """Whether there is a p and it is at most 1 - level.

    Examples
    --------
    >>> significant(0.1, 0.9)  # although 1 - 0.9 is a little less
    True
    """
    return p is not None and p <= 1 - level + _EQUAL
