"""What the gradient methods share: which columns a net has, its gradient at any rows, rows as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.game import Game
from xai_compare.models.reordered import own_target
from xai_compare.types import Array, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["OFF", "ROWS", "deviation_of", "from_each", "gradient_at", "owner_of", "residual_share"]

# Gradient rows of one backward pass: past the cache a pass gets slower, not faster.
ROWS = 4096

OFF = 0.01
"""The residual share above which values that should add up do not."""


def owner_of(game: Game) -> IntArray:
    """The feature of each column of a model with gradients."""
    if "gradient" not in game.model.offers or game.owner is None:
        raise NotApplicable("it needs gradients, and this model has none")
    return game.owner


def gradient_at(game: Game, rows: Array, target: IntArray) -> Array:
    """(m, p) captum's gradient of the output `target` (m,) at encoded rows (m, p)."""
    import torch
    from captum.attr import Saliency as Captum

    from xai_compare.models._nets import InSpace, one_thread

    captum = Captum(InSpace(game.model.core, game.output).eval())
    own, out = own_target(game.model, target), np.empty(rows.shape)
    with one_thread():
        for start in range(0, len(rows), ROWS):
            at = slice(start, start + ROWS)
            found = captum.attribute(_tensor(rows[at]).requires_grad_(), target=torch.from_numpy(own[at]), abs=False)
            out[at] = found.detach().double().numpy()
    return out


def from_each(game: Game, method: Any, cases: Array, baselines: Array, **options: Any) -> Array:
    """(n, p) what a method of captum attributes to encoded cases (n, p) from each of the baselines (b, p), averaged over them.

    method : captum's class. options : of its `attribute`.
    """
    import torch

    from xai_compare.models._nets import InSpace, one_thread

    captum = method(InSpace(game.model.core, game.output).eval())
    b, own, out = len(baselines), own_target(game.model, game.target), np.empty(cases.shape)
    step = max(1, ROWS // b)
    with one_thread():
        for start in range(0, len(cases), step):
            some = cases[start : start + step]
            values = captum.attribute(
                _tensor(np.repeat(some, b, axis=0)).requires_grad_(),
                _tensor(np.tile(baselines, (len(some), 1))),
                target=torch.from_numpy(np.repeat(own[start : start + step], b)),
                **options,
            )
            out[start : start + step] = values.detach().double().numpy().reshape(len(some), b, -1).mean(axis=1)
    return out


def deviation_of(game: Game) -> Array:
    """(p,) standard deviation of the model's own columns over the background."""
    return np.asarray(game.model.encode(game.data.background_inputs()).std(axis=0))


def residual_share(values: Array, base: Array, full: Array) -> float:
    """By how much the worst case's values miss output - base, as a share of their sizes."""
    residual = np.abs(base + values.sum(axis=1) - full)
    return float((residual / np.maximum(np.abs(values).sum(axis=1), 1e-12)).max())


def _tensor(rows: Array) -> torch.Tensor:
    """float32, as nets take it."""
    import torch

    return torch.from_numpy(rows.astype(np.float32))
