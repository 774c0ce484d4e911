"""What a reviewer would conclude, on data where the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import xai_compare as xc

STUDY = {"explainers": ["shap"], "metrics": ["additive_fit"], "data": {"explain": 80}}


@pytest.fixture(scope="module")
def planted_xor():
    """Two of eight columns decide by their signs alone; a logistic regression sees only a third, weak, additive one."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((1600, 8)), columns=list("abcdefgh"))
    y = ((X["a"] * X["b"] > 0) ^ (rng.random(1600) < 0.02)).astype(int)
    models = {
        "logistic": LogisticRegression().fit(X[:1200], y[:1200]),
        "forest": RandomForestClassifier(100, min_samples_leaf=5, random_state=0).fit(X[:1200], y[:1200]),
    }
    return xc.compare(models, X[1200:], y[1200:], background=X[:1200], study=STUDY)


def part(result, model, name, explainer="shap"):
    (row,) = [r for r in result.skills if (r.model, r.explainer, r.metric, r.part) == (model, explainer, "additive_fit", name)]
    return row.value


def test_the_forest_that_learned_the_xor_lies_beyond_any_additive_explanation(planted_xor):
    forest, logistic = (part(planted_xor, model, "beyond_additive") for model in ("forest", "logistic"))
    assert forest.low > 0.25
    assert logistic.estimate == pytest.approx(0, abs=1e-9)
    assert forest.low > (logistic.high or logistic.estimate)


def test_the_loss_is_the_models_not_the_methods(planted_xor):
    assert abs(part(planted_xor, "forest", "lost_by_method").estimate) < 0.02


def test_the_verdict_says_worse(planted_xor):
    (gap,) = [gap for gap in planted_xor.gaps if gap.headline and gap.question == "fidelity"]
    assert (gap.a, gap.b, gap.verdict) == ("forest", "logistic", "worse")
    assert gap.gap.high < -0.25


def test_the_control_is_at_chance(planted_xor):
    for model in ("logistic", "forest"):
        (row,) = [r for r in planted_xor.skills if (r.model, r.explainer, r.metric, r.part) == (model, "random", "additive_fit", "")]
        assert abs(row.skill.estimate) < 3 * (row.skill.high - row.skill.low) / 3.92


def test_german_credit_from_ready_made_pipelines(data_dir, tmp_path):
    data = pd.read_csv(data_dir / "german_credit" / "german.csv")
    X, y = data.drop(columns="class"), data["class"]
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), X.select_dtypes(exclude="number").columns), remainder=StandardScaler()
    )
    models = {
        "scorecard": make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(X[:700], y[:700]),
        "forest": make_pipeline(prepare, RandomForestClassifier(100, random_state=0)).fit(X[:700], y[:700]),
    }
    few = {"explainers": ["shap"], "metrics": ["additive_fit", "performance"], "data": {"explain": 50}}
    result = xc.compare(models, X[700:], y[700:], background=X[:700], study=few)
    assert result.save(tmp_path / "audit").stat().st_size > 50_000
    assert not result.failed
    assert part(result, "scorecard", "").estimate == pytest.approx(1, abs=1e-9)
    assert part(result, "forest", "").high < 0.97
    auc = {row.model: row.value.estimate for row in result.performance if (row.split, row.score) == ("test", "ROC-AUC")}
    assert 0.7 < auc["scorecard"] < 0.85
