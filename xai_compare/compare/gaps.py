"""Gaps of skill between models and between methods, with verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from xai_compare.compare.agreement import pair_scores
from xai_compare.compare.intervals import BCA, decides, holm
from xai_compare.compare.resample import difference, intervals
from xai_compare.compare.rows import GapRow, Interval, Verdict
from xai_compare.compare.skill import known, skill_statistic
from xai_compare.errors import XaiCompareError
from xai_compare.results import MethodFacts, MetricFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import Array, Scores

__all__ = ["gap_rows"]

_EQUAL = 1e-12  # of an alpha: p is a ratio of whole numbers and may meet it exactly


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two sets of scores of the same cases whose skills are to be compared."""

    kind: Literal["models", "methods"]
    metric: MetricFacts
    model: str
    explainer: str
    a: str
    b: str
    scores: tuple[Scores, Scores]
    headline: bool = False


def gap_rows(results: Results, level: float, tolerance: Mapping[str, float], streams: Streams) -> tuple[GapRow, ...]:
    """Every gap of skill, in the study's order: models against the reference first, then methods against each other.

    Models are compared metric by metric under each explainer but the control; methods on each model. A metric without chance or ceiling has
    no skill and no row. Headline gaps, the lead metrics under the lead explainer, form one family for Holm's adjustment.

    Raises
    ------
    XaiCompareError
        If scores that should be paired have different numbers of cases.
    """
    pairs = [*_model_pairs(results), *_method_pairs(results)]
    gaps = intervals([_statistic(pair) for pair in pairs], level, streams)
    adjusted = _adjusted(pairs, gaps)
    return tuple(_row(pair, gap, p, level, tolerance) for pair, gap, p in zip(pairs, gaps, adjusted, strict=True))


def _model_pairs(results: Results) -> Iterator[_Pair]:
    others = [model.name for model in results.models if not model.reference]
    for metric in results.metrics:
        leading = _leading(results, metric.name)
        for model in others:
            if metric.scope == "method":
                yield from _same_method(results, metric, model, leading)
            elif metric.scope == "methods":
                yield from _all_methods(results, metric, model)


def _same_method(results: Results, metric: MetricFacts, model: str, leading: str | None) -> Iterator[_Pair]:
    shared = [method for method in _methods(results) if _both(results, metric.name, method.name, model)]
    lead = leading or next((method.name for method in shared if method.signed), None)
    for method in shared:
        scores = _both(results, metric.name, method.name, model)
        assert scores is not None
        headline = metric.lead and method.name == lead
        yield _Pair("models", metric, "", method.name, model, results.reference, scores, headline)


def _leading(results: Results, metric: str) -> str | None:
    """The first signed explainer whose scores every model has; the headline gaps of a metric then all rest on the same one."""
    names = [model.name for model in results.models]
    signed = (method.name for method in _methods(results) if method.signed)
    return next((method for method in signed if all(_skilled(results, (name, method, metric)) for name in names)), None)


def _both(results: Results, metric: str, method: str, model: str) -> tuple[Scores, Scores] | None:
    a, b = _skilled(results, (model, method, metric)), _skilled(results, (results.reference, method, metric))
    return (a, b) if a and b else None


def _all_methods(results: Results, metric: MetricFacts, model: str) -> Iterator[_Pair]:
    """Agreement on one model against the other: per case the mean over the pairs of signed methods that both models have."""
    signed = [method for method in _methods(results) if method.signed]
    shared: list[tuple[Scores, Scores]] = []
    for a, b in combinations(signed, 2):
        ours, theirs = (pair_scores(results, name, a, b, metric.name) for name in (model, results.reference))
        if ours and theirs and _has_skill(ours) and _has_skill(theirs):
            shared.append((ours, theirs))
    if shared:
        scores = _mean_scores([ours for ours, _ in shared]), _mean_scores([theirs for _, theirs in shared])
        yield _Pair("models", metric, "", "all signed methods", model, results.reference, scores, metric.lead)


