"""The small language of thresholds: "gap.fidelity < -0.1 or any failed". Read by hand; nothing of it is ever run.

expression   one "and" one, one "or" one, "not" one, "(" expression ")"; "not" binds closest, then "and", then "or"
one          name < number (or <=, >, >=), or "any failed", "any degraded", "any review"
name         gap.QUESTION[.MODEL], skill.METHOD.QUESTION[.MODEL], score.MODEL.SCORE
             a part with blanks, dots or signs stands in quotes: score."my model"."F1 (macro)"
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from xai_compare.errors import StudyError, nearest

__all__ = ["Both", "Either", "Expression", "Limit", "Name", "Not", "Some", "named", "parse"]

Kind: TypeAlias = Literal["gap", "skill", "score"]
Sign: TypeAlias = Literal["<", "<=", ">", ">="]
State: TypeAlias = Literal["failed", "degraded", "review"]

_LONGEST, _DEEPEST = 2000, 50
_PART = r"""(?:"[^"]*"|'[^']*'|[^\s<>()"'.]+)"""
_TOKEN = re.compile(
    rf"""\s*(?:(?P<sign><=|>=|<|>)|(?P<paren>[()])|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![^\s<>()]))"""
    rf"""|(?P<name>{_PART}(?:\.{_PART})*))"""
)
_FORMS = {"gap": "gap.QUESTION or gap.QUESTION.MODEL", "score": "score.MODEL.SCORE"}
_FORMS |= {"skill": "skill.METHOD.QUESTION or skill.METHOD.QUESTION.MODEL"}
_PARTS = {"gap": (2, 3), "skill": (3, 4), "score": (3, 3)}
_FORM = (
    "Allowed: gap.QUESTION[.MODEL], skill.METHOD.QUESTION[.MODEL], score.MODEL.SCORE with <, <=, >, >= and a number; "
    "any failed, any degraded, any review; and, or, not, parentheses"
)
_WORDS = ("and", "or", "not", "any")


@dataclass(frozen=True, slots=True)
class Name:
    """A number of a report by its name. text : as it was written."""

    kind: Kind
    parts: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A number against a limit."""

    name: Name
    sign: Sign
    value: float


@dataclass(frozen=True, slots=True)
class Some:
    """Whether any cell, or any headline gap, is in a state."""

    state: State


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    one: Expression


@dataclass(frozen=True, slots=True)
class Both:
    """Both sides."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Either:
    """One side at least."""

    left: Expression
    right: Expression


Expression: TypeAlias = Limit | Some | Not | Both | Either


def parse(text: str) -> Expression:
    """Read an expression.

    Raises
    ------
    StudyError
        If it is none: what was found, what is allowed there.

    Examples
    --------
    >>> parse("any failed")
    Some(state='failed')
    """
    reader = _Reader(text)
    found = reader.either(0)
    if reader.now:
        raise reader.wrong("'and', 'or' or the end")
    return found


def named(expression: Expression) -> Iterator[Name]:
    """Every name in an expression, from left to right."""
    match expression:
        case Limit(name=name):
            yield name
        case Not(one=one):
            yield from named(one)
        case Both(left=left, right=right) | Either(left=left, right=right):
            yield from named(left)
            yield from named(right)


class _Reader:
    """Tokens of a text, one after the other: `now` is the one to read next, "" at the end, and `sort` what it is."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise StudyError(f"the expression has {len(text)} characters; at most {_LONGEST} are read")
        self._text, self._at = text, 0
        self.now, self.sort = "", ""
        self._next()

    def _next(self) -> str:
        """The token that was to be read; the one after it comes up."""
        read = self.now
        rest = _TOKEN.match(self._text, self._at)
        if rest is None:
            if self._text[self._at :].strip():
                raise StudyError(f"'{self._text}': cannot be read from '{self._text[self._at :].strip()[:20]}' on. {_FORM}")
            self.now = self.sort = ""
        else:
            self._at, self.sort = rest.end(), str(rest.lastgroup)
            self.now = rest[self.sort]
        return read

    def wrong(self, wanted: str) -> StudyError:
        """What stands here, and what should."""
        found = f"'{self.now}'" if self.now else "the end"
        return StudyError(f"'{self._text}': found {found} where {wanted} should stand. {_FORM}")

    def either(self, deep: int) -> Expression:
        found = self.both(deep)
        while self.now == "or":
            self._next()
            found = Either(found, self.both(deep))
        return found

    def both(self, deep: int) -> Expression:
        found = self.one(deep)
        while self.now == "and":
            self._next()
            found = Both(found, self.one(deep))
        return found

    def one(self, deep: int) -> Expression:
        if deep > _DEEPEST:
            raise StudyError(f"'{self._text[:60]}...': nested more than {_DEEPEST} deep")
        if self.now == "not":
            self._next()
            return Not(self.one(deep + 1))
        if self.now == "any":
            self._next()
            return self._any()
        if self.now == "(":
            self._next()
            found = self.either(deep + 1)
            if self.now != ")":
                raise self.wrong("')'")
            self._next()
            return found
        return self._test()

    def _any(self) -> Some:
        for state in get_args(State):
            if self.now == state:
                self._next()
                return Some(state)
        raise self.wrong("'failed', 'degraded' or 'review'")

    def _test(self) -> Limit:
        if self.sort != "name" or self.now in _WORDS:
            raise self.wrong("a test")
        name = self._name(self._next())
        for sign in get_args(Sign):
            if self.now == sign:
                self._next()
                break
        else:
            raise self.wrong("<, <=, > or >=")
        if self.sort != "number" or not math.isfinite(float(self.now)):
            raise self.wrong("a number")
        return Limit(name, sign, float(self._next()))

    def _name(self, text: str) -> Name:
        parts = tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_PART, text))
        for kind in get_args(Kind):
            if parts[0] == kind:
                least, most = _PARTS[kind]
                if not least <= len(parts) <= most:
                    raise StudyError(f"'{self._text}': '{text}' should read {_FORMS[kind]}")
                return Name(kind, parts[1:], text)
        raise StudyError(f"'{self._text}': unknown name '{text}': {nearest(parts[0], _FORMS)}. {_FORM}")
