"""What drives each model, as plain values: shares of features by every method, and curves of those that lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from xai_compare.compare import Comparison, ImportanceRow
from xai_compare.report.choose import lead_method, pick
from xai_compare.report.inputs import modality
from xai_compare.report.plain import interval, number, plain, text
from xai_compare.results import Results
from xai_compare.types import Array, Attribution, FeatureCurve, Profile

__all__ = ["importance", "profiles", "swarm", "words"]

_SWARMS, _DOTS = 8, 200  # features, and cases at most, whose attributions the report keeps one by one
_CURVES, _SLICED = 6, 3  # features that lead, and further ones that slices are made by, whose curves are kept; the run's results have all


def importance(results: Results, comparison: Comparison) -> list[dict[str, Any]]:
    """Per model and method the share and rank of every feature, and in what unit the method speaks."""
    rows: dict[tuple[str, str], list[ImportanceRow]] = {}
    for row in comparison.importance:
        rows.setdefault((row.model, row.explainer), []).append(row)
    return [
        {
            "model": text(model),
            "explainer": text(explainer),
            "unit": _unit(results.attributions.get((model, explainer))),
            "features": [_share(row) for row in found],
        }
        for (model, explainer), found in rows.items()
    ]


def _share(row: ImportanceRow) -> dict[str, Any]:
    difference = None if row.difference is None else interval(row.difference)
    return {"feature": text(row.feature), "rank": row.rank, "share": interval(row.share), "difference": difference}


def words(comparison: Comparison) -> list[dict[str, Any]]:
    """Of texts: the words that take most where they occur, per model and method; none of anything else, or where words may not be shown."""
    return [
        {
            "model": text(row.model),
            "explainer": text(row.explainer),
            "word": text(row.word),
            "n": int(row.n),
            "share": number(row.share),
            "leaning": number(row.leaning),
        }
        for row in comparison.words
    ]


def _unit(attribution: Attribution | None) -> str:
    """A method of its own unit says so in its facts: the loss that rises, or what the model keeps."""
    if attribution is None:
        return ""
    loss, kind = attribution.about.get("loss"), attribution.about.get("kind")
    return text(f"rise of the {loss}" if loss else kind or attribution.output)


def swarm(results: Results, comparison: Comparison) -> dict[str, Any] | None:
    """Of a table: the leading method's attributions of the leading features, case by case, for the reference and the model least like it.

    Shares are of the mean size of all attributions of a model, so that the mean size of a feature's is its share, and so that models stand
    on one scale. With two classes they speak of the second for every case, where cases are explained for different ones.
    """
    by = lead_method(results)
    if modality(results) != "table" or by is None or (results.reference, by) not in results.attributions:
        return None
    models = [results.reference, *_least_like(results, comparison, by)]
    towards, signs = _towards(results)
    drawn = sorted(place for place, _ in pick(results, "random", _DOTS))
    found = [_in_shares(results.attributions[name, by].values) * signs[:, None] for name in models]
    order = [results.features.index(name) for name in _leading(results, comparison)[:_SWARMS]]
    return {
        "explainer": text(by),
        "towards": towards,
        "cases": len(drawn),
        "of": len(results.cases.ids),
        "models": [text(name) for name in models],
        "features": [
            {
                "feature": text(results.features[j]),
                "values": _standing(results, j, drawn),
                "shares": [[round(float(one[i, j]), 4) for i in drawn] for one in found],
            }
            for j in order
        ],
    }


def _least_like(results: Results, comparison: Comparison, by: str) -> list[str]:
    """The model with attributions whose shares differ most from the reference's; none where there is no other."""
    apart: dict[str, float] = {}
    for row in comparison.importance:
        there = row.explainer == by and (row.model, by) in results.attributions
        if there and row.difference is not None and row.difference.estimate is not None:
            apart[row.model] = apart.get(row.model, 0.0) + abs(row.difference.estimate)
    return [max(apart, key=lambda name: apart[name])] if apart else []


def _towards(results: Results) -> tuple[str | None, Array]:
    """The class that signs speak of, None where each case has its own; and the sign that turns each case towards it."""
    target, classes = results.cases.target, results.classes
    same = np.ones(len(target))
    if not classes or len(set(target.tolist())) < 2:
        return (text(classes[int(target[0])]) if classes and len(target) else None), same
    return (text(classes[1]), np.where(target == 1, 1.0, -1.0)) if len(classes) == 2 else (None, same)


def _in_shares(values: Array) -> Array:
    filled = np.nan_to_num(values)
    total = float(np.abs(filled).sum(axis=1).mean())
    return np.asarray(filled / total if total > 0 else filled)


