"""Agreement rows, the one gap of agreement between models, and agreement of predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from xai_compare.compare import compare

METHODS = ("shap", "lime", "occlusion", "saliency", "random")


def test_rows_of_the_own_measure_and_of_parts(study, scored) -> None:
    parts = {"feature": scored([0.5, 1.0], 0.25, 1.0), "spearman": scored([0.1, 0.2])}
    scores = {
        ("network", "lime ~ shap", "agreement"): scored([0.25, 0.75], 0.1, 1.0, parts),
        ("network", "shap ~ random", "agreement"): scored([0.1, 0.2], 0.1, 1.0),
    }
    rows = compare(study(scores, methods=METHODS)).agreement
    assert [(row.model, row.a, row.b, row.measure) for row in rows] == [
        ("network", "shap", "lime", "sign"),
        ("network", "shap", "lime", "feature"),
        ("network", "shap", "lime", "spearman"),
        ("network", "shap", "random", "sign"),
    ]
    assert rows[0].value.estimate == pytest.approx(0.5)
    assert rows[0].skill.estimate == pytest.approx(0.4 / 0.9)
    assert (rows[1].chance, rows[1].skill.estimate) == (0.25, pytest.approx(0.5 / 0.75))
    assert (rows[2].chance, rows[2].skill) == (None, None)


def test_gap_averages_the_signed_pairs_of_both_models(study, scored) -> None:
    scores = {
        ("logistic", "shap ~ lime", "agreement"): scored([0.9, 0.7], 0.1, 1.0),
        ("logistic", "shap ~ occlusion", "agreement"): scored([0.7, 0.5], 0.3, 1.0),
        ("network", "lime ~ shap", "agreement"): scored([0.5, 0.4], 0.1, 0.9),
        ("network", "shap ~ occlusion", "agreement"): scored([0.3, 0.2], 0.1, 0.9),
        # On one model only, unsigned, or the control: none of these may count.
        ("logistic", "lime ~ occlusion", "agreement"): scored([0.0, 0.0], 0.9, 1.0),
        **{
            (model, f"shap ~ {other}", "agreement"): scored([0.0, 0.0], 0.9, 1.0)
            for model in ("logistic", "network")
            for other in ("saliency", "random")
        },
    }
    (gap,) = compare(study(scores, methods=METHODS), tolerance={"agreement": 0.1}).gaps
    assert (gap.kind, gap.explainer, gap.pairing, gap.a, gap.b, gap.headline) == (
        "models",
        "all signed methods",
        "same_method",
        "network",
        "logistic",
        True,
    )
    # Reference: values 0.8, 0.6 with chance 0.2, ceiling 1: 0.5 / 0.8 = 0.625. Network: 0.4, 0.3 with 0.1 and 0.9: 0.25 / 0.8 = 0.3125.
    assert gap.gap.estimate == pytest.approx(0.3125 - 0.625)
    assert gap.disposition == "review"


def test_a_case_counts_only_if_all_pairs_have_it(study, scored) -> None:
    scores = {
        (model, pair, "agreement"): scored([0.5, math.nan if (model, pair) == ("network", "shap ~ lime") else 0.9, 0.7], 0.0, 1.0)
        for model in ("logistic", "network")
        for pair in ("shap ~ lime", "shap ~ occlusion")
    }
    assert compare(study(scores, methods=METHODS)).gaps[0].gap.n == 2


def test_no_shared_pair_no_gap(study, scored) -> None:
    scores = {
        ("logistic", "shap ~ lime", "agreement"): scored([0.5], 0, 1),
        ("network", "shap ~ occlusion", "agreement"): scored([0.5], 0, 1),
    }
    assert compare(study(scores, methods=METHODS)).gaps == ()


def test_predictions_agree(study) -> None:
    predicted = {"logistic": np.array([0, 1, 1, 2, 0]), "network": np.array([0, 1, 2, 2, 1]), "forest": np.array([0, 1, 1, 2, 0])}
    found = compare(study({}, models=("logistic", "network", "forest"), predicted=predicted), level=0.9).predictions_agree
    assert list(found) == ["network", "forest"]
    wanted = binomtest(3, 5).proportion_ci(0.9, method="wilson")
    network = found["network"]
    assert (network.estimate, network.n, network.how, network.p) == (0.6, 5, "Wilson", None)
    assert (network.low, network.high) == pytest.approx((wanted.low, wanted.high))
    assert found["forest"].estimate == found["forest"].high == 1


def test_predictions_agree_is_empty_for_regression(study) -> None:
    predicted = {"logistic": np.array([0.1]), "network": np.array([0.1])}
    assert compare(study({}, predicted=predicted, task="regression")).predictions_agree == {}
