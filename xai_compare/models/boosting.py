"""Fitted XGBoost, LightGBM and CatBoost models, alone or at the end of a pipeline, behind the common face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.data.tabular import class_name
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.models._boosters import Booster, booster_of
from xai_compare.models._forest import Forest
from xai_compare.models._inside import inside
from xai_compare.models.encoding import check_separable, ownership
from xai_compare.types import Array, Inputs, IntArray, Output, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BoosterModel", "adapt_booster", "adapt_prepared", "as_text", "is_booster"]


def is_booster(model: Any) -> bool:
    """Whether a model, or the last step of a pipeline, is one of the three libraries' own."""
    return booster_of(inside(model)[1]) is not None


class Codes:
    """The values of one categorical column as numbers, and back. A missing value is NaN.

    known : values by their number; grows : whether a value not among them gets a number of its own, or is missing.
    """

    def __init__(self, known: Sequence[Any], grows: bool) -> None:
        self.known, self.grows = list(known), grows
        self._place = {value: float(number) for number, value in enumerate(self.known)}

    def numbers(self, values: Any) -> Array:
        import pandas as pd

        out = np.full(len(values), np.nan)
        missing = pd.isna(values)
        for i, value in enumerate(values):
            if missing[i]:
                continue
            key = _as_text(value) if self.grows else value
            if self.grows and key not in self._place:
                self._place[key] = float(len(self.known))
                self.known.append(key)
            out[i] = self._place.get(key, np.nan)
        return out

    def values(self, numbers: Array) -> Any:
        """Text for a library that takes text (a missing one is "nan"), else a categorical array."""
        import pandas as pd

        if not self.grows:
            return pd.Categorical.from_codes(np.where(np.isnan(numbers), -1, numbers).astype(int), categories=pd.Index(self.known))
        table = np.array([*self.known, "nan"], dtype=object)
        return table[np.where(np.isnan(numbers), len(self.known), numbers).astype(int)]


def _as_text(value: Any) -> str:
    """CatBoost's own reading of a category: 3 and 3.0 are "3"."""
    return class_name(value)


def as_text(encoded: Array, categorical: Sequence[int]) -> Any:
    """The encoded columns (n, p) with these codes as the text that a library for text takes; a missing one is "nan"."""
    if not categorical:
        return encoded
    import pandas as pd

    columns = {j: Codes([], grows=True) for j in categorical}
    held = [columns[j].values(columns[j].numbers(encoded[:, j])) if j in columns else encoded[:, j] for j in range(encoded.shape[1])]
    return pd.DataFrame(dict(enumerate(held)))


