"""SHAP values read from the leaves of boosted trees, interventional against the background: exact for features.

For trees that shap does not read (splits on sets of categories, scikit-learn's boosting of many classes), and for features of
several columns, which here are hidden as one. The sum is that of interventional TreeSHAP (Lundberg et al. 2020), leaf by leaf:
with u features on the path that only the case satisfies and w that only the background row does, a leaf of value v gives each
of the u features v (u-1)! w! / (u+w)! and takes v u! (w-1)! / (u+w)! from each of the w; none where a feature satisfies neither.
"""

from __future__ import annotations

from functools import cache
from math import factorial

import numpy as np

from xai_compare.game import Game
from xai_compare.models._forest import Forest, Tree
from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["values"]

Paths = list[tuple[float, dict[int, BoolArray]]]


def values(game: Game, forest: Forest) -> Array:
    """(n, d, k) values of the raw outputs. Cost: none of the model's rows."""
    model = game.model
    owner = np.asarray(game.owner)[forest.order]
    rows = np.concatenate([model.encode(game.inputs), model.encode(game.fill_rows())])[:, forest.order]
    out = np.zeros((game.n, game.d, forest.k))
    for tree in forest.trees:
        for value, path in _paths(tree, rows, owner):
            if path:
                features = list(path)
                out[:, features, tree.output] += value * _shares(np.stack([path[feature] for feature in features]), game.n)
    return out


def _paths(tree: Tree, rows: Array, owner: IntArray) -> Paths:
    """Each leaf's value, and which rows (n,) meet all that its path asks of each feature on it."""
    found: Paths = []
    waiting: list[tuple[int, dict[int, BoolArray]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        if tree.left[node] < 0:
            found.append((float(tree.value[node]), path))
            continue
        feature, left = int(owner[tree.column[node]]), tree.goes_left(node, rows)
        for branch, taken in ((tree.left[node], left), (tree.right[node], ~left)):
            before = path.get(feature)
            waiting.append((int(branch), {**path, feature: taken if before is None else taken & before}))
    return found


def _shares(meets: BoolArray, n: int) -> Array:
    """(n, f) what a leaf of value 1 gives each of its f features; meets (f, n cases + background rows)."""
    case, fill = meets[:, :n].astype(np.float64), meets[:, n:].astype(np.float64)
    no_case, no_fill = 1 - case, 1 - fill
    alive = (no_case.T @ no_fill) == 0
    u, w = (case.T @ no_fill).astype(np.int64), (no_case.T @ fill).astype(np.int64)
    gain, loss = _weights(len(meets))
    given, taken = np.where(alive, gain[u, w], 0.0), np.where(alive, loss[u, w], 0.0)
    out = case.T * (given @ no_fill.T) - no_case.T * (taken @ fill.T)
    return np.asarray(out / fill.shape[1])


@cache
def _weights(f: int) -> tuple[Array, Array]:
    """(f + 1, f + 1) each: (u-1)! w! / (u+w)! and u! (w-1)! / (u+w)!, 0 where there is no such feature."""
    gain = np.zeros((f + 1, f + 1))
    for u in range(1, f + 1):
        for w in range(f + 1 - u):
            gain[u, w] = factorial(u - 1) * factorial(w) / factorial(u + w)
    return gain, gain.T.copy()
