"""Numbers and names as a reader sees them: the precision that the interval supports, words where a number is missing."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from xai_compare.report.blocks import About, Entry, Link, Name, Piece, Text

__all__ = [
    "NO_POWER",
    "SPACES",
    "VERDICTS",
    "about",
    "abridged",
    "anchor",
    "case_anchors",
    "count",
    "estimate_text",
    "fixed",
    "gap_entry",
    "gap_parts",
    "gap_text",
    "interval_entry",
    "interval_text",
    "join",
    "level",
    "method_entry",
    "method_places",
    "method_title",
    "metric_link",
    "model_name",
    "number_entry",
    "number_text",
    "p_text",
    "p_words",
    "plain_entry",
    "share_text",
    "short_title",
    "shortened",
    "shown_name",
    "span_text",
    "undecided",
    "visible",
]

MINUS = "\u2212"
_MOST = 4  # decimals that anyone reads
_LONGEST_REASON = 300  # characters; report.json has the rest
_LONGEST_NAME = 18  # characters of a model's name where a figure has least room
_COLOURS = 8
_FEW = "few differing cases: decides nothing"
_EQUAL = "all cases differ equally; sign-flip test"
CONTROL = "control (knows nothing of the model)"
NO_POWER = "no power here"  # the verdict on a metric that tells no method from the control
VERDICTS = {"better": "explained better than", "worse": "explained worse than", "cannot be told apart": "cannot be told apart from"}
SPACES = {"margin": "margin (log-odds and the like)", "probability": "probability", "value": "value, in the units of the outcome"}

# Characters that change how their neighbours are read, and are shown by name instead. Joiners are part of spelling in many scripts.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_SPELLING = "\n\u200c\u200d"


def visible(text: str) -> str:
    """Text in which control and direction characters are spelled out, so that what is read is what is there."""
    if text.isprintable():
        return text
    return "".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in _UNSEEN and c not in _SPELLING else c for c in text)


def shortened(text: str, longest: int) -> str:
    """Text cut in its middle, so that names that differ only at one end stay different.

    >>> shortened("gradient boosting, deep", 12), shortened("short", 12)
    ('gradie\u2026 deep', 'short')
    """
    if len(text) <= longest:
        return text
    head = longest // 2
    tail = longest - 1 - head
    return text[:head] + "\u2026" + (text[-tail:] if tail > 0 else "")


def abridged(reason: str) -> str:
    """A reason short enough to read; one that goes on (a traceback, a list of columns) ends in an ellipsis."""
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1].rstrip() + "\u2026"


def case_anchors(report: dict[str, Any]) -> dict[str, str]:
    """{id: anchor} of the cases shown: no two alike, whatever the ids are made of."""
    found: dict[str, str] = {}
    for case in report["cases"]:
        wanted = anchor("case", case["id"])
        found[case["id"]] = wanted if wanted not in found.values() else f"{wanted}-{len(found)}"
    return found


def anchor(kind: str, name: str) -> str:
    """An identifier for links: the kind, and the name with everything but letters, digits, dot and dash replaced."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9.-]+', '-', name)[:60].strip('-') or 'x'}"


def number_text(value: float | None) -> str:
    """A number on its own, to three digits; small ones with at least two decimals.

    >>> number_text(0.0204), number_text(1234.5), number_text(None)
    ('0.02', '1234', 'not measured')
    """
    if value is None:
        return "not measured"
    wanted = 2 if value == 0 else -math.floor(math.log10(abs(value))) + (2 if abs(value) >= 1 else 1)
    return fixed(value, min(max(wanted, _least(value)), 4), _least(value))


def fixed(value: float, decimals: int, least: int | None = None) -> str:
    """A number with these decimals, zeros at its end cut down to `least`; never a negative zero, and a true minus sign.

    >>> fixed(-0.001, 2), fixed(0.5, 4, 2), fixed(40.04, 1, 0)
    ('0.00', '0.50', '40')
    """
    shown = f"{value:.{decimals}f}"
    while least is not None and shown.endswith("0") and len(shown.partition(".")[2]) > least:
        shown = shown[:-1]
    shown = shown.removesuffix(".")
    if not any(digit in shown for digit in "123456789"):
        shown = shown.lstrip("-")
    return shown.replace("-", MINUS)


def _least(value: float) -> int:
    return 2 if abs(value) < 10 else 0


