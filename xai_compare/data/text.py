"""Texts: one splitter into words, and the feature space of words that are shown or hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any, ClassVar, TypeAlias
from unicodedata import category

import numpy as np
import numpy.typing as npt

from xai_compare.errors import DataError
from xai_compare.types import BoolArray, IntArray, Modality

__all__ = ["FILLS", "GONE", "MASK", "WORDS", "TextSpace", "Texts", "as_texts", "check_words", "longest", "plain", "split", "spoken"]

FILLS = ("mask", "drop")
MASK, GONE = "\ue000", "\ue001"
"""What stands for a hidden word: a model's own mask token, or nothing. Private signs, which no text has a use for."""

WORDS = 100
"""The most words of a text that are features of their own, if nobody says otherwise."""

Texts: TypeAlias = npt.NDArray[np.object_]
Span: TypeAlias = tuple[int, int]

_SIGN = {"mask": MASK, "drop": GONE}
_SENTINELS = re.compile(f"[{MASK}{GONE}]")
_UNSEEN = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
"""Marks of direction and the like: they count as blanks."""
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + _UNSEEN
_LABEL = 60  # signs of a label


@cache
def _words() -> re.Pattern[str]:
    """Words with their inner apostrophes and hyphens, runs of other signs, and each sentinel on its own.

    Accents and vowel signs that are code points of their own belong to the letter before, and so do the joiners of Persian and
    Indic scripts; Python's \\w knows neither.
    """
    marks = [chr(code) for code in range(0x300, 0x20000) if category(chr(code)).startswith("M")]
    word = rf"\w[\w\u200c\u200d{re.escape(''.join(marks))}]*"
    return re.compile(rf"{word}(?:['\u2019-]{word})*|[{MASK}{GONE}]|[^\w\s{MASK}{GONE}{_UNSEEN}]+")


@lru_cache(2**16)
def split(text: str) -> tuple[Span, ...]:
    """(start, end) of each word: letters, digits, inner apostrophes and hyphens; a run of other signs is a word as well.

    >>> [("Don't panic, €5!!")[start:end] for start, end in split("Don't panic, €5!!")]
    ["Don't", 'panic', ',', '€', '5', '!!']
    """
    return tuple(found.span() for found in _words().finditer(text))


def spoken(text: str, mask: str) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    """A text as a model gets it, and (slot, start, end) of the words that are left in it.

    mask : what is said in the place of a `MASK`; "" drops it. What is dropped takes one blank with it, and never joins two words.

    >>> spoken(f"{GONE} good {MASK}!", "[MASK]")
    ('good [MASK]!', ((1, 0, 4), (3, 11, 12)))
    """
    out, at, done = "", [], 0
    gap = ""  # the first blank since the last piece
    dropped = False
    for slot, (start, end) in enumerate(split(text)):
        gap = gap or text[done:start]
        word, done = text[start:end], end
        said = mask if word == MASK else "" if word == GONE else word
        if not said:
            dropped = True
            continue
        if dropped:
            gap = (gap or " ") if out else ""
        out += gap + said
        if word not in (MASK, GONE):
            at.append((slot, len(out) - len(word), len(out)))
        gap, dropped = "", False
    return out if dropped else out + text[done:], tuple(at)


def plain(text: str, mask: str) -> str:
    """The text of `spoken` alone, at a tenth of its cost."""
    if MASK not in text and GONE not in text:
        return text
    if mask:
        return _without(text, GONE).replace(MASK, mask)
    return _without(text, f"{GONE}{MASK}")


