"""Shares of features as dots, the models beside each other in each line, one panel per method, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_compare.report.canvas import GREY, INK, LINE, Drawing, Span, broken, colour, draw, label, mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Panel", "Share", "shares"]

_WIDTH, _LEFT, _GAP = 10.0, 2.0, 0.3
_LEGEND = 4  # models to a line
_NAME = 27  # characters of a feature's name


@dataclass(frozen=True, slots=True)
class Share:
    """One model's share: its place in the study gives colour, mark and height in the line."""

    place: int
    span: Span


@dataclass(frozen=True, slots=True)
class Panel:
    """One method: the shares of each feature, in the order of the features; `under` says what kind of method it is."""

    title: str
    under: str
    features: tuple[tuple[Share, ...], ...]


def shares(panels: Sequence[Panel], features: Sequence[str], models: Sequence[str], even: float) -> Drawing:
    """Features below each other; a dot per model, at the same height in every line; `even` is the share if all drove alike."""
    tall = len(features) * max(0.24, 0.11 * len(models) + 0.1)
    top = 0.55 + 0.22 * -(-len(models) // _LEGEND)
    high = top + tall + 0.55
    far = max([even, *(end for panel in panels for row in panel.features for share in row for end in share.span.ends)])

    def paint(figure: Figure) -> None:
        each = (_WIDTH - _LEFT) / len(panels)
        for column, panel in enumerate(panels):
            left, wide = _LEFT + column * each, each - _GAP
            axes = figure.add_axes((left / _WIDTH, 0.5 / high, wide / _WIDTH, tall / high))
            _panel(axes, panel, len(models), even)
            axes.set(xlim=(-0.02 * far, 1.06 * far), ylim=(len(features) - 0.5, -0.5))
            axes.set_yticks(range(len(features)), [label(name, _NAME) for name in features] if column == 0 else [""] * len(features))
            _title(axes, panel, int(wide / 0.075), tall)
        middle = (_LEFT + (_WIDTH - _LEFT - _GAP) / 2) / _WIDTH
        figure.text(middle, 0.05 / high, "share of all features (dotted: if all had the same)", ha="center", va="bottom", color=GREY)
        _legend(figure, models, high)

    return draw(_WIDTH, high, paint)


def _title(axes: Axes, panel: Panel, longest: int, tall: float) -> None:
    """The method above its panel, and its kind; tall is the panel's height in inches."""
    axes.text(0, 1 + 0.22 / tall, label(panel.title, longest), transform=axes.transAxes, va="bottom")
    axes.text(0, 1 + 0.05 / tall, label(panel.under, longest), transform=axes.transAxes, va="bottom", color=GREY)


def _panel(axes: Axes, panel: Panel, models: int, even: float) -> None:
    axes.axvline(0, color=INK, linewidth=0.9, zorder=0)
    axes.axvline(even, color=GREY, linewidth=0.9, linestyle=":", zorder=0)
    step = min(0.72 / models, 0.3)
    for y in range(1, len(panel.features), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#f5f7f8", linewidth=0, zorder=-1)
    # Behind the dots of each feature how far they lie apart, which is what the eye compares.
    apart = [(y, [share.span.mid for share in row]) for y, row in enumerate(panel.features) if row]
    axes.plot(*broken([((min(mids), max(mids)), (y, y)) for y, mids in apart]), color=LINE, linewidth=1.0, zorder=0.5)
    for place in range(models):
        found = [
            (y + (place - (models - 1) / 2) * step, share.span)
            for y, row in enumerate(panel.features)
            for share in row
            if share.place == place
        ]
        lines = [(span.ends, (at, at)) for at, span in found]
        axes.plot(*broken(lines), color=colour(place), linewidth=1.6, solid_capstyle="butt")
        heights, mids = [at for at, _ in found], [span.mid for _, span in found]
        axes.plot(mids, heights, linestyle="none", marker=mark(place), markersize=4.2, color=colour(place))
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.6g} %")
    axes.tick_params(length=0)


def _legend(figure: Figure, models: Sequence[str], high: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour(place), marker=mark(place), markersize=4.2, label=label(name)) for place, name in enumerate(models)
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(_LEFT / _WIDTH, 1 - 0.04 / high),
        ncols=_LEGEND,
        frameon=False,
        borderaxespad=0,
        handlelength=1.8,
    )
