"""A model made of a user's torch module on a table: one input of numbers, or several, with embedded categories among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from xai_compare.errors import ModelError, NotApplicable, nearest
from xai_compare.models._handed import BATCH, Given
from xai_compare.models.encoding import check_separable
from xai_compare.types import Array, Inputs, IntArray, Output

__all__ = ["OnTable"]


@dataclass(eq=False)
class OnTable(Given):
    """On the processor, like our own net on tables. Opened where each number that goes in belongs to one column."""

    modality: ClassVar[str] = "table"

    columns: tuple[str, ...] = ()
    preprocess: Any = None
    shares: Array | None = None

    @property
    def opens(self) -> bool:
        return self.owner is not None

    def raw(self, inputs: Inputs) -> Array:
        import torch

        from xai_compare.models import _nets, _splice

        if self.opens:
            return _nets.forward(self.core, self.encode(inputs), BATCH["table"])
        return _nets.answers(_splice.Logits(self.core), self.arguments(inputs), BATCH["table"], torch.device("cpu"))

    def predict(self, inputs: Inputs, output: Output) -> Array:
        return self.predict_encoded(self.encode(inputs), output) if self.opens else Given.predict(self, inputs, output)

    def encode(self, inputs: Inputs) -> Array:
        import torch

        with torch.inference_mode():
            out: Array = self.core.encoded(*map(torch.from_numpy, self.arguments(inputs))).double().numpy()
        return out

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        from xai_compare.models import _nets

        return _nets.forward(_nets.InSpace(self.core, output).eval(), encoded, BATCH["table"])

    def try_on(self, sample: Inputs) -> None:
        self.columns = tuple(map(str, sample.columns))
        if unknown := [column for column in self.layers if column not in self.columns]:
            raise ModelError(f"model '{self.name}': layer names the column '{unknown[0]}': {nearest(unknown[0], self.columns)}")
        Given.try_on(self, sample)
        self.about = {**self.about, "device": "cpu"}
        plain, whole = self.core, self.raw(sample)
        try:
            self._open(sample)
            off = float(np.abs(self.raw(sample) - whole).max())
            if off > 1e-4 * max(1.0, float(np.abs(whole).max())):
                raise NotApplicable("its codes reach its output on other ways than through the layers that are named")
            check_separable(self, sample)
            self.closed = ""
        except NotApplicable as reason:
            self.core, self.owner, self.closed = plain, None, str(reason)

    def _open(self, sample: Inputs) -> None:
        """The module as a net of one matrix, and whose each of its columns is."""
        from xai_compare.models import _splice

        given = self.arguments(sample)
        codes = [list(each.shape[1:]) for each in given if each.dtype.kind != "f"]
        if codes and not self.layers:
            raise NotApplicable("its codes go through no layer that is named")
        if any(each.ndim != 2 for each in given if each.dtype.kind == "f"):
            raise NotApplicable("its numbers are no matrix with a column for each")
        widths = [each.shape[1] if each.dtype.kind == "f" else None for each in given]
        self.core = _splice.Columns(self.core, widths, codes, list(self.layers.values())).eval()
        owned = self._owners(sum(width for width in widths if width is not None))
        self.encode(sample)  # after which the sizes are known
        sizes = [math.prod(shape) for shape in self.core.shapes]
        looked_up = np.repeat([self.columns.index(column) for column in self.layers], sizes)
        self.owner = np.concatenate([owned, looked_up]).astype(np.int64)

    def _owners(self, p: int) -> IntArray:
        """(p,) the column of each number that goes in."""
        said = [column for column in self.columns if column not in self.layers] if self.given.owner is None else list(self.given.owner)
        if unknown := [column for column in said if column not in self.columns]:
            raise ModelError(f"model '{self.name}': owner names the column '{unknown[0]}': {nearest(str(unknown[0]), self.columns)}")
        if len(said) != p:
            raise NotApplicable(f"{p} numbers go in and {len(said)} columns are known for them: say by owner whose each one is")
        return np.array([self.columns.index(column) for column in said], dtype=np.int64)
