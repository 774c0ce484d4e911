"""Methods below each other, models beside each other, one colour scale per method: images under patches, series before stretches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xai_compare.report.canvas import GREY, INK, Drawing, colour, draw, label, tint
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from xai_compare.types import Array

__all__ = ["GAP", "SCALE", "STRONG", "WIDTH", "Box", "Cell", "Line", "Room", "axes_in", "picture_in", "sheet", "tinted"]

WIDTH, _LEAST = 10.0, 5.6
GAP, SCALE = 0.2, 0.75  # inches: between models, and of a colour scale
_TOP, _TITLE, _UNDER = 0.3, 0.3, 0.2  # of models' names, of a method's, and below a panel
STRONG = 0.5  # of the largest share: from here on a share gets a sign

Box: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, width and height in inches."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """What a method says of a model: signed shares of the features, None where the case has none; `fine` the same at its own resolution."""

    shares: tuple[float | None, ...]
    fine: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One method, a cell for each model or None where it did not run; `absent` says for each model what became of it there.

    Its scale is that of its largest share of any model.
    """

    title: str
    signed: bool
    cells: tuple[Cell | None, ...]
    method: str = ""  # its name in the study
    absent: tuple[str, ...] = ()

    @property
    def largest(self) -> float:
        """The largest share of a feature, of any model."""
        return max((abs(share) for cell in self.cells if cell for share in cell.shares if share is not None), default=0.0)

    @property
    def finest(self) -> float:
        """The largest share of a pixel or point, of any model."""
        return max((float(np.nanmax(np.abs(cell.fine))) for cell in self.cells if cell and cell.fine is not None), default=0.0)


@dataclass(frozen=True, slots=True)
class Room:
    """Inches: what is kept free at the left, how wide the cells of each model are and how tall all. `strength`: of the colours, up to 1."""

    left: float
    wide: tuple[float, ...]
    tall: float
    strength: float = 1.0


def tinted(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Colours (..., 3) of numbers from -1 to 1; what is no number is white."""
    steps = np.arange(-100, 101)
    table = np.array([[int(tint(step / 100)[at : at + 2], 16) for at in (1, 3, 5)] for step in steps] + [[255] * 3], dtype=np.uint8)
    at = np.where(np.isnan(values), len(steps), np.rint(100 * np.clip(np.nan_to_num(values), -1, 1)) + 100)
    return np.asarray(table[at.astype(int)])


Paint: TypeAlias = "Callable[[Figure, Box, Line, Cell], None]"


def sheet(
    lines: Sequence[Line],
    models: Sequence[tuple[str, int]],
    room: Room,
    paint: Paint,
    beside: Callable[[Figure, float], None] | None = None,
) -> Drawing:
    """`paint` fills each cell; `beside` what is free at the left of the first line, whose top it is told in inches."""
    lefts = [room.left + sum(room.wide[:column]) + GAP * column for column in range(len(models) + 1)]
    wide = max(lefts[-1] + SCALE, _LEAST)
    line_high = _TITLE + room.tall + _UNDER
    high = _TOP + len(lines) * line_high

    def fill(figure: Figure) -> None:
        if beside is not None:
            beside(figure, high - _TOP - _TITLE)
        for column, (name, place) in enumerate(models):
            longest = max(int(room.wide[column] / 0.085), 6)
            figure.text(lefts[column] / wide, 1 - 0.18 / high, label(name, longest), color=colour(place), weight="bold")
        for row, line in enumerate(lines):
            top = high - _TOP - row * line_high
            figure.text(room.left / wide, (top - 0.2) / high, label(line.title, 60), color=INK)
            bottom = top - _TITLE - room.tall
            for column, cell in enumerate(line.cells):
                box = (lefts[column], bottom, room.wide[column], room.tall)
                if cell is None:
                    said = line.absent[column] if line.absent else "not measured"
                    figure.text(box[0] / wide, (bottom + room.tall / 2) / high, said, color=GREY, va="center")
                else:
                    paint(figure, box, line, cell)
            tall = min(room.tall, 1.3)
            bar = (lefts[-1], bottom + (room.tall - tall) / 2, 0.1, tall)
            _scale(axes_in(figure, bar), line, room.strength)

    return draw(wide, high, fill)


def axes_in(figure: Figure, box: Box) -> Axes:
    wide, high = figure.get_size_inches()
    return figure.add_axes((box[0] / wide, box[1] / high, box[2] / wide, box[3] / high))


def picture_in(figure: Figure, box: Box) -> Axes:
    axes = axes_in(figure, box)
    axes.set_axis_off()
    return axes


def _scale(axes: Axes, line: Line, strength: float) -> None:
    """The colours of a method with their shares."""
    low = -1.0 if line.signed else 0.0
    steps = np.linspace(1, low, 21 if line.signed else 11)
    axes.imshow(tinted(strength * steps)[:, None], interpolation="none", aspect="auto", extent=(0, 1, low, 1))
    ends = [low, 0.0, 1.0] if line.signed else [0.0, 1.0]
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks(ends, [_share(end * line.largest, line.signed) if end else "0" for end in ends], fontsize=7)
    axes.tick_params(length=0, pad=3)
    axes.spines["bottom"].set_visible(False)


def _share(value: float, signed: bool) -> str:
    return (f"{value:+.2g}" if signed else f"{value:.2g}").replace("-", MINUS)
