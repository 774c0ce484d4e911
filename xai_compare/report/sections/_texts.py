"""Cases of texts: each word with its colour, its sign and its number, a strip per method and model."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import About, Block, Details, Heading, Part, Prose, Token, Tokens
from xai_compare.report.sections._shown import by_method, first_and_others, shares, signed_text
from xai_compare.report.words import count, method_places, method_title, model_name

__all__ = ["strips"]

_STEPS = 10  # of colour to either side


def strips(report: dict[str, Any], case: dict[str, Any]) -> list[Block]:
    """Strips of the first methods, and of the others, folded."""
    found = by_method(report, case)
    first, others = first_and_others(found)
    blocks = [block for name in first for block in _method(report, case, name, found[name])]
    if others:
        folded = tuple(block for name in others for block in _method(report, case, name, found[name]))
        blocks.append(Details(f"By {count(len(others), 'more method')}", folded))
    return blocks


def _method(report: dict[str, Any], case: dict[str, Any], name: str, rows: dict[str, dict[str, Any]]) -> list[Block]:
    told = {model: shares(row) for model, row in rows.items()}
    signed = any(row["signed"] for row in rows.values())
    largest = max((abs(share) for values in told.values() for share in values if share is not None), default=0.0)
    low = signed_text(-largest, signed) if signed else "0"
    scale = (
        f"Colours from {low} to {signed_text(largest, signed)}, the same for all models{'' if signed else '; strength only, no direction'}."
    )
    names = [model["name"] for model in report["models"] if model["name"] in told]
    said = [Tokens((model_name(report, model),), _words(report, case, told[model], signed, largest)) for model in names]
    return [Part(About(methods=method_places(report, name)), (Heading(method_title(report, name)), Prose((scale,), "note"), *said))]


def _words(report: dict[str, Any], case: dict[str, Any], values: list[float | None], signed: bool, largest: float) -> tuple[Token, ...]:
    words = case["values"] or [feature["name"] for feature in report["scope"]["features"]]
    return tuple(
        Token(word, signed_text(share, signed), _STEPS + round(_STEPS * share / largest) if largest else _STEPS)
        for word, share in zip(words, values, strict=True)
        if share is not None
    )
