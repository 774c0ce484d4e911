"""Intrinsic measures against functions whose answer is known, and on trained models of every sort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from tests.made import mixed
from tests.toys import valued
from xai_compare import effects
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.effects import Column
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.models.adapt import adapt
from xai_compare.models.function import FunctionModel
from xai_compare.models.zoo import KINDS
from xai_compare.run.again import Counted
from xai_compare.streams import Streams

PARTS = ["features_used", "interaction_share", "main_effect_complexity", "surrogate_tree", "surrogate_linear"]


def uniform(n=600, d=4, seed=0):
    return pd.DataFrame(np.random.default_rng(seed).random((n, d)), columns=[f"x{j}" for j in range(d)])


def data_of(test, classes=(), y=None):
    table = as_table(as_frame(test), y)
    return assemble(table, table, "classification" if classes else "regression", classes, (20, 10), Streams(0))


def scored(model, test, seed=0, **params):
    """{part: Scores} of a model; a plain function is one of an array (n, d)."""
    own = model if hasattr(model, "predict") else valued(model)
    return dict(METRICS["intrinsic"](**{"resamples": 200, **params})(View(data_of(test), Streams(seed), model=own)).parts)


def values(*given, **params):
    return {name: float(part.values[0]) for name, part in scored(*given, **params).items()}


def by_frame(function):
    return FunctionModel("toy", function, "regression", ("value",), "value", as_array=False)


# ---- closed forms


def test_a_linear_model_has_no_interactions_and_no_bends_and_uses_what_has_a_weight():
    found = values(lambda x: 5 + x @ np.array([2.0, 0, -1, 0.001, 0, 3, 0]), uniform(d=7))
    assert list(found) == PARTS
    assert found["features_used"] == 4
    assert found["interaction_share"] == 0
    assert found["main_effect_complexity"] == 1
    assert found["surrogate_linear"] == pytest.approx(1)
    assert found["surrogate_tree"] < 0.9


def test_six_features_are_more_than_a_linear_surrogate_has():
    found = values(lambda x: x @ np.array([1.0, 1, 1, 1, 1, 1]), uniform(n=2000, d=6))
    assert found["surrogate_linear"] == pytest.approx(5 / 6, abs=0.03)


@pytest.mark.parametrize("offset", [0.0, 0.5, 1.0])
def test_the_product_of_two_independent_features_in_closed_form(offset):
    # x y = m m + m (x - m) + m (y - m) + (x - m)(y - m): variances m2 s2 twice, and s2 s2.
    frame, var = uniform(n=1000) - 0.5 + offset, 1 / 12
    found = scored(lambda x: x[:, 0] * x[:, 1], frame)
    expected = var / (var + 2 * offset**2)
    share = found["interaction_share"]
    assert share.values[0] == pytest.approx(expected, abs=0.03)
    assert np.quantile(share.replicates, 0.001) - 0.02 < expected < np.quantile(share.replicates, 0.999) + 0.02
    assert found["features_used"].values[0] == 2


def test_xor_is_all_interaction():
    found = values(lambda x: ((x[:, 0] > 0.5) != (x[:, 1] > 0.5)).astype(float), uniform(n=1000))
    assert found["interaction_share"] == pytest.approx(1, abs=0.03)
    assert found["features_used"] == 2
    assert found["surrogate_linear"] < 0.05


def test_xor_of_two_flags_is_all_interaction():
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 2, (400, 4)), columns=list("abcd"))
    assert values(lambda x: (x[:, 0] != x[:, 1]).astype(float), frame)["interaction_share"] > 0.97


def test_half_interaction_half_effects():
    # The xor of two halves has variance 1/4; so has the number that is added.
    found = values(lambda x: ((x[:, 0] > 0.5) != (x[:, 1] > 0.5)) + x[:, 2] * np.sqrt(3), uniform(n=1000))
    assert found["interaction_share"] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("n", [60, 300, 1500])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sin(9 * x[:, 0]) + x[:, 1] ** 3,
        lambda x: (x[:, 0] > 0.37) * 3.0 - (x[:, 1] > 0.9),
        lambda x: np.exp(4 * x[:, 0]) + np.round(5 * x[:, 2]),
    ],
    ids=["smooth", "steps", "steep"],
)
def test_an_additive_model_has_no_interactions_at_all(function, n):
    """Not even a binning error: within a bin a row's own answer places it."""
    assert values(function, uniform(n))["interaction_share"] == 0


