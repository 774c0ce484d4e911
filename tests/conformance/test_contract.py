"""One contract for every registered plugin: a new explainer or metric is tested by being registered."""

from __future__ import annotations

import pickle
from dataclasses import fields, is_dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.worlds import WORLDS, net
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS, Explainer
from xai_compare.game import Coalitions, Game, evaluate_coalitions
from xai_compare.metrics import METRICS, Metric, View
from xai_compare.models.adapt import adapt
from xai_compare.models.destroyed import Destroyed
from xai_compare.models.trained import Training
from xai_compare.models.zoo import KINDS
from xai_compare.removal import best_orders, remove
from xai_compare.run.again import Again
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Scores, Truth

N = 8  # explained cases
MODELS = ("logistic", "forest", "net", "function", "multiclass", "line", "trees", "value_net")
NETS = ("cnn image", "lstm series", "transformer series", "lstm text", "transformer text")  # kind and modality


@cache
def table(kind: str):
    """(frame, target): numeric and categorical columns; two classes, three classes or a number."""
    rng = np.random.default_rng(1)
    n = 240
    frame = pd.DataFrame(rng.standard_normal((n, 4)), columns=["age", "in come", "debt", "x.y"])
    frame["job"] = rng.choice(["clerk", "cook", "none"], n)
    frame["owner"] = rng.choice([True, False], n)
    signal = frame["age"] + frame["in come"] * frame["debt"] + (frame["job"] == "cook") + rng.normal(0, 0.3, n)
    if kind == "value":
        return frame, signal.to_numpy()
    cuts = [0.3] if kind == "binary" else [-0.3, 0.8]
    return frame, np.digitize(signal, cuts)


def truth_of(rows: int) -> Truth:
    """The features that `table` uses, and how the linear ones enter."""
    mask = np.tile([True, True, True, False, True, False], (rows, 1))
    return Truth(mask * np.array([1.0, 0.4, -0.4, 0.0, 0.5, 0.0]), mask)


@cache
def setting(name: str):
    """(model, data) for one of MODELS or NETS."""
    if name in NETS:
        kind, modality = name.split()
        return net(kind, modality), WORLDS[modality](cases=N)
    kind = {"multiclass": "multi", "line": "value", "trees": "value", "value_net": "value"}.get(name, "binary")
    frame, y = table(kind)
    task = "regression" if kind == "value" else "classification"
    classes = tuple(map(str, range(len(set(y.tolist()))))) if task == "classification" else ()
    train, test = as_table(as_frame(frame.head(160)), y[:160]), as_table(as_frame(frame.tail(80)), y[160:])
    data = replace(assemble(train, test, task, classes, (20, N), Streams(0)), truth=truth_of(80))
    prepare = make_column_transformer((StandardScaler(), ["age", "in come", "debt", "x.y"]), (OneHotEncoder(), ["job", "owner"]))
    if name in ("net", "value_net"):
        return KINDS["mlp"].fit(name, data, {"hidden": [16], "epochs": 30}, 0)[0], data
    made = {
        "forest": RandomForestClassifier(15, random_state=0),
        "trees": RandomForestRegressor(15, random_state=0),
        "line": LinearRegression(),
    }.get(name, LogisticRegression())
    fitted = make_pipeline(prepare, made).fit(frame.head(160), y[:160])
    return adapt(name, fitted.predict_proba if name == "function" else fitted, data.background_inputs(), classes), data


def game_for(name: str, cases: np.ndarray | None = None) -> Game:
    model, data = setting(name)
    cases = np.arange(N) if cases is None else cases
    target = np.zeros(len(cases), dtype=np.int64)
    if data.task == "classification":
        target = (np.arange(N) % len(data.classes)).astype(np.int64)[cases]
    return Game(model, data, data.cases(cases), cases, target, model.native)


