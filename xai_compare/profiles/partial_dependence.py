"""Partial dependence: the mean output if every row had the same value of one feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_compare.effects import places
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.profiles import PROFILES
from xai_compare.profiles._rows import FEWEST, QUANTILES, Sample, band, check, draw, known_rows, resamples, size_within
from xai_compare.streams import Streams
from xai_compare.types import Array, Data, FeatureCurve, Inputs, IntArray, Model, Output, Profile

__all__ = ["PartialDependence"]

_RARE = 5  # rows that a level needs to be told
_MISSING = "(missing)"


@PROFILES.register("partial_dependence")
@dataclass(frozen=True, slots=True)
class PartialDependence:
    """Partial dependence (Friedman 2001) of numbers and categories, over test rows drawn by seed.

    At each value on the grid: the mean output if all rows had it, all else as it is. Numbers are asked at values that rows have, at equal
    steps of the rows; categories at each level that at least 5 of the rows have, the most frequent ones first; a missing category is a
    level. The curve is 0 on average over the rows, in the unit of the output. Where features depend on each other it asks the model about
    rows that do not occur; accumulated local effects avoid that for numbers.

    The band holds the pointwise percentiles over resampled rows: it speaks of the choice of rows, not of another training run.

    Cost: 1 model row per row and value on the grid, plus 1 per row, in a few calls; `budget` caps the first number.

    Parameters
    ----------
    rows : the most test rows. points : the most values of a number. levels : the most of a category.
    resamples : how many. level : of the band. budget : about how many model rows; never under 50 test rows.
    """

    title: ClassVar[str] = "Partial dependence"
    citation: ClassVar[str] = "Friedman 2001"
    cost: ClassVar[str] = "1 model row per sampled test row and value on the grid, plus 1 per row"
    reading: ClassVar[str] = "the mean output if every row had the value"

    rows: int = 200
    points: int = 20
    levels: int = 12
    resamples: int = 500
    level: float = 0.95
    budget: int = 200_000

    def __post_init__(self) -> None:
        least = {"rows": (self.rows, FEWEST), "points": (self.points, 2), "levels": (self.levels, 2), "budget": (self.budget, 1)}
        check(**least, resamples=(self.resamples, 100))
        if not 0 < self.level < 1:
            raise XaiCompareError(f"level must lie between 0 and 1, found {self.level:g}")

    def __call__(
        self, model: Model, data: Data, output: Output, target: int, streams: Streams, features: Sequence[str] | None = None
    ) -> Profile:
        """The curves of one model: see `Profiler`."""
        whole = draw(data, features, streams)
        # What a row costs is known only once the grids are: those of the most rows first, then of as many as the budget has room for.
        n = min(self.rows, len(whole.rows))
        walks, _ = self._walks(sample := whole.first(n))
        n = size_within(n, n, sum(len(walk.source) for walk in walks.values()), self.budget)
        walks, left_out = self._walks(sample := whole.first(n))
        if not walks:
            raise NotApplicable("no feature has two values that can be compared")
        asked = sample.asked(model, output, target, list(walks))
        feature = np.repeat(np.arange(len(walks)), [n * len(walk.source) for walk in walks.values()])
        source = np.concatenate([np.tile(walk.source, n) for walk in walks.values()])
        row = np.concatenate([np.repeat(np.arange(n), len(walk.source)) for walk in walks.values()])
        answers = np.split(asked(feature, row, source)[:, 0], np.cumsum([n * len(walk.source) for walk in walks.values()])[:-1])
        weights = resamples(n, self.resamples, streams)
        curves = [
            walk.curve(name, sample.kinds[name], band(_centred(found.reshape(n, -1), walk, weights), self.level), n)
            for (name, walk), found in zip(walks.items(), answers, strict=True)
        ]
        return Profile(tuple(curves), output, target, self.level, left_out, asked.spent)

    def _walks(self, sample: Sample) -> tuple[dict[str, _Walk], dict[str, str]]:
        """The values at which each feature is asked, and why the others are not."""
        walks, left_out = {}, dict(sample.left_out)
        for name, kind in sample.kinds.items():
            column = sample.rows.iloc[:, sample.columns[name]]
            walk = _numbers(column, self.points) if kind == "numeric" else _levels(column, self.levels)
            if walk is None or len(walk.source) < 2:
                left_out[name] = "fewer than two of its values can be compared"
            else:
                walks[name] = walk
        return walks, left_out


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """Where one feature is asked: grid (L,), its levels (L,) or (), a row (L,) that has each value, and `stand` (m, L), how much of each
    node stands for each of the rows `at` (m,) that have a value on the grid.
    """

    grid: Array
    levels: tuple[str, ...]
    source: IntArray
    at: IntArray
    stand: Array
    quantiles: Array

    def curve(self, name: str, kind: str, found: tuple[Array, Array, Array], n: int) -> FeatureCurve:
        share = self.stand.mean(axis=0)
        return FeatureCurve(
            name, kind, self.grid, self.levels, *found, share=share, quantiles=self.quantiles, n=n, missing=n - len(self.at)
        )


def _numbers(column: Inputs, points: int) -> _Walk | None:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = known_rows(values)
    if not len(known):
        return None
    order = known[np.argsort(values[known], kind="stable")]
    picked = order[np.unique(np.round(np.linspace(0, len(order) - 1, points)).astype(np.int64))]
    grid, first = np.unique(values[picked], return_index=True)
    return _Walk(grid, (), picked[first], known, places(grid, values[known]), np.quantile(values[known], QUANTILES))


def _levels(column: Inputs, most: int) -> _Walk | None:
    """Levels in their own order where they have one, else in that of their text."""
    import pandas as pd

    codes, found = pd.factorize(column.astype(object), use_na_sentinel=False)
    names = [_MISSING if pd.isna(value) else str(value) for value in found]
    counts = np.bincount(codes, minlength=len(names))
    frequent = sorted((code for code in range(len(names)) if counts[code] >= _RARE), key=lambda code: (-counts[code], names[code]))[:most]
    own = list(column.cat.categories) if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered else None
    kept = sorted(frequent, key=lambda code: _place(own, found[code], names[code]))
    if not kept:
        return None
    at = np.flatnonzero(np.isin(codes, kept))
    stand = (codes[at][:, None] == np.array(kept)).astype(np.float64)
    source = np.array([int(np.flatnonzero(codes == code)[0]) for code in kept], dtype=np.int64)
    return _Walk(np.arange(len(kept), dtype=np.float64), tuple(names[code] for code in kept), source, at, stand, np.empty(0))


def _place(own: list[object] | None, value: object, name: str) -> tuple[bool, int, str]:
    return name == _MISSING, own.index(value) if own is not None and name != _MISSING else 0, name


def _centred(answers: Array, walk: _Walk, weights: Array) -> Array:
    """(r, L) the mean answers (n, L) under each row of weights, less their mean over the rows that have a value on the grid."""
    means = weights @ answers / weights.sum(axis=1, keepdims=True)
    total = weights[:, walk.at].sum(axis=1, keepdims=True)
    stand = np.divide(weights[:, walk.at] @ walk.stand, total, out=np.zeros_like(means), where=total > 0)
    return np.asarray(means - (means * stand).sum(axis=1, keepdims=True))
