"""Each algorithm against an oracle of its own: brute force, or the wrapped library called by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shap
import torch
from captum.attr import IntegratedGradients
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.toys import brute_force_shapley, classified, game_of, torch_value, valued, world
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers.shap.permutation import walks
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams


def classification(estimator, cases=4, background=9):
    frame, y = classified()
    data = world(frame.head(cases), frame.iloc[100 : 100 + background], task="classification", classes=("0", "1"))
    return adapt("model", estimator.fit(frame, y), data.background_inputs()), data


class TestTree:
    @pytest.mark.parametrize(
        "estimator",
        [RandomForestClassifier(12, random_state=0), DecisionTreeClassifier(max_depth=5, random_state=0)],
        ids=["forest", "tree"],
    )
    @pytest.mark.parametrize("target", [0, 1])
    def test_classifiers_equal_brute_force(self, estimator, target):
        model, data = classification(estimator)
        found = EXPLAINERS["shap"]()(game_of(model, data, target), Streams(0))
        assert found.about["algorithm"] == "tree"
        assert "degraded" not in found.about
        np.testing.assert_allclose(found.values, brute_force_shapley(game_of(model, data, target)), atol=1e-6)

    @pytest.mark.parametrize(
        "estimator",
        [RandomForestRegressor(12, random_state=0), ExtraTreesRegressor(12, random_state=0), GradientBoostingRegressor(random_state=0)],
        ids=["forest", "extra", "boosting"],
    )
    def test_regressors_equal_brute_force(self, estimator):
        frame, _ = classified()
        y = frame["x0"] + frame["x1"] * frame["x2"]
        data = world(frame.head(4), frame.iloc[100:109])
        game = game_of(adapt("model", estimator.fit(frame, y), data.background_inputs()), data)
        found = EXPLAINERS["shap"]()(game, Streams(0))
        assert found.about["algorithm"] == "tree"
        np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-6)

    def test_a_threshold_between_two_float32_neighbours_does_not_flip_a_case(self):
        # Two training values one float32 step apart: the threshold is their midpoint, which shap rounds to float32.
        low = np.float32(100)
        high = np.nextafter(low, np.float32(200))
        for values in ((low, high), (high, np.nextafter(high, np.float32(200)))):
            x = np.array(values, dtype=np.float64).repeat(10)[:, None]
            frame = pd.DataFrame(np.hstack([x, np.zeros((20, 2))]), columns=["a", "b", "c"])
            tree = DecisionTreeClassifier(random_state=0).fit(frame, np.repeat([0, 1], 10))
            data = world(frame.iloc[[0, 19]], frame.iloc[[0, 19]], task="classification", classes=("0", "1"))
            found = EXPLAINERS["shap"]()(game_of(adapt("tree", tree, data.background_inputs()), data, 1), Streams(0))
            np.testing.assert_allclose(found.values[:, 0], [-0.5, 0.5], atol=1e-9)
            assert "degraded" not in found.about


class TestLinear:
    def test_standardised_pipeline_equals_brute_force(self):
        model, data = classification(make_pipeline(StandardScaler(), LogisticRegression()))
        found = EXPLAINERS["shap"]()(game_of(model, data, 1), Streams(0))
        assert found.about["algorithm"] == "linear"
        np.testing.assert_allclose(found.values, brute_force_shapley(game_of(model, data, 1)), atol=1e-9)

    def test_three_classes_equal_brute_force_in_the_centred_margin(self):
        frame, _ = classified()
        y = np.digitize(frame["x0"] + frame["x1"], [-0.5, 0.5])
        data = world(frame.head(3), frame.iloc[100:107], task="classification", classes=("0", "1", "2"))
        model = adapt("model", LogisticRegression().fit(frame, y), data.background_inputs())
        for target in range(3):
            found = EXPLAINERS["shap"]()(game_of(model, data, target), Streams(0))
            np.testing.assert_allclose(found.values, brute_force_shapley(game_of(model, data, target)), atol=1e-9)

    @pytest.mark.parametrize("estimator", [LinearRegression(), Ridge()])
    def test_regressions_equal_brute_force(self, estimator):
        frame, _ = classified()
        data = world(frame.head(3), frame.iloc[100:107])
        game = game_of(adapt("model", estimator.fit(frame, frame["x0"] - 2 * frame["x4"]), data.background_inputs()), data)
        np.testing.assert_allclose(EXPLAINERS["shap"]()(game, Streams(0)).values, brute_force_shapley(game), atol=1e-9)


class TestPermutation:
    def test_one_walk_is_exact_for_interactions_of_two(self):
        game = game_of(
            valued(lambda x: x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3] - x[:, 4]), world(*np.split(classified()[0].to_numpy()[:18], [6]))
        )
        np.testing.assert_allclose(
            EXPLAINERS["shap"](algorithm="permutation", permutations=1)(game, Streams(0)).values, brute_force_shapley(game), atol=1e-12
        )

    def test_converges_to_brute_force(self):
        game = game_of(
            valued(lambda x: np.tanh(x[:, 0] * x[:, 1] * x[:, 2]) + x[:, 3]), world(*np.split(classified()[0].to_numpy()[:15], [5]))
        )
        exact = brute_force_shapley(game)
        errors = [
            np.abs(EXPLAINERS["shap"](algorithm="permutation", permutations=r)(game, Streams(0)).values - exact).mean()
            for r in (2, 50, 1000)
        ]
        assert errors[0] > errors[1] > errors[2]
        assert errors[2] < 0.003

    def test_equals_the_library_with_the_same_orders(self, monkeypatch):
        x, background = np.split(classified()[0].to_numpy()[:18], [6])

        def function(rows):
            return np.tanh(rows[:, 0] * rows[:, 1] * rows[:, 2]) + rows[:, 3]

        game = game_of(valued(function), world(x, background))
        orders = [np.argsort(Streams(0).case(i).random((4, 6)), axis=1) for i in range(6)]
        queue = iter([order for case in orders for order in case])
        monkeypatch.setattr(np.random, "shuffle", lambda a: a.__setitem__(slice(None), next(queue)))
        theirs = shap.PermutationExplainer(function, shap.maskers.Independent(background, max_samples=100), seed=0)
        found = theirs(x, max_evals=4 * (2 * 6 + 1), silent=True).values
        ours = EXPLAINERS["shap"](algorithm="permutation", permutations=4)(game, Streams(0)).values
        np.testing.assert_allclose(ours, found, atol=1e-10)

    def test_a_walk_shows_all_and_hides_all_in_the_same_order(self):
        keep = walks(np.array([[2, 0, 1]]))[0].astype(int).tolist()
        assert keep == [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 0]]


class TestExactAndKernel:
    @pytest.mark.parametrize("params", [{"algorithm": "exact"}, {"algorithm": "kernel", "samples": 100}], ids=["exact", "kernel"])
    def test_equals_brute_force(self, params):
        # 100 samples hold all 62 coalitions of 6 features: the kernel regression is then exact as well.
        game = game_of(
            valued(lambda x: np.tanh(x[:, 0] * x[:, 1] * x[:, 2]) + x[:, 3]), world(*np.split(classified()[0].to_numpy()[:15], [5]))
        )
        found = EXPLAINERS["shap"](**params)(game, Streams(0))
        assert found.about["exact"] == (params["algorithm"] == "exact")
        np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-8)

    def test_kernel_keeps_all_features_and_leaves_numpy_as_it_was(self):
        rng = np.random.default_rng(0)
        game = game_of(valued(lambda x: x @ np.ones(14)), world(*np.split(rng.standard_normal((22, 14)), [2])))
        np.random.seed(3)
        before = np.random.get_state()[1].copy()
        found = EXPLAINERS["shap"](algorithm="kernel", samples=400)(game, Streams(0)).values
        assert (np.random.get_state()[1] == before).all()
        assert (np.abs(found) > 1e-3).all()
        np.testing.assert_array_equal(found, EXPLAINERS["shap"](algorithm="kernel", samples=400)(game, Streams(0)).values)

    def test_exact_refuses_many_features(self):
        rng = np.random.default_rng(0)
        game = game_of(valued(lambda x: x[:, 0]), world(*np.split(rng.standard_normal((12, 11)), [2])))
        with pytest.raises(NotApplicable, match="2048 coalitions"):
            EXPLAINERS["shap"](algorithm="exact")(game, Streams(0))


class TestChoice:
    def test_says_which_algorithm_and_why(self):
        found = {}
        for name, estimator in (("forest", RandomForestClassifier(5, random_state=0)), ("line", LogisticRegression())):
            model, data = classification(estimator)
            found[name] = EXPLAINERS["shap"]()(game_of(model, data), Streams(0)).about
        model, data = classification(LogisticRegression())
        found["probability"] = EXPLAINERS["shap"]()(game_of(model, data, output="probability"), Streams(0)).about
        assert {name: about["algorithm"] for name, about in found.items()} == {"forest": "tree", "line": "linear", "probability": "exact"}
        assert "64 coalitions" in found["probability"]["why"]

    def test_many_features_of_an_unknown_model_are_walked_through(self):
        rng = np.random.default_rng(0)
        game = game_of(valued(lambda x: x[:, 0]), world(*np.split(rng.standard_normal((12, 9)), [2])))
        about = EXPLAINERS["shap"](permutations=2)(game, Streams(0)).about
        assert about["algorithm"] == "permutation"
        assert "not made of trees" in about["why"]

    def test_an_algorithm_that_does_not_fit_is_not_applicable(self):
        model, data = classification(LogisticRegression())
        with pytest.raises(NotApplicable, match="tree algorithm does not fit"):
            EXPLAINERS["shap"](algorithm="tree")(game_of(model, data), Streams(0))

    def test_permutation_can_be_asked_for(self):
        model, data = classification(LogisticRegression())
        forced = EXPLAINERS["shap"](algorithm="permutation", permutations=1)(game_of(model, data), Streams(0))
        np.testing.assert_allclose(forced.values, EXPLAINERS["shap"]()(game_of(model, data), Streams(0)).values, atol=1e-9)


class TestIntegratedGradients:
    def test_equals_captum_called_by_hand(self):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        x, background = np.split(np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32).astype(float), [3])
        found = EXPLAINERS["integrated_gradients"](steps=20)(game_of(torch_value(net, 4), world(x, background)), Streams(0))
        by_hand = np.zeros((3, 4))
        for baseline in background:
            base = torch.tensor(baseline[None], dtype=torch.float32)
            rows = torch.tensor(x, dtype=torch.float32)
            by_hand += IntegratedGradients(net).attribute(rows, base.expand(3, 4), target=0, n_steps=20).detach().numpy() / len(background)
        np.testing.assert_allclose(found.values, by_hand, atol=1e-6)

    def test_one_hot_columns_are_summed_back_and_still_add_up(self):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.standard_normal(200), "job": rng.choice(["x", "y", "z"], 200)})
        y = (frame["a"] + (frame["job"] == "x") > 0.3).astype(int).to_numpy()
        from xai_compare.data.tabular import as_frame, as_table, assemble

        table = as_table(as_frame(frame), y)
        data = assemble(table, table, "classification", ("0", "1"), (10, 5), Streams(0))
        model, _ = KINDS["mlp"].fit("net", data, {"hidden": [8], "epochs": 40}, 0)
        game = game_of(model, data, 1)
        found = EXPLAINERS["integrated_gradients"](steps=100)(game, Streams(0))
        assert found.values.shape == (5, 2)
        np.testing.assert_allclose(found.values.sum(axis=1), game.full() - game.empty(), rtol=0.01, atol=0.01)

    def test_a_coarse_integral_is_called_degraded(self):
        class Kink(torch.nn.Module):
            def forward(self, x):
                return torch.relu(x.sum(dim=1, keepdim=True) - 0.9)

        found = EXPLAINERS["integrated_gradients"](steps=2)(game_of(torch_value(Kink(), 2), world([[0.6, 0.7]], [[0.0, 0.0]])), Streams(0))
        assert "raise steps" in found.about["degraded"]

    def test_needs_gradients(self):
        model, data = classification(LogisticRegression())
        with pytest.raises(NotApplicable, match="gradients"):
            EXPLAINERS["integrated_gradients"]()(game_of(model, data), Streams(0))


class TestPermutationImportance:
    def test_equals_scikit_learn_with_the_same_permutations(self):
        frame, y = classified()
        data = world(frame, frame.head(20), y=y.astype(np.int64), task="classification", classes=("0", "1"))
        estimator = LogisticRegression().fit(frame, y)
        model = adapt("model", estimator, data.background_inputs())
        found = EXPLAINERS["permutation_importance"](repeats=3)(game_of(model, data), Streams(0))
        orders = [Streams(0).at(repeat).shared().permutation(len(frame)) for repeat in range(3)]

        def loss(fitted, rows, outcomes):
            own = fitted.predict_proba(rows)[np.arange(len(outcomes)), outcomes]
            return np.log(np.clip(own, np.finfo(float).eps, 1)).mean()

        expected = []
        for j in range(6):
            drops = []
            for order in orders:
                shuffled = frame.copy()
                shuffled.iloc[:, j] = frame.iloc[order, j].to_numpy()
                drops.append(loss(estimator, frame, y) - loss(estimator, shuffled, y))
            expected.append(np.mean(drops))
        np.testing.assert_allclose(found.values[0], expected, atol=1e-12)
        theirs = permutation_importance(estimator, frame, y, scoring=loss, n_repeats=30, random_state=0).importances_mean
        np.testing.assert_allclose(found.values[0], theirs, atol=0.05)

    def test_needs_outcomes_and_probabilities(self):
        from sklearn.svm import LinearSVC

        model, data = classification(LogisticRegression())
        with pytest.raises(NotApplicable, match="known outcomes"):
            EXPLAINERS["permutation_importance"]()(game_of(model, data), Streams(0))
        frame, y = classified()
        data = world(frame.head(9), frame.tail(9), y=y[:9].astype(np.int64), task="classification", classes=("0", "1"))
        machine = adapt("svm", LinearSVC().fit(frame, y), data.background_inputs())
        with pytest.raises(NotApplicable, match="no probabilities"):
            EXPLAINERS["permutation_importance"]()(game_of(machine, data), Streams(0))