def explained(explainer: str, name: str, cases: np.ndarray | None = None, run: int = 0) -> Attribution:
    """The attribution, or a skip with the reason where the method does not fit the model. Computed anew only when asked for a run."""
    found = _explained(explainer, name, tuple(range(N) if cases is None else cases.tolist()), run)
    if isinstance(found, str):
        pytest.skip(f"{explainer} on {name}: {found}")
    return found


@cache
def _explained(explainer: str, name: str, cases: tuple[int, ...], run: int) -> Attribution | str:
    try:
        return EXPLAINERS[explainer]()(game_for(name, np.array(cases)), Streams(0).at(explainer))
    except NotApplicable as reason:
        return str(reason)


every_pair = pytest.mark.parametrize(("explainer", "model"), [(e, m) for e in EXPLAINERS for m in (*MODELS, *NETS)])

# float32 nets round otherwise in a batch of another size, and texts beside a longer one are padded further.
CLOSE = {name: {"rtol": 1e-4, "atol": 1e-5} for name in NETS}


def held(inputs):
    """A copy of inputs as numbers or text, to be compared later."""
    return inputs.copy(deep=True) if isinstance(inputs, pd.DataFrame) else inputs.copy()


def assert_same(inputs, before) -> None:
    if isinstance(before, pd.DataFrame):
        pd.testing.assert_frame_equal(inputs, before)
    else:
        np.testing.assert_array_equal(inputs, before)


class TestExplainers:
    @pytest.mark.parametrize("name", list(EXPLAINERS))
    def test_is_a_frozen_dataclass_with_its_facts_and_documentation(self, name):
        cls = EXPLAINERS[name]
        made = cls()
        assert isinstance(made, Explainer)
        assert is_dataclass(cls)
        assert cls.__dataclass_params__.frozen
        assert cls.title
        assert cls.__doc__
        assert "cost" in cls.__doc__.lower()
        for field in fields(cls):
            assert field.name in cls.__doc__, f"parameter {field.name} is not documented"
        assert cls.control or cls.citation
        assert pickle.loads(pickle.dumps(made)) == made

    def test_there_is_exactly_one_control(self):
        assert sum(EXPLAINERS[name].control for name in EXPLAINERS) == 1

    @pytest.mark.parametrize("name", [name for name in EXPLAINERS if not getattr(EXPLAINERS[name], "on_request", False)])
    def test_fits_one_of_the_models_at_least(self, name):
        found = (_explained(name, model, tuple(range(N)), 0) for model in (*MODELS, *NETS))
        assert any(isinstance(one, Attribution) for one in found), "nothing here would be tested of it"

    @every_pair
    def test_shape_target_space_and_facts(self, explainer, model):
        game, found = game_for(model), explained(explainer, model)
        present = np.ones(found.values.shape, dtype=bool) if found.present is None else found.present
        np.testing.assert_array_equal(present, game.present)
        np.testing.assert_array_equal(np.isfinite(found.values), present)
        assert found.detail is None or (len(found.detail) == N and found.detail.dtype == np.float32)
        assert found.values.shape == (N, game.d)
        assert found.values.dtype == np.float64
        assert found.output == game.output
        np.testing.assert_array_equal(found.target, game.target)
        cls = EXPLAINERS[explainer]
        assert (found.signed, found.scope) == (cls.signed, cls.scope)
        assert found.additive == cls.additive
        if found.scope == "model":
            assert (found.values == found.values[0]).all()

    @every_pair
    def test_same_seed_same_bits(self, explainer, model):
        one, two = explained(explainer, model), explained(explainer, model, run=1)
        np.testing.assert_array_equal(one.values, two.values)

    @every_pair
    def test_cases_do_not_depend_on_their_chunk(self, explainer, model):
        whole = explained(explainer, model).values
        some = np.array([5, 2])
        close = CLOSE.get(model, {"rtol": 1e-6, "atol": 1e-7})
        np.testing.assert_allclose(explained(explainer, model, some).values, whole[some], **close)

    @every_pair
    def test_additive_methods_add_up(self, explainer, model):
        found = explained(explainer, model)
        if not found.additive:
            pytest.skip("not additive by design")
        game = game_for(model)
        np.testing.assert_allclose(found.base, game.empty(), atol=1e-5 if model in NETS else 1e-6)
        if model in NETS and "degraded" in found.about:
            pytest.skip(found.about["degraded"])
        slack = 0.01 * np.nansum(np.abs(found.values), axis=1).max() if explainer == "integrated_gradients" else 1e-6
        slack = max(slack, 1e-4) if model in NETS else slack
        np.testing.assert_allclose(found.base + np.nansum(found.values, axis=1), game.full(), atol=slack)

    @every_pair
    def test_inputs_model_and_global_randomness_are_left_as_found(self, explainer, model):
        import torch

        adapted, data = setting(model)
        before = held(data.test.inputs), held(data.background_inputs()), adapted.predict(data.test.inputs, adapted.native)
        np.random.seed(4)
        torch.manual_seed(4)
        expected = np.random.get_state()[1].copy(), torch.get_rng_state().clone()
        explained(explainer, model, run=2)
        np.testing.assert_array_equal(np.random.get_state()[1], expected[0])
        assert torch.equal(torch.get_rng_state(), expected[1])
        assert_same(data.test.inputs, before[0])
        assert_same(data.background_inputs(), before[1])
        np.testing.assert_array_equal(adapted.predict(data.test.inputs, adapted.native), before[2])


