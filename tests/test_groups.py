"""Several columns that count as one feature, and models that are given fewer columns than others."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import xai_compare as xc
from tests.made import TABULAR, data_of, mixed, numbers, outcome, study_of
from xai_compare.config import study_from_dict
from xai_compare.data.tabular import grouped
from xai_compare.errors import DataError, ModelError, StudyError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models.adapt import adapt
from xai_compare.models.narrow import without
from xai_compare.models.trained import Training
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams

BODY = {"body": ("height", "weight")}


def people(groups=None):
    frame = mixed(120)
    y = (outcome(frame) == "yes").astype(np.int64)
    return grouped(data_of(frame, y, ("no", "yes"), (6, 5)), BODY if groups is None else groups), frame, y


def fitted(kind: str):
    data, frame, y = people()
    encode = ColumnTransformer([("town", OneHotEncoder(sparse_output=False), ["town"])], remainder="passthrough")
    core = {"line": LogisticRegression(max_iter=5000), "forest": RandomForestClassifier(10, random_state=0)}[kind]
    return adapt("m", make_pipeline(encode, core).fit(frame, y), data.background_inputs()), data


def game_of(model, data) -> Game:
    n = len(data.explain)
    return Game(model, data, data.cases(), np.arange(n), np.ones(n, dtype=np.int64), model.native)


def by_orders(model, data) -> np.ndarray:
    """Shapley values of the features of `people`, from all their orders and hand-made frames."""
    cases, fill = data.cases().reset_index(drop=True), data.background_inputs().reset_index(drop=True)
    members = [["height", "weight"], ["children"], ["town"], ["owner"]]

    def v(case: int, shown: tuple[int, ...]) -> float:
        rows = fill.copy()
        for feature in shown:
            for column in members[feature]:
                rows[column] = cases[column].iloc[case]
        return float(model.predict(rows.astype(cases.dtypes.to_dict()), model.native)[:, 1].mean())

    out = np.zeros((len(cases), 4))
    for i in range(len(cases)):
        known = {frozenset(some): v(i, some) for k in range(5) for some in permutations(range(4), k)}
        for order in permutations(range(4)):
            for place, feature in enumerate(order):
                out[i, feature] += known[frozenset(order[: place + 1])] - known[frozenset(order[:place])]
    return out / 24


class TestGroups:
    def test_a_group_is_one_feature_where_its_first_column_stands(self):
        data, frame, _ = people({"pair": ("owner", "weight")})
        space = data.space
        assert space.names == ("height", "pair", "children", "town")
        assert space.kinds == ("numeric", "group", "numeric", "categorical")
        assert space.feature_of.tolist() == [0, 1, 2, 3, 1]
        assert (space.d, space.columns) == (4, tuple(frame.columns))

    def test_its_columns_are_hidden_together(self):
        data, _, _ = people()
        keep = np.array([[False, True, True, True], [True, False, False, False]])
        hidden = data.space.hide(data.cases(), np.array([0, 1]), keep, "background")
        case, fill, width = data.cases(), data.background_inputs(), len(data.background)
        pd.testing.assert_frame_equal(hidden[["height", "weight"]].head(width), fill[["height", "weight"]])
        assert (hidden["town"].head(width) == case["town"].iloc[0]).all()
        assert (hidden["height"].tail(width) == case["height"].iloc[1]).all()
        assert hidden["town"].tail(width).tolist() == fill["town"].tolist()

    @pytest.mark.parametrize("kind", ["line", "forest"])
    @pytest.mark.parametrize("algorithm", ["exact", "permutation"])
    def test_shap_values_are_those_of_all_orders(self, kind, algorithm):
        model, data = fitted(kind)
        found = EXPLAINERS["shap"](algorithm=algorithm, permutations=400 if algorithm == "permutation" else 1)(
            game_of(model, data), Streams(0)
        )
        np.testing.assert_allclose(found.values, by_orders(model, data), atol=1e-9 if algorithm == "exact" or kind == "line" else 0.02)

    def test_the_linear_algorithm_adds_the_columns_up(self):
        model, data = fitted("line")
        found = EXPLAINERS["shap"](algorithm="linear")(game_of(model, data), Streams(0))
        np.testing.assert_allclose(found.values, by_orders(model, data), atol=1e-9)

    def test_boosted_trees_read_leaf_by_leaf_are_exact_for_a_group(self):
        frame = numbers(200)
        y = (frame.a * frame.b + frame.c > 0).astype(np.int64)
        data = grouped(data_of(frame, y, ("0", "1"), (8, 6)), {"ab": ("a", "b")})
        model = adapt("m", HistGradientBoostingClassifier(max_iter=15, random_state=0).fit(frame.astype(np.float32), y), frame.head(20))
        tree, exact = (EXPLAINERS["shap"](algorithm=name)(game_of(model, data), Streams(0)) for name in ("tree", "exact"))
        assert tree.about["exact"] is True
        np.testing.assert_allclose(tree.values, exact.values, atol=1e-6)

    def test_permutation_importance_moves_the_columns_of_a_group_together(self):
        """A sum of two columns: permuted together the mean rise of the squared error is twice the variance of their sum."""
        frame = pd.DataFrame(np.random.default_rng(0).standard_normal((4000, 3)), columns=list("abc"))
        y = (frame.a - frame.b).to_numpy()
        data = grouped(data_of(frame, y, (), (10, 4)), {"ab": ("a", "b")})
        model = adapt("m", LinearRegression().fit(frame, y), frame.head(20))
        game = Game(model, data, data.cases(), np.arange(4), np.zeros(4, dtype=np.int64), "value")
        found = EXPLAINERS["permutation_importance"]()(game, Streams(0))
        np.testing.assert_allclose(found.values[0], [2 * y.var(), 0.0], rtol=0.05, atol=1e-9)
        closed = adapt("m", lambda rows: np.asarray(rows["a"] - rows["b"]), frame.head(20), ())
        again = EXPLAINERS["permutation_importance"]()(
            Game(closed, data, data.cases(), np.arange(4), np.zeros(4, dtype=np.int64), "value"), Streams(0)
        )
        np.testing.assert_allclose(again.values, found.values, atol=1e-9)

    @pytest.mark.parametrize("name", ["lime", "occlusion", "model_importance"])
    def test_every_method_answers_in_features(self, name):
        model, data = fitted("line")
        assert EXPLAINERS[name]()(game_of(model, data), Streams(0)).values.shape == (5, 4)

    def test_lime_gives_a_group_the_sum_of_its_columns(self):
        model, data = fitted("line")
        plain = EXPLAINERS["lime"](samples=500)(game_of(model, replace(data, space=replace(data.space, groups={}))), Streams(0))
        found = EXPLAINERS["lime"](samples=500)(game_of(model, data), Streams(0))
        np.testing.assert_allclose(found.values[:, 0], plain.values[:, :2].sum(axis=1))
        np.testing.assert_allclose(found.values[:, 1:], plain.values[:, 2:])

    @pytest.mark.parametrize(
        ("groups", "message"),
        [
            ({"body": ("height", "wieght")}, "did you mean 'weight'"),
            ({"town": ("height", "weight")}, "has the name of a column that is not in it"),
        ],
    )
    def test_what_makes_no_group_is_refused(self, groups, message):
        with pytest.raises(DataError, match=message):
            people(groups)

    def test_a_column_in_two_groups_is_a_problem_of_the_study(self):
        with pytest.raises(StudyError, match=r"data\.groups\.q\[0\]: 'b' counts towards data\.groups\.p already"):
            study_from_dict(study_of(data={"source": "sklearn:iris", "groups": {"p": ["a", "b"], "q": ["b", "c"]}}))

    def test_a_comparison_in_memory_and_its_report(self):
        _, frame, y = people()
        models = {
            name: make_pipeline(
                ColumnTransformer([("town", OneHotEncoder(sparse_output=False), ["town"])], remainder="passthrough"), core
            ).fit(frame, y)
            for name, core in {"line": LogisticRegression(max_iter=5000), "forest": RandomForestClassifier(10, random_state=0)}.items()
        }
        options = {"explainers": ["shap", "lime"], "data": {"explain": 8, "groups": BODY}, "report": {"show_values": True}}
        audit = xc.compare(models, frame, y, background=frame, study=options)
        assert audit.failed == ()
        assert audit.results.features == ("body", "children", "town", "owner")
        assert audit.results.cases.values[0][0].startswith("height ")
        assert audit.report["scope"]["features"][0]["kind"] == "group"


class TestOtherColumns:
    @pytest.mark.parametrize("kind", TABULAR)
    def test_what_a_model_is_not_given_gets_nothing(self, kind):
        frame = mixed(150)
        y = (outcome(frame) == "yes").astype(np.int64)
        classes = ("no", "yes") if "classification" in KINDS[kind].tasks else ()
        data = data_of(frame, y if classes else y.astype(float), classes, (6, 5))
        small = {
            "mlp": {"epochs": 5},
            "random_forest": {"n_estimators": 5},
            "extra_trees": {"n_estimators": 5},
            "catboost": {"iterations": 10},
        }
        training = Training("m", kind, 0, small.get(kind, {}), ("weight", "town"))
        model, content = training.train(data)
        assert model.unseen == ("weight", "town")
        assert {"refit"} <= model.offers
        other = data.test.inputs.assign(weight=0.0, town="Bonn")
        np.testing.assert_array_equal(model.predict(other, model.native), model.predict(data.test.inputs, model.native))
        np.testing.assert_array_equal(
            training.restore(content, data).predict(data.test.inputs, model.native), model.predict(data.test.inputs, model.native)
        )
        assert not {1, 3} & set(model.owner.tolist())
        n = len(data.explain)
        game = Game(model, data, data.cases(), np.arange(n), np.full(n, max(len(classes) - 1, 0)), model.native)
        loss = ["permutation_importance"] if {"probability", "value"} & model.offers else []
        for name in ("shap", "lime", "occlusion", *loss):
            found = EXPLAINERS[name]()(game, Streams(0))
            np.testing.assert_allclose(found.values[:, [1, 3]], 0, atol=1e-12, err_msg=name)
            assert np.abs(found.values[:, [0, 2, 4]]).max() > 0, name

    def test_it_is_the_model_of_the_narrow_table(self):
        frame = mixed(150)
        y = (outcome(frame) == "yes").astype(np.int64)
        data = data_of(frame, y, ("no", "yes"))
        model, _ = Training("m", "logistic_regression", 0, {}, ("town",)).train(data)
        narrow, _ = KINDS["logistic_regression"].fit("m", without(data, ("town",)), {}, 0)
        np.testing.assert_array_equal(model.predict(frame, "probability"), narrow.predict(frame.drop(columns="town"), "probability"))

    def test_another_seed_and_other_rows_train_another_model(self):
        frame = numbers(80)
        y = (frame.a + frame.b > 0).astype(np.int64).to_numpy()
        data = data_of(frame, y, ("0", "1"))
        model, _ = Training("m", "random_forest", 0, {"n_estimators": 5}).train(data)
        same, seeded = model.refit(data), model.refit(data, seed=1)
        flipped = model.refit(replace(data, train=replace(data.train, y=1 - y)))
        np.testing.assert_array_equal(same.predict(frame, "probability"), model.predict(frame, "probability"))
        assert (seeded.predict(frame, "probability") != model.predict(frame, "probability")).any()
        assert (flipped.decide(frame) == 1 - y).mean() > 0.9

    def test_in_python_a_model_fitted_on_fewer_columns_is_taken_as_it_is(self):
        frame = numbers(80)
        y = (frame.a + frame.b > 0).astype(np.int64)
        models = {"all": LogisticRegression().fit(frame, y), "fewer": LogisticRegression().fit(frame[["c", "a"]], y)}
        options = {"explainers": ["shap", "lime"], "metrics": ["additive_fit"], "data": {"explain": 8}}
        audit = xc.compare(models, frame, y, background=frame, study=options)
        assert audit.failed == ()
        assert (audit.results.attributions["fewer", "lime"].values[:, [1, 3]] == 0).all()
        assert audit.results.models[1].about["unseen"] == ["b", "d"]
        told = [line for line in audit.report["limits"] if "fewer" in str(line) and "b, d" in str(line)]
        assert told, "the report says which columns a model is not given"

    def test_a_loaded_model_without_column_names_is_told_what_it_was_trained_on(self, tmp_path):
        import skops.io

        frame = numbers(80).round(6)
        y = np.where(frame.a + frame.b > 0, "yes", "no")
        frame.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
        skops.io.dump(LogisticRegression().fit(frame[["a", "b", "d"]].to_numpy(), y), tmp_path / "m.skops")
        from xai_compare.run.plan import plan_study

        data = {"path": str(tmp_path / "t.csv"), "target": "y"}
        study = study_of(data=data, models=[{"name": "m", "load": str(tmp_path / "m.skops"), "drop": ["c"]}])
        model = plan_study(study_from_dict(study)).given["m"]
        assert model.unseen == ("c",)
        assert model.owner.tolist() == [0, 1, 3]

    @pytest.mark.parametrize(("drop", "message"), [(["e"], "drop names the column 'e'"), (list("abcd"), "leaves the model no column")])
    def test_what_cannot_be_dropped_is_refused(self, drop, message):
        with pytest.raises(ModelError, match=message):
            without(data_of(numbers()), drop)

    def test_the_place_in_the_study_is_named(self):
        from xai_compare.run.plan import plan_study

        study = study_of()
        study["models"][1]["drop"] = ["petals"]
        with pytest.raises(StudyError, match=r"models\[1\]\.drop: drop names the column 'petals'"):
            plan_study(study_from_dict(study))
