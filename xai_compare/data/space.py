"""The feature space of a table: one feature per raw column, or per group of columns, hidden by values from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from xai_compare.errors import DataError
from xai_compare.types import Array, BoolArray, IntArray, Modality

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FILLS", "MOVE", "Kind", "TableSpace", "mix_frames"]

Kind = Literal["numeric", "boolean", "categorical", "ordinal"]
FILLS = ("background", "reference")
MOVE = 0.01
"""By how much of its column's ranks a number moves at most to make a neighbour; by one rank in a short column."""


def mix_frames(left: pd.DataFrame, left_rows: IntArray, right: pd.DataFrame, right_rows: IntArray, keep: BoolArray) -> pd.DataFrame:
    """Rows that take each shown value from `left` and each hidden one from `right`.

    Parameters
    ----------
    left, right : frames with the same columns, (n, d) and (b, d).
    left_rows, right_rows : (m,) which row of each; keep : (m, d), True = from `left`.

    Returns
    -------
    DataFrame (m, d) with the columns' own dtypes.
    """
    import pandas as pd

    both = pd.concat([left, right], ignore_index=True)
    at = np.where(keep, left_rows[:, None], len(left) + right_rows[:, None])
    if len(set(map(str, both.dtypes))) == 1 and isinstance(both.dtypes.iloc[0], np.dtype) and both.dtypes.iloc[0].kind != "O":
        # One block: a single gather instead of d of them.
        return pd.DataFrame(both.to_numpy()[at, np.arange(at.shape[1])], columns=both.columns)
    columns = {name: pd.Series(both[name].array.take(at[:, j]), dtype=both[name].dtype) for j, name in enumerate(both.columns)}
    return pd.DataFrame(columns, columns=both.columns)


def _moved(column: Array, values: Array, drawn: Array) -> IntArray:
    """(m,) places in a sorted column, one to `MOVE` of its length away from those of the values; drawn (m,) uniform.

    A value that the column holds many times stands at any of its places, so that it goes up as often as down; one that it does
    not hold stands between two. What would leave the column goes the other way.
    """
    reach = max(1, round(MOVE * len(column)))
    whole, part = np.divmod(drawn * 2 * reach, 1)
    step = whole.astype(np.int64) - reach
    step += step >= 0
    first, after = np.searchsorted(column, values), np.searchsorted(column, values, side="right")
    place, between = first + (part * (after - first)).astype(np.int64), first == after
    at = place + step - (between & (step > 0))
    back = place - step - (between & (step < 0))
    return np.asarray(np.clip(np.where((at >= 0) & (at < len(column)), at, back), 0, len(column) - 1), dtype=np.int64)


def _commonest(column: pd.Series[Any]) -> Any:
    """The most frequent known value; ties: the first in sorted order."""
    known = column.dropna()
    return known.mode().iloc[0] if len(known) else column.iloc[0]


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


