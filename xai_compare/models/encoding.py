"""Which feature owns which column of a model's own encoding, and the way back.

A fitted scikit-learn preprocessing is walked once; the walk is then checked by numbers, so that an encoding
which looks separable by column but is not can never reach a method.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.types import Array, IntArray

__all__ = ["dense", "fold", "owners"]

# Transformers that give one column for each column and look at no other.
_ONE_TO_ONE = {
    "FunctionTransformer",
    "KBinsDiscretizer",
    "MaxAbsScaler",
    "MinMaxScaler",
    "OrdinalEncoder",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
    "SimpleImputer",
    "StandardScaler",
}


def dense(matrix: Any) -> Array:
    """Whatever a transformer returned (array, sparse matrix, DataFrame) as a float64 array."""
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    return np.asarray(matrix, dtype=np.float64)


def fold(values: Array, owner: IntArray, d: int) -> Array:
    """Carry values (n, p) of encoded columns back to features: the signed sum over the columns each feature owns, (n, d).

    >>> fold(np.array([[1.0, 2.0, -5.0]]), np.array([0, 0, 1]), 2)
    array([[ 3., -5.]])
    """
    out = np.zeros((len(values), d))
    for column, feature in enumerate(owner):
        out[:, feature] += values[:, column]
    return out


def owners(transformer: Any, columns: IntArray) -> IntArray:
    """(p,) the feature that owns each output column of a fitted transformer.

    Parameters
    ----------
    transformer : a fitted scikit-learn transformer, "passthrough" or None.
    columns : (c,) the features that own its c input columns.

    Raises
    ------
    NotApplicable
        If it mixes features (PCA and the like) or its kind is not known.
    """
    kind = type(transformer).__name__
    if transformer is None or transformer == "passthrough":
        return columns
    if kind == "Pipeline":
        for _, step in transformer.steps:
            columns = owners(step, columns)
        return columns
    if kind == "ColumnTransformer":
        return _column_transformer(transformer, columns)
    if kind == "OneHotEncoder":
        widths = _one_hot_widths(transformer)
        if len(widths) != len(columns):
            raise NotApplicable(f"the one-hot step sees {len(widths)} columns where {len(columns)} were expected")
        return np.repeat(columns, widths)
    if kind in _ONE_TO_ONE and transformer.__class__.__module__.startswith("sklearn."):
        return columns
    raise NotApplicable(f"the preprocessing step {kind} mixes features or is not known, so its columns cannot be folded back")


def _one_hot_widths(encoder: Any) -> list[int]:
    """How many columns each input column became."""
    widths = []
    infrequent = getattr(encoder, "infrequent_categories_", [None] * len(encoder.categories_))
    for j, categories in enumerate(encoder.categories_):
        rare = 0 if infrequent[j] is None else len(infrequent[j]) - 1
        dropped = 0 if encoder.drop_idx_ is None or encoder.drop_idx_[j] is None else 1
        widths.append(len(categories) - rare - dropped)
    return widths


def _column_transformer(transformer: Any, columns: IntArray) -> IntArray:
    names = [str(name) for name in getattr(transformer, "feature_names_in_", range(len(columns)))]
    out: dict[int, int] = {}
    for label, step, chosen in transformer.transformers_:
        where = transformer.output_indices_[label]
        if step == "drop" or where.start == where.stop:
            continue
        owned = owners(step, columns[_positions(chosen, names)])
        if len(owned) != where.stop - where.start:
            raise NotApplicable(f"the step '{label}' gives {where.stop - where.start} columns where {len(owned)} were expected")
        out.update(zip(range(where.start, where.stop), owned.tolist(), strict=True))
    return np.array([out[position] for position in sorted(out)], dtype=np.int64)


def _positions(chosen: Any, names: list[str]) -> list[int]:
    """A ColumnTransformer's column choice (names, numbers, slice or mask) as positions."""
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):  # by name, both ends included
            first = 0 if chosen.start is None else names.index(chosen.start)
            last = len(names) if chosen.stop is None else names.index(chosen.stop) + 1
            return list(range(first, last, chosen.step or 1))
        return list(range(len(names)))[chosen]
    entries = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
    if entries and isinstance(entries[0], (bool, np.bool_)):
        return [position for position, take in enumerate(entries) if take]
    return [names.index(entry) if isinstance(entry, str) else int(entry) for entry in entries]
