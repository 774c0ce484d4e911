"""Skill rows: which there are, what they count and what they leave out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xai_compare.compare import compare


def test_rows_follow_the_study_and_parts_their_metric(study, scored) -> None:
    parts = {"lost_by_method": scored([0.1, 0.2]), "beyond_additive": scored([0.3, 0.1])}
    scores = {
        ("network", "random", "additive_fit"): scored([0.1, 0.0], 0.05, 1.0),
        ("network", "shap", "additive_fit"): scored([0.6, 0.8], 0.0, 1.0, parts),
        ("logistic", "lime", "seed_stability"): scored([0.9, 0.7]),
    }
    rows = compare(study(scores)).skills
    assert [(row.model, row.explainer, row.metric, row.part) for row in rows] == [
        ("logistic", "lime", "seed_stability", ""),
        ("network", "shap", "additive_fit", ""),
        ("network", "shap", "additive_fit", "beyond_additive"),
        ("network", "shap", "additive_fit", "lost_by_method"),
        ("network", "random", "additive_fit", ""),
    ]
    plain, own, part, _, control = rows
    assert (plain.chance, plain.ceiling, plain.skill, plain.value.p) == (None, None, None, None)
    assert (own.chance, own.ceiling, own.value.estimate) == (0.0, 1.0, pytest.approx(0.7))
    assert part.value.estimate == pytest.approx(0.2)
    assert part.skill is None
    # (0.05 - 0.05) / (1 - 0.05)
    assert control.skill.estimate == pytest.approx(0)


def test_skill_is_tested_and_a_mean_score_is_not(study, scored) -> None:
    draw = np.random.default_rng(0)
    row = compare(study({("logistic", "shap", "additive_fit"): scored(draw.uniform(0.5, 0.9, 30), 0.1, 1.0)})).skills[0]
    assert row.value.how == row.skill.how == "bootstrap-t"
    assert row.value.p is None
    assert row.skill.p == pytest.approx(2e-4)
    # Chance and ceiling are constant: the skill is the value on another scale, so is its interval.
    for name in ("estimate", "low", "high"):
        assert getattr(row.skill, name) == pytest.approx((getattr(row.value, name) - 0.1) / 0.9)


def test_missing_cases_are_dropped_and_counted_by_reason(study, scored) -> None:
    scores = scored([0.5, math.nan, 0.7, math.nan, 0.9], [0.1, 0.1, math.nan, 0.1, 0.3], 1.0)
    scores.reasons[3] = "budget"
    row = compare(study({("logistic", "shap", "additive_fit"): scores})).skills[0]
    assert row.missing == {"flat case": 1, "budget": 1, "chance or ceiling unknown": 1}
    assert row.value.n == row.skill.n == 2
    assert row.value.estimate == pytest.approx(0.7)
    assert row.chance == pytest.approx(0.2)
    # (0.7 - 0.2) / (1 - 0.2)
    assert row.skill.estimate == pytest.approx(0.625)


def test_no_case_left(study, scored) -> None:
    row = compare(study({("logistic", "shap", "additive_fit"): scored([math.nan] * 3, 0.0, 1.0)})).skills[0]
    assert (row.value.estimate, row.value.n, row.value.how, row.chance) == (None, 0, "too few cases", None)
    assert row.missing == {"flat case": 3}


def test_no_room(study, scored) -> None:
    row = compare(study({("logistic", "shap", "additive_fit"): scored(np.linspace(0, 1, 20), 0.98, 1.0)})).skills[0]
    assert row.value.estimate == pytest.approx(0.5)
    assert (row.skill.estimate, row.skill.low, row.skill.how) == (None, None, "no room")
