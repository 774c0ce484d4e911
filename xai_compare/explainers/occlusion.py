"""Occlusion: what the output loses when one feature is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Attribution

__all__ = ["Occlusion"]


@EXPLAINERS.register("occlusion")
@dataclass(frozen=True, slots=True)
class Occlusion:
    """v(everything) - v(everything but the feature), for each feature on its own, in the game that all metrics play.

    Signed, in the output space of the game. Sees no interaction from the other side: two features that can stand in for
    each other both get nothing. Cost: d * background rows model rows per case.
    """

    title: ClassVar[str] = "Occlusion"
    citation: ClassVar[str] = "Zeiler & Fergus 2014; Robnik-Sikonja & Kononenko 2008"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        n, d = game.n, game.d
        keep = np.tile(~np.eye(d, dtype=bool), (n, 1))
        without = game.values(np.repeat(np.arange(n), d), keep).reshape(n, d)
        values, present = marked(game, game.full()[:, None] - without)
        return Attribution(values, game.target, game.output, about={"model_rows": game.rows_spent}, present=present)
