"""Where the data of a study come from. A source returns what it holds; declarations, checks and draws are common to all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from xai_compare.data.columns import checked_columns, declared, suspicious
from xai_compare.data.image import Grid, as_images
from xai_compare.data.reading import read_table
from xai_compare.data.slices import sliced
from xai_compare.data.tabular import (
    as_frame,
    as_table,
    assemble,
    class_codes,
    class_name,
    classes_of,
    grouped,
    guess_task,
    labelled,
    strata_of,
)
from xai_compare.errors import DataError, UnknownName, XaiCompareError, nearest
from xai_compare.registry import Registry, configured
from xai_compare.streams import Streams
from xai_compare.types import Data, FeatureSpace, Inputs, IntArray, Task, Truth, take

if TYPE_CHECKING:
    import pandas as pd

    from xai_compare.config import DataSpec

__all__ = [
    "SOURCES",
    "Held",
    "Locate",
    "Source",
    "check_no_columns",
    "check_no_file",
    "check_only",
    "joined",
    "params_of",
    "read",
    "split_by",
    "target_of",
]

Locate = Callable[[Path], Path]
P = TypeVar("P")


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What a source holds: inputs and target of all rows, which of them are held out if that is fixed, facts for the manifest.

    inputs : n cases of any modality. target : (n,). test : (n,) True for rows that are held out, or None where the study draws them.
    ids : (n,) what tells the rows apart, or None. slices : {column: (n,) the slice of each row}.
    truth : what explains the test rows of the data as they are drawn, where that is known.
    space : the features of what is no table, from the inputs of the background rows; None for a table.
    """

    inputs: Inputs
    target: npt.NDArray[Any]
    test: npt.NDArray[np.bool_] | None = None
    ids: tuple[str, ...] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    slices: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    truth: Callable[[Data], Truth] | None = None
    space: Callable[[Inputs], FeatureSpace] | None = None


Source = Callable[["DataSpec", str, Locate], Held]
"""(spec, name after the colon, where a named file lies) -> what the source holds."""

SOURCES: Registry[Source] = Registry("data source", "xai_compare.data")

# The tables that scikit-learn ships inside the package; its fetchers need a network.
_SKLEARN = ("breast_cancer", "diabetes", "iris", "wine")
_OF_FILES = ("path", "train", "test", "split", "target", "text", "rationale", "id", "missing", "categorical", "ordinal", "dates", "drop")

_OF_ALL = ("source", "params", "labels", "positive", "test_size", "background", "explain")
_OF_TABLES = ("groups", "drop", "categorical", "ordinal", "dates", "missing")


def check_no_file(spec: DataSpec) -> None:
    """Refuse what only makes sense for a file."""
    if given := [key for key in _OF_FILES if getattr(spec, key)]:
        raise DataError(f"'{spec.source}' reads no file: remove {given[0]}, or name a file and no source")


def check_no_columns(spec: DataSpec) -> None:
    """Refuse what only makes sense for a table."""
    if given := [key for key in _OF_TABLES if getattr(spec, key)]:
        raise DataError(f"'{spec.source}' holds no table with columns of features: remove {given[0]}")


def check_only(spec: DataSpec, *taken: str) -> None:
    """Refuse what is said of the data beside `taken`, the keys that a source has a use for."""
    for key in type(spec).model_fields:
        if key not in (*_OF_ALL, *taken) and getattr(spec, key):
            raise DataError(f"'{spec.source}' has no use for '{key}': remove it")


def params_of(cls: type[P], spec: DataSpec) -> P:
    """The `params` of a source as the dataclass that holds them; DataError for one that it does not have, or of another type."""
    try:
        return configured(cls, spec.params)
    except XaiCompareError as error:
        raise DataError(f"params of '{spec.source}': {error}") from error


def _check_no_params(spec: DataSpec) -> None:
    if spec.params:
        raise DataError(f"'{spec.source}' takes no params, found {', '.join(spec.params)}: remove them")


@SOURCES.register("sklearn")
def _from_sklearn(spec: DataSpec, name: str, locate: Locate) -> Held:
    """What scikit-learn ships: the tables breast_cancer, diabetes, iris and wine, and the images of digits."""
    from sklearn import datasets

    check_no_file(spec)
    if name == "digits":
        return _digits(spec)
    _check_no_params(spec)
    if name not in _SKLEARN:
        raise UnknownName(f"unknown scikit-learn data set '{name}': {nearest(name, [*_SKLEARN, 'digits'])}")
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    y = bunch.target.to_numpy()
    if "target_names" in bunch:
        y = np.asarray([str(label) for label in bunch.target_names])[y]
    return Held(bunch.data, y, facts={"public": True}, slices=sliced(bunch.data, spec.slices, f"'{spec.source}'"))


