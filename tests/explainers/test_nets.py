"""Gradient methods and Grad-CAM on nets of images, series and texts: identities, captum's own calls, and where captum trips."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, InputXGradient, IntegratedGradients, LayerGradCam, LayerIntegratedGradients, Saliency

from tests.toys import game_of, torch_value, world
from tests.worlds import Toy, convolutional, data_of, images, net, play, series, texts
from xai_compare.data.text import MASK
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.explainers import EXPLAINERS, _captum
from xai_compare.explainers._captum import opened
from xai_compare.game import Game
from xai_compare.models._modules import ById
from xai_compare.models._nets import InSpace
from xai_compare.models.opened import folded
from xai_compare.models.reordered import in_order
from xai_compare.streams import Streams

GRADIENTS = ("integrated_gradients", "saliency", "input_x_gradient", "smooth_grad", "deep_lift", "gradient_shap")
NETS = {"cnn": ("cnn", images), "lstm": ("lstm", series), "transformer": ("transformer", series), "words": ("transformer", texts)}


def explained(name, game, **params):
    return EXPLAINERS[name](**params)(game, Streams(0))


def trained(which: str, **more) -> Game:
    kind, data = NETS[which]
    return play(net(kind, data().space.modality), data(), **more)


def tensors(game, fill=""):
    """What captum is given by hand: the net in the game's space, x, one fill row, extra."""
    view = game.model.open(game.inputs, game.data.space, fill or game.fill)
    return InSpace(view.net, game.output).eval(), view.x.detach(), view.x0.detach(), view.extra or None, view


