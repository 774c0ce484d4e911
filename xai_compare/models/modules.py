"""torch modules of the user: `net` says how one is asked, and the study makes a `Model` of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from xai_compare.errors import ModelError
from xai_compare.models._handed import Given, OnImages, OnSeries, OnTexts
from xai_compare.models._handed_table import OnTable
from xai_compare.types import Model, Task

if TYPE_CHECKING:
    import torch

__all__ = ["Handed", "net"]

Layer: TypeAlias = "str | torch.nn.Module"


def net(
    module: torch.nn.Module,
    preprocess: Callable[..., Any] | None = None,
    *,
    classes: Sequence[str] = (),
    layer: Layer | Mapping[str, Layer] | None = None,
    owner: Sequence[str] | npt.NDArray[np.int64] | None = None,
    mask: str = "",
) -> Handed:
    """A torch module as a model that `compare` and `explain` take. The module is copied; yours is never touched.

    It must return logits (n, k), not probabilities: one for each class, a single one that speaks for the last of two classes, or
    values (n, 1) where the target is a number.

    Parameters
    ----------
    preprocess : from inputs to the module's arguments, a tensor or a tuple of them, the first dimension the cases. Images (n, H, W) or
        (n, H, W, 3) in [0, 1], series (n, channels, length) and tables (DataFrame) come as a whole. Gradients are taken of the first
        tensor of images and series, and of all floats of a table. For texts it is the tokenizer: one text -> (ids, offsets), offsets
        the (start, end) of each token in the text, and (0, 0) for special tokens. None: images as (n, channels, H, W), series as they
        are, tables of numbers as one matrix.
    classes : names of the outputs, in the module's order; those of the data, in their order, if it is left out; else 0, 1, ...
    layer : the layer whose output stands for what is looked up, by its name or itself. Texts: the embedding of the token ids, without it
        no gradients. Tables: {column: the embedding of its codes}. Images: the convolution for Grad-CAM (the last one).
    owner : whose each number is. Tables: the column of each float that goes in (all numeric columns in their order, if left out).
        Images: (H', W') the pixel, as row * W + column, behind each place of the tensor, -1 for none, where its size is not the image's.
    mask : texts: what is said in the place of a hidden word, for example "[MASK]"; "": nothing.

    Examples
    --------
    >>> import torch
    >>> net(torch.nn.Linear(4, 2), classes=["no", "yes"]).classes
    ('no', 'yes')
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"net takes a torch.nn.Module, found a {type(module).__name__}")
    if isinstance(classes, str) or len(set(classes)) != len(classes) or len(classes) == 1:
        raise ModelError(f"classes must be two or more different names, found {classes!r}")
    return Handed(module, preprocess, tuple(classes), layer, owner, mask)


@dataclass(frozen=True, slots=True, eq=False)
class Handed:
    """What `net` was given; a model when it is `bound` to the inputs of a study."""

    module: Any
    preprocess: Callable[..., Any] | None
    classes: tuple[str, ...]
    layer: Any
    owner: Any
    mask: str

    def bound(self, name: str, sample: Any, classes: Sequence[str] = ()) -> Model:
        """The model under a study's name, tried on a few of its inputs.

        Raises
        ------
        ModelError
            If the module cannot be asked, or returns something else than logits of these classes.
        """
        from xai_compare.models import _splice

        if self.classes and classes and sorted(self.classes) != sorted(classes):
            raise ModelError(f"model '{name}' knows the classes {', '.join(self.classes)}, the data hold {', '.join(classes)}")
        outputs = self.classes or tuple(classes)
        layers = self.layer if isinstance(self.layer, Mapping) else {"": self.layer} if self.layer is not None else {}
        found = {key: _splice.layer_named(name, self.module, layer) for key, layer in layers.items()}
        kind: type[Given] = _of(sample)
        if layers and ("" in layers) == (kind is OnTable):
            raise ModelError(f"model '{name}': layer must be {{column: embedding}} for a table, and one layer for other inputs")
        task: Task = "classification" if outputs else "regression"
        model = kind(name, _splice.copied(name, self.module), task, outputs or ("value",), self, found)
        model.try_on(sample)
        return model


def _of(sample: Any) -> type[Given]:
    if hasattr(sample, "columns"):
        return OnTable
    if sample.dtype == object:
        return OnTexts
    return OnImages if sample.dtype == np.float32 else OnSeries
