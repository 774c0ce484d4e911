"""LIME against the lime package itself, driven case by case; and what is ours: rounding, points, blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lime.discretize import QuartileDiscretizer
from lime.lime_tabular import LimeTabularExplainer
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.toys import classified, game_of, valued, world
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers import lime as module
from xai_compare.game import Game
from xai_compare.models.adapt import adapt
from xai_compare.streams import Streams


class KeepsPoints(QuartileDiscretizer):
    """The package's discretizer and its own truncated normal; only a bin that is a single point keeps its value."""

    def get_undiscretize_values(self, feature, values):
        drawn = super().get_undiscretize_values(feature, values)
        low, high = np.array(self.mins[feature])[values], np.array(self.maxs[feature])[values]
        return np.where(low == high, low, drawn)


def by_hand(game, samples, streams):
    """(n, d) coefficients and (n,) fits of the package's explain_instance, a new explainer for each case."""
    space, found = game.data.space, []
    for i in range(game.n):
        row = game.inputs.iloc[[i]]
        both = pd.concat([space.background, row])
        levels = {j: sorted(set(both.iloc[:, j].tolist()), key=str) for j in space.levels}
        known, case = space.to_numbers(space.background, levels), space.to_numbers(row, levels)[0]
        whole = [j for j, kind in enumerate(space.background.dtypes) if kind.kind in "iu"]

        def outputs(numbers, i=i, levels=levels, known=known, case=case, whole=whole):
            numbers = numbers.copy()
            for j in whole:
                seen = np.unique([*known[:, j], case[j]])
                numbers[:, j] = seen[np.abs(numbers[:, [j]] - seen).argmin(axis=1)]
            return game.model.predict(space.from_numbers(numbers, levels), game.output)[:, game.target[i]]

        random_state, names = np.random.RandomState(0), list(space.names)
        theirs = LimeTabularExplainer(
            known,
            mode="regression",
            feature_names=names,
            categorical_features=sorted(levels),
            categorical_names={j: list(map(str, values)) for j, values in levels.items()},
            random_state=random_state,
            discretizer=KeepsPoints(known, sorted(levels), names, random_state=random_state),
        )
        random_state.seed(streams.at("case", int(game.cases[i])).integer())
        explained = theirs.explain_instance(case, outputs, num_features=game.d, num_samples=samples)
        weights = dict(explained.local_exp[1])
        found.append(([weights[j] for j in range(game.d)], explained.score))
    return np.array([values for values, _ in found]), np.array([fit for _, fit in found])


def mixed(n=120):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.standard_normal(n), "b": rng.lognormal(3, 1, n)})
    frame["code"] = rng.choice([10, 20, 70], n)
    frame["count"] = rng.poisson(30, n)
    frame["ties"] = np.where(rng.random(n) < 0.6, 0.0, rng.random(n))  # two quartiles at 0: a bin without width, and an empty one
    frame["year"] = 2020.0
    frame["job"] = rng.choice(["x", "y", "z"], n)
    frame["town"] = pd.Categorical(rng.choice([f"t{k}" for k in range(9)], n))
    frame["flag"] = rng.random(n) > 0.5
    return frame


def numeric(n=120, d=9):
    return pd.DataFrame(np.random.default_rng(1).standard_normal((n, d)), columns=[f"x{j}" for j in range(d)])


TABLES = {
    "numeric": numeric(),
    "few": numeric(d=4),  # the package selects up to six features in another way
    "mixed": mixed(),
    "categorical": mixed()[["job", "town", "flag"]],
    "whole": mixed()[["code", "count"]],
    "constant": mixed()[["a", "year"]],
    "one": mixed()[["b"]],
}


def three_classes(frame):
    """A fitted model with a probability for each of three classes, and the game that asks each case about another one."""
    text = list(frame.select_dtypes(exclude="number").columns)
    number = frame.drop(columns=text).to_numpy()
    signal = np.random.default_rng(2).standard_normal(len(frame)) + (number / (1 + np.abs(number).max(axis=0, initial=0))).sum(axis=1)
    signal += sum(pd.factorize(frame[name])[0] % 2 for name in text)
    y = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    encode = make_column_transformer((OneHotEncoder(), text), remainder="passthrough")
    fitted = make_pipeline(encode, RandomForestClassifier(12, max_depth=5, random_state=0)).fit(frame, y)
    data = world(frame.head(5), frame.tail(80), task="classification", classes=("0", "1", "2"))
    model = adapt("model", fitted, data.background_inputs(), data.classes)
    n = len(data.explain)
    return Game(model, data, data.cases(), np.arange(n), np.arange(n) % 3, "probability")


