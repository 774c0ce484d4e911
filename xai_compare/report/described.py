"""What a report holds of a table's columns: each feature, rows that come again, and features that move together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xai_compare.report.plain import number, text
from xai_compare.results import Results

__all__ = ["FACTS", "features", "rows", "together"]

FACTS = "described"
"""Where the results hold these facts; those of images, texts and series, and those of older runs, have none."""


def features(results: Results) -> list[dict[str, Any]]:
    """Every feature with what is known of its columns; null where nothing is, or where it has no such thing."""
    known = results.data.get(FACTS, {}).get("features") or [{}] * len(results.features)
    return [
        {"name": text(name), "kind": text(kind), **_feature(facts)}
        for name, kind, facts in zip(results.features, results.kinds, known, strict=True)
    ]


def _feature(facts: Mapping[str, Any]) -> dict[str, Any]:
    quartiles, most, distance = (facts.get(key) for key in ("quartiles", "most_frequent", "distance"))
    return {
        "missing": number(facts.get("missing")),
        "distinct": None if facts.get("distinct") is None else int(facts["distinct"]),
        "quartiles": None if quartiles is None else [number(one) for one in quartiles],
        "most_frequent": None if most is None else {"share": number(most["share"]), "level": _text(most["level"])},
        "distance": None if distance is None else {"measure": text(distance["measure"]), **_numbers(distance, "value", "p")},
    }


def _text(value: Any) -> str | None:
    return None if value is None else text(value)


def _numbers(facts: Mapping[str, Any], *keys: str) -> dict[str, float | None]:
    return {key: number(facts[key]) for key in keys}


def rows(results: Results) -> dict[str, Any] | None:
    """Which rows the facts are of, and how many of them come again."""
    facts = results.data.get(FACTS)
    if facts is None:
        return None
    known = None if facts["known"] is None else int(facts["known"])
    return {"rows": int(facts["rows"]), "training": bool(facts["training"]), "repeated": int(facts["repeated"]), "known": known}


def together(results: Results) -> dict[str, Any] | None:
    """The pairs of features that move together."""
    facts = results.data.get(FACTS)
    if facts is None:
        return None
    found = facts["together"]
    return {
        "rows": int(found["rows"]),
        "above": number(found["above"]),
        "found": int(found["found"]),
        "pairs": [{**{key: text(pair[key]) for key in ("a", "b", "measure")}, "value": number(pair["value"])} for pair in found["pairs"]],
        "left_out": [text(name) for name in found["left_out"]],
        "reason": text(found["reason"]),
    }
