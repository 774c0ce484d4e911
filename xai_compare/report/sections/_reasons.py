"""What the reason codes come to, told in their own section and in the verdict: what must not be a reason, and whether reasons hold."""

from __future__ import annotations

from typing import Any

from xai_compare.compare.slices import FEWEST
from xai_compare.report.blocks import Piece, Strong, Text
from xai_compare.report.words import count, join, method_title, model_name, share_text

__all__ = ["CHANGES", "blocking", "changes", "leading"]

CHANGES = {
    "models": "another model",
    "methods": "another method",
    "seeds": "other random numbers",
    "references": "another reference",
}


def leading(found: dict[str, Any]) -> str:
    """The first method whose values are differences from a reference; without any, the first."""
    ran = [row["explainer"] for row in found["crossings"]]
    own = [method["name"] for method in found["methods"] if method["difference"] and method["name"] in ran]
    return str((own or ran)[0])


def blocking(report: dict[str, Any], found: dict[str, Any]) -> Text:
    """What the map prohibits and is a reason all the same, by the leading method; nothing where there is none."""
    lead = leading(found)
    rows = [row for row in found["flags"] if row["explainer"] == lead]
    if not rows:
        return ()
    pieces: list[Piece] = [Strong("Blocking"), f", by {method_title(report, lead)}: "]
    for place, feature in enumerate(dict.fromkeys(row["feature"] for row in rows)):
        pieces.append(f"{'; ' if place else ''}{feature}, which must not be a reason, is one in ")
        for i, row in enumerate(row for row in rows if row["feature"] == feature):
            pieces += [
                ", " if i else "",
                f"{row['cases']} of {row['of']} adverse cases of " if not i else f"{row['cases']} of {row['of']} of ",
            ]
            pieces.append(model_name(report, row["model"]))
    return (*pieces, ". ")


def changes(report: dict[str, Any], found: dict[str, Any]) -> str:
    """How many cases get other codes when one thing changes, change by change, by the leading method; "" where that was not measured."""
    lead, said = leading(found), list[str]()
    for kind, what in CHANGES.items():
        rows = [row for row in found["pairs"] if row["kind"] == kind and row["explainer"] in ("", lead) and row["changed"]["n"]]
        if rows:
            low, high = (share_text(end(row["changed"]["estimate"] for row in rows)) for end in (min, max))
            of = "" if said else " of the cases"
            most = max(row["changed"]["n"] for row in rows)
            few = f" (of {count(most, 'case')} at most)" if most < FEWEST else ""
            said.append(f"{low if low == high else f'{low} to {high}'}{of} with {what}{few}")
    return f"By {method_title(report, lead)} the codes change for {join(said)}. " if said else ""
