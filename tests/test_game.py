"""The game against its definition: build every masked row one by one, ask the model, average."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.made import data_of, mixed, numbers, outcome
from xai_compare import game as module
from xai_compare.errors import NotApplicable
from xai_compare.game import Game, all_pairs, evaluate_coalitions, random_pairs, sample_size
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams

NUMERIC, TEXT = ["height", "weight", "children"], ["town", "owner"]


def one_hot(core, **options):
    encoder = OneHotEncoder(**{"handle_unknown": "ignore", **options})
    return make_pipeline(ColumnTransformer([("c", encoder, TEXT), ("n", StandardScaler(), NUMERIC)]), core)


FRAME = mixed(60)
Y = outcome(FRAME)
CORES = {
    "logistic": lambda: one_hot(LogisticRegression(max_iter=1000)),
    "logistic, first dropped": lambda: one_hot(LogisticRegression(max_iter=1000), drop="first", handle_unknown="error"),
    "forest": lambda: one_hot(RandomForestClassifier(15, random_state=0)),
    "forest on codes": lambda: make_pipeline(
        ColumnTransformer([("c", OrdinalEncoder(), TEXT)], remainder="passthrough"), RandomForestClassifier(15, random_state=0)
    ),
}


def binary_data():
    return data_of(FRAME, (Y == "yes").astype(np.int64), ("no", "yes"), (11, 9))


def game_of(model, data, output=None, *, target=None, fill="background", cases=None) -> Game:
    cases = np.arange(len(data.explain)) if cases is None else np.asarray(cases)
    target = np.arange(len(cases)) % 2 if target is None else np.asarray(target)
    return Game(model, data, data.cases(cases), cases, target, output or model.native, fill)


def coalitions(game: Game, m: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.integers(game.n, size=m), rng.random((m, game.d)) < 0.5


def naive(game: Game, rows, keep) -> np.ndarray:
    """v by its definition, one coalition at a time."""
    fills = game.data.space.fill_rows(game.fill)
    out = []
    for row, shown in zip(rows, keep, strict=True):
        masked = fills.copy()
        for j, name in enumerate(fills.columns):
            if shown[j]:
                masked[name] = pd.Series([game.inputs[name].iloc[row]] * len(fills), dtype=game.inputs[name].dtype)
        out.append(game.model.predict(masked, game.output)[:, game.target[row]].mean())
    return np.array(out)


def closed(model):
    """The same model, which the game cannot open."""
    return adapt("f", lambda frame: model.predict(frame, "probability"), FRAME, ("no", "yes"))


@pytest.fixture(scope="module", params=CORES)
def fitted(request):
    return adapt("m", CORES[request.param]().fit(FRAME, Y), FRAME)


# ---- values


@pytest.mark.parametrize("fill", ["background", "reference"])
def test_values_equal_the_definition(fitted, fill: str) -> None:
    game = game_of(fitted, binary_data(), fill=fill)
    assert game.model.owner is not None
    rows, keep = coalitions(game, 40)
    np.testing.assert_allclose(game.values(rows, keep), naive(game, rows, keep), rtol=0, atol=1e-12)


def test_opened_and_unopened_give_the_same_values(fitted) -> None:
    data = binary_data()
    opened, unopened = game_of(fitted, data, "probability"), game_of(closed(fitted), data)
    rows, keep = coalitions(opened, 200)
    np.testing.assert_allclose(opened.values(rows, keep), unopened.values(rows, keep), rtol=0, atol=1e-12)


def test_mixed_blocks_are_what_encoding_every_masked_row_gives(fitted) -> None:
    data = binary_data()
    rows, keep = coalitions(game_of(fitted, data), 50)
    masked = fitted.encode(data.space.hide(data.cases(), rows, keep, "background"))
    cases, fill = fitted.encode(data.cases()), fitted.encode(data.background_inputs())
    mixed_blocks = np.where(keep[:, fitted.owner][:, None], cases[rows][:, None], fill[None])
    np.testing.assert_array_equal(mixed_blocks.reshape(masked.shape), masked)


def test_values_of_a_net_equal_the_definition_for_unseen_categories() -> None:
    data = binary_data()
    net, _ = KINDS["mlp"].fit("m", data, {"hidden": [6], "epochs": 5}, 0)
    inputs = data.cases().assign(town=["Nowhere", *data.cases().town[1:]])
    game = Game(net, data, inputs, np.arange(9), np.arange(9) % 2, "margin")
    rows, keep = coalitions(game, 40)
    np.testing.assert_allclose(game.values(rows, keep), naive(game, rows, keep), rtol=0, atol=1e-12)


def test_values_of_a_regression_equal_the_definition() -> None:
    frame = numbers(50, 5)
    data = data_of(frame, frame.a * frame.b)
    for model in (LinearRegression().fit(frame, data.train.y), lambda rows: np.asarray(rows)[:, 0] * np.asarray(rows)[:, 1]):
        game = game_of(adapt("m", model, frame), data, target=np.zeros(8, dtype=int))
        rows, keep = coalitions(game, 60)
        np.testing.assert_allclose(game.values(rows, keep), naive(game, rows, keep), rtol=0, atol=1e-12)


def test_a_linear_game_in_closed_form() -> None:
    frame = numbers(50, 5)
    data = data_of(frame, frame.a * 2 - frame.c)
    core = LinearRegression().fit(frame, frame.a * frame.b)
    game = game_of(adapt("m", core, frame), data, target=np.zeros(8, dtype=int))
    rows, keep = coalitions(game, 60)
    mean = data.background_inputs().to_numpy().mean(axis=0)
    x = np.where(keep, data.cases().to_numpy()[rows], mean)
    np.testing.assert_allclose(game.values(rows, keep), x @ core.coef_ + core.intercept_, atol=1e-12)


def test_blocks_of_model_rows_do_not_change_the_values(fitted, monkeypatch) -> None:
    data = binary_data()
    whole = game_of(fitted, data)
    rows, keep = coalitions(whole, 60)
    expected = whole.values(rows, keep)
    monkeypatch.setattr(module, "BLOCK", 30)
    np.testing.assert_allclose(game_of(fitted, data).values(rows, keep), expected, rtol=0, atol=1e-12)


def test_full_is_the_models_own_output_of_the_target(fitted) -> None:
    game = game_of(fitted, binary_data())
    own = fitted.predict(game.inputs, game.output)
    np.testing.assert_allclose(game.full(), own[np.arange(9), game.target], rtol=0, atol=1e-12)


@pytest.mark.parametrize("fill", ["background", "reference"])
def test_empty_is_the_mean_output_over_the_fill(fitted, fill: str) -> None:
    game = game_of(fitted, binary_data(), fill=fill)
    mean = fitted.predict(game.data.space.fill_rows(fill), game.output).mean(axis=0)
    np.testing.assert_allclose(game.empty(), mean[game.target], rtol=0, atol=1e-12)


def test_each_case_is_read_at_its_own_target() -> None:
    model = adapt("m", CORES["forest"]().fit(FRAME, Y), FRAME)
    data = binary_data()
    one, other = (game_of(model, data, target=np.full(9, k)) for k in (0, 1))
    both = game_of(model, data)
    rows, keep = coalitions(both, 30)
    expected = np.where(both.target[rows] == 0, one.values(rows, keep), other.values(rows, keep))
    np.testing.assert_array_equal(both.values(rows, keep), expected)
    np.testing.assert_allclose(one.values(rows, keep) + other.values(rows, keep), 1, atol=1e-12)


# ---- memory and counting


def test_what_was_asked_before_costs_nothing(fitted) -> None:
    game = game_of(fitted, binary_data())
    rows, keep = coalitions(game, 20)
    first = game.values(rows, keep)
    spent = game.rows_spent
    np.testing.assert_array_equal(game.values(rows[::-1], keep[::-1]), first[::-1])
    assert game.rows_spent == spent


def test_rows_spent_are_the_fill_rows_of_distinct_coalitions() -> None:
    model = adapt("m", CORES["logistic"]().fit(FRAME, Y), FRAME)
    game = game_of(model, binary_data())
    keep = np.array([[True, False, False, False, True]] * 3)
    game.values(np.array([0, 1, 0]), keep)
    assert game.rows_spent == 2 * 11
    game.full()
    assert game.rows_spent == 2 * 11 + 9
    game.empty()
    assert game.rows_spent == 2 * 11 + 9 + 2 * 11  # nothing shown: once for each target
    game.predict(FRAME)
    assert game.rows_spent == 4 * 11 + 9 + 60


def test_rows_spent_are_the_rows_that_reach_the_model() -> None:
    asked = []
    data = binary_data()
    inner = adapt("m", CORES["logistic"]().fit(FRAME, Y), FRAME)

    def counting(frame):
        asked.append(len(frame))
        return inner.predict(frame, "probability")

    model = adapt("f", counting, FRAME, ("no", "yes"))
    asked.clear()
    game = game_of(model, data)
    evaluate_coalitions(game, Streams(0))
    assert game.rows_spent == sum(asked)


def test_an_empty_question_has_an_empty_answer(fitted) -> None:
    game = game_of(fitted, binary_data())
    assert game.values(np.zeros(0, dtype=int), np.zeros((0, 5), dtype=bool)).shape == (0,)
    assert game.rows_spent == 0


def test_a_fill_without_rows_is_not_applicable() -> None:
    data = binary_data()
    game = game_of(adapt("m", CORES["logistic"]().fit(FRAME, Y), FRAME), data)
    object.__setattr__(data, "space", type("NoRows", (), {"d": 5, "fill_rows": lambda self, fill: None})())
    with pytest.raises(NotApplicable, match="no rows"):
        game.fill_rows()


# ---- coalition samples


@pytest.mark.parametrize("d", range(3, 8))
def test_all_pairs_are_every_complement_pair_once(d: int) -> None:
    keep, weights = all_pairs(d)
    assert keep.shape == (2 ** (d - 1) - 1, d)
    codes = {tuple(row) for row in keep.tolist()} | {tuple(row) for row in (~keep).tolist()}
    assert len(codes) == 2**d - 2
    assert weights.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("d", range(3, 8))
def test_every_size_has_the_same_weight(d: int) -> None:
    keep, weights = all_pairs(d)
    both, halves = np.concatenate([keep, ~keep]), np.concatenate([weights, weights]) / 2
    by_size = [halves[both.sum(axis=1) == size] for size in range(1, d)]
    assert [len(some) for some in by_size] == [comb(d, size) for size in range(1, d)]
    np.testing.assert_allclose([some.sum() for some in by_size], 1 / (d - 1))
    assert all(np.ptp(some) == 0 for some in by_size)


def test_sizes_are_uniform_and_members_too() -> None:
    keep = random_pairs(9, 20_000, np.random.default_rng(1))
    sizes = np.bincount(keep.sum(axis=1), minlength=10)[1:9]
    assert sizes.sum() == 20_000
    assert chisquare(sizes).pvalue > 1e-3
    assert chisquare(keep.sum(axis=0)).pvalue > 1e-3
    pairs = [np.sum(keep[:, i] & keep[:, j]) for i, j in combinations(range(9), 2)]
    assert np.ptp(pairs) / np.mean(pairs) < 0.1


@pytest.mark.parametrize(("d", "m"), [(3, 64), (16, 64), (17, 68), (30, 120)])
def test_sample_size(d: int, m: int) -> None:
    assert sample_size(d) == m


@pytest.mark.parametrize(("d", "m", "weighted"), [(2, 0, False), (3, 3, True), (7, 63, True), (8, 64, False), (12, 64, False)])
def test_small_tables_are_enumerated_and_large_ones_drawn(d: int, m: int, weighted: bool) -> None:
    frame = numbers(40, d)
    data = data_of(frame, frame.a, sizes=(4, 3))
    found = evaluate_coalitions(game_of(adapt("m", LinearRegression().fit(frame, frame.a), frame), data, target=[0] * 3), Streams(0))
    assert found.keep.shape == (3, m, d)
    assert found.shown.shape == found.hidden.shape == (3, m)
    assert (found.weights is not None) is weighted


def wide():
    frame = numbers(60, 9)
    y = (frame.a + frame.b * frame.c > 0).astype(np.int64)
    data = data_of(frame, y, ("no", "yes"), (10, 12))
    return data, [adapt("m", core.fit(frame, y), frame) for core in (LogisticRegression(), RandomForestClassifier(9, random_state=0))]


def test_the_coalition_sample_does_not_depend_on_the_chunk() -> None:
    data, (model, _) = wide()
    target = np.arange(12) % 2
    whole = evaluate_coalitions(game_of(model, data, target=target), Streams(4))
    for cases in (np.arange(5), np.arange(5, 12), np.array([11, 2])):
        part = evaluate_coalitions(game_of(model, data, cases=cases, target=target[cases]), Streams(4))
        np.testing.assert_array_equal(part.keep, whole.keep[cases])
        for name in ("shown", "hidden", "full", "empty", "spread"):
            np.testing.assert_allclose(getattr(part, name), getattr(whole, name)[cases], rtol=0, atol=1e-12)


def test_the_coalition_sample_does_not_depend_on_the_model_but_on_seed_and_case() -> None:
    data, models = wide()
    one, other = (evaluate_coalitions(game_of(model, data), Streams(4)).keep for model in models)
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one[0], one[1])
    assert not np.array_equal(one, evaluate_coalitions(game_of(models[0], data), Streams(5)).keep)


def test_what_the_model_answered_is_v_of_each_half() -> None:
    data, (model, _) = wide()
    game = game_of(model, data)
    found = evaluate_coalitions(game, Streams(4))
    for case in (0, 11):
        rows = np.full(5, case)
        np.testing.assert_allclose(found.shown[case, :5], naive(game, rows, found.keep[case, :5]), atol=1e-12)
        np.testing.assert_allclose(found.hidden[case, :5], naive(game, rows, ~found.keep[case, :5]), atol=1e-12)


def test_spread_is_the_deviation_of_the_explained_output_over_the_background() -> None:
    data, (model, _) = wide()
    game = game_of(model, data)
    outputs = model.predict(data.background_inputs(), game.output)
    np.testing.assert_allclose(evaluate_coalitions(game, Streams(4)).spread, [outputs[:, k].std() for k in game.target])
