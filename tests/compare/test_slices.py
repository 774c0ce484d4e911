"""Slices: two independent samples, what is suppressed, and a planted slice that is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind

from xai_compare.compare import compare
from xai_compare.compare.resample import contrasts, intervals, mean_of, skill_of
from xai_compare.compare.slices import FEWEST
from xai_compare.streams import Streams

ONE = np.ones


class TestContrasts:
    def test_of_normal_scores_is_welchs_interval(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(1, 2, 400), rng.normal(0.5, 1, 700)
        found = contrasts([(mean_of(a), mean_of(b))], 0.95, Streams(0))[0]
        welch = ttest_ind(a, b, equal_var=False)
        low, high = welch.confidence_interval(0.95)
        assert found.estimate == pytest.approx(a.mean() - b.mean())
        np.testing.assert_allclose([found.low, found.high], [low, high], atol=0.05 * (high - low))
        assert found.p == pytest.approx(welch.pvalue, abs=0.01)
        assert found.n == 400

    def test_the_other_way_round_is_the_mirror_image(self):
        rng = np.random.default_rng(1)
        a, b = rng.gamma(2, 1, 60), rng.gamma(3, 1, 90)
        one, other = contrasts([(mean_of(a), mean_of(b)), (mean_of(b), mean_of(a))], 0.95, Streams(0))
        assert one.estimate == pytest.approx(-other.estimate)
        np.testing.assert_allclose([one.low, one.high], [-other.high, -other.low], rtol=0.1)

    def test_two_samples_of_the_same_size_do_not_share_their_resamples(self):
        """With shared resamples the same values on both sides would differ by exactly 0 in each of them."""
        values = np.random.default_rng(2).normal(size=50)
        found = contrasts([(mean_of(values), mean_of(values))], 0.95, Streams(0))[0]
        assert found.estimate == 0
        assert found.high - found.low > 2.5 * np.sqrt(2) * values.std() / np.sqrt(50)

    def test_a_side_without_spread_still_counts(self):
        rng = np.random.default_rng(3)
        b = rng.normal(size=80)
        found = contrasts([(mean_of(ONE(40)), mean_of(b))], 0.95, Streams(0))[0]
        alone = intervals([mean_of(1 - b)], 0.95, Streams(0))[0]
        np.testing.assert_allclose([found.low, found.high], [alone.low, alone.high], rtol=0.1)

    @pytest.mark.parametrize(
        ("a", "b", "how"),
        [
            (ONE(30), ONE(40), "all equal"),
            (np.r_[0.0, 0.0, ONE(30)], ONE(40), "few differing cases"),
            (ONE(1), ONE(40), "too few cases"),
        ],
    )
    def test_where_there_is_no_interval(self, a, b, how):
        found = contrasts([(mean_of(a), mean_of(b))], 0.95, Streams(0))[0]
        assert (found.low, found.high, found.how) == (None, None, how)

    def test_no_room(self):
        tight = skill_of(np.linspace(0.9, 1, 40), 0.99 * ONE(40), ONE(40))
        assert contrasts([(tight, tight)], 0.95, Streams(0))[0].how == "no room"


N = 200
LABELS = tuple(["young"] * 80 + ["old"] * 95 + ["few"] * (N - 175))


def made(study, scored, drop: float = 0.0):
    """Two models; the network is explained less by `drop` in the slice "young"."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.6, 0.9, N)
    young = np.array(LABELS) == "young"
    values = {"logistic": base, "network": base - 0.1 + rng.normal(0, 0.03, N) - drop * young}
    zero, one = np.zeros(N), ONE(N)
    scores = {(model, "shap", "additive_fit"): scored(value, zero, one) for model, value in values.items()}
    predicted = {"logistic": young.astype(float), "network": (rng.random(N) < 0.5).astype(float)}
    return replace(study(scores, predicted=predicted), slices={"age": LABELS}, classes=("no", "yes"))


class TestRows:
    def test_a_small_slice_is_named_and_nothing_is_said_of_it(self, study, scored):
        rows = compare(made(study, scored)).slices
        assert [(row.column, row.label) for row in rows if row.kind == "suppressed"] == [("age", "few")]
        assert {row.label for row in rows if row.kind != "suppressed"} == {"young", "old"}
        assert min(row.value.n for row in rows if row.value) >= FEWEST

    def test_skill_is_that_of_the_cases_in_the_slice(self, study, scored):
        results = made(study, scored)
        row = next(row for row in compare(results).slices if (row.kind, row.label, row.model) == ("skill", "old", "network"))
        inside = np.array(LABELS) == "old"
        values = results.scores["network", "shap", "additive_fit"].values
        assert row.value.estimate == pytest.approx(values[inside].mean())
        assert row.difference.estimate == pytest.approx(values[inside].mean() - values[~inside].mean())

    def test_a_planted_slice_is_found_and_only_that(self, study, scored):
        gaps = {row.label: row for row in compare(made(study, scored, drop=0.1)).slices if row.kind == "gap"}
        assert gaps["young"].difference.high < -0.07
        assert gaps["young"].value.estimate == pytest.approx(-0.2, abs=0.02)
        plain = {row.label: row for row in compare(made(study, scored)).slices if row.kind == "gap"}
        assert plain["young"].difference.low < 0 < plain["young"].difference.high

    def test_predicted_shares_have_wilsons_interval(self, study, scored):
        row = next(
            row for row in compare(made(study, scored)).slices if (row.kind, row.label, row.model) == ("predicted", "young", "logistic")
        )
        assert (row.value.estimate, row.value.high, row.value.how) == (1.0, 1.0, "Wilson")
        assert row.difference.estimate == 1.0

    def test_groups_stand_in_their_own_order(self, study, scored):
        ages = np.repeat(["45 and over", "under 26", "26 to under 45", "missing", "100"], 40)
        results = replace(made(study, scored), slices={"age": tuple(ages.tolist())})
        assert list(dict.fromkeys(row.label for row in compare(results).slices)) == [
            "under 26",
            "26 to under 45",
            "45 and over",
            "100",
            "missing",
        ]

    def test_without_slices_there_are_no_rows(self, study, scored):
        assert compare(replace(made(study, scored), slices={})).slices == ()

    def test_nearly_everyone_leaves_no_rest(self, study, scored):
        results = replace(made(study, scored), slices={"all": ("same",) * (N - 5) + ("other",) * 5})
        assert {row.difference for row in compare(results).slices} == {None}
