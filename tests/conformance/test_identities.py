"""Exact identities: what must hold whatever the implementation, worked out by hand or by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.toys import brute_force_shapley, classified, game_of, torch_value, valued, world
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Coalitions, evaluate_coalitions
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import agreement_draws, pairwise_rank
from xai_compare.models.adapt import adapt
from xai_compare.streams import Streams
from xai_compare.types import Attribution

RNG = np.random.default_rng(3)
W = np.array([2.0, -1.0, 0.5, 0.0, 3.0, -0.25])


def fit_of(game, phi, control=None, metric="additive_fit", **params):
    """Scores of one attribution on the game's own coalition sample."""
    sample = evaluate_coalitions(game, Streams(0))
    own = Attribution(np.asarray(phi, dtype=float), game.target, game.output)
    noise = own if control is None else Attribution(control, game.target, game.output)
    return METRICS[metric](**params)(View(game.data, Streams(0), tuple(game.cases), (own,), noise, sample))


def shapley(game, **params):
    return EXPLAINERS["shap"](**params)(game, Streams(0))


def linear_world(d=6, n=8, b=12):
    x, background = RNG.standard_normal((n, d)), RNG.standard_normal((b, d))
    model = LinearRegression()
    model.coef_, model.intercept_, model.n_features_in_ = W[:d].copy(), 1.5, d
    data = world(x, background)
    return adapt("line", model, data.background_inputs()), data, x, background


class TestLinear:
    def test_shap_is_weight_times_distance_from_the_background_mean(self):
        model, data, x, background = linear_world()
        found = shapley(game_of(model, data))
        assert found.about["algorithm"] == "linear"
        np.testing.assert_allclose(found.values, W * (x - background.mean(axis=0)), atol=1e-12)

    def test_permutation_shap_of_the_same_function_is_equal(self):
        _model, data, x, background = linear_world()
        found = shapley(game_of(valued(lambda rows: rows @ W + 1.5), data), permutations=1)
        np.testing.assert_allclose(found.values, W * (x - background.mean(axis=0)), atol=1e-12)

    @pytest.mark.parametrize("steps", [1, 7])
    def test_integrated_gradients_are_equal_at_any_number_of_steps(self, steps):
        _, data, x, background = linear_world()
        net = torch.nn.Linear(6, 1)
        with torch.no_grad():
            net.weight.copy_(torch.tensor(W[None], dtype=torch.float32))
        found = EXPLAINERS["integrated_gradients"](steps=steps)(game_of(torch_value(net, 6), data), Streams(0))
        np.testing.assert_allclose(found.values, W * (x - background.mean(axis=0)), atol=1e-5)

    def test_explained_is_one_and_nothing_is_lost_or_beyond(self):
        model, data, _, _ = linear_world()
        game = game_of(model, data)
        scores = fit_of(game, shapley(game).values)
        np.testing.assert_allclose(scores.values, 1, atol=1e-9)
        for part in ("lost_by_method", "beyond_additive"):
            np.testing.assert_allclose(scores.parts[part].values, 0, atol=1e-9)

    def test_logistic_regression_is_fully_additive_in_its_margin_and_not_in_probability(self):
        frame, _ = classified()
        y = (frame["x0"] + frame["x1"] > 0).astype(int)  # separable: a steep, saturated sigmoid
        data = world(frame.head(10), frame.iloc[100:120], task="classification", classes=("0", "1"))
        model = adapt("logistic", LogisticRegression(C=1e4).fit(frame, y), data.background_inputs())
        margin, probability = game_of(model, data, 1), game_of(model, data, 1, output="probability")
        assert fit_of(margin, shapley(margin).values).values.min() > 1 - 1e-9
        assert fit_of(probability, shapley(probability).values).values.mean() < 0.95

    def test_permutation_importance_expects_twice_the_variance_of_the_term(self):
        # Two independent draws of x_j differ by variance 2 Var(x_j): the rise of the squared error is 2 w_j^2 Var(x_j).
        x = np.random.default_rng(0).standard_normal((4000, 3))
        data = world(x, x[:20], y=x @ W[:3])
        found = EXPLAINERS["permutation_importance"](repeats=20)(game_of(valued(lambda rows: rows @ W[:3]), data), Streams(0))
        np.testing.assert_allclose(found.values[0], 2 * W[:3] ** 2 * x.var(axis=0), rtol=0.03)


