"""Nets on images, series and texts: they learn, they do not depend on what is asked beside a case, and they open truly."""

from __future__ import annotations

import json
import os
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.made import data_of, mixed, outcome
from xai_compare.data.image import ImageSpace
from xai_compare.data.series import SeriesSpace
from xai_compare.data.text import GONE, MASK, TextSpace, as_texts, longest
from xai_compare.errors import ModelError, XaiCompareError
from xai_compare.models import _modules, _nets
from xai_compare.models._formats_nets import read_net
from xai_compare.models.load import load_model
from xai_compare.models.net import Net
from xai_compare.models.opened import folded
from xai_compare.models.torch import TorchTable
from xai_compare.models.zoo import KINDS
from xai_compare.types import Data, Table

FOLDER = Path(os.environ.get("XAI_COMPARE_DATA", "nowhere"))
CASES = [("cnn", "grey"), ("cnn", "colour"), ("lstm", "series"), ("lstm", "texts"), ("transformer", "series"), ("transformer", "texts")]
SEQUENCES = [case for case in CASES if case[0] != "cnn"]
QUICK = {
    "cnn": {"channels": [6, 8], "hidden": 16, "epochs": 25},
    "lstm": {"width": 12, "epochs": 25},
    "transformer": {"width": 16, "heads": 2, "epochs": 25},
}
FILLS = {"grey": ("blur", "mean", "background"), "series": ("mean", "interpolate", "background"), "texts": ("mask", "drop")}


def held(inputs: Any, y: Any, space: Any, test: Any = None, classes: tuple[str, ...] = ()) -> Data:
    """Data with the first rows as training rows; `test` says which are not."""
    test = np.arange(len(y)) >= len(y) * 0.7 if test is None else test
    tables = [Table(inputs[rows], y[rows], tuple(map(str, np.flatnonzero(rows)))) for rows in (~test, test)]
    task = "classification" if classes else "regression"
    return Data(tables[0], tables[1], np.arange(12), np.arange(9), space(tables[0].inputs[:9]), task, classes)


