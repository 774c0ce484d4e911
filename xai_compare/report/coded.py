"""Images and maps in a few characters: each row as hexadecimal digits, for a report holds many of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from xai_compare.report.plain import number
from xai_compare.types import Array

__all__ = ["image_of", "map_of", "pixels", "pooled", "thinned", "weights"]

_ZERO, _STEPS = 128, 127  # of the bytes of a map; 0 stands for no number


def pooled(values: npt.NDArray[Any], most: int) -> Array:
    """Means over equal blocks of rows and columns (H, W, ...), so that no side has more than `most`; as it is where none has."""
    made = np.asarray(values, dtype=np.float64)
    for axis in (0, 1):
        side = made.shape[axis]
        if side > most:
            edges = np.arange(most + 1) * side // most
            shape = [-1 if a == axis else 1 for a in range(made.ndim)]
            made = np.add.reduceat(made, edges[:-1], axis=axis) / np.diff(edges).reshape(shape)
    return made


def thinned(values: npt.NDArray[Any], most: int) -> npt.NDArray[np.int64]:
    """The numbers of the known points that are kept: all of at most `most`, else the lowest and the highest of each of most / 2 places."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) <= most:
        return known
    places = np.array_split(known, most // 2)
    return np.unique([at for place in places for at in (place[values[place].argmin()], place[values[place].argmax()])])


def image_of(values: npt.NDArray[Any]) -> dict[str, Any]:
    """An image (H, W) or (H, W, 3) in [0, 1] as bytes.

    >>> image_of(np.array([[0.0, 1.0]]))
    {'channels': 1, 'rows': ['00ff']}
    """
    whole = np.clip(np.rint(255 * np.asarray(values, dtype=np.float64)), 0, 255).astype(np.uint8)
    return {"channels": 1 if whole.ndim == 2 else whole.shape[2], "rows": [row.tobytes().hex() for row in whole]}


def pixels(found: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """The inverse of `image_of`: (H, W), or (H, W, channels), 0 to 255."""
    rows = _bytes(found["rows"])
    channels = found["channels"]
    return rows if channels == 1 else rows.reshape(len(rows), -1, channels)


def map_of(values: npt.NDArray[Any]) -> dict[str, Any]:
    """Numbers (rows, columns) as 255 equal steps from minus to plus the largest size among them; what is no number stays none.

    >>> map_of(np.array([[0.5, -1.0, np.nan]]))
    {'largest': 1.0, 'rows': ['c00100']}
    """
    made = np.asarray(values, dtype=np.float64)
    known = np.isfinite(made)
    largest = float(f"{np.abs(made[known]).max(initial=0.0):.3g}")
    steps = np.clip(np.rint(_STEPS * np.where(known, made, 0.0) / (largest or 1.0)), -_STEPS, _STEPS)
    whole = np.where(known, steps + _ZERO, 0).astype(np.uint8)
    return {"largest": number(largest), "rows": [row.tobytes().hex() for row in whole]}


def weights(found: dict[str, Any]) -> Array:
    """The inverse of `map_of`, to within half a step; NaN for no number."""
    rows = _bytes(found["rows"]).astype(np.float64)
    return np.asarray(np.where(rows == 0, np.nan, (rows - _ZERO) / _STEPS * found["largest"]))


def _bytes(rows: list[str]) -> npt.NDArray[np.uint8]:
    return np.stack([np.frombuffer(bytes.fromhex(row), dtype=np.uint8) for row in rows])
