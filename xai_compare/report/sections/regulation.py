"""Section 14: where this evidence may be relevant, from a dated data file."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Details, Prose, Terms
from xai_compare.report.sections import section

__all__ = ["make"]

_PARTS = {
    "status": "What it is",
    "looks_for": "It looks for",
    "may_inform": "May inform",
    "not_covered": "Does not address",
}


@section("regulation", 14, "Where this may be relevant", "Where does it go in my file?")
def make(report: dict[str, Any]) -> list[Block]:
    """Each text with what it looks for, what of a report may inform that, and what a report does not address."""
    found = report["regulation_map"]
    if not found or not found["rows"]:
        return []
    said = (
        f"Where this evidence may be relevant, as of {found['as_of']}. It is not legal advice, not a conformity assessment, and does not "
        "state that any requirement is met."
    )
    quiet = "The list is the same in every report: whether a text concerns this model is for its reader to say."
    rows = [Details(f"{row['name']} ({row['jurisdiction']})", (Terms(_terms(row)),)) for row in found["rows"]]
    return [Prose((said,)), Prose((quiet,), "note"), *rows]


def _terms(row: dict[str, Any]) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    told = tuple((title, (row[key],), "") for key, title in _PARTS.items())
    return (*told, ("Source", (row["source_url"],), ""))
