"""LIME on images, series and texts against the lime package with the same random numbers, and the other methods that only play the game."""

from __future__ import annotations

import numpy as np
import pytest
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from lime.lime_text import LimeTextExplainer
from sklearn.metrics import pairwise_distances

from tests.toys import brute_force_shapley
from tests.worlds import MODALITIES, WORLDS, images, net, play, series, texts
from xai_compare.data.text import spoken
from xai_compare.errors import DataError, NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._lime_masks import WIDTHS, coins, removals, weights_of
from xai_compare.explainers.given import given
from xai_compare.game import Game
from xai_compare.models.function import FunctionModel
from xai_compare.streams import Streams

SAMPLES = 60


def explained(name, game, **params):
    return EXPLAINERS[name](**params)(game, Streams(0))


def seeded(game, i):
    return np.random.RandomState(Streams(0).at("case", int(game.cases[i])).integer())


def function(of):
    return FunctionModel("toy", of, "regression", ("value",), "value", as_array=False)


class TestThePackage:
    @pytest.mark.parametrize("fill", ["mean", "blur"])
    def test_images_equal_lime_image(self, fill):
        game = play(net("cnn", "image"), images(), fill=fill)
        space = game.data.space
        found = explained("lime", game, samples=SAMPLES)
        hidden = space.hide(game.inputs, np.arange(game.n), np.zeros((game.n, 16), dtype=bool), fill)
        for i in range(game.n):

            def ask(pictures, i=i):
                """What it hides becomes what the game makes of it: its own filling is the mean of a patch of that very image."""
                return game.model.predict(np.asarray(pictures, dtype=np.float32)[..., 0], "margin")

            theirs = LimeImageExplainer(feature_selection="none", random_state=seeded(game, i))
            fudge = np.repeat(hidden[i][:, :, None], 3, axis=2)
            picture = np.repeat(game.inputs[i][:, :, None], 3, axis=2)
            data, labels = theirs.data_labels(picture, fudge, space.patch_of, ask, SAMPLES)
            distances = pairwise_distances(data, data[:1], metric="cosine").ravel()
            _, weights, fit, _ = theirs.base.explain_instance_with_data(data, labels, distances, 1, 16, feature_selection="none")
            weights = dict(weights)
            np.testing.assert_allclose(found.values[i], [weights[j] for j in range(16)], atol=1e-5)
        assert found.about["samples"] == SAMPLES
        assert fit <= 1

    def test_texts_equal_lime_text(self):
        def numbers(lines):
            return np.array([2.0 * ("good" in text) - 1.0 * ("bad" in text) + 0.1 * len(spoken(text, "")[1]) for text in lines])

        game = play(function(numbers), texts(), fill="drop", target=0)
        found = explained("lime", game, samples=SAMPLES)
        for i, text in enumerate(game.inputs):
            theirs = LimeTextExplainer(
                feature_selection="none",
                bow=False,
                mask_string="",
                split_expression=lambda line: line.split(" "),
                random_state=seeded(game, i),
            )
            explanation = theirs.explain_instance(
                text, lambda lines: numbers(lines)[:, None], labels=(0,), num_features=99, num_samples=SAMPLES
            )
            weights = dict(explanation.local_exp[0])
            expected = [weights[j] for j in range(len(text.split(" ")))]
            np.testing.assert_allclose(found.values[i][found.present[i]], expected, atol=1e-6)
            assert np.isnan(found.values[i][~found.present[i]]).all()

    def test_series_equal_its_regression_on_our_neighbourhood(self):
        game = play(net("lstm", "series"), series())
        found = explained("lime", game, samples=SAMPLES)
        for i in range(game.n):
            at = np.flatnonzero(game.present[i])
            shown = coins(len(at), SAMPLES, seeded(game, i))
            keep = np.zeros((SAMPLES, game.d), dtype=bool)
            keep[:, at] = shown
            outputs = game.values(np.full(SAMPLES, i), keep)[:, None]
            distances = pairwise_distances(shown.astype(float), shown[:1].astype(float), metric="cosine").ravel()
            base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=np.random.RandomState(0))
            _, weights, _, _ = base.explain_instance_with_data(
                shown.astype(float), outputs, distances, 0, len(at), feature_selection="none"
            )
            np.testing.assert_allclose(found.values[i, at], [dict(weights)[j] for j in range(len(at))], atol=1e-8)


