"""Hiding stretches of series: every masked series against a loop over its points."""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.data.series import SeriesSpace, as_series, repeated_ends
from xai_compare.errors import DataError
from xai_compare.types import FeatureSpace

FILLS = ("mean", "interpolate", "background")


def waves(n: int = 4, channels: int = 1, length: int = 23, ends: bool = False, seed: int = 0) -> np.ndarray:
    """Series of noise; with `ends`, every second one is shorter."""
    out = np.random.default_rng(seed).normal(size=(n, channels, length))
    if ends:
        for i in range(0, n, 2):
            out[i, :, length - 3 - 2 * i :] = np.nan
    return out


def wanted(space: SeriesSpace, case: np.ndarray, keep: np.ndarray, fill: str) -> list[np.ndarray]:
    """Point by point, by hand: what `hide` should give for one case and one coalition."""
    background = space.background
    channels, length = case.shape
    out = []
    for b in range(len(background) if fill == "background" else 1):
        made = np.full_like(case, np.nan)
        for c in range(channels):
            everyone = [value for row in background[:, c] for value in row if not np.isnan(value)]
            shown = [t for t in range(length) if keep[space.stretch_of[c, t]] and not np.isnan(case[c, t])]
            for t in range(length):
                if np.isnan(case[c, t]):
                    continue
                here = [row[c, t] for row in background if not np.isnan(row[c, t])]
                mean = float(np.mean(here)) if here else float(np.mean(everyone))
                if t in shown:
                    made[c, t] = case[c, t]
                elif fill == "interpolate" and shown:
                    made[c, t] = np.interp(t, shown, case[c, shown])
                elif fill == "background" and not np.isnan(background[b, c, t]):
                    made[c, t] = background[b, c, t]
                else:
                    made[c, t] = mean
        out.append(made)
    return out


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ends", [False, True])
def test_every_point_is_shown_or_filled(fill, channels, ends) -> None:
    series = waves(4, channels, ends=ends)
    space = SeriesSpace(waves(3, channels, ends=ends, seed=1), stretches=5)
    rng = np.random.default_rng(3)
    rows, keep = np.array([3, 0, 0, 2, 1, 2]), rng.random((6, space.d)) < 0.5
    keep[1], keep[2] = False, True
    found = space.hide(series, rows, keep, fill)
    expected = np.concatenate([wanted(space, series[row], keep[m], fill) for m, row in enumerate(rows)])
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_points_where_no_background_series_is_take_the_channels_mean() -> None:
    background = np.array([[[1.0, 3.0, np.nan, np.nan], [10.0, 20.0, np.nan, np.nan]]])
    space = SeriesSpace(background, stretches=2)
    case = np.arange(8.0).reshape(1, 2, 4)
    found = space.hide(case, np.array([0]), np.zeros((1, 4), dtype=bool), "mean")
    assert found[0].tolist() == [[1, 3, 2, 2], [10, 20, 15, 15]]


def test_a_straight_line_by_hand() -> None:
    space = SeriesSpace(np.zeros((1, 1, 8)), stretches=4)
    case = np.array([[[1.0, 2.0, 9.0, 9.0, 6.0, 7.0, 9.0, np.nan]]])
    keep = np.array([[True, False, True, False], [False, False, True, False], [False] * 4])
    found = space.hide(case, np.zeros(3, dtype=np.int64), keep, "interpolate")
    np.testing.assert_allclose(found[0, 0], [1, 2, 2 + 4 / 3, 2 + 8 / 3, 6, 7, 7, np.nan])
    np.testing.assert_allclose(found[1, 0], [6, 6, 6, 6, 6, 7, 7, np.nan])
    np.testing.assert_allclose(found[2, 0], [0, 0, 0, 0, 0, 0, 0, np.nan])


@pytest.mark.parametrize("fill", FILLS)
def test_nothing_hidden_is_the_series_itself(fill) -> None:
    series = waves(ends=True)
    space = SeriesSpace(series)
    found = space.hide(series, np.array([2, 1]), np.ones((2, space.d), dtype=bool), fill)
    np.testing.assert_array_equal(found, np.repeat(series[[2, 1]], space.width(fill), axis=0))


@pytest.mark.parametrize("fill", FILLS)
def test_a_stretch_after_the_end_changes_nothing(fill) -> None:
    series = waves(ends=True)
    space = SeriesSpace(waves(seed=5))
    keep = np.repeat(space.present(series)[2:3], 2, axis=0)
    keep[1] = True
    keep[:, 1] = False
    found = space.hide(series, np.array([2, 2]), keep, fill).reshape(2, -1)
    np.testing.assert_array_equal(found[0], found[1])


def test_a_block_is_no_different_from_many(monkeypatch) -> None:
    series = waves(channels=2, ends=True)
    space = SeriesSpace(series)
    rows, keep = np.arange(40) % 4, np.random.default_rng(0).random((40, space.d)) < 0.5
    found = {fill: space.hide(series, rows, keep, fill) for fill in FILLS}
    monkeypatch.setattr("xai_compare.data.parts._NUMBERS", 300)
    for fill in FILLS:
        np.testing.assert_array_equal(space.hide(series, rows, keep, fill), found[fill])


