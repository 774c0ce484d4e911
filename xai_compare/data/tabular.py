"""Tables: any DataFrame or array into one form, its column kinds, and the draws that a study makes from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.space import Kind, TableSpace
from xai_compare.errors import DataError, nearest
from xai_compare.streams import Streams
from xai_compare.types import Data, FeatureSpace, Inputs, IntArray, Table, Task, class_name, take

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "as_frame",
    "as_table",
    "assemble",
    "class_codes",
    "class_name",
    "classes_of",
    "grouped",
    "guess_task",
    "kinds_of",
    "labelled",
    "missing_report",
    "spread_rows",
    "strata_of",
]


def as_frame(inputs: Any, columns: Sequence[str] | None = None, what: str = "X") -> pd.DataFrame:
    """A DataFrame with text column names and rows 0..n-1, never the caller's own object changed.

    Parameters
    ----------
    inputs : DataFrame (pandas; polars or pyarrow through their `to_pandas`, polars also without pyarrow) or array (n, d).
    columns : the wanted columns in their order; a frame is put in this order by name, an array takes the names.

    Raises
    ------
    DataError
        Not two-dimensional, no rows, duplicate, missing or unknown columns, infinite values.
    """
    import pandas as pd

    if not isinstance(inputs, pd.DataFrame) and hasattr(inputs, "to_pandas"):  # polars, pyarrow and the like
        inputs = _to_pandas(inputs)
    if isinstance(inputs, pd.DataFrame):
        frame = inputs.reset_index(drop=True)
        frame.columns = pd.Index([str(name) for name in frame.columns])
    else:
        array = np.asarray(inputs)
        if array.ndim != 2:
            raise DataError(f"{what} must be a table of shape (rows, columns), found shape {array.shape}")
        names = list(columns) if columns is not None and len(columns) == array.shape[1] else [f"x{j}" for j in range(array.shape[1])]
        frame = pd.DataFrame(array, columns=names)
        if array.dtype == object:  # a mixed table as an array: each column has a type of its own
            frame = frame.infer_objects()
    _check_columns(frame, columns, what)
    if columns is not None:
        frame = frame[list(columns)]
    _check_values(frame, what)
    return frame


def _to_pandas(inputs: Any) -> pd.DataFrame:
    """Another library's frame in pandas' form: by its own conversion, which in polars needs pyarrow, or column by column without it."""
    import pandas as pd

    try:
        return inputs.to_pandas()  # type: ignore[no-any-return]
    except ImportError:
        return pd.DataFrame({name: inputs[name].to_numpy() for name in inputs.columns})


def _check_columns(frame: pd.DataFrame, columns: Sequence[str] | None, what: str) -> None:
    if not len(frame) or not len(frame.columns):
        raise DataError(f"{what} is empty: {len(frame)} rows, {len(frame.columns)} columns")
    twice = sorted({name for name in frame.columns if list(frame.columns).count(name) > 1})
    if twice:
        raise DataError(f"{what} has duplicate column names: {', '.join(twice)}. Rename them: a feature is known by its name")
    if columns is not None and (missing := [name for name in columns if name not in set(frame.columns)]):
        raise DataError(f"{what} lacks the columns {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")


def _check_values(frame: pd.DataFrame, what: str) -> None:
    for name in frame.columns:
        if frame[name].dtype.kind == "f" and (rows := np.flatnonzero(np.isinf(frame[name].to_numpy()))).size:
            raise DataError(f"{what}: column '{name}' has {rows.size} infinite values, first in row {rows[0]}. Replace or drop them")


def kinds_of(frame: pd.DataFrame) -> tuple[Kind, ...]:
    """numeric for numbers, boolean for true and false, ordinal for categories with an order, categorical for everything else.

    Raises
    ------
    DataError
        For a date column, which is neither.
    """
    import pandas as pd

    kinds: list[Kind] = []
    for name in frame.columns:
        dtype = frame[name].dtype
        if pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
            raise DataError(f"column '{name}' holds dates. Turn it into numbers first (year, month, days since an event)")
        ordered = isinstance(dtype, pd.CategoricalDtype) and dtype.ordered
        flag = pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype)
        number = pd.api.types.is_numeric_dtype(dtype) and not flag
        kinds.append("boolean" if flag else "numeric" if number else "ordinal" if ordered else "categorical")
    return tuple(kinds)


def missing_report(frame: pd.DataFrame) -> str:
    """Which columns have how many missing values, in one line; "" if none."""
    counts = frame.isna().sum()
    return ", ".join(f"'{name}' ({int(count)})" for name, count in counts.items() if count)


def class_codes(y: npt.NDArray[Any], classes: Sequence[str]) -> IntArray:
    """(n,) positions in `classes`.

    Raises
    ------
    DataError
        If a label is none of the classes.
    """
    place = {name: position for position, name in enumerate(classes)}
    labels = [class_name(label) for label in y.tolist()]
    strangers = sorted({label for label in labels if label not in place})
    if strangers:
        raise DataError(f"y has the labels {', '.join(strangers[:5])}, which the models do not know. Their classes: {', '.join(classes)}")
    return np.array([place[label] for label in labels], dtype=np.int64)


def guess_task(y: npt.NDArray[Any]) -> Task:
    """Regression for a numeric target with fractions or with more than 20 values; classification otherwise."""
    if y.dtype.kind not in "iuf":
        return "classification"
    whole = bool(np.all(np.equal(np.mod(y, 1), 0)))
    return "classification" if whole and len(np.unique(y)) <= 20 else "regression"


def as_table(inputs: Inputs, y: npt.NDArray[Any] | None, ids: Sequence[str] | None = None) -> Table:
    """A `Table`; ids default to the row numbers."""
    if y is not None and len(y) != len(inputs):
        raise DataError(f"y has {len(y)} values for {len(inputs)} rows of X")
    return Table(inputs, y, tuple(ids) if ids is not None else tuple(map(str, range(len(inputs)))))


def classes_of(y: npt.NDArray[Any]) -> list[str]:
    """The class names of a target, numbers in their own order, anything else in that of the text."""
    if y.dtype.kind in "iuf":
        return [class_name(label) for label in np.unique(y).tolist()]
    return sorted(set(map(class_name, y.tolist())))


def labelled(codes: Sequence[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the classes, from their codes; the codes themselves where there are no labels.

    Raises
    ------
    DataError
        For labels that leave a class out, or name what is no class.

    Examples
    --------
    >>> labelled(["1", "2"], {"2": "bad", "1": "good"})
    ('good', 'bad')
    """
    if not labels:
        return tuple(codes)
    if not codes:
        raise DataError("labels name classes, but the target is a number with many values: remove them")
    if without := [code for code in codes if code not in labels]:
        raise DataError(f"labels name some classes only, and leave out {', '.join(without)}: name all of them, or none")
    if strange := [code for code in labels if code not in codes]:
        raise DataError(f"labels name '{strange[0]}', which is no class: {nearest(strange[0], codes)}")
    return tuple(labels[code] for code in codes)


