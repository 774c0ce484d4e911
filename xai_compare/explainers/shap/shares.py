"""The way back from a model's own columns to features, for readers of models: a product of columns is split among those in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.types import Array

__all__ = ["SAID", "folded", "given"]

SAID = (
    "the model multiplies columns: the value of a product is split equally among the columns that take part in it, whatever their powers. "
    "The values add up, but are those of the model's terms and not the Shapley values of the game"
)
"""The label of every attribution that splits products."""


def given(game: Game) -> bool:
    """Whether columns of the model's encoding are products of several raw columns, known which."""
    return game.owner is None and getattr(game.model, "shares", None) is not None


def folded(game: Game, values: Array) -> Array:
    """(n, d) of values (n, p) of the model's own columns."""
    if game.owner is not None:
        return fold(values, game.owner, game.d)
    model: Any = game.model
    space = game.data.space
    place = dict(zip(space.columns, space.feature_of.tolist(), strict=True))
    return fold(values, fold(model.shares, np.array([place[name] for name in model.columns]), game.d), game.d)
