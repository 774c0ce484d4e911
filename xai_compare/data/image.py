"""The feature space of images: the patches of a grid, hidden by a blurred copy, by the mean image or by images of the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from xai_compare.data.parts import NOISE, Parts, check_fill, edges
from xai_compare.errors import DataError
from xai_compare.types import BoolArray, IntArray, Modality

__all__ = ["Grid", "ImageSpace", "Images", "as_images", "usual_grid"]

Images = npt.NDArray[np.float32]

_MOST, _FEWEST, _UNEVEN = 8, 4, 7


def usual_grid(side: int) -> int:
    """Patches along a side: the largest number up to 8 that divides it; 7 uneven ones where nothing from 4 to 8 does.

    >>> [usual_grid(side) for side in (8, 28, 32, 31, 3)]
    [8, 7, 8, 7, 3]
    """
    best = max(g for g in range(1, _MOST + 1) if side % g == 0)
    return best if best >= min(_FEWEST, side) else _UNEVEN


def as_images(inputs: Any, what: str = "X") -> Images:
    """Images as float32 in [0, 1], (n, height, width) or (n, height, width, 3).

    Parameters
    ----------
    inputs : array of whole numbers 0 to 255 (uint8), of booleans, or of numbers from 0 to 1; a last axis of length 1 is dropped.

    Raises
    ------
    DataError
        Another shape, no images, values outside [0, 1], missing or infinite values.
    """
    array = np.asarray(inputs)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3):
        hint = ". Put the channels last" if array.ndim == 4 and array.shape[1] in (1, 3) else ""
        raise DataError(
            f"{what} must be images of shape (images, height, width) or (images, height, width, 3), found shape {array.shape}{hint}"
        )
    if 0 in array.shape:
        raise DataError(f"{what} is empty: its shape is {array.shape}")
    if array.shape[1] * array.shape[2] < 2:
        raise DataError(f"{what} holds images of one pixel: there is nothing to tell apart in them")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    if array.dtype.kind not in "bf":
        raise DataError(f"{what} must be uint8 (0 to 255), boolean, or floats from 0 to 1, found {array.dtype}. Convert it")
    if not np.isfinite(array).all():
        first = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(f"{what} has values that are missing or infinite, first in image {first}. Replace them")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        raise DataError(f"{what} must lie between 0 and 1, found {low:.4g} to {high:.4g}. Divide it by its largest possible value")
    return np.asarray(array, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ImageSpace(Parts):
    """The patches of a grid over images of one size, and three ways of hiding them.

    `blur`: a copy smoothed by a Gaussian, its standard deviation the side of a patch or a sixth of the image's, whichever is larger.
    `mean`: the mean image of the background. `background`: every background image in turn, outputs averaged by the game.

    Attributes
    ----------
    background : float32 (B, H, W) grey or (B, H, W, 3) colour, in [0, 1].
    grid : patches along the height and along the width; None: `usual_grid` of each. Patches are equal, up to a pixel where the
        grid does not divide the side.
    """

    modality: ClassVar[Modality] = "image"
    fills: ClassVar[tuple[str, ...]] = ("blur", "mean", "background")
    kind: ClassVar[str] = "patch"

    grid: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        height, width = self._sides
        for said, side, along in zip(self._grid, (height, width), ("height", "width"), strict=True):
            if not 1 <= said <= side:
                raise DataError(f"grid: an image of {height} x {width} pixels takes 1 to {side} patches along its {along}, found {said}")
        if self._grid == (1, 1):
            raise DataError("grid: one patch is the whole image. Take at least 2")

    @property
    def _sides(self) -> tuple[int, int]:
        return self.background.shape[1], self.background.shape[2]

    @property
    def _grid(self) -> tuple[int, int]:
        height, width = self._sides
        return (usual_grid(height), usual_grid(width)) if self.grid is None else self.grid

    @cached_property
    def patch_of(self) -> IntArray:
        """(H, W) the feature of each pixel, row by row."""
        along = [
            np.searchsorted(edges(side, g), np.arange(side), side="right") - 1 for side, g in zip(self._sides, self._grid, strict=True)
        ]
        return np.asarray(along[0][:, None] * self._grid[1] + along[1], dtype=np.int64)

    @cached_property
    def part_of(self) -> IntArray:
        return self.patch_of if self.background.ndim == 3 else self.patch_of[..., None]

    @property
    def layout(self) -> Mapping[str, Any]:
        both = zip(("rows", "columns"), self._sides, self._grid, strict=True)
        return {name: edges(side, g).tolist() for name, side, g in both}

    @property
    def names(self) -> tuple[str, ...]:
        rows, columns = self._grid
        return tuple(f"row {i + 1}, column {j + 1}" for i in range(rows) for j in range(columns))

    def present(self, inputs: Images) -> BoolArray:
        """(n, d): every patch is always there."""
        return np.ones((len(inputs), self.d), dtype=bool)

    def blurred(self, inputs: Images) -> Images:
        """(n, ...) what `blur` shows instead of the images, each channel by itself."""
        from scipy.ndimage import gaussian_filter

        sigma = [max(side / g, side / 6) for side, g in zip(self._sides, self._grid, strict=True)]
        spread = [0.0, *sigma, *[0.0] * (inputs.ndim - 3)]
        return np.asarray(gaussian_filter(np.asarray(inputs, dtype=np.float32), spread, mode="nearest"), dtype=np.float32)

    @cached_property
    def mean(self) -> Images:
        """The mean image of the background."""
        return np.asarray(self.background.mean(axis=0, dtype=np.float64), dtype=np.float32)

    def neighbours(
        self, inputs: Images, known: Images, count: int, draws: Sequence[np.random.Generator], spare: BoolArray | None = None
    ) -> Images:
        """(n * count, ...): a little noise on every pixel, `NOISE` of the range of `known`, cut to [0, 1]."""
        spread = NOISE * float(known.max() - known.min())
        noise = np.stack([draw.standard_normal((count, *inputs.shape[1:]), dtype=np.float32) for draw in draws])
        moved = inputs[:, None] + np.float32(spread) * noise
        return np.clip(moved, 0, 1).astype(np.float32).reshape(-1, *inputs.shape[1:])

    def _prepared(self, inputs: Images, rows: IntArray, fill: str) -> Images:
        check_fill(fill, self.fills, self.modality)
        if fill != "blur":
            return (self.mean[None] if fill == "mean" else self.background)[None]
        used = np.unique(rows)
        out = np.empty(inputs.shape, dtype=np.float32)
        out[used] = self.blurred(inputs[used])
        return out

    def _filled(self, cases: Images, shown: BoolArray, rows: IntArray, fill: str, fills: Images) -> Images:
        return fills[rows][:, None] if fill == "blur" else fills


@dataclass(frozen=True, slots=True)
class Grid:
    """What a study may say of the features of images (`data.params`).

    grid : patches along each side, or [along the height, along the width]; none: `usual_grid`.
    """

    grid: int | tuple[int, int] | None = None

    def space(self) -> Callable[[Images], ImageSpace]:
        """The features, from the images of the background."""
        return partial(ImageSpace, grid=(self.grid, self.grid) if isinstance(self.grid, int) else self.grid)
