"""Slices: the groups of cases, by the values of a column, for which results are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.tabular import class_name
from xai_compare.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MISSING", "MOST", "sliced"]

MISSING = "missing"
"""The slice of the rows without a value."""

MOST = 20
"""Slices of one column."""


def sliced(frame: pd.DataFrame, slices: Mapping[str, tuple[float, ...]], where: str) -> dict[str, npt.NDArray[Any]]:
    """The slice that each of n rows belongs to, by column: {column: (n,) text}.

    Parameters
    ----------
    slices : the columns, each with the cut points that a column of numbers needs; a value at a cut belongs above it.

    Raises
    ------
    DataError
        For a column that is not there, cut points for what is no number, and a column with more than 20 different values.
    """
    out = {}
    for column, cuts in slices.items():
        if column not in frame.columns:
            raise DataError(f"{where} has no column '{column}', which data.slices names: {nearest(column, frame.columns)}")
        out[column] = _cut(frame[column], cuts, column, where) if cuts else _values(frame[column], column, where)
    return out


def _values(values: pd.Series[Any], column: str, where: str) -> npt.NDArray[Any]:
    if (many := values.nunique()) > MOST:
        advice = f"give cut points, as in slices: {{{column}: [25, 45]}}" if values.dtype.kind in "iuf" else "group its values in the table"
        raise DataError(f"{where}: the column '{column}' of data.slices has {many} different values, and a report shows {MOST}: {advice}")
    return np.array([MISSING if missing else class_name(value) for value, missing in zip(values, values.isna(), strict=True)], dtype=object)


def _cut(values: pd.Series[Any], cuts: tuple[float, ...], column: str, where: str) -> npt.NDArray[Any]:
    import pandas as pd

    if list(cuts) != sorted(set(cuts)):
        raise DataError(f"data.slices.{column}: the cut points {', '.join(f'{cut:g}' for cut in cuts)} must rise")
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise DataError(f"{where}: data.slices cuts the column '{column}', which holds no numbers: leave the cut points out")
    names = [
        f"under {cuts[0]:g}",
        *(f"{low:g} to under {high:g}" for low, high in pairwise(cuts)),
        f"{cuts[-1]:g} and over",
    ]
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    found = np.array(names, dtype=object)[np.searchsorted(np.asarray(cuts), numbers, side="right")]
    found[np.isnan(numbers)] = MISSING
    return found
