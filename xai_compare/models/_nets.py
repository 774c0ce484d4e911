"""Torch nets at work: read in an output space, in batches of one size, on one thread. Importing this file imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from xai_compare.types import Array, Output

__all__ = ["InSpace", "answers", "device", "forward", "in_space", "layers", "one_thread", "redrawn", "seeded"]


def device() -> torch.device:
    """Where nets on images, texts and series work: on the graphics processor if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class InSpace(nn.Module):
    """A net read in one output space: margins z_k - mean z (binary: z1 - z0 and its negative), probabilities, or values.

    forward: what the net takes, first the tensor that gradients are taken of.
    """

    def __init__(self, net: nn.Module, output: Output) -> None:
        super().__init__()
        self.net, self.output = net, output

    def forward(self, x: torch.Tensor, *extra: torch.Tensor) -> torch.Tensor:
        return in_space(self.net(x, *extra), self.output)


def in_space(z: torch.Tensor, output: Output) -> torch.Tensor:
    """(n, k) the outputs z of a net in one output space; a single logit (n, 1) speaks for the last of two classes."""
    if output == "value":
        return z
    if z.shape[1] == 1:
        z = torch.cat([-z, z], dim=1) / 2
    if output == "probability":
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


def answers(net: nn.Module, inputs: Sequence[npt.NDArray[Any]], batch: int, where: torch.device | None = None) -> Array:
    """(n, k) float64 outputs of n cases of arrays (n, ...), in batches of one size like those of `forward`.

    The last batch is filled up with its first case, so that what is filled in is a case like any other.
    """
    where, n, out = where or device(), len(inputs[0]), []
    with one_thread(), torch.inference_mode():
        for start in range(0, n, batch):
            at = np.arange(start, start + batch)
            at[at >= n] = start
            tensors = (torch.from_numpy(each[at]).to(where) for each in inputs)
            out.append(net(*tensors).double().cpu().numpy())
    return np.concatenate(out)[:0] if not n else np.concatenate([each[: n - i * batch] for i, each in enumerate(out)])


def layers(net: nn.Module) -> list[nn.Module]:
    """The modules that draw parameters of their own, from the input to the output; a block of several counts as one."""
    if hasattr(net, "reset_parameters"):
        return [net]
    return [found for child in net.children() for found in layers(child)]


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
    """Torch on one thread inside the block: results that do not depend on the machine, and no fight between workers.

    On a graphics processor without its shortcuts, so that its numbers are those of other machines but for rounding.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(before)
