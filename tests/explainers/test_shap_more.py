"""SHAP's other games and spaces: along the paths of trees, and stretched to probabilities; Owen values by clusters."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
import shap
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from tests.toys import brute_force_shapley, classified, game_of, valued, world
from xai_compare.data.tabular import grouped
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers.shap import exact, partition
from xai_compare.game import Game
from xai_compare.models.adapt import adapt
from xai_compare.models.narrow import Narrow
from xai_compare.streams import Streams

PATHS = {"perturbation": "tree_path_dependent"}


def setting(core, task: str = "two", output=None, target: int = 1, sizes: tuple[int, int] = (4, 20)):
    frame, y = classified()
    raw = (frame["x0"] + frame["x1"] * frame["x2"]).to_numpy()
    outcome = {"two": y, "three": np.digitize(raw, [-0.6, 0.6]), "number": raw}[task]
    classes = tuple(map(str, np.unique(outcome))) if task != "number" else ()
    fitted = core.fit(frame, outcome)
    data = world(
        frame.head(sizes[0]), frame.iloc[100 : 100 + sizes[1]], task="classification" if classes else "regression", classes=classes
    )
    model = adapt("m", fitted, data.background_inputs())
    return game_of(model, data, target if classes else 0, output=output), fitted


def along_paths(tree, row, shown, node: int = 0):
    """What a tree says when only some columns are shown: both branches, in the proportion of its training rows, at the others."""
    if tree.children_left[node] < 0:
        return tree.value[node, 0]
    left, right, column = tree.children_left[node], tree.children_right[node], tree.feature[node]
    if column in shown:
        return along_paths(tree, row, shown, left if np.float32(row[column]) <= tree.threshold[node] else right)
    weight = tree.weighted_n_node_samples
    both = [weight[child] * along_paths(tree, row, shown, child) for child in (left, right)]
    return (both[0] + both[1]) / weight[node]


def by_definition(says, d: int = 6) -> np.ndarray:
    """(d,) Shapley values of a set function."""
    out = np.zeros(d)
    for j in range(d):
        others = [k for k in range(d) if k != j]
        for size in range(d):
            weight = factorial(size) * factorial(d - size - 1) / factorial(d)
            out[j] += sum(weight * (says({*s, j}) - says(set(s))) for s in combinations(others, size))
    return out


every_boosting = pytest.mark.parametrize(
    "core",
    [
        GradientBoostingClassifier(n_estimators=9, random_state=0),
        HistGradientBoostingClassifier(max_iter=9),
        XGBClassifier(n_estimators=9, n_jobs=1),
        LGBMClassifier(n_estimators=9, n_jobs=1, verbose=-1),
        CatBoostClassifier(iterations=9, verbose=0, thread_count=1, allow_writing_files=False),
    ],
    ids=lambda core: type(core).__name__,
)


class TestPaths:
    @pytest.mark.parametrize(
        ("core", "task", "read"),
        [
            (DecisionTreeClassifier(max_depth=4, random_state=0), "two", lambda fitted, x, s: along_paths(fitted.tree_, x, s)[1]),
            (DecisionTreeClassifier(max_depth=4, random_state=0), "three", lambda fitted, x, s: along_paths(fitted.tree_, x, s)[1]),
            (DecisionTreeRegressor(max_depth=4, random_state=0), "number", lambda fitted, x, s: along_paths(fitted.tree_, x, s)[0]),
            (
                RandomForestRegressor(5, max_depth=4, random_state=0),
                "number",
                lambda fitted, x, s: np.mean([along_paths(each.tree_, x, s)[0] for each in fitted.estimators_]),
            ),
            (
                RandomForestClassifier(5, max_depth=4, random_state=0),
                "two",
                lambda fitted, x, s: np.mean([along_paths(each.tree_, x, s)[1] for each in fitted.estimators_]),
            ),
            (
                GradientBoostingRegressor(n_estimators=6, random_state=0),
                "number",
                lambda fitted, x, s: (
                    fitted.init_.constant_[0, 0] + sum(0.1 * along_paths(each.tree_, x, s)[0] for each in fitted.estimators_[:, 0])
                ),
            ),
        ],
        ids=["tree", "three classes", "regression", "forest", "voted", "boosting"],
    )
    def test_equal_the_definition_along_the_paths(self, core, task, read):
        game, fitted = setting(core, task)
        found = EXPLAINERS["shap"](**PATHS)(game, Streams(0))
        rows = game.inputs.to_numpy()
        for i in range(game.n):
            expected = by_definition(lambda shown, i=i: read(fitted, rows[i], shown))
            np.testing.assert_allclose(found.values[i], expected, atol=1e-6)
            assert found.base[i] == pytest.approx(read(fitted, rows[i], set()), abs=1e-6)
        assert (found.about["algorithm"], found.about["exact"]) == ("tree", False)
        assert found.about["perturbation"] == "tree_path_dependent"
        assert "training rows" in found.about["path_dependent"]
        assert "degraded" not in found.about

    @pytest.mark.parametrize("target", [0, 1])
    @every_boosting
    def test_boosted_classifiers_add_up_from_a_base_of_their_own(self, core, target):
        game, _ = setting(core, target=target)
        found = EXPLAINERS["shap"](**PATHS)(game, Streams(0))
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-5)
        assert "degraded" not in found.about
        assert np.abs(found.base - game.empty()).max() > 1e-3
        other = EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
        assert other.about["perturbation"] == "interventional"
        assert np.abs(found.values - other.values).max() > 1e-3

    def test_boosters_give_the_librarys_own(self):
        game, _ = setting(XGBClassifier(n_estimators=9, n_jobs=1))
        own = EXPLAINERS["shap"](algorithm="contributions")(game, Streams(0))
        np.testing.assert_array_equal(EXPLAINERS["shap"](**PATHS)(game, Streams(0)).values, own.values)
        assert own.about["perturbation"] == "tree_path_dependent"

    def test_a_vote_of_trees_is_the_average(self):
        members = [("a", DecisionTreeRegressor(max_depth=3, random_state=0)), ("b", DecisionTreeRegressor(max_depth=5, random_state=0))]
        game, _ = setting(VotingRegressor(members), "number")
        apart = [EXPLAINERS["shap"](**PATHS)(setting(member, "number")[0], Streams(0)) for _, member in members]
        found = EXPLAINERS["shap"](**PATHS)(game, Streams(0))
        np.testing.assert_allclose(found.values, np.mean([each.values for each in apart], axis=0), atol=1e-9)
        np.testing.assert_allclose(found.base, np.mean([each.base for each in apart], axis=0), atol=1e-9)

    def test_models_without_trees_are_never_explained_otherwise(self):
        with pytest.raises(NotApplicable, match="no path-dependent values"):
            EXPLAINERS["shap"](**PATHS)(setting(LogisticRegression())[0], Streams(0))
        with pytest.raises(NotApplicable, match="not in probability"):
            EXPLAINERS["shap"](**PATHS)(setting(XGBClassifier(n_estimators=3, n_jobs=1), output="probability")[0], Streams(0))
        with pytest.raises(XaiCompareError, match="is for trees"):
            EXPLAINERS["shap"](algorithm="kernel", **PATHS)


def stretched_by_hand(game: Game) -> np.ndarray:
    """(n, d) the margin's Shapley values against each background row alone, times that row's ratio of probability to margin."""
    out = np.zeros((game.n, game.d))
    rows = len(game.data.background)
    for b in range(rows):
        alone = game.data.with_background(game.data.background[[b]])
        margin, likely = (Game(game.model, alone, game.inputs, game.cases, game.target, space) for space in ("margin", "probability"))
        ratio = (likely.full() - likely.empty()) / (margin.full() - margin.empty())
        out += ratio[:, None] * exact.values(margin) / rows  # itself held against brute force elsewhere
    return out


class TestStretched:
    @pytest.mark.parametrize("target", [0, 1])
    @every_boosting
    def test_trees_by_name_add_up_to_the_probability_and_say_what_they_are(self, core, target):
        game, _ = setting(core, output="probability", target=target, sizes=(1, 4))
        found = EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
        assert found.about["algorithm"] == "tree"
        assert not found.about["exact"]
        assert "not its Shapley values" in found.about["stretched"]
        assert "degraded" not in found.about
        np.testing.assert_allclose(found.base, game.empty(), atol=1e-12)
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-6)
        np.testing.assert_allclose(found.values, stretched_by_hand(game), atol=1e-6)

    def test_auto_prefers_what_estimates_the_games_own_values(self):
        game, _ = setting(XGBClassifier(n_estimators=40, n_jobs=1), output="probability", sizes=(8, 20))
        expected = brute_force_shapley(game)
        errors = {
            name: np.abs(EXPLAINERS["shap"](algorithm=name)(game, Streams(0)).values - expected).mean() for name in ("tree", "permutation")
        }
        assert errors["tree"] > 2 * errors["permutation"]
        assert EXPLAINERS["shap"]()(game, Streams(0)).about["algorithm"] == "exact"

    def test_three_classes_are_not_stretched(self):
        game, _ = setting(XGBClassifier(n_estimators=3, n_jobs=1), "three", output="probability")
        with pytest.raises(NotApplicable, match="not in probability"):
            EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))


def correlated(n: int = 90, d: int = 7) -> np.ndarray:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((n, d))
    x[:, 1] = x[:, 0] + 0.2 * rng.standard_normal(n)
    x[:, 4] = -x[:, 2] + 0.4 * rng.standard_normal(n)
    x[:, 6] = x[:, 1] + 0.5 * rng.standard_normal(n)
    return x


def tangled(x):
    return np.tanh(x[:, 0] * x[:, 1] * x[:, 2]) + x[:, 3] * x[:, 4] - x[:, 5] * x[:, 6] + x[:, 1]


class TestPartition:
    def test_equals_the_library_with_the_same_clusters(self):
        x = correlated()
        game = game_of(valued(tangled), world(x[:5], x[5:45]))
        found = EXPLAINERS["shap"](algorithm="partition")(game, Streams(0))
        masker = shap.maskers.Partition(x[5:45], max_samples=100, clustering=partition.clustering(game))
        theirs = shap.PartitionExplainer(tangled, masker)(x[:5], max_evals=100_000, fixed_context=None, silent=True)
        np.testing.assert_allclose(found.values, theirs.values, atol=1e-8)
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-12)
        assert np.abs(found.values - brute_force_shapley(game)).max() > 1e-3
        assert (found.about["algorithm"], found.about["exact"]) == ("partition", False)
        assert "not Shapley values" in found.about["owen"]

    def test_one_call_of_the_model_answers_for_all_cases(self):
        x, calls = correlated(), []
        game = game_of(valued(lambda rows: calls.append(len(rows)) or tangled(rows)), world(x[:5], x[5:45]))
        count = partition.asked(partition.clustering(game))
        EXPLAINERS["shap"](algorithm="partition")(game, Streams(0))
        assert len(calls) <= 4
        assert game.rows_spent <= 5 * count * 40

    def test_clusters_follow_the_rank_correlation(self):
        x = correlated()
        game = game_of(valued(tangled), world(x[:5], x[5:]))
        merges = partition.clustering(game)
        assert set(merges[0, :2].astype(int)) == {0, 1}
        assert {2, 4} in [set(row) for row in merges[:3, :2].astype(int)]
        assert (np.diff(merges[:, 2]) >= 0).all()
        bent = game_of(valued(tangled), world(np.exp(x[:5]), np.exp(x[5:])))
        np.testing.assert_array_equal(partition.clustering(bent), merges)

    @pytest.mark.parametrize("d", [1, 2, 8])
    def test_is_shapleys_where_nothing_interacts(self, d):
        x = np.random.default_rng(0).standard_normal((30, d))
        game = game_of(valued(lambda rows: np.sin(rows).sum(axis=1) + rows[:, 0] ** 2), world(x[:4], x[4:]))
        found = EXPLAINERS["shap"](algorithm="partition")(game, Streams(0))
        np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-12)

    def test_categories_stand_alone_and_unrelated_columns_make_a_balanced_tree(self):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({f"c{j}": rng.choice(["x", "y"], 50) for j in range(16)})
        game = game_of(valued(lambda rows: (rows == "x").sum(axis=1).astype(float) ** 2), world(frame.head(3), frame.tail(40)))
        merges = partition.clustering(game)
        assert (merges[:, 2] == 1).all()
        assert partition.asked(merges) == 2 + sum(2**level * 2 ** (level + 1) for level in range(4))
        found = EXPLAINERS["shap"](algorithm="partition")(game, Streams(0))
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-9)
        # A square of a sum has interactions of two only, and is the same for every feature: Shapley's and Owen's values agree.
        walked = EXPLAINERS["shap"](algorithm="permutation", permutations=1)(game, Streams(0))
        np.testing.assert_allclose(found.values, walked.values, atol=1e-9)

    def test_an_estimate_adds_up_keeps_clusters_together_and_converges(self):
        x = correlated()
        game = game_of(valued(tangled), world(x[:5], x[5:25]))
        exactly = EXPLAINERS["shap"](algorithm="partition")(game, Streams(0)).values
        errors = []
        for r in (1, 20, 500):
            found = EXPLAINERS["shap"](algorithm="partition", samples=16, permutations=r)(game, Streams(0))
            assert "estimated" in found.about["owen"]
            np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-10)
            errors.append(np.abs(found.values - exactly).mean())
        assert errors[0] > errors[1] > errors[2]
        assert errors[2] < 0.02 * np.abs(exactly).mean()
        orders = partition._orders(partition.clustering(game), 50, np.random.default_rng(0))
        assert (np.sort(orders, axis=1) == np.arange(7)).all()
        places = np.argsort(orders, axis=1)
        assert (np.abs(places[:, 0] - places[:, 1]) == 1).all()

    def test_a_case_does_not_depend_on_the_others(self):
        x = correlated()
        game = game_of(valued(tangled), world(x[:5], x[5:25]))
        for params in ({}, {"samples": 16}):
            whole = EXPLAINERS["shap"](algorithm="partition", **params)(game, Streams(0)).values
            last = np.array([4])
            alone = Game(game.model, game.data, game.data.cases(last), last, np.array([0]), "value")
            np.testing.assert_array_equal(EXPLAINERS["shap"](algorithm="partition", **params)(alone, Streams(0)).values[0], whole[4])


def terms_by_hand(rows: np.ndarray, powers) -> np.ndarray:
    return np.column_stack([np.prod([rows[:, j] ** p for j, p in enumerate(row)], axis=0) for row in powers])


def split_by_hand(game: Game, w: np.ndarray, powers) -> np.ndarray:
    """(n, d) each term's weight times its way from its mean over the background, in equal parts to the columns in it."""
    cases, fills = (terms_by_hand(rows.to_numpy(), powers) for rows in (game.inputs, game.data.background_inputs()))
    out = np.zeros((game.n, game.d))
    for c, row in enumerate(powers):
        members = np.flatnonzero(row)
        for j in members:
            out[:, j] += w[c] * (cases[:, c] - fills[:, c].mean()) / len(members)
    return out


