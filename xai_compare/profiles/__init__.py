"""Profiles: how a model's output moves with each feature. Curves for the report, no scores. A new one is one file with one
`@PROFILES.register("name")`.

A profile's method is a frozen dataclass of its own parameters; these are the keys in the study file and part of the cache key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from xai_compare.registry import Registry
from xai_compare.streams import Streams
from xai_compare.types import Data, Model, Output, Profile

__all__ = ["PROFILES", "Profiler"]


@runtime_checkable
class Profiler(Protocol):
    """What every method offers, for the report, in words: title, citation, cost; `reading` goes on after the title: "the mean ..."."""

    title: ClassVar[str]
    citation: ClassVar[str]
    cost: ClassVar[str]
    reading: ClassVar[str]

    def __call__(
        self, model: Model, data: Data, output: Output, target: int, streams: Streams, features: Sequence[str] | None = None
    ) -> Profile:
        """Curves of one model.

        Rows and grids come from the data and the streams alone, never from the model, so that the curves of several models
        stand on one grid.

        Parameters
        ----------
        output : the space in which the model's output is read. target : which of its outputs.
        features : names of the features that are wanted; all of the data's by default.

        Raises
        ------
        NotApplicable
            Where the data are no table, or no feature has a curve.
        """


PROFILES: Registry[type[Profiler]] = Registry("profile", "xai_compare.profiles", "xai_compare.profiles")
