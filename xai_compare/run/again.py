"""What jobs do with a model: count the rows it is asked, and explain again with one thing changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.explainers import Explainer
from xai_compare.game import Game
from xai_compare.models.wrapper import Wrapper
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, Inputs, IntArray, Model, Output, take

__all__ = ["Again", "Counted", "checked"]

_COPIES = 10**6  # more than anyone explains of one case


class Counted(Wrapper):
    """A model that counts the rows it is asked for; everything else is the model's own."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.rows = 0

    def predict(self, inputs: Inputs, output: Output) -> Array:
        self.rows += len(inputs)
        return self.inside.predict(inputs, output)

    def decide(self, inputs: Inputs) -> IntArray:
        self.rows += len(inputs)
        return self.inside.decide(inputs)

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        self.rows += len(encoded)
        return self.inside.predict_encoded(encoded, output)


def checked(found: Any, name: str, n: int, d: int) -> Attribution:
    """What an explainer returned, if it is an attribution of n cases and d features.

    Raises
    ------
    XaiCompareError
        If it is anything else.
    """
    if not isinstance(found, Attribution) or found.values.shape != (n, d):
        what = f"shape {found.values.shape}" if isinstance(found, Attribution) else f"a {type(found).__name__}"
        raise XaiCompareError(f"'{name}' returned {what}: an attribution of shape ({n}, {d}) is needed")
    return found


class Again:
    """Explains the cases of a game again: see `xai_compare.metrics.Rerun`.

    Parameters
    ----------
    explainer, name : the method. game : of the cases. streams : the method's own, as when it first ran.
    """

    def __init__(self, explainer: Explainer, name: str, game: Game, streams: Streams) -> None:
        self._explainer, self._name, self._game, self._streams = explainer, name, game, streams
        self._calls = 0

    def __call__(
        self,
        at: IntArray,
        *,
        inputs: Inputs | None = None,
        streams: Streams | None = None,
        background: IntArray | None = None,
        model: Model | None = None,
        target: IntArray | None = None,
    ) -> Attribution:
        game = self._game
        data = game.data if background is None else game.data.with_background(background)
        numbers = game.cases[at]
        if self._explainer.control and streams is None and target is None:
            # The control draws afresh for every copy: with the numbers of the case it would be perfectly stable. But for another
            # output it keeps them: with fresh ones it would seem to tell outputs apart.
            streams, numbers = self._streams.at("again", self._calls), numbers * _COPIES + _occurrence(at)
        self._calls += 1
        changed = take(game.inputs, at) if inputs is None else inputs
        wanted = game.target[at] if target is None else target
        played = Game(game.model if model is None else model, data, changed, numbers, wanted, game.output, game.fill)
        return checked(self._explainer(played, streams or self._streams), self._name, len(at), game.d)


def _occurrence(at: IntArray) -> IntArray:
    """(r,) how many times each position came before: 0, 0, 1 for 5, 7, 5."""
    order = np.argsort(at, kind="stable")
    _, starts, counts = np.unique(at[order], return_index=True, return_counts=True)
    out = np.empty(len(at), dtype=np.int64)
    out[order] = np.arange(len(at)) - np.repeat(starts, counts)
    return out
