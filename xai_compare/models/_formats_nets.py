"""The nets that this package writes as safetensors, from files that somebody else may have written."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from xai_compare.errors import ModelError
from xai_compare.models.net import Net
from xai_compare.models.torch import TorchTable

__all__ = ["read_net"]

_HEADER = 2**26  # bytes


def read_net(name: str, content: bytes) -> TorchTable | Net:
    """A net of ours from its bytes; every size in its description is checked against the tensors before it is built.

    Raises
    ------
    ModelError
        If the file is cut off, is not of this package, or describes another net than it holds.
    """
    size = int.from_bytes(content[:8], "little")
    if size > min(len(content) - 8, _HEADER):
        raise ModelError("it is cut off, or its header is damaged")
    header = json.loads(content[8 : 8 + size])
    if "xai_compare" not in header.get("__metadata__", {}):
        raise ModelError("it holds weights without the architecture they belong to. Export the model to ONNX, or hand it over in Python")
    found = {key: value["shape"] for key, value in header.items() if key != "__metadata__"}
    shape = json.loads(header["__metadata__"]["xai_compare"])
    if found != (_expected(shape) if "columns" in shape else _drawn(shape, len(found))):
        raise ModelError("its tensors are not those of the net it describes")
    return TorchTable.from_bytes(name, content) if "columns" in shape else Net.from_bytes(name, content)


_NUMBERS = 2**24
"""The largest number that a description may hold."""


def _drawn(described: dict[str, Any], tensors: int) -> dict[str, list[int]]:
    """The tensors of a described net on images, series or texts, drawn up without memory; ModelError at one that makes no sense."""
    import torch

    shape, outputs = described["shape"], described["outputs"]
    plain = [value for each in (shape, described["reader"]) for key, value in each.items() if key not in ("kind", "words", "channels")]
    channels = shape.get("channels", [])
    sound = (
        described["task"] in ("classification", "regression")
        and (shape["kind"], described["modality"]) in _PAIRS
        and isinstance(outputs, list)
        and all(isinstance(text, str) for text in (*outputs, *described["reader"].get("words", ())))
        and all(isinstance(value, (int, float)) and 0 <= value < _NUMBERS for value in plain)
        and all(isinstance(value, int) and 0 < value < _NUMBERS for value in (*channels, described["reader"].get("channels", 1)))
        and len(channels) <= tensors  # a net of so many layers has as many tensors, and one of more is not built to see it
        and shape.get("layers", 1) <= tensors
    )
    if not sound or (described["task"] == "regression" and len(outputs) != 1):
        raise ModelError("its description makes no sense")
    with torch.device("meta"):
        return {key: list(value.shape) for key, value in Net.described("", described).blank().state_dict().items()}


_PAIRS = {("cnn", "image"), ("lstm", "series"), ("lstm", "text"), ("transformer", "series"), ("transformer", "text")}


def _expected(shape: dict[str, Any]) -> dict[str, list[int]]:
    """The tensors of the described net; ModelError at a description that makes no sense."""
    columns, outputs, hidden = shape["columns"], shape["outputs"], shape["hidden"]
    levels = {int(j): list(values) for j, values in shape["levels"]}
    embed = shape.get("embed", 0)
    sound = (
        isinstance(embed, int)
        and embed >= 0
        and shape["task"] in {"classification", "regression"}
        and all(isinstance(text, str) for text in (*columns, *outputs))
        and all(isinstance(width, int) and width > 0 for width in hidden)
        and all(0 <= j < len(columns) for j in levels)
        and len(outputs) > 0
    )
    if not sound or (shape["task"] == "regression" and len(outputs) != 1):
        raise ModelError("its description makes no sense")
    p = sum((embed or len(levels[j])) if j in levels else 1 for j in range(len(columns)))
    expected = {"mean": [p], "scale": [p], "out_mean": [1], "out_scale": [1]}
    if embed:
        expected |= {f"lookup.tables.{i}.weight": [max(1, len(levels[j])), embed] for i, j in enumerate(sorted(levels))}
    for i, (a, b) in enumerate(pairwise([p, *hidden, len(outputs)])):
        expected |= {f"body.{2 * i}.weight": [b, a], f"body.{2 * i}.bias": [b]}
    return expected
