"""A file as a table: recognised by its content, its encoding and delimiter found out and told."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_compare.errors import DataError
from xai_compare.lazy import load

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["content_of", "decoded", "delimiter_of", "read_table", "unpacked"]

_MOST = 2**32  # bytes of a table once unpacked: what is larger is no table for one machine's memory
_RATIO = 1000  # a gzip file that grows more than this is an attack, not a table
_SAMPLE = 2**16
_DELIMITERS = ",;\t|"
_NOT_TABLES = {
    b"PK\x03\x04": "a zip archive (an Excel workbook?). Save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite data base. Export the table as CSV or Parquet",
    b"FEA1": "a Feather file of the first version. Write it anew as Parquet or Feather 2",
}


def read_table(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table from a CSV, Parquet or Feather file, and how it was read.

    The kind is told by the file's first bytes, never by its name; gzip around a CSV is unpacked. A CSV's encoding (UTF-8, UTF-16 with
    its mark, else Windows-1252), delimiter (comma, semicolon, tab or bar) and decimal comma are found out.

    Returns
    -------
    DataFrame with text column names, and facts: file, sha256, format, for a CSV also encoding and delimiter.

    Raises
    ------
    DataError
        With the file's name and what to do: not there, an address instead of a file, empty, duplicate columns, nothing that is read here.
    MissingExtra
        For Parquet and Feather without pyarrow.

    Examples
    --------
    >>> frame, facts = read_table(Path("loans.csv"))    # doctest: +SKIP
    >>> facts["format"], facts["encoding"], facts["delimiter"]    # doctest: +SKIP
    ('csv', 'utf-8', ';')
    """
    content = content_of(path)
    facts: dict[str, Any] = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest()}
    for magic, what in _NOT_TABLES.items():
        if content.startswith(magic):
            raise DataError(f"file '{path.name}' is {what}")
    if content.startswith(b"PAR1"):
        frame, how = _arrow(path.name, content, "pyarrow.parquet", "read_table"), {"format": "parquet"}
    elif content.startswith(b"ARROW1"):
        frame, how = _arrow(path.name, content, "pyarrow.feather", "read_table"), {"format": "feather"}
    else:
        frame, how = _csv(path.name, unpacked(path.name, content))
    _check_names(path.name, [str(name) for name in frame.columns])
    frame.columns = frame.columns.map(str)
    return frame.reset_index(drop=True), facts | how


def content_of(path: Path) -> bytes:
    """All bytes of a file; DataError for what is no file, for an empty one and for one that is too large."""
    if "://" in str(path) or re.match(r"[a-z][a-z0-9+.-]+:/", str(path)):
        raise DataError(f"'{path.as_posix()}' is an address: only files are read. Download it first")
    if not path.exists():
        raise DataError(f"file '{path.name}' not found (relative paths are taken from the study file's folder)")
    if not path.is_file():
        raise DataError(f"'{path.name}' is no file")
    if path.stat().st_size > _MOST:
        raise DataError(f"file '{path.name}' holds more than {_MOST >> 30} GiB: draw a sample of its rows first")
    content = path.read_bytes()
    if not content.strip():
        raise DataError(f"file '{path.name}' is empty")
    return content


def unpacked(name: str, content: bytes) -> bytes:
    """What a gzip file holds, anything else as it is; DataError where it cannot be unpacked, or grows beyond reason."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    most = min(_MOST, _RATIO * len(content))
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            out = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"file '{name}' looks like gzip and cannot be unpacked: {error}") from error
    if len(out) > most:
        raise DataError(f"file '{name}' unpacks to more than {most >> 20} MiB, which no table of its size does")
    return out


def _arrow(name: str, content: bytes, module: str, function: str) -> pd.DataFrame:
    reader, arrow = load(module), load("pyarrow")
    try:
        return getattr(reader, function)(arrow.BufferReader(content)).to_pandas()  # type: ignore[no-any-return]
    except (arrow.ArrowException, OSError, ValueError, TypeError) as error:
        raise DataError(f"file '{name}' cannot be read as {module.partition('.')[2]}: {error}") from error


def _csv(name: str, content: bytes) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pandas as pd

    text, encoding = decoded(name, content)
    delimiter = delimiter_of(text)
    try:
        frame = pd.read_csv(io.StringIO(text), sep=delimiter, low_memory=False)
        header = next(csv.reader(io.StringIO(text), delimiter=delimiter))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, StopIteration, ValueError) as error:
        raise DataError(f"file '{name}' cannot be read as CSV with the delimiter {delimiter!r}: {error}") from error
    _check_names(name, [cell.strip() for cell in header])  # pandas numbers what comes twice
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"file '{name}': its rows have more cells than its header has names")
    decimal = _decimal_comma(frame, delimiter)
    if decimal:
        frame = pd.read_csv(io.StringIO(text), sep=delimiter, decimal=",", low_memory=False)
    facts = {"format": "csv", "encoding": encoding, "delimiter": delimiter}
    return frame, facts | ({"decimal": ","} if decimal else {})


def decoded(name: str, content: bytes) -> tuple[str, str]:
    """The text in some bytes, and its encoding; DataError where it is none."""
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = [encoding for mark, encoding in marks.items() if content.startswith(mark)]
    # Windows-1252 is Latin-1 with letters where Latin-1 has control characters; five bytes mean nothing in it.
    for encoding in [*marked, "utf-8", "cp1252", "latin-1"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            raise DataError(
                f"file '{name}' is no text: it holds zero bytes, from byte {content.index(0)} on. CSV, Parquet or Feather is read"
            )
        return text, encoding
    raise AssertionError("Latin-1 decodes everything")


def delimiter_of(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of cells, most cells first; comma where none does."""
    lines = [line for line in text[:_SAMPLE].splitlines()[:50] if line.strip()]
    if len(text) > _SAMPLE and len(lines) > 1:
        lines = lines[:-1]  # the last one may be cut
    found = []
    for delimiter in _DELIMITERS:
        widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter)]
        if widths and widths[0] > 1:
            found.append((widths.count(widths[0]) / len(widths), widths[0], delimiter))
    return max(found, key=lambda each: each[:2])[2] if found else ","


def _decimal_comma(frame: pd.DataFrame, delimiter: str) -> bool:
    """Whether columns of text are numbers with a decimal comma, as a file cut by semicolons often has."""
    if delimiter == ",":
        return False
    texts = [frame[name].dropna().astype(str) for name in frame.columns if not _is_number(frame[name])]
    return any(len(column) > 0 and bool(column.str.fullmatch(r"[+-]?\d+(,\d+)?").all()) for column in texts)


def _is_number(column: pd.Series[Any]) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column))


def _check_names(file: str, names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"file '{file}' has duplicate column names: {', '.join(twice)}. Rename them: a feature is known by its name")
    if "" in names:
        raise DataError(f"file '{file}': column {names.index('') + 1} of its header has no name. Name it, or take it out")