@cache
def sampled(model: str, start: int = 0, stop: int = N) -> Coalitions:
    return evaluate_coalitions(game_for(model, np.arange(start, stop)), Streams(0).at("coalitions"))


@cache
def ruins(model: str) -> Destroyed:
    return Destroyed(*setting(model), Streams(0).at("destroy"))


@cache
def of_the_model(metric: str, model: str) -> Scores:
    """A metric of the model itself; the nets are such as the study trains, which can be trained again."""
    adapted, data = setting(model)
    if model in ("net", "value_net"):
        adapted = Training(model, "mlp", 0, {"hidden": [16], "epochs": 3}).train(data)[0]
    try:
        return METRICS[metric]()(View(data, Streams(0), model=adapted))
    except NotApplicable as reason:
        pytest.skip(f"{metric} on {model}: {reason}")


def scored(metric: str, model: str, cases: np.ndarray, scale: float = 1.0, made: Metric | None = None) -> Scores:
    """A metric on SHAP (and a second, noisy attribution where it wants two)."""
    adapted, data = setting(model)
    cls = METRICS[metric]
    if cls.scope == "model":
        return of_the_model(metric, model)
    game, streams = game_for(model, cases), Streams(0).at("shap")
    shap, control = explained("shap", model, cases), explained("random", model, cases)
    noisy = Attribution(shap.values + 0.3 * np.abs(shap.values).mean(axis=1, keepdims=True) * control.values, shap.target, shap.output)
    own = Attribution(scale * shap.values, shap.target, shap.output, base=shap.base, additive=True)
    pair = (own, noisy) if cls.scope == "methods" else (own,)
    sample = sampled(model, int(cases[0]), int(cases[-1]) + 1)
    played = np.arange(len(cases))
    again = Again(EXPLAINERS["shap"](), "shap", game, streams)

    def rerun(*args, **changed):
        found = again(*args, **changed)
        return replace(found, values=scale * found.values)

    view = View(
        data,
        Streams(0),
        tuple(cases.tolist()),
        pair,
        control=control,
        coalitions=sample,
        removal=remove(game, own.values, own.signed, played, Streams(0).at("removal")) if "removal" in cls.needs else None,
        bounds=best_orders(game, played) if "bounds" in cls.needs else None,
        model=adapted,
        rerun=rerun,
        destroyed=ruins(model),
    )
    try:
        return (made or cls())(view)
    except NotApplicable as reason:
        pytest.skip(f"{metric} on {model}: {reason}")


def fits(metric: str, model: str) -> bool:
    try:
        scored(metric, model, np.arange(N))
    except pytest.skip.Exception:
        return False
    return True