def decimals_for(mid: float, low: float, high: float) -> int:
    """The decimals that an interval supports: it stays at least a unit wide, an estimate inside it does not seem to be its end, and one
    that leaves 0 out does not seem to touch it.
    """
    width = high - low
    wanted = -math.floor(math.log10(width)) if width > 0 else 0
    decimals = max(wanted, _least(mid))
    most = _MOST if low > 0 or high < 0 else _MOST - 1
    while decimals < most and any(end != 0 and abs(end) < 0.5 * 10**-decimals for end in (low, high)):
        decimals += 1
    while decimals < _MOST and any(end != mid and fixed(end, decimals) == fixed(mid, decimals) for end in (low, high)):
        decimals += 1
    return min(max(decimals, 0), _MOST)


def span_text(mid: float, low: float, high: float) -> str:
    r"""An estimate with its interval; the brackets stay on one line.

    >>> span_text(0.418, 0.38, 0.46)
    '0.42 [0.38,\xa00.46]'
    """
    decimals = decimals_for(mid, low, high)
    return f"{fixed(mid, decimals)} [{fixed(low, decimals)},\u00a0{fixed(high, decimals)}]"


def estimate_text(found: dict[str, Any] | None, beside: dict[str, Any] | None = None) -> str:
    """An estimate in a sentence, to the digits that its interval supports, or that of the difference it stands beside.

    >>> one, gap = ({"estimate": e, "low": e - s, "high": e + s} for e, s in ((0.9912, 0.01), (-0.0053, 0.005)))
    >>> estimate_text(one), estimate_text(one, gap)
    ('0.99', '0.9912')
    """
    if found is None or found["estimate"] is None or found["low"] is None or found["high"] is None:
        return number_text(found["estimate"] if found else None)
    spans = [each for each in (found, beside) if each and None not in (each["estimate"], each["low"], each["high"])]
    return fixed(found["estimate"], max(decimals_for(each["estimate"], each["low"], each["high"]) for each in spans))


def share_text(value: float | None) -> str:
    """A share in a sentence: two decimals."""
    return "not measured" if value is None else fixed(value, 2)


def interval_text(found: dict[str, Any] | None) -> str:
    """An interval of the report, or the words that say why there is none.

    >>> interval_text({"estimate": 0.5, "low": None, "high": None, "reason": "all equal"})
    '0.50 (no interval: all equal)'
    """
    if found is None:
        return "not measured"
    if found["estimate"] is None:
        return f"not measured ({abridged(found['reason'])})"
    if found["low"] is None or found["high"] is None:
        return f"{number_text(found['estimate'])} (no interval: {abridged(found['reason'])})"
    return span_text(found["estimate"], found["low"], found["high"])


def undecided(gap: dict[str, Any]) -> str:
    """Why a gap cannot carry a verdict, in words; "" where it can.

    >>> undecided({"how": "BCa, few differing cases", "p": 0.001}), undecided({"how": "bootstrap-t", "p": 0.9})
    ('few differing cases: decides nothing', '')
    """
    if "few differing cases" in gap["how"]:
        return _FEW
    if gap["p"] is None:
        return "no case differs" if gap["how"] == "all equal" else abridged(gap["reason"] or "no p was computed")
    return ""


def gap_text(gap: dict[str, Any]) -> str:
    """A gap's estimate and interval, with the words that keep a reader from leaning on one that cannot decide.

    >>> gap_text({"estimate": 0.5, "low": 0.25, "high": 0.75, "how": "BCa, few differing cases", "p": 0.001, "reason": None})
    '0.50 [0.25,\xa00.75] (few differing cases: decides nothing)'
    """
    said, why = gap_parts(gap)
    return f"{said} ({why})" if why else said


def unsigned(found: dict[str, Any]) -> dict[str, Any]:
    """The size of a difference, where words beside it say which way it goes.

    >>> unsigned({"estimate": -0.2, "low": -0.3, "high": -0.1})
    {'estimate': 0.2, 'low': 0.1, 'high': 0.3}
    """
    if found["estimate"] is None or found["estimate"] >= 0:
        return found
    ends = {"low": found["high"], "high": found["low"]}
    return {**found, "estimate": -found["estimate"], **{key: None if end is None else -end for key, end in ends.items()}}


def gap_parts(gap: dict[str, Any]) -> tuple[str, str]:
    """A gap's estimate and interval, and what a reader must know beside it ("" for nothing)."""
    if gap["estimate"] is None:
        return "not measured", abridged(gap["reason"])
    why = undecided(gap)
    if gap["low"] is None or gap["high"] is None:
        return number_text(gap["estimate"]), f"no interval: {why or 'all cases differ equally'}"
    return interval_text(gap), why


def _equal(gap: dict[str, Any]) -> bool:
    return bool(gap["how"] == "all equal")


