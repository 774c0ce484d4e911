"""What a case does not have has no value: texts differ in their words, series in their length."""

from __future__ import annotations

import numpy as np

from xai_compare.game import Game
from xai_compare.types import Array, BoolArray

__all__ = ["marked"]


def marked(game: Game, values: Array) -> tuple[Array, BoolArray | None]:
    """(n, d) the values with NaN for features that a case does not have, and which ones it has; None where every case has all."""
    if game.present.all():
        return values, None
    return np.where(game.present, values, np.nan), game.present
