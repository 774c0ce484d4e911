"""Series: each channel before stretches in the colours of their shares, one panel per method and model, on one scale per method."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from xai_compare.report.canvas import GREY, INK, Drawing, broken, label
from xai_compare.report.coded import thinned
from xai_compare.report.sheets import GAP, SCALE, STRONG, WIDTH, Box, Cell, Line, Room, axes_in, picture_in, sheet, tinted
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CHANNELS", "series"]

_CHANNEL, _ALONE = 0.62, 1.05  # inches of a channel, and of the only one
CHANNELS = 4  # that are drawn
_POINTS, _LEAST = 2400, 80  # of all lines of a picture, and of one at least
_STRENGTH = 0.65  # of the colours: a line must show before them
_COLUMNS = 400  # of the picture of the stretches


def series(
    lines: Sequence[Line],
    models: Sequence[tuple[str, int]],
    channels: Sequence[tuple[Sequence[int], Sequence[float]]] | None,
    edges: Sequence[int],
    names: Sequence[str],
) -> Drawing:
    """Each channel's line before stretches in the colours of their shares, below it the method's own map as a strip.

    Without the values (`channels` None) each stretch has a bar of its share instead. Of many channels those with the largest shares.
    """
    told = _channels(lines, len(edges) - 1, len(names))
    left = 0.3 if len(names) == 1 else 1.0
    wide = min((WIDTH - left - SCALE) / len(models) - GAP, 3.6)
    tall = _ALONE if len(told) == 1 else _CHANNEL
    room, n = Room(left, (wide,) * len(models), tall * len(told), _STRENGTH), len(edges) - 1

    most = max(_POINTS // (len(lines) * len(models) * len(told)), _LEAST)

    def paint(figure: Figure, box: Box, line: Line, cell: Cell) -> None:
        first = box[0] < left + GAP
        for row, channel in enumerate(told):
            own = (box[0], box[1] + box[3] - (row + 1) * tall + 0.06, wide, tall - 0.06)
            axes = _stretches(figure, own, line, cell, channel, edges)
            if channels is not None:
                _drawn(axes, channels[channel], most)
            else:
                _bars(axes, line, cell.shares[channel * n : (channel + 1) * n], edges)
            if first and len(names) > 1:
                axes.text(-0.06 / wide, 0.5, label(names[channel], 12), transform=axes.transAxes, ha="right", va="center", fontsize=7)
            if row == len(told) - 1:
                for x, side in ((0.0, "left"), (1.0, "right")):
                    at = (box[0] + x * wide) / figure.get_figwidth(), (box[1] - 0.03) / figure.get_figheight()
                    figure.text(*at, str(edges[0] if x == 0 else edges[-1] - 1), ha=side, va="top", fontsize=7, color=GREY)

    return sheet(lines, models, room, paint)


def _channels(lines: Sequence[Line], stretches: int, channels: int) -> list[int]:
    """The channels that are drawn, in their order: those with the largest share of any method and model."""
    size = np.zeros(channels)
    for line in lines:
        for cell in filter(None, line.cells):
            shares = np.array([abs(share or 0.0) for share in cell.shares]).reshape(channels, stretches)
            size = np.maximum(size, shares.max(axis=1) / (line.largest or 1.0))
    return sorted(int(i) for i in np.argsort(-size, kind="stable")[:CHANNELS])


def _stretches(figure: Figure, box: Box, line: Line, cell: Cell, channel: int, edges: Sequence[int]) -> Axes:
    """The stretches of one channel, and the strip of the method's own map."""
    strip = 0.09 if cell.fine is not None else 0.0
    whole = (box[0], box[1] + strip, box[2], box[3] - strip)
    n = len(edges) - 1
    shares = [np.nan if share is None else share / (line.largest or 1.0) for share in cell.shares[channel * n : (channel + 1) * n]]
    columns = min(edges[-1], _COLUMNS)
    at = np.searchsorted(edges[1:], (np.arange(columns) + 0.5) * edges[-1] / columns, side="right")
    shades = tinted(_STRENGTH * np.array(shares))[at][None]
    picture_in(figure, whole).imshow(shades, interpolation="none", aspect="auto")
    axes = axes_in(figure, whole)
    axes.patch.set_visible(False)
    for k, value in enumerate(shares):
        if line.signed and abs(value) >= STRONG:
            middle, sign = (edges[k] + edges[k + 1]) / 2, "+" if value > 0 else MINUS
            axes.text(middle, 0.98, sign, transform=axes.get_xaxis_transform(), ha="center", va="top", weight="bold")
    between = broken([((edge, edge), (0, 1)) for edge in edges[1:-1]])
    axes.plot(*between, transform=axes.get_xaxis_transform(), color="white", linewidth=0.6)
    axes.set(xlim=(edges[0], edges[-1]), yticks=[], xticks=[])
    axes.spines["bottom"].set_visible(False)
    if cell.fine is not None:
        own = picture_in(figure, (box[0], box[1], box[2], strip - 0.02))
        own.imshow(tinted(cell.fine[channel : channel + 1] / (line.finest or 1.0)), interpolation="none", aspect="auto")
    return axes


def _drawn(axes: Axes, channel: tuple[Sequence[int], Sequence[float]], most: int) -> None:
    kept = thinned(np.asarray(channel[1], dtype=float), most)
    at, values = (np.asarray(one, dtype=float)[kept] for one in channel)
    at += 0.5
    axes.plot(at, values, color=INK, linewidth=1.0, marker="." if len(at) < 3 else None)
    span = float(np.ptp(values)) if len(values) else 0.0
    if span:
        axes.set_ylim(values.min() - 0.12 * span, values.max() + 0.3 * span)


def _bars(axes: Axes, line: Line, shares: Sequence[float | None], edges: Sequence[int]) -> None:
    """A bar for each stretch, up for plus and down for minus."""
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    heights = [0.0 if share is None else share / (line.largest or 1.0) for share in shares]
    axes.bar(middles, heights, [0.5 * (b - a) for a, b in pairwise(edges)], color=INK, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_ylim(-1.25 if line.signed else 0, 1.4)