@cache
def world(which: str) -> Data:
    """120 small cases of which two in three classes are told apart by something simple."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 160)
    if which in ("grey", "colour"):
        x = rng.random((160, 12, 10, 3) if which == "colour" else (160, 12, 10), dtype=np.float32) * 0.4
        x[y == 1, 2:6, 3:7] += 0.5
        return held(x, y, ImageSpace, classes=("no", "yes"))
    if which == "series":
        x = rng.normal(size=(160, 2, 23))
        x[y == 1, 1, 4:10] += 2.5
        for row in range(0, 160, 3):
            x[row, :, 12 + row % 11 :] = np.nan
        return held(x, y, lambda b: SeriesSpace(b, 5), classes=("no", "yes"))
    words = np.array(["the", "a", "one", "of", "red", "blue", "house", "tree", "sky", "river"])
    texts = [" ".join([*rng.choice(words, rng.integers(2, 30)), "bad" if each else "good", *rng.choice(words, 2)]) for each in y]
    texts = as_texts(texts)
    return held(texts, y, lambda b: TextSpace(b, longest(texts)), classes=("no", "yes"))


@cache
def fitted(kind: str, which: str, seed: int = 0) -> tuple[Net, bytes]:
    return KINDS[kind].fit("m", world(which), QUICK[kind], seed)


@pytest.fixture(params=CASES, ids="-".join)
def case(request) -> tuple[Net, bytes, Data]:
    return (*fitted(*request.param), world(request.param[1]))


class TestTraining:
    def test_it_learns(self, case):
        model, _, data = case
        found = model.predict(data.test.inputs, "probability")
        assert (found.argmax(axis=1) == data.test.y).mean() > 0.85
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)

    @pytest.mark.parametrize(("kind", "which"), CASES)
    def test_the_same_seed_gives_the_same_bytes(self, kind, which):
        before = torch.random.get_rng_state()
        assert KINDS[kind].fit("m", world(which), QUICK[kind], 0)[1] == fitted(kind, which)[1]
        assert torch.equal(torch.random.get_rng_state(), before)

    @pytest.mark.parametrize(("kind", "which"), CASES[:1] + SEQUENCES)
    def test_a_number_is_learnt_in_its_own_units(self, kind, which):
        data = world(which)
        value = {"image": lambda x: x[:, 2:6, 3:7].mean(axis=(1, 2)), "series": lambda x: np.nanmean(x[:, 1], axis=1)}
        counted = lambda x: np.array([text.count("red") - text.count("sky") for text in x])  # noqa: E731
        tell = value.get(data.space.modality, counted)
        tables = [Table(each.inputs, 1000.0 + 500 * tell(each.inputs), each.ids) for each in (data.train, data.test)]
        number = Data(tables[0], tables[1], data.explain, data.background, data.space, "regression")
        model, content = KINDS[kind].fit("m", number, {**QUICK[kind], "epochs": 40}, 0)
        found = model.predict(tables[1].inputs, "value")
        assert found.shape == (len(tables[1].ids), 1)
        assert model.native == "value"
        assert np.corrcoef(found[:, 0], tables[1].y)[0, 1] > 0.7
        assert abs(found.mean() - tables[1].y.mean()) < tables[1].y.std()
        np.testing.assert_array_equal(Net.from_bytes("m", content).predict(tables[1].inputs, "value"), found)

    def test_hidden_words_are_no_strangers(self):
        front = _modules.Words(9, 2, 0.5, mask=2).train()
        ids = torch.full((400, 5), 7)
        with torch.no_grad(), _nets.seeded(0):
            x, _ = front.taken(ids, torch.ones(400, 5, dtype=torch.bool))
        lost = (x == front.embed(torch.tensor(2))).all(dim=2)
        assert not lost[:, 0].any()
        assert 0.4 < lost[:, 1:].float().mean() < 0.6


class TestParameters:
    @pytest.mark.parametrize(
        ("kind", "params", "message"),
        [
            ("cnn", {"channel": [3]}, "unknown parameter 'channel': did you mean 'channels'"),
            ("cnn", {"channels": []}, "channels must be numbers of at least 1"),
            ("cnn", {"epochs": 0}, "epochs must be at least 1"),
            ("cnn", {"dropout": 1.0}, "dropout must be at least 0 and below 1"),
            ("lstm", {"learning_rate": 0}, "learning_rate must be above 0"),
            ("lstm", {"word_dropout": -0.1}, "word_dropout must be"),
            ("lstm", {"noise": -1}, "noise must be 0 or more"),
            ("transformer", {"width": 10, "heads": 4}, "width must be a multiple of heads"),
            ("mlp", {"embed": -1}, "embed must be a width"),
        ],
    )
    def test_wrong_ones_are_refused(self, kind, params, message):
        with pytest.raises(XaiCompareError, match=message):
            KINDS[kind].check(params)

    def test_what_has_no_meaning_for_the_inputs_is_refused(self):
        with pytest.raises(ModelError, match=r"'patch' has no meaning for inputs of the kind 'text'.* longest"):
            KINDS["lstm"].fit("m", world("texts"), {"patch": 3}, 0)
        with pytest.raises(ModelError, match="'longest' has no meaning for inputs of the kind 'series'"):
            KINDS["transformer"].fit("m", world("series"), {"longest": 3}, 0)

    def test_other_inputs_are_refused(self):
        with pytest.raises(ModelError, match=r"'cnn' is for these inputs: image\. The data are of the kind 'series'"):
            KINDS["cnn"].fit("m", world("series"), {}, 0)


class TestPredictions:
    def test_they_do_not_depend_on_what_is_asked_beside(self, case):
        """The same bits alone, in another order, and with 400 others."""
        model, _, data = case
        inputs = data.test.inputs
        found = model.predict(inputs, "margin")
        np.testing.assert_array_equal(np.concatenate([model.predict(inputs[i : i + 1], "margin") for i in range(5)]), found[:5])
        order = np.random.default_rng(1).permutation(len(inputs))
        np.testing.assert_array_equal(model.predict(inputs[order], "margin"), found[order])
        many = np.random.default_rng(2).integers(len(inputs), size=600)
        np.testing.assert_array_equal(model.predict(inputs[many], "margin"), found[many])

    @pytest.mark.parametrize(("kind", "which"), SEQUENCES)
    def test_padding_has_no_part_in_them(self, kind, which):
        """More padding, with anything in it, changes nothing: neither by the net's arithmetic nor by its gradients."""
        model, data = fitted(kind, which)[0], world(which)
        opened = model.open(data.test.inputs[:8], data.space, data.space.fills[0])
        (valid,) = opened.extra
        if which == "texts":
            short = opened.x[:, :, :]
            more = torch.nn.functional.pad(short, (0, 0, 0, 7), value=3.0), torch.nn.functional.pad(valid, (0, 7))
        else:
            more = torch.where(valid[:, None, :], opened.x, torch.full_like(opened.x, 55.0)), valid
        with torch.no_grad():
            torch.testing.assert_close(opened.net(*more), opened.net(opened.x, valid), atol=2e-6, rtol=1e-5)
        x = opened.x.clone().requires_grad_()
        opened.net(x, valid)[:, 1].sum().backward()
        lost = ~valid[:, None, :].expand_as(x) if which == "series" else ~valid[:, :, None].expand_as(x)
        assert lost.any()
        assert not x.grad[lost].any()
        assert x.grad[~lost].any()

    @pytest.mark.parametrize("kind", ["lstm", "transformer"])
    def test_empty_texts_and_hidden_words_are_taken(self, kind):
        model = fitted(kind, "texts")[0]
        odd = np.array(["", "   ", GONE, f"{MASK} {MASK}", f"{GONE} bad", "bad", "BAD", "x" * 5000, "bad " * 900], dtype=object)
        found = model.predict(odd, "margin")
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])
        np.testing.assert_array_equal(found[4], found[5])
        np.testing.assert_array_equal(found[5], found[6])
        assert (found[3] != found[0]).any()

    def test_they_leave_torch_as_it_was(self, case):
        model, _, data = case
        before = torch.get_num_threads(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
        model.predict(data.test.inputs[:3], "margin")
        assert (torch.get_num_threads(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled) == before


class TestStored:
    def test_the_bytes_bring_the_same_net_back(self, case):
        model, content, data = case
        again = KINDS[model.shape["kind"]].load("m", content, data)
        for output in ("margin", "probability"):
            np.testing.assert_array_equal(again.predict(data.test.inputs, output), model.predict(data.test.inputs, output))
        assert again.to_bytes() == content
        for name in ("outputs", "native", "offers", "task", "about", "depth", "size"):
            assert getattr(again, name) == getattr(model, name)
        read = read_net("file", content).bound("other", data.background_inputs(), data.classes)
        np.testing.assert_array_equal(read.predict(data.test.inputs, "margin"), model.predict(data.test.inputs, "margin"))
        assert read.name == "other"

    def test_other_inputs_are_refused_when_it_is_bound(self, case):
        model, _, data = case
        for other in ("grey", "colour", "series", "texts"):
            inputs = world(other).background_inputs()
            if type(world(other).space) is type(data.space) and inputs.shape[1:] == data.background_inputs().shape[1:]:
                continue
            with pytest.raises(ModelError, match=r"model 'm' takes .*, the data hold"):
                model.bound("m", inputs)

    @pytest.mark.parametrize(
        "change",
        [
            {"task": "both"},
            {"outputs": ["a", 3]},
            {"outputs": ["a", "b", "c"]},
            {"modality": "series"},
            {"shape": {"width": 10**9}},
            {"shape": {"width": 20}},
            {"shape": {"layers": 10**6}},
            {"shape": {"layers": -1}},
            {"shape": {"kind": "mlp"}},
            {"reader": {"words": ["a"]}},
            {"reader": {"longest": "all"}},
        ],
        ids=str,
    )
    def test_a_description_of_another_net_is_refused(self, change, tmp_path):
        content = fitted("transformer", "texts")[1]
        size = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + size])
        said = json.loads(header["__metadata__"]["xai_compare"])
        for key, value in change.items():
            said[key] = {**said[key], **value} if isinstance(value, dict) else value
        header["__metadata__"]["xai_compare"] = json.dumps(said)
        new = json.dumps(header).encode()
        file = tmp_path / "net.safetensors"
        file.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + size :])
        with pytest.raises(ModelError, match=r"'net\.safetensors' is .* that cannot be"):
            load_model(file)


