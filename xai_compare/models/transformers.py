"""Sequence classifiers of Hugging Face's transformers on texts: from a folder, or a model with its tokenizer in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xai_compare.data.text import plain, spoken
from xai_compare.errors import ModelError
from xai_compare.models._neural import Neural
from xai_compare.models.opened import Opened
from xai_compare.types import Array, FeatureSpace, Inputs, IntArray, Model, Output, Task

__all__ = ["SequenceClassifier", "adapt_pair", "filled", "is_pair", "runs"]

_SIZES = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Tokens of a batch: a text gets the same numbers whatever is asked beside it, so the padding must not depend on that."""

_TOKENS = 512  # of one batch, about: larger ones are slower on a processor, and are filled up to their size


@dataclass(eq=False)
class SequenceClassifier(Neural):
    """A fitted transformer with its tokenizer. See `xai_compare.types.Model` for its face.

    core : the library's model, in eager mode. tokenizer : a fast one, which knows where each token stands in the text.
    limit : the most tokens of a text that are read. gradient, attention : whether the net can be opened at its embedded tokens, and
    whether its attention can be read. numbered : whether its outputs have their names by position.
    """

    name: str
    core: Any
    tokenizer: Any
    task: Task
    outputs: tuple[str, ...]
    limit: int
    gradient: bool = True
    attention: bool = True
    numbered: bool = False
    closed: str = "its inputs are no columns of a table"
    weights: tuple[Array, Array] | None = None
    owner: IntArray | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = type(self.core).__name__
        said = (
            "its mask token"
            if self.tokenizer.mask_token
            else "its token of unknown words"
            if self.mask
            else "nothing, it has no token for it"
        )
        self.about = {"class": kind, "core": kind, "library": "transformers", "hidden_words": said, "tokens_read": self.limit}

    def __getstate__(self) -> dict[str, Any]:
        from xai_compare.models._sequences import packed

        return {**self.__dict__, "core": packed(self.core)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from xai_compare.models._sequences import unpacked

        self.__dict__.update(state)
        self.core = unpacked(*state["core"])

    def bound(self, name: str, sample: Any, classes: Sequence[str] = ()) -> Model:
        """The same classifier under a study's name, held against its texts (sample: a few of them) and the names of its classes.

        Raises
        ------
        ModelError
            For inputs that are no texts, and for classes that cannot be the model's.
        """
        if not isinstance(sample, np.ndarray) or sample.dtype != object or not all(isinstance(text, str) for text in sample):
            found = f"{sample.dtype} of shape {sample.shape[1:]}" if isinstance(sample, np.ndarray) else f"a {type(sample).__name__}"
            raise ModelError(f"model '{name}' takes texts, the data hold {found}")
        model = replace(self, name=name, **self._named(name, classes))
        cut = sum(len(ids) > self.limit for ids in self._encoded(sample, cut=False))
        note = {"note": "it numbers its classes; its outputs are read as " + ", ".join(model.outputs) + ", in this order"}
        model.about = {**model.about, **(note if model.numbered else {}), "texts_cut": f"{cut} of {len(sample)} of the background"}
        return model

    def _named(self, name: str, classes: Sequence[str]) -> dict[str, Any]:
        if not classes or self.task == "regression" or sorted(self.outputs) == sorted(classes):
            return {}
        own = ", ".join(self.outputs)
        if len(classes) != len(self.outputs):
            raise ModelError(
                f"model '{name}' knows {len(self.outputs)} classes ({own}), the others are {len(classes)}: {', '.join(classes)}"
            )
        plainly = {each.casefold(): each for each in classes}
        if sorted(plainly) == sorted(each.casefold() for each in self.outputs):
            return {"outputs": tuple(plainly[each.casefold()] for each in self.outputs)}
        if any(each not in (f"LABEL_{i}", str(i)) for i, each in enumerate(self.outputs)):
            raise ModelError(f"model '{name}' knows the classes {own}, and the others are {', '.join(classes)}")
        return {"outputs": tuple(classes), "numbered": True}

    @property
    def offers(self) -> frozenset[str]:
        inside = {name for name, there in (("gradient", self.gradient), ("attention", self.attention and self.gradient)) if there}
        return frozenset(inside | ({"value"} if self.task == "regression" else {"margin", "probability"}))

    @property
    def mask(self) -> str:
        """What a hidden word is said as: the mask token, else that of unknown words, else nothing."""
        return self.tokenizer.mask_token or self.tokenizer.unk_token or ""

    def predict(self, inputs: Inputs, output: Output) -> Array:
        from xai_compare.models._nets import InSpace, answers
        from xai_compare.models._sequences import ById

        asked = InSpace(ById(self._placed()), output).eval()
        out = np.empty((len(inputs), len(self.outputs)))
        for rows, arrays, batch in self._runs(inputs):
            out[rows] = answers(asked, arrays, batch)
        return out

    def _encoded(self, inputs: Inputs, cut: bool = True) -> list[list[int]]:
        """The token ids of each text, special tokens among them; a padding token where there are none at all."""
        told = [plain(text, self.mask) for text in inputs]
        how = {"truncation": True, "max_length": self.limit} if cut else {"truncation": False, "verbose": False}
        found = self.tokenizer(told, return_attention_mask=False, return_token_type_ids=False, **how)["input_ids"] if told else []
        return [list(ids) or [self.tokenizer.pad_token_id] for ids in found]

    def _runs(self, inputs: Inputs) -> Iterator[tuple[IntArray, tuple[Any, ...], int]]:
        """(rows, their arrays, texts of one forward)."""
        ids = self._encoded(inputs)
        for rows, size, batch in runs(ids, self.limit):
            yield rows, self._filled([ids[row] for row in rows], size), batch

    def _filled(self, ids: Sequence[Sequence[int]], size: int) -> tuple[Any, ...]:
        return filled(ids, size, self.tokenizer)

    def open(self, inputs: Inputs, space: FeatureSpace, fill: str) -> Opened:
        """The texts as embedded tokens; with nothing shown, a token of a word is the mask token ("mask") or the zero vector ("drop")."""
        import torch

        from xai_compare.models import _sequences as inside

        space.width(fill)  # which knows the fills
        core = self._placed()
        ids, owners = zip(*(self._owned(text, space.d) for text in inputs), strict=True)
        arrays = self._filled(ids, max(map(len, ids)))
        tokens = np.full(arrays[0].shape, -1, dtype=np.int64)
        for row, each in enumerate(owners):
            tokens[row, : len(each)] = each
        held, *extra = (torch.from_numpy(each).to(core.device) for each in arrays)
        with torch.inference_mode():
            x = core.get_input_embeddings()(held).cpu().numpy()
            mask = core.get_input_embeddings()(torch.tensor([[self._mask_id]], device=core.device)).cpu().numpy()
        hidden = mask if fill == "mask" else np.float32(0)
        x0 = np.where(tokens[:, :, None] >= 0, hidden, x)
        first, nothing = (torch.from_numpy(each).to(core.device) for each in (x, x0[None]))
        said = "its mask token" if self.tokenizer.mask_token else "its token of unknown words" if self.mask else "its padding token"
        baseline = (
            f"{said} in the place of every token of a word" if fill == "mask" else "the zero vector in the place of every token of a word"
        )
        opened = Opened(inside.ByVector(core), first, nothing, tuple(extra), tokens[:, :, None], baseline, tokens)
        if not self.attention:
            return opened
        return replace(opened, pooled=inside.pooled(core, first, tuple(extra)), attend=inside.Attending(core))

    @property
    def _mask_id(self) -> int:
        found = (self.tokenizer.mask_token_id, self.tokenizer.unk_token_id, self.tokenizer.pad_token_id)
        return int(next(each for each in found if each is not None))

    def _owned(self, text: str, d: int) -> tuple[list[int], list[int]]:
        """The token ids of a text, and the feature of each: of the word that it stands in, -1 for special tokens and hidden words."""
        told, words = spoken(text, self.mask)
        found = self.tokenizer(told, truncation=True, max_length=self.limit, return_offsets_mapping=True, return_special_tokens_mask=True)
        of_sign = np.full(len(told) + 1, -1, dtype=np.int64)
        for slot, start, end in words:
            of_sign[start:end] = min(slot, d - 1)
        owners = []
        for (start, end), special in zip(found["offset_mapping"], found["special_tokens_mask"], strict=True):
            inside = of_sign[start:end][of_sign[start:end] >= 0]  # a token may begin with the blank before its word
            owners.append(-1 if special or not len(inside) else int(inside[0]))
        return list(found["input_ids"]) or [self.tokenizer.pad_token_id], owners or [-1]

    def _placed(self) -> Any:
        from xai_compare.models._nets import device

        return self.core.to(device()).eval()

    @property
    def depth(self) -> int:
        """How many layers with parameters the net has; a block of the transformer counts as one."""
        from xai_compare.models._sequences import stages

        return len(stages(self.core))

    def redrawn(self, seed: int, layers: int | None = None) -> SequenceClassifier:
        """The same net with the parameters of its last layers drawn anew, or of all of them."""
        from xai_compare.models._sequences import redrawn

        drawn = replace(self, core=redrawn(self.core.cpu(), seed, layers))
        drawn.about = self.about
        return drawn


def runs(ids: Sequence[Sequence[int]], limit: int) -> Iterator[tuple[IntArray, int, int]]:
    """(rows, tokens, texts of one forward): texts of about one length together, so that what is asked beside a text has no part in its
    numbers."""
    sizes = np.array([min(limit, next((size for size in _SIZES if size >= len(each)), limit)) for each in ids], dtype=np.int64)
    for size in np.unique(sizes).tolist():
        yield np.flatnonzero(sizes == size), size, max(16, _TOKENS // size // 16 * 16)  # of other sizes a text's bits depend on its place


def filled(ids: Sequence[Sequence[int]], size: int, tokenizer: Any) -> tuple[Any, ...]:
    """(ids, mask of what is no padding, and segments where the model has them), each (n, size)."""
    held = np.full((len(ids), size), tokenizer.pad_token_id, dtype=np.int64)
    for row, each in enumerate(ids):
        held[row, : len(each)] = each
    there = (np.arange(size) < np.array([len(each) for each in ids])[:, None]).astype(np.int64)
    return (held, there, np.zeros_like(held)) if "token_type_ids" in tokenizer.model_input_names else (held, there)


def is_pair(model: Any) -> bool:
    """Whether something is a transformers model with its tokenizer."""
    return (
        isinstance(model, tuple)
        and len(model) == 2
        and hasattr(model[0], "get_input_embeddings")
        and hasattr(model[1], "model_input_names")
    )


def adapt_pair(name: str, pair: tuple[Any, Any], sample: Any, classes: Sequence[str] = ()) -> Model:
    """A transformers model and its tokenizer, as a study in Python takes them. The model is copied, into eager mode.

    Raises
    ------
    ModelError
        For a model that is no sequence classifier, and a tokenizer that does not know where its tokens stand.
    """
    from xai_compare.models._sequences import checked, eager

    return checked(name, eager(pair[0]), pair[0], pair[1]).bound(name, sample, classes)
