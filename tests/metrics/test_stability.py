"""Stability: what a neighbour may be, what knows nothing scores 0, what cannot change scores 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LinearRegression

from tests.toys import torch_value, valued
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import overlap
from xai_compare.models.adapt import adapt
from xai_compare.models.function import FunctionModel
from xai_compare.removal import subset
from xai_compare.run.again import Again
from xai_compare.streams import Streams
from xai_compare.types import Attribution

ALL = ("input_stability", "seed_stability", "background_stability")
W = np.array([2.0, -1.0, 0.5, 3.0, -0.25, 1.5])


def numbers(n, d=6, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).standard_normal((n, d)), columns=[f"x{j}" for j in range(d)])


def data_of(train, test, classes=(), y=None, background=15):
    """Data that explain the whole test table."""
    task = "classification" if classes else "regression"
    train, test = as_frame(train), as_frame(test)
    return assemble(as_table(train, y), as_table(test, None), task, classes, (background, len(test)), Streams(0))


def line(data, w=W):
    """A fitted linear regression with known weights."""
    model = LinearRegression()
    model.coef_, model.intercept_, model.n_features_in_ = w.copy(), 1.5, len(w)
    return adapt("line", model, data.background_inputs())


def sure(function, classes=("no", "yes")):
    """A classifier by the probability of its second class, asked with a frame."""
    return FunctionModel("sure", function, "classification", classes, "probability", as_array=False)


def scored(metric, explainer, model, data, chunk=None, **params):
    """The scores of a method for some cases (numbers in the study) of the data."""
    cases = np.arange(len(data.explain)) if chunk is None else chunk
    game = Game(model, data, data.cases(cases), cases, np.zeros(len(cases), dtype=np.int64), model.native)
    streams = Streams(0).at("explain", "it")
    own = explainer(game, streams)
    again = Again(explainer, "it", game, streams)
    made = METRICS[metric](**params)
    return made(View(data, Streams(0).at("score", metric), tuple(cases.tolist()), (own,), model=model, rerun=again))


def neighbours_of(model, data, **params):
    """(at, the neighbours that the metric asks of, the scores), with an explanation that does not care."""
    asked = []

    def rerun(at, inputs):
        asked.append((at, inputs))
        return Attribution(np.ones((len(at), data.space.d)), np.zeros(len(at), dtype=np.int64), model.native)

    n = len(data.explain)
    own = Attribution(np.tile(np.arange(1.0, 1 + data.space.d), (n, 1)), np.zeros(n, dtype=np.int64), model.native)
    found = METRICS["input_stability"](**params)(
        View(data, Streams(0).at("score", "input_stability"), tuple(range(n)), (own,), model=model, rerun=rerun)
    )
    return (*asked[0], found) if asked else (np.empty(0, dtype=np.int64), None, found)


@dataclass(frozen=True)
class Drawn(EXPLAINERS["random"]):
    """A control of another make."""

    sparse: bool = False
    unsigned: bool = False

    def __call__(self, game, streams):
        values = super().__call__(game, streams).values
        if self.sparse:
            values = values * (np.abs(values) > 0.8)
        return Attribution(np.abs(values) if self.unsigned else values, game.target, game.output, signed=not self.unsigned)


@dataclass(frozen=True)
class Always(EXPLAINERS["saliency"]):
    """The same number for every feature."""

    value: float = 1.0

    def __call__(self, game, streams):
        return Attribution(np.full((game.n, game.d), self.value), game.target, game.output)


class TestOverlap:
    """What all three are made of, by hand."""

    def test_by_hand(self):
        shared, chance = overlap(np.array([[3.0, -1.0]]), np.array([[2.0, 2.0]]))
        # Shares (3/4, -1/4) and (1/2, 1/2): distance 1/4 + 3/4; over both orders the same.
        assert shared[0] == pytest.approx(1 / 2)
        assert chance[0] == pytest.approx(1 / 2)

    def test_chance_is_the_mean_over_all_orders(self):
        from itertools import permutations

        a, b = np.random.default_rng(0).standard_normal((2, 1, 4))
        every = [overlap(a, b[:, list(order)])[0][0] for order in permutations(range(4))]
        assert overlap(a, b)[1][0] == pytest.approx(np.mean(every))


class TestChance:
    @pytest.mark.parametrize("metric", ALL)
    @pytest.mark.parametrize("sparse", [False, True])
    @pytest.mark.parametrize("unsigned", [False, True])
    def test_what_knows_nothing_scores_0_within_3_standard_errors(self, metric, sparse, unsigned):
        data = data_of(numbers(300), numbers(250, seed=1))
        found = scored(metric, Drawn(sparse, unsigned), valued(lambda rows: rows @ W), data, cases=250)
        known = ~np.isnan(found.values)
        assert known.sum() > 150  # sparse controls are 0 throughout now and then, and outlying cases have no neighbour
        over = (found.values - found.chance)[known]
        error = over.std(ddof=1) / np.sqrt(len(over))
        assert abs(over.mean()) <= 3 * error
        assert 0.005 < error / (1 - found.chance[known].mean()) < 0.05  # the test can fail

    @pytest.mark.parametrize("metric", ALL)
    @pytest.mark.parametrize("value", [1.0, 0.0, -2.0])
    def test_a_constant_explanation_has_no_score(self, metric, value):
        found = scored(metric, Always(value=value), valued(lambda rows: rows @ W), data_of(numbers(60), numbers(5, seed=1)))
        assert np.isnan(found.values).all()
        assert set(found.reasons.values()) == {"constant explanation"}

    @pytest.mark.parametrize("metric", ALL)
    def test_of_one_feature_nothing_can_be_said(self, metric):
        data = data_of(numbers(60, 1), numbers(5, 1, seed=1))
        found = scored(metric, EXPLAINERS["occlusion"](), valued(lambda rows: rows[:, 0]), data)
        # One feature has the whole mass; its sign is all that could change, and with it chance.
        assert (np.isnan(found.values) | (found.values == found.chance)).all()


class TestWhatCannotChange:
    def test_exact_values_over_seeds(self):
        data = data_of(numbers(80), numbers(12, seed=1))
        found = scored("seed_stability", EXPLAINERS["shap"](), line(data), data)
        assert (found.values == 1).all()

    def test_saliency_of_a_linear_net_over_inputs(self):
        net = torch.nn.Linear(6, 1)
        data = data_of(numbers(400), numbers(12, seed=1))
        found = scored("input_stability", EXPLAINERS["saliency"](), torch_value(net, 6), data)
        known = np.isfinite(found.values)
        assert known.sum() >= 10  # an outlying case has no neighbour in a regression
        np.testing.assert_allclose(found.values[known], 1, atol=1e-12)
        assert (found.chance[known] < 0.95).all()

    def test_model_wide_methods(self):
        data = data_of(numbers(80), numbers(12, seed=1))
        y = data.test.inputs.to_numpy() @ W
        data = assemble(data.train, as_table(data.test.inputs, y), "regression", (), (15, 12), Streams(0))
        with pytest.raises(NotApplicable, match="gives every case the same values"):
            scored("input_stability", EXPLAINERS["permutation_importance"](), line(data), data)
        found = scored("seed_stability", EXPLAINERS["permutation_importance"](repeats=2), line(data), data)
        assert (found.values == found.values[0]).all()
        assert 0.5 < found.values[0] < 1
        assert (scored("background_stability", EXPLAINERS["permutation_importance"](), line(data), data).values == 1).all()


class TestBackground:
    def test_exact_values_of_a_linear_model_by_hand(self):
        """SHAP is w (x - mean B): the score follows from the means of the other backgrounds alone."""
        from xai_compare.data.tabular import spread_rows

        data = data_of(numbers(80), numbers(12, seed=1))
        found = scored("background_stability", EXPLAINERS["shap"](), line(data), data)
        x, train, streams = data.cases().to_numpy(), data.train.inputs.to_numpy(), Streams(0).at("score", "background_stability")

        def phi(rows):
            return W * (x - train[rows].mean(axis=0))

        others = [spread_rows(None, 80, 15, streams.at("background", run).shared()) for run in range(3)]
        by_hand = np.mean([overlap(phi(data.background), phi(rows))[0] for rows in others], axis=0)
        np.testing.assert_allclose(found.values, by_hand, atol=1e-12)
        assert (found.values < 1).all()
        assert (found.values > found.chance).all()

    def test_needs_other_rows(self):
        data = data_of(numbers(15), numbers(5, seed=1))
        with pytest.raises(NotApplicable, match="15 rows are too few to draw another background of 15"):
            scored("background_stability", EXPLAINERS["shap"](), line(data), data)

    def test_a_class_of_one_row_is_no_trouble(self):
        y = np.array([0] * 30 + [1] * 29 + [2])
        data = data_of(numbers(60), numbers(5, seed=1), ("a", "b", "c"), y, background=4)

        def odds(frame):
            p = 1 / (1 + np.exp(-frame.to_numpy()[:, :3]))
            return p / p.sum(axis=1, keepdims=True)

        found = scored("background_stability", EXPLAINERS["occlusion"](), sure(odds, ("a", "b", "c")), data)
        assert np.isfinite(found.values).all()

    def test_one_background_row(self):
        data = data_of(numbers(60), numbers(5, seed=1), background=1)
        assert (scored("background_stability", EXPLAINERS["shap"](), line(data), data).values < 1).all()


class TestOutcomesOfNeighbours:
    def test_the_prediction_is_kept_of_the_model_itself(self):
        """Also where it is no matter of the largest output."""

        class Careful(FunctionModel):
            def decide(self, inputs):
                return (self.predict(inputs, "probability")[:, 1] > 0.6).astype(np.int64)

        train = numbers(400)
        steep = (lambda f: 1 / (1 + np.exp(-80 * f["x0"] - 3 * f["x1"])), "classification", ("no", "yes"), "probability", False)
        model = Careful("careful", *steep)
        data = data_of(train, numbers(60, seed=1) * 0.1, ("no", "yes"))
        at, inputs, _ = neighbours_of(model, data, cases=60)
        own = model.decide(data.cases())
        np.testing.assert_array_equal(model.decide(inputs), own[at])
        drawn = data.space.neighbours(data.cases(), train, 5, [np.random.default_rng(i) for i in range(60)])
        assert (model.decide(drawn) != np.repeat(own, 5)).mean() > 0.02  # it would not be so by itself
        assert (np.bincount(at, minlength=60) <= 5).all()

    def test_a_case_without_any_says_so(self):
        """Only the explained cases themselves are of class yes, but for those with a large x0: no neighbour can be one."""
        test = numbers(10, seed=1)
        test["x0"] = [-2.0, 0.0, 0.1, -1.0, -0.3, 5.0, 6.0, 7.0, 5.5, 6.5]
        own = set(test["x1"])
        train = numbers(200)
        train.loc[:60, "x0"] = np.linspace(4.5, 8, 61)
        data = data_of(train, test, ("no", "yes"))
        model = sure(lambda f: np.where((f["x0"] > 2.0) | f["x1"].isin(own), 0.9, 0.1))
        at, _, found = neighbours_of(model, data)
        lonely = {case for case, row in enumerate(data.explain) if test["x0"][row] < 2}
        assert len(lonely) == 5
        assert set(at.tolist()) == set(range(10)) - lonely
        assert set(found.reasons) == lonely
        assert set(found.reasons.values()) == {"no neighbour with the same prediction in 20 tries"}
        assert set(np.flatnonzero(np.isnan(found.parts["output_changed"].values))) == lonely

    def test_nobody_has_any(self):
        test = numbers(4, seed=1)
        data = data_of(numbers(200), test, ("no", "yes"))
        at, _, found = neighbours_of(sure(lambda f: f["x1"].isin(set(test["x1"])) * 0.8 + 0.1), data)
        assert not len(at)
        assert np.isnan(found.values).all()
        assert len(found.reasons) == 4

    def test_in_a_regression_the_output_stays_within_a_tenth_of_its_deviation(self):
        model, train = valued(lambda rows: 40 * rows[:, 0] + rows[:, 1]), numbers(300)
        data = data_of(train, numbers(40, seed=1))
        at, inputs, _ = neighbours_of(model, data, cases=40)
        spread = model.predict(data.background_inputs(), "value").std()
        moved = np.abs(model.predict(inputs, "value")[:, 0] - model.predict(data.cases(), "value")[at, 0])
        assert moved.max() <= 0.1 * spread
        drawn = data.space.neighbours(data.cases(), train, 5, [np.random.default_rng(i) for i in range(40)])
        wild = np.abs(model.predict(drawn, "value")[:, 0] - np.repeat(model.predict(data.cases(), "value")[:, 0], 5))
        assert (wild > 0.1 * spread).any()

    @pytest.mark.parametrize(
        ("function", "share"),
        [
            (lambda f: 0.2 + 0 * f["x0"], 0),  # constant
            (lambda f: 0.5 + 0.4 * np.tanh(f["x0"] / 9), 1),
            (lambda f: 0.5 + 0.3 * f["x5"], 0),  # a column of one value
            (lambda f: 0.5 + 0.4 * np.tanh(f["x0"] * 1e-9) + 0.3 * (f["x1"] > 0), 0),  # dust beside the model's spread
        ],
        ids=["constant", "everything", "constant column", "dust"],
    )
    def test_share_of_neighbours_that_move_the_output(self, function, share):
        even = np.linspace(-3, 3, 300)
        train, test = numbers(300).assign(x0=even, x5=1.0), numbers(12, seed=1).assign(x0=even[::25], x5=1.0)
        _, _, found = neighbours_of(sure(function), data_of(train, test, ("no", "yes")))
        np.testing.assert_allclose(found.parts["output_changed"].values, share)

    def test_in_a_regression_dust_is_no_move_either(self):
        data = data_of(numbers(300), numbers(12, seed=1))
        _, _, found = neighbours_of(valued(lambda rows: 1e-9 * rows[:, 0] + (rows[:, 1] > 0)), data)
        known = np.isfinite(found.values)
        assert known.any()
        assert (found.parts["output_changed"].values[known] == 0).all()


class TestMaxSensitivity:
    """The largest relative change over the neighbours of a case; they are explained once."""

    def found(self, own, again, data=None):
        """(case of each neighbour, neighbours, the part) for an explanation of the cases and one of the neighbours."""
        data = data or data_of(numbers(300), numbers(6, seed=1), ("no", "yes"))
        asked = []

        def rerun(at, inputs):
            asked.append((at, inputs.to_numpy()))
            return Attribution(again(at, inputs.to_numpy()), np.zeros(len(at), dtype=np.int64), "probability")

        n = len(data.explain)
        mine = Attribution(own(data.cases().to_numpy()), np.zeros(n, dtype=np.int64), "probability")
        model = sure(lambda f: np.full(len(f), 0.7))
        view = View(data, Streams(0), tuple(range(n)), (mine,), model=model, rerun=rerun)
        scores = METRICS["input_stability"]()(view)
        assert len(asked) == 1
        return (*asked[0], scores.parts["max_sensitivity"])

    def test_by_a_loop(self):
        data = data_of(numbers(300), numbers(6, seed=1), ("no", "yes"))
        at, inputs, part = self.found(np.tanh, lambda at, x: np.tanh(x), data)
        own = np.tanh(data.cases().to_numpy())
        for i, value in enumerate(part.values):
            moves = [np.sqrt(((np.tanh(x) - own[i]) ** 2).sum() / (own[i] ** 2).sum()) for x in inputs[at == i]]
            assert len(moves) == 5
            assert value == pytest.approx(max(moves))
        assert part.chance is None
        assert part.ceiling is None

    def test_of_what_does_not_change_is_0(self):
        for value in (1.0, -3.0):  # also of a constant explanation, whose overlap has no score
            _, _, part = self.found(lambda x, v=value: np.full_like(x, v), lambda at, x, v=value: np.full_like(x, v))
            assert (part.values == 0).all()

    def test_of_an_explanation_of_zeros_there_is_none(self):
        _, _, part = self.found(lambda x: 0 * x, lambda at, x: x)
        assert np.isnan(part.values).all()
        assert set(part.reasons.values()) == {"all-zero explanation"}

    def test_gradients_of_a_linear_net_do_not_change(self):
        data = data_of(numbers(400), numbers(12, seed=1))
        for explainer, least in (("saliency", 0.0), ("input_x_gradient", 0.01)):
            part = scored("input_stability", EXPLAINERS[explainer](), torch_value(torch.nn.Linear(6, 1), 6), data).parts["max_sensitivity"]
            known = np.isfinite(part.values)
            assert known.sum() >= 10
            assert (part.values[known] >= least).all()
            assert least or part.values[known].max() < 1e-6

    def test_cases_without_a_neighbour_or_beyond_the_fixed_ones_have_none(self):
        data = data_of(numbers(80), numbers(40, seed=1))
        found = scored("input_stability", EXPLAINERS["random"](), sure(lambda f: np.full(len(f), 0.7)), data, cases=9)
        part = found.parts["max_sensitivity"]
        np.testing.assert_array_equal(np.isnan(part.values), np.isnan(found.values))
        assert part.reasons == found.reasons


class TestValuesOfNeighbours:
    def tables(self):
        def made(n, seed):
            rng = np.random.default_rng(seed)
            frame = pd.DataFrame(
                {
                    "real": rng.standard_normal(n),
                    "real32": rng.standard_normal(n).astype(np.float32),
                    "whole": rng.integers(0, 90, n),
                    "small": rng.integers(0, 5, n).astype(np.int8),
                    "wholly": pd.array(rng.integers(0, 90, n), dtype="Int64"),
                    "holes": np.where(rng.random(n) < 0.3, np.nan, rng.standard_normal(n)),
                    "same": np.full(n, 7),
                    "empty": np.full(n, np.nan),
                    "text": rng.choice(["a", "b", "c", "d"], n),
                    "kind": pd.Categorical(rng.choice(["u", "v", "w"], n), categories=["u", "v", "w", "never"]),
                    "flag": rng.random(n) < 0.5,
                    "maybe": pd.array(rng.random(n) < 0.5, dtype="boolean"),
                }
            )
            for name in ("wholly", "text", "kind", "maybe"):
                frame.loc[rng.random(n) < 0.3, name] = None
            return frame

        return made(300, 0), made(40, 1)

    def found(self):
        train, test = self.tables()
        data = data_of(train, test, ("no", "yes"))
        at, inputs, _ = neighbours_of(sure(lambda f: np.full(len(f), 0.7)), data, cases=40)
        assert np.bincount(at).tolist() == [5] * 40
        return train, data.cases().iloc[at].reset_index(drop=True), inputs, data.space.kinds

    def test_are_those_of_the_training_column(self):
        train, _own, inputs, _ = self.found()
        for name in ("real", "real32", "whole", "wholly", "holes", "text", "kind", "maybe"):
            assert set(inputs[name].dropna()) <= set(train[name].dropna()) | set(_own[name].dropna()), name
        for name in ("real", "real32"):  # every number moves, to one that was seen
            assert set(inputs[name]) <= set(train[name])

    def test_missing_stays_missing_and_nothing_goes_missing(self):
        _, own, inputs, _ = self.found()
        pd.testing.assert_frame_equal(inputs.isna(), own.isna())
        assert own["text"].isna().any()

    def test_at_most_one_category_changes(self):
        _, own, inputs, kinds = self.found()
        names = [name for name, kind in zip(own.columns, kinds, strict=True) if kind != "numeric"]
        assert names == ["text", "kind", "flag", "maybe"]
        changed = pd.DataFrame({name: (inputs[name] != own[name]).fillna(False).astype(bool) & own[name].notna() for name in names})
        assert changed.sum(axis=1).max() == 1
        assert changed.any().all()  # each of them now and then
        assert set(inputs["kind"].dropna()) == {"u", "v", "w"}  # a category that nobody has is not drawn

    def test_dtypes_are_kept(self):
        _, own, inputs, _ = self.found()
        pd.testing.assert_series_equal(inputs.dtypes, own.dtypes)

    def test_a_category_is_drawn_as_often_as_it_is_there(self):
        train = pd.DataFrame({"c": ["a"] * 70 + ["b"] * 20 + ["c"] * 10})
        data = data_of(train, train.head(1))
        drawn = data.space.neighbours(data.cases(), train, 4000, [np.random.default_rng(0)])["c"].value_counts(normalize=True)
        assert drawn[["a", "b", "c"]].tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.03)

    def test_categories_that_the_cases_do_not_know(self):
        train = pd.DataFrame({"c": pd.Categorical(["a", "b", "c"] * 20), "x": np.arange(60.0)})
        test = pd.DataFrame({"c": pd.Categorical(["a", "b"]), "x": [3.0, 4.0]})
        at, inputs, _ = neighbours_of(sure(lambda f: np.full(len(f), 0.7)), data_of(train, test, ("no", "yes")))
        assert len(inputs) == len(at) == 10
        assert set(inputs["c"]) <= {"a", "b", "c"}

    def test_a_table_of_categories_only(self):
        train = pd.DataFrame({"c": list("abcd") * 20, "e": [True, False] * 40})
        data = data_of(train, train.head(6), ("no", "yes"))
        found = scored("input_stability", EXPLAINERS["occlusion"](), sure(lambda f: 0.2 + 0.5 * (f["c"] == "a") + 0.2 * f["e"]), data)
        assert np.isfinite(found.values).all()


class TestMovesOfNumbers:
    """Up to 1 % of the ranks, as often up as down, however often a value comes."""

    def moves(self, column, values, times=400):
        """(len(values), times) by how much each value moves."""
        data = data_of(pd.DataFrame({"x": column}), pd.DataFrame({"x": values}))
        own = data.cases()["x"].to_numpy(dtype=float)
        drawn = data.space.neighbours(data.cases(), data.train.inputs, times, [np.random.default_rng(i) for i in range(len(values))])
        return drawn["x"].to_numpy(dtype=float).reshape(len(values), times) - own[:, None]

    def test_of_a_column_without_ties(self):
        moved = self.moves(np.arange(1000.0), np.array([500.0]))
        assert set(np.unique(moved)) == set(range(-10, 0)) | set(range(1, 11))
        assert abs((moved > 0).mean() - 0.5) < 0.075  # 3 standard errors

    def test_of_a_short_column_by_one_rank(self):
        assert set(np.unique(self.moves(np.arange(20.0), np.array([7.0])))) == {-1, 1}

    def test_of_a_value_between_two(self):
        assert set(np.unique(self.moves(np.arange(20.0), np.array([7.5])))) == {-0.5, 0.5}

    def test_at_the_ends_go_inwards(self):
        moved = self.moves(np.arange(1000.0), np.array([0.0, 999.0, -50.0, 2000.0]))
        moved = moved[np.argsort(moved.mean(axis=1))]
        for row, low, high in zip(moved, (-1010, -10, 1, 50), (-1001, -1, 10, 59), strict=True):
            assert (row.min(), row.max()) == (low, high)

    def test_of_a_value_with_ties_as_often_up_as_down(self):
        column = np.repeat(np.arange(50.0), 20)
        moved = self.moves(column, np.array([25.0]), times=4000)
        up, down = (moved > 0).mean(), (moved < 0).mean()
        # A place of 20, a step of 1 to 10: it leaves the ties with (1 + ... + 10) / 10 / 20 / 2 on either side.
        assert up == pytest.approx(0.1375, abs=0.017)
        assert down == pytest.approx(0.1375, abs=0.017)

    def test_of_a_yes_or_no_written_as_a_number_hardly_ever(self):
        column = np.repeat([0.0, 1.0], 500)
        for own in (0.0, 1.0):
            assert (self.moves(column, np.array([own])) != 0).mean() < 0.03

    def test_of_a_constant_column_never(self):
        assert (self.moves(np.full(100, 4.0), np.array([4.0])) == 0).all()


class TestWhichCases:
    @pytest.mark.parametrize("metric", ALL)
    def test_only_the_fixed_ones_are_scored(self, metric):
        data = data_of(numbers(80), numbers(40, seed=1))
        found = scored(metric, EXPLAINERS["random"](), sure(lambda f: np.full(len(f), 0.7)), data, cases=9)
        taken = set(subset(40, 9).tolist())
        assert set(np.flatnonzero(~np.isnan(found.values)).tolist()) == taken
        assert {found.reasons[i] for i in range(40) if i not in taken} == {"not among the 9 cases that this metric takes"}

    @pytest.mark.parametrize("metric", ALL)
    @pytest.mark.parametrize("explainer", ["random", "lime"])
    def test_a_chunk_scores_what_the_whole_scores(self, metric, explainer):
        data = data_of(numbers(80), numbers(14, seed=1))
        model, made = valued(lambda rows: np.tanh(rows @ W)), EXPLAINERS[explainer]()
        whole = scored(metric, made, model, data, cases=7)
        for chunk in (np.arange(5), np.arange(5, 14), np.array([1]), np.array([3, 0])):
            part = scored(metric, made, model, data, chunk, cases=7)
            np.testing.assert_allclose(part.values, whole.values[chunk], atol=1e-9)
            np.testing.assert_allclose(part.chance, whole.chance[chunk], atol=1e-9)
            assert set(part.parts) == set(whole.parts)  # also where none of the chunk's cases is taken
            for name in part.parts:
                np.testing.assert_allclose(part.parts[name].values, whole.parts[name].values[chunk])

    @pytest.mark.parametrize(("metric", "params"), [("input_stability", {"neighbours": 0}), *((metric, {"cases": 0}) for metric in ALL)])
    def test_counts_below_1_are_refused(self, metric, params):
        with pytest.raises(XaiCompareError, match="at least 1, found 0"):
            METRICS[metric](**params)
