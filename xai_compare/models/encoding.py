"""Which feature owns which column of a model's own encoding, and the way back.

A fitted scikit-learn preprocessing is walked once; the walk is then checked by numbers, so that an encoding
which looks separable by column but is not can never reach a method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from xai_compare.data.space import mix_frames
from xai_compare.errors import NotApplicable
from xai_compare.types import Array, Inputs, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_separable", "dense", "fold", "owners"]

# Transformers that give one column for each column and look at no other.
_ONE_TO_ONE = {
    "AsNumbers",
    "AsText",
    "Binarizer",
    "FunctionTransformer",
    "MaxAbsScaler",
    "MinMaxScaler",
    "OrdinalEncoder",
    "PowerTransformer",
    "QuantileTransformer",
    "RobustScaler",
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


class Encoding(Protocol):
    """What an adapter has of a model that may be separable by column."""

    columns: tuple[str, ...]
    preprocess: Any
    owner: IntArray | None

    def encode(self, inputs: Inputs) -> Array:
        """(n, p) the encoded inputs."""


def check_separable(model: Encoding, sample: pd.DataFrame) -> None:
    """Mixing encoded columns must equal encoding mixed rows, on random masks of the sample.

    Raises
    ------
    NotApplicable
        If it does not, or if the input cannot be encoded as numbers.
    """
    try:
        encoded = model.encode(sample)
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"its input is not numeric and no preprocessing step is known ({error})") from error
    expected = 0 if model.owner is None else len(model.owner)
    if encoded.shape[1] != expected:
        raise NotApplicable(f"its preprocessing gives {encoded.shape[1]} columns where {expected} were expected")
    if len(sample) == 1 and "FunctionTransformer" in repr(model.preprocess):
        raise NotApplicable(
            "its preprocessing holds a function, and a single background row cannot show that it treats each column on its own"
        )
    rng = np.random.default_rng(0)
    left, right = rng.integers(len(sample), size=(2, 64))
    keep = rng.random((64, len(model.columns))) < 0.5
    mixed = model.encode(mix_frames(sample, left, sample, right, keep))
    if not np.array_equal(mixed, np.where(keep[:, model.owner], encoded[left], encoded[right]), equal_nan=True):
        raise NotApplicable("its preprocessing does not treat each column on its own")


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
    if transformer is None or isinstance(transformer, str):  # "passthrough"
        return columns
    kind, known = type(transformer).__name__, type(transformer).__module__.startswith(_KNOWN)
    if known and kind in _ONE_TO_ONE:
        return columns
    if known and type(transformer).__module__.startswith("sklearn.feature_selection."):
        return np.asarray(columns[_matching(transformer.get_support(), columns, kind)])
    if known and kind in _OPENED:
        return _OPENED[kind](transformer, columns)
    raise NotApplicable(f"the preprocessing step {kind} mixes features or is not known, so its columns cannot be folded back")


# Whose classes are taken at their name: scikit-learn's, and the steps that our own training puts before a model.
_KNOWN = ("sklearn.", "xai_compare.models.")


def _matching(per_column: Any, columns: IntArray, kind: str) -> Any:
    """The same entries as an array, if there is one for each input column."""
    if len(per_column) != len(columns):
        raise NotApplicable(f"the step {kind} sees {len(per_column)} columns where {len(columns)} were expected")
    return np.asarray(per_column)


def _pipeline(transformer: Any, columns: IntArray) -> IntArray:
    for _, step in transformer.steps:
        columns = owners(step, columns)
    return columns


def _union(transformer: Any, columns: IntArray) -> IntArray:
    parts = [owners(step, columns) for _, step in transformer.transformer_list if step != "drop"]
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _one_hot(transformer: Any, columns: IntArray) -> IntArray:
    return np.repeat(columns, _matching(_one_hot_widths(transformer), columns, "OneHotEncoder"))


def _target_mean(transformer: Any, columns: IntArray) -> IntArray:
    """One column for each column, or one for each class of it."""
    seen = len(transformer.categories_)
    return np.repeat(columns, _matching([len(transformer.encodings_) // seen] * seen, columns, "TargetEncoder"))


def _splines(transformer: Any, columns: IntArray) -> IntArray:
    width = transformer.n_features_out_ // transformer.n_features_in_
    return np.repeat(columns, _matching([width] * transformer.n_features_in_, columns, "SplineTransformer"))


def _own_splines(transformer: Any, columns: IntArray) -> IntArray:
    return np.repeat(columns, len(transformer.knots) + 1)


def _bins(transformer: Any, columns: IntArray) -> IntArray:
    widths = _matching(transformer.n_bins_, columns, "KBinsDiscretizer")
    return columns if transformer.encode == "ordinal" else np.repeat(columns, widths)


def _indicator(transformer: Any, columns: IntArray) -> IntArray:
    return columns[np.asarray(transformer.features_, dtype=np.int64)]


def _imputer(transformer: Any, columns: IntArray) -> IntArray:
    """Its columns but those without any value, then a flag for each column that had holes."""
    import pandas as pd

    empty = pd.isna(np.asarray(_matching(transformer.statistics_, columns, "SimpleImputer"), dtype=object))
    kept = columns if transformer.strategy == "constant" or transformer.keep_empty_features else columns[~empty]
    flags = [] if transformer.indicator_ is None else [_indicator(transformer.indicator_, columns)]
    return np.concatenate([kept, *flags])


def _powers(transformer: Any, columns: IntArray) -> IntArray:
    """The feature whose powers each column is; a constant column never changes, and may belong to any."""
    powers = np.asarray(transformer.powers_) > 0
    features = [np.unique(columns[used]) for used in powers]
    if any(len(each) > 1 for each in features):
        raise NotApplicable("the preprocessing step PolynomialFeatures multiplies features, and a product belongs to no single one")
    return np.array([each[0] if len(each) else columns[0] for each in features], dtype=np.int64)


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


_OPENED: dict[str, Callable[[Any, IntArray], IntArray]] = {
    "ColumnTransformer": _column_transformer,
    "FeatureUnion": _union,
    "KBinsDiscretizer": _bins,
    "MissingIndicator": _indicator,
    "OneHotEncoder": _one_hot,
    "Pipeline": _pipeline,
    "PolynomialFeatures": _powers,
    "SimpleImputer": _imputer,
    "SplineTransformer": _splines,
    "Splines": _own_splines,
    "TargetEncoder": _target_mean,
}


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
