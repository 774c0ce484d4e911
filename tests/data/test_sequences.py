"""Time series from files: .ts and tables, and every way in which they can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xai_compare.config import DataSpec
from xai_compare.data.sources import read
from xai_compare.errors import DataError
from xai_compare.types import Data

HEAD = "# a comment\n@problemName Two Bumps\n@timeStamps false\n@missing true\n@univariate true\n@classLabel true up down\n\n@data\n"


def ts(folder: Path, body: str, head: str = HEAD, name: str = "a.ts") -> Path:
    (folder / name).write_text(head + body)
    return folder / name


def rows(n: int, length: int = 6, seed: int = 0) -> str:
    values = np.random.default_rng(seed).normal(size=(n, length)).round(3)
    return "".join(f"{','.join(map(str, row))}:{'up' if i % 2 else 'down'}\n" for i, row in enumerate(values.tolist()))


def loaded(path: Path | None = None, **options) -> Data:
    return read(DataSpec.model_validate({"source": "series", **({} if path is None else {"path": path}), **options}), 0)


def held(data: Data) -> np.ndarray:
    """All series in the order of the file."""
    ids = np.array([*data.train.ids, *data.test.ids], dtype=int)
    return np.concatenate([data.train.inputs, data.test.inputs])[np.argsort(ids)]


# ---- .ts


def test_a_ts_file_is_read(tmp_path: Path) -> None:
    data = loaded(ts(tmp_path, rows(8)), params={"stretches": 3})
    wanted = np.random.default_rng(0).normal(size=(8, 6)).round(3)
    np.testing.assert_array_equal(held(data)[:, 0], wanted)
    assert data.classes == ("down", "up")
    assert [data.classes[y] for y in data.train.y] == ["up" if int(i) % 2 else "down" for i in data.train.ids]
    assert data.space.modality == "series"
    assert data.space.names == ("0-1", "2-3", "4-5")
    facts = {key: data.about[key] for key in ("file", "format", "problem", "rows", "channels", "length", "public")}
    assert facts == {"file": "a.ts", "format": "ts", "problem": "Two Bumps", "rows": 8, "channels": 1, "length": 6, "public": False}
    assert "filled_values" not in data.about


def test_missing_values_are_bridged_and_counted(tmp_path: Path) -> None:
    body = "1,?,?,4,5:up\n?,2,3,4,?:down\n1,2,3,?,?:up\n5,5,5,5,NaN:down\n"
    data = loaded(ts(tmp_path, body), test_size=0.5)
    nan = np.nan
    wanted = [[1, 2, 3, 4, 5], [2, 2, 3, 4, nan], [1, 2, 3, nan, nan], [5, 5, 5, 5, nan]]
    np.testing.assert_array_equal(held(data)[:, 0], wanted)
    assert data.about["filled_values"] == 3


def test_unequal_lengths_end_in_nan(tmp_path: Path) -> None:
    data = loaded(ts(tmp_path, "1,2:up\n1,2,3,4:down\n3:up\n1,2,3:down\n"), test_size=0.5)
    nan = np.nan
    np.testing.assert_array_equal(held(data)[:, 0], [[1, 2, nan, nan], [1, 2, 3, 4], [3, nan, nan, nan], [1, 2, 3, nan]])


def test_several_channels(tmp_path: Path) -> None:
    head = "@TIMESTAMPS false\n@Dimensions 2\n@equalLength true\n@seriesLength 3\n@classLabel true a b\n@DATA\n"
    body = "1,2,3:4,?,6:a\n7,8,9:1,2,3:b\n" * 2
    data = loaded(ts(tmp_path, body, head), test_size=0.5, params={"stretches": 3})
    np.testing.assert_array_equal(held(data)[0], [[1, 2, 3], [4, 5, 6]])
    assert data.space.names[3] == "channel 2: 0"
    assert data.about["filled_values"] == 2


def test_a_missing_end_of_one_channel_is_bridged(tmp_path: Path) -> None:
    head = "@classLabel true a b\n@data\n"
    data = loaded(ts(tmp_path, "1,2,3:4,5,?:a\n1,2,?:1,2,?:b\n" * 2, head), test_size=0.5)
    np.testing.assert_array_equal(held(data)[:2], [[[1, 2, 3], [4, 5, 5]], [[1, 2, np.nan], [1, 2, np.nan]]])


def test_a_number_can_be_the_target(tmp_path: Path) -> None:
    body = "".join(f"{i},{i + 1},{i + 2}:{i / 3}\n" for i in range(30))
    data = loaded(ts(tmp_path, body, "@targetlabel true\n@data\n"))
    assert data.task == "regression"
    np.testing.assert_allclose(sorted([*data.train.y, *data.test.y]), np.arange(30) / 3)


def test_train_and_test_files_keep_their_rows(tmp_path: Path) -> None:
    data = loaded(train=ts(tmp_path, rows(6), name="a.ts"), test=ts(tmp_path, rows(4, 9), name="b.ts"))
    assert data.train.inputs.shape == (6, 1, 9)
    assert np.isnan(data.train.inputs[:, :, 6:]).all()
    assert data.test.inputs.shape == (4, 1, 9)
    assert data.about["test_file"]["file"] == "b.ts"
    assert data.about["train_file"]["rows"] == 6


def test_marks_gzip_and_windows_lines(tmp_path: Path) -> None:
    plain = held(loaded(ts(tmp_path, rows(8))))
    content = (HEAD + rows(8)).replace("\n", "\r\n").encode("utf-8-sig")
    (tmp_path / "b.ts").write_bytes(content)
    (tmp_path / "c.ts.gz").write_bytes(gzip.compress(content))
    for name in ("b.ts", "c.ts.gz"):
        np.testing.assert_array_equal(held(loaded(tmp_path / name)), plain)


@pytest.mark.parametrize(
    ("name", "sizes", "length"), [("GunPoint", ([24, 26], [76, 74]), 150), ("ItalyPowerDemand", ([34, 33], [513, 516]), 24)]
)
def test_the_archive(data_dir: Path, name: str, sizes, length: int) -> None:
    folder = data_dir / "ucr_timeseries"
    data = loaded(train=folder / f"{name}_TRAIN.ts", test=folder / f"{name}_TEST.ts")
    assert (np.bincount(data.train.y).tolist(), np.bincount(data.test.y).tolist()) == sizes
    assert data.train.inputs.shape[1:] == (1, length)
    assert data.space.d == 10
    first = next(line for line in (folder / f"{name}_TRAIN.ts").read_text().splitlines() if not line.startswith(("#", "@")))
    np.testing.assert_array_equal(data.train.inputs[0, 0], np.array(first.split(":")[0].split(","), dtype=float))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("1,2,3\n", "line 9: a series, a colon and its label are expected"),
        ("1,2,x:up\n", "line 9, value 3: 'x' is no finite number"),
        ("1,2,3:up\n1,,3:up\n", "line 10, value 2: '' is no finite number"),
        ("1,inf,3:up\n", "value 2: 'inf' is no finite number"),
        ("1,1_0,3:up\n", "value 2: '1_0' is no finite number"),
        ("1,2,3:\n", "line 9: the label after the last colon is missing"),
        ("1,2,3:?\n", "line 9: the label after the last colon is missing"),
        ("1,2,3:left\n", "line 9: the label 'left' is none of those that the head declares: up, down"),
        ("1,2:3,4:up\n", "line 9: found 2 channels, and the head or the lines before have 1"),
        ("?,?:up\n", "line 9: a channel of the series has no value at all"),
        ("(0,1),(1,2):up\n", "'\\(0' is no finite number"),
        ("", "holds no series after its line @data"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, body, said) -> None:
    with pytest.raises(DataError, match=rf"file 'a\.ts'.*{said}"):
        loaded(ts(tmp_path, body))


@pytest.mark.parametrize(
    ("head", "body", "said"),
    [
        ("@classLabel true a\n", "1,2:a\n", "line 2: a line of the head begins with @"),
        ("@classLabel true a\n", "", "the line @data is missing"),
        ("@data\n", "1,2:a\n", "line 1: the head has neither"),
        ("@classLabel false\n@data\n", "1,2:a\n", "line 2: the head has neither"),
        ("@classLabel perhaps\n@data\n", "1,2:a\n", "line 1: @classlabel must be true or false, found 'perhaps'"),
        ("@timeStamps true\n@data\n", "", "line 1: series with a time beside each value are not read"),
        ("@seriesLength many\n@data\n", "", "line 1: @serieslength must be a whole number of at least 1, found 'many'"),
        ("@dimensions 0\n@data\n", "", "line 1: @dimensions must be a whole number of at least 1, found '0'"),
        ("@equalLength true\n@seriesLength 3\n@classLabel true\n@data\n", "1,2:a\n", "line 5: 2 points, and the head says 3"),
        ("@dimensions 3\n@classLabel true\n@data\n", "1,2:1,2:a\n", "line 4: found 2 channels, and the head or the lines before have 3"),
        ("@classLabel true\n@data\n", "1,2:1,2:a\n1,2:a\n", "line 4: found 1 channels, and the head or the lines before have 2"),
        ("@classLabel true\n@data\n", "1,2:1,2,3:a\n", "line 3: the channels of a series must end together, found 2, 3 points"),
        ("@targetLabel true\n@data\n", "1,2:a\n", "line 3, value 1: 'a' is no finite number"),
        ("@targetLabel true\n@data\n", "1,2:?\n", "line 3: the number to predict is missing"),
    ],
)
def test_a_bad_head_is_named(tmp_path: Path, head, body, said) -> None:
    with pytest.raises(DataError, match=rf"file 'a\.ts'.*{said}"):
        loaded(ts(tmp_path, body, head))


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    one = ts(tmp_path, rows(4), name="a.ts")
    two = ts(tmp_path, "1,2:3,4:up\n1,2:3,4:down\n", "@classLabel true\n@data\n", "b.ts")
    with pytest.raises(DataError, match=r"'a\.ts' and 'b\.ts': the series have 1 to 2 channels"):
        loaded(train=one, test=two)
    number = ts(tmp_path, "1,2:1\n1,2:2\n", "@targetLabel true\n@data\n", "c.ts")
    with pytest.raises(DataError, match="the labels are numbers in one and texts in the other"):
        loaded(train=one, test=number)


def test_padding_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("xai_compare.data.sequences._MOST", 100)
    with pytest.raises(DataError, match="8 series filled up to 50 points are more than is read"):
        loaded(ts(tmp_path, rows(7) + rows(1, 50)))


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"target": "y"}, "is a .ts file, which names no columns: remove target"),
        ({"text": "y"}, "has no use for 'text'"),
        ({"drop": ["y"]}, "has no use for 'drop'"),
        ({"params": {"stretch": 3}}, "unknown parameter 'stretch'"),
        ({"params": {"stretches": 0}}, "stretches must be at least 1"),
        ({"params": {"stretches": 1}}, "one stretch is the whole series"),
    ],
)
def test_what_series_do_not_take(tmp_path: Path, said, match) -> None:
    with pytest.raises(DataError, match=match):
        loaded(ts(tmp_path, rows(8)), **said)


def test_other_names_of_the_source_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names its file by path"):
        read(DataSpec.model_validate({"source": "series:a.ts"}), 0)
    with pytest.raises(DataError, match="not found"):
        loaded(tmp_path / "none.ts")


# ---- tables


def table(folder: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


def frame(n: int = 10, length: int = 5) -> pd.DataFrame:
    values = np.random.default_rng(1).normal(size=(n, length))
    return pd.DataFrame(values, columns=[f"t{j}" for j in range(length)]).assign(
        kind=["a", "b"] * (n // 2), who=[f"p{i}" for i in range(n)]
    )


def test_a_table_with_a_series_in_each_row(tmp_path: Path) -> None:
    made = frame()
    made["sex"] = ["m", "f", "f", "m", "m"] * 2
    made.loc[3, "t1"] = np.nan
    made.loc[4, ["t3", "t4"]] = np.nan
    data = loaded(table(tmp_path, made), target="kind", id="who", slices=["sex"])
    order = np.argsort([int(name[1:]) for name in (*data.train.ids, *data.test.ids)])
    found = np.concatenate([data.train.inputs, data.test.inputs])[order, 0]
    wanted = made[[f"t{j}" for j in range(5)]].to_numpy(copy=True)
    wanted[3, 1] = (wanted[3, 0] + wanted[3, 2]) / 2
    np.testing.assert_allclose(found, wanted)
    assert data.about["filled_values"] == 1
    assert data.classes == ("a", "b")
    assert data.slices["sex"].tolist() == made["sex"][[int(name[1:]) for name in data.test.ids]].tolist()


@pytest.mark.parametrize(
    ("change", "said", "match"),
    [
        ({}, {}, "name the column of its labels by data.target"),
        ({}, {"target": "sort"}, "has no column 'sort'"),
        ({}, {"target": "kind"}, "column 'who' must hold numbers, the points of the series, and holds others, such as 'p0'"),
        ({"who": "p"}, {"target": "kind", "id": "who"}, "does not tell the series apart"),
        ({"kind": [None, *["a", "b"] * 4, "a"]}, {"target": "kind", "id": "who"}, "the target 'kind' is missing in 1 rows"),
        (
            {f"t{j}": [np.nan] * 5 + [1.0] * 5 for j in range(5)},
            {"target": "kind", "id": "who"},
            "row 2: a channel of the series has no value",
        ),
        ({"t0": np.inf}, {"target": "kind", "id": "who"}, "has infinite values"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, change, said, match) -> None:
    with pytest.raises(DataError, match=match):
        loaded(table(tmp_path, frame().assign(**change)), **said)
