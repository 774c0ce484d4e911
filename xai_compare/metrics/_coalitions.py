"""What the metrics on the shared coalition sample have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.game import Coalitions
from xai_compare.metrics._arrays import Pairs, moves_of, pairs_of
from xai_compare.types import Array

__all__ = ["FLAT", "Hidings", "blanked", "hidings", "prepared", "scorable"]

FLAT = 1e-3
"""A case whose coalitions move the output by less than this share of the output's spread has nothing to explain."""


def prepared(coalitions: Coalitions | None) -> tuple[Pairs, dict[int, str]]:
    """The pairs of a view's coalition sample, and why some cases cannot be scored.

    Raises
    ------
    NotApplicable
        With two features or fewer: their coalitions say nothing beyond size.
    """
    sample, reasons = scorable(coalitions)
    return pairs_of(sample.keep, sample.shown, sample.hidden, sample.weights), reasons


def scorable(coalitions: Coalitions | None) -> tuple[Coalitions, dict[int, str]]:
    """A view's coalition sample, and why some cases cannot be scored. Raises as `prepared`."""
    if coalitions is None or coalitions.keep.shape[1] == 0:
        raise NotApplicable("too few features: three are needed")
    every = np.concatenate([coalitions.shown, coalitions.hidden, coalitions.full[:, None], coalitions.empty[:, None]], axis=1)
    dust = 1e-12 * np.abs(every).max(axis=1)  # a constant model has no spread either, only rounding
    flat = np.flatnonzero(np.ptp(every, axis=1) <= np.maximum(FLAT * coalitions.spread, dust))
    reasons = {int(i): "flat case: nothing moves the output" for i in flat}
    moves = moves_of(coalitions.keep, coalitions.shown, coalitions.hidden, coalitions.weights)
    size_only = np.flatnonzero(moves <= 1e-20 * np.square(every).max(axis=1))
    return coalitions, {int(i): "nothing moves the output beyond how many features are shown" for i in size_only} | reasons


def blanked(values: Array, reasons: Mapping[int, str]) -> Array:
    """The values with NaN where there is a reason."""
    out = values.astype(np.float64).copy()
    out[list(reasons)] = np.nan
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Hidings:
    """What happens when features are hidden, over both halves of every pair of the coalition sample.

    count : (n, 2 m) how many are hidden. said : (n, 2 m) the sum of their attributions. drop : (n, 2 m) by how much the output falls.
    weights : (2 m,), or None where the pairs were drawn.
    """

    count: Array
    said: Array
    drop: Array
    weights: Array | None


def hidings(coalitions: Coalitions, phi: Array) -> Hidings:
    """What the sample of n cases says of an attribution phi (n, d)."""
    keep, w = coalitions.keep, coalitions.weights
    hidden = np.concatenate([~keep, keep], axis=1).astype(np.float64)
    outputs = np.concatenate([coalitions.shown, coalitions.hidden], axis=1)
    said = np.matmul(hidden, phi[:, :, None])[:, :, 0]
    return Hidings(hidden.sum(axis=2), said, coalitions.full[:, None] - outputs, None if w is None else np.concatenate([w, w]) / 2)
