"""Dots with intervals of several models by several methods on one scale of skill, one panel per metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_compare.report.canvas import GREY, INK, Drawing, Span, colour, draw, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Mark", "Strip", "strips"]

_WIDTH, _LEFT, _ACROSS = 10.0, 1.95, 3
_LEGEND = 4  # models to a line


@dataclass(frozen=True, slots=True)
class Mark:
    """One model's skill by one method. `quiet`: the metric has no power there, so the dot ranks nothing."""

    place: int
    span: Span
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """One metric: the marks of each method, in the order of the methods."""

    title: str
    marks: tuple[tuple[Mark, ...], ...]


def strips(panels: Sequence[Strip], methods: Sequence[str], models: Sequence[str]) -> Drawing:
    """Methods below each other, a dot per model in its colour, always at the same height; 0 is the control, 1 the best possible."""
    columns = 2 if len(panels) == _ACROSS + 1 else min(len(panels), _ACROSS)  # no panel is left alone on the next line
    lines = -(-len(panels) // columns)
    tall = len(methods) * max(0.3, 0.12 * len(models) + 0.12)
    top = 0.1 + 0.22 * -(-len(models) // _LEGEND)
    high = top + lines * (tall + 0.85)
    ends = [end for panel in panels for row in panel.marks for mark in row for end in mark.span.ends]
    low, high_end = min([0.0, *ends]), max([1.0, *ends])

    def paint(figure: Figure) -> None:
        each = (_WIDTH - _LEFT) / columns
        for index, panel in enumerate(panels):
            line, column = divmod(index, columns)
            bottom = high - top - line * (tall + 0.85) - tall - 0.35
            axes = figure.add_axes(((_LEFT + column * each) / _WIDTH, bottom / high, (each - 0.3) / _WIDTH, tall / high))
            _strip(axes, panel, len(models))
            axes.set(xlim=(min(low - 0.04, -0.06), max(high_end + 0.04, 1.06)), ylim=(len(methods) - 0.5, -0.5))
            names = [label(name, 25) for name in methods] if column == 0 else [""] * len(methods)
            axes.set_yticks(range(len(methods)), names)
        _legend(figure, models, high)

    return draw(_WIDTH, high, paint)


def _strip(axes: Axes, panel: Strip, models: int) -> None:
    for end in (0, 1):
        axes.axvline(end, color=INK if end == 0 else "#c3c8ce", linewidth=0.9, zorder=0)
    step = min(0.8 / models, 0.26)
    for y, marks in enumerate(panel.marks):
        if y % 2:
            axes.axhspan(y - 0.5, y + 0.5, color="#f5f7f8", linewidth=0, zorder=-1)
        if not marks:
            axes.text(0.5, y, "not measured", ha="center", va="center", color=GREY, fontsize=7.5)
        for mark in marks:
            at = y + (mark.place - (models - 1) / 2) * step
            shade = GREY if mark.quiet else colour(mark.place)
            axes.plot(mark.span.ends, [at, at], color=shade, linewidth=1.6, linestyle=":" if mark.quiet else "-", solid_capstyle="butt")
            axes.plot([mark.span.mid], [at], marker="o", markersize=4.5, color=shade, markerfacecolor="white" if mark.quiet else shade)
    axes.set_xticks([0, 0.5, 1], ["0 (control)", "0.5", "1"])
    axes.tick_params(length=0)
    axes.set_title(label(panel.title, 34), loc="left", color=INK)


def _legend(figure: Figure, models: Sequence[str], high: float) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour(place), marker="o", markersize=4.5, label=label(name)) for place, name in enumerate(models)]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(_LEFT / _WIDTH, 1 - 0.04 / high),
        ncols=_LEGEND,
        frameon=False,
        borderaxespad=0,
        handlelength=1.6,
    )
