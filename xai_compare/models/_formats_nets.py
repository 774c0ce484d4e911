"""The nets that this package writes as safetensors, from files that somebody else may have written."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from xai_compare.errors import ModelError
from xai_compare.models.torch import TorchTable

__all__ = ["read_net"]

_HEADER = 2**26  # bytes


def read_net(name: str, content: bytes) -> TorchTable:
    """A net on a table from its bytes; every size in its description is checked against the tensors before it is built.

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
    if found != _expected(shape):
        raise ModelError("its tensors are not those of the net it describes")
    return TorchTable.from_bytes(name, content)


def _expected(shape: dict[str, Any]) -> dict[str, list[int]]:
    """The tensors of the described net; ModelError at a description that makes no sense."""
    columns, outputs, hidden = shape["columns"], shape["outputs"], shape["hidden"]
    levels = {int(j): list(values) for j, values in shape["levels"]}
    sound = (
        shape["task"] in {"classification", "regression"}
        and all(isinstance(text, str) for text in (*columns, *outputs))
        and all(isinstance(width, int) and width > 0 for width in hidden)
        and all(0 <= j < len(columns) for j in levels)
        and len(outputs) > 0
    )
    if not sound or (shape["task"] == "regression" and len(outputs) != 1):
        raise ModelError("its description makes no sense")
    p = sum(len(levels[j]) if j in levels else 1 for j in range(len(columns)))
    expected = {"mean": [p], "scale": [p], "out_mean": [1], "out_scale": [1]}
    for i, (a, b) in enumerate(pairwise([p, *hidden, len(outputs)])):
        expected |= {f"body.{2 * i}.weight": [b, a], f"body.{2 * i}.bias": [b]}
    return expected
