"""Sequence classifiers of transformers, made here with random weights: what they say, how they are opened, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch
import transformers
from captum.attr import IntegratedGradients, LayerIntegratedGradients
from safetensors.torch import load_file, save_file

from tests.hub import ID, LABELS, SIZE, bert, saved, tokenizer
from xai_compare.data.text import GONE, MASK, TextSpace, as_texts
from xai_compare.errors import ModelError
from xai_compare.models.adapt import adapt
from xai_compare.models.load import load_model, pin_of
from xai_compare.models.opened import folded

TEXTS = as_texts(["Goodness, the bad one!", "the good", "bad", "the is " * 30, "badly abb", "zzz"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def model(folder):
    return adapt("net", load_model(folder).model, TEXTS, ("ham", "spam"))


@pytest.fixture
def copied(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def space(d: int = 8) -> TextSpace:
    return TextSpace(TEXTS, d)


def asked(net, text: str, tokens=None) -> np.ndarray:
    """The library's own logits of one text, unpadded."""
    given = (tokens or tokenizer())(text, return_tensors="pt", truncation=True, max_length=40)
    with torch.inference_mode():
        return net(**given).logits[0].double().numpy()


# ---- what it says


def test_outputs_are_the_librarys_own(model) -> None:
    logits = np.array([asked(bert(), text) for text in TEXTS])
    np.testing.assert_allclose(model.predict(TEXTS, "margin")[:, 1], logits[:, 1] - logits[:, 0], atol=2e-5)
    np.testing.assert_allclose(model.predict(TEXTS, "probability"), torch.softmax(torch.from_numpy(logits), 1).numpy(), atol=1e-5)
    assert model.decide(TEXTS).tolist() == logits.argmax(axis=1).tolist()
    assert np.ptp(logits) > 0.5


def test_a_text_has_the_same_bits_whatever_is_asked_beside_it(model) -> None:
    many = np.tile(TEXTS, 40)
    together = model.predict(many, "margin")
    for row in range(len(TEXTS)):
        assert (together[row :: len(TEXTS)] == model.predict(TEXTS[[row]], "margin")).all()
    assert model.predict(TEXTS[:0], "margin").shape == (0, 2)


def test_hidden_words_are_mask_tokens_or_gone(model) -> None:
    texts = np.array([f"the {MASK} one", f"the {GONE} one", f"{GONE}", ""], dtype=object)
    said = ["the [MASK] one", "the one", "", ""]
    np.testing.assert_array_equal(model.predict(texts, "margin"), model.predict(np.array(said, dtype=object), "margin"))
    assert model._encoded(texts)[0] == [ID[token] for token in ("[CLS]", "the", "[MASK]", "one", "[SEP]")]
    assert model.about["hidden_words"] == "its mask token"


@pytest.mark.parametrize(
    ("lacks", "said", "told"), [(["mask_token"], "[UNK]", "unknown words"), (["mask_token", "unk_token"], "", "nothing")]
)
def test_without_a_mask_token_another_stands_in(lacks, said, told) -> None:
    one = adapt("net", (bert(), tokenizer(**dict.fromkeys(lacks))), TEXTS, ("ham", "spam"))
    assert one.mask == said
    assert told in one.about["hidden_words"]
    same = one.predict(np.array([f"the {MASK} one", f"the {said} one"], dtype=object), "margin")
    np.testing.assert_array_equal(same[0], same[1])


def test_what_is_not_read_of_long_texts_is_told(model) -> None:
    assert model.about["tokens_read"] == 40
    assert model.about["texts_cut"] == "1 of 6 of the background"
    opened = model.open(TEXTS[[3]], space(60), "mask")
    assert opened.tokens.shape == (1, 40)
    assert opened.tokens.max() == 37  # 40 tokens without the two special ones


