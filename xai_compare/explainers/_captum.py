"""What the gradient methods share: which columns a net has, its gradient at any rows, rows as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.game import Game
from xai_compare.models.reordered import own_target
from xai_compare.types import Array, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["ROWS", "deviation_of", "gradient_at", "owner_of", "residual_share", "tensor"]

# Gradient rows of one backward pass: past the cache a pass gets slower, not faster.
ROWS = 4096


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
            found = captum.attribute(tensor(rows[at]).requires_grad_(), target=torch.from_numpy(own[at]), abs=False)
            out[at] = found.detach().double().numpy()
    return out


def deviation_of(game: Game) -> Array:
    """(p,) standard deviation of the model's own columns over the background."""
    return np.asarray(game.model.encode(game.data.background_inputs()).std(axis=0))


def residual_share(values: Array, base: Array, full: Array) -> float:
    """By how much the worst case's values miss output - base, as a share of their sizes."""
    residual = np.abs(base + values.sum(axis=1) - full)
    return float((residual / np.maximum(np.abs(values).sum(axis=1), 1e-12)).max())


def tensor(rows: Array) -> torch.Tensor:
    """float32, as nets take it."""
    import torch

    return torch.from_numpy(rows.astype(np.float32))
