"""The nets that a study can train on images, series and texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from xai_compare.errors import ModelError, nearest
from xai_compare.models._readers import Images, Reader, Series, Texts
from xai_compare.models.net import Net
from xai_compare.models.zoo import KINDS, target_of
from xai_compare.registry import configured
from xai_compare.types import Data, Modality, Model, Task

__all__ = ["Cnn", "Lstm", "Transformer"]

_TOKENS = 32
"""Patches that a series is cut into at most, unless somebody says otherwise."""

_SHOWN = 1000
"""Rows of an epoch at least."""

_TRAINING = ("learning_rate", "weight_decay", "epochs", "patience", "longest", "min_count")
"""Parameters that are no part of the net itself."""

_ONLY = {"series": ("patch", "noise"), "text": ("longest", "min_count", "word_dropout")}
"""Parameters that have a meaning for one kind of inputs only."""


@dataclass(frozen=True, slots=True)
class _Net:
    """What all nets of this file have in common.

    learning_rate, weight_decay : Adam's. epochs : at most. patience : epochs without improvement before it stops.
    dropout : share of activations that are left out while it is trained.
    """

    kind: ClassVar[str] = ""
    modalities: ClassVar[tuple[Modality, ...]] = ()

    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    epochs: int = 60
    patience: int = 8
    dropout: float = 0.1

    def __post_init__(self) -> None:
        shares = ("dropout", "word_dropout")
        for key, value in asdict(self).items():
            if key in shares and not 0 <= value < 1:
                raise ModelError(f"{key} must be at least 0 and below 1, found {value}")
            if key in ("noise", "weight_decay", "patch") and value < 0:
                raise ModelError(f"{key} must be 0 or more, found {value}")
            if key in ("epochs", "patience", "hidden", "width", "layers", "heads", "longest", "min_count") and value < 1:
                raise ModelError(f"{key} must be at least 1, found {value}")
        if self.learning_rate <= 0:
            raise ModelError(f"learning_rate must be above 0, found {self.learning_rate}")

    @property
    def tasks(self) -> tuple[Task, ...]:
        return ("classification", "regression")

    def check(self, params: Mapping[str, Any]) -> None:
        configured(type(self), params)

    def load(self, name: str, content: bytes, data: Data) -> Model:
        return Net.from_bytes(name, content)

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        from xai_compare.models import _training

        own, y, model = configured(type(self), params), target_of(name, data), self.described(name, data, params)
        how = _training.Fit(own.learning_rate, own.weight_decay, own.epochs, own.patience, piece=256, fewest=_SHOWN)
        model.core = _training.fit(model.blank, model.reader.arrays(data.train.inputs), y, how, seed)
        return model, model.to_bytes()

    def described(self, name: str, data: Data, params: Mapping[str, Any]) -> Net:
        """The net for these data without its inside, which `blank` makes."""
        own = configured(type(self), params)
        own._check_for(data.space.modality, params)
        values = asdict(own)
        reader = _reader(data, values)
        shape = {"kind": self.kind} | {key: value for key, value in values.items() if key not in _TRAINING}
        if isinstance(reader, Series) and not shape["patch"]:
            shape["patch"] = -(-reader.length // _TOKENS)
        return Net(name, None, data.task, data.classes or ("value",), reader, shape)

    def _check_for(self, modality: Modality, params: Mapping[str, Any]) -> None:
        """Raise ModelError where the inputs are of another kind, or a parameter has no meaning for them."""
        if modality not in self.modalities:
            raise ModelError(
                f"the kind '{self.kind}' is for these inputs: {', '.join(self.modalities)}. The data are of the kind '{modality}'"
            )
        others = [key for of, keys in _ONLY.items() if of != modality for key in keys]
        if wrong := [key for key in params if key in others]:
            allowed = [key for key in asdict(self) if key not in others]
            raise ModelError(f"the parameter '{wrong[0]}' has no meaning for inputs of the kind '{modality}'. {nearest('', allowed)}")


def _reader(data: Data, values: Mapping[str, Any]) -> Reader:
    inputs = data.train.inputs
    if data.space.modality == "image":
        return Images(1 if inputs.ndim == 3 else inputs.shape[3], inputs.shape[1], inputs.shape[2])
    if data.space.modality == "series":
        return Series(inputs.shape[1], inputs.shape[2])
    return Texts.learnt(inputs, values["longest"], values["min_count"])


@dataclass(frozen=True, slots=True)
class Cnn(_Net):
    """A convolutional net on images: 3 x 3 convolutions, each followed by an averaging to half the size, and one hidden layer.

    channels : of the convolutions. hidden : width of the hidden layer. The others: learning_rate, weight_decay, epochs, patience, dropout.
    """

    kind: ClassVar[str] = "cnn"
    modalities: ClassVar[tuple[Modality, ...]] = ("image",)

    channels: tuple[int, ...] = (16, 32)
    hidden: int = 64

    def __post_init__(self) -> None:
        _Net.__post_init__(self)
        if not self.channels or min(self.channels) < 1:
            raise ModelError(f"channels must be numbers of at least 1, one for each convolution, found {list(self.channels)}")


@dataclass(frozen=True, slots=True)
class _Sequence(_Net):
    """What nets of tokens have in common: see `Lstm`."""

    modalities: ClassVar[tuple[Modality, ...]] = ("series", "text")

    width: int = 32
    layers: int = 1
    patch: int = 0
    noise: float = 0.1
    longest: int = 128
    min_count: int = 2
    word_dropout: float = 0.1


@dataclass(frozen=True, slots=True)
class Lstm(_Sequence):
    """An LSTM on series or texts, its states averaged over the tokens that are there.

    width : of the vectors of tokens and of the state. layers : one upon another. both : whether a second one reads backwards.
    Series: patch : points of a token (0: so many that there are 32 tokens at most); noise : what is added to the points, and to the
    factor of the whole series, while it is trained, in standard deviations.
    Texts: longest : words that are read; min_count : how often a word must stand in the training texts to be known;
    word_dropout : share of words that are hidden while it is trained, so that hidden words are no strangers to it.
    The others: learning_rate, weight_decay, epochs, patience, dropout.
    """

    kind: ClassVar[str] = "lstm"

    weight_decay: float = 3e-3  # a sharper net has gradients that the default steps of a path miss
    both: bool = True


@dataclass(frozen=True, slots=True)
class Transformer(_Sequence):
    """A small transformer encoder on series or texts, its tokens averaged; it hands out its attention.

    width : of the vectors of tokens. heads : of the attention, a divisor of width. layers : one upon another. The others: see `Lstm`.
    """

    kind: ClassVar[str] = "transformer"

    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        _Sequence.__post_init__(self)
        if self.width % self.heads:
            raise ModelError(f"width must be a multiple of heads, found {self.width} and {self.heads}")


for _kind in (Cnn(), Lstm(), Transformer()):
    KINDS.register(_kind.kind)(_kind)
