"""Every family of models from a table with holes and categories to its Shapley values; trees against the definition."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from tests.made import TABULAR
from tests.toys import brute_force_shapley, classified, game_of, world
from xai_compare.data.space import mix_frames
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers.shap.leaves import _paths
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams

CLASSES = {"two": ("no", "yes"), "three": ("low", "middle", "high"), "number": ()}
FAST = {
    "catboost": {"iterations": 30, "learning_rate": 0.3},
    "extra_trees": {"n_estimators": 15},
    "gradient_boosting": {"n_estimators": 30},
    "hist_gradient_boosting": {"max_iter": 30},
    "lightgbm": {"n_estimators": 30},
    "mlp": {"hidden": [16], "epochs": 40, "learning_rate": 0.01},
    "random_forest": {"n_estimators": 15},
    "xgboost": {"n_estimators": 30},
}
WORST = {"two": 0.75, "three": 0.65, "number": 0.2}
"""Score of the weakest kind: area under the curve, its mean over classes, R2."""


@cache
def people(task: str, holes: bool):
    """Six hundred rows: numbers, text of few and of many values, a boolean; missing ones among the numbers and the text."""
    rng, n = np.random.default_rng(0), 450
    frame = pd.DataFrame(rng.standard_normal((n, 3)), columns=["age", "in come", "x[y]"])
    frame["kids"] = rng.integers(0, 4, n)
    frame["job"] = rng.choice(["clerk", "cook", "none", "pilot"], n, p=[0.4, 0.3, 0.29, 0.01])
    frame["owner"] = rng.random(n) < 0.4
    frame["shop"] = [f"s{number}" for number in rng.integers(0, 40, n)]
    signal = frame["age"] * 2 + 0.5 * frame["kids"] + 1.5 * (frame["job"] == "cook") + frame["owner"] + rng.normal(0, 0.3, n)
    if holes:
        frame.loc[rng.random(n) < 0.1, "age"] = np.nan
        frame.loc[rng.random(n) < 0.1, "job"] = None
        frame["owner"] = frame["owner"].astype(object).where(rng.random(n) > 0.1, None)
    cuts = {"two": [1.0], "three": [0.2, 2.0]}.get(task)
    y = signal.to_numpy() * 100 if cuts is None else np.digitize(signal, cuts)
    train, test = as_table(as_frame(frame.head(320)), y[:320]), as_table(as_frame(frame.tail(130)), y[320:])
    return assemble(train, test, "regression" if cuts is None else "classification", CLASSES[task], (12, 3), Streams(0))


def score(model, data) -> float:
    found = model.predict(data.test.inputs, "probability" if "probability" in model.offers else model.native)
    if data.task == "regression":
        return float(r2_score(data.test.y, found[:, 0]))
    return float(np.mean([roc_auc_score(data.test.y == k, found[:, k]) for k in range(1 if len(data.classes) == 2 else 0, found.shape[1])]))


KIND_TASKS = [
    (kind, task) for kind in TABULAR for task in CLASSES if ("regression" if task == "number" else "classification") in KINDS[kind].tasks
]


@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
@pytest.mark.parametrize(("kind", "task"), KIND_TASKS)
def test_every_kind_trains_loads_adapts_and_explains(kind: str, task: str, holes: bool) -> None:
    data = people(task, holes)
    KINDS[kind].check(FAST.get(kind, {}))
    model, content = KINDS[kind].fit("m", data, FAST.get(kind, {}), 0)
    again = KINDS[kind].load("m", content, data)
    assert b"sklearn.pickle" not in content
    rows = data.test.inputs
    for space in sorted(model.offers & {"probability", "margin", "value"}):
        found = model.predict(rows, space)
        np.testing.assert_array_equal(again.predict(rows, space), found)
        np.testing.assert_allclose(model.predict_encoded(model.encode(rows), space), found, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(again.decide(rows) if data.classes else 0, model.decide(rows) if data.classes else 0)
    assert score(model, data) > WORST[task]
    assert sorted(set(model.owner.tolist())) == list(range(7))
    game = game_of(model, data, target=len(data.classes) - 1 if data.classes else 0)
    found = EXPLAINERS["shap"](permutations=1)(game, Streams(0))
    assert found.values.shape == (3, 7)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), rtol=1e-5, atol=1e-5)
    assert "did not add up" not in found.about.get("degraded", "")


@pytest.mark.parametrize("kind", TABULAR)
def test_encoding_mixes_by_column(kind: str) -> None:
    task = "two" if "classification" in KINDS[kind].tasks else "number"
    data = people(task, True)
    model, _ = KINDS[kind].fit("m", data, FAST.get(kind, {}), 0)
    rows = data.test.inputs
    rng = np.random.default_rng(5)
    left, right = rng.integers(len(rows), size=(2, 100))
    keep = rng.random((100, 7)) < 0.5
    mixed = model.encode(mix_frames(rows, left, rows, right, keep))
    encoded = model.encode(rows)
    np.testing.assert_array_equal(mixed, np.where(keep[:, model.owner], encoded[left], encoded[right]))


QUIET = {"verbose": 0, "thread_count": 1, "allow_writing_files": False, "iterations": 30}
FAMILIES = {
    "tree": (DecisionTreeClassifier(min_samples_leaf=3), DecisionTreeRegressor(min_samples_leaf=3)),
    "forest": (RandomForestClassifier(10), RandomForestRegressor(10)),
    "extra trees": (ExtraTreesClassifier(10), ExtraTreesRegressor(10)),
    "boosting": (GradientBoostingClassifier(n_estimators=20), GradientBoostingRegressor(n_estimators=20)),
    "histogram boosting": (HistGradientBoostingClassifier(max_iter=20), HistGradientBoostingRegressor(max_iter=20)),
    "xgboost": (XGBClassifier(n_estimators=30, n_jobs=1), XGBRegressor(n_estimators=30, n_jobs=1)),
    "lightgbm": (LGBMClassifier(n_estimators=30, n_jobs=1, verbose=-1), LGBMRegressor(n_estimators=30, n_jobs=1, verbose=-1)),
    "catboost": (CatBoostClassifier(**QUIET), CatBoostRegressor(**QUIET)),
    "vote": (
        VotingClassifier(
            [("t", DecisionTreeClassifier(max_depth=4)), ("f", RandomForestClassifier(5)), ("x", "drop")], voting="soft", weights=[1, 3, 9]
        ),
        VotingRegressor([("t", DecisionTreeRegressor(max_depth=4)), ("b", GradientBoostingRegressor(n_estimators=9))]),
    ),
}
UNREAD = {("catboost", "three"): "more than two classes"}


def of_family(name: str, task: str, holes: bool):
    frame, y = classified()
    raw = frame["x0"] + frame["x1"] * frame["x2"]
    if holes:
        frame = frame.mask(np.random.default_rng(1).random(frame.shape) < 0.15)
    target = {"two": y, "three": np.digitize(raw, [-0.6, 0.6]), "number": raw * 50 + 1000}[task]
    core = clone(FAMILIES[name][task == "number"])
    fitted = core.set_params(**{key: 0 for key in core.get_params() if key.endswith("random_state")}).fit(frame, target)
    classes = tuple(map(str, np.unique(target))) if task != "number" else ()
    data = world(frame.head(2), frame.iloc[100:106], task="classification" if classes else "regression", classes=classes)
    return adapt("m", fitted, data.background_inputs()), data, fitted, frame


@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
@pytest.mark.parametrize("task", list(CLASSES))
@pytest.mark.parametrize("name", FAMILIES)
def test_trees_equal_the_definition(name: str, task: str, holes: bool) -> None:
    if holes and name in ("boosting", "vote"):
        pytest.skip("takes no missing values")
    model, data, _, _ = of_family(name, task, holes)
    for target in {0, max(0, len(data.classes) - 1)}:
        game = game_of(model, data, target)
        found = EXPLAINERS["shap"]()(game, Streams(0))
        expected = brute_force_shapley(game)
        # Trees of float32 leaves, added up in float32: half a dozen digits of the output.
        np.testing.assert_allclose(found.values, expected, rtol=0, atol=2e-6 * max(1.0, np.abs(game.full()).max()))
        assert found.about["exact"]
        assert "degraded" not in found.about
        assert found.about["algorithm"] == ("exact" if (name, task) in UNREAD else "tree")
    if (name, task) in UNREAD:
        with pytest.raises(NotApplicable, match=UNREAD[name, task]):
            EXPLAINERS["shap"](algorithm="tree")(game_of(model, data), Streams(0))


@pytest.mark.parametrize("name", ["histogram boosting", "lightgbm", "forest", "xgboost", "catboost"])
def test_values_between_two_float32_neighbours_take_their_own_branch(name: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(1 + rng.integers(0, 40, (300, 6)) * 3e-8, columns=[f"x{j}" for j in range(6)])  # float32 knows 1.2e-7
    y = (frame["x0"] > 1 + 6e-7).astype(int)
    core = clone(FAMILIES[name][0]).fit(frame, y)
    data = world(frame.head(20), frame.iloc[100:120], task="classification", classes=("0", "1"))
    model = adapt("m", core, data.background_inputs())
    np.testing.assert_allclose(model.predict(frame, "probability"), core.predict_proba(frame), atol=1e-6)
    found = EXPLAINERS["shap"]()(game_of(model, data, 1), Streams(0))
    assert found.about["algorithm"] == "tree"
    assert "degraded" not in found.about


@pytest.mark.parametrize("task", list(CLASSES))
@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
def test_contributions_are_the_librarys_own_and_say_so(name: str, task: str) -> None:
    model, data, fitted, frame = of_family(name, task, False)
    target = max(0, len(data.classes) - 1)
    game = game_of(model, data, target)
    found = EXPLAINERS["shap"](algorithm="contributions")(game, Streams(0))
    own = by_hand(name, fitted, frame.head(2))
    if own.ndim == 3:
        own = own[:, :, target] - own.mean(axis=2)
    np.testing.assert_allclose(found.values, own[:, :-1], atol=1e-6)
    np.testing.assert_allclose(found.base, own[:, -1], atol=1e-6)
    assert not found.about["exact"]
    assert "training rows" in found.about["path_dependent"]
    assert "degraded" not in found.about
    assert EXPLAINERS["shap"]()(game, Streams(0)).about.get("path_dependent") is None


def by_hand(name: str, fitted, rows) -> np.ndarray:
    if name == "xgboost":
        import xgboost

        phi = fitted.get_booster().predict(xgboost.DMatrix(rows), pred_contribs=True)
    elif name == "lightgbm":
        phi = fitted.predict(rows, pred_contrib=True)
        if phi.shape[1] > 7:
            phi = phi.reshape(len(rows), -1, 7)
    else:
        import catboost

        phi = fitted.get_feature_importance(catboost.Pool(rows), type="ShapValues")
    return np.moveaxis(phi, 1, 2) if phi.ndim == 3 else phi


def few(kind: str, task: str):
    """Two explained people against six others, by a small model with native categories (or one-hot columns)."""
    data = people(task, True)
    data = replace(data.with_background(data.background[:6]), explain=data.explain[:2])
    return KINDS[kind].fit("m", data, {**FAST[kind], **({"iterations": 10} if kind == "catboost" else {})}, 0)[0], data


@pytest.mark.parametrize("task", list(CLASSES))
@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "hist_gradient_boosting", "gradient_boosting"])
def test_boosted_trees_on_categories_and_holes_equal_the_definition(kind: str, task: str) -> None:
    model, data = few(kind, task)
    game = game_of(model, data, max(0, len(data.classes) - 1))
    found = EXPLAINERS["shap"](permutations=1)(game, Streams(0))
    assert (found.about["algorithm"], found.about["exact"]) == ("tree", True)
    assert "leaf by leaf" in found.about["why"]
    assert "degraded" not in found.about
    full = max(1.0, np.abs(game.full()).max())
    np.testing.assert_allclose(found.values, brute_force_shapley(game), rtol=0, atol=(2e-6 if kind == "xgboost" else 1e-12) * full)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "hist_gradient_boosting", "gradient_boosting"])
def test_every_row_finds_the_leaf_that_the_library_finds(kind: str) -> None:
    for task in CLASSES:
        model, data = few(kind, task)
        rows = model.encode(data.test.inputs)
        forest = model.forest()
        total = np.zeros((len(rows), forest.k))
        for tree in forest.trees:
            for value, path in _paths(tree, rows[:, forest.order], np.arange(len(forest.order))):
                met = np.logical_and.reduce(list(path.values())) if path else np.ones(len(rows), dtype=bool)
                total[met, tree.output] += value
        z = model.predict(data.test.inputs, model.native)
        own = z[:, 1:] if task == "two" else z
        total = total - total.mean(axis=1, keepdims=True) if task == "three" else total
        np.testing.assert_allclose(total - total[0], own - own[0], rtol=0, atol=2e-6 * max(1.0, np.abs(own).max()))


@pytest.mark.parametrize("holes", [False, True], ids=["whole", "holes"])
def test_categories_that_are_numbers_keep_their_values(holes: bool) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.standard_normal(300), "code": rng.choice([3.0, 5.0, 9.0, 11.0], 300), "b": rng.standard_normal(300)})
    y = frame["a"] + 2 * frame["code"].isin([5, 11])
    if holes:
        frame.loc[::6, "code"] = np.nan
    core = HistGradientBoostingRegressor(max_iter=20, categorical_features=["code"]).fit(frame, y)
    data = world(pd.concat([frame.head(5), frame.head(1).assign(code=4.0)]), frame.iloc[100:110])  # 4 was never seen
    game = game_of(adapt("m", core, data.background_inputs()), data)
    found = EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
    assert "degraded" not in found.about
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-12)


def test_categories_of_catboost_fall_back_to_the_game_and_say_why() -> None:
    model, data = few("catboost", "two")
    game = game_of(model, data, 1)
    with pytest.raises(NotApplicable, match="categories"):
        EXPLAINERS["shap"](algorithm="tree")(game, Streams(0))
    found = EXPLAINERS["shap"](permutations=2)(game, Streams(0))
    assert found.about["algorithm"] == "permutation"
    assert "categories" in found.about["why"]
    assert "categories" in found.about["degraded"]
    exact = EXPLAINERS["shap"](algorithm="exact")(game, Streams(0))
    np.testing.assert_allclose(exact.values, brute_force_shapley(game), atol=1e-9)


def test_a_parser_that_fails_is_said_and_stepped_around(monkeypatch) -> None:
    import shap

    def broken(*_, **__):
        raise ValueError("could not convert string to float: '[5E-1]'")

    model, data, _, _ = of_family("xgboost", "two", False)
    monkeypatch.setattr(shap, "TreeExplainer", broken)
    found = EXPLAINERS["shap"](permutations=3)(game_of(model, data, 1), Streams(0))
    assert found.about["algorithm"] == "permutation"
    assert not found.about["exact"]
    assert "[5E-1]" in found.about["degraded"]
    with pytest.raises(NotApplicable, match="5E-1"):
        EXPLAINERS["shap"](algorithm="tree")(game_of(model, data, 1), Streams(0))


def test_a_booster_behind_one_hot_columns_hides_whole_features() -> None:
    data = people("two", False)
    data = replace(data.with_background(data.background[:6]), explain=data.explain[:2])
    rows = data.train.inputs
    prepare = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job", "owner", "shop"]), remainder="passthrough")
    pipe = make_pipeline(prepare, XGBClassifier(n_estimators=20, n_jobs=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = adapt("m", pipe.fit(rows, data.train.y), data.background_inputs(), data.classes)
        game = game_of(model, data, 1)
        found = EXPLAINERS["shap"](permutations=1)(game, Streams(0))
    assert (found.about["algorithm"], found.about["exact"]) == ("tree", True)
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-5)


def test_a_target_far_from_zero_is_read_again_in_float64() -> None:
    frame, _ = classified()
    core = clone(FAMILIES["lightgbm"][1]).fit(frame, frame["x0"] + frame["x1"] * frame["x2"] + 1e6)
    data = world(frame.head(3), frame.iloc[100:106])
    game = game_of(adapt("m", core, data.background_inputs()), data)
    found = EXPLAINERS["shap"]()(game, Streams(0))
    assert "leaf by leaf" in found.about["read_again"]
    assert "degraded" not in found.about
    np.testing.assert_allclose(found.values, brute_force_shapley(game), rtol=0, atol=1e-8)


def test_zeros_that_count_as_missing_are_not_read_and_stepped_around() -> None:
    data = people("two", False)
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job"]), ("passthrough", ["age", "kids"]))
    core = LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1, zero_as_missing=True)
    model = adapt("m", make_pipeline(columns, core).fit(data.train.inputs, data.train.y), data.background_inputs())
    game = game_of(model, data, 1)
    found = EXPLAINERS["shap"](permutations=1)(game, Streams(0))
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-9)
    assert "zeros as missing" in found.about["degraded"]
