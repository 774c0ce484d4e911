"""Keys change with everything that changes a number, and with nothing else."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.made import data_of, numbers, study_of
from tests.run import plugins
from xai_compare.config import study_from_dict
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.run import keys as keys_module
from xai_compare.run.jobs import graph
from xai_compare.run.keys import Keys, data_hash, digest
from xai_compare.run.plan import plan_given, plan_study
from xai_compare.types import Truth

DATA = study_of()["data"]
LINE, FOREST = study_of()["models"]


def keys(**options) -> dict[str, str]:
    made = plan_study(study_from_dict(study_of(**options)))
    of = Keys(made)
    return {str(job): of(job) for job in graph(made)}


@pytest.fixture(scope="module")
def base() -> dict[str, str]:
    return keys()


def changed(a: dict[str, str], b: dict[str, str]) -> set[str]:
    return {name for name in a.keys() & b.keys() if a[name] != b[name]}


def test_keys_are_distinct(base) -> None:
    assert len(set(base.values())) == len(base)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"title": "Another title"},
        {"compare": {"tolerance": {"fidelity": 0.01}, "level": 0.9}},
        {"report": {"title": "T", "show_values": False}},
        {"explainers": [{"name": "shap", "params": {"permutations": 10}}, "permutation_importance"]},  # the default, written out
        {"data": {**DATA, "test_size": 0.3}},
    ],
    ids=str,
)
def test_what_changes_no_number_changes_no_key(options, base) -> None:
    assert keys(**options) == base


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 1},
        {"output": "probability"},
        {"fill": "reference"},
        {"target": "setosa"},
        {"data": {**DATA, "explain": 29}},
        {"data": {**DATA, "background": 11}},
        {"data": {**DATA, "test_size": 0.4}},
        {"data": {**DATA, "labels": {"setosa": "A", "versicolor": "B", "virginica": "C"}}},
        {"models": [{**LINE, "params": {"C": 2.0}}, FOREST]},
        {"models": [LINE, {**FOREST, "reference": True}]},
    ],
    ids=str,
)
def test_what_changes_every_number_changes_every_key(options, base) -> None:
    new = keys(**options)
    assert changed(base, new) == base.keys() & new.keys()


def test_parameters_of_a_model_change_its_own_keys_only(base) -> None:
    new = keys(models=[LINE, {**FOREST, "params": {"n_estimators": 9}}])
    assert changed(base, new) == {name for name in base if "forest" in name}


def test_parameters_of_an_explainer_change_the_keys_that_name_it(base) -> None:
    new = keys(explainers=["shap", {"name": "permutation_importance", "params": {"repeats": 3}}])
    assert changed(base, new) == {name for name in base if "permutation_importance" in name}


def test_another_class_under_the_same_name_has_other_keys(explainer) -> None:
    explainer("own", plugins.Made)
    one = keys(explainers=["own"])
    explainer("own", plugins.Warns)
    assert changed(one, keys(explainers=["own"])) == {name for name in one if "own" in name}


def data(frame=None, **options):
    frame = numbers(40) if frame is None else frame
    return data_of(frame, (numbers(40).a > 0).astype(np.int64), ("no", "yes"), **options)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(c=frame.c.where(frame.index != 7, 1e-9 + frame.c)),
        lambda frame: frame.rename(columns={"c": "C"}),
        lambda frame: frame.astype({"c": "float32"}),
        lambda frame: frame[["b", "a", "c", "d"]],
        lambda frame: frame.iloc[[1, 0, *range(2, 40)]],
    ],
)
def test_the_hash_of_data_sees_every_value_name_type_and_order(change) -> None:
    assert data_hash(data(change(numbers(40)))) != data_hash(data())


def test_the_hash_of_data_sees_targets_and_draws() -> None:
    found = {data_hash(data()), data_hash(data(seed=1)), data_hash(data(sizes=(10, 9)))}
    found.add(data_hash(data_of(numbers(40), (numbers(40).b > 0).astype(np.int64), ("no", "yes"))))
    assert len(found) == 4
    assert data_hash(data()) == data_hash(data())


def test_the_hash_of_data_sees_what_is_known_to_be_true() -> None:
    phi = np.random.default_rng(0).standard_normal((40, 4))
    truths = [None, Truth(phi), Truth(phi, phi > 0), Truth(mask=phi > 0), Truth(-phi)]
    assert len({data_hash(replace(data(), truth=truth)) for truth in truths}) == len(truths)


def model_key(model, frame=None) -> str:
    frame = numbers(40) if frame is None else frame
    study = study_from_dict({"data": {"source": "python"}, "models": [{"name": "m", "kind": "given"}], "explainers": ["shap"]})
    return Keys(plan_given(study, data(), {"m": adapt("m", model, frame.head(10), ("no", "yes"))})).models["m"]


def test_fitted_models_are_told_apart_by_parameters_and_predictions() -> None:
    X = numbers(40)
    y = np.where(X.a > 0, "yes", "no")
    one, same = (LogisticRegression().fit(X, y) for _ in range(2))
    other = LogisticRegression(C=3.0).fit(X, y)
    moved = LogisticRegression().fit(X, y)
    moved.coef_ = moved.coef_ + 1e-6
    assert model_key(one) == model_key(same)
    assert len({model_key(one), model_key(other), model_key(moved), model_key(one.predict_proba)}) == 4


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2, {"c": 3, "d": 4}]}) == digest({"b": [2, {"d": 4, "c": 3}], "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_a_model_file_that_was_replaced_is_another_model(tmp_path):
    """Two models that predict the same for every known case are still two."""
    plain = plan_study(study_from_dict(study_of()))
    given = {name: KINDS["logistic_regression"].fit(name, plain.data, {}, 0)[0] for name in plain.models}
    keys = []
    for known in ("one", "one", "other"):
        for model in given.values():
            model.about = {**model.about, "loaded": {"sha256": known}}
        keys.append(Keys(replace(plain, given=given)).models)
    assert keys[0] == keys[1]
    assert not set(keys[0].values()) & set(keys[2].values())


def test_a_plugin_from_outside_takes_its_source_into_the_key(tmp_path, monkeypatch):
    source = "from tests.run.plugins import Made\nclass Mine(Made):\n    pass\n"
    found = []
    for text in (source, source, source + "# changed\n"):
        (tmp_path / "outside_plugin.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        sys.modules.pop("outside_plugin", None)
        keys_module._source_of.cache_clear()
        found.append(keys_module._spelled(importlib.import_module("outside_plugin").Mine()))
    assert found[0] == found[1] != found[2]