class TestTextbookValues:
    """Worked examples of the literature, each by hand."""

    def test_product_from_the_origin(self):
        data = world([[1.0, 1.0]], [[0.0, 0.0]])
        np.testing.assert_allclose(shapley(game_of(valued(lambda x: x[:, 0] * x[:, 1]), data)).values, [[0.5, 0.5]], atol=1e-12)

    def test_relu_of_a_sum(self):
        data = world([[1.0, 1.0]], [[0.0, 0.0]])
        found = shapley(game_of(valued(lambda x: np.maximum(x.sum(axis=1) - 1, 0)), data))
        np.testing.assert_allclose(found.values, [[0.5, 0.5]], atol=1e-12)

    def test_integrated_gradients_see_through_a_saturated_unit(self):
        # 1 - ReLU(1 - x) from 0 to 2: the gradient at 2 is 0, the change of the output is 1.
        class Saturated(torch.nn.Module):
            def forward(self, x):
                return 1 - torch.relu(1 - x)

        found = EXPLAINERS["integrated_gradients"](steps=200)(game_of(torch_value(Saturated(), 1), world([[2.0]], [[0.0]])), Streams(0))
        np.testing.assert_allclose(found.values, [[1.0]], atol=0.01)

    @pytest.mark.parametrize(
        ("function", "expected"),
        [
            (lambda x: 80 * x[:, 0] * x[:, 1], [30.0, 30.0]),
            (lambda x: 10 * x[:, 0] + 80 * x[:, 0] * x[:, 1], [35.0, 30.0]),
        ],
    )
    def test_cough_and_fever(self, function, expected):
        background = [[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)]
        np.testing.assert_allclose(shapley(game_of(valued(function), world([[1.0, 1.0]], background))).values, [expected], atol=1e-12)

    def test_a_and_either_b_or_c(self):
        background = np.array([[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)])
        game = game_of(valued(lambda x: x[:, 0] * np.maximum(x[:, 1], x[:, 2])), world([[1.0, 1.0, 1.0]], background))
        # Uniform background; v(A) = 3/4, v(B) = 1/2, v(AB) = 1, v(BC) = 1/2, v() = 3/8: phi = (11/24, 1/12, 1/12).
        expected = [[11 / 24, 1 / 12, 1 / 12]]
        np.testing.assert_allclose(brute_force_shapley(game), expected, atol=1e-12)
        np.testing.assert_allclose(shapley(game, permutations=3000).values, expected, atol=0.005)


