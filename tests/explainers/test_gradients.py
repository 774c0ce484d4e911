"""DeepLIFT, GradientSHAP and SmoothGrad: closed forms, captum's own call, and what they leave as they found it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import DeepLift
from scipy.stats import norm

from tests.toys import game_of, torch_value, world
from xai_compare.errors import XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.streams import Streams

W = np.array([2.0, -1.0, 0.5])


class Relu(torch.nn.Module):
    """Three layers of their own activations, seeded."""

    def __init__(self, d: int = 3) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body = torch.nn.Sequential(
                torch.nn.Linear(d, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)
            )

    def forward(self, x):
        return self.body(x)


def linear() -> torch.nn.Module:
    net = torch.nn.Linear(3, 1)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(W[None], dtype=torch.float32))
    return net


def data(n: int = 6, b: int = 15):
    rng = np.random.default_rng(0)
    return world(rng.normal(size=(n, 3)), rng.normal(size=(b, 3)))


def found(name, module, world_, **params):
    return EXPLAINERS[name](**params)(game_of(torch_value(module, world_.space.d), world_), Streams(0))


class TestDeepLift:
    def test_of_a_linear_function_it_is_weight_times_the_way_from_the_mean(self):
        given = data()
        expected = W * (given.cases().to_numpy() - given.background_inputs().to_numpy().mean(axis=0))
        np.testing.assert_allclose(found("deep_lift", linear(), given).values, expected, atol=1e-5)

    def test_it_is_captums_own_averaged_over_the_background(self):
        given, net = data(), Relu().eval()
        x = torch.tensor(given.cases().to_numpy(), dtype=torch.float32)
        rows = torch.tensor(given.background_inputs().to_numpy(), dtype=torch.float32)
        by_hand = []
        for row in rows:
            with pytest.warns(UserWarning, match="hooks|require gradients"):
                by_hand.append(DeepLift(net).attribute(x, row[None].repeat(len(x), 1), target=0).detach().numpy())
        np.testing.assert_allclose(found("deep_lift", net, given).values, np.mean(by_hand, axis=0), atol=1e-5)

    def test_it_adds_up_and_says_by_how_much_it_misses(self):
        one = found("deep_lift", Relu(), data())
        assert one.additive
        assert one.about["largest_residual_share"] < 1e-4
        assert "degraded" not in one.about

    def test_it_sees_through_a_saturated_unit(self):
        class Saturated(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.relu = torch.nn.ReLU()

            def forward(self, x):
                return 1 - self.relu(1 - x)

        given = world([[2.0]], [[0.0]])
        np.testing.assert_allclose(found("deep_lift", Saturated(), given).values, [[1.0]], atol=1e-6)
        np.testing.assert_allclose(found("saliency", Saturated(), given, per="unit").values, [[0.0]], atol=1e-6)

    def test_an_activation_that_captum_does_not_know_degrades_the_result(self):
        class Called(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = Relu()

            def forward(self, x):
                return torch.exp(2 * self.inner(x)) * x[:, :1].sin()

        one = found("deep_lift", Called(), data())
        assert one.about["largest_residual_share"] > 0.01
        assert "not one that DeepLIFT knows" in one.about["degraded"]

    def test_the_net_is_left_as_it_was(self):
        net = Relu().eval()
        before = [(name, module.training, len(module._forward_hooks), len(module._backward_hooks)) for name, module in net.named_modules()]
        found("deep_lift", net, data())
        after = [(name, module.training, len(module._forward_hooks), len(module._backward_hooks)) for name, module in net.named_modules()]
        assert before == after
        assert all(parameter.grad is None for parameter in net.parameters())


class TestGradientShap:
    def test_of_a_linear_function_it_is_exact(self):
        given = data()
        expected = W * (given.cases().to_numpy() - given.background_inputs().to_numpy().mean(axis=0))
        one = found("gradient_shap", linear(), given)
        np.testing.assert_allclose(one.values, expected, atol=1e-5)
        assert one.about["largest_residual_share"] < 1e-4

    def test_of_a_product_it_tends_to_a_half_each(self):
        class Product(torch.nn.Module):
            def forward(self, x):
                return x[:, :1] * x[:, 1:]

        given = world([[1.0, 1.0]], [[0.0, 0.0]])
        one = found("gradient_shap", Product(), given, points=20_000)
        np.testing.assert_allclose(one.values, [[0.5, 0.5]], atol=3 / np.sqrt(12 * 20_000))

    def test_it_tends_to_integrated_gradients(self):
        given = data()
        exact = found("integrated_gradients", Relu(), given, steps=300).values
        off = [np.abs(found("gradient_shap", Relu(), given, points=points).values - exact).mean() for points in (2, 400)]
        assert off[1] < off[0] / 5

    def test_a_case_has_its_own_points(self):
        given = data()
        whole = found("gradient_shap", Relu(), given).values
        game = game_of(torch_value(Relu(), 3), given)
        some = EXPLAINERS["gradient_shap"]()(
            type(game)(game.model, given, given.cases(np.array([4, 2])), np.array([4, 2]), game.target[:2], "value"), Streams(0)
        )
        np.testing.assert_allclose(some.values, whole[[4, 2]], atol=1e-6)


class TestSmoothGrad:
    def test_without_noise_it_is_saliency(self):
        given = data()
        np.testing.assert_allclose(
            found("smooth_grad", Relu(), given, noise=0.0).values, found("saliency", Relu(), given).values, atol=1e-6
        )

    def test_of_a_size_it_is_the_share_of_noise_on_its_side(self):
        """The gradient of |x| averaged over normal noise s around x is 2 Phi(x / s) - 1."""

        class Size(torch.nn.Module):
            def forward(self, x):
                return x.abs()

        given = world(pd.DataFrame({"x0": [0.05, 0.3]}), pd.DataFrame({"x0": [-1.0, 1.0]}))  # deviation 1
        one = found("smooth_grad", Size(), given, samples=20_000, noise=0.2)
        np.testing.assert_allclose(one.values[:, 0], 2 * norm.cdf(np.array([0.05, 0.3]) / 0.2) - 1, atol=0.03)
        assert not one.signed


@pytest.mark.parametrize(
    ("name", "params"), [("smooth_grad", {"samples": 0}), ("smooth_grad", {"noise": -1.0}), ("gradient_shap", {"points": 0})]
)
def test_parameters_are_checked(name, params):
    with pytest.raises(XaiCompareError, match="must be at least 1"):
        EXPLAINERS[name](**params)
