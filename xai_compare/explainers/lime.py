"""LIME by the lime package's laws, in the study's feature space and output space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._present import marked
from xai_compare.game import BLOCK, Game, unseen_features
from xai_compare.models.encoding import fold
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

__all__ = ["Lime"]

# Neighbours of a case where the study names no number: as many as the package draws for tables and texts, and for images.
_OF_TABLE, _ELSEWHERE = 5000, 1000


@EXPLAINERS.register("lime")
@dataclass(frozen=True, slots=True)
class Lime:
    """A weighted ridge regression that imitates the model around one case: its coefficients.

    On tables the neighbourhood is the lime package's: numeric features cut at the quartiles of the background, so that a coefficient
    says what it is worth that the feature lies in its own bin; categorical features same-or-other. All features are kept
    (the package's own default keeps ten), and a bin that is a single point keeps its value (the package makes it 0).
    Whole-number columns move to the nearest value of the background or of the case. A missing value is a category, and for a number
    a bin, of its own, drawn as often as the background has it (the package cannot perturb it). Values are in the output space of the game;
    they do not add up to the output. A group of columns gets the sum of what each of its columns gets.

    Elsewhere a neighbour hides some patches, words or stretches of the case, by the fill of the game: of an image or a series each by a
    fair coin (kernel width .25), of a text a number of words that is uniform (kernel width 25 of 100). Draws, kernel and regression
    are the package's for images and for texts; what the hidden become, and which features there are, is the study's.

    Cost: samples model rows per case, outside tables times the rows of the fill. The same case gets the same answer whatever the call
    order: its own random stream.

    Parameters
    ----------
    samples : size of the neighbourhood; none given: 5,000 for a table, 1,000 elsewhere.

    Raises
    ------
    NotApplicable
        Where a column has no known value in the background.
    """

    title: ClassVar[str] = "LIME"
    citation: ClassVar[str] = "Ribeiro, Singh & Guestrin 2016; lime"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"background", "output"})
    depends_elsewhere: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    samples: int | None = None

    def __post_init__(self) -> None:
        if self.samples is not None and self.samples < 10:
            raise XaiCompareError(f"samples must be at least 10, found {self.samples}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        if game.data.space.modality == "table":
            return self._of_table(game, streams, self.samples or _OF_TABLE)
        from xai_compare.explainers._lime_masks import around

        samples = self.samples or _ELSEWHERE
        values, fits = around(game, samples, streams)
        known = fits[~np.isnan(fits)]
        about = {"samples": samples, "mean_local_r2": float(known.mean()) if len(known) else None, "model_rows": game.rows_spent}
        values, present = marked(game, values)
        return Attribution(values, game.target, game.output, about=about, present=present)

    def _of_table(self, game: Game, streams: Streams, samples: int) -> Attribution:
        from xai_compare.explainers._lime_bins import Neighbourhood, local_ridge

        space, background = game.data.space, game.data.background_inputs()
        names = tuple(map(str, background.columns))
        # Values seen in the cases but not in the background are categories too.
        levels = _levels(space, background, game.inputs)
        known, cases = _numbers(space, background, levels), _numbers(space, game.inputs, levels)
        holes = _holes(known, levels, names)
        law = Neighbourhood(_explainer(np.where(np.isnan(known), 0.0, known), levels, names), holes)
        frames = _Frames(space, levels, game.inputs)
        own, whole = law.own_cells(cases), _whole_numbers(background, known, levels)
        values, fits = np.zeros(cases.shape), np.zeros(game.n)
        seen = ~unseen_features(game.model, space)[space.feature_of]  # what a model is not given is no term of what imitates it
        # One call of the model answers for several cases: much of a small call is its overhead.
        step = max(1, BLOCK // samples)
        for start in range(0, game.n, step):
            block = range(start, min(start + step, game.n))
            rngs = [np.random.RandomState(streams.at("case", int(game.cases[i])).integer()) for i in block]
            drawn = [law.draw(cases[i], own[i], samples, rng) for i, rng in zip(block, rngs, strict=True)]
            inputs = frames.of(np.concatenate([_rounded(numbers, whole) for _, numbers in drawn], axis=1))
            outputs = game.predict(inputs).reshape(len(block), samples, -1)
            for place, i in enumerate(block):
                same, _ = drawn[place]
                values[i, seen], fits[i] = local_ridge(same[seen], outputs[place, :, game.target[i]], law.weights(same))
        about: dict[str, Any] = {"samples": samples, "mean_local_r2": float(fits.mean()), "model_rows": game.rows_spent}
        if gaps := [name for name, column in zip(names, background.columns, strict=True) if background[column].isna().any()]:
            about["missing"] = f"a category, or a bin, of its own for: {', '.join(gaps)}"
        return Attribution(fold(values, space.feature_of, game.d), game.target, game.output, about=about)


def _levels(space: Any, background: Any, inputs: Any) -> dict[int, list[Any]]:
    """The known values of each column that is not numeric, sorted as text."""
    levels: dict[int, list[Any]] = {}
    for j in space.levels:
        column = background.columns[j]
        seen = set(background[column].dropna().tolist()) | set(inputs[column].dropna().tolist())
        levels[j] = sorted(seen, key=str)
    return levels


def _numbers(space: Any, inputs: Any, levels: dict[int, list[Any]]) -> Array:
    """(n, c) the inputs as numbers; a missing category comes after the known ones, a missing number is NaN."""
    out: Array = space.to_numbers(inputs, levels)
    for j, values in levels.items():
        out[np.isnan(out[:, j]), j] = len(values)
    return out


def _holes(known: Array, levels: dict[int, list[Any]], names: tuple[str, ...]) -> dict[int, tuple[Any, float]]:
    """For each number with missing values in the background: the package's explainer of the known ones, and the share missing."""
    missing = np.isnan(known)
    missing[:, list(levels)] = known[:, list(levels)] == [len(values) for values in levels.values()]
    if empty := [names[j] for j in np.flatnonzero(missing.all(axis=0))]:
        raise NotApplicable(f"the background has no known value of {', '.join(empty)}, so there is nothing to draw")
    found = [j for j in np.flatnonzero(missing.any(axis=0)).tolist() if j not in levels]
    return {j: (_explainer(known[~missing[:, j]][:, [j]], {}, (names[j],)), float(missing[:, j].mean())) for j in found}


class _Frames:
    """Neighbourhoods as frames with the background's columns and dtypes."""

    def __init__(self, space: Any, levels: dict[int, list[Any]], inputs: Any) -> None:
        self._columns = space.background.columns
        # The values of each categorical column, turned into its dtype once: a row then takes one of them.
        places = np.zeros((max(map(len, levels.values()), default=0), len(self._columns)))
        for j, values in levels.items():
            places[:, j] = np.minimum(np.arange(len(places)), len(values) - 1)
        known = space.from_numbers(places, levels)
        self._levels = {j: known.iloc[:, j].array[: len(levels[j])] for j in levels}
        # Each column's own way of writing a missing value: None, NaN or what its dtype has.
        self._gaps: dict[int, Any] = {}
        for j in levels:
            gaps = [column[column.isna()] for column in (space.background.iloc[:, j], inputs.iloc[:, j]) if column.isna().any()]
            if gaps:
                self._gaps[j] = gaps[0].tolist()[0]
            if gaps and known.dtypes.iloc[j].name == "object":  # which would write None as NaN
                self._levels[j] = np.array([*self._levels[j], self._gaps.pop(j)], dtype=object)

    def of(self, numbers: Array) -> Any:
        """The frame (m, d) of numbers (d, m), categories as positions in their levels."""
        import pandas as pd

        frame = pd.DataFrame(numbers.T, columns=self._columns, copy=False)
        for j, values in self._levels.items():
            place = numbers[j].astype(np.int64)
            if j in self._gaps:
                place[place == len(values)] = -1
                frame.isetitem(j, values.take(place, allow_fill=True, fill_value=self._gaps[j]))
            else:
                found = values.take(place)
                column: Any = pd.Series(found, dtype=object) if isinstance(found, np.ndarray) else found
                frame.isetitem(j, column)
        return frame


def _whole_numbers(background: Any, known: Array, levels: dict[int, list[Any]]) -> dict[int, Array]:
    """The values seen in each whole-number column: the package draws 1421.79 where only whole numbers, or codes, make sense."""
    integer = [j for j, name in enumerate(background.columns) if j not in levels and background[name].dtype.kind in "iu"]
    return {j: np.unique(known[~np.isnan(known[:, j]), j]) for j in integer}


def _rounded(numbers: Array, whole: dict[int, Array]) -> Array:
    """One neighbourhood (d, samples) with its whole-number columns moved to the nearest value seen, or to the case's own."""
    out = numbers.copy() if whole else numbers
    for j, seen in whole.items():
        # Never to a value of another case: an answer must not depend on which cases are asked about together.
        near = np.union1d(seen, numbers[j, :1])
        near = near[~np.isnan(near)]
        moved = near[np.searchsorted((near[:-1] + near[1:]) / 2, numbers[j]).clip(max=len(near) - 1)]
        out[j] = np.where(np.isnan(numbers[j]), np.nan, moved)
    return out


def _explainer(known: Array, levels: dict[int, list[Any]], names: tuple[str, ...]) -> Any:
    """The package's explainer, which knows the bins of the background, their frequencies and the kernel."""
    from lime.lime_tabular import LimeTabularExplainer

    return LimeTabularExplainer(
        known,
        mode="regression",
        feature_names=list(names),
        categorical_features=sorted(levels),
        categorical_names={j: list(map(str, values)) for j, values in levels.items()},
        random_state=np.random.RandomState(0),  # draws nothing: every case has a stream of its own
        discretize_continuous=True,
    )
