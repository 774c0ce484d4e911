"""A net opened at its inputs: what gradients are taken of, what stands for nothing shown, and whose each number is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xai_compare.types import Array, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["Attend", "Opened", "folded"]

Attend: TypeAlias = "Callable[..., tuple[torch.Tensor, tuple[torch.Tensor, ...]]]"
"""(x, *extra) -> the net's outputs (n, k), and each layer's attention (n, heads, T, T), in the graph: rows attend to columns and add up
to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """n cases as a net takes them.

    Attributes
    ----------
    net : (x, *extra) -> (n, k) logits, or (n, 1) values; in eval mode, on one device with the tensors.
    x : (n, ...) float32, what gradients are taken of: pixels (n, C, H, W), points (n, C, L), embedded tokens (n, T, e). A table's encoded
        columns (n, p) are float64, and rounded where they go through the net.
    x0 : (b, n, ...) or (b, 1, ...) the same with nothing shown, once for each of b fill rows.
    extra : what else the net is given, n rows each: masks of padding, token ids.
    owner : broadcasts to x: the feature of each number, -1 for what belongs to none (padding, special tokens).
    baseline : in words, what x0 is.
    tokens : (n, T) the feature of each token, -1 for none; or (n, T, s) where a token stands for s numbers, each of a feature of its own,
        in equal parts. None for a net without tokens.
    pooled : (n, T) how much of each token's row the net reads in the end; rows add up to 1: one row alone, or the mean over those that are
        no padding. None without attention.
    attend : see `Attend`; None for a net without attention.
    conv : the last convolution inside `net`, for maps of its channels; None without one.
    pixels : whether x stands on the input's own grid, so that its numbers make a map for display.
    """

    net: torch.nn.Module
    x: torch.Tensor
    x0: torch.Tensor
    extra: tuple[torch.Tensor, ...]
    owner: IntArray
    baseline: str
    tokens: IntArray | None = None
    pooled: Array | None = None
    attend: Attend | None = None
    conv: torch.nn.Module | None = None
    pixels: bool = False


def folded(values: Array, owner: IntArray, d: int) -> Array:
    """(n, d) signed sums of values (n, ...) over the numbers of each feature; owner broadcasts to them, -1 belongs to none.

    >>> folded(np.array([[1.0, 2.0, -5.0]]), np.array([[0, 0, 1]]), 2)
    array([[ 3., -5.]])
    """
    n, size = len(values), math.prod(values.shape[1:])
    flat = values.reshape(n, size)
    whose = np.broadcast_to(owner, values.shape).reshape(n, size)
    at = np.where(whose >= 0, whose + d * np.arange(n)[:, None], n * d)
    return np.asarray(np.bincount(at.ravel(), flat.ravel(), n * d + 1)[: n * d].reshape(n, d), dtype=np.float64)
