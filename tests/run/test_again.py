"""Explaining again with one thing changed: that thing is changed, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.run.plugins import Made, TooFewRows
from tests.toys import valued, world
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.run.again import Again, Counted
from xai_compare.streams import Streams
from xai_compare.types import Attribution

W = np.array([2.0, -1.0, 0.5])
N = 6


def setting():
    rng = np.random.default_rng(0)
    train, test = as_frame(rng.standard_normal((40, 3))), as_frame(rng.standard_normal((N, 3)))
    return assemble(as_table(train, None), as_table(test, None), "regression", (), (10, N), Streams(0))


def again_of(explainer, model=None, cases=None, target=None, data=None):
    """(first attribution, Again) of some cases."""
    data, cases = data or setting(), np.arange(N) if cases is None else np.asarray(cases)
    model = model or valued(lambda rows: np.tanh(rows @ W))
    target = np.zeros(len(cases), dtype=np.int64) if target is None else target
    game, streams = Game(model, data, data.cases(cases), cases, target, model.native), Streams(0).at("explain", "it")
    return explainer(game, streams), Again(explainer, "it", game, streams)


@dataclass(frozen=True)
class Seen(Made):
    """Says what it was asked: input, the case's random number, the background's mean, the model's answer, the target."""

    def __call__(self, game, streams):
        drawn = [streams.case(case).random() for case in game.cases]
        mean = game.fill_rows().to_numpy().mean()
        columns = [game.inputs.to_numpy(), drawn, np.full(game.n, mean), game.full(), game.target]
        seen = np.column_stack(columns)
        return Attribution(seen[:, [0, 3, 4]], game.target, game.output, about={"seen": seen})


def seen(attribution):
    """Columns of what the explainer saw: the inputs' first, the random number, the background, the answer, the target."""
    return attribution.about["seen"][:, [0, 3, 4, 5, 6]].T


ALL_AT = np.array([4, 1, 1, 4, 4, 0])


class TestOthers:
    def test_with_nothing_changed_all_is_as_it_was(self):
        first, again = again_of(Seen())
        for at in (np.arange(N), ALL_AT):
            np.testing.assert_array_equal(again(at).about["seen"], first.about["seen"][at])

    @pytest.mark.parametrize("explainer", ["shap", "lime", "occlusion"])
    def test_the_same_cases_get_the_same_explanation(self, explainer):
        first, again = again_of(EXPLAINERS[explainer]())
        np.testing.assert_allclose(again(ALL_AT).values, first.values[ALL_AT], atol=1e-9)
        np.testing.assert_array_equal(again(ALL_AT).target, first.target[ALL_AT])

    def test_other_inputs_keep_the_cases_random_numbers(self):
        first, again = again_of(Seen())
        inputs = setting().cases(ALL_AT) + 1
        value, drawn, mean, answer, _ = seen(again(ALL_AT, inputs=inputs))
        before = seen(first)
        np.testing.assert_array_equal(value, before[0][ALL_AT] + 1)
        np.testing.assert_array_equal(drawn, before[1][ALL_AT])
        np.testing.assert_array_equal(mean, before[2][ALL_AT])
        np.testing.assert_allclose(answer, np.tanh(inputs.to_numpy() @ W), atol=1e-12)

    def test_other_streams_change_the_random_numbers_alone(self):
        first, again = again_of(Seen())
        value, drawn, mean, answer, _ = seen(again(ALL_AT, streams=Streams(0).at("run", 1)))
        before = seen(first)
        assert (drawn != before[1][ALL_AT]).all()
        np.testing.assert_array_equal(drawn, [Streams(0).at("run", 1).case(case).random() for case in ALL_AT])
        for now, then in ((value, before[0]), (mean, before[2]), (answer, before[3])):
            np.testing.assert_array_equal(now, then[ALL_AT])

    def test_another_background_is_really_used(self):
        data, rows = setting(), np.arange(20, 25)
        first, again = again_of(Seen(), data=data)
        assert seen(again(ALL_AT, background=rows))[2] == pytest.approx(data.train.inputs.to_numpy()[rows].mean())
        assert seen(first)[2][0] == pytest.approx(data.background_inputs().to_numpy().mean())
        np.testing.assert_array_equal(data.background, again(ALL_AT) and setting().background)  # the study's own is left alone

    def test_the_base_of_shap_moves_with_the_background(self):
        data, rows = setting(), np.arange(20, 25)
        first, again = again_of(EXPLAINERS["shap"](), data=data)
        found = again(np.arange(N), background=rows)
        by_hand = np.tanh(data.train.inputs.to_numpy()[rows] @ W).mean()
        np.testing.assert_allclose(found.base, by_hand, atol=1e-12)
        assert abs(first.base[0] - by_hand) > 1e-3
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), np.tanh(data.cases().to_numpy() @ W), atol=1e-9)

    def test_another_model_is_really_asked(self):
        _, again = again_of(Seen())
        other = Counted(valued(lambda rows: rows.sum(axis=1)))
        np.testing.assert_allclose(seen(again(ALL_AT, model=other))[3], setting().cases(ALL_AT).to_numpy().sum(axis=1), atol=1e-12)
        assert other.rows > 0
        assert seen(again(ALL_AT))[3] == pytest.approx(np.tanh(setting().cases(ALL_AT).to_numpy() @ W))  # for this once

    def test_a_model_that_is_empty_as_a_container_is_a_model(self):
        class Hollow(Counted):
            def __len__(self):
                return 0

        _, again = again_of(Seen())
        hollow = Hollow(valued(lambda rows: rows.sum(axis=1)))
        again(ALL_AT, model=hollow)
        assert hollow.rows > 0

    def test_each_case_keeps_its_target(self):
        class Pair:
            name, task, outputs, native, owner = "pair", "regression", ("a", "b"), "value", None

            def predict(self, inputs, output):
                return np.column_stack([inputs.to_numpy()[:, 0], 10 + inputs.to_numpy()[:, 0]])

        target = np.array([0, 1, 1, 0, 1, 0])
        _, again = again_of(Seen(), Pair(), target=target)
        found = again(ALL_AT)
        np.testing.assert_array_equal(found.target, target[ALL_AT])
        np.testing.assert_allclose(seen(found)[3] - seen(found)[0], 10 * target[ALL_AT])

    def test_another_output_is_really_explained(self):
        class Pair:
            name, task, outputs, native, owner = "pair", "regression", ("a", "b"), "value", None

            def predict(self, inputs, output):
                return np.column_stack([inputs.to_numpy()[:, 0], 10 + inputs.to_numpy()[:, 0]])

        first, again = again_of(Seen(), Pair())
        wanted = np.array([1, 0, 1, 1, 0, 1])
        found = again(ALL_AT, target=wanted)
        np.testing.assert_array_equal(found.target, wanted)
        value, drawn, mean, answer, _ = seen(found)
        np.testing.assert_allclose(answer - value, 10 * wanted)
        for now, then in ((value, 0), (drawn, 1), (mean, 2)):  # and nothing else is changed
            np.testing.assert_array_equal(now, seen(first)[then][ALL_AT])
        np.testing.assert_array_equal(again(ALL_AT).target, 0)  # for this once

    def test_a_chunk_gives_what_the_whole_gives(self):
        for explainer in (Seen(), EXPLAINERS["shap"](), EXPLAINERS["random"]()):
            _, whole = again_of(explainer)
            _, part = again_of(explainer, cases=[3, 4, 5])
            np.testing.assert_allclose(part(np.array([2, 0, 2])).values, whole(np.array([5, 3, 5])).values, atol=1e-12)

    def test_what_is_no_attribution_is_refused(self):
        _, again = again_of(EXPLAINERS["random"]())
        again._explainer = TooFewRows()
        with pytest.raises(XaiCompareError, match=r"'it' returned shape \(5, 3\): an attribution of shape \(6, 3\) is needed"):
            again(ALL_AT)

    def test_no_case_at_all_costs_nothing(self):
        _, again = again_of(Seen())
        assert again(np.empty(0, dtype=np.int64)).values.shape == (0, 3)


