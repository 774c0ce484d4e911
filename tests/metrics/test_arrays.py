"""The pure numerics against plain loops and against other libraries."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.stats import spearmanr
from sklearn.metrics import f1_score, roc_auc_score

from xai_compare.metrics import _arrays as arrays

RNG = np.random.default_rng(0)
SEEDS = st.integers(0, 10**6)


def made(seed=0, n=5, m=64, d=7, weighted=False):
    rng = np.random.default_rng(seed)
    keep = rng.random((n, m, d)) < 0.5
    shown, hidden = rng.standard_normal((2, n, m)) + keep.sum(axis=2) * 0.3
    w = rng.dirichlet(np.ones(m)) if weighted else None
    return arrays.pairs_of(keep, shown, hidden, w), rng.standard_normal((n, d))


class TestDecomposition:
    """F by a generic solver: min over c free and b >= 0 is a non-negative least squares in (c, -c, b)."""

    @pytest.mark.parametrize("weighted", [False, True])
    def test_left_over_equals_a_generic_solver(self, weighted):
        pairs, phi = made(weighted=weighted)
        root = np.ones(64) if pairs.w is None else np.sqrt(pairs.w)
        for i in range(5):
            g = pairs.z[i] @ phi[i]
            design = np.column_stack([pairs.t[i], -pairs.t[i], g]) * root[:, None]
            solution, norm = nnls(design, pairs.u[i] * root)
            expected = norm**2 / (64 - 2 if pairs.w is None else 1) if solution[2] > 0 else pairs.tell[i]
            assert arrays.left_over(pairs, phi)[i] == pytest.approx(expected, rel=1e-9)

    def test_variances_have_their_degrees_of_freedom(self):
        pairs, _ = made()
        u, t = pairs.u[0], pairs.t[0]
        c = (u @ t) / (t @ t)
        assert pairs.tell[0] == pytest.approx(((u - c * t) ** 2).sum() / 63)
        fit = pairs.z[0] @ np.linalg.lstsq(pairs.z[0], u, rcond=None)[0]
        assert pairs.rest[0] == pytest.approx(((u - fit) ** 2).sum() / (64 - 7))
        assert pairs.odd[0] == pytest.approx((u**2).sum() / 64)

    def test_even_part_is_the_sample_variance_of_the_pair_means(self):
        keep = RNG.random((2, 64, 7)) < 0.5
        shown, hidden = RNG.standard_normal((2, 2, 64))
        assert arrays.pairs_of(keep, shown, hidden, None).even == pytest.approx(((shown + hidden) / 2).var(axis=1, ddof=1))

    @given(SEEDS)
    def test_shares_add_up_and_explained_is_never_negative_nor_above_attainable_by_more_than_freedom(self, seed):
        pairs, phi = made(seed)
        found = arrays.decompose(pairs, phi)
        np.testing.assert_allclose(found.explained + found.lost + found.beyond, 1, atol=1e-12)
        np.testing.assert_allclose(found.attainable, 1 - found.beyond, atol=1e-12)

    def test_pure_noise_is_unbiasedly_beyond(self):
        # u and e are pure noise: nothing is attainable on average, however many features there are to fit it with.
        found = []
        for seed in range(300):
            rng = np.random.default_rng(seed)
            pairs = arrays.pairs_of(rng.random((5, 64, 12)) < 0.5, *rng.standard_normal((2, 5, 64)), None)
            found.append(arrays.decompose(pairs, np.ones((5, 12))).attainable.mean())
        assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300)


class TestFeaturesNeeded:
    @given(SEEDS, st.sampled_from([0.5, 0.8, 1.0]))
    def test_equals_a_loop_over_truncations(self, seed, share):
        pairs, phi = made(seed)
        phi = phi + arrays_best(pairs)
        found = arrays.features_needed(pairs, phi, share)
        for i in range(len(phi)):
            goal = share * (pairs.tell[i] - pairs.rest[i])
            expected = 8.0
            for k in range(1, 8):
                top = np.argsort(-np.abs(phi[i]), kind="stable")[:k]
                short = np.zeros_like(phi)
                short[i, top] = phi[i, top]
                if pairs.tell[i] - arrays.left_over(pairs, short)[i] >= goal:
                    expected = k
                    break
            assert found[i] == expected

    def test_one_feature_that_does_all_is_one_and_a_useless_one_is_d_plus_one(self):
        keep = RNG.random((2, 64, 5)) < 0.5
        shown = keep[:, :, 2] * 1.0
        pairs = arrays.pairs_of(keep, shown, 1.0 - shown, None)
        phi = np.array([[0, 0, 1.0, 0, 0], [1.0, 0, 0, 0, 0]])
        np.testing.assert_array_equal(arrays.features_needed(pairs, phi, 0.8), [1, 6])


def arrays_best(pairs):
    """The additive explanation that fits best."""
    return np.stack([np.linalg.lstsq(z, u, rcond=None)[0] for z, u in zip(pairs.z, pairs.u, strict=True)])


class TestSimplicity:
    def test_effective_features_at_its_ends(self):
        np.testing.assert_allclose(arrays.effective_features(np.eye(10)[:1]), 1)
        np.testing.assert_allclose(arrays.effective_features(-np.ones((1, 10))), 10)
        np.testing.assert_allclose(arrays.effective_features(np.array([[0.5, -0.5, 0, 0]])), 2)
        assert np.isnan(arrays.effective_features(np.zeros((1, 4)))[0])


class TestAgreement:
    def test_overlap_by_hand(self):
        a, b = np.array([[3.0, 1.0, 0.0, 0.0]]), np.array([[1.0, -1.0, 0.0, 2.0]])
        # Shares (.75, .25, 0, 0) and (.25, -.25, 0, .5): distances .5 + .5 + 0 + .5.
        o, _ = arrays.overlap(a, b)
        assert o[0] == pytest.approx(1 - 1.5 / 2)

    def test_overlap_chance_is_the_mean_over_all_orders(self):
        from itertools import permutations

        a, b = RNG.standard_normal((2, 1, 5))
        shuffled = np.array([b[0, list(order)] for order in permutations(range(5))])
        expected = arrays.overlap(np.repeat(a, len(shuffled), axis=0), shuffled)[0].mean()
        assert arrays.overlap(a, b)[1][0] == pytest.approx(expected)

    def test_top_k_by_hand(self):
        a, b = np.array([[4.0, -3.0, 2.0, 1.0, 0.1, 0.2]]), np.array([[4.0, 3.0, 0.1, 2.0, 0.2, -1.0]])
        # Top 3: a = 0, 1, 2 (+ - +); b = 0, 1, 3 (+ + +). Both: 0, 1; same sign: 0; same place: 0 and 1.
        found = arrays.agreement_draws(a, b, 3, RNG.random((1, 2, 1, 6)))
        # Signs + - + against + + +: two of the three draws from a's top are positive, all of b's are.
        assert found.pop("same_by_chance")[0] == pytest.approx(2 / 3)
        shares = {name: round(float(values[0]) * 3) for name, values in found.items()}
        assert shares == {"feature": 2, "rank": 2, "sign": 1, "signed_rank": 1}

    def test_a_zero_has_no_sign_so_that_negation_only_mirrors(self):
        a = np.array([[1.0, 0, 0, 0, 0, 0, 0, 0]])
        b = np.array([[1, -0.1, -0.2, -0.3, -0.01, -0.02, -0.03, -0.04]])
        noise = RNG.random((20, 2, 1, 8))
        one, mirrored = arrays.agreement_draws(a, b, 4, noise), arrays.agreement_draws(-a, -b, 4, noise)
        for name, values in one.items():
            assert mirrored[name] == pytest.approx(values), name
        assert one["sign"][0] == pytest.approx(1 / 4)

    def test_ties_are_broken_at_random(self):
        flat, other = np.ones((2000, 6)), np.tile(np.arange(6.0), (2000, 1)) + 1
        found = arrays.agreement_draws(flat, other, 2, RNG.random((5, 2, 2000, 6)))
        assert found["feature"].mean() == pytest.approx(2 / 6, abs=0.01)

    def test_spearman_equals_scipy(self):
        a, b = RNG.standard_normal((2, 20, 9))
        expected = [spearmanr(np.abs(x), np.abs(y)).statistic for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(arrays.spearman(a, b), expected)

    def test_pairwise_rank_equals_a_loop(self):
        a, b = RNG.integers(-2, 3, (2, 20, 6)).astype(float)
        for i in range(20):
            said = []
            for j, k in combinations(range(6), 2):
                one, two = abs(a[i, j]) - abs(a[i, k]), abs(b[i, j]) - abs(b[i, k])
                said.append(0.5 if one == 0 or two == 0 else float((one > 0) == (two > 0)))
            assert arrays.pairwise_rank(a[i : i + 1], b[i : i + 1])[0] == pytest.approx(np.mean(said))


class TestPerformance:
    def test_auc_with_ties_and_weights_equals_scikit_learn(self):
        y, score = RNG.integers(0, 2, 200), RNG.integers(0, 20, 200) / 20
        weights = RNG.integers(0, 4, (30, 200)).astype(float)
        found = arrays.weighted_auc(score, y == 1, weights)
        np.testing.assert_allclose(found, [roc_auc_score(y, score, sample_weight=w) for w in weights])

    def test_auc_of_one_class_is_nan(self):
        assert np.isnan(arrays.weighted_auc(np.arange(3.0), np.array([True, True, True]), np.ones((1, 3)))).all()

    @pytest.mark.parametrize(("k", "average"), [(2, "binary"), (3, "macro")])
    def test_f1_equals_scikit_learn(self, k, average):
        y, said = RNG.integers(0, k, (2, 300))
        weights = RNG.integers(0, 4, (20, 300)).astype(float)
        expected = [f1_score(y, said, average=average, sample_weight=w) for w in weights]
        np.testing.assert_allclose(arrays.weighted_f1(said, y, k, weights), expected)
