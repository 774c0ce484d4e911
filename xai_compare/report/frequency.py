"""The picture of how often each reason code is given: bars by code, models beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_compare.report.canvas import GREY, INK, LINE, Drawing, Span, colour, draw, label
from xai_compare.report.words import fixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CodeBar", "frequency"]

_WIDTH, _LEFT, _RIGHT = 10.0, 3.5, 0.55
_BAR, _GAP = 0.2, 0.14  # inches of a bar, and between two codes


@dataclass(frozen=True, slots=True)
class CodeBar:
    """The share of one model's adverse cases that have a code among their principal reasons."""

    model: str
    place: int
    share: Span


def frequency(codes: Sequence[tuple[str, Sequence[CodeBar]]]) -> Drawing:
    """One group of bars for each code, a bar for each model in its colour, with its interval and its share in figures."""
    tall = [_BAR * len(bars) + _GAP for _, bars in codes]
    high = sum(tall) + 0.85

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((_LEFT / _WIDTH, 0.45 / high, 1 - (_LEFT + _RIGHT) / _WIDTH, sum(tall) / high))
        y, places = 0.0, []
        for (_, bars), room in zip(codes, tall, strict=True):
            places.append(y + (room - _GAP) / 2 + _GAP / 2)
            for i, bar in enumerate(bars):
                _bar(axes, y + _GAP / 2 + _BAR * (i + 0.5), bar)
            y += room
        axes.set(xlim=(0, 1), ylim=(y, 0))
        axes.set_yticks(places, [label(words, 46) for words, _ in codes])
        axes.tick_params(length=0)
        axes.grid(axis="x", color="#eceff2", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("share of the adverse cases with this code among the principal reasons")
        _legend(axes, codes[0][1])

    return draw(_WIDTH, high, paint)


def _bar(axes: Axes, y: float, bar: CodeBar) -> None:
    axes.barh(y, bar.share.mid, _BAR * 0.86, color=colour(bar.place))
    low, high = bar.share.ends
    axes.plot([low, high], [y, y], color=INK, linewidth=1.1, solid_capstyle="butt")
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    axes.text(max(high, bar.share.mid) + 0.008, y, fixed(bar.share.mid, 2), va="center", color=GREY, fontsize=7.5, bbox=box)


def _legend(axes: Axes, bars: Sequence[CodeBar]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour(bar.place), edgecolor=LINE, label=label(bar.model, 24)) for bar in bars]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, borderaxespad=0.2, handlelength=1.2)
