"""Permutation importance: how much worse the model predicts when one feature is shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from xai_compare.data.space import mix_frames
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import BLOCK, Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray, Output

__all__ = ["PermutationImportance", "loss_of"]


@EXPLAINERS.register("permutation_importance")
@dataclass(frozen=True, slots=True)
class PermutationImportance:
    """Mean rise of the loss over all test rows when one feature is permuted, the same vector for every case.

    The loss is log loss for classification and squared error for regression (in the target's units squared). Values are
    in units of the loss; near 0 or slightly below for a feature the model does not use. Unsigned: strength, no direction.

    Cost: repeats * features * test rows model rows, once per model.

    Parameters
    ----------
    repeats : permutations of each feature, averaged.

    Raises
    ------
    NotApplicable
        Without known outcomes for the test rows, or for a classifier without probabilities.
    """

    title: ClassVar[str] = "Permutation importance"
    citation: ClassVar[str] = "Breiman 2001; Fisher, Rudin & Dominici 2019"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "model"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset()

    repeats: int = 10

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise XaiCompareError(f"repeats must be at least 1, found {self.repeats}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        test = game.data.test
        output: Output = "value" if game.data.task == "regression" else "probability"
        if test.y is None:
            raise NotApplicable("it needs the known outcomes (y) of the test rows")
        if output not in game.model.offers:
            raise NotApplicable("it measures log loss, and this model gives no probabilities")
        n = len(test.inputs)
        permutations = np.stack([streams.at(repeat).shared().permutation(n) for repeat in range(self.repeats)])
        rises = _rises(game, test.y, permutations, output)
        values = np.broadcast_to(rises.mean(axis=0), (game.n, game.d)).copy()
        about = {
            "loss": "squared error" if output == "value" else "log loss",
            "test_rows": n,
            "repeats": self.repeats,
            "standard_deviation": rises.std(axis=0, ddof=1).tolist() if self.repeats > 1 else None,
            "model_rows": game.rows_spent,
        }
        return Attribution(values, game.target, game.output, signed=False, scope="model", about=about)


def loss_of(outputs: Array, y: npt.NDArray[Any]) -> Array:
    """(n,) log loss of class probabilities (n, k >= 2), clipped at the smallest double, or squared error of values (n, 1)."""
    if outputs.shape[1] == 1:
        return np.asarray((outputs[:, 0] - y) ** 2)
    own = outputs[np.arange(len(y)), y.astype(np.int64)]
    return -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))


def _rises(game: Game, y: npt.NDArray[Any], permutations: IntArray, output: Output) -> Array:
    """(repeats, d) mean rise of the loss. All features and repeats go to the model in a few large calls."""
    inputs, model = game.data.test.inputs, game.model
    n, d, repeats = len(inputs), game.d, len(permutations)
    before = loss_of(model.predict(inputs, output), y).mean()
    encoded = None if model.owner is None else model.encode(inputs)
    # One block per (repeat, feature): rows keep every feature but this one, which comes from the permuted row.
    jobs = [(repeat, feature) for repeat in range(repeats) for feature in range(d)]
    rises = np.empty(len(jobs))
    step = max(1, BLOCK // n)
    own = np.arange(n)
    for start in range(0, len(jobs), step):
        some = jobs[start : start + step]
        rows = np.tile(own, len(some))
        others = np.concatenate([permutations[repeat] for repeat, _ in some])
        keep = np.repeat(np.array([[feature != j for j in range(d)] for _, feature in some]), n, axis=0)
        if encoded is None:
            outputs = model.predict(mix_frames(inputs, rows, inputs, others, keep), output)
        else:
            outputs = model.predict_encoded(np.where(keep[:, model.owner], encoded[rows], encoded[others]), output)
        losses = loss_of(outputs, np.tile(y, len(some)))
        rises[start : start + step] = losses.reshape(len(some), n).mean(axis=1) - before
    game.rows_spent += n * (len(jobs) + 1)
    return rises.reshape(repeats, d)
