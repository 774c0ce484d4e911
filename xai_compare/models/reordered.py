"""A fitted model with its outputs in the order of the study's classes, where the model keeps them in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from xai_compare.models.wrapper import Wrapper
from xai_compare.types import Array, Inputs, IntArray, Model, Output

__all__ = ["Reordered", "in_order", "own_target"]


class Reordered(Wrapper):
    """A model whose outputs stand in another order; everything else is the model's own.

    Its face (`outputs`, `predict`, `predict_encoded`, `decide`, `weights`) is in the new order. What lies inside it (`core`,
    `trees`, `forest()`, `contributions()`) keeps its own: who reads that asks for `own_target`.

    Parameters
    ----------
    outputs : the class names of the model in the new order.

    Attributes
    ----------
    own_order : (k,) the model's own position of each class.
    """

    def __init__(self, model: Model, outputs: Sequence[str]) -> None:
        super().__init__(model)
        self.outputs = tuple(outputs)
        self._order = np.array([model.outputs.index(name) for name in outputs], dtype=np.int64)
        self.own_order = own_target(model, self._order)

    @property
    def weights(self) -> tuple[Array, Array] | None:
        """(k, p) and (k,), or None for a model that is not linear."""
        found = self.inside.weights
        return None if found is None else (found[0][self._order], found[1][self._order])

    def predict(self, inputs: Inputs, output: Output) -> Array:
        return self.inside.predict(inputs, output)[:, self._order]

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        return self.inside.predict_encoded(encoded, output)[:, self._order]

    def decide(self, inputs: Inputs) -> IntArray:
        return np.asarray(np.argsort(self._order)[self.inside.decide(inputs)], dtype=np.int64)


def in_order(model: Model, classes: Sequence[str]) -> Model:
    """The model with its outputs in the order of `classes`; as it is where they are the same already, or are not the same classes."""
    if model.outputs == tuple(classes) or sorted(model.outputs) != sorted(classes):
        return model
    return cast(Model, Reordered(model, classes))


def own_target(model: Model, target: IntArray) -> IntArray:
    """(n,) the position that each explained output has inside the model, from its position in the study."""
    order: IntArray | None = getattr(model, "own_order", None)
    return target if order is None else order[target]
