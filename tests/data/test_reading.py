"""Files as tables: recognised by content, encoding and delimiter found out, everything else refused in words."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_compare.data.reading import read_table
from xai_compare.errors import XaiCompareError

FRAME = pd.DataFrame({"amount": [1.5, -2.25, 1e6], "town": ["Aix", "Bonn", None], "ok": [True, False, True]})


def written(folder: Path, content: bytes, name: str = "t.csv") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    frame, facts = read_table(written(tmp_path, FRAME.to_csv(index=False, sep=delimiter).encode()))
    pd.testing.assert_frame_equal(frame, FRAME, check_dtype=False)
    assert facts["delimiter"] == delimiter
    assert (facts["format"], facts["encoding"], facts["file"]) == ("csv", "utf-8", "t.csv")


@pytest.mark.parametrize(
    ("encoding", "said"), [("latin-1", "cp1252"), ("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16")]
)
def test_a_degree_sign_in_the_header_loads(tmp_path: Path, encoding: str, said: str) -> None:
    frame, facts = read_table(written(tmp_path, "Temp °C;Größe\n1;2\n3;4\n".encode(encoding)))
    assert list(frame.columns) == ["Temp °C", "Größe"]
    assert frame.to_numpy().tolist() == [[1, 2], [3, 4]]
    assert facts["encoding"] == said


def test_decimal_commas_are_numbers_where_semicolons_cut(tmp_path: Path) -> None:
    frame, facts = read_table(written(tmp_path, b"a;b;c\n1,5;x;3\n-2,25;y;4\n"))
    assert frame["a"].tolist() == [1.5, -2.25]
    assert frame["b"].tolist() == ["x", "y"]
    assert facts["decimal"] == ","


def test_a_quoted_delimiter_does_not_cut(tmp_path: Path) -> None:
    frame, facts = read_table(written(tmp_path, b'name,what\n"Smith; John; Mary","a;b"\n"Doe; Jane; Al","c;d"\n'))
    assert (frame.shape, facts["delimiter"]) == ((2, 2), ",")


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_arrow_files_are_known_by_their_content(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "misnamed.csv"
    getattr(FRAME, f"to_{kind}")(path)
    frame, facts = read_table(path)
    pd.testing.assert_frame_equal(frame, FRAME, check_dtype=False)
    assert facts["format"] == kind


def test_gzip_is_unpacked_and_a_bomb_is_not(tmp_path: Path) -> None:
    frame, _ = read_table(written(tmp_path, gzip.compress(FRAME.to_csv(index=False).encode()), "t.csv.gz"))
    assert frame.shape == FRAME.shape
    with pytest.raises(XaiCompareError, match="unpacks to more than"):
        read_table(written(tmp_path, gzip.compress(b"0" * 50_000_000), "bomb.gz"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"SQLite format 3\x00", "Export the table"),
        (b"PAR1 broken", "cannot be read as parquet"),
        (b"ARROW1 broken", "cannot be read as feather"),
        (b"\x1f\x8b broken", "cannot be unpacked"),
        (b"a,b\n\x00\x01,2\n", "zero bytes, from byte 4"),
        (b"a,a\n1,2\n", "duplicate column names: a"),
        (b"a,\n1,2\n", "column 2 of its header has no name"),
        (b"a,b\n1,2\n1,2,3,4\n", "cannot be read as CSV"),
        (b"a,b\n1,2,3\n1,2,3\n", "more cells than its header"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    if content.startswith((b"PAR1", b"ARROW1")):
        pytest.importorskip("pyarrow")
    with pytest.raises(XaiCompareError, match=said) as found:
        read_table(written(tmp_path, content))
    assert "t.csv" in str(found.value)
    assert str(tmp_path) not in str(found.value)


@pytest.mark.parametrize("address", ["https://example.org/a.csv", "s3://bucket/a.parquet", "http:/example.org/a.csv"])
def test_an_address_is_never_read(address: str) -> None:
    with pytest.raises(XaiCompareError, match="only files are read"):
        read_table(Path(address))


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=300) | st.text(alphabet='ab,;\t|"\n1.5é\x00', max_size=200).map(str.encode))
def test_any_bytes_are_a_table_or_a_typed_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), content, "fuzz.csv")
    try:
        frame, _ = read_table(path)
    except XaiCompareError:
        return
    assert len(set(frame.columns)) == frame.shape[1]


@pytest.mark.parametrize("start", [b"PAR1", b"ARROW1", b"\x1f\x8b"])
def test_damaged_files_are_typed_errors(tmp_path: Path, start: bytes) -> None:
    pytest.importorskip("pyarrow")
    for seed in range(30):
        with pytest.raises(XaiCompareError):
            read_table(written(tmp_path, start + np.random.default_rng(seed).bytes(200)))
