"""The metrics that take features away, by hand, against each other and at chance."""

from __future__ import annotations

import numpy as np
import pytest

from tests.toys import game_of, valued, world
from xai_compare.compare.resample import estimate
from xai_compare.compare.skill import known, skill_statistic
from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.removal import Bounds, best_orders, remove
from xai_compare.streams import Streams
from xai_compare.types import Attribution

ALL = ("ordering", "ordering_abs", "comprehensiveness", "sufficiency")


def curved(rows):
    return np.tanh(rows[:, 0] + rows[:, 1] * rows[:, 2]) - 0.5 * rows[:, 3] + np.maximum(rows[:, 4], rows[:, 5])


def game_with(function, n=12, d=6, b=6, seed=0):
    rng = np.random.default_rng(seed)
    return game_of(valued(function), world(rng.standard_normal((n, d)), rng.standard_normal((b, d))))


def scored(metric, game, phi, signed=True, played=None, bounds=None, seed=0):
    played = np.arange(game.n) if played is None else np.asarray(played)
    own = Attribution(np.asarray(phi, dtype=float), game.target, game.output, signed=signed)
    view = View(
        game.data,
        Streams(0),
        tuple(game.cases),
        (own,),
        removal=remove(game, own.values, signed, played, Streams(seed)),
        bounds=bounds or best_orders(game, played),
    )
    return METRICS[metric]()(view)


