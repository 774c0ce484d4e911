"""Gradient methods, by captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import (
    OFF,
    Ask,
    Baseline,
    about_passes,
    at_cases,
    attributed,
    averaged,
    deviation_of,
    ends,
    gradient_of,
    map_of,
    opened,
    residual_share,
    values_of,
)
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.models.opened import Opened
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["InputXGradient", "IntegratedGradients", "Saliency", "SmoothGrad"]


@EXPLAINERS.register("integrated_gradients")
@dataclass(frozen=True, slots=True)
class IntegratedGradients:
    """Gradients integrated along the straight path from a baseline to the case, times the way gone.

    On tables the baseline is every background row in turn, averaged, so that its base is the game's v of nothing shown;
    one-hot columns are summed back to their feature, signed. Elsewhere it is the case as the game hides it: blurred, of mask tokens,
    of mean points; the path goes through pixels, points or embedded tokens. Values are in the output space of the game and add up to
    output - base but for the integration error, which is recorded and makes the result degraded above 1 %.

    Cost: steps gradient rows per case, times the background rows where these are the baseline.

    Parameters
    ----------
    steps : Gauss-Legendre points on the path.
    baseline : "fill" takes the game's own; "zero" starts from zeros (raw ones of a table: a category is then none of the known ones);
        or one of the fills that these data have, by its name.

    Raises
    ------
    NotApplicable
        For a model without gradients, or a baseline that these data do not have.
    """

    title: ClassVar[str] = "Integrated gradients"
    citation: ClassVar[str] = "Sundararajan, Taly & Yan 2017; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = True
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    steps: int = 50
    baseline: Baseline = "fill"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise XaiCompareError(f"steps must be at least 1, found {self.steps}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        from captum.attr import IntegratedGradients as Captum

        view = opened(game, self.baseline)
        # captum cannot cut its paths into fewer rows than there are paths: a pass holds no more of these than rows
        numbers, rows = attributed(game, view, Captum, n_steps=self.steps, internal_batch_size=lambda rows: rows)
        values = values_of(game, view, numbers)
        base, full = ends(game, view, self.baseline)
        worst = residual_share(values, base, full)
        about = {
            "baseline": view.baseline,
            "steps": self.steps,
            "largest_residual_share": worst,
            "gradient_rows": game.n * len(view.x0) * self.steps,
            **about_passes(view, rows),
        }
        if worst > OFF:
            about["degraded"] = f"the integral misses the output by up to {worst:.1%} of the attributions: raise steps"
        values, present = marked(game, values)
        detail = map_of(view, numbers)
        return Attribution(values, game.target, game.output, base=base, additive=True, detail=detail, about=about, present=present)


@EXPLAINERS.register("saliency")
@dataclass(frozen=True, slots=True)
class Saliency:
    """Size of the output's gradient at the case: how strongly the output reacts to a small change of each feature.

    Unsigned. Raw columns have units of their own, so by default a gradient is taken per standard deviation of the
    background; one-hot columns, pixels of a patch and embedding dimensions are summed, signed, before the size is taken.
    Cost: one gradient row per case.

    Parameters
    ----------
    per : "deviation" (of the background) or "unit" (of the column). Pixels, points and tokens have one scale: there it is the unit.

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
        view = opened(game)
        numbers, rows = at_cases(game, view)
        per = self.per if game.owner is not None else "unit"
        if per == "deviation":
            numbers = numbers * deviation_of(game)
        about = {"gradient_rows": game.n, "per": per, **about_passes(view, rows)}
        return _sizes(game, view, numbers, about)


@EXPLAINERS.register("input_x_gradient")
@dataclass(frozen=True, slots=True)
class InputXGradient:
    """Each value times the output's gradient at the case: a first-order guess of what the feature adds against zero.

    Signed, in the output space of the game; adds up to the output for a linear model without intercept only. Zero is the
    zero of the raw column, the black of a pixel, the middle of the embeddings, which may mean nothing: integrated gradients name
    their baseline. Cost: one gradient row per case.

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
        view = opened(game)
        numbers, rows = at_cases(game, view)
        numbers = numbers * view.x.detach().double().cpu().numpy()
        values, present = marked(game, values_of(game, view, numbers))
        about = {"gradient_rows": game.n, **about_passes(view, rows)}
        return Attribution(values, game.target, game.output, detail=map_of(view, numbers), about=about, present=present)


@EXPLAINERS.register("smooth_grad")
@dataclass(frozen=True, slots=True)
class SmoothGrad:
    """Saliency averaged over noisy copies of the case: how strongly the output reacts around it, not only at it.

    The noise is normal, `noise` standard deviations of each of the model's own columns over the background; a column that is constant
    there gets none. Pixels, points and embedded tokens have one scale: the standard deviation of all of them over the background.
    Gradients are averaged with their signs, then (in a table) taken per standard deviation, one-hot columns summed, and their
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
        view, deviation = opened(game), deviation_of(game)
        numbers, rows = averaged(view, self.samples, lambda _: self._noisy(game, view, deviation, streams))
        if game.owner is not None:
            numbers = numbers * deviation
        about = {"gradient_rows": game.n * self.samples, "noise": self.noise, **about_passes(view, rows)}
        return _sizes(game, view, numbers, about)

    def _noisy(self, game: Game, view: Opened, deviation: Array, streams: Streams) -> Ask:
        """The gradient at noisy copies. Only what belongs to a feature is moved: padding and its draws must not depend on other cases."""
        import torch

        gradient, shape = gradient_of(game, view), tuple(view.x.shape)
        own = np.broadcast_to(view.owner >= 0, shape)
        draws = [streams.case(int(case)) for case in game.cases]

        def ask(cases: IntArray, which: IntArray) -> torch.Tensor:
            drawn = np.zeros((len(cases), *shape[1:]))
            for case in np.unique(cases):  # their rows come in order, so that one stream gives all of a case
                at = cases == case
                moved = np.zeros((at.sum(), *shape[1:]))
                moved[:, own[case]] = draws[case].standard_normal((at.sum(), own[case].sum()))
                drawn[at] = moved
            rows = view.x[cases]
            return gradient(rows + torch.from_numpy(self.noise * deviation * drawn).to(rows.device, rows.dtype), cases)

        return ask


def _sizes(game: Game, view: Opened, numbers: Array, about: dict[str, object]) -> Attribution:
    """The size of what falls to each feature."""
    values, present = marked(game, np.abs(values_of(game, view, numbers)))
    detail = map_of(view, numbers)
    detail = None if detail is None else np.abs(detail)
    return Attribution(values, game.target, game.output, signed=False, detail=detail, about=about, present=present)
