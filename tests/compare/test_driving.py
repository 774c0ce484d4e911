"""The terms of a gap: their mean is the gap, and the widest case is that which pulls it furthest the way it goes."""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.compare import compare
from xai_compare.compare.driving import terms
from xai_compare.report.choose import widest

N = 40


def levels(scored, seed, mean):
    draw = np.random.default_rng(seed)
    values = mean + 0.1 * draw.normal(size=N)
    values[seed] = np.nan
    return scored(values, draw.uniform(0.0, 0.2, N), draw.uniform(0.8, 1.0, N))


@pytest.fixture
def results(study, scored):
    """Two models under two methods, chances and ceilings that differ from case to case, and a case missing in each."""
    means = {("logistic", "shap"): 0.7, ("logistic", "lime"): 0.5, ("network", "shap"): 0.5, ("network", "lime"): 0.6}
    return study({(*key, "additive_fit"): levels(scored, i, mean) for i, (key, mean) in enumerate(means.items())})


@pytest.mark.parametrize("pairings", [("best_method", "same_method"), ("same_method",)])
def test_the_mean_of_the_terms_is_the_gap(results, pairings) -> None:
    comparison = compare(results, pairings=pairings)
    (row,) = comparison.driving
    (gap,) = (one for one in comparison.gaps if one.headline)
    assert (row.a, row.b, row.metric) == (gap.a, gap.b, gap.metric)
    assert np.nanmean(row.terms) == pytest.approx(gap.gap.estimate, abs=1e-12)
    assert np.isfinite(row.terms).sum() == gap.gap.n


def test_a_case_without_a_score_of_either_has_no_term(results) -> None:
    (row,) = compare(results, pairings=("same_method",)).driving
    missing = np.isnan(row.own) | np.isnan(row.reference)
    assert missing.any()
    assert (np.isnan(row.terms) == missing).all()


def test_with_one_chance_and_one_ceiling_a_term_is_a_difference_of_skills(scored) -> None:
    a, b = scored([0.4, 0.7, 0.1], 0.1, 0.9), scored([0.5, 0.5, 0.5], 0.1, 0.9)
    np.testing.assert_allclose(terms(a, b), (a.values - b.values) / 0.8)


def test_no_room_between_chance_and_ceiling_is_no_term(scored) -> None:
    flat = scored([0.4, 0.7], 0.5, 0.5)
    assert np.isnan(terms(flat, flat)).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_widest_case_pulls_the_gap_the_way_it_goes(study, scored, sign) -> None:
    values = 0.5 + sign * np.array([-0.3, 0.2, -0.1, np.nan])
    results = study(
        {("logistic", "shap", "additive_fit"): scored([0.5] * 4, 0, 1), ("network", "shap", "additive_fit"): scored(values, 0, 1)}
    )
    (row,) = compare(results, pairings=("same_method",)).driving
    assert widest(row) == [0, 2, 1]


def test_without_a_gap_no_case_is_widest(study, scored) -> None:
    same = scored([0.5, 0.6, 0.7], 0, 1)
    (row,) = compare(study({(name, "shap", "additive_fit"): same for name in ("logistic", "network")}), pairings=("same_method",)).driving
    assert widest(row) == []


def test_one_model_alone_has_no_gap(study, scored) -> None:
    alone = study({("logistic", "shap", "additive_fit"): scored([0.5, 0.6], 0, 1)}, models=("logistic",))
    assert compare(alone).driving == ()