@cache
def _runs(signs: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What takes runs of signs out: at the ends with all blanks, else the first blank stays; a blank between words that had none."""
    blank, sign = rf"[\s{_UNSEEN}]", f"[{signs}]"
    return (
        (re.compile(rf"\A{blank}*{sign}(?:{blank}*{sign})*{blank}*"), ""),
        (re.compile(rf"(?<!{blank})({blank}+){sign}(?:{blank}*{sign})*{blank}*"), r"\1"),
        (re.compile(rf"{sign}+({blank}+)(?:{sign}+{blank}*)*"), r"\1"),
        (re.compile(rf"{sign}+"), " "),
    )


def _without(text: str, signs: str) -> str:
    at_end = text.rstrip(f"{signs}{_BLANKS}")
    if any(sign in text[len(at_end) :] for sign in signs):
        text = at_end
    for pattern, instead in _runs(signs):
        text = pattern.sub(instead, text)
    return text


def as_texts(texts: Iterable[Any], what: str = "X") -> Texts:
    """Texts as an object array (n,) of str; signs that stand for hidden words are replaced by blanks.

    Raises
    ------
    DataError
        For one text instead of many, none at all, and for what is no text, with its row.
    """
    if isinstance(texts, str):
        raise DataError(f"{what} is one text: give a list of texts")
    rows = list(texts)
    if not rows:
        raise DataError(f"{what} is empty: no texts")
    for row, text in enumerate(rows):
        if not isinstance(text, str):
            raise DataError(f"{what}: row {row} is no text but {type(text).__name__} ({text!r}). Each case must be one text")
    out = np.empty(len(rows), dtype=object)
    out[:] = [_SENTINELS.sub(" ", str(text)) for text in rows]
    return out


def check_words(texts: Texts, what: str = "X") -> None:
    """Raise DataError at texts without a word: there is nothing in them that could be shown or hidden."""
    if rows := [row for row, text in enumerate(texts) if not split(text)]:
        raise DataError(f"{what}: {len(rows)} of {len(texts)} texts have no words, first row {rows[0]}. Remove empty and blank texts")


def longest(texts: Iterable[str], most: int = WORDS) -> int:
    """How many words the longest of the texts has, 1 to `most`: the `d` of their feature space."""
    return max(1, min(most, max((len(split(text)) for text in texts), default=1)))


@dataclass(frozen=True, eq=False)
class TextSpace:
    """The words of a text by their places: feature j is the word j + 1, and the last feature everything from there on.

    `mask`: a hidden word leaves a sign that a net turns into its mask token, and a bag of words drops.
    `drop`: a hidden word is taken out.

    Attributes
    ----------
    background : (B,) texts. d : how many words are features, see `longest`.
    """

    modality: ClassVar[Modality] = "text"
    columns: ClassVar[tuple[str, ...]] = ()
    column_kinds: ClassVar[tuple[str, ...]] = ()

    background: Texts
    d: int

    @property
    def cells(self) -> int:
        return 64 * self.d

    @property
    def layout(self) -> Mapping[str, Any]:
        return {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f"word {j + 1}" for j in range(self.d))

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("word",) * self.d

    @property
    def feature_of(self) -> IntArray:
        return np.empty(0, dtype=np.int64)

    @property
    def fills(self) -> tuple[str, ...]:
        return FILLS

    def spans(self, text: str) -> list[Span]:
        """(start, end) of each feature that the text has a place for."""
        words = split(text)
        if len(words) <= self.d:
            return list(words)
        return [*words[: self.d - 1], (words[self.d - 1][0], words[-1][1])]

    def present(self, inputs: Texts) -> BoolArray:
        """(n, d): the places at which a text has a word that is not hidden already."""
        out = np.zeros((len(inputs), self.d), dtype=bool)
        for row, text in enumerate(inputs):
            spans = self.spans(text)
            if MASK not in text and GONE not in text:
                out[row, : len(spans)] = True
            else:
                out[row, : len(spans)] = [not _hidden(text[start:end]) for start, end in spans]
        return out

    def labels(self, inputs: Texts) -> list[list[str]]:
        """n lists of d texts: the words; "" where a text has none."""
        out = []
        for text in inputs:
            words = [text[start:end] for start, end in self.spans(text)]
            shown = ["" if _hidden(word) else word if len(word) <= _LABEL else word[: _LABEL - 1] + "…" for word in words]
            out.append(shown + [""] * (self.d - len(shown)))
        return out

    def width(self, fill: str) -> int:
        _sign_of(fill)
        return 1

    def fill_rows(self, fill: str) -> None:
        """None: what hides a word is no text of the background."""
        _sign_of(fill)

    def hide(self, inputs: Texts, rows: IntArray, keep: BoolArray, fill: str) -> Texts:
        sign = _sign_of(fill)
        pieces: dict[int, tuple[list[tuple[str, str]], str]] = {}
        out = np.empty(len(rows), dtype=object)
        for position, (row, shown) in enumerate(zip(rows.tolist(), keep.tolist(), strict=True)):
            if row not in pieces:
                pieces[row] = self._pieces(inputs[row], sign)
            words, rest = pieces[row]
            out[position] = "".join([word[kept] for word, kept in zip(words, shown, strict=False)]) + rest
        return out

    def _pieces(self, text: str, sign: str) -> tuple[list[tuple[str, str]], str]:
        """(hidden, shown) of each feature with the blank before it, and what follows the last."""
        pieces, done = [], 0
        for start, end in self.spans(text):
            gap, word = text[done:start], text[start:end]
            pieces.append((gap + (word if _hidden(word) else sign), gap + word))
            done = end
        return pieces, text[done:]

    def with_background(self, inputs: Texts) -> TextSpace:
        return replace(self, background=inputs)

    def neighbours(
        self, inputs: Texts, known: Texts, count: int, draws: Sequence[np.random.Generator], spare: BoolArray | None = None
    ) -> Texts:
        """(n * count,): one word of each text taken out; the others keep their places. A text of one word stays as it is."""
        there = self.present(inputs)
        free = there if spare is None else there & ~spare
        out = np.empty(len(inputs) * count, dtype=object)
        for row, (text, draw) in enumerate(zip(inputs, draws, strict=True)):
            words = np.flatnonzero(free[row])
            drawn = (draw.random(count) * len(words)).astype(np.int64)
            at = slice(row * count, (row + 1) * count)
            if len(words) == 0 or there[row].sum() < 2:
                out[at] = text
                continue
            keep = np.ones((count, self.d), dtype=bool)
            keep[np.arange(count), words[drawn]] = False
            out[at] = self.hide(inputs, np.full(count, row), keep, "drop")
        return out


def _hidden(word: str) -> bool:
    """Whether nothing but signs of hidden words, and blanks, is left of a word, or of a last feature of many words."""
    return not _SENTINELS.sub("", word).strip()


def _sign_of(fill: str) -> str:
    if fill not in _SIGN:
        raise DataError(f"unknown fill '{fill}' for texts. Allowed: {', '.join(FILLS)}")
    return _SIGN[fill]