def _digits(spec: DataSpec) -> Held:
    """1,797 written digits, 8 x 8 pixels of 0 to 16."""
    from sklearn.datasets import load_digits

    check_only(spec)
    bunch = load_digits()
    images = as_images(bunch.images / 16, "digits")
    return Held(images, bunch.target, facts={"public": True, "size": list(images.shape[1:])}, space=params_of(Grid, spec).space())


@SOURCES.register("csv")  # the name it had when it read nothing else
@SOURCES.register("file")
def _from_file(spec: DataSpec, name: str, locate: Locate) -> Held:
    """A table from a CSV, Parquet or Feather file (data.path), or from one file for training and one for test."""
    _check_no_params(spec)
    if name:
        raise DataError(f"'{spec.source}' names its file by path: write source: file, path: {name}")
    assert spec.target is not None  # the study is checked
    files = [read_table(locate(path)) for path in (spec.path, spec.train, spec.test) if path is not None]
    frame = joined([found for found, _ in files])
    facts: dict[str, Any] = files[0][1] if len(files) == 1 else {"train_file": files[0][1], "test_file": files[1][1]}
    where = f"file '{facts['file']}'" if len(files) == 1 else f"files '{files[0][1]['file']}' and '{files[1][1]['file']}'"
    test = None if len(files) == 1 else np.arange(len(frame)) >= len(files[0][0])
    frame, declarations = declared(frame, spec, where)
    if spec.split is not None:
        test = split_by(frame, spec.split, where)
    target = target_of(frame, spec.target, where)
    ids = None if spec.id is None else tuple(map(class_name, frame[spec.id].tolist()))
    if spec.id is not None and (empty := int(frame[spec.id].isna().sum())):
        raise DataError(f"{where}: the column '{spec.id}', which tells the rows apart, is empty in {empty} rows")
    if ids is not None and len(set(ids)) < len(ids):
        raise DataError(f"{where}: the column '{spec.id}' does not tell the rows apart: {len(ids) - len(set(ids))} values come again")
    slices = sliced(frame, spec.slices, where)
    frame = frame.drop(columns=list({name for name in (spec.target, spec.split, spec.id, *spec.drop) if name is not None}))
    if len(files) > 1:
        _check_alike(frame, where)
    checked_columns(frame, where)
    facts |= declarations | {"public": False, "target": spec.target}
    return Held(frame, target, test, ids, facts, slices)


def joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    if len(frames) == 1:
        return frames[0]
    one, other = (set(frame.columns) for frame in frames)
    if one != other:
        raise DataError(f"the train and test files differ in the columns {', '.join(sorted(one ^ other))}")
    return pd.concat(frames, ignore_index=True)


def _check_alike(frame: pd.DataFrame, where: str) -> None:
    """Refuse a column that holds numbers in one file and text in the other: no value of one would be a value of the other."""
    import pandas as pd

    for column in frame.columns:
        values = frame[column]
        texts = values.map(lambda value: isinstance(value, str)).to_numpy()
        if texts.any() and not pd.isna(values[~texts]).all():
            example = values[texts].iloc[0]
            raise DataError(
                f"{where}: the column '{column}' is a number in one and text, such as '{example}', in the other. "
                f"Declare the code for a missing value (data.missing), or the column under data.categorical"
            )


def split_by(frame: pd.DataFrame, column: str, where: str) -> npt.NDArray[np.bool_]:
    said = frame[column].astype(str).str.strip().str.lower()
    strange = sorted(set(said) - {"train", "test"})
    if strange or len(set(said)) < 2:
        found = ", ".join(strange[:5]) or ", ".join(sorted(set(said)))
        raise DataError(f"{where}: the column '{column}' must say 'train' or 'test' in each row, and both must occur; found {found}")
    return np.asarray(said == "test")


