"""Models made of a user's torch modules on images, series and texts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from xai_compare.data.text import MASK, spoken
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.models._neural import Neural
from xai_compare.models.opened import Opened
from xai_compare.types import Array, FeatureSpace, Inputs, IntArray, Output, Task

if TYPE_CHECKING:
    import torch

    from xai_compare.models.modules import Handed

__all__ = ["BATCH", "Given", "OnImages", "OnSeries", "OnTexts"]

BATCH = {"table": 2048, "image": 64, "series": 64, "text": 32}
"""Cases of one forward: fixed, because float32 results change with it."""


@dataclass(eq=False)
class Given(Neural):
    """What the models made of modules have in common. See `xai_compare.types.Model` for their face.

    core : the user's module, copied. given : what `net` was given. layers : {"" or column: name of the layer inside}.
    """

    name: str
    core: Any
    task: Task
    outputs: tuple[str, ...]
    given: Handed
    layers: Mapping[str, str]
    closed: str = "its inputs are no columns of a table"
    weights: tuple[Array, Array] | None = None
    owner: IntArray | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    modality: ClassVar[str] = ""

    @property
    def opens(self) -> bool:
        """Whether gradients can be had."""
        return True

    @property
    def offers(self) -> frozenset[str]:
        spaces = {"value"} if self.task == "regression" else {"margin", "probability"}
        return frozenset(spaces | ({"gradient"} if self.opens else set()))

    def runs(self, inputs: Inputs) -> Iterator[tuple[IntArray, list[npt.NDArray[Any]]]]:
        """(rows, the module's arguments for them), of one shape each."""
        yield np.arange(len(inputs), dtype=np.int64), self.arguments(inputs)

    def arguments(self, inputs: Inputs) -> list[npt.NDArray[Any]]:
        """The module's arguments, from all of the inputs."""
        import torch

        preprocess = self.given.preprocess
        found = self._usual(inputs) if preprocess is None else preprocess(inputs)
        out = [np.asarray(each.detach().cpu() if isinstance(each, torch.Tensor) else each) for each in _listed(found)]
        if any(len(each) != len(inputs) for each in out):
            raise ModelError(f"model '{self.name}': preprocess made {[each.shape for each in out]} of {len(inputs)} cases")
        return [each.astype(np.float32) if each.dtype == np.float64 else each for each in out]

    def _usual(self, inputs: Inputs) -> Any:
        return np.asarray(inputs, dtype=np.float32)

    def raw(self, inputs: Inputs) -> Array:
        """(n, 1 or k) what the module itself returns."""
        from xai_compare.models._nets import answers, device
        from xai_compare.models._splice import Logits

        net, out = Logits(self.core).to(device()).eval(), None
        for rows, arrays in self.runs(inputs):
            found = answers(net, arrays, BATCH[self.modality])
            out = np.empty((len(inputs), found.shape[1])) if out is None else out
            out[rows] = found
        return np.empty((0, len(self.outputs))) if out is None else out

    def predict(self, inputs: Inputs, output: Output) -> Array:
        import torch

        from xai_compare.models._nets import in_space

        return np.asarray(in_space(torch.from_numpy(self.raw(inputs)), output).numpy())

    def try_on(self, sample: Inputs) -> None:
        """Ask the module once, and look at what it returns."""
        from xai_compare.models._nets import device

        kind = type(self.core).__name__
        self.about = {"class": kind, "core": kind, "library": "torch", "device": device().type}
        try:
            z = self.raw(sample)
        except Exception as error:  # whatever a user's module or preprocess raises
            raise ModelError(f"model '{self.name}': {kind} cannot be asked: {type(error).__name__}: {error}") from error
        if self.outputs == ("value",) and z.shape[1] > 1:  # nobody has named its classes
            self.task, self.outputs = "classification", tuple(map(str, range(z.shape[1])))
        k = len(self.outputs)
        if z.shape[1] != k and not (z.shape[1] == 1 and k == 2):
            raise ModelError(f"model '{self.name}' returns {z.shape[1]} outputs for {k}: {', '.join(self.outputs)}")
        if not np.isfinite(z).all():
            raise ModelError(f"model '{self.name}' returns values that are not finite")
        if self.task == "classification":
            last = type(list(self.core.modules())[-1]).__name__
            sums = z.shape[1] > 1 and (z >= 0).all() and np.allclose(z.sum(axis=1), 1, atol=1e-4)
            if sums or last in ("Softmax", "Sigmoid"):
                raise ModelError(
                    f"model '{self.name}' returns probabilities: give the module without its last step, so that these are logits"
                )
        if z.shape[1] < k:
            self.about = {**self.about, "note": f"its one logit speaks for '{self.outputs[1]}'"}

    def placed(self) -> Any:
        """The copy where the tensors are."""
        from xai_compare.models._nets import device

        return self.core.to(device()).eval()

    def tensor(self, array: Any) -> torch.Tensor:
        import torch

        from xai_compare.models._nets import device

        return torch.from_numpy(np.ascontiguousarray(array)).to(device())

    def redrawn(self, seed: int, layers: int | None = None) -> Any:
        """The same model with the parameters of its last parts drawn anew, or of all of them.

        Raises
        ------
        NotApplicable
            If the module has no part that can draw its parameters.
        """
        import copy

        from xai_compare.models import _nets

        if not self.depth:
            raise NotApplicable(f"no part of {type(self.core).__name__} can draw its parameters anew (reset_parameters)")
        out = copy.copy(self)
        out.core = _nets.redrawn(self.core.cpu(), seed, layers)
        return out


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, (tuple, list)) else [found]


