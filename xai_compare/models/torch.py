"""A torch net on a table: raw columns in, categories one-hot or as learnt vectors inside the adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.errors import ModelError
from xai_compare.models._neural import Neural
from xai_compare.models.narrow import Narrow
from xai_compare.types import Array, Inputs, IntArray, Model, Output, Task

if TYPE_CHECKING:
    from xai_compare.models._modules import Perceptron

__all__ = ["TorchTable"]

BATCH = 2048
"""Rows of one forward: fixed, because float32 results change with it."""


@dataclass(eq=False)
class TorchTable(Neural):
    """A perceptron with the columns and categories it was trained on. See `xai_compare.types.Model` for its face.

    levels : the known values of each categorical column, by position; an unknown or missing value becomes an all-zero block.
    fills : what a missing number counts as, by position.
    embed : width of the net's own vectors of categories; 0: one-hot columns.
    """

    name: str
    core: Any
    task: Task
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    levels: Mapping[int, list[Any]]
    hidden: tuple[int, ...]
    closed: str = ""
    weights: tuple[Array, Array] | None = None
    fills: Mapping[int, float] = field(default_factory=dict)
    embed: int = 0
    about: Mapping[str, Any] = field(default_factory=lambda: {"class": "mlp", "core": "Perceptron", "library": "torch"})

    def bound(self, name: str, sample: Any, classes: Sequence[str] = ()) -> Model:
        """The same net under a study's name, held against its columns (sample: a few rows).

        Raises
        ------
        ModelError
            If a column is missing.
        """
        if missing := [column for column in self.columns if column not in sample.columns]:
            raise ModelError(f"model '{name}' was trained with the columns {', '.join(missing)}, which the data lack")
        found = replace(self, name=name)
        columns = list(map(str, sample.columns))
        return found if columns == list(self.columns) else Narrow(found, columns, self.columns)

    @property
    def offers(self) -> frozenset[str]:
        return frozenset({"value", "gradient"} if self.task == "regression" else {"margin", "probability", "gradient"})

    @property
    def owner(self) -> IntArray | None:
        return np.repeat(np.arange(len(self.columns), dtype=np.int64), self.widths)

    @property
    def widths(self) -> list[int]:
        """How many encoded columns each feature has."""
        return [(self.embed or len(self.levels[j])) if j in self.levels else 1 for j in range(len(self.columns))]

    def encode(self, inputs: Inputs) -> Array:
        raw = self.raw(inputs)
        if not self.embed:
            return raw
        import torch

        with torch.inference_mode():
            out: Array = self.core.lookup(torch.from_numpy(raw.astype(np.float32))).double().numpy()
        return out

    def raw(self, inputs: Inputs) -> Array:
        """(n, ...) what it is trained on: numbers, and categories one-hot, or where they are learnt as positions in `levels`, -1: none."""
        blocks = []
        for j, name in enumerate(self.columns):
            values = inputs[name]
            if j in self.levels:
                known = np.asarray(self.levels[j], dtype=object)
                held = values.astype(object).where(values.notna(), None).to_numpy(dtype=object)  # NA equals nothing, and says so by raising
                hot = held[:, None] == known[None, :]
                place = hot @ np.arange(1.0, len(known) + 1) - 1  # levels differ, so at most one is met
                blocks.append(place[:, None] if self.embed else hot.astype(np.float64))
            else:
                blocks.append(values.to_numpy(dtype=np.float64, na_value=self.fills.get(j, np.nan))[:, None])
        return np.concatenate(blocks, axis=1)

    def predict(self, inputs: Inputs, output: Output) -> Array:
        return self.predict_encoded(self.encode(inputs), output)

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        from xai_compare.models import _nets

        return _nets.forward(_nets.InSpace(self.core, output).eval(), encoded, BATCH)

    def redrawn(self, seed: int, layers: int | None = None) -> TorchTable:
        """The same net with the parameters of its last layers drawn anew, or of all of them; what it knows of its inputs' units stays."""
        from xai_compare.models import _nets

        return replace(self, core=_nets.redrawn(self.core, seed, layers))

    def blank(self) -> Perceptron:
        """The net before it has learnt anything."""
        from xai_compare.models._modules import Lookup, Perceptron

        sizes = [len(self.levels[j]) if j in self.levels else None for j in range(len(self.columns))]
        return Perceptron(sum(self.widths), self.hidden, len(self.outputs), Lookup(sizes, self.embed) if self.embed else None)

    def to_bytes(self) -> bytes:
        """safetensors, with the shape of the net and its categories in the header."""
        from safetensors.torch import save

        shape = {
            "task": self.task,
            "outputs": self.outputs,
            "columns": self.columns,
            "levels": [[j, list(values)] for j, values in sorted(self.levels.items())],
            "hidden": self.hidden,
            "fills": sorted(self.fills.items()),
        } | ({"embed": self.embed} if self.embed else {})
        return save(self.core.state_dict(), metadata={"xai_compare": json.dumps(shape)})

    @classmethod
    def from_bytes(cls, name: str, content: bytes) -> TorchTable:
        """The inverse of `to_bytes`; runs no code from the file."""
        from safetensors.torch import load

        from xai_compare.models._nets import seeded

        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        shape = json.loads(header["__metadata__"]["xai_compare"])
        levels = {int(j): list(values) for j, values in shape["levels"]}
        fills = {int(j): float(value) for j, value in shape.get("fills", [])}
        outputs, columns = tuple(shape["outputs"]), tuple(shape["columns"])
        model = cls(name, None, shape["task"], outputs, columns, levels, tuple(shape["hidden"]), fills=fills)
        model.embed = int(shape.get("embed", 0))
        with seeded(0):  # a new module draws its parameters, which are replaced below
            model.core = model.blank()
        model.core.load_state_dict(load(content))
        model.core.eval()
        return model
