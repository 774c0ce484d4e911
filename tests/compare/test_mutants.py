"""Behaviour of the statistics that no other test pins down; found by changing the code and seeing nothing fail."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.compare.conftest import ADDITIVE_FIT, FEATURES_NEEDED, SEED_STABILITY
from xai_compare.compare import compare
from xai_compare.compare.agreement import predictions_agree
from xai_compare.compare.best import best_of
from xai_compare.compare.gaps import gap_rows
from xai_compare.compare.intervals import BOOTSTRAP_T, holm
from xai_compare.compare.power import _sign_test, powerless
from xai_compare.compare.questions import agreeing, asked, lead_fidelity
from xai_compare.compare.resample import difference, intervals, mean_of, skill_of
from xai_compare.compare.rows import GapRow, Interval
from xai_compare.compare.slices import FEWEST
from xai_compare.compare.spread import spread_rows
from xai_compare.errors import StudyError
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Scores

S = Streams(7)
N = 40


def noise(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.03, n)


def test_a_tolerance_without_bound_is_refused(study) -> None:
    with pytest.raises(StudyError, match="tolerance of 'fidelity' is inf"):
        compare(study({}), tolerance={"fidelity": math.inf})


def test_a_level_of_one_half_is_allowed(study) -> None:
    assert compare(study({}), level=0.5).level == 0.5


def test_parts_of_agreement_and_reasons_stand_by_name(study, scored) -> None:
    parts = {name: scored([0.5] * 4) for name in ("sign", "feature", "rank")}
    lost = Scores(np.array([math.nan, math.nan, 0.5]), reasons={0: "wide", 1: "flat"})
    scores = {("logistic", "shap ~ lime", "agreement"): scored([0.5] * 4, parts=parts), ("logistic", "shap", "additive_fit"): lost}
    found = compare(study(scores))
    assert [row.measure for row in found.agreement] == ["sign", "feature", "rank", "sign"]
    assert list(found.skills[0].missing.items()) == [("flat", 1), ("wide", 1)]


# ---- what is asked, and of whom


def test_a_model_without_predictions_agrees_with_nobody(study) -> None:
    results = study({}, models=("logistic", "network", "forest"), predicted={"logistic": np.zeros(5), "forest": np.zeros(5)})
    assert list(predictions_agree(results, 0.95)) == ["forest"]
    assert agreeing(results, "network", "logistic") is None
    assert agreeing(results, "logistic", "network") is None


def test_agreeing_cases_are_those_of_the_same_class(study) -> None:
    predicted = {"logistic": np.array([0, 1, 2]), "network": np.array([0, 1, 1]), "forest": np.array([1, 2, 0])}
    results = study({}, models=tuple(predicted), predicted=predicted)
    assert agreeing(results, "network", "logistic").tolist() == [True, True, False]
    assert agreeing(results, "forest", "logistic") is None
    assert agreeing(results, "logistic", "logistic") is None


def test_fidelity_is_led_by_a_lead_metric_of_methods(study) -> None:
    minor, of_model = replace(ADDITIVE_FIT, name="minor", lead=False), replace(ADDITIVE_FIT, name="own", scope="model")
    metrics = (FEATURES_NEEDED, minor, of_model, ADDITIVE_FIT)
    assert lead_fidelity(replace(study({}), metrics=metrics)) == ADDITIVE_FIT
    assert lead_fidelity(replace(study({}), metrics=metrics[:3])) is None


def test_without_a_fidelity_metric_each_metric_chooses_its_own_best_and_checks_ask_nothing(study, scored) -> None:
    values = {"shap": 0.8, "lime": 0.5}
    scores = {
        (m, e, "features_needed"): scored(v + noise(i), 0.0, 1.0) for i, m in enumerate(("logistic", "network")) for e, v in values.items()
    }
    results = study(scores, checks={("probability", "logistic", "shap"): scored(noise(0), 0.0, 1.0)})
    results = replace(results, metrics=(FEATURES_NEEDED, SEED_STABILITY))
    assert list(asked(results)) == [""]
    gap = next(gap for gap in compare(results).gaps if gap.headline)
    assert gap.choices == (("shap", "shap"), ("shap", "shap"))


def test_a_method_without_a_known_score_is_not_chosen_however_well_it_is_judged(scored) -> None:
    scores = {"shap": scored([math.nan] * 8, 0.0, 1.0), "lime": scored([0.5] * 8, 0.0, 1.0)}
    judges = {"shap": scored([0.9] * 8, 0.0, 1.0), "lime": scored([0.1] * 8, 0.0, 1.0)}
    assert best_of(scores, judges, S).choices == ("lime", "lime")


def test_a_method_that_fails_on_some_cases_still_competes(scored) -> None:
    scores = {"shap": scored([math.nan, *[0.9] * 7], 0.0, 1.0), "lime": scored([0.5] * 8, 0.0, 1.0)}
    assert best_of(scores, {}, S).choices == ("shap", "shap")


def test_conditions_are_asked_by_name(study, scored) -> None:
    names = ["f", "b", "e", "a", "d", "c"]
    checks = {(name, "logistic", "shap"): scored([0.5] * 4, 0.0, 1.0) for name in names}
    assert list(asked(study({}, checks=checks))) == ["", *sorted(names)]


def test_only_headlines_are_asked_again_and_what_is_asked_again_is_none(study, scored) -> None:
    scores = {
        (m, e, "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, m in enumerate(("logistic", "network")) for e in ("shap", "lime")
    }
    checks = {("probability", m, e): one for (m, e, _), one in scores.items()}
    predicted = {"logistic": np.zeros(N), "network": np.arange(N) % 2}
    results = study(scores, checks=checks, predicted=predicted)
    for pairings in (("same_method",), ("same_method", "best_method")):
        gaps = [gap for gap in compare(results, pairings=pairings).gaps if gap.kind == "models"]
        (own,) = (gap for gap in gaps if gap.headline)
        again = [(gap.condition, gap.pairing, gap.explainer) for gap in gaps if gap.condition]
        assert again == [(condition, own.pairing, own.explainer) for condition in ("predictions agree", "probability")]


def test_a_method_ahead_by_a_millionth_of_skill_is_the_best(scored) -> None:
    scores = {"lime": scored([0.5] * 8, 0.0, 1.0), "shap": scored([0.5 + 1e-6] * 8, 0.0, 1.0)}
    assert best_of(scores, {}, S).choices == ("shap", "shap")


def test_no_headline_rests_on_a_method_without_signs(study, scored) -> None:
    scores = {(m, "saliency", "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, m in enumerate(("logistic", "network"))}
    assert [gap.headline for gap in compare(study(scores), pairings=("same_method",)).gaps] == [False]


def test_headlines_rest_on_the_first_method_that_every_model_has(study, scored) -> None:
    has = {"logistic": ("shap", "lime"), "network": ("shap", "lime"), "forest": ("lime",)}
    scores = {(m, e, "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, (m, own) in enumerate(has.items()) for e in own}
    gaps = compare(study(scores, models=tuple(has)), pairings=("same_method",)).gaps
    assert {(gap.a, gap.explainer) for gap in gaps if gap.headline} == {("network", "lime"), ("forest", "lime")}


def test_values_have_no_agreeing_cases(study) -> None:
    predicted = {"logistic": np.array([0.0, 1.0]), "network": np.array([0.0, 1.5])}
    assert agreeing(study({}, predicted=predicted, task="regression"), "network", "logistic") is None


def test_a_condition_that_one_model_lacks_is_not_asked(study, scored) -> None:
    scores = {(m, "shap", "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, m in enumerate(("logistic", "network"))}
    checks = {("probability", "network", "shap"): scored(noise(3), 0.0, 1.0)}
    for pairing in ("same_method", "best_method"):
        assert {gap.condition for gap in compare(study(scores, checks=checks), pairings=(pairing,)).gaps} == {""}


@pytest.mark.parametrize("bare", ["logistic", "network"])
def test_agreement_without_chance_has_no_gap(study, scored, bare: str) -> None:
    scores = {
        (model, "shap ~ lime", "agreement"): scored(0.5 + noise(i), *(() if model == bare else (0.0, 1.0)))
        for i, model in enumerate(("logistic", "network"))
    }
    assert compare(study(scores)).gaps == ()


# ---- gaps and power


def test_a_headline_without_power_counts_as_one_in_the_family(study, scored) -> None:
    plain = {"logistic": 0.9, "network": 0.6}
    scores = {
        (model, "shap", metric): scored(mean + noise(2 * i + j), 0.0, 1.0)
        for i, (model, mean) in enumerate(plain.items())
        for j, metric in enumerate(("additive_fit", "features_needed"))
    }
    silent = {("", model, "features_needed") for model in plain}
    rows = gap_rows(study(scores), 0.95, {}, S, ("same_method",), silent)
    told, mute = (row for row in rows if row.headline)
    assert (mute.p_adjusted, mute.verdict) == (1.0, "no power here")
    assert (told.p_adjusted, 1.0) == pytest.approx(holm([told.gap.p, 1.0]))


def test_a_flagged_interval_decides_nothing_outside_the_family_either(study, scored) -> None:
    ahead = np.full(N, 0.8)
    ahead[:3] = 0.7
    scores = {
        ("logistic", "shap", "additive_fit"): scored(ahead, 0.0, 1.0),
        ("logistic", "lime", "additive_fit"): scored([0.5] * N, 0.0, 1.0),
    }
    (row,) = gap_rows(study(scores), 0.95, {}, S, ("same_method",), ())
    assert (row.headline, row.gap.how, row.gap.p < 0.01) == (False, "BCa, few differing cases", True)
    assert row.verdict == "cannot be told apart"


def test_where_nothing_is_ranked_nothing_passes(study, scored) -> None:
    scores = {(m, "shap", "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, m in enumerate(("logistic", "network"))}
    silent = {("", model, "additive_fit") for model in ("logistic", "network")}
    found = {bool(mute): gap_rows(study(scores), 0.95, {"fidelity": 0.2}, S, ("same_method",), mute)[0] for mute in (silent, ())}
    assert (found[True].disposition, found[False].disposition) == ("not assessed", "pass")


def test_a_tolerance_is_for_the_studys_own_question_only(study, scored) -> None:
    scores = {(m, "shap", "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, m in enumerate(("logistic", "network"))}
    checks = {("probability", m, "shap"): scores[m, "shap", "additive_fit"] for m in ("logistic", "network")}
    gaps = compare(study(scores, checks=checks), tolerance={"fidelity": 0.2}, pairings=("same_method",)).gaps
    assert {gap.condition: (gap.tolerance, gap.disposition) for gap in gaps if gap.kind == "models"} == {
        "": (0.2, "pass"),
        "probability": (None, "not assessed"),
    }


def test_ahead_on_all_but_one_case_is_no_power_if_that_one_weighs_as_much(study, scored) -> None:
    # The sign test says 11 of 12; the interval, with one differing case, reaches far below 0.
    values = np.full(12, 0.6)
    values[0] = -0.4
    scores = {
        ("logistic", "shap", "additive_fit"): scored(values, 0.0, 1.0),
        ("logistic", "random", "additive_fit"): scored([0.5] * 12, 0.0, 1.0),
    }
    results = study(scores, models=("logistic",))
    gap = intervals(
        [difference(skill_of(values, 0 * values, 0 * values + 1), skill_of(0 * values + 0.5, 0 * values, 0 * values + 1))], 0.95, S
    )[0]
    assert gap.estimate > 0 > gap.low
    assert powerless(results, 0.95, S) == {("", "logistic", "additive_fit")}


def test_a_method_that_is_not_significantly_better_than_the_control_shows_no_power(study, scored) -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=N)
    values = 0.5 + 0.05 * (values - values.mean()) + 0.001
    scores = {
        ("logistic", "shap", "additive_fit"): scored(values, 0.0, 1.0),
        ("logistic", "random", "additive_fit"): scored([0.5] * N, 0.0, 1.0),
    }
    assert powerless(study(scores, models=("logistic",)), 0.95, S) == {("", "logistic", "additive_fit")}


def over_control(study, scored, values) -> frozenset[tuple[str, str, str]]:
    n = len(values)
    scores = {
        ("logistic", "shap", "additive_fit"): scored(values, 0.0, 1.0),
        ("logistic", "random", "additive_fit"): scored([0.5] * n, 0.0, 1.0),
    }
    return powerless(study(scores, models=("logistic",)), 0.95, S)


def test_where_enough_cases_differ_the_mean_decides_and_not_the_number_ahead(study, scored) -> None:
    # Ahead on 16 of 40 cases, but by far more: the sign test would say nothing.
    values = 0.5 + np.where(np.arange(N) < 16, 0.3, -0.02) + 0.1 * noise(0)
    assert over_control(study, scored, values) == frozenset()


@pytest.mark.parametrize(("n", "stated"), [(5, False), (6, True)])
def test_six_cases_are_enough_for_a_statement(study, scored, n: int, stated: bool) -> None:
    assert bool(over_control(study, scored, np.full(n, 0.4))) == stated


def test_the_sign_test_is_of_skills_and_not_of_scores() -> None:
    zero = np.zeros(8)
    same = difference(skill_of(zero + 0.2, zero, zero + 0.5), skill_of(zero + 0.4, zero, zero + 1))
    assert _sign_test(same) == 1


def test_ahead_by_a_millionth_is_ahead() -> None:
    assert _sign_test(difference(mean_of(np.full(8, 1e-6)), mean_of(np.zeros(8)))) == 2 / 2**8


# ---- performance, curves, importance, slices


def test_a_score_of_an_unknown_number_of_rows_rests_on_none(study) -> None:
    drawn = np.linspace(0.7, 0.9, 199)
    scores = {
        (model, "", "performance"): Scores(np.array([0.8]), parts={"test F1": Scores(np.array([0.8]), replicates=replicates)})
        for model, replicates in (("logistic", drawn), ("network", drawn[::-1]), ("forest", None))
    }
    rows = compare(study(scores, models=("logistic", "network", "forest"))).performance
    assert [row.value.n for row in rows] == [0, 0, 0]
    assert [row.difference.n for row in rows[1:]] == [0, 0]


def test_a_difference_rests_on_the_rows_of_its_model_and_needs_resamples_of_both(study) -> None:
    drawn = np.linspace(0.7, 0.9, 199)
    parts = {"logistic": drawn, "network": drawn[::-1], "forest": None}
    scores = {
        (model, "", "performance"): Scores(np.array([0.8]), parts={"test F1": Scores(np.array([0.8]), replicates=replicates, n=50 + i)})
        for i, (model, replicates) in enumerate(parts.items())
    }
    of = {row.model: row.difference for row in compare(study(scores, models=tuple(parts))).performance}
    assert (of["network"].n, of["network"].how) == (51, "resampled predictions")
    assert (of["forest"].n, of["forest"].how) == (52, "no resamples")
    against_it = compare(study(scores, models=("forest", "network"))).performance[1].difference
    assert (against_it.n, against_it.how) == (51, "no resamples")


def test_a_band_is_between_percentiles_of_1999_resamples(study, scored) -> None:
    curve = np.random.default_rng(3).random((25, 2))
    scores = {("logistic", "shap", "additive_fit"): replace(scored(np.full(25, 0.5)), curves={"most": curve})}
    row = compare(study(scores), level=0.9, seed=5).curves[0]
    rows = Streams(5).at("compare").at("resample", 25).shared().integers(0, 25, size=(1999, 25))
    low, high = np.quantile(curve[rows].mean(axis=1), [0.05, 0.95], axis=0)
    assert [step.low for step in row.y] == pytest.approx(low.tolist())
    assert [step.high for step in row.y] == pytest.approx(high.tolist())


@pytest.mark.parametrize(("n", "how"), [(1, "too few cases"), (2, "percentile")])
def test_a_band_needs_two_curves(study, scored, n: int, how: str) -> None:
    scores = {("logistic", "shap", "additive_fit"): replace(scored(np.full(n, 0.5)), curves={"most": np.eye(2)[:n]})}
    assert {step.how for step in compare(study(scores)).curves[0].y} == {how}


def test_nothing_attributed_is_the_reason_even_where_all_cases_have_the_same_vector(study) -> None:
    zeros = Attribution(np.zeros((4, 2)), np.zeros(4, dtype=np.int64), "margin", scope="model")
    rows = compare(replace(study({}), attributions={("logistic", "shap"): zeros}, features=("a", "b"))).importance
    assert [(row.share.how, row.rank) for row in rows] == [("nothing is attributed to any feature", None)] * 2


def test_attributions_have_shares_whatever_their_unit_by_1999_resamples(study) -> None:
    values = np.abs(np.random.default_rng(4).normal(size=(N, 2)))
    shares = []
    for unit in (1.0, 1e-6, 1e6):
        one = Attribution(unit * values, np.zeros(N, dtype=np.int64), "margin")
        rows = compare(replace(study({}), attributions={("logistic", "shap"): one}, features=("a", "b"))).importance
        shares.append([(row.share.estimate, row.share.low, row.share.high) for row in rows])
    total = values.sum(axis=1)
    by_hand = intervals([np.stack([column, total])[None] / total.mean() for column in values.T], 0.95, Streams(0).at("compare"), 1999)
    for found in shares:
        assert found == [pytest.approx((one.estimate, one.low, one.high)) for one in by_hand]


@pytest.mark.parametrize(("n", "said"), [(30, True), (29, False)])
def test_thirty_cases_are_enough_for_a_slice(study, scored, n: int, said: bool) -> None:
    assert FEWEST == 30
    scores = {("logistic", "shap", "additive_fit"): scored(0.5 + noise(0, n + 50), 0.0, 1.0)}
    results = replace(study(scores), slices={"age": ("young",) * n + ("old",) * 50}, classes=("no", "yes"))
    kinds = {row.label: row.kind for row in compare(results).slices}
    assert kinds == {"young": "skill" if said else "suppressed", "old": "skill"}


@pytest.fixture
def sliced(study, scored):
    """A study whose cases are in two slices, 40 young and then 60 old, with facts of the cases."""
    inside = np.arange(100) < 40

    def make(scores=None, y=None, **options):
        results = study(scores or {}, **options)
        cases = replace(results.cases, y=y)
        return replace(results, slices={"age": tuple(np.where(inside, "young", "old"))}, classes=("no", "yes"), cases=cases)

    return make


def test_observed_outcomes_are_shares_of_the_last_class_or_means(sliced) -> None:
    y = np.array([1] * 30 + [0] * 10 + [1] * 12 + [0] * 48)
    row = next(row for row in compare(sliced(y=y)).slices if row.kind == "observed")
    assert (row.label, row.value.estimate, row.value.how) == ("old", 0.2, "Wilson")
    assert row.difference.estimate == pytest.approx(0.2 - 0.75)
    values = y + noise(0, 100)
    row = next(row for row in compare(sliced(y=values, task="regression")).slices if row.kind == "observed")
    assert (row.value.estimate, row.value.how) == (pytest.approx(values[40:].mean()), BOOTSTRAP_T)
    assert compare(sliced()).slices == ()


def test_outcomes_of_three_classes_are_shares_of_the_last(sliced) -> None:
    y = np.array([0] * 40 + [2] * 15 + [1] * 25 + [0] * 20)
    rows = compare(replace(sliced(y=y, predicted={"logistic": y}), classes=("a", "b", "c"))).slices
    assert [(row.kind, row.value.estimate) for row in rows if row.label == "old"] == [
        ("predicted", 0.25),
        ("observed", 0.25),
        ("right", 1.0),
    ]


def test_scores_of_which_some_are_0_or_1_are_no_shares(sliced, scored) -> None:
    values = np.array([0.0, 1.0, *np.linspace(0.2, 0.7, 98)])
    row = next(
        row for row in compare(sliced({("logistic", "shap", "additive_fit"): scored(values, 0.0, 1.0)})).slices if row.label == "young"
    )
    assert (row.value.estimate, row.value.how) == (pytest.approx(values[:40].mean()), BOOTSTRAP_T)


def test_predicted_values_are_told_by_their_mean(sliced) -> None:
    said = 5 + noise(0, 100)
    row = next(row for row in compare(sliced(predicted={"logistic": said}, task="regression")).slices)
    assert (row.kind, row.label, row.value.estimate) == ("predicted", "old", pytest.approx(said[40:].mean()))


def test_a_skill_of_nothing_or_half_is_no_share_of_cases(sliced, scored) -> None:
    hits = np.tile([1.0, 0.0], 50)
    row = compare(sliced({("logistic", "shap", "additive_fit"): scored(hits, 0.0, 2.0)})).slices[0]
    assert (row.kind, row.value.estimate, row.value.how) == ("skill", 0.25, BOOTSTRAP_T)


def test_a_slice_is_told_by_lead_metrics_only(sliced, scored) -> None:
    found = compare(sliced({("logistic", "shap", "seed_stability"): scored(0.5 + noise(0, 100), 0.0, 1.0)}))
    assert len(found.skills) == 1
    assert found.slices == ()


def test_a_slice_has_headline_gaps_only_against_the_rest_and_of_enough_cases(sliced, scored) -> None:
    values = {"logistic": 0.6 + noise(0, 100), "network": 0.5 + noise(1, 100) + 0.01 * np.arange(100)}
    rows = compare(sliced({(m, "shap", "additive_fit"): scored(v, 0.0, 1.0) for m, v in values.items()})).slices
    gaps = {row.label: row for row in rows if row.kind == "gap"}
    assert len([row for row in rows if row.kind == "gap"]) == len(gaps) == 2
    apart = values["network"] - values["logistic"]
    assert gaps["young"].difference.estimate == pytest.approx(apart[:40].mean() - apart[40:].mean())
    lost = np.where(np.arange(100) < 11, math.nan, values["logistic"])  # 29 of the young are left
    rows = compare(sliced({("logistic", "shap", "additive_fit"): scored(lost, 0.0, 1.0)})).slices
    assert [(row.kind, row.label) for row in rows] == [("skill", "old")]


def test_predictions_of_a_slice_are_set_against_the_rest(sliced) -> None:
    said = np.array([1] * 30 + [0] * 10 + [1] * 12 + [0] * 48)
    young = next(row for row in compare(sliced(predicted={"logistic": said})).slices if row.label == "young")
    assert (young.value.estimate, young.difference.estimate) == (0.75, pytest.approx(0.75 - 0.2))


def test_only_gaps_and_differences_keep_their_p_and_differences_have_1999_resamples(sliced, scored) -> None:
    level = {"logistic": 0.6, "network": 0.5}
    ahead = 0.2 * (np.arange(100) < 40)
    scores = {(m, "shap", "additive_fit"): scored(v + noise(i, 100) + i * ahead, 0.0, 1.0) for i, (m, v) in enumerate(level.items())}
    rows = compare(sliced(scores)).slices
    assert {(row.kind, row.value.p is None) for row in rows} == {("skill", True), ("gap", False)}
    told = [row.difference.p for row in rows if row.kind == "gap" or row.model == "network"]
    assert told == [pytest.approx(2 / 2000)] * 4


@pytest.mark.parametrize(("few", "told"), [(29, False), (30, True)])
def test_a_rest_of_thirty_is_enough_and_small_slices_come_last(study, scored, few: int, told: bool) -> None:
    results = study({("logistic", "shap", "additive_fit"): scored(0.5 + noise(0, few + 60), 0.0, 1.0)})
    rows = compare(replace(results, slices={"size": ("a few",) * few + ("middling",) * 60})).slices
    assert next(row.difference is not None for row in rows if row.label == "middling") == told
    assert (rows[-1].label, rows[-1].kind) == (("middling", "skill") if told else ("a few", "suppressed"))


def test_words_stand_before_numbers(study, scored) -> None:
    labels = ("5",) * 30 + ("zebra",) * 30 + ("-7 and over",) * 30 + ("missing",) * 30
    results = study({("logistic", "shap", "additive_fit"): scored(0.5 + noise(0, 120), 0.0, 1.0)})
    rows = compare(replace(results, slices={"any": labels})).slices
    assert [row.label for row in rows] == ["zebra", "-7 and over", "5", "missing"]


def test_a_gap_of_scores_of_0_and_1_is_no_share_of_cases(sliced, scored) -> None:
    values = {"logistic": np.tile([1.0, 0.0, 0.0, 0.0], 25), "network": np.tile([1.0, 0.0], 50)}
    rows = compare(sliced({(m, "shap", "additive_fit"): scored(v, 0.0, 1.0) for m, v in values.items()})).slices
    found = [(row.value.estimate, row.value.how) for row in rows if row.kind == "gap"]
    assert found == [(pytest.approx(0.25), BOOTSTRAP_T)] * 2


def test_agreement_is_not_told_by_slice(sliced, scored) -> None:
    scores = {(m, "shap ~ lime", "agreement"): scored(0.5 + noise(i, 100), 0.0, 1.0) for i, m in enumerate(("logistic", "network"))}
    found = compare(sliced(scores))
    assert [gap.headline for gap in found.gaps] == [True]
    assert found.slices == ()


# ---- spread over draws


def gap(estimate: float | None, low: float | None, high: float | None, condition: str = "", **other) -> GapRow:
    own = {"kind": "models", "question": "fidelity", "metric": "additive_fit", "pairing": "best_method", "model": "", "explainer": ""}
    own |= {"a": "network", "b": "logistic"}
    own |= {"p_adjusted": None, "verdict": "worse", "tolerance": None, "disposition": "not assessed", "headline": condition == ""}
    return GapRow(**{**own, "gap": Interval(estimate, low, high, N, BOOTSTRAP_T), "condition": condition, **other})


def test_a_gap_is_no_headline_unless_said() -> None:
    assert not GapRow("models", "", "", "", "", "", "", "", Interval(None, None, None, 0, ""), None, "worse", None, "review").headline


class TestSpread:
    OWN = gap(-0.1, -0.2, 0.0)

    def test_is_over_the_study_and_its_draws_of_one_kind(self):
        drawn = [gap(-0.3, -0.5, -0.1, "training seed 1"), gap(-0.2, -0.25, 0.1, "training seed 2"), gap(0.7, 0.6, 0.8, "probability")]
        (row,) = spread_rows([self.OWN, *drawn])
        assert (row.metric, row.pairing, row.explainer, row.a, row.b) == ("additive_fit", "best_method", "", "network", "logistic")
        assert (row.what, row.estimates, row.lowest, row.highest) == ("training seed", (-0.1, -0.3, -0.2), -0.5, 0.1)
        assert row.deviation == pytest.approx(0.1)  # of -0.3, -0.2 and -0.1

    def test_kinds_of_draws_have_rows_of_their_own(self):
        gaps = [self.OWN, gap(-0.3, -0.5, -0.1, "training seed 1"), gap(-0.1, -0.2, 0.0, "background draw 1")]
        assert [(row.what, row.estimates) for row in spread_rows(gaps)] == [
            ("background draw", (-0.1, -0.1)),
            ("training seed", (-0.1, -0.3)),
        ]

    @pytest.mark.parametrize(
        "other", [{"a": "forest"}, {"b": "forest"}, {"explainer": "shap"}, {"pairing": "same_method"}, {"metric": "own"}]
    )
    def test_another_question_is_no_draw_of_it(self, other):
        assert spread_rows([self.OWN, gap(-0.3, -0.5, -0.1, "training seed 1", **other)]) == ()

    def test_only_headlines_have_one(self):
        minor = gap(-0.1, -0.2, 0.0, headline=False)
        assert spread_rows([minor, gap(-0.3, -0.5, -0.1, "training seed 1")]) == ()

    def test_a_draw_that_could_not_be_measured_is_left_out(self):
        lost = gap(None, None, None, "training seed 1")
        assert spread_rows([self.OWN, lost]) == ()
        (row,) = spread_rows([self.OWN, lost, gap(-0.3, -0.5, -0.1, "training seed 2")])
        assert (row.estimates, row.lowest, row.highest) == ((-0.1, -0.3), -0.5, 0.0)
        both = [gap(-0.2, -0.4, 0.0, "training seed 2"), gap(-0.3, -0.5, -0.1, "training seed 3")]
        assert spread_rows([gap(None, None, None), *both]) == ()

    def test_without_all_intervals_there_are_no_common_ends(self):
        (row,) = spread_rows([self.OWN, gap(-0.3, None, None, "training seed 1")])
        assert (row.estimates, row.lowest, row.highest) == ((-0.1, -0.3), None, None)
