"""Importance by loss: how much worse the model predicts when one feature is shuffled, or when it was never there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from xai_compare.data.space import mix_frames
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._correlation import clusters, spearman
from xai_compare.game import BLOCK, Game, unseen_features
from xai_compare.models.narrow import without
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray, Output

__all__ = ["DropColumn", "PermutationImportance", "loss_of"]

# The rank correlation from which on one column stands in for another.
_STRONG = 0.8


@EXPLAINERS.register("permutation_importance")
@dataclass(frozen=True, slots=True)
class PermutationImportance:
    """Mean rise of the loss over all test rows when one feature is permuted, the same vector for every case.

    The loss is log loss for classification and squared error for regression (in the target's units squared). Values are
    in units of the loss; near 0 or slightly below for a feature the model does not use. Unsigned: strength, no direction.

    A feature that others stand in for looks weaker than it is, and permuting it alone asks the model about rows that do not
    occur: numeric columns with a rank correlation of 0.8 or more, either way, on the test rows are listed in `about`.

    Cost: repeats * features * test rows model rows, once per model.

    Parameters
    ----------
    repeats : permutations of each feature, averaged; `about` has the standard error of that mean.
    together : permute such columns together, all that hang together by pairs at once, and give each an equal part of the
        cluster's rise.

    Raises
    ------
    NotApplicable
        Without known outcomes for the test rows, for a classifier without probabilities, or where the inputs are no table.
    """

    title: ClassVar[str] = "Permutation importance"
    citation: ClassVar[str] = "Breiman 2001; Fisher, Rudin & Dominici 2019"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "model"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset()

    repeats: int = 10
    together: bool = False

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise XaiCompareError(f"repeats must be at least 1, found {self.repeats}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        test = game.data.test
        y, output = _measured(game)
        n = len(test.inputs)
        permutations = np.stack([streams.at(repeat).shared().permutation(n) for repeat in range(self.repeats)])
        linked = spearman(test.inputs, game.data.space)
        groups = clusters(np.abs(linked) >= _STRONG) if self.together else [[j] for j in range(game.d)]
        rises = _shared(_rises(game, y, permutations, output, groups), groups, game.d)
        values = np.broadcast_to(rises.mean(axis=0), (game.n, game.d)).copy()
        deviation = rises.std(axis=0, ddof=1) if self.repeats > 1 else None
        about = {
            "loss": _LOSSES[output],
            "test_rows": n,
            "repeats": self.repeats,
            "standard_deviation": None if deviation is None else deviation.tolist(),
            "standard_error": None if deviation is None else (deviation / np.sqrt(self.repeats)).tolist(),
            "correlated": _pairs(linked, game.data.space.names),
            "model_rows": game.rows_spent,
        }
        if self.together:
            names = game.data.space.names
            about["together"] = [[names[j] for j in group] for group in groups if len(group) > 1]
            about["shared"] = "features permuted together each get an equal part of their rise"
        return Attribution(values, game.target, game.output, signed=False, scope="model", about=about)


@EXPLAINERS.register("drop_column")
@dataclass(frozen=True, slots=True)
class DropColumn:
    """Mean rise of the loss over all test rows when the model is trained again without one feature, the same vector for every case.

    What permutation importance cannot tell: whether the feature was needed, or others can stand in for it. Loss and units as there;
    0 for a feature that others replace, below 0 for one that harmed. Unsigned: strength, no direction. `about` has the standard error
    over the test rows, paired by row; with `repeats` above 1 it leaves out how much the training itself varies.

    Only on request: auto leaves it out. Cost: repeats * (features + 1) - 1 trainings, and as many times the test rows.

    Parameters
    ----------
    repeats : trainings, the first with the model's own seed, each against the whole model of the same seed; averaged.

    Raises
    ------
    NotApplicable
        For a model that was not trained by the study, without known outcomes, with a single feature, for a classifier without
        probabilities, or where the inputs are no table.
    """

    title: ClassVar[str] = "Drop-column importance"
    citation: ClassVar[str] = "Breiman 2001; Lei et al. 2018 (LOCO)"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "model"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset()
    on_request: ClassVar[bool] = True

    repeats: int = 1

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise XaiCompareError(f"repeats must be at least 1, found {self.repeats}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        y, output = _measured(game)
        if "refit" not in game.model.offers:
            raise NotApplicable("it trains the model again without each feature, and this one was not trained by the study")
        if game.d < 2:
            raise NotApplicable("it trains the model without its only feature, and nothing would be left")
        seeds = [None, *(streams.at(repeat).integer() for repeat in range(1, self.repeats))]
        rises = np.mean([_without_each(game, y, output, seed) for seed in seeds], axis=0)
        about = {
            "loss": _LOSSES[output],
            "test_rows": len(y),
            "repeats": self.repeats,
            "standard_error": (rises.std(axis=1, ddof=1) / np.sqrt(len(y))).tolist() if len(y) > 1 else None,
            "model_rows": game.rows_spent,
        }
        values = np.broadcast_to(rises.mean(axis=1), (game.n, game.d)).copy()
        return Attribution(values, game.target, game.output, signed=False, scope="model", about=about)


_LOSSES: dict[Output, str] = {"value": "squared error", "probability": "log loss"}


def _measured(game: Game) -> tuple[npt.NDArray[Any], Output]:
    """Known outcomes of the test rows and the output whose loss is taken."""
    output: Output = "value" if game.data.task == "regression" else "probability"
    if game.data.space.modality != "table":
        raise NotApplicable("it is for the columns of a table: a patch, a word or a stretch of one case is no value of another one")
    if game.data.test.y is None:
        raise NotApplicable("it needs the known outcomes (y) of the test rows")
    if output not in game.model.offers:
        raise NotApplicable("it measures log loss, and this model gives no probabilities")
    return game.data.test.y, output


def _without_each(game: Game, y: npt.NDArray[Any], output: Output, seed: int | None) -> Array:
    """(d, n) rise of each test row's loss when the model is trained without each feature; 0 for one that it is not given anyway."""
    data = game.data
    model: Any = game.model  # one that offers to be trained again
    whole = model if seed is None else model.refit(data, seed)
    before = loss_of(whole.predict(data.test.inputs, output), y)
    rises = np.zeros((game.d, len(y)))
    for feature in np.flatnonzero(~unseen_features(model, data.space)):
        dropped = [name for name, owner in zip(data.space.columns, data.space.feature_of, strict=True) if owner == feature]
        narrow = without(data, dropped)
        rises[feature] = loss_of(model.refit(narrow, seed).predict(narrow.test.inputs, output), y) - before
        game.rows_spent += len(y)
    game.rows_spent += len(y)
    return rises


def loss_of(outputs: Array, y: npt.NDArray[Any]) -> Array:
    """(n,) log loss of class probabilities (n, k >= 2), clipped at the smallest double, or squared error of values (n, 1)."""
    if outputs.shape[1] == 1:
        return np.asarray((outputs[:, 0] - y) ** 2)
    own = outputs[np.arange(len(y)), y.astype(np.int64)]
    return -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))


