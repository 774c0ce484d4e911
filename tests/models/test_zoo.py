"""Models trained from a study: repeatable, storable, and trained without a trace elsewhere."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from tests.made import TABULAR, data_of, mixed, numbers, outcome
from xai_compare.errors import MissingExtra, ModelError, XaiCompareError
from xai_compare.models.zoo import KINDS
from xai_compare.types import Data

FAST = {
    "catboost": {"iterations": 25, "learning_rate": 0.3},
    "extra_trees": {"n_estimators": 12},
    "gradient_boosting": {"n_estimators": 25},
    "hist_gradient_boosting": {"max_iter": 25, "min_samples_leaf": 5},
    "lightgbm": {"n_estimators": 25, "min_child_samples": 5},
    "mlp": {"hidden": [8], "epochs": 15, "patience": 5, "learning_rate": 0.02},
    "random_forest": {"n_estimators": 12},
    "xgboost": {"n_estimators": 25},
}
CASES = [(kind, task) for kind in TABULAR for task in KINDS[kind].tasks]


@cache
def table(task: str) -> Data:
    frame = mixed(120)
    if task == "classification":
        return data_of(frame, (outcome(frame) == "yes").astype(np.int64), ("no", "yes"))
    return data_of(frame, frame.height * 3 + frame.owner * 50 + (frame.town == "Bonn") * 20)


@cache
def fitted(kind: str, task: str, seed: int = 0):
    return KINDS[kind].fit("m", table(task), FAST.get(kind, {}), seed)


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_a_loaded_model_predicts_the_same_bits(kind: str, task: str) -> None:
    model, content = fitted(kind, task)
    again = KINDS[kind].load("m", content, table(task))
    inputs = table(task).test.inputs
    for space in sorted(model.offers & {"probability", "margin", "value"}):
        np.testing.assert_array_equal(again.predict(inputs, space), model.predict(inputs, space))
        np.testing.assert_array_equal(
            again.predict_encoded(again.encode(inputs), space), model.predict_encoded(model.encode(inputs), space)
        )
    for name in ("outputs", "native", "offers", "task"):
        assert getattr(again, name) == getattr(model, name)
    np.testing.assert_array_equal(again.owner, model.owner)


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_the_same_seed_gives_the_same_predictions(kind: str, task: str) -> None:
    model, _ = fitted(kind, task)
    again, _ = KINDS[kind].fit("m", table(task), FAST.get(kind, {}), 0)
    inputs = table(task).test.inputs
    np.testing.assert_array_equal(again.predict(inputs, again.native), model.predict(inputs, model.native))


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_the_same_seed_gives_a_stored_model_of_the_same_bytes(kind: str, task: str) -> None:
    _, content = fitted(kind, task)
    _, again = KINDS[kind].fit("m", table(task), FAST.get(kind, {}), 0)
    assert len(again) == len(content)
    if kind != "catboost":  # which writes an id and a date of its own
        assert again == content


@pytest.mark.parametrize("task", KINDS["mlp"].tasks)
def test_the_same_seed_gives_the_same_net_byte_for_byte(task: str) -> None:
    _, content = fitted("mlp", task)
    assert KINDS["mlp"].fit("m", table(task), FAST["mlp"], 0)[1] == content
    assert KINDS["mlp"].load("m", content, table(task)).to_bytes() == content


@pytest.mark.parametrize(("kind", "task"), [(kind, task) for kind, task in CASES if kind in ("mlp", "random_forest")])
def test_another_seed_gives_another_model(kind: str, task: str) -> None:
    one, other = fitted(kind, task)[0], fitted(kind, task, 1)[0]
    inputs = table(task).test.inputs
    assert not np.array_equal(one.predict(inputs, one.native), other.predict(inputs, one.native))


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_trained_models_are_opened_and_learn_something(kind: str, task: str) -> None:
    model, _ = fitted(kind, task)
    data = table(task)
    assert model.owner is not None
    assert sorted(set(model.owner.tolist())) == [0, 1, 2, 3, 4]
    found = model.predict(data.test.inputs, model.native)
    if task == "classification":
        assert (found.argmax(axis=1) == data.test.y).mean() > 0.7
    elif kind != "mlp":  # so few epochs are for speed
        assert np.corrcoef(found[:, 0], data.test.y)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("logistic_regression", {"c": 1}, "unknown parameter 'c': did you mean 'C'"),
        ("random_forest", {"n_estimator": 5}, "did you mean 'n_estimators'"),
        ("linear_regression", {"alpha": 5}, "unknown parameter 'alpha'"),
        ("xgboost", {"max_dept": 5}, "did you mean 'max_depth'"),
        ("lightgbm", {"num_leafs": 5}, "did you mean 'num_leaves'"),
        ("catboost", {"iteration": 5}, "did you mean 'iterations'"),
        ("svm", {"balance": True}, "did you mean 'balanced'"),
        ("svm", {"calibrated": "yes"}, "'calibrated' must be true or false"),
        ("svm", {"probability": True}, "use calibrated: true"),
        ("xgboost", {"calibrated": True}, "'calibrated' is for models without probabilities"),
        ("linear_regression", {"balanced": True}, "unknown parameter 'balanced'"),
        ("mlp", {"epoch": 5}, "unknown parameter 'epoch': did you mean 'epochs'"),
        ("mlp", {"epochs": "many"}, "parameter 'epochs'"),
        ("mlp", {"hidden": 8}, "parameter 'hidden'"),
    ],
)
def test_unknown_and_wrong_parameters_are_refused(kind: str, params, message: str) -> None:
    with pytest.raises(XaiCompareError, match=message):
        KINDS[kind].check(params)


BALANCED = [kind for kind in TABULAR if "classification" in KINDS[kind].tasks and kind not in ("mlp", "knn", "naive_bayes")]


@pytest.mark.parametrize("kind", [*BALANCED, "naive_bayes"])
def test_a_rare_class_counts_as_much_when_balanced(kind: str) -> None:
    rng = np.random.default_rng(0)
    frame = numbers(300)
    rare = ((frame.a + rng.normal(0, 1.5, 300)) > 2.2).astype(np.int64)
    data = data_of(frame, rare, ("common", "rare"))
    small = {
        "random_forest": {"max_depth": 3},
        "extra_trees": {"max_depth": 3},
        "decision_tree": {"max_depth": 2},
        "lightgbm": {"num_leaves": 4},
    }
    params = {**FAST.get(kind, {}), **small.get(kind, {})}
    said = [KINDS[kind].fit("m", data, {**params, **more}, 0)[0].decide(frame).mean() for more in ({}, {"balanced": True})]
    assert said[1] > said[0]
    KINDS[kind].check({"balanced": True})


def test_what_cannot_be_balanced_says_so() -> None:
    with pytest.raises(ModelError, match="KNeighborsClassifier has no weights"):
        KINDS["knn"].fit("m", table("classification"), {"balanced": True}, 0)
    for kind in ("random_forest", "xgboost"):
        with pytest.raises(ModelError, match="'balanced' is for classes"):
            KINDS[kind].fit("m", table("regression"), {"balanced": True}, 0)


def test_a_support_vector_machine_has_margins_and_calibrated_ones_probabilities() -> None:
    data = table("classification")
    margin, content = KINDS["svm"].fit("m", data, {}, 0)
    assert margin.offers == {"margin"}
    assert KINDS["svm"].load("m", content, data).offers == {"margin"}
    likely, content = KINDS["svm"].fit("m", data, {"calibrated": True, "balanced": True}, 0)
    assert likely.native == "probability"
    again = KINDS["svm"].load("m", content, data)
    found = likely.predict(data.test.inputs, "probability")
    np.testing.assert_array_equal(again.predict(data.test.inputs, "probability"), found)
    assert np.corrcoef(found[:, 1], margin.predict(data.test.inputs, "margin")[:, 1])[0, 1] > 0.8


def test_a_support_vector_regression_does_not_depend_on_the_targets_unit() -> None:
    frame = numbers(80)
    y = (frame.a + frame.b * frame.c).to_numpy()
    one, thousand = (KINDS["svm"].fit("m", data_of(frame, y * unit), {}, 0)[0].predict(frame, "value") for unit in (1.0, 1000.0))
    np.testing.assert_allclose(thousand / 1000, one, atol=0.01)
    assert np.corrcoef(one[:, 0], y)[0, 1] > 0.8


@pytest.mark.parametrize("kind", ["decision_tree", "xgboost", "logistic_regression"])
def test_a_class_without_training_rows_is_named(kind: str) -> None:
    data = data_of(numbers(30), np.zeros(30, dtype=np.int64), ("no", "yes"))
    with pytest.raises(ModelError, match="no training row has the class 'yes'"):
        KINDS[kind].fit("m", data, FAST.get(kind, {}), 0)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_a_library_that_is_not_there_names_its_extra(library: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"xai-compare-toolkit\[boosting\]"):
        KINDS[library].check({})
    with pytest.raises(MissingExtra, match="boosting"):
        KINDS[library].fit("m", table("classification"), {}, 0)


@pytest.mark.parametrize("kind", ["logistic_regression", "random_forest", "lightgbm", "gam"])
def test_ten_thousand_levels_are_one_column_of_target_means(kind: str) -> None:
    frame = numbers(400).assign(code=[f"c{number}" for number in np.random.default_rng(0).integers(0, 10_000, 400)])
    data = data_of(frame, (frame.a > 0).astype(np.int64), ("0", "1"))
    model, _ = KINDS[kind].fit("m", data, FAST.get(kind, {}), 0)
    assert (model.owner == 4).sum() == 1
    strange = frame.head(3).assign(code=["new", None, "c1"])
    assert np.isfinite(model.predict(strange, model.native)).all()


@pytest.mark.parametrize("kind", TABULAR)
def test_odd_columns_and_dtypes_are_taken(kind: str) -> None:
    frame = mixed(90).assign(constant=3.0, empty=np.nan, one="same")
    frame = frame.astype({"children": "Int64", "town": "category", "owner": "boolean", "height": "Float32"})
    frame.loc[::7, ["children", "owner", "height", "town"]] = pd.NA
    task = "classification" if "classification" in KINDS[kind].tasks else "regression"
    y = (outcome(mixed(90)) == "yes").astype(np.int64)
    data = data_of(frame, y if task == "classification" else y * 5.0, ("no", "yes") if task == "classification" else ())
    model, content = KINDS[kind].fit("m", data, FAST.get(kind, {}), 0)
    found = model.predict(frame, model.native)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(KINDS[kind].load("m", content, data).predict(frame, model.native), found)
    assert model.closed == ""


def test_additive_splines_are_read_as_linear() -> None:
    frame = numbers(200).assign(flag=np.arange(200) % 2.0)
    data = data_of(frame, np.sin(2 * frame.a) + frame.b**2 + frame.flag)
    model, _ = KINDS["gam"].fit("m", data, {"alpha": 0.01}, 0)
    assert "linear" in model.offers
    assert np.bincount(model.owner).tolist() == [7, 7, 7, 7, 1]
    assert np.corrcoef(model.predict(frame, "value")[:, 0], data.train.y)[0, 1] > 0.98


@pytest.mark.parametrize("kind", list(KINDS))
def test_own_parameters_pass(kind: str) -> None:
    KINDS[kind].check(FAST.get(kind, {}))


def test_a_forest_takes_the_criteria_of_both_its_tasks() -> None:
    for task, criterion in (("classification", "entropy"), ("regression", "absolute_error")):
        KINDS["random_forest"].check({"criterion": criterion})
        KINDS["random_forest"].fit("m", table(task), {"criterion": criterion, "n_estimators": 2}, 0)


@pytest.mark.parametrize(("kind", "params"), [("logistic_regression", {"C": -1}), ("random_forest", {"n_estimators": "many"})])
def test_a_value_that_the_estimator_refuses_is_a_model_error_with_the_name(kind: str, params) -> None:
    with pytest.raises(ModelError, match="model 'm' cannot be trained"):
        KINDS[kind].fit("m", table("classification"), params, 0)


@pytest.mark.parametrize("params", [{"hidden": [0]}, {"hidden": [-3]}, {"epochs": 0}, {"learning_rate": -1.0}])
def test_a_net_that_cannot_be_is_refused_before_training(params) -> None:
    with pytest.raises(XaiCompareError, match=f"'?{next(iter(params))}'?"):
        KINDS["mlp"].check(params)


# ---- without a trace


@pytest.mark.parametrize("step", ["fit", "load", "predict"])
@pytest.mark.parametrize(("kind", "task"), CASES)
def test_global_state_is_left_alone(kind: str, task: str, step: str) -> None:
    data, (model, content) = table(task), fitted(kind, task)
    torch.manual_seed(123)
    np.random.seed(123)
    threads = torch.get_num_threads()
    before = torch.get_rng_state(), np.random.get_state(legacy=False)
    if step == "fit":
        KINDS[kind].fit("m", data, FAST.get(kind, {}), 5)
    elif step == "load":
        KINDS[kind].load("m", content, data)
    else:
        model.predict(data.test.inputs, model.native)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_equal(np.random.get_state(legacy=False), before[1])
    assert torch.get_num_threads() == threads


def test_the_callers_torch_generator_does_not_reach_the_training() -> None:
    _, content = fitted("mlp", "classification")
    torch.manual_seed(99)
    assert KINDS["mlp"].fit("m", table("classification"), FAST["mlp"], 0)[1] == content


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_training_leaves_the_data_alone(kind: str, task: str) -> None:
    data = table(task)
    before = data.train.inputs.copy(deep=True), data.train.y.copy()
    KINDS[kind].fit("m", data, FAST.get(kind, {}), 5)
    assert data.train.inputs.equals(before[0])
    np.testing.assert_array_equal(data.train.y, before[1])


# ---- the net


def test_the_net_encodes_categories_one_hot_and_an_unseen_one_as_zeros() -> None:
    model, _ = fitted("mlp", "classification")
    frame = mixed(3).assign(town=["Bonn", "Cork", "Nowhere"], owner=[True, False, True])
    encoded = model.encode(frame)
    assert model.owner.tolist() == [0, 1, 2, 3, 3, 3, 4, 4]
    np.testing.assert_array_equal(encoded[:, 3:6], [[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(encoded[:, 6:], [[0, 1], [1, 0], [0, 1]])
    assert np.isfinite(model.predict(frame, "margin")).all()


@pytest.mark.parametrize("dtype", ["category", "string", object])
def test_the_net_takes_any_kind_of_text_column(dtype) -> None:
    frame = mixed(60)
    data = data_of(frame.astype({"town": dtype}), (outcome(frame) == "yes").astype(np.int64), ("no", "yes"))
    model, content = KINDS["mlp"].fit("m", data, FAST["mlp"], 0)
    found = model.predict(data.test.inputs, "margin")
    np.testing.assert_array_equal(KINDS["mlp"].load("m", content, data).predict(data.test.inputs, "margin"), found)
    assert (model.encode(data.test.inputs)[:, 3:6].sum(axis=1) == 1).all()


def test_margins_of_the_net_are_log_odds() -> None:
    model, _ = fitted("mlp", "classification")
    inputs = table("classification").test.inputs
    p, z = model.predict(inputs, "probability"), model.predict(inputs, "margin")
    np.testing.assert_allclose(z[:, 0], -z[:, 1], rtol=1e-5)
    np.testing.assert_allclose(z[:, 1], np.log(p[:, 1] / p[:, 0]), atol=1e-4)


def test_three_class_margins_of_the_net_are_centred_log_probabilities() -> None:
    frame = numbers(90)
    data = data_of(frame, np.digitize(frame.a, [-0.5, 0.5]), ("l", "m", "h"))
    model, _ = KINDS["mlp"].fit("m", data, FAST["mlp"], 0)
    p, z = model.predict(data.test.inputs, "probability"), model.predict(data.test.inputs, "margin")
    np.testing.assert_allclose(z, np.log(p) - np.log(p).mean(axis=1, keepdims=True), atol=1e-4)


def test_one_row_gets_the_same_bits_alone_and_among_others() -> None:
    model, _ = fitted("mlp", "regression")
    inputs = table("regression").test.inputs
    together = model.predict(inputs, "value")
    alone = np.concatenate([model.predict(inputs.iloc[[i]], "value") for i in (0, 7, 60)])
    np.testing.assert_array_equal(alone, together[[0, 7, 60]])


def test_a_constant_column_does_not_break_the_net() -> None:
    frame = numbers(40).assign(b=3.0)
    data = data_of(frame, (frame.a > 0).astype(np.int64), ("0", "1"))
    model, _ = KINDS["mlp"].fit("m", data, FAST["mlp"], 0)
    assert np.isfinite(model.predict(frame.assign(b=4.0), "margin")).all()


def test_the_net_has_the_architecture_that_was_asked_for() -> None:
    model, _ = KINDS["mlp"].fit("m", table("classification"), {"hidden": [5, 3], "epochs": 1}, 0)
    shapes = [tuple(value.shape) for name, value in model.core.state_dict().items() if name.endswith("weight")]
    assert shapes == [(5, 8), (3, 5), (2, 3)]
    assert not model.core.training
