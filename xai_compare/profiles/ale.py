"""Accumulated local effects: how the output moves with a number, without taking any row far from where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_compare.effects import OWN, Column, Grid, ask_pairs, chained, column_of, grid_of, places
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.profiles import PROFILES
from xai_compare.profiles._rows import FEWEST, QUANTILES, band, check, draw, known_rows, resamples, size_within
from xai_compare.streams import Streams
from xai_compare.types import Array, Data, FeatureCurve, IntArray, Model, Output, Profile

__all__ = ["Ale"]


@PROFILES.register("ale")
@dataclass(frozen=True, slots=True)
class Ale:
    """Accumulated local effects of the numeric features (Apley & Zhu 2020), over test rows drawn by seed.

    Each row is asked at both ends of its bin only (in a column of few values: at the next value on either side); the mean steps add up
    to the curve. Rows stay near the data, so that features which depend on each other do not borrow from each other, and what a feature
    does only together with others appears as far as its bin's rows share it. Bins hold about equally many rows, at least 5.
    The curve is 0 on average over the rows (straight lines between the nodes), in the unit of the output. Of a linear model it is a line
    with the slope of the weight; of a feature that the model does not use it is 0.

    The band holds the pointwise percentiles over resampled rows, bins as they are: it speaks of the choice of rows, not of another
    training run. Categories have no order to walk along: left out. So are rows without a value, for their feature.

    Cost: at most 2 model rows per row and numeric feature, plus 1 per row, in a few calls; `budget` caps the first number.

    Parameters
    ----------
    rows : the most test rows. bins : the most of each feature. resamples : how many. level : of the band.
    budget : about how many model rows; never under 50 test rows.
    """

    title: ClassVar[str] = "Accumulated local effects"
    citation: ClassVar[str] = "Apley & Zhu 2020"
    cost: ClassVar[str] = "at most 2 model rows per sampled test row and numeric feature, plus 1 per row"
    reading: ClassVar[str] = "the output's steps from value to value added up, every row kept near where it is"

    rows: int = 1000
    bins: int = 20
    resamples: int = 500
    level: float = 0.95
    budget: int = 200_000

    def __post_init__(self) -> None:
        check(rows=(self.rows, FEWEST), bins=(self.bins, 4), resamples=(self.resamples, 100), budget=(self.budget, 1))
        if not 0 < self.level < 1:
            raise XaiCompareError(f"level must lie between 0 and 1, found {self.level:g}")

    def __call__(
        self, model: Model, data: Data, output: Output, target: int, streams: Streams, features: Sequence[str] | None = None
    ) -> Profile:
        """The curves of one model: see `Profiler`."""
        whole = draw(data, features, streams)
        numeric = [name for name, kind in whole.kinds.items() if kind == "numeric"]
        n = size_within(self.rows, len(whole.rows), 2 * len(numeric), self.budget)
        sample = whole.first(n)
        grids: dict[str, tuple[IntArray, Grid]] = {}
        left_out = whole.left_out | {
            name: "its levels have no distance from each other" for name, kind in whole.kinds.items() if kind != "numeric"
        }
        for name in numeric:
            values = column_of(sample.rows.iloc[:, sample.columns[name]], "numeric").values
            known = known_rows(values)
            if len(known) < FEWEST or np.ptp(values[known]) == 0:
                left_out[name] = f"fewer than {FEWEST} rows have a value" if len(known) < FEWEST else "all rows have the same value"
                continue
            grids[name] = known, grid_of(Column(values[known], False), streams.at("grid", name).shared(), self.bins)
        if not grids:
            raise NotApplicable("no feature is a number that varies")
        asked = sample.asked(model, output, target, list(grids))
        answers = ask_pairs(asked, [_of_sample(known, grid.pairs) for known, grid in grids.values()])
        weights = resamples(n, self.resamples, streams)
        curves = [
            self._curve(name, grid, chained(grid, (a - b)[:, 0], weights[:, known]), n)
            for (name, (known, grid)), (a, b) in zip(grids.items(), answers, strict=True)
        ]
        return Profile(tuple(curves), output, target, self.level, left_out, asked.spent)

    def _curve(self, name: str, grid: Grid, found: Array, n: int) -> FeatureCurve:
        share = places(grid.x, grid.value).mean(axis=0)
        known = len(grid.value)
        return FeatureCurve(
            name,
            "numeric",
            grid.x,
            (),
            *band(found, self.level),
            share=share,
            quantiles=np.quantile(grid.value, QUANTILES),
            n=known,
            missing=n - known,
        )


def _of_sample(known: IntArray, pairs: IntArray) -> IntArray:
    """Pairs of rows with a value as pairs of rows of the sample."""
    at = pairs.copy()
    for column in (0, 3, 4):
        at[:, column] = np.where(pairs[:, column] == OWN, OWN, known[pairs[:, column]])
    return at
