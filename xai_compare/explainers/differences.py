"""Methods for nets that share out the difference between the case and the background rows, by captum or on its gradients."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import OFF, from_each, gradient_at, owner_of, residual_share
from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

__all__ = ["DeepLift", "GradientShap"]


@EXPLAINERS.register("deep_lift")
@dataclass(frozen=True, slots=True)
class DeepLift:
    """What each activation's difference from the background hands back to the columns, by the rescale rule, averaged over the rows.

    Signed, in the output space of the game; adds up to output - v(nothing). It does so only where captum knows every non-linear step
    of the net: an activation called as a function, or a module used twice, is treated as a gradient, and a sum that is off by more than
    1 % of the attributions makes the result degraded.

    Cost: background rows forward and backward passes per case.

    Raises
    ------
    NotApplicable
        For a model without gradients.
    """

    title: ClassVar[str] = "DeepLIFT"
    citation: ClassVar[str] = "Shrikumar, Greenside & Kundaje 2017; Ancona et al. 2018; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = True
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        owner, fills = owner_of(game), game.fill_rows()
        baselines = game.model.encode(fills)
        values = fold(self._attributed(game, game.model.encode(game.inputs), baselines), owner, game.d)
        base, full = game.empty(), game.full()
        worst = residual_share(values, base, full)
        about = {
            "baseline": f"each of {len(baselines)} background rows, averaged",
            "largest_residual_share": worst,
            "gradient_rows": game.n * len(baselines),
        }
        if worst > OFF:
            about["degraded"] = f"the values miss the output by up to {worst:.1%}: a step of the net is not one that DeepLIFT knows"
        return Attribution(values, game.target, game.output, base=base, additive=True, about=about)

    def _attributed(self, game: Game, cases: Array, baselines: Array) -> Array:
        """(n, p) captum's multipliers times the differences, averaged over the baselines."""
        from captum.attr import DeepLift as Captum

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(?s).*Setting forward, backward hooks")  # it says that it takes them away again, and does
            return from_each(game, Captum, cases, baselines)


@EXPLAINERS.register("gradient_shap")
@dataclass(frozen=True, slots=True)
class GradientShap:
    """Gradients at random points between the case and the background rows, times the way between them: expected gradients.

    An estimate of integrated gradients averaged over the background, one random point of each path instead of the whole integral, so
    it adds up to output - v(nothing) on average only, and is not called additive; `about` has by how much it misses. Every background
    row is used equally often. Signed, in the output space of the game. The same case gets the same points whatever the call order.

    Cost: points * background rows gradient rows per case.

    Parameters
    ----------
    points : random points on the way to each background row.

    Raises
    ------
    NotApplicable
        For a model without gradients.
    """

    title: ClassVar[str] = "GradientSHAP"
    citation: ClassVar[str] = "Lundberg & Lee 2017; Erion et al. 2021; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    points: int = 4

    def __post_init__(self) -> None:
        if self.points < 1:
            raise XaiCompareError(f"points must be at least 1, found {self.points}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        owner = owner_of(game)
        baselines = np.repeat(game.model.encode(game.fill_rows()), self.points, axis=0)
        cases, m = game.model.encode(game.inputs), len(baselines)
        share = np.stack([streams.case(int(case)).random(m) for case in game.cases])[:, :, None]
        way = cases[:, None, :] - baselines
        gradient = gradient_at(game, (baselines + share * way).reshape(game.n * m, -1), np.repeat(game.target, m))
        values = fold((gradient.reshape(way.shape) * way).mean(axis=1), owner, game.d)
        base, full = game.empty(), game.full()
        about = {"points": self.points, "largest_residual_share": residual_share(values, base, full), "gradient_rows": game.n * m}
        return Attribution(values, game.target, game.output, base=base, about=about)
