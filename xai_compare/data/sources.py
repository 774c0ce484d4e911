"""Where the data of a study come from. A source returns a frame and a target column; splitting is common to all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.tabular import as_frame, as_table, assemble, class_codes, classes_of, guess_task, missing_report, strata_of
from xai_compare.errors import DataError, UnknownName, nearest
from xai_compare.registry import Registry
from xai_compare.streams import Streams
from xai_compare.types import Data, Table, Task

if TYPE_CHECKING:
    import pandas as pd

    from xai_compare.config import DataSpec

__all__ = ["SOURCES", "Source", "read"]

Source = Callable[["DataSpec", str], tuple["pd.DataFrame", npt.NDArray[Any], dict[str, Any]]]
"""(spec, name after the colon) -> features (n, d), target (n,), facts for the manifest."""

SOURCES: Registry[Source] = Registry("data source", "xai_compare.data")

# The tables that scikit-learn ships inside the package; its fetchers need a network.
_SKLEARN = ("breast_cancer", "diabetes", "iris", "wine")


@SOURCES.register("sklearn")
def _from_sklearn(spec: DataSpec, name: str) -> tuple[pd.DataFrame, npt.NDArray[Any], dict[str, Any]]:
    from sklearn import datasets

    if spec.path is not None:
        raise DataError(f"'{spec.source}' reads no file: remove path, or write source: csv")
    if name not in _SKLEARN:
        raise UnknownName(f"unknown scikit-learn data set '{name}': {nearest(name, _SKLEARN)}")
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    y = bunch.target.to_numpy()
    if "target_names" in bunch:
        y = np.asarray([str(label) for label in bunch.target_names])[y]
    return bunch.data, y, {"public": True}


@SOURCES.register("csv")
def _from_csv(spec: DataSpec, name: str) -> tuple[pd.DataFrame, npt.NDArray[Any], dict[str, Any]]:
    import pandas as pd

    path = Path(spec.path or name)
    if not path.is_file():
        raise DataError(f"file '{path.name}' not found (relative paths are taken from the study file's folder)")
    content = path.read_bytes()
    try:
        frame = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"file '{path.name}' cannot be read as CSV: {error}") from error
    header = [str(name) for name in pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0]]
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise DataError(f"file '{path.name}' has duplicate column names: {', '.join(twice)}. Rename them: a feature is known by its name")
    frame.columns = pd.Index([str(column) for column in frame.columns])
    if spec.target not in frame.columns:
        raise DataError(f"file '{path.name}' has no target column '{spec.target}': {nearest(str(spec.target), frame.columns)}")
    if rows := np.flatnonzero(frame[spec.target].isna()).tolist():
        raise DataError(
            f"file '{path.name}': the target '{spec.target}' is missing in {len(rows)} rows, first in row {rows[0]}. Remove them"
        )
    target = frame[spec.target].to_numpy()
    if target.dtype.kind == "f" and (rows := np.flatnonzero(np.isinf(target)).tolist()):
        raise DataError(
            f"file '{path.name}': the target '{spec.target}' is infinite in {len(rows)} rows, first in row {rows[0]}. Remove them"
        )
    if unknown := [column for column in spec.drop if column not in frame.columns]:
        raise DataError(f"file '{path.name}' has no column '{unknown[0]}' to drop: {nearest(unknown[0], frame.columns)}")
    facts = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "public": False}
    return frame.drop(columns=[spec.target, *spec.drop]), frame[spec.target].to_numpy(), facts


def read(spec: DataSpec, seed: int) -> Data:
    """Load, check, split and draw: everything a study says under `data:`.

    The split is stratified by class, or by fifths of the target for regression; split, background and explained
    cases depend on the seed only.

    Raises
    ------
    DataError, UnknownName
        With the file or source, what was found and what to do.
    """
    prefix, _, name = spec.source.partition(":")
    frame, target, facts = SOURCES[prefix](spec, name)
    frame = as_frame(frame, what=spec.source)
    if missing := missing_report(frame):
        raise DataError(
            f"{facts.get('file', spec.source)} has missing values in {missing}. Fill or drop them first: the models trained here take none"
        )
    task = guess_task(target)
    classes, y = _encode_target(target, task)
    streams = Streams(seed).at("data")
    train, test = _split(frame, y, spec.test_size, streams)
    facts |= {"source": spec.source, "rows": len(frame), "columns": len(frame.columns), "target": spec.target}
    return assemble(train, test, task, classes, (spec.background, spec.explain), streams, facts)


def _encode_target(target: npt.NDArray[Any], task: Task) -> tuple[list[str], npt.NDArray[Any]]:
    if task == "regression":
        return [], target.astype(np.float64)
    classes = classes_of(target)
    if len(classes) < 2:
        raise DataError(f"the target has one value only: '{classes[0]}'. There is nothing to explain")
    return classes, class_codes(target, classes)


def _split(frame: pd.DataFrame, y: npt.NDArray[Any], test_size: float, streams: Streams) -> tuple[Table, Table]:
    from sklearn.model_selection import train_test_split

    strata = strata_of(y)
    counts = np.bincount(strata)
    if counts[counts > 0].min() < 2:
        raise DataError(f"a class has a single row: a stratified split needs 2 of each ({len(frame)} rows in all)")
    try:
        parts = train_test_split(np.arange(len(frame)), test_size=test_size, stratify=strata, random_state=streams.at("split").integer())
    except ValueError as error:
        raise DataError(f"{len(frame)} rows cannot be split with test_size {test_size}: {error}") from error
    train, test = (np.sort(part) for part in parts)
    return tuple(as_table(frame.iloc[rows].reset_index(drop=True), y[rows], [str(row) for row in rows]) for rows in (train, test))  # type: ignore[return-value]