class TestControl:
    def test_draws_afresh_for_each_copy_and_each_call(self):
        first, again = again_of(EXPLAINERS["random"]())
        one, two = again(ALL_AT).values, again(ALL_AT).values
        every = np.concatenate([first.values, one, two])
        assert len(np.unique(every[:, 0])) == len(every)

    def test_also_with_another_background_or_model(self):
        first, again = again_of(EXPLAINERS["random"]())
        for changed in ({"background": np.arange(5)}, {"model": valued(lambda rows: rows[:, 0])}):
            assert (again(np.arange(N), **changed).values != first.values).all()

    def test_keeps_its_numbers_for_another_output(self):
        """With fresh ones it would seem to tell outputs apart."""
        first, again = again_of(EXPLAINERS["random"]())
        np.testing.assert_array_equal(again(ALL_AT, target=np.ones(6, dtype=np.int64)).values, first.values[ALL_AT])

    def test_takes_the_streams_that_it_is_given(self):
        _, again = again_of(EXPLAINERS["random"]())
        one, two = (again(np.arange(N), streams=Streams(3)).values for _ in range(2))
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one[2], Streams(3).case(2).standard_normal(3))

    def test_is_the_same_in_every_run(self):
        runs = [again_of(EXPLAINERS["random"]())[1] for _ in range(2)]
        for _ in range(2):
            one, two = (again(ALL_AT).values for again in runs)
            np.testing.assert_array_equal(one, two)

    def test_knows_nothing_of_its_first_answer(self):
        """Correlation of 6,000 numbers with those of the first answer: 0 within 4 standard errors."""
        data = world(np.zeros((2000, 3)), np.zeros((1, 3)))
        first, again = again_of(EXPLAINERS["random"](), cases=np.arange(2000), data=data)
        correlation = np.corrcoef(first.values.ravel(), again(np.arange(2000)).values.ravel())[0, 1]
        assert abs(correlation) < 4 / np.sqrt(6000)


def test_a_counted_model_counts_every_way_of_asking() -> None:
    model = Counted(valued(lambda rows: rows[:, 0]))
    inputs = setting().cases()
    model.predict(inputs, "value")
    model.decide(inputs)
    assert model.rows == 2 * N
    assert model.native == "value"
