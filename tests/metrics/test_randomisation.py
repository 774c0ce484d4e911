"""Model randomisation: what does not look at the model scores 0, what tells a model from its ruins reaches the ceiling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tests.made import data_of, numbers
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import overlap
from xai_compare.models.adapt import adapt
from xai_compare.models.destroyed import Destroyed
from xai_compare.models.narrow import Narrow
from xai_compare.models.reordered import Reordered
from xai_compare.models.torch import TorchTable
from xai_compare.models.trained import Training
from xai_compare.run.again import Again, Counted
from xai_compare.streams import Streams
from xai_compare.types import Attribution

N, D = 40, 6


def table(n: int = N):
    """Data of a yes or no that hangs on two of six columns."""
    frame = numbers(160, D)
    y = (frame.a + frame.b > 0).astype(np.int64).to_numpy()
    return data_of(frame, y, ("no", "yes"), (20, n))


class Given:
    """A method of given values: {0: the model, 1 + run: its ruins, "again": the model run again}."""

    def __init__(self, own, again, ruins) -> None:
        self.own, self.again, self.ruins = own, again, ruins

    def scores(self, **params):
        data = table(len(self.own))
        target = np.zeros(len(self.own), dtype=np.int64)

        def rerun(at, streams, model):
            return Attribution((self.again if model is None else self.ruins[model])[at], target[at], "margin")

        class Ruins:
            def whole(self, run):
                return run

            def cascade(self):
                return []

        view = View(
            data, Streams(0), tuple(range(len(self.own))), (Attribution(self.own, target, "margin"),), rerun=rerun, destroyed=Ruins()
        )
        return METRICS["randomisation"](**params)(view)


def skill(found) -> float:
    at = ~np.isnan(found.values)
    return float((found.values[at].mean() - found.chance[at].mean()) / (found.ceiling[at].mean() - found.chance[at].mean()))


def drawn(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D))


def trained(kind: str, data, **params):
    model, _ = Training("m", kind, 3, params).train(data)
    return model


def scored(explainer, model, data, **params):
    n = len(data.explain)
    game = Game(model, data, data.cases(), np.arange(n), np.ones(n, dtype=np.int64), model.native)
    streams = Streams(0).at("explain", "it")
    ruins = Destroyed(model, data, Streams(0).at("destroy", "m"))
    view = View(
        data,
        Streams(0).at("score"),
        tuple(range(n)),
        (explainer(game, streams),),
        rerun=Again(explainer, "it", game, streams),
        destroyed=ruins,
    )
    return METRICS["randomisation"](**params)(view)


class TestByHand:
    def test_what_is_the_same_for_every_model_scores_exactly_zero(self):
        phi = drawn(0)
        found = Given(phi, phi, [phi, phi, phi]).scores()
        np.testing.assert_allclose(found.values[~np.isnan(found.values)], 0, atol=1e-12)

    def test_two_features_and_their_mirror(self):
        """(1, 0, ..) against itself shares all, against (0, 1, ..) nothing, and chance is 1 / d for both."""
        own, other = np.zeros((4, D)), np.zeros((4, D))
        own[:, 0] = other[:, 1] = 1.0
        found = Given(own, own, [other, own, other]).scores(cases=4)
        np.testing.assert_allclose(found.ceiling, 1 - 1 / D)
        np.testing.assert_allclose(found.values, (1 - 1 / D) - (-1 / D + (1 - 1 / D) - 1 / D) / 3)
        np.testing.assert_allclose(found.parts["destroyed"].values, 1 / 3)

    def test_noise_and_blindness_score_zero_within_three_standard_errors(self):
        found = Given(drawn(0, 2000), drawn(1, 2000), [drawn(2, 2000), drawn(3, 2000), drawn(4, 2000)]).scores(cases=160)
        values = found.values[~np.isnan(found.values)]
        assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(len(values))

    def test_a_method_that_tells_the_model_from_its_ruins_reaches_the_ceiling(self):
        phi = drawn(0, 2000)
        found = Given(phi, phi, [drawn(2, 2000), drawn(3, 2000), drawn(4, 2000)]).scores(cases=160)
        assert skill(found) == pytest.approx(1, abs=0.05)

    def test_an_explanation_of_nothing_shares_nothing(self):
        phi, none = drawn(0), np.zeros((N, D))
        found = Given(phi, phi, [none, none, none]).scores(cases=N)
        np.testing.assert_allclose(found.values, found.ceiling)

    def test_a_constant_explanation_has_no_score(self):
        same = np.ones((N, D))
        found = Given(same, same, [same, same, same]).scores(cases=N)
        assert set(found.reasons.values()) == {"constant explanation"}

    def test_it_is_what_the_overlaps_say(self):
        own, again, ruins = drawn(0), drawn(0) + 0.1 * drawn(5), [drawn(2), drawn(3)]
        found = Given(own, again, ruins).scores(cases=N, runs=2)
        o, c = overlap(own, again)
        left = np.mean([np.subtract(*overlap(own, ruin)) for ruin in ruins], axis=0)
        np.testing.assert_allclose(found.values, o - c - left)
        np.testing.assert_allclose(found.ceiling, 1 - c)

    def test_scaling_changes_nothing(self):
        own, again, ruins = drawn(0), drawn(1), [drawn(2), drawn(3), drawn(4)]
        one, other = Given(own, again, ruins).scores(), Given(7 * own, 0.1 * again, [3 * ruin for ruin in ruins]).scores()
        np.testing.assert_allclose(one.values, other.values)


class TestOnModels:
    @pytest.mark.parametrize(("kind", "least"), [("logistic_regression", 0.6), ("random_forest", 0.8), ("mlp", 0.6)])
    def test_shap_depends_on_the_model_and_the_control_does_not(self, kind, least):
        data = table()
        model = trained(kind, data, **({"n_estimators": 20} if kind == "random_forest" else {}))
        assert skill(scored(EXPLAINERS["shap"](permutations=2), model, data)) > least
        found = scored(EXPLAINERS["random"](), model, data)
        values = found.values[~np.isnan(found.values)]
        assert abs(values.mean()) < 3 * values.std(ddof=1) / np.sqrt(len(values))

    def test_a_net_has_a_cascade_that_falls_from_one(self):
        data = table()
        found = scored(EXPLAINERS["integrated_gradients"](), trained("mlp", data), data, cases=N)
        curve = found.curves["cascade"]
        assert curve.shape == (N, 4)  # as it is, and without its last layer, its last two, all three
        assert (curve[:, 0] == 1).all()
        assert curve[:, 3].mean() < 0.7
        assert "cascade" not in scored(EXPLAINERS["shap"](), trained("logistic_regression", data), data).curves

    def test_a_model_that_cannot_be_trained_again_is_not_applicable(self):
        data = table()
        model = adapt("m", LogisticRegression().fit(data.train.inputs, data.train.y), data.background_inputs())
        with pytest.raises(NotApplicable, match="a net, or a model that the study trains"):
            scored(EXPLAINERS["shap"](), model, data)

    def test_parameters_are_counts(self):
        with pytest.raises(XaiCompareError, match="runs must be at least 1"):
            METRICS["randomisation"](runs=0)


class TestRuins:
    def test_a_net_is_drawn_anew_and_keeps_what_it_knows_of_units(self):
        data = table()
        model = trained("mlp", data)
        ruins = Destroyed(model, data, Streams(0))
        one, other = ruins.whole(0), ruins.whole(1)
        assert ruins.whole(0) is one
        own = dict(model.core.state_dict())
        for name, drawn_anew in one.core.state_dict().items():
            same = torch.equal(drawn_anew, own[name])
            assert same == (name in ("mean", "scale", "out_mean", "out_scale")), name
            assert same or not torch.equal(drawn_anew, other.core.state_dict()[name])

    def test_the_cascade_leaves_the_first_layers_as_they_are(self):
        model = trained("mlp", table())
        last = Destroyed(model, table(), Streams(0)).cascade()[0]
        same = [torch.equal(a, b) for a, b in zip(model.core.parameters(), last.core.parameters(), strict=True)]
        assert same == [True, True, True, True, False, False]

    def test_it_reaches_a_net_through_whatever_is_around_it(self):
        frame = numbers(20, 2)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = TorchTable("n", torch.nn.Linear(2, 2).eval(), "classification", ("0", "1"), ("b", "a"), {}, ())
        wrapped = Counted(Reordered(Narrow(net, ["a", "b"], ["b", "a"]), ("1", "0")))
        ruin = Destroyed(wrapped, data_of(frame), Streams(0)).whole(0)
        assert isinstance(ruin, Counted)
        assert ruin.outputs == ("1", "0")
        assert not np.allclose(ruin.predict(frame, "margin"), wrapped.predict(frame, "margin"))
        weight, bias = (each.detach().double().numpy() for each in (ruin.core.weight, ruin.core.bias))
        margins = frame[["b", "a"]].to_numpy() @ (weight[0] - weight[1]) + bias[0] - bias[1]
        np.testing.assert_allclose(ruin.predict(frame, "margin")[:, 1], margins, atol=1e-5)

    def test_other_models_learn_permuted_outcomes(self):
        data = table()
        model = trained("random_forest", data, n_estimators=20)
        ruin = Destroyed(model, data, Streams(0)).whole(0)
        right = (model.decide(data.train.inputs) == data.train.y).mean()
        assert right > 0.95
        assert abs(np.corrcoef(ruin.predict(data.train.inputs, "probability")[:, 1], data.train.y)[0, 1]) < 0.3
        assert (np.sort(data.train.y) == np.sort(table().train.y)).all()  # the data themselves are as they were
