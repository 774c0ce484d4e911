"""Simulated studies whose truth is known: how many intervals hold it? Shared by the tests and by `make coverage`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xai_compare.compare.best import best_of
from xai_compare.compare.intervals import invert
from xai_compare.compare.resample import contrasts, difference, intervals, mean_of, resampled_means, skill_of
from xai_compare.compare.skill import skill_gap
from xai_compare.streams import Streams
from xai_compare.types import Array, Scores

FULL = 4000
LEVEL = 0.95
BAR = {50: (0.925, 0.965), 200: (0.935, 0.965)}
"""By number of cases: what the coverage of a nominal 95 % interval may be."""

SLICES = ((30, 120), (75, 75))
SLICE_RESAMPLES = 1999
"""Cases in a slice and in the rest, and the resamples that a report takes for their difference."""

Ends = Sequence[tuple[float | None, float | None]]


@dataclass(frozen=True)
class Coverage:
    """Of `studies` intervals the share that held the truth, its standard error, and their mean width where they had limits."""

    share: float
    error: float
    width: float
    studies: int


def covered(ends: Ends, truth: float = 0.0) -> Coverage:
    """An interval without limits does not hold the truth."""
    known = [(low, high) for low, high in ends if low is not None and high is not None]
    share = sum(low <= truth <= high for low, high in known) / len(ends)
    return Coverage(share, float(np.sqrt(share * (1 - share) / len(ends))), float(np.mean([high - low for low, high in known])), len(ends))


# ---- differences of the same cases


def mild(draw: np.random.Generator, size: tuple[int, int]) -> Array:
    return draw.gamma(4, 1, size) - 4


def skewed(draw: np.random.Generator, size: tuple[int, int]) -> Array:
    return draw.lognormal(0, 0.75, size) - np.exp(0.75**2 / 2)


def zero_heavy(draw: np.random.Generator, size: tuple[int, int]) -> Array:
    return np.where(draw.random(size) < 0.4, draw.normal(1, 1, size), 0) - 0.4 * 1


def bounded(draw: np.random.Generator, size: tuple[int, int]) -> Array:
    return draw.beta(2, 6, size) - draw.beta(3, 6, size) - (2 / 8 - 3 / 9)


def sparse_symmetric(draw: np.random.Generator, size: tuple[int, int]) -> Array:
    return np.where(draw.random(size) < 0.3, draw.normal(0, 1, size), 0)


def heavy_symmetric(draw: np.random.Generator, size: tuple[int, int]) -> Array:
    return draw.lognormal(0, 1, size) - draw.lognormal(0, 1, size)


SHAPES = (mild, skewed, zero_heavy, bounded)
# 70 % ties and the rest symmetric, or two long tails: coverage .90 to .93, and no mask over it.
HARD = (sparse_symmetric, heavy_symmetric)


def gaps(shape: Callable[..., Array], n: int, studies: int) -> list[Array]:
    """Paired differences with mean 0, on top of scores of which they are differences."""
    draw = np.random.default_rng([n, (*SHAPES, *HARD).index(shape)])
    base = draw.random((studies, n))
    return [difference(mean_of(b + d), mean_of(b)) for b, d in zip(base, shape(draw, (studies, n)), strict=True)]


def skills(n: int, studies: int) -> list[Array]:
    """Two skills of 2/3, of scores that rise and fall with their chance, so that denominators vary."""
    draw = np.random.default_rng([n, 9])
    statistics = []
    for _ in range(studies):
        chance, ease = draw.beta(1, 4, n), draw.normal(0, 0.5, n)
        sides = []
        for _ in range(2):
            room = (1 - chance) * draw.uniform(0.5, 1, n)
            sides.append(skill_of(chance + room / (1 + np.exp(-(ease + draw.normal(0.85, 0.9, n)))), chance, chance + room))
        statistics.append(difference(*sides))
    return statistics


def coverage(statistics: list[Array], resamples: int) -> Coverage:
    """Of the intervals that a report shows."""
    ends: list[tuple[float | None, float | None]] = []
    for block in range(0, len(statistics), 100):  # other resamples for every hundred studies, lest all share one draw's luck
        found = intervals(statistics[block : block + 100], LEVEL, Streams(block), resamples)
        ends += [(one.low, one.high) for one in found]
    return covered(ends)


def percentile_coverage(statistics: list[Array], resamples: int) -> Coverage:
    """Of percentile intervals, which a report does not show, on the same resamples."""
    ends: list[tuple[float | None, float | None]] = []
    for block in range(0, len(statistics), 100):
        some = np.stack(statistics[block : block + 100])
        means = resampled_means(some.reshape(-1, some.shape[-1]), Streams(block), resamples).reshape(*some.shape[:-1], resamples)
        first, second = (means[:, side, 0] / means[:, side, 1] for side in (0, 1))
        ends += [invert(values, LEVEL)[:2] for values in first - second]
    return covered(ends)


# ---- a slice against the rest


def two_means(draw: np.random.Generator, sizes: tuple[int, int]) -> tuple[Array, Array]:
    a, b = (draw.lognormal(0, 0.75, n) for n in sizes)
    return mean_of(a), mean_of(b)


def two_skills(draw: np.random.Generator, sizes: tuple[int, int]) -> tuple[Array, Array]:
    def one(n: int) -> Array:
        x = draw.lognormal(0, 0.75, n)
        return skill_of(1 + x * draw.uniform(0.9, 1.1, n), np.ones(n), 1 + 2 * x)

    return one(sizes[0]), one(sizes[1])


def two_gaps(draw: np.random.Generator, sizes: tuple[int, int]) -> tuple[Array, Array]:
    def one(n: int, gap: float) -> Array:
        base = draw.normal(0, 3, n)
        return difference(mean_of(base + draw.gamma(2, gap / 2, n)), mean_of(base))

    return one(sizes[0], 0.3), one(sizes[1], 0.1)


SIDES = {two_means: 0.0, two_skills: 0.0, two_gaps: 0.2}
"""What is set against each other, and the true difference."""


def contrast_coverage(make: Callable[..., tuple[Array, Array]], sizes: tuple[int, int], studies: int, resamples: int = 399) -> Coverage:
    ends: list[tuple[float | None, float | None]] = []
    for block in range(0, studies, 50):
        draw = np.random.default_rng([block, 7, *sizes])
        found = contrasts([make(draw, sizes) for _ in range(50)], LEVEL, Streams(block), resamples)
        ends += [(one.low, one.high) for one in found]
    return covered(ends, SIDES[make])


# ---- two models of equal skill, each by its best method


def tied(draw: np.random.Generator, methods: int, n: int, alike: float, lift: float = 0.0) -> dict[str, Scores]:
    """Methods of the same true skill whose scores of a case have a correlation of `alike`."""
    shared = np.sqrt(alike) * draw.normal(size=n)
    noise = (shared + np.sqrt(1 - alike) * draw.normal(size=n) for _ in range(methods))
    return {f"method{i}": Scores(0.6 + lift + 0.15 * one, np.full(n, 0.1), np.ones(n)) for i, one in enumerate(noise)}


def told_apart(statistics: list[Array], resamples: int = 399) -> tuple[Array, float]:
    """Estimates, and the share of gaps that are told apart from 0."""
    found = []
    for block in range(0, len(statistics), 100):
        found += intervals(statistics[block : block + 100], LEVEL, Streams(block), resamples)
    estimates = np.array([one.estimate for one in found], dtype=np.float64)
    return estimates, float(np.mean([one.p is not None and one.p <= 1 - LEVEL for one in found]))


def best_of_each(studies: int, methods: tuple[int, int], alike: float, n: int = 60) -> tuple[Array, float]:
    """Two models with so many methods each, all of the same skill: the gaps by `best_method`, and how many are told apart."""
    draw = np.random.default_rng([studies, *methods, n])
    found = []
    for study in range(studies):
        a, b = (best_of(tied(draw, count, n, alike), {}, Streams(study)) for count in methods)
        assert a is not None
        assert b is not None
        found.append(skill_gap(a.scores, b.scores, ""))
    return told_apart(found)
