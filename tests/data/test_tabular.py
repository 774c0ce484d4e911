"""Any table into one form, and the draws that a study makes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.made import mixed, numbers
from xai_compare.data.tabular import (
    as_frame,
    as_table,
    assemble,
    class_codes,
    class_name,
    guess_task,
    kinds_of,
    missing_report,
    spread_rows,
)
from xai_compare.errors import DataError
from xai_compare.streams import Streams


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# ---- as_frame


@pytest.mark.parametrize(
    ("inputs", "columns", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "B has duplicate column names: a"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), None, "B has duplicate column names: 1"),
        (pd.DataFrame({"a": [1]}), ["a", "b", "c"], "B lacks the columns b, c; it has a"),
        (pd.DataFrame({"a": [1, np.inf, -np.inf]}), None, "B: column 'a' has 2 infinite values, first in row 1"),
        (pd.DataFrame({"a": pd.array([1.0, np.inf, None], dtype="Float64")}), None, "B: column 'a' has 1 infinite values, first in row 1"),
        (np.array([[1.0, -np.inf]]), None, "B: column 'x1' has 1 infinite values, first in row 0"),
        (np.arange(3.0), None, r"B must be a table of shape \(rows, columns\), found shape \(3,\)"),
        (pd.Series([1.0, 2.0]), None, r"B must be a table of shape \(rows, columns\), found shape \(2,\)"),
        (np.zeros((2, 2, 2)), None, "found shape"),
        (pd.DataFrame({"a": []}), None, "B is empty: 0 rows, 1 columns"),
        (pd.DataFrame(index=range(3)), None, "B is empty: 3 rows, 0 columns"),
    ],
)
def test_bad_tables_are_refused(inputs, columns, message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_frame(inputs, columns, "B")


def test_a_missing_value_in_a_nullable_column_is_no_infinity() -> None:
    frame = pd.DataFrame({"a": pd.array([1.0, None], dtype="Float64"), "b": [1.0, np.nan]})
    pd.testing.assert_frame_equal(as_frame(frame), frame)


def test_columns_are_put_in_order_by_name_and_extra_ones_left_out() -> None:
    frame = pd.DataFrame({"z": [1], "b": [2], "a": [3]})
    assert as_frame(frame, ["a", "b"]).to_dict("list") == {"a": [3], "b": [2]}


def test_an_array_takes_the_names_where_they_are_as_many() -> None:
    assert as_frame(np.zeros((2, 2)), ["a", "b"]).columns.tolist() == ["a", "b"]
    assert as_frame(np.zeros((2, 3))).columns.tolist() == ["x0", "x1", "x2"]


def test_an_array_of_another_width_is_refused() -> None:
    with pytest.raises(DataError, match="lacks the columns"):
        as_frame(np.zeros((2, 3)), ["a", "b"])


def test_rows_are_numbered_from_0_and_names_are_text() -> None:
    frame = as_frame(pd.DataFrame({0: [1.0, 2.0], "é": [3.0, 4.0]}, index=[7, 7]))
    assert frame.index.tolist() == [0, 1]
    assert frame.columns.tolist() == ["0", "é"]


def test_the_callers_frame_is_not_changed() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0]}, index=[5, 9])
    before = frame.copy(deep=True)
    found = as_frame(frame)
    found.iloc[0, 0] = 99.0
    pd.testing.assert_frame_equal(frame, before)


def test_a_read_only_array_is_taken_and_not_written() -> None:
    array = np.arange(6.0).reshape(3, 2)
    array.setflags(write=False)
    frame = as_frame(array)
    frame.iloc[0, 0] = 99.0
    assert array[0, 0] == 0.0


# ---- kinds


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.0], "numeric"),
        ([1, 2], "numeric"),
        (np.array([1, 2], dtype=np.uint8), "numeric"),
        (pd.array([1, None], dtype="Int64"), "numeric"),
        ([True, False], "boolean"),
        (pd.array([True, None], dtype="boolean"), "boolean"),
        (pd.Categorical([True, False]), "categorical"),
        (["a", "b"], "categorical"),
        (pd.Categorical(["a", "b"]), "categorical"),
        (pd.Categorical([1, 2]), "categorical"),
        (np.array(["a", 1], dtype=object), "categorical"),
    ],
)
def test_kind_of_a_column(values, kind: str) -> None:
    assert kinds_of(pd.DataFrame({"a": values})) == (kind,)


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2020-01-01"]),
        pd.to_datetime(["2020-01-01"]).tz_localize("UTC"),
        pd.to_timedelta(["1 day"]),
    ],
)
def test_dates_are_refused_by_name(values) -> None:
    with pytest.raises(DataError, match="column 'since' holds dates"):
        kinds_of(pd.DataFrame({"since": values}))


def test_missing_values_are_counted_by_column() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, np.nan], "b": [1, 2, 3], "c": [None, "x", "y"]})
    assert missing_report(frame) == "'a' (2), 'c' (1)"
    assert missing_report(mixed(5)) == ""


# ---- targets


@pytest.mark.parametrize(
    ("label", "name"), [(1, "1"), (1.0, "1"), (np.float32(2.0), "2"), (np.int8(3), "3"), (0.5, "0.5"), (True, "True"), ("a b", "a b")]
)
def test_class_names(label, name: str) -> None:
    assert class_name(label) == name


def test_class_codes_match_across_types() -> None:
    assert class_codes(np.array([1.0, 0.0, 1.0]), ["0", "1"]).tolist() == [1, 0, 1]
    assert class_codes(np.array(["b", "a"], dtype=object), ["a", "b"]).dtype == np.int64


def test_a_strange_label_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"labels maybe, which the models do not know. Their classes: no, yes"):
        class_codes(np.array(["yes", "maybe"]), ["no", "yes"])


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2], "classification"),
        ([0.0, 1.0], "classification"),
        ([0.0, 0.5], "regression"),
        (range(20), "classification"),
        (range(21), "regression"),
    ],
)
def test_task_guessed_from_the_target(y, task: str) -> None:
    assert guess_task(np.asarray(y)) == task


def test_y_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match="y has 3 values for 4 rows"):
        as_table(numbers(4), np.zeros(3))


# ---- draws


def largest_remainder(counts, size: int) -> list[int]:
    """The oracle, by integers: whole shares first, then one each to the largest remainders, earlier labels first."""
    n = sum(counts)
    share = [count * size // n for count in counts]
    order = sorted(range(len(counts)), key=lambda i: (-(counts[i] * size % n), i))
    for i in order[: size - sum(share)]:
        share[i] += 1
    return share


@pytest.mark.parametrize("counts", [(70, 30), (357, 212), (50, 30, 20), (97, 2, 1), (33, 33, 34), (5, 5)])
@pytest.mark.parametrize("size", [1, 7, 50])
def test_strata_shares_are_the_largest_remainders(counts, size: int) -> None:
    y = rng(3).permutation(np.repeat(np.arange(len(counts)), counts))
    rows = spread_rows(y, len(y), size, rng())
    if size < len(y):
        assert np.bincount(y[rows], minlength=len(counts)).tolist() == largest_remainder(counts, size)


def test_regression_strata_are_fifths() -> None:
    y = rng(3).permutation(np.linspace(0, 1, 100))
    rows = spread_rows(y, 100, 25, rng())
    assert np.histogram(y[rows], bins=5, range=(0, 1))[0].tolist() == [5] * 5


@pytest.mark.parametrize("y", [None, np.arange(40) % 3, np.linspace(0, 1, 40)], ids=["unknown", "classes", "values"])
def test_drawn_rows_are_sorted_distinct_and_repeatable(y) -> None:
    rows = spread_rows(y, 40, 17, rng(5))
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 17
    assert rows.tolist() == spread_rows(y, 40, 17, rng(5)).tolist()
    assert rows.tolist() != spread_rows(y, 40, 17, rng(6)).tolist()


@pytest.mark.parametrize("size", [10, 11, 1000])
def test_asking_for_all_or_more_gives_every_row_once(size: int) -> None:
    assert spread_rows(np.arange(10) % 2, 10, size, rng()).tolist() == list(range(10))


def test_assemble_draws_by_seed_and_cuts_to_what_there_is() -> None:
    table = as_table(numbers(30), np.arange(30) % 2)
    made = [assemble(table, table, "classification", ("0", "1"), (12, 9), Streams(seed)) for seed in (0, 0, 1)]
    assert made[0].explain.tolist() == made[1].explain.tolist() != made[2].explain.tolist()
    assert made[0].background.tolist() == made[1].background.tolist() != made[2].background.tolist()
    assert np.bincount(table.y[made[0].background]).tolist() == [6, 6]
    large = assemble(table, table, "classification", ("0", "1"), (99, 99), Streams(0))
    assert (len(large.background), len(large.explain), len(large.space.background)) == (30, 30, 30)
