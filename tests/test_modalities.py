"""Images, series and texts through the whole straight line, with plain functions as models: each number by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import xai_compare as xc
from xai_compare.data.image import ImageSpace
from xai_compare.data.series import SeriesSpace
from xai_compare.data.text import TextSpace, as_texts, split
from xai_compare.errors import DataError, NotApplicable, StudyError
from xai_compare.explainers.controls import RandomControl
from xai_compare.explainers.occlusion import Occlusion
from xai_compare.explainers.shap import Shap
from xai_compare.game import Game, evaluate_coalitions
from xai_compare.metrics import View
from xai_compare.metrics.agreement import Agreement
from xai_compare.metrics.fidelity import AdditiveFit, FaithfulnessCorrelation, Infidelity
from xai_compare.metrics.ordering import Comprehensiveness, Ordering
from xai_compare.metrics.simplicity import FeaturesNeeded
from xai_compare.models.adapt import adapt
from xai_compare.removal import best_orders, remove
from xai_compare.streams import Streams
from xai_compare.types import Data, Table

WORTH = {"good": 2.0, "fine": 1.0, "bad": -2.0, "dull": -1.0, "very": 0.5}
TEXTS = (
    "good",
    "bad film",
    "a very good film",
    "very bad and very dull",
    "good good fine film with a bad end",
    "what a dull film it was and how very very bad the end of it was",
    "a fine day",
)


def worth(texts: list[str]) -> np.ndarray:
    """Words add up, and 'very' doubles whatever else there is."""
    out = []
    for text in texts:
        words = [text[a:b].lower() for a, b in split(text)]
        out.append(sum(WORTH.get(word, 0.0) for word in words) * (1 + words.count("very")))
    return np.array(out)


def text_data(texts=TEXTS, d: int | None = None) -> Data:
    held = as_texts(texts)
    space = TextSpace(held, d or max(len(split(text)) for text in texts))
    table = Table(held, None, tuple(map(str, range(len(held)))))
    rows = np.arange(len(held))
    return Data(table, table, rows, rows, space, "regression")


def game_of(data: Data, function=worth, at=None) -> Game:
    model = adapt("worth", function, data.background_inputs())
    cases = np.arange(len(data.explain)) if at is None else np.array(at)
    return Game(model, data, data.cases(cases), cases, np.zeros(len(cases), dtype=np.int64), "value")


class TestAbsentWords:
    """A text among longer ones is scored as if it were alone."""

    def test_what_a_text_does_not_have_changes_nothing(self):
        game = game_of(text_data())
        keep = np.random.default_rng(0).random((40, game.d)) < 0.5
        rows = np.arange(40) % game.n
        more = keep | ~game.present[rows]
        np.testing.assert_array_equal(game.values(rows, keep), game.values(rows, more))
        spent = game.rows_spent
        game.values(rows, keep & game.present[rows])
        assert game.rows_spent == spent

    def test_values_are_those_of_the_words_that_are_left(self):
        game = game_of(text_data())
        keep = np.zeros((1, game.d), dtype=bool)
        keep[0, [1, 2]] = True  # "very good"
        assert game.values(np.array([2]), keep)[0] == worth(["very good"])[0]

    @pytest.mark.parametrize(
        "metric", [AdditiveFit(), FaithfulnessCorrelation(), Infidelity(), FeaturesNeeded()], ids=lambda m: type(m).__name__
    )
    def test_scores_are_those_of_a_text_alone(self, metric):
        whole = scored(metric, text_data())
        told = 0
        for i, text in enumerate(TEXTS):
            alone = replace(text_data(), space=TextSpace(as_texts(TEXTS), len(split(text))))
            if len(split(text)) < 3:
                with pytest.raises(NotApplicable) as refused:
                    scored(metric, alone, at=[i])
                assert np.isnan(whole.values[i])
                assert whole.reasons[i] == str(refused.value)
                continue
            own = scored(metric, alone, at=[i])
            told += 1
            np.testing.assert_allclose(whole.values[i], own.values[0], atol=1e-12)
            for name, part in own.parts.items():
                np.testing.assert_allclose(whole.parts[name].values[i], part.values[0], atol=1e-12)
            if own.chance is not None:
                np.testing.assert_allclose(whole.chance[i], own.chance[0], atol=1e-12)
        assert told == 5

    def test_agreement_counts_the_words_of_each_text(self):
        whole = scored(Agreement(k=1), text_data())
        own = np.array([len(split(text)) for text in TEXTS])
        fits = own >= 2
        np.testing.assert_allclose(whole.parts["feature"].chance[fits], 1 / own[fits])
        assert np.isnan(whole.parts["feature"].values[~fits]).all()

    def test_the_removal_curves_end_with_nothing_left(self):
        data = text_data()
        game, streams = game_of(data), Streams(0)
        played = np.arange(game.n)
        phi = Shap()(game, streams)
        removal, bounds = remove(game, phi.values, True, played, streams), best_orders(game, played)
        empty = game.empty()
        for curve in (removal.signed[:, 0], removal.signed[:, 1], removal.strength[:, 0], bounds.lowest, bounds.highest):
            np.testing.assert_array_equal(curve[:, -1], empty)
            np.testing.assert_array_equal(curve[:, 0], game.full())
        view = View(data, streams, tuple(range(game.n)), (phi,), removal=removal, bounds=bounds)
        for metric in (Ordering(), Comprehensiveness()):
            assert np.isfinite(metric(view).values).all()

    def test_the_best_first_step_is_that_of_the_largest_fall(self):
        game = game_of(text_data())
        bounds = best_orders(game, np.array([6]))  # "a fine day": three words, in as many steps as the longest text has
        assert bounds.lowest[6, 0] == 1.0
        assert bounds.lowest[6, -1] == 0.0
        first = np.flatnonzero(bounds.lowest[6] != 1.0)[0]
        assert bounds.lowest[6, first] == 0.0  # "fine" leaves first
        assert np.flatnonzero(bounds.highest[6] != 1.0)[0] > first

    def test_absent_words_have_no_value(self):
        game = game_of(text_data())
        for made in (Shap()(game, Streams(0)), Occlusion()(game, Streams(0)), RandomControl()(game, Streams(0))):
            assert np.isnan(made.values[~game.present]).all()
            assert np.isfinite(made.values[game.present]).all()
            np.testing.assert_array_equal(made.present, game.present)


def scored(metric, data: Data, at=None):
    game, streams = game_of(data, at=at), Streams(0)
    sample = evaluate_coalitions(game, streams.at("coalitions"))
    # Not the true Shapley values: a metric on them would hardly see a mistake.
    noise = np.stack([streams.at("noise").case(case).standard_normal(40)[: game.d] for case in game.cases])
    control = np.stack([streams.at("control").case(case).standard_normal(40)[: game.d] for case in game.cases])
    made = [attribution(game, values) for values in (noise, control)]
    cases = tuple(game.cases.tolist())
    two = tuple(made) if metric.scope == "methods" else (made[0],)
    return metric(View(data, streams, cases, two, control=made[1], coalitions=sample))


def attribution(game: Game, values: np.ndarray):
    from xai_compare.types import Attribution

    present = None if game.present.all() else game.present
    return Attribution(np.where(game.present, values, np.nan), game.target, "value", present=present)


class TestInPython:
    def test_texts_are_compared(self):
        texts = [text for text in TEXTS for _ in range(4)]
        found = xc.compare(
            {"worth": worth, "words": lambda texts: np.array([float(len(split(text))) for text in texts])},
            texts,
            background=texts,
            study={"explainers": ["shap", "occlusion"], "data": {"background": 10}, "compare": {"checks": ["fill"]}},
        )
        assert not found.failed
        assert found.results.data["modality"] == "text"
        assert found.results.data["fill"] == "mask"
        # Dropping a word and masking it are the same for a model that never sees the mask.
        own, again = found.results.scores["words", "shap", "additive_fit"], found.results.checks["drop", "words", "shap"]
        np.testing.assert_array_equal(own.values, again.values)

    def test_images_are_explained(self):
        rng = np.random.default_rng(0)
        X = rng.random((6, 8, 8))
        weights = rng.normal(size=(8, 8))

        def function(images):
            return (images * weights).sum(axis=(1, 2))

        held = xc.images(X, grid=4)
        made = xc.explain(function, held, "occlusion", background=X)
        space = ImageSpace(held.inputs, (4, 4))
        change = (held.inputs - space.blurred(held.inputs)) * weights
        by_hand = change.reshape(6, 4, 2, 4, 2).sum(axis=(2, 4)).reshape(6, 16)
        np.testing.assert_allclose(made.values, by_hand, atol=1e-5)

    def test_series_are_explained(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(6, 2, 12))
        X[2, :, 5:] = np.nan
        weights = rng.normal(size=(2, 12))

        def function(series):
            return np.nansum(series * weights, axis=(1, 2))

        held = xc.series(X, stretches=4)
        made = xc.explain(function, held, "shap", background=X)
        space = SeriesSpace(X, 4)
        change = np.nan_to_num(X - space.mean) * weights
        by_hand = change.reshape(6, 2, 4, 3).sum(axis=3).reshape(6, 8)
        np.testing.assert_allclose(made.known(), np.where(space.present(X), by_hand, 0), atol=1e-9)
        assert np.isnan(made.values[2, [2, 3, 6, 7]]).all()

    def test_an_array_that_could_be_either_is_refused(self):
        with pytest.raises(DataError, match=r"say what it holds, images\(X\) or series\(X\)"):
            xc.explain(lambda X: X.mean(axis=(1, 2)), np.zeros((5, 4, 4)), background=np.zeros((5, 4, 4)))

    def test_groups_are_for_tables(self):
        with pytest.raises(StudyError, match="name columns of a table"):
            xc.compare({"worth": worth}, list(TEXTS), background=list(TEXTS), study={"data": {"slices": ["sex"]}})
