"""Texts as one vector each, by a frozen sentence encoder. Imports scikit-learn; torch and transformers when a text is embedded."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from xai_compare import lazy
from xai_compare.data.text import plain
from xai_compare.errors import ModelError
from xai_compare.models._features import _Fixed
from xai_compare.models._formats_hub import check_folder, hashed, quiet
from xai_compare.models.transformers import filled, runs
from xai_compare.types import Array

__all__ = ["Embedding", "Encoder", "folder_of", "opened"]

_LIMIT = 2**31  # bytes of a file of the encoder
_KEPT = 50_000  # vectors that are remembered: the same masked text is asked again by every method


class Embedding(_Fixed):
    """The vector of each text by a sentence encoder, whose weights stay as they are: the mean, or the first, of its tokens' last vectors.

    encoder : a folder of a transformers model with its weights as safetensors (from the working folder, or with `${NAME}` for an
    environment variable), or the name of an installed package that carries one. Its sha256 is stored with the model, not the encoder.
    """

    def __init__(self, encoder: str = "") -> None:
        self.encoder = encoder

    def fit(self, X: Any, y: Any = None) -> Embedding:
        self.sha256_ = opened(self.encoder).sha256
        return self

    def transform(self, X: Any) -> Array:
        """(n, e) vectors. Cost: one pass of the encoder for each text that was not asked before.

        Raises
        ------
        ModelError
            If the encoder is not the one that the model was trained with.
        """
        encoder = opened(self.encoder)
        if encoder.sha256 != self.sha256_:
            raise ModelError(
                f"encoder '{self.encoder}' is not the one that the model was trained with: "
                f"its sha256 is {encoder.sha256}, not {self.sha256_}"
            )
        return encoder.vectors([str(text) for text in X])


@lru_cache(4)
def opened(encoder: str) -> Encoder:
    """The encoder of this name, loaded once in a process."""
    return Encoder(folder_of(encoder))


def folder_of(encoder: str) -> Path:
    """Where an encoder lies: the folder of that name, or the one that an installed package of that name carries.

    Raises
    ------
    ModelError
        If there is none.
    """
    if not encoder:
        raise ModelError("features: embedding needs an encoder: features: {name: embedding, encoder: a folder, or an installed package}")
    folder = Path(os.path.expandvars(encoder))
    if folder.is_dir():
        return folder
    module = encoder.replace("-", "_")
    package = find_spec(module) if module.isidentifier() else None  # nothing of it is run
    for place in (package.submodule_search_locations or ()) if package else ():
        inside = sorted(path.parent for path in Path(place).rglob("config.json") if any(path.parent.glob("model*.safetensors")))
        if inside:
            return inside[0]
    raise ModelError(f"encoder '{folder.name}' is neither a folder nor an installed package with a transformers model in it")


class Encoder:
    """A sentence encoder from a folder: read without a network and without code of its own.

    sha256 : of its files. What follows the transformer is read where sentence-transformers has written it: pooling by the mean or the
    first token, length 1 or not, the most tokens. Otherwise: mean, length 1, and at most 512 tokens.
    """

    def __init__(self, folder: Path) -> None:
        check_folder(folder)
        self.sha256, _ = hashed(folder, _LIMIT)
        transformers = lazy.load("transformers")
        alone = {"local_files_only": True, "trust_remote_code": False}
        with quiet(transformers):
            core, told = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, output_loading_info=True, **alone)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **alone)
        if lacking := sorted(each for each in told["missing_keys"] if "pooler" not in each):
            raise ModelError(f"encoder '{folder.name}' lacks weights: {', '.join(lacking[:3])}")
        if self._tokenizer.pad_token_id is None:
            raise ModelError(f"encoder '{folder.name}': its tokenizer has no padding token")
        self._net = _pooling(folder, core.float().eval())
        self.limit = _most(folder, core.config, self._tokenizer)
        self._known: OrderedDict[str, Array] = OrderedDict()

    def vectors(self, texts: list[str]) -> Array:
        """(n, e) float64 vectors of n texts; hidden words are mask tokens where the tokenizer has one, and left out where not."""
        from xai_compare.models._nets import answers, device

        told = [plain(text, self._tokenizer.mask_token or "") for text in texts]
        fresh = [text for text in dict.fromkeys(told) if text not in self._known]
        found = {text: self._known[text] for text in told if text in self._known}
        if fresh:
            how = {"truncation": True, "max_length": self.limit, "return_attention_mask": False, "return_token_type_ids": False}
            ids = [list(each) or [self._tokenizer.pad_token_id] for each in self._tokenizer(fresh, **how)["input_ids"]]
            net = self._net.to(device())
            for rows, size, batch in runs(ids, self.limit):
                made = answers(net, filled([ids[row] for row in rows], size, self._tokenizer), batch)
                found.update((fresh[row], vector.astype(np.float32)) for row, vector in zip(rows.tolist(), made, strict=True))
        self._known.update(found)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return np.array([found[text] for text in told], dtype=np.float64) if told else np.empty((0, self._net.core.config.hidden_size))


def _pooling(folder: Path, core: Any) -> Any:
    from xai_compare.models._sequences import Pooled

    modules = _described(folder / "modules.json", [])
    pooling = _described(folder / "1_Pooling" / "config.json", {})
    asked = [key.removeprefix("pooling_mode_") for key, value in pooling.items() if key.startswith("pooling_mode_") and value is True]
    if len(asked) > 1 or set(asked) - {"mean_tokens", "cls_token"}:
        raise ModelError(f"encoder '{folder.name}' pools its tokens by {', '.join(asked)}: mean_tokens or cls_token is needed")
    kinds = [str(each.get("type", "")).rpartition(".")[2] for each in modules if isinstance(each, dict)]
    if other := [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]:
        raise ModelError(f"encoder '{folder.name}' has a layer {other[0]}, which is not known here: Transformer, Pooling and Normalize are")
    return Pooled(core, first=asked == ["cls_token"], unit=not kinds or "Normalize" in kinds)


def _most(folder: Path, config: Any, tokenizer: Any) -> int:
    from xai_compare.models._sequences import limit

    said = _described(folder / "sentence_bert_config.json", {}).get("max_seq_length")
    return min(limit(config, tokenizer), said) if isinstance(said, int) and said > 2 else limit(config, tokenizer)


def _described(path: Path, otherwise: Any) -> Any:
    if not path.is_file():
        return otherwise
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"encoder: {path.name} is no JSON: {error}") from error
    return found if isinstance(found, type(otherwise)) else otherwise
