"""Time series from files: .ts as the UCR archive writes them, or a table with one series in each row."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.reading import content_of, decoded, read_table, unpacked
from xai_compare.data.series import STRETCHES, SeriesSpace, as_series, bridged
from xai_compare.data.slices import sliced
from xai_compare.data.sources import SOURCES, Held, Locate, check_only, params_of, target_of
from xai_compare.data.tabular import class_name
from xai_compare.errors import DataError, nearest
from xai_compare.types import Array

if TYPE_CHECKING:
    import pandas as pd

    from xai_compare.config import DataSpec

__all__ = ["Stretches"]

_MOST = 2**28  # numbers of all series together, the shorter ones filled up: 2 GiB
_MISSING = ("?", "nan")


@dataclass(frozen=True, slots=True)
class Stretches:
    """What a study may say of the features of series (`data.params`).

    stretches : of each channel.
    """

    stretches: int = STRETCHES

    def __post_init__(self) -> None:
        if self.stretches < 1:
            raise DataError(f"stretches must be at least 1, found {self.stretches}")

    def space(self) -> Callable[[Array], SeriesSpace]:
        """The features, from the series of the background."""
        return partial(SeriesSpace, stretches=self.stretches)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What one file holds: n series of (channels, own length), NaN where a value is missing; labels, what else is known of each."""

    series: list[Array]
    labels: npt.NDArray[Any]
    facts: dict[str, Any]
    frame: pd.DataFrame | None = None


@SOURCES.register("series")
def _from_series(spec: DataSpec, name: str, locate: Locate) -> Held:
    """Time series from a .ts file or a table (data.path), or from one file for training and one for test."""
    if name:
        raise DataError(f"'{spec.source}' names its file by path: write source: series, path: {name}")
    check_only(spec, "path", "train", "test", "target", "id", "slices")
    options = params_of(Stretches, spec)
    parts = [_part(locate(path), spec) for path in (spec.path, spec.train, spec.test) if path is not None]
    facts: dict[str, Any] = parts[0].facts if len(parts) == 1 else {"train_file": parts[0].facts, "test_file": parts[1].facts}
    where = " and ".join(f"'{part.facts['file']}'" for part in parts)
    inputs, filled = _together([one for part in parts for one in part.series], where)
    if len({part.labels.dtype.kind in "US" for part in parts}) > 1:
        raise DataError(f"{where}: the labels are numbers in one and texts in the other")
    labels = np.concatenate([part.labels for part in parts])
    test = None if len(parts) == 1 else np.arange(len(inputs)) >= len(parts[0].series)
    ids, slices = _declared(parts, spec, where)
    facts |= {"public": False, "channels": inputs.shape[1], "length": inputs.shape[2]} | ({"filled_values": filled} if filled else {})
    return Held(inputs, labels, test, ids, facts, slices, space=options.space())


def _declared(parts: list[_Part], spec: DataSpec, where: str) -> tuple[tuple[str, ...] | None, dict[str, npt.NDArray[Any]]]:
    """The ids and the slices that a table of series has columns for."""
    import pandas as pd

    frames = [part.frame for part in parts if part.frame is not None]
    if not frames or (spec.id is None and not spec.slices):
        return None, {}
    frame = pd.concat(frames, ignore_index=True)
    ids = None if spec.id is None else tuple(map(class_name, frame[spec.id].tolist()))
    if ids is not None and (len(set(ids)) < len(ids) or frame[spec.id].isna().any()):
        raise DataError(f"files {where}: the column '{spec.id}' does not tell the series apart: values are missing or come again")
    return ids, sliced(frame, spec.slices, f"files {where}")


