"""Owen values of any model: Shapley values of features that join and leave in clusters of correlated columns.

The game of shap's PartitionExplainer: a binary tree of clusters, at every node of which either side comes first. A feature is
then shown or hidden beside whole clusters only, and together with what it is correlated with, so fewer rows are asked about
that do not occur. Clusters: complete linkage of 1 - |rank correlation| over the background; a categorical column stands alone.
What is not correlated at all is joined by size, the smallest first: joined one by one it would ask 2^d coalitions.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from xai_compare.explainers._correlation import spearman
from xai_compare.explainers.shap import permutation
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["asked", "clustering", "told", "values"]


def clustering(game: Game) -> Array:
    """(d - 1, 4) the merges, as scipy's linkage writes them: left, right, distance, size."""
    from scipy.cluster.hierarchy import linkage

    d = game.d
    linked = spearman(game.data.background_inputs(), game.data.space)
    apart = np.round(1 - np.abs(linked[np.triu_indices(d, 1)]), 12)
    merges = np.asarray(linkage(apart, "complete"), dtype=np.float64) if d > 1 else np.empty((0, 4))
    first = int(np.searchsorted(merges[:, 2], 1.0))
    below = set(range(d + first)) - set(merges[:first, :2].astype(int).ravel().tolist())
    sizes = np.concatenate([np.ones(d), merges[:first, 3]]).astype(int)
    waiting = [(int(sizes[node]), node) for node in below]
    heapify(waiting)
    for row in range(first, d - 1):
        (small, left), (large, right) = heappop(waiting), heappop(waiting)
        merges[row] = left, right, 1.0, small + large
        heappush(waiting, (small + large, d + row))
    return merges


def asked(merges: Array) -> int:
    """How many coalitions of a case the exact Owen values ask: two for each node in each of its surroundings."""
    d = len(merges) + 1
    depth = np.zeros(2 * d - 1, dtype=np.int64)
    for row in range(d - 2, -1, -1):
        depth[merges[row, :2].astype(int)] = depth[d + row] + 1
    return 2 + sum(1 << (int(each) + 1) for each in depth[d:])


def values(game: Game, samples: int, permutations: int, streams: Streams) -> Array:
    """(n, d) Owen values; each row adds up to v(everything) - v(nothing).

    Cost: the coalitions `asked` of each case if these are no more than `samples`, else 2 d * permutations of them, for an
    estimate by random orders of the tree, each walked forwards and backwards.
    """
    merges = clustering(game)
    if asked(merges) <= samples:
        return _exact(game, merges)
    orders = np.stack([_orders(merges, permutations, streams.case(case)) for case in game.cases])
    return permutation.estimates(game, np.arange(game.n), orders)


def told(game: Game, samples: int, permutations: int) -> dict[str, Any]:
    """What the report says of it."""
    merges = clustering(game)
    count = asked(merges)
    how = f"all of {count} coalitions" if count <= samples else f"estimated by {permutations} orders: {count} coalitions are too many"
    return {
        "owen": f"Owen values of clusters of correlated features, not Shapley values; {how}",
        "clusters": [[int(left), int(right), round(float(distance), 4)] for left, right, distance, _ in merges],
    }


def _members(merges: Array) -> BoolArray:
    """(2 d - 1, d) which features are in each node."""
    d = len(merges) + 1
    out = np.zeros((2 * d - 1, d), dtype=bool)
    out[:d] = np.eye(d, dtype=bool)
    for row, (left, right) in enumerate(merges[:, :2].astype(int)):
        out[d + row] = out[left] | out[right]
    return out


def _exact(game: Game, merges: Array) -> Array:
    """Of each feature, the mean over all its surroundings: at every node above it, the other side is all shown or all hidden."""
    d, members = game.d, _members(merges)
    around: list[list[int]] = [[] for _ in range(d)]  # the other sides, for each feature
    for left, right in merges[:, :2].astype(int):
        for own, other in ((left, right), (right, left)):
            for j in np.flatnonzero(members[own]):
                around[j].append(other)
    without = []
    for sides in around:
        shown = (np.arange(2 ** len(sides))[:, None] >> np.arange(len(sides))) & 1 == 1
        without.append(shown @ members[sides] if sides else np.zeros((1, d), dtype=bool))
    hidden = np.concatenate(without)
    feature = np.repeat(np.arange(d), [len(each) for each in without])
    both = np.concatenate([hidden, hidden | np.eye(d, dtype=bool)[feature]])
    keep, place = np.unique(both, axis=0, return_inverse=True)
    v = game.values(np.repeat(np.arange(game.n), len(keep)), np.tile(keep, (game.n, 1))).reshape(game.n, len(keep))
    gain = v[:, place[len(hidden) :]] - v[:, place[: len(hidden)]]
    return np.stack([np.ascontiguousarray(gain[:, feature == j]).mean(axis=1) for j in range(d)], axis=1)


def _orders(merges: Array, r: int, rng: np.random.Generator) -> IntArray:
    """(r, d) orders of the features in which every node's sides follow each other, by a coin for each node."""
    d, members = len(merges) + 1, _members(merges).astype(np.int64)
    left, right = members[merges[:, 0].astype(int)], members[merges[:, 1].astype(int)]  # (d - 1, d) each
    sizes = left.sum(axis=1)[:, None], right.sum(axis=1)[:, None]
    coins = (rng.random((r, d - 1)) < 0.5).astype(np.int64)
    place = coins @ (left * sizes[1]) + (1 - coins) @ (right * sizes[0])
    return np.argsort(place, axis=1)