class TestProducts:
    @pytest.mark.parametrize(("degree", "target"), [(2, lambda x: x.x0 * x.x1), (3, lambda x: x.x0**2 * x.x1 - x.x2)])
    def test_of_a_line_are_split_equally_among_their_columns(self, degree, target):
        frame, _ = classified(d=3)
        pipe = make_pipeline(PolynomialFeatures(degree), LinearRegression()).fit(frame, target(frame))
        data = world(frame.head(5), frame.iloc[100:120])
        game = game_of(adapt("m", pipe, data.background_inputs()), data)
        found = EXPLAINERS["shap"](algorithm="linear")(game, Streams(0))
        by_hand = split_by_hand(game, pipe[-1].coef_, pipe[0].powers_)
        np.testing.assert_allclose(found.values, by_hand, atol=1e-9)
        x, b = frame.head(5), frame.iloc[100:120]  # the same without the helper: one product, half to each of its columns
        whole = target(x) + (x.x2 if degree == 3 else 0) - (target(b) + (b.x2 if degree == 3 else 0)).mean()
        np.testing.assert_allclose(found.values[:, :2], np.column_stack([whole / 2, whole / 2]), atol=1e-9)
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-9)
        np.testing.assert_allclose(found.base, game.empty(), atol=1e-12)
        assert (found.about["algorithm"], found.about["exact"]) == ("linear", False)
        assert "split equally" in found.about["split"]
        assert "degraded" not in found.about

    def test_auto_takes_what_is_right_about_the_game(self):
        game, _ = setting(make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression()))
        found = EXPLAINERS["shap"]()(game, Streams(0))
        assert (found.about["algorithm"], found.about["exact"]) == ("exact", True)
        assert "split" not in found.about
        np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-9)
        named = EXPLAINERS["shap"](algorithm="linear")(game, Streams(0))
        assert np.abs(named.values - found.values).max() > 1e-3

    @pytest.mark.parametrize("target", [0, 2])
    def test_of_three_classes_add_up_in_the_margin(self, target):
        game, _ = setting(make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression()), "three", target=target)
        found = EXPLAINERS["shap"](algorithm="linear")(game, Streams(0))
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-9)
        with pytest.raises(NotApplicable, match="linear in margin, not in probability"):
            EXPLAINERS["shap"](algorithm="linear")(
                setting(make_pipeline(PolynomialFeatures(2), LogisticRegression()), output="probability")[0], Streams(0)
            )

    @pytest.mark.parametrize(
        "core", [RandomForestRegressor(5, max_depth=4, random_state=0), XGBRegressor(n_estimators=9, n_jobs=1)], ids=["forest", "booster"]
    )
    def test_of_trees_are_players_whose_values_are_split(self, core):
        frame, _ = classified(d=2 + 1)
        frame = frame[["x1", "x2"]].rename(columns={"x1": "b", "x2": "a"})
        pipe = make_pipeline(PolynomialFeatures(2, include_bias=False), core).fit(frame, frame.a * frame.b + frame.a)
        table = frame.assign(unused="text")[["a", "unused", "b"]]  # another order, and a column that the model does not know
        data = world(table.head(4), table.iloc[100:110])
        game = game_of(adapt("m", pipe, data.background_inputs()), data)
        found = EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
        encoded = pd.DataFrame(pipe[0].transform(frame), columns=["b", "a", "bb", "ba", "aa"])
        inner, alone = world(encoded.head(4), encoded.iloc[100:110]), clone(core)
        players = brute_force_shapley(
            game_of(adapt("m", alone.fit(encoded, frame.a * frame.b + frame.a), inner.background_inputs()), inner)
        )
        a, b = players[:, [1, 4]].sum(axis=1) + players[:, 3] / 2, players[:, [0, 2]].sum(axis=1) + players[:, 3] / 2
        np.testing.assert_allclose(found.values, np.column_stack([a, np.zeros(4), b]), atol=1e-5)
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-5)
        assert (found.about["algorithm"], found.about["exact"]) == ("tree", False)
        assert "split equally" in found.about["split"]
        assert EXPLAINERS["shap"]()(game, Streams(0)).about["algorithm"] == "exact"
        for params in (PATHS, {"algorithm": "contributions"}):
            with pytest.raises(NotApplicable):
                EXPLAINERS["shap"](**params)(game, Streams(0))

    def test_of_a_group_of_columns_are_summed_and_of_a_column_not_given_are_nothing(self):
        frame, _ = classified(d=4)
        pipe = make_pipeline(PolynomialFeatures(2), LinearRegression()).fit(frame[["x0", "x2", "x3"]], frame.x0 * frame.x2 + frame.x3)
        data = world(frame.head(4), frame.iloc[100:110])
        alone = adapt("m", pipe, data.background_inputs()[["x0", "x2", "x3"]])
        model = Narrow(alone, list(frame.columns), ["x0", "x2", "x3"])
        found = EXPLAINERS["shap"](algorithm="linear")(game_of(model, data), Streams(0)).values
        known = EXPLAINERS["shap"](algorithm="linear")(game_of(adapt("m", pipe, data.background_inputs()), data), Streams(0)).values
        np.testing.assert_allclose(found, known, atol=1e-12)
        assert (found[:, 1] == 0).all()
        together = grouped(data, {"both": ["x2", "x1"]})
        names = list(together.space.names)
        summed = EXPLAINERS["shap"](algorithm="linear")(game_of(model, together), Streams(0)).values
        np.testing.assert_allclose(summed[:, names.index("both")], found[:, 1] + found[:, 2], atol=1e-12)
        np.testing.assert_allclose(summed[:, names.index("x0")], found[:, 0], atol=1e-12)

    def test_a_model_that_mixes_otherwise_is_not_read_by_name_either(self):
        game, _ = setting(make_pipeline(PCA(3), LogisticRegression()))
        for algorithm in ("linear", "tree"):
            with pytest.raises(NotApplicable, match="PCA"):
                EXPLAINERS["shap"](algorithm=algorithm)(game, Streams(0))


