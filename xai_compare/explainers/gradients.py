"""Gradient methods, by captum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

if TYPE_CHECKING:
    import torch

__all__ = ["IntegratedGradients"]

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

    steps: int = 50

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise XaiCompareError(f"steps must be at least 1, found {self.steps}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        model, fills = game.model, game.fill_rows()
        if "gradient" not in model.offers or model.owner is None:
            raise NotApplicable("it needs gradients, and this model has none")
        cases, baselines = model.encode(game.inputs), model.encode(fills)
        encoded = self._integrate(game, cases, baselines)
        values = fold(encoded, model.owner, game.d)
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

        net = InSpace(game.model.core, game.output).eval()
        n, b = len(cases), len(baselines)
        target = torch.from_numpy(np.repeat(game.target, b))
        with one_thread():
            values = Captum(net).attribute(
                _tensor(np.repeat(cases, b, axis=0)),
                _tensor(np.tile(baselines, (n, 1))),
                target=target,
                n_steps=self.steps,
                internal_batch_size=_ROWS,
            )
        summed: Array = values.detach().double().numpy().reshape(n, b, -1).mean(axis=1)
        return summed


def _tensor(rows: Array) -> torch.Tensor:
    import torch

    return torch.from_numpy(rows.astype(np.float32))
