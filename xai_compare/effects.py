"""First-order effects of a model's features: what to ask the model, what its answers come to, and how bent the effects are.

n sampled rows, k outputs, L nodes of one feature: the values (numeric) or levels (categorical) at which its effect is told.
`Asked` alone asks a model; the rest is pure numerics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xai_compare.data.space import mix_frames
from xai_compare.game import BLOCK
from xai_compare.types import Array, BoolArray, Inputs, IntArray, Model, Output, take

__all__ = [
    "OWN",
    "Asked",
    "Column",
    "Effect",
    "Grid",
    "ask_pairs",
    "bends",
    "chained",
    "column_of",
    "doubts",
    "effect_of",
    "grid_of",
    "places",
    "unexplained",
    "widened",
]

OWN = -1
"""In place of a source: the row as it is."""

_LEAST = 5  # rows of a bin
_MOST = 50  # bins of a numeric column
_FEWEST = 4  # bins of a short column
_CELLS = 2**22  # numbers in one batch


class Asked:
    """A model's answers for rows of a table, and for the same rows with the value of one column taken from another of them.

    Parameters
    ----------
    model : is asked in few large batches; one that encodes column by column encodes the rows once.
    inputs : m rows, of which the first n can be asked with another value.
    n : how many.
    columns : positions, in the table, of the columns that can be named to it.
    output : the space in which outputs are read.
    explained : (q, k) outputs -> (q, k') those that count.

    Attributes
    ----------
    own : (m, k') for the rows as they are. rounding : differences below it are none. spent : model rows asked so far.
    """

    def __init__(
        self, model: Model, inputs: Inputs, n: int, columns: Sequence[int], output: Output, explained: Callable[[Array], Array]
    ) -> None:
        self._model, self._columns, self._output, self._explained = model, np.array(columns, dtype=np.int64), output, explained
        self._encoded = model.encode(inputs) if model.owner is not None else None
        plain = model.predict(inputs, output) if self._encoded is None else model.predict_encoded(self._encoded, output)
        self.own = explained(plain)
        self._inputs = take(inputs, np.arange(n))
        self.n, self.d, self.spent = n, len(columns), len(plain)
        self.rounding = max(1e-6 * float(self.own.std(axis=0).max()), 1e-12 * float(np.abs(self.own).max()))

    def __call__(self, feature: IntArray, row: IntArray, source: IntArray) -> Array:
        """(q, k') answers for row `row` with the value that `source` has in column `columns[feature]` (all (q,)).

        Source -1: the row as it is, which costs nothing.
        """
        out = self.own[row]
        swapped = np.flatnonzero(source != OWN)
        self.spent += len(swapped)
        width = self._inputs.shape[1] if self._encoded is None else self._encoded.shape[1]
        step = min(BLOCK, max(_CELLS // width, 256))
        for start in range(0, len(swapped), step):
            at = swapped[start : start + step]
            out[at] = self._explained(self._predict(self._columns[feature[at]], row[at], source[at]))
        return out

    def _predict(self, column: IntArray, row: IntArray, source: IntArray) -> Array:
        owner = self._model.owner
        if self._encoded is None or owner is None:
            keep = np.arange(self._inputs.shape[1]) != column[:, None]
            return self._model.predict(mix_frames(self._inputs, row, self._inputs, source, keep), self._output)
        mixed = np.where(owner == column[:, None], self._encoded[source], self._encoded[row])
        return self._model.predict_encoded(mixed, self._output)


def ask_pairs(asked: Asked, pairs: Sequence[IntArray]) -> list[tuple[Array, Array]]:
    """The answers for the two ends of all pairs of each feature, all asked together; pairs as in `Grid`."""
    feature = np.repeat(np.arange(len(pairs)), [len(one) for one in pairs])
    flat = np.concatenate(pairs)
    both = np.concatenate([feature, feature]), np.concatenate([flat[:, 0], flat[:, 0]]), np.concatenate([flat[:, 3], flat[:, 4]])
    ends = np.cumsum([len(one) for one in pairs])[:-1]
    a, b = (np.split(half, ends) for half in np.split(asked(*both), 2))
    return list(zip(a, b, strict=True))


def column_of(column: Inputs, kind: str) -> Column:
    """One column of a table by its kind: numbers as they are, anything else as codes by first appearance, -1 where missing."""
    import pandas as pd

    if kind == "numeric":
        return Column(column.to_numpy(dtype=np.float64, na_value=np.nan), False)
    return Column(pd.factorize(column.astype(object))[0].astype(np.float64), True)


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


def grid_of(column: Column, rng: np.random.Generator, most: int = _MOST) -> Grid:
    """The grid of one feature: at most two answers of the model for each row, and `most` bins of a number.

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
    ends, few = _ends(values[known], most)
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


def _ends(values: Array, most: int = _MOST) -> tuple[Array, bool]:
    """The nodes of a numeric column, and whether they are all of its values.

    Bins of equal counts, at least `_LEAST` rows each; a value that fills more than one bin takes one, and the rest share the others.
    """
    found, counts = np.unique(values, return_counts=True)
    bins = max(_FEWEST, min(most, len(values) // _LEAST))
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


def chained(grid: Grid, step: Array, weights: Array) -> Array:
    """(r, L) the effect at the nodes of a numeric column without missing values, under each row of weights (r, n).

    Accumulated local effects (Apley & Zhu 2020): the weighted mean step from each node to the next, added up, less the weighted mean
    over the rows. With equal weights the nodes are those of `effect_of`, but for that constant. A step that no row of weight has made
    is the one that all rows make.

    step : (p,) answer at node a less that at node b, for each pair.
    """
    n, size = len(grid.at), len(grid.x)
    total, count = np.zeros((n, size - 1)), np.zeros((n, size - 1))
    np.add.at(total, (grid.pairs[:, 0], grid.pairs[:, 2]), step)
    np.add.at(count, (grid.pairs[:, 0], grid.pairs[:, 2]), 1.0)
    top, bottom = weights @ total, weights @ count
    whole = total.sum(axis=0) / np.maximum(count.sum(axis=0), 1.0)
    steps = np.divide(top, bottom, out=np.broadcast_to(whole, top.shape).copy(), where=bottom > 0)
    nodes = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(steps, axis=1)], axis=1)
    stand = weights @ places(grid.x, grid.value) / weights.sum(axis=1, keepdims=True)
    return np.asarray(nodes - (nodes * stand).sum(axis=1, keepdims=True))


def places(x: Array, values: Array) -> Array:
    """(n, L) how much of each node stands for each value on the straight lines between nodes; x (L,) ascending, values within it."""
    out = np.zeros((len(values), len(x)))
    rows = np.arange(len(values))
    if len(x) == 1:
        out[:, 0] = 1.0
        return out
    upper = np.clip(np.searchsorted(x, values), 1, len(x) - 1)
    part = (values - x[upper - 1]) / (x[upper] - x[upper - 1])
    out[rows, upper], out[rows, upper - 1] = part, 1 - part
    return out


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


def unexplained(left: Array, y: Array, weights: Array, noise: float = 0.0) -> Array:
    """(r,) mean square of `left` (m, k), less the noise, over the variance of y (m, k), under each row of weights (r, m).

    Both are summed over the outputs. NaN where y does not vary.
    """
    total, y = weights.sum(axis=1), y - y.mean(axis=0)
    error = weights @ (left**2).sum(axis=1) / total
    variance = weights @ (y**2).sum(axis=1) / total - ((weights @ y / total[:, None]) ** 2).sum(axis=1)
    floor = 1e-12 * (y**2).sum(axis=1).mean()
    return np.asarray(np.divide(error - noise, variance, out=np.full_like(error, np.nan), where=variance > floor))
