"""Models that the study trains: by their kind, on all columns or on some, and again on other data when a method asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xai_compare.models.narrow import Narrow, without
from xai_compare.models.wrapper import Wrapper
from xai_compare.models.zoo import KINDS
from xai_compare.types import Data, Model

__all__ = ["Trained", "Training"]


@dataclass(frozen=True, slots=True)
class Training:
    """How a model is made.

    kind : a registered kind with its `params`. seed : of everything random in it. drop : columns that the model is not given.
    """

    name: str
    kind: str
    seed: int
    params: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def train(self, data: Data) -> tuple[Trained, bytes]:
        """The model fitted on the training rows, and the bytes from which `restore` brings it back.

        Raises
        ------
        ModelError
            If it cannot be trained on these data.
        """
        model, content = KINDS[self.kind].fit(self.name, without(data, self._dropped(data)), self.params, self.seed)
        return Trained(model, data, self, len(content)), content

    def restore(self, content: bytes, data: Data) -> Trained:
        """The same model from its bytes."""
        return Trained(KINDS[self.kind].load(self.name, content, without(data, self._dropped(data))), data, self, len(content))

    def _dropped(self, data: Data) -> tuple[str, ...]:
        """What is to be left out and is there: a model may be trained again without one more column."""
        return tuple(name for name in self.drop if name in data.space.columns)


class Trained(Wrapper):
    """A model that can be trained again, on the columns that it is given.

    Attributes
    ----------
    stored_bytes : how large it is where the study stores it.
    """

    def __init__(self, model: Model, data: Data, training: Training, stored_bytes: int) -> None:
        columns = data.space.columns
        super().__init__(Narrow(model, columns, [name for name in columns if name not in training.drop]) if columns else model)
        self._training = training
        self.stored_bytes = stored_bytes

    @property
    def offers(self) -> frozenset[str]:
        return self.inside.offers | {"refit"}

    def refit(self, data: Data, seed: int | None = None) -> Trained:
        """The same kind with the same parameters trained on other data, with another seed if one is given."""
        training = self._training if seed is None else replace(self._training, seed=seed)
        return training.train(data)[0]