class TestRedrawn:
    def test_layer_by_layer_from_the_output(self, case):
        model, _, data = case
        before = {key: value.clone() for key, value in model.core.state_dict().items()}
        changed = []
        for last in range(1, model.depth + 1):
            drawn = model.redrawn(5, last)
            changed.append({key for key, value in drawn.core.state_dict().items() if not torch.equal(value, before[key])})
        for fewer, more in pairwise(changed):
            assert fewer < more
        learnt = {key for key, value in model.core.named_parameters()}
        assert changed[-1] <= learnt  # units stay
        assert all(torch.equal(value, before[key]) for key, value in model.core.state_dict().items())
        whole = model.redrawn(5)
        np.testing.assert_array_equal(whole.predict(data.test.inputs, "margin"), drawn.predict(data.test.inputs, "margin"))
        assert np.abs(whole.predict(data.test.inputs, "margin") - model.predict(data.test.inputs, "margin")).max() > 0.1


OPENINGS = [(kind, which, fill) for kind, which in CASES for fill in FILLS["grey" if kind == "cnn" else which]]


class TestOpened:
    @pytest.mark.parametrize(("kind", "which", "fill"), OPENINGS)
    def test_it_is_the_model(self, kind, which, fill):
        model, data = fitted(kind, which)[0], world(which)
        inputs = data.cases()
        opened = model.open(inputs, data.space, fill)
        with torch.no_grad():
            found = _nets.InSpace(opened.net, "margin")(opened.x, *opened.extra)
        np.testing.assert_allclose(found.double().numpy(), model.predict(inputs, "margin"), atol=2e-6, rtol=1e-5)
        assert not opened.net.training
        assert opened.x.dtype == torch.float32
        assert not opened.x.requires_grad
        assert opened.baseline

    @pytest.mark.parametrize(("kind", "which", "fill"), [each for each in OPENINGS if each[2] != "drop"])
    def test_nothing_shown_is_what_the_space_hides(self, kind, which, fill):
        """The mean output over x0 is the mean output of the inputs in which the space has hidden all."""
        model, data = fitted(kind, which)[0], world(which)
        inputs, space = data.cases(), data.space
        opened = model.open(inputs, space, fill)
        n, none = len(inputs), np.zeros((len(inputs), space.d), dtype=bool)
        expected = model.predict(space.hide(inputs, np.arange(n), none, fill), "probability").reshape(n, -1, 2).mean(axis=1)
        assert opened.x0.shape[1] in (1, n)
        assert opened.x0.shape[0] == space.width(fill)
        with torch.no_grad():
            asked = _nets.InSpace(opened.net, "probability")
            found = [asked(x0.expand_as(opened.x), *opened.extra).numpy() for x0 in opened.x0]
        np.testing.assert_allclose(np.mean(found, axis=0), expected, atol=2e-6)

    def test_dropped_words_are_zero_vectors(self):
        model, data = fitted("lstm", "texts")[0], world("texts")
        opened = model.open(data.cases(), data.space, "drop")
        words = torch.from_numpy(opened.tokens >= 0)
        assert not opened.x0[0][words].any()
        torch.testing.assert_close(opened.x0[0][~words], opened.x[~words])
        assert "zero" in opened.baseline

    @pytest.mark.parametrize(("kind", "which", "fill"), OPENINGS)
    def test_every_feature_owns_something_and_nothing_else_differs(self, kind, which, fill):
        model, data = fitted(kind, which)[0], world(which)
        inputs = data.cases()
        opened = model.open(inputs, data.space, fill)
        size = folded(np.ones(opened.x.shape), opened.owner, data.space.d)
        np.testing.assert_array_equal(size > 0, data.space.present(inputs))
        nobody = np.broadcast_to(opened.owner, opened.x.shape) < 0
        for x0 in opened.x0:
            np.testing.assert_array_equal(x0.expand_as(opened.x).numpy()[nobody], opened.x.numpy()[nobody])

    def test_a_patch_owns_its_pixels_and_a_stretch_its_points(self):
        for which, kind in (("grey", "cnn"), ("colour", "cnn"), ("series", "lstm"), ("texts", "lstm")):
            model, data = fitted(kind, which)[0], world(which)
            inputs, space = data.cases()[:1], data.space
            opened = model.open(inputs, space, space.fills[0])
            for j in range(space.d):
                keep = np.arange(space.d)[None] != j
                other = model.open(space.hide(inputs, np.zeros(1, dtype=np.int64), keep, space.fills[0]), space, space.fills[0])
                moved = (other.x != opened.x).numpy()
                assert set(np.broadcast_to(opened.owner, moved.shape)[moved].tolist()) <= {j}

    def test_what_the_last_feature_owns_in_a_long_text(self):
        model, data = fitted("transformer", "texts")[0], world("texts")
        space = TextSpace(data.space.background, 3)
        opened = model.open(np.array(["a one of red blue", "a"], dtype=object), space, "mask")
        np.testing.assert_array_equal(opened.tokens, [[-1, 0, 1, 2, 2, 2], [-1, 0, -1, -1, -1, -1]])

    @pytest.mark.parametrize("which", ["series", "texts"])
    def test_attention(self, which):
        model, data = fitted("transformer", which)[0], world(which)
        opened = model.open(data.cases(), data.space, data.space.fills[0])
        n, (valid,) = len(opened.x), opened.extra
        z, weights = opened.attend(opened.x, *opened.extra)
        torch.testing.assert_close(z, opened.net(opened.x, *opened.extra), atol=0, rtol=0)
        t = opened.tokens.shape[1]
        assert [each.shape for each in weights] == [(n, 2, t, t)] * 2
        there = opened.pooled > 0
        for each in weights:
            torch.testing.assert_close(each.sum(dim=3), torch.ones(n, 2, t), atol=1e-6, rtol=0)
            assert not each.detach().numpy().transpose(0, 3, 1, 2)[~there].any()
            each.retain_grad()
        z[:, 1].sum().backward()
        assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in weights)
        np.testing.assert_allclose(opened.pooled.sum(axis=1), 1)
        assert "attention" in model.offers
        assert "attention" not in fitted("lstm", which)[0].offers
        assert fitted("lstm", which)[0].open(data.cases(), data.space, data.space.fills[0]).attend is None
        if which == "series":
            owners = {feature for row in opened.tokens.tolist() for token in row for feature in token if feature >= 0}
            assert owners == set(range(data.space.d))
            assert (there == (np.add.reduceat(valid.numpy(), np.arange(0, valid.shape[1], model.shape["patch"]), axis=1) > 0)).all()

    def test_the_last_convolution_is_inside(self):
        model, data = fitted("cnn", "grey")[0], world("grey")
        opened = model.open(data.cases(), data.space, "blur")
        assert opened.conv in list(opened.net.modules())
        assert opened.pixels


