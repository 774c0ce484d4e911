"""The inputs of the report's first sentences: which gaps lead, by which method, and what each model gives in return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from xai_compare.report.coherent import SAME
from xai_compare.report.words import undecided

__all__ = ["excludes_zero", "score_rank", "verdict"]

_SCORES = ("ROC-AUC", "R2", "F1")  # a score's name may go on in brackets: "F1 (macro)"


def verdict(report: dict[str, Any], widest: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Indices into `gaps` and `performance`, and the counts, from which the sentences are made. No composite score.

    widest : {model: the case that its gap comes from most}; told only of a gap that is one.
    """
    reference = report["scope"]["reference"]
    others = [model["name"] for model in report["models"] if not model["reference"]]
    states = Counter(cell["status"] for cell in report["cells"])
    told = [_model(report, name, reference) | {"widest": None} for name in others]
    for entry in told:
        if entry["gap"] is not None and report["gaps"][entry["gap"]]["verdict"] in ("better", "worse"):
            entry["widest"] = widest.get(entry["model"])
    return {
        "reference": reference,
        "headline": [index for index, row in enumerate(report["gaps"]) if row["headline"]],
        "models": told,
        "picture": _picture(report, reference, told),
        "not_tested": {key: states[key] for key in ("failed", "degraded", "skipped", "not_applicable")},
    }


def _model(report: dict[str, Any], name: str, reference: str) -> dict[str, Any]:
    gap = _lead_gap(report, name)
    own, other = _methods(report, gap, name, reference)
    return {
        "model": name,
        "gap": gap,
        "conditions": _conditions(report, gap),
        "explainer": own,
        "reference_explainer": other,
        "performance": (score := _score(report, name)),
        "performance_differs": score is not None and excludes_zero(report["performance"][score]["difference"]),
        **_tally(report, name),
    }


def _methods(report: dict[str, Any], gap: int | None, name: str, reference: str) -> tuple[str | None, str | None]:
    """By which method the shares in the sentence are told, for the model and for the reference.

    The one that the gap rests on. Where a best method was chosen, and not the same one for both halves of the cases, it is that of the
    two which explains more of all cases; the sentence names it beside the share.
    """
    row = None if gap is None else report["gaps"][gap]
    if row is not None and row["choices"] is not None:
        return _best(report, name, row["choices"]["a"]), _best(report, reference, row["choices"]["b"])
    said = "" if row is None else row["explainer"]
    if {(row["model"], row["explainer"]) for row in report["decomposition"]} >= {(name, said), (reference, said)}:
        return said, said
    return _best(report, name), _best(report, reference)


def _conditions(report: dict[str, Any], gap: int | None) -> list[int]:
    """The rows that ask the same gap again, on another scale, with another fill, or on other cases."""
    if gap is None:
        return []
    own = report["gaps"][gap]
    return [i for i, row in enumerate(report["gaps"]) if row["condition"] and all(row[key] == own[key] for key in SAME)]


def _picture(report: dict[str, Any], reference: str, told: list[dict[str, Any]]) -> list[dict[str, str]]:
    """One bar per model, by the method that its sentence speaks of."""
    first = told[0]["reference_explainer"] if told else _best(report, reference)
    pairs = [(reference, first), *((entry["model"], entry["explainer"]) for entry in told)]
    return [{"model": model, "explainer": explainer} for model, explainer in pairs if explainer]


def _tally(report: dict[str, Any], name: str) -> dict[str, int]:
    """Over the headline questions that were tested: on how many the model is ahead of the reference, behind it, or level."""
    rows = [row for row in report["gaps"] if row["headline"] and row["kind"] == "models" and row["a"] == name]
    said = Counter(row["verdict"] for row in rows if not undecided(row["gap"]))
    return {"ahead": said["better"], "behind": said["worse"], "level": said["cannot be told apart"]}


def _lead_gap(report: dict[str, Any], name: str) -> int | None:
    """The gap in the metric that leads the question of fidelity."""
    leads = {
        metric["name"]
        for metric in report["metrics"]
        if metric["lead"] and metric["question"] == "fidelity" and metric["scope"] == "method"
    }
    rows = [(i, row) for i, row in enumerate(report["gaps"]) if row["kind"] == "models" and row["a"] == name and not row["condition"]]
    found = [i for i, row in rows if row["metric"] in leads]
    found.sort(key=lambda i: (not report["gaps"][i]["headline"], report["gaps"][i]["pairing"] != "best_method", i))
    return found[0] if found else None


def _best(report: dict[str, Any], name: str, among: list[str] | None = None) -> str | None:
    """The method that explains most of a model, by the estimate; the control does not compete."""
    rows = [row for row in report["decomposition"] if row["model"] == name and not row["control"]]
    rows = [row for row in rows if among is None or row["explainer"] in among]
    told = {row["explainer"]: row["explained"]["estimate"] for row in rows if row["explained"] and row["explained"]["estimate"] is not None}
    return max(told, key=lambda key: told[key]) if told else None


def _score(report: dict[str, Any], name: str) -> int | None:
    """The test score that speaks for a model: the first of the usual ones, else the first there is."""
    rows = report["performance"]
    found = [i for i, row in enumerate(rows) if row["model"] == name and row["split"] == "test" and row["difference"] is not None]
    return min(found, key=lambda i: (score_rank(rows[i]["score"]), i)) if found else None


def score_rank(score: str) -> int:
    """The place of a score among those that speak for a model; the same for all that are none of the usual ones."""
    stem = score.partition(" (")[0]
    return _SCORES.index(stem) if stem in _SCORES else len(_SCORES)


def excludes_zero(found: dict[str, Any] | None) -> bool:
    """Whether an interval is there and does not hold 0."""
    return found is not None and found["low"] is not None and found["high"] is not None and (found["low"] > 0 or found["high"] < 0)
