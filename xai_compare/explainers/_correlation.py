"""Which features of a table move together: Spearman's rank correlation of the numeric columns, and what follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.types import Array, BoolArray, FeatureSpace

__all__ = ["clusters", "spearman"]


def spearman(frame: Any, space: FeatureSpace) -> Array:
    """(d, d) rank correlation of the features that are one numeric column each, ties at their mean rank, missing values left out
    pair by pair.

    0 where there is none: for categories, groups and constant columns, and where no row has both values. The diagonal is 1.
    """
    import pandas as pd

    out = np.eye(space.d)
    numeric = [j for j, kind in enumerate(space.kinds) if kind == "numeric"]
    if len(numeric) < 2 or len(frame) < 2:
        return out
    at = {feature: column for column, feature in enumerate(space.feature_of.tolist())}
    columns = pd.DataFrame({j: frame.iloc[:, at[j]].to_numpy(dtype=np.float64, na_value=np.nan) for j in numeric})
    if columns.isna().to_numpy().any():
        found = columns.corr(method="spearman").to_numpy(copy=True)
    else:
        ranks = columns.rank().to_numpy()
        centred = ranks - ranks.mean(axis=0)
        length = np.sqrt((centred**2).sum(axis=0))
        unit = centred / np.where(length > 0, length, 1.0)
        found = unit.T @ unit
    found[np.isnan(found)] = 0.0
    np.fill_diagonal(found, 1.0)
    out[np.ix_(numeric, numeric)] = np.clip(found, -1.0, 1.0)
    return out


def clusters(linked: BoolArray) -> list[list[int]]:
    """The connected components of d features of which `linked` (d, d) says who is a neighbour, by their first member."""
    groups: list[list[int]] = []
    waiting = list(range(len(linked)))
    while waiting:
        group, edge = {waiting[0]}, [waiting[0]]
        while edge:
            fresh = set(np.flatnonzero(linked[edge.pop()]).tolist()) - group
            group |= fresh
            edge += fresh
        groups.append(sorted(group))
        waiting = [j for j in waiting if j not in group]
    return groups