def test_a_convolutional_net_fits_any_size() -> None:
    for size in ((1, 2, 3), (3, 8, 8), (1, 28, 28), (3, 65, 40), (1, 224, 160)):
        net = _modules.Convolutional(size, (4, 4), 8, 0.0, 3).eval()
        assert net(torch.rand(2, *size)).shape == (2, 3)
        assert net.head[1].in_features <= 4 * 49


def test_sequences_are_turned_around_in_their_own_length() -> None:
    """Against torch's own packing of two sequences, and each of them alone."""
    with _nets.seeded(0):
        module = _modules._Directions(3, 4, both=True).eval()
        x = torch.randn(2, 6, 3)
    valid = torch.arange(6) < torch.tensor([[6], [4]])
    whole = torch.nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    state = dict(module.ahead.state_dict()) | {f"{key}_reverse": value for key, value in module.back.state_dict().items()}
    whole.load_state_dict(state)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor([6, 4]), batch_first=True)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(whole(packed)[0], batch_first=True)
    found = module(x, valid)
    torch.testing.assert_close(found[valid], expected[valid])


def test_our_attention_is_that_of_torch() -> None:
    with _nets.seeded(0):
        block = _modules._Block(8, 2, 0.0).eval()
        x = torch.randn(3, 5, 8)
    valid = torch.arange(5) < torch.tensor([[5], [2], [3]])
    own = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    own.load_state_dict(
        {
            "in_proj_weight": block.asked.weight,
            "in_proj_bias": block.asked.bias,
            "out_proj.weight": block.mixed.weight,
            "out_proj.bias": block.mixed.bias,
        }
    )
    normal = block.before(x)
    expected, weights = own(normal, normal, normal, key_padding_mask=~valid, average_attn_weights=False)
    found, given = block(x, valid)
    torch.testing.assert_close(given, weights)
    between = x + expected
    torch.testing.assert_close(found, between + block.narrow(block.relu(block.wide(block.between(between)))))


