"""What a report holds of an image or a series, and of what a method shows of it beyond one number per feature."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.report.coded import image_of, map_of, pooled, thinned
from xai_compare.report.plain import text
from xai_compare.results import Results
from xai_compare.types import Array, Attribution

__all__ = ["attention", "fine", "image", "layout", "modality", "series"]

_SIDE = 224  # pixels of an image's side that a report keeps
_FINE = 64  # of a map's
_POINTS = 300  # of a series that a report keeps, half of them lowest and half highest of their place
_COLUMNS = 200  # of a map of a series
_GRID = 30  # features in a grid of attention
_DIGITS = 5  # of the values of a series


def modality(results: Results) -> str:
    """What the inputs are; results of before there was anything but tables do not say."""
    return str(results.data.get("modality", "table"))


def layout(results: Results) -> dict[str, Any] | None:
    """Where the features of an image or a series lie."""
    found = results.data.get("layout")
    if not found:
        return None
    if "channels" in found:
        return {"edges": [int(edge) for edge in found["edges"]], "channels": [text(name) for name in found["channels"]]}
    return {key: [int(edge) for edge in found[key]] for key in ("rows", "columns")}


def image(results: Results, index: int) -> dict[str, Any] | None:
    """The image of a case, if it may be shown."""
    raw = results.cases.raw
    return None if raw is None or modality(results) != "image" else image_of(pooled(raw[index], _SIDE))


def series(results: Results, index: int) -> list[dict[str, Any]] | None:
    """The channels of a case's series, if it may be shown; a long one by the lowest and highest points of each of its places."""
    raw = results.cases.raw
    return None if raw is None or modality(results) != "series" else [_channel(channel) for channel in raw[index]]


def _channel(values: Array) -> dict[str, Any]:
    known = thinned(values, _POINTS)
    return {"at": [int(at) for at in known], "values": [float(f"{value:.{_DIGITS}g}") + 0.0 for value in values[known]]}


def fine(kind: str, attribution: Attribution, index: int) -> dict[str, Any] | None:
    """A method's map at its own resolution, (H, W) of an image or (channels, length) of a series, as shares of its whole size."""
    if attribution.detail is None or attribution.detail.ndim != 3:
        return None
    own = attribution.detail[index].astype(np.float64)
    total = np.nansum(np.abs(own))
    shares = own / total if total > 0 else own
    return map_of(pooled(shares, _FINE) if kind == "image" else _narrowed(shares))


def _narrowed(values: Array) -> Array:
    """Means over equal parts of the columns."""
    columns = values.shape[1]
    if columns <= _COLUMNS:
        return values
    edges = np.arange(_COLUMNS + 1) * columns // _COLUMNS
    return np.asarray(np.add.reduceat(values, edges[:-1], axis=1) / np.diff(edges))


def attention(attribution: Attribution, index: int) -> dict[str, Any] | None:
    """The grids of a method that reads attention: which features look at which, one for each layer, the first features of the case."""
    if attribution.detail is None or attribution.detail.ndim != 4:
        return None
    maps = attribution.detail[index]
    there = np.isfinite(attribution.values[index, : maps.shape[-1]])
    features = np.flatnonzero(there)[:_GRID]
    if not len(features):
        return None
    grids = [map_of(one[np.ix_(features, features)]) for one in maps]
    return {"features": [int(i) for i in features], "maps": grids, "of": int(np.isfinite(attribution.values[index]).sum())}
