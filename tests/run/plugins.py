"""Explainers that go wrong, each in its own way."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Attribution


@dataclass(frozen=True)
class Made:
    """A signed explainer of single cases; `answer` is what a subclass changes."""

    title: ClassVar[str] = "Made for a test"
    citation: ClassVar[str] = ""
    signed: ClassVar[bool] = True
    scope: ClassVar[str] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"output", "fill"})

    scale: float = 1.0

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        return Attribution(self.answer(game), game.target, game.output)

    def answer(self, game: Game) -> np.ndarray:
        return game.inputs.to_numpy(dtype=float) * self.scale


class Raises(Made):
    broken = True

    def answer(self, game):
        if self.broken:
            raise RuntimeError("no such luck")
        return super().answer(game)


class RaisesOnTheSecondChunk(Made):
    def answer(self, game):
        if 25 in game.cases:
            raise RuntimeError("unlucky chunk")
        return super().answer(game)


class DoesNotFit(Made):
    def answer(self, game):
        raise NotApplicable("it needs a crystal ball")


class Nan(Made):
    def answer(self, game):
        values = super().answer(game)
        values[3, 1] = np.nan
        return values


class TooWide(Made):
    def answer(self, game):
        return np.ones((game.n, game.d + 1))


class TooFewRows(Made):
    def __call__(self, game, streams):
        return Attribution(self.answer(game)[1:], game.target[1:], game.output)


class NotAnAttribution(Made):
    def __call__(self, game, streams):
        return self.answer(game)


class Exits(Made):
    def answer(self, game):
        sys.exit("bye")


class Warns(Made):
    def answer(self, game):
        warnings.warn("the wind is changing", stacklevel=1)
        return super().answer(game)


class Degraded(Made):
    def __call__(self, game, streams):
        return Attribution(self.answer(game), game.target, game.output, about={"degraded": "done by hand"})


class Untrainable:
    """A kind of model whose training fails."""

    tasks = ("classification", "regression")

    def check(self, params):
        """Nothing to check."""

    def fit(self, name, data, params, seed):
        raise RuntimeError("the oven is cold")
