"""What every net says of itself in the same way, whatever it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xai_compare.errors import ModelError
from xai_compare.types import Array, Inputs, IntArray, Output, Task

__all__ = ["Neural"]


class Neural:
    """Part of the face of `xai_compare.types.Model` for a net that has no encoding by columns; one on tables has its own."""

    name: str
    task: Task
    core: Any
    closed: str

    @property
    def native(self) -> Output:
        return "value" if self.task == "regression" else "margin"

    def predict(self, inputs: Inputs, output: Output) -> Array:
        raise NotImplementedError

    def decide(self, inputs: Inputs) -> IntArray:
        return np.asarray(self.predict(inputs, self.native).argmax(axis=1), dtype=np.int64)

    def encode(self, inputs: Inputs) -> Array:
        raise ModelError(f"model '{self.name}' has no encoding by columns: {self.closed}")

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        raise ModelError(f"model '{self.name}' has no encoding by columns: {self.closed}")

    @property
    def size(self) -> Mapping[str, int]:
        """How many numbers it learnt."""
        return {"parameters": sum(each.numel() for each in self.core.parameters())}

    @property
    def depth(self) -> int:
        """How many layers with parameters the net has; a block of a transformer counts as one."""
        from xai_compare.models import _nets

        return len(_nets.layers(self.core))
