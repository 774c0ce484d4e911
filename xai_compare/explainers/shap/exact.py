"""Exact Shapley values of any model by asking every coalition once; for few features."""

from __future__ import annotations

from math import comb

import numpy as np

from xai_compare.game import Game
from xai_compare.types import Array

__all__ = ["MOST", "reason_against", "values"]

MOST = 10
"""Features up to which 2^d coalitions are asked."""


def reason_against(game: Game) -> str:
    """Why it does not fit this game; "" if it does."""
    return f"{game.d} features have {2**game.d} coalitions; it asks up to {MOST} features" if game.d > MOST else ""


def values(game: Game) -> Array:
    """(n, d) exact Shapley values. Cost: 2^d coalitions per case."""
    d, n = game.d, game.n
    codes = np.arange(2**d)
    keep = (codes[:, None] >> np.arange(d)) & 1 == 1
    sizes = keep.sum(axis=1)
    v = game.values(np.repeat(np.arange(n), 2**d), np.tile(keep, (n, 1))).reshape(n, 2**d)
    # A coalition of size s without the feature weighs 1 / (d C(d - 1, s)).
    weights = np.array([1.0 / (d * comb(d - 1, size)) for size in range(d)])
    out = np.empty((n, d))
    for feature in range(d):
        without = codes[~keep[:, feature]]
        gain = v[:, without | (1 << feature)] - v[:, without]
        out[:, feature] = gain @ weights[sizes[without]]
    return out
