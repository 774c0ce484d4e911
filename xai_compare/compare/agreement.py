"""Agreement of explainers with each other on one model, and of models' predictions with the reference's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from xai_compare.compare.intervals import wilson
from xai_compare.compare.rows import AgreementRow, Interval
from xai_compare.compare.skill import summarise
from xai_compare.results import MethodFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import Scores

__all__ = ["agreement_rows", "pair_scores", "predictions_agree"]

_METRIC = "agreement"


def agreement_rows(results: Results, level: float, streams: Streams) -> tuple[AgreementRow, ...]:
    """One row per model, pair of explainers and measure with scores: the metric's own measure first, then its parts by name."""
    found = list(_measured(results))
    summaries = summarise([scores for _, scores in found], level, streams)
    return tuple(AgreementRow(*key, one.value, one.chance, one.skill) for (key, _), one in zip(found, summaries, strict=True))


def _measured(results: Results) -> Iterator[tuple[tuple[str, str, str, str], Scores]]:
    facts = next((metric for metric in results.metrics if metric.name == _METRIC and metric.scope == "methods"), None)
    if facts is None:
        return
    own = str(facts.parameters.get("measure", _METRIC))
    for model in results.models:
        for a, b in combinations(results.methods, 2):
            if (scores := pair_scores(results, model.name, a, b, _METRIC)) is not None:
                yield (model.name, a.name, b.name, own), scores
                for part in sorted(scores.parts):
                    yield (model.name, a.name, b.name, part), scores.parts[part]


def pair_scores(results: Results, model: str, a: MethodFacts, b: MethodFacts, metric: str) -> Scores | None:
    """The scores of a pair of explainers, in whichever order the run named the pair."""
    keys = ((model, f"{first.name} ~ {second.name}", metric) for first, second in ((a, b), (b, a)))
    return next((results.scores[key] for key in keys if key in results.scores), None)


def predictions_agree(results: Results, level: float) -> dict[str, Interval]:
    """{model: share of the explained cases with the reference's predicted class}, by Wilson's interval; empty for regression."""
    predicted = results.cases.predicted
    if results.task == "regression" or results.reference not in predicted:
        return {}
    wanted = predicted[results.reference]
    others = [model.name for model in results.models if not model.reference and model.name in predicted]
    return {name: wilson(int(np.sum(predicted[name] == wanted)), len(wanted), level) for name in others}
