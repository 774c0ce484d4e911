"""The nets that this package trains, as torch modules. Importing this file imports torch.

Each takes first the tensor that gradients are taken of, then what else it needs: `net(x, *extra) -> (n, k)` logits, or (n, 1) values.
`feed` is the same from what its training set holds; `settle` gives it the units of its inputs and of its target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

__all__ = ["Attentive", "ById", "Convolutional", "Lookup", "Perceptron", "Points", "Recurrent", "Words"]


class _Scaled(nn.Module):
    """A net whose outputs are in the target's own units where it is a number."""

    out_mean: torch.Tensor
    out_scale: torch.Tensor

    def unit(self) -> None:
        self.register_buffer("out_mean", torch.zeros(1))
        self.register_buffer("out_scale", torch.ones(1))

    def settle_target(self, y: torch.Tensor | None) -> None:
        if y is not None:
            self.out_mean.fill_(float(y.mean()))
            self.out_scale.fill_(max(float(y.std()), 1e-12))


class Lookup(nn.Module):
    """Learnt vectors of categories, for a matrix of raw columns: (n, c) -> (n, p). A code of -1 is the zero vector.

    sizes : how many categories each column has, None for numbers.
    """

    def __init__(self, sizes: Sequence[int | None], width: int) -> None:
        super().__init__()
        self.sizes, self.width = tuple(sizes), width
        self.tables = nn.ModuleList(nn.Embedding(max(1, size), width) for size in sizes if size is not None)

    def reset_parameters(self) -> None:
        for table in self.tables:
            table.reset_parameters()  # type: ignore[operator]  # of an Embedding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts, tables = [], iter(self.tables)
        for j, size in enumerate(self.sizes):
            column = x[:, j : j + 1]
            if size is not None:
                column = next(tables)(column[:, 0].clamp(min=0).long()) * (column >= 0).to(x.dtype)
            parts.append(column)
        return torch.cat(parts, dim=1)