@pytest.fixture(scope="module", name="data")
def people() -> Data:
    frame = mixed(150)
    return data_of(frame, (outcome(frame) == "yes").astype(np.int64), ("no", "yes"))


@pytest.fixture(scope="module", name="net")
def embedding_net(data) -> tuple[TorchTable, bytes]:
    return KINDS["mlp"].fit("m", data, EMBEDDED, 0)


EMBEDDED = {"embed": 3, "hidden": [12], "epochs": 60, "learning_rate": 0.02}


class TestEmbeddedCategories:
    def test_it_learns_and_comes_back(self, net, data):
        model, content = net
        found = model.predict(data.test.inputs, "margin")
        assert (found.argmax(axis=1) == data.test.y).mean() > 0.75
        np.testing.assert_array_equal(read_net("m", content).predict(data.test.inputs, "margin"), found)
        assert read_net("m", content).to_bytes() == content
        assert KINDS["mlp"].fit("m", data, EMBEDDED, 0)[1] == content

    def test_each_category_is_its_vector(self, net, data):
        model, _ = net
        encoded, frame = model.encode(data.test.inputs), data.test.inputs
        assert model.owner.tolist() == [0, 1, 2, 3, 3, 3, 4, 4, 4]
        table = model.core.lookup.tables[0].weight.detach().double().numpy()
        for town, vector in zip(["Aix", "Bonn", "Cork"], table, strict=True):
            np.testing.assert_array_equal(encoded[frame.town == town, 3:6], np.tile(vector, ((frame.town == town).sum(), 1)))
        np.testing.assert_allclose(encoded[:, 0], frame.height, rtol=1e-6)
        np.testing.assert_array_equal(model.predict_encoded(encoded, "margin"), model.predict(frame, "margin"))

    def test_an_unknown_category_is_the_zero_vector(self, net, data):
        model, _ = net
        odd = data.test.inputs[:2].astype({"town": object})
        odd.loc[0, "town"], odd.loc[1, "town"] = "Delft", None
        assert not model.encode(odd)[:, 3:6].any()

    def test_drawn_anew_it_encodes_anew(self, net, data):
        model, _ = net
        rows = data.test.inputs[:5]
        for last, same in ((model.depth - 1, True), (model.depth, False)):
            drawn = model.redrawn(3, last)
            assert np.array_equal(drawn.encode(rows)[:, 3:], model.encode(rows)[:, 3:]) == same
            np.testing.assert_array_equal(drawn.predict_encoded(drawn.encode(rows), "margin"), drawn.predict(rows, "margin"))
        assert model.depth == 3

    def test_a_column_without_any_category(self, data):
        frame = data.train.inputs.astype({"town": object}).assign(town=None)
        odd = data_of(frame.astype({"town": "category"}), data.train.y, ("no", "yes"))
        model, content = KINDS["mlp"].fit("m", odd, {"embed": 2, "hidden": [4], "epochs": 3}, 0)
        assert model.encode(frame).shape == (150, 7)
        np.testing.assert_array_equal(read_net("m", content).predict(frame, "margin"), model.predict(frame, "margin"))

    def test_another_width_is_refused(self, net):
        content = net[1].replace(b'\\"embed\\": 3', b'\\"embed\\": 4')
        assert content != net[1]
        with pytest.raises(ModelError, match="its tensors are not those"):
            read_net("m", content)