class Linear(torch.nn.Module):
    """One number from all pixels, by weights that are known."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(64, 1)
        with torch.no_grad():
            self.linear.weight.copy_(torch.linspace(-1, 1, 64)[None])

    def forward(self, x):
        return self.linear(x.flatten(1))


class TestOfALinearNet:
    """f = w x + b on pixels: every method is known by hand."""

    W = np.linspace(-1, 1, 64).reshape(8, 8)

    def game(self, fill="mean"):
        return play(Toy(Linear(), ("value",), "regression"), images(), fill=fill, target=0)

    def by_patch(self, pixels):
        return folded(pixels, images().space.patch_of, 16)

    @pytest.mark.parametrize("fill", ["mean", "blur", "background"])
    @pytest.mark.parametrize("name", ["integrated_gradients", "deep_lift", "gradient_shap", "occlusion", "shap"])
    def test_what_adds_up_is_weight_times_the_way(self, name, fill):
        game, space = self.game(fill), images().space
        hidden = space.hide(game.inputs, np.arange(6), np.zeros((6, 16), dtype=bool), fill)
        way = game.inputs - hidden.reshape(6, -1, 8, 8).mean(axis=1)
        found = explained(name, game)
        np.testing.assert_allclose(found.values, self.by_patch(self.W * way), atol=2e-5)

    @pytest.mark.parametrize("steps", [1, 7])
    def test_integrated_gradients_are_so_at_any_number_of_steps(self, steps):
        two = [explained("integrated_gradients", self.game(), steps=each).values for each in (steps, 50)]
        np.testing.assert_allclose(*two, atol=1e-5)

    def test_gradients_are_the_weights_and_input_x_gradient_weight_times_value(self):
        game = self.game()
        sizes = np.abs(self.by_patch(self.W[None]))
        for name in ("saliency", "smooth_grad"):
            found = explained(name, game)
            np.testing.assert_allclose(found.values, np.tile(sizes, (6, 1)), atol=1e-5)
            assert not found.signed
        assert explained("saliency", game).about["per"] == "unit"
        np.testing.assert_allclose(explained("input_x_gradient", game).values, self.by_patch(self.W * game.inputs), atol=1e-5)

    def test_the_detail_is_the_map_of_the_pixels(self):
        found = explained("input_x_gradient", self.game())
        np.testing.assert_allclose(found.detail, self.W * self.game().inputs, atol=1e-5)
        np.testing.assert_allclose(self.by_patch(found.detail.astype(float)), found.values, atol=1e-5)
        np.testing.assert_allclose(explained("saliency", self.game()).detail, np.tile(np.abs(self.W), (6, 1, 1)), atol=1e-5)


# A function of two pixels: what integrated gradients, gradients (times 1), and occlusion give each of them.
IDENTITIES = {
    "product": (lambda a, b: a * b, (0.5, 0.5), (1.0, 1.0), (1.0, 1.0)),
    "and": (lambda a, b: torch.relu(a + b - 1), (0.5, 0.5), (1.0, 1.0), (1.0, 1.0)),
    "saturated": (lambda a, b: 1 - torch.relu(1 - 2 * a) + 0 * b, (1.0, 0.0), (0.0, 0.0), (1.0, 0.0)),
}


class TestKnownByHand:
    """Two pixels that are 1 on a path from 0: what each method gives them."""

    @pytest.mark.parametrize("which", IDENTITIES)
    def test_paths_gradients_and_occlusion(self, which):
        of, path, gradient, occluded = IDENTITIES[which]

        class Known(torch.nn.Module):
            def forward(self, x):
                return of(x[:, 0, 0, 0], x[:, 0, 0, 2])[:, None]

        inputs = np.zeros((2, 8, 8), dtype=np.float32)
        inputs[0, 0, [0, 2]] = 1.0
        data = data_of(np.concatenate([inputs[::-1], inputs]), np.zeros(4, dtype=int), images().space.with_background, 1, 1)
        game = play(Toy(Known().eval(), ("value",), "regression"), data, fill="mean", target=0)
        assert (data.space.patch_of[0, [0, 2]] == [0, 1]).all()
        for name, expected, params in (
            ("integrated_gradients", path, {"steps": 400, "baseline": "zero"}),
            ("integrated_gradients", path, {"steps": 400}),  # the background is an empty image
            ("gradient_shap", path, {"points": 2000}),
            ("shap", path, {}),
            ("input_x_gradient", gradient, {}),
            ("saliency", gradient, {}),
            ("occlusion", occluded, {}),
        ):
            found = explained(name, game, **params).values[0]
            np.testing.assert_allclose(found[:2], expected, atol=0.01, err_msg=name)
            np.testing.assert_allclose(found[2:], 0, atol=1e-9, err_msg=name)


class TestCaptumsOwnCall:
    @pytest.mark.parametrize("which", NETS)
    def test_integrated_gradients(self, which):
        game = trained(which)
        core, x, x0, extra, view = tensors(game)
        theirs = IntegratedGradients(core).attribute(x, x0[0].expand_as(x), target=1, n_steps=50, additional_forward_args=extra)
        found = explained("integrated_gradients", game)
        expected = folded(theirs.detach().double().numpy(), view.owner, game.d)
        np.testing.assert_allclose(found.values[game.present], expected[game.present], atol=1e-6)

    def test_integrated_gradients_from_every_background_image(self):
        game = trained("cnn", fill="background")
        core, x, x0, _, view = tensors(game)
        assert len(x0) == 5
        theirs = [IntegratedGradients(core).attribute(x, one.expand_as(x), target=1, n_steps=50).detach().double().numpy() for one in x0]
        found = explained("integrated_gradients", game)
        np.testing.assert_allclose(found.values, folded(np.mean(theirs, axis=0), view.owner, game.d), atol=1e-6)
        np.testing.assert_allclose(found.base, game.empty(), atol=1e-5)

    @pytest.mark.parametrize("kind", ["lstm", "transformer"])
    def test_of_a_text_they_are_those_of_the_embedding_layer(self, kind):
        """LayerIntegratedGradients at the embedding of token ids, from mask tokens."""
        game = play(net(kind, "text"), texts())
        model = game.model
        ids, valid = (torch.from_numpy(each) for each in model.reader.arrays(game.inputs))
        places = torch.from_numpy(model.reader.places(game.inputs, ids.shape[1]))
        masks = torch.where(places >= 0, torch.full_like(ids, model.reader.mask), ids)
        by_id = InSpace(ById(model.core), game.output).eval()
        theirs = LayerIntegratedGradients(by_id, model.core.front.table).attribute(
            ids, masks, target=1, n_steps=50, additional_forward_args=(valid,)
        )
        expected = folded(theirs.detach().double().numpy(), places.numpy()[:, :, None], game.d)
        found = explained("integrated_gradients", game)
        np.testing.assert_allclose(found.values[game.present], expected[game.present], atol=1e-6)
        assert np.isnan(found.values[~game.present]).all()
        assert (~game.present).any()

    @pytest.mark.parametrize(("name", "theirs"), [("saliency", Saliency), ("input_x_gradient", InputXGradient)])
    @pytest.mark.parametrize("which", NETS)
    def test_gradients(self, name, theirs, which):
        game = trained(which)
        core, x, _, extra, view = tensors(game)
        options = {"abs": False} if theirs is Saliency else {}
        values = theirs(core).attribute(x.requires_grad_(), target=1, additional_forward_args=extra, **options).detach().double().numpy()
        expected = folded(values, view.owner, game.d)
        found = explained(name, game).values
        np.testing.assert_allclose(found[game.present], (np.abs(expected) if theirs is Saliency else expected)[game.present], atol=1e-6)

    @pytest.mark.parametrize("fill", ["blur", "background"])
    def test_deep_lift(self, fill):
        game = play(Toy(convolutional()), images(), fill=fill)
        core, x, x0, _, view = tensors(game)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = [DeepLift(core).attribute(x, one.expand_as(x), target=1).detach().double().numpy() for one in x0]
        found = explained("deep_lift", game)
        np.testing.assert_allclose(found.values, folded(np.mean(theirs, axis=0), view.owner, game.d), atol=1e-6)
        assert "degraded" not in found.about
        np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-5)

    def test_grad_cam(self):
        module = convolutional()
        game = play(Toy(module, conv=module[3]), images())
        core, x, _, _, _ = tensors(game)
        cam = LayerGradCam(core, module[3]).attribute(x.requires_grad_(), target=1, relu_attributions=True)
        cam = torch.nn.functional.interpolate(cam, (8, 8), mode="bilinear")[:, 0].detach().double().numpy()
        found = explained("grad_cam", game)
        np.testing.assert_allclose(found.values, folded(cam, images().space.patch_of, 16), atol=1e-6)
        np.testing.assert_allclose(found.detail, cam, atol=1e-6)
        assert (found.about["map"], found.signed) == ("4 x 4", False)
        assert (found.values >= 0).all()
        assert (found.values > 0).any()

    def test_smooth_grad_and_gradient_shap_tend_to_what_they_estimate(self):
        game = trained("cnn")
        exact = explained("integrated_gradients", game, steps=200).values
        off = [np.abs(explained("gradient_shap", game, points=points).values - exact).mean() for points in (1, 100)]
        assert off[1] < off[0] / 3
        np.testing.assert_allclose(explained("smooth_grad", game, noise=0.0).values, explained("saliency", game).values, atol=1e-6)


class TestBaselines:
    def test_their_output_is_the_base_and_they_are_told(self):
        game = trained("cnn")
        space = game.data.space
        for baseline in ("fill", "mean", "background", "zero"):
            found = explained("integrated_gradients", game, baseline=baseline)
            if baseline == "zero":
                base = game.model.predict(np.zeros_like(game.inputs), "margin")[:, 1]
            else:
                fill = game.fill if baseline == "fill" else baseline
                base = play(game.model, game.data, fill=fill).empty()
            np.testing.assert_allclose(found.base, base, atol=1e-4)
            slack = 0.01 * np.abs(found.values).sum(axis=1).max()
            np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=slack)
        said = [explained("integrated_gradients", game, baseline=one).about["baseline"] for one in ("fill", "mean", "zero")]
        assert said == ["a blurred copy of the image", "the mean of the background", "zeros"]
        assert space.fills[0] == "blur"

    @pytest.mark.parametrize("name", ["integrated_gradients", "deep_lift", "gradient_shap"])
    def test_one_that_the_data_do_not_have_is_not_applicable_with_those_that_they_have(self, name):
        with pytest.raises(NotApplicable, match=r"the baseline 'mask' is none of these data\. Allowed: fill, zero, blur, mean, background"):
            explained(name, trained("cnn"), baseline="mask")

    def test_zero_in_a_table_is_the_raw_zero(self):
        x, background = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[0.5, 0.5]])
        module = torch.nn.Linear(2, 1)
        game = game_of(torch_value(module, 2), world(x, background))
        weights = module.weight.detach().double().numpy()
        found = explained("integrated_gradients", game, baseline="zero")
        np.testing.assert_allclose(found.values, weights * x, atol=1e-5)
        np.testing.assert_allclose(found.base, float(module.bias.detach()), atol=1e-6)
        np.testing.assert_allclose(explained("integrated_gradients", game).values, weights * (x - background), atol=1e-5)

    @pytest.mark.parametrize("which", ["words", "transformer"])
    def test_from_zero_what_belongs_to_no_word_stays_so_that_the_values_add_up(self, which):
        found = explained("integrated_gradients", trained(which), baseline="zero", steps=200)
        assert found.about["largest_residual_share"] < 0.01


class TestCompleteness:
    @pytest.mark.parametrize("which", ["cnn", "words", "transformer"])
    def test_is_under_one_percent_at_the_default_steps(self, which):
        found = explained("integrated_gradients", trained(which))
        assert found.about["largest_residual_share"] < 0.01
        assert "degraded" not in found.about

    def test_a_coarse_integral_is_degraded(self):
        found = explained("integrated_gradients", trained("words"), steps=2)
        assert "raise steps" in found.about["degraded"]

    @pytest.mark.parametrize(("which", "module"), [("lstm", "LSTM"), ("words", "LayerNorm")])
    def test_deep_lift_names_the_modules_it_has_no_rule_for(self, which, module):
        found = explained("deep_lift", trained(which))
        assert found.about["largest_residual_share"] > 0.01
        assert f"modules it has no rule for: {module}" in found.about["degraded"]
        assert "Dropout" not in found.about["degraded"]


class TestPlanted:
    """A net that learnt the rule: what adds up puts its weight where the rule is, and chance does not."""

    @pytest.mark.parametrize("name", ["integrated_gradients", "shap", "occlusion"])
    @pytest.mark.parametrize("which", ["cnn", "words"])
    def test_mass_on_the_truth(self, name, which):
        game = trained(which)
        if which == "cnn":
            game = trained(which, fill="mean")
            truth = np.zeros((game.n, game.d), dtype=bool)
            truth[:, [1 * 4 + 2, 3 * 4 + 0]] = True
        else:
            truth = np.array([[word in ("good", "bad") for word in row] for row in game.data.space.labels(game.inputs)])
        sizes = np.abs(np.where(game.present, explained(name, game).values, 0.0))
        mass = (sizes * truth).sum(axis=1) / sizes.sum(axis=1)
        assert mass.mean() > 0.8
        noise = np.abs(np.nan_to_num(explained("random", game).values))
        assert ((noise * truth).sum(axis=1) / noise.sum(axis=1)).mean() < 0.5


class TestTraps:
    """What captum is known to trip over."""

    def test_an_activation_used_twice_is_not_applicable_with_its_name(self):
        class Twice(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv, self.act, self.out = torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.Linear(108, 2)

            def forward(self, x):
                return self.out(self.act(self.act(self.conv(x)) - 0.1).flatten(1))

        with torch.random.fork_rng(devices=[]):  # or a draw now and then makes a net whose paths need more steps
            torch.random.manual_seed(0)
            module = Twice().eval()
        before = {name: set(vars(each)) for name, each in module.named_modules()}
        with pytest.raises(NotApplicable, match=r"cannot walk this net \(used more than once: act \(ReLU\)\)"):
            explained("deep_lift", play(Toy(module), images()))
        assert all(not each._forward_hooks and not each._forward_pre_hooks and not each._backward_hooks for each in module.modules())
        assert {name: set(vars(each)) for name, each in module.named_modules()} == before
        assert explained("integrated_gradients", play(Toy(module), images()), steps=400).about["largest_residual_share"] < 0.02

    def test_a_net_that_fails_by_itself_is_no_net_that_captum_cannot_walk(self):
        class Broken(torch.nn.Module):
            def forward(self, x):
                if x.requires_grad:
                    raise RuntimeError("the disk is full")
                return x.flatten(1)[:, :2]

        with pytest.raises(RuntimeError, match="the disk is full"):
            explained("deep_lift", play(Toy(Broken().eval()), images()))

    def test_an_activation_called_as_a_function_is_told(self):
        class Called(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.linear = torch.nn.Linear(64, 2)

            def forward(self, x):
                return torch.exp(3 * torch.sin(self.linear(5 * x.flatten(1))))

        found = explained("deep_lift", play(Toy(Called().eval()), images()))
        assert found.about["largest_residual_share"] > 0.01
        assert "(an activation that is called as a function)" in found.about["degraded"]

    def test_activations_in_place_change_nothing(self):
        plain, placed = convolutional(), convolutional()
        for at in (1, 4):
            placed[at] = torch.nn.ReLU(inplace=True)
        for name in GRADIENTS:
            one, two = (explained(name, play(Toy(module), images())) for module in (plain, placed))
            np.testing.assert_allclose(one.values, two.values, atol=1e-6, err_msg=name)
            assert one.about.get("degraded") == two.about.get("degraded")

    def test_token_ids_are_never_integrated(self):
        """Between two ids there is no word: the path leads through the embeddings, and ids have no gradient."""
        game = trained("words")
        view = opened(game)
        assert view.x.is_floating_point()
        assert view.x.ndim == 3
        assert all(not each.is_floating_point() for each in view.extra)

    def test_hidden_words_of_a_case_are_no_words_of_it(self):
        game = trained("words")
        gone = replace(game.data, test=replace(game.data.test, inputs=np.array([f"{MASK} good {MASK}", "bad"] * 80, dtype=object)))
        found = explained("integrated_gradients", play(game.model, gone, cases=[0, 1]))
        assert found.present.sum(axis=1).tolist() == [1, 1]
        assert np.isfinite(found.values).sum(axis=1).tolist() == [1, 1]

    def test_a_single_logit_speaks_for_the_last_class(self):
        two = convolutional()
        one = convolutional(k=1)
        with torch.no_grad():
            one[-1].weight.copy_(two[-1].weight[1:] - two[-1].weight[:1])
            one[-1].bias.copy_(two[-1].bias[1:] - two[-1].bias[:1])
            for at in (0, 3):
                one[at].load_state_dict(two[at].state_dict())
        for target in (0, 1):
            for output in ("margin", "probability"):
                for name in ("integrated_gradients", "deep_lift", "saliency", "gradient_shap"):
                    a, b = (explained(name, play(Toy(each), images(), target=target, output=output)) for each in (two, one))
                    np.testing.assert_allclose(a.values, b.values, atol=1e-5, err_msg=f"{name} {target} {output}")
        signs = [explained("integrated_gradients", play(Toy(one), images(), target=target)).values for target in (0, 1)]
        np.testing.assert_allclose(signs[0], -signs[1], atol=1e-6)

    @pytest.mark.parametrize("rows", [1, 4, 64])
    def test_no_pass_is_larger_than_it_may_be_and_the_size_changes_nothing(self, rows, monkeypatch):
        seen = []
        for name in ("integrated_gradients", "smooth_grad", "gradient_shap", "deep_lift", "saliency"):
            game = play(Toy(convolutional()), images(), fill="background")
            expected = explained(name, game).values
            with monkeypatch.context() as patch:
                patch.setattr(_captum, "_NUMBERS", 64 * rows)
                hook = game.model.module.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
                game = play(game.model, images(), fill="background")
                game.full()
                seen.clear()
                found = explained(name, game)
                hook.remove()
            assert max(seen) <= (2 * rows if name == "deep_lift" else rows), name  # case and baseline go through together
            np.testing.assert_allclose(found.values, expected, atol=1e-5, err_msg=name)
            assert "memory" not in found.about

    def test_too_little_memory_halves_the_pass_and_is_told(self):
        class Small(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = convolutional()

            def forward(self, x):
                if len(x) > 100:
                    raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
                return self.inner(x)

        expected = explained("integrated_gradients", play(Toy(convolutional()), images()))
        found = explained("integrated_gradients", play(Toy(Small().eval()), images()))
        np.testing.assert_allclose(found.values, expected.values, atol=1e-6)
        assert found.about["memory"] == "ran out with 2048 rows in a pass: 64 were taken"
        assert "memory" not in expected.about
        noisy = [explained("smooth_grad", play(Toy(module), images())).values for module in (Small().eval(), convolutional())]
        np.testing.assert_allclose(*noisy, atol=1e-6)  # the same noise again

    def test_an_error_that_is_not_of_memory_is_not_tried_again(self):
        calls = []

        class Broken(torch.nn.Module):
            def forward(self, x):
                calls.append(len(x))
                if x.requires_grad:
                    raise RuntimeError("shapes do not match")
                return x.flatten(1)[:, :2]

        with pytest.raises(RuntimeError, match="shapes do not match"):
            explained("saliency", play(Toy(Broken().eval()), images()))
        assert calls[-1] == 6

    @pytest.mark.parametrize("name", [*GRADIENTS, "grad_cam"])
    def test_mode_and_requires_grad_are_restored_and_the_net_is_asked_in_eval_mode(self, name):
        module = convolutional()
        module.insert(2, torch.nn.Dropout(0.5))
        module[0].weight.requires_grad_(False)
        expected = explained(name, play(Toy(module.eval(), conv=module[4]), images())).values
        module.train()
        module[0].eval()
        before = [each.training for each in module.modules()], [each.requires_grad for each in module.parameters()]
        found = explained(name, play(Toy(module, conv=module[4]), images())).values
        np.testing.assert_array_equal(found, expected)
        module[0].eval()
        assert ([each.training for each in module.modules()], [each.requires_grad for each in module.parameters()]) == before
        assert all(each.grad is None for each in module.parameters())
        assert all(not each._forward_hooks and not each._backward_hooks for each in module.modules())

    def test_recurrent_nets_are_asked_in_eval_mode(self):
        game = trained("lstm")
        game.model.core.train()  # with dropout
        try:
            one, two = (explained("integrated_gradients", game).values for _ in range(2))
        finally:
            game.model.core.eval()
        np.testing.assert_array_equal(one, two)
        assert game.model.core.dropout.p > 0

    def test_a_net_that_is_not_the_model_fails(self):
        with pytest.raises(ModelError, match="misses the model's own output"):
            explained("saliency", play(Toy(convolutional(), changed=0.5), images()))

    @pytest.mark.parametrize("name", [*GRADIENTS, "grad_cam"])
    def test_a_model_without_gradients_or_convolution_is_not_applicable(self, name):
        class Closed(Toy):
            offers = frozenset({"margin", "probability"})

        with pytest.raises(NotApplicable, match="needs gradients"):
            explained(name, play(Closed(convolutional()), images()))
        if name == "grad_cam":
            with pytest.raises(NotApplicable, match="needs a convolution"):
                explained(name, play(Toy(convolutional()), images()))


class TestOrder:
    @pytest.mark.parametrize("name", ["integrated_gradients", "saliency", "grad_cam"])
    def test_classes_in_another_order_are_matched_by_name(self, name):
        module = convolutional()
        model = Toy(module, ("1", "0"), conv=module[3])
        plain = explained(name, play(model, images(), target=0)).values
        np.testing.assert_array_equal(explained(name, play(in_order(model, ("0", "1")), images(), target=1)).values, plain)


def test_the_map_of_a_series_stands_on_its_points():
    game = trained("lstm")
    found = explained("input_x_gradient", game)
    assert found.detail.shape == (6, 2, 20)
    np.testing.assert_allclose(
        folded(found.detail.astype(float), game.data.space.stretch_of, game.d)[game.present], found.values[game.present], atol=1e-6
    )
    assert (found.detail[np.isnan(game.inputs)] == 0).all()


def test_the_map_of_a_colour_image_is_summed_over_its_channels():
    data = images(colour=True)
    from xai_compare.models.zoo import KINDS

    model = KINDS["cnn"].fit("cnn", data, {"epochs": 1}, 0)[0]
    found = explained("integrated_gradients", play(model, data))
    assert found.detail.shape == (6, 8, 8)
    np.testing.assert_allclose(folded(found.detail.astype(float), data.space.patch_of, 16), found.values, atol=1e-5)
    assert explained("grad_cam", play(model, data)).detail.shape == (6, 8, 8)


def test_grad_cam_of_a_series_gives_each_channel_an_equal_part():
    class Waves(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = torch.nn.Conv1d(2, 4, 3, padding=1), torch.nn.Linear(80, 2)

        def forward(self, x, valid):
            return self.out(torch.relu(self.conv(x)).flatten(1))

    from xai_compare.models.net import hidden_all
    from xai_compare.models.opened import Opened

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Waves().eval()

    class Model(Toy):
        @staticmethod
        def tensor(inputs):
            return torch.from_numpy(np.nan_to_num(inputs).astype(np.float32))

        def predict(self, inputs, output):
            with torch.no_grad():
                return InSpace(module, output)(self.tensor(inputs), None).double().numpy()

        def open(self, inputs, space, fill):
            x, x0 = self.tensor(inputs), self.tensor(hidden_all(inputs, space, fill))[None]
            own = np.where(np.isnan(inputs), -1, space.stretch_of[None])
            return Opened(module, x, x0, (torch.zeros(len(x)),), own, fill, conv=module.conv, pixels=True)

    data = series()
    found = explained("grad_cam", play(Model(module), data))
    assert found.detail.shape == (6, 2, 20)
    np.testing.assert_array_equal(found.detail[:, 0], found.detail[:, 1])
    both = found.present[:, :5] & found.present[:, 5:]
    np.testing.assert_allclose(found.values[:, :5][both], found.values[:, 5:][both], atol=1e-9)
    assert np.nanmax(found.values) > 0
