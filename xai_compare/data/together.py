"""Which features of a table move together, so that hiding one of them alone can make rows that hardly occur."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.data.space import TableSpace
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ABOVE", "level_codes", "move_together"]

ABOVE = 0.5
"""From here on two features are said to move together."""

_KEPT = 5  # pairs that are told by name
_ROWS = 2000  # that are looked at: an association of .5 is known to about .02 from them
_FEWEST = 50  # rows that hold both values: of fewer, among many pairs, one of .5 would be chance
_MOST = 500  # features; the pairs of more cost minutes, and no page has room for them
_LEVELS = 10  # of a category, the commonest; the others are one level more
_AT_ONCE = 25  # categories whose tables are in memory together
_RANKED = ("numeric", "ordinal")


def move_together(frame: pd.DataFrame, space: TableSpace, streams: Streams) -> dict[str, Any]:
    """The pairs of features with an association above `ABOVE`, the strongest first.

    Two numbers, or ordered categories: Spearman's rank correlation. Two categories (true and false are two): Cramer's V, corrected for
    its bias (Bergsma 2013). A number and a category: the correlation ratio of the ranks, corrected likewise (epsilon squared, Kelley
    1935; with the H of Kruskal and Wallis (H - k + 1) / (n - k)), as a root. A row that lacks one of the values is left out of their pair;
    ranks are those of the column. What is constant goes with nothing, and a feature of several columns is paired with none.

    Parameters
    ----------
    frame : the rows to look at; of more than 2,000 as many, drawn by seed.
    space : the features, and which columns they are.

    Returns
    -------
    {"rows": how many were looked at, "above": `ABOVE`, "found": how many pairs, "pairs": at most 5 of {"a", "b", "measure", "value"},
    "left_out": the names of features of several columns, "reason": why nothing was looked at, or ""}.
    """
    kinds, names = np.asarray(space.kinds), space.names
    rows = np.arange(len(frame))
    if len(rows) > _ROWS:
        rows = np.sort(streams.at("together").shared().choice(len(rows), _ROWS, replace=False))
    told: dict[str, Any] = {"rows": len(rows), "above": ABOVE, "found": 0, "pairs": [], "reason": ""}
    told["left_out"] = [name for name, kind in zip(names, kinds, strict=True) if kind == "group"]
    if len(rows) < _FEWEST:
        return told | {"reason": f"it takes {_FEWEST} rows to tell, found {len(rows)}"}
    if len(names) > _MOST:
        return told | {"reason": f"at most {_MOST} features are paired, found {len(names)}"}
    column_of = {feature: column for column, feature in enumerate(space.feature_of.tolist())}
    ranked = [j for j, kind in enumerate(kinds) if kind in _RANKED]
    levelled = [j for j, kind in enumerate(kinds) if kind in ("categorical", "boolean")]
    ranks = _ranks(frame.iloc[rows, [column_of[j] for j in ranked]])
    codes = _codes(frame.iloc[rows, [column_of[j] for j in levelled]])
    strong = _above("Spearman", np.triu(_correlations(ranks), 1), ranked, ranked)
    strong += _above("Cramer's V", np.triu(_cramers(codes), 1), levelled, levelled)
    strong += _above("correlation ratio", _ratios(ranks, codes), ranked, levelled)
    # Rounded before it is sorted: the last digits are those of the machine.
    strong.sort(key=lambda pair: (-round(abs(pair[3]), 6), pair[1:3]))
    pairs = [{"a": names[a], "b": names[b], "measure": how, "value": round(value, 4)} for how, a, b, value in strong[:_KEPT]]
    return told | {"found": len(strong), "pairs": pairs}


def level_codes(values: pd.Series[Any]) -> tuple[IntArray, list[Any]]:
    """(n,) the place of each value among the levels, the commonest first and equally common ones as they come; -1 for a missing one."""
    import pandas as pd

    codes, levels = pd.factorize(values.astype(object))
    order = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(levels)), kind="stable")
    place = np.append(np.argsort(order), -1)
    return place[codes].astype(np.int64), [levels[at] for at in order]


def _above(measure: str, found: Array, down: list[int], across: list[int]) -> list[tuple[str, int, int, float]]:
    """The pairs whose association lies above `ABOVE` in either direction, by the numbers of the features that stand down and across."""
    pairs = [(down[a], across[b], float(found[a, b])) for a, b in np.argwhere(np.abs(found) > ABOVE)]
    return [(measure, min(a, b), max(a, b), value) for a, b, value in pairs]


def _ranks(frame: pd.DataFrame) -> Array:
    """(n, p) ranks within each column, ties at their mean; NaN for a missing value."""
    import pandas as pd

    columns: dict[int, Array] = {}
    for j, dtype in enumerate(frame.dtypes):
        values = frame.iloc[:, j]
        if isinstance(dtype, pd.CategoricalDtype):
            codes = values.cat.codes.to_numpy(dtype=np.float64)
            columns[j] = np.where(codes < 0, np.nan, codes)
        else:
            columns[j] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.DataFrame(columns, index=frame.index).rank().to_numpy(dtype=np.float64)


def _codes(frame: pd.DataFrame) -> IntArray:
    """(n, c) the level of each value, the rare ones as one level; -1 for a missing value."""
    found = [np.minimum(level_codes(frame.iloc[:, j])[0], _LEVELS) for j in range(frame.shape[1])]
    return np.stack(found, axis=1) if found else np.empty((len(frame), 0), dtype=np.int64)


def _centred(ranks: Array) -> tuple[Array, Array]:
    """Ranks around their column's mean, 0 where missing, and 1 where they are known."""
    known = ~np.isnan(ranks)
    filled = np.where(known, ranks, 0.0)
    mean = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, ranks - mean, 0.0), known.astype(np.float64)


