"""A dot per case for each feature, models beside each other on one scale: how far its attributions spread, and with which values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xai_compare.report.canvas import GREY, INK, Drawing, colour, draw, label
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from xai_compare.types import Array

__all__ = ["Swarm", "offsets", "swarms"]

_WIDTH, _LEFT, _GAP, _ROW, _TOP, _FOOT = 10.0, 2.0, 0.35, 0.44, 0.62, 0.55
_NAME = 27  # characters of a feature's name
_BINS, _FILL = 70, 0.42  # across a panel; how far dots stand from their line at most
# From the lowest values to the highest: told apart by lightness alone, in print too.
_STEPS = ("#a9cbe8", "#78a9d3", "#4d84b3", "#2a5c88", "#12304c")
_PLAIN = "#9b8f80"  # no order to tell


@dataclass(frozen=True, slots=True)
class Swarm:
    """One model: a share for each feature and case; its place in the study gives its name a colour."""

    model: str
    place: int
    shares: tuple[tuple[float, ...], ...]


def swarms(panels: Sequence[Swarm], features: Sequence[str], values: Sequence[Sequence[float | None] | None]) -> Drawing:
    """Features below each other, a panel per model; `values` say for each feature where a case's lies among all, 0 to 1."""
    tall = _ROW * len(features)
    high = _TOP + tall + _FOOT
    far = 1.06 * max([abs(share) for panel in panels for row in panel.shares for share in row] + [1e-6])
    each = (_WIDTH - _LEFT) / len(panels)

    def paint(figure: Figure) -> None:
        for column, panel in enumerate(panels):
            box = ((_LEFT + column * each) / _WIDTH, _FOOT / high, (each - _GAP) / _WIDTH, tall / high)
            axes = figure.add_axes(box)
            axes.set(xlim=(-far, far), ylim=(len(features) - 0.5, -0.5))
            axes.set_yticks(range(len(features)), [label(name, _NAME) for name in features] if column == 0 else [""] * len(features))
            _panel(axes, panel, values, far)
            axes.text(0, 1 + 0.08 / tall, label(panel.model), transform=axes.transAxes, color=colour(panel.place), weight="bold")
        figure.text((_LEFT + (_WIDTH - _LEFT - _GAP) / 2) / _WIDTH, 0.05 / high, _AXIS, ha="center", va="bottom", color=GREY)
        _legend(figure, high, any(row is not None for row in values), any(row is None or None in row for row in values))

    return draw(_WIDTH, high, paint)


_AXIS = f"attribution of each case, as a share of the mean size of all ({MINUS}: lowers the output, +: raises it)"


def _panel(axes: Axes, panel: Swarm, values: Sequence[Sequence[float | None] | None], far: float) -> None:
    axes.axvline(0, color=INK, linewidth=0.9, zorder=0)
    groups: dict[str, list[tuple[float, float]]] = {}
    for y, (row, known) in enumerate(zip(panel.shares, values, strict=True)):
        up = offsets(np.asarray(row), far)
        for place, (x, off) in enumerate(zip(row, up, strict=True)):
            value = None if known is None else known[place]
            shade = _PLAIN if value is None else _STEPS[min(int(value * len(_STEPS)), len(_STEPS) - 1)]
            groups.setdefault(shade, []).append((x, y + off))
    for shade in sorted(groups, key=(_PLAIN, *_STEPS).index):
        _dots(axes, groups[shade], shade, 2e-4 * far)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.6g} %".replace("+0 %", "0 %").replace("-", MINUS))
    axes.tick_params(length=0)


def offsets(shares: Array, far: float) -> Array:
    """How far each dot stands from its line: those that would lie on each other stand beside it by turns."""
    bins = np.rint((shares + far) / (2 * far) * _BINS).astype(int)
    found = np.zeros(len(shares))
    crowd = np.bincount(bins, minlength=_BINS + 1).max(initial=1)
    step = min(0.11, 2 * _FILL / max(int(crowd), 1))
    for one in np.unique(bins):
        there = np.flatnonzero(bins == one)
        turn = np.arange(len(there))
        found[there] = np.where(turn % 2 == 1, 1, -1) * ((turn + 1) // 2) * step
    return found


def _dots(axes: Axes, at: Sequence[tuple[float, float]], shade: str, tiny: float) -> None:
    """Many dots as one path of tiny strokes with round ends: a third of the bytes of markers."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    ends = [point for x, y in at for point in ((x, y), (x + tiny, y))]
    path = Path(ends, [Path.MOVETO, Path.LINETO] * len(at))
    path.should_simplify = False
    # Not snapped to whole pixels, or nothing would be left of them.
    axes.add_patch(PathPatch(path, fill=False, edgecolor=shade, linewidth=3.6, capstyle="round", snap=False))


def _legend(figure: Figure, high: float, ordered: bool, plain: bool) -> None:
    """What the shades mean, at the top: words and dots, each with the room it takes in inches."""
    steps = [("\u25cf", shade, 0.15) for shade in _STEPS]
    told = [("values, lowest", GREY, 1.02), *steps, ("highest", GREY, 0.85)] if ordered else []
    told += [("\u25cf", _PLAIN, 0.15), ("no order, or not shown", GREY, 1.0)] if plain else []
    x = _LEFT
    for words, shade, room in told:
        figure.text(x / _WIDTH, 1 - 0.16 / high, words, color=shade, va="center")
        x += room
