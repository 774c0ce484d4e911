"""Reason codes: the map from features to codes and texts, and how contributions become ranked reasons. Pure values and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias

import numpy as np

from xai_compare.errors import StudyError, nearest
from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["AGAIN", "POLICIES", "QUESTION", "Policy", "Ranking", "Reason", "contributions", "ranked", "reason_map", "reasons_of"]

Policy: TypeAlias = Literal["near_threshold", "all_applicants"]

POLICIES: tuple[Policy, ...] = ("near_threshold", "all_applicants")
"""Against whom an adverse case is held."""

AGAIN = "other random numbers"
"""The study's own policy once more, by the same method with another seed."""

QUESTION = "reasons"
"""The question of the metric behind reason codes: its scores and curves have rows of their own, and none among skills and curves."""

_KEYS = ("feature", "pattern", "group", "code", "text", "prohibited")
_DIGITS = 9  # of the strongest contribution of a case: two that differ by less are tied


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason that may be given: the features whose contributions it adds up, by their places, and which of them are prohibited."""

    group: str
    code: str
    text: str
    features: tuple[int, ...]
    prohibited: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of a map, as written."""

    at: str
    feature: str
    pattern: str
    reason: tuple[str, str, str]  # group, code, text
    prohibited: bool

    def names(self, feature: str) -> bool:
        return feature == self.feature if self.feature else fnmatchcase(feature, self.pattern)


def reason_map(raw: object, features: Sequence[str], where: str) -> tuple[Reason, ...]:
    """The reasons of a map, in its order, for these features.

    Parameters
    ----------
    raw : a list of {feature or pattern, code, text, group, prohibited}, or a mapping {feature: {code, text, ...}}. A pattern is one of
        file names (`*`, `?`, `[...]`); a feature that is named is taken by its own line even where a pattern fits as well. Features of one
        `group` (by default: of one code) are added up and have one code and text. `prohibited` marks a feature that must not be a reason.
    features : (d,) names of the features. where : what messages call the map.

    Raises
    ------
    StudyError
        With a line for each fault: a feature that no line covers (never the nearest text), one that two lines cover, a line that
        covers none, a group with two texts, a code of two groups, a key that is unknown or missing.

    Examples
    --------
    >>> found = reason_map({"age": {"code": "A1", "text": "Age", "prohibited": True}}, ["age"], "map.yaml")
    >>> found[0].code, found[0].features, found[0].prohibited
    ('A1', (0,), (0,))
    """
    faults: list[str] = []
    entries = [entry for at, line in _lines(raw, where) if (entry := _entry(line, at, faults)) is not None]
    if faults:
        raise StudyError("\n".join(faults))
    owners = [_owner(name, entries, where, faults) for name in features]
    for entry in entries:
        if not any(entry.names(name) for name in features):
            said = entry.feature or entry.pattern
            faults.append(f"{entry.at}: '{said}' is no feature: {nearest(said, features)}")
    faults += _contradictions(entries)
    if faults:
        raise StudyError("\n".join(faults))
    return _gathered(entries, owners)


def _lines(raw: object, where: str) -> Iterator[tuple[str, object]]:
    if isinstance(raw, Mapping):
        for feature, rest in raw.items():
            yield f"{where}: {feature}", {"feature": feature, **rest} if isinstance(rest, Mapping) else rest
    elif isinstance(raw, list | tuple):
        yield from ((f"{where}: [{i}]", line) for i, line in enumerate(raw))
    else:
        raise StudyError(f"{where}: should be a list of lines with feature, code and text, found {type(raw).__name__}")


def _entry(line: object, at: str, faults: list[str]) -> _Entry | None:
    before = len(faults)
    if not isinstance(line, Mapping):
        faults.append(f"{at}: should be a mapping with feature, code and text, found {type(line).__name__}")
        return None
    faults += [f"{at}: unknown key '{key}': {nearest(str(key), _KEYS)}" for key in line if key not in _KEYS]
    if ("feature" in line) == ("pattern" in line):
        faults.append(f"{at}: needs a feature or a pattern, one of them")
    faults += [f"{at}: {key} is missing" for key in ("code", "text") if key not in line]
    for key in ("feature", "pattern", "group", "code", "text"):
        if key in line and (isinstance(line[key], bool) or not isinstance(line[key], str | int) or not str(line[key]).strip()):
            faults.append(f"{at}: {key} should be text that is not empty, found {line[key]!r}")
    if not isinstance(line.get("prohibited", False), bool):
        faults.append(f"{at}: prohibited should be true or false, found {line['prohibited']!r}")
    if len(faults) > before:
        return None
    code = str(line["code"])
    reason = str(line.get("group", code)), code, str(line["text"])
    return _Entry(at, str(line.get("feature", "")), str(line.get("pattern", "")), reason, bool(line.get("prohibited", False)))


