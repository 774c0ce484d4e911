"""Values to plain arrays and back: nothing is lost, and the chunks together are the whole."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tests.made import differences
from xai_compare.packing import join_attributions, join_scores, pack_attribution, pack_scores, unpack_attribution, unpack_scores
from xai_compare.types import Attribution, Scores


def through_a_file(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def attribution(n: int = 7, **options) -> Attribution:
    rng = np.random.default_rng(0)
    about = {"algorithm": "tree", "model_rows": 10, "list": [1, 2.5, None], "nested": {"é": True}}
    return Attribution(rng.normal(size=(n, 3)), np.arange(n) % 2, "margin", **{"about": about, **options})


ATTRIBUTIONS = {
    "plain": attribution,
    "with a base": lambda: attribution(base=np.linspace(-1, 1, 7), additive=True),
    "unsigned, of the model": lambda: attribution(signed=False, scope="model", about={}),
    "with absent features": lambda: Attribution(
        np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([0, 1]), "value", present=np.array([[True, False], [True, True]])
    ),
    "with detail": lambda: attribution(detail=np.arange(14, dtype=np.float32).reshape(7, 2)),
}


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_attributions_round_trip(name: str) -> None:
    made = ATTRIBUTIONS[name]()
    assert differences(unpack_attribution(through_a_file(pack_attribution(made))), made) == []


@pytest.mark.parametrize("name", ["plain", "with a base", "unsigned, of the model", "with detail"])
@pytest.mark.parametrize("cuts", [[7], [3, 7], [1, 2, 3, 7]])
def test_joined_chunks_of_an_attribution_are_the_whole(name: str, cuts) -> None:
    made = ATTRIBUTIONS[name]()
    chunks = [made.rows(slice(start, stop)) for start, stop in zip([0, *cuts], cuts, strict=False)]
    whole = join_attributions(chunks)
    for part in ("values", "target", "base", "detail", "present", "output", "signed", "scope", "additive"):
        assert differences(getattr(whole, part), getattr(made, part)) == []


def test_facts_of_chunks_add_up_or_take_the_worst() -> None:
    facts = [
        {"model_rows": 10, "largest_residual": 0.1, "algorithm": "tree", "why": "a"},
        {"model_rows": 5, "largest_residual": 0.3, "algorithm": "tree", "why": "b", "degraded": "x"},
    ]
    whole = join_attributions([attribution(about=about) for about in facts])
    assert dict(whole.about) == {"model_rows": 15, "largest_residual": 0.3, "algorithm": "tree", "why": ["a", "b"], "degraded": "x"}


def test_a_mean_over_chunks_is_the_mean_over_their_cases() -> None:
    chunks = [attribution(n, about={"mean_local_r2": r2}) for n, r2 in ((3, 0.9), (1, 0.5))]
    assert join_attributions(chunks).about["mean_local_r2"] == pytest.approx((3 * 0.9 + 0.5) / 4)


def scores(n: int = 6, seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    values = rng.random(n)
    values[2] = np.nan
    inner = Scores(rng.random(n), chance=rng.random(n))
    part = Scores(values, rng.random(n), np.ones(n), {"deep": inner}, {2: "flat: nothing moves, é"})
    return Scores(rng.random(n), rng.random(n), None, {"lost": part, "beyond": Scores(rng.random(n))})


def test_scores_round_trip_with_nested_parts() -> None:
    assert differences(unpack_scores(through_a_file(pack_scores(scores()))), scores()) == []


def test_scores_of_a_model_round_trip_with_replicates() -> None:
    part = Scores(np.array([0.5]), replicates=np.linspace(0, 1, 5))
    made = Scores(np.array([0.7]), replicates=np.arange(5.0), parts={"test": part, "train": part, "test - train": part})
    assert differences(unpack_scores(through_a_file(pack_scores(made))), made) == []


def test_a_part_whose_name_begins_like_another_stays_apart() -> None:
    made = Scores(np.zeros(1), parts={"k": Scores(np.ones(1)), "k1": Scores(np.full(1, 2.0), parts={"k": Scores(np.full(1, 3.0))})})
    assert differences(unpack_scores(pack_scores(made)), made) == []


def piece(made: Scores, start: int, stop: int) -> Scores:
    def cut(array):
        return None if array is None else array[start:stop]

    reasons = {i - start: reason for i, reason in made.reasons.items() if start <= i < stop}
    return Scores(
        made.values[start:stop], cut(made.chance), cut(made.ceiling), {k: piece(v, start, stop) for k, v in made.parts.items()}, reasons
    )


@pytest.mark.parametrize("cuts", [[6], [2, 6], [3, 6], [1, 2, 3, 4, 5, 6]])
def test_joined_chunks_of_scores_are_the_whole(cuts) -> None:
    chunks = [piece(scores(), start, stop) for start, stop in zip([0, *cuts], cuts, strict=False)]
    assert differences(join_scores(chunks), scores()) == []


def test_parts_keep_their_names_and_directions_whatever_a_class_is_called() -> None:
    names = ["test F1 (n/a)", "50 %", "%2F", "a/values", "\u00e9 \ud800", "curve:x/y"]
    parts = {name: Scores(np.array([float(i)]), n=i, better="lower") for i, name in enumerate(names)}
    made = Scores(np.array([0.5]), parts=parts, curves={"n/a": np.zeros((1, 2))})
    found = unpack_scores(through_a_file(pack_scores(made)))
    assert differences(found, made) == []
    assert list(found.parts) == names
    assert {part.better for part in found.parts.values()} == {"lower"}
    assert found.better is None
