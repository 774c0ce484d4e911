"""What the report holds of reason codes: the map, the rows of `compare.reasons`, and the reasons of a few adverse cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from xai_compare.compare import Comparison, Reasons, ReasonTold
from xai_compare.compare.reasons import reason_metric
from xai_compare.reasons import reasons_of
from xai_compare.report.plain import interval, number, text
from xai_compare.results import MetricFacts, Results

__all__ = ["reason_codes"]

_EACH = 3  # cases by disagreement, and as many by nearness to the threshold
_SPANS = ("share", "difference", "rate", "overlap", "first", "changed")


def reason_codes(results: Results, comparison: Comparison) -> dict[str, Any] | None:
    """Everything that the section on reason codes shows; None where the study asks for none."""
    metric, found = reason_metric(results), comparison.reasons
    if metric is None or found is None:
        return None
    asked = metric.parameters
    return {
        "threshold": number(asked["threshold"]),
        "adverse": text(asked["adverse_class"]),
        "output": asked["output"],
        "reference": asked["policy"],
        "top": int(asked["top"]),
        "methods": [{"name": text(name), "difference": name in asked["differences"]} for name in asked["methods"]],
        "codes": [
            {
                "code": text(reason.code),
                "group": text(reason.group),
                "text": text(reason.text),
                "features": [text(results.features[place]) for place in reason.features],
                "prohibited": [text(results.features[place]) for place in reason.prohibited],
            }
            for reason in reasons_of(asked)
        ],
        "decided": [{"model": text(model), "share": interval(share)} for model, share in found.adverse.items()],
        "crossings": [_row(row) for row in found.crossings],
        "pairs": [_row(row) for row in found.pairs],
        "shares": [_row(row) for row in found.shares],
        "flags": [_row(row) for row in found.flags],
        "cases": _cases(results, metric, found),
    }


def _row(row: Any) -> dict[str, Any]:
    """A row of statistics as plain values."""
    held = {key: getattr(row, key) for key in asdict(row)}
    return {key: _plain(key, value) for key, value in held.items()}


def _plain(key: str, value: Any) -> Any:
    if key in _SPANS:
        return None if value is None else interval(value)
    return text(value) if isinstance(value, str) else value if isinstance(value, int) else number(value)


def _cases(results: Results, metric: MetricFacts, found: Reasons) -> list[dict[str, Any]]:
    """Adverse cases, some on which models and methods share the fewest codes, then some nearest to the threshold."""
    told: dict[str, dict[tuple[str, str], list[ReasonTold]]] = {}
    for row in found.told:
        told.setdefault(row.case, {}).setdefault((row.model, row.explainer), []).append(row)
    chosen = dict.fromkeys(_unlike(told)[:_EACH], "among the adverse cases on which models and methods share the fewest codes")
    outputs = _outputs(results, metric)
    name, nearest = _nearest(results, outputs, told, float(metric.parameters["threshold"]))
    for case in nearest[: _EACH + len(chosen)]:
        if len(chosen) < 2 * _EACH:
            chosen.setdefault(case, f"among the adverse cases of {name} that are nearest to its threshold")
    places = {case: place for place, case in enumerate(results.cases.ids)}
    return [
        {
            "id": text(case),
            "why": text(why),
            "models": [_decided(model, told[case], float(output[places[case]])) for model, output in outputs.items()],
        }
        for case, why in chosen.items()
    ]


def _unlike(told: Mapping[str, Mapping[tuple[str, str], list[ReasonTold]]]) -> list[str]:
    """Cases with several sets of codes, those that share least first."""
    shared = {}
    for case, by in told.items():
        sets = [{row.code for row in rows if row.rank} for rows in by.values()]
        pairs = [len(a & b) / max(len(a), len(b), 1) for a, b in combinations(sets, 2)]
        if pairs:
            shared[case] = float(np.mean(pairs))
    return sorted(shared, key=lambda case: shared[case])


def _outputs(results: Results, metric: MetricFacts) -> dict[str, Any]:
    """{model: (n,) the output by which it decides}, of the models for which any method has reasons."""
    found = {}
    for model in results.models:
        scored = (results.scores.get((model.name, method, metric.name)) for method in metric.parameters["methods"])
        own = next((scores for scores in scored if scores is not None), None)
        if own is not None:
            found[model.name] = own.curves["output"][:, 0]
    return found


def _nearest(results: Results, outputs: Mapping[str, Any], told: Mapping[str, Any], threshold: float) -> tuple[str, list[str]]:
    """The model that speaks, the reference if it does, and its adverse cases by nearness to the threshold."""
    names = [results.reference, *outputs]
    for name in names:
        adverse = [i for i, case in enumerate(results.cases.ids) if name in outputs and case in told and outputs[name][i] >= threshold]
        if adverse:
            return name, [results.cases.ids[i] for i in sorted(adverse, key=lambda i: outputs[name][i])]
    return "", []


def _decided(model: str, told: Mapping[tuple[str, str], list[ReasonTold]], output: float) -> dict[str, Any]:
    """What one model decides of one case, and the reasons by each method; no methods where it is not adverse."""
    methods = [
        {
            "explainer": text(explainer),
            "omitted": number(rows[0].omitted),
            "flips": rows[0].flips,
            "reasons": [
                {
                    "code": text(row.code),
                    "text": text(row.text),
                    "share": number(row.share),
                    "tied": row.tied,
                    "prohibited": [text(name) for name in row.prohibited],
                }
                for row in rows
                if row.rank
            ],
        }
        for (name, explainer), rows in told.items()
        if name == model
    ]
    return {"model": text(model), "output": number(output), "methods": methods}
