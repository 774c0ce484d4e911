"""Models of the same kind that have learnt nothing of the data: what an explanation must not be the same for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xai_compare.errors import NotApplicable
from xai_compare.models.wrapper import Wrapper
from xai_compare.streams import Streams
from xai_compare.types import Data, Model

__all__ = ["Destroyed"]


class Destroyed:
    """Destroyed copies of one model, each made when it is first asked for.

    A net has its parameters drawn anew, whoever trained it; any other model is trained again on the training rows with their
    outcomes permuted. Always with another seed than the model's own: from the same initialisation much would stay the same.

    Parameters
    ----------
    model : the model. data : the study's data. streams : of the destruction, the same in every worker.
    wrap : put around each copy as it is made.
    """

    def __init__(self, model: Model, data: Data, streams: Streams, wrap: Callable[[Model], Model] = lambda made: made) -> None:
        self._model, self._data, self._streams, self._wrap = model, data, streams, wrap
        self._made: dict[tuple[str, int], Model] = {}

    def whole(self, run: int) -> Model:
        """The model with nothing of it left; another one for each run.

        Raises
        ------
        NotApplicable
            For a model that is no net and was not trained by the study.
        """
        return self._once("whole", run)

    def cascade(self) -> list[Model]:
        """A net with its last layer drawn anew, with its last two, and so on to all of them; [] for what has no layers."""
        net = _net_of(self._model)
        return [] if net is None else [self._once("cascade", 1 + layer) for layer in range(net.depth)]

    def _once(self, how: str, number: int) -> Model:
        if (how, number) not in self._made:
            streams = self._streams.at(how, number) if how == "whole" else self._streams.at(how)
            self._made[how, number] = self._wrap(self._make(streams, None if how == "whole" else number))
        return self._made[how, number]

    def _make(self, streams: Streams, layers: int | None) -> Model:
        if _net_of(self._model) is not None:
            drawn: Model = _redrawn(self._model, streams.integer(), layers)
            return drawn
        train = self._data.train
        if "refit" not in self._model.offers or train.y is None:
            raise NotApplicable("it needs a net, or a model that the study trains: others cannot be trained again on permuted outcomes")
        shuffled = replace(train, y=train.y[streams.at("order").shared().permutation(len(train.y))])
        model: Any = self._model  # one that offers to be trained again
        again: Model = model.refit(replace(self._data, train=shuffled), streams.integer())
        return again


def _net_of(model: Any) -> Any:
    """The net inside, through whatever is around it; None for what has no parameters to draw anew."""
    while isinstance(model, Wrapper):
        model = model.inside
    return model if hasattr(model, "redrawn") else None


def _redrawn(model: Any, seed: int, layers: int | None) -> Any:
    """The model with the last layers of the net inside drawn anew, or all of them."""
    return model.around(_redrawn(model.inside, seed, layers)) if isinstance(model, Wrapper) else model.redrawn(seed, layers)