class Perceptron(_Scaled):
    """A multilayer perceptron on raw columns: the standardisation is part of the net, so its inputs are what a reviewer knows.

    forward: (n, p) -> (n, k) logits, or (n, 1) in the target's own units for a regression.
    lookup : the vectors of categories, which stand before its inputs; None where categories are one-hot.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, p: int, hidden: Sequence[int], k: int, lookup: Lookup | None = None) -> None:
        super().__init__()
        self.lookup = lookup
        sizes = [p, *hidden]
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Linear(sizes[-1], k))
        self.register_buffer("mean", torch.zeros(p))
        self.register_buffer("scale", torch.ones(p))
        self.unit()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.body((x - self.mean) / self.scale) * self.out_scale + self.out_mean
        return out

    def feed(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self(x if self.lookup is None else self.lookup(x))
        return out

    def settle(self, inputs: Sequence[torch.Tensor], y: torch.Tensor | None) -> None:
        (x,) = inputs
        spread, mean = x.std(dim=0), x.mean(dim=0)
        spread = torch.where(spread > 0, spread, torch.ones_like(spread))
        if self.lookup is not None:  # learnt vectors are in their own units already
            width = torch.tensor([1 if size is None else self.lookup.width for size in self.lookup.sizes])
            code = torch.tensor([size is not None for size in self.lookup.sizes])
            mean, spread = (torch.where(code, plain, each).repeat_interleave(width) for plain, each in ((0.0, mean), (1.0, spread)))
        self.mean.copy_(mean)
        self.scale.copy_(spread)
        self.settle_target(y)


class Convolutional(_Scaled):
    """Blocks of a 3 x 3 convolution and an averaging to half the size, then a small perceptron.

    Averages, and ReLUs used once each, are steps that DeepLIFT knows. forward: images (n, C, H, W) -> (n, k).
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, size: Sequence[int], channels: Sequence[int], hidden: int, dropout: float, k: int) -> None:
        super().__init__()
        c, h, w = size
        self.register_buffer("mean", torch.zeros(c, 1, 1))
        self.register_buffer("scale", torch.ones(c, 1, 1))
        self.unit()
        blocks: list[nn.Module] = []
        for out in channels:
            blocks += [nn.Conv2d(c, out, 3, padding=1), nn.ReLU()]
            c = out
            if min(h, w) >= 4:
                blocks.append(nn.AvgPool2d(2))
                h, w = h // 2, w // 2
        fine = (-(-h // 7), -(-w // 7))  # large images end in 7 x 7 fields at most
        blocks.append(nn.AvgPool2d(fine))
        self.blocks = nn.Sequential(*blocks)
        flat = c * (h // fine[0]) * (w // fine[1])
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(flat, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, k))

    @property
    def conv(self) -> nn.Module:
        """The last convolution."""
        return [module for module in self.blocks if isinstance(module, nn.Conv2d)][-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.blocks((x - self.mean) / self.scale)) * self.out_scale + self.out_mean
        return out

    def feed(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self(x)
        return out

    def settle(self, inputs: Sequence[torch.Tensor], y: torch.Tensor | None) -> None:
        (x,) = inputs
        self.mean.copy_(x.mean(dim=(0, 2, 3))[:, None, None])
        self.scale.copy_(x.std(dim=(0, 2, 3)).clamp(min=1e-3)[:, None, None])
        self.settle_target(y)


class Words(nn.Module):
    """The front of a net of texts: token ids to vectors. forward: (n, T, e), valid (n, T) -> the same with zeros where nothing is.

    hide : share of the words whose id is replaced by `mask` while it is trained, so that hidden words are no strangers to the net.
    """

    def __init__(self, size: int, width: int, hide: float, mask: int) -> None:
        super().__init__()
        self.hide, self.mask = hide, mask
        self.table = nn.Embedding(size, width)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """(n, T) -> (n, T, e)."""
        out: torch.Tensor = self.table(ids)
        return out

    def taken(self, ids: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        longest = int(valid.sum(dim=1).max())
        ids, valid = ids[:, :longest], valid[:, :longest]
        if self.training:
            lost = torch.rand(ids.shape) < self.hide
            lost[:, 0] = False  # the start of the text
            ids = torch.where(lost, torch.full_like(ids, self.mask), ids)
        return self.embed(ids), valid

    def settle(self, ids: torch.Tensor, valid: torch.Tensor) -> None:
        """Words have no units."""

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * valid[:, :, None], valid


class Points(nn.Module):
    """The front of a net of series: patches of `patch` points as tokens. forward: (n, C, L), valid (n, L) -> (n, T, width), (n, T).

    noise : standard deviation of what is added to the points while it is trained, and of the factor of the whole series,
        in standard deviations of the channel.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, channels: int, length: int, patch: int, width: int, noise: float) -> None:
        super().__init__()
        self.patch, self.tokens, self.noise = patch, -(-length // patch), noise
        self.register_buffer("mean", torch.zeros(channels, 1))
        self.register_buffer("scale", torch.ones(channels, 1))
        self.linear = nn.Linear(channels * patch, width)

    def taken(self, x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.training and self.noise:
            factor = 1 + self.noise * torch.randn(len(x), 1, 1)
            x = self.mean + (x - self.mean) * factor + self.noise * self.scale * torch.randn(x.shape)
        return x, valid

    def settle(self, x: torch.Tensor, valid: torch.Tensor) -> None:
        for c in range(x.shape[1]):
            known = x[:, c][valid]
            self.mean[c], self.scale[c] = known.mean(), max(float(known.std()), 1e-6)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        n, c, length = x.shape
        x = (x - self.mean) / self.scale * valid[:, None, :]
        more = self.tokens * self.patch - length
        x, held = nn.functional.pad(x, (0, more)), nn.functional.pad(valid, (0, more))
        x = x.reshape(n, c, self.tokens, self.patch).transpose(1, 2).reshape(n, self.tokens, c * self.patch)
        held = held.reshape(n, self.tokens, self.patch).any(dim=2)
        out: torch.Tensor = self.linear(x) * held[:, :, None]
        return out, held


def _pooled(x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """(n, w) the mean of the tokens (n, T, w) that are there."""
    held = valid[:, :, None].to(x.dtype)
    return (x * held).sum(dim=1) / held.sum(dim=1).clamp(min=1)


class _OfTokens(_Scaled):
    """What the nets on texts and series share."""

    front: Words | Points

    def feed(self, raw: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self(*self.front.taken(raw, valid))
        return out

    def settle(self, inputs: Sequence[torch.Tensor], y: torch.Tensor | None) -> None:
        self.front.settle(*inputs)
        self.settle_target(y)


class _Directions(nn.Module):
    """An LSTM over tokens (n, T, a), and a second one from the end of each sequence to its start: -> (n, T, w or 2 w).

    The sequences are turned around within their own length, so that the padding after them is never in the way.
    """

    def __init__(self, a: int, width: int, both: bool) -> None:
        super().__init__()
        self.ahead = nn.LSTM(a, width, batch_first=True)
        self.back = nn.LSTM(a, width, batch_first=True) if both else None

    def reset_parameters(self) -> None:
        for module in (self.ahead, self.back):
            if module is not None:
                module.reset_parameters()

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        # cudnn has no gradients in eval mode; torch's own kernels have
        with torch.backends.cudnn.flags(enabled=self.training):
            out: torch.Tensor = self.ahead(x)[0]
            if self.back is None:
                return out
            at = torch.arange(x.shape[1], device=x.device)[None, :]
            last = valid.sum(dim=1, keepdim=True) - 1
            turned = torch.where(at <= last, last - at, at)[:, :, None]
            back = self.back(x.gather(1, turned.expand(-1, -1, x.shape[2])))[0]
            return torch.cat([out, back.gather(1, turned.expand(-1, -1, back.shape[2]))], dim=2)


class Recurrent(_OfTokens):
    """An LSTM whose states are averaged over the tokens that are there: the last state alone would hang on the padding.

    forward: (x, valid) as the front takes them -> (n, k).
    """

    def __init__(self, front: Words | Points, widths: tuple[int, int, int], both: bool, dropout: float, k: int) -> None:
        super().__init__()
        into, width, layers = widths
        self.unit()
        self.front = front
        out = width * (2 if both else 1)
        self.layers = nn.ModuleList(_Directions(into if i == 0 else out, width, both) for i in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(out, k)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        tokens, held = self.front(x, valid)
        for layer in self.layers:
            tokens = layer(tokens, held)
        out: torch.Tensor = self.head(self.dropout(_pooled(tokens, held))) * self.out_scale + self.out_mean
        return out


class _Block(nn.Module):
    """Self-attention and a perceptron, each behind a normalisation and added to its input. Hands out the weights of its attention."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.asked, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.wide, self.relu, self.narrow = nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def reset_parameters(self) -> None:
        for module in (self.before, self.asked, self.mixed, self.between, self.wide, self.narrow):
            module.reset_parameters()

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, T, w), (n, T) -> (n, T, w), (n, heads, T, T)."""
        n, t, width = x.shape
        query, key, value = self.asked(self.before(x)).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) / math.sqrt(width // self.heads)
        weights = torch.softmax(scores.masked_fill(~valid[:, None, None, :], -torch.inf), dim=3)
        x = x + self.dropout(self.mixed((weights @ value).transpose(1, 2).reshape(n, t, width)))
        return x + self.dropout(self.narrow(self.relu(self.wide(self.between(x))))), weights


class _Readout(nn.Module):
    """The mean of the tokens, normalised, to outputs."""

    def __init__(self, width: int, k: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, k)

    def reset_parameters(self) -> None:
        self.norm.reset_parameters()
        self.linear.reset_parameters()

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(self.norm(_pooled(x, valid)))
        return out


class Attentive(_OfTokens):
    """A small transformer encoder, its tokens averaged. Positions are sines, added inside: x is what the tokens say, not where they stand.

    forward: (x, valid) as the front takes them, at least one token valid in each row -> (n, k).
    """

    def __init__(self, front: Words | Points, widths: tuple[int, int, int], dropout: float, k: int) -> None:
        super().__init__()
        width, heads, layers = widths
        self.unit()
        self.front = front
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(layers))
        self.readout = _Readout(width, k)

    def attend(self, x: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """What forward returns, and each layer's attention (n, heads, T, T): rows attend to columns."""
        tokens, held = self.front(x, valid)
        tokens = tokens + _sines(tokens.shape[1], tokens.shape[2], tokens.device)
        found = []
        for block in self.blocks:
            tokens, weights = block(tokens, held)
            found.append(weights)
        return self.readout(tokens, held) * self.out_scale + self.out_mean, tuple(found)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        return self.attend(x, valid)[0]


def _sines(t: int, width: int, device: torch.device) -> torch.Tensor:
    """(T, w) sines and cosines of the positions, as in Vaswani et al. 2017."""
    place = torch.arange(t, device=device, dtype=torch.float32)[:, None]
    turns = torch.exp(torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(10_000.0) / width))
    return torch.cat([torch.sin(place * turns), torch.cos(place * turns)], dim=1)[:, :width]


class ById(nn.Module):
    """A net of texts asked by token ids: (n, T), valid (n, T) -> (n, k)."""

    def __init__(self, net: Recurrent | Attentive) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.net(self.net.front.embed(ids), valid)  # type: ignore[operator]  # a net of texts has a front of words
        return out
