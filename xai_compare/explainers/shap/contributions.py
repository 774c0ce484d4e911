"""SHAP values as the boosting library computes them itself: path-dependent, so of another game than the one that metrics play.

A hidden feature follows both branches of a split in the proportion of the training rows, instead of taking the background's
values. Base and values are brought to this game's v(nothing) by nothing: they are the library's own, and labelled so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.models.reordered import own_target
from xai_compare.types import Array

__all__ = ["reason_against", "values"]


def reason_against(game: Game) -> str:
    """Why it does not fit this game; "" if it does."""
    if "contributions" not in game.model.offers:
        return game.model.closed or "the model's library gives no contributions of its own"
    if game.output != game.model.native:
        return f"the library's contributions add up in {game.model.native}, not in {game.output}"
    return ""


def values(game: Game) -> tuple[Array, Array]:
    """(n, d) values and (n,) their base, which is the library's and not v(nothing). Cost: none of the game's model rows."""
    model: Any = game.model
    phi = model.contributions(model.encode(game.inputs))[np.arange(game.n), :, own_target(game.model, game.target)]
    return fold(phi[:, :-1], np.asarray(game.owner), game.d), np.asarray(phi[:, -1])