def _varies(spread: Array) -> BoolArray:
    """Whether ranks with this sum of squares vary at all: the least that ranks can is far above a rounding error."""
    return np.asarray(spread > 0.01)


def _correlations(ranks: Array) -> Array:
    """(p, p) Pearson's correlation of ranks over the rows that have both; 0 where there is none."""
    x, known = _centred(ranks)
    n, sums, squares = known.T @ known, x.T @ known, (x**2).T @ known  # [a, b]: of a, over the rows that have a and b
    spread = squares - sums**2 / np.maximum(n, 1)
    fine = _varies(spread) & _varies(spread.T) & (n >= _FEWEST)
    shared = x.T @ x - sums * sums.T / np.maximum(n, 1)
    return np.clip(np.divide(shared, np.sqrt(np.where(fine, spread * spread.T, 1.0)), where=fine, out=np.zeros_like(shared)), -1, 1)


def _ratios(ranks: Array, codes: IntArray) -> Array:
    """(p, c) correlation ratio of ranks and levels, corrected for the number of levels; 0 where there is none."""
    x, known = _centred(ranks)
    out = np.zeros((ranks.shape[1], codes.shape[1]))
    if not out.size:
        return out
    for b in range(codes.shape[1]):
        member = (codes[:, b, None] == np.arange(codes[:, b].max(initial=-1) + 1)).astype(np.float64)
        counts, sums, squares = member.T @ known, member.T @ x, member.any(axis=1).astype(np.float64) @ x**2
        n, levels = counts.sum(axis=0), (counts > 0).sum(axis=0)
        middle = sums.sum(axis=0) ** 2 / np.maximum(n, 1)
        spread = squares - middle
        fine = _varies(spread) & (n >= _FEWEST) & (levels > 1) & (n > levels)
        between = (sums**2 / np.maximum(counts, 1)).sum(axis=0) - middle
        within = 1 - between / np.where(fine, spread, 1.0)
        share = 1 - within * (n - 1) / np.where(fine, n - levels, 1)
        out[:, b] = np.where(fine, np.sqrt(np.clip(share, 0, 1)), 0.0)
    return out


def _cramers(codes: IntArray) -> Array:
    """(c, c) Cramer's V, corrected for its bias, of the upper triangle; 0 where there is none.

    Some columns at a time against those from them on: their tables side by side are one product of matrices.
    """
    sizes = codes.max(axis=0, initial=0) + 1
    starts, column = np.cumsum(sizes) - sizes, np.repeat(np.arange(len(sizes)), sizes)
    member = np.zeros((len(codes), int(sizes.sum())), dtype=np.float32)  # counts of thousands are whole in it
    row, place = np.nonzero(codes >= 0)
    member[row, starts[place] + codes[row, place]] = 1
    out = np.zeros((len(sizes), len(sizes)))
    for first in range(0, len(sizes), _AT_ONCE):
        some = np.arange(first, min(first + _AT_ONCE, len(sizes)))
        begin, end = starts[some[0]], starts[some[-1]] + sizes[some[-1]]
        counts = (member[:, begin:end].T @ member[:, begin:]).astype(np.float64)
        places = starts[some] - begin, starts[first:] - begin
        out[some, first:] = _of_tables(counts, places, (column[begin:end] - first, column[begin:] - first))
    return out


def _of_tables(counts: Array, starts: tuple[IntArray, IntArray], column: tuple[IntArray, IntArray]) -> Array:
    """(a, b) V of each of a x b contingency tables, which stand side by side in `counts`; not all of their levels need occur.

    starts : where the levels of each column begin, down and across. column : which column each level belongs to.
    """

    def by(values: Array, axis: int) -> Array:
        return np.asarray(np.add.reduceat(values, starts[axis], axis=axis))

    down, across = by(counts, 1), by(counts, 0)  # (levels, b) and (a, levels): how often each occurs beside a known value of the other
    n, r, k = by(down, 0), by((down > 0).astype(float), 0), by((across > 0).astype(float), 1)
    expected = down[:, column[1]] * across[column[0]]
    phi2 = by(by(np.divide(counts**2, expected, where=expected > 0, out=np.zeros_like(counts)), 0), 1) - 1
    less = np.maximum(n - 1, 1)
    phi2 = np.maximum(phi2 - (r - 1) * (k - 1) / less, 0)
    most = np.minimum(r - (r - 1) ** 2 / less, k - (k - 1) ** 2 / less) - 1
    fine = (n >= _FEWEST) & (most > 0)
    return np.where(fine, np.sqrt(np.clip(phi2 / np.where(fine, most, 1.0), 0, 1)), 0.0)
