"""Images and series in which one part decides the class: `source: "synthetic:patch"`, `synthetic:colour` and `synthetic:stretch`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.image import Grid, Images
from xai_compare.data.parts import Parts
from xai_compare.data.sequences import Stretches
from xai_compare.data.slices import sliced
from xai_compare.data.sources import Held, check_only, params_of
from xai_compare.data.synthetic import MAKERS
from xai_compare.errors import XaiCompareError
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, Data, IntArray, Truth

if TYPE_CHECKING:
    from xai_compare.config import DataSpec

__all__ = ["MARKS", "SHAPES", "TINTS", "Images28", "Painted", "Waves"]

SIDE, CELL = 28, 4
LENGTH, PIECE = 100, 10
NOISE = 0.02
"""Standard deviation of what has no meaning, on images around .5 and on series around 0."""

MARKS = {
    "across": np.tile([[1.0], [0.0], [1.0], [0.0]], (1, CELL)),
    "upright": np.tile([[1.0, 0.0, 1.0, 0.0]], (CELL, 1)),
}
"""(4, 4) the marks: both are as bright on average as what is around them, so that only the direction of their bars tells them apart."""

TINTS = {"disc": (0.2, 0.3, 0.9), "square": (0.9, 0.3, 0.2)}
"""The colour that goes with each shape: equally bright in the mean of the three channels."""

SHAPES = ("disc", "square")


def _check(rows: int, seed: int) -> None:
    if not 20 <= rows <= 20_000:
        raise XaiCompareError(f"rows must be 20 to 20,000, found {rows}")
    if seed < 0:
        raise XaiCompareError(f"seed must be 0 or more, found {seed}")


@dataclass(frozen=True, slots=True)
class Images28(Grid):
    """What a study may say of planted images (`data.params`).

    grid : see `Grid`. rows : 20 to 20,000. seed : of the images; the study's own seed draws the split, the background and the cases.
    """

    rows: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.rows, self.seed)


@dataclass(frozen=True, slots=True)
class Painted(Images28):
    """What a study may say of coloured shapes (`data.params`).

    grid, rows, seed : as of other planted images. swapped : the share of the test images, 0 to 1, whose shape has the colour of the
    other class: there a model that looks at the colour is wrong. The column `colour` of `data.slices` tells them apart.
    """

    swapped: float = 0.0

    def __post_init__(self) -> None:
        _check(self.rows, self.seed)
        if not 0 <= self.swapped <= 1:
            raise XaiCompareError(f"swapped must be 0 to 1, found {self.swapped}")


@dataclass(frozen=True, slots=True)
class Waves(Stretches):
    """What a study may say of planted series (`data.params`).

    stretches : see `Stretches`. rows : 20 to 20,000. seed : of the series.
    """

    rows: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        Stretches.__post_init__(self)
        _check(self.rows, self.seed)


def _streams(name: str, seed: int, rows: int) -> tuple[np.random.Generator, IntArray]:
    """The generator of planted data, and the class of each of them: two classes, half of them each."""
    rng = Streams(seed).at("synthetic", name).shared()
    return rng, rng.permutation(np.arange(rows) % 2)


def _facts(says: str, options: Any, **more: Any) -> dict[str, Any]:
    return {"public": True, "rule": says, "made": {key: value for key, value in asdict(options).items() if value is not None}} | more


def truth_of(data: Data, evidence: BoolArray) -> Truth:
    """The mask of the test rows: the features with at least one number of `evidence` (n of all rows, ...) in them."""
    assert isinstance(data.space, Parts)  # what was made are images and series
    own = evidence[np.array(data.test.ids, dtype=np.int64)].reshape(len(data.test.ids), -1)
    whose = data.space.part_of.ravel()
    return Truth(mask=np.stack([own[:, whose == feature].any(axis=1) for feature in range(data.space.d)], axis=1))


# ---- patch


def patches(rows: int, seed: int) -> tuple[Images, IntArray, BoolArray]:
    """Grey images (n, 28, 28), their classes in `MARKS`, and where the mark is (n, 28, 28): in one of the 7 x 7 cells, any of them."""
    rng, y = _streams("patch", seed, rows)
    images = 0.5 + NOISE * rng.standard_normal((rows, SIDE, SIDE))
    cells = rng.integers(0, SIDE // CELL, (rows, 2)) * CELL
    evidence = np.zeros(images.shape, dtype=bool)
    marks = list(MARKS.values())
    for image, there, code, (i, j) in zip(images, evidence, y.tolist(), cells.tolist(), strict=True):
        image[i : i + CELL, j : j + CELL] = marks[code]
        there[i : i + CELL, j : j + CELL] = True
    return np.clip(images, 0, 1).astype(np.float32), y, evidence


def _patch(spec: DataSpec) -> Held:
    check_only(spec)
    options = params_of(Images28, spec)
    images, y, evidence = patches(options.rows, options.seed)
    facts = _facts("the direction of the bars in one patch of 4 x 4 pixels", options, size=[SIDE, SIDE])
    return Held(images, np.array(list(MARKS))[y], facts=facts, truth=partial(truth_of, evidence=evidence), space=options.space())


# ---- colour


def shapes(rows: int, seed: int, swapped: BoolArray | None = None) -> tuple[Images, IntArray, BoolArray]:
    """Colour images (n, 28, 28, 3), their classes in `SHAPES`, and where the shape is (n, 28, 28).

    swapped : (n,) True for shapes in the colour of the other class.
    """
    rng, y = _streams("colour", seed, rows)
    grey = 0.5 + NOISE * rng.standard_normal((rows, SIDE, SIDE, 1))
    half = rng.uniform(4, 6, rows)
    middle = rng.uniform(6.5, SIDE - 7.5, (rows, 2))
    down, across = (np.abs(np.arange(SIDE) - middle[:, k : k + 1]) for k in (0, 1))
    disc = down[:, :, None] ** 2 + across[:, None, :] ** 2 <= (4 / np.pi) * half[:, None, None] ** 2
    square = np.maximum(down[:, :, None], across[:, None, :]) <= half[:, None, None]
    evidence = np.where(y[:, None, None] == 0, disc, square)
    tints = np.array([TINTS[shape] for shape in SHAPES])[y if swapped is None else np.where(swapped, 1 - y, y)]
    images = np.where(evidence[..., None], tints[:, None, None, :] + (grey - 0.5), grey)
    return np.clip(images, 0, 1).astype(np.float32), y, evidence


def _colour(spec: DataSpec) -> Held:
    import pandas as pd

    check_only(spec, "slices")
    options = params_of(Painted, spec)
    rng = Streams(options.seed).at("synthetic", "colour", "test").shared()
    swapped, test = np.zeros(options.rows, dtype=bool), None
    if options.swapped:  # of the test images alone, so they are drawn here
        test = rng.permutation(options.rows) < round(spec.test_size * options.rows)
        swapped = test & (rng.random(options.rows) < options.swapped)
    images, y, evidence = shapes(options.rows, options.seed, swapped)
    says = pd.DataFrame({"colour": np.where(swapped, "of the other class", "of the class")})
    facts = _facts("the shape, which its colour gives away", options, shortcut="colour", size=[SIDE, SIDE, 3])
    target: npt.NDArray[np.str_] = np.array(SHAPES)[y]
    slices = sliced(says, spec.slices, f"'{spec.source}'")
    return Held(images, target, test, None, facts, slices, partial(truth_of, evidence=evidence), options.space())


# ---- stretch


def waves(rows: int, seed: int) -> tuple[Array, IntArray, BoolArray]:
    """Series (n, 1, 100), their classes (dip, peak), and where the bump is: half a sine over one tenth of the series, any of them."""
    rng, y = _streams("stretch", seed, rows)
    series = NOISE * rng.standard_normal((rows, 1, LENGTH))
    piece = rng.integers(0, LENGTH // PIECE, rows)
    evidence = (np.arange(LENGTH) // PIECE == piece[:, None])[:, None, :]
    bump = np.sin(np.pi * (np.arange(LENGTH) % PIECE + 0.5) / PIECE)
    return series + evidence * bump * (2 * y - 1)[:, None, None], y, evidence


def _stretch(spec: DataSpec) -> Held:
    check_only(spec)
    options = params_of(Waves, spec)
    series, y, evidence = waves(options.rows, options.seed)
    facts = _facts("one stretch goes up and down again, or down and up", options, channels=1, length=LENGTH)
    return Held(series, np.array(["dip", "peak"])[y], facts=facts, truth=partial(truth_of, evidence=evidence), space=options.space())


MAKERS |= {"patch": _patch, "colour": _colour, "stretch": _stretch}
