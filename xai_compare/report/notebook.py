"""What a notebook shows of a result: the verdict, the gaps that lead it and where interpretability goes."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Figure, Link, Name, Piece, Prose, Strong, Table
from xai_compare.report.render import asset, environment, policy, section, trusted

__all__ = ["brief"]

_FIRST = "verdict"
_LEAST, _MOST = 20, 95  # rem: of the frame's height


def brief(report: dict[str, Any]) -> str:
    """The verdict as a piece of HTML for a notebook, a document of its own in a frame.

    The frame keeps the notebook's style out and this one in, runs nothing and asks for nothing. Where frames are taken out of a notebook
    (one that is not trusted, some viewers on the web) the same words stand below it.

    >>> html = brief(report)                    # doctest: +SKIP
    """
    blocks = _shown(section(report, _FIRST).blocks)
    css = asset("report.css")
    inner = (
        environment()
        .get_template("brief.html.j2")
        .render(report=report, blocks_of=blocks, anchors=set(), css=trusted(css), policy=policy(css))
    )
    said = ["".join(map(_words, block.pieces)) for block in blocks if isinstance(block, Prose)]
    return environment().get_template("frame.html.j2").render(report=report, inner=inner, said=said, height=_height(blocks))


def _shown(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The words that come first, the picture, the table of the gaps."""
    tables = [place for place, block in enumerate(blocks) if isinstance(block, Table)]
    first = tables[0] if tables else len(blocks)
    words = tuple(block for block in blocks[:first] if isinstance(block, Prose))
    return (*words, *(block for block in blocks if isinstance(block, Figure)), *blocks[first : first + 1])


def _words(piece: Piece) -> str:
    return piece.text if isinstance(piece, Strong | Name | Link) else piece


def _height(blocks: tuple[Block, ...]) -> int:
    """About as much as the document needs on a screen of usual width; it scrolls, and the frame can be pulled longer."""
    lines = 4.0
    for block in blocks:
        if isinstance(block, Prose):
            lines += 1.7 * -(-sum(len(_words(piece)) for piece in block.pieces) // 95) + 0.7
        elif isinstance(block, Table):
            lines += 2.0 * len(block.rows) + 5
        elif isinstance(block, Figure):
            lines += block.drawing.height / 16 + 5
    return round(min(max(lines, _LEAST), _MOST))
