"""Short texts in which a few planted words decide the class: `source: "synthetic:words"`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from xai_compare.data.sources import Held, check_only, params_of
from xai_compare.data.synthetic import MAKERS
from xai_compare.data.text import TextSpace, as_texts, longest
from xai_compare.errors import XaiCompareError
from xai_compare.streams import Streams
from xai_compare.types import Data, Truth

if TYPE_CHECKING:
    from xai_compare.config import DataSpec

__all__ = ["FILLERS", "PLANTED", "Size", "truth_of"]

_FILLERS = (
    "about after again along also always around back been before being below between both bring came come could day does done down each "
    "early even every far few find first follow found from full gave given going hand have held here house how into just keep kind known "
    "large last late left less like line little long look made make many might more most much near never next night often once only open "
    "other over part place point quite rather read right room said same seem seen several should side since small some soon still such "
    "take than that their then there these thing think this those though time told took turn under until upon used very walk water well "
    "went were what when where which while whole will with within word work would year"
)
FILLERS = tuple(_FILLERS.split())

PLANTED = {
    "no": ("anchor", "basket", "cellar", "feather", "hammer"),
    "yes": ("garden", "lantern", "mirror", "saddle", "violin"),
}


@dataclass(frozen=True, slots=True)
class Size:
    """What a study may say of the texts (`data.params`).

    rows : 20 to 100,000. length : the words of a text on average, 6 to 60; a text has a third less or more at most.
    planted : how many of them decide the class, at most, 1 to 5: one alone, or several that stand in for each other.
    seed : of the texts; the study's own seed draws the split, the background and the cases.
    """

    rows: int = 1000
    length: int = 12
    planted: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 20 <= self.rows <= 100_000:
            raise XaiCompareError(f"rows must be 20 to 100,000, found {self.rows}")
        if not 6 <= self.length <= 60:
            raise XaiCompareError(f"length must be 6 to 60, found {self.length}")
        if not 1 <= self.planted <= 5:
            raise XaiCompareError(f"planted must be 1 to 5, found {self.planted}")
        if self.seed < 0:
            raise XaiCompareError(f"seed must be 0 or more, found {self.seed}")


def _made(spec: DataSpec) -> Held:
    """Each text has a few words of its class at places of their own, none of the other, among words that say nothing."""
    check_only(spec, "params")
    size = params_of(Size, spec)
    rng = Streams(size.seed).at("synthetic", "words").shared()
    classes = tuple(PLANTED)
    y, texts = rng.integers(0, len(classes), size.rows), []
    for code in y.tolist():
        length = int(rng.integers(size.length - size.length // 3, size.length + size.length // 3 + 1))
        words = rng.choice(FILLERS, length)
        own = rng.choice(PLANTED[classes[code]], int(rng.integers(1, size.planted + 1)), replace=False)
        words[rng.choice(length, len(own), replace=False)] = own
        texts.append(" ".join(words.tolist()))
    held = as_texts(texts)
    says = "; ".join(f"{name} where there is one of {', '.join(words)}" for name, words in PLANTED.items())
    facts = {"public": True, "rule": says, "made": asdict(size)}
    return Held(held, np.array(classes)[y], facts=facts, truth=truth_of, space=partial(TextSpace, d=longest(held)))


def truth_of(data: Data) -> Truth:
    """The mask of the test rows: the planted words."""
    assert isinstance(data.space, TextSpace)  # what was made are texts
    planted = {word for words in PLANTED.values() for word in words}
    return Truth(mask=np.array([[word in planted for word in row] for row in data.space.labels(data.test.inputs)]))


MAKERS["words"] = _made
