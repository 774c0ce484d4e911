"""Whether the parts of a report fit together: what the schema cannot say, because it sees one value at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["SAME", "fault"]

SAME = ("kind", "metric", "pairing", "explainer", "a", "b")  # what a gap under a condition shares with the one it asks again

_SHOWN = 80  # characters of a name in an error message


def fault(report: dict[str, Any]) -> str:
    """The first thing that points at nothing, as "place: what is wrong"; "" where everything fits. The report fits its schema.

    >>> fault(made)                                                                             # doctest: +SKIP
    '$.verdict.models[0].gap: 99, but there are 12 gaps'
    """
    return next((found for check in (_models, _plugins, _verdict, _features, _together, _profiles) for found in check(report)), "")


def _models(report: dict[str, Any]) -> Iterator[str]:
    known = {model["name"] for model in report["models"]}
    for place, name in _named(report):
        if name not in known:
            yield f"{place}: {name[:_SHOWN]!r} is none of the report's models"


def _named(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every place that names a model."""
    yield "$.scope.reference", report["scope"]["reference"]
    yield "$.verdict.reference", report["verdict"]["reference"]
    for part in ("cells", "performance", "agreement", "decomposition", "skills", "curves", "powerless", "global", "words"):
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
    for i, panel in enumerate(report["profiles"]["panels"]):
        yield from ((f"$.profiles.panels[{i}].models[{j}].model", row["model"]) for j, row in enumerate(panel["models"]))
    yield from _in_reasons(report["reason_codes"] or {})
    for i, limit in enumerate(report["limits"]):
        yield from ((f"$.limits[{i}].where[{j}].model", row["model"]) for j, row in enumerate(limit["where"]))


def _in_reasons(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for part in ("decided", "crossings", "shares", "flags"):
        yield from ((f"$.reason_codes.{part}[{i}].model", row["model"]) for i, row in enumerate(found.get(part, [])))
    for i, case in enumerate(found.get("cases", [])):
        yield from ((f"$.reason_codes.cases[{i}].models[{j}].model", row["model"]) for j, row in enumerate(case["models"]))


def _plugins(report: dict[str, Any]) -> Iterator[str]:
    """Methods and metrics that are quoted by name."""
    known = {sort: {found["name"] for found in report[f"{sort}s"]} for sort in ("method", "metric")}
    for place, sort, name in _quoted_plugins(report):
        if name not in known[sort]:
            yield f"{place}: {name[:_SHOWN]!r} is none of the report's {sort}s"


def _quoted_plugins(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for i, row in enumerate(report["gaps"]):
        for key, chosen in (row["choices"] or {}).items():
            yield from ((f"$.gaps[{i}].choices.{key}[{j}]", "method", name) for j, name in enumerate(chosen))
    for part in ("curves", "powerless"):
        yield from ((f"$.{part}[{i}].metric", "metric", row["metric"]) for i, row in enumerate(report[part]))
    yield from ((f"$.curves[{i}].explainer", "method", row["explainer"]) for i, row in enumerate(report["curves"]) if row["explainer"])
    yield from ((f"$.global[{i}].explainer", "method", row["explainer"]) for i, row in enumerate(report["global"]))


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
        if entry["widest"] is not None and entry["widest"]["case"] >= len(report["cases"]):
            yield f"$.verdict.models[{i}].widest.case: {entry['widest']['case']}, but there are {len(report['cases'])} cases"
        for j, index in enumerate(entry["conditions"]):
            yield from _asked_again(f"$.verdict.models[{i}].conditions[{j}]", index, gaps, entry)


def _quoted(place: str, index: int | None, rows: list[dict[str, Any]], model: str) -> Iterator[str]:
    if index is None:
        return
    if index >= len(rows):
        yield f"{place}: {index}, but there are {len(rows)} {'gaps' if place.endswith('gap') else 'scores'}"
    elif model not in (rows[index].get("a"), rows[index].get("model")):
        yield f"{place}: {index}, which is not about {model[:_SHOWN]!r}"


def _asked_again(place: str, index: int, gaps: list[dict[str, Any]], entry: dict[str, Any]) -> Iterator[str]:
    """A condition asks the gap of the model's sentence again, and no other."""
    if index >= len(gaps):
        yield f"{place}: {index}, but there are {len(gaps)} gaps"
    elif entry["gap"] is None or not gaps[index]["condition"] or any(gaps[index][key] != gaps[entry["gap"]][key] for key in SAME):
        yield f"{place}: {index}, which does not ask the gap of {entry['model'][:_SHOWN]!r} again"


def _features(report: dict[str, Any]) -> Iterator[str]:
    """A case has a value, and an attribution a number, for each feature."""
    wanted = len(report["scope"]["features"])
    for i, case in enumerate(report["cases"]):
        rows = [(f"$.cases[{i}].attributions[{j}].values", row["values"]) for j, row in enumerate(case["attributions"])]
        for place, values in [(f"$.cases[{i}].values", case["values"]), *rows]:
            if values is not None and len(values) != wanted:
                yield f"{place}: {len(values)} values for {wanted} features"


def _together(report: dict[str, Any]) -> Iterator[str]:
    """Features that move together are features of the report, and no more pairs are told than there are."""
    told, known = report["scope"]["together"] or {"pairs": [], "found": 0}, {feature["name"] for feature in report["scope"]["features"]}
    for i, pair in enumerate(told["pairs"]):
        for key in ("a", "b"):
            if pair[key] not in known:
                yield f"$.scope.together.pairs[{i}].{key}: {pair[key][:_SHOWN]!r} is none of the report's features"
    if told["found"] < len(told["pairs"]):
        yield f"$.scope.together.found: {told['found']}, but {len(told['pairs'])} pairs are told"


def _profiles(report: dict[str, Any]) -> Iterator[str]:
    """A panel is drawn by a method that is there, and its curves have a number for each value of the feature."""
    known = {method["name"] for method in report["profiles"]["methods"]}
    for i, panel in enumerate(report["profiles"]["panels"]):
        place, wanted = f"$.profiles.panels[{i}]", len(panel["grid"])
        if panel["profile"] not in known:
            yield f"{place}.profile: {panel['profile'][:_SHOWN]!r} is none of the report's profiles"
        curves = [(f"models[{j}].{key}", row[key]) for j, row in enumerate(panel["models"]) for key in ("curve", "low", "high")]
        for name, values in [("share", panel["share"]), *curves, *([("levels", panel["levels"])] if panel["levels"] else [])]:
            if len(values) != wanted:
                yield f"{place}.{name}: {len(values)} numbers for {wanted} values"
