"""Shapley values of any model by random feature orders, each walked forwards and backwards.

The same estimator as shap's PermutationExplainer (its walk and back), packed: all cases and orders of a chunk go to
the model together instead of one order at a time. Exact for games of up to second-order interactions.
"""

from __future__ import annotations

import numpy as np

from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["estimates", "values", "walks"]


def walks(orders: IntArray) -> BoolArray:
    """Coalitions of feature orders walked forwards and backwards.

    orders : (r, d), each a permutation of the features.

    Returns
    -------
    (r, 2 d + 1, d) booleans: nothing shown, one more feature at each step until all are shown, then hidden again in the same order.
    """
    d = orders.shape[1]
    place = np.argsort(orders, axis=1)[:, None, :]  # when each feature's turn comes
    step = np.arange(2 * d + 1)[None, :, None]
    return np.where(step <= d, place < step, place >= step - d)


def values(game: Game, cases: IntArray, permutations: int, streams: Streams) -> Array:
    """(len(cases), d) estimates for these positions of the game; each adds up exactly to v(everything) - v(nothing).

    Cost: at most 2 d - 2 new coalitions per case and permutation.
    """
    return estimates(game, cases, np.stack([_orders(streams.case(game.cases[i]), permutations, game.d) for i in cases]))


def estimates(game: Game, cases: IntArray, orders: IntArray) -> Array:
    """(len(cases), d) the same for orders that are given, (len(cases), r, d)."""
    r, d = orders.shape[1:]
    keep = walks(orders.reshape(-1, d))
    rows = np.repeat(cases, r * (2 * d + 1))
    v = game.values(rows, keep.reshape(-1, d)).reshape(len(cases), r, 2 * d + 1)
    forwards, backwards = np.diff(v[:, :, : d + 1], axis=2), -np.diff(v[:, :, d:], axis=2)
    out = np.zeros((len(cases), d))
    for k in range(r):
        np.put_along_axis(share := np.zeros_like(out), orders[:, k], (forwards[:, k] + backwards[:, k]) / 2, axis=1)
        out += share / r
    return out


def _orders(rng: np.random.Generator, r: int, d: int) -> IntArray:
    return np.argsort(rng.random((r, d)), axis=1)
