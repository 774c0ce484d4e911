"""Which metrics have power, and what becomes of the verdicts of those that have none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from xai_compare.compare import compare
from xai_compare.compare.intervals import holm
from xai_compare.compare.power import _sign_test
from xai_compare.compare.resample import difference, mean_of

N = 40
METHODS = ("shap", "lime", "random")


def noisy(scored, mean, seed, chance=0.1):
    return scored(mean + 0.05 * np.random.default_rng(seed).normal(size=N), chance, 1.0)


@pytest.fixture
def given(study, scored):
    """Results from {model: means of shap, lime and the control} on one metric, and what is to be put in the place of scores."""

    def make(means, metric="additive_fit", instead=None, checks=None):
        scores = {
            (model, method, metric): noisy(scored, mean, 10 * i + j)
            for i, (model, row) in enumerate(means.items())
            for j, (method, mean) in enumerate(zip(METHODS, row, strict=True))
        }
        return study({**scores, **(instead or {})}, tuple(means), METHODS, checks=checks)

    return make


def test_a_metric_needs_one_method_above_the_control(given) -> None:
    means = {"none": (0.1, 0.1, 0.1), "worse": (0.0, 0.0, 0.1), "one": (0.1, 0.5, 0.1), "both": (0.5, 0.5, 0.1)}
    comparison = compare(given(means))
    assert comparison.powerless == {("none", "additive_fit"), ("worse", "additive_fit")}
    for gap in comparison.gaps:
        if gap.kind == "methods":
            assert (gap.verdict == "no power here") == (gap.model in ("none", "worse"))
        else:
            assert (gap.verdict == "no power here") == (gap.a == "worse")  # it is the reference, "none", that has none either


def test_above_chance_is_not_above_the_control(given) -> None:
    # Skills far over 0, and yet the control's is as high: its chance level was too low.
    assert compare(given({"logistic": (0.5, 0.5, 0.5)})).powerless == {("logistic", "additive_fit")}
    assert compare(given({"logistic": (0.5, 0.5, 0.4)})).powerless == frozenset()


def test_no_statement_without_a_control_to_set_it_against(given, scored) -> None:
    means = {"logistic": (0.1, 0.1, 0.1)}
    key = ("logistic", "random", "additive_fit")
    for control in (scored([math.nan] * N, 0.1, 1.0), scored([0.1] * N), scored([1.0] * N, 1.0, 1.0)):
        assert compare(given(means, instead={key: control})).powerless == frozenset()
    results = given(means)
    del results.scores[key]
    assert compare(results).powerless == frozenset()


def test_a_perfect_control_leaves_no_power(given, scored) -> None:
    perfect = {("logistic", "random", "additive_fit"): scored([1.0] * N, 0.1, 1.0)}
    assert compare(given({"logistic": (0.5, 0.5, 0.5)}, instead=perfect)).powerless == {("logistic", "additive_fit")}
    level = {("logistic", method, "additive_fit"): scored([1.0] * N, 0.1, 1.0) for method in METHODS}
    assert compare(given({"logistic": (0.5, 0.5, 0.5)}, instead=level)).powerless == {("logistic", "additive_fit")}


def test_a_method_that_is_nearly_always_ahead_by_the_same_has_power(given, scored) -> None:
    # 35 of 40 cases alike: such an interval decides nothing, but the method is ahead on every single case.
    values = np.full(N, 0.9)
    values[:5] = (0.5, 0.6, 0.7, 0.8, 1.0)
    flat = {
        ("logistic", "random", "additive_fit"): scored([0.1] * N, 0.1, 1.0),
        ("logistic", "shap", "additive_fit"): scored(values, 0.1, 1.0),
    }
    assert compare(given({"logistic": (0.1, 0.1, 0.1)}, instead=flat)).powerless == frozenset()
    # Ahead on five cases and level on the others: 2 / 2^5 is no evidence.
    few = scored(np.where(np.arange(N) < 5, values, 0.1), 0.1, 1.0)
    level = {("logistic", "shap", "additive_fit"): few, ("logistic", "lime", "additive_fit"): few}
    assert compare(given({"logistic": (0.1, 0.1, 0.1)}, instead={**flat, **level})).powerless == {("logistic", "additive_fit")}


@pytest.mark.parametrize(("ahead", "behind", "level"), [(7, 0, 3), (5, 4, 0), (2, 9, 1), (0, 0, 4)])
def test_sign_test_is_scipys(ahead: int, behind: int, level: int) -> None:
    b = np.linspace(0.2, 0.8, ahead + behind + level)
    a = b + np.repeat([0.1, -0.2, 0.0], [ahead, behind, level])
    wanted = binomtest(ahead, ahead + behind).pvalue if ahead + behind else 1.0
    assert _sign_test(difference(mean_of(a), mean_of(b))) == pytest.approx(wanted)


def test_without_power_nothing_is_ranked_but_the_family_stays(given) -> None:
    # All far below their control: the models differ, by a metric that ranks nothing.
    means = {"logistic": (0.30, 0.30, 0.5), "forest": (0.20, 0.20, 0.5), "network": (0.9, 0.9, 0.5)}
    for pairings, lead in ((("best_method",), ""), (("same_method",), "shap")):
        comparison = compare(given(means), pairings=pairings, tolerance={"fidelity": 0.05})
        forest, network = (gap for gap in comparison.gaps if gap.headline)
        assert (forest.a, forest.explainer, network.a, network.explainer) == ("forest", lead, "network", lead)
        assert comparison.powerless == {("logistic", "additive_fit"), ("forest", "additive_fit")}
        # Against a model on which the metric has power the gap says something.
        assert (network.verdict, network.disposition) == ("better", "pass")
        assert forest.gap.high < 0
        assert (forest.verdict, forest.disposition, forest.tolerance) == ("no power here", "not assessed", 0.05)
        assert (forest.p_adjusted, network.p_adjusted) == pytest.approx(holm([1.0, network.gap.p]))


def test_a_condition_is_asked_about_by_itself(given, scored) -> None:
    means = {"logistic": (0.5, 0.5, 0.1), "network": (0.6, 0.6, 0.1)}
    check = {"flat": (0.1, 0.3, 0.3), "uncontrolled": (0.1, 0.3)}
    checks = {
        (condition, model, method): noisy(scored, mean + 0.2 * (model == "network"), i)
        for condition, row in check.items()
        for i, (method, mean) in enumerate(zip(METHODS, row, strict=False))
        for model in means
    }
    checks |= {("flat", model, "random"): noisy(scored, 0.9, 3) for model in means}
    comparison = compare(given(means, checks=checks))
    verdicts = {gap.condition: gap.verdict for gap in comparison.gaps if gap.pairing == "best_method"}
    assert verdicts == {"": "better", "flat": "no power here", "uncontrolled": "better"}
    assert comparison.powerless == frozenset()  # it speaks of the study's own question


def test_where_predictions_agree_the_power_is_the_metrics(study, given) -> None:
    results = given({"logistic": (0.1, 0.1, 0.1), "network": (0.1, 0.1, 0.1)})
    predicted = {"logistic": np.zeros(N), "network": np.arange(N) % 2}
    again = study(results.scores, methods=METHODS, predicted=predicted)
    rows = [gap for gap in compare(again).gaps if gap.pairing == "best_method"]
    assert [(gap.condition, gap.verdict) for gap in rows] == [("", "no power here"), ("predictions agree", "no power here")]
