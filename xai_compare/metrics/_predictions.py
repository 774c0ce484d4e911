"""Scores of predictions under many rows of weights at once: r resamples of n rows, each a row of counts. NumPy in, NumPy out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xai_compare.types import Array, BoolArray, IntArray

__all__ = [
    "UNCALLED",
    "UNDEFINED",
    "auc",
    "calibration_error",
    "mean_of",
    "r2",
    "resampled",
    "share_of",
    "weighted_auc",
    "weighted_average_precision",
    "weighted_f1",
]

UNDEFINED = "undefined on these rows: a class is absent, or the outcome is constant"
"""Why a score is NaN."""
UNCALLED = "undefined on these rows: the model calls none of them so"
"""Why a precision is NaN."""

_BLOCK = 250  # resamples at once: those of a long table need not all be held
_BINS = 10
_PER_BIN = 20  # rows


def resampled(
    scores: Mapping[str, Callable[[Array], Array]], n: int, rng: np.random.Generator, resamples: int
) -> dict[str, tuple[float, Array]]:
    """{score: (its value on all n rows, (resamples,) on rows drawn with replacement)}, from functions of rows of weights (r, n)."""
    own = {name: float(score(np.ones((1, n)))[0]) for name, score in scores.items()}
    drawn: dict[str, list[Array]] = {name: [] for name in scores}
    for start in range(0, resamples, _BLOCK):
        weights = rng.multinomial(n, np.full(n, 1 / n), size=min(_BLOCK, resamples - start)).astype(np.float64)
        for name, score in scores.items():
            drawn[name].append(score(weights))
    return {name: (value, np.concatenate(drawn[name])) for name, value in own.items()}


def auc(outputs: Array, y: Any) -> Callable[[Array], Array]:
    """ROC-AUC of outputs (n, k) for classes y (n,): of the second class, of more classes the mean of one against the rest."""
    asked = [1] if outputs.shape[1] == 2 else range(outputs.shape[1])
    return lambda weights: np.asarray(np.mean([weighted_auc(outputs[:, c], y == c, weights) for c in asked], axis=0))


def r2(said: Array, y: Array) -> Callable[[Array], Array]:
    """R2 of predictions (n,) for numbers (n,); NaN where a resample has one number only."""
    squared, centred = (said - y) ** 2, y - y.mean()  # else the variance of a target far from 0 drowns in rounding

    def score(weights: Array) -> Array:
        missed, variance = mean_of(squared, weights), mean_of(centred**2, weights) - mean_of(centred, weights) ** 2
        return np.asarray(1 - np.divide(missed, variance, out=np.full_like(missed, np.nan), where=variance > 0))

    return score


def mean_of(values: Array, weights: Array) -> Array:
    """(r,) mean of values (n,) under each row of weights (r, n)."""
    return np.asarray(weights @ values / weights.sum(axis=1))


def share_of(which: BoolArray, among: BoolArray, weights: Array) -> Array:
    """(r,) share of the rows `which` (n,) in the rows `among` (n,) under each row of weights (r, n); NaN where there are none of these."""
    both, all_of = weights @ (which & among).astype(np.float64), weights @ among.astype(np.float64)
    return np.asarray(np.divide(both, all_of, out=np.full(len(weights), np.nan), where=all_of > 0))


def weighted_f1(predicted: IntArray, y: IntArray, k: int, weights: Array) -> Array:
    """F1 under each row of weights (r, n): of class 1 for two classes, else the mean over the classes that are there or predicted.

    NaN where no such class is.
    """
    scores = []
    for c in [1] if k == 2 else range(k):
        hit = weights @ ((predicted == c) & (y == c)).astype(np.float64)
        said, true = weights @ (predicted == c).astype(np.float64), weights @ (y == c).astype(np.float64)
        scores.append(np.divide(2 * hit, said + true, out=np.full(len(weights), np.nan), where=said + true > 0))
    table = np.stack(scores)
    known = ~np.isnan(table)
    return np.asarray(
        np.divide(np.where(known, table, 0).sum(axis=0), known.sum(axis=0), out=np.full(len(weights), np.nan), where=known.any(axis=0))
    )


def weighted_auc(score: Array, positive: BoolArray, weights: Array) -> Array:
    """ROC-AUC under each row of weights (r, n); ties count one half; NaN where a resample has one class only."""
    up, down = _by_value(score, positive, weights)
    below = np.cumsum(down, axis=1) - down / 2
    pairs = up.sum(axis=1) * down.sum(axis=1)
    return np.asarray(np.divide((up * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0))


def weighted_average_precision(score: Array, positive: BoolArray, weights: Array) -> Array:
    """Average precision, the area under the precision-recall curve as a step function, under each row of weights (r, n).

    Sum over the distinct scores, from the highest, of the rise in recall times the precision among the rows at or above it: ties enter
    together. Chance is the share of positive rows. NaN where a resample has none.
    """
    up, down = _by_value(-score, positive, weights)
    hits = np.cumsum(up, axis=1)
    said = hits + np.cumsum(down, axis=1)
    precision = np.divide(hits, said, out=np.zeros_like(said), where=said > 0)
    total = hits[:, -1]
    return np.asarray(np.divide((up * precision).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0))


def _by_value(score: Array, positive: BoolArray, weights: Array) -> tuple[Array, Array]:
    """(r, distinct scores), ascending: the weight of the positive and of the other rows that have each score."""
    _, group = np.unique(score, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    ordered, true = weights[:, order], positive[order]
    return np.add.reduceat(ordered * true, starts, axis=1), np.add.reduceat(ordered * ~true, starts, axis=1)


def calibration_error(said: Array, true: BoolArray, weights: Array) -> Array:
    """Root mean square calibration error of probabilities (n, c) of outcomes (n, c), without its bias, under each row of weights (r, n).

    For each of the c classes the rows are cut into 10 bins of equal mass by the probability (fewer where a bin would hold under 20 rows;
    one below 40 rows): bin floor(b * place), where the place of a row is the share of rows with a smaller probability and half of those
    with the same, so that ties stay together. The bins are those of the n rows themselves under all weights. Within a bin the square of
    E[said - true] is estimated from pairs of different rows,

        (sum w e)^2 - sum (w e)^2  over  (sum w)^2 - sum w^2,    e = said - true,

    which has the right mean however few rows the bin holds, where the square of a mean is too large by its variance; and a resample, in
    which rows repeat, is centred on the estimate. Bins are weighted by their share, classes equally; the root of the sum, 0 where that
    is below 0. NaN where no bin of a resample holds two different rows.
    """
    squared = np.mean([_squared_error(said[:, c], true[:, c], weights) for c in range(said.shape[1])], axis=0)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def _squared_error(said: Array, true: BoolArray, weights: Array) -> Array:
    n = len(said)
    bins = max(1, min(_BINS, n // _PER_BIN))
    ordered = np.sort(said)
    place = (np.searchsorted(ordered, said) + np.searchsorted(ordered, said, side="right")) / (2 * n)
    of_bin = np.eye(bins)[np.minimum((place * bins).astype(np.int64), bins - 1)]
    error = said - true
    mass = weights @ of_bin
    pairs = mass**2 - weights**2 @ of_bin
    found = (weights @ (of_bin * error[:, None])) ** 2 - weights**2 @ (of_bin * (error**2)[:, None])
    known = pairs > 0
    held = np.where(known, mass, 0.0)
    total = held.sum(axis=1)
    squares = np.divide(found, pairs, out=np.zeros_like(found), where=known)
    return np.asarray(np.divide((held * squares).sum(axis=1), total, out=np.full(len(weights), np.nan), where=total > 0))
