"""Behaviour of the statistics that no other test pins down; found by changing the code and seeing nothing fail."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from tests.compare.conftest import ADDITIVE_FIT, FEATURES_NEEDED, SEED_STABILITY
from xai_compare.compare import compare, resample
from xai_compare.compare.agreement import predictions_agree
from xai_compare.compare.best import best_of
from xai_compare.compare.gaps import gap_rows
from xai_compare.compare.intervals import BOOTSTRAP_T, holm, invert
from xai_compare.compare.power import powerless
from xai_compare.compare.questions import agreeing, asked, lead_fidelity
from xai_compare.compare.resample import contrasts, difference, intervals, mean_of, skill_of
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


def test_headlines_rest_on_the_first_method_that_every_model_has(study, scored) -> None:
    has = {"logistic": ("shap", "lime"), "network": ("shap", "lime"), "forest": ("lime",)}
    scores = {(m, e, "additive_fit"): scored(0.5 + noise(i), 0.0, 1.0) for i, (m, own) in enumerate(has.items()) for e in own}
    gaps = compare(study(scores, models=tuple(has)), pairings=("same_method",)).gaps
    assert {(gap.a, gap.explainer) for gap in gaps if gap.headline} == {("network", "lime"), ("forest", "lime")}


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


def test_a_band_is_between_percentiles_of_1999_resamples(study, scored) -> None:
    curve = np.random.default_rng(3).random((25, 2))
    scores = {("logistic", "shap", "additive_fit"): replace(scored(np.full(25, 0.5)), curves={"most": curve})}
    row = compare(study(scores), level=0.9, seed=5).curves[0]
    rows = Streams(5).at("compare").at("resample", 25).shared().integers(0, 25, size=(1999, 25))
    low, high = np.quantile(curve[rows].mean(axis=1), [0.05, 0.95], axis=0)
    assert [step.low for step in row.y] == pytest.approx(low.tolist())
    assert [step.high for step in row.y] == pytest.approx(high.tolist())


def test_nothing_attributed_is_the_reason_even_where_all_cases_have_the_same_vector(study) -> None:
    zeros = Attribution(np.zeros((4, 2)), np.zeros(4, dtype=np.int64), "margin", scope="model")
    rows = compare(replace(study({}), attributions={("logistic", "shap"): zeros}, features=("a", "b"))).importance
    assert [(row.share.how, row.rank) for row in rows] == [("nothing is attributed to any feature", None)] * 2


@pytest.mark.parametrize(("n", "said"), [(30, True), (29, False)])
def test_thirty_cases_are_enough_for_a_slice(study, scored, n: int, said: bool) -> None:
    assert FEWEST == 30
    scores = {("logistic", "shap", "additive_fit"): scored(0.5 + noise(0, n + 50), 0.0, 1.0)}
    results = replace(study(scores), slices={"age": ("young",) * n + ("old",) * 50}, classes=("no", "yes"))
    kinds = {row.label: row.kind for row in compare(results).slices}
    assert kinds == {"young": "skill" if said else "suppressed", "old": "skill"}


# ---- intervals


@pytest.mark.parametrize(("bias", "acceleration"), [(0.2, 0.0), (0.0, 0.1), (0.0, -0.1), (-0.3, 0.05), (0.2, 0.1)])
def test_shifted_limits_and_p_are_those_of_bca(bias: float, acceleration: float) -> None:
    normal, ends = NormalDist(), np.sort(np.random.default_rng(0).normal(0.15, 0.1, 9999))

    def place(tail: float) -> float:  # Efron & Tibshirani 1993, (14.10), in ranks of 10,000
        z = bias + normal.inv_cdf(tail)
        return 10000 * normal.cdf(bias + z / (1 - acceleration * z))

    low, high, p = invert(ends, 0.95, bias, acceleration)
    assert low == ends[math.floor(place(0.025) + 1e-9) - 1]
    assert high == ends[math.ceil(place(0.975) - 1e-9) - 1]
    # p is where a limit meets 0: a little less confidence excludes it, a little more does not.
    assert invert(ends, 1 - p * 1.02, bias, acceleration)[0] > 0 >= invert(ends, 1 - p * 0.98, bias, acceleration)[0]


def test_a_shift_beyond_all_ends_reads_none_of_them() -> None:
    ends = np.linspace(1.0, 2.0, 9999)
    low, high, p = invert(ends, 0.999, 3.9, 1 / 6)
    assert 1.0 <= low <= 2.0
    assert high == math.inf
    assert 0 <= p <= 1


def test_up_to_5000_cases_have_9999_resamples_and_more_have_1999(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_MANY", 50)
    for n, count in ((50, 9999), (51, 1999)):
        found = intervals([mean_of(5 + noise(0, n))], 0.95, S)[0]
        assert found.p == pytest.approx(2 / (count + 1), rel=1e-12)


def test_statistics_too_wide_for_a_batch_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [difference(*(skill_of(0.5 + noise(k + j), noise(9), 1 + noise(8)) for j in (0, 20))) for k in range(4)]
    together = intervals(many, 0.95, S, 199)
    monkeypatch.setattr(resample, "_COLUMNS", 1)
    monkeypatch.setattr(resample, "_BLOCK", 1)
    for one, other in zip(intervals(many, 0.95, S, 199), together, strict=True):
        assert (one.low, one.high, one.p) == pytest.approx((other.low, other.high, other.p))


def test_differences_of_a_billionth_are_no_rounding() -> None:
    assert intervals([mean_of(1 + 1e-8 * noise(0))], 0.95, S)[0].how == BOOTSTRAP_T


def test_rounding_is_judged_by_the_largest_numbers_behind_a_difference() -> None:
    values = np.array([0.0, *1e5 * noise(0)])
    found = intervals([difference(mean_of(values), mean_of(values - 0.1))], 0.95, S)[0]
    assert (found.how, found.low) == ("all equal", None)
    assert found.estimate == pytest.approx(0.1)


@pytest.mark.parametrize("common", [-0.3, 0.3, 1e-4, -1e-4])
def test_the_same_difference_on_every_case_has_the_sign_flip_p(common: float) -> None:
    found = intervals([mean_of(np.full(10, common))], 0.95, S)[0]
    assert (found.how, found.p) == ("all equal", 2 / 2**10)


def test_a_contrast_counts_the_cases_of_its_first_side() -> None:
    a, b = mean_of(noise(0, 40)), mean_of(noise(1, 60))
    few = mean_of(np.array([1.0] * 30 + [2.0, 3.0]))
    same = mean_of(np.ones(50))
    for first, second in ((a, b), (b, a), (few, same), (same, few), (same, mean_of(np.ones(20))), (same, mean_of(np.ones(1)))):
        assert contrasts([(first, second)], 0.95, S, 199)[0].n == first.shape[2]
    assert contrasts([(a, b)], 0.999, S, 199)[0] == Interval(float(a[0, 0].mean() - b[0, 0].mean()), None, None, 40, "few differing cases")


# ---- spread over draws


def gap(estimate: float | None, low: float | None, high: float | None, condition: str = "", **other) -> GapRow:
    own = {"kind": "models", "question": "fidelity", "metric": "additive_fit", "pairing": "best_method", "model": "", "explainer": ""}
    own |= {"a": "network", "b": "logistic"}
    own |= {"p_adjusted": None, "verdict": "worse", "tolerance": None, "disposition": "not assessed", "headline": condition == ""}
    return GapRow(**{**own, "gap": Interval(estimate, low, high, N, BOOTSTRAP_T), "condition": condition, **other})


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