class TestThePackage:
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("samples", [10, 300])
    def test_equals_explain_instance(self, table, samples):
        game, streams = three_classes(TABLES[table]), Streams(0).at("lime")
        values, fits = by_hand(game, samples, streams)
        found = EXPLAINERS["lime"](samples=samples)(game, streams)
        np.testing.assert_allclose(found.values, values, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.about["mean_local_r2"], fits.mean(), rtol=1e-9)

    def test_equals_it_where_a_case_has_what_the_background_lacks(self):
        background, cases = mixed(80), mixed(3)
        cases["b"], cases["count"] = [1e4, 0.0, 30.0], [500, 0, 33]
        cases["year"], cases["job"] = [2021.0, 0.0, 2020.0], ["new", "x", "newer"]
        model = valued(lambda rows: np.array([np.sin(row[0]) + np.log1p(row[1]) + row[3] * (row[6] != "x") for row in rows]))
        game = game_of(model, world(cases, background))
        values, _ = by_hand(game, 300, Streams(0))
        np.testing.assert_allclose(EXPLAINERS["lime"](samples=300)(game, Streams(0)).values, values, rtol=1e-9, atol=1e-12)

    def test_equals_it_for_a_flat_model_and_for_a_far_offset(self):
        for function, scale in ((lambda x: np.full(len(x), 3.0), 1.0), (lambda x: 1e6 + x[:, 0] * x[:, 1], 1e3)):
            game = game_of(valued(function), world(numeric().head(2), numeric().tail(60)))
            values, _ = by_hand(game, 300, Streams(0))
            np.testing.assert_allclose(EXPLAINERS["lime"](samples=300)(game, Streams(0)).values, values, rtol=1e-9, atol=1e-12 * scale)


class TestBlocks:
    @pytest.mark.parametrize("table", ["numeric", "mixed"])
    def test_a_case_does_not_depend_on_the_others(self, table):
        game = three_classes(TABLES[table])
        whole = EXPLAINERS["lime"](samples=200)(game, Streams(0)).values
        for i in range(game.n):
            at = np.array([i])
            alone = Game(game.model, game.data, game.data.cases(at), at, game.target[at], game.output)
            np.testing.assert_array_equal(EXPLAINERS["lime"](samples=200)(alone, Streams(0)).values[0], whole[i])

    def test_nor_does_it_where_the_model_multiplies_matrices(self):
        frame, y = classified()
        data = world(frame.head(4), frame.iloc[100:140], task="classification", classes=("0", "1"))
        model = adapt("model", LogisticRegression().fit(frame, y), data.background_inputs())
        whole = EXPLAINERS["lime"](samples=200)(game_of(model, data, 1), Streams(0)).values
        last = np.array([3])
        alone = Game(model, data, data.cases(last), last, np.array([1]), "margin")
        np.testing.assert_allclose(EXPLAINERS["lime"](samples=200)(alone, Streams(0)).values[0], whole[3], rtol=1e-12)

    @pytest.mark.parametrize(("block", "calls"), [(100_000, [500]), (250, [200, 200, 100]), (50, [100] * 5)])
    def test_one_call_of_the_model_answers_for_as_many_cases_as_fit(self, monkeypatch, block, calls):
        game, asked = three_classes(TABLES["numeric"]), []
        expected = EXPLAINERS["lime"](samples=100)(game, Streams(0)).values
        monkeypatch.setattr(module, "BLOCK", block)
        predict = game.model.predict
        game.model.predict = lambda rows, output: asked.append(len(rows)) or predict(rows, output)
        np.testing.assert_array_equal(EXPLAINERS["lime"](samples=100)(game, Streams(0)).values, expected)
        assert asked == calls


