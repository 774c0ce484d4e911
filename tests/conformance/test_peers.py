"""Metrics that other libraries have under the same name, on the same net, cases and draws: equal, or different as the docstring says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from captum.metrics import infidelity, sensitivity_max

from tests.toys import game_of, valued, world
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.game import Coalitions, evaluate_coalitions
from xai_compare.metrics import METRICS, View
from xai_compare.models.function import FunctionModel
from xai_compare.removal import remove
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Truth

quantus = pytest.importorskip("quantus", reason="comes with the test extra")

TARGET, BASELINE, N = 1, 0.25, 9
QUIET = {"disable_warnings": True, "display_progressbar": False, "return_aggregate": False}
AS_IT_IS = {"abs": False, "normalise": False, **QUIET}


def layers(kind, d):
    if kind == "mlp":
        return torch.nn.Linear(d, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)
    picture = torch.nn.Unflatten(1, (1, 2, d // 2))  # two lines of pixels
    return picture, torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(4 * d, 3)


KIND = {"net": "mlp"}


@pytest.fixture(autouse=True, params=["mlp", "cnn"])
def kind(request, monkeypatch):
    """Everything here holds of a perceptron and of a small convolutional net."""
    monkeypatch.setitem(KIND, "net", request.param)


def net(d, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Sequential(*layers(KIND["net"], d)).eval()


def logit(module):
    def of(rows):
        with torch.no_grad():
            return module(torch.tensor(np.asarray(rows), dtype=torch.float32)).numpy()[:, TARGET].astype(np.float64)

    return of


def gradients(module, rows):
    """(n, d) gradient x input of the target's logit."""
    x = torch.tensor(np.asarray(rows), dtype=torch.float32, requires_grad=True)
    with torch.enable_grad():  # the peers switch it off around their own work
        (gradient,) = torch.autograd.grad(module(x)[:, TARGET].sum(), x)
    return (gradient * x).detach().numpy().astype(np.float64)


def world_of(d):
    """(net, game of its target's logit with one row for a background, cases, attribution)."""
    module, x = net(d), np.random.default_rng(1).standard_normal((N, d)).astype(np.float32)
    played = game_of(valued(logit(module)), world(x, np.full((1, d), BASELINE, dtype=np.float32)))
    return module, played, x, gradients(module, x)


def scored(metric, played, phi, sample, additive=True):
    own = Attribution(phi, played.target, played.output, additive=additive)
    return METRICS[metric]()(View(played.data, Streams(0), tuple(played.cases), (own,), coalitions=sample))


def asked(measure, module, x, phi, **more):
    return np.array(measure(module, x, np.full(len(x), TARGET), a_batch=phi.astype(np.float64), device="cpu", softmax=False, **more))


class TestFaithfulnessCorrelation:
    def test_of_sets_of_one_size_is_that_of_quantus(self, monkeypatch):
        d = 6
        module, played, x, phi = world_of(d)
        halves = [c for c in combinations(range(d), 3) if 0 in c]
        keep = np.tile(np.array([[j in c for j in range(d)] for c in halves]), (N, 1, 1))
        rows = np.repeat(np.arange(N), len(halves))
        shown, hidden = (played.values(rows, each.reshape(-1, d)).reshape(N, -1) for each in (keep, ~keep))
        sample = Coalitions(keep, shown, hidden, None, played.full(), played.empty(), np.ones(N))
        sets = [*(np.flatnonzero(~row) for row in keep[0]), *(np.flatnonzero(row) for row in keep[0])]
        draws = iter([each for each in sets for _ in range(N)])
        monkeypatch.setattr(np.random, "choice", lambda count, size, replace: next(draws))
        measure = quantus.FaithfulnessCorrelation(nr_runs=len(sets), subset_size=3, perturb_baseline=BASELINE, **AS_IT_IS)
        wide = torch.nn.Sequential(torch.nn.Flatten(), module).eval()  # it wants rows with a channel
        theirs = asked(measure, wide, x[:, None, :], phi[:, None, :])
        found = scored("faithfulness_correlation", played, phi, sample)
        np.testing.assert_allclose(found.values, theirs, atol=1e-6)
        np.testing.assert_allclose(found.parts["plain"].values, theirs, atol=1e-6)
        assert np.abs(theirs).max() > 0.2
        assert next(draws, None) is None

    def test_of_sets_of_many_sizes_is_another_number(self):
        _, played, _, phi = world_of(6)
        found = scored("faithfulness_correlation", played, phi, evaluate_coalitions(played, Streams(0)))
        assert np.abs(found.values - found.parts["plain"].values).max() > 0.01


class TestInfidelity:
    @pytest.mark.parametrize("normalize", [False, True])
    def test_in_squared_units_is_that_of_captum(self, normalize):
        d = 12
        module, played, x, phi = world_of(d)
        sample = evaluate_coalitions(played, Streams(0))
        assert sample.weights is None
        hidden = torch.tensor(np.concatenate([~sample.keep, sample.keep], axis=1).reshape(-1, d), dtype=torch.float32)

        def perturbed(inputs):
            return hidden, torch.where(hidden > 0, torch.tensor(BASELINE), inputs)

        attribution = torch.tensor(phi, dtype=torch.float32)
        draws = 2 * sample.keep.shape[1]
        theirs = infidelity(module, perturbed, torch.tensor(x), attribution, target=TARGET, n_perturb_samples=draws, normalize=normalize)
        drops = sample.full[:, None] - np.concatenate([sample.shown, sample.hidden], axis=1)
        found = scored("infidelity", played, phi, sample)
        share = found.values if normalize else found.parts["own_scale"].values
        np.testing.assert_allclose(share * (drops**2).mean(axis=1), theirs.numpy(), rtol=1e-5, atol=1e-6)
        assert (found.values < found.parts["own_scale"].values).all()

    def test_captum_takes_all_signs_wrong_for_right(self):
        _, played, _, phi = world_of(12)
        sample = evaluate_coalitions(played, Streams(0))
        helps = scored("infidelity", played, phi, sample).values < 1
        assert helps.sum() > N / 2
        assert (scored("infidelity", played, -phi, sample).values[helps] == 1).all()


