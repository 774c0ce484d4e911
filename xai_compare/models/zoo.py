"""The kinds of model that a study can train, and the net of our own. The others stand in recipes.py and recipes_boosting.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from xai_compare.errors import ModelError
from xai_compare.models.torch import TorchTable
from xai_compare.registry import Registry, configured
from xai_compare.types import Data, Modality, Model, Task

__all__ = ["KINDS", "Kind", "Mlp", "target_of"]


class Kind(Protocol):
    """A recipe from training data to a fitted model. Kinds for other inputs than tables name them in `modalities`."""

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

    embed : width of the learnt vector that stands for each category; 0: one-hot columns instead.
    hidden : widths of the hidden layers; learning_rate, weight_decay : Adam's; epochs : at most;
    patience : epochs without improvement before it stops.
    """

    modalities: ClassVar[tuple[Modality, ...]] = ("table",)

    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    epochs: int = 300
    patience: int = 20
    embed: int = 0

    def __post_init__(self) -> None:
        if self.embed < 0:
            raise ModelError(f"embed must be a width, or 0 for one-hot columns, found {self.embed}")
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
        from xai_compare.models import _training

        own = configured(Mlp, params)
        frame = data.train.inputs
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
        model = TorchTable(name, None, data.task, outputs, tuple(frame.columns), levels, own.hidden, fills=fills, embed=own.embed)
        how = _training.Fit(own.learning_rate, own.weight_decay, own.epochs, own.patience)
        x, y = model.raw(frame).astype(np.float32), target_of(name, data)
        model.core = _training.fit(model.blank, [x], y, how, seed)
        return model, model.to_bytes()

    def load(self, name: str, content: bytes, data: Data) -> Model:
        return TorchTable.from_bytes(name, content)


def target_of(name: str, data: Data) -> npt.NDArray[Any]:
    """(n,) what a net learns: int64 class positions, or float64 values.

    Raises
    ------
    ModelError
        If the training rows have no target.
    """
    if data.train.y is None:
        raise ModelError(f"model '{name}' cannot be trained: the training rows have no target")
    return np.asarray(data.train.y, dtype=np.float64 if data.task == "regression" else np.int64)


KINDS.register("mlp")(Mlp())
