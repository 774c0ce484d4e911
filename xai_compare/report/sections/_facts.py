"""Nested facts (of data, models, versions) as terms."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Text

__all__ = ["facts"]


def facts(found: Any, path: str = "") -> tuple[tuple[str, Text, str], ...]:
    """Terms of nested facts: the path of keys, the value, no anchor. Sorted, so that bytes do not hang on the order of a dictionary."""
    if isinstance(found, dict) and found:
        return tuple(item for key in sorted(found) for item in facts(found[key], f"{path}, {key}" if path else key))
    if isinstance(found, list) and any(isinstance(item, dict | list) for item in found):
        return tuple(item for index, value in enumerate(found, start=1) for item in facts(value, f"{path} {index}"))
    return ((path.replace("_", " "), (_value(found),), ""),)


def _value(found: Any) -> str:
    if isinstance(found, list | dict):
        return ", ".join(_value(item) for item in found) or "none"
    if found is None or found == "":
        return "not provided"
    return ("yes" if found else "no") if isinstance(found, bool) else str(found)
