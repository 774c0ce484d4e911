"""Fitted models as bytes that depend on nothing but the model: no memory addresses, no dates. Equal models, equal sizes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

__all__ = ["packed", "skops_bytes", "unpacked"]

_FIRST = 10**9  # all numbers have ten digits, so that sizes do not hang on which objects happen to be shared


def packed(parts: Mapping[str, bytes]) -> bytes:
    """A zip of named parts, uncompressed: the ids and dates that some libraries write keep their length only so."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def unpacked(content: bytes) -> dict[str, bytes]:
    """The inverse of `packed`."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def skops_bytes(fitted: Any) -> bytes:
    """An estimator in skops' format, with objects and files numbered in the order in which they are met, not by their addresses."""
    import skops.io

    parts = unpacked(skops.io.dumps(fitted))
    schema = json.loads(parts.pop("schema.json"))
    files = _numbered(schema)
    return packed({**{files.get(name, name): content for name, content in parts.items()}, "schema.json": json.dumps(schema).encode()})


def _numbered(schema: Any) -> dict[str, str]:
    """Number the nodes of a schema in place; {old name: new name} of its files."""
    ids: dict[int, int] = {}
    files: dict[str, str] = {}
    left = [schema]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if isinstance(node.get("__id__"), int):
                node["__id__"] = ids.setdefault(node["__id__"], _FIRST + len(ids))
            if "__loader__" in node and isinstance(node.get("file"), str):
                old = node["file"]
                node["file"] = files.setdefault(old, f"{_FIRST + len(files)}.{old.rpartition('.')[2]}")
            left += reversed(node.values())
        elif isinstance(node, list):
            left += reversed(node)
    return files
