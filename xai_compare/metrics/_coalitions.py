"""What the metrics on the shared coalition sample have in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.game import Coalitions
from xai_compare.metrics._arrays import Pairs, pairs_of
from xai_compare.types import Array

__all__ = ["FLAT", "blanked", "prepared"]

FLAT = 1e-3
"""A case whose coalitions move the output by less than this share of the output's spread has nothing to explain."""


def prepared(coalitions: Coalitions | None) -> tuple[Pairs, dict[int, str]]:
    """The pairs of a view's coalition sample, and why some cases cannot be scored.

    Raises
    ------
    NotApplicable
        With two features or fewer: their coalitions say nothing beyond size.
    """
    if coalitions is None or coalitions.keep.shape[1] == 0:
        raise NotApplicable("too few features: three are needed")
    every = np.concatenate([coalitions.shown, coalitions.hidden, coalitions.full[:, None], coalitions.empty[:, None]], axis=1)
    dust = 1e-12 * np.abs(every).max(axis=1)  # a constant model has no spread either, only rounding
    flat = np.flatnonzero(np.ptp(every, axis=1) <= np.maximum(FLAT * coalitions.spread, dust))
    pairs = pairs_of(coalitions.keep, coalitions.shown, coalitions.hidden, coalitions.weights)
    reasons = {int(i): "flat case: nothing moves the output" for i in flat}
    size_only = np.flatnonzero(pairs.tell + pairs.even <= 1e-20 * np.square(every).max(axis=1))
    return pairs, {int(i): "nothing moves the output beyond how many features are shown" for i in size_only} | reasons


def blanked(values: Array, reasons: Mapping[int, str]) -> Array:
    """The values with NaN where there is a reason."""
    out = values.astype(np.float64).copy()
    out[list(reasons)] = np.nan
    return out
