"""Randomness belongs to a name, not to the moment at which it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.streams import Streams
from xai_compare.types import Array


def draw(streams: Streams, case: int, n: int = 8) -> Array:
    return streams.case(case).standard_normal(n)


def test_the_order_of_asking_does_not_matter() -> None:
    forwards = [draw(Streams(3).at("lime"), case) for case in range(20)]
    backwards = [draw(Streams(3).at("lime"), case) for case in reversed(range(20))]
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_a_path_can_be_built_in_steps() -> None:
    assert Streams(0).at("a", 1).at("b") == Streams(0).at("a", "1", "b")
    np.testing.assert_array_equal(draw(Streams(0).at("a").at("b"), 4), draw(Streams(0).at("a", "b"), 4))


def test_drawing_leaves_the_stream_as_it_was() -> None:
    streams = Streams(0).at("shap")
    first = streams.shared().random(5)
    streams.case(0).random(1000)
    np.testing.assert_array_equal(first, streams.shared().random(5))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Streams(0), Streams(1)),
        (Streams(0).at("a"), Streams(0).at("b")),
        (Streams(0).at("ab"), Streams(0).at("a", "b")),
        (Streams(1).at("0"), Streams(10)),
        (Streams(0), Streams(0).at("a")),
    ],
)
def test_different_names_differ(one: Streams, other: Streams) -> None:
    assert not np.array_equal(one.shared().random(4), other.shared().random(4))
    assert one.integer() != other.integer()


def test_cases_differ_from_each_other_and_from_the_shared_stream() -> None:
    streams = Streams(0).at("x")
    starts = {streams.shared().integers(2**62), *(streams.case(case).integers(2**62) for case in range(500))}
    assert len(starts) == 501


def test_streams_are_uncorrelated() -> None:
    n = 2000
    draws = np.stack([draw(Streams(0).at("x"), case, n) for case in range(30)])
    off_diagonal = np.asarray(np.corrcoef(draws))[np.triu_indices(30, 1)]
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(n)  # 435 pairs: 4.5 standard errors happen once in 300 such tests
    assert abs(draws.mean()) < 4 / np.sqrt(draws.size)


def test_integer_is_a_seed_that_every_library_takes() -> None:
    seeds = [Streams(seed).at("x").integer() for seed in range(200)]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 200


def test_numpy_integers_name_the_same_case() -> None:
    np.testing.assert_array_equal(draw(Streams(0), 7), Streams(0).case(np.int64(7)).standard_normal(8))  # type: ignore[arg-type]


def test_numpy_global_state_is_left_alone() -> None:
    before = np.random.get_state(legacy=False)
    Streams(0).case(1).random(10)
    np.testing.assert_equal(np.random.get_state(legacy=False), before)