@dataclass(frozen=True, eq=False)
class TableSpace:
    """The features of a table with c raw columns, and two ways of hiding them.

    A feature is a column, or several that are shown and hidden as one (a group).

    `background`: the values of every background row in turn, outputs averaged by the game.
    `reference`: one row of medians (numeric) and most frequent values (the others) of the background.

    Attributes
    ----------
    column_kinds : (c,) "numeric", "boolean", "categorical" or "ordinal" (categories with an order).
    background : DataFrame (B, c), the one background of the study.
    groups : the columns of each group by its name; a column is in one at most.
    """

    modality: ClassVar[Modality] = "table"

    column_kinds: tuple[Kind, ...]
    background: pd.DataFrame
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def _members(self) -> dict[str, list[int]]:
        """The columns of each feature, by the feature's name; a group stands where its first column stands."""
        group_of = {column: name for name, columns in self.groups.items() for column in columns}
        members: dict[str, list[int]] = {}
        for j, column in enumerate(self.columns):
            members.setdefault(group_of.get(column, column), []).append(j)
        return members

    @property
    def d(self) -> int:
        return len(self._members)

    @property
    def cells(self) -> int:
        return len(self.column_kinds)

    @property
    def layout(self) -> Mapping[str, Any]:
        return {}

    @property
    def columns(self) -> tuple[str, ...]:
        """(c,) names of the raw columns."""
        return tuple(map(str, self.background.columns))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple("group" if name in self.groups else self.column_kinds[columns[0]] for name, columns in self._members.items())

    @cached_property
    def feature_of(self) -> IntArray:
        """(c,) the feature that each raw column belongs to."""
        out = np.empty(len(self.column_kinds), dtype=np.int64)
        for feature, columns in enumerate(self._members.values()):
            out[columns] = feature
        return out

    @property
    def fills(self) -> tuple[str, ...]:
        return FILLS

    def present(self, inputs: pd.DataFrame) -> BoolArray:
        """(n, d): every feature of a table is always there."""
        return np.ones((len(inputs), self.d), dtype=bool)

    def labels(self, inputs: pd.DataFrame) -> list[list[str]]:
        """The values of each case as text, those of a group with the names of its columns."""
        texts = [[_text(value) for value in row] for row in inputs.itertuples(index=False)]

        def told(row: list[str], columns: list[int]) -> str:
            return row[columns[0]] if len(columns) == 1 else ", ".join(f"{self.columns[j]} {row[j]}" for j in columns)

        return [[told(row, columns) for columns in self._members.values()] for row in texts]

    def width(self, fill: str) -> int:
        return len(self.fill_rows(fill))

    def fill_rows(self, fill: str) -> pd.DataFrame:
        if fill == "background":
            return self.background
        if fill == "reference":
            return self.reference
        raise DataError(f"unknown fill '{fill}' for a table. Allowed: {', '.join(FILLS)}")

    def hide(self, inputs: pd.DataFrame, rows: IntArray, keep: BoolArray, fill: str) -> pd.DataFrame:
        source = self.fill_rows(fill)
        width = len(source)
        source_rows = np.tile(np.arange(width), len(rows))
        return mix_frames(inputs, np.repeat(rows, width), source, source_rows, np.repeat(keep[:, self.feature_of], width, axis=0))

    def with_background(self, inputs: pd.DataFrame) -> TableSpace:
        return replace(self, background=inputs)

    def neighbours(
        self,
        inputs: pd.DataFrame,
        known: pd.DataFrame,
        count: int,
        draws: Sequence[np.random.Generator],
        spare: BoolArray | None = None,
    ) -> pd.DataFrame:
        """(n * count, c): every number moved by up to `MOVE` of the ranks of its column in `known`, one category drawn anew from there.

        So every value stays one that was seen; a missing value stays missing. A value that fills more than `MOVE` of its column
        moves now and then only, and the category that is drawn may be the old one.
        """
        import pandas as pd

        n, c = len(inputs), len(self.column_kinds)
        rows = np.repeat(np.arange(n), count)
        drawn = np.array([draw.random((count, c + 1)) for draw in draws]).reshape(n * count, c + 1)
        categorical = np.flatnonzero(np.array(self.column_kinds) != "numeric")
        redrawn = categorical[(drawn[:, -1] * len(categorical)).astype(np.int64)] if len(categorical) else np.full(n * count, -1)
        columns: dict[str, Any] = {}
        for j, name in enumerate(self.background.columns):
            own, seen = inputs[name], known[name].dropna()
            moves = own.notna().to_numpy()[rows] & (len(seen) > 0)
            if self.column_kinds[j] == "numeric":
                seen = seen.sort_values(kind="stable")
                at = _moved(seen.to_numpy(dtype=np.float64), own.to_numpy(dtype=np.float64, na_value=np.nan)[rows], drawn[:, j])
            else:
                moves, at = moves & (redrawn == j), (drawn[:, j] * len(seen)).astype(np.int64)
            both = pd.concat([own, seen], ignore_index=True) if len(seen) else own
            columns[name] = pd.Series(both.array.take(np.where(moves, n + at, rows)), dtype=both.dtype)
        return pd.DataFrame(columns, columns=self.background.columns)

    @cached_property
    def reference(self) -> pd.DataFrame:
        """(1, c) the middle of the background: median, or the most frequent value (ties: the first in sorted order)."""
        import pandas as pd

        row: dict[str, Any] = {}
        for name, kind in zip(self.background.columns, self.column_kinds, strict=True):
            column = self.background[name]
            value = column.median() if kind == "numeric" else _commonest(column)
            value = np.nan if kind == "numeric" and pd.isna(value) else value
            whole = kind == "numeric" and not pd.isna(value) and pd.api.types.is_integer_dtype(column.dtype) and float(value).is_integer()
            dtype = column.dtype if kind != "numeric" or whole else None
            row[name] = pd.Series([value], dtype=dtype)
        return pd.DataFrame(row, columns=self.background.columns)

    @cached_property
    def levels(self) -> dict[int, list[Any]]:
        """The values of each column that is not numeric in the background, sorted as text, by column position."""
        return {
            j: sorted(self.background[name].dropna().unique().tolist(), key=str)
            for j, (name, kind) in enumerate(zip(self.background.columns, self.column_kinds, strict=True))
            if kind != "numeric"
        }

    def to_numbers(self, inputs: pd.DataFrame, levels: dict[int, list[Any]]) -> Array:
        """(n, c) float64: numeric columns as they are, the others as positions in `levels` (NaN for a value not in it)."""
        out = np.empty((len(inputs), len(self.column_kinds)))
        for j, name in enumerate(inputs.columns):
            if j in levels:
                place = {value: position for position, value in enumerate(levels[j])}
                out[:, j] = [place.get(value, np.nan) for value in inputs[name].tolist()]
            else:
                out[:, j] = inputs[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return out

    def from_numbers(self, numbers: Array, levels: dict[int, list[Any]]) -> pd.DataFrame:
        """The inverse of `to_numbers`, with the background's dtypes (a fractional value in an integer column stays fractional)."""
        import pandas as pd

        columns: dict[str, Any] = {}
        for j, name in enumerate(self.background.columns):
            column = self.background[name]
            if j in levels:
                values = [levels[j][int(position)] for position in numbers[:, j]]
                known = not isinstance(column.dtype, pd.CategoricalDtype) or set(values) <= set(column.cat.categories)
                columns[name] = pd.Series(values, dtype=column.dtype if known else None)
            else:
                columns[name] = pd.Series(numbers[:, j])
        return pd.DataFrame(columns, columns=self.background.columns)
