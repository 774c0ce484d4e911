"""Images as one vector each, by a frozen convolutional net of this package. Imports scikit-learn; torch when an image is embedded."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from xai_compare.errors import ModelError
from xai_compare.models._features import _Fixed
from xai_compare.models._formats_nets import read_net
from xai_compare.models.load import read_bytes
from xai_compare.models.net import Net
from xai_compare.types import Array

__all__ = ["ImageEmbedding"]


class ImageEmbedding(_Fixed):
    """The hidden layer of a convolutional net that was trained before, its weights as they are: what its last layer would read.

    encoder : a safetensors file of a `cnn` that this package stored (from the working folder, or with `${NAME}` for an environment
    variable). Its sha256 is stored with the model, not the net.
    """

    mixed = True

    def __init__(self, encoder: str = "") -> None:
        self.encoder = encoder

    def fit(self, X: Any, y: Any = None) -> ImageEmbedding:
        self.sha256_ = _opened(self.encoder)[1]
        return self

    def transform(self, X: Any) -> Array:
        """(n, hidden) vectors. Cost: one pass of the net for each image.

        Raises
        ------
        ModelError
            If the net is not the one that the model was trained with, or was trained on images of another size.
        """
        net, digest = _opened(self.encoder)
        if digest != self.sha256_:
            raise ModelError(
                f"encoder '{Path(self.encoder).name}' is not the one that the model was trained with: "
                f"its sha256 is {digest}, not {self.sha256_}"
            )
        net.reader.check(Path(self.encoder).name, X)
        return _hidden(net, X)


@lru_cache(4)
def _opened(encoder: str) -> tuple[Net, str]:
    """The net of this file, loaded once in a process, and the sha256 of the file."""
    if not encoder:
        raise ModelError("features: embedding needs an encoder: features: {name: embedding, encoder: a safetensors file of a cnn}")
    file = Path(os.path.expandvars(encoder))
    content = read_bytes(file)
    net = read_net(file.name, content)
    if not isinstance(net, Net) or net.shape["kind"] != "cnn":
        raise ModelError(f"encoder '{file.name}' holds a {net.about['class']}: images take a cnn")
    return net, hashlib.sha256(content).hexdigest()


def _hidden(net: Net, images: Any) -> Array:
    """(n, hidden) what the last layer of the net reads."""
    from torch import nn

    from xai_compare.models._nets import answers, device

    placed = net.core.to(device()).eval()
    up_to_last = nn.Sequential(_in_units(placed), placed.blocks, *list(placed.head)[:-1]).eval()
    out = [(rows, answers(up_to_last, arrays, batch)) for rows, arrays, batch in net.reader.runs(images)]
    vectors = np.empty((len(images), out[0][1].shape[1]))
    for rows, found in out:
        vectors[rows] = found
    return vectors


def _in_units(core: Any) -> Any:
    """The net's own way of bringing images into its units, as a module."""
    from torch import nn

    class Standing(nn.Module):
        def forward(self, x: Any) -> Any:
            return (x - core.mean) / core.scale

    return Standing()
