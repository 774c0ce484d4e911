"""Modules of a user, asked in the middle: what an embedding gives is handed in from outside. Importing this file imports torch."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from xai_compare.errors import ModelError

__all__ = ["Columns", "Logits", "Spliced", "copied", "layer_named"]


class Logits(nn.Module):
    """(n, k) logits of a module that gives these, (n,) of them, or something that has them as `logits`."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        z = self.module(*given)
        z = getattr(z, "logits", z)
        if not isinstance(z, torch.Tensor) or z.ndim not in (1, 2):
            said = f"a tensor of shape {tuple(z.shape)}" if isinstance(z, torch.Tensor) else f"a {type(z).__name__}"
            raise ModelError(f"it must return logits of shape (cases, outputs), and returns {said}")
        return z[:, None] if z.ndim == 1 else z


class Spliced(Logits):
    """(x, *given) -> what the module makes of `given` when its layer gives x. `embed` is what the layer gives by itself."""

    def __init__(self, module: nn.Module, layer: str) -> None:
        super().__init__(module)
        self.layer = layer

    def embed(self, *given: torch.Tensor) -> torch.Tensor:
        found: list[torch.Tensor] = []
        handle = self.module.get_submodule(self.layer).register_forward_hook(lambda _, __, out: found.append(out))
        try:
            super().forward(*given)
        finally:
            handle.remove()
        return _once(found, self.layer)

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        x, *rest = given
        handle = self.module.get_submodule(self.layer).register_forward_hook(lambda *_: x)
        try:
            return super().forward(*rest)
        finally:
            handle.remove()


class Columns(Logits):
    """A module of several inputs on a table as a net of one matrix (n, p): its numbers, then what each of its embeddings gives.

    widths : of the module's inputs, None for codes of categories, which go through the `layers` and nowhere else.
    """

    def __init__(self, module: nn.Module, widths: Sequence[int | None], codes: Sequence[Sequence[int]], layers: Sequence[str]) -> None:
        super().__init__(module)
        self.widths, self.codes, self.layers = list(widths), [list(each) for each in codes], list(layers)
        self.shapes: list[list[int]] = []

    def encoded(self, *given: torch.Tensor) -> torch.Tensor:
        """(n, p) from the module's own inputs."""
        found: dict[str, list[torch.Tensor]] = {name: [] for name in self.layers}
        parts = [(found[name], self.module.get_submodule(name)) for name in self.layers]
        handles = [part.register_forward_hook(lambda _, __, out, held=held: held.append(out)) for held, part in parts]
        try:
            if self.layers:
                super().forward(*given)
        finally:
            for handle in handles:
                handle.remove()
        vectors = [_once(found[name], name) for name in self.layers]
        self.shapes = [list(each.shape[1:]) for each in vectors]
        numbers = [each for each, width in zip(given, self.widths, strict=True) if width is not None]
        return torch.cat([each.flatten(1) for each in (*numbers, *vectors)], dim=1)

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        (x,) = given
        at, inputs, codes = 0, [], iter(self.codes)
        for width in self.widths:
            if width is None:
                inputs.append(torch.zeros(len(x), *next(codes), dtype=torch.long, device=x.device))
            else:
                inputs.append(x[:, at : at + width])
                at += width
        handles = []
        try:
            for name, shape in zip(self.layers, self.shapes, strict=True):
                size = int(torch.tensor(shape).prod())
                vectors = x[:, at : at + size].reshape(len(x), *shape)
                handles.append(self.module.get_submodule(name).register_forward_hook(lambda *_, vectors=vectors: vectors))
                at += size
            return super().forward(*inputs)
        finally:
            for handle in handles:
                handle.remove()


def _once(found: list[torch.Tensor], layer: str) -> torch.Tensor:
    if len(found) != 1:
        raise ModelError(
            f"its layer '{layer}' was used {len(found)} times in one pass: what it gives can be handed in only where that is once"
        )
    return found[0]


def copied(name: str, module: nn.Module) -> Any:
    """A copy in eval mode on the processor: what is the user's is never touched."""
    try:
        return copy.deepcopy(module).cpu().eval()
    except (RuntimeError, TypeError) as error:
        raise ModelError(f"model '{name}': the module cannot be copied ({error})") from error


def layer_named(name: str, module: nn.Module, layer: str | nn.Module) -> str:
    """The name of a module's part, from its name or itself."""
    parts = dict(module.named_modules())
    for found, part in parts.items():
        if part is layer or found == layer:
            return str(found)
    inside = ", ".join(key for key, part in parts.items() if isinstance(part, nn.Embedding)) or "none"
    said = f"'{layer}'" if isinstance(layer, str) else f"a {type(layer).__name__} that is no part of it"
    raise ModelError(f"model '{name}': layer is {said}. Its embeddings are: {inside}")
