"""Scores against a known truth: by hand, at chance for what knows nothing, and silent where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.toys import world
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import overlap
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Truth

MASKED = ("relevance_mass", "relevance_rank", "mask_auroc", "auprc", "token_f1")
ALL = ("truth_similarity", *MASKED)
PHI = np.array([[3.0, -1.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]])
MASK = np.array([[True, True, False, False], [True, False, False, False]])


def scored(metric, phi, truth, classes=(), target=0, signed=True, cases=None, present=None):
    n = len(phi)
    data = replace(world(np.zeros(phi.shape), np.zeros((2, phi.shape[1]))), truth=truth, classes=classes)
    cases = tuple(range(n)) if cases is None else cases
    own = Attribution(phi, np.full(n, target), "value", signed=signed, present=present).rows(np.array(cases))
    return METRICS[metric]()(View(data, Streams(0), cases, (own,)))


class TestByHand:
    @pytest.mark.parametrize(
        ("metric", "values", "chance"),
        [
            ("relevance_mass", [4 / 8, 1 / 4], [1 / 2, 1 / 4]),
            ("relevance_rank", [1 / 2, 1 / 4], [1 / 2, 1 / 4]),  # the second: one of four that are tied
            ("mask_auroc", [2 / 4, 1 / 2], [1 / 2, 1 / 2]),  # 3 and 1 against 0 and 4
            # 4 before 3 and 1 before 0: (1/2 + 2/3) / 2. By chance, one: the mean of 1, 1/2, 1/3, 1/4; two: over all six pairs of places.
            ("auprc", [7 / 12, 25 / 48], [(1 + 5 / 6 + 3 / 4 + 7 / 12 + 1 / 2 + 5 / 12) / 6, 25 / 48]),
            # The mean share is 3/8: k = 2, of which 3 is true; one of two of four that are tied.
            ("token_f1", [2 / 4, 2 * 0.5 / 3], [2 * 1 / 4, 2 * 0.5 / 3]),
        ],
    )
    def test_against_a_mask(self, metric, values, chance):
        found = scored(metric, PHI, Truth(mask=MASK))
        np.testing.assert_allclose(found.values, values)
        np.testing.assert_allclose(found.chance, chance)
        np.testing.assert_allclose(found.ceiling, [1, 2 / 3 if metric == "token_f1" else 1])

    def test_against_an_attribution(self):
        found = scored("truth_similarity", PHI[:1], Truth(np.array([[6.0, 2.0, 0.0, 8.0]])))
        # Shares (3, -1, 0, 4) / 8 and (3, 1, 0, 4) / 8 differ by 2/8.
        assert found.values[0] == pytest.approx(1 - 1 / 8)
        assert found.chance[0] == overlap(PHI[:1], np.array([[3.0, 1.0, 0.0, 4.0]]))[1][0]

    def test_the_truth_itself_is_the_ceiling(self):
        phi = np.random.default_rng(0).standard_normal((20, 6))
        np.testing.assert_allclose(scored("truth_similarity", 1e-6 * phi, Truth(phi)).values, 1)
        mask = np.abs(phi) > np.median(np.abs(phi), axis=1, keepdims=True)
        for metric in MASKED:
            np.testing.assert_allclose(scored(metric, phi * mask, Truth(mask=mask)).values, 1)

    def test_token_f1_with_the_number_of_each_case_is_the_relevance_rank(self):
        rng = np.random.default_rng(6)
        phi, mask = rng.integers(-3, 4, (30, 8)).astype(float), rng.permuted(np.tile(np.arange(8) < 3, (30, 1)), axis=1)
        one, other = (scored(metric, phi, Truth(mask=mask)) for metric in ("token_f1", "relevance_rank"))
        np.testing.assert_allclose(one.values, other.values)
        np.testing.assert_allclose(one.chance, other.chance)

    def test_token_f1_counts_as_many_words_as_are_marked_on_average(self):
        """Shares 1/2, 1/4 and none, which does not count: 3/8 of eight features are three, of a case with four of them two."""
        phi, mask = np.tile(np.arange(8.0, 0, -1), (3, 1)), np.zeros((3, 8), dtype=bool)
        mask[0, :4] = mask[1, [0, 7]] = True
        found = scored("token_f1", phi, Truth(mask=mask))
        np.testing.assert_allclose(found.values[:2], [2 * 3 / 7, 2 * 1 / 5])
        np.testing.assert_allclose(found.ceiling[:2], [6 / 7, 4 / 5])
        present = np.ones((3, 8), dtype=bool)
        present[1, 2:6] = False
        fewer = scored("token_f1", np.where(present, phi, np.nan), Truth(mask=mask), present=present)
        np.testing.assert_allclose(fewer.values[:2], [2 * 3 / 7, 2 * 1 / 4])


class TestSign:
    def test_the_first_of_two_classes_has_the_opposite_truth(self):
        phi, classes = np.random.default_rng(1).standard_normal((5, 6)), ("no", "yes")
        np.testing.assert_allclose(scored("truth_similarity", phi, Truth(phi), classes, target=1).values, 1)
        np.testing.assert_allclose(scored("truth_similarity", -phi, Truth(phi), classes, target=0).values, 1)
        assert scored("truth_similarity", phi, Truth(phi), classes, target=0).values.max() < 0.1

    def test_a_method_without_sign_is_held_against_sizes(self):
        phi = np.random.default_rng(2).standard_normal((5, 6))
        np.testing.assert_allclose(scored("truth_similarity", np.abs(phi), Truth(phi), signed=False).values, 1)
        assert scored("truth_similarity", np.abs(phi), Truth(phi)).values.max() < 0.9

    def test_three_classes_have_no_one_truth(self):
        with pytest.raises(NotApplicable, match="more than two classes"):
            scored("truth_similarity", PHI, Truth(PHI), ("a", "b", "c"))
        assert len(scored("mask_auroc", PHI, Truth(mask=MASK), ("a", "b", "c")).values) == 2


class TestChance:
    @pytest.mark.parametrize("metric", ALL)
    @pytest.mark.parametrize("kind", ["dense", "sparse", "unsigned"])
    def test_what_knows_nothing_is_at_chance(self, metric, kind):
        rng = np.random.default_rng(3)
        phi = rng.standard_normal((2000, 7)) * (1.0 if kind != "sparse" else rng.random((2000, 7)) < 0.5)
        truth = Truth(rng.standard_normal((2000, 7)) * [3, 2, 1, 1, 0, 0, 0], rng.random((2000, 7)) < 0.4)
        found = scored(metric, np.abs(phi) if kind == "unsigned" else phi, truth, signed=kind != "unsigned")
        over = (found.values - found.chance)[np.isfinite(found.values)]
        error = over.std(ddof=1) / np.sqrt(len(over))
        assert len(over) > 1800
        assert abs(over.mean()) < 3 * error
        assert 0.001 < error < 0.02


class TestWhatIsNotScored:
    @pytest.mark.parametrize("metric", ALL)
    def test_without_a_truth(self, metric):
        with pytest.raises(NotApplicable, match="nobody knows"):
            scored(metric, PHI, None)

    @pytest.mark.parametrize("metric", ALL)
    def test_without_this_kind_of_truth(self, metric):
        truth = Truth(mask=MASK) if metric == "truth_similarity" else Truth(PHI)
        with pytest.raises(NotApplicable, match="not known, only"):
            scored(metric, PHI, truth)

    @pytest.mark.parametrize("metric", MASKED)
    def test_where_all_features_matter_or_none(self, metric):
        found = scored(metric, PHI, Truth(mask=np.array([[True] * 4, [False] * 4])))
        assert np.isnan(found.values).all()
        assert found.reasons == {0: "every feature matters", 1: "no feature matters"}

    @pytest.mark.parametrize("metric", ["truth_similarity", "relevance_mass"])
    def test_an_explanation_of_zeros(self, metric):
        found = scored(metric, 0 * PHI, Truth(PHI, MASK))
        assert np.isnan(found.values).all()
        assert set(found.reasons.values()) == {"constant explanation" if metric == "truth_similarity" else "all-zero explanation"}


class TestRows:
    @pytest.mark.parametrize("metric", ALL)
    def test_a_case_is_held_against_its_own_row_of_the_test_table(self, metric):
        rng = np.random.default_rng(4)
        phi, truth = rng.standard_normal((9, 5)), Truth(rng.standard_normal((9, 5)), rng.random((9, 5)) < 0.5)
        whole = scored(metric, phi, truth)
        part = scored(metric, phi, truth, cases=(7, 2, 3))
        np.testing.assert_allclose(part.values, whole.values[[7, 2, 3]])
        # The same rows when only some of the table are explained: row 7 is case 1 then.
        data = replace(world(np.zeros((9, 5)), np.zeros((2, 5))), truth=truth, explain=np.array([4, 7]))
        own = Attribution(phi[[4, 7]], np.zeros(2, dtype=np.int64), "value")
        found = METRICS[metric]()(View(data, Streams(0), (0, 1), (own,)))
        np.testing.assert_allclose(found.values, whole.values[[4, 7]])

    def test_chance_counts_the_features_that_the_case_has(self):
        phi, present = np.array([[3.0, 1.0, 0.0, np.nan]]), np.array([[True, True, True, False]])
        found = scored("relevance_mass", phi, Truth(mask=np.array([[True, False, False, True]])), present=present)
        assert found.values[0] == pytest.approx(3 / 4)
        assert found.chance[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"needs an attribution or a mask, of one shape \(cases, features\), found \[\]"),
        ({"attribution": np.zeros((2, 3)), "mask": np.zeros((2, 4), dtype=bool)}, "of one shape"),
        ({"mask": np.zeros(3, dtype=bool)}, "of one shape"),
        ({"attribution": np.array([[np.nan, 1.0]])}, "not finite"),
    ],
)
def test_a_truth_that_is_none_is_refused(given, message):
    with pytest.raises(XaiCompareError, match=message):
        Truth(**given)
