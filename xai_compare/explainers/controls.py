"""The control: random numbers that know nothing of the model. In every study, the chance floor of every metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Attribution

__all__ = ["RandomControl"]


@EXPLAINERS.register("random")
@dataclass(frozen=True, slots=True)
class RandomControl:
    """Independent standard normal numbers for every case and feature. Costs no model row."""

    title: ClassVar[str] = "Random control"
    citation: ClassVar[str] = ""
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = True
    depends_on: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        values, present = marked(game, np.stack([streams.case(case).standard_normal(game.d) for case in game.cases]))
        return Attribution(values, game.target, game.output, present=present)
