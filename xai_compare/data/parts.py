"""What images and series have in common as feature spaces: arrays of one shape, of which every number belongs to one part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from xai_compare.errors import DataError
from xai_compare.types import Array, BoolArray, IntArray, Modality

__all__ = ["NOISE", "Parts", "check_fill", "edges"]

NOISE = 0.02
"""Standard deviation of the noise that makes a neighbour, as a share of the range of the known values."""

_NUMBERS = 2**19  # of one block while inputs are masked: it stays in the cache, and what a fill needs beside it stays small


def check_fill(fill: str, fills: Sequence[str], modality: str) -> None:
    """Raise DataError for a way of hiding that a feature space does not have."""
    if fill not in fills:
        raise DataError(f"unknown fill '{fill}' for {modality}. Allowed: {', '.join(fills)}")


def edges(length: int, count: int) -> IntArray:
    """(count + 1,) where `count` parts of 0..length-1 begin and the last one ends: equal up to rounding.

    >>> edges(10, 4)
    array([ 0,  2,  5,  8, 10])
    """
    return np.round(np.arange(count + 1) * length / count).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Parts:
    """Features that are parts of an array: the base of `ImageSpace` and `SeriesSpace`.

    background : (B, ...) the one background of the study.
    """

    modality: ClassVar[Modality]
    fills: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]] = ()
    column_kinds: ClassVar[tuple[str, ...]] = ()
    feature_of: ClassVar[IntArray] = np.empty(0, dtype=np.int64)
    kind: ClassVar[str]

    background: npt.NDArray[Any]

    @cached_property
    def part_of(self) -> IntArray:
        """The feature of each number; broadcasts to one input."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        raise NotImplementedError

    @property
    def layout(self) -> Mapping[str, Any]:
        raise NotImplementedError

    @cached_property
    def d(self) -> int:
        return int(self.part_of.max()) + 1

    @property
    def cells(self) -> int:
        return int(np.prod(self.background.shape[1:]))

    @property
    def kinds(self) -> tuple[str, ...]:
        return (self.kind,) * self.d

    def width(self, fill: str) -> int:
        check_fill(fill, self.fills, self.modality)
        return len(self.background) if fill == "background" else 1

    def fill_rows(self, fill: str) -> npt.NDArray[Any] | None:
        check_fill(fill, self.fills, self.modality)
        return self.background if fill == "background" else None

    def with_background(self, inputs: npt.NDArray[Any]) -> Self:
        return replace(self, background=inputs)

    def hide(self, inputs: npt.NDArray[Any], rows: IntArray, keep: BoolArray, fill: str) -> npt.NDArray[Any]:
        width = self.width(fill)
        out = np.empty((len(rows), width, *inputs.shape[1:]), dtype=inputs.dtype)
        fills = self._prepared(inputs, rows, fill)
        step = max(1, _NUMBERS // max(1, width * self.cells))
        for start in range(0, len(rows), step):
            at = slice(start, start + step)
            cases = inputs[rows[at]]
            shown = np.broadcast_to(keep[at][:, self.part_of], cases.shape)
            out[at] = np.where(shown[:, None], cases[:, None], self._filled(cases, shown, rows[at], fill, fills))
        return out.reshape(len(rows) * width, *inputs.shape[1:])

    def _prepared(self, inputs: npt.NDArray[Any], rows: IntArray, fill: str) -> Any:
        """What `_filled` needs and all blocks share."""
        raise NotImplementedError

    def _filled(self, cases: npt.NDArray[Any], shown: BoolArray, rows: IntArray, fill: str, fills: Any) -> npt.NDArray[Any]:
        """(m or 1, width, ...) what stands where m cases show nothing; `shown` (m, ...)."""
        raise NotImplementedError

    def labels(self, inputs: npt.NDArray[Any]) -> list[list[str]]:
        """The mean of each part, three digits; "" for a part that a case does not have."""
        return [["" if np.isnan(mean) else f"{mean:.3g}" for mean in row] for row in self.means(inputs).tolist()]

    def means(self, inputs: npt.NDArray[Any]) -> Array:
        """(n, d) mean of the known numbers of each part; NaN where there are none."""
        flat = np.asarray(inputs, dtype=np.float64).reshape(len(inputs), -1)
        whose = np.broadcast_to(self.part_of, inputs.shape[1:]).ravel()
        known = ~np.isnan(flat)
        at = (whose + self.d * np.arange(len(flat))[:, None])[known]
        sums, counts = (np.bincount(at, weights, len(flat) * self.d) for weights in (flat[known], None))
        with np.errstate(invalid="ignore"):
            return np.asarray((sums / counts).reshape(len(flat), self.d))