class TestLime:
    def test_categories_constant_columns_and_booleans_work(self):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.standard_normal(80), "same": 1.0, "job": rng.choice(["x", "y"], 80), "flag": rng.random(80) > 0.5})
        data = world(frame.head(4), frame.tail(40))
        model = valued(lambda rows: np.array([float(row[0]) + 2 * (row[2] == "x") for row in rows]))
        found = EXPLAINERS["lime"](samples=500)(game_of(model, data), Streams(0))
        strong = np.abs(found.values).mean(axis=0)
        assert strong[2] > 10 * max(strong[1], strong[3])

    def test_a_constant_column_keeps_its_value_in_the_neighbourhood(self):
        # The package itself would ask the model about 0 there.
        frame = pd.DataFrame({"a": np.random.default_rng(0).standard_normal(60), "year": 2020.0})
        asked = []
        model = valued(lambda rows: asked.append(np.unique(rows[:, 1])) or rows[:, 0])
        EXPLAINERS["lime"](samples=100)(game_of(model, world(frame.head(2), frame.tail(40))), Streams(0))
        assert np.unique(np.concatenate(asked)).tolist() == [2020.0]

    def test_the_model_sees_the_columns_and_dtypes_of_the_background(self):
        asked = []
        model = valued(lambda rows: np.zeros(len(rows)))
        model.as_array, model.function = False, lambda frame: asked.append(frame) or np.zeros(len(frame))
        data = world(mixed().head(3), mixed().tail(80))
        EXPLAINERS["lime"](samples=50)(game_of(model, data), Streams(0))
        seen, background = asked[0], data.background_inputs()
        assert list(seen.columns) == list(background.columns)
        text = ["job", "town", "flag"]
        assert seen.dtypes[text].tolist() == background.dtypes[text].tolist()
        # The first row of a neighbourhood is the case.
        pd.testing.assert_frame_equal(seen.iloc[::50].reset_index(drop=True), data.cases().reset_index(drop=True), check_dtype=False)

    def test_a_classifier_that_only_decides_is_explained_in_its_margin(self):
        from sklearn.svm import LinearSVC

        frame, y = classified()
        data = world(frame.head(4), frame.tail(60), task="classification", classes=("0", "1"))
        fitted = LinearSVC().fit(frame, y)
        game = game_of(adapt("svm", fitted, data.background_inputs()), data, 1)
        assert game.output == "margin"
        found = EXPLAINERS["lime"](samples=400)(game, Streams(0))
        np.testing.assert_allclose(found.values, by_hand(game, 400, Streams(0))[0], rtol=1e-9, atol=1e-12)


def holed(n=120):
    frame = mixed(n)
    rng = np.random.default_rng(7)
    frame["a"] = frame["a"].mask(rng.random(n) < 0.3)
    frame["count"] = frame["count"].astype("Int64").mask(rng.random(n) < 0.2)
    frame["job"] = frame["job"].astype(object).where(rng.random(n) > 0.25, None)
    frame["town"] = frame["town"].mask(rng.random(n) < 0.15)
    return frame.drop(columns=["flag", "ties"])


def noted(frame, cases, samples=300, seed=0):
    """The attribution, and all neighbourhoods that the model was asked about, (cases, samples) of frames."""
    asked = []
    model = valued(lambda rows: np.zeros(len(rows)))
    model.as_array = False
    model.function = lambda rows: (
        asked.append(rows.copy()) or (rows["b"] + 9.0 * rows["a"].isna() + 5.0 * rows["job"].isna()).to_numpy(float)
    )
    game = game_of(model, world(cases, frame))
    found = EXPLAINERS["lime"](samples=samples)(game, Streams(seed))
    rows = pd.concat([each for each in asked if len(each) >= samples], ignore_index=True)
    return found, [rows.iloc[i * samples : (i + 1) * samples].reset_index(drop=True) for i in range(len(cases))], game