def test_between_the_ends_of_a_bin_that_interacts_the_error_is_bounded():
    # A step that only half of the rows make: straight interpolation is wrong by at most the step, in one bin, 1/50 of the rows.
    found = values(lambda x: ((x[:, 0] > 0.5) & (x[:, 1] > 0.5)).astype(float), uniform(n=1000))
    assert found["interaction_share"] == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize(
    ("function", "pieces"),
    [
        (lambda x: 2 * x[:, 0], 1),
        (lambda x: (x[:, 0] > 0.37) * 1.0, 2),
        (lambda x: np.abs(x[:, 0] - 0.5), 2),
        (lambda x: np.digitize(x[:, 0], [0.25, 0.5, 0.75]) % 2, 4),
        (lambda x: np.sin(4 * np.pi * x[:, 0]), 4),  # four slopes: up, down, up, down; the first and last are quarters
    ],
    ids=["line", "step", "kink", "teeth", "sine"],
)
def test_pieces_of_a_curve(function, pieces):
    found = values(function, uniform())["main_effect_complexity"]
    assert found == pytest.approx(pieces) if pieces < 4 else found in (4, 5)


def test_pieces_are_averaged_by_the_variance_of_their_effects():
    # Two pieces with the variance of a step, 1/4, and one with that of 2 x, 1/3.
    found = values(lambda x: (x[:, 0] > 0.5) + 2 * x[:, 1], uniform(n=1000))["main_effect_complexity"]
    assert found == pytest.approx((2 * 0.25 + 1 / 3) / (0.25 + 1 / 3), abs=0.05)


def test_a_small_tree_is_imitated_by_a_small_tree():
    frame = uniform(n=2000)
    y = np.where(frame.x0 > 0.4, np.where(frame.x1 > 0.6, 3.0, 1.0), np.where(frame.x2 > 0.5, 0.0, -2.0))
    model = adapt("tree", DecisionTreeRegressor(max_depth=2).fit(frame, y), frame.head(20))
    found = values(model, frame)
    assert found["surrogate_tree"] > 0.97
    assert found["surrogate_linear"] < 0.9
    assert found["features_used"] == 3


def test_categories_only():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(list("uvwxyz"), 800), "b": rng.choice(["yes", "no"], 800), "c": rng.choice(list("pqr"), 800)})
    worth = {"u": 0, "v": 0, "w": 0, "x": 5, "y": 5, "z": 9}
    found = values(by_frame(lambda f: f["a"].map(worth) + 2.0 * (f["b"] == "yes")), frame)
    assert found["features_used"] == 2
    assert found["interaction_share"] == 0
    assert found["surrogate_linear"] == pytest.approx(1)
    groups = np.array([frame["a"].map(worth).var(ddof=0), 4 * (frame["b"] == "yes").var(ddof=0)])
    assert found["main_effect_complexity"] == pytest.approx((groups @ [2, 1]) / groups.sum(), abs=1e-6)  # three groups are two steps
    mixed_up = values(by_frame(lambda f: ((f["a"] < "x") != (f["b"] == "yes")).astype(float)), frame)
    assert mixed_up["interaction_share"] > 0.95
    assert mixed_up["features_used"] == 2


def test_a_category_of_a_thousand_levels_adds_up_too():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"town": rng.integers(0, 1000, 900).astype(str), "x": rng.random(900)})
    found = values(by_frame(lambda f: f["town"].astype(int) / 500 + f["x"]), frame)
    assert found["interaction_share"] == 0
    assert found["features_used"] == 2
    assert found["surrogate_linear"] < 0.9  # most towns of one half are unknown in the other


def test_missing_numbers_are_a_value_like_any_other():
    frame = uniform()
    frame.loc[::7, "x0"] = np.nan
    frame["x3"] = np.nan
    found = values(by_frame(lambda f: f["x0"].fillna(4.0) + f["x1"]), frame)
    assert found["interaction_share"] == 0
    assert found["features_used"] == 2
    assert found["surrogate_linear"] == pytest.approx(1)


def test_many_zeros_leave_bins_for_the_rest():
    frame = uniform(n=1000)
    frame.loc[:919, "x0"] = 0.0
    ends, few = effects._ends(frame["x0"].to_numpy())
    assert not few
    assert len(ends) >= 10
    assert values(lambda x: np.sin(9 * x[:, 0]) + x[:, 1], frame)["interaction_share"] == 0


