"""Gradient methods, by captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import OFF, ROWS, deviation_of, from_each, gradient_at, owner_of, residual_share
from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

__all__ = ["InputXGradient", "IntegratedGradients", "Saliency", "SmoothGrad"]


@EXPLAINERS.register("integrated_gradients")
@dataclass(frozen=True, slots=True)
class IntegratedGradients:
    """Gradients integrated along the straight path from a baseline to the case, times the way gone.

    On tables the baseline is every background row in turn, averaged, so that its base is the game's v of nothing shown;
    one-hot columns are summed back to their feature, signed. Values are in the output space of the game and add up to
    output - base but for the integration error, which is recorded and makes the result degraded above 1 %.

    Cost: steps * background rows gradient rows per case.

    Parameters
    ----------
    steps : Gauss-Legendre points on the path.

    Raises
    ------
    NotApplicable
        For a model without gradients.
    """

    title: ClassVar[str] = "Integrated gradients"
    citation: ClassVar[str] = "Sundararajan, Taly & Yan 2017; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = True
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    steps: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise XaiCompareError(f"steps must be at least 1, found {self.steps}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        model, owner = game.model, owner_of(game)
        fills = game.fill_rows()
        cases, baselines = model.encode(game.inputs), model.encode(fills)
        encoded = self._integrate(game, cases, baselines)
        values = fold(encoded, owner, game.d)
        base, full = game.empty(), game.full()
        worst = residual_share(values, base, full)
        about = {
            "baseline": f"each of {len(baselines)} background rows, averaged",
            "steps": self.steps,
            "largest_residual_share": worst,
            "gradient_rows": game.n * len(baselines) * self.steps,
        }
        if worst > OFF:
            about["degraded"] = f"the integral misses the output by up to {worst:.1%} of the attributions: raise steps"
        return Attribution(values, game.target, game.output, base=base, additive=True, about=about)

    def _integrate(self, game: Game, cases: Array, baselines: Array) -> Array:
        """(n, p) captum's integral in the model's own columns, averaged over the baselines."""
        from captum.attr import IntegratedGradients as Captum

        # captum cannot cut its paths into fewer rows than there are paths
        return from_each(game, Captum, cases, baselines, n_steps=self.steps, internal_batch_size=max(ROWS, len(baselines)))


@EXPLAINERS.register("saliency")
@dataclass(frozen=True, slots=True)
class Saliency:
    """Size of the output's gradient at the case: how strongly the output reacts to a small change of each feature.

    Unsigned. Raw columns have units of their own, so by default a gradient is taken per standard deviation of the
    background; one-hot columns are summed, signed, before the size is taken. Cost: one gradient row per case.

    Parameters
    ----------
    per : "deviation" (of the background) or "unit" (of the column).

    Raises
    ------
    NotApplicable
        For a model without gradients.
    """

    title: ClassVar[str] = "Saliency"
    citation: ClassVar[str] = "Simonyan, Vedaldi & Zisserman 2014; captum"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"background", "output"})

    per: Literal["deviation", "unit"] = "deviation"

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        owner = owner_of(game)
        gradient = gradient_at(game, game.model.encode(game.inputs), game.target)
        if self.per == "deviation":
            gradient = gradient * deviation_of(game)
        values = np.abs(fold(gradient, owner, game.d))
        return Attribution(values, game.target, game.output, signed=False, about={"gradient_rows": game.n, "per": self.per})


@EXPLAINERS.register("input_x_gradient")
@dataclass(frozen=True, slots=True)
class InputXGradient:
    """Each value times the output's gradient at the case: a first-order guess of what the feature adds against zero.

    Signed, in the output space of the game; adds up to the output for a linear model without intercept only. Zero is the
    zero of the raw column, which may mean nothing: integrated gradients name their baseline. Cost: one gradient row per case.

    Raises
    ------
    NotApplicable
        For a model without gradients.
    """

    title: ClassVar[str] = "Input x gradient"
    citation: ClassVar[str] = "Shrikumar et al. 2016; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"output"})

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        owner, cases = owner_of(game), game.model.encode(game.inputs)
        values = fold(gradient_at(game, cases, game.target) * cases, owner, game.d)
        return Attribution(values, game.target, game.output, about={"gradient_rows": game.n})


@EXPLAINERS.register("smooth_grad")
@dataclass(frozen=True, slots=True)
class SmoothGrad:
    """Saliency averaged over noisy copies of the case: how strongly the output reacts around it, not only at it.

    The noise is normal, `noise` standard deviations of each of the model's own columns over the background; a column that is constant
    there gets none. Gradients are averaged with their signs, then taken per standard deviation, one-hot columns summed, and their
    size kept: unsigned, like saliency. The same case gets the same noise whatever the call order.

    Cost: samples gradient rows per case.

    Parameters
    ----------
    samples : noisy copies of a case. noise : in standard deviations; 0 is saliency.

    Raises
    ------
    NotApplicable
        For a model without gradients.
    """

    title: ClassVar[str] = "SmoothGrad"
    citation: ClassVar[str] = "Smilkov et al. 2017; captum"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"background", "output"})

    samples: int = 50
    noise: float = 0.1

    def __post_init__(self) -> None:
        if self.samples < 1 or self.noise < 0:
            raise XaiCompareError(f"samples must be at least 1 and noise 0 or more, found {self.samples} and {self.noise}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        owner, deviation = owner_of(game), deviation_of(game)
        cases = game.model.encode(game.inputs)
        drawn = np.stack([streams.case(int(case)).standard_normal((self.samples, cases.shape[1])) for case in game.cases])
        noisy = cases[:, None, :] + self.noise * deviation * drawn
        gradient = gradient_at(game, noisy.reshape(-1, cases.shape[1]), np.repeat(game.target, self.samples))
        mean = gradient.reshape(game.n, self.samples, -1).mean(axis=1)
        values = np.abs(fold(mean * deviation, owner, game.d))
        about = {"gradient_rows": game.n * self.samples, "noise": self.noise}
        return Attribution(values, game.target, game.output, signed=False, about=about)
