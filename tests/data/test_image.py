"""Hiding patches of images: every masked image against a loop over its pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from xai_compare.data.image import ImageSpace, as_images, usual_grid
from xai_compare.errors import DataError
from xai_compare.types import FeatureSpace

SHAPES = {"grey": (12, 12), "oblong": (8, 12), "uneven": (11, 8), "colour": (8, 8, 3), "one row": (1, 8)}


def pictures(shape: tuple[int, ...], n: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *shape)).astype(np.float32)


@pytest.fixture(params=SHAPES)
def images(request) -> np.ndarray:
    return pictures(SHAPES[request.param])


def blurred_by_hand(image: np.ndarray, sigma: tuple[float, float]) -> np.ndarray:
    """A Gaussian over rows and then over columns, edge pixels repeated; weights cut at four standard deviations."""
    out = image.astype(np.float64)
    for axis, width in enumerate(sigma):
        reach = int(4 * width + 0.5)
        weights = [math.exp(-0.5 * (step / width) ** 2) for step in range(-reach, reach + 1)]
        side = image.shape[axis]
        at = [[min(max(i + step, 0), side - 1) for step in range(-reach, reach + 1)] for i in range(side)]
        moved = np.moveaxis(out, axis, 0)
        smooth = np.stack([sum(w * moved[j] for w, j in zip(weights, places, strict=True)) / sum(weights) for places in at])
        out = np.moveaxis(smooth, 0, axis)
    return out


def patch_by_hand(i: int, j: int, sides: tuple[int, int], grid: tuple[int, int]) -> int:
    def part(at: int, side: int, count: int) -> int:
        return max(k for k in range(count) if round(k * side / count) <= at)

    return part(i, sides[0], grid[0]) * grid[1] + part(j, sides[1], grid[1])


def fills_by_hand(space: ImageSpace, image: np.ndarray, fill: str) -> list[np.ndarray]:
    if fill == "background":
        return list(space.background)
    if fill == "mean":
        return [sum(each.astype(np.float64) for each in space.background) / len(space.background)]
    grid = space._grid
    sigma = tuple(max(side / g, side / 6) for side, g in zip(image.shape[:2], grid, strict=True))
    return [blurred_by_hand(image, sigma)]


@pytest.mark.parametrize("fill", ["blur", "mean", "background"])
def test_every_pixel_is_shown_or_filled(images, fill) -> None:
    space = ImageSpace(pictures(images.shape[1:], 3, seed=1))
    rng = np.random.default_rng(2)
    rows, keep = np.array([4, 0, 4, 2]), rng.random((4, space.d)) < 0.5
    found = space.hide(images, rows, keep, fill)
    width = 3 if fill == "background" else 1
    assert found.shape == (4 * width, *images.shape[1:])
    assert found.dtype == np.float32
    assert space.width(fill) == width
    sides = images.shape[1:3]
    for m, row in enumerate(rows):
        for b, fills in enumerate(fills_by_hand(space, images[row], fill)):
            for i in range(sides[0]):
                for j in range(sides[1]):
                    shown = keep[m, patch_by_hand(i, j, sides, space._grid)]
                    wanted = images[row, i, j] if shown else fills[i, j]
                    np.testing.assert_allclose(found[m * width + b, i, j], wanted, atol=2e-6)


def test_a_block_is_no_different_from_many(monkeypatch) -> None:
    images = pictures((8, 8))
    space = ImageSpace(images)
    rows, keep = np.arange(50) % 5, np.random.default_rng(0).random((50, 64)) < 0.5
    wanted = {fill: space.hide(images, rows, keep, fill) for fill in space.fills}
    monkeypatch.setattr("xai_compare.data.parts._NUMBERS", 100)
    for fill in space.fills:
        np.testing.assert_array_equal(space.hide(images, rows, keep, fill), wanted[fill])


def test_nothing_hidden_is_the_image_itself(images) -> None:
    space = ImageSpace(images)
    for fill in space.fills:
        shown = space.hide(images, np.array([3, 1]), np.ones((2, space.d), dtype=bool), fill)
        np.testing.assert_array_equal(shown, np.repeat(images[[3, 1]], space.width(fill), axis=0))


@pytest.mark.parametrize(
    ("side", "wanted"),
    [(28, 7), (8, 8), (32, 8), (64, 8), (224, 8), (30, 6), (25, 5), (12, 6), (4, 4), (3, 3), (1, 1), (31, 7), (11, 7), (22, 7), (9, 7)],
)
def test_the_usual_grid(side, wanted) -> None:
    assert usual_grid(side) == wanted


def test_patches_of_28_are_squares_of_4() -> None:
    space = ImageSpace(pictures((28, 28)))
    assert space.d == 49
    assert np.bincount(space.patch_of.ravel()).tolist() == [16] * 49
    assert space.patch_of[0, :6].tolist() == [0, 0, 0, 0, 1, 1]
    assert space.patch_of[9, 27] == 2 * 7 + 6
    assert space.names[20] == "row 3, column 7"
    assert set(space.kinds) == {"patch"}
    assert len(space.names) == len(space.kinds) == 49
    assert space.cells == 784


def test_an_uneven_grid_differs_by_a_pixel() -> None:
    space = ImageSpace(pictures((11, 10)), (4, 3))
    counts = np.bincount(space.patch_of.ravel()).reshape(4, 3)
    assert space.d == 12
    assert counts.sum() == 110
    assert {tuple(np.unique(space.patch_of, axis=0).shape)} == {(4, 10)}
    assert max(counts.ravel()) <= 3 * 4
    assert min(counts.ravel()) >= 2 * 3


@pytest.mark.parametrize(("grid", "said"), [((0, 2), "found 0"), ((2, 13), "its width, found 13"), ((1, 1), "one patch")])
def test_a_grid_that_does_not_fit_is_refused(grid, said) -> None:
    with pytest.raises(DataError, match=said):
        ImageSpace(pictures((12, 12)), grid)


def test_all_patches_are_present_and_there_are_no_columns() -> None:
    space: FeatureSpace = ImageSpace(pictures((8, 8, 3)))
    assert space.present(pictures((8, 8, 3))).all()
    assert space.present(pictures((8, 8, 3))).shape == (5, 64)
    assert (space.columns, space.column_kinds, space.feature_of.tolist()) == ((), (), [])
    assert space.modality == "image"
    assert space.cells == 192


def test_fill_rows_are_the_background_alone() -> None:
    images = pictures((8, 8))
    space = ImageSpace(images)
    assert space.fill_rows("background") is images
    assert space.fill_rows("blur") is space.fill_rows("mean") is None
    other = space.with_background(images[:2])
    assert other.width("background") == 2
    np.testing.assert_allclose(other.mean, images[:2].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("ask", [ImageSpace.width, ImageSpace.fill_rows])
def test_an_unknown_fill_is_refused(ask) -> None:
    with pytest.raises(DataError, match=r"unknown fill 'reference' for image\. Allowed: blur, mean, background"):
        ask(ImageSpace(pictures((8, 8))), "reference")
    with pytest.raises(DataError, match="unknown fill"):
        ImageSpace(pictures((8, 8))).hide(pictures((8, 8)), np.array([0]), np.ones((1, 64), dtype=bool), "reference")


def test_neighbours_are_two_percent_of_noise_cut_to_the_range() -> None:
    known = pictures((28, 28)) * 0.5 + 0.25  # a range of 0.5
    images = np.stack([np.full((28, 28), 0.5), np.zeros((28, 28)), np.ones((28, 28))]).astype(np.float32)
    draws = [np.random.default_rng(seed) for seed in (0, 1, 0)]
    found = ImageSpace(known).neighbours(images, known, 20, draws).reshape(3, 20, 28, 28)
    assert found.dtype == np.float32
    spread = 0.02 * float(known.max() - known.min())
    assert abs(float(found[0].std()) / spread - 1) < 0.02
    assert abs(float(found[0].mean()) - 0.5) < 1e-3
    assert found.min() == 0
    assert found.max() == 1
    assert 0.45 < float((found[1] > 0).mean()) < 0.55
    np.testing.assert_allclose(found[0] - 0.5, np.where(found[2] < 1, found[2] - 1, found[0] - 0.5), atol=1e-6)  # the same draws
    again = ImageSpace(known).neighbours(images[:1], known, 20, [np.random.default_rng(0)])
    np.testing.assert_array_equal(again, found[0])


def test_labels_are_means_of_patches() -> None:
    image = np.zeros((1, 8, 8), dtype=np.float32)
    image[0, 0, 0], image[0, 0, 1] = 0.5, 1.0
    space = ImageSpace(image, (2, 4))
    assert space.labels(image)[0][:2] == ["0.188", "0"]
    colour = np.zeros((1, 8, 8, 3), dtype=np.float32)
    colour[..., 2] = 0.3
    assert set(ImageSpace(colour).labels(colour)[0]) == {"0.1"}


def test_arrays_become_images() -> None:
    whole = as_images(np.array([[[0, 255], [51, 102]]], dtype=np.uint8))
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole, [[[0, 1], [0.2, 0.4]]], atol=1e-7)
    assert as_images(np.ones((2, 3, 4, 1))).shape == (2, 3, 4)
    assert as_images(np.ones((2, 3, 4, 3), dtype=bool)).dtype == np.float32


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 64)), r"found shape \(4, 64\)"),
        (np.zeros((4, 3, 8, 8)), "Put the channels last"),
        (np.zeros((4, 8, 8, 4)), "found shape"),
        (np.zeros((0, 8, 8)), "is empty"),
        (np.zeros((3, 1, 1)), "one pixel"),
        (np.zeros((3, 8, 8), dtype=np.int64), "found int64"),
        (np.full((3, 8, 8), "a"), "must be uint8"),
        (np.full((3, 8, 8), 255.0), "found 255 to 255"),
        (np.full((3, 8, 8), -0.1), "between 0 and 1"),
        (np.where(np.arange(128).reshape(2, 8, 8) == 100, np.nan, 0.5), "first in image 1"),
        (np.full((3, 8, 8), np.inf), "missing or infinite"),
    ],
)
def test_what_is_no_image_is_refused(array, said) -> None:
    with pytest.raises(DataError, match=f"^pictures .*{said}"):
        as_images(array, "pictures")


def test_the_space_can_be_copied() -> None:
    space = ImageSpace(pictures((12, 12)), (3, 2))
    assert replace(space, grid=None).d == 36
    assert space.with_background(pictures((12, 12), 2)).names == space.names
