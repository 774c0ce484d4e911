"""Torch modules and their training. Imported only when a net is used: importing this file imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from xai_compare.types import Array, Output

__all__ = ["Fit", "InSpace", "Perceptron", "fit_perceptron", "forward", "layers", "one_thread", "redrawn", "seeded"]


class Perceptron(nn.Module):
    """A multilayer perceptron on raw columns: the standardisation is part of the net, so its inputs are what a reviewer knows.

    forward: (n, p) -> (n, k) logits, or (n, 1) in the target's own units for a regression.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    out_mean: torch.Tensor
    out_scale: torch.Tensor

    def __init__(self, p: int, hidden: Sequence[int], k: int) -> None:
        super().__init__()
        sizes = [p, *hidden]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Linear(sizes[-1], k))
        for name, width in (("mean", p), ("scale", p), ("out_mean", 1), ("out_scale", 1)):
            self.register_buffer(name, torch.zeros(width) if name.endswith("mean") else torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.body((x - self.mean) / self.scale) * self.out_scale + self.out_mean
        return out


class InSpace(nn.Module):
    """A net read in one output space: margins z_k - mean z (binary: z1 - z0 and its negative), probabilities, or values."""

    def __init__(self, net: nn.Module, output: Output) -> None:
        super().__init__()
        self.net, self.output = net, output

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z: torch.Tensor = self.net(x)
        if self.output == "value":
            return z
        if self.output == "probability":
            return torch.softmax(z, dim=1)
        centred = z - z.mean(dim=1, keepdim=True)
        return 2 * centred if z.shape[1] == 2 else centred  # two classes: z1 - z0 is twice the centred logit


def forward(net: nn.Module, rows: Array, batch: int) -> Array:
    """(n, k) float64 outputs of n rows, always in batches of one size.

    float32 results depend on the batch size, so the last batch is padded: the same row gives the same bits in any call.
    """
    out = []
    padded = np.zeros((-(-len(rows) // batch) * batch, rows.shape[1]), dtype=np.float32)
    padded[: len(rows)] = rows
    with one_thread(), torch.inference_mode():
        for start in range(0, len(padded), batch):
            out.append(net(torch.from_numpy(padded[start : start + batch])).double().numpy())
    return np.concatenate(out)[: len(rows)]


def layers(net: nn.Module) -> list[nn.Module]:
    """The modules that draw parameters of their own, from the input to the output."""
    return [module for module in net.modules() if hasattr(module, "reset_parameters")]


def redrawn(net: nn.Module, seed: int, last: int | None = None) -> nn.Module:
    """A copy whose last layers (None: all) have their parameters drawn anew, as at the start of a training. Buffers stay."""
    out = copy.deepcopy(net)
    drawn = layers(out)
    with seeded(seed):
        for module in drawn if last is None else drawn[len(drawn) - last :]:
            module.reset_parameters()  # type: ignore[operator]  # a method, where there is one
    return out.eval()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's own generator at a seed inside the block, and as it was after it."""
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(seed)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread inside the block: results that do not depend on the machine, and no fight between workers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Fit:
    """How a perceptron is trained: Adam, mini-batches, stopped when a held-out fifth stops improving."""

    def __init__(self, hidden: Sequence[int], learning_rate: float, weight_decay: float, epochs: int, patience: int) -> None:
        self.hidden, self.learning_rate, self.weight_decay = tuple(hidden), learning_rate, weight_decay
        self.epochs, self.patience = epochs, patience


def fit_perceptron(x: Array, y: Array, k: int, how: Fit, seed: int) -> Perceptron:
    """Train on x (n, p) and y (n,): class positions for k >= 2 outputs, floats for k = 1. Deterministic by seed on one thread."""
    with one_thread(), seeded(seed):
        net = Perceptron(x.shape[1], how.hidden, k)
        order = torch.randperm(len(x))
        held, kept = order[: max(1, len(x) // 5)], order[max(1, len(x) // 5) :]
        inputs = torch.from_numpy(x.astype(np.float32))
        target = torch.from_numpy(y.astype(np.float32 if k == 1 else np.int64))
        _standardise(net, inputs[kept], target[kept] if k == 1 else None)
        _descend(net, inputs, target, (kept, held), how)
    return net.eval()


def _standardise(net: Perceptron, x: torch.Tensor, y: torch.Tensor | None) -> None:
    net.mean.copy_(x.mean(dim=0))
    spread = x.std(dim=0)
    net.scale.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
    if y is not None:
        net.out_mean.fill_(float(y.mean()))
        net.out_scale.fill_(max(float(y.std()), 1e-12))


def _descend(net: Perceptron, x: torch.Tensor, y: torch.Tensor, rows: tuple[torch.Tensor, torch.Tensor], how: Fit) -> None:
    kept, held = rows
    adam = torch.optim.Adam(net.parameters(), how.learning_rate, weight_decay=how.weight_decay)
    best, best_state, waited = float("inf"), copy.deepcopy(net.state_dict()), 0
    for _ in range(how.epochs):
        net.train()
        for batch in torch.split(kept[torch.randperm(len(kept))], 64):
            adam.zero_grad()
            _loss(net, x[batch], y[batch]).backward()  # type: ignore[no-untyped-call]
            adam.step()
        net.eval()
        with torch.no_grad():
            loss = float(_loss(net, x[held], y[held]))
        if loss < best - 1e-5:
            best, best_state, waited = loss, copy.deepcopy(net.state_dict()), 0
        else:
            waited += 1
            if waited >= how.patience:
                break
    net.load_state_dict(best_state)


def _loss(net: Perceptron, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    z = net(x)
    if z.shape[1] == 1:  # in standard units, so that the learning rate fits any target
        return nn.functional.mse_loss((z[:, 0] - net.out_mean) / net.out_scale, (y - net.out_mean) / net.out_scale)
    return nn.functional.cross_entropy(z, y)
