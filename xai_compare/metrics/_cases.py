"""What the metrics that take some of the cases only, because each costs a run of the method, have in common."""

from __future__ import annotations

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.metrics import View
from xai_compare.removal import subset
from xai_compare.types import IntArray

__all__ = ["check_counts", "taken"]


def check_counts(**counts: int) -> None:
    """Refuse a parameter below 1, by its name."""
    for name, value in counts.items():
        if value < 1:
            raise XaiCompareError(f"{name} must be at least 1, found {value}")


def taken(view: View, wanted: int) -> tuple[IntArray, dict[int, str]]:
    """Positions of the view's cases that take part, evenly spread over the study, and why the others do not."""
    n = len(view.data.explain)
    kept = np.isin(view.cases, subset(n, wanted))
    reason = f"not among the {min(n, wanted)} cases that this metric takes"
    return np.flatnonzero(kept), dict.fromkeys(np.flatnonzero(~kept).tolist(), reason)