@dataclass(eq=False)
class OnImages(Given):
    modality: ClassVar[str] = "image"

    def _usual(self, inputs: Inputs) -> Any:
        return np.ascontiguousarray(inputs[:, None] if inputs.ndim == 3 else np.moveaxis(inputs, 3, 1), dtype=np.float32)

    def open(self, inputs: Inputs, space: Any, fill: str) -> Opened:
        """The inputs as the module takes them; what stands for nothing shown is what the space hides, preprocessed alike."""
        from xai_compare.models import _splice
        from xai_compare.models.net import ARE, hidden_all

        x, *extra = self.arguments(inputs)
        x0 = self.arguments(hidden_all(inputs, space, fill))[0]
        x0 = x0.reshape(len(inputs), space.width(fill), *x.shape[1:]).swapaxes(0, 1)
        tensors = tuple(self.tensor(each) for each in extra)
        net = _splice.Logits(self.placed())
        whole = x.shape[-2:] == inputs.shape[1:3] if self.modality == "image" else x.shape[1:] == inputs.shape[1:]
        return Opened(
            net, self.tensor(x), self.tensor(x0), tensors, self.owners(x, inputs, space), ARE[fill], conv=self.conv(), pixels=whole
        )

    def owners(self, x: npt.NDArray[Any], inputs: Inputs, space: Any) -> IntArray:
        """Broadcasts to x: the feature behind each of its numbers."""
        pixel, sides = self.given.owner, x.shape[-2:]
        if pixel is None:
            if sides != inputs.shape[1:3]:
                raise NotApplicable(f"the module takes images as {sides}, the data hold {inputs.shape[1:3]}: say by owner which is which")
            return np.asarray(space.patch_of[None, None])
        whose = np.asarray(pixel)
        if whose.shape != sides or whose.max() >= space.patch_of.size:
            raise ModelError(f"model '{self.name}': owner must be a pixel for each of {sides} places, found shape {whose.shape}")
        return np.where(whose < 0, -1, space.patch_of.ravel()[whose])[None, None]

    def conv(self) -> Any:
        """The convolution for Grad-CAM."""
        import torch

        if "" in self.layers:
            return self.core.get_submodule(self.layers[""])
        found = [module for module in self.core.modules() if isinstance(module, torch.nn.Conv2d)]
        return found[-1] if found else None


@dataclass(eq=False)
class OnSeries(OnImages):
    modality: ClassVar[str] = "series"

    def _usual(self, inputs: Inputs) -> Any:
        if np.isnan(inputs).any():
            raise ModelError("the series are of different lengths: give a preprocess that says what stands after their end (NaN)")
        return np.asarray(inputs, dtype=np.float32)

    def owners(self, x: npt.NDArray[Any], inputs: Inputs, space: Any) -> IntArray:
        if x.shape != inputs.shape:
            raise NotApplicable(f"the module takes series as {x.shape[1:]}, the data hold {inputs.shape[1:]}: which is which is not known")
        return np.where(np.isnan(inputs), -1, space.stretch_of[None])

    def conv(self) -> Any:
        return None