KINDS = {
    "distilbert": lambda: transformers.DistilBertForSequenceClassification(
        transformers.DistilBertConfig(vocab_size=17, dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=40, **LABELS)
    ),
    "roberta": lambda: transformers.RobertaForSequenceClassification(
        transformers.RobertaConfig(**SIZE, **LABELS, max_position_embeddings=41, pad_token_id=0, type_vocab_size=2, initializer_range=0.3)
    ),
    "electra": lambda: transformers.ElectraForSequenceClassification(
        transformers.ElectraConfig(**SIZE, **LABELS, embedding_size=16, max_position_embeddings=40, initializer_range=0.3)
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_architectures(kind) -> None:
    torch.manual_seed(0)
    net = KINDS[kind]().eval()
    more = {"model_input_names": ["input_ids", "attention_mask"]} if kind == "distilbert" else {}
    one = adapt("net", (net, tokenizer(**more)), TEXTS, ("ham", "spam"))
    logits = np.array([asked(net, text, tokenizer(**more)) for text in TEXTS])
    np.testing.assert_allclose(one.predict(TEXTS, "margin")[:, 1], logits[:, 1] - logits[:, 0], atol=2e-5)
    assert {"gradient", "attention", "margin", "probability"} == one.offers
    opened = one.open(TEXTS, space(), "mask")
    with torch.inference_mode():
        np.testing.assert_allclose(opened.net(opened.x, *opened.extra).numpy(), logits, atol=2e-5)
    np.testing.assert_allclose(opened.pooled[:, 0], 1)  # each of them reads its first token


# ---- opened


def test_words_own_their_tokens_by_hand(model) -> None:
    """good ##ness , the bad one ! of the words Goodness | , | the | bad | one | !"""
    opened = model.open(TEXTS, space(), "mask")
    assert opened.tokens[0, :9].tolist() == [-1, 0, 0, 1, 2, 3, 4, 5, -1]
    assert opened.tokens[4, :8].tolist() == [-1, 0, 0, 1, 1, 1, -1, -1]  # bad ##ly | a ##b ##b, then padding
    assert opened.tokens[3, :12].tolist() == [-1, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7]  # the last feature has all the rest
    assert (opened.owner[:, :, 0] == opened.tokens).all()
    gone = model.open(np.array([f"the {GONE} bad {MASK} one"], dtype=object), space(), "mask")
    assert gone.tokens.tolist() == [[-1, 0, 2, -1, 4, -1]]


def test_what_is_opened_says_what_the_model_says(model) -> None:
    opened = model.open(TEXTS, space(), "mask")
    with torch.inference_mode():
        logits = opened.net(opened.x, *opened.extra).double().numpy()
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], model.predict(TEXTS, "margin")[:, 1], atol=2e-5)


@pytest.mark.parametrize("fill", ["mask", "drop"])
def test_nothing_shown_leaves_special_tokens_and_padding(model, fill) -> None:
    opened = model.open(TEXTS, space(), fill)
    nobody = opened.tokens < 0
    x, x0 = opened.x.numpy(), opened.x0[0].numpy()
    np.testing.assert_array_equal(x0[nobody], x[nobody])
    table = bert().get_input_embeddings().weight.detach().numpy()
    instead = table[ID["[MASK]"]] if fill == "mask" else np.zeros(32)
    np.testing.assert_array_equal(x0[~nobody], np.tile(instead, (int((~nobody).sum()), 1)))
    assert ("mask token" if fill == "mask" else "zero vector") in opened.baseline
    if fill == "mask":
        ids = torch.tensor([[2, 4, 4, 3]])
        with torch.inference_mode():
            wanted = bert()(input_ids=ids).logits
            found = opened.net(opened.x0[0], *opened.extra)
        np.testing.assert_allclose(found[1], wanted[0], atol=2e-5)  # "the good"


def test_integrated_gradients_of_words_are_those_of_captum_on_the_layer(model) -> None:
    """Sub-words are summed to words by hand."""
    opened = model.open(TEXTS[:1], space(), "mask")
    ours = IntegratedGradients(opened.net).attribute(opened.x, opened.x0[0], target=1, additional_forward_args=opened.extra, n_steps=40)
    ours = folded(ours.detach().double().numpy(), opened.owner, 8)[0]
    net = bert()
    given = tokenizer()(TEXTS[0], return_tensors="pt")
    baseline = torch.where(given["input_ids"] > 3, ID["[MASK]"], given["input_ids"])
    layered = LayerIntegratedGradients(
        lambda ids, mask: net(input_ids=ids, attention_mask=mask).logits, net.bert.embeddings.word_embeddings
    )
    theirs = layered.attribute(given["input_ids"], baseline, target=1, additional_forward_args=given["attention_mask"], n_steps=40)
    tokens = theirs.detach().double().sum(dim=2)[0].numpy()
    np.testing.assert_allclose(ours, [tokens[1] + tokens[2], *tokens[3:8], 0, 0], atol=1e-5)
    assert np.abs(ours).max() > 0.05