def _mean_scores(many: Sequence[Scores]) -> Scores:
    """Scores averaged case by case; NaN where any is, so that every case rests on the same pairs."""
    values = np.mean([scores.values for scores in many], axis=0)
    chance = np.mean([scores.chance for scores in many if scores.chance is not None], axis=0)
    ceiling = np.mean([scores.ceiling for scores in many if scores.ceiling is not None], axis=0)
    reasons = {case: reason for scores in many for case, reason in scores.reasons.items()}
    return Scores(values, chance, ceiling, reasons=reasons)


def _method_pairs(results: Results) -> Iterator[_Pair]:
    for metric in results.metrics:
        if metric.scope == "method":
            for model in results.models:
                for a, b in combinations(_methods(results), 2):
                    ours, theirs = (_skilled(results, (model.name, method.name, metric.name)) for method in (a, b))
                    if ours and theirs:
                        yield _Pair("methods", metric, model.name, "", a.name, b.name, (ours, theirs))


def _methods(results: Results) -> list[MethodFacts]:
    return [method for method in results.methods if not method.control]


def _skilled(results: Results, key: tuple[str, str, str]) -> Scores | None:
    scores = results.scores.get(key)
    return scores if scores is not None and _has_skill(scores) else None


def _has_skill(scores: Scores) -> bool:
    return scores.chance is not None and scores.ceiling is not None


def _statistic(pair: _Pair) -> Array:
    """Skill of a minus skill of b over the cases that both have."""
    a, b = pair.scores
    if len(a.values) != len(b.values):
        found = f"{pair.a} has scores for {len(a.values)} cases, {pair.b} for {len(b.values)}"
        raise XaiCompareError(f"'{pair.metric.name}' of {pair.model or pair.explainer} cannot be paired by case: {found}")
    keep = known(a) & known(b)
    return difference(skill_statistic(a, keep), skill_statistic(b, keep))


def _adjusted(pairs: Sequence[_Pair], gaps: Sequence[Interval]) -> list[float | None]:
    """Holm's p of the headline gaps, None elsewhere. One that cannot decide counts as p = 1: leaving it out would flatter the others."""
    family = [index for index, pair in enumerate(pairs) if pair.headline]
    raw = [p if (p := gaps[index].p) is not None and decides(gaps[index]) else 1.0 for index in family]
    adjusted = dict(zip(family, holm(raw), strict=True))
    return [adjusted.get(index) for index in range(len(pairs))]


def _row(pair: _Pair, gap: Interval, adjusted: float | None, level: float, tolerance: Mapping[str, float]) -> GapRow:
    # The tolerance is a loss against the reference that the user accepts; two methods on one model have no reference.
    accepted = tolerance.get(pair.metric.question) if pair.kind == "models" else None
    pairing = "same_method" if pair.kind == "models" else ""
    where = (pair.kind, pair.metric.question, pair.metric.name, pairing, pair.model, pair.explainer, pair.a, pair.b)
    return GapRow(*where, gap, adjusted, _verdict(gap, adjusted, level), accepted, _disposition(gap, accepted), pair.headline)


def _verdict(gap: Interval, adjusted: float | None, level: float) -> Verdict:
    p = gap.p if adjusted is None else adjusted
    if p is None or gap.estimate is None or not decides(gap) or p > 1 - level + _EQUAL:
        return "cannot be told apart"
    return "better" if gap.estimate > 0 else "worse"


def _disposition(gap: Interval, tolerance: float | None) -> Literal["pass", "review", "not assessed"]:
    # Where every case differs by the same amount the estimate needs no interval.
    floor = gap.estimate if gap.how == "all equal" else gap.low
    if tolerance is None or floor is None:
        return "not assessed"
    if floor < -tolerance:
        return "review"
    # An interval that is known to be too narrow may ask for a review, but it lets nothing pass.
    return "not assessed" if gap.how == BCA else "pass"
