"""A model around another one: everything but what a wrapper says itself is the inner model's."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from xai_compare.types import Model

__all__ = ["Wrapper"]

W = TypeVar("W", bound="Wrapper")


class Wrapper:
    """Delegates everything to the model inside.

    Attributes
    ----------
    inside : the wrapped model.
    """

    def __init__(self, model: Model) -> None:
        self.inside = model

    def __getattr__(self, name: str) -> Any:
        if name == "inside" or name.startswith("__"):  # while it is copied, or brought back from bytes, there is no model yet
            raise AttributeError(name)
        return getattr(self.inside, name)

    def around(self: W, model: Any) -> W:
        """The same wrapper around another model."""
        out = copy.copy(self)
        out.inside = model
        return out