class TestDecomposition:
    def test_parts_add_up_to_one(self):
        frame, _ = classified(d=9)
        data = world(frame.head(6), frame.iloc[50:70])
        game = game_of(valued(lambda x: np.tanh(x[:, 0] + x[:, 1] * x[:, 2]) + x[:, 3]), data)
        scores = fit_of(game, RNG.standard_normal((6, 9)))
        total = scores.values + scores.parts["lost_by_method"].values + scores.parts["beyond_additive"].values
        np.testing.assert_allclose(total, 1, atol=1e-12)

    @pytest.mark.parametrize("phi", [np.ones(9), np.full(9, -3.0), np.zeros(9), np.full(9, 0.1)])
    def test_a_constant_attribution_explains_exactly_nothing(self, phi):
        frame, _ = classified(d=9)
        game = game_of(valued(lambda x: x @ np.arange(9.0) + x[:, 0] * x[:, 1]), world(frame.head(6), frame.iloc[50:70]))
        assert (fit_of(game, np.tile(phi, (6, 1))).values == 0).all()

    def test_a_positive_factor_changes_nothing_and_a_negative_one_explains_nothing(self):
        model, data, _, _ = linear_world()
        game = game_of(model, data)
        phi = shapley(game).values + RNG.standard_normal((8, 6))
        np.testing.assert_allclose(fit_of(game, 1e6 * phi).values, fit_of(game, phi).values, atol=1e-9)
        assert (fit_of(game, -shapley(game).values).values == 0).all()

    def test_xor_of_two_of_six_features_by_enumeration(self):
        # Signs s1 s2 with a background that makes hidden features average out: v(S) = s1 s2 only if both are shown, else 0.
        # d = 6: all pairs are enumerated; a coalition of size s has weight 1 / (5 C(6, s)).
        # P(both shown) = sum_s C(4, s-2) / (5 C(6, s)) = sum_s s (s-1) / 150 = (2 + 6 + 12 + 20) / 150 = 4/15; likewise both hidden.
        # A pair has u = 1/2 if its first half holds both, -1/2 if its second does, and e = 1/2 then; both 0 otherwise.
        # So "one half holds both" has q = 8/15, e is 1/2 with probability q: E = q (1 - q) / 4 = 14/225.
        # The best additive fit is a (z1 + z2) + c t by symmetry. With z = +-1/2: u is 1/2 where z1 = z2 = 1/2, so
        # u = (z1 + z2) / 2 exactly: nothing is left, A = 0. N: u against t alone. E[u^2] = q / 4 = 2/15,
        # E[t^2] = E[(s - 3)^2] = (4 + 1 + 0 + 1 + 4) / 5 = 2, E[u t] = E[(z1 + z2) t] / 2 = E[t^2] / 6 = 1/3.
        # N = 2/15 - (1/3)^2 / 2 = 7/90. beyond = E / (N + E) = (14/225) / (7/90 + 14/225) = 4/9.
        signs = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
        background = np.concatenate([signs, np.zeros((4, 4))], axis=1)
        cases = np.array([[1.0, 1.0, 0.3, 0.1, -0.2, 0.5], [1.0, -1.0, 0.1, 0.2, 0.3, 0.4]])
        game = game_of(valued(lambda x: x[:, 0] * x[:, 1]), world(cases, background))
        sample = evaluate_coalitions(game, Streams(0))
        assert sample.weights is not None
        scores = fit_of(game, brute_force_shapley(game))
        np.testing.assert_allclose(scores.parts["beyond_additive"].values, 4 / 9, atol=1e-12)
        np.testing.assert_allclose(scores.values, 5 / 9, atol=1e-12)

    def test_sampled_pairs_agree_with_the_closed_form_within_three_standard_errors(self):
        # The same XOR among 10 features, now sampled (m = 64 pairs a case, 200 cases with their own draws).
        signs = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
        background = np.concatenate([signs, np.zeros((4, 8))], axis=1)
        cases = np.concatenate([np.ones((200, 2)), RNG.standard_normal((200, 8))], axis=1)
        game = game_of(valued(lambda x: x[:, 0] * x[:, 1]), world(cases, background))
        phi = np.zeros((200, 10))
        phi[:, :2] = 0.5
        found = fit_of(game, phi).parts["beyond_additive"].values
        # By the same steps with d = 10: q = 2 sum s(s-1) / (9 * 90), E[t^2] = sum (s - 5)^2 / 9.
        s = np.arange(1, 10)
        q, t2 = 2 * (s * (s - 1)).sum() / (9 * 90), ((s - 5.0) ** 2).mean()
        even, tell = q * (1 - q) / 4, q / 4 - (t2 / 10) ** 2 / t2
        assert abs(found.mean() - even / (tell + even)) < 3 * found.std(ddof=1) / np.sqrt(200) + 0.005

    def test_flat_cases_are_left_out_with_a_reason(self):
        frame, _ = classified(d=9)
        game = game_of(valued(lambda x: np.where(x[:, 0] > 1e6, 1.0, 0.0)), world(frame.head(4), frame.iloc[50:70]))
        scores = fit_of(game, RNG.standard_normal((4, 9)))
        assert np.isnan(scores.values).all()
        assert set(scores.reasons.values()) == {"flat case: nothing moves the output"}


