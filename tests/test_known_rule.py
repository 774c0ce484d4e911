"""MONK's problem 1: the class is 1 if and only if a1 = a2 or a5 = 1. What a right explanation says of it is known."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

import xai_compare as xc
from tests.toys import brute_force_shapley, game_of, world
from xai_compare.api import run_study
from xai_compare.config import load_study, study_from_dict
from xai_compare.models.adapt import adapt

NAMES = ("a1", "a2", "a3", "a4", "a5", "a6")
IDLE = [NAMES.index(name) for name in ("a3", "a4", "a6")]
ACTIVE = [NAMES.index(name) for name in ("a1", "a2", "a5")]
STUDY = {
    "explainers": ["shap", "permutation_importance", "occlusion"],
    "metrics": ["additive_fit", "performance"],
    "data": {"explain": 40, "background": 100},
}


def rule(rows) -> np.ndarray:
    return ((rows["a1"] == rows["a2"]) | (rows["a5"] == "1")).to_numpy(dtype=float)


@pytest.fixture(scope="module")
def every_row() -> pd.DataFrame:
    """The whole input space, 432 rows of codes."""
    sizes = (3, 3, 2, 3, 4, 2)
    return pd.DataFrame([[str(code + 1) for code in row] for row in product(*map(range, sizes))], columns=NAMES)


@pytest.fixture(scope="module")
def audit(every_row):
    y = rule(every_row).astype(int)
    models = {
        "line": make_pipeline(OneHotEncoder(), LogisticRegression()).fit(every_row, y),
        "tree": make_pipeline(OneHotEncoder(), DecisionTreeClassifier(random_state=0)).fit(every_row, y),
        "rule": rule,
    }
    return xc.compare(models, every_row, y, background=every_row, study=STUDY)


def beyond(audit, model: str):
    """What no list of features tells: the part of the model's variation beyond additivity."""
    return next(
        row.value
        for row in audit.skills
        if (row.model, row.explainer, row.metric, row.part) == (model, "shap", "additive_fit", "beyond_additive")
    )


def strength(audit, model: str, method: str) -> np.ndarray:
    """(6,) mean size of each feature's value."""
    return np.abs(audit.results.attributions[model, method].values).mean(axis=0)


@pytest.mark.parametrize("method", STUDY["explainers"])
def test_columns_that_the_rule_does_not_read_are_worth_exactly_nothing(audit, method: str) -> None:
    values = audit.results.attributions["rule", method].values
    assert (values[:, IDLE] == 0).all()
    assert (np.abs(values[:, ACTIVE]).max(axis=0) > 0.05).all()


@pytest.mark.parametrize("method", STUDY["explainers"])
def test_nor_in_a_tree_that_learned_the_rule(audit, method: str) -> None:
    np.testing.assert_allclose(audit.results.attributions["tree", method].values[:, IDLE], 0, atol=1e-12)
    np.testing.assert_allclose(strength(audit, "tree", method), strength(audit, "rule", method), atol=1e-9)


def test_values_are_the_shapley_values_of_the_rule(audit, every_row) -> None:
    data = world(every_row[200:206].reset_index(drop=True), every_row[::9], task="classification", classes=("0", "1"))
    game = game_of(adapt("rule", rule, data.background_inputs(), data.classes), data, 1)
    found = xc.explain(rule, every_row[200:206], background=every_row[::9], y=np.arange(6) % 2, target="1")
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-12)


def test_the_interaction_lies_beyond_any_list_of_features(audit) -> None:
    assert beyond(audit, "rule").low > 0.1
    assert beyond(audit, "tree").estimate == pytest.approx(beyond(audit, "rule").estimate, abs=1e-9)
    assert beyond(audit, "line").estimate == pytest.approx(0, abs=1e-9)


def test_the_verdict_prefers_the_line_that_can_be_told(audit) -> None:
    leads = {gap.a: gap for gap in audit.gaps if gap.metric == "additive_fit" and gap.kind == "models" and gap.explainer == "shap"}
    assert {name: gap.verdict for name, gap in leads.items()} == {"tree": "worse", "rule": "worse"}
    scores = {row.model: row.value.estimate for row in audit.performance if (row.split, row.score) == ("test", "ROC-AUC")}
    assert scores["rule"] == scores["tree"] == 1
    assert scores["line"] < 0.9


# ---- the same from the original files


@pytest.fixture(scope="module")
def original(data_dir, tmp_path_factory):
    """The ready-made study on the original files: without the forest, fewer cases and methods, all models as probabilities.

    (A margin of a net goes on growing where it is certain already; idle columns move it there, and nothing that it says.)
    """
    spec = load_study(Path(__file__).parents[1] / "configs" / "monks.yaml").resolved()
    spec["data"] = {**spec["data"], "explain": 40}
    spec |= {"models": [model for model in spec["models"] if model["name"] != "forest"], "metrics": ["additive_fit", "performance"]}
    return run_study(
        study_from_dict({**spec, "output": "probability", "explainers": ["shap", "permutation_importance"]}),
        tmp_path_factory.mktemp("monks"),
    )


def test_the_files_hold_the_rule(data_dir, every_row) -> None:
    for part, n in (("train", 124), ("test", 432)):
        table = pd.read_csv(data_dir / "monks1_rule" / f"monks1_{part}.csv", dtype=str)
        np.testing.assert_array_equal(rule(table), table["class"].astype(float))
        assert len(table) == n
    assert set(map(tuple, table[list(NAMES)].to_numpy())) == set(map(tuple, every_row.to_numpy()))


@pytest.mark.parametrize("method", ["shap", "permutation_importance"])
def test_a_net_that_learned_the_rule_from_examples_gives_the_idle_columns_next_to_nothing(original, method: str) -> None:
    found = strength(original, "network", method)
    assert found[IDLE].max() < 0.05 * found[ACTIVE].min()


def test_of_the_original_files_the_interaction_is_told_too(original) -> None:
    assert not original.failed
    scores = {row.model: row.value.estimate for row in original.performance if (row.split, row.score) == ("test", "ROC-AUC")}
    assert scores["network"] == pytest.approx(1, abs=0.005)
    assert scores["logistic"] < 0.8
    assert beyond(original, "network").low > 0.1
    assert beyond(original, "logistic").high < 0.02
