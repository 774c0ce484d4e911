"""Results and their statistics -> the report: one dictionary of plain values from which everything displayed comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from xai_compare import __version__
from xai_compare.compare import AgreementRow, Comparison, CurveRow, DrivingRow, GapRow, PerformanceRow, SkillRow, SliceRow
from xai_compare.report import described
from xai_compare.report.choose import case_methods, choose, differing, lead_method, overlap, signed_methods, widest
from xai_compare.report.driven import importance, profiles, swarm, words
from xai_compare.report.inputs import attention, fine, image, layout, modality, series
from xai_compare.report.limits import limits
from xai_compare.report.plain import interval, number, plain, text
from xai_compare.report.reasons import reason_codes
from xai_compare.report.regulation import regulation_map
from xai_compare.report.verdict import verdict
from xai_compare.results import Results
from xai_compare.types import Array, Attribution

__all__ = ["PARTS", "SCHEMA_VERSION", "Report", "build", "cases"]

Report: TypeAlias = dict[str, Any]

SCHEMA_VERSION = "1.2"
DECOMPOSED = "additive_fit"
PARTS = ("explained", "lost_by_method", "beyond_additive", "attainable", "size_alone")
_WORST = 3


def build(results: Results, comparison: Comparison) -> Report:
    """The report of a run: plain values only, never NaN, the same for the same input.

    Parameters
    ----------
    results : what the run produced.
    comparison : every statistic on it.

    Returns
    -------
    The dictionary that `schema.json` describes. Numbers have at most 10 significant digits; a number that is null has a reason beside it.
    """
    chosen = choose(results, comparison.driving)
    report: Report = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "xai_compare", "version": __version__},
        "scope": _scope(results, comparison),
        "models": [_model(results, comparison, index) for index in range(len(results.models))],
        "methods": [plain(asdict(method)) for method in results.methods],
        "metrics": [plain(asdict(metric)) for metric in results.metrics],
        "cells": [plain(asdict(cell)) for cell in results.cells],
        "performance": [_performance(row) for row in comparison.performance],
        "global": importance(results, comparison),
        "words": words(comparison),
        "profiles": profiles(results, comparison),
        "swarm": swarm(results, comparison),
        "agreement": _agreement(results, comparison),
        "decomposition": _decomposition(results, comparison),
        "skills": [_skill(row) for row in comparison.skills],
        "gaps": [_gap(row) for row in comparison.gaps],
        "curves": [_curve(row) for row in comparison.curves],
        "powerless": _powerless(results, comparison),
        "spread": [plain(asdict(row)) for row in comparison.spread],
        "slices": [_slice(row) for row in comparison.slices],
        "cases": cases(results, chosen, comparison.driving),
        "reason_codes": reason_codes(results, comparison),
        "regulation_map": regulation_map(),
        "provenance": plain(results.provenance),
        "assets": [],
    }
    report["limits"] = limits(report, results.limits)
    report["verdict"] = verdict(report, _widest(comparison.driving, chosen))
    return report


def _scope(results: Results, comparison: Comparison) -> dict[str, Any]:
    return {
        "title": text(results.title),
        "task": results.task,
        "modality": modality(results),
        "layout": layout(results),
        "reference": text(results.reference),
        "control": text(results.control),
        "lead_method": lead_method(results),
        "classes": [text(name) for name in results.classes],
        "features": described.features(results),
        "rows": described.rows(results),
        "together": described.together(results),
        "cases": len(results.cases.ids),
        "level": number(comparison.level),
        "values_shown": results.cases.values is not None,
        "data": plain({key: fact for key, fact in results.data.items() if key not in ("layout", described.FACTS)}),
        "study": plain(results.study),
    }


def _model(results: Results, comparison: Comparison, index: int) -> dict[str, Any]:
    model = results.models[index]
    agree = comparison.predictions_agree.get(model.name)
    return {**plain(asdict(model)), "predictions_agree": None if agree is None else interval(agree)}


def _performance(row: PerformanceRow) -> dict[str, Any]:
    return {
        "model": text(row.model),
        "score": text(row.score),
        "split": text(row.split),
        "better": row.better,
        "value": interval(row.value),
        "difference": None if row.difference is None else interval(row.difference),
    }


def _skill(row: SkillRow) -> dict[str, Any]:
    return {
        "model": text(row.model),
        "explainer": text(row.explainer),
        "metric": text(row.metric),
        "part": text(row.part),
        "value": interval(row.value),
        "chance": number(row.chance),
        "ceiling": number(row.ceiling),
        "skill": None if row.skill is None else interval(row.skill),
        "missing": [{"reason": text(reason), "count": int(count)} for reason, count in sorted(row.missing.items())],
    }


def _gap(row: GapRow) -> dict[str, Any]:
    named = ("kind", "question", "metric", "pairing", "model", "explainer", "a", "b", "condition")
    chosen = None if row.choices is None else {key: [text(name) for name in pair] for key, pair in zip("ab", row.choices, strict=True)}
    return {
        **{key: text(getattr(row, key)) for key in named},
        "choices": chosen,
        "gap": interval(row.gap),
        "p_adjusted": number(row.p_adjusted),
        "verdict": row.verdict,
        "tolerance": number(row.tolerance),
        "disposition": row.disposition,
        "headline": bool(row.headline),
    }


def _curve(row: CurveRow) -> dict[str, Any]:
    words = {key: text(getattr(row, key)) for key in ("model", "explainer", "metric", "curve")}
    return {**words, "y": [interval(step) for step in row.y]}


def _slice(row: SliceRow) -> dict[str, Any]:
    words = {key: text(getattr(row, key)) for key in ("kind", "column", "label", "model", "explainer", "metric", "b")}
    found = {key: None if (one := getattr(row, key)) is None else interval(one) for key in ("value", "difference")}
    return {**words, **found}


def _powerless(results: Results, comparison: Comparison) -> list[dict[str, str]]:
    """In the order of the study, so that bytes do not hang on a set."""
    places = product((model.name for model in results.models), (metric.name for metric in results.metrics))
    return [{"model": text(model), "metric": text(metric)} for model, metric in places if (model, metric) in comparison.powerless]


def _decomposition(results: Results, comparison: Comparison) -> list[dict[str, Any]]:
    """1 = explained + lost by the method + beyond any additive explanation, per model and method."""
    found: dict[tuple[str, str], dict[str, SkillRow]] = {}
    for row in comparison.skills:
        if row.metric == DECOMPOSED:
            found.setdefault((row.model, row.explainer), {})[row.part or "explained"] = row
    return [
        {
            "model": text(model),
            "explainer": text(explainer),
            "control": explainer == results.control,
            **{part: _part(rows.get(part)) for part in PARTS},
        }
        for (model, explainer), rows in found.items()
    ]


def _part(row: SkillRow | None) -> dict[str, Any] | None:
    return None if row is None else {**interval(row.value), "chance": number(row.chance)}


def _agreement(results: Results, comparison: Comparison) -> list[dict[str, Any]]:
    pairs: dict[tuple[str, str, str], list[AgreementRow]] = {}
    for row in comparison.agreement:
        pairs.setdefault((row.model, row.a, row.b), []).append(row)
    return [
        {
            "model": text(model),
            "a": text(a),
            "b": text(b),
            "measures": [_measure(row) for row in rows],
            "worst": _worst(results, model, a, b),
        }
        for (model, a, b), rows in pairs.items()
    ]


def _measure(row: AgreementRow) -> dict[str, Any]:
    return {
        "measure": text(row.measure),
        "value": interval(row.value),
        "chance": number(row.chance),
        "skill": None if row.skill is None else interval(row.skill),
    }


def _worst(results: Results, model: str, a: str, b: str) -> list[dict[str, Any]]:
    """The cases on which two signed methods share least; the control is left out, as it disagrees with everything."""
    known = results.attributions
    if not {a, b} <= set(signed_methods(results)) or (model, a) not in known or (model, b) not in known:
        return []
    shared = overlap(known[model, a].values, known[model, b].values)
    order = [case for case in np.argsort(shared, kind="stable") if np.isfinite(shared[case])]
    return [{"id": text(results.cases.ids[case]), "overlap": number(shared[case])} for case in order[:_WORST]]


def _widest(driving: Sequence[DrivingRow], chosen: Sequence[tuple[int, str]]) -> dict[str, dict[str, Any]]:
    """{model: the case that its gap comes from most of all, with the scores there and what it adds to the gap}."""
    places = {index: place for place, (index, _) in enumerate(chosen)}
    first = [(row, order[0]) for row in driving if (order := widest(row))]
    return {
        text(row.a): {
            "case": places[index],
            "own": number(row.own[index]),
            "reference": number(row.reference[index]),
            "term": number(row.terms[index]),
        }
        for row, index in first
    }


def cases(results: Results, chosen: Iterable[tuple[int, str]], driving: Sequence[DrivingRow] = ()) -> list[dict[str, Any]]:
    """Everything that a report tells of these cases, each with why it was chosen."""
    by_model, by_method = differing(results)
    fits = {row.b: row.reference for row in driving} | {row.a: row.own for row in driving}
    return [
        {**_case(results, index, why, fits), "differ": {"models": number(by_model[index]), "methods": number(by_method[index])}}
        for index, why in chosen
    ]


def _case(results: Results, index: int, why: str, fits: Mapping[str, Array]) -> dict[str, Any]:
    cases, target = results.cases, int(results.cases.target[index])
    shown = cases.values is not None
    classes = results.classes
    return {
        "id": text(cases.ids[index]),
        "why": text(why),
        "target": {"index": target, "name": text(classes[target]) if target < len(classes) else None},
        "outcome": _outcome(results, cases.y[index]) if shown and cases.y is not None else None,
        "values": [text(value) for value in cases.values[index]] if cases.values is not None else None,
        "image": image(results, index),
        "series": series(results, index),
        "slices": [{"column": text(name), "label": text(labels[index])} for name, labels in results.slices.items()] if shown else [],
        "models": [_told(results, model.name, index, fits) for model in results.models if model.name in cases.outputs],
        "attributions": _attributions(results, index),
    }


def _outcome(results: Results, value: Any) -> str | float | None:
    """A known outcome: the class's name where y counts classes, the number for regression, else y as it stands."""
    if results.task == "regression":
        return number(value)
    whole = isinstance(value, int | np.integer | float | np.floating) and float(value).is_integer()
    return _class(results, value) if whole and 0 <= int(value) < len(results.classes) else text(value)