class TestMissing:
    def test_missing_values_are_drawn_as_often_as_they_are(self):
        frame = holed()
        found, rounds, game = noted(frame, frame.head(3), samples=20_000)
        for name in ("a", "count", "job", "town"):
            share = frame[name].isna().mean()
            for rows in rounds:
                assert rows[name].isna().mean() == pytest.approx(share, abs=0.015)
        assert not rounds[0][["b", "code", "year"]].isna().any().any()
        assert rounds[0]["town"].dtype == frame["town"].dtype
        background = game.data.background_inputs()["job"]
        written = {type(value) for value in background[background.isna()].tolist()}
        assert {type(value) for value in rounds[0]["job"][rounds[0]["job"].isna()].tolist()} == written
        known = rounds[0]["count"].dropna().unique()
        assert set(known) <= set(frame["count"].dropna()) | set(frame["count"].head(1).dropna())
        assert found.about["missing"].endswith("a, count, job, town")

    def test_known_values_are_drawn_from_the_packages_bins_of_the_known_ones(self):
        frame = holed()
        _, rounds, _ = noted(frame, frame.head(1), samples=20_000)
        known = frame["a"].dropna().to_numpy()
        bins = QuartileDiscretizer(known[:, None], [], ["a"], random_state=0)
        drawn = rounds[0]["a"].dropna().to_numpy()
        cells = bins.discretize(known[:, None])[:, 0], bins.discretize(drawn[:, None])[:, 0]
        for cell in range(4):
            assert np.mean(cells[1] == cell) == pytest.approx(np.mean(cells[0] == cell), abs=0.015)
        assert known.min() - 1e-9 <= drawn.min()
        assert drawn.max() <= known.max() + 1e-9

    def test_the_coefficients_are_the_ridge_on_the_same_bin_or_missing(self):
        from sklearn.linear_model import Ridge

        simple = holed()[["a", "b", "job"]]
        assert 0 < simple["a"].head(6).isna().sum() < 6
        found, rounds, _ = noted(simple, simple.head(6).reset_index(drop=True), samples=400)
        for i, rows in enumerate(rounds):
            same = np.empty((400, 3))
            for j, name in enumerate(simple.columns):
                own, drawn = simple[name][i], rows[name]
                if pd.isna(own):
                    same[:, j] = drawn.isna()
                elif name == "job":
                    same[:, j] = drawn == own
                else:
                    quartiles = np.percentile(simple[name].dropna(), [25, 50, 75])
                    same[:, j] = (np.searchsorted(quartiles, drawn.to_numpy(float)) == np.searchsorted(quartiles, own)) & drawn.notna()
            width = 0.75 * np.sqrt(3)
            weights = np.sqrt(np.exp(-(((1 - same) ** 2).sum(axis=1)) / width**2))
            outputs = rows["b"] + 9.0 * rows["a"].isna() + 5.0 * rows["job"].isna()
            ridge = Ridge(alpha=1).fit(same, outputs.to_numpy(float), sample_weight=weights)
            np.testing.assert_allclose(found.values[i], ridge.coef_, rtol=1e-8, atol=1e-9)

    def test_what_only_a_case_misses_matches_no_neighbour(self):
        frame = mixed()[["a", "b", "job"]]
        cases = frame.head(2).astype({"job": object})
        cases.loc[0, "a"], cases.loc[1, "job"] = np.nan, None
        found, rounds, _ = noted(frame, cases)
        assert np.isnan(rounds[0]["a"][0])
        assert rounds[0]["a"][1:].notna().all()
        assert rounds[1]["job"].isna().tolist() == [True] + [False] * 299
        assert np.isfinite(found.values).all()

    def test_a_case_does_not_depend_on_the_others(self):
        frame = holed()
        cases = frame.head(5).reset_index(drop=True)
        found, _, game = noted(frame, cases)
        for i in range(5):
            at = np.array([i])
            alone = Game(game.model, game.data, game.data.cases(at), at, game.target[at], game.output)
            np.testing.assert_array_equal(EXPLAINERS["lime"](samples=300)(alone, Streams(0)).values[0], found.values[i])

    def test_a_column_without_any_known_value_is_not_applicable(self):
        frame, _ = classified()
        frame["x0"] = np.nan
        with pytest.raises(NotApplicable, match="no known value of x0"):
            EXPLAINERS["lime"]()(game_of(valued(lambda x: x[:, 1]), world(frame.head(3), frame.tail(20))), Streams(0))
