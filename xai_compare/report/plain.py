"""Values that JSON can hold: no NaN, no NumPy, the same digits everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from xai_compare.compare import Interval

__all__ = ["interval", "number", "plain", "text"]

_DIGITS = 10


def number(value: Any) -> float | None:
    """A finite float of at most 10 significant digits, or None. Negative zero becomes zero, so that bytes do not hang on it."""
    if value is None or not math.isfinite(float(value)):
        return None
    return float(f"{float(value):.{_DIGITS}g}") + 0.0


def text(value: Any) -> str:
    """Any value as text that UTF-8 can hold (lone surrogates become question marks)."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def interval(found: Interval) -> dict[str, Any]:
    """An interval as JSON: `reason` says why a number is null, and is null when none is."""
    low, high, estimate = number(found.low), number(found.high), number(found.estimate)
    whole = None not in (low, high, estimate)
    reason = None if whole else text(found.how or "no reason was recorded")
    return {
        "estimate": estimate,
        "low": low,
        "high": high,
        "n": int(found.n),
        "how": text(found.how),
        "p": number(found.p),
        "reason": reason,
    }


def plain(value: Any) -> Any:
    """Free-form facts (parameters, provenance) as JSON values. A float that is not finite becomes its name, never NaN."""
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        found = number(value)
        return text(float(value)) if found is None else found
    if isinstance(value, Mapping):
        return {text(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, set | frozenset):
        return [plain(item) for item in sorted(value, key=str)]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return text(value)
