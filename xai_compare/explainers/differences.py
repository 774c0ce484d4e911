"""Methods for nets that share out the difference between the case and nothing shown, by captum or on its gradients."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import (
    OFF,
    Baseline,
    about_passes,
    asked,
    at_cases,
    attributed,
    averaged,
    ends,
    extra_of,
    gradient_of,
    map_of,
    nothing,
    opened,
    residual_share,
    short_of_memory,
    values_of,
)
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.models.opened import Opened
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["DeepLift", "GradientShap"]


@EXPLAINERS.register("deep_lift")
@dataclass(frozen=True, slots=True)
class DeepLift:
    """What each activation's difference from nothing shown hands back to the input, by the rescale rule.

    Signed, in the output space of the game; adds up to output - v(nothing). On tables from every background row, averaged. It adds up
    only where captum knows every non-linear step of the net: an activation called as a function, a recurrent layer or attention is
    treated as a gradient, and a sum that is off by more than 1 % of the attributions makes the result degraded, with the modules that
    may be the cause. An activation module that is used twice stops captum: not applicable.

    Cost: a forward and backward pass per case, times the background rows where these are the baseline.

    Parameters
    ----------
    baseline : as in integrated_gradients.

    Raises
    ------
    NotApplicable
        For a model without gradients, a baseline that these data do not have, or a net that captum cannot walk.
    """

    title: ClassVar[str] = "DeepLIFT"
    citation: ClassVar[str] = "Shrikumar, Greenside & Kundaje 2017; Ancona et al. 2018; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = True
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    baseline: Baseline = "fill"

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        view = opened(game, self.baseline)
        numbers, rows = _rescaled(game, view)
        values = values_of(game, view, numbers)
        base, full = ends(game, view, self.baseline)
        worst = residual_share(values, base, full)
        about = {
            "baseline": view.baseline,
            "largest_residual_share": worst,
            "gradient_rows": game.n * len(view.x0),
            **about_passes(view, rows),
        }
        if worst > OFF:
            which = _unknown(view) or "an activation that is called as a function"
            said = f"the values miss the output by up to {worst:.1%}: a step of the net is not one that DeepLIFT knows ({which})"
            about["degraded"] = said
        values, present = marked(game, values)
        detail = map_of(view, numbers)
        return Attribution(values, game.target, game.output, base=base, additive=True, detail=detail, about=about, present=present)


def _rescaled(game: Game, view: Opened) -> tuple[Array, int]:
    """Captum's multipliers times the differences, and the rows of a pass."""
    from captum.attr import DeepLift as Captum

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*Setting forward, backward hooks")  # it says that it takes them away again, and does
        try:
            return attributed(game, view, Captum)
        except Exception as error:  # its hooks meet nets that they do not fit, and each fails in its own way
            at_cases(game, view)  # a net that has no gradient without its hooks either fails here, as it should
            if short_of_memory(error):
                raise
            which, said = _unknown(view), " ".join(str(error).split())[:300]
            raise NotApplicable(f"captum's DeepLIFT cannot walk this net{f' ({which})' if which else ''}: {said}") from error


# Whose output moves in proportion to its input, so that there is nothing to rescale.
_LINEAR = (
    *("Linear", "Identity", "Flatten", "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "Embedding", "ZeroPad2d", "Upsample"),
    *(f"{kind}{size}d" for kind in ("Conv", "ConvTranspose", "BatchNorm", "AvgPool", "AdaptiveAvgPool") for size in (1, 2, 3)),
)


def _unknown(view: Opened) -> str:
    """The modules of a net that DeepLIFT does not know, or that are called more than once; "" for none."""
    from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR

    known = {each.__name__ for each in SUPPORTED_NON_LINEAR} | set(_LINEAR)
    leaves = {name: module for name, module in view.net.named_modules() if not list(module.children())}
    calls: Counter[str] = Counter()
    hooks = [module.register_forward_hook(lambda *_, name=name: calls.update([name])) for name, module in leaves.items()]
    try:
        with asked(view):
            one = np.zeros(1, dtype=np.int64)
            view.net(view.x[one].float(), *(extra_of(view, one) or ()))
    finally:
        for hook in hooks:
            hook.remove()
    strange = sorted({type(module).__name__ for name, module in leaves.items() if calls[name]} - known)
    kinds = {name: type(leaves[name]).__name__ for name, count in calls.items() if count > 1}
    twice = [f"{name.removeprefix('net.')} ({kind})" for name, kind in kinds.items() if kind not in _LINEAR]
    said = [f"modules it has no rule for: {', '.join(strange)}"] if strange else []
    return "; ".join(said + ([f"used more than once: {', '.join(twice)}"] if twice else []))


@EXPLAINERS.register("gradient_shap")
@dataclass(frozen=True, slots=True)
class GradientShap:
    """Gradients at random points between the case and nothing shown, times the way between them: expected gradients.

    On tables nothing shown is each background row; every row is used equally often. An estimate of integrated gradients, a few random
    points of each path instead of the whole integral, so it adds up to output - v(nothing) on average only, and is not called
    additive; `about` has by how much it misses. Signed, in the output space of the game. The same case gets the same points whatever
    the call order.

    Cost: points gradient rows per case, times the background rows where these are the baseline.

    Parameters
    ----------
    points : random points of each path; outside tables, where there may be one path only, it then has 12 times as many.
    baseline : as in integrated_gradients.

    Raises
    ------
    NotApplicable
        For a model without gradients, or a baseline that these data do not have.
    """

    title: ClassVar[str] = "GradientSHAP"
    citation: ClassVar[str] = "Lundberg & Lee 2017; Erion et al. 2021; captum"
    signed: ClassVar[bool] = True
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"fill", "output"})

    points: int = 4
    baseline: Baseline = "fill"

    def __post_init__(self) -> None:
        if self.points < 1:
            raise XaiCompareError(f"points must be at least 1, found {self.points}")

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        view = opened(game, self.baseline)
        points = self.points * (_ALONE if game.owner is None and len(view.x0) == 1 else 1)
        m = len(view.x0) * points
        share = np.stack([streams.case(int(case)).random(m) for case in game.cases])
        gradient = gradient_of(game, view)

        def ask(cases: IntArray, which: IntArray) -> torch.Tensor:
            start = nothing(view, cases, which // points)
            way = view.x[cases] - start
            shares = start.new_tensor(share[cases, which]).reshape(-1, *[1] * (way.ndim - 1))
            return gradient(start + shares * way, cases).double() * way.double()

        numbers, rows = averaged(view, m, lambda _: ask)
        values = values_of(game, view, numbers)
        base, full = ends(game, view, self.baseline)
        about: dict[str, Any] = {"baseline": view.baseline, "points": points, "largest_residual_share": residual_share(values, base, full)}
        about |= {"gradient_rows": game.n * m, **about_passes(view, rows)}
        values, present = marked(game, values)
        detail = map_of(view, numbers)
        return Attribution(values, game.target, game.output, base=base, detail=detail, about=about, present=present)


# Where one path stands in for the many of a background: so many times as many points.
_ALONE = 12