def test_names_and_stretches() -> None:
    space: FeatureSpace = SeriesSpace(waves(length=24))
    assert space.names[:3] == ("0-1", "2-4", "5-6")
    assert space.names[-1] == "22-23"
    assert space.d == len(space.kinds) == 10
    assert set(space.kinds) == {"stretch"}
    assert (space.modality, space.cells, space.columns, space.column_kinds) == ("series", 24, (), ())
    three = SeriesSpace(waves(channels=3, length=6), stretches=2)
    assert three.names == tuple(f"channel {c}: {part}" for c in (1, 2, 3) for part in ("0-2", "3-5"))
    assert three.stretch_of.tolist() == [[0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3], [4, 4, 4, 5, 5, 5]]
    named = SeriesSpace(waves(channels=2, length=4), stretches=4, channels=("x", "y"))
    assert named.names[3:5] == ("x: 3", "y: 0")
    assert SeriesSpace(waves(length=4)).d == 4  # never more stretches than points


def test_stretches_are_equal_up_to_a_point() -> None:
    for length in (10, 23, 24, 99, 150):
        assert set(np.diff(np.bincount(SeriesSpace(waves(length=length)).stretch_of.ravel()))) <= {-1, 0, 1}


def test_what_is_present_is_what_a_series_has() -> None:
    series = waves(3, 2, 10)
    series[1, :, 5:] = np.nan  # ends inside a stretch of three
    space = SeriesSpace(waves(2, 2, 10), stretches=3)  # 0-2, 3-6, 7-9
    assert space.names[:3] == ("channel 1: 0-2", "channel 1: 3-6", "channel 1: 7-9")
    assert space.present(series).tolist() == [[True] * 6, [True, True, False] * 2, [True] * 6]
    assert space.labels(series)[1][2] == ""
    assert space.labels(series)[1][1] == f"{series[1, 0, 3:5].mean():.3g}"


def test_neighbours_are_two_percent_of_each_channels_range() -> None:
    known = waves(20, 2, 200, ends=True)
    known[:, 1] *= 100
    spread = [0.02 * (np.nanmax(known[:, c]) - np.nanmin(known[:, c])) for c in (0, 1)]
    series = known[:2]
    found = SeriesSpace(known).neighbours(series, known, 50, [np.random.default_rng(0), np.random.default_rng(1)]).reshape(2, 50, 2, 200)
    moved = found - series[:, None]
    for c in (0, 1):
        assert abs(np.nanstd(moved[:, :, c]) / spread[c] - 1) < 0.03
    np.testing.assert_array_equal(np.isnan(found), np.broadcast_to(np.isnan(series[:, None]), found.shape))
    alone = SeriesSpace(known).neighbours(series[1:], known, 50, [np.random.default_rng(1)])
    np.testing.assert_array_equal(alone, found[1])


def test_fill_rows_are_the_background_alone() -> None:
    space = SeriesSpace(waves())
    assert space.fill_rows("background") is space.background
    assert space.fill_rows("mean") is space.fill_rows("interpolate") is None
    assert space.with_background(waves(2)).width("background") == 2
    for ask in (space.width, space.fill_rows):
        with pytest.raises(DataError, match=r"unknown fill 'blur' for series\. Allowed: mean, interpolate, background"):
            ask("blur")


def test_ends_are_repeated() -> None:
    assert repeated_ends(np.array([[[1.0, 2.0, np.nan]], [[3.0, 4.0, 5.0]]])).tolist() == [[[1, 2, 2]], [[3, 4, 5]]]


def test_arrays_become_series() -> None:
    assert as_series(np.arange(6).reshape(2, 3)).shape == (2, 1, 3)
    assert as_series([[True, False]]).dtype == np.float64
    short = np.array([[[1.0, np.nan], [2.0, np.nan]]])
    np.testing.assert_array_equal(as_series(short), short)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(4), r"found shape \(4,\)"),
        (np.zeros((0, 1, 4)), "found shape"),
        (np.zeros((3, 1, 1)), "one point"),
        (np.full((2, 4), "a"), "must hold numbers"),
        (np.array([[1.0, 2.0], [np.inf, 1.0]]), "1 infinite values, first in series 1"),
        (np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0]]), "series 1 has missing values"),
        (np.array([[np.nan, 1.0]]), "series 0 has missing values"),
        (np.array([[np.nan, np.nan]]), "no value at all"),
        (np.array([[[1.0, 2.0], [1.0, np.nan]]]), "channels that end apart"),
    ],
)
def test_what_is_no_series_is_refused(array, said) -> None:
    with pytest.raises(DataError, match=f"^curves.*{said}"):
        as_series(array, "curves")


def test_spaces_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="at least 1, found 0"):
        SeriesSpace(waves(), stretches=0)
    with pytest.raises(DataError, match="one stretch is the whole series"):
        SeriesSpace(waves(), stretches=1)
    with pytest.raises(DataError, match="2 names for 1 channels"):
        SeriesSpace(waves(), channels=("a", "b"))
