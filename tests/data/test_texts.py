"""Texts from files: what is read, which doubles are left out, what people marked, and what is refused in which words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xai_compare.config import DataSpec, study_from_dict
from xai_compare.data.sources import read
from xai_compare.data.text import MASK, TextSpace
from xai_compare.errors import DataError, StudyError, UnknownName

ROWS = [(f"good word {i}", "yes") if i % 2 else (f"bad word {i}, NA", "no") for i in range(40)]


def spec(path: Path | None = None, **options) -> DataSpec:
    return DataSpec.model_validate({"source": "texts", "path": path, "text": "t", "target": "y", **options})


def write(path: Path, rows=ROWS, sep: str = ",") -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"t": text, "y": label}) + "\n" for text, label in rows), encoding="utf-8")
    else:
        pd.DataFrame(rows, columns=["t", "y"]).to_csv(path, sep=sep, index=False)
    return path


def everything(data) -> dict[str, str]:
    """{text: class} of training and test rows."""
    return {text: data.classes[code] for part in (data.train, data.test) for text, code in zip(part.inputs, part.y, strict=True)}


# ---- what is read


@pytest.mark.parametrize(("name", "sep"), [("a.csv", ","), ("a.tsv", "\t"), ("semicolon.txt", ";"), ("a.jsonl", "")])
def test_the_same_texts_from_every_format(tmp_path, name, sep) -> None:
    data = read(spec(write(tmp_path / name, sep=sep), explain=5, background=7), 0)
    assert everything(data) == dict(ROWS)
    assert data.test.inputs.dtype == object
    assert isinstance(data.space, TextSpace)
    assert (data.space.d, len(data.space.background), len(data.explain), len(data.test.y)) == (5, 7, 5, 12)
    assert data.about["format"] == ("jsonl" if name == "a.jsonl" else "csv")
    assert data.about["encoding"] == "utf-8"
    assert data.about["public"] is False
    assert len(data.about["sha256"]) == 64


def test_rows_keep_their_numbers_and_columns_are_told(tmp_path) -> None:
    frame = pd.DataFrame(ROWS, columns=["t", "y"]).assign(
        part=["train", "train", "test", "test"] * 10, name=[f"n{i}" for i in range(40)], more=1
    )
    frame.loc[3::8, "group"] = "a"
    frame.to_csv(tmp_path / "a.csv", index=False)
    data = read(spec(tmp_path / "a.csv", split="part", id="name", slices=["group"]), 0)
    assert data.test.ids == tuple(f"n{i}" for i in range(40) if i % 4 > 1)
    assert data.test.inputs[1] == ROWS[3][0]
    assert data.slices["group"].tolist() == ["missing", "a", "missing", "missing"] * 5
    assert data.about["columns_left_out"] == ["more"]


def test_words_that_elsewhere_mean_missing_are_words(tmp_path) -> None:
    rows = [(text, "yn"[i % 2]) for i, text in enumerate(["NA", "null", "nan", "None", "1", "2.50", "#N/A", "-inf"] * 3)]
    assert set(everything(read(spec(write(tmp_path / "a.csv", rows)), 0))) == {text for text, _ in rows}


def test_marks_of_windows_and_of_other_alphabets_are_read(tmp_path) -> None:
    (tmp_path / "bom.csv").write_bytes(write(tmp_path / "a.csv").read_text().encode("utf-8-sig"))
    (tmp_path / "16.csv").write_bytes(write(tmp_path / "a.csv").read_text().encode("utf-16"))
    for name in ("bom.csv", "16.csv"):
        assert everything(read(spec(tmp_path / name), 0)) == dict(ROWS)


def test_numbers_as_target_are_a_regression_and_codes_are_classes(tmp_path) -> None:
    number = read(spec(write(tmp_path / "a.csv", [(f"text {i}", i / 7) for i in range(60)])), 0)
    codes = read(spec(write(tmp_path / "b.csv", [(f"text {i}", i % 2) for i in range(60)]), positive=0), 0)
    assert (number.task, codes.task, codes.classes) == ("regression", "classification", ("1", "0"))


def test_words_beyond_the_cap_are_one_feature(tmp_path) -> None:
    data = read(spec(write(tmp_path / "a.csv"), params={"words": 3}), 0)
    assert data.space.d == 3
    assert data.about["longer_texts"] == 20
    assert "NA" in data.space.labels(data.test.inputs[np.array([text.startswith("bad") for text in data.test.inputs])])[0][2]


def test_private_signs_of_a_users_text_hide_nothing(tmp_path) -> None:
    data = read(spec(write(tmp_path / "a.jsonl", [(f"a{MASK}b {i}", "yn"[i % 2]) for i in range(20)])), 0)
    assert (data.space.present(data.test.inputs).sum(axis=1) == 3).all()
    assert not any(MASK in text for text in data.test.inputs)


# ---- doubles


def test_doubles_are_left_out_and_counted(tmp_path) -> None:
    rows = [*ROWS, ROWS[0], ROWS[0], ("good word 1", "no")]
    data = read(spec(write(tmp_path / "a.csv", rows)), 0)
    assert data.about["duplicates"] == {"found": 2, "left_out": 2, "with_another_target": 1}
    assert data.about["rows"] == 41
    assert sorted(map(int, data.train.ids + data.test.ids)) == [*range(40), 42]
    kept = read(spec(tmp_path / "a.csv", params={"distinct": False}), 0)
    assert kept.about["rows"] == 43
    assert kept.about["duplicates"] == {"found": 2, "left_out": 0, "with_another_target": 1}


def test_a_test_text_that_was_trained_on_is_left_out(tmp_path) -> None:
    train, test = (
        write(tmp_path / "a.csv"),
        write(tmp_path / "b.csv", [("new one", "yes"), *ROWS[:3], ("new two", "no"), ("new two", "no")]),
    )
    data = read(spec(train=train, test=test), 0)
    assert data.test.inputs.tolist() == ["new one", "new two"]
    assert len(data.train.y) == 40
    assert data.about["duplicates"] == {"found": 4, "left_out": 4, "in_test_and_training": 3, "with_another_target": 0}


@pytest.mark.skipif("XAI_COMPARE_DATA" not in os.environ, reason="needs the folder of data sets")
def test_the_sms_collection() -> None:
    path = Path(os.environ["XAI_COMPARE_DATA"]) / "sms_spam/SMSSpamCollection.tsv"
    raw = pd.read_csv(path, sep="\t", keep_default_na=False)  # another reader of the same file
    data = read(spec(path, text="text", target="label", positive="spam"), 0)
    assert len(raw) == 5574
    assert data.about["duplicates"] == {"found": 403, "left_out": 403, "with_another_target": 0}
    assert everything(data) == dict(zip(raw["text"], raw["label"], strict=True))
    assert (data.space.d, data.classes) == (100, ("ham", "spam"))
    assert not set(data.train.inputs) & set(data.test.inputs)


# ---- what people marked


def marked(tmp_path, cells, text: str = "Not good, but not so bad") -> object:
    rows = [{"t": text + " " * i, "y": "yn"[i % 2], "why": cell} for i, cell in enumerate(cells)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return read(spec(tmp_path / "a.jsonl", rationale="why", test_size=0.5), 0)


def test_words_that_a_marked_span_overlaps_are_the_truth(tmp_path) -> None:
    """Not|good|,|but|not|so|bad: by hand."""
    cells = [[[0, 8]], [[7, 9], [21, 24]], ["not so"], [], None, "[[5, 6]]", ["o"], ["Not good,", [21, 22]]]
    wanted = ["1100000", "0110001", "0000110", "0000000", "0000000", "0100000", "1100110", "1110001"]
    seeds = [marked(tmp_path, cells)]
    for data in seeds:
        found = {name: "".join(str(int(bit)) for bit in row) for name, row in zip(data.test.ids, data.truth.mask, strict=True)}
        assert found == {name: wanted[int(name)] for name in data.test.ids}
        assert len(found) == 4
        assert data.truth.attribution is None


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ([[0, 99]], r"found \[0, 99\], which is no span of a text of 24 signs"),
        ([[3, 3]], "no span"),
        ([[True, 3]], "no span"),
        ([[0, 1, 2]], "no span"),
        ([""], "found '', which is no span"),
        (["awful"], "does not hold 'awful'"),
        (5, "no list"),
        ("not json", "Expecting value"),
    ],
)
def test_marks_that_are_none_are_refused_with_their_row(tmp_path, cell, said) -> None:
    with pytest.raises(DataError, match=rf"column 'why', row 0: .*{said}.*Give a list of \[start, end\]"):
        marked(tmp_path, [cell, [], [], []])


# ---- what is refused


def content(tmp_path, text: str | bytes, name: str = "a.csv") -> Path:
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path / name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("t,y\na,1\n,0\nb,1\n", "1 of 3 texts have no words, first row 1"),
        ("t,y\na,1\n   ,0\nb,1\n", "first row 1. Remove empty and blank texts"),
        ("t,y\na,1\nb,\n", "the target 'y' is missing in 1 rows, first in row 1"),
        ("x,y\na,1\nb,0\n", "no column 't', which data.text names"),
        ("t,z\na,1\nb,0\n", "no column 'y', which data.target names"),
        ("t,y,t\na,1,b\n", "duplicate column names: t"),
        ("t,y\na,1,2,3\nb,0\n", "cannot be read as CSV|more cells"),
        (b"t,y\ncaf\xe9,1\n", r"is not UTF-8 \(byte e9 in line 2\)"),
        (b"t,y\na\x00b,1\n", "zero bytes"),
        ('t\ty\nsay "hi\t1\n"open\t0\nb\t1\nlast"\t0\n', "quotes: false"),
        ('{"t": "a", "y": 1}\nnonsense\n', "line 2: no JSON"),
        ('{"t": "a", "y": 1}\n[1, 2]\n', "line 2 holds no object but list"),
        ('{"t": "a", "y": 1}\n{"y": 0}\n', "the text 't' is missing in 1 rows, first in row 1"),
        ('{"t": "a", "y": 1}\n{"t": 5, "y": 0}\n', "row 1 is no text but int"),
        ("{" * 100_000, "line 1: no JSON"),
        ('{"a": ' * 100_000, "line 1: no JSON"),
        ("", "is empty"),
    ],
)
def test_files_that_hold_no_texts_are_refused(tmp_path, text, said) -> None:
    with pytest.raises(DataError, match=said):
        read(spec(content(tmp_path, text)), 0)


def test_quotation_marks_can_be_signs(tmp_path) -> None:
    rows = "".join(f'say "hi {i}\t{i % 2}\n"open {i}\t{i % 2}\n' for i in range(10))
    data = read(spec(content(tmp_path, "t\ty\n" + rows), params={"quotes": False}), 0)
    assert set(everything(data)) == {f'say "hi {i}' for i in range(10)} | {f'"open {i}' for i in range(10)}


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path) -> None:
    data = read(spec(write(tmp_path / "a.jsonl", [(f"a\u2028b\x85c {i}", "yn"[i % 2]) for i in range(20)])), 0)
    assert data.about["rows"] == 20


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"params": {"words": 1}}, "words must be 2 to 500, found 1"),
        ({"params": {"distinct": "maybe"}}, "parameter 'distinct'"),
        ({"params": {"word": 5}}, "unknown parameter 'word'"),
        ({"drop": ["a"]}, "holds no table"),
        ({"source": "texts:a.csv"}, "names its file by path"),
        ({"text": "y"}, "both name the column 'y'"),
        ({"path": None}, "needs data.path"),
        ({"text": None}, "needs data.text and data.target"),
        ({"id": "y"}, "does not tell the rows apart"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, said) -> None:
    with pytest.raises((DataError, UnknownName), match=said):
        read(spec(**{"path": write(tmp_path / "a.csv"), **options}), 0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"source": "texts", "path": "a", "target": "y"}, "data.text: missing: texts need the column that holds them"),
        ({"source": "texts", "path": "a", "text": "t"}, "data.target: missing"),
        ({"source": "texts", "text": "t", "target": "y"}, "data.path: missing"),
        ({"source": "texts", "path": "a", "train": "b", "text": "t", "target": "y"}, "data.path: a file is given beside train"),
        ({"source": "texts", "path": "a", "text": "y", "target": "y"}, "data.text: is the column of data.target too"),
        ({"path": "a", "target": "y", "text": "t"}, "data.text: belongs to source: texts"),
        ({"source": "sklearn:iris", "rationale": "t"}, "data.rationale: belongs to source: texts"),
    ],
)
def test_a_study_of_texts_that_contradicts_itself(data, said) -> None:
    with pytest.raises(StudyError, match=said):
        study_from_dict({"data": data, "models": [{"name": "m", "kind": "logistic_regression"}]})
