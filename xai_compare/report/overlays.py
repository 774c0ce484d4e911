"""Images: patches in the colours of their shares, one panel per method and model, on one scale per method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xai_compare.report.canvas import GREY, Drawing, broken
from xai_compare.report.coded import pooled
from xai_compare.report.sheets import GAP, SCALE, STRONG, WIDTH, Box, Cell, Line, Room, picture_in, sheet, tinted
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from xai_compare.types import Array

__all__ = ["images"]

_SIDE, _BESIDE = 1.3, 0.06  # inches: of an image, and between it and its map
_PIXELS, _FEW, _MANY = 64, 32, 12  # of a side of the image below patches; the few where there are many panels
_GLYPHS = 8  # patches that get a sign
_VEIL = 0.72  # how much of the image its patches' colours cover

Edges: TypeAlias = Sequence[int]
"""Where the patches begin along a side, and where the last one ends."""


def images(
    lines: Sequence[Line], models: Sequence[tuple[str, int]], image: npt.NDArray[np.uint8] | None, edges: tuple[Edges, Edges]
) -> Drawing:
    """Patches in the colours of their shares over a grey copy of the image, beside them the method's own map where it has one.

    The image itself, as it is, stands once at the left.
    """
    ratio = edges[0][-1] / edges[1][-1]
    columns = zip(*(line.cells for line in lines), strict=True)
    slots = [2 if any(cell is not None and cell.fine is not None for cell in column) else 1 for column in columns]
    left = 0.05 if image is None else _SIDE + 0.3
    free = WIDTH - left - SCALE - GAP * len(models)
    panel = _fitted(min(_SIDE, free / sum(slots) - _BESIDE), ratio)
    below = None if image is None else _grey(image, _FEW if len(models) * len(lines) > _MANY else _PIXELS)

    def paint(figure: Figure, box: Box, line: Line, cell: Cell) -> None:
        _patches(picture_in(figure, (*box[:2], *panel)), below, edges, line, cell)
        if cell.fine is not None:
            own = picture_in(figure, (box[0] + panel[0] + _BESIDE, box[1], *panel))
            own.imshow(tinted(cell.fine / (line.finest or 1.0)), interpolation="none", aspect="auto")
            own.text(0, -0.04, f"own map, up to {line.finest:.2g}", transform=own.transAxes, va="top", color=GREY, fontsize=6.5)

    def itself(figure: Figure, top: float) -> None:
        assert image is not None
        size = _fitted(_SIDE, ratio)
        own = picture_in(figure, (0.05, top - size[1], *size))
        own.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="none", aspect="auto")
        own.text(0, 1.04, "the image", transform=own.transAxes, va="bottom", color=GREY, fontsize=7)

    room = Room(left, tuple(n * (panel[0] + _BESIDE) for n in slots), panel[1])
    return sheet(lines, models, room, paint, None if image is None else itself)


def _fitted(side: float, ratio: float) -> tuple[float, float]:
    """Width and height of a picture whose longer side is `side`."""
    return (side, side * ratio) if ratio <= 1 else (side / ratio, side)


def _grey(image: npt.NDArray[np.uint8], most: int) -> Array:
    """A grey copy, 0 to 255, of at most this many pixels on a side."""
    return pooled(image if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114]), most)


def _patches(axes: Axes, below: Array | None, edges: tuple[Edges, Edges], line: Line, cell: Cell) -> None:
    grid = len(edges[0]) - 1, len(edges[1]) - 1
    shares = np.array([np.nan if share is None else share for share in cell.shares]).reshape(grid) / (line.largest or 1.0)
    sides = (edges[0][-1], edges[1][-1]) if below is None else below.shape
    at = [np.searchsorted(own[1:], (np.arange(n) + 0.5) * own[-1] / n, side="right") for own, n in zip(edges, sides, strict=True)]
    veil = tinted(shares)[np.ix_(*at)]
    shown = veil if below is None else np.rint(_VEIL * veil + (1 - _VEIL) * below[..., None]).astype(np.uint8)
    whole = (0, edges[1][-1], edges[0][-1], 0)
    axes.imshow(shown, interpolation="none", aspect="auto", extent=whole)
    upright = [((edge, edge), (0, whole[2])) for edge in edges[1][1:-1]]
    across = [((0, whole[1]), (edge, edge)) for edge in edges[0][1:-1]]
    axes.plot(*broken([*upright, *across]), color="white", linewidth=0.5, alpha=0.8)
    axes.set(xlim=whole[:2], ylim=whole[2:])
    if line.signed:
        wide = axes.get_window_extent().width / 100  # inches, at matplotlib's own resolution
        size = min(11.0, 55 * wide / max(grid))
        for i, j in _strongest(shares):
            x, y = ((own[k] + own[k + 1]) / 2 for own, k in ((edges[1], j), (edges[0], i)))
            sign = "+" if shares[i, j] > 0 else MINUS
            axes.text(x, y, sign, ha="center", va="center_baseline", color="white", weight="bold", fontsize=size)


def _strongest(shares: Array) -> list[tuple[int, int]]:
    """Where a share is at least half of the largest, largest first."""
    order = np.argsort(-np.abs(np.nan_to_num(shares)), axis=None, kind="stable")[:_GLYPHS]
    at = [tuple(int(k) for k in np.unravel_index(i, shares.shape)) for i in order]
    return [(i, j) for i, j in at if abs(shares[i, j]) >= STRONG]