def _pairs(linked: Array, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The pairs of features with a strong rank correlation, the strongest first."""
    found = [(i, j) for i, j in np.argwhere(np.triu(np.abs(linked) >= _STRONG, 1)).tolist()]
    found.sort(key=lambda pair: (-round(abs(float(linked[pair])), 4), pair))
    return [{"features": [names[i], names[j]], "spearman": round(float(linked[i, j]), 4)} for i, j in found]


def _shared(rises: Array, groups: list[list[int]], d: int) -> Array:
    """(repeats, d) each feature's equal part of the rises (repeats, groups)."""
    out = np.empty((len(rises), d))
    for g, group in enumerate(groups):
        out[:, group] = rises[:, g, None] / len(group)
    return out


def _rises(game: Game, y: npt.NDArray[Any], permutations: IntArray, output: Output, groups: list[list[int]]) -> Array:
    """(repeats, groups) mean rise of the loss. All groups of features and repeats go to the model in a few large calls."""
    inputs, model = game.data.test.inputs, game.model
    n, d, repeats = len(inputs), game.d, len(permutations)
    before = loss_of(model.predict(inputs, output), y).mean()
    encoded = None if game.owner is None else model.encode(inputs)
    shown = np.ones((len(groups), d), dtype=bool)
    for g, group in enumerate(groups):
        shown[g, group] = False
    # One block per (repeat, group): rows keep every feature but those of the group, which come from the permuted row.
    jobs = [(repeat, g) for repeat in range(repeats) for g in range(len(groups))]
    rises = np.empty(len(jobs))
    step = max(1, BLOCK // n)
    own = np.arange(n)
    for start in range(0, len(jobs), step):
        some = jobs[start : start + step]
        rows = np.tile(own, len(some))
        others = np.concatenate([permutations[repeat] for repeat, _ in some])
        keep = np.repeat(shown[[g for _, g in some]], n, axis=0)
        if encoded is None:
            outputs = model.predict(mix_frames(inputs, rows, inputs, others, keep[:, game.data.space.feature_of]), output)
        else:
            outputs = model.predict_encoded(np.where(keep[:, game.owner], encoded[rows], encoded[others]), output)
        losses = loss_of(outputs, np.tile(y, len(some)))
        rises[start : start + step] = losses.reshape(len(some), n).mean(axis=1) - before
    game.rows_spent += n * (len(jobs) + 1)
    return rises.reshape(repeats, len(groups))
