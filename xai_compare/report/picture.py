"""A figure of matplotlib that a notebook shows by itself, whether or not pyplot was imported."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure

__all__ = ["Picture"]

_DOTS = 144  # per inch: sharp on most screens


class Picture(Figure):
    """An ordinary figure otherwise: `savefig`, `axes` and all else that a figure has."""

    def _repr_png_(self) -> bytes:
        out = BytesIO()
        self.savefig(out, format="png", dpi=_DOTS)
        return out.getvalue()
