"""Two small models that imitate a model: a tree of few levels and a line of few features. Pure numerics: no model is asked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xai_compare.effects import Column
from xai_compare.types import Array, IntArray

__all__ = ["Block", "blocks_of", "imitate"]

_LEVELS = 30  # of a category that get a column each; beyond, the mean output of a level stands for it
_RARE = 0.005  # share of the rows below which levels are pooled
_LEAF = 5  # rows of a leaf of the imitating tree
_FOLDS = 5  # of target means, so that no row sees its own output
_DUST = 1e-10  # of a column's length: what is left of it is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A feature as an imitating model sees it: columns (m, c), or the codes (m,) of a category with too many levels for that."""

    columns: Array
    codes: IntArray | None = None


def blocks_of(columns: Sequence[Column]) -> list[Block]:
    """Each feature as our pipelines would encode it.

    Numbers standardised, missing ones as the median and marked; levels one column each, rare ones together; beyond 30 levels, target means.
    """
    return [_levels(column.values) if column.categorical else _numbers(column.values) for column in columns]


def _numbers(values: Array) -> Block:
    missing = np.isnan(values)
    filled = np.where(missing, np.median(values[~missing]) if not missing.all() else 0.0, values)
    scaled = (filled - filled.mean()) / (filled.std() or 1.0)
    return Block(np.column_stack([scaled, missing]) if missing.any() else scaled[:, None])


def _levels(values: Array) -> Block:
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    codes = np.where((counts < _RARE * len(values))[codes], len(counts), codes)
    found, codes = np.unique(codes, return_inverse=True)
    if len(found) > _LEVELS:
        return Block(np.zeros((len(values), 1)), codes.astype(np.int64))
    return Block((codes[:, None] == np.arange(len(found))).astype(np.float64))


def imitate(blocks: Sequence[Block], y: Array, terms: int, depth: int) -> dict[str, Array]:
    """What two small models say of each row, fitted on the other half of the rows: {"tree", "linear"}: each (m, k).

    One model per output: a regression tree of this depth; a linear model of as many features (a category with all its columns is one),
    chosen by forward selection. y : (m, k) the answers to imitate. Rows come in random order.
    """
    m, k = y.shape
    said = {"tree": np.empty((m, k)), "linear": np.empty((m, k))}
    for start in (0, 1):
        fit, rest = np.arange(start, m, 2), np.arange(1 - start, m, 2)
        for c in range(k):
            seen = [_seen(block, y[:, c], fit, rest) for block in blocks]
            said["tree"][rest, c] = _tree([one[fit] for one in seen], y[fit, c], [one[rest] for one in seen], depth)
            said["linear"][rest, c] = _linear([one[fit] for one in seen], y[fit, c], [one[rest] for one in seen], terms)
    return said


def _seen(block: Block, y: Array, fit: IntArray, rest: IntArray) -> Array:
    """(m, c) the columns of a feature; target means come from the rows to fit, for each of them from the other folds."""
    if block.codes is None:
        return block.columns
    out, size, fold = np.empty((len(y), 1)), int(block.codes.max()) + 1, np.arange(len(fit)) % _FOLDS
    for f in range(_FOLDS):
        mine, others = fit[fold == f], fit[fold != f]
        out[mine, 0] = _target_means(block.codes[others], y[others], size)[block.codes[mine]]
    out[rest, 0] = _target_means(block.codes[fit], y[fit], size)[block.codes[rest]]
    centre, scale = out[fit].mean(), out[fit].std() or 1.0
    return np.asarray((out - centre) / scale)


def _target_means(codes: IntArray, y: Array, size: int) -> Array:
    """(levels,) mean of y in each level, drawn towards the mean of all as if by one more row."""
    count, total = np.bincount(codes, minlength=size), np.bincount(codes, y, minlength=size)
    return np.asarray((total + y.mean()) / (count + 1))


def _tree(fit: list[Array], y: Array, rest: list[Array], depth: int) -> Array:
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=_LEAF, random_state=0)
    return np.asarray(tree.fit(np.hstack(fit), y).predict(np.hstack(rest)))


def _linear(fit: list[Array], y: Array, rest: list[Array], terms: int) -> Array:
    chosen = _forward(fit, y, terms)
    ones = [np.ones((len(fit[0]), 1)), np.ones((len(rest[0]), 1))]
    weights = np.linalg.lstsq(np.hstack([ones[0], *(fit[j] for j in chosen)]), y, rcond=1e-10)[0]
    return np.asarray(np.hstack([ones[1], *(rest[j] for j in chosen)]) @ weights)


def _forward(blocks: list[Array], y: Array, terms: int) -> list[int]:
    """The features that lower the squared error most, one after the other."""
    left, chosen = y - y.mean(), []
    length = [np.linalg.norm(block, axis=0).max() for block in blocks]
    rest = [block - block.mean(axis=0) for block in blocks]
    total = float(left @ left)
    for _ in range(min(terms, len(blocks))):
        bases = {j: _basis(rest[j], length[j]) for j in range(len(blocks)) if j not in chosen}
        gains = {j: float(((basis.T @ left) ** 2).sum()) for j, basis in bases.items()}
        best = max(gains, key=lambda j: gains[j])
        if gains[best] <= _DUST**2 * total:
            break
        chosen.append(best)
        basis = bases[best]
        left = left - basis @ (basis.T @ left)
        rest = [block - basis @ (basis.T @ block) for block in rest]
    return chosen


def _basis(block: Array, length: float) -> Array:
    """Orthonormal columns that span a block; what is no more than rounding of its old length spans nothing."""
    u, s, _ = np.linalg.svd(block, full_matrices=False)
    return np.asarray(u[:, s > _DUST * max(length, 1e-300)])
