"""Planted images and series: the class is where the truth says, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.config import DataSpec
from xai_compare.data.planted import MARKS, TINTS, patches, shapes, waves
from xai_compare.data.sources import read
from xai_compare.errors import DataError, UnknownName
from xai_compare.types import Data


def made(name: str, **options) -> Data:
    return read(DataSpec.model_validate({"source": f"synthetic:{name}", "explain": 6, "background": 10, **options}), 0)


def by_evidence(data: Data) -> np.ndarray:
    """The class of each test case as somebody tells it who sees its true features only, by a rule of his own."""
    known = data.truth.mask[:, data.space.part_of]
    seen = np.where(np.broadcast_to(known, data.test.inputs.shape), data.test.inputs, np.nan)
    if data.space.modality == "series":
        return (np.nanmean(seen, axis=(1, 2)) > 0).astype(int)
    if seen.ndim == 4:
        return (np.nanmean(seen[..., 0] - seen[..., 2], axis=(1, 2)) > 0).astype(int)
    return (np.nanmean(np.abs(np.diff(seen, axis=2)), axis=(1, 2)) > np.nanmean(np.abs(np.diff(seen, axis=1)), axis=(1, 2))).astype(int)


@pytest.mark.parametrize(
    ("name", "classes", "share"),
    [("patch", ("across", "upright"), (1, 1)), ("stretch", ("dip", "peak"), (1, 1)), ("colour", ("disc", "square"), (6, 20))],
)
class TestEach:
    def test_the_true_features_tell_the_class(self, name, classes, share) -> None:
        data = made(name, params={"rows": 300})
        assert data.classes == classes
        assert data.space.d == (10 if name == "stretch" else 49)
        assert data.truth.mask.shape == (len(data.test.inputs), data.space.d)
        assert share[0] <= data.truth.mask.sum(axis=1).min() <= data.truth.mask.sum(axis=1).max() <= share[1]
        assert by_evidence(data).tolist() == data.test.y.tolist()

    def test_the_others_hold_noise_alone(self, name, classes, share) -> None:
        data = made(name, params={"rows": 300})
        hidden = ~np.broadcast_to(data.truth.mask[:, data.space.part_of], data.test.inputs.shape)
        rest = data.test.inputs[hidden]
        middle = 0.0 if name == "stretch" else 0.5
        assert abs(rest.mean() - middle) < 0.001
        assert 0.019 < rest.std() < 0.021
        means = [data.test.inputs[data.test.y == code][hidden[data.test.y == code]].mean() for code in (0, 1)]
        assert abs(means[0] - means[1]) < 0.005

    def test_seed_and_rows(self, name, classes, share) -> None:
        one, same, other = (made(name, params={"rows": 40, "seed": seed}) for seed in (0, 0, 1))
        np.testing.assert_array_equal(one.test.inputs, same.test.inputs)
        assert not np.array_equal(np.sort(one.train.inputs.ravel()), np.sort(other.train.inputs.ravel()))
        assert len(one.train.inputs) + len(one.test.inputs) == 40
        assert abs(np.mean(one.train.y) - 0.5) < 0.05
        assert one.about["made"]["rows"] == 40
        assert one.about["public"] is True
        assert one.about["rule"]

    def test_what_cannot_be_is_refused(self, name, classes, share) -> None:
        for params, said in (
            ({"rows": 5}, "rows must be 20"),
            ({"seed": -1}, "seed must be 0"),
            ({"columns": 3}, "unknown parameter 'columns'"),
        ):
            with pytest.raises(DataError, match=f"params of 'synthetic:{name}'.*{said}"):
                made(name, params=params)
        with pytest.raises(DataError, match="no use for 'groups'"):
            made(name, groups={"a": ["b", "c"]})
        with pytest.raises(DataError, match="reads no file"):
            made(name, path="a.npz")


def test_marks_are_as_bright_as_what_is_around_them() -> None:
    assert {float(mark.mean()) for mark in MARKS.values()} == {0.5}
    assert len({round(sum(tint), 6) for tint in TINTS.values()}) == 1
    images, y, evidence = patches(200, 3)
    for image, code, there in zip(images, y, evidence, strict=True):
        np.testing.assert_array_equal(image[there].reshape(4, 4), list(MARKS.values())[code])
    cells = evidence.reshape(200, 7, 4, 7, 4).any(axis=(2, 4))
    assert (cells.sum(axis=(1, 2)) == 1).all()
    assert cells.any(axis=0).mean() > 0.9  # anywhere


def test_bumps_lie_in_one_tenth() -> None:
    series, y, evidence = waves(200, 0)
    assert (evidence.reshape(200, 10, 10).sum(axis=2) > 0).sum(axis=1).tolist() == [1] * 200
    tops = np.where(evidence, series, 0).sum(axis=(1, 2))
    np.testing.assert_array_equal(tops > 0, y == 1)


def test_shapes_are_discs_and_squares_of_one_size() -> None:
    images, y, evidence = shapes(400, 0)
    area = [evidence[y == code].sum(axis=(1, 2)).mean() for code in (0, 1)]
    assert abs(area[0] / area[1] - 1) < 0.05
    height, width = (evidence.any(axis=axis).sum(axis=1) for axis in (2, 1))
    filled = evidence.sum(axis=(1, 2)) / (height * width)
    assert (filled[y == 1] == 1).all()  # a square fills its own box
    assert filled[y == 0].max() < 0.9
    assert (np.ptp(images[~evidence], axis=1) == 0).all()  # around them all is grey


def test_swapped_colours_are_in_the_test_rows_alone_and_can_be_told_apart() -> None:
    data = made("colour", params={"rows": 400, "swapped": 0.5}, test_size=0.25, slices=["colour"])
    assert len(data.test.inputs) == 100
    right = by_evidence(data) == data.test.y
    assert right.tolist() == (data.slices["colour"] == "of the class").tolist()
    assert 30 < right.sum() < 70
    plain = np.where(data.train.inputs[..., 0] - data.train.inputs[..., 2] > 0.2, 1, 0).any(axis=(1, 2))
    assert plain.tolist() == (data.train.y == 1).tolist()
    assert data.about["shortcut"] == "colour"
    with pytest.raises(DataError, match=r"swapped must be 0 to 1, found 2\.0"):
        made("colour", params={"swapped": 2.0})
    with pytest.raises(DataError, match=r"has no column 'shape', which data\.slices names"):
        made("colour", slices=["shape"])


def test_another_grid_has_another_truth() -> None:
    data = made("patch", params={"rows": 60, "grid": [14, 14]})
    assert (data.truth.mask.sum(axis=1) == 4).all()
    coarse = made("stretch", params={"rows": 60, "stretches": 4})
    assert set(coarse.truth.mask.sum(axis=1)) <= {1, 2}


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'patch'"):
        made("patchs")