def _class(results: Results, index: float) -> str:
    return text(results.classes[int(index)])


def _told(results: Results, model: str, index: int, fits: Mapping[str, Array]) -> dict[str, Any]:
    """What one model says of one case: its class, where it predicts one, and the output explained with its base and how far it is."""
    cases = results.cases

    def at(values: Mapping[str, Any]) -> float | None:
        return number(values[model][index]) if model in values else None

    predicted = at(cases.predicted) if results.task == "classification" else None
    return {
        "model": text(model),
        "predicted": None if predicted is None else _class(results, predicted),
        "output": at(cases.outputs),
        "base": at(cases.base),
        "probability": at(cases.probability),
        "fit": at(fits),
    }


def _attributions(results: Results, index: int) -> list[dict[str, Any]]:
    """What the methods say of one case: of a table those with a direction, elsewhere all that speak of a case."""
    kind = modality(results)
    methods = signed_methods(results) if kind == "table" else case_methods(results)
    return [
        _attribution(kind, made, index) | {"model": text(model.name), "explainer": text(method)}
        for model in results.models
        for method in methods
        if (made := results.attributions.get((model.name, method))) is not None
    ]


def _attribution(kind: str, made: Attribution, index: int) -> dict[str, Any]:
    return {
        "output": made.output,
        "base": None if made.base is None else number(made.base[index]),
        "additive": bool(made.additive),
        "signed": bool(made.signed),
        "values": [number(value) for value in made.values[index]],
        "fine": fine(kind, made, index),
        "attention": attention(made, index),
    }
