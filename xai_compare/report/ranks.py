"""Ranks of features as lines from model to model: what leads one and not the other crosses the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xai_compare.report.canvas import GREY, INK, LINE, Drawing, colour, draw, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Ranked", "bump"]

_LEFT, _RIGHT, _EACH, _ROW, _TOP = 2.2, 2.2, 1.9, 0.27, 0.45
_WIDTH = 10.0
_NAME = 27
_FAR = 3  # ranks that a line must climb or fall to stand out


@dataclass(frozen=True, slots=True)
class Ranked:
    """One column: a rank for each feature, None where it was not measured; its place in the study gives it a colour."""

    title: str
    place: int
    ranks: tuple[int | None, ...]


def bump(columns: Sequence[Ranked], features: Sequence[str]) -> Drawing:
    """A column per model, features by rank from the top; dots hold the rank among all features, lines that move far stand out."""
    tall = _ROW * len(features)
    high = _TOP + tall + 0.1
    wide = min(_LEFT + _RIGHT + _EACH * (len(columns) - 1) + 0.6, _WIDTH)
    heights = [_heights(column.ranks) for column in columns]

    def paint(figure: Figure) -> None:
        inner = (wide - _LEFT - _RIGHT) / wide
        axes = figure.add_axes((_LEFT / wide, 0.1 / high, inner, tall / high))
        axes.set(xlim=(-0.12, len(columns) - 1 + 0.12), ylim=(len(features) - 0.5, -0.5))
        axes.set_axis_off()
        for place, name in enumerate(features):
            at = [(x, found[place]) for x, found in enumerate(heights)]
            far = _moves([column.ranks[place] for column in columns])
            known = [(x, y) for x, y in at if y is not None]
            shade, width, front = (INK, 1.6, 2) if far else (LINE, 1.3, 1)
            axes.plot([x for x, _ in known], [y for _, y in known], color=shade, linewidth=width, zorder=front)
            for (x, y), away, align in ((at[0], -11, "right"), (at[-1], 11, "left")):
                if y is not None:
                    look: dict[str, Any] = {"ha": align, "va": "center_baseline", "color": INK if far else GREY}
                    axes.annotate(label(name, _NAME), (x, y), (away, 0), textcoords="offset points", annotation_clip=False, **look)
        for x, column in enumerate(columns):
            there = [(y, rank) for y, rank in zip(heights[x], column.ranks, strict=True) if y is not None]
            axes.plot([x] * len(there), [y for y, _ in there], "o", color=colour(column.place), markersize=11, linestyle="none", zorder=3)
            for y, rank in there:
                axes.text(x, y, str(rank), color="white", ha="center", va="center_baseline", fontsize=7, weight="bold", zorder=4)
            axes.text(x, -0.75, label(column.title, 20), ha="center", va="bottom", color=colour(column.place), weight="bold")

    return draw(wide, high, paint)


def _heights(ranks: Sequence[int | None]) -> list[int | None]:
    """Lines from the top, by rank; of equal ranks the first feature is higher. Nothing for what has none."""
    order = sorted((rank, place) for place, rank in enumerate(ranks) if rank is not None)
    found: list[int | None] = [None] * len(ranks)
    for height, (_, place) in enumerate(order):
        found[place] = height
    return found


def _moves(ranks: Sequence[int | None]) -> bool:
    known = [rank for rank in ranks if rank is not None]
    return bool(known) and max(known) - min(known) >= _FAR