def test_a_constant_model_and_a_constant_column():
    found = scored(lambda x: np.full(len(x), 3.25), uniform())
    assert found["features_used"].values[0] == 0
    for name in PARTS[1:]:
        assert np.isnan(found[name].values[0])
        assert found[name].reasons == {0: "the model's output is the same for all test rows"}
    assert values(lambda x: x[:, 0], uniform().assign(x1=1.0, x0=lambda f: f.x0))["features_used"] == 1


# ---- what must not matter


def test_the_order_of_the_columns_changes_nothing():
    frame = mixed(300)
    function = by_frame(lambda f: f["height"] / 10 * (f["town"] == "Cork") + f["weight"] * 0.1 + np.sqrt(f["children"]) * f["owner"])
    one, two = scored(function, frame), scored(function, frame[["owner", "weight", "town", "height", "children"]])
    for name in PARTS:
        assert two[name].values[0] == pytest.approx(one[name].values[0], abs=1e-9), name


def test_units_and_origin_change_nothing():
    one = scored(lambda x: x[:, 0] * x[:, 1] + np.sin(5 * x[:, 2]), uniform())
    two = scored(lambda x: 7e6 + 1000 * (x[:, 0] * x[:, 1] + np.sin(5 * x[:, 2])), uniform())
    for name in PARTS:
        assert two[name].values[0] == pytest.approx(one[name].values[0], rel=1e-6), name


def test_the_same_seed_gives_the_same_bits_and_resamples_are_paired():
    frame = uniform(n=300)
    one, two = (scored(lambda x: x[:, 0] * x[:, 1] + x[:, 2], frame) for _ in range(2))
    for name in PARTS:
        np.testing.assert_array_equal(one[name].values, two[name].values)
    other = scored(lambda x: x[:, 0] * x[:, 1] + 1.1 * x[:, 2], frame)
    assert np.corrcoef(one["interaction_share"].replicates, other["interaction_share"].replicates)[0, 1] > 0.9
    assert one["features_used"].replicates is None
    assert one["main_effect_complexity"].replicates is None


def test_dependent_features_do_not_make_an_additive_model_interact():
    frame = uniform()
    frame["x1"] = frame["x0"] + 0.01 * frame["x1"]
    assert values(lambda x: np.sin(5 * x[:, 0]) - 3 * x[:, 1], frame)["interaction_share"] == 0


@pytest.mark.parametrize("d", [3, 40])
def test_cost_is_bounded_and_in_few_calls(d):
    calls = []
    frame = uniform(n=3000, d=d)
    model = Counted(valued(lambda x: calls.append(len(x)) or (x[:, 0] > 0.3) * x[:, 1] + x[:, 2]))
    found = scored(model, frame)
    assert found["surrogate_tree"].n == 2000
    assert found["features_used"].n == (1000 if d == 3 else 375)
    assert model.rows <= 62_000
    assert len(calls) <= 8


# ---- models of every sort


def test_multiclass_averages_over_classes_and_binary_takes_the_second():
    frame = uniform()
    y = np.digitize(frame.x0 + frame.x1, [0.7, 1.3])
    model = adapt("m", LogisticRegression().fit(frame, y), frame.head(20), ("0", "1", "2"))
    data = data_of(frame, ("0", "1", "2"), y)
    parts = METRICS["intrinsic"](resamples=200)(View(data, Streams(0), model=model)).parts
    assert parts["interaction_share"].values[0] == 0
    assert parts["main_effect_complexity"].values[0] == pytest.approx(1)
    assert parts["surrogate_linear"].values[0] == pytest.approx(1)
    assert parts["features_used"].values[0] == 4
    flat = FunctionModel("p", lambda f: f["x0"] ** 2, "classification", ("no", "yes"), "probability", as_array=False)
    assert (
        METRICS["intrinsic"](resamples=200)(View(data_of(frame, ("no", "yes"), (y > 1).astype(int)), Streams(0), model=flat)).values[0] == 0
    )


def test_zero_weights_of_an_opened_pipeline_and_of_a_net():
    import torch

    from tests.toys import torch_value

    frame = uniform()
    line = LinearRegression()
    line.coef_, line.intercept_, line.n_features_in_ = np.array([1.0, 0.0, 2.0, 0.0]), 0.5, 4
    assert values(adapt("line", line, frame.head(20)), frame)["features_used"] == 2
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    with torch.no_grad():
        net[0].weight[:, 1] = 0
    assert values(torch_value(net, 4), frame)["features_used"] == 3


