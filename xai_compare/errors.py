"""Typed errors. Every message says where, what was found, what is allowed and what to do.

The command line turns any `XaiCompareError` into one line and exit code 2; anything else is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "DataError",
    "MissingExtra",
    "ModelError",
    "NotApplicable",
    "StudyError",
    "UnknownName",
    "XaiCompareError",
    "nearest",
]


class XaiCompareError(Exception):
    """Base of every error that a user can cause and mend."""


class StudyError(XaiCompareError):
    """The study file, or an argument standing for it, is wrong."""


class DataError(XaiCompareError):
    """The data cannot be used as they are."""


class ModelError(XaiCompareError):
    """A model cannot be adapted, trained or called."""


class MissingExtra(XaiCompareError):
    """A library is needed that is not installed; the message names the extra that brings it."""


class UnknownName(XaiCompareError):
    """A name that is not registered, with the nearest one that is."""


class NotApplicable(Exception):
    """A method or metric does not fit a model or its data: a typed outcome that the report shows.

    Not an `XaiCompareError`: inside a run it never stops anything; it becomes the reason of a cell.
    """


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Say which names are allowed, and the nearest spelling if there is one.

    >>> nearest("sharp", ["shap", "lime"])
    "did you mean 'shap'? Allowed: lime, shap"
    """
    known = sorted(allowed)
    listing = "Allowed: " + (", ".join(known) or "nothing")
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(name, known, n=1, cutoff=0.5) or get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"did you mean '{folded.get(close[0], close[0])}'? {listing}" if close else listing
