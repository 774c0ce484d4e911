"""Behaviour of the pure numerics that no other test pins down; found by changing the code and seeing nothing fail."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from xai_compare.metrics import _arrays as arrays


def every_pair(d: int) -> np.ndarray:
    """(1, 2^(d - 1), d): one coalition of each complement pair."""
    return np.array([[(True, *rest) for rest in product([True, False], repeat=d - 1)]])


def odd_game(keep: np.ndarray, u: np.ndarray, w: np.ndarray | None = None) -> arrays.Pairs:
    """Pairs of a game whose odd part is u and that has no even part."""
    return arrays.pairs_of(keep, u, -u, w)


def test_enumerated_pairs_are_fitted_by_weighted_least_squares():
    rng = np.random.default_rng(0)
    keep, w = rng.random((3, 40, 5)) < 0.5, rng.dirichlet(np.ones(40))
    shown, hidden = rng.standard_normal((2, 3, 40))
    found = arrays.pairs_of(keep, shown, hidden, w)
    for i in range(3):
        z, u = keep[i] - 0.5, (shown[i] - hidden[i]) / 2
        normal = np.linalg.solve(z.T @ (z * w[:, None]), z.T @ (w * u))  # the normal equations
        assert found.rest[i] == pytest.approx(w @ (u - z @ normal) ** 2)


def test_an_explanation_at_right_angles_to_the_game_leaves_all_of_it_untold():
    keep = every_pair(3)
    z = keep - 0.5
    triple = 8 * z.prod(axis=2)  # orthogonal to every feature
    pairs = odd_game(keep, triple)
    assert arrays.left_over(pairs, np.array([[1.0, -1.0, 0.0]])) == pytest.approx(pairs.tell, rel=1e-15)


def test_size_alone_is_its_share_of_the_whole_variation():
    rng = np.random.default_rng(1)
    keep = rng.random((4, 64, 6)) < 0.5
    shown, hidden = rng.standard_normal((2, 4, 64)) + keep.sum(axis=2)
    found = arrays.decompose(arrays.pairs_of(keep, shown, hidden, None), rng.standard_normal((4, 6))).size_alone
    u, even = (shown - hidden) / 2, ((shown + hidden) / 2).var(axis=1, ddof=1)
    t = (keep - 0.5).sum(axis=2)
    for i in range(4):
        left = u[i] - (u[i] @ t[i]) / (t[i] @ t[i]) * t[i]
        odd, told = u[i] @ u[i] / 64, left @ left / 63
        assert found[i] == pytest.approx((odd - told) / (odd + even[i]))


def test_a_single_case_that_needs_more_than_one_feature():
    keep = every_pair(4)
    weight = np.array([[1.0, -1.0, 1.0, -1.0]])
    pairs = odd_game(keep, np.matmul(keep - 0.5, weight[0]), np.full(8, 1 / 8))
    assert arrays.features_needed(pairs, weight, 0.99) == pytest.approx([4])


class TestPartialCorrelation:
    RNG = np.random.default_rng(2)
    A, B, SIZE = RNG.standard_normal((3, 2, 50))

    @pytest.mark.parametrize("factors", [(1e12, 1.0), (1.0, 1e12)])
    def test_does_not_depend_on_units(self, factors):
        plain = arrays.partial_correlation(self.A, self.B, self.SIZE, None)
        assert arrays.partial_correlation(self.A * factors[0], self.B * factors[1], self.SIZE, None) == pytest.approx(plain)

    def test_a_small_variation_beside_a_large_straight_line_counts(self):
        plain = arrays.partial_correlation(self.A, self.B, self.SIZE, None)
        beside = self.SIZE + 1e-7 * self.B
        assert arrays.partial_correlation(self.A, beside, self.SIZE, None) == pytest.approx(plain, abs=1e-6)
        assert arrays.partial_correlation(beside, self.A, self.SIZE, None) == pytest.approx(plain, abs=1e-6)


class TestFeaturesFor:
    def test_a_share_met_exactly_is_reached_whatever_the_rounding(self):
        for d in range(2, 40):
            phi = np.full((1, d), 0.1)
            assert [arrays.features_for(phi, k / d)[0] for k in range(1, d + 1)] == list(range(1, d + 1))

    def test_a_share_just_missed_is_not_reached(self):
        assert arrays.features_for(np.array([[0.9 - 1e-8, 0.1 + 1e-8]]), 0.9) == pytest.approx([2])


def test_tiny_attributions_agree_in_sign_as_large_ones_do():
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal((2, 3, 6))
    noise = rng.random((4, 2, 3, 6))
    plain, tiny = (arrays.agreement_draws(unit * a, unit * b, 3, noise) for unit in (1.0, 1e-200))
    assert {name: value.tolist() for name, value in tiny.items()} == {name: value.tolist() for name, value in plain.items()}


def test_overlap_does_not_depend_on_units_and_needs_two_attributions():
    rng = np.random.default_rng(7)
    a, b = rng.standard_normal((2, 4, 6))
    plain, tiny = arrays.overlap(a, b), arrays.overlap(1e-6 * a, 1e6 * b)
    np.testing.assert_allclose(tiny, plain)
    none = np.zeros((4, 6))
    for one, other in ((a, none), (none, b)):
        assert np.isnan(arrays.overlap(one, other)).all()


def test_an_absent_feature_stands_behind_those_without_strength():
    phi, mask = np.array([[0.5, 0.0, 0.0, 7.0]]), np.array([[True, True, False, True]])
    present = np.array([[True, True, True, False]])
    # Two of the mask are there: the first leads, the second is one of two that tie for the other place.
    assert arrays.relevance_rank(phi, mask, present) == pytest.approx([0.75])
    assert arrays.relevance_rank(phi[:, :3], mask[:, :3]) == pytest.approx([0.75])


def test_a_zero_agrees_in_sign_with_nothing():
    a, b = np.array([[1.0, 0.0, -1.0]]), np.array([[0.0, 1.0, -1.0]])
    found = arrays.agreement_draws(a, b, 3, np.random.default_rng(0).random((2, 2, 1, 3)))
    assert (found["feature"], found["sign"]) == ([1.0], pytest.approx([1 / 3]))


def test_ranks_of_attributions_without_an_order_have_no_correlation():
    assert np.isnan(arrays.spearman(np.ones((1, 4)), np.array([[1.0, 2.0, 3.0, 4.0]]))).all()


def test_a_mask_of_all_features_has_all_top_places():
    phi, mask = np.array([[3.0, 1.0, 2.0]]), np.ones((1, 3), dtype=bool)
    assert arrays.relevance_rank(phi, mask) == pytest.approx([1])


def test_two_features_have_an_order():
    assert arrays.spearman(np.array([[1.0, 2.0]]), np.array([[5.0, -3.0]])) == pytest.approx([-1])
