"""What people marked in a text as the reason: spans of signs become a mask over words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.data.text import Span, Texts, TextSpace
from xai_compare.errors import DataError
from xai_compare.types import Data, Truth

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["spans_of", "truth_of"]


def spans_of(cells: pd.Series[Any], texts: Texts, column: str, where: str) -> list[tuple[Span, ...]]:
    """The marked spans of each text, from a list of [start, end] (signs from 0, the end not in it) or of marked pieces of the text.

    A cell may be such a list, the same as JSON, or empty: nothing is marked. A piece counts wherever the text holds it.

    Raises
    ------
    DataError
        With the row: no list, a span outside the text, a piece that the text does not hold.
    """
    out = []
    for row, (cell, text) in enumerate(zip(cells.tolist(), texts, strict=True)):
        try:
            out.append(tuple(_spans(cell, text)))
        except ValueError as error:
            advice = "Give a list of [start, end], or of pieces of the text"
            raise DataError(f"{where}, column '{column}', row {row}: {error}. {advice}") from error
    return out


def _spans(cell: Any, text: str) -> Iterator[Span]:
    if isinstance(cell, str):
        cell = json.loads(cell) if cell.strip() else []
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return
    if not isinstance(cell, list):
        raise ValueError(f"found {cell!r}, which is no list")
    for each in cell:
        if isinstance(each, str) and each:
            start = text.find(each)
            if start < 0:
                raise ValueError(f"the text does not hold '{each}'")
            while start >= 0:
                yield start, start + len(each)
                start = text.find(each, start + 1)
        elif isinstance(each, list) and [type(place) for place in each] == [int, int] and 0 <= each[0] < each[1] <= len(text):
            yield each[0], each[1]
        else:
            raise ValueError(f"found {each!r}, which is no span of a text of {len(text)} signs")


def truth_of(spans: Mapping[str, tuple[Span, ...]], data: Data) -> Truth:
    """The mask of the test rows: the words that a marked span overlaps. spans : by the ids of the rows."""
    assert isinstance(data.space, TextSpace)  # what was read are texts
    mask = np.zeros((len(data.test.inputs), data.space.d), dtype=bool)
    for row, (text, name) in enumerate(zip(data.test.inputs, data.test.ids, strict=True)):
        for slot, (start, end) in enumerate(data.space.spans(text)):
            mask[row, slot] = any(start < until and since < end for since, until in spans[name])
    return Truth(mask=mask)
