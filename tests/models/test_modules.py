"""Modules of the user: asked as they are, opened at their inputs or embeddings, and left as they were found."""

from __future__ import annotations

import pickle
import re

import cloudpickle
import numpy as np
import pytest
import torch
from torch import nn

import xai_compare as xc
from tests.made import data_of, mixed, outcome
from tests.models.test_nets import world
from tests.toys import game_of
from xai_compare.data.text import GONE, MASK, TextSpace
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.models import _nets
from xai_compare.models.adapt import adapt
from xai_compare.models.opened import folded
from xai_compare.streams import Streams


def made(build):
    """A module with drawn parameters, the same each time."""
    with _nets.seeded(1):
        return build()


class Twice(nn.Module):
    """Numbers and codes; each code through an embedding of its own."""

    def __init__(self, outputs=2, leak=0.0):
        super().__init__()
        self.town, self.owner = nn.Embedding(3, 4), nn.Embedding(2, 2)
        self.body = nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, outputs))
        self.leak = leak

    def forward(self, numbers, codes):
        x = torch.cat([self.town(codes[:, 0]), numbers, self.owner(codes[:, 1:2]).flatten(1)], dim=1)
        return self.body(x) + self.leak * codes[:, :1]


def coded(frame):
    numbers = frame[["weight", "height", "children"]].to_numpy(dtype=np.float32) / 100
    codes = np.stack([frame.town.map({"Aix": 0, "Bonn": 1, "Cork": 2}), frame.owner.astype(int)], axis=1).astype(np.int64)
    return torch.from_numpy(numbers), torch.from_numpy(codes)


TOWNS = {"town": "town", "owner": "owner"}
NUMBERS = ["weight", "height", "children"]


@pytest.fixture(name="people")
def table():
    frame = mixed(60)
    return data_of(frame, (outcome(frame) == "yes").astype(np.int64), ("no", "yes"))


class Bag(nn.Module):
    """Words by their ids, the first of them the start; told where they end."""

    def __init__(self, outputs=2):
        super().__init__()
        self.words = nn.Embedding(40, 5)
        self.head = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, outputs))

    def forward(self, ids, valid):
        held = valid[:, :, None].float()
        return self.head((self.words(ids).tanh() * held).sum(dim=1) / held.sum(dim=1))


class Blind(Bag):
    """The same, and not told."""

    def forward(self, ids):
        return super().forward(ids, torch.ones_like(ids, dtype=torch.bool))


def tokens(text):
    """A start, then pieces of at most three letters: a word may be several tokens."""
    found = [piece.span() for piece in re.finditer(r"\[MASK\]|\w{1,3}|[^\w\s]", text)]
    return [1, *(2 if text[a:b] == "[MASK]" else 3 + sum(map(ord, text[a:b])) % 37 for a, b in found)], [(0, 0), *found]


def small_net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(320, 2))


