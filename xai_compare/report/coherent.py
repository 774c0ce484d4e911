"""Whether the parts of a report fit together: what the schema cannot say, because it sees one value at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["fault"]

_SHOWN = 80  # characters of a name in an error message


def fault(report: dict[str, Any]) -> str:
    """The first thing that points at nothing, as "place: what is wrong"; "" where everything fits. The report fits its schema.

    >>> fault(made)                                                                             # doctest: +SKIP
    '$.verdict.models[0].gap: 99, but there are 12 gaps'
    """
    return next((found for check in (_models, _verdict, _features) for found in check(report)), "")


def _models(report: dict[str, Any]) -> Iterator[str]:
    known = {model["name"] for model in report["models"]}
    for place, name in _named(report):
        if name not in known:
            yield f"{place}: {name[:_SHOWN]!r} is none of the report's models"


def _named(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every place that names a model."""
    yield "$.scope.reference", report["scope"]["reference"]
    yield "$.verdict.reference", report["verdict"]["reference"]
    for part in ("cells", "performance", "agreement", "decomposition", "skills"):
        yield from ((f"$.{part}[{i}].model", row["model"]) for i, row in enumerate(report[part]))
    for part in ("models", "picture"):
        yield from ((f"$.verdict.{part}[{i}].model", row["model"]) for i, row in enumerate(report["verdict"][part]))
    for i, row in enumerate(report["gaps"]):
        # A gap between methods stands on one model; one between models names both and stands on none.
        for key in ("a", "b") if row["kind"] == "models" else ("model",):
            yield f"$.gaps[{i}].{key}", row[key]
    for i, case in enumerate(report["cases"]):
        for part in ("models", "attributions"):
            yield from ((f"$.cases[{i}].{part}[{j}].model", row["model"]) for j, row in enumerate(case[part]))
    for i, limit in enumerate(report["limits"]):
        yield from ((f"$.limits[{i}].where[{j}].model", row["model"]) for j, row in enumerate(limit["where"]))


def _verdict(report: dict[str, Any]) -> Iterator[str]:
    """Indices that lead nowhere, or to a row that is not about the model whose sentence quotes it."""
    told, gaps = report["verdict"], report["gaps"]
    if told["reference"] != report["scope"]["reference"]:
        yield f"$.verdict.reference: {told['reference'][:_SHOWN]!r}, but the study's reference is {report['scope']['reference'][:_SHOWN]!r}"
    for i, index in enumerate(told["headline"]):
        if index >= len(gaps):
            yield f"$.verdict.headline[{i}]: {index}, but there are {len(gaps)} gaps"
    for i, entry in enumerate(told["models"]):
        for key, rows in (("gap", gaps), ("performance", report["performance"])):
            yield from _quoted(f"$.verdict.models[{i}].{key}", entry[key], rows, entry["model"])


def _quoted(place: str, index: int | None, rows: list[dict[str, Any]], model: str) -> Iterator[str]:
    if index is None:
        return
    if index >= len(rows):
        yield f"{place}: {index}, but there are {len(rows)} {'gaps' if place.endswith('gap') else 'scores'}"
    elif model not in (rows[index].get("a"), rows[index].get("model")):
        yield f"{place}: {index}, which is not about {model[:_SHOWN]!r}"


def _features(report: dict[str, Any]) -> Iterator[str]:
    """A case has a value, and an attribution a number, for each feature."""
    wanted = len(report["scope"]["features"])
    for i, case in enumerate(report["cases"]):
        rows = [(f"$.cases[{i}].attributions[{j}].values", row["values"]) for j, row in enumerate(case["attributions"])]
        for place, values in [(f"$.cases[{i}].values", case["values"]), *rows]:
            if values is not None and len(values) != wanted:
                yield f"{place}: {len(values)} values for {wanted} features"
