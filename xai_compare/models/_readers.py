"""How images, series and texts become the arrays that our own nets take. NumPy only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from xai_compare.data.text import GONE, MASK, split
from xai_compare.errors import ModelError
from xai_compare.types import Array, BoolArray, Inputs, IntArray, Modality

__all__ = ["Images", "Reader", "Series", "Texts"]

Arrays: TypeAlias = tuple[npt.NDArray[Any], ...]
Run: TypeAlias = tuple[IntArray, Arrays, int]
"""(rows, their arrays, cases of one forward): the size of a batch depends on the shape of a case, and on nothing else."""

_SPECIAL = ("", "?", MASK, "^")  # padding, an unknown word, a hidden word, the start of the text
_PAD, _UNKNOWN, _MASK, _START = range(4)
_DIGIT = re.compile(r"\d")


def _batch(numbers: int) -> int:
    """Cases of one forward, from the numbers that one case holds in the net's first layer, about."""
    return max(16, min(256, 2**18 // max(numbers, 1)) // 16 * 16)


def _whole(n: int) -> IntArray:
    return np.arange(n, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Images:
    """Images (n, H, W) or (n, H, W, 3) as (n, C, H, W)."""

    modality: ClassVar[Modality] = "image"

    channels: int
    height: int
    width: int

    def check(self, name: str, sample: Inputs) -> None:
        wanted = (self.height, self.width) if self.channels == 1 else (self.height, self.width, self.channels)
        if not isinstance(sample, np.ndarray) or sample.shape[1:] != wanted:
            raise ModelError(f"model '{name}' takes images of shape {wanted}, the data hold {_said(sample)}")

    def arrays(self, inputs: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32]]:
        x = inputs[:, None] if inputs.ndim == 3 else np.moveaxis(inputs, 3, 1)
        return (np.ascontiguousarray(x, dtype=np.float32),)

    def runs(self, inputs: npt.NDArray[np.float32]) -> Iterator[Run]:
        yield _whole(len(inputs)), self.arrays(inputs), _batch(self.height * self.width)


@dataclass(frozen=True, slots=True)
class Series:
    """Series (n, C, L) with zeros after their end, and (n, L) where they have points."""

    modality: ClassVar[Modality] = "series"

    channels: int
    length: int

    def check(self, name: str, sample: Inputs) -> None:
        if not isinstance(sample, np.ndarray) or sample.shape[1:] != (self.channels, self.length):
            raise ModelError(f"model '{name}' takes series of shape {(self.channels, self.length)}, the data hold {_said(sample)}")

    def arrays(self, inputs: Array) -> tuple[npt.NDArray[np.float32], BoolArray]:
        valid = np.asarray(~np.isnan(inputs).any(axis=1))
        return np.where(valid[:, None, :], inputs, 0).astype(np.float32), valid

    def runs(self, inputs: Array) -> Iterator[Run]:
        yield _whole(len(inputs)), self.arrays(inputs), _batch(8 * self.length)


@dataclass(frozen=True)
class Texts:
    """Texts as token ids (n, T) and where there are any, (n, T): a start, then a token for each word, lower-case, digits as 0.

    words : the known ones. longest : words of a text that are read; the net sees nothing of what comes after them.
    """

    modality: ClassVar[Modality] = "text"
    mask: ClassVar[int] = _MASK

    words: tuple[str, ...]
    longest: int
    _ids: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = {word: len(_SPECIAL) + i for i, word in enumerate(self.words)}
        object.__setattr__(self, "_ids", known | {MASK: _MASK})

    @classmethod
    def learnt(cls, texts: Iterable[str], longest: int, fewest: int, most: int = 20_000) -> Texts:
        """The words that stand in the texts at least `fewest` times, the most frequent first."""
        seen = Counter(_plain(text[start:end]) for text in texts for start, end in split(text))
        words = sorted((word for word, count in seen.items() if count >= fewest), key=lambda word: (-seen[word], word))
        return cls(tuple(words[:most]), longest)

    @property
    def size(self) -> int:
        """How many token ids there are."""
        return len(_SPECIAL) + len(self.words)

    def check(self, name: str, sample: Inputs) -> None:
        if not isinstance(sample, np.ndarray) or sample.dtype != object or not all(isinstance(text, str) for text in sample):
            raise ModelError(f"model '{name}' takes texts, the data hold {_said(sample)}")

    def tokens(self, text: str) -> tuple[list[int], list[int]]:
        """The ids of a text's tokens, and the place of each one's word in the text; -1 for the start and for a hidden word."""
        ids, places = [_START], [-1]
        for place, (start, end) in enumerate(split(text)):
            word = text[start:end]
            if word == GONE:
                continue
            ids.append(self._ids.get(word if word == MASK else _plain(word), _UNKNOWN))
            places.append(-1 if word == MASK else place)
            if len(ids) > self.longest:
                break
        return ids, places

    def arrays(self, inputs: npt.NDArray[Any]) -> tuple[IntArray, BoolArray]:
        ids = [self.tokens(text)[0] for text in inputs]
        return _filled(ids, max(map(len, ids), default=1))

    def places(self, inputs: npt.NDArray[Any], t: int) -> IntArray:
        """(n, t) the place in its text of each token's word, -1 for none."""
        out = np.full((len(inputs), t), -1, dtype=np.int64)
        for row, text in enumerate(inputs):
            places = self.tokens(text)[1]
            out[row, : len(places)] = places
        return out

    def runs(self, inputs: npt.NDArray[Any]) -> Iterator[Run]:
        """Texts of about one length together: what is asked beside a text has no part in its numbers."""
        ids = [self.tokens(text)[0] for text in inputs]
        sizes = np.array([max(16, 1 << (len(each) - 1).bit_length()) for each in ids], dtype=np.int64)
        for size in np.unique(sizes).tolist():
            rows = np.flatnonzero(sizes == size)
            yield rows, _filled([ids[row] for row in rows], size), max(16, 2048 // size // 16 * 16)


Reader: TypeAlias = Images | Series | Texts


def _filled(ids: Sequence[Sequence[int]], t: int) -> tuple[IntArray, BoolArray]:
    out = np.full((len(ids), t), _PAD, dtype=np.int64)
    for row, each in enumerate(ids):
        out[row, : len(each)] = each
    return out, np.arange(t) < np.array([len(each) for each in ids], dtype=np.int64)[:, None]


def _plain(word: str) -> str:
    return _DIGIT.sub("0", word.lower())


def _said(sample: Any) -> str:
    return f"{sample.dtype} of shape {sample.shape[1:]}" if isinstance(sample, np.ndarray) else f"a {type(sample).__name__}"
