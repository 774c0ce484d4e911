"""The one training of all our nets. Importing this file imports torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from xai_compare.models._nets import one_thread, seeded

__all__ = ["Fit", "fit"]

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a net is trained: Adam, mini-batches, stopped when a held-out fifth stops improving.

    piece : rows of the held-out fifth that are asked in one call. fewest : rows that an epoch shows at least: a small set is shown
        several times before the held-out fifth is asked again.
    """

    learning_rate: float
    weight_decay: float
    epochs: int
    patience: int
    piece: int = 2**31
    fewest: int = 1


def fit(build: Callable[[], N], x: Sequence[npt.NDArray[Any]], y: npt.NDArray[Any], how: Fit, seed: int) -> N:
    """Train on the arrays x of n rows each and y (n,): whole numbers are class positions, floats the values of a regression.

    On the processor, and on one thread: deterministic by seed, whatever else the machine has.
    """
    with one_thread(), seeded(seed):
        net: Any = build()
        inputs = [torch.from_numpy(each) for each in x]
        order = torch.randperm(len(y))
        held, kept = order[: max(1, len(y) // 5)], order[max(1, len(y) // 5) :]
        number = y.dtype.kind == "f"
        target = torch.from_numpy(y.astype(np.float32 if number else np.int64))
        net.settle([each[kept] for each in inputs], target[kept] if number else None)
        _descend(net, inputs, target, (kept, held), how)
    trained: N = net.eval()
    return trained


def _descend(net: nn.Module, x: list[torch.Tensor], y: torch.Tensor, rows: tuple[torch.Tensor, torch.Tensor], how: Fit) -> None:
    kept, held = rows
    adam = torch.optim.Adam(net.parameters(), how.learning_rate, weight_decay=how.weight_decay)
    best, best_state, waited = float("inf"), copy.deepcopy(net.state_dict()), 0
    for _ in range(how.epochs):
        net.train()
        for _ in range(-(-how.fewest // len(kept))):
            for batch in torch.split(kept[torch.randperm(len(kept))], 64):
                adam.zero_grad()
                _loss(net, x, y, batch).backward()  # type: ignore[no-untyped-call]
                adam.step()
        net.eval()
        with torch.no_grad():
            pieces = torch.split(held, min(how.piece, len(held)))
            loss = sum(float(_loss(net, x, y, piece)) * (len(piece) / len(held)) for piece in pieces)
        if loss < best - 1e-5:
            best, best_state, waited = loss, copy.deepcopy(net.state_dict()), 0
        else:
            waited += 1
            if waited >= how.patience:
                break
    net.load_state_dict(best_state)


def _loss(net: Any, x: list[torch.Tensor], y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    z, target = net.feed(*(each[rows] for each in x)), y[rows]
    if z.shape[1] == 1:  # in standard units, so that the learning rate fits any target
        return nn.functional.mse_loss((z[:, 0] - net.out_mean) / net.out_scale, (target - net.out_mean) / net.out_scale)
    return nn.functional.cross_entropy(z, target)
