"""Which scores answer which question: the study's own, and the same question asked again under another condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from xai_compare.compare.skill import has_skill
from xai_compare.results import MethodFacts, MetricFacts, Results
from xai_compare.types import BoolArray, Scores

__all__ = ["OWN", "PREDICTIONS_AGREE", "Scored", "agreeing", "asked", "competing", "lead_fidelity", "skilled"]

OWN, PREDICTIONS_AGREE = "", "predictions agree"

Scored: TypeAlias = Mapping[tuple[str, str, str], Scores]
"""Scores by (model, explainer, metric)."""


def asked(results: Results) -> dict[str, Scored]:
    """{condition: the scores under it}: "" for the study's own, then those of `Results.checks`, which are of the lead fidelity metric."""
    found: dict[str, Scored] = {OWN: results.scores}
    metric = lead_fidelity(results)
    if metric is not None:
        for condition in sorted({condition for condition, _, _ in results.checks}):
            checked = ((key[1:], scores) for key, scores in results.checks.items() if key[0] == condition)
            found[condition] = {(model, method, metric.name): scores for (model, method), scores in checked}
    return found


def lead_fidelity(results: Results) -> MetricFacts | None:
    """The metric that speaks for fidelity, method by method."""
    return next((one for one in results.metrics if one.question == "fidelity" and one.lead and one.scope == "method"), None)


def competing(results: Results) -> list[MethodFacts]:
    """The methods of the study without the control, which knows nothing of the model and so competes with nothing."""
    return [method for method in results.methods if not method.control]


def skilled(scored: Scored, model: str, method: str, metric: str) -> Scores | None:
    """Scores that have a skill, if there are any."""
    scores = scored.get((model, method, metric))
    return scores if scores is not None and has_skill(scores) else None


def agreeing(results: Results, a: str, b: str) -> BoolArray | None:
    """(n,): the cases for which two classifiers predict the same class; None where that is all of them, none, or no question."""
    predicted = results.cases.predicted
    if results.task == "regression" or a not in predicted or b not in predicted:
        return None
    same: BoolArray = predicted[a] == predicted[b]
    return same if same.any() and not same.all() else None
