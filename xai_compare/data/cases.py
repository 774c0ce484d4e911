"""Images, series and texts in memory: what says which they are, and how they are cut into features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from xai_compare.errors import DataError
from xai_compare.types import FeatureSpace, Inputs

__all__ = ["Cases", "cases_of", "images", "series", "texts"]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """n inputs of one modality. Made by `images`, `series` and `texts`.

    inputs : checked, in the form that feature spaces take. checked : brings other inputs of the same kind into it.
    space : the features, from the inputs of the background.
    """

    inputs: Inputs
    checked: Callable[[Any, str], Inputs]
    space: Callable[[Inputs], FeatureSpace]

    def __len__(self) -> int:
        return len(self.inputs)


def images(X: Any, grid: int | tuple[int, int] | None = None) -> Cases:
    """Images for `compare` and `explain`, in features that are the patches of a grid.

    Parameters
    ----------
    X : (n, height, width) or (n, height, width, 3): uint8, or numbers from 0 to 1.
    grid : patches along each side, or (along the height, along the width); None: the most, up to 8, that divide the side.

    Raises
    ------
    DataError
        For another shape, and values that are missing or outside [0, 1].

    Examples
    --------
    >>> len(images(np.zeros((5, 28, 28))))
    5
    """
    from xai_compare.data.image import Grid, as_images

    return Cases(as_images(X), as_images, Grid(grid).space())


def series(X: Any, stretches: int = 10, channels: Sequence[str] = ()) -> Cases:
    """Time series for `compare` and `explain`, in features that are equal stretches of each channel.

    Parameters
    ----------
    X : (n, length), or (n, channels, length); NaN after the end of a shorter series.
    stretches : of each channel. channels : their names.

    Raises
    ------
    DataError
        For another shape, and values that are missing before a series' end.
    """
    from xai_compare.data.series import SeriesSpace, as_series

    return Cases(as_series(X), as_series, partial(SeriesSpace, stretches=stretches, channels=tuple(channels)))


def texts(X: Any, words: int = 100) -> Cases:
    """Texts for `compare` and `explain`, in features that are their words.

    Parameters
    ----------
    X : n texts. words : how many words of a text are features of their own; the last one takes the rest of a longer text.

    Raises
    ------
    DataError
        For what is no text, and texts without a word.
    """
    from xai_compare.data.text import TextSpace, as_texts, check_words, longest

    def checked(found: Any, what: str) -> Inputs:
        read = as_texts(found, what)
        check_words(read, what)
        return read

    held = checked(X, "X")
    return Cases(held, checked, partial(TextSpace, d=longest(held, words)))


def cases_of(X: Any) -> Cases | None:
    """What the user holds as images, series or texts; None for a table.

    Raises
    ------
    DataError
        For an array that could be either.
    """
    if isinstance(X, Cases):
        return X
    if isinstance(X, (list, tuple)) and X and all(isinstance(one, str) for one in X):
        return texts(X)
    shape = np.shape(X) if isinstance(X, np.ndarray) else ()
    if len(shape) == 4:
        return images(X)
    if len(shape) == 3:
        raise DataError(f"X has shape {shape}: say what it holds, images(X) or series(X)")
    if len(shape) == 1 and isinstance(X[0] if len(X) else None, str):
        return texts(X)
    return None
