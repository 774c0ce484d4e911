"""Grids of attention: which words or stretches of a case look at which, a grid for each layer, summaries beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xai_compare.report.canvas import INK, Drawing, draw, label
from xai_compare.report.sheets import tinted
from xai_compare.report.words import number_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xai_compare.types import Array

__all__ = ["Attended", "attention"]

_WIDTH, _LEFT, _ACROSS = 10.0, 1.2, 4
_LETTER = 0.062  # inches of a letter in a label
_LONGEST = 14
_FEW = 20  # names that fit below a grid, too
_EACH, _BELOW = 1.95, 0.32  # inches: of a grid, and between a line of grids and the next


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """One grid (k, k): rows look at columns. NaN where nothing is known."""

    title: str
    weights: Array


def attention(grids: Sequence[Attended], names: Sequence[str]) -> Drawing:
    """Every grid on its own scale from 0 to its largest weight, told above it; the first one's rows and columns name all."""
    columns = min(len(grids), _ACROSS)
    lines = -(-len(grids) // columns)
    shown = [label(name, _LONGEST) for name in names]
    letters = min(7.0, 62 * _EACH / len(names))
    foot = max(len(name) for name in shown) * _LETTER * letters / 7 + 0.1 if len(names) <= _FEW else 0.1
    line_high = _EACH + 0.3 + _BELOW
    high = lines * line_high + foot
    wide = max(_LEFT + columns * (_EACH + 0.25), 5.6)

    def paint(figure: Figure) -> None:
        for index, grid in enumerate(grids):
            line, column = divmod(index, columns)
            bottom = high - line * line_high - 0.3 - _EACH
            left = _LEFT + column * (_EACH + 0.25)
            axes = figure.add_axes((left / wide, bottom / high, _EACH / wide, _EACH / high))
            largest = float(np.nanmax(grid.weights, initial=0.0))
            axes.imshow(tinted(grid.weights / (largest or 1.0)), interpolation="none", aspect="auto")
            axes.set_title(f"{label(grid.title, 20)}: 0 to {number_text(largest)}", loc="left", color=INK)
            places = range(len(shown))
            axes.set_yticks(places, shown, fontsize=letters) if column == 0 else axes.set_yticks([])
            under = index == (lines - 1) * columns and len(names) <= _FEW
            axes.set_xticks(places, shown, fontsize=letters, rotation=90, color=INK) if under else axes.set_xticks([])
            axes.tick_params(length=0, pad=2)

    return draw(wide, high, paint)