class TestLaw:
    def test_coins_are_fair_and_removals_uniform(self):
        rng = np.random.RandomState(0)
        assert coins(20, 20_000, rng)[1:].mean() == pytest.approx(0.5, abs=0.01)
        sizes = (~removals(6, 30_000, rng)[1:]).sum(axis=1)
        np.testing.assert_allclose(np.bincount(sizes, minlength=7)[1:] / 29_999, 1 / 6, atol=0.01)

    @pytest.mark.parametrize(("modality", "scale"), [("image", 1.0), ("text", 100.0)])
    def test_the_kernel_is_of_the_cosine_distance(self, modality, scale):
        shown = coins(5, 40, np.random.RandomState(1))
        shown[7] = False
        distances = scale * pairwise_distances(shown.astype(float), shown[:1].astype(float), metric="cosine").ravel()
        expected = np.sqrt(np.exp(-(distances**2) / WIDTHS[modality] ** 2))
        np.testing.assert_allclose(weights_of(shown, WIDTHS[modality], scale), expected, atol=1e-12)

    def test_the_size_is_the_packages_for_images_unless_named(self):
        assert explained("lime", play(function(lambda x: x.sum(axis=(1, 2))), images(), target=0)).about["samples"] == 1000

    def test_a_text_without_words_has_no_values(self):
        from dataclasses import replace

        data = texts()
        empty = replace(data, test=replace(data.test, inputs=np.array(["", "good"] * 80, dtype=object)))
        found = explained("lime", play(function(lambda lines: np.array([float(len(line)) for line in lines])), empty, target=0))
        assert found.present.sum(axis=1).tolist() == [0, 1] * 3
        assert found.about["mean_local_r2"] is not None


class TestTheGame:
    """SHAP, occlusion and the control on what a case has."""

    @pytest.mark.parametrize("algorithm", ["exact", "kernel", "permutation"])
    def test_shap_of_words_is_brute_force_on_the_words_of_the_text(self, algorithm):
        game = play(net("lstm", "text"), texts())
        found = explained("shap", game, algorithm=algorithm, samples=600, permutations=200)
        at = np.flatnonzero(game.present.sum(axis=1) <= 7)[:2]
        few = Game(game.model, game.data, game.inputs[at], game.cases[at], game.target[at], game.output, game.fill)
        exact = brute_force_shapley(few)
        slack = 0.02 * np.abs(exact).max() if algorithm == "permutation" else 1e-6
        np.testing.assert_allclose(found.values[at][few.present], exact[few.present], atol=slack)
        np.testing.assert_allclose(exact[~few.present], 0, atol=1e-12)
        assert np.isnan(found.values[~game.present]).all()
        np.testing.assert_allclose(found.base + np.nansum(found.values, axis=1), game.full(), atol=1e-5)
        assert "degraded" not in found.about

    def test_shap_by_partition_is_for_tables(self):
        with pytest.raises(NotApplicable, match="correlated columns of a table"):
            explained("shap", play(net("cnn", "image"), images()), algorithm="partition")

    @pytest.mark.parametrize("name", ["permutation_importance", "drop_column", "model_importance"])
    @pytest.mark.parametrize("modality", MODALITIES)
    def test_importance_is_for_tables(self, name, modality):
        kind = {"image": "cnn", "series": "lstm", "text": "lstm"}[modality]
        with pytest.raises(NotApplicable, match="of a table"):
            explained(name, play(net(kind, modality), WORLDS[modality]()))

    @pytest.mark.parametrize("name", ["random", "occlusion"])
    def test_absent_words_have_no_value(self, name):
        game = play(net("lstm", "text"), texts())
        found = explained(name, game)
        np.testing.assert_array_equal(np.isnan(found.values), ~game.present)
        np.testing.assert_array_equal(found.present, game.present)

    def test_attributions_of_texts_can_be_given_with_nothing_where_there_is_no_word(self):
        game = play(net("lstm", "text"), texts())
        values = np.where(game.data.space.present(game.data.test.inputs), 1.5, np.nan)
        brought = given({"lstm": values}, output="margin", target="1")
        brought.check(["lstm"], game.data)
        found = brought(game, Streams(0))
        np.testing.assert_array_equal(found.values, np.where(game.present, 1.5, np.nan))
        np.testing.assert_array_equal(found.present, game.present)
        values[0] = np.nan
        with pytest.raises(DataError, match="not finite for features that the rows of X have"):
            given({"lstm": values}, output="margin", target="1").check(["lstm"], game.data)

    def test_occlusion_is_what_the_output_loses(self):
        game = play(net("lstm", "text"), texts())
        words = game.inputs[0].split(" ")
        found = explained("occlusion", play(game.model, game.data, fill="drop")).values[0]
        for place in range(len(words)):
            left = np.array([" ".join(words[:place] + words[place + 1 :])], dtype=object)
            assert found[place] == pytest.approx(game.full()[0] - game.model.predict(left, "margin")[0, 1], abs=1e-5)
