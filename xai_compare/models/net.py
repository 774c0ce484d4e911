"""Nets of our own on images, series and texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.models._neural import Neural
from xai_compare.models._readers import Images, Reader, Series, Texts
from xai_compare.models.opened import Opened
from xai_compare.types import Array, FeatureSpace, Inputs, IntArray, Model, Output, Task

if TYPE_CHECKING:
    import torch

    from xai_compare.models._modules import Points, Words

__all__ = ["ARE", "Net", "hidden_all"]

_READERS: Mapping[str, type[Reader]] = {"image": Images, "series": Series, "text": Texts}
ARE = {
    "blur": "a blurred copy of the image",
    "mean": "the mean of the background",
    "background": "each background input, averaged",
    "interpolate": "a straight line",
    "mask": "the token of hidden words in the place of every word",
    "drop": "the zero vector in the place of every word",
}
"""What stands for nothing shown under each fill, in words."""


@dataclass(eq=False)
class Net(Neural):
    """A net with what turns inputs into its tensors. See `xai_compare.types.Model` for its face.

    reader : from inputs to arrays. shape : what the net is made of: its "kind" (cnn, lstm, transformer) and numbers, as `blank` reads them.
    """

    name: str
    core: Any
    task: Task
    outputs: tuple[str, ...]
    reader: Reader
    shape: Mapping[str, Any]
    closed: str = "its inputs are no columns of a table"
    weights: tuple[Array, Array] | None = None
    owner: IntArray | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from xai_compare.models._nets import device

        kind = str(self.shape["kind"])
        self.about = {"class": kind, "core": _CORES[kind], "library": "torch", "device": device().type}

    def bound(self, name: str, sample: Any, classes: Sequence[str] = ()) -> Model:
        """The same net under a study's name, held against its inputs (sample: a few of them).

        Raises
        ------
        ModelError
            If they are of another shape.
        """
        self.reader.check(name, sample)
        return replace(self, name=name)

    @property
    def offers(self) -> frozenset[str]:
        spaces = {"value"} if self.task == "regression" else {"margin", "probability"}
        return frozenset(spaces | {"gradient"} | ({"attention"} if self.shape["kind"] == "transformer" else set()))

    def predict(self, inputs: Inputs, output: Output) -> Array:
        from xai_compare.models._modules import ById
        from xai_compare.models._nets import InSpace, answers

        net = self._placed()
        asked = InSpace(ById(net) if isinstance(self.reader, Texts) else net, output).eval()
        out = np.empty((len(inputs), len(self.outputs)))
        for rows, arrays, batch in self.reader.runs(inputs):
            out[rows] = answers(asked, arrays, batch)
        return out

    def open(self, inputs: Inputs, space: FeatureSpace, fill: str) -> Opened:
        """The inputs as the net takes them. What stands for nothing shown is made by the space; see `baseline` of what is returned."""
        if isinstance(self.reader, Texts):
            return self._open_texts(self.reader, inputs, space, fill)
        if isinstance(self.reader, Images):
            return self._open_images(self.reader, inputs, space, fill)
        return self._open_series(self.reader, inputs, space, fill)

    def _open_images(self, reader: Images, inputs: Inputs, space: Any, fill: str) -> Opened:
        rows = space.fill_rows(fill)
        (x,), (hidden,) = reader.arrays(inputs), reader.arrays(hidden_all(inputs, space, fill) if rows is None else rows)
        x0 = hidden[None] if rows is None else hidden[:, None]
        net, owner = self._placed(), space.patch_of[None, None]
        return Opened(net, self._tensor(x), self._tensor(x0), (), owner, ARE[fill], conv=net.conv, pixels=True)

    def _open_series(self, reader: Series, inputs: Inputs, space: Any, fill: str) -> Opened:
        (x, valid), (x0, _) = reader.arrays(inputs), reader.arrays(hidden_all(inputs, space, fill))
        x0 = x0.reshape(len(inputs), space.width(fill), *x.shape[1:]).swapaxes(0, 1)
        net, owner = self._placed(), np.where(valid[:, None, :], space.stretch_of[None], -1)
        opened = Opened(net, self._tensor(x), self._tensor(x0), (self._tensor(valid),), owner, ARE[fill], pixels=True)
        if "attention" not in self.offers:
            return opened
        patch, t = net.front.patch, net.front.tokens
        n, c, length = owner.shape
        held = np.pad(owner, ((0, 0), (0, 0), (0, t * patch - length)), constant_values=-1)
        tokens = held.reshape(n, c, t, patch).transpose(0, 2, 1, 3).reshape(n, t, c * patch)
        return replace(opened, tokens=tokens, pooled=_shares((tokens >= 0).any(axis=2)), attend=net.attend)

    def _open_texts(self, reader: Texts, inputs: Inputs, space: FeatureSpace, fill: str) -> Opened:
        import torch

        space.width(fill)  # which knows the fills
        net, (ids, valid) = self._placed(), reader.arrays(inputs)
        places = reader.places(inputs, ids.shape[1])
        tokens = np.minimum(places, space.d - 1)
        with torch.inference_mode():
            x = net.front.embed(self._tensor(ids)).cpu().numpy()
            mask = net.front.embed(self._tensor(np.array([[reader.mask]]))).cpu().numpy()
        x0 = np.where(tokens[:, :, None] >= 0, mask if fill == "mask" else np.float32(0), x)
        opened = Opened(net, self._tensor(x), self._tensor(x0[None]), (self._tensor(valid),), tokens[:, :, None], ARE[fill], tokens)
        return opened if "attention" not in self.offers else replace(opened, pooled=_shares(valid), attend=net.attend)

    def _tensor(self, array: Any) -> torch.Tensor:
        import torch

        from xai_compare.models._nets import device

        return torch.from_numpy(np.ascontiguousarray(array)).to(device())

    def _placed(self) -> Any:
        from xai_compare.models._nets import device

        return self.core.to(device()).eval()

    def redrawn(self, seed: int, layers: int | None = None) -> Net:
        """The same net with the parameters of its last layers drawn anew, or of all of them; what it knows of its inputs' units stays."""
        from xai_compare.models import _nets

        return replace(self, core=_nets.redrawn(self.core.cpu(), seed, layers))

    def blank(self) -> Any:
        """The net before it has learnt anything."""
        from xai_compare.models import _modules

        shape, reader, k = self.shape, self.reader, len(self.outputs)
        if isinstance(reader, Images):
            size = (reader.channels, reader.height, reader.width)
            return _modules.Convolutional(size, shape["channels"], shape["hidden"], shape["dropout"], k)
        width, layers = shape["width"], shape["layers"]
        front = self._front()
        if shape["kind"] == "lstm":
            return _modules.Recurrent(front, (width, width, layers), shape["both"], shape["dropout"], k)
        return _modules.Attentive(front, (width, shape["heads"], layers), shape["dropout"], k)

    def _front(self) -> Points | Words:
        from xai_compare.models import _modules

        shape, reader = self.shape, self.reader
        if isinstance(reader, Texts):
            return _modules.Words(reader.size, shape["width"], shape["word_dropout"], reader.mask)
        assert isinstance(reader, Series)
        return _modules.Points(reader.channels, reader.length, shape["patch"], shape["width"], shape["noise"])

    def to_bytes(self) -> bytes:
        """safetensors, with what the net is made of in the header."""
        from safetensors.torch import save

        reader = {key: value for key, value in asdict(self.reader).items() if not key.startswith("_")}
        described = {
            "modality": self.reader.modality,
            "task": self.task,
            "outputs": self.outputs,
            "reader": reader,
            "shape": dict(self.shape),
        }
        return save(self.core.cpu().state_dict(), metadata={"xai_compare": json.dumps(described)})

    @classmethod
    def described(cls, name: str, described: Mapping[str, Any]) -> Net:
        """A net from its description, without its inside."""
        kept = dict(described["reader"])
        reader = (
            Texts(tuple(kept["words"]), kept["longest"]) if described["modality"] == "text" else _READERS[described["modality"]](**kept)
        )
        return cls(name, None, described["task"], tuple(described["outputs"]), reader, dict(described["shape"]))

    @classmethod
    def from_bytes(cls, name: str, content: bytes) -> Net:
        """The inverse of `to_bytes`; runs no code from the file."""
        from safetensors.torch import load

        from xai_compare.models._nets import seeded

        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        model = cls.described(name, json.loads(header["__metadata__"]["xai_compare"]))
        with seeded(0):  # a new module draws its parameters, which are replaced below
            model.core = model.blank()
        model.core.load_state_dict(load(content))
        model.core.eval()
        return model


_CORES = {"cnn": "Convolutional", "lstm": "Recurrent", "transformer": "Attentive"}


def hidden_all(inputs: Inputs, space: FeatureSpace, fill: str) -> Inputs:
    """The n * width(fill) inputs in which nothing is shown; those of one input stand together."""
    n = len(inputs)
    return space.hide(inputs, np.arange(n), np.zeros((n, space.d), dtype=bool), fill)


def _shares(valid: Any) -> Array:
    """(n, T) how much of the mean each token is."""
    return np.asarray(valid / np.maximum(valid.sum(axis=1, keepdims=True), 1))
