"""Coverage: of many simulated studies, how many intervals hold the truth?"""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.compare.resample import difference, intervals, mean_of, skill_of
from xai_compare.streams import Streams
from xai_compare.types import Array

FULL = 4000
BAR = {50: (0.925, 0.965), 200: (0.935, 0.965)}


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


def gaps(shape, n: int, studies: int) -> list[Array]:
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


def coverage(statistics: list[Array], resamples: int) -> float:
    held = 0
    for block in range(0, len(statistics), 100):  # other resamples for every hundred studies, lest all share one draw's luck
        found = intervals(statistics[block : block + 100], 0.95, Streams(block), resamples)
        held += sum(one.low <= 0 <= one.high for one in found)
    return held / len(statistics)


@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_roughly(shape) -> None:
    # 400 studies: the standard error of a coverage of 0.95 is 0.011.
    assert 0.91 <= coverage(gaps(shape, 50, 400), 399) <= 0.98


def test_coverage_of_a_ratio_roughly() -> None:
    assert 0.91 <= coverage(skills(50, 400), 399) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("n", BAR)
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage(shape, n: int) -> None:
    low, high = BAR[n]
    assert low <= coverage(gaps(shape, n, FULL), 999) <= high


@pytest.mark.slow
@pytest.mark.xfail(reason="a known limit of bootstrap-t: it corrects for skewness, which few heavy-tailed cases show by chance alone")
@pytest.mark.parametrize(("shape", "n"), [(sparse_symmetric, 50), (heavy_symmetric, 50), (heavy_symmetric, 200)])
def test_coverage_where_bootstrap_t_falls_short(shape, n: int) -> None:
    low, high = BAR[n]
    assert low <= coverage(gaps(shape, n, FULL), 999) <= high


@pytest.mark.slow
@pytest.mark.parametrize("n", BAR)
def test_coverage_of_a_ratio(n: int) -> None:
    low, high = BAR[n]
    assert low <= coverage(skills(n, FULL), 999) <= high