class TestRealData:
    def test_digits(self):
        from sklearn.datasets import load_digits

        bunch = load_digits()
        test = np.random.default_rng(0).random(len(bunch.target)) < 0.3
        classes = tuple(map(str, range(10)))
        data = held((bunch.images / 16).astype(np.float32), bunch.target, ImageSpace, test, classes)
        model, _ = KINDS["cnn"].fit("m", data, {}, 0)
        assert (model.decide(data.test.inputs) == data.test.y).mean() > 0.95

    @pytest.mark.skipif(not (FOLDER / "mnist_small").is_dir(), reason="needs XAI_COMPARE_DATA")
    def test_mnist(self):
        with np.load(FOLDER / "mnist_small" / "mnist_small.npz") as found:
            x = np.concatenate([found["x_train"], found["x_test"]]).astype(np.float32) / 255
            y = np.concatenate([found["y_train"], found["y_test"]]).astype(np.int64)
        data = held(x, y, ImageSpace, np.arange(2500) >= 2000, tuple(map(str, range(10))))
        model, _ = KINDS["cnn"].fit("m", data, {}, 0)
        assert (model.decide(data.test.inputs) == data.test.y).mean() > 0.93

    @pytest.mark.skipif(not (FOLDER / "ucr_timeseries").is_dir(), reason="needs XAI_COMPARE_DATA")
    @pytest.mark.parametrize("name", ["GunPoint", "ItalyPowerDemand"])
    @pytest.mark.parametrize("kind", ["lstm", pytest.param("transformer", marks=pytest.mark.slow)])
    def test_series(self, kind, name):
        rows = [
            line.split(":")
            for part in ("TRAIN", "TEST")
            for line in (FOLDER / "ucr_timeseries" / f"{name}_{part}.ts").read_text().splitlines()
            if line and line[0] not in "#@"
        ]
        x = np.array([[float(each) for each in values.split(",")] for values, _ in rows])[:, None]
        y = np.array([label == "2" for _, label in rows]).astype(np.int64)
        data = held(x, y, SeriesSpace, np.arange(len(y)) >= {"GunPoint": 50, "ItalyPowerDemand": 67}[name], ("1", "2"))
        model, _ = KINDS[kind].fit("m", data, {}, 0)
        assert (model.decide(data.test.inputs) == data.test.y).mean() > 0.85

    @pytest.mark.slow
    @pytest.mark.skipif(not (FOLDER / "sms_spam").is_dir(), reason="needs XAI_COMPARE_DATA")
    @pytest.mark.parametrize("kind", ["lstm", "transformer"])
    def test_sms(self, kind):
        import pandas as pd

        frame = pd.read_csv(FOLDER / "sms_spam" / "SMSSpamCollection.tsv", sep="\t").drop_duplicates("text")
        texts, y = as_texts(frame.text), (frame.label == "spam").to_numpy(dtype=np.int64)
        test = np.random.default_rng(0).random(len(y)) < 0.3
        data = held(texts, y, lambda b: TextSpace(b, longest(texts)), test, ("ham", "spam"))
        model, _ = KINDS[kind].fit("m", data, {}, 0)
        assert (model.decide(data.test.inputs) == data.test.y).mean() > 0.97
