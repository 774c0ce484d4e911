"""SHAP: Shapley values of the game, by the algorithm that fits the model.

One file per algorithm; this one chooses and records why. Interventional throughout: hidden features take the study's
background, as in every metric. Only on request are trees explained along their own paths, and the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._present import marked
from xai_compare.explainers.shap import contributions, exact, kernel, linear, partition, path, permutation, shares, tree
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray

__all__ = ["Shap"]

Algorithm = Literal["auto", "tree", "linear", "exact", "permutation", "kernel", "partition", "contributions"]
Perturbation = Literal["interventional", "tree_path_dependent"]

# A sum that misses the output by more than this share of the output's range over the background is not SHAP any more.
_TOLERANCE = 1e-6
# XGBoost adds up its trees in float32, and shap reads all trees with float32 leaves: what that cannot resolve is no miss, unless
# the trees can be read in float64 too. In units of the largest output.
_RESOLUTION = 8 * float(np.finfo(np.float32).eps)


@EXPLAINERS.register("shap")
@dataclass(frozen=True, slots=True)
class Shap:
    """Shapley values: what each feature adds to the output, averaged over all orders of showing the features.

    Values are in the output space of the game and add up to v(everything) - v(nothing); this is checked here in
    float64 for every case. A case whose sum is off is computed again by permutation, counted, and the result is degraded.

    Forests on one-hot columns: TreeSHAP lets each column play on its own and the columns' values are summed, which is close
    to, but not the same as, hiding the feature as a whole; `about["exact"]` is then False. Boosted trees are read leaf by leaf
    there, and where they split on sets of categories: each feature is one player, and the values are exact.

    Where a boosted model cannot be read (CatBoost with categories, a kind of trees unknown to us), auto falls back to exact or
    permutation; an estimate is then degraded, with the reason.

    Cost per case: none (tree, linear, contributions: read from the model), else background rows times 2^d (exact), 2 * d * permutations
    (permutation) or samples (kernel), or up to samples coalitions (partition).

    Parameters
    ----------
    algorithm : "auto" takes tree for tree ensembles, linear where the output is linear in the encoding, exact where that asks
        no more of the model than permutation, else permutation. "exact" is for at most 10 features.
        "contributions" are the boosting library's own path-dependent values, another game than the one that metrics play.
        "partition" are Owen values: features join in clusters of columns that are correlated on the background (a categorical one
        stands alone). They add up, but are Shapley values only of a game without interactions.
        "tree", asked for by name, also explains the probability of two classes by trees that add up in the margin: shap stretches
        the margin's values to it, background row by row. They add up, but are not its Shapley values; auto does not take them.
        "linear" and "tree", asked for by name, also read a model that multiplies columns (PolynomialFeatures): the value of a product
        is split equally among the columns in it. That adds up, and is another game than the one that metrics play.
    permutations : feature orders, each walked forwards and backwards, for the permutation algorithm, and for partition where it
        would ask more coalitions than samples.
    samples : coalitions for the kernel algorithm, and up to how many the partition algorithm asks all of.
    perturbation : "interventional" hides a feature by the background; "tree_path_dependent" lets it follow the training rows of
        each branch, for trees only: of another game than the one that metrics play, so never exact, with a base of its own.

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
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    algorithm: Algorithm = "auto"
    permutations: int = 10
    samples: int = 2048
    perturbation: Perturbation = "interventional"

    def __post_init__(self) -> None:
        if self.permutations < 1 or self.samples < 16:
            found = f"permutations {self.permutations}, samples {self.samples}"
            raise XaiCompareError(f"permutations must be at least 1 and samples at least 16, found {found}")
        if self.perturbation == "tree_path_dependent" and self.algorithm not in ("auto", "tree", "contributions"):
            raise XaiCompareError(f"perturbation tree_path_dependent is for trees; the {self.algorithm} algorithm has none")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        algorithm, why = self._choose(game)
        base, full = game.empty(), game.full()
        about: dict[str, object] = {}
        paths = algorithm == "contributions" or self.perturbation == "tree_path_dependent"
        if paths:
            values, base = path.values(game)
            about["path_dependent"] = path.SAID
        else:
            algorithm, values, degraded = self._values(algorithm, game, streams)
            about |= {"degraded": degraded} if degraded else {}
            about |= partition.told(game, self.samples, self.permutations) if algorithm == "partition" else {}
        stretched = algorithm == "tree" and not paths and game.output != game.model.native
        if stretched:
            about["stretched"] = "the margin's values, stretched to the probability: they add up, but are not its Shapley values"
        split = algorithm in ("linear", "tree") and not paths and shares.given(game)
        if split:
            about["split"] = shares.SAID
        trees = algorithm == "tree" and not paths and not stretched and tree.exactly(game)
        exactly = trees or algorithm == "exact" or (algorithm == "linear" and not split)
        perturbation = "tree_path_dependent" if paths else "interventional"
        about = {"algorithm": algorithm, "why": why, "exact": exactly, "perturbation": perturbation, **about}
        off = self._off(game, values, base, full)
        readable = not paths and not stretched and not tree.by_leaves(game) and "leaves" in game.model.offers
        if off.size and algorithm == "tree" and readable:
            values[off] = tree.leaf_values(game)[off]
            about["read_again"] = f"{off.size} of {game.n} cases did not add up as shap reads the trees, and were read leaf by leaf"
            off = self._off(game, values, base, full)
        if off.size and paths:
            about["degraded"] = f"{off.size} of {game.n} cases do not add up: the library's own values are off"
        elif off.size:
            values[off] = permutation.values(game, off, self.permutations, streams)
            about["degraded"] = (
                f"{off.size} of {game.n} cases did not add up under the {algorithm} algorithm and were computed by permutation"
            )
        about["model_rows"] = game.rows_spent
        about["largest_residual"] = float(np.abs(base + values.sum(axis=1) - full).max())
        values, present = marked(game, values)
        return Attribution(values, game.target, game.output, base=base, additive=True, about=about, present=present)

    def _values(self, algorithm: Algorithm, game: Game, streams: Streams) -> tuple[Algorithm, Array, str]:
        """The algorithm in the end, its values, and why they are degraded ("" if they are not)."""
        if algorithm == "kernel":
            return algorithm, kernel.values(game, self.samples, streams), ""
        if algorithm == "partition":
            return algorithm, partition.values(game, self.samples, self.permutations, streams), ""
        if algorithm == "linear":
            return algorithm, linear.values(game), ""
        if algorithm == "exact":
            return algorithm, exact.values(game), ""
        if algorithm == "tree":
            try:
                return algorithm, tree.values(game), ""
            except Exception as error:  # the library's parser meets versions and models that it does not know
                if self.algorithm == "tree":
                    raise NotApplicable(f"shap cannot read this model's trees: {type(error).__name__}: {error}") from error
                reason = f"shap cannot read this model's trees ({type(error).__name__}: {error})"
        else:
            reason = tree.reason_against(game) if self.algorithm == "auto" and tree.expected(game) else ""
        reason = f"{reason}: estimated by permutation" if reason else ""
        return "permutation", permutation.values(game, np.arange(game.n), self.permutations, streams), reason

    def _choose(self, game: Game) -> tuple[Algorithm, str]:
        modules = (("tree", tree), ("linear", linear), ("exact", exact), ("contributions", contributions))
        fits = {name: module.reason_against(game) for name, module in modules}
        if self.perturbation == "tree_path_dependent":
            against = fits["contributions"] if self.algorithm == "contributions" else path.reason_against(game)
            if against:
                raise NotApplicable(f"it has no path-dependent values: {against}")
            return "contributions" if self.algorithm == "contributions" else "tree", "path-dependent values are asked for in the study"
        if self.algorithm == "tree":
            fits["tree"] = "" if tree.rescales(game) else tree.reason_against(game, named=True)
        if self.algorithm == "linear":
            fits["linear"] = linear.reason_against(game, named=True)
        if self.algorithm == "partition" and game.data.space.modality != "table":
            fits["partition"] = "its clusters are of correlated columns of a table"
        if self.algorithm != "auto":
            if fits.get(self.algorithm):
                raise NotApplicable(f"the {self.algorithm} algorithm does not fit: {fits[self.algorithm]}")
            return self.algorithm, "asked for in the study"
        affordable = not fits["exact"] and 2**game.d <= 2 * game.d * self.permutations
        if not fits["tree"] and (tree.exactly(game) or not affordable):
            why = f"{type(game.model.core).__name__} is made of trees whose output is the explained {game.output}"
            how = "; read leaf by leaf" if tree.by_leaves(game) else ""
            return "tree", why + (how if tree.exactly(game) else "; values of one-hot columns, each a player of its own, are summed")
        if not fits["linear"]:
            return "linear", f"the {game.output} is linear in the model's encoding"
        if affordable:
            return "exact", f"all {2**game.d} coalitions are no more than permutation would ask"
        return "permutation", f"tree: {fits['tree']}; linear: {fits['linear']}"

    def _off(self, game: Game, values: Array, base: Array, full: Array) -> IntArray:
        """Positions of the cases whose values do not add up."""
        outputs = np.concatenate([full, base])
        slack = _TOLERANCE * max(float(np.ptp(outputs)), 1e-12)
        if getattr(game.model, "single", False) or {"tree", "leaves"} & game.model.offers == {"tree"}:
            slack = max(slack, _RESOLUTION * float(np.abs(outputs).max()))
        return np.flatnonzero(np.abs(base + values.sum(axis=1) - full) > slack)