def near_zero(values):
    """Whether the mean of values (n,) is 0 within 3 standard errors, which are above 0."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return error > 0 and abs(values.mean()) <= 3 * error


def skill(scores):
    return estimate(skill_statistic(scores, known(scores)))


class TestByHand:
    """f = 4 a + 2 b - c at (1, 1, 1) against 0: phi = (4, 2, -1), f = 5, v(nothing) = 0."""

    W = np.array([4.0, 2.0, -1.0])

    def game(self):
        return game_of(valued(lambda rows: rows @ self.W), world(np.ones((1, 3)), np.zeros((1, 3))))

    def test_ordering(self):
        found = scored("ordering", self.game(), [self.W])
        np.testing.assert_allclose(found.curves["most first"], [[5, 1, -1, 0]])
        np.testing.assert_allclose(found.curves["least first"], [[5, 6, 4, 0]])
        # Areas (2.5 + 6 + 4) / 3 and (2.5 + 1 - 1) / 3.
        assert found.values[0] == pytest.approx(10 / 3)
        assert found.ceiling[0] == pytest.approx(10 / 3)
        assert found.chance[0] == 0

    def test_ordering_of_the_worst_explanation(self):
        assert scored("ordering", self.game(), [-self.W]).values[0] == pytest.approx(-10 / 3)

    def test_ordering_by_strength(self):
        found = scored("ordering_abs", self.game(), [np.abs(self.W)], signed=False)
        # |v - f| with a, b, c leaving: 0, 4, 6, 5; with c, b, a leaving: 0, 1, 1, 5.
        np.testing.assert_allclose(found.curves["most first"], [[0, 4, 6, 5]])
        np.testing.assert_allclose(found.curves["least first"], [[0, 1, 1, 5]])
        assert found.values[0] == pytest.approx(8 / 3)
        np.testing.assert_allclose(found.curves["best most first"], [[0, 4, 6, 5]])
        np.testing.assert_allclose(found.curves["best least first"], [[0, 1, 1, 5]])
        assert found.ceiling[0] == pytest.approx(8 / 3)

    def test_comprehensiveness_and_sufficiency(self):
        # 5, 10, 20 and 30 % of three features are one (a), 50 % are two (a, b).
        assert scored("comprehensiveness", self.game(), [self.W]).values[0] == pytest.approx((4 * 4 + 6) / 5)
        assert scored("sufficiency", self.game(), [self.W]).values[0] == pytest.approx((4 * 1 + -1) / 5)

    def test_the_top_is_by_sign_for_a_signed_method_and_by_size_for_another(self):
        phi = [[1.0, 2.0, -5.0]]
        assert scored("comprehensiveness", self.game(), phi).values[0] == pytest.approx((4 * 2 + 6) / 5)  # b; then b, a
        assert scored("comprehensiveness", self.game(), np.abs(phi), signed=False).values[0] == pytest.approx((4 * -1 + 1) / 5)  # c; c, b

    def test_they_have_no_chance_and_no_ceiling(self):
        for metric in ("comprehensiveness", "sufficiency"):
            found = scored(metric, self.game(), [self.W])
            assert found.chance is None
            assert found.ceiling is None


class TestOrdering:
    @pytest.mark.parametrize("d", [2, 6, 25])
    def test_skill_of_exact_values_of_a_linear_game_is_1(self, d):
        rng = np.random.default_rng(1)
        w, x, background = rng.standard_normal(d), rng.standard_normal((20, d)), rng.standard_normal((7, d))
        game = game_of(valued(lambda rows: rows @ w), world(x, background))
        assert skill(scored("ordering", game, w * (x - background.mean(axis=0)))) == pytest.approx(1, abs=1e-12)

    def test_turned_round_it_scores_the_opposite(self):
        game, phi = game_with(curved), np.random.default_rng(1).standard_normal((12, 6))
        one, two = scored("ordering", game, phi), scored("ordering", game, -phi)
        assert np.abs(one.values).min() > 1e-3
        np.testing.assert_array_equal(two.values, -one.values)
        np.testing.assert_array_equal(two.curves["most first"], one.curves["least first"])

    def test_an_unsigned_method_is_not_applicable(self):
        with pytest.raises(NotApplicable, match="unsigned"):
            scored("ordering", game_with(curved), np.ones((12, 6)), signed=False)

    def test_one_feature_leaves_nothing_to_order(self):
        found = scored("ordering", game_with(lambda rows: rows[:, 0], d=1), np.ones((12, 1)))
        assert (found.values == 0).all()
        assert (found.ceiling == 0).all()
        assert skill(found) is None  # no room

    def test_a_constant_model_leaves_no_room(self):
        for metric in ("ordering", "ordering_abs"):
            found = scored(metric, game_with(lambda rows: np.full(len(rows), 0.3)), np.random.default_rng(1).standard_normal((12, 6)))
            np.testing.assert_allclose(found.values, 0, atol=1e-12)
            assert skill(found) is None


@pytest.mark.parametrize("metric", ["ordering", "ordering_abs"])
def test_the_curves_are_kept_and_the_area_between_them_is_the_score(metric):
    game = game_with(curved)
    found = scored(metric, game, np.random.default_rng(1).standard_normal((12, 6)), played=[0, 3, 4])
    spread = curved(game.data.background_inputs().to_numpy()).std()  # a value is told in standard deviations on the background
    sign = 1 if metric == "ordering" else -1
    for start, told in (("", found.values), ("best ", found.ceiling)):
        between = sign * (found.curves[f"{start}least first"] - found.curves[f"{start}most first"])
        by_hand = (between[:, 1:] + between[:, :-1]).sum(axis=1) / 2 / 6 / spread
        np.testing.assert_allclose(told, by_hand, atol=1e-12)
    assert len(found.curves) == 4
    assert all(curve.shape == (12, 7) for curve in found.curves.values())


@pytest.mark.parametrize("metric", ALL)
def test_a_case_that_is_not_played_says_so(metric):
    found = scored(metric, game_with(curved), np.random.default_rng(1).standard_normal((12, 6)), played=[0, 3, 4])
    others = {1, 2, *range(5, 12)}
    assert set(found.reasons) == set(np.flatnonzero(np.isnan(found.values))) == others
    assert set(found.reasons.values()) == {"not among the cases from which features are taken away one by one"}
    if found.chance is not None:
        assert set(np.flatnonzero(np.isnan(found.chance))) == others


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("factor", [1e-9, 3.0, 1e9])
def test_a_positive_factor_changes_nothing(metric, factor):
    game, phi = game_with(curved), np.random.default_rng(1).standard_normal((12, 6))
    np.testing.assert_array_equal(scored(metric, game, factor * phi).values, scored(metric, game, phi).values)


CONTROLS = {
    "dense": lambda rng, shape: rng.standard_normal(shape),
    "sparse": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.3),
    "unsigned": lambda rng, shape: rng.random(shape),
    "sparse unsigned": lambda rng, shape: rng.random(shape) * (rng.random(shape) < 0.3),
    "all ones": lambda rng, shape: np.ones(shape),
}


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("metric", ["ordering", "ordering_abs"])
def test_what_knows_nothing_scores_0_within_3_standard_errors(metric, control):
    game = game_with(curved, n=1500, b=3)
    phi = CONTROLS[control](np.random.default_rng(5), (1500, 6))
    flat = Bounds(*(np.zeros((1500, 7)),) * 4)  # the ceiling is not asked for
    assert near_zero(scored(metric, game, phi, bounds=flat).values)


def test_what_knows_everything_does_not():
    """The oracle of the test above can fail: gradient times input of the same function."""
    game = game_with(curved, n=1500, b=3)
    x = game.inputs.to_numpy()
    flat = Bounds(*(np.zeros((1500, 7)),) * 4)
    assert not near_zero(scored("ordering", game, x * [1, 0, 0, -0.5, 1, 1], bounds=flat).values)


def test_the_ends_of_the_curves_are_the_full_and_the_empty_output():
    game, phi = game_with(curved), np.random.default_rng(1).standard_normal((12, 6))
    removal = remove(game, phi, True, np.arange(12), Streams(0))
    for curves in (removal.signed, removal.strength):
        np.testing.assert_allclose(curves[:, :, 0], np.tile(game.full()[:, None], 2))
        np.testing.assert_allclose(curves[:, :, -1], np.tile(game.empty()[:, None], 2))
