"""Permutation importance: how much worse the model predicts when one feature is shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from xai_compare.data.space import mix_frames
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._correlation import clusters, spearman
from xai_compare.game import BLOCK, Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray, Output

__all__ = ["PermutationImportance", "loss_of"]

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
    together: bool = False

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
        linked = spearman(test.inputs, game.data.space.kinds)
        groups = clusters(np.abs(linked) >= _STRONG) if self.together else [[j] for j in range(game.d)]
        rises = _shared(_rises(game, test.y, permutations, output, groups), groups, game.d)
        values = np.broadcast_to(rises.mean(axis=0), (game.n, game.d)).copy()
        deviation = rises.std(axis=0, ddof=1) if self.repeats > 1 else None
        about = {
            "loss": "squared error" if output == "value" else "log loss",
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
    encoded = None if model.owner is None else model.encode(inputs)
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
            outputs = model.predict(mix_frames(inputs, rows, inputs, others, keep), output)
        else:
            outputs = model.predict_encoded(np.where(keep[:, model.owner], encoded[rows], encoded[others]), output)
        losses = loss_of(outputs, np.tile(y, len(some)))
        rises[start : start + step] = losses.reshape(len(some), n).mean(axis=1) - before
    game.rows_spent += n * (len(jobs) + 1)
    return rises.reshape(repeats, len(groups))
