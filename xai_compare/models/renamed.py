"""A fitted model that knows the classes by their values in the data, under the names that the study gives them."""

from __future__ import annotations

from collections.abc import Mapping

from xai_compare.models.wrapper import Wrapper
from xai_compare.types import Model

__all__ = ["Renamed"]


class Renamed(Wrapper):
    """A model whose outputs have other names, in the same order; everything else is the model's own.

    Parameters
    ----------
    labels : the name of each of the model's outputs.
    """

    def __init__(self, model: Model, labels: Mapping[str, str]) -> None:
        super().__init__(model)
        self.outputs = tuple(labels[own] for own in model.outputs)
