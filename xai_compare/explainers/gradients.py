"""Gradient methods, by captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.models.reordered import own_target
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["InputXGradient", "IntegratedGradients", "Saliency"]

# Gradient rows of one backward pass: past the cache a pass gets slower, not faster.
_ROWS = 4096


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
        model, owner = game.model, _owner(game)
        fills = game.fill_rows()
        cases, baselines = model.encode(game.inputs), model.encode(fills)
        encoded = self._integrate(game, cases, baselines)
        values = fold(encoded, owner, game.d)
        base, full = game.empty(), game.full()
        residual = np.abs(base + values.sum(axis=1) - full)
        worst = float((residual / np.maximum(np.abs(values).sum(axis=1), 1e-12)).max())
        about = {
            "baseline": f"each of {len(baselines)} background rows, averaged",
            "steps": self.steps,
            "largest_residual_share": worst,
            "gradient_rows": game.n * len(baselines) * self.steps,
        }
        if worst > 0.01:
            about["degraded"] = f"the integral misses the output by up to {worst:.1%} of the attributions: raise steps"
        return Attribution(values, game.target, game.output, base=base, additive=True, about=about)

    def _integrate(self, game: Game, cases: Array, baselines: Array) -> Array:
        """(n, p) captum's integral in the model's own columns, averaged over the baselines."""
        import torch
        from captum.attr import IntegratedGradients as Captum

        from xai_compare.models._nets import InSpace, one_thread

        captum = Captum(InSpace(game.model.core, game.output).eval())
        b, own = len(baselines), own_target(game.model, game.target)
        out = np.empty(cases.shape)
        step = max(1, _ROWS // b)  # captum cannot cut its paths into fewer rows than there are paths
        with one_thread():
            for start in range(0, len(cases), step):
                some = cases[start : start + step]
                values = captum.attribute(
                    _tensor(np.repeat(some, b, axis=0)),
                    _tensor(np.tile(baselines, (len(some), 1))),
                    target=torch.from_numpy(np.repeat(own[start : start + step], b)),
                    n_steps=self.steps,
                    internal_batch_size=max(_ROWS, b),
                )
                out[start : start + step] = values.detach().double().numpy().reshape(len(some), b, -1).mean(axis=1)
        return out


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
        gradient, _ = _gradient(game)
        if self.per == "deviation":
            gradient = gradient * game.model.encode(game.data.background_inputs()).std(axis=0)
        values = np.abs(fold(gradient, _owner(game), game.d))
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
        gradient, cases = _gradient(game)
        values = fold(gradient * cases, _owner(game), game.d)
        return Attribution(values, game.target, game.output, about={"gradient_rows": game.n})


def _owner(game: Game) -> IntArray:
    """The feature of each column of a model with gradients."""
    if "gradient" not in game.model.offers or game.owner is None:
        raise NotApplicable("it needs gradients, and this model has none")
    return game.owner


def _gradient(game: Game) -> tuple[Array, Array]:
    """(n, p) captum's gradient of the explained output in the model's own columns, and the encoded cases."""
    _owner(game)
    import torch
    from captum.attr import Saliency as Captum

    from xai_compare.models._nets import InSpace, one_thread

    cases = game.model.encode(game.inputs)
    net = InSpace(game.model.core, game.output).eval()
    with one_thread():
        found = Captum(net).attribute(
            _tensor(cases).requires_grad_(), target=torch.from_numpy(own_target(game.model, game.target)), abs=False
        )
    gradient: Array = found.detach().double().numpy()
    return gradient, cases


def _tensor(rows: Array) -> torch.Tensor:
    import torch

    return torch.from_numpy(rows.astype(np.float32))