class TestChance:
    """The closed-form chance levels, for controls of every sort, within three standard errors."""

    @pytest.mark.parametrize("kind", ["dense", "sparse", "unsigned"])
    @pytest.mark.parametrize("d", [6, 12])
    def test_a_control_explains_attainable_over_twice_d_minus_one(self, kind, d):
        rng = np.random.default_rng(11)
        n = 400
        frame = rng.standard_normal((n + 20, d))
        game = game_of(valued(lambda x: x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * x[:, 3]), world(frame[:n], frame[n:]))
        phi = rng.standard_normal((n, d))
        if kind == "sparse":
            phi *= rng.random((n, d)) < 0.4
        scores = fit_of(game, np.abs(phi) if kind == "unsigned" else phi)
        use = np.ptp(phi, axis=1) > 0
        excess = scores.values[use] - scores.chance[use]
        assert abs(excess.mean()) < 3 * excess.std(ddof=1) / np.sqrt(use.sum())

    def test_agreement_of_two_controls_is_at_chance_in_every_measure(self):
        rng = np.random.default_rng(5)
        n, d = 4000, 13
        a, b = (Attribution(rng.standard_normal((n, d)), np.zeros(n, dtype=int), "value") for _ in range(2))
        view = View(None, Streams(0), tuple(range(n)), (a, b))
        scores = METRICS["agreement"]()(view)
        for name, part in {"sign": scores, **scores.parts}.items():
            excess = part.values - part.chance
            assert abs(excess.mean()) < 3 * excess.std(ddof=1) / np.sqrt(n), name

    def test_agreement_of_sparse_and_one_sided_controls_is_at_chance(self):
        rng = np.random.default_rng(6)
        n, d = 4000, 10
        a = rng.standard_normal((n, d)) * (rng.random((n, d)) < 0.5) + 0.5
        b = np.abs(rng.standard_normal((n, d))) * (rng.random((n, d)) < 0.3)
        b[:, 0] += 1e-9
        b = np.take_along_axis(b, np.argsort(rng.random((n, d)), axis=1), axis=1)
        one, other = (Attribution(values, np.zeros(n, dtype=int), "value") for values in (a, b))
        scores = METRICS["agreement"]()(View(None, Streams(0), tuple(range(n)), (one, other)))
        for name, part in {"sign": scores, **scores.parts}.items():
            excess = (part.values - part.chance)[~np.isnan(part.values)]
            assert abs(excess.mean()) < 3 * excess.std(ddof=1) / np.sqrt(len(excess)), name


class TestSymmetries:
    def test_a_feature_that_the_model_ignores_gets_nothing(self):
        frame, _ = classified()
        game = game_of(valued(lambda x: x[:, 0] * x[:, 1] + np.sin(x[:, 2])), world(frame.head(5), frame.iloc[50:62]))
        assert np.abs(shapley(game).values[:, 3:]).max() < 1e-12

    def test_reordering_the_columns_reorders_exact_shap(self):
        frame, y = classified()
        order = [3, 1, 5, 0, 2, 4]
        from sklearn.ensemble import RandomForestClassifier

        def found(columns):
            part = frame.iloc[:, columns]
            data = world(part.head(5), part.iloc[50:62], task="classification", classes=("0", "1"))
            forest = RandomForestClassifier(20, random_state=0, max_features=None, bootstrap=False, max_depth=3).fit(part, y)
            return shapley(game_of(adapt("forest", forest, data.background_inputs()), data, 1)).values

        np.testing.assert_allclose(found(order), found(list(range(6)))[:, order], atol=1e-7)

    def test_the_other_class_mirrors_the_signs(self):
        frame, y = classified()
        data = world(frame.head(5), frame.iloc[50:62], task="classification", classes=("0", "1"))
        model = adapt("logistic", LogisticRegression().fit(frame, y), data.background_inputs())
        np.testing.assert_allclose(shapley(game_of(model, data, 0)).values, -shapley(game_of(model, data, 1)).values, atol=1e-12)

    def test_identical_attributions_agree_fully(self):
        phi = RNG.standard_normal((5, 9))
        a = Attribution(phi, np.zeros(5, dtype=int), "value")
        scores = METRICS["agreement"]()(View(None, Streams(0), tuple(range(5)), (a, a)))
        for part in (scores, *scores.parts.values()):
            np.testing.assert_allclose(part.values, 1, atol=1e-12)


def test_coalitions_are_the_same_for_every_model_and_chunking():
    frame, _ = classified(d=9)
    data = world(frame.head(6), frame.iloc[50:62])
    one = evaluate_coalitions(game_of(valued(lambda x: x[:, 0]), data), Streams(0))
    two = evaluate_coalitions(game_of(valued(lambda x: x[:, 1]), data), Streams(0))
    assert isinstance(one, Coalitions)
    np.testing.assert_array_equal(one.keep, two.keep)


