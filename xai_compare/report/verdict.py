"""The inputs of the report's first sentences: which gaps lead, by which method, and what each model gives in return."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xai_compare.report.words import undecided

__all__ = ["excludes_zero", "verdict"]

_LEAD = "additive_fit"
_SCORES = ("ROC-AUC", "R2", "F1")  # a score's name may go on in brackets: "F1 (macro)"


def verdict(report: dict[str, Any]) -> dict[str, Any]:
    """Indices into `gaps` and `performance`, and the counts, from which the sentences are made. No composite score."""
    reference = report["scope"]["reference"]
    others = [model["name"] for model in report["models"] if not model["reference"]]
    states = Counter(cell["status"] for cell in report["cells"])
    told = [_model(report, name, reference) for name in others]
    return {
        "reference": reference,
        "headline": [index for index, row in enumerate(report["gaps"]) if row["headline"]],
        "models": told,
        "picture": _picture(report, reference, told),
        "not_tested": {key: states[key] for key in ("failed", "degraded", "skipped", "not_applicable")},
    }


def _model(report: dict[str, Any], name: str, reference: str) -> dict[str, Any]:
    gap = _lead_gap(report, name)
    said = "" if gap is None else report["gaps"][gap]["explainer"]
    shared = {(row["model"], row["explainer"]) for row in report["decomposition"]} >= {(name, said), (reference, said)}
    return {
        "model": name,
        "gap": gap,
        "explainer": said if shared else _best(report, name),
        "reference_explainer": said if shared else _best(report, reference),
        "performance": (score := _score(report, name)),
        "performance_differs": score is not None and excludes_zero(report["performance"][score]["difference"]),
        **_tally(report, name),
    }


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
    found = [i for i, row in enumerate(report["gaps"]) if row["kind"] == "models" and row["a"] == name and row["metric"] == _LEAD]
    found.sort(key=lambda i: (not report["gaps"][i]["headline"], report["gaps"][i]["pairing"] != "best_method", i))
    return found[0] if found else None


def _best(report: dict[str, Any], name: str) -> str | None:
    """The method that explains most of a model, by the estimate; the control does not compete."""
    rows = [row for row in report["decomposition"] if row["model"] == name and not row["control"]]
    told = {row["explainer"]: row["explained"]["estimate"] for row in rows if row["explained"] and row["explained"]["estimate"] is not None}
    return max(told, key=lambda key: told[key]) if told else None


def _score(report: dict[str, Any], name: str) -> int | None:
    """The test score that speaks for a model: the first of the usual ones, else the first there is."""
    rows = report["performance"]
    found = [i for i, row in enumerate(rows) if row["model"] == name and row["split"] == "test" and row["difference"] is not None]
    return min(found, key=lambda i: (_rank(rows[i]["score"]), i)) if found else None


def _rank(score: str) -> int:
    stem = score.partition(" (")[0]
    return _SCORES.index(stem) if stem in _SCORES else len(_SCORES)


def excludes_zero(found: dict[str, Any] | None) -> bool:
    """Whether an interval is there and does not hold 0."""
    return found is not None and found["low"] is not None and found["high"] is not None and (found["low"] > 0 or found["high"] < 0)
