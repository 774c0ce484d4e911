"""Where a transformer looks: its attention as it is, along all layers, and weighed by its gradient.

Attention is not attribution: a weight says what a row reads, not what the output owes to it. Its layers mix what they read, and heads
that look elsewhere may leave the output as it is. The maps are measured here like any other method, and may fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import about_passes, averaged, extra_of, opened, targets_of
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.models.opened import Opened, folded
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, BoolArray, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["Attention", "AttentionGradient", "AttentionRollout"]

GRID = 50
"""Features of a case of which a report gets the whole map."""

# How far a row of attention may be from adding up to 1, and the outputs of the two ways through the net from each other.
_SLACK = 1e-3


@EXPLAINERS.register("attention")
@dataclass(frozen=True, slots=True)
class Attention:
    """How much attention the row that the net reads in the end pays to each word or stretch. Attention is not attribution.

    That row is the one of the first token, or the mean over all tokens where the net takes the mean. Tokens are summed to features;
    what goes to special tokens belongs to none. Unsigned, and the same whatever output is explained.

    Cost: one row per case.

    Parameters
    ----------
    layer : which layer, from 0, or from -1 for the last; "mean" for the mean over all of them.
    head : which head of it, from 0; "mean" for the mean over all of them.

    Raises
    ------
    NotApplicable
        For a model without attention, or without that layer or head.
    """

    title: ClassVar[str] = "Attention (not an attribution)"
    citation: ClassVar[str] = "Bahdanau, Cho & Bengio 2015; Jain & Wallace 2019"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset()

    layer: int | Literal["mean"] = -1
    head: int | Literal["mean"] = "mean"

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        view = _looking(game)

        def maps(layers: tuple[torch.Tensor, ...], _: torch.Tensor) -> torch.Tensor:
            import torch

            each = [one.mean(dim=1) if self.head == "mean" else _picked(one.unbind(1), self.head, "head") for one in layers]
            chosen = torch.stack(each).mean(dim=0) if self.layer == "mean" else _picked(each, self.layer, "layer")
            return torch.stack([chosen, *(one.mean(dim=1) for one in layers)], dim=1)

        found, about = _maps(game, view, maps)
        return _read(game, view, found[:, 0], found[:, 1:], {"layer": self.layer, "head": self.head, **about})


@EXPLAINERS.register("attention_rollout")
@dataclass(frozen=True, slots=True)
class AttentionRollout:
    """Attention followed through all layers down to the words or stretches. Attention is not attribution.

    Each layer's attention, averaged over its heads, is mixed half and half with the row itself (the path around the layer), and the
    layers are multiplied. Read like attention: from the row that the net reads in the end, tokens summed to features. Unsigned, and
    the same whatever output is explained.

    Cost: one row per case.

    Raises
    ------
    NotApplicable
        For a model without attention.
    """

    title: ClassVar[str] = "Attention rollout (not an attribution)"
    citation: ClassVar[str] = "Abnar & Zuidema 2020"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        view = _looking(game)

        def maps(layers: tuple[torch.Tensor, ...], _: torch.Tensor) -> torch.Tensor:
            import torch

            one = torch.eye(layers[0].shape[-1], dtype=torch.float64, device=layers[0].device)
            found = one.expand(len(layers[0]), -1, -1)
            for layer in layers:
                found = (0.5 * layer.double().mean(dim=1) + 0.5 * one) @ found
            return found[:, None]

        found, about = _maps(game, view, maps)
        return _read(game, view, found[:, 0], found, about)


@EXPLAINERS.register("attention_gradient")
@dataclass(frozen=True, slots=True)
class AttentionGradient:
    """Attention that would raise the explained output, followed through all layers: attention x gradient. Attention is not attribution.

    In each layer attention is multiplied by the output's gradient of it, cut off at 0 and averaged over the heads; from the first layer
    to the last, relevance grows by that map times the relevance so far. What a token starts with (itself) is no finding and is taken
    away in the end. Read like attention. Unsigned, in the gradient of the game's output space.

    Cost: one gradient row per case.

    Raises
    ------
    NotApplicable
        For a model without attention.
    """

    title: ClassVar[str] = "Attention x gradient (not an attribution)"
    citation: ClassVar[str] = "Chefer, Gur & Wolf 2021"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"output"})

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        view = _looking(game)

        def maps(layers: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
            import torch

            slopes = torch.autograd.grad(output.sum(), layers)
            one = torch.eye(layers[0].shape[-1], dtype=torch.float64, device=layers[0].device)
            found = one.expand(len(layers[0]), -1, -1)
            for layer, slope in zip(layers, slopes, strict=True):
                found = found + (layer.double() * slope.double()).clamp(min=0).mean(dim=1) @ found
            return (found - one)[:, None]

        found, about = _maps(game, view, maps)
        return _read(game, view, found[:, 0], found, about)


def _looking(game: Game) -> Opened:
    view = opened(game)
    if view.attend is None or view.tokens is None or view.pooled is None:
        raise NotApplicable("it needs a net with attention, and this one has none")
    return view


def _picked(them: Any, place: int | str, what: str) -> torch.Tensor:
    if isinstance(place, str) or not -len(them) <= place < len(them):
        raise NotApplicable(f"there is no {what} {place}: the net has {len(them)}, numbered from 0")
    found: torch.Tensor = them[place]
    return found


Maps = Callable[[tuple["torch.Tensor", ...], "torch.Tensor"], "torch.Tensor"]
"""(each layer's attention (r, heads, T, T), the explained output (r,)) -> maps (r, m, T, T) of tokens that read others."""


def _maps(game: Game, view: Opened, maps: Maps) -> tuple[Array, dict[str, Any]]:
    """(n, m, T, T) the maps, and what is to be said of them; attention that is none, or of another net, is degraded."""
    from xai_compare.models._nets import in_space

    pooled, attend = np.asarray(view.pooled), view.attend
    if attend is None:  # asked in _looking
        raise XaiCompareError("a net without attention has no maps")
    off, full = np.zeros(2), game.full()

    def ask(cases: IntArray, which: IntArray) -> torch.Tensor:
        outputs, layers = attend(view.x[cases].float().requires_grad_(), *(extra_of(view, cases) or ()))
        output = in_space(outputs, game.output).gather(1, targets_of(game, view, cases)[:, None])[:, 0]
        off[0] = max(off[0], _missing(layers, pooled[cases]))
        off[1] = max(off[1], float(np.abs(output.detach().double().cpu().numpy() - full[cases]).max()))
        return maps(layers, output)

    found, rows = averaged(view, 1, lambda _: ask)
    about: dict[str, Any] = {"model_rows": game.n, "reads": _reads(pooled), **about_passes(view, rows)}
    if not off[0] <= _SLACK:
        about["degraded"] = f"the rows of attention miss 1 by up to {off[0]:.2g}: they are no weights"
    elif off[1] > _SLACK * max(1.0, float(np.abs(full).max())):
        about["degraded"] = f"the net that gives its attention misses the model's own output by up to {off[1]:.2g}"
    return found, about


def _missing(layers: tuple[torch.Tensor, ...], pooled: Array) -> float:
    """By how much the rows of attention miss 1; rows of padding, which nobody reads, are left out."""
    first = layers[0].detach().double().cpu().numpy().max(axis=1)
    read = (pooled > 0) | (np.where(pooled[:, :, None] > 0, first, 0.0).max(axis=1) > 0)
    sums = np.stack([layer.detach().double().sum(dim=-1).cpu().numpy() for layer in layers])  # (layers, n, heads, T)
    return float(np.abs(sums - 1).max(axis=(0, 2))[read].max())


def _reads(pooled: Array) -> str:
    return "the first token's row" if (pooled[:, 0] == 1).all() and pooled.shape[1] > 1 else "the mean over the rows of all tokens"


def _read(game: Game, view: Opened, one: Array, maps: Array, about: dict[str, Any]) -> Attribution:
    """The attribution of one map (n, T, T), read from the row that the net reads; the maps (n, m, T, T) are shown by feature."""
    paid = np.einsum("nt,ntu->nu", np.asarray(view.pooled), one)
    values, present = marked(game, _to_features(view, paid, game.d))
    detail = _by_feature(view, maps, game.d, game.present)
    return Attribution(values, game.target, game.output, signed=False, detail=detail, about=about, present=present)


def _to_features(view: Opened, values: Array, d: int) -> Array:
    """(n, d) the sum of the values (n, T) of a feature's tokens; a token of several gives each an equal part."""
    tokens = np.asarray(view.tokens)
    parts = tokens.reshape(*tokens.shape[:2], -1)
    return folded(np.repeat(values[:, :, None] / parts.shape[2], parts.shape[2], axis=2), parts, d)


def _by_feature(view: Opened, maps: Array, d: int, present: BoolArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(n, m, k, k) the maps between the first k features: columns summed over a feature's tokens, rows averaged; NaN where it is absent."""
    n, t = len(maps), maps.shape[2]
    k = min(d, GRID)
    share = np.stack([_to_features(view, np.tile(unit, (n, 1)), d) for unit in np.eye(t)], axis=1)[:, :, :k]  # (n, T, k)
    rows = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12)
    out = np.einsum("ntk,nmtu,nul->nmkl", rows, maps, share, optimize=True)
    known = present[:, None, :k, None] & present[:, None, None, :k]
    return np.where(known, out, np.nan).astype(np.float32)
