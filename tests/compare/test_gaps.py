"""Gap rows by the same method: which there are, the family of headlines, verdicts and dispositions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xai_compare.compare import Comparison
from xai_compare.compare import compare as statistics
from xai_compare.compare.intervals import holm
from xai_compare.errors import StudyError, XaiCompareError

N = 40


def compare(results, **options) -> Comparison:
    """By the same method; the best ones have a test file of their own."""
    return statistics(results, pairings=("same_method",), **options)


def noisy(scored, mean, seed, chance=0.1, ceiling=1.0, spread=0.05):
    return scored(mean + spread * np.random.default_rng(seed).normal(size=N), chance, ceiling)


@pytest.fixture
def two(scored):
    """Two models under two signed methods, an unsigned one and the control: under shap the network is 0.3 / 0.9 worse."""
    level = {"logistic": 0.9, "network": 0.6}
    return {
        (model, method, "additive_fit"): noisy(scored, 0.1 if method == "random" else mean, seed)
        for seed, (model, mean, method) in enumerate(
            (model, mean, method) for model, mean in level.items() for method in ("saliency", "shap", "lime", "random")
        )
    }


def models_gaps(comparison):
    return [gap for gap in comparison.gaps if gap.kind == "models"]


def test_which_gaps_there_are(study, two) -> None:
    gaps = compare(study(two)).gaps
    keys = [(gap.kind, gap.model, gap.explainer, gap.a, gap.b, gap.pairing) for gap in gaps]
    between = [("models", "", method, "network", "logistic", "same_method") for method in ("saliency", "shap", "lime")]
    pairs = [("saliency", "shap"), ("saliency", "lime"), ("shap", "lime")]
    assert keys == between + [("methods", model, "", a, b, "") for model in ("logistic", "network") for a, b in pairs]
    assert {(gap.question, gap.metric) for gap in gaps} == {("fidelity", "additive_fit")}


def test_every_other_model_meets_the_reference(study, scored) -> None:
    scores = {(model, "shap", "additive_fit"): noisy(scored, 0.5, i) for i, model in enumerate(("forest", "logistic", "network"))}
    gaps = compare(study(scores, models=("logistic", "forest", "network"))).gaps
    assert [(gap.a, gap.b) for gap in gaps] == [("forest", "logistic"), ("network", "logistic")]


def test_gap_is_the_difference_of_skill(study, two) -> None:
    comparison = compare(study(two))
    skill = {(row.model, row.explainer): row.skill.estimate for row in comparison.skills}
    for gap in comparison.gaps:
        first, second = (
            ((gap.a, gap.explainer), (gap.b, gap.explainer)) if gap.kind == "models" else ((gap.model, gap.a), (gap.model, gap.b))
        )
        assert gap.gap.estimate == pytest.approx(skill[first] - skill[second])
        assert gap.gap.n == N


def test_verdicts_go_both_ways(study, two, scored) -> None:
    worse = next(gap for gap in compare(study(two)).gaps if gap.headline)
    assert (worse.verdict, worse.a) == ("worse", "network")
    better = next(gap for gap in compare(study(two, models=("network", "logistic"))).gaps if gap.headline)
    assert (better.verdict, better.a) == ("better", "logistic")
    assert (better.gap.low, better.gap.high) == pytest.approx((-worse.gap.high, -worse.gap.low))
    same = {key: noisy(scored, 0.6, i) for i, key in enumerate(two)}
    assert next(gap for gap in compare(study(same)).gaps if gap.headline).verdict == "cannot be told apart"


def test_fewer_features_needed_is_better(study, scored) -> None:
    scores = {
        (model, "shap", "features_needed"): noisy(scored, mean, i, 11.0, 1.0, 0.5)
        for i, (model, mean) in enumerate((("logistic", 6), ("network", 3)))
    }
    gap = compare(study(scores)).gaps[0]
    assert gap.gap.estimate == pytest.approx(0.3, abs=0.03)
    assert gap.verdict == "better"


def test_a_metric_without_chance_or_ceiling_has_no_gap(study, scored) -> None:
    for chance, ceiling in ((None, 1.0), (0.1, None), (None, None)):
        scores = {
            (model, method, "additive_fit"): noisy(scored, 0.5, 1, chance, ceiling)
            for model in ("logistic", "network")
            for method in ("shap", "lime")
        }
        assert compare(study(scores)).gaps == ()


def test_nan_is_dropped_pairwise(study, scored) -> None:
    nan = math.nan
    # Left over are the first and the last case: reference (0.5 + 0.9) / 2 = 0.7, network (0.4 + 0.6) / 2 = 0.5.
    scores = {
        ("logistic", "shap", "additive_fit"): scored([0.5, nan, 0.1, 0.3, 0.9], 0.0, 1.0),
        ("network", "shap", "additive_fit"): scored([0.4, 0.9, nan, 0.8, 0.6], [0.0, 0.0, 0.0, nan, 0.0], 1.0),
    }
    gap = compare(study(scores)).gaps[0].gap
    assert (gap.n, gap.estimate) == (2, pytest.approx(-0.2))


def test_unpairable_scores_are_an_error(study, scored) -> None:
    scores = {("logistic", "shap", "additive_fit"): scored([0.5, 0.6], 0, 1), ("network", "shap", "additive_fit"): scored([0.5], 0, 1)}
    with pytest.raises(XaiCompareError, match=r"'additive_fit' of shap: network minus logistic cannot.*scores for 1 and for 2 cases"):
        compare(study(scores))


def test_headline_rests_on_the_first_signed_method_that_all_models_have(study, two) -> None:
    assert [gap.explainer for gap in compare(study(two)).gaps if gap.headline] == ["shap"]
    del two["network", "shap", "additive_fit"]
    assert [gap.explainer for gap in compare(study(two)).gaps if gap.headline] == ["lime"]
    del two["network", "lime", "additive_fit"]
    assert [gap for gap in compare(study(two)).gaps if gap.headline] == []


def test_headline_falls_back_pair_by_pair(study, scored) -> None:
    has = {"logistic": ("shap", "lime"), "forest": ("shap",), "network": ("lime",)}
    scores = {(model, method, "additive_fit"): noisy(scored, 0.5, 1) for model, methods in has.items() for method in methods}
    gaps = compare(study(scores, models=("logistic", "forest", "network"))).gaps
    assert [(gap.a, gap.explainer) for gap in gaps if gap.headline] == [("forest", "shap"), ("network", "lime")]


def test_only_lead_metrics_make_headlines(study, scored) -> None:
    scores = {
        (model, "shap", "seed_stability"): noisy(scored, mean, i) for i, (model, mean) in enumerate((("logistic", 0.9), ("network", 0.5)))
    }
    gap = compare(study(scores)).gaps[0]
    assert (gap.headline, gap.p_adjusted, gap.verdict) == (False, None, "worse")


def family(study, scored, means, **options):
    """One clearly or barely different model per mean, on one lead metric."""
    draw = np.random.default_rng(5)
    base = 0.5 + 0.1 * draw.normal(size=N)
    noise = draw.normal(size=(len(means), N))
    noise = (noise - noise.mean(axis=1, keepdims=True)) / noise.std(axis=1, keepdims=True)
    scores = {("logistic", "shap", "additive_fit"): scored(base, 0.0, 1.0)}
    for i, mean in enumerate(means):
        scores[f"model{i}", "shap", "additive_fit"] = scored(base + mean + 0.1 * noise[i], 0.0, 1.0)
    return compare(study(scores, models=("logistic", *(f"model{i}" for i in range(len(means))))), **options).gaps


def test_holm_runs_over_the_headlines_and_can_overturn_an_interval(study, scored) -> None:
    # 0.035 / (0.1 / sqrt(40)) = 2.2 standard errors: outside 0 alone, not as the weakest of three with two at 2.2.
    alone = family(study, scored, [0.035])
    assert alone[0].verdict == "better"
    assert alone[0].p_adjusted == alone[0].gap.p < 0.05
    three = family(study, scored, [0.035, -0.035, 0.0])
    assert [gap.p_adjusted for gap in three] == pytest.approx(holm([gap.gap.p for gap in three]))
    assert three[0].gap.low > 0
    assert [gap.verdict for gap in three] == ["cannot be told apart"] * 3
    strong = family(study, scored, [0.1, -0.1, 0.0])
    assert [gap.verdict for gap in strong] == ["better", "worse", "cannot be told apart"]


def test_a_headline_without_p_stays_in_the_family(study, scored) -> None:
    base = np.linspace(0.2, 0.6, N)
    draw = np.random.default_rng(0)
    scores = {
        ("logistic", "shap", "additive_fit"): scored(base, 0.0, 1.0),
        ("twin", "shap", "additive_fit"): scored(base, 0.0, 1.0),
        ("network", "shap", "additive_fit"): scored(base + 0.2 + 0.05 * draw.normal(size=N), 0.0, 1.0),
    }
    twin, network = compare(study(scores, models=("logistic", "twin", "network"))).gaps
    assert (twin.gap.how, twin.gap.estimate, twin.p_adjusted, twin.verdict) == ("all equal", 0, 1.0, "cannot be told apart")
    assert network.p_adjusted == pytest.approx(2 * network.gap.p)


def test_verdict_follows_the_level(study, scored) -> None:
    assert family(study, scored, [0.035], level=0.95)[0].verdict == "better"
    assert family(study, scored, [0.035], level=0.99)[0].verdict == "cannot be told apart"


def test_disposition_by_tolerance(study, scored) -> None:
    found = family(study, scored, [-0.05])[0]
    assert (found.tolerance, found.disposition) == (None, "not assessed")
    low = -found.gap.low
    assert 0.05 < low < 0.1
    for accepted, disposition in ((low * 1.001, "pass"), (low * 0.999, "review"), (0.05, "review"), (0, "review")):
        gap = family(study, scored, [-0.05], tolerance={"fidelity": accepted, "stability": 9})[0]
        assert (gap.tolerance, gap.disposition, gap.verdict) == (accepted, disposition, "worse")


def test_disposition_of_equal_scores(study, scored) -> None:
    base = np.linspace(0.2, 0.6, N)
    for shift, disposition in ((0.0, "pass"), (-0.04, "pass"), (-0.06, "review")):
        scores = {("logistic", "shap", "additive_fit"): scored(base, 0, 1), ("network", "shap", "additive_fit"): scored(base + shift, 0, 1)}
        gap = compare(study(scores), tolerance={"fidelity": 0.05}).gaps[0]
        assert (gap.gap.how, gap.disposition) == ("all equal", disposition)


def test_no_room_is_not_assessed(study, scored) -> None:
    scores = {(model, "shap", "additive_fit"): noisy(scored, 0.5, 1, 0.99, 1.0) for model in ("logistic", "network")}
    gap = compare(study(scores), tolerance={"fidelity": 0.05}).gaps[0]
    assert (gap.gap.how, gap.verdict, gap.disposition, gap.p_adjusted) == ("no room", "cannot be told apart", "not assessed", 1.0)


def test_methods_are_not_held_to_the_tolerance(study, two) -> None:
    gaps = [gap for gap in compare(study(two), tolerance={"fidelity": 0.0}).gaps if gap.kind == "methods"]
    assert {(gap.tolerance, gap.disposition, gap.headline, gap.p_adjusted) for gap in gaps} == {(None, "not assessed", False, None)}


@pytest.mark.parametrize(
    "options",
    [{"level": 0.4}, {"level": 1.0}, {"level": math.nan}, {"tolerance": {"fidelity": -0.1}}, {"tolerance": {"fidelity": math.nan}}],
)
def test_options_out_of_range(study, options) -> None:
    with pytest.raises(StudyError, match=r"level|tolerance of 'fidelity'"):
        compare(study({}), **options)


def test_a_flagged_interval_lets_nothing_pass_but_may_ask_for_a_review() -> None:
    from xai_compare.compare.gaps import _disposition
    from xai_compare.compare.rows import Interval

    flagged = Interval(-0.01, -0.02, 0.0, 20, "BCa, few differing cases", 0.04)
    assert _disposition(flagged, 0.05) == "not assessed"
    assert _disposition(flagged, 0.01) == "review"
    assert _disposition(Interval(-0.01, -0.02, 0.0, 20, "bootstrap-t", 0.04), 0.05) == "pass"
