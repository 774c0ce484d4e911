"""Any Python callable as a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.data.text import plain
from xai_compare.errors import ModelError
from xai_compare.types import Array, Inputs, IntArray, Output, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FunctionModel", "adapt_function"]


@dataclass(eq=False)
class FunctionModel:
    """A callable from inputs to (n,) or (n, k) outputs. Nothing of its inside is known: only model-agnostic methods fit."""

    name: str
    function: Callable[[Any], Any]
    task: Task
    outputs: tuple[str, ...]
    native: Output
    as_array: bool
    about: Mapping[str, Any] = field(default_factory=dict)
    owner: IntArray | None = None
    closed: str = "a plain function has no inside to open"
    core: Any = None
    weights: tuple[Array, Array] | None = None

    @property
    def offers(self) -> frozenset[str]:
        return frozenset({self.native})

    def predict(self, inputs: Inputs, output: Output) -> Array:
        if output != self.native:
            raise ModelError(f"model '{self.name}' is a function that returns a {self.native}, not a {output}")
        raw = np.asarray(self.function(_given(inputs, self.as_array)), dtype=np.float64)
        if len(raw) != len(inputs) or not np.isfinite(raw).all():
            raise ModelError(f"model '{self.name}' returned {len(raw)} outputs for {len(inputs)} rows, or values that are not finite")
        if self.task == "regression":
            return raw.reshape(len(raw), 1)
        outputs = np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw
        if outputs.shape[1] != len(self.outputs) or not _probable(outputs):
            found = f"{outputs.shape[1]} columns from {outputs.min():.3g} to {outputs.max():.3g}"
            raise ModelError(f"model '{self.name}' must return probabilities of {len(self.outputs)} classes, and returned {found}")
        return outputs

    def decide(self, inputs: Inputs) -> IntArray:
        return np.asarray(self.predict(inputs, self.native).argmax(axis=1), dtype=np.int64)

    def encode(self, inputs: Inputs) -> Array:
        raise ModelError(self.closed)

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        raise ModelError(self.closed)


def _probable(outputs: Array) -> bool:
    """Whether each row could be probabilities of classes."""
    return bool(np.all((outputs >= 0) & (outputs <= 1)) and np.allclose(outputs.sum(axis=1), 1, atol=1e-6))


def _given(inputs: Inputs, as_array: bool) -> Any:
    """What the function gets: its own view of the rows, so that a column it adds stays with it; texts as a list, without hidden words."""
    if hasattr(inputs, "iloc"):
        return inputs.to_numpy() if as_array else inputs.copy(deep=False)
    if inputs.dtype == object:
        return [plain(text, "") for text in inputs.tolist()]
    return inputs.copy()


def adapt_function(
    name: str, function: Callable[[Any], Any], sample: pd.DataFrame, classes: Sequence[str], as_array: bool
) -> FunctionModel:
    """Learn from a few rows what a callable returns.

    classes : the class names where the target is one of classes, else (); probabilities (n, k) follow their order,
    and (n,) values in [0, 1] are read as the probability of the second of two classes.
    as_array : True if the user's own data are an array, so that the function expects one.

    Raises
    ------
    ModelError
        If the outputs are neither one value per row (regression) nor probabilities of the classes.
    """
    try:
        probe = np.asarray(function(_given(sample, as_array)), dtype=np.float64)
    except Exception as error:  # the user's own code may raise anything
        raise ModelError(f"model '{name}' cannot be called on {len(sample)} rows: {type(error).__name__}: {error}") from error
    if probe.ndim not in (1, 2) or len(probe) != len(sample):
        raise ModelError(f"model '{name}' returned shape {probe.shape} for {len(sample)} rows: (rows,) or (rows, classes) is needed")
    about = {"class": getattr(function, "__qualname__", type(function).__name__), "core": "function", "library": "Python"}
    if not classes:
        if probe.ndim == 2 and probe.shape[1] != 1:
            raise ModelError(f"model '{name}' returned {probe.shape[1]} columns. Give y (the class labels), so that they get names")
        return FunctionModel(name, function, "regression", ("value",), "value", as_array, about)
    k = 2 if probe.ndim == 1 else probe.shape[1]
    if k != len(classes) or not _probable(probe if probe.ndim == 2 else np.column_stack([1 - probe, probe])):
        raise ModelError(
            f"model '{name}' must return the probabilities of the {len(classes)} classes ({', '.join(classes)}), each row adding up to 1; "
            f"it returned shape {probe.shape} with values from {probe.min():.3g} to {probe.max():.3g}"
        )
    if probe.ndim == 1:
        about["note"] = f"its single column is read as the probability of '{classes[1]}'"
    return FunctionModel(name, function, "classification", tuple(classes), "probability", as_array, about)
