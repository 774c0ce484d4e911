"""Texts from files: CSV and TSV with a column of texts, or JSON lines."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from xai_compare.data.rationales import spans_of, truth_of
from xai_compare.data.reading import content_of, delimiter_of, unpacked
from xai_compare.data.slices import sliced
from xai_compare.data.sources import SOURCES, Held, Locate, check_no_columns, joined, params_of, split_by, target_of
from xai_compare.data.tabular import class_name
from xai_compare.data.text import WORDS, Texts, TextSpace, as_texts, check_words, longest, split
from xai_compare.errors import DataError, XaiCompareError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from xai_compare.config import DataSpec

__all__ = ["Options"]

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Options:
    """What a study may say of texts (`data.params`).

    distinct : leave out a text that was there before with the same target: in the test rows it would be one that models have learnt.
    words : the most words of a text that are features of their own, 2 to 500; the last of them takes everything from there on.
    quotes : whether quotation marks around a cell of CSV and TSV are no part of it. false: they are signs like any other.
    """

    distinct: bool = True
    words: int = WORDS
    quotes: bool = True

    def __post_init__(self) -> None:
        if not 2 <= self.words <= _MOST_WORDS:
            raise XaiCompareError(f"words must be 2 to {_MOST_WORDS}, found {self.words}")


@SOURCES.register("texts")
def _from_file(spec: DataSpec, name: str, locate: Locate) -> Held:
    """Texts from a CSV, TSV or JSON-lines file (data.path, data.text, data.target), or from one for training and one for test."""
    if name:
        raise DataError(f"'{spec.source}' names its file by path: write source: texts, path: {name}")
    check_no_columns(spec)
    options = params_of(Options, spec)
    if spec.text is None or spec.target is None:
        raise DataError(f"'{spec.source}' needs data.text and data.target: the column of the texts, and the one to predict")
    files = [_read(locate(path), spec, options) for path in (spec.path, spec.train, spec.test) if path is not None]
    if not files:
        raise DataError(f"'{spec.source}' needs data.path, or data.train and data.test: the file to read")
    facts: dict[str, Any] = files[0][1] if len(files) == 1 else {"train_file": files[0][1], "test_file": files[1][1]}
    where = f"file '{facts['file']}'" if len(files) == 1 else f"files '{files[0][1]['file']}' and '{files[1][1]['file']}'"
    frame = joined([found for found, _ in files])
    held_out = np.arange(len(frame)) >= len(files[0][0]) if len(files) > 1 else None
    if spec.split is not None:
        held_out = split_by(frame, spec.split, where)
    texts, target = _texts(frame, spec.text, where), target_of(frame, spec.target, where)
    ids = _ids(frame, spec.id, where)
    kept, doubled = _distinct(texts, target, held_out, options)
    d = longest(texts[kept], options.words)
    long = sum(len(split(text)) > d for text in texts[kept])
    facts |= {"public": False, "text": spec.text, "target": spec.target, "words": d, "longer_texts": long, "duplicates": doubled}
    spans = None if spec.rationale is None else spans_of(frame[spec.rationale], texts, spec.rationale, where)
    return Held(
        texts[kept],
        target[kept],
        None if held_out is None else held_out[kept],
        tuple(ids[row] for row in kept),
        facts,
        {column: labels[kept] for column, labels in sliced(frame, spec.slices, where).items()},
        None if spans is None else partial(truth_of, dict(zip(ids, spans, strict=True))),
        partial(TextSpace, d=d),
    )


def _texts(frame: pd.DataFrame, column: str, where: str) -> Texts:
    values = frame[column]
    if rows := np.flatnonzero(values.isna()).tolist():
        raise DataError(f"{where}: the text '{column}' is missing in {len(rows)} rows, first in row {rows[0]}. Remove them")
    what = f"{where}, column '{column}'"
    texts = as_texts(values.tolist(), what)
    check_words(texts, what)
    return texts


def _ids(frame: pd.DataFrame, column: str | None, where: str) -> tuple[str, ...]:
    if column is None:
        return tuple(map(str, range(len(frame))))
    if empty := int(frame[column].isna().sum()):
        raise DataError(f"{where}: the column '{column}', which tells the rows apart, is empty in {empty} rows")
    ids = tuple(map(class_name, frame[column].tolist()))
    if len(set(ids)) < len(ids):
        raise DataError(f"{where}: the column '{column}' does not tell the rows apart: {len(ids) - len(set(ids))} values come again")
    return ids


def _distinct(
    texts: Texts, target: npt.NDArray[Any], test: npt.NDArray[np.bool_] | None, options: Options
) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
    """The rows that are kept, and how many are doubles: training rows stand before test rows, earlier before later."""
    order = np.arange(len(texts)) if test is None else np.argsort(test, kind="stable")
    first: dict[tuple[str, Any], int] = {}
    again: list[int] = []
    for row in order.tolist():
        key = (texts[row], target[row])
        if key in first:
            again.append(row)
        first.setdefault(key, row)
    said: dict[str, set[Any]] = {}
    for text, value in first:
        said.setdefault(text, set()).add(value)
    found = {"found": len(again), "left_out": len(again) if options.distinct else 0}
    if test is not None:
        found["in_test_and_training"] = sum(bool(test[row]) and not test[first[texts[row], target[row]]] for row in again)
    found["with_another_target"] = sum(len(values) > 1 for values in said.values())
    kept = np.setdiff1d(np.arange(len(texts)), again) if options.distinct else np.arange(len(texts))
    return kept.astype(np.int64), found


# ---- files


def _read(path: Path, spec: DataSpec, options: Options) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The columns that a study names, from a file that is recognised by its content, and how it was read."""
    content = content_of(path)
    facts: dict[str, Any] = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest()}
    text, encoding = _decoded(path.name, unpacked(path.name, content))
    frame, how = _json_lines(path.name, text) if text.lstrip().startswith("{") else _table(path.name, text, spec, options)
    named = {"text": spec.text, "target": spec.target, "split": spec.split, "id": spec.id, "rationale": spec.rationale}
    for key, column in named.items():
        if column is not None and column not in frame.columns:
            raise DataError(f"file '{path.name}' has no column '{column}', which data.{key} names: {nearest(column, frame.columns)}")
    if spec.text == spec.target:
        raise DataError(f"data.text and data.target both name the column '{spec.text}': the target would be told by the text")
    used = {column for column in named.values() if column is not None} | set(spec.slices)
    return frame, facts | {"encoding": encoding} | how | {"columns_left_out": [name for name in frame.columns if name not in used]}