class TestGradients:
    """Gradient methods where the answer is known."""

    @staticmethod
    def linear_net():
        net = torch.nn.Linear(6, 1)
        with torch.no_grad():
            net.weight.copy_(torch.tensor(W[None], dtype=torch.float32))
        return torch_value(net, 6)

    def test_saliency_of_a_linear_function_is_the_size_of_its_weights(self):
        _, data, _, background = linear_world()
        per_unit = EXPLAINERS["saliency"](per="unit")(game_of(self.linear_net(), data), Streams(0))
        np.testing.assert_allclose(per_unit.values, np.tile(np.abs(W), (8, 1)), atol=1e-6)
        assert not per_unit.signed
        per_deviation = EXPLAINERS["saliency"]()(game_of(self.linear_net(), data), Streams(0))
        np.testing.assert_allclose(per_deviation.values, np.tile(np.abs(W) * background.std(axis=0), (8, 1)), atol=1e-6)

    def test_input_x_gradient_of_a_linear_function_is_weight_times_value(self):
        _, data, x, _ = linear_world()
        found = EXPLAINERS["input_x_gradient"]()(game_of(self.linear_net(), data), Streams(0))
        np.testing.assert_allclose(found.values, W * x, atol=1e-5)

    def test_input_x_gradient_counts_a_product_twice(self):
        class Product(torch.nn.Module):
            def forward(self, x):
                return x[:, :1] * x[:, 1:]

        found = EXPLAINERS["input_x_gradient"]()(game_of(torch_value(Product(), 2), world([[1.0, 1.0]], [[0.0, 0.0]])), Streams(0))
        np.testing.assert_allclose(found.values, [[1.0, 1.0]], atol=1e-6)

    def test_saliency_is_blind_where_a_unit_is_saturated(self):
        class Saturated(torch.nn.Module):
            def forward(self, x):
                return 1 - torch.relu(1 - x)

        found = EXPLAINERS["saliency"](per="unit")(game_of(torch_value(Saturated(), 1), world([[2.0]], [[0.0]])), Streams(0))
        assert found.values[0, 0] == 0


def test_occlusion_of_a_linear_function_is_weight_times_distance_from_the_background_mean():
    model, data, x, background = linear_world()
    found = EXPLAINERS["occlusion"]()(game_of(model, data), Streams(0))
    np.testing.assert_allclose(found.values, W * (x - background.mean(axis=0)), atol=1e-12)


def test_occlusion_sees_neither_of_two_features_that_stand_in_for_each_other():
    game = game_of(valued(lambda x: np.maximum(x[:, 0], x[:, 1])), world([[1.0, 1.0]], [[0.0, 0.0]]))
    np.testing.assert_allclose(EXPLAINERS["occlusion"]()(game, Streams(0)).values, [[0.0, 0.0]], atol=1e-12)


class TestCompleteness:
    def test_is_zero_for_exact_methods_and_by_hand_for_one_that_misses(self):
        model, data, _, _ = linear_world()
        game = game_of(model, data)
        exact = shapley(game)
        sample = evaluate_coalitions(game, Streams(0))

        def error_of(found):
            return METRICS["completeness"]()(View(data, Streams(0), tuple(game.cases), (found,), coalitions=sample)).values

        np.testing.assert_allclose(error_of(exact), 0, atol=1e-12)
        # Twice the values: misses by |f - base| of 2 sum |phi| + |f - base|.
        doubled = Attribution(2 * exact.values, exact.target, exact.output, base=exact.base, additive=True)
        moved = np.abs(exact.values.sum(axis=1))
        np.testing.assert_allclose(error_of(doubled), moved / (2 * np.abs(exact.values).sum(axis=1) + moved), atol=1e-12)

    def test_makes_no_sense_for_a_method_that_promises_nothing(self):
        from xai_compare.errors import NotApplicable

        model, data, _, _ = linear_world()
        game = game_of(model, data)
        with pytest.raises(NotApplicable, match="does not promise"):
            fit_of(game, shapley(game).values, metric="completeness")