def test_the_removal_curve_is_the_pixel_flipping_of_quantus():
    module, played, x, phi = world_of(8)
    curve = remove(played, phi, True, np.arange(N), Streams(0)).signed[:, 0]
    theirs = asked(quantus.PixelFlipping(features_in_step=1, perturb_baseline=BASELINE, **AS_IT_IS), module, x, phi)
    np.testing.assert_allclose(curve[:, 1:], theirs, atol=1e-6)
    np.testing.assert_allclose(curve[:, 0], logit(module)(x), atol=1e-6)


class TestMaxSensitivity:
    def setting(self, d=6):
        """(net, cases, attribution, five neighbours of each, our score)."""
        module = net(d)
        rng = np.random.default_rng(2)
        train, test = as_frame(rng.standard_normal((60, d))), as_frame(rng.standard_normal((N, d)))
        data = assemble(as_table(train, None), as_table(test, None), "classification", ("a", "b"), (10, N), Streams(0))
        model = FunctionModel(
            "sure", lambda f: np.tile([0.4, 0.6], (len(f), 1)), "classification", ("a", "b"), "probability", as_array=False
        )
        x, neighbours = data.cases().to_numpy(), []

        def rerun(at, inputs):
            neighbours.append(inputs.to_numpy())
            return Attribution(gradients(module, inputs), np.zeros(len(at), dtype=np.int64), "probability")

        phi = gradients(module, x)
        own = Attribution(phi, np.zeros(N, dtype=np.int64), "probability")
        view = View(data, Streams(0), tuple(range(N)), (own,), model=model, rerun=rerun)
        found = METRICS["input_stability"]()(view).parts["max_sensitivity"].values
        assert len(neighbours[0]) == 5 * N
        return module, x, phi, neighbours[0], found

    def test_is_that_of_captum(self):
        module, x, _, neighbours, found = self.setting()
        moved = torch.tensor(neighbours, dtype=torch.float32)

        def explain(inputs):  # the cases come in a tuple, the neighbours as they are
            if isinstance(inputs, tuple):
                return (explain(inputs[0]),)
            return torch.tensor(gradients(module, inputs.numpy()), dtype=torch.float32)

        theirs = sensitivity_max(explain, torch.tensor(x, dtype=torch.float32), lambda inputs: moved, n_perturb_samples=5)
        np.testing.assert_allclose(found, theirs.numpy(), atol=1e-5)
        assert found.min() > 1e-3

    def test_is_that_of_quantus(self):
        module, x, phi, neighbours, found = self.setting()
        steps = iter(neighbours.reshape(N, 5, -1).transpose(1, 0, 2))
        measure = quantus.MaxSensitivity(
            nr_samples=5, perturb_func=lambda arr, **_: next(steps).astype(arr.dtype), return_nan_when_prediction_changes=False, **AS_IT_IS
        )
        theirs = asked(measure, module, x, phi, explain_func=lambda model, inputs, targets, **_: gradients(module, inputs))
        np.testing.assert_allclose(found, theirs, atol=1e-6)


class TestConcentration:
    def of(self, measure, phi):
        x = np.random.default_rng(0).standard_normal(phi.shape).astype(np.float32)
        return asked(measure, net(phi.shape[1]), x, phi)

    def scored(self, metric, phi):
        n = len(phi)
        return METRICS[metric]()(View(None, Streams(0), tuple(range(n)), (Attribution(phi, np.zeros(n, dtype=int), "value"),))).values

    def test_gini_is_the_sparseness_of_quantus(self):
        phi = np.random.default_rng(3).standard_normal((N, 7))
        theirs = self.of(quantus.Sparseness(abs=True, normalise=False, **QUIET), phi)
        np.testing.assert_allclose(self.scored("gini", phi), theirs, atol=1e-6)

    def test_effective_features_are_exp_of_the_complexity_of_quantus(self):
        phi = np.random.default_rng(4).standard_normal((N, 7))
        theirs = self.of(quantus.Complexity(abs=True, normalise=False, **QUIET), phi)
        np.testing.assert_allclose(np.log(self.scored("effective_features", phi)), theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("metric", "theirs"),
    [("relevance_mass", "RelevanceMassAccuracy"), ("relevance_rank", "RelevanceRankAccuracy"), ("mask_auroc", "AUC")],
)
def test_against_a_mask_is_that_of_quantus(metric, theirs):
    rng = np.random.default_rng(5)
    phi, mask = rng.standard_normal((N, 7)), np.tile(np.arange(7) < 3, (N, 1))
    data = world(np.zeros((N, 7)), np.zeros((2, 7)))
    object.__setattr__(data, "truth", Truth(mask=mask))
    own = Attribution(phi, np.zeros(N, dtype=np.int64), "value")
    found = METRICS[metric]()(View(data, Streams(0), tuple(range(N)), (own,))).values
    measure = getattr(quantus, theirs)(abs=True, normalise=False, **QUIET)
    x = rng.standard_normal((N, 1, 7)).astype(np.float32)
    given = asked(measure, net(7), x, phi[:, None, :], s_batch=mask[:, None, :])
    np.testing.assert_allclose(found, given, atol=1e-6)