def _decoded(name: str, content: bytes) -> tuple[str, str]:
    """Unlike a table of numbers, a text read in the wrong encoding is another text: nothing is guessed."""
    encoding = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        byte = content[error.start : error.start + 1].hex()
        raise DataError(
            f"file '{name}' is not UTF-8 (byte {byte} in line {line}): CSV, TSV or JSON lines is read. "
            f"Save it as UTF-8: in Python, open(file, encoding='cp1252') reads what Windows wrote"
        ) from error
    if "\x00" in text:
        raise DataError(f"file '{name}' is no text: it holds zero bytes, from sign {text.index(chr(0))} on. CSV, TSV or JSON lines is read")
    return text, encoding


def _table(name: str, text: str, spec: DataSpec, options: Options) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pandas as pd

    delimiter = delimiter_of(text)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if options.quotes else csv.QUOTE_NONE
    try:
        header = next(csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting))
        frame = pd.read_csv(io.StringIO(text), sep=delimiter, quoting=quoting, low_memory=False)
        if spec.text in header:  # once more as it is written: "NA", "null" and "1" are words
            own = pd.read_csv(io.StringIO(text), sep=delimiter, quoting=quoting, usecols=[spec.text], dtype=str, keep_default_na=False)
            frame[spec.text] = own[spec.text]
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, StopIteration, ValueError) as error:
        raise DataError(f"file '{name}' cannot be read as CSV with the delimiter {delimiter!r}: {error}. {_QUOTES}") from error
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise DataError(f"file '{name}' has duplicate column names: {', '.join(twice)}. Rename them")
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"file '{name}': its rows have more cells than its header has names. {_QUOTES}")
    if delimiter == "\t" and spec.text in header:
        torn = [row for row, cell in enumerate(frame[spec.text]) if "\t" in cell and "\n" in cell]
        if torn:
            raise DataError(f"file '{name}': the text of row {torn[0]} runs over several rows. {_QUOTES}")
    return frame, {"format": "csv", "delimiter": delimiter} | ({} if options.quotes else {"quotes": False})


_QUOTES = "Where a quotation mark in the texts is not closed, data.params: {quotes: false} reads it as a sign like any other"


def _json_lines(name: str, text: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"file '{name}', line {number}: no JSON: {error}. Each line must hold one object") from error
        if not isinstance(row, dict):
            raise DataError(f"file '{name}', line {number} holds no object but {type(row).__name__}. Each line must hold one object")
        rows.append(row)
    return pd.DataFrame(rows), {"format": "jsonl"}