@dataclass(eq=False)
class OnTexts(Given):
    modality: ClassVar[str] = "text"

    @property
    def opens(self) -> bool:
        return "" in self.layers

    def tokens(self, text: str) -> tuple[list[int], list[int]]:
        """The ids of a text's tokens, and the place of the word that each one stands in; -1 for none."""
        if self.given.preprocess is None:
            raise ModelError("a net on texts needs its tokenizer as preprocess: text -> (ids, offsets)")
        said, words = spoken(text, self.given.mask)
        ids, offsets = self.given.preprocess(said)
        places = [next((place for place, a, b in words if start < b and end > a), -1) for start, end in offsets]
        return [int(each) for each in ids], places

    @property
    def masked(self) -> bool:
        """Whether the module is told where its tokens end: its forward needs a second argument."""
        parameters = list(inspect.signature(self.core.forward).parameters.values())
        return len(parameters) > 1 and parameters[1].default is inspect.Parameter.empty and parameters[1].kind in _PLAIN

    def runs(self, inputs: Inputs) -> Iterator[tuple[IntArray, list[npt.NDArray[Any]]]]:
        """Texts of one number of tokens together: nothing is padded, so what is asked beside a text has no part in its numbers."""
        ids = [self.tokens(text)[0] for text in inputs]
        sizes = np.array([len(each) for each in ids], dtype=np.int64)
        for size in np.unique(sizes).tolist():
            rows = np.flatnonzero(sizes == size)
            block = np.array([ids[row] for row in rows], dtype=np.int64).reshape(len(rows), size)
            yield rows, [block, np.ones(block.shape, dtype=bool)] if self.masked else [block]

    def open(self, inputs: Inputs, space: FeatureSpace, fill: str) -> Opened:
        """The embedded tokens. Nothing shown is the token of hidden words in the place of every word's, or the zero vector."""
        import torch

        from xai_compare.models import _splice

        space.width(fill)  # which knows the fills
        found = [self.tokens(text) for text in inputs]
        t = max(len(ids) for ids, _ in found)
        valid = np.arange(t) < np.array([len(ids) for ids, _ in found])[:, None]
        if not self.masked and not valid.all():
            raise NotApplicable("the module is not told where its tokens end, and these texts have different numbers of them")
        ids = np.array([each + [0] * (t - len(each)) for each, _ in found], dtype=np.int64)
        places = np.array([each + [-1] * (t - len(each)) for _, each in found], dtype=np.int64)
        extra = [self.tensor(ids), *([self.tensor(valid)] if self.masked else [])]
        net = _splice.Spliced(self.placed(), self.layers[""])
        with torch.inference_mode():
            x = net.embed(*extra).cpu().numpy()
        tokens = np.minimum(places, space.d - 1)
        hidden, said = self._hidden(net, x.shape[2], fill)
        x0 = np.where(tokens[:, :, None] >= 0, hidden, x)
        return Opened(net, self.tensor(x), self.tensor(x0[None]), tuple(extra), tokens[:, :, None], said, tokens)

    def _hidden(self, net: Any, width: int, fill: str) -> tuple[npt.NDArray[np.float32], str]:
        """(e,) the vector that stands for a hidden word, and what it is."""
        import torch

        zero = np.zeros(width, dtype=np.float32)
        if fill != "mask" or not self.given.mask:
            return zero, "the zero vector in the place of every word"
        ids, offsets = self._tokens_of_mask()
        inside = [position for position, (start, end) in enumerate(offsets) if end > start]
        if len(inside) != 1:
            return zero, f"the zero vector in the place of every word: '{self.given.mask}' is no token of its own"
        block = np.array([ids], dtype=np.int64)
        given = [self.tensor(block), *([self.tensor(np.ones(block.shape, dtype=bool))] if self.masked else [])]
        with torch.inference_mode():
            return net.embed(*given)[0, inside[0]].cpu().numpy(), f"'{self.given.mask}' in the place of every word"

    def _tokens_of_mask(self) -> tuple[list[int], list[tuple[int, int]]]:
        assert self.given.preprocess is not None  # its texts have been read
        ids, offsets = self.given.preprocess(spoken(MASK, self.given.mask)[0])
        return [int(each) for each in ids], [(int(start), int(end)) for start, end in offsets]


_PLAIN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
