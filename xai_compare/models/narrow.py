"""Models that are given some of the table's columns only, behind the face of a model that is given all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xai_compare.data.space import TableSpace
from xai_compare.errors import ModelError, nearest
from xai_compare.models.wrapper import Wrapper
from xai_compare.types import Array, Data, Inputs, IntArray, Model, Output

__all__ = ["Narrow", "without"]


class Narrow(Wrapper):
    """A model of fewer columns than the table has; everything else is the model's own.

    Parameters
    ----------
    model : takes the columns `given`, in this order.
    columns : all columns of the table.

    Attributes
    ----------
    unseen : columns that the model is not given: no value in them can move its output, and its attribution to them is 0.
    """

    def __init__(self, model: Model, columns: Sequence[str], given: Sequence[str]) -> None:
        super().__init__(model)
        self._places = np.array([list(columns).index(name) for name in given], dtype=np.int64)
        self.unseen = tuple(name for name in columns if name not in set(given))

    @property
    def owner(self) -> IntArray | None:
        own = self.inside.owner
        return None if own is None else self._places[own]

    def predict(self, inputs: Inputs, output: Output) -> Array:
        return self.inside.predict(inputs.iloc[:, self._places], output)

    def decide(self, inputs: Inputs) -> IntArray:
        return self.inside.decide(inputs.iloc[:, self._places])

    def encode(self, inputs: Inputs) -> Array:
        return self.inside.encode(inputs.iloc[:, self._places])


def without(data: Data, columns: Sequence[str]) -> Data:
    """The same data without some columns, in their tables, background and groups.

    Raises
    ------
    ModelError
        For a column that is not there, and if none is left.
    """
    if not columns:
        return data
    space = data.space
    assert isinstance(space, TableSpace)  # columns are a table's
    if missing := [name for name in columns if name not in space.columns]:
        raise ModelError(f"drop names the column '{missing[0]}', which the data lack: {nearest(missing[0], space.columns)}")
    kept = [j for j, name in enumerate(space.columns) if name not in set(columns)]
    if not kept:
        raise ModelError("drop leaves the model no column at all")
    train, test = (replace(table, inputs=table.inputs.iloc[:, kept]) for table in (data.train, data.test))
    groups = {name: left for name, members in space.groups.items() if (left := tuple(m for m in members if m not in set(columns)))}
    narrowed = TableSpace(tuple(space.column_kinds[j] for j in kept), space.background.iloc[:, kept], groups)
    return replace(data, train=train, test=test, space=narrowed)
