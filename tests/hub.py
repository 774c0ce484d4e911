"""Small transformers with random weights, made on the spot: a sequence classifier, its tokenizer, and the folder that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "##ness", "##ly", "the", "is", ",", ".", "!", "one", "a", "##b"]
ID = {token: i for i, token in enumerate(VOCABULARY)}
SIZE = {"vocab_size": len(VOCABULARY), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
LABELS = {"id2label": {0: "ham", 1: "spam"}, "label2id": {"ham": 0, "spam": 1}}


def tokenizer(**more: Any) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    inner = Tokenizer(models.WordPiece(ID, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer()
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **{**special, **more})


def bert(**more: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(**{**SIZE, **LABELS, "max_position_embeddings": 40, "initializer_range": 0.3, **more})
    return transformers.BertForSequenceClassification(config).eval()


def saved(folder: Path, model: Any = None, tokens: Any = None) -> Path:
    (model or bert()).save_pretrained(folder)
    (tokens or tokenizer()).save_pretrained(folder)
    return folder
