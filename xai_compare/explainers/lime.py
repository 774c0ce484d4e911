"""LIME for tables, by the lime package, in the study's feature space and output space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

__all__ = ["Lime"]


@EXPLAINERS.register("lime")
@dataclass(frozen=True, slots=True)
class Lime:
    """A weighted ridge regression that imitates the model around one case: its coefficients.

    The neighbourhood is the lime package's: numeric features cut at the quartiles of the background, so that a coefficient
    says what it is worth that the feature lies in its own bin; categorical features same-or-other. All features are kept
    (the package's own default keeps ten), and a bin that is a single point keeps its value (the package makes it 0).
    Whole-number columns move to the nearest value seen. Values are in the output space of the game; they do not add up to the output.

    Cost: samples model rows per case. The same case gets the same answer whatever the call order: its own random stream.

    Parameters
    ----------
    samples : size of the neighbourhood.

    Raises
    ------
    NotApplicable
        Where a background row or a case has missing values, which the package cannot perturb.
    """

    title: ClassVar[str] = "LIME"
    citation: ClassVar[str] = "Ribeiro, Singh & Guestrin 2016; lime"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False

    samples: int = 5000

    def __post_init__(self) -> None:
        if self.samples < 10:
            raise XaiCompareError(f"samples must be at least 10, found {self.samples}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        space, background = game.data.space, game.data.background_inputs()
        # Values seen in the cases but not in the background are categories too.
        levels = _levels(space, background, game.inputs)
        known, cases = space.to_numbers(background, levels), space.to_numbers(game.inputs, levels)  # type: ignore[attr-defined]
        if np.isnan(known).any() or np.isnan(cases).any():
            raise NotApplicable("the lime package cannot perturb missing values")
        explainer = _explainer(known, levels, space.names)
        whole = _whole_numbers(background, known, cases, levels)
        values, fits = np.zeros((game.n, game.d)), np.zeros(game.n)
        for i in range(game.n):
            # The package holds one generator; its state is set anew for every case.
            explainer.random_state.seed(streams.at("case", int(game.cases[i])).integer())
            values[i], fits[i] = self._one(explainer, game, (levels, whole), cases[i], i)
        about = {"samples": self.samples, "mean_local_r2": float(fits.mean()), "model_rows": game.rows_spent}
        return Attribution(values, game.target, game.output, about=about)

    def _one(self, explainer: Any, game: Game, known: tuple[Any, dict[int, Array]], case: Array, i: int) -> tuple[Array, float]:
        levels, whole = known

        def outputs(numbers: Array) -> Array:
            numbers = numbers.copy()
            for j, seen in whole.items():
                numbers[:, j] = _nearest(numbers[:, j], seen)
            frame = game.data.space.from_numbers(numbers, levels)  # type: ignore[attr-defined]
            return game.predict(frame)[:, game.target[i]]

        found = explainer.explain_instance(case, outputs, num_features=game.d, num_samples=self.samples)
        values = np.zeros(game.d)
        for feature, weight in found.local_exp[1]:
            values[feature] = weight
        return values, float(found.score)


def _levels(space: Any, background: Any, inputs: Any) -> dict[int, list[Any]]:
    levels: dict[int, list[Any]] = {}
    for j in space.levels:
        column = background.columns[j]
        seen = set(background[column].tolist()) | set(inputs[column].tolist())
        levels[j] = sorted(seen, key=str)
    return levels


def _whole_numbers(background: Any, known: Array, cases: Array, levels: dict[int, list[Any]]) -> dict[int, Array]:
    """The values seen in each whole-number column: the package draws 1421.79 where only whole numbers, or codes, make sense."""
    integer = [j for j, name in enumerate(background.columns) if j not in levels and background[name].dtype.kind in "iu"]
    return {j: np.unique(np.concatenate([known[:, j], cases[:, j]])) for j in integer}


def _nearest(values: Array, seen: Array) -> Array:
    """Each value moved to the nearest of the sorted values seen."""
    right = np.clip(np.searchsorted(seen, values), 0, len(seen) - 1)
    left = np.maximum(right - 1, 0)
    return np.asarray(np.where(values - seen[left] <= seen[right] - values, seen[left], seen[right]))


def _explainer(known: Array, levels: dict[int, list[Any]], names: tuple[str, ...]) -> Any:
    """The package's explainer in its regression mode, which fits the one output it is given."""
    from lime.lime_tabular import LimeTabularExplainer

    from xai_compare.explainers._lime_bins import Quartiles

    random_state = np.random.RandomState(0)  # set anew for every case
    return LimeTabularExplainer(
        known,
        mode="regression",
        feature_names=list(names),
        categorical_features=sorted(levels),
        categorical_names={j: list(map(str, values)) for j, values in levels.items()},
        random_state=random_state,
        discretize_continuous=True,
        discretizer=Quartiles(known, sorted(levels), list(names), random_state),
    )
