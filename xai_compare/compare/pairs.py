"""Which scores are set against which: models by the same and by their best methods, under conditions, and methods with each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from xai_compare.compare.agreement import pair_scores
from xai_compare.compare.best import best_of
from xai_compare.compare.questions import OWN, PREDICTIONS_AGREE, Scored, agreeing, asked, competing, lead_fidelity, skilled
from xai_compare.compare.skill import has_skill
from xai_compare.results import MetricFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import BoolArray, Scores

__all__ = ["BEST_METHOD", "SAME_METHOD", "Pair", "leading", "pairs"]

SAME_METHOD, BEST_METHOD = "same_method", "best_method"


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two sets of scores of the same cases whose skills are to be compared; the other fields are those of `GapRow`.

    cases : (n,) which cases count; None: all.
    """

    kind: Literal["models", "methods"]
    metric: MetricFacts
    a: str
    b: str
    scores: tuple[Scores, Scores]
    model: str = ""
    explainer: str = ""
    pairing: str = ""
    headline: bool = False
    condition: str = OWN
    choices: tuple[tuple[str, str], tuple[str, str]] | None = None
    cases: BoolArray | None = None


def pairs(results: Results, pairings: Collection[str], streams: Streams) -> list[Pair]:
    """Every pair in the study's order: models against the reference, metric by metric, then methods against each other.

    Between two models on one metric the best methods come first, then each method that both have. A headline is followed at once by
    the same question under each condition. `streams` splits the cases into halves.
    """
    return [*_Models(results, asked(results), frozenset(pairings), streams).pairs(), *_methods(results)]


def leading(results: Results, pairings: Collection[str], streams: Streams) -> list[Pair]:
    """Of these pairs the headlines of fidelity: each model against the reference, as the first sentences of a report tell it."""
    metric, models = lead_fidelity(results), _Models(results, asked(results), frozenset(pairings), streams)
    others = [model.name for model in results.models if not model.reference]
    return [pair for other in others for pair in models.between(metric, other) if pair.headline] if metric else []


@dataclass(frozen=True, slots=True, eq=False)
class _Models:
    """Pairs of models."""

    results: Results
    asked: dict[str, Scored]
    pairings: frozenset[str]
    streams: Streams

    def pairs(self) -> Iterator[Pair]:
        others = [model.name for model in self.results.models if not model.reference]
        for metric in self.results.metrics:
            for model in others:
                if metric.scope == "methods":
                    yield from self._agreement(metric, model)
                elif metric.scope == "method":
                    for pair in self.between(metric, model):
                        yield pair
                        if pair.headline:
                            yield from self._again(pair)

    def between(self, metric: MetricFacts, model: str) -> Iterator[Pair]:
        if BEST_METHOD in self.pairings and metric.lead and (best := self._best(OWN, metric, model)):
            yield replace(best, headline=True)
        if SAME_METHOD in self.pairings:
            same = [pair for method in competing(self.results) if (pair := self._same(OWN, metric, model, method.name))]
            lead = None if BEST_METHOD in self.pairings or not metric.lead else self._leading(metric, same)
            yield from (replace(pair, headline=pair.explainer == lead) for pair in same)

    def _again(self, pair: Pair) -> Iterator[Pair]:
        """The question of a headline, asked again: where both models predict the same, and on other scales or with other fills."""
        cases = agreeing(self.results, pair.a, pair.b)
        if cases is not None:
            yield replace(pair, headline=False, condition=PREDICTIONS_AGREE, cases=cases)
        for condition in (one for one in self.asked if one != OWN):
            where = (condition, pair.metric, pair.a)  # only fidelity has scores there
            again = self._best(*where) if pair.pairing == BEST_METHOD else self._same(*where, pair.explainer)
            if again:
                yield again

    def _best(self, condition: str, metric: MetricFacts, model: str) -> Pair | None:
        """Each model by the method that explains it best, whatever the metric: a reviewer reads one method per model."""
        judge = lead_fidelity(self.results) or metric
        scored, reference = self.asked[condition], self.results.reference
        a, b = (best_of(self._by(scored, name, metric), self._by(scored, name, judge), self.streams) for name in (model, reference))
        if a is None or b is None:
            return None
        choices = a.choices, b.choices
        scores = a.scores, b.scores
        return Pair("models", metric, model, reference, scores, pairing=BEST_METHOD, condition=condition, choices=choices)

    def _by(self, scored: Scored, model: str, metric: MetricFacts) -> dict[str, Scores]:
        found = ((method.name, skilled(scored, model, method.name, metric.name)) for method in competing(self.results))
        return {method: scores for method, scores in found if scores}

    def _same(self, condition: str, metric: MetricFacts, model: str, method: str) -> Pair | None:
        reference = self.results.reference
        a, b = (skilled(self.asked[condition], name, method, metric.name) for name in (model, reference))
        if a is None or b is None:
            return None
        return Pair("models", metric, model, reference, (a, b), explainer=method, pairing=SAME_METHOD, condition=condition)

    def _leading(self, metric: MetricFacts, same: Sequence[Pair]) -> str | None:
        """The first signed explainer whose scores every model has, so that all headlines of a metric rest on it; else that of the pair."""
        signed = [method.name for method in competing(self.results) if method.signed]
        names = [model.name for model in self.results.models]
        shared = (one for one in signed if all(skilled(self.results.scores, name, one, metric.name) for name in names))
        return next(shared, None) or next((pair.explainer for pair in same if pair.explainer in signed), None)

    def _agreement(self, metric: MetricFacts, model: str) -> Iterator[Pair]:
        """Agreement on one model against the other: per case the mean over the pairs of signed methods that both models have."""
        signed = [method for method in competing(self.results) if method.signed]
        reference = self.results.reference
        shared: list[tuple[Scores, Scores]] = []
        for a, b in combinations(signed, 2):
            ours, theirs = (pair_scores(self.results, name, a, b, metric.name) for name in (model, reference))
            if ours and theirs and has_skill(ours) and has_skill(theirs):
                shared.append((ours, theirs))
        if shared:
            scores = _mean_scores([ours for ours, _ in shared]), _mean_scores([theirs for _, theirs in shared])
            yield Pair(
                "models",
                metric,
                model,
                reference,
                scores,
                explainer="all signed methods",
                pairing=SAME_METHOD,  # whichever was asked for: of all methods together there is no best
                headline=metric.lead,
            )


def _mean_scores(many: Sequence[Scores]) -> Scores:
    """Scores averaged case by case; NaN where any is, so that every case rests on the same pairs."""
    values = np.mean([scores.values for scores in many], axis=0)
    chance = np.mean([scores.chance for scores in many if scores.chance is not None], axis=0)
    ceiling = np.mean([scores.ceiling for scores in many if scores.ceiling is not None], axis=0)
    reasons = {case: reason for scores in many for case, reason in scores.reasons.items()}
    return Scores(values, chance, ceiling, reasons=reasons)


def _methods(results: Results) -> Iterator[Pair]:
    for metric in results.metrics:
        if metric.scope == "method":
            for model in results.models:
                for a, b in combinations(competing(results), 2):
                    ours, theirs = (skilled(results.scores, model.name, method.name, metric.name) for method in (a, b))
                    if ours and theirs:
                        yield Pair("methods", metric, a.name, b.name, (ours, theirs), model=model.name)