def test_attention_is_the_librarys_and_its_rows_are_shares(model) -> None:
    opened = model.open(TEXTS, space(), "mask")
    logits, maps = opened.attend(opened.x, *opened.extra)
    with torch.inference_mode():
        np.testing.assert_allclose(logits.detach(), opened.net(opened.x, *opened.extra), atol=1e-6)
    assert [tuple(each.shape) for each in maps] == [(6, 4, 40, 40)] * 2
    for each in maps:
        np.testing.assert_allclose(each.detach().sum(dim=3), 1, atol=1e-5)
        assert each.requires_grad
    net = bert()
    net.set_attn_implementation("eager")
    own = net(**tokenizer()(TEXTS[0], return_tensors="pt"), output_attentions=True).attentions
    np.testing.assert_allclose(maps[1].detach()[0, :, :9, :9], own[1].detach()[0], atol=1e-5)
    np.testing.assert_allclose(opened.pooled, np.eye(40)[[0] * 6], atol=1e-12)


# ---- randomisation, copies


def test_parameters_are_drawn_anew_from_the_end(model) -> None:
    names = ["bert.embeddings", "encoder.layer.0", "encoder.layer.1", "bert.pooler", "classifier"]
    assert model.depth == 5
    before = {name: value.clone() for name, value in model.core.state_dict().items()}
    for last in range(6):
        drawn = model.redrawn(3, last)
        changed = {name for name, value in drawn.core.state_dict().items() if not torch.equal(value, before[name])}
        touched = [name for name in names if any(name in each for each in changed)]
        assert touched == names[5 - last :]
    assert all(torch.equal(value, before[name]) for name, value in model.core.state_dict().items())
    assert (model.redrawn(3).predict(TEXTS, "margin") == model.redrawn(3).predict(TEXTS, "margin")).all()
    assert (model.redrawn(3).predict(TEXTS, "margin") != model.redrawn(4).predict(TEXTS, "margin")).any()
    norms = [each for each in model.redrawn(3).core.modules() if isinstance(each, torch.nn.LayerNorm)]
    assert all((each.weight == 1).all() and (each.bias == 0).all() for each in norms)


def test_a_pickled_copy_says_the_same(model) -> None:
    again = cloudpickle.loads(cloudpickle.dumps(model))
    np.testing.assert_array_equal(again.predict(TEXTS, "margin"), model.predict(TEXTS, "margin"))
    opened = again.open(TEXTS, space(), "mask")
    assert len(opened.attend(opened.x, *opened.extra)[1]) == 2


def test_the_attention_of_a_redrawn_copy_is_its_own(model) -> None:
    opened, drawn = (each.open(TEXTS, space(), "mask") for each in (model, model.redrawn(0)))
    before, after = (each.attend(each.x, *each.extra)[1] for each in (opened, drawn))
    assert len(before) == len(after) == 2
    assert float((before[0] - after[0]).detach().abs().max()) > 0.05
    assert torch.equal(opened.attend(opened.x, *opened.extra)[1][0], before[0])


def test_a_pair_in_python_is_copied_and_says_what_its_folder_says(model) -> None:
    net = bert()
    pair = adapt("pair", (net, tokenizer()), TEXTS, ("ham", "spam"))
    np.testing.assert_array_equal(pair.predict(TEXTS, "margin"), model.predict(TEXTS, "margin"))
    assert pair.core is not net
    assert net.config._attn_implementation != "eager"
    assert model.size == {"parameters": sum(each.numel() for each in net.parameters())}


# ---- classes


@pytest.mark.parametrize(
    ("labels", "classes", "outputs", "numbered"),
    [
        (["ham", "spam"], ("ham", "spam"), ("ham", "spam"), False),
        (["spam", "ham"], ("ham", "spam"), ("spam", "ham"), False),  # its own order: the study puts it right
        (["SPAM", "Ham"], ("ham", "spam"), ("spam", "ham"), False),
        (["LABEL_0", "LABEL_1"], ("ham", "spam"), ("ham", "spam"), True),
        (["0", "1"], ("x", "y"), ("x", "y"), True),
    ],
)
def test_names_of_classes(labels, classes, outputs, numbered) -> None:
    net = bert(id2label=dict(enumerate(labels)), label2id={name: i for i, name in enumerate(labels)})
    one = adapt("net", (net, tokenizer()), TEXTS, classes)
    assert (one.outputs, one.numbered, "note" in one.about) == (outputs, numbered, numbered)