class TestImages:
    def test_a_module_is_asked_and_opened(self):
        data, module = world("grey"), made(small_net).eval()
        model = adapt("m", xc.net(module), data.background_inputs(), data.classes)
        inputs = data.cases()
        with torch.no_grad():
            z = module(torch.from_numpy(inputs)[:, None]).numpy()
        np.testing.assert_allclose(model.predict(inputs, "margin")[:, 1], z[:, 1] - z[:, 0], atol=1e-5)
        np.testing.assert_allclose(model.predict(inputs, "probability"), torch.softmax(torch.from_numpy(z), 1), atol=1e-6)
        for fill in data.space.fills:
            opened = model.open(inputs, data.space, fill)
            np.testing.assert_allclose(opened.net(opened.x).detach(), z, atol=1e-5)
            none = np.zeros((len(inputs), data.space.d), dtype=bool)
            hidden = data.space.hide(inputs, np.arange(len(inputs)), none, fill).reshape(len(inputs), -1, 12, 10)
            for b, x0 in enumerate(opened.x0):
                np.testing.assert_array_equal(x0.expand_as(opened.x)[:, 0], hidden[:, b])
        assert isinstance(opened.conv, nn.Conv2d)
        assert opened.pixels
        assert (folded(np.ones(opened.x.shape), opened.owner, data.space.d) > 0).all()
        assert "attention" not in model.offers

    def test_it_is_left_as_it_was_found(self):
        """Mode, hooks, gradients asked for, statistics and device: the copy is worked with."""
        data, module = world("grey"), made(small_net)
        module.train()
        module[0].eval()
        module[4].weight.requires_grad_(False)
        module[2].register_forward_hook(lambda *_: None)
        state = {key: value.clone() for key, value in module.state_dict().items()}
        model = adapt("m", xc.net(module), data.background_inputs(), data.classes)
        model.predict(data.cases(), "margin")
        opened = model.open(data.cases(), data.space, "blur")
        opened.net(opened.x.requires_grad_()).sum().backward()
        model.redrawn(3).predict(data.cases(), "margin")
        assert [each.training for each in module.modules()] == [True, False, True, True, True, True]
        assert [each.requires_grad for each in module.parameters()] == [True, True, True, True, False, True]
        assert [len(each._forward_hooks) for each in module.modules()] == [0, 0, 0, 1, 0, 0]
        assert all(each.grad is None for each in module.parameters())
        assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())

    def test_a_size_of_its_own_needs_to_be_told(self):
        data, module = world("grey"), made(lambda: nn.Sequential(nn.Flatten(), nn.Linear(30, 2)))
        half = lambda x: torch.from_numpy(x[:, None, ::2, ::2])  # noqa: E731
        model = adapt("m", xc.net(module, half), data.background_inputs(), data.classes)
        with pytest.raises(NotApplicable, match=r"takes images as .* say by owner which is which"):
            model.open(data.cases(), data.space, "blur")
        pixels = np.arange(120).reshape(12, 10)[::2, ::2]
        opened = adapt("m", xc.net(module, half, owner=pixels), data.background_inputs(), data.classes).open(
            data.cases(), data.space, "mean"
        )
        np.testing.assert_array_equal(opened.owner[0, 0], data.space.patch_of[::2, ::2])
        assert not opened.pixels

    def test_drawn_anew(self):
        data = world("grey")
        model = adapt("m", xc.net(made(small_net)), data.background_inputs(), data.classes)
        inputs = data.cases()
        assert model.depth == 3
        assert np.abs(model.redrawn(1, 1).predict(inputs, "margin") - model.predict(inputs, "margin")).max() > 0.01
        still = adapt("m", xc.net(nn.Sequential(nn.Flatten(), Still())), data.background_inputs(), data.classes)
        assert still.depth == 0
        with pytest.raises(NotApplicable, match="no part of Sequential can draw its parameters anew"):
            still.redrawn(1)


class Still(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(120, 2))

    def forward(self, x):
        return x @ self.weight


class TestOutputs:
    def test_a_single_logit_speaks_for_the_last_class(self):
        data = world("grey")
        module = made(lambda: nn.Sequential(nn.Flatten(), nn.Linear(120, 1)))
        for each in (module, nn.Sequential(module, nn.Flatten(0))):
            model = adapt("m", xc.net(each), data.background_inputs(), data.classes)
            with torch.no_grad():
                z = module(torch.from_numpy(data.cases()))[:, 0].numpy()
            margin, share = (model.predict(data.cases(), space) for space in ("margin", "probability"))
            np.testing.assert_allclose(margin, np.stack([-z, z], axis=1), atol=1e-6)
            np.testing.assert_allclose(share[:, 1], 1 / (1 + np.exp(-z)), atol=1e-6)
            assert "its one logit speaks for 'yes'" in model.about["note"]
            opened = model.open(data.cases(), data.space, "blur")
            np.testing.assert_allclose(_nets.InSpace(opened.net, "margin")(opened.x).detach(), margin, atol=1e-5)

    @pytest.mark.parametrize(
        ("build", "message"),
        [
            (lambda: nn.Sequential(nn.Flatten(), nn.Linear(120, 3)), "returns 3 outputs for 2: no, yes"),
            (lambda: nn.Sequential(nn.Flatten(), nn.Linear(120, 2), nn.Softmax(1)), "returns probabilities"),
            (lambda: nn.Sequential(nn.Flatten(), nn.Linear(120, 1), nn.Sigmoid()), "returns probabilities"),
            (lambda: nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), "cannot be asked: RuntimeError"),
            (nn.Flatten, "returns 120 outputs for 2"),
            (nn.Identity, "must return logits of shape"),
        ],
    )
    def test_anything_else_is_refused(self, build, message):
        data = world("grey")
        with pytest.raises(ModelError, match=f"model 'm'.*{message}"):
            adapt("m", xc.net(build()), data.background_inputs(), data.classes)

    def test_classes_in_the_modules_own_order(self):
        data, module = world("grey"), made(small_net)
        plain = adapt("m", xc.net(module), data.background_inputs(), data.classes)
        turned = adapt("m", xc.net(module, classes=["yes", "no"]), data.background_inputs(), data.classes)
        assert turned.outputs == ("yes", "no")
        np.testing.assert_array_equal(plain.predict(data.cases(), "margin"), turned.predict(data.cases(), "margin"))
        with pytest.raises(ModelError, match="knows the classes a, b, the data hold no, yes"):
            adapt("m", xc.net(module, classes=["a", "b"]), data.background_inputs(), data.classes)

    def test_classes_that_nobody_named(self):
        data = world("grey")
        model = adapt("m", xc.net(made(small_net)), data.background_inputs())
        assert (model.outputs, model.task) == (("0", "1"), "classification")
        values = adapt("m", xc.net(nn.Sequential(nn.Flatten(), nn.Linear(120, 1))), data.background_inputs())
        assert (values.outputs, values.task, values.native) == (("value",), "regression", "value")

    @pytest.mark.parametrize(("module", "options"), [(len, {}), (nn.Flatten(), {"classes": "ab"}), (nn.Flatten(), {"classes": ["a", "a"]})])
    def test_wrong_arguments(self, module, options):
        with pytest.raises(ModelError, match=r"net takes a torch\.nn.Module|classes must be"):
            xc.net(module, **options)

    def test_a_layer_that_is_not_there(self):
        data = world("texts")
        for layer in ("word", nn.Embedding(2, 2)):
            with pytest.raises(ModelError, match=r"layer is .*\. Its embeddings are: words"):
                adapt("m", xc.net(Bag(), tokens, layer=layer), data.background_inputs(), data.classes)
        with pytest.raises(ModelError, match="layer must be"):
            adapt("m", xc.net(Bag(), tokens, layer={"a": "words"}), data.background_inputs(), data.classes)