@dataclass(eq=False)
class BoosterModel:
    """A boosted model with the preprocessing before it, if any. See `xai_compare.types.Model` for its face.

    wanted : the columns that the model or its preprocessing was fitted on, in that order.
    codes : the categorical columns of `core`, by position, where they are not numbers already.
    labels : its classes as it knows them itself, () where it does not. numbered : whether its outputs have their names by position.
    """

    name: str
    task: Task
    core: Any
    booster: Booster
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    wanted: tuple[str, ...]
    preprocess: Any = None
    owner: IntArray | None = None
    shares: Array | None = None
    closed: str = ""
    offers: frozenset[str] = frozenset()
    weights: tuple[Array, Array] | None = None
    codes: Mapping[int, Codes] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    labels: Sequence[Any] = ()
    treeless: str = ""
    numbered: bool = False

    @property
    def unseen(self) -> tuple[str, ...]:
        """Columns of the table that the model was not fitted on."""
        return tuple(name for name in self.columns if name not in set(self.wanted))

    @property
    def size(self) -> Mapping[str, int]:
        """What it is made of, counted."""
        return self.booster.size(self.core)

    @property
    def trees(self) -> list[tuple[float, Any]]:
        """What a reader of trees is given: (weight, model) whose outputs add up to the native one."""
        return [(1.0, self.booster.readable(self.core))]

    @property
    def native(self) -> Output:
        return "value" if self.task == "regression" else "margin"

    @property
    def single(self) -> bool:
        """Whether the outputs are sums in float32, which resolve no more than that."""
        return self.booster.single

    def forest(self) -> Forest:
        """All trees in a form of our own."""
        return self.booster.forest(self.core)

    def predict(self, inputs: Inputs, output: Output) -> Array:
        return self.predict_encoded(self.encode(inputs), output)

    def decide(self, inputs: Inputs) -> IntArray:
        seen = self._typed(self.encode(inputs))
        if not self.labels or not hasattr(self.core, "classes_"):
            return np.asarray(self._read(seen, "margin").argmax(axis=1), dtype=np.int64)
        place = {label: position for position, label in enumerate(self.labels)}
        return np.array([place[label] for label in self.booster.decided(self.core, seen)], dtype=np.int64)

    def encode(self, inputs: Inputs) -> Array:
        """(n, p) what the booster compares: its own columns as numbers, categories by their code."""
        seen = inputs[list(self.wanted)]
        if self.preprocess is not None:
            seen = self.preprocess.transform(seen)
        out = self._numbers(seen)
        # A library that compares float32 must be read with the same numbers; codes are whole and stay as they are.
        return out.astype(np.float32).astype(np.float64) if self.booster.rounds else out

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        return self._read(self._typed(encoded), output)

    def contributions(self, encoded: Array) -> Array:
        """(n, p + 1, k) the library's own path-dependent SHAP values in the native output, the last one the base."""
        phi = self.booster.contributions(self.core, self._typed(encoded))
        return _margins(phi, 2) if self.task == "classification" else phi.reshape(*phi.shape[:2], 1)

    def _read(self, seen: Any, output: Output) -> Array:
        if output not in self.offers:
            raise NotApplicable(f"{type(self.core).__name__} with the objective '{self.booster.objective}' gives no {output}")
        if output == "margin":
            return _margins(self.booster.raw(self.core, seen), 1)
        found = self.booster.read(self.core, seen)
        if output == "value":
            return found.reshape(len(found), 1)
        return np.column_stack([1 - found, found]) if found.ndim == 1 else found

    def _numbers(self, seen: Any) -> Array:
        if hasattr(seen, "toarray"):
            seen = seen.toarray()
        if not hasattr(seen, "columns"):
            if not self.codes or seen.dtype.kind in "fiub":
                out = np.asarray(seen, dtype=np.float64)
                return self._recoded(out) if self.codes else out
            import pandas as pd

            seen = pd.DataFrame(seen).infer_objects()
        out = np.empty((len(seen), seen.shape[1]))
        for j in range(seen.shape[1]):
            column = seen.iloc[:, j]
            out[:, j] = self.codes[j].numbers(column) if j in self.codes else column.to_numpy(dtype=np.float64, na_value=np.nan)
        return out

    def _recoded(self, numbers: Array) -> Array:
        """Categories that are numbers already get the codes of their own table all the same."""
        out = numbers.copy()
        for j, codes in self.codes.items():
            out[:, j] = codes.numbers(numbers[:, j])
        return out

    def _typed(self, encoded: Array) -> Any:
        """What the library is given: its own column names and categories put back."""
        if not self.codes and self.booster.names is None:
            return encoded
        import pandas as pd

        names = self.booster.names or [str(j) for j in range(encoded.shape[1])]
        columns = [self.codes[j].values(encoded[:, j]) if j in self.codes else encoded[:, j] for j in range(encoded.shape[1])]
        return pd.DataFrame(dict(enumerate(columns))).set_axis(list(names), axis=1)


def _margins(z: Array, ndim: int) -> Array:
    """Raw scores as margins: -z and z where there is no axis of classes (ndim axes only), else z_k - mean z; twice that for two."""
    if z.ndim == ndim:
        return np.stack([-z, z], axis=-1)
    centred = z - z.mean(axis=-1, keepdims=True)
    return np.asarray(2 * centred if z.shape[-1] == 2 else centred)


def adapt_booster(name: str, estimator: Any, sample: pd.DataFrame) -> BoosterModel:
    """Put a fitted booster, or a pipeline that ends in one, behind the common face, its classes under their own names or numbers.

    Parameters
    ----------
    sample : a few rows (the background), to check the opened parts by numbers.

    Raises
    ------
    ModelError
        If it is not fitted, predicts several targets or lacks a column.
    """
    preprocess, core = inside(estimator)
    names = None if preprocess is None else getattr(estimator, "feature_names_in_", None)
    return _adapted(name, type(estimator).__name__, (preprocess, names, core), sample, None)


def adapt_prepared(name: str, preprocess: Any, core: Any, sample: pd.DataFrame, classes: Sequence[str] | None) -> BoosterModel:
    """The same for a library's bare model and the fitted transformer before it, which need not be a pipeline.

    classes : class names in the order of the booster's outputs; None takes its own, or 0, 1, ... where it knows none.
    """
    return _adapted(name, type(core).__name__, (preprocess, preprocess.feature_names_in_, core), sample, classes)


