"""Attributions that the user brings: measured and compared like those of any method, never computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from xai_compare.data.tabular import class_name
from xai_compare.errors import DataError, NotApplicable, nearest
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, BoolArray, Data, IntArray, Output

__all__ = ["Given", "given"]


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Values of all rows of X for some models, made elsewhere: see `given`. A model without values is not applicable."""

    title: ClassVar[str] = "Given attributions"
    citation: ClassVar[str] = ""
    scope: ClassVar[Literal["case", "model"]] = "case"
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"output"})
    reruns: ClassVar[bool] = False

    output: Output
    signed: bool
    additive: bool
    sha256: str
    values: Mapping[str, Array] = field(repr=False, metadata={"shown": False})
    target: npt.NDArray[Any] | str | None = field(repr=False, metadata={"shown": False})
    base: Mapping[str, Array] = field(repr=False, metadata={"shown": False})
    features: Mapping[str, tuple[str, ...]] = field(repr=False, metadata={"shown": False})

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        name = game.model.name
        if name not in self.values:
            raise NotApplicable(f"no attributions were given for the model '{name}'")
        if self.output != game.output:
            raise NotApplicable(f"the attributions that were given speak of the {self.output}, and the {game.output} is asked about")
        rows = game.data.explain[game.cases]
        values = self._columns(name, game.data.space.names)[rows]
        sides = self._sides(name, game, rows)
        base = self.base.get(name)
        if values.ndim == 3:
            values = values[np.arange(game.n), :, game.target]
            base = None if base is None else base[rows][np.arange(game.n), game.target] if base.ndim == 2 else base[rows]
        else:
            values = values * sides[:, None]
            base = None if base is None else _mirrored(base[rows], sides, self.output)
        values, present = marked(game, values)
        about = {"given": True}
        return Attribution(values, game.target, game.output, base, self.signed, additive=self.additive, about=about, present=present)

    def check(self, models: Collection[str], data: Data) -> None:
        """Raise DataError unless the values are of these models, of every row and of the features of the table."""
        n = len(data.test.inputs)
        for name, values in self.values.items():
            if name not in models:
                raise DataError(f"attributions were given for '{name}', which is no model: {nearest(name, models)}")
            if len(values) != n:
                raise DataError(
                    f"the attributions given for '{name}' have {len(values)} rows, and X has {n}: one for each row, in its order"
                )
            ordered = self._columns(name, data.space.names)
            present = data.space.present(data.test.inputs)
            if not np.isfinite(ordered[present]).all():
                raise DataError(f"the attributions given for '{name}' are not finite for features that the rows of X have")
            if values.ndim == 2 and data.task == "classification":
                self._target(data.classes, n)

    def _columns(self, name: str, names: tuple[str, ...]) -> Array:
        """The values in the order of the table's features, by name where the features have names."""
        own, values = self.features.get(name), self.values[name]
        if own is None or own == names:
            if values.shape[1] != len(names):
                raise DataError(f"the attributions given for '{name}' are of {values.shape[1]} features, and the table has {len(names)}")
            return values
        if sorted(own) != sorted(names):
            strange = ", ".join(sorted(set(own) ^ set(names))[:5])
            raise DataError(f"the attributions given for '{name}' are of other features than the table's: {strange}")
        return values[:, [own.index(one) for one in names]]

    def _sides(self, name: str, game: Game, rows: IntArray) -> Array:
        """(n,) 1 where the explained output is the one that the values are of, -1 where it is the other of two.

        Raises
        ------
        NotApplicable
            Where they are of another of several classes, or of the other of two without a sign.
        """
        if game.data.task == "regression" or self.values[name].ndim == 3:
            return np.ones(game.n)
        same = self._target(game.data.classes, len(game.data.test.inputs))[rows] == game.target
        if same.all() or (len(game.data.classes) == 2 and self.signed):
            return np.where(same, 1.0, -1.0)
        if len(game.data.classes) == 2:  # how strongly a feature moves one of two classes is how strongly it moves the other
            return np.ones(game.n)
        raise NotApplicable(f"{_count(~same)} of {game.n} cases are explained for another class than the attributions that were given")

    def _target(self, classes: Sequence[str], n: int) -> IntArray:
        if self.target is None:
            raise DataError("say which class the attributions that were given explain: target, a class or one for each row of X")
        named = [self.target] * n if isinstance(self.target, str) else [class_name(one) for one in np.asarray(self.target).tolist()]
        if len(named) != n:
            raise DataError(f"target has {len(named)} classes, and X has {n} rows")
        if strange := sorted(set(named) - set(classes)):
            raise DataError(f"target names '{strange[0]}', which is no class. The classes: {', '.join(classes)}")
        return np.array([classes.index(one) for one in named], dtype=np.int64)


