"""What the profiles share: the rows that they speak of, their resamples, and which features have a curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xai_compare.effects import Asked
from xai_compare.errors import NotApplicable, UnknownName, XaiCompareError, nearest
from xai_compare.streams import Streams
from xai_compare.types import Array, Data, Inputs, IntArray, Model, Output, take

__all__ = ["FEWEST", "QUANTILES", "Sample", "band", "check", "draw", "known_rows", "resamples", "size_within"]

FEWEST = 20
"""Rows below which nothing is said."""

QUANTILES = np.linspace(0, 1, 21)
"""Where the values of a feature are told, for a rug."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Test rows, drawn by seed: the same for every model and method that takes as many.

    columns : {feature: the position of its column}, of the features that have an axis. left_out : why the others have none.
    """

    rows: Inputs
    columns: dict[str, int]
    kinds: dict[str, str]
    left_out: dict[str, str] = field(default_factory=dict)

    def first(self, n: int) -> Sample:
        """The same of its first n rows."""
        return replace(self, rows=take(self.rows, np.arange(n)))

    def asked(self, model: Model, output: Output, target: int, features: Sequence[str]) -> Asked:
        """The model, ready to be asked about these rows with one value swapped in one of the features' columns."""
        columns = [self.columns[name] for name in features]
        return Asked(model, self.rows, len(self.rows), columns, output, lambda outputs: outputs[:, [target]])


def draw(data: Data, features: Sequence[str] | None, streams: Streams) -> Sample:
    """All test rows in random order, and the features that can be walked along.

    Raises
    ------
    NotApplicable
        Where the data are no table, or have too few test rows. UnknownName for a feature that there is not.
    """
    table, space = data.test.inputs, data.space
    if not hasattr(table, "iloc"):
        raise NotApplicable("it walks along the columns of a table, and these data are none")
    if len(table) < FEWEST:
        raise NotApplicable(f"it needs at least {FEWEST} test rows, and there are {len(table)}")
    for name in features or ():
        if name not in space.names:
            raise UnknownName(f"unknown feature '{name}': {nearest(name, space.names)}")
    at = {str(name): position for position, name in enumerate(table.columns)}
    wanted = [(name, kind) for name, kind in zip(space.names, space.kinds, strict=True) if features is None or name in features]
    groups = {name: "a group of columns has no axis" for name, kind in wanted if kind == "group"}
    kept = {name: kind for name, kind in wanted if name not in groups}
    rows = take(table, streams.at("rows").shared().permutation(len(table)))
    return Sample(rows, {name: at[name] for name in kept}, kept, groups)


def size_within(wanted: int, there: int, each: int, budget: int) -> int:
    """How many of the rows there are can be had for the budget, at `each` model rows for a row; never under 50 of them."""
    return min(wanted, there, max(50, budget // max(each, 1)))


def resamples(n: int, count: int, streams: Streams) -> Array:
    """(1 + count, n) how often each row counts: first all of them once, then in bootstrap resamples, the same for every model."""
    drawn = streams.at("resamples", n).shared().multinomial(n, np.full(n, 1 / n), size=count)
    return np.vstack([np.ones(n), drawn])


def band(curves: Array, level: float) -> tuple[Array, Array, Array]:
    """The curve, and the percentiles below and above it, of (1 + r, L) curves on all rows and on resamples."""
    low, high = np.quantile(curves[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return curves[0], low, high


def check(**least: tuple[float, float]) -> None:
    """Refuse parameters that are below their least value, each given as (value, least).

    Raises
    ------
    XaiCompareError
    """
    for name, (value, lowest) in least.items():
        if not value >= lowest:
            raise XaiCompareError(f"{name} must be at least {lowest:g}, found {value:g}")


def known_rows(values: Array) -> IntArray:
    """Positions of the values that are there."""
    return np.flatnonzero(~np.isnan(values))