def _part(path: Path, spec: DataSpec) -> _Part:
    content = content_of(path)
    lines = (line.removeprefix(b"\xef\xbb\xbf").lstrip() for line in io.BytesIO(unpacked(path.name, content)))
    if not next((line for line in lines if line and not line.startswith(b"#")), b"").startswith(b"@"):
        return _rows(path, spec)
    if said := [key for key in ("target", "id", "slices") if getattr(spec, key)]:
        raise DataError(f"file '{path.name}' is a .ts file, which names no columns: remove {said[0]}")
    text, encoding = decoded(path.name, unpacked(path.name, content))
    series, labels, head = _read_ts(path.name, text)
    facts = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "format": "ts", "encoding": encoding, "rows": len(series)}
    return _Part(series, labels, facts | ({"problem": head.problem} if head.problem else {}))


def _together(series: list[Array], where: str) -> tuple[Array, int]:
    """(n, channels, length), NaN after the end of a shorter series, and how many values inside were missing: straight lines bridge them."""
    channels = {len(one) for one in series}
    if len(channels) > 1:
        raise DataError(f"{where}: the series have {min(channels)} to {max(channels)} channels, and must all have as many")
    length = max(one.shape[1] for one in series)
    if len(series) * channels.pop() * length > _MOST:
        raise DataError(f"{where}: {len(series)} series filled up to {length} points are more than is read. Cut the longest, or take fewer")
    inside = np.array([one.shape[1] for one in series])[:, None, None] > np.arange(length)
    out = np.full((len(series), len(series[0]), length), np.nan)
    for row, one in zip(out, series, strict=True):
        row[:, : one.shape[1]] = one
    known = ~np.isnan(out)
    lines = np.where(inside, bridged(out, known, np.array(np.nan)), np.nan)
    return as_series(lines, where), int((inside & ~known).sum())


def _trimmed(one: Array, where: str) -> Array:
    """A series up to its last known value in any channel; each channel must have one."""
    known = ~np.isnan(one)
    if not known.any(axis=1).all():
        raise DataError(f"{where}: a channel of the series has no value at all")
    return one[:, : int(np.flatnonzero(known.any(axis=0))[-1]) + 1]


# ---- tables


def _rows(path: Path, spec: DataSpec) -> _Part:
    """One series in each row of a table, its points in the order of the columns that are declared to be nothing else."""
    frame, facts = read_table(path)
    where = f"file '{path.name}'"
    if spec.target is None:
        raise DataError(f"{where} is a table of series: name the column of its labels by data.target")
    for key in (spec.target, spec.id, *spec.slices):
        if key is not None and key not in frame.columns:
            raise DataError(f"{where} has no column '{key}': {nearest(key, frame.columns)}")
    points = frame.drop(columns=list({spec.target, *([spec.id] if spec.id else []), *spec.slices}))
    for column in points.columns:
        if points[column].dtype.kind not in "iuf":
            text = points[column].dropna()
            found = f", such as '{text.iloc[0]}'" if len(text) else ""
            raise DataError(f"{where}: the column '{column}' must hold numbers, the points of the series, and holds others{found}")
    values = points.to_numpy(dtype=np.float64)
    if not values.size or np.isinf(values).any():
        raise DataError(f"{where} holds no point of a series beside its labels" if not values.size else f"{where} has infinite values")
    series = [_trimmed(row[None], f"{where}, row {i + 2}") for i, row in enumerate(values)]
    return _Part(series, target_of(frame, spec.target, where), facts | {"rows": len(frame)}, frame)


# ---- .ts


@dataclass(slots=True)
class _Head:
    """What the lines with @ say."""

    problem: str = ""
    classes: tuple[str, ...] = ()
    number: bool = False
    labelled: bool = False
    length: int | None = None
    channels: int | None = None
    flags: dict[str, bool] = field(default_factory=dict)


