"""What is written in a picture: matplotlib draws words as paths, each under a comment with the words, and reports are without comments."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

from xai_compare.report.canvas import Drawing

__all__ = ["lettering"]


@lru_cache(maxsize=64)
def lettering(drawing: Drawing) -> tuple[str, ...]:
    """Every line of words in a picture, in the order of painting."""
    out = BytesIO()
    drawing.figure().savefig(out, format="svg")
    lines = (line.strip() for line in out.getvalue().decode().splitlines())
    return tuple(line[5:-4] for line in lines if line.startswith("<!-- "))
