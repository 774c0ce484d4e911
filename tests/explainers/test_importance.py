"""Importances of models and of permutations, each against the library's own numbers or a sum worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier, XGBRegressor

from tests.toys import classified, game_of, torch_value, valued, world
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.models.adapt import adapt
from xai_compare.streams import Streams


def people(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"job": rng.choice(["x", "y", "z"], n), "age": 40 + 12 * rng.standard_normal(n), "debt": rng.exponential(900.0, n)}
    )
    y = (frame["age"] / 12 + 2 * (frame["job"] == "y") + frame["debt"] / 900 + rng.standard_normal(n) > 5.3).astype(int).to_numpy()
    return frame, y


def prepared(core, scale: bool = False):
    return make_pipeline(
        make_column_transformer((OneHotEncoder(), ["job"]), (StandardScaler() if scale else "passthrough", ["age", "debt"])), core
    )


def of(fitted, frame, classes=("0", "1"), **params):
    task = "classification" if classes else "regression"
    data = world(frame.head(4), frame.iloc[100:160], task=task, classes=classes)
    model = adapt("m", fitted, data.background_inputs(), classes or None)
    game = game_of(model, data)
    found = EXPLAINERS["model_importance"](**params)(game, Streams(0))
    assert game.rows_spent == 0
    assert (found.values == found.values[0]).all()
    assert not found.signed
    return found, data.background_inputs()


class TestLinear:
    def test_coefficients_in_units_of_the_backgrounds_deviation(self):
        frame, y = classified()
        fitted = LinearRegression().fit(frame * [1, 10, 1, 1, 1, 100], y)
        found, background = of(fitted, frame * [1, 10, 1, 1, 1, 100], classes=())
        np.testing.assert_allclose(found.values[0], np.abs(fitted.coef_) * background.to_numpy().std(axis=0), rtol=1e-12)
        assert found.about["kind"] == "coefficients in standardised units"

    def test_units_of_the_columns_do_not_matter(self):
        frame, y = people()
        one = of(prepared(LogisticRegression(C=1e6, max_iter=5000), scale=True).fit(frame, y), frame)[0]
        other = frame.assign(debt=frame["debt"] / 1000, age=frame["age"] + 7)
        two = of(prepared(LogisticRegression(C=1e6, max_iter=5000), scale=True).fit(other, y), other)[0]
        np.testing.assert_allclose(one.values, two.values, rtol=1e-6)

    def test_one_hot_columns_count_as_one_contribution(self):
        frame, y = people()
        fitted = prepared(LogisticRegression(max_iter=5000)).fit(frame, y)
        found, background = of(fitted, frame)
        weights = dict(zip(["x", "y", "z"], fitted[-1].coef_[0, :3], strict=True))
        assert found.values[0, 0] == pytest.approx(background["job"].map(weights).to_numpy().std(), rel=1e-12)
        assert found.values[0, 0] < np.abs(list(weights.values())).sum()

    def test_the_same_constant_on_all_levels_is_no_importance(self):
        frame, y = people()
        fitted = prepared(LogisticRegression(max_iter=5000)).fit(frame, y)
        before = of(fitted, frame)[0].values
        fitted[-1].coef_[0, :3] += 100
        fitted[-1].intercept_ -= 100
        np.testing.assert_allclose(of(fitted, frame)[0].values, before, rtol=1e-9)

    def test_several_classes_are_averaged(self):
        frame, _ = classified()
        y = np.digitize(frame["x0"] + frame["x1"], [-0.5, 0.5])
        fitted = LogisticRegression().fit(frame, y)
        found, background = of(fitted, frame, classes=("0", "1", "2"))
        weights = np.abs(fitted.coef_ - fitted.coef_.mean(axis=0)).mean(axis=0)
        np.testing.assert_allclose(found.values[0], weights * background.to_numpy().std(axis=0), rtol=1e-9)

    def test_a_kind_of_trees_is_not_applicable(self):
        frame, y = classified()
        with pytest.raises(NotApplicable, match="no gain"):
            of(LogisticRegression().fit(frame, y), frame, kind="gain")


class TestTrees:
    @pytest.mark.parametrize(
        "core",
        [
            DecisionTreeClassifier(max_depth=4, random_state=0),
            RandomForestClassifier(9, random_state=0),
            GradientBoostingClassifier(n_estimators=9, random_state=0),
            AdaBoostClassifier(n_estimators=9, random_state=0),
        ],
        ids=lambda core: type(core).__name__,
    )
    def test_scikit_learns_impurity_with_one_hot_columns_summed(self, core):
        frame, y = people()
        fitted = prepared(core).fit(frame, y)
        own = core.feature_importances_
        found = of(fitted, frame)[0]
        np.testing.assert_allclose(found.values[0], [own[:3].sum(), own[3], own[4]], rtol=1e-12)
        assert found.about["kind"] == "impurity"
        with pytest.raises(NotApplicable, match="no count"):
            of(fitted, frame, kind="split")

    def test_a_tree_without_a_split_gives_nothing(self):
        frame, y = people()
        assert (of(prepared(DecisionTreeClassifier(min_samples_split=1000)).fit(frame, y), frame)[0].values == 0).all()

    @pytest.mark.parametrize(("kind", "theirs"), [("auto", "total_gain"), ("gain", "total_gain"), ("split", "weight")])
    def test_xgboost(self, kind, theirs):
        frame, y = people()
        core = XGBClassifier(n_estimators=20, n_jobs=1)
        fitted = prepared(core).fit(frame, y)
        told = core.get_booster().get_score(importance_type=theirs)
        own = np.array([told.get(f"f{j}", 0.0) for j in range(5)]) / sum(told.values())
        found = of(fitted, frame, kind=kind)[0]
        np.testing.assert_allclose(found.values[0], [own[:3].sum(), own[3], own[4]], rtol=1e-6)
        assert ("splits" if kind == "split" else "gain") in found.about["kind"]

    def test_xgboost_counts_no_tree_after_the_best_round(self):
        frame, y = classified()
        core = XGBRegressor(n_estimators=40, learning_rate=0.9, early_stopping_rounds=3, n_jobs=1)
        core.fit(frame.head(100), y[:100], eval_set=[(frame.tail(150), y[150:])], verbose=False)
        assert core.best_iteration + 1 < core.get_booster().num_boosted_rounds()
        told = core.get_booster()[: core.best_iteration + 1].get_score(importance_type="weight")
        own = np.array([told.get(name, 0.0) for name in frame.columns])
        np.testing.assert_allclose(of(core, frame, classes=(), kind="split")[0].values[0], own / own.sum(), rtol=1e-12)

    @pytest.mark.parametrize("kind", ["gain", "split"])
    def test_lightgbm(self, kind):
        frame, y = people()
        core = LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, importance_type=kind)
        fitted = prepared(core).fit(frame, y)
        own = core.feature_importances_ / core.feature_importances_.sum()
        np.testing.assert_allclose(of(fitted, frame, kind=kind)[0].values[0], [own[:3].sum(), own[3], own[4]], rtol=1e-12)

    def test_catboost(self):
        frame, y = people()
        core = CatBoostClassifier(iterations=20, verbose=0, thread_count=1, allow_writing_files=False, cat_features=["job"])
        fitted = core.fit(frame, y)
        found = of(fitted, frame)[0]
        np.testing.assert_allclose(found.values[0], core.get_feature_importance() / 100, rtol=1e-9)
        assert "CatBoost" in found.about["kind"]
        with pytest.raises(NotApplicable, match="no splits"):
            of(fitted, frame, kind="split")

    def test_reordered_columns_keep_their_own_importance(self):
        frame, y = classified()
        core = XGBClassifier(n_estimators=20, n_jobs=1).fit(frame, y)
        one, two = of(core, frame)[0].values[0], of(core, frame[frame.columns[::-1]])[0].values[0]
        np.testing.assert_array_equal(one, two[::-1])


class TestNone:
    @pytest.mark.parametrize(
        ("core", "reason"),
        [
            (KNeighborsClassifier(), "KNeighborsClassifier keeps no importances"),
            (SVC(), "SVC keeps no importances"),
            (HistGradientBoostingClassifier(max_iter=3), "HistGradientBoostingClassifier keeps no importances"),
            (XGBClassifier(booster="gblinear", n_jobs=1), "XGBoost gives no importances"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_models_that_keep_none_say_so(self, core, reason):
        frame, y = classified()
        with pytest.raises(NotApplicable, match=reason):
            of(core.fit(frame, y), frame)

    def test_coefficients_behind_a_link_are_none(self):
        frame, y = classified()
        with pytest.raises(NotApplicable, match="do not add up"):
            of(PoissonRegressor().fit(frame, y), frame, classes=())

    def test_functions_and_nets(self):
        import torch

        frame, _ = classified()
        data = world(frame.head(3), frame.tail(9))
        for model in (valued(lambda x: x[:, 0]), torch_value(torch.nn.Linear(6, 1), 6)):
            with pytest.raises(NotApplicable):
                EXPLAINERS["model_importance"]()(game_of(model, data), Streams(0))


def copies(n: int = 200) -> pd.DataFrame:
    """a, its copy turned round, a copy of that with noise, an independent column, a category that follows a, a constant."""
    rng = np.random.default_rng(3)
    a = rng.standard_normal(n)
    frame = pd.DataFrame({"a": a, "b": -np.exp(a), "c": -np.exp(a) + 0.6 * rng.standard_normal(n), "d": rng.standard_normal(n)})
    frame["job"] = np.where(a > 0, "x", "y")
    return frame.assign(same=1.0)


def permuted(frame, function, y, **params):
    game = game_of(valued(function), world(frame, frame.head(20), y=y))
    return EXPLAINERS["permutation_importance"](**params)(game, Streams(0)), game


class TestPermuted:
    def test_correlated_columns_are_named(self):
        frame = copies()
        found, _ = permuted(frame, lambda x: x[:, 0].astype(float), frame["a"].to_numpy(), repeats=2)
        rank = frame[["a", "b", "c", "d"]].corr(method="spearman")
        strong = [(i, j) for i, j in (("a", "b"), ("a", "c"), ("b", "c")) if abs(rank.loc[i, j]) >= 0.8]
        assert ("a", "b") in strong
        assert ("b", "c") in strong
        assert {tuple(pair["features"]) for pair in found.about["correlated"]} == set(strong)
        assert found.about["correlated"][0] == {"features": ["a", "b"], "spearman": -1.0}
        assert "together" not in found.about

    def test_spearman_equals_scipys_with_ties_and_leaves_missing_pairs_out(self):
        from scipy.stats import spearmanr

        from xai_compare.data.space import TableSpace
        from xai_compare.explainers._correlation import spearman

        frame = pd.DataFrame(np.random.default_rng(0).integers(0, 5, (60, 3)).astype(float)).assign(k=2.0)
        found = spearman(frame, TableSpace(("numeric",) * 4, frame))
        np.testing.assert_allclose(found[:3, :3], spearmanr(frame[[0, 1, 2]].to_numpy()).statistic, atol=1e-12)
        assert (found[3] == [0, 0, 0, 1]).all()
        holes = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.2)
        both = holes[[0, 1]].dropna()
        assert spearman(holes, TableSpace(("numeric",) * 4, holes))[0, 1] == pytest.approx(spearmanr(both[0], both[1]).statistic)
        assert (spearman(frame, TableSpace(("categorical",) * 4, frame)) == np.eye(4)).all()

    def test_clusters_are_the_connected_components(self):
        from scipy.sparse.csgraph import connected_components

        from xai_compare.explainers._correlation import clusters

        for seed in range(20):
            linked = np.random.default_rng(seed).random((12, 12)) < 0.08
            linked |= linked.T | np.eye(12, dtype=bool)
            labels = connected_components(linked, directed=False)[1]
            assert clusters(linked) == sorted(np.flatnonzero(labels == label).tolist() for label in set(labels))

    def test_together_permutes_the_cluster_and_shares_its_rise(self):
        frame = copies()
        y = frame["a"].to_numpy()

        def function(x):
            return (x[:, 0] - x[:, 1] + 0.3 * x[:, 3]).astype(float)

        found, game = permuted(frame, function, y, repeats=4, together=True)
        assert found.about["together"] == [["a", "b", "c"]]
        expected = np.zeros((4, 6))
        values = frame.to_numpy()
        for repeat in range(4):
            order = Streams(0).at(repeat).shared().permutation(len(frame))
            for group in ([0, 1, 2], [3], [4], [5]):
                moved = values.copy()
                moved[:, group] = values[order][:, group]
                rise = ((function(moved) - y) ** 2).mean() - ((function(values) - y) ** 2).mean()
                expected[repeat, group] = rise / len(group)
        np.testing.assert_allclose(found.values[0], expected.mean(axis=0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.about["standard_error"], expected.std(axis=0, ddof=1) / 2, rtol=1e-9, atol=1e-12)
        assert game.rows_spent == len(frame) * (4 * 4 + 1)
        alone, _ = permuted(frame, function, y, repeats=4)
        np.testing.assert_array_equal(alone.values[:, 3:], found.values[:, 3:])

    def test_one_repeat_has_no_interval(self):
        frame = copies()
        found, _ = permuted(frame, lambda x: x[:, 3].astype(float), frame["d"].to_numpy(), repeats=1)
        assert found.about["standard_error"] is None

    def test_the_standard_error_is_that_of_many_runs(self):
        frame = copies()
        y = frame["a"].to_numpy()
        runs = [
            EXPLAINERS["permutation_importance"](repeats=5)(
                game_of(valued(lambda x: x[:, 0].astype(float)), world(frame, frame.head(9), y=y)), Streams(seed)
            )
            for seed in range(60)
        ]
        spread = np.std([run.values[0, 0] for run in runs], ddof=1)
        told = np.mean([run.about["standard_error"][0] for run in runs])
        assert 0.7 < told / spread < 1.3
