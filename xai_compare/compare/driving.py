"""Which cases a gap of fidelity comes from: it is a mean over cases, and here are its terms. Pure functions."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from xai_compare.compare.pairs import Pair, leading
from xai_compare.compare.rows import DrivingRow
from xai_compare.compare.skill import known
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, Scores

__all__ = ["driving_rows", "terms"]


def driving_rows(results: Results, pairings: Collection[str], streams: Streams) -> tuple[DrivingRow, ...]:
    """One row for each model whose gap of fidelity to the reference leads the report, in the order of the study."""
    return tuple(_row(pair) for pair in leading(results, pairings, streams))


def terms(a: Scores, b: Scores) -> Array:
    """(n,) what each case adds to the gap of skill between a and b: the mean of the terms is the gap. NaN where either has no score.

    A skill is (mean score - mean chance) / (mean ceiling - mean chance), so a case adds its own score beyond chance, over the room that
    all cases leave on average; all NaN where there is no room.

    Examples
    --------
    >>> a, b = (Scores(np.array(values), np.zeros(2), np.ones(2)) for values in ([0.4, 0.8], [1.0, 1.0]))
    >>> terms(a, b).round(2).tolist()
    [-0.6, -0.2]
    """
    keep = known(a) & known(b)
    own, other = _shares(a, keep), _shares(b, keep)
    return np.where(keep, own - other, np.nan)


def _shares(scores: Scores, keep: BoolArray) -> Array:
    """(n,) each case's score beyond chance, over the mean room between chance and ceiling of the cases kept."""
    assert scores.chance is not None
    assert scores.ceiling is not None
    room = float((scores.ceiling - scores.chance)[keep].mean()) if keep.any() else 0.0
    return (scores.values - scores.chance) / room if room else np.full(len(scores.values), np.nan)


def _row(pair: Pair) -> DrivingRow:
    a, b = pair.scores
    return DrivingRow(pair.metric.name, pair.a, pair.b, a.values, b.values, terms(a, b))
