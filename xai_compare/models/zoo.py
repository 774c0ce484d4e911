"""The kinds of model that a study can train, and the net of our own. The others stand in recipes.py and recipes_boosting.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xai_compare.errors import ModelError
from xai_compare.models.torch import TorchTable
from xai_compare.registry import Registry, configured
from xai_compare.types import Data, Model, Task

__all__ = ["KINDS", "Kind", "Mlp"]


class Kind(Protocol):
    """A recipe from training data to a fitted model."""

    tasks: tuple[Task, ...]

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        """The fitted model and the bytes from which `load` brings it back."""

    def load(self, name: str, content: bytes, data: Data) -> Model:
        """The same model from its bytes."""

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise ModelError at a parameter that this kind does not have."""


KINDS: Registry[Kind] = Registry("model kind", "xai_compare.models")


@dataclass(frozen=True, slots=True)
class Mlp:
    """A torch perceptron on raw columns, standardisation inside, stopped early on a held-out fifth of the training rows.

    A missing number counts as the training rows' median, a missing category as none of the known ones.

    hidden : widths of the hidden layers; learning_rate, weight_decay : Adam's; epochs : at most;
    patience : epochs without improvement before it stops.
    """

    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    epochs: int = 300
    patience: int = 20

    def __post_init__(self) -> None:
        if min(self.hidden, default=1) < 1:
            raise ModelError(f"hidden must be widths of at least 1, found {list(self.hidden)}")
        if self.epochs < 1:
            raise ModelError(f"epochs must be at least 1, found {self.epochs}")
        if self.learning_rate <= 0:
            raise ModelError(f"learning_rate must be above 0, found {self.learning_rate}")

    @property
    def tasks(self) -> tuple[Task, ...]:
        return ("classification", "regression")

    def check(self, params: Mapping[str, Any]) -> None:
        configured(Mlp, params)

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        from xai_compare.models import _nets

        own = configured(Mlp, params)
        frame, y = data.train.inputs, data.train.y
        levels = {
            j: sorted(frame[column].dropna().unique().tolist(), key=str)
            for j, (column, kind) in enumerate(zip(frame.columns, data.space.column_kinds, strict=True))
            if kind != "numeric"
        }
        outputs = data.classes or ("value",)
        fills = {
            j: float(np.median(known)) if len(known := frame[column].dropna().to_numpy(dtype=np.float64)) else 0.0
            for j, column in enumerate(frame.columns)
            if j not in levels
        }
        model = TorchTable(name, None, data.task, outputs, tuple(frame.columns), levels, own.hidden, fills=fills)
        how = _nets.Fit(own.hidden, own.learning_rate, own.weight_decay, own.epochs, own.patience)
        if y is None:
            raise ModelError(f"model '{name}' cannot be trained: the training rows have no target")
        model.core = _nets.fit_perceptron(model.encode(frame), y, len(outputs), how, seed)
        return model, model.to_bytes()

    def load(self, name: str, content: bytes, data: Data) -> Model:
        return TorchTable.from_bytes(name, content)


KINDS.register("mlp")(Mlp())
