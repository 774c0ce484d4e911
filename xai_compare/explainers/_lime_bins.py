"""The lime package's neighbourhood and local fit on whole arrays: the same draws, kernel and ridge without its loop over features.

The package's own explainer says what the bins, their frequencies and the kernel are; it draws and fits nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["Neighbourhood", "local_ridge"]


@dataclass(frozen=True, slots=True, eq=False)
class _Feature:
    """The sampling law of one feature, cell by cell.

    A cell is what the package draws first: one of the quartile bins, or one of the categories. Inside a bin it then draws a
    normal value cut off at the bin's ends; a category is the value itself, as is a bin that is a single point.

    One law is not the package's: such a bin (a constant column, or ties across a quartile) keeps its value. The package puts
    the standardised end there, which is 0 whatever the point: a column that is always 2,020 would become 0.

    Attributes
    ----------
    cells : (c,) the number of each bin, or each category.
    borders : (c - 1,) between the cells, in the uniform number that draws one.
    centre, scale, start, run : (c,) such that centre + scale * ndtri(start + u * run) is a draw inside a cell; scale 0 for a point.
    """

    cells: Array
    borders: Array
    centre: Array
    scale: Array
    start: Array
    run: Array

    def draw_cells(self, samples: int, rng: np.random.RandomState) -> IntArray:
        """(samples,) positions in `cells`, as numpy's `choice` draws them: how many borders the uniform number has reached."""
        u = rng.random_sample(samples)
        if len(self.borders) > 3:  # a category
            return self.borders.searchsorted(u, side="right")
        reached = np.zeros(samples, dtype=np.int8)  # of few borders, faster than a search
        for border in self.borders:
            reached += u >= border
        return reached.astype(np.int64)

    def draw_values(self, cell: IntArray, rng: np.random.RandomState) -> Array:
        """(m,) values drawn inside the cells (m,); a single point uses up no random number."""
        wide = self.scale != 0
        if wide.all():
            return self._inside(cell, rng)
        out, inside = self.centre[cell], wide[cell]
        out[inside] = self._inside(cell[inside], rng)
        return out

    def _inside(self, cell: IntArray, rng: np.random.RandomState) -> Array:
        u = rng.random_sample(len(cell))
        z = ndtri(self.start.take(cell) + u * self.run.take(cell))
        return np.asarray(self.centre.take(cell) + self.scale.take(cell) * z)


def _feature(explainer: Any, j: int) -> _Feature:
    """The law of feature j, from the package's own tables."""
    cells, bins = np.array(explainer.feature_values[j], dtype=np.float64), explainer.discretizer
    borders = np.cumsum(explainer.feature_frequencies[j])
    borders = (borders / borders[-1])[:-1]
    if j not in bins.means:
        none = np.zeros(len(cells))
        return _Feature(cells, borders, cells, none, none, none)
    low, high, mean, sd = (np.array(each[j])[cells.astype(int)] for each in (bins.mins, bins.maxs, bins.means, bins.stds))
    a, b = (low - mean) / sd, (high - mean) / sd
    # Probabilities are precise in the lower tail only: a bin above its mean is mirrored, and u still counts from its lower end.
    sign, point = np.where(a > 0, -1.0, 1.0), a == b
    start, end = ndtr(sign * a), ndtr(sign * b)
    return _Feature(cells, borders, np.where(point, low, mean), np.where(point, 0.0, sign * sd), start, end - start)


def _with_hole(known: _Feature, share: float) -> _Feature:
    """The law of a number that is missing as often as this: one more cell, the last, whose value is NaN."""
    none = np.zeros(1)
    return _Feature(
        np.append(known.cells, np.inf),
        np.append(known.borders, 1.0) * (1 - share),
        np.append(known.centre, np.nan),
        *(np.concatenate([each, none]) for each in (known.scale, known.start, known.run)),
    )


class Neighbourhood:
    """The sampling law and the kernel of one explainer of the package.

    Parameters
    ----------
    explainer : a LimeTabularExplainer with its quartile discretizer.
    holes : for each number with missing values, an explainer of its known values alone and the share that is missing.
    """

    def __init__(self, explainer: Any, holes: Mapping[int, tuple[Any, float]]) -> None:
        self._discretizer = explainer.discretizer
        self._holes = {j: known.discretizer for j, (known, _) in holes.items()}
        columns = range(len(explainer.feature_values))
        self._features = [_with_hole(_feature(holes[j][0], 0), holes[j][1]) if j in holes else _feature(explainer, j) for j in columns]
        # The distance of a row is the root of the number of features that do not match: few, so the kernel is a table.
        self._kernel = explainer.base.kernel_fn(np.sqrt(np.arange(len(self._features) + 1)))

    def own_cells(self, cases: Array) -> IntArray:
        """(n, d) the cell of each value of the cases (n, d); -1 where the background has none like it."""
        binned = self._discretizer.discretize(cases)
        for j, discretizer in self._holes.items():
            binned[:, j] = discretizer.discretize(cases[:, [j]])[:, 0]
        out = np.full(cases.shape, -1, dtype=np.int64)
        for j, feature in enumerate(self._features):
            rows, found = np.nonzero(binned[:, j, None] == feature.cells)
            out[rows, j] = found
            out[np.isnan(cases[:, j]), j] = len(feature.cells) - 1 if j in self._holes else -1
        return out

    def draw(self, case: Array, own: IntArray, samples: int, rng: np.random.RandomState) -> tuple[BoolArray, Array]:
        """Which features match the case, and the values drawn, both (d, samples). The first row is the case itself.

        case, own : (d,) its values and its cells. The random numbers are used in the package's order: all cells, then all values.
        """
        same, numbers = np.empty((len(case), samples), dtype=bool), np.empty((len(case), samples))
        cells = [feature.draw_cells(samples, rng) for feature in self._features]
        for j, feature in enumerate(self._features):
            np.equal(cells[j], own[j], out=same[j])
            numbers[j, 1:] = feature.draw_values(cells[j][1:], rng)
        same[:, 0], numbers[:, 0] = True, case
        return same, numbers

    def weights(self, same: BoolArray) -> Array:
        """(samples,) the package's kernel, where `same` (d, samples) says which features match."""
        return np.asarray(self._kernel[len(same) - np.count_nonzero(same, axis=0)])


def local_ridge(same: BoolArray, outputs: Array, weights: Array) -> tuple[Array, float]:
    """(d,) coefficients and R2 of the package's weighted ridge regression of the outputs (m,) on what matches (d, m).

    scikit-learn's Ridge(alpha=1) with an intercept, by its normal equations. With every feature kept, the package's
    feature selection only orders them.
    """
    root, total = np.sqrt(weights), weights.sum()
    x = same.astype(np.float64)
    x -= (x @ weights / total)[:, None]
    x *= root
    y = root * (outputs - outputs @ weights / total)
    coefficients = np.linalg.solve(x @ x.T + np.eye(len(x)), x @ y)
    left, spread = y - coefficients @ x, y @ y
    return coefficients, float(1 - left @ left / spread) if spread else 1.0