class TestSeries:
    def test_a_module_is_asked_and_opened(self):
        data = world("series")
        filled = lambda x: torch.from_numpy(np.nan_to_num(x).astype(np.float32))  # noqa: E731
        module = made(lambda: nn.Sequential(nn.Conv1d(2, 3, 5), nn.ReLU(), nn.Flatten(), nn.Linear(57, 2)))
        model = adapt("m", xc.net(module, filled), data.background_inputs(), data.classes)
        for fill in data.space.fills:
            opened = model.open(data.cases(), data.space, fill)
            found = _nets.InSpace(opened.net, "margin")(opened.x).detach()
            np.testing.assert_allclose(found, model.predict(data.cases(), "margin"), atol=1e-5)
            size = folded(np.ones(opened.x.shape), opened.owner, data.space.d)
            np.testing.assert_array_equal(size > 0, data.space.present(data.cases()))
        with pytest.raises(ModelError, match="the series are of different lengths: give a preprocess"):
            adapt("m", xc.net(module), data.background_inputs(), data.classes)


class TestTables:
    def test_numbers_alone(self, people):
        frame = people.train.inputs[["height", "weight", "children"]]
        data = data_of(frame, people.train.y, ("no", "yes"))
        module = made(lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
        model = adapt("m", xc.net(module), data.background_inputs(), data.classes)
        assert model.owner.tolist() == [0, 1, 2]
        assert model.offers == {"margin", "probability", "gradient"}
        with torch.no_grad():
            z = module(torch.from_numpy(frame.to_numpy(dtype=np.float32))).numpy()
        np.testing.assert_allclose(model.predict(frame, "margin")[:, 1], z[:, 1] - z[:, 0], atol=1e-5)

    @pytest.mark.parametrize("outputs", [1, 2])
    def test_numbers_and_embedded_codes(self, people, outputs):
        module = made(lambda: Twice(outputs))
        given = xc.net(module, coded, layer={"town": module.town, "owner": "owner"}, owner=NUMBERS)
        model = adapt("m", given, people.background_inputs(), people.classes)
        frame = people.test.inputs
        assert model.owner.tolist() == [1, 0, 2, 3, 3, 3, 3, 4, 4]
        with torch.no_grad():
            z = module(*coded(frame)).numpy()
        margin = z[:, 1] - z[:, 0] if outputs == 2 else z[:, 0]
        np.testing.assert_allclose(model.predict(frame, "margin")[:, 1], margin, atol=1e-5)
        np.testing.assert_array_equal(model.predict_encoded(model.encode(frame), "margin"), model.predict(frame, "margin"))
        assert not any(each._forward_hooks for each in (*model.core.modules(), *module.modules()))

    def test_gradients_at_the_embeddings(self, people):
        """Against gradients taken by hand, and integrated gradients that add up."""
        module = made(Twice)
        model = adapt("m", xc.net(module, coded, layer=TOWNS, owner=NUMBERS), people.background_inputs(), people.classes)
        game = game_of(model, people, target=1)
        numbers, codes = coded(game.inputs)
        numbers.requires_grad_()
        parts = [module.town(codes[:, 0]).detach().requires_grad_(), module.owner(codes[:, 1]).detach().requires_grad_()]
        z = module.body(torch.cat([parts[0], numbers, parts[1]], dim=1))
        (z[:, 1] - z[:, 0]).sum().backward()
        by_hand = np.stack([(each.grad * each).sum(dim=1).detach().numpy() for each in parts], axis=1)
        found = EXPLAINERS["input_x_gradient"]()(game, Streams(0)).values
        np.testing.assert_allclose(found[:, 3:], by_hand, atol=1e-5)
        np.testing.assert_allclose(found[:, [1, 0, 2]], (numbers.grad * numbers).detach().numpy(), atol=1e-5)
        path = EXPLAINERS["integrated_gradients"]()(game, Streams(0))
        np.testing.assert_allclose(path.values.sum(axis=1), game.full() - game.empty(), atol=2e-3)

    @pytest.mark.parametrize(
        ("build", "options", "reason"),
        [
            (lambda: Twice(leak=1.0), {"layer": TOWNS, "owner": NUMBERS}, "on other ways than through the layers"),
            (Twice, {"owner": NUMBERS}, "its codes go through no layer that is named"),
            (Twice, {"layer": TOWNS, "owner": NUMBERS[:2]}, "3 numbers go in and 2 columns are known"),
            (Twice, {"layer": TOWNS, "owner": ["height", "weight", "children"]}, "does not treat each column on its own"),
        ],
    )
    def test_what_cannot_be_opened_is_asked_from_outside(self, people, build, options, reason):
        module = made(build)
        model = adapt("m", xc.net(module, coded, **options), people.background_inputs(), people.classes)
        assert reason in model.closed
        assert model.offers == {"margin", "probability"}
        assert model.owner is None
        with torch.no_grad():
            z = module(*coded(people.test.inputs)).numpy()
        np.testing.assert_allclose(model.predict(people.test.inputs, "margin")[:, 1], z[:, 1] - z[:, 0], atol=1e-5)

    def test_drawn_anew_its_embeddings_are_others(self, people):
        model = adapt("m", xc.net(made(Twice), coded, layer=TOWNS, owner=NUMBERS), people.background_inputs(), people.classes)
        drawn = model.redrawn(2)
        assert not np.isclose(drawn.encode(people.test.inputs)[:, 3:], model.encode(people.test.inputs)[:, 3:]).any()
        np.testing.assert_array_equal(drawn.encode(people.test.inputs)[:, :3], model.encode(people.test.inputs)[:, :3])

    def test_names_that_are_no_columns(self, people):
        for options in ({"layer": {"twon": "town", "owner": "owner"}}, {"layer": TOWNS, "owner": ["weight", "hight", "children"]}):
            with pytest.raises(ModelError, match=r"did you mean '(town|height)'"):
                adapt("m", xc.net(made(Twice), coded, **options), people.background_inputs(), people.classes)


class TestTexts:
    def model(self, module, **options):
        data = world("texts")
        return adapt("m", xc.net(module, tokens, **options), data.background_inputs(), data.classes), data

    def by_hand(self, module, text):
        ids = torch.tensor([tokens(text)[0]])
        with torch.no_grad():
            z = module(ids, torch.ones_like(ids, dtype=torch.bool)) if type(module) is Bag else module(ids)
        return float(z[0, 1] - z[0, 0])

    @pytest.mark.parametrize("kind", [Bag, Blind])
    def test_each_text_alone(self, kind):
        module = made(kind)
        model, data = self.model(module, layer="words", mask="[MASK]")
        texts = [*data.cases(), f"a {MASK} house", f"{GONE} good"]
        found = model.predict(np.array(texts, dtype=object), "margin")[:, 1]
        said = [*data.cases(), "a [MASK] house", "good"]
        np.testing.assert_allclose(found, [self.by_hand(module, text) for text in said], atol=1e-5)
        np.testing.assert_array_equal(model.predict(np.array(texts[:1], dtype=object), "margin")[:, 1], found[:1])

    def test_opened_at_the_embedding(self):
        module = made(Bag)
        model, data = self.model(module, layer=module.words, mask="[MASK]")
        opened = model.open(data.cases(), data.space, "mask")
        z = opened.net(opened.x.requires_grad_(), *opened.extra)
        np.testing.assert_allclose((z[:, 1] - z[:, 0]).detach(), model.predict(data.cases(), "margin")[:, 1], atol=1e-5)
        z.sum().backward()
        assert opened.x.grad.abs().sum() > 0
        none = np.zeros((len(data.cases()), data.space.d), dtype=bool)
        size = folded(np.ones(opened.x.shape), opened.owner, data.space.d)
        np.testing.assert_array_equal(size > 0, data.space.present(data.cases()))
        words = torch.from_numpy(opened.tokens >= 0)
        torch.testing.assert_close(opened.x0[0][words], module.words.weight[2].detach().expand(int(words.sum()), 5))
        torch.testing.assert_close(opened.x0[0][~words], opened.x.detach()[~words])
        assert none.shape == size.shape
        assert "[MASK]" in opened.baseline
        dropped = model.open(data.cases(), data.space, "drop")
        assert not dropped.x0[0][words].any()
        assert "zero vector" in dropped.baseline

    def test_pieces_belong_to_their_word(self):
        model, _ = self.model(made(Bag), layer="words", mask="[MASK]")
        space = TextSpace(np.array(["a"], dtype=object), 3)
        opened = model.open(np.array([f"house {MASK} a bbbb cc", "a"], dtype=object), space, "mask")
        np.testing.assert_array_equal(opened.tokens, [[-1, 0, 0, -1, 2, 2, 2, 2], [-1, 0, -1, -1, -1, -1, -1, -1]])

    def test_without_a_mask_of_padding_lengths_must_be_equal(self):
        model, data = self.model(made(Blind), layer="words")
        with pytest.raises(NotApplicable, match="not told where its tokens end"):
            model.open(data.cases(), data.space, "mask")
        same = np.array(["a red sky", "the red sky"], dtype=object)
        opened = model.open(same, data.space, "mask")
        found = _nets.InSpace(opened.net, "margin")(opened.x, *opened.extra).detach()
        np.testing.assert_allclose(found, model.predict(same, "margin"), atol=1e-5)

    def test_without_a_layer_there_are_no_gradients(self):
        assert self.model(made(Bag))[0].offers == {"margin", "probability"}
        assert self.model(made(Bag), layer="words")[0].offers == {"margin", "probability", "gradient"}

    def test_without_a_tokenizer_it_is_refused(self):
        with pytest.raises(ModelError, match="needs its tokenizer as preprocess"):
            adapt("m", xc.net(Bag()), world("texts").background_inputs(), ("no", "yes"))


class TestInPython:
    def test_explained_alone(self, people):
        """Classes named, not named, and known from y: the same numbers."""
        frame = people.train.inputs
        module = made(Twice)
        given = {"preprocess": coded, "layer": TOWNS, "owner": NUMBERS}
        found = [
            xc.explain(xc.net(module, **given, **named), frame.head(4), "saliency", background=frame, target=target, y=y)
            for named, target, y in (({"classes": ["no", "yes"]}, "yes", None), ({}, "1", None), ({}, "yes", outcome(frame)[:4]))
        ]
        assert found[0].values.shape == (4, 5)
        for each in found[1:]:
            np.testing.assert_array_equal(each.values, found[0].values)

    def test_compared_on_images(self):
        data = world("grey")
        study = {"explainers": ["integrated_gradients"], "metrics": ["additive_fit"], "data": {"explain": 5}}
        labels = np.array(["no", "yes"])[data.test.y]
        models = {"one": xc.net(made(small_net)), "other": xc.net(nn.Sequential(nn.Flatten(), made(lambda: nn.Linear(120, 1))))}
        result = xc.compare(models, xc.images(data.test.inputs), labels, background=data.train.inputs, study=study)
        assert {(cell.model, cell.status) for cell in result.results.cells if cell.explainer == "integrated_gradients"} == {
            ("one", "ok"),
            ("other", "ok"),
        }


def test_a_model_travels_to_a_worker() -> None:
    data = world("texts")
    model = adapt("m", xc.net(made(Bag), tokens, layer="words"), data.background_inputs(), data.classes)
    again = pickle.loads(cloudpickle.dumps(model))
    np.testing.assert_array_equal(again.predict(data.cases(), "margin"), model.predict(data.cases(), "margin"))


def test_attention_inside_is_not_claimed() -> None:
    """torch's own attention hands out no weights that lie in the graph."""
    data = world("series")
    filled = lambda x: torch.from_numpy(np.nan_to_num(x).astype(np.float32))  # noqa: E731

    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(2, 1, batch_first=True)
            self.head = nn.Linear(2, 2)

        def forward(self, x):
            x = x.transpose(1, 2)
            return self.head(self.attention(x, x, x)[0].mean(dim=1))

    model = adapt("m", xc.net(made(Attending), filled), data.background_inputs(), data.classes)
    assert "attention" not in model.offers
    assert model.open(data.cases(), data.space, "mean").attend is None