def _mirrored(base: Array, sides: Array, output: Output) -> Array:
    """The base of the other of two classes: the negative of a margin, the rest of a probability."""
    other = 1 - base if output == "probability" else -base
    return np.where(sides > 0, base, other)


def _count(cases: BoolArray) -> int:
    return int(np.count_nonzero(cases))


def given(
    values: Mapping[str, Any],
    *,
    output: Output,
    target: Any = None,
    signed: bool = True,
    additive: bool = False,
) -> Given:
    """Attributions made elsewhere, to be compared by `compare` or measured by `measure`.

    Parameters
    ----------
    values : {model: attributions of every row of X, in its order}: an array (n, d) of one output, or (n, d, k) of every class;
        a DataFrame; a `shap.Explanation`; an `Attribution` of this package. Named features are put in the table's order. Of images, series
        and texts the features are patches, stretches and words; NaN for what a row does not have.
    output : what they speak of: "margin" (log-odds and the like), "probability", or "value" of a regression.
    target : the class that values (n, d) explain: its name, or (n,) one for each row. Of two classes the other is the mirror image.
    signed : False for strengths without direction.
    additive : whether base + sum of the values is meant to be the output; the base of an Explanation is then checked.

    Returns
    -------
    Given, for `compare(..., attributions={"mine": given(...)})`.

    Raises
    ------
    DataError
        For values that are no numbers of shape (n, d) or (n, d, k), or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> import xai_compare as xc
    >>> mine = xc.given({"line": np.ones((3, 2))}, output="value")
    >>> mine.signed, mine.values["line"].shape
    (True, (3, 2))
    """
    if not isinstance(values, Mapping) or not values:
        raise DataError("give a mapping from the names of models to their attributions")
    found: dict[str, Array] = {}
    base: dict[str, Array] = {}
    features: dict[str, tuple[str, ...]] = {}
    for name, one in values.items():
        found[name] = _numbers(name, getattr(one, "values", one))
        known = getattr(one, "base_values", getattr(one, "base", None))
        if known is not None and additive:
            base[name] = _base(name, known, len(found[name]))
        if (named := getattr(one, "feature_names", getattr(one, "columns", None))) is not None:
            features[name] = tuple(map(str, named))
    total = hashlib.sha256()
    for name, numbers in found.items():
        total.update(name.encode() + np.ascontiguousarray(numbers).tobytes())
    held = class_name(target) if target is not None and np.ndim(target) == 0 else target
    return Given(output, signed, additive and set(base) == set(found), total.hexdigest(), found, held, base, features)


def _numbers(name: str, values: Any) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"the attributions given for '{name}' are no numbers: {error}") from error
    if numbers.ndim not in (2, 3):
        raise DataError(f"the attributions given for '{name}' must be (rows, features) or (rows, features, classes), found {numbers.shape}")
    if np.isinf(numbers).any():
        raise DataError(f"the attributions given for '{name}' have {_count(np.isinf(numbers))} values that are not finite")
    return numbers


def _base(name: str, values: Any, n: int) -> Array:
    base = np.asarray(values, dtype=np.float64)
    if base.ndim == 0 or (base.ndim == 1 and len(base) != n):  # one for all rows, or one for each class
        base = np.broadcast_to(base, (n, *base.shape))
    if base.ndim > 2 or len(base) != n:
        raise DataError(f"the base values given for '{name}' must be one for each row, found shape {base.shape} for {n} rows")
    return np.array(base)