class TestEveryScore:
    """What holds for all scores of an attribution on the shared sample, whatever they measure."""

    NEITHER = ("additive_fit", "faithfulness_correlation", "infidelity", "features_needed")
    ALONE = ("effective_features", "features_for_80", "gini")

    @staticmethod
    def played(n=8, d=7):
        x, background = RNG.standard_normal((n, d)), RNG.standard_normal((12, d))
        return game_of(
            valued(lambda rows: rows[:, 0] + 2 * rows[:, 1] * rows[:, 2] - rows[:, 3] + np.sin(rows[:, 4])), world(x, background)
        )

    @pytest.mark.parametrize("metric", [*NEITHER, *ALONE])
    def test_a_positive_factor_changes_nothing(self, metric):
        game, control = self.played(), RNG.standard_normal((8, 7))
        phi = shapley(game).values + 0.2 * RNG.standard_normal((8, 7))
        found = fit_of(game, phi, control, metric).values
        for factor in (1e-6, 1e6):
            np.testing.assert_allclose(fit_of(game, factor * phi, control, metric).values, found, rtol=1e-9, atol=1e-9)
        assert np.abs(fit_of(game, phi**3, control, metric).values - found).max() > 1e-3  # another attribution scores otherwise

    @pytest.mark.parametrize("metric", ALONE)
    def test_signs_and_the_order_of_the_columns_change_nothing(self, metric):
        game, phi, order = self.played(), RNG.standard_normal((8, 7)), RNG.permutation(7)
        np.testing.assert_allclose(fit_of(game, -phi[:, order], metric=metric).values, fit_of(game, phi, metric=metric).values)

    def test_a_negative_one_turns_the_correlation(self):
        game, phi = self.played(), RNG.standard_normal((8, 7))
        found = fit_of(game, phi, metric="faithfulness_correlation").values
        np.testing.assert_allclose(fit_of(game, -phi, metric="faithfulness_correlation").values, -found, atol=1e-12)
        assert np.abs(found).max() > 0.1

    def test_the_other_class_and_the_mirrored_attribution_score_the_same(self):
        frame, y = classified()
        data = world(frame.head(8), frame.iloc[50:62], task="classification", classes=("0", "1"))
        model = adapt("logistic", LogisticRegression().fit(frame, y), data.background_inputs())
        phi = RNG.standard_normal((8, 6))
        for metric in self.NEITHER:
            one, other = (fit_of(game_of(model, data, target), sign * phi, metric=metric) for target, sign in ((1, 1), (0, -1)))
            np.testing.assert_allclose(one.values, other.values, atol=1e-9, err_msg=metric)

    @pytest.mark.parametrize("value", [1.0, -0.1])
    def test_a_constant_attribution(self, value):
        game = self.played()
        expected = {"additive_fit": 0, "faithfulness_correlation": 0, "effective_features": 7, "features_for_80": 6, "gini": 0}
        for metric, score in expected.items():
            np.testing.assert_allclose(fit_of(game, np.full((8, 7), value), metric=metric).values, score, atol=1e-9, err_msg=metric)

    def test_a_single_feature(self):
        phi = np.zeros((8, 7))
        phi[np.arange(8), RNG.integers(0, 7, 8)] = RNG.standard_normal(8)
        for metric, score in {"effective_features": 1, "features_for_80": 1, "gini": 1 - 1 / 7}.items():
            np.testing.assert_allclose(fit_of(self.played(), phi, metric=metric).values, score, atol=1e-12, err_msg=metric)

    def test_two_of_a_case_leave_the_mean(self):
        """Scores of a case do not depend on the cases beside it: duplicating all of them leaves every mean."""
        game, phi = self.played(), RNG.standard_normal((8, 7))
        twice = game_of(game.model, world(np.tile(game.inputs.to_numpy(), (2, 1)), game.data.background_inputs().to_numpy()))
        for metric in ("faithfulness_correlation", "infidelity", *self.ALONE):  # d = 7: all coalitions, none drawn
            one, two = fit_of(game, phi, metric=metric).values, fit_of(twice, np.tile(phi, (2, 1)), metric=metric).values
            assert two.mean() == pytest.approx(one.mean()), metric


def test_the_control_meets_the_row_that_openxai_publishes():
    """Agarwal et al. 2022: random attributions against one ground truth, d = 13, mean over k = 1..4.

    Within three standard errors of about 1,000 cases, as theirs are, and their rounding.
    """
    rng = np.random.default_rng(7)
    n, d, most = 20_000, 13, 4
    truth, noise = np.tile(rng.standard_normal(d), (n, 1)), rng.standard_normal((n, d))
    ties = rng.random((1, 2, n, d))
    draws = [agreement_draws(truth, noise, k, ties) for k in range(1, most + 1)]
    found = {name: np.mean([draw[name] for draw in draws], axis=0) for name in ("feature", "rank", "sign", "signed_rank")}
    found["pairwise_rank"] = pairwise_rank(truth, noise)
    published = {"pairwise_rank": 0.501, "feature": 0.188, "rank": 0.073, "sign": 0.093, "signed_rank": 0.034}
    closed = {
        "pairwise_rank": 1 / 2,
        "feature": (most + 1) / (2 * d),
        "rank": 1 / d,
        "sign": (most + 1) / (4 * d),
        "signed_rank": 1 / (2 * d),
    }
    for name, values in found.items():
        deviation = values.std(ddof=1)
        assert abs(values.mean() - closed[name]) < 3 * deviation / np.sqrt(n), name
        assert abs(values.mean() - published[name]) < 3 * deviation / np.sqrt(1000) + 0.0005, name