def test_a_net_and_a_forest_on_mixed_columns():
    frame = mixed(240)
    y = ((frame.height > 170) ^ (frame.owner & (frame.weight > 70))).astype(int).to_numpy()
    data = data_of(frame, ("no", "yes"), y)
    net = KINDS["mlp"].fit("net", data, {"hidden": [16], "epochs": 60}, 0)[0]
    numbers = frame.assign(town=frame.town.astype("category").cat.codes)
    forest = adapt("forest", RandomForestClassifier(20, random_state=0).fit(numbers, y), numbers.head(20), ("no", "yes"))
    for model, told in ((net, data), (forest, data_of(numbers, ("no", "yes"), y))):
        parts = METRICS["intrinsic"](resamples=200)(View(told, Streams(0), model=model)).parts
        assert all(np.isfinite(part.values[0]) for part in parts.values())
        assert 3 <= parts["features_used"].values[0] <= 5
        assert 0.02 < parts["interaction_share"].values[0] < 0.9
        assert parts["main_effect_complexity"].values[0] >= 1


# ---- refusals


def test_too_few_rows():
    with pytest.raises(NotApplicable, match="at least 20 test rows, and there are 3"):
        scored(lambda x: x[:, 0], uniform(3))


@pytest.mark.parametrize("wrong", [{"rows": 5}, {"budget": 0}, {"resamples": 10}])
def test_parameters_out_of_range(wrong):
    with pytest.raises(XaiCompareError, match=f"{next(iter(wrong))} must be at least"):
        METRICS["intrinsic"](**wrong)


# ---- numerics on their own


def test_fewest_pieces_against_brute_force():
    from itertools import combinations

    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y, w = np.sort(rng.random(8)), rng.normal(size=8), rng.random(8) + 0.1
        w /= w.sum()
        costs = effects._costs(x, y, w)

        def left(i, j, x=x, y=y, w=w):
            design = np.column_stack([np.ones(j - i), x[i:j]]) * np.sqrt(w[i:j, None])
            fit = np.linalg.lstsq(design, y[i:j] * np.sqrt(w[i:j]), rcond=None)[0]
            return float(((y[i:j] * np.sqrt(w[i:j]) - design @ fit) ** 2).sum())

        assert costs[1, 5] == pytest.approx(left(1, 6), abs=1e-12)
        goal = 0.3 * float(w @ (y - w @ y) ** 2)
        every = ((count, cuts) for count in range(1, 9) for cuts in combinations(range(1, 8), count - 1))
        wanted = next(
            count for count, cuts in every if sum(left(i, j) for i, j in zip((0, *cuts), (*cuts, 8), strict=True)) <= goal + 1e-12
        )
        assert effects._fewest(costs, goal + 1e-12) == wanted


def test_effects_on_a_chain_are_accumulated_local_effects():
    rng = np.random.default_rng(0)
    x = rng.random((200, 2))

    def model(z):
        return (z[:, 0] ** 2 * (1 + z[:, 1]))[:, None]

    grid = effects.grid_of(Column(x[:, 0], False), rng)

    def answers(source):
        moved = x[grid.pairs[:, 0]].copy()
        moved[:, 0] = np.where(source == effects.OWN, moved[:, 0], x[source, 0])
        return model(moved)

    found = effects.effect_of(grid, model(x), answers(grid.pairs[:, 3]), answers(grid.pairs[:, 4]))
    bins = np.maximum(np.searchsorted(grid.x, x[:, 0]), 1)
    steps = [(grid.x[k] ** 2 - grid.x[k - 1] ** 2) * (1 + x[bins == k, 1]).mean() for k in range(1, len(grid.x))]
    np.testing.assert_allclose(np.diff(found.nodes[:, 0]), steps, rtol=1e-9)


def test_the_noise_of_an_effect_is_what_its_variance_gains():
    """A feature that only interacts has no effect: all the variance of the estimate is noise."""
    gained, told = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.random((150, 2)) - 0.5
        grid = effects.grid_of(Column(x[:, 0], False), rng)
        step = [np.where(s == effects.OWN, x[grid.pairs[:, 0], 0], x[s, 0]) * x[grid.pairs[:, 0], 1] for s in grid.pairs[:, 3:].T]
        found = effects.effect_of(grid, (x[:, 0] * x[:, 1])[:, None], step[0][:, None], step[1][:, None])
        gained.append(found.rows.var())
        told.append(found.noise[0])
    assert np.mean(told) == pytest.approx(np.mean(gained), rel=0.25)
