"""Section 2: what is explained, what the method loses, and what no list of features can tell."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Details, Prose, Strong
from xai_compare.report.sections import section
from xai_compare.report.sections._decomposition import bar_rows, parts_table, picture

__all__ = ["make"]


@section("decomposition", 2, "Where interpretability goes", "Is the gap the model's or the method's?")
def make(report: dict[str, Any]) -> list[Block]:
    """One bar per model and method."""
    rows = bar_rows(report)
    if not rows:
        return [Prose(("The decomposition was not measured; the reasons are under Limits.",), "note")]
    reading = Prose(
        (
            "What moves a model's output splits into three parts. ",
            Strong("Explained"),
            " is what the method's list of numbers tells. ",
            Strong("Lost by the method"),
            " could be told by a better list. ",
            Strong("Beyond any list of features"),
            " lies in the model: features act together in ways that one number per feature cannot tell.",
        )
    )
    empty = [row for row in report["decomposition"] if row not in rows]
    blocks: list[Block] = [reading, picture(report, rows, "decomposition", "Explained, lost and beyond, for each model and method")]
    return [*blocks, Details("Not measured", (parts_table(report, empty),))] if empty else blocks