def strata_of(y: npt.NDArray[Any]) -> IntArray:
    """(n,) the stratum of each row: its class (integers), or the fifth of the target that it lies in (floats)."""
    return y if y.dtype.kind in "iu" else np.searchsorted(np.quantile(y, [0.2, 0.4, 0.6, 0.8]), y)


def spread_rows(y: npt.NDArray[Any] | None, n: int, size: int, rng: np.random.Generator) -> IntArray:
    """`size` of n rows, sorted, without replacement: in the proportions of y's strata where y is known.

    Shares of the strata are rounded by the largest remainder.
    """
    if size >= n:
        return np.arange(n)
    if y is None:
        return np.sort(rng.choice(n, size, replace=False))
    strata = strata_of(y)
    labels, counts = np.unique(strata, return_counts=True)
    exact = counts * size / n
    share = np.floor(exact).astype(int)
    share[np.argsort(share - exact, kind="stable")[: size - share.sum()]] += 1
    picks = [rng.choice(np.flatnonzero(strata == label), take, replace=False) for label, take in zip(labels, share, strict=True)]
    return np.sort(np.concatenate(picks)).astype(np.int64)


def assemble(
    train: Table,
    test: Table,
    task: Task,
    classes: Sequence[str],
    sizes: tuple[int, int],
    streams: Streams,
    space: Callable[[Inputs], FeatureSpace] | None = None,
) -> Data:
    """Draw background and explained rows by seed and build the study's `Data`.

    sizes : (background rows, explained cases); both are cut to what there is. space : the features, from the inputs of the background
    rows; None for a table.
    """
    background = spread_rows(train.y, len(train.inputs), sizes[0], streams.at("background").shared())
    explain = spread_rows(None, len(test.inputs), sizes[1], streams.at("explain").shared())
    rows = take(train.inputs, background)
    made = TableSpace(kinds_of(train.inputs), rows) if space is None else space(rows)
    return Data(train, test, explain, background, made, task, tuple(classes))


def grouped(data: Data, groups: Mapping[str, Sequence[str]]) -> Data:
    """The same data with some columns counting as one feature.

    Parameters
    ----------
    groups : the columns of each group, by the name of the feature that they become.

    Raises
    ------
    DataError
        For a column that is not there, and for a group with the name of another feature.
    """
    if not groups:
        return data
    columns = tuple(map(str, data.train.inputs.columns))
    for name, members in groups.items():
        if missing := [column for column in members if column not in columns]:
            raise DataError(f"data.groups.{name} names the column '{missing[0]}', which is no feature: {nearest(missing[0], columns)}")
        if name in columns and name not in members:
            raise DataError(f"data.groups.{name} has the name of a column that is not in it: give the group another name")
    assert isinstance(data.space, TableSpace)  # what was read is a table
    return replace(data, space=replace(data.space, groups={name: tuple(members) for name, members in groups.items()}))