def test_classes_that_are_not_the_models_are_refused() -> None:
    with pytest.raises(ModelError, match="knows the classes ham, spam, and the others are no, yes"):
        adapt("net", (bert(), tokenizer()), TEXTS, ("no", "yes"))
    with pytest.raises(ModelError, match=r"knows 2 classes .* the others are 3"):
        adapt("net", (bert(), tokenizer()), TEXTS, ("a", "b", "c"))
    with pytest.raises(ModelError, match="takes texts, the data hold float64 of shape"):
        adapt("net", (bert(), tokenizer()), np.zeros((2, 3)), ())


def test_one_output_is_a_number() -> None:
    one = adapt("net", (bert(num_labels=1, id2label={0: "LABEL_0"}, label2id={"LABEL_0": 0}), tokenizer()), TEXTS)
    assert (one.task, one.native, one.outputs) == ("regression", "value", ("value",))
    assert one.offers == {"value", "gradient", "attention"}
    assert one.predict(TEXTS, "value").shape == (6, 1)


# ---- folders


def test_a_folder_is_hashed_whole(folder, copied) -> None:
    one = load_model(folder)
    assert one.about | {"file": ""} == load_model(copied).about | {"file": ""}
    assert (one.format, one.unsafe, one.file) == ("huggingface", False, folder.name)
    assert one.size == sum(path.stat().st_size for path in folder.iterdir())
    load_model(folder, known=one.sha256)
    (copied / "note.txt").write_text("another")
    with pytest.raises(ModelError, match="was changed during the run"):
        load_model(copied, known=one.sha256)
    with pytest.raises(ModelError, match="leave allow_unsafe out"):
        load_model(copied, allow_unsafe="sha256:" + "0" * 64)
    assert pin_of(copied) == ""
    with pytest.raises(ModelError, match="at most 1,000 are read"):
        load_model(folder, limit=1000)


def edit(file: Path, **changes) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def without_head(folder: Path) -> None:
    weights = {name: value for name, value in load_file(folder / "model.safetensors").items() if "classifier" not in name}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


SPOILT = {
    "a folder without config.json": lambda each: (each / "config.json").unlink(),
    "config.json is no JSON": lambda each: (each / "config.json").write_text("{"),
    "config.json holds no mapping": lambda each: (each / "config.json").write_text("[]"),
    "pytorch_model.bin, a format that can run any code: refused": lambda each: (each / "model.safetensors").rename(
        each / "pytorch_model.bin"
    ),
    "holds no model.safetensors": lambda each: (each / "model.safetensors").unlink(),
    "config.json has auto_map": lambda each: edit(each / "config.json", auto_map={"AutoModel": "evil.Evil"}),
    "tokenizer_config.json has auto_map": lambda each: edit(each / "tokenizer_config.json", auto_map={"AutoTokenizer": "evil.Evil"}),
    "holds an adapter": lambda each: (each / "adapter_config.json").write_text("{}"),
    "quantised weights": lambda each: edit(each / "config.json", quantization_config={"bits": 4}),
    "holds no tokenizer.json": lambda each: (each / "tokenizer.json").unlink(),
    "it holds BertModel: a sequence classifier is needed": lambda each: edit(each / "config.json", architectures=["BertModel"]),
    "it lacks weights, which would be drawn at random: classifier": without_head,
    "several labels at once": lambda each: edit(each / "config.json", problem_type="multi_label_classification"),
    "cannot be loaded|cannot be used": lambda each: (each / "model.safetensors").write_bytes(b"\x00" * 100),
    "that cannot be": lambda each: edit(each / "config.json", model_type="unheard-of"),
    "lacks weights|cannot be": lambda each: edit(each / "config.json", hidden_size=64),
}


@pytest.mark.parametrize("said", SPOILT)
def test_folders_that_are_refused(copied, said) -> None:
    SPOILT[said](copied)
    with pytest.raises(ModelError, match=said):
        load_model(copied)


def test_pairs_that_are_refused() -> None:
    with pytest.raises(ModelError, match="BertModel is no sequence classifier"):
        adapt("net", (transformers.BertModel(bert().config), tokenizer()), TEXTS)
    with pytest.raises(ModelError, match="no padding token"):
        adapt("net", (bert(), tokenizer(pad_token=None)), TEXTS)


def test_a_net_that_says_something_else_in_eager_mode_is_refused(monkeypatch) -> None:
    from xai_compare.models import _sequences

    other = bert(initializer_range=0.31)
    with pytest.raises(ModelError, match="says something else in eager mode: logits differ by"):
        _sequences.checked("net", _sequences.eager(bert()), other, tokenizer())