def _read_ts(name: str, text: str) -> tuple[list[Array], npt.NDArray[Any], _Head]:
    """The series of a .ts file, their labels and its head.

    Raises
    ------
    DataError
        With the line: a value that is no number, another number of channels or points, a label that was not declared, timestamps.
    """
    head, series, labels, data = _Head(), [], [], False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.lstrip("\ufeff").strip()
        where = f"file '{name}', line {number}"
        if not line or line.startswith("#"):
            continue
        if not data:
            data = _headed(head, line, where)
            continue
        *channels, label = line.split(":")
        if not channels:
            raise DataError(f"{where}: a series, a colon and its label are expected, found no colon")
        one = _series(channels, head, where)
        series.append(one)
        labels.append(_label(label.strip(), head, where))
    if not data:
        raise DataError(f"file '{name}': the line @data is missing")
    if not series:
        raise DataError(f"file '{name}' holds no series after its line @data")
    return series, np.array(labels), head


def _headed(head: _Head, line: str, where: str) -> bool:
    """Take in a line of the head; whether it is the last one."""
    if not line.startswith("@"):
        raise DataError(f"{where}: a line of the head begins with @ (the data follow @data), found '{line[:40]}'")
    key, *values = line[1:].split()
    key = key.lower()
    value = values[0].lower() if values else ""
    if key == "data":
        if not head.labelled:
            raise DataError(f"{where}: the head has neither '@classLabel true' nor '@targetLabel true': there is nothing to predict")
        return True
    if key in ("timestamps", "missing", "univariate", "equallength", "classlabel", "targetlabel"):
        if value not in ("true", "false"):
            raise DataError(f"{where}: @{key} must be true or false, found '{value}'")
        head.flags[key] = value == "true"
        if key == "timestamps" and value == "true":
            raise DataError(f"{where}: series with a time beside each value are not read. Write the values alone, at equal steps")
    if key in ("classlabel", "targetlabel") and value == "true":
        head.labelled, head.number, head.classes = True, key == "targetlabel", tuple(values[1:])
    elif key in ("serieslength", "dimensions", "dimension"):
        if not value.isdecimal() or int(value) < 1:
            raise DataError(f"{where}: @{key} must be a whole number of at least 1, found '{value}'")
        if key == "serieslength":
            head.length = int(value)
        else:
            head.channels = int(value)
    elif key == "problemname":
        head.problem = " ".join(values)
    return False


def _series(channels: list[str], head: _Head, where: str) -> Array:
    """(channels, length) of one line, NaN for what is missing; held against the head."""
    wanted = 1 if head.flags.get("univariate") else head.channels
    if wanted is not None and len(channels) != wanted:
        raise DataError(f"{where}: found {len(channels)} channels, and the head or the lines before have {wanted}")
    head.channels = len(channels)
    rows = [_values(channel, where) for channel in channels]
    if len({len(row) for row in rows}) > 1:
        found = ", ".join(str(len(row)) for row in rows)
        raise DataError(f"{where}: the channels of a series must end together, found {found} points")
    if head.flags.get("equallength") and head.length is not None and len(rows[0]) != head.length:
        raise DataError(f"{where}: {len(rows[0])} points, and the head says {head.length} in every series")
    return _trimmed(np.array(rows), where)


def _values(text: str, where: str) -> list[float]:
    out = []
    for place, raw in enumerate(text.split(","), 1):
        token = raw.strip()
        if token.lower() in _MISSING:
            out.append(np.nan)
            continue
        try:
            value = float(token)
        except ValueError:
            value = np.inf
        if not np.isfinite(value) or "_" in token:
            raise DataError(f"{where}, value {place}: '{token[:40]}' is no finite number, and no '?' for a missing one")
        out.append(value)
    return out


def _label(text: str, head: _Head, where: str) -> str | float:
    if head.number:
        found = _values(text, where)
        if len(found) != 1 or np.isnan(found[0]):
            raise DataError(f"{where}: the number to predict is missing after the last colon, found '{text[:40]}'")
        return found[0]
    if not text or text == "?":
        raise DataError(f"{where}: the label after the last colon is missing")
    if head.classes and text not in head.classes:
        raise DataError(f"{where}: the label '{text[:40]}' is none of those that the head declares: {', '.join(head.classes)}")
    return text
