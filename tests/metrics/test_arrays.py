"""The pure numerics against plain loops and against other libraries."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar, nnls
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from xai_compare.metrics import _arrays as arrays
from xai_compare.metrics import _predictions as predictions

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
        found = predictions.weighted_auc(score, y == 1, weights)
        np.testing.assert_allclose(found, [roc_auc_score(y, score, sample_weight=w) for w in weights])

    def test_auc_of_one_class_is_nan(self):
        assert np.isnan(predictions.weighted_auc(np.arange(3.0), np.array([True, True, True]), np.ones((1, 3)))).all()

    @pytest.mark.parametrize(("k", "average"), [(2, "binary"), (3, "macro")])
    def test_f1_equals_scikit_learn(self, k, average):
        y, said = RNG.integers(0, k, (2, 300))
        weights = RNG.integers(0, 4, (20, 300)).astype(float)
        expected = [f1_score(y, said, average=average, sample_weight=w) for w in weights]
        np.testing.assert_allclose(predictions.weighted_f1(said, y, k, weights), expected)


def ways(seed, m=40):
    """(n, m) said, drop, sizes that go with both, and weights (m,)."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 8, (4, m)).astype(float)
    return (*(rng.standard_normal((2, 4, m)) + 0.5 * size), size, rng.dirichlet(np.ones(m)))


class TestPartialCorrelation:
    """From the three plain correlations, by SciPy where it has no weights."""

    @pytest.mark.parametrize("seed", range(10))
    def test_equals_the_textbook_formula(self, seed):
        a, b, size, _ = ways(seed)
        for i, found in enumerate(arrays.partial_correlation(a, b, size, None)):
            ab, ac, bc = (pearsonr(*pair).statistic for pair in ((a[i], b[i]), (a[i], size[i]), (b[i], size[i])))
            assert found == pytest.approx((ab - ac * bc) / np.sqrt((1 - ac**2) * (1 - bc**2)))
            assert arrays.partial_correlation(a, b, None, None)[i] == pytest.approx(ab)

    def test_weights_are_those_of_numpy(self):
        a, b, size, w = ways(1)
        for i, found in enumerate(arrays.partial_correlation(a, b, size, w)):
            covariance = np.cov([a[i], b[i], size[i]], aweights=w, ddof=0)
            precision = np.linalg.inv(covariance)
            assert found == pytest.approx(-precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1]))

    def test_what_is_told_by_size_alone_is_nothing(self):
        a, b, size, _ = ways(2)
        assert (arrays.partial_correlation(0.1 * size, b, size, None) == 0).all()
        assert (arrays.partial_correlation(a, 3 * size + 1e6, size, None) == 0).all()
        assert (arrays.partial_correlation(0 * a, b, None, None) == 0).all()
        assert (np.abs(arrays.partial_correlation(0.1 * size, b, None, None)) > 0.3).all()  # the plain one takes it for knowledge


class TestInfidelity:
    @pytest.mark.parametrize("weighted", [False, True])
    def test_equals_a_search_for_the_best_factor(self, weighted):
        said, drop, _, w = ways(3)
        said[0] *= -1  # no positive factor helps
        weight = w if weighted else np.full(said.shape[1], 1 / said.shape[1])
        scaled, own = arrays.infidelity(said, drop, w if weighted else None)
        for i in range(len(said)):

            def missed(factor, i=i):
                return (weight * (factor * said[i] - drop[i]) ** 2).sum() / (weight * drop[i] ** 2).sum()

            best = minimize_scalar(missed, bounds=(0, 100), method="bounded", options={"xatol": 1e-10})
            assert scaled[i] == pytest.approx(best.fun, abs=1e-6)
            assert own[i] == pytest.approx(missed(1.0))
        assert scaled[0] == 1

    def test_zeros_miss_everything_and_nothing_is_missed_of_nothing(self):
        said, drop, _, _ = ways(4)
        assert (np.array(arrays.infidelity(0 * said, drop, None)) == 1).all()
        assert np.isnan(arrays.infidelity(said, 0 * drop, None)).all()


class TestConcentration:
    def test_gini_at_its_ends_and_by_all_pairs(self):
        np.testing.assert_allclose(arrays.gini(np.eye(10)[:1]), 0.9)
        np.testing.assert_allclose(arrays.gini(-np.ones((1, 10))), 0, atol=1e-15)
        assert np.isnan(arrays.gini(np.zeros((1, 4)))[0])
        phi = RNG.standard_normal((5, 7))
        size = np.abs(phi)
        apart = np.abs(size[:, :, None] - size[:, None, :]).sum(axis=(1, 2))
        np.testing.assert_allclose(arrays.gini(phi), apart / (2 * 7 * size.sum(axis=1)))

    @pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
    def test_features_for_equals_a_loop(self, share):
        phi = np.concatenate([RNG.standard_normal((20, 6)), [[4, 3, 2, 1, 0, 0], [8, -2, 0, 0, 0, 0], [0.1] * 6]])
        for row, found in zip(phi, arrays.features_for(phi, share), strict=True):
            size, k = sorted(np.abs(row).tolist(), reverse=True), 1
            while sum(size[:k]) < share * sum(size) - 1e-9:
                k += 1
            assert found == k
        assert np.isnan(arrays.features_for(np.zeros((1, 3)), share)[0])