def flat(scores: Scores, prefix: str = "") -> dict[str, Scores]:
    out = {prefix or "value": scores}
    for name, part in scores.parts.items():
        out |= flat(part, f"{prefix}{name}")
    return out


# Whether an explanation adds up to the output is a question of its scale; every other score leaves it out.
SCALE_MATTERS = {("completeness", "value"), ("infidelity", "own_scale")}

every_metric = pytest.mark.parametrize(("metric", "model"), [(m, k) for m in METRICS for k in MODELS])


class TestMetrics:
    @pytest.mark.parametrize("name", list(METRICS))
    def test_is_a_frozen_dataclass_with_its_facts_and_documentation(self, name):
        cls = METRICS[name]
        made = cls()
        assert isinstance(made, Metric)
        assert cls.__dataclass_params__.frozen
        assert all((cls.title, cls.question, cls.range, cls.chance, cls.cost, cls.citation, cls.__doc__))
        assert "range" in cls.__doc__.lower() or cls.scope == "model"
        for field in fields(cls):
            assert field.name in cls.__doc__, f"parameter {field.name} is not documented"
        assert pickle.loads(pickle.dumps(made)) == made

    def test_one_lead_for_each_question_at_most(self):
        leads = [METRICS[name].question for name in METRICS if METRICS[name].lead]
        assert len(leads) == len(set(leads))

    @pytest.mark.parametrize("metric", list(METRICS))
    def test_fits_one_of_the_models_at_least(self, metric):
        assert any(fits(metric, model) for model in ("multiclass", "net", "line")), "nothing here would be tested of it"

    @every_metric
    def test_one_score_a_case_and_a_reason_for_every_nan(self, metric, model):
        for name, part in flat(scored(metric, model, np.arange(N))).items():
            assert len(part.values) == (1 if METRICS[metric].scope == "model" else N), name
            assert part.values.dtype == np.float64
            assert set(np.flatnonzero(np.isnan(part.values)).tolist()) <= set(part.reasons), name

    @every_metric
    def test_deterministic_and_independent_of_chunks(self, metric, model):
        if METRICS[metric].scope == "model":
            pytest.skip("has no chunks")
        whole, tail = scored(metric, model, np.arange(N)), scored(metric, model, np.arange(3, N))
        for name, part in flat(whole).items():
            np.testing.assert_allclose(flat(tail)[name].values, part.values[3:], rtol=1e-6, atol=1e-9, err_msg=name)

    @every_metric
    def test_a_positive_factor_on_the_attribution_changes_nothing(self, metric, model):
        if METRICS[metric].scope == "model":
            pytest.skip("looks at no attribution")
        one, two = scored(metric, model, np.arange(N)), scored(metric, model, np.arange(N), scale=1000.0)
        for name, part in flat(one).items():
            if (metric, name) in SCALE_MATTERS:
                with pytest.raises(AssertionError):
                    np.testing.assert_allclose(flat(two)[name].values, part.values, rtol=1e-6, atol=1e-9)
            else:
                np.testing.assert_allclose(flat(two)[name].values, part.values, rtol=1e-6, atol=1e-9, err_msg=name)

    @every_metric
    def test_never_above_its_ceiling(self, metric, model):
        for name, part in flat(scored(metric, model, np.arange(N))).items():
            if part.ceiling is None:
                continue
            sign = 1 if METRICS[metric].better == "higher" else -1
            known = ~np.isnan(part.values)
            if "bounds" in METRICS[metric].needs:  # a greedy order is not quite the best: its skill may pass 1 by a hair
                assert part.values[known].sum() <= 1.01 * part.ceiling[known].sum(), name
            elif "destroyed" in METRICS[metric].needs:  # a case may share less than chance with a destroyed model; not so their mean
                over = (part.values - part.ceiling)[known]
                assert over.mean() <= 3 * over.std() / np.sqrt(len(over)) + 1e-9, name
            else:
                assert (sign * (part.values - part.ceiling) <= 1e-9)[known].all(), name