def target_of(frame: pd.DataFrame, column: str, where: str) -> npt.NDArray[Any]:
    if rows := np.flatnonzero(frame[column].isna()).tolist():
        raise DataError(f"{where}: the target '{column}' is missing in {len(rows)} rows, first in row {rows[0]}. Remove them")
    target = frame[column].to_numpy()
    if target.dtype.kind == "f" and (rows := np.flatnonzero(np.isinf(target)).tolist()):
        raise DataError(f"{where}: the target '{column}' is infinite in {len(rows)} rows, first in row {rows[0]}. Remove them")
    return target


def read(spec: DataSpec, seed: int, locate: Locate = Path) -> Data:
    """Load, check, split and draw: everything a study says under `data:`.

    The split is stratified by class, or by fifths of the target for regression; split, background and explained
    cases depend on the seed only.

    Parameters
    ----------
    locate : where a file that the study names lies.

    Raises
    ------
    DataError, UnknownName
        With the file or source, what was found and what to do.
    """
    prefix, _, name = spec.source.partition(":")
    held = SOURCES[prefix](spec, name, locate)
    inputs = as_frame(held.inputs, what=spec.source) if held.space is None else held.inputs
    task = guess_task(held.target)
    classes, y = _encode_target(held.target, task, spec.positive, spec.labels)
    names = labelled(classes, spec.labels)
    streams = Streams(seed).at("data")
    # The classes in their own order: which of them counts must not change who is held out.
    strata = class_codes(held.target, classes_of(held.target)) if task == "classification" else y
    test = _drawn(strata, spec.test_size, streams) if held.test is None else held.test
    ids = held.ids or tuple(map(str, range(len(inputs))))
    parts = [np.flatnonzero(~test), np.flatnonzero(test)]
    train, tested = (as_table(take(inputs, rows), y[rows], [ids[row] for row in rows]) for rows in parts)
    if task == "classification" and len(np.unique(y[parts[0]])) < 2:
        raise DataError("the training rows have one class only. There is nothing to learn")
    facts = held.facts | {"source": spec.source, "rows": len(inputs)}
    sizes = (spec.background, spec.explain)
    if held.space is None:
        facts["columns"] = len(inputs.columns)
        if hints := suspicious(train.inputs, y[parts[0]], task):
            facts["leakage"] = hints
        data = grouped(assemble(train, tested, task, classes, sizes, streams), spec.groups)
    else:
        check_no_columns(spec)
        data = assemble(train, tested, task, classes, sizes, streams, held.space)
    data = replace(data, about=facts, slices={column: labels[parts[1]] for column, labels in held.slices.items()})
    if held.truth is not None:  # which knows the classes as the source calls them
        data = replace(data, truth=held.truth(data))
    return replace(data, classes=names)


def _encode_target(target: npt.NDArray[Any], task: Task, positive: Any, labels: Mapping[str, str]) -> tuple[list[str], npt.NDArray[Any]]:
    """The classes as the source calls them, in the study's order, and the target as positions among them."""
    if task == "regression":
        if positive is not None:
            raise DataError(f"positive names the class '{positive}', but the target is a number with many values")
        return [], target.astype(np.float64)
    classes = classes_of(target)
    if len(classes) < 2:
        raise DataError(f"the target has one value only: '{classes[0]}'. There is nothing to explain")
    if positive is not None:
        said, names = class_name(positive), labelled(classes, labels)
        if said not in names:
            raise DataError(f"positive is '{said}', which is no class: {nearest(said, names)}")
        wanted = classes[names.index(said)]
        classes = [name for name in classes if name != wanted] + [wanted]  # scores count the last of two classes
    return classes, class_codes(target, classes)


def _drawn(y: npt.NDArray[Any], test_size: float, streams: Streams) -> npt.NDArray[np.bool_]:
    """(n,) True for the rows that are held out."""
    from sklearn.model_selection import train_test_split

    strata: IntArray = strata_of(y)
    counts = np.bincount(strata)
    if y.dtype.kind == "f" and counts[counts > 0].min() < 2:
        strata = np.zeros(len(y), dtype=np.int64)  # many equal values leave a fifth of the target without rows to share
    elif counts[counts > 0].min() < 2:
        raise DataError(f"a class has a single row: a stratified split needs 2 of each ({len(y)} rows in all)")
    try:
        parts = train_test_split(np.arange(len(y)), test_size=test_size, stratify=strata, random_state=streams.at("split").integer())
    except ValueError as error:
        raise DataError(f"{len(y)} rows cannot be split with test_size {test_size}: {error}") from error
    return np.isin(np.arange(len(y)), parts[1])
