"""Hiding features of a table: every masked row against a loop that builds it cell by cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.made import mixed, numbers
from xai_compare.data.space import TableSpace, mix_frames
from xai_compare.data.tabular import kinds_of
from xai_compare.errors import DataError

TABLES = {
    "floats": lambda: numbers(12),
    "whole numbers": lambda: pd.DataFrame({"a": range(12), "b": range(12, 24)}),
    "whole and fractional": lambda: pd.DataFrame({"a": range(12), "b": np.linspace(0, 1, 12)}),
    "booleans": lambda: pd.DataFrame({"a": [True, False] * 6, "b": [True] * 6 + [False] * 6}),
    "text": lambda: pd.DataFrame({"a": list("abcdefghijkl"), "b": list("mnopqrstuvwx")}),
    "objects": lambda: pd.DataFrame({"a": [f"s{i}" for i in range(12)], "b": range(12)}, dtype=object),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(list("abcabcabcabc")), "b": pd.Categorical([3, 1, 2] * 4, ordered=True)}),
    "nullable": lambda: pd.DataFrame({"a": pd.array([1, None, 3] * 4, dtype="Int64"), "b": pd.array([True, None] * 6, dtype="boolean")}),
    "small floats": lambda: numbers(12).astype(np.float32),
    "missing": lambda: numbers(12).where(lambda frame: frame > -0.5),
    "mixed": lambda: mixed(12),
}


def space_of(frame: pd.DataFrame) -> TableSpace:
    return TableSpace(kinds_of(frame), frame)


@pytest.fixture(params=TABLES)
def frame(request) -> pd.DataFrame:
    return TABLES[request.param]()


def same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def draw(frame: pd.DataFrame, m: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.integers(len(frame), size=m), rng.random((m, frame.shape[1])) < 0.5


def test_mixing_equals_a_loop_over_cells(frame) -> None:
    left, keep = draw(frame, 30)
    right, _ = draw(frame, 30, seed=1)
    found = mix_frames(frame, left, frame, right, keep)
    wanted = [[frame.iat[left[i] if keep[i, j] else right[i], j] for j in range(frame.shape[1])] for i in range(30)]
    expected = pd.DataFrame({name: pd.Series([row[j] for row in wanted], dtype=frame[name].dtype) for j, name in enumerate(frame)})
    same(found, expected)


def test_mixing_keeps_the_dtypes(frame) -> None:
    left, keep = draw(frame, 5)
    assert mix_frames(frame, left, frame, left[::-1], keep).dtypes.tolist() == frame.dtypes.tolist()


def test_hiding_nothing_repeats_the_case(frame) -> None:
    hidden = space_of(frame).hide(frame, np.array([4, 2]), np.ones((2, frame.shape[1]), dtype=bool), "background")
    same(hidden, frame.iloc[[4] * 12 + [2] * 12].reset_index(drop=True))


def test_hiding_everything_gives_the_background_once_per_coalition(frame) -> None:
    hidden = space_of(frame).hide(frame, np.array([4, 2]), np.zeros((2, frame.shape[1]), dtype=bool), "background")
    same(hidden, pd.concat([frame, frame], ignore_index=True))


def test_fill_rows_of_one_coalition_stand_together() -> None:
    frame, background = numbers(6), numbers(3, seed=9)
    hidden = TableSpace(kinds_of(frame), background).hide(
        frame, np.array([5, 1]), np.array([[True, False, False, False], [False, True, False, True]]), "background"
    )
    assert hidden["a"].tolist() == [frame.a[5]] * 3 + background.a.tolist()
    assert hidden["b"].tolist() == [*background.b, *[frame.b[1]] * 3]
    assert hidden["c"].tolist() == [*background.c, *background.c]


def test_hiding_changes_neither_cases_nor_background(frame) -> None:
    background = frame.iloc[::-1].reset_index(drop=True)
    before = frame.copy(deep=True), background.copy(deep=True)
    rows, keep = draw(frame, 9)
    TableSpace(kinds_of(frame), background).hide(frame, rows, keep, "background")
    same(frame, before[0])
    same(background, before[1])


def test_width_is_the_number_of_fill_rows(frame) -> None:
    space = space_of(frame)
    rows, keep = draw(frame, 7)
    for fill, width in (("background", 12), ("reference", 1)):
        assert space.width(fill) == len(space.fill_rows(fill)) == width
        assert len(space.hide(frame, rows, keep, fill)) == 7 * width


def test_unknown_fill_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(DataError, match=r"unknown fill 'zeros'.*background, reference"):
        space_of(numbers(5)).width("zeros")


def test_categories_that_differ_between_cases_and_background_mix_by_value() -> None:
    cases = pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [1.0, 2.0]})
    background = pd.DataFrame({"a": pd.Categorical(["z", "x"]), "b": [3.0, 4.0]})
    hidden = TableSpace(("categorical", "numeric"), background).hide(
        cases, np.array([0, 1]), np.array([[True, False], [False, True]]), "background"
    )
    assert hidden.a.tolist() == ["x", "x", "z", "x"]
    assert hidden.b.tolist() == [3.0, 4.0, 2.0, 2.0]


def test_whole_numbers_meet_a_fractional_background_without_loss() -> None:
    cases, background = pd.DataFrame({"a": [1, 2], "b": [5, 6]}), pd.DataFrame({"a": [0.5], "b": [7]})
    hidden = TableSpace(("numeric", "numeric"), background).hide(
        cases, np.array([0, 1]), np.array([[False, True], [True, False]]), "background"
    )
    assert hidden.a.tolist() == [0.5, 2.0]
    assert hidden.b.tolist() == [5, 7]


# ---- the reference row


def test_reference_is_the_median_and_the_most_frequent_value() -> None:
    frame = pd.DataFrame({"n": [1.0, 2.0, 10.0, 20.0], "w": [1, 2, 2, 9], "t": ["b", "a", "b", "c"], "f": [True, True, False, True]})
    row = space_of(frame).reference
    assert row.iloc[0].tolist() == [6.0, 2, "b", True]
    assert row.dtypes.tolist() == frame.dtypes.tolist()


def test_reference_tie_takes_the_first_in_sorted_order() -> None:
    assert space_of(pd.DataFrame({"t": ["d", "c", "c", "d", "e"], "n": range(5)})).reference.t[0] == "c"


def test_reference_of_an_even_number_of_whole_numbers_stays_fractional() -> None:
    row = space_of(pd.DataFrame({"a": [1, 2], "b": pd.array([1, 2], dtype="Int64")})).reference
    assert row.iloc[0].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_a_reference_row_that_hides(name: str) -> None:
    frame = TABLES[name]()
    space = space_of(frame)
    hidden = space.hide(frame, np.array([3]), np.zeros((1, space.d), dtype=bool), "reference")
    for column in frame:
        assert hidden[column].tolist() == space.reference[column].tolist()


def test_reference_ignores_missing_numbers() -> None:
    assert space_of(pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0], "b": range(4)})).reference.a[0] == 3.0


# ---- categories as numbers and back


@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("missing", "nullable")])
def test_numbers_round_trip(name: str) -> None:
    frame = TABLES[name]()
    space = space_of(frame)
    back = space.from_numbers(space.to_numbers(frame, space.levels), space.levels)
    assert back.columns.tolist() == frame.columns.tolist()
    for column, kind in zip(frame, space.kinds, strict=True):
        assert back[column].tolist() == frame[column].tolist()
        if kind != "numeric":
            assert back[column].dtype == frame[column].dtype


def test_levels_are_sorted_as_text() -> None:
    frame = pd.DataFrame({"c": pd.Categorical([10, 9, 2, 9]), "n": range(4)})
    assert space_of(frame).levels == {0: [10, 2, 9]}


def test_an_unseen_category_has_no_number() -> None:
    space = space_of(pd.DataFrame({"t": ["a", "b"], "n": [1, 2]}))
    found = space.to_numbers(pd.DataFrame({"t": ["b", "?"], "n": [3, 4]}), space.levels)
    np.testing.assert_array_equal(found, [[1, 3], [np.nan, 4]])


def test_nullable_whole_numbers_become_nan_where_missing() -> None:
    space = space_of(pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.5]}))
    np.testing.assert_array_equal(space.to_numbers(space.background, {}), [[1, 0.5], [np.nan, 1.5]])


def test_levels_beyond_the_backgrounds_categories_come_back_as_themselves() -> None:
    background = pd.DataFrame({"t": pd.Categorical(["a", "b"]), "n": [1.0, 2.0]})
    space = TableSpace(("categorical", "numeric"), background)
    back = space.from_numbers(np.array([[2.0, 5.0]]), {0: ["a", "b", "c"]})
    assert back.t.tolist() == ["c"]