class TestAgainstAMask:
    def test_mass_by_hand(self):
        phi = np.array([[3.0, -1.0, 0.0, 4.0]])
        assert arrays.relevance_mass(phi, np.array([[True, True, False, False]]))[0] == pytest.approx(0.5)
        assert np.isnan(arrays.relevance_mass(0 * phi, np.array([[True, True, False, False]]))[0])

    def test_rank_is_the_mean_over_all_orders_of_what_is_tied(self):
        from itertools import permutations

        for _ in range(20):
            phi, mask = RNG.integers(-1, 2, (1, 5)).astype(float), RNG.random((1, 5)) < 0.5
            k = int(mask.sum())
            if k == 0:
                assert np.isnan(arrays.relevance_rank(phi, mask)[0])
                continue
            hits = []
            for order in permutations(range(5)):  # a stable sort of every re-ordering breaks ties in every way
                top = sorted(order, key=lambda j: -abs(phi[0, j]))[:k]
                hits.append(mask[0, top].mean())
            assert arrays.relevance_rank(phi, mask)[0] == pytest.approx(np.mean(hits))

    def test_auroc_equals_scikit_learn(self):
        phi, mask = RNG.integers(-3, 4, (40, 8)).astype(float), RNG.random((40, 8)) < 0.4
        mask[:2] = [[False], [True]]
        found = arrays.mask_auroc(phi, mask)
        assert np.isnan(found[:2]).all()
        known = mask.any(axis=1) & ~mask.all(axis=1)
        expected = [roc_auc_score(m, np.abs(p)) for p, m in zip(phi[known], mask[known], strict=True)]
        np.testing.assert_allclose(found[known], expected)

    def test_average_precision_equals_scikit_learn(self):
        phi, mask = RNG.standard_normal((40, 8)), RNG.random((40, 8)) < 0.4
        mask[0] = False
        found = arrays.average_precision(phi, mask)
        assert np.isnan(found[0])
        known = mask.any(axis=1)
        expected = [average_precision_score(m, np.abs(p)) for p, m in zip(phi[known], mask[known], strict=True)]
        np.testing.assert_allclose(found[known], expected)

    def test_average_precision_is_the_mean_over_all_orders_of_what_is_tied(self):
        from itertools import permutations

        for _ in range(20):
            phi, mask = RNG.integers(-1, 2, (1, 5)).astype(float), RNG.random((1, 5)) < 0.5
            mask[0, 0] = True
            noise = np.array(list(permutations(np.arange(5) / 100)))
            broken = [average_precision_score(mask[0], np.abs(phi[0]) + each) for each in noise]
            assert arrays.average_precision(phi, mask)[0] == pytest.approx(np.mean(broken))


def test_the_overlap_of_what_is_there_is_as_if_the_rest_were_no_columns():
    present = RNG.random((30, 6)) < 0.6
    present[:, :2] = True
    a, b = (np.where(present, RNG.standard_normal((30, 6)), RNG.choice([np.nan, 9.0], (30, 6))) for _ in range(2))
    found = np.array(arrays.overlap(a, b, present))
    for i, own in enumerate(present):
        expected = arrays.overlap(a[i : i + 1, own], b[i : i + 1, own])
        np.testing.assert_allclose(found[:, i], np.ravel(expected), atol=1e-12)
    assert len(set(present.sum(axis=1).tolist())) > 2


@pytest.mark.parametrize(
    "name", ["effective_features", "features_for", "gini", "relevance_mass", "relevance_rank", "mask_auroc", "average_precision"]
)
def test_an_absent_feature_is_as_if_it_were_not_a_column(name):
    """Texts have words of their own number: what stands beyond them, NaN or not, does not count."""
    phi, mask = RNG.integers(-3, 4, (30, 6)).astype(float), RNG.random((30, 6)) < 0.5
    present = np.ones((30, 6), dtype=bool)
    present[:, [1, 4]] = False
    padded = np.where(present, phi, RNG.choice([np.nan, 0.0, 9.0], phi.shape))
    more = {"features_for": (0.8,)}.get(name, ())
    masks = [(), ()] if name in ("effective_features", "features_for", "gini") else [(mask,), (mask[:, [0, 2, 3, 5]],)]
    function = getattr(arrays, name)
    np.testing.assert_allclose(function(padded, *masks[0], *more, present), function(phi[:, [0, 2, 3, 5]], *masks[1], *more))
