"""Figures of matplotlib that a notebook shows by itself, whether or not pyplot was imported; and drawings as dots, for papers."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from xai_compare.report.canvas import Drawing

__all__ = ["Picture", "dots"]

_DOTS = 144  # per inch: sharp on most screens
_PRINT = 200  # and on paper


class Picture(Figure):
    """An ordinary figure otherwise: `savefig`, `axes` and all else that a figure has."""

    def _repr_png_(self) -> bytes:
        out = BytesIO()
        self.savefig(out, format="png", dpi=_DOTS)
        return out.getvalue()


def dots(drawing: Drawing) -> bytes:
    """A drawing as PNG, 200 dots per inch: no date and no version in it, nothing of the user's own settings of matplotlib."""
    out = BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        drawing.figure().savefig(out, format="png", dpi=_PRINT, metadata={"Software": None})
    return out.getvalue()
