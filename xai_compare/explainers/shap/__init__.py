"""SHAP: Shapley values of the game, by the algorithm that fits the model.

One file per algorithm; this one chooses and records why. Interventional throughout: hidden features take the study's
background, as in every metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers.shap import exact, kernel, linear, permutation, tree
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray

__all__ = ["Shap"]

Algorithm = Literal["auto", "tree", "linear", "exact", "permutation", "kernel"]

# A sum that misses the output by more than this share of the output's range over the background is not SHAP any more.
_TOLERANCE = 1e-6


@EXPLAINERS.register("shap")
@dataclass(frozen=True, slots=True)
class Shap:
    """Shapley values: what each feature adds to the output, averaged over all orders of showing the features.

    Values are in the output space of the game and add up to v(everything) - v(nothing); this is checked here in
    float64 for every case. A case whose sum is off is computed again by permutation, counted, and the result is degraded.

    Trees on one-hot columns: TreeSHAP lets each column play on its own and the columns' values are summed, which is close to,
    but not the same as, hiding the feature as a whole; `about["exact"]` is then False.

    Cost per case: none (tree, linear: read from the model), else background rows times 2^d (exact), 2 * d * permutations
    (permutation) or samples (kernel).

    Parameters
    ----------
    algorithm : "auto" takes tree for tree ensembles, linear where the output is linear in the encoding, exact where that asks
        no more of the model than permutation, else permutation. "exact" is for at most 10 features.
    permutations : feature orders, each walked forwards and backwards, for the permutation algorithm.
    samples : coalitions for the kernel algorithm.

    Raises
    ------
    NotApplicable
        If an algorithm is asked for that does not fit the model.
    """

    title: ClassVar[str] = "SHAP"
    citation: ClassVar[str] = "Lundberg & Lee 2017; Lundberg et al. 2020; Strumbelj & Kononenko 2014; shap"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = True
    control: ClassVar[bool] = False

    algorithm: Algorithm = "auto"
    permutations: int = 10
    samples: int = 2048

    def __post_init__(self) -> None:
        if self.permutations < 1 or self.samples < 16:
            found = f"permutations {self.permutations}, samples {self.samples}"
            raise XaiCompareError(f"permutations must be at least 1 and samples at least 16, found {found}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        algorithm, why = self._choose(game)
        base, full = game.empty(), game.full()
        values = self._values(algorithm, game, streams)
        exactly = algorithm in ("linear", "exact") or (algorithm == "tree" and not tree.splits_features(game))
        about: dict[str, object] = {"algorithm": algorithm, "why": why, "exact": exactly}
        off = self._off(game, values, base, full)
        if off.size:
            values[off] = permutation.values(game, off, self.permutations, streams)
            about["degraded"] = (
                f"{off.size} of {game.n} cases did not add up under the {algorithm} algorithm and were computed by permutation"
            )
        about["model_rows"] = game.rows_spent
        about["largest_residual"] = float(np.abs(base + values.sum(axis=1) - full).max())
        return Attribution(values, game.target, game.output, base=base, additive=True, about=about)

    def _values(self, algorithm: Algorithm, game: Game, streams: Streams) -> Array:
        if algorithm == "permutation":
            return permutation.values(game, np.arange(game.n), self.permutations, streams)
        if algorithm == "kernel":
            return kernel.values(game, self.samples, streams)
        read = {"tree": tree.values, "linear": linear.values, "exact": exact.values}
        return read[algorithm](game)

    def _choose(self, game: Game) -> tuple[Algorithm, str]:
        fits = {name: module.reason_against(game) for name, module in (("tree", tree), ("linear", linear), ("exact", exact))}
        if self.algorithm != "auto":
            if fits.get(self.algorithm):
                raise NotApplicable(f"the {self.algorithm} algorithm does not fit: {fits[self.algorithm]}")
            return self.algorithm, "asked for in the study"
        affordable = not fits["exact"] and 2**game.d <= 2 * game.d * self.permutations
        if not fits["tree"] and not (affordable and tree.splits_features(game)):
            why = f"{type(game.model.core).__name__} is made of trees whose output is the explained {game.output}"
            return "tree", why + ("; values of one-hot columns, each a player of its own, are summed" if tree.splits_features(game) else "")
        if not fits["linear"]:
            return "linear", f"the {game.output} is linear in the model's encoding"
        if affordable:
            return "exact", f"all {2**game.d} coalitions are no more than permutation would ask"
        return "permutation", f"tree: {fits['tree']}; linear: {fits['linear']}"

    def _off(self, game: Game, values: Array, base: Array, full: Array) -> IntArray:
        """Positions of the cases whose values do not add up."""
        scale = max(float(np.ptp(np.concatenate([full, base]))), 1e-12)
        return np.flatnonzero(np.abs(base + values.sum(axis=1) - full) > _TOLERANCE * scale)
