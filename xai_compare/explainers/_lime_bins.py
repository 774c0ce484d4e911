"""LIME's quartile bins: a faster draw inside a bin, and a right one inside a point.

Imported only when LIME runs, because importing this file imports lime.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lime.discretize import QuartileDiscretizer
from scipy.special import ndtr, ndtri

from xai_compare.types import Array, IntArray

__all__ = ["Quartiles"]


class Quartiles(QuartileDiscretizer):  # type: ignore[misc]  # lime is untyped
    """The package's discretizer; truncated normals by inverting the normal distribution directly.

    The package asks SciPy's general truncated normal 5,000 times per feature and case, though there are only four bins, and
    spends more than half of its time there. Law and random stream are the same: one uniform number for each draw.

    One law is not the package's: a bin that is a single point (a constant column, or ties across a quartile) keeps its value.
    The package puts the standardised end there, which is 0 whatever the point: a column that is always 2,020 would become 0.
    """

    def __init__(self, data: Array, categorical: list[int], names: list[str], random_state: np.random.RandomState) -> None:
        super().__init__(data, categorical, names, random_state=random_state)
        self._bins = {feature: self._bin(feature) for feature in self.means}

    def _bin(self, feature: int) -> tuple[Array, ...]:
        """Per bin: its value if it is a point (else NaN), mean, standard deviation, sign, and the tail probabilities of its two ends."""
        mean, sd = np.array(self.means[feature]), np.array(self.stds[feature])
        low, high = (np.array(self.mins[feature]) - mean) / sd, (np.array(self.maxs[feature]) - mean) / sd
        # Probabilities are precise in the lower tail only: a bin above its mean is mirrored.
        sign = np.where(low > 0, -1.0, 1.0)
        below, above = ndtr(np.where(low > 0, -high, low)), ndtr(np.where(low > 0, -low, high))
        return np.where(low == high, np.array(self.mins[feature]), np.nan), mean, sd, sign, below, above

    def get_undiscretize_values(self, feature: int, values: IntArray) -> Any:
        """(n,) values drawn inside the given bins (n,) of a feature."""
        point, mean, sd, sign, below, above = (each[values] for each in self._bins[feature])
        wide = np.isnan(point)
        u = self.random_state.uniform(size=int(wide.sum()))
        out = point.copy()
        # The mirrored bin runs from its upper end down: u counts from the bin's own lower end in either case.
        p = np.where(sign[wide] > 0, below[wide] + u * (above - below)[wide], above[wide] - u * (above - below)[wide])
        out[wide] = mean[wide] + sd[wide] * sign[wide] * ndtri(p)
        return out
