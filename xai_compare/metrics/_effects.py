"""First-order effects of a model's features, how bent they are, and small models that imitate it. Pure numerics: no model is asked here.

n sampled rows, k outputs, L nodes of one feature: the values (numeric) or levels (categorical) at which its effect is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["OWN", "Column", "Effect", "Grid", "bends", "blocks_of", "doubts", "effect_of", "grid_of", "imitate", "unexplained", "widened"]

OWN = -1
"""In place of a source: the row as it is."""

_LEAST = 5  # rows of a bin
_MOST = 50  # bins of a numeric column
_FEWEST = 4  # bins of a short column
_LEVELS = 30  # of a category that get a column each; beyond, the mean output of a level stands for it
_RARE = 0.005  # share of the rows below which levels are pooled
_LEAF = 5  # rows of a leaf of the imitating tree
_FOLDS = 5  # of target means, so that no row sees its own output
_DUST = 1e-10  # of a column's length: what is left of it is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One feature of n rows: `values` (n,) float64, NaN where missing; of a category its codes, where missing is a level like any other."""

    values: Array
    categorical: bool


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """What to ask a model about one feature.

    x : (L,) the value of each node; NaN for that of missing values. at : (n,) the node of each row, or the upper end of its bin.
    inside : (n,) whether the row lies strictly within its bin. value : (n,) of the row.
    pairs : (p, 5) row, node a, node b, source of a, source of b: the effect of a less that of b is the model's answer for the row
    with the value of the one source, less that with the value of the other; source -1 is the row as it is.
    """

    x: Array
    at: IntArray
    inside: BoolArray
    value: Array
    pairs: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The first-order effect of one feature on k outputs.

    nodes : (L, k) at each node, up to a constant. rows : (n, k) at each row, 0 on average. weight : (L,) share of the rows that a
    node stands for. noise : (k,) how much of the variance of `rows` comes from estimating them on no more than n rows.
    """

    nodes: Array
    rows: Array
    weight: Array
    noise: Array


def grid_of(column: Column, rng: np.random.Generator) -> Grid:
    """The grid of one feature: at most two answers of the model for each row.

    A number goes to both ends of its bin, or to both neighbours in a column of few values, so that no row is taken far from
    the data. A level, and a missing number, goes to two others as drawn from the rows.
    """
    values = column.values
    n = len(values)
    found, tie = np.unique(values, return_inverse=True)  # all NaN are one value
    inside = np.zeros(n, dtype=bool)
    if column.categorical:
        return Grid(found, tie, inside, values, _drawn(np.arange(n), tie, tie, rng))
    known, missing = np.flatnonzero(~np.isnan(values)), np.flatnonzero(np.isnan(values))
    ends, few = _ends(values[known])
    at = np.full(n, len(ends))  # missing values have the last node
    at[known] = np.searchsorted(ends, values[known])
    inside[known] = values[known] != ends[at[known]]
    order = known[np.argsort(values[known], kind="stable")]
    holder = order[np.searchsorted(values[order], ends)]  # a row that has the value of each node
    pairs = [(_steps if few else _bins)(at, known, holder)]
    if len(missing) and len(known):
        pairs.append(_drawn(missing, at, np.where(inside, OWN, at), rng))
        ends = np.append(ends, np.nan)
    return Grid(ends if len(ends) else np.full(1, np.nan), at, inside, values, np.concatenate(pairs))


def _ends(values: Array) -> tuple[Array, bool]:
    """The nodes of a numeric column, and whether they are all of its values.

    Bins of equal counts, at least `_LEAST` rows each; a value that fills more than one bin takes one, and the rest share the others.
    """
    found, counts = np.unique(values, return_counts=True)
    bins = max(_FEWEST, min(_MOST, len(values) // _LEAST))
    if len(found) <= bins + 1:
        return found, True
    ends, left, size = [found[0]], len(values), 0
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        size += count
        if value != found[0] and size >= max(_LEAST, left / max(bins, 1)):
            ends.append(value)
            left, bins, size = left - size, bins - 1, 0
    if size:  # too few for a bin of their own: they join the last one
        ends = [*(ends[:-1] if len(ends) > 2 else ends), found[-1]]
    return np.array(ends), False


def _bins(at: IntArray, known: IntArray, holder: IntArray) -> IntArray:
    upper = np.maximum(at[known], 1)
    return np.column_stack([known, upper, upper - 1, holder[upper], holder[upper - 1]])


def _steps(at: IntArray, known: IntArray, holder: IntArray) -> IntArray:
    up, down = known[at[known] < len(holder) - 1], known[at[known] > 0]
    own = np.full(len(known), OWN)
    above = np.column_stack([up, at[up] + 1, at[up], holder[at[up] + 1], own[: len(up)]])
    below = np.column_stack([down, at[down], at[down] - 1, own[: len(down)], holder[at[down] - 1]])
    return np.concatenate([above, below])


def _drawn(rows: IntArray, at: IntArray, node: IntArray, rng: np.random.Generator) -> IntArray:
    """Each of the rows against two others at another node; `node` (n,) is where a row stands, -1 nowhere."""
    pairs = [np.zeros((0, 5), dtype=np.int64)]
    for own in np.unique(at[rows]).tolist():
        mine, others = np.repeat(rows[at[rows] == own], 2), np.flatnonzero((node >= 0) & (node != own))
        if len(others):
            source = others[rng.integers(len(others), size=len(mine))]
            pairs.append(np.column_stack([mine, at[mine], node[source], np.full(len(mine), OWN), source]))
    return np.concatenate(pairs)


def doubts(grid: Grid, effect: Effect, a: Array, b: Array) -> Array:
    """(L,) of a numeric column: the noise that the step from the node below brings into the variance of its effects, over all outputs.

    0 where there is no such step. As if one more row had made no step: few rows that agree may agree by chance.
    """
    size, (_, first, second) = len(grid.x), grid.pairs[:, :3].T
    chain = (first == second + 1) & ~np.isnan(grid.x[first])
    step = effect.nodes[first] - effect.nodes[second]
    left = ((a - b - step)[chain] ** 2).sum(axis=1)
    count = np.bincount(first[chain], minlength=size)
    total = np.bincount(first[chain], left, minlength=size).astype(np.float64)
    total[1:] += (np.diff(effect.nodes, axis=0) ** 2).sum(axis=1)
    above = np.cumsum(effect.weight[::-1])[::-1]
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1) ** 2 * above * (1 - above), 0.0))


def widened(grid: Grid, nodes: IntArray, size: int) -> Grid:
    """The grid with the steps to these nodes asked of `size` rows each: the nearest by rank that were not asked before."""
    known = np.flatnonzero(~np.isnan(grid.x[grid.at]))
    order = known[np.lexsort((grid.value[known], grid.at[known]))]
    place = grid.at[order]
    holder = np.full(len(grid.x), OWN)
    at_node = known[~grid.inside[known]]
    holder[grid.at[at_node][::-1]] = at_node[::-1]
    pairs = [grid.pairs]
    for node in nodes.tolist():
        asked = grid.pairs[(grid.pairs[:, 1] == node) & (grid.pairs[:, 2] == node - 1), 0]
        middle = (np.searchsorted(place, node) + np.searchsorted(place, node, side="right")) / 2
        near = order[np.argsort(np.abs(np.arange(len(order)) + 0.5 - middle), kind="stable")]
        rows = near[~np.isin(near, asked)][: max(size - len(asked), 0)]
        pairs.append(np.column_stack([rows, *(np.full(len(rows), one) for one in (node, node - 1, holder[node], holder[node - 1]))]))
    return Grid(grid.x, grid.at, grid.inside, grid.value, np.concatenate(pairs))


def effect_of(grid: Grid, own: Array, a: Array, b: Array) -> Effect:
    """The effect that fits best, by least squares, to all differences between two answers for one row.

    On a chain of bins this is ALE (Apley & Zhu 2020). Where the feature only adds to the output it is exact, within a bin too: there
    a row's own answer places it. The noise is a sandwich estimate from the residuals, clustered by row.

    own : (n, k) answers for the rows as they are; a, b : (p, k) for the two ends of each pair.
    """
    size, n = len(grid.x), len(own)
    row, first, second = grid.pairs[:, 0], grid.pairs[:, 1], grid.pairs[:, 2]
    bond = np.zeros((size, size))
    np.add.at(bond, (first, second), -1.0)
    bond = bond + bond.T
    np.fill_diagonal(bond, -bond.sum(axis=1))
    inverse = np.linalg.pinv(bond, rcond=1e-12, hermitian=True)
    nodes = inverse @ _pulls(first, second, a - b, np.zeros(len(row), dtype=np.int64), (size, 1))[:, 0]
    left = a - b - (nodes[first] - nodes[second])
    share = np.zeros((n, size))
    share[np.arange(n), grid.at] = 1.0
    share[grid.inside] /= 2  # a row within a bin stands for both of its ends
    share[grid.inside, grid.at[grid.inside] - 1] = 0.5
    weight = share.mean(axis=0)
    spread = share.T @ share / n - np.outer(weight, weight)
    moved = np.einsum("ij,jnk->ink", inverse, _pulls(first, second, left, row, (size, n)), optimize=True)
    noise = np.einsum("ink,ij,jnk->k", moved, spread, moved, optimize=True) * len(row) / max(len(row) - size + 1, 1)
    rows = _at_rows(grid, nodes, own, a, b)
    return Effect(nodes, rows - rows.mean(axis=0), weight, noise)


def _pulls(first: IntArray, second: IntArray, step: Array, group: IntArray, shape: tuple[int, int]) -> Array:
    """(L, groups, k): the sum of the steps (p, k) of each group towards a node, less those away from it."""
    out = np.zeros((*shape, step.shape[1]))
    np.add.at(out, (first, group), step)
    np.add.at(out, (second, group), -step)
    return out


def _at_rows(grid: Grid, nodes: Array, own: Array, a: Array, b: Array) -> Array:
    """(n, k) the effect at each row.

    Within a bin: between straight interpolation and where the row's own answer puts it, by how far all rows make the same step from
    end to end. If they do, the feature adds to the output there, and the own answer is exact; if they do not, it would smuggle in
    what the other features do. Averaged over rows of the same value.
    """
    rows, inside = nodes[grid.at], np.flatnonzero(grid.inside)
    if not len(inside):
        return rows
    top = grid.at[inside]
    mine = np.flatnonzero(grid.pairs[:, 1] == grid.at[grid.pairs[:, 0]])
    of = np.zeros(len(own), dtype=np.int64)
    of[grid.pairs[mine, 0]] = mine  # the pair of the row's own bin
    low, high, pair = nodes[top - 1], nodes[top], of[inside]
    told = (low + own[inside] - b[pair] + high + own[inside] - a[pair]) / 2
    part = (grid.value[inside] - grid.x[top - 1]) / (grid.x[top] - grid.x[top - 1])
    straight = low + part[:, None] * (high - low)
    total, squares, count = np.zeros_like(nodes), np.zeros_like(nodes), np.bincount(grid.pairs[:, 1], minlength=len(nodes))
    np.add.at(total, grid.pairs[:, 1], a - b)
    np.add.at(squares, grid.pairs[:, 1], (a - b) ** 2)
    alike = np.divide(total**2, count[:, None] * squares, out=np.ones_like(nodes), where=squares > 0)[top]
    placed = alike * told + (1 - alike) * straight
    found, tie = np.unique(grid.value[inside], return_inverse=True)
    mean = np.zeros((len(found), own.shape[1]))
    np.add.at(mean, tie, placed)
    rows[inside] = (mean / np.bincount(tie)[:, None])[tie]
    return rows


def bends(x: Array, effect: Effect, categorical: bool, share: float = 0.95) -> Array:
    """(k,) how many straight pieces tell an effect to this share of its variance, its noise aside; at least 1.

    Pieces need not meet, and there are no fewer that would do. Of a category: how many steps between groups of equal levels.
    The node of missing values has no place on the line and is left out.
    """
    known = np.flatnonzero((effect.weight > 0) & (categorical | ~np.isnan(x)))
    out = np.ones(effect.nodes.shape[1])
    for c in range(effect.nodes.shape[1]):
        y, w = effect.nodes[known, c], effect.weight[known]
        order = np.argsort(y, kind="stable") if categorical else np.argsort(x[known], kind="stable")
        y, w = y[order], w[order] / max(w.sum(), 1e-300)
        place = np.zeros(len(y)) if categorical else x[known][order]
        left = float(w @ (y - w @ y) ** 2) * (1 - share) + float(effect.noise[c])
        count = _fewest(_costs(place, y, w), left) if len(y) > 1 else 1
        out[c] = max(count - categorical, 1)
    return out


def _costs(x: Array, y: Array, w: Array) -> Array:
    """(L, L) what a straight line (a constant, where all x are equal) leaves of y from node i to node j; infinite for j < i."""
    size = len(y)
    scale = np.ptp(x) or 1.0
    x = (x - x.mean()) / scale
    y = y - w @ y
    sums = {name: np.concatenate([[0.0], np.cumsum(w * one)]) for name, one in _moments(x, y).items()}
    i, j = np.triu_indices(size)
    s = {name: one[j + 1] - one[i] for name, one in sums.items()}
    mass = np.maximum(s["1"], 1e-300)
    xx, xy, yy = s["xx"] - s["x"] ** 2 / mass, s["xy"] - s["x"] * s["y"] / mass, s["yy"] - s["y"] ** 2 / mass
    told = np.divide(xy**2, xx, out=np.zeros_like(xy), where=xx > 1e-14)
    out = np.full((size, size), np.inf)
    out[i, j] = np.maximum(yy - told, 0.0)
    return out


def _moments(x: Array, y: Array) -> dict[str, Array]:
    return {"1": np.ones_like(x), "x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y}


def _fewest(costs: Array, left: float) -> int:
    """The fewest pieces that leave no more than `left`, by dynamic programming."""
    best = costs[0]
    for count in range(1, len(costs)):
        if best[-1] <= left:
            return count
        # The next piece starts after node i, where the pieces before it end.
        best = np.minimum(best, np.concatenate([[np.inf], (best[:-1, None] + costs[1:]).min(axis=0)[1:]]))
    return len(costs)


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


def unexplained(left: Array, y: Array, weights: Array, noise: float = 0.0) -> Array:
    """(r,) mean square of `left` (m, k), less the noise, over the variance of y (m, k), under each row of weights (r, m).

    Both are summed over the outputs. NaN where y does not vary.
    """
    total, y = weights.sum(axis=1), y - y.mean(axis=0)
    error = weights @ (left**2).sum(axis=1) / total
    variance = weights @ (y**2).sum(axis=1) / total - ((weights @ y / total[:, None]) ** 2).sum(axis=1)
    floor = 1e-12 * (y**2).sum(axis=1).mean()
    return np.asarray(np.divide(error - noise, variance, out=np.full_like(error, np.nan), where=variance > floor))
