"""Small multiples of removal curves: what a model says while features leave, one line of panels per model, one panel per method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_compare.report.canvas import GREY, INK, Drawing, Span, colour, draw, label
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curves", "Panels", "removal"]

_WIDTH, _LEFT, _GAP = 10.0, 0.95, 0.3
_WIDEST, _TALL, _PITCH = 3.2, 1.4, 1.85  # inches: a panel's width and height, and from one line of panels to the next
_BEST = "#b4bac2"


@dataclass(frozen=True, slots=True)
class Curves:
    """Two mean curves at equal steps from no feature taken away to all: the most, and the least, supporting first."""

    most: tuple[Span, ...]
    least: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Panels:
    """One model's line of panels: a pair of curves per method, or the words for why it has none; the same control and best order in each.

    output names the y axis.
    """

    model: str
    place: int
    output: str
    methods: tuple[Curves | str, ...]
    control: Curves | None
    best: Curves | None


def removal(models: Sequence[Panels], methods: Sequence[str], words: tuple[str, str]) -> Drawing:
    """Panels that share their y axis within a model; `words` say what leaves first on the solid and on the dashed curve."""
    columns = len(methods)
    each = min((_WIDTH - _LEFT - 0.1 - _GAP * (columns - 1)) / columns, _WIDEST)
    high = len(models) * _PITCH + 0.85

    def paint(figure: Figure) -> None:
        for line, model in enumerate(models):
            bottom = high - 0.55 - (line + 1) * _PITCH + 0.1
            for column, found in enumerate(model.methods):
                left = _LEFT + column * (each + _GAP)
                axes = figure.add_axes((left / _WIDTH, bottom / high, each / _WIDTH, _TALL / high))
                _panel(axes, model, found)
                _frame(axes, model, column == 0, line == len(models) - 1)
                if line == 0:
                    axes.text(0, 1.22, label(methods[column], 30), transform=axes.transAxes, va="bottom", weight="bold")
        middle = (_LEFT + (columns * (each + _GAP) - _GAP) / 2) / _WIDTH
        figure.text(middle, 0.04 / high, "share of features taken away", ha="center", va="bottom", color=GREY)
        _legend(figure, words, high)

    return draw(_WIDTH, high, paint)


def _frame(axes: Axes, model: Panels, first: bool, last: bool) -> None:
    low, high = _reach(model)
    axes.set(xlim=(0, 1), ylim=(low, high))
    axes.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"] if last else ["", "", ""])
    for tick, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
        tick.set(horizontalalignment=side)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", MINUS))
    axes.tick_params(length=0, labelleft=first, labelcolor=GREY)
    axes.grid(axis="y", color="#eceff2", linewidth=0.8)
    axes.set_axisbelow(True)
    if first:
        axes.set_ylabel(model.output, fontsize=7.5)
        axes.text(0, 1.05, label(model.model), transform=axes.transAxes, color=colour(model.place), weight="bold", va="bottom")


def _reach(model: Panels) -> tuple[float, float]:
    """One scale for all panels of a model: that of its curves. A band that goes farther is cut at the frame."""
    pairs = [pair for pair in (*model.methods, model.control, model.best) if isinstance(pair, Curves)]
    mids = [span.mid for pair in pairs for curve in (pair.most, pair.least) for span in curve]
    if not mids:
        return 0.0, 1.0
    room = 0.08 * (max(mids) - min(mids)) or 0.05
    return min(mids) - room, max(mids) + room


def _panel(axes: Axes, model: Panels, found: Curves | str) -> None:
    if isinstance(found, str):
        axes.text(0.5, 0.5, found, transform=axes.transAxes, ha="center", va="center", color=GREY)
        return
    shade = colour(model.place)
    if model.best is not None:
        for curve in (model.best.most, model.best.least):
            axes.plot(*_points(curve), color=_BEST, linewidth=0.9)
    if model.control is not None:
        axes.plot(*_points(model.control.most), color=GREY, linewidth=1.0)
        axes.plot(*_points(model.control.least), color=GREY, linewidth=1.0, linestyle=(0, (4, 2)))
    at = _points(found.most)[0]
    axes.fill_between(at, _points(found.most)[1], _points(found.least)[1], color=shade, alpha=0.08, linewidth=0)
    for curve, dashes in ((found.most, "-"), (found.least, (0, (4, 2)))):
        axes.fill_between(at, [span.ends[0] for span in curve], [span.ends[1] for span in curve], color=shade, alpha=0.16, linewidth=0)
        axes.plot(*_points(curve), color=shade, linewidth=1.8, linestyle=dashes)


def _points(curve: tuple[Span, ...]) -> tuple[list[float], list[float]]:
    return [step / (len(curve) - 1) for step in range(len(curve))], [span.mid for span in curve]


def _legend(figure: Figure, words: tuple[str, str], high: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=INK, linewidth=1.8, label=words[0]),
        Line2D([], [], color=INK, linewidth=1.8, linestyle=(0, (4, 2)), label=words[1]),
        Line2D([], [], color=GREY, linewidth=1.0, label="control, both ways"),
        Line2D([], [], color=_BEST, linewidth=0.9, label="best orders found, both ways"),
    ]
    place = (_LEFT / _WIDTH, 1 - 0.3 / high)
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=place, ncols=4, frameon=False, borderaxespad=0, handlelength=2.2)
