"""Profiles against closed forms, brute force and scikit-learn."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LogisticRegression

from tests.made import differences, mixed, outcome
from tests.toys import valued
from xai_compare.data.space import TableSpace
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.effects import Column, chained, effect_of, grid_of, places
from xai_compare.errors import NotApplicable, UnknownName, XaiCompareError
from xai_compare.models.adapt import adapt
from xai_compare.models.function import FunctionModel
from xai_compare.packing import pack_profile, unpack_profile
from xai_compare.profiles import PROFILES, Profiler
from xai_compare.run.again import Counted
from xai_compare.streams import Streams
from xai_compare.types import FeatureCurve

ALE, PD = PROFILES["ale"], PROFILES["partial_dependence"]


def uniform(n=400, d=3, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).random((n, d)), columns=[f"x{j}" for j in range(d)])


def data_of(test, classes=()):
    table = as_table(as_frame(test), None)
    return assemble(table, table, "classification" if classes else "regression", classes, (20, 10), Streams(0))


def by_frame(function):
    return FunctionModel("toy", function, "regression", ("value",), "value", as_array=False)


def profile(method, model, test, seed=0, features=None, output=None, target=0, **params):
    data = test if hasattr(test, "test") else data_of(test)
    own = model if hasattr(model, "predict") else valued(model)
    return method(**params)(own, data, output or own.native, target, Streams(seed), features)


def curves(*given, **params):
    return {curve.feature: curve for curve in profile(*given, **params).curves}


def at_rows(curve, values):
    return np.interp(values, curve.grid, curve.curve)


def test_both_are_there_and_are_what_a_profile_is():
    assert {"ale", "partial_dependence"} <= set(PROFILES)
    for name in PROFILES:
        made = PROFILES[name]()
        assert isinstance(made, Profiler)
        assert made.title
        assert made.citation
        assert pickle.loads(pickle.dumps(made)) == made


# ---- closed forms


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_a_linear_model_has_straight_lines_with_its_weights_as_slopes(method):
    weight, frame = np.array([2.0, -0.5, 0.0]), uniform()
    for curve, w in zip(curves(method, lambda x: 7 + x @ weight, frame).values(), weight, strict=True):
        np.testing.assert_allclose(curve.curve[1:] - curve.curve[0], w * (curve.grid[1:] - curve.grid[0]), atol=1e-12)
        assert at_rows(curve, _sampled(method, frame)[curve.feature]).mean() == pytest.approx(0, abs=1e-12)
        # Every resample has the same slope: the band is that of its own centre.
        assert np.ptp(curve.high - curve.low) < 1e-12
        assert (curve.low <= curve.curve).all()
        assert (curve.curve <= curve.high).all()


def _sampled(method, frame):
    """The rows that a profile speaks of, drawn as it draws them."""
    return frame.iloc[Streams(0).at("rows").shared().permutation(len(frame))[: min(method().rows, len(frame))]]


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_a_feature_that_the_model_does_not_use_is_flat(method):
    frame = mixed(120)
    found = curves(method, by_frame(lambda x: np.exp(x["height"] / 100) * (x["town"] == "Bonn")), frame)
    for name in set(found) - {"height", "town"}:
        for array in (found[name].curve, found[name].low, found[name].high):
            np.testing.assert_allclose(array, 0, atol=1e-12)
    assert np.ptp(found["height"].curve) > 0.1


def test_effects_of_an_additive_function_are_its_terms():
    frame = uniform(n=600)
    terms = {"x0": lambda v: v**2, "x1": lambda v: np.sin(6 * v), "x2": lambda v: (v > 0.5).astype(float)}
    model = lambda x: sum(term(x[:, j]) for j, term in enumerate(terms.values()))  # noqa: E731
    for method in (ALE, PD):
        for name, curve in curves(method, model, frame).items():
            expected = terms[name](curve.grid)
            np.testing.assert_allclose(curve.curve - curve.curve[0], expected - expected[0], atol=1e-12)


def test_accumulated_effects_of_a_product_in_closed_form():
    # Over independent x0, x1 on [0, 1] the local effect of x0 is x1, whose mean is 1/2: a line of slope 1/2, up to the rows drawn.
    frame = uniform(n=1000, d=2)
    curve = curves(ALE, lambda x: x[:, 0] * x[:, 1], frame, bins=10)["x0"]
    np.testing.assert_allclose(curve.curve, (curve.grid - 0.5) / 2, atol=0.03)
    # And exactly: each bin's step is its width times the mean of x1 in it.
    rows = _sampled(ALE, frame).to_numpy()
    bins = np.maximum(np.searchsorted(curve.grid, rows[:, 0]), 1)
    steps = [np.diff(curve.grid)[k - 1] * rows[bins == k, 1].mean() for k in range(1, len(curve.grid))]
    np.testing.assert_allclose(np.diff(curve.curve), steps, atol=1e-12)
    assert len(curve.grid) == 11


def test_of_features_that_depend_on_each_other_only_partial_dependence_leaves_the_data():
    # x1 = x0: y = x0 x1 is x0 squared on the data, of which each feature's local effect is half; far from them PD has slope mean x1.
    x = np.random.default_rng(0).random(1000)
    frame = pd.DataFrame({"x0": x, "x1": x})
    ale, pd_ = (curves(m, lambda x: x[:, 0] * x[:, 1], frame, rows=1000)["x0"] for m in (ALE, PD))
    np.testing.assert_allclose(ale.curve - ale.curve[0], ale.grid**2 / 2, atol=0.01)
    np.testing.assert_allclose(pd_.curve - pd_.curve[0], (pd_.grid - pd_.grid[0]) * x.mean(), atol=1e-12)


# ---- other people's code, and brute force


@pytest.mark.parametrize("model", [LogisticRegression(), RandomForestClassifier(20, random_state=0)], ids=["line", "forest"])
def test_partial_dependence_is_that_of_scikit_learn(model):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 9, 150).astype(float), "b": rng.normal(size=150).round(1), "c": rng.normal(size=150)})
    y = (frame.a / 4 - 1 + frame.b * frame.c + rng.normal(0, 0.5, 150) > 0).astype(int)
    fitted = model.fit(frame, y)
    adapted = adapt("own", fitted, frame, ("0", "1"))
    found = curves(PD, adapted, data_of(frame, ("0", "1")), output="probability", target=1, rows=150, points=150)
    for name in ("a", "b"):
        theirs = partial_dependence(fitted, frame, [name], method="brute", grid_resolution=10**4, percentiles=(0, 1))
        np.testing.assert_allclose(found[name].grid, theirs["grid_values"][0], atol=1e-12)
        means = theirs["average"][0]
        np.testing.assert_allclose(found[name].curve - found[name].curve[0], means - means[0], atol=1e-10)
        centre = np.interp(frame[name], found[name].grid, means).mean()
        np.testing.assert_allclose(found[name].curve, means - centre, atol=1e-10)


def categories(n=90, seed=0):
    frame = mixed(n, seed).assign(rare=["one"] * 3 + ["two"] * (n - 40) + ["six"] * 37)
    frame.loc[frame.index[:12], "town"] = None
    return frame


def scored(x):
    town = x["town"].map({"Aix": 1.0, "Bonn": -2.0, "Cork": 0.5}).fillna(4.0)
    return town * (x["height"] - 165) / 10 + x["owner"].astype(float) + (x["rare"] == "two") * x["children"]


def test_categories_are_those_of_brute_force():
    frame = categories()
    found = profile(PD, by_frame(scored), frame)
    by_name = {curve.feature: curve for curve in found.curves}
    assert by_name["town"].levels == ("Aix", "Bonn", "Cork", "(missing)")
    assert by_name["owner"].levels == ("False", "True")
    assert by_name["rare"].levels == ("six", "two")  # three rows are too few to speak of
    for name, kept in {"town": ["Aix", "Bonn", "Cork", None], "owner": [False, True], "rare": ["six", "two"]}.items():
        means = np.array([scored(frame.assign(**{name: level})).mean() for level in kept])
        texts = frame[name].where(frame[name].notna(), None)
        counts = np.array([(texts.isna() if level is None else texts == level).sum() for level in kept])
        share = counts / counts.sum()
        np.testing.assert_allclose(by_name[name].share, share)
        np.testing.assert_allclose(by_name[name].curve, means - share @ means, atol=1e-12)
        assert by_name[name].missing == len(frame) - counts.sum()


def test_an_order_of_levels_is_kept_and_only_the_most_frequent_ones_stay():
    size = pd.Categorical(np.random.default_rng(0).choice(["small", "middle", "large"], 90), ["small", "middle", "large"], ordered=True)
    many = np.random.default_rng(1).choice(list("abcdefgh"), 90)
    found = curves(PD, by_frame(lambda x: x["size"].cat.codes.astype(float)), pd.DataFrame({"size": size, "many": many}), levels=4)
    assert found["size"].levels == ("small", "middle", "large")
    np.testing.assert_allclose(np.diff(found["size"].curve), [1, 1], atol=1e-12)
    counts = pd.Series(many).value_counts()
    assert len(found["many"].levels) == 4
    assert set(counts.index[:3]) <= set(found["many"].levels)
    assert found["many"].missing == 90 - counts[list(found["many"].levels)].sum()


def test_the_nodes_under_equal_weights_are_the_least_squares_effect():
    for values in (np.random.default_rng(0).random(200), np.random.default_rng(1).integers(0, 6, 200).astype(float)):
        rng = np.random.default_rng(2)
        other, grid = rng.random(200), grid_of(Column(values, False), rng)
        a, b = ((np.where(s == -1, values[grid.pairs[:, 0]], values[s])) ** 2 * other[grid.pairs[:, 0]] for s in grid.pairs[:, 3:].T)
        effect = effect_of(grid, (values**2 * other)[:, None], a[:, None], b[:, None])
        found = chained(grid, a - b, np.ones((1, 200)))[0]
        np.testing.assert_allclose(np.diff(found), np.diff(effect.nodes[:, 0]), atol=1e-10)
        # Weights are rows that count more than once.
        twice = np.random.default_rng(3).multinomial(200, np.full(200, 1 / 200))
        again = chained(grid, a - b, twice[None].astype(float))[0]
        steps = [
            (twice[grid.pairs[mine, 0]] @ (a - b)[mine]) / twice[grid.pairs[mine, 0]].sum()
            for mine in (grid.pairs[:, 2] == k for k in range(len(grid.x) - 1))
            if twice[grid.pairs[mine, 0]].sum()
        ]
        if len(steps) == len(grid.x) - 1:
            np.testing.assert_allclose(np.diff(again), steps, atol=1e-12)
        assert twice @ np.interp(values, grid.x, again) / 200 == pytest.approx(0, abs=1e-12)


def test_places_are_the_weights_of_linear_interpolation():
    x, values, heights = np.array([0.0, 1.0, 4.0]), np.array([0.0, 0.25, 1.0, 3.0, 4.0]), np.array([5.0, 1.0, 7.0])
    np.testing.assert_allclose(places(x, values) @ heights, np.interp(values, x, heights))
    np.testing.assert_allclose(places(x[:1], np.zeros(3)), np.ones((3, 1)))


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_the_band_covers_what_all_rows_would_say(method):
    """Pointwise: the curve on 20,000 rows lies in the 95 % band of 150 rows about as often as it says."""

    def model(x):
        return x[:, 0] * (1 + 4 * x[:, 1])

    everyone = uniform(n=20000, d=2, seed=99)
    truth = 3.0  # the slope, by E[1 + 4 x1]
    inside = []
    for seed in range(40):
        curve = curves(method, model, uniform(n=150, d=2, seed=seed), features=["x0"], rows=150)["x0"]
        expected = truth * (curve.grid - everyone["x0"].mean())
        inside.append(((curve.low <= expected) & (expected <= curve.high))[[0, -1]].mean())
    assert 0.85 <= np.mean(inside) <= 1.0


# ---- the contract


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_models_share_one_grid_and_what_opens_is_asked_the_same_questions(method):
    frame = mixed(150)
    y = outcome(frame)
    numeric = ["height", "weight", "children"]
    fitted = [LogisticRegression(max_iter=1000).fit(frame[numeric], y), RandomForestClassifier(10, random_state=0).fit(frame[numeric], y)]
    data = data_of(frame[numeric], ("no", "yes"))
    models = [adapt(f"m{i}", one, data.background_inputs(), ("no", "yes")) for i, one in enumerate(fitted)]
    found = [curves(method, model, data, output="probability", target=1) for model in models]
    for name in numeric:
        assert differences(found[0][name].grid, found[1][name].grid) == []
        assert differences(found[0][name].quantiles, found[1][name].quantiles) == []
    assert models[0].owner is not None
    closed = FunctionModel("f", lambda x: fitted[0].predict_proba(x)[:, 1], "classification", ("no", "yes"), "probability", as_array=False)
    for name, curve in curves(method, closed, data, target=1).items():
        np.testing.assert_allclose(curve.curve, found[0][name].curve, atol=1e-10)
        np.testing.assert_allclose(curve.low, found[0][name].low, atol=1e-10)


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_the_cost_is_counted_and_kept_within_the_budget_in_few_calls(method):
    calls = []

    def function(x):
        calls.append(len(x))
        return x.sum(axis=1)

    model = Counted(valued(function))
    frame = uniform(n=400, d=5)
    found = profile(method, model, frame)
    assert model.rows == found.model_rows == sum(calls)
    assert len(calls) <= 3
    n = found.curves[0].n
    assert found.model_rows == n + (2 * n * 5 if method is ALE else n * sum(len(curve.grid) for curve in found.curves))
    small = profile(method, model, frame, budget=1)
    assert small.curves[0].n == 50


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_the_seed_alone_draws_and_the_data_stay_as_they_are(method):
    frame = mixed(150)
    data, model = data_of(frame), by_frame(lambda x: x["height"] * x["children"])
    before = data.test.inputs.copy(deep=True)
    first, again, other = (profile(method, model, data, seed=seed, rows=60) for seed in (0, 0, 1))
    assert differences(first, again) == []
    assert differences(first, other)
    pd.testing.assert_frame_equal(data.test.inputs, before)


def test_a_profile_is_packed_and_unpacked_whole():
    found = profile(PD, by_frame(scored), categories())
    assert differences(unpack_profile(pack_profile(found)), found) == []
    empty = profile(ALE, by_frame(scored), categories())
    assert empty.left_out
    assert differences(unpack_profile(pack_profile(empty)), empty) == []


# ---- what has no curve


def test_what_has_no_curve_is_left_out_with_its_reason():
    frame = mixed(120).assign(same=1.0, holes=np.nan)
    frame.loc[:10, "holes"] = np.arange(11.0)
    ale, pd_ = (profile(method, by_frame(lambda x: x["height"]), frame) for method in (ALE, PD))
    assert ale.left_out["same"] == "all rows have the same value"
    assert "rows have a value" in ale.left_out["holes"]
    assert ale.left_out["town"] == "its levels have no distance from each other"
    assert pd_.left_out == {"same": "fewer than two of its values can be compared"}
    for found in (ale, pd_):
        assert {curve.feature for curve in found.curves} | set(found.left_out) == set(frame.columns)


def test_rows_without_a_value_stand_aside_for_their_feature_only():
    frame = uniform(n=200)
    frame.loc[:59, "x1"] = np.nan
    model = by_frame(lambda x: 3 * x["x0"] + x["x1"].fillna(10))
    found = curves(ALE, model, frame)
    assert (found["x0"].n, found["x0"].missing) == (200, 0)
    assert (found["x1"].n, found["x1"].missing) == (140, 60)
    for name, slope in (("x0", 3), ("x1", 1)):
        np.testing.assert_allclose(np.diff(found[name].curve), slope * np.diff(found[name].grid), atol=1e-12)
    pd_ = curves(PD, model, frame)["x1"]
    assert pd_.n == 200
    np.testing.assert_allclose(np.diff(pd_.curve), np.diff(pd_.grid), atol=1e-12)


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_a_group_of_columns_has_no_axis(method):
    frame = uniform(n=100, d=4)
    data = data_of(frame)
    grouped = TableSpace(data.space.column_kinds, data.space.background, {"both": ("x1", "x2")})
    object.__setattr__(data, "space", grouped)
    found = profile(method, lambda x: x @ np.array([1.0, 2, 3, 4]), data)
    assert found.left_out == {"both": "a group of columns has no axis"}
    slopes = {curve.feature: np.ptp(curve.curve) / np.ptp(curve.grid) for curve in found.curves}
    assert slopes == {"x0": pytest.approx(1), "x3": pytest.approx(4)}


def test_chosen_features_only_and_an_unknown_one_is_told():
    frame = uniform()
    assert list(curves(ALE, lambda x: x[:, 0], frame, features=["x2"])) == ["x2"]
    with pytest.raises(UnknownName, match="unknown feature 'x9'"):
        profile(ALE, lambda x: x[:, 0], frame, features=["x9"])


@pytest.mark.parametrize("method", [ALE, PD], ids=["ale", "pd"])
def test_too_few_rows_are_not_applicable(method):
    with pytest.raises(NotApplicable, match="at least 20 test rows, and there are 12"):
        profile(method, lambda x: x[:, 0], uniform(n=12))
    with pytest.raises(NotApplicable):
        profile(method, lambda x: x[:, 0], uniform(n=30).assign(x0=1.0, x1=1.0, x2=1.0))


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        (ALE, {"rows": 3}, "rows must be at least 20, found 3"),
        (ALE, {"bins": 1}, "bins must be at least 4"),
        (PD, {"points": 1}, "points must be at least 2"),
        (PD, {"levels": 0}, "levels must be at least 2"),
        (PD, {"resamples": 5}, "resamples must be at least 100"),
        (ALE, {"level": 1.0}, "level must lie between 0 and 1"),
        (PD, {"budget": 0}, "budget must be at least 1"),
    ],
)
def test_parameters_out_of_range_are_refused(method, params, said):
    with pytest.raises(XaiCompareError, match=said):
        method(**params)


def test_a_curve_that_is_none_is_refused():
    three = np.arange(3.0)
    FeatureCurve("f", "numeric", three, (), three, three, three, three, three, 3)
    for bad in ({"grid": three[::-1]}, {"curve": three[:2]}, {"low": np.array([0, np.nan, 1])}, {"levels": ("a", "b")}):
        good = {"grid": three, "levels": (), "curve": three, "low": three, "high": three, "share": three, "quantiles": three, "n": 3}
        with pytest.raises(XaiCompareError):
            FeatureCurve("f", "numeric", **{**good, **bad})
