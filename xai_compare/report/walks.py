"""How the models' output moves with a feature: one small panel per feature, all models on one axis, all panels on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xai_compare.report.canvas import GREY, INK, Drawing, Span, broken, colour, dashes, draw, label, mark
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Line", "Walk", "walks"]

_WIDTH, _LEFT, _GAP = 10.0, 0.85, 0.35
_ACROSS, _TALL = 3, 1.55  # panels beside each other, and the height of one in inches
_LEGEND = 4  # models to a line
_FOOT = 0.09  # of a panel's height: where the rows are
_LEVEL = 12  # characters of a level's name


@dataclass(frozen=True, slots=True)
class Line:
    """One model's curve, a span for each value; its place in the study gives colour and dashes."""

    place: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """One feature: the values (of levels: 0, 1, ...) with the share of the rows at each; `rug` are values at equal steps of the rows.

    under : what the horizontal axis counts, "" for the feature itself. percent : it counts shares.
    """

    feature: str
    under: str
    percent: bool
    grid: tuple[float, ...]
    levels: tuple[str, ...]
    share: tuple[float, ...]
    rug: tuple[float, ...]
    lines: tuple[Line, ...]


def walks(panels: Sequence[Walk], models: Sequence[tuple[int, str]], output: str) -> Drawing:
    """Panels that share the vertical axis, which `output` names; models as (place, name)."""
    lines = -(-len(panels) // _ACROSS)
    feet = [max(_foot(panel) for panel in panels[_ACROSS * line : _ACROSS * (line + 1)]) for line in range(lines)]
    top = 0.12 + 0.22 * -(-len(models) // _LEGEND)
    high = top + sum(feet) + lines * (_TALL + 0.35) + 0.05
    reach = _reach(panels)

    def paint(figure: Figure) -> None:
        each = (_WIDTH - _LEFT) / _ACROSS
        bottom = high - top
        for index, panel in enumerate(panels):
            line, column = divmod(index, _ACROSS)
            if column == 0:
                bottom -= 0.3 + _TALL
            left = _LEFT + column * each
            axes = figure.add_axes((left / _WIDTH, bottom / high, (each - _GAP) / _WIDTH, _TALL / high))
            axes.set_ylim(*reach)
            _panel(axes, panel)
            axes.tick_params(length=0, labelleft=column == 0, labelcolor=GREY)
            axes.text(0, 1.04, label(panel.feature, 34), transform=axes.transAxes, va="bottom")
            if column == 0:
                axes.set_ylabel(output, fontsize=7.5)
            if column == _ACROSS - 1 or index == len(panels) - 1:
                bottom -= feet[line] + 0.05
        _legend(figure, models, high)

    return draw(_WIDTH, high, paint)


def _foot(panel: Walk) -> float:
    """Inches that the labels below a panel need."""
    if not panel.levels:
        return 0.42 if panel.under else 0.24
    return 0.22 + 0.052 * max(len(label(level, _LEVEL)) for level in panel.levels) if _slanted(panel) else 0.24


def _slanted(panel: Walk) -> bool:
    return sum(len(label(level, _LEVEL)) + 2 for level in panel.levels) > 36


def _reach(panels: Sequence[Walk]) -> tuple[float, float]:
    ends = [end for panel in panels for line in panel.lines for span in line.spans for end in (span.mid, *span.ends)]
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    room = 0.06 * (high - low) or 0.05
    return low - 2.5 * room, high + room  # the rows stand below


def _panel(axes: Axes, panel: Walk) -> None:
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    axes.grid(axis="y", color="#eceff2", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=5)
    axes.yaxis.set_major_formatter(_plain)
    if panel.levels:
        _steps(axes, panel)
    else:
        _curves(axes, panel)


def _plain(value: float, _: object) -> str:
    return f"{value:.6g}".replace("-", MINUS)


def _share(value: float, _: object) -> str:
    return f"{100 * value:.6g} %"


def _curves(axes: Axes, panel: Walk) -> None:
    for line in panel.lines:
        shade = colour(line.place)
        low, high = ([span.ends[end] for span in line.spans] for end in (0, 1))
        axes.fill_between(panel.grid, low, high, color=shade, alpha=0.14, linewidth=0)
        axes.plot(panel.grid, [span.mid for span in line.spans], color=shade, linewidth=1.7, linestyle=dashes(line.place))
    rug = broken([((value, value), (0, 0.6 * _FOOT)) for value in panel.rug])
    axes.plot(*rug, color=GREY, linewidth=0.7, transform=axes.get_xaxis_transform())
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(_share if panel.percent else _plain)
    axes.set_xlabel(panel.under, fontsize=7.5)


def _steps(axes: Axes, panel: Walk) -> None:
    """Levels side by side, the models in each beside each other, the share of the rows as bars at the foot."""
    step = min(0.7 / max(len(panel.lines), 1), 0.22)
    most = max(panel.share) or 1.0
    edges, heights = broken([((x - 0.38, x + 0.38), (_FOOT * share / most,) * 2) for x, share in enumerate(panel.share)])
    axes.fill_between(edges, 0, heights, color="#d9dee3", linewidth=0, transform=axes.get_xaxis_transform())
    for order, line in enumerate(panel.lines):
        at = [x + (order - (len(panel.lines) - 1) / 2) * step for x in range(len(line.spans))]
        bars = broken([((x, x), span.ends) for x, span in zip(at, line.spans, strict=True)])
        axes.plot(*bars, color=colour(line.place), linewidth=1.6, solid_capstyle="butt")
        mids = [span.mid for span in line.spans]
        axes.plot(at, mids, linestyle="none", marker=mark(line.place), markersize=4.2, color=colour(line.place))
    slanted: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if _slanted(panel) else {}
    axes.set_xticks(range(len(panel.levels)), [label(level, _LEVEL) for level in panel.levels], **slanted)
    axes.set_xlim(-0.6, len(panel.levels) - 0.4)


def _legend(figure: Figure, models: Sequence[tuple[int, str]], high: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=colour(place),
            linestyle=dashes(place),
            linewidth=1.7,
            marker=mark(place),
            markersize=4.2,
            label=label(name),
        )
        for place, name in models
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(_LEFT / _WIDTH, 1 - 0.04 / high),
        ncols=_LEGEND,
        frameon=False,
        borderaxespad=0,
        handlelength=3.2,
    )
