"""Faithfulness correlation and infidelity on games whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.toys import brute_force_shapley, game_of, valued, world
from xai_compare.errors import NotApplicable
from xai_compare.game import evaluate_coalitions
from xai_compare.metrics import METRICS, View
from xai_compare.streams import Streams
from xai_compare.types import Attribution

BOTH = ("faithfulness_correlation", "infidelity")
W = np.array([2.0, -1.0, 0.5, 0.25, 3.0, -0.25, 1.0, -2.0, 0.75, 0.1, -0.6, 1.7])


def game(function=None, d=12, n=8, b=15, seed=0):
    rng = np.random.default_rng(seed)
    function = function or (lambda x: x @ W[: x.shape[1]])
    return game_of(valued(function), world(rng.standard_normal((n, d)), rng.standard_normal((b, d))))


def scored(metric, played, phi, additive=False, sample=None):
    sample = evaluate_coalitions(played, Streams(0)) if sample is None else sample
    own = Attribution(np.asarray(phi, dtype=float), played.target, played.output, additive=additive)
    return METRICS[metric]()(View(played.data, Streams(0), tuple(played.cases), (own,), coalitions=sample))


def true_of(played):
    """Shapley values of the linear function."""
    return W[: played.d] * (played.inputs.to_numpy() - played.data.background_inputs().to_numpy().mean(axis=0))


def interacting(x):
    return x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * x[:, 3]


class TestWhatIsExact:
    @pytest.mark.parametrize("d", [6, 12])  # enumerated, and drawn
    def test_of_a_linear_function(self, d):
        played = game(d=d)
        for factor in (1.0, 1e-6, 1e6):
            found = scored("faithfulness_correlation", played, factor * true_of(played))
            np.testing.assert_allclose(found.values, 1)
            np.testing.assert_allclose(found.parts["plain"].values, 1)
            np.testing.assert_allclose(scored("infidelity", played, factor * true_of(played)).values, 0, atol=1e-12)

    def test_with_all_signs_wrong(self):
        played = game()
        np.testing.assert_allclose(scored("faithfulness_correlation", played, -true_of(played)).values, -1)
        np.testing.assert_allclose(scored("infidelity", played, -true_of(played)).values, 1)

    @pytest.mark.parametrize("value", [1.0, 0.1, -3.0, 0.0])
    def test_a_constant_explanation_tells_nothing_but_size(self, value):
        played = game(lambda x: x @ W + x[:, 0] * x[:, 1] + 3 * (x[:, 2] > 0))
        found = scored("faithfulness_correlation", played, np.full((8, 12), value))
        assert (found.values == 0).all()
        assert (np.abs(found.parts["plain"].values) > 0.05).any() == (value != 0)  # the plain one takes size for knowledge

    def test_its_square_is_the_explained_share_where_all_coalitions_are_there(self):
        played = game(interacting, d=6)
        sample = evaluate_coalitions(played, Streams(0))
        assert sample.weights is not None
        phi = brute_force_shapley(played) + 0.3 * np.random.default_rng(1).standard_normal((8, 6))
        own = Attribution(phi, played.target, played.output)
        explained = METRICS["additive_fit"]()(View(played.data, Streams(0), tuple(played.cases), (own,), coalitions=sample)).values
        found = scored("faithfulness_correlation", played, phi).values
        assert (found > 0).sum() >= 4
        np.testing.assert_allclose(np.maximum(found, 0) ** 2, explained, atol=1e-12)

    def test_on_its_own_scale_twice_the_truth_misses_as_much_as_nothing(self):
        played = game()
        for factor, expected in ((1.0, 0.0), (2.0, 1.0), (0.0, 1.0), (0.5, 0.25)):
            found = scored("infidelity", played, factor * true_of(played), additive=True)
            np.testing.assert_allclose(found.parts["own_scale"].values, expected, atol=1e-12)
        assert "own_scale" not in scored("infidelity", played, true_of(played)).parts


class TestChance:
    @pytest.mark.parametrize("kind", ["dense", "sparse", "unsigned"])
    @pytest.mark.parametrize("d", [6, 12])
    def test_what_knows_nothing_correlates_with_nothing(self, kind, d):
        rng = np.random.default_rng(5)
        played = game(interacting, d=d, n=400)
        phi = rng.standard_normal((400, d)) * (1.0 if kind != "sparse" else rng.random((400, d)) < 0.4)
        found = scored("faithfulness_correlation", played, np.abs(phi) if kind == "unsigned" else phi)
        error = found.values.std(ddof=1) / 20
        assert abs(found.values.mean()) < 3 * error
        assert 0.005 < error < 0.03  # the test can fail
        assert (found.chance == 0).all()
        assert (found.ceiling == 1).all()

    def test_the_plain_one_passes_an_explanation_in_random_order(self):
        rng = np.random.default_rng(6)
        played = game(lambda x: np.exp(x).sum(axis=1), n=200)  # a rise with everything: large sets move the output more
        phi = np.stack([rng.permutation(row) for row in np.exp(played.inputs.to_numpy()) - 1])
        found = scored("faithfulness_correlation", played, phi)
        assert abs(found.values.mean()) < 0.07
        assert found.parts["plain"].values.mean() > 0.1


class TestWhatIsNotScored:
    @pytest.mark.parametrize("metric", BOTH)
    def test_flat_cases_with_a_reason(self, metric):
        played = game(lambda x: np.where(x[:, 0] > 1e6, 1.0, 0.0))
        found = scored(metric, played, np.random.default_rng(0).standard_normal((8, 12)), additive=True)
        for each in (found, *found.parts.values()):
            assert np.isnan(each.values).all()
            assert set(each.reasons.values()) == {"flat case: nothing moves the output"}

    @pytest.mark.parametrize("metric", BOTH)
    def test_two_features(self, metric):
        played = game(d=2)
        with pytest.raises(NotApplicable, match="three are needed"):
            scored(metric, played, np.ones((8, 2)))

    @pytest.mark.parametrize("metric", BOTH)
    def test_no_model_row_is_asked_beyond_the_sample(self, metric):
        played = game()
        sample = evaluate_coalitions(played, Streams(0))
        before = played.rows_spent
        scored(metric, played, true_of(played), sample=replace(sample))
        assert played.rows_spent == before
