"""Which raw column owns which column of a model's own encoding, and the way back.

A fitted scikit-learn preprocessing is walked once; the walk is then checked by numbers, so that an encoding
which looks separable by column but is not can never reach a method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from xai_compare.data.space import mix_frames
from xai_compare.errors import NotApplicable
from xai_compare.models.opened import folded
from xai_compare.types import Array, Inputs, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_separable", "dense", "fold", "owners", "ownership", "shares"]

Marks: TypeAlias = npt.NDArray[Any]
"""What is known of each column on its way through the steps: its owner (c,), or its shares (c, columns of the table)."""

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


def fold(values: Array, owner: IntArray | Array, d: int) -> Array:
    """Carry values (n, p) of encoded columns back to features: the signed sum over the columns each feature owns, (n, d).

    owner : (p,) the feature of each column, or (p, d) the share that each feature has in it.

    >>> fold(np.array([[1.0, 2.0, -5.0]]), np.array([0, 0, 1]), 2)
    array([[ 3., -5.]])
    """
    return np.asarray(values @ owner) if owner.ndim == 2 else folded(values, owner.astype(np.int64), d)


class Encoding(Protocol):
    """What an adapter has of a model that may be separable by column."""

    columns: tuple[str, ...]
    preprocess: Any
    owner: IntArray | None
    shares: Array | None

    def encode(self, inputs: Inputs) -> Array:
        """(n, p) the encoded inputs."""


def check_separable(model: Encoding, sample: pd.DataFrame) -> None:
    """Mixing encoded columns must equal encoding mixed rows, on random masks of the sample.

    A product of several columns is held against the rows in which all of them, or none, were exchanged.

    Raises
    ------
    NotApplicable
        If it does not, or if the input cannot be encoded as numbers.
    """
    try:
        encoded = model.encode(sample)
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"its input is not numeric and no preprocessing step is known ({error})") from error
    has = np.eye(len(model.columns))[model.owner] if model.shares is None else model.shares
    if encoded.shape[1] != len(has):
        raise NotApplicable(f"its preprocessing gives {encoded.shape[1]} columns where {len(has)} were expected")
    if len(sample) == 1 and "FunctionTransformer" in repr(model.preprocess):
        raise NotApplicable(
            "its preprocessing holds a function, and a single background row cannot show that it treats each column on its own"
        )
    rng = np.random.default_rng(0)
    left, right = rng.integers(len(sample), size=(2, 64))
    keep = rng.random((64, len(model.columns))) < 0.5
    mixed = model.encode(mix_frames(sample, left, sample, right, keep))
    kept, lost = (side.astype(np.float64) @ has.T > 0 for side in (keep, ~keep))
    expected = np.where(kept & lost, mixed, np.where(kept, encoded[left], encoded[right]))
    if not np.array_equal(mixed, expected, equal_nan=True):
        raise NotApplicable("its preprocessing does not treat each column on its own")


class _Multiplied(NotApplicable):
    """A product of several columns, which no single one owns."""


def ownership(transformer: Any, columns: IntArray, c: int) -> tuple[IntArray | None, Array | None, str]:
    """Owners, shares and why there are no owners: (p,), None and "", or None, (p, c) and the reason where columns are multiplied.

    c : columns of the table; the others as in `owners`.
    """
    try:
        return owners(transformer, columns), None, ""
    except _Multiplied as reason:
        return None, shares(transformer, columns, c), str(reason)


def shares(transformer: Any, columns: IntArray, c: int) -> Array:
    """(p, c) the part of each output column that falls to each of the table's c columns; each row adds up to 1.

    A column goes to its owner as a whole; a product in equal parts to the columns that take part in it, whatever their powers.
    """
    return _walked(transformer, np.eye(c)[columns])


def owners(transformer: Any, columns: IntArray) -> IntArray:
    """(p,) the raw column that owns each output column of a fitted transformer.

    Parameters
    ----------
    transformer : a fitted scikit-learn transformer, "passthrough" or None.
    columns : (c,) the raw columns that own its c input columns.

    Raises
    ------
    NotApplicable
        If it mixes features (PCA and the like) or its kind is not known.
    """
    return _walked(transformer, columns)


def _walked(transformer: Any, columns: Marks) -> Marks:
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


def _matching(per_column: Any, columns: Marks, kind: str) -> Any:
    """The same entries as an array, if there is one for each input column."""
    if len(per_column) != len(columns):
        raise NotApplicable(f"the step {kind} sees {len(per_column)} columns where {len(columns)} were expected")
    return np.asarray(per_column)


def _pipeline(transformer: Any, columns: Marks) -> Marks:
    for _, step in transformer.steps:
        columns = _walked(step, columns)
    return columns


def _frozen(transformer: Any, columns: Marks) -> Marks:
    return _walked(transformer.estimator, columns)


def _union(transformer: Any, columns: Marks) -> Marks:
    parts = [_walked(step, columns) for _, step in transformer.transformer_list if step != "drop"]
    return np.concatenate([columns[:0], *parts])


def _one_hot(transformer: Any, columns: Marks) -> Marks:
    return np.repeat(columns, _matching(_one_hot_widths(transformer), columns, "OneHotEncoder"), axis=0)


def _target_mean(transformer: Any, columns: Marks) -> Marks:
    """One column for each column, or one for each class of it."""
    seen = len(transformer.categories_)
    return np.repeat(columns, _matching([len(transformer.encodings_) // seen] * seen, columns, "TargetEncoder"), axis=0)


def _splines(transformer: Any, columns: Marks) -> Marks:
    width = transformer.n_features_out_ // transformer.n_features_in_
    return np.repeat(columns, _matching([width] * transformer.n_features_in_, columns, "SplineTransformer"), axis=0)


def _own_splines(transformer: Any, columns: Marks) -> Marks:
    return np.repeat(columns, len(transformer.knots) + 1, axis=0)


def _bins(transformer: Any, columns: Marks) -> Marks:
    widths = _matching(transformer.n_bins_, columns, "KBinsDiscretizer")
    return columns if transformer.encode == "ordinal" else np.repeat(columns, widths, axis=0)


def _indicator(transformer: Any, columns: Marks) -> Marks:
    return columns[np.asarray(transformer.features_, dtype=np.int64)]


def _imputer(transformer: Any, columns: Marks) -> Marks:
    """Its columns but those without any value, then a flag for each column that had holes."""
    import pandas as pd

    empty = pd.isna(np.asarray(_matching(transformer.statistics_, columns, "SimpleImputer"), dtype=object))
    kept = columns if transformer.strategy == "constant" or transformer.keep_empty_features else columns[~empty]
    flags = [] if transformer.indicator_ is None else [_indicator(transformer.indicator_, columns)]
    return np.concatenate([kept, *flags])


def _powers(transformer: Any, columns: Marks) -> Marks:
    """The column whose powers each one is; a constant one never changes, and may belong to any."""
    powers = np.asarray(transformer.powers_) > 0
    if columns.ndim == 2:
        part = np.array([(columns[used] if used.any() else columns[:1]).any(axis=0) for used in powers], dtype=np.float64)
        return np.asarray(part / part.sum(axis=1, keepdims=True))
    features = [np.unique(columns[used]) for used in powers]
    if any(len(each) > 1 for each in features):
        raise _Multiplied("the preprocessing step PolynomialFeatures multiplies features, and a product belongs to no single one")
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


def _column_transformer(transformer: Any, columns: Marks) -> Marks:
    names = [str(name) for name in getattr(transformer, "feature_names_in_", range(len(columns)))]
    places, parts = [np.empty(0, dtype=np.int64)], [columns[:0]]
    for label, step, chosen in transformer.transformers_:
        where = transformer.output_indices_[label]
        if step == "drop" or where.start == where.stop:
            continue
        owned = _walked(step, columns[_positions(chosen, names)])
        if len(owned) != where.stop - where.start:
            raise NotApplicable(f"the step '{label}' gives {where.stop - where.start} columns where {len(owned)} were expected")
        places.append(np.arange(where.start, where.stop))
        parts.append(owned)
    return np.asarray(np.concatenate(parts)[np.argsort(np.concatenate(places))])


_OPENED: dict[str, Callable[[Any, Marks], Marks]] = {
    "ColumnTransformer": _column_transformer,
    "FeatureUnion": _union,
    "FrozenEstimator": _frozen,
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