def _adapted(name: str, shown: str, parts: tuple[Any, Any, Any], sample: pd.DataFrame, classes: Sequence[str] | None) -> BoosterModel:
    preprocess, names, core = parts
    kind = booster_of(core)
    if kind is None:
        raise ModelError(f"model '{name}': {type(core).__name__} is no booster")
    booster = kind(name, core)
    labels = list(np.asarray(getattr(core, "classes_", [])).tolist()) if booster.task == "classification" else []
    outputs = _outputs(name, booster, labels, classes)
    wanted = _wanted(name, booster, (preprocess, names), sample)
    model = BoosterModel(name, booster.task, core, booster, outputs, tuple(map(str, sample.columns)), wanted, preprocess, labels=labels)
    model.offers = frozenset({"value"} if model.task == "regression" else {"margin", "probability"} - booster.lacks)
    try:
        _tables(model, sample)
        tried = model.predict(sample, model.native)
    except ModelError:
        raise
    except Exception as error:  # whatever the library or a step before it raises
        raise ModelError(f"model '{name}' cannot predict the data: {type(error).__name__}: {error}") from error
    if tried.shape[1] != len(outputs):
        raise ModelError(f"model '{name}' gives {tried.shape[1]} outputs where {len(outputs)} were expected")
    _open(model, sample)
    model.about = {"class": shown, "core": type(core).__name__, "library": booster.library}
    return model


def _outputs(name: str, booster: Booster, labels: Sequence[Any], classes: Sequence[str] | None) -> tuple[str, ...]:
    if booster.task == "regression":
        return ("value",)
    own = tuple(map(class_name, labels)) if labels else tuple(map(str, range(booster.k)))
    if classes and len(classes) != len(own):
        raise ModelError(f"model '{name}' knows {len(own)} classes ({', '.join(own)}), the data have {len(classes)}: {', '.join(classes)}")
    return tuple(classes) if classes else own


def _wanted(name: str, booster: Booster, parts: tuple[Any, Any], sample: pd.DataFrame) -> tuple[str, ...]:
    """The fitted columns by name: these libraries do not all look at the order themselves."""
    preprocess, names = parts
    have = [str(column) for column in sample.columns]
    if preprocess is None:
        names = booster.names
    if names is None:
        if preprocess is None and len(have) != booster.width:
            raise ModelError(f"model '{name}' was fitted on {booster.width} columns without names, and the data have {len(have)}")
        return tuple(have)
    spelled = {booster.spelling(column) if preprocess is None else column: column for column in have}
    if missing := [str(column) for column in names if str(column) not in spelled]:
        raise ModelError(f"model '{name}' was fitted with the columns {', '.join(missing)}, which the data lack")
    return tuple(spelled[str(column)] for column in names)


def _tables(model: BoosterModel, sample: pd.DataFrame) -> None:
    """The categorical columns that are not numbers for the library."""
    booster = model.booster
    seen = sample[list(model.wanted)]
    if model.preprocess is not None:
        seen = model.preprocess.transform(seen)
    codes: dict[int, Codes] = {}
    for j in booster.categorical:
        if booster.takes_text:
            codes[j] = Codes([], grows=True)
        elif (known := booster.levels(j, seen)) is not None:
            codes[j] = Codes(known, grows=False)
    model.codes = codes


def _open(model: BoosterModel, sample: pd.DataFrame) -> None:
    position = {column: j for j, column in enumerate(model.columns)}
    try:
        columns = np.array([position[column] for column in model.wanted], dtype=np.int64)
        model.owner, model.shares, model.closed = ownership(model.preprocess, columns, len(model.columns))
        check_separable(model, sample)
    except NotApplicable as reason:
        model.owner, model.shares, model.closed = None, None, str(reason)
        return
    model.treeless = model.booster.treeless or _bent(model, sample)
    if not model.treeless:
        model.offers |= {"tree"}
    if model.owner is None:  # a product of columns is one player of its own for shap's reader of trees only
        return
    if model.booster.leaves and not _bent(model, sample):
        model.offers |= {"leaves"}
    if model.booster.contributes and not _bent(model, sample):
        model.offers |= {"contributions"}


def _bent(model: BoosterModel, sample: pd.DataFrame) -> str:
    """Why the trees do not add up in the native output: a regression behind a link function; "" if they do."""
    if model.task == "classification":
        return ""
    seen = model._typed(model.encode(sample))
    raw, value = model.booster.raw(model.core, seen), model.booster.read(model.core, seen)
    same = raw.shape == value.shape and np.allclose(raw, value, rtol=1e-6, atol=1e-9)
    return "" if same else f"its value is not the sum of its trees but a function of it (objective '{model.booster.objective}')"