def _standing(results: Results, feature: int, drawn: list[int]) -> list[float | None] | None:
    """Where each case's value lies among those of all cases, 0 to 1; None of what has no order, and where values may not be shown."""
    if results.cases.values is None or results.kinds[feature] != "numeric":
        return None
    known = np.array([_as_number(row[feature]) for row in results.cases.values])
    there = np.sort(known[np.isfinite(known)])
    if len(there) < 2 or there[0] == there[-1]:
        return None
    below, upto = (np.searchsorted(there, known, side=side) for side in ("left", "right"))
    middle = (below + upto - 1) / 2 / (len(there) - 1)
    return [round(float(middle[i]), 2) if np.isfinite(known[i]) else None for i in drawn]


def _as_number(shown: str) -> float:
    try:
        return float(shown)
    except ValueError:
        return float("nan")  # a missing value has words of its own


def profiles(results: Results, comparison: Comparison) -> dict[str, Any]:
    """The methods that drew curves; the curves of the leading features, and of those that cases are told apart by, in panels of one
    feature, one method and one scale.
    """
    known = {curve.feature for profile in results.profiles.values() for curve in profile.curves}
    order = _leading(results, comparison)
    shown = [feature for feature in order if feature in known][:_CURVES]
    above = order[: max(order.index(feature) for feature in shown) + 1] if shown else []
    asked = [feature for feature in results.slices if feature in order and feature not in above]
    shown += [feature for feature in asked if feature in known][:_SLICED]
    return {
        "methods": [plain({**_facts(method), "parameters": method.parameters}) for method in results.profiled],
        "panels": [panel for feature in shown for panel in _panels(results, feature)],
        "left_out": [{"feature": text(name), "reason": text(_reason(results, name))} for name in (*above, *asked) if name not in known],
    }


def _facts(method: Any) -> dict[str, str]:
    return {name: getattr(method, name) for name in ("name", "title", "citation", "cost", "reading")}


def _leading(results: Results, comparison: Comparison) -> list[str]:
    """Features by their mean share over the models, by the method that leads the report, or the first one that has shares: those that
    are among the first of any model, then the rest.
    """
    by = lead_method(results) or next((row.explainer for row in comparison.importance), None)
    shares: dict[str, list[float]] = {}
    first = set()
    for row in comparison.importance:
        if row.explainer == by and row.share.estimate is not None and row.rank is not None:
            shares.setdefault(row.feature, []).append(row.share.estimate)
            first |= {row.feature} if row.rank <= _CURVES else set()
    mean = {feature: float(np.mean(found)) for feature, found in shares.items()}
    return sorted(results.features, key=lambda feature: (feature not in first, -mean.get(feature, -1.0)))


def _reason(results: Results, feature: str) -> str:
    found = (profile.left_out[feature] for profile in results.profiles.values() if feature in profile.left_out)
    return next(found, "no curve was drawn")


def _panels(results: Results, feature: str) -> Iterator[dict[str, Any]]:
    """The curves of a feature by the first method that has it for the most models: a panel for each scale, and each grid."""
    found = {method.name: _curves(results, method.name, feature) for method in results.profiled}
    name = max(found, key=lambda method: len(found[method]))
    scales: dict[tuple[Any, ...], list[tuple[str, Profile, FeatureCurve]]] = {}
    for model, profile, curve in found[name]:
        key = (profile.output, profile.target, profile.level, curve.levels, curve.ranked, curve.grid.tobytes())
        scales.setdefault(key, []).append((model, profile, curve))
    for curves in scales.values():
        _, profile, curve = curves[0]
        yield {
            "feature": text(feature),
            "kind": text(curve.kind),
            "profile": text(name),
            "output": profile.output,
            "target": text(results.classes[profile.target]) if results.classes else None,
            "level": number(profile.level),
            "ranked": bool(curve.ranked),
            "grid": _numbers(curve.grid),
            "levels": [text(level) for level in curve.levels],
            "share": _numbers(curve.share),
            "quantiles": _numbers(curve.quantiles),
            "models": [
                {
                    "model": text(model),
                    "n": int(one.n),
                    "missing": int(one.missing),
                    **{key: _numbers(getattr(one, key)) for key in ("curve", "low", "high")},
                }
                for model, _, one in curves
            ],
        }


def _curves(results: Results, name: str, feature: str) -> list[tuple[str, Profile, FeatureCurve]]:
    found = []
    for model in results.models:
        profile = results.profiles.get((model.name, name))
        found += [(model.name, profile, curve) for curve in (profile.curves if profile else ()) if profile and curve.feature == feature]
    return found


def _numbers(values: Array) -> list[float | None]:
    return [number(value) for value in values]
