"""Data sources: what is read, how it is split, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from xai_compare.config import DataSpec
from xai_compare.data.sources import read
from xai_compare.errors import DataError, UnknownName


def spec(path: Path | None = None, **options) -> DataSpec:
    source = {"source": "csv", "path": path, "target": "y"} if path else {}
    return DataSpec.model_validate({**source, **options})


def table(tmp_path: Path, frame: pd.DataFrame, **options) -> DataSpec:
    frame.to_csv(tmp_path / "t.csv", index=False)
    return spec(tmp_path / "t.csv", **options)


def good(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(["u", "v"], n), "y": ["no", "yes", "no", "no"] * (n // 4)})


# ---- scikit-learn's own


@pytest.mark.parametrize(("name", "n", "d"), [("breast_cancer", 569, 30), ("iris", 150, 4), ("wine", 178, 13), ("diabetes", 442, 10)])
def test_sklearn_tables(name: str, n: int, d: int) -> None:
    data = read(spec(source=f"sklearn:{name}"), 0)
    assert len(data.train.inputs) + len(data.test.inputs) == n
    assert data.space.d == d
    assert data.task == ("regression" if name == "diabetes" else "classification")
    assert data.about["public"] is True


def test_class_positions_name_the_right_class() -> None:
    data = read(spec(source="sklearn:breast_cancer"), 0)
    bunch = datasets.load_breast_cancer()
    rows = np.array(data.test.ids, dtype=int)
    assert data.classes == ("benign", "malignant")
    assert [data.classes[code] for code in data.test.y] == bunch.target_names[bunch.target[rows]].tolist()


def test_rows_keep_their_inputs_and_ids() -> None:
    data = read(spec(source="sklearn:diabetes"), 3)
    X, y = datasets.load_diabetes(return_X_y=True)
    for part in (data.train, data.test):
        rows = np.array(part.ids, dtype=int)
        np.testing.assert_array_equal(part.inputs.to_numpy(), X[rows])
        np.testing.assert_array_equal(part.y, y[rows])
    assert sorted(map(int, data.train.ids + data.test.ids)) == list(range(442))


@pytest.mark.parametrize(("source", "close"), [("sklearn:iriss", "did you mean 'iris'"), ("sklern:iris", "did you mean 'sklearn'")])
def test_a_misspelt_source_gets_the_nearest(source: str, close: str) -> None:
    with pytest.raises(UnknownName, match=close):
        read(spec(source=source), 0)


# ---- the split


def test_split_keeps_class_proportions() -> None:
    data = read(spec(source="sklearn:breast_cancer", test_size=0.3), 0)
    whole = np.bincount(np.concatenate([data.train.y, data.test.y]))
    for part in (data.train, data.test):
        share = np.bincount(part.y) * len(data.train.y + 0) / len(part.y) / len(data.train.y)
        assert np.abs(share - whole / whole.sum()).max() < 1 / len(part.y)
    assert len(data.test.y) == pytest.approx(0.3 * 569, abs=1)


def test_background_keeps_class_proportions_of_training_rows() -> None:
    data = read(spec(source="sklearn:iris", background=30), 0)
    assert np.bincount(data.train.y[data.background]).tolist() == [10, 10, 10]


def test_regression_split_is_spread_over_the_target() -> None:
    data = read(spec(source="sklearn:diabetes"), 0)
    fifths = np.quantile(np.concatenate([data.train.y, data.test.y]), [0.2, 0.4, 0.6, 0.8])
    counts = np.bincount(np.searchsorted(fifths, data.test.y), minlength=5)
    assert np.ptp(counts) <= 2


def test_same_seed_same_rows_other_seed_other_rows() -> None:
    a, b, c = (read(spec(source="sklearn:wine"), seed) for seed in (0, 0, 1))
    for name in ("explain", "background"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.test.ids == b.test.ids
    assert a.test.ids != c.test.ids


def test_the_split_does_not_depend_on_how_many_are_explained() -> None:
    few, many = (read(spec(source="sklearn:wine", explain=n, background=n), 0) for n in (5, 40))
    assert few.test.ids == many.test.ids


# ---- csv


def test_csv_is_read_with_kinds_target_and_facts(tmp_path) -> None:
    data = read(table(tmp_path, good().assign(skip=1), drop=["skip"], explain=6, background=10), 0)
    assert data.space.names == ("a", "b")
    assert data.space.kinds == ("numeric", "categorical")
    assert data.classes == ("no", "yes")
    assert np.bincount(data.train.y).tolist() == [21, 7]
    assert data.about["file"] == "t.csv"
    assert data.about["public"] is False
    assert len(data.explain) == 6


def test_whole_number_classes_are_sorted_as_numbers(tmp_path) -> None:
    assert read(table(tmp_path, good(60).assign(y=[10, 9, 2] * 20)), 0).classes == ("2", "9", "10")


# ---- names of classes

LABELS = {1: "good", 2: "bad"}


@pytest.mark.parametrize(("positive", "code"), [("bad", 2), ("good", 1), (None, None)])
def test_labels_change_the_words_for_classes_and_nothing_else(tmp_path, positive: str | None, code: int | None) -> None:
    frame = good().assign(y=[1, 2, 1, 1] * 10)
    coded = read(table(tmp_path, frame, **({} if code is None else {"positive": code})), 0)
    named = read(table(tmp_path, frame, labels=LABELS, **({} if positive is None else {"positive": positive})), 0)
    assert named.classes == tuple(LABELS[int(each)] for each in coded.classes)
    assert named.classes[-1] == (positive or "bad")
    for part in ("train", "test"):
        np.testing.assert_array_equal(getattr(named, part).y, getattr(coded, part).y)
        assert getattr(named, part).ids == getattr(coded, part).ids
    np.testing.assert_array_equal(named.explain, coded.explain)
    assert named.about == coded.about


@pytest.mark.parametrize(
    ("y", "labels", "classes"),
    [
        ([10, 9, 2, 9], {9: "b", 10: "a", 2: "c"}, ("c", "b", "a")),  # in the order of the numbers
        ([1.0, 0.0, 0.0, 1.0], {0: "no", 1: "yes"}, ("no", "yes")),
        ([True, False, True, False], {True: "left", False: "kept"}, ("kept", "left")),
        (["A11", "A12", "A11", "A11"], {"A11": "rich", "A12": "poor"}, ("rich", "poor")),
    ],
    ids=["numbers", "floats", "truth values", "text"],
)
def test_labels_are_for_classes_of_any_type(tmp_path, y, labels, classes) -> None:
    data = read(table(tmp_path, good().assign(y=y * 10), labels=labels), 0)
    rows = np.array(data.train.ids, dtype=int)
    assert data.classes == classes
    assert [classes[code] for code in data.train.y] == [labels[(y * 10)[row]] for row in rows]


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([1, 2, 3, 1], {"labels": LABELS}, "labels name some classes only, and leave out 3: name all of them, or none"),
        ([1, 2, 3, 4], {"labels": {1: "a"}}, "leave out 2, 3, 4"),
        ([1, 2, 1, 2], {"labels": {**LABELS, 9: "x"}}, "labels name '9', which is no class: Allowed: 1, 2"),
        (["no", "yes", "no", "no"], {"labels": {"no": "a", "yes": "b", "yess": "c"}}, "which is no class: did you mean 'yes'"),
        ([0.5, 1.25, 2.5, 3.75], {"labels": LABELS}, "labels name classes, but the target is a number with many values: remove them"),
        ([1, 2, 1, 2], {"labels": LABELS, "positive": "bat"}, "positive is 'bat', which is no class: did you mean 'bad'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, y, options, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(table(tmp_path, good().assign(y=y * 10), **options), 0)


def test_labels_leave_what_is_known_to_be_true_as_it_is() -> None:
    """A source knows its classes by its own names: the sign of its truth hangs on them."""
    for positive in ("no", "yes"):
        plain, named = (
            read(spec(source="synthetic:xor", **said), 0)
            for said in (
                {"positive": positive},
                {"labels": {"no": "same", "yes": "other"}, "positive": {"no": "same", "yes": "other"}[positive]},
            )
        )
        assert named.classes == tuple({"no": "same", "yes": "other"}[name] for name in plain.classes)
        assert np.abs(plain.truth.attribution).max() > 0
        np.testing.assert_array_equal(named.truth.attribution, plain.truth.attribution)


def test_labels_for_images_texts_and_series(tmp_path) -> None:
    names = {str(digit): f"digit {digit}" for digit in range(10)}
    assert read(spec(source="sklearn:digits", labels=names), 0).classes == tuple(names.values())
    labels = {0: "off", 1: "on"}
    codes, draw = np.arange(40) % 2, np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=draw.integers(0, 256, (40, 8, 8)).astype(np.uint8), y=codes)
    pd.DataFrame({"t": [f"word {i}" for i in range(40)], "y": codes}).to_csv(tmp_path / "t.csv", index=False)
    pd.DataFrame(draw.normal(size=(40, 20))).assign(y=codes).to_csv(tmp_path / "s.csv", index=False)
    for said in (
        {"source": "images", "path": tmp_path / "a.npz"},
        {"source": "texts", "path": tmp_path / "t.csv", "text": "t", "target": "y"},
        {"source": "series", "path": tmp_path / "s.csv", "target": "y"},
        {"source": "synthetic:patch", "labels": {"across": "off", "upright": "on"}},
    ):
        assert set(read(DataSpec.model_validate({"labels": labels, "positive": "on", **said}), 0).classes) == {"off", "on"}


def test_true_and_false_are_two_classes(tmp_path) -> None:
    assert read(table(tmp_path, good().assign(y=[True, False] * 20)), 0).classes == ("False", "True")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"target": "Y_"}, "'t.csv' has no column 'Y_', which data.target names: .*Allowed: a, b, y"),
        ({}, {"target": "yy"}, "did you mean 'y'"),
        ({}, {"drop": ["aa"]}, "'t.csv' has no column 'aa', which data.drop names: did you mean 'a'"),
        ({"y": [None, *["no", "yes"] * 19, "no"]}, {}, "'t.csv': the target 'y' is missing in 1 rows, first in row 0"),
        ({"y": "no"}, {}, "one value only: 'no'"),
        ({"y": 1}, {}, "one value only: '1'"),
        ({"y": ["rare", *["no", "yes"] * 19, "no"]}, {}, "class .*single row"),
        ({"a": np.nan}, {}, "'t.csv': the column 'a' has no value at all. Add it to data.drop"),
        ({"a": [np.inf, *range(39)]}, {}, "column 'a' has 1 infinite values, first in row 0"),
        ({}, {"drop": ["a", "b"]}, "0 columns"),
        ({}, {"test_size": 0.001}, "cannot be split with test_size 0.001"),
    ],
)
def test_bad_csv_is_refused_in_words(tmp_path, change, options, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(table(tmp_path, good().assign(**change), **options), 0)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"file 'none\.csv' not found"):
        read(spec(tmp_path / "none.csv"), 0)


@pytest.mark.parametrize("content", [b"", b'a,y\n"1,2\n', b"a,y\n\x00\x01,1\n", b"a,y\n1,2\n1,2,3,4\n"])
def test_a_file_that_is_no_csv_is_refused_by_name(tmp_path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"t\.csv"):
        read(spec(tmp_path / "t.csv"), 0)


def test_a_header_alone_is_refused(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n")
    with pytest.raises(DataError, match="0 rows"):
        read(spec(tmp_path / "t.csv"), 0)


def test_duplicate_columns_in_a_csv_are_refused_by_name(tmp_path) -> None:
    lines = ["a,a,y", *(f"{i},{i % 7},{i % 2}" for i in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"duplicate.*a"):
        read(spec(tmp_path / "t.csv"), 0)


def test_regression_target_with_an_infinite_value_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="infinite"):
        read(table(tmp_path, good().assign(y=[np.inf, *np.linspace(0, 1, 39)])), 0)


def test_non_ascii_names_and_values_are_kept(tmp_path) -> None:
    data = read(table(tmp_path, good().rename(columns={"b": "Straße"}).replace({"u": "größer"})), 0)
    assert data.space.names == ("a", "Straße")
    assert data.space.levels == {1: ["größer", "v"]}


def test_which_class_counts_does_not_change_who_is_held_out(tmp_path) -> None:
    frame = pd.DataFrame({"x": np.arange(60.0), "y": [1, 2, 2] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    ids = {
        positive: read(DataSpec(path="t.csv", target="y", positive=positive), 0, lambda path: tmp_path / path).test.ids
        for positive in (1, 2)
    }
    assert ids[1] == ids[2]


def test_a_number_beyond_single_precision_is_read(tmp_path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.choice([-1e39, 1e39], 60), "z": draw.normal(size=60), "y": [1, 2, 2] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert "leakage" not in read(DataSpec(path="t.csv", target="y"), 0, lambda path: tmp_path / path).about