def _owner(name: str, entries: list[_Entry], where: str, faults: list[str]) -> _Entry | None:
    """The one line that covers a feature."""
    found = [entry for entry in entries if entry.names(name)]
    own = [entry for entry in found if entry.feature] or found
    if not own:
        faults.append(f"{where}: the feature '{name}' has no reason: add a line for it. Texts are never guessed")
    elif len(own) > 1:
        faults.append(f"{own[1].at}: '{name}' has a reason already, by {own[0].at.removeprefix(f'{where}: ')}")
    return own[0] if own else None


def _contradictions(entries: list[_Entry]) -> Iterator[str]:
    texts: dict[str, tuple[str, str, str]] = {}
    groups: dict[str, str] = {}
    for entry in entries:
        group, code, _ = entry.reason
        if texts.setdefault(group, entry.reason) != entry.reason:
            yield f"{entry.at}: the group '{group}' has another code or text already: '{texts[group][1]}', '{texts[group][2]}'"
        elif groups.setdefault(code, group) != group:
            yield f"{entry.at}: the code '{code}' stands for the group '{groups[code]}' already"


def _gathered(entries: list[_Entry], owners: Sequence[_Entry | None]) -> tuple[Reason, ...]:
    found = []
    for reason in dict.fromkeys(entry.reason for entry in entries):
        own = [(i, entry) for i, entry in enumerate(owners) if entry is not None and entry.reason == reason]
        places, prohibited = tuple(i for i, _ in own), tuple(i for i, entry in own if entry.prohibited)
        if own:  # else its pattern fits only features that are named by lines of their own
            found.append(Reason(*reason, places, prohibited))
    return tuple(found)


def reasons_of(parameters: Mapping[str, Any]) -> tuple[Reason, ...]:
    """The reasons that the parameters of a metric hold, as they come from disk."""
    made = []
    for one in parameters["reasons"]:
        places = tuple(one["features"]), tuple(one["prohibited"])
        made.append(Reason(one["group"], one["code"], one["text"], *places))
    return tuple(made)


def contributions(values: Array, reasons: Sequence[Reason]) -> Array:
    """(n, g) the contribution of each reason: the sum of those (n, d) of its features."""
    return np.stack([values[:, list(reason.features)].sum(axis=1) for reason in reasons], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The principal reasons of n cases.

    order : (n, top) places of the reasons, the strongest first, -1 where no other works towards the adverse outcome.
    shares : (n, top) of everything that works towards it, 0 where there is no reason. omitted : (n,) the share that is not told.
    tied : (n, top) whether another reason of the case, told or not, contributes the same: their order is then that of the map.
    """

    order: IntArray
    shares: Array
    omitted: Array
    tied: BoolArray

    def members(self, g: int) -> BoolArray:
        """(n, g) which reasons are told."""
        told = np.zeros((len(self.order), g + 1), dtype=bool)
        np.put_along_axis(told, np.where(self.order < 0, g, self.order), True, axis=1)
        return told[:, :g]


def ranked(sums: Array, top: int) -> Ranking:
    """The principal reasons: those with a contribution above 0, at most `top` of them, the largest first.

    Parameters
    ----------
    sums : (n, g) contributions towards the adverse outcome, of one reason each.

    Examples
    --------
    >>> found = ranked(np.array([[0.25, -1.0, 0.5, 0.25]]), 2)
    >>> found.order.tolist(), found.shares.tolist(), found.omitted.tolist(), found.tied.tolist()
    ([[2, 0]], [[0.5, 0.25]], [0.25], [[False, True]])
    """
    most = np.abs(sums).max(axis=1, keepdims=True)
    # Rounded, so that what differs by rounding alone is tied, and ties keep the order of the map.
    size = np.maximum(np.round(np.divide(sums, most, out=np.zeros_like(sums), where=most > 0), _DIGITS), 0.0)
    width = min(top, sums.shape[1])
    order = np.argsort(-size, axis=1, kind="stable")[:, :width]
    told = np.take_along_axis(size, order, axis=1)
    total = size.sum(axis=1, keepdims=True)
    shares = np.divide(told, total, out=np.zeros_like(told), where=total > 0)
    tied = ((told[:, :, None] == size[:, None, :]).sum(axis=2) > 1) & (told > 0)
    omitted = np.where(total[:, 0] > 0, np.maximum(1 - shares.sum(axis=1), 0.0), 0.0)
    omitted[omitted < 10.0**-_DIGITS] = 0.0
    return Ranking(np.where(told > 0, order, -1), shares, omitted, tied)