def p_words(row: dict[str, Any]) -> str:
    """The p of a row of gaps: Holm's for a headline gap that can decide, "not tested" for one that cannot, else the exploratory one.

    A metric without power tests nothing at all.

    >>> p_words({"gap": {"how": "all equal", "p": 0.002}, "p_adjusted": 0.004, "headline": True})
    '0.004 (Holm; all cases differ equally; sign-flip test)'
    """
    gap, why = row["gap"], undecided(row["gap"])
    if row.get("verdict") == NO_POWER:
        return f"not tested ({NO_POWER})"
    said = why or (_EQUAL if _equal(gap) else "")
    if why and row["headline"]:
        return f"not tested ({why})"
    if row["p_adjusted"] is not None:
        return f"{p_text(row['p_adjusted'])} (Holm{f'; {said}' if said else ''})"
    if gap["p"] is None:
        return f"none ({why})"
    return f"{p_text(gap['p'])}, exploratory{f' ({said})' if said else ''}"


def p_text(p: float | None) -> str:
    """A p-value; "none" where there is none.

    >>> p_text(0.00001), p_text(0.0312), p_text(0.4)
    ('<0.001', '0.031', '0.40')
    """
    if p is None:
        return "none"
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def level(report: dict[str, Any]) -> str:
    """The confidence level, as a percentage."""
    return f"{100 * report['scope']['level']:g}\u00a0%"


def count(n: int, what: str, many: str = "") -> str:
    """A number of things."""
    return f"{n}\u00a0{what if n == 1 else many or what + 's'}"


def join(words: list[str], last: str = "and") -> str:
    """A list as a sentence has it."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "none"


def plain_entry(text: str | Piece, tone: Any = "") -> Entry:
    """A cell of words."""
    return Entry((text,), None, tone)


def number_entry(value: float | None, missing: str = "none") -> Entry:
    """A cell with one number, or the word for its absence."""
    return Entry((missing,), None, "quiet") if value is None else Entry((number_text(value),), value)


def interval_entry(found: dict[str, Any] | None, missing: str = "none", tone: Any = "") -> Entry:
    """A cell with an interval."""
    if found is None:
        return Entry((missing,), None, "quiet")
    return Entry((interval_text(found),), found["estimate"], tone if found["estimate"] is not None else "quiet")


def gap_entry(row: dict[str, Any]) -> Entry:
    """A cell with a gap's interval; quiet where it cannot decide, and of no rank where its metric has no power."""
    gap, silent = row["gap"], row["verdict"] == NO_POWER
    return Entry((gap_text(gap),), None if silent else gap["estimate"], "quiet" if silent or undecided(gap) else "")


def model_name(report: dict[str, Any], name: str) -> Name:
    """A model's name with its colour."""
    names = [model["name"] for model in report["models"]]
    return Name(shown_name(report, name), names.index(name) if name in names else len(names))


def shown_name(report: dict[str, Any], name: str) -> str:
    """A model's name, with its number in front where neither its colour nor its name cut to fit a figure tells it from the others."""
    names = [model["name"] for model in report["models"]]
    short = {shortened(visible(each), _LONGEST_NAME) for each in names}
    unlike = len(names) <= _COLOURS and len(short) == len(names)
    return name if unlike or name not in names else f"{names.index(name) + 1} {name}"


def method_title(report: dict[str, Any], name: str) -> str:
    """A method's title; the control says that it is one."""
    for method in report["methods"]:
        if method["name"] == name:
            return CONTROL if method["control"] else str(method["title"])
    if " ~ " in name:
        return " and ".join(short_title(report, part) for part in name.split(" ~ "))
    return name.replace("_", " ") or "the model itself"


def about(report: dict[str, Any], model: str, *methods: str) -> About:
    """What speaks of one model by these methods."""
    names = [one["name"] for one in report["models"]]
    return About((names.index(model),) if model in names else (), method_places(report, *methods))


def method_entry(report: dict[str, Any], name: str, tone: Any = "", short: bool = False) -> Entry:
    """A cell with a method's title; two methods where the name is that of a pair."""
    title = short_title(report, name) if short else method_title(report, name)
    return Entry((title,), None, tone, method_places(report, *name.split(" ~ ")))


def method_places(report: dict[str, Any], *names: str) -> tuple[int, ...]:
    """The places of methods in the study; of what is no method, such as a model's own order, none."""
    places = {method["name"]: place for place, method in enumerate(report["methods"])}
    return tuple(places[name] for name in names if name in places)


def short_title(report: dict[str, Any], name: str) -> str:
    """A method's title where room is short; the control is just that."""
    return "control" if name == report["scope"]["control"] else method_title(report, name)


def metric_link(report: dict[str, Any], name: str) -> Text:
    """A metric's title, or that of a profile, linked to its definition."""
    for metric in (*report["metrics"], *report["profiles"]["methods"]):
        if metric["name"] == name:
            return (Link(metric["title"], anchor("term", name)),)
    return (name.replace("_", " "),)