class TestLinesInside:
    @pytest.mark.parametrize("target", [0, 1])
    @pytest.mark.parametrize(
        "core",
        [LogisticRegression(), LinearSVC(), make_pipeline(StandardScaler(), RidgeClassifier())],
        ids=lambda core: type(core).__name__,
    )
    def test_of_a_calibrated_line_equal_the_definition_in_the_margin(self, core, target):
        game, fitted = setting(CalibratedClassifierCV(core, cv=3, ensemble=False), target=target)
        found = EXPLAINERS["shap"]()(game, Streams(0))
        assert (game.output, found.about["algorithm"], found.about["exact"]) == ("margin", "linear", True)
        np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-9)
        p = fitted.predict_proba(game.inputs)
        np.testing.assert_allclose(game.full(), np.log(p[:, target] / p[:, 1 - target]), atol=1e-7)

    def test_of_a_vote_of_lines_equal_the_definition(self):
        game, _ = setting(VotingRegressor([("a", LinearRegression()), ("b", Ridge(40.0))], weights=[1, 2]), "number")
        found = EXPLAINERS["shap"]()(game, Streams(0))
        assert (found.about["algorithm"], found.about["exact"]) == ("linear", True)
        np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-9)

    @pytest.mark.parametrize(
        "core",
        [
            CalibratedClassifierCV(LogisticRegression(), cv=3),
            CalibratedClassifierCV(GradientBoostingClassifier(n_estimators=5), cv=3, ensemble=False),
            CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=3, ensemble=False),
        ],
        ids=["several", "boosting", "steps"],
    )
    def test_of_other_calibrated_models_are_the_games_own_in_probability(self, core):
        game, _ = setting(core)
        found = EXPLAINERS["shap"]()(game, Streams(0))
        assert (game.output, found.about["algorithm"]) == ("probability", "exact")
        with pytest.raises(NotApplicable, match="calibration curve"):
            EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
