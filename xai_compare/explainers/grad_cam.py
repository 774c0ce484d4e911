"""Grad-CAM: where the last convolution of a net speaks for the explained output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers._captum import about_passes, averaged, extra_of, map_of, opened, targets_of, values_of
from xai_compare.explainers._present import marked
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, IntArray

if TYPE_CHECKING:
    import torch

__all__ = ["GradCam"]


@EXPLAINERS.register("grad_cam")
@dataclass(frozen=True, slots=True)
class GradCam:
    """ReLU of the last convolution's channels, each weighed by its mean gradient: a coarse map, stretched over the input and summed up.

    The map is as coarse as that layer: with few positions it says little of small patches. It knows neither sign (what speaks against
    the output is cut off at 0) nor input channels (each gets an equal part). Unsigned, in the gradient of the game's output space.

    Cost: one gradient row per case.

    Raises
    ------
    NotApplicable
        For a model without gradients, without a convolution, or whose input is no grid.
    """

    title: ClassVar[str] = "Grad-CAM"
    citation: ClassVar[str] = "Selvaraju et al. 2017; captum"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"output"})

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        from captum.attr import LayerGradCam as Captum

        view = opened(game)
        if view.conv is None or not view.pixels:
            raise NotApplicable("it needs a convolution over the points of an image or a series, and this net has none")
        captum, shape, grid = Captum(view.net, view.conv), tuple(view.x.shape), [0]

        def ask(cases: IntArray, which: IntArray) -> torch.Tensor:
            cam: torch.Tensor = captum.attribute(
                view.x[cases].float().requires_grad_(),
                target=targets_of(game, view, cases),
                additional_forward_args=extra_of(view, cases),
                relu_attributions=True,
            )
            grid[:] = cam.shape[2:]
            return _stretched(cam.detach(), shape[2:])

        cam, rows = averaged(view, 1, lambda _: ask)
        numbers: Array = np.broadcast_to(cam / shape[1], shape)
        values, present = marked(game, values_of(game, view, numbers))
        about = {"gradient_rows": game.n, "map": " x ".join(map(str, grid)), **about_passes(view, rows)}
        return Attribution(values, game.target, game.output, signed=False, detail=map_of(view, numbers), about=about, present=present)


def _stretched(cam: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """(r, 1, ...) a map in the size of the input, straight between its points."""
    from torch.nn.functional import interpolate

    return interpolate(cam, size, mode="linear" if len(size) == 1 else "bilinear")
