"""The regulation map: where the evidence of a report may be relevant. A dated data file, read as it stands."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

from xai_compare.report.plain import text
from xai_compare.yaml_file import read_yaml

__all__ = ["regulation_map"]

_KEYS = ("name", "jurisdiction", "status", "source_url", "looks_for", "may_inform", "not_covered")


def regulation_map() -> dict[str, Any]:
    """The rows of regulation.yaml with the day up to which they were looked after; the same for every report."""
    found = _held()
    return {"as_of": text(found["as_of"]), "rows": [{key: text(row[key]) for key in _KEYS} for row in found["rows"]]}


@lru_cache(maxsize=1)
def _held() -> Any:
    with as_file(files("xai_compare.report").joinpath("regulation.yaml")) as path:
        return read_yaml(path, "the regulation map")
