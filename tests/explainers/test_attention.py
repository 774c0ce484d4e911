"""Attention, rollout and attention x gradient: by hand, on a toy with known weights and on the nets that a study trains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.worlds import Toy, convolutional, images, net, play, series, texts
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import opened
from xai_compare.models._nets import in_space
from xai_compare.models.opened import Opened
from xai_compare.streams import Streams

NAMES = ("attention", "attention_rollout", "attention_gradient")


def explained(name, game, **params):
    return EXPLAINERS[name](**params)(game, Streams(0))


@dataclass(eq=False)
class Reader(Toy):
    """Two layers, two heads, four tokens: a special one, two of the first feature and one of the second; reads the special token's row.

    The weights of the attention hang on the input, as in a transformer. broken : a factor on them. apart : what its own attention adds to
    the output. pool : the row that is read.
    """

    module: Any = None
    broken: float = 1.0
    apart: float = 0.0
    pool: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)

    def layers(self, x):
        rng = torch.Generator().manual_seed(0)
        states = torch.cat([torch.ones(len(x), 1), x], dim=1)[:, :, None] * torch.randn(4, 6, generator=rng)  # (n, T, 6)
        found = []
        for _ in range(2):
            query, key, value = (states @ torch.randn(6, 12, generator=rng) for _ in range(3))
            split = [each.reshape(len(x), 4, 2, 6).transpose(1, 2) for each in (query, key, value)]
            found.append(torch.softmax(split[0] @ split[1].transpose(2, 3) / 3, dim=3) * self.broken)
            states = states + (found[-1] @ split[2]).transpose(1, 2).reshape(len(x), 4, 12) @ torch.randn(12, 6, generator=rng) / 4
        return (torch.tensor(self.pool)[None, :, None] * states).sum(dim=1) @ torch.randn(6, 2, generator=rng), tuple(found)

    def predict(self, inputs, output):
        with torch.no_grad():
            return in_space(self.layers(self.numbers(inputs))[0], output).double().numpy()

    @staticmethod
    def numbers(inputs):
        return torch.from_numpy(np.asarray(inputs)[:, 0, :3].astype(np.float32))

    def attend(self, x):
        outputs, layers = self.layers(x)
        return outputs + self.apart * torch.tensor([0.0, 1.0]), layers

    def open(self, inputs, space, fill):
        x = self.numbers(inputs)
        tokens = np.tile([-1, 0, 0, 1], (len(x), 1))
        whole = Whole(self)
        pooled = np.tile(np.array(self.pool), (len(x), 1))
        return Opened(whole, x, x[None] * 0, (), np.array([0, 0, 1]), fill, tokens, pooled, self.attend)


class Whole(torch.nn.Module):
    def __init__(self, model) -> None:
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model.layers(x)[0]


def weights_of(game):
    """Each layer's attention (n, heads, T, T) and its gradient, as arrays, with the output in the game's space."""
    view = opened(game)
    outputs, layers = view.attend(view.x.clone().requires_grad_(), *view.extra)
    value = in_space(outputs, game.output)[:, 1].sum()
    slopes = torch.autograd.grad(value, layers)
    return view, [each.detach().double().numpy() for each in layers], [each.double().numpy() for each in slopes]


def by_feature(view, paid, d):
    """Sums over tokens, in plain loops."""
    tokens = view.tokens.reshape(*view.tokens.shape[:2], -1)
    out = np.zeros((len(paid), d))
    for i, row in enumerate(tokens):
        for t, parts in enumerate(row):
            for part in parts:
                if part >= 0:
                    out[i, part] += paid[i, t] / len(parts)
    return out


GAMES = {
    "toy": lambda: play(Reader(), images()),
    "mean": lambda: play(Reader(pool=(0.25, 0.25, 0.25, 0.25)), images()),
    "words": lambda: play(net("transformer", "text"), texts()),
    "series": lambda: play(net("transformer", "series"), series()),
}


@pytest.mark.parametrize("which", GAMES)
class TestByHand:
    def check(self, found, game, view, expected):
        np.testing.assert_allclose(found.values[game.present], by_feature(view, expected, game.d)[game.present], atol=1e-6)
        assert "degraded" not in found.about
        assert not found.signed
        assert (found.present is None) == game.present.all()

    @pytest.mark.parametrize("head", [0, 1, "mean"])
    @pytest.mark.parametrize("layer", [-1, 0, "mean"])
    def test_attention(self, which, layer, head):
        game = GAMES[which]()
        view, layers, _ = weights_of(game)
        heads = [each.mean(axis=1) if head == "mean" else each[:, head] for each in layers]
        chosen = np.mean(heads, axis=0) if layer == "mean" else heads[layer]
        expected = np.array([pool @ one for pool, one in zip(view.pooled, chosen, strict=True)])
        self.check(explained("attention", game, layer=layer, head=head), game, view, expected)

    def test_rollout(self, which):
        game = GAMES[which]()
        view, layers, _ = weights_of(game)
        expected = []
        for i, pool in enumerate(view.pooled):
            flow = np.eye(layers[0].shape[-1])
            for layer in layers:
                flow = (layer[i].mean(axis=0) + np.eye(len(flow))) / 2 @ flow
            expected.append(pool @ flow)
        self.check(explained("attention_rollout", game), game, view, np.array(expected))

    @pytest.mark.parametrize("output", ["margin", "probability"])
    def test_attention_gradient(self, which, output):
        game = GAMES[which]()
        game = play(game.model, game.data, output=output)
        view, layers, slopes = weights_of(game)
        expected = []
        for i, pool in enumerate(view.pooled):
            relevance = np.eye(layers[0].shape[-1])
            for layer, slope in zip(layers, slopes, strict=True):
                relevance = relevance + np.maximum(layer[i] * slope[i], 0).mean(axis=0) @ relevance
            expected.append(pool @ relevance - pool)
        found = explained("attention_gradient", game)
        self.check(found, game, view, np.array(expected))
        assert np.nanmax(found.values) > 0

    def test_rows_add_up_to_one(self, which):
        _, layers, _ = weights_of(GAMES[which]())
        for layer in layers:
            np.testing.assert_allclose(layer.sum(axis=-1), 1, atol=1e-5)


class TestMaps:
    def test_are_between_features(self):
        game = GAMES["toy"]()
        _, layers, _ = weights_of(game)
        found = explained("attention", game)
        assert found.detail.shape == (6, 2, 16, 16)
        assert found.detail.dtype == np.float32
        for position, layer in enumerate(layers):
            mean = layer.mean(axis=1)
            both = mean[:, 1:3, 1:3].sum(axis=2).mean(axis=1)  # the two tokens of the first feature read each other
            np.testing.assert_allclose(found.detail[:, position, 0, 0], both, atol=1e-6)
            np.testing.assert_allclose(found.detail[:, position, 0, 1], mean[:, 1:3, 3].mean(axis=1), atol=1e-6)
            np.testing.assert_allclose(found.detail[:, position, 1, 0], mean[:, 3, 1:3].sum(axis=1), atol=1e-6)
        assert explained("attention_rollout", game).detail.shape == (6, 1, 16, 16)

    def test_absent_words_have_none(self):
        game = GAMES["words"]()
        for name in NAMES:
            found = explained(name, game)
            known = found.present[:, None, :, None] & found.present[:, None, None, :]
            np.testing.assert_array_equal(np.isnan(found.detail), np.broadcast_to(~known, found.detail.shape))
            assert (np.nansum(found.detail, axis=3) < 1.0001).all() or name == "attention_gradient"


class TestGates:
    @pytest.mark.parametrize("name", NAMES)
    def test_rows_that_do_not_add_up_are_degraded(self, name):
        assert "the rows of attention miss 1 by up to 0.1" in explained(name, play(Reader(broken=0.9), images())).about["degraded"]

    @pytest.mark.parametrize("name", NAMES)
    def test_attention_of_another_net_than_the_model_is_degraded(self, name):
        assert "misses the model's own output by up to 0.3" in explained(name, play(Reader(apart=0.3), images())).about["degraded"]

    @pytest.mark.parametrize("name", NAMES)
    def test_a_net_without_attention_is_not_applicable(self, name):
        with pytest.raises(NotApplicable, match="needs a net with attention"):
            explained(name, play(Toy(convolutional()), images()))

    @pytest.mark.parametrize(("params", "said"), [({"layer": 2}, "no layer 2: the net has 2"), ({"head": -3}, "no head -3: the net has 2")])
    def test_a_layer_or_head_that_is_not_there_is_not_applicable(self, params, said):
        with pytest.raises(NotApplicable, match=said):
            explained("attention", GAMES["toy"](), **params)

    @pytest.mark.parametrize("name", NAMES)
    def test_its_title_says_what_it_is_not(self, name):
        assert "not an attribution" in EXPLAINERS[name].title
        assert "Attention is not attribution" in EXPLAINERS[name].__doc__

    def test_rows_of_padding_may_hold_anything(self):
        game = GAMES["words"]()
        whole = game.model.open

        def opened_with_noise(*given):
            view = whole(*given)

            def attend(x, valid):
                outputs, layers = view.attend(x, valid)
                return outputs, tuple(torch.where(valid[:, None, :, None], layer, layer * 7) for layer in layers)

            return replace(view, attend=attend)

        expected = explained("attention", game)
        game.model.open = opened_with_noise
        try:
            found = explained("attention", game)
        finally:
            del game.model.open
        np.testing.assert_allclose(found.values, expected.values, atol=1e-6)
        assert "degraded" not in found.about


def test_they_say_which_row_is_read():
    assert explained("attention", GAMES["toy"]()).about["reads"] == "the first token's row"
    assert explained("attention", GAMES["mean"]()).about["reads"] == "the mean over the rows of all tokens"
