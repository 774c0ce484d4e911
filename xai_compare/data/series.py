"""The feature space of time series: equal stretches of each channel, hidden by the mean series, a straight line or background series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from xai_compare.data.parts import NOISE, Parts, check_fill, edges
from xai_compare.errors import DataError
from xai_compare.types import Array, BoolArray, IntArray, Modality

__all__ = ["STRETCHES", "SeriesSpace", "as_series", "bridged", "repeated_ends"]

STRETCHES = 10
"""Stretches of each channel, unless a study says otherwise; never more than points."""


def as_series(inputs: Any, what: str = "X") -> Array:
    """Series as float64 (n, channels, length), a shorter one with NaN after its end.

    Parameters
    ----------
    inputs : array (n, length) of series of one channel, or (n, channels, length).

    Raises
    ------
    DataError
        Another shape, no series, infinite values, a value missing before a series' end, channels of a case that end apart.
    """
    array = np.asarray(inputs)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} must hold numbers, found {array.dtype}")
    if array.ndim == 2:
        array = array[:, None, :]
    if array.ndim != 3 or 0 in array.shape:
        raise DataError(f"{what} must be series of shape (series, length) or (series, channels, length), found shape {np.shape(inputs)}")
    if array.shape[1] * array.shape[2] < 2:
        raise DataError(f"{what} holds series of one point: there is nothing to tell apart in them")
    out = np.asarray(array, dtype=np.float64)
    if (bad := np.isinf(out)).any():
        raise DataError(f"{what} has {int(bad.sum())} infinite values, first in series {int(np.argwhere(bad)[0][0])}. Replace them")
    known = ~np.isnan(out)
    inside = np.arange(out.shape[2]) < known.any(axis=1).sum(axis=1)[:, None]
    if (bad := (known != inside[:, None]).any(axis=(1, 2)) | ~inside.any(axis=1)).any():
        raise DataError(
            f"{what}: series {int(np.argmax(bad))} has missing values (NaN) before its end, channels that end apart, or no value at all. "
            f"Fill what is missing: NaN stands only after the end of a series"
        )
    return out


def repeated_ends(inputs: Array) -> Array:
    """(n, channels, length) series without NaN: after its end, a series keeps its last value."""
    last = np.maximum((~np.isnan(inputs)).sum(axis=2, keepdims=True) - 1, 0)
    return np.asarray(np.where(np.isnan(inputs), np.take_along_axis(inputs, last, axis=2), inputs))


def bridged(inputs: Array, shown: BoolArray, otherwise: Array) -> Array:
    """(m, ..., length) straight lines over the last axis between the nearest shown points, flat outwards.

    inputs, shown : (m, ..., length). otherwise : broadcasts to them; where a channel shows nothing.
    Shown points stay as they are.
    """
    length = inputs.shape[-1]
    at = np.arange(length, dtype=np.int32)
    before = np.maximum.accumulate(np.where(shown, at, np.int32(-1)), axis=-1)
    after = np.minimum.accumulate(np.where(shown, at, np.int32(length))[..., ::-1], axis=-1)[..., ::-1]
    left, right = np.where(before < 0, after, before), np.where(after == length, before, after)
    none = before[..., -1:] < 0
    left, right = (np.clip(side, 0, length - 1) for side in (left, right))
    low, high = (np.take_along_axis(inputs, side, axis=-1) for side in (left, right))
    share = (at - left) / np.maximum(right - left, 1)
    return np.asarray(np.where(none, otherwise, low + (high - low) * share))


@dataclass(frozen=True, eq=False)
class SeriesSpace(Parts):
    """Equal stretches of each channel, and three ways of hiding them. What lies after the end of a series stays NaN under all of them.

    `mean`: the background's mean at each point; a channel's mean where no background series has the point.
    `interpolate`: a straight line between the nearest shown points of the channel, flat outwards; as `mean` in a channel of which
    nothing is shown. `background`: every background series in turn, outputs averaged by the game; where it has ended, as `mean`.

    Attributes
    ----------
    background : float64 (B, channels, length), NaN after the end of a shorter series.
    stretches : of each channel; cut to the number of points. Stretches are equal, up to a point where it does not divide the length.
    channels : (channels,) names; none: "channel 1" and so on.
    """

    modality: ClassVar[Modality] = "series"
    fills: ClassVar[tuple[str, ...]] = ("mean", "interpolate", "background")
    kind: ClassVar[str] = "stretch"

    stretches: int = STRETCHES
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.stretches < 1:
            raise DataError(f"stretches must be at least 1, found {self.stretches}")
        if self.d < 2:
            raise DataError("stretches: one stretch is the whole series. Take at least 2")
        if self.channels and len(self.channels) != self.background.shape[1]:
            raise DataError(f"{len(self.channels)} names for {self.background.shape[1]} channels")

    @cached_property
    def _edges(self) -> IntArray:
        length = self.background.shape[2]
        return edges(length, min(self.stretches, length))

    @cached_property
    def stretch_of(self) -> IntArray:
        """(channels, length) the feature of each point, channel by channel."""
        channels, length = self.background.shape[1:]
        place = np.searchsorted(self._edges, np.arange(length), side="right") - 1
        return np.asarray(np.arange(channels)[:, None] * (len(self._edges) - 1) + place, dtype=np.int64)

    @cached_property
    def part_of(self) -> IntArray:
        return self.stretch_of

    @property
    def names(self) -> tuple[str, ...]:
        parts = [(first, last - 1) for first, last in zip(self._edges[:-1].tolist(), self._edges[1:].tolist(), strict=True)]
        points = [str(first) if first == last else f"{first}-{last}" for first, last in parts]
        if self.background.shape[1] == 1:
            return tuple(points)
        return tuple(f"{channel}: {part}" for channel in self._channels for part in points)

    @property
    def _channels(self) -> tuple[str, ...]:
        return self.channels or tuple(f"channel {channel + 1}" for channel in range(self.background.shape[1]))

    @property
    def layout(self) -> Mapping[str, Any]:
        return {"edges": self._edges.tolist(), "channels": list(self._channels)}

    def present(self, inputs: Array) -> BoolArray:
        """(n, d): the stretches of which a series has at least one point."""
        first = np.searchsorted(self.stretch_of.ravel(), np.arange(self.d))
        return np.asarray(~np.isnan(inputs.reshape(len(inputs), -1)[:, first]))

    @cached_property
    def mean(self) -> Array:
        """(channels, length) the background's mean at each point, without NaN."""
        known = ~np.isnan(self.background)
        sums, counts = np.where(known, self.background, 0.0).sum(axis=0), known.sum(axis=0)
        overall = sums.sum(axis=1, keepdims=True) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), overall))

    def neighbours(
        self, inputs: Array, known: Array, count: int, draws: Sequence[np.random.Generator], spare: BoolArray | None = None
    ) -> Array:
        """(n * count, ...): a little noise on every point, `NOISE` of the range of its channel in `known`."""
        spread = NOISE * (np.nanmax(known, axis=(0, 2)) - np.nanmin(known, axis=(0, 2)))
        noise = np.stack([draw.standard_normal((count, *inputs.shape[1:])) for draw in draws])
        return np.asarray((inputs[:, None] + spread[:, None] * noise).reshape(-1, *inputs.shape[1:]))

    def _prepared(self, inputs: Array, rows: IntArray, fill: str) -> Array:
        check_fill(fill, self.fills, self.modality)
        if fill == "background":
            return np.asarray(np.where(np.isnan(self.background), self.mean, self.background)[None])
        return self.mean[None, None]

    def _filled(self, cases: Array, shown: BoolArray, rows: IntArray, fill: str, fills: Array) -> Array:
        inside = ~np.isnan(cases)
        lines = bridged(cases, shown & inside, fills[0])[:, None] if fill == "interpolate" else fills
        return np.asarray(np.where(inside[:, None], lines, np.nan))
