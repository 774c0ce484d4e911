"""Reason codes: ranked from re-referenced contributions, and how far they survive a change of method, model, seed or reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from xai_compare.compare.intervals import newcombe, wilson
from xai_compare.compare.resample import intervals, mean_of
from xai_compare.compare.rows import Interval, ReasonCrossing, ReasonFlag, ReasonPair, Reasons, ReasonShare, ReasonTold
from xai_compare.compare.slices import FEWEST
from xai_compare.reasons import AGAIN, POLICIES, QUESTION, Ranking, Reason, contributions, ranked, reasons_of
from xai_compare.results import MetricFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, IntArray, Scores

__all__ = ["reason_metric", "reason_rows"]

_Key: TypeAlias = tuple[str, str]
"""Model, explainer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """What one method says of one model: the adverse cases, and their principal reasons by policy, by number of the case."""

    scores: Scores
    adverse: BoolArray
    rankings: Mapping[str, Ranking]

    def sets(self, name: str, cases: IntArray, g: int) -> tuple[BoolArray, IntArray]:
        """(m, g) which reasons are told of these cases, and (m,) the first one, -1 for none."""
        ranking = self.rankings[name]
        return ranking.members(g)[cases], ranking.order[cases, 0]


def reason_metric(results: Results) -> MetricFacts | None:
    """The metric behind reason codes, where the study asks for them."""
    return next((metric for metric in results.metrics if metric.question == QUESTION), None)


def reason_rows(results: Results, level: float, streams: Streams) -> Reasons | None:
    """Every statistic on reason codes, and the reasons of each adverse case; None where the study asks for none.

    Shares have Wilson's interval, mean overlaps bootstrap-t over the adverse cases; all are exploratory. A slice with fewer than 30
    adverse cases has one row without a number.
    """
    metric = reason_metric(results)
    if metric is None:
        return None
    reasons, policy, top = reasons_of(metric.parameters), str(metric.parameters["policy"]), int(metric.parameters["top"])
    own = {
        (model.name, method): _own(scores, reasons, top)
        for model in results.models
        for method in metric.parameters["methods"]
        if (scores := results.scores.get((model.name, method, metric.name))) is not None
    }
    asked = list(_pairs(own, policy, len(reasons)))
    overlaps = intervals([mean_of(one.overlap) for one in asked], level, streams.at("reasons"))
    return Reasons(
        adverse={model: wilson(int(one.adverse.sum()), len(one.adverse), level) for (model, _), one in own.items()},
        crossings=tuple(_crossings(own, policy, level)),
        pairs=tuple(one.row(overlap, level) for one, overlap in zip(asked, overlaps, strict=True)),
        shares=tuple(_shares(results, own, policy, reasons, level)),
        told=tuple(_told(results, own, policy, reasons)),
        flags=tuple(_flags(results, own, policy, reasons)),
    )


def _own(scores: Scores, reasons: tuple[Reason, ...], top: int) -> _Own:
    adverse = np.isfinite(scores.values)
    # Cases that are not adverse have no contributions: with zeros in their place they have no reasons.
    sums = {name: contributions(np.nan_to_num(scores.curves[name]), reasons) for name in (*POLICIES, AGAIN)}
    return _Own(scores, adverse, {name: ranked(values, top) for name, values in sums.items()})


def _crossings(own: Mapping[_Key, _Own], policy: str, level: float) -> Iterator[ReasonCrossing]:
    for (model, method), one in own.items():
        for name in sorted(POLICIES, key=lambda other: other != policy):
            values = (one.scores if name == policy else one.scores.parts[name]).values[one.adverse]
            yield ReasonCrossing(model, method, name, wilson(int(values.sum()), len(values), level))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two sets of reasons of the same cases."""

    kind: Literal["methods", "models", "seeds", "references"]
    model: str
    explainer: str
    a: str
    b: str
    sets: tuple[BoolArray, BoolArray]
    first: tuple[IntArray, IntArray]

    @property
    def overlap(self) -> Array:
        """(m,) shared reasons over the larger number of reasons; 1 where neither has any."""
        a, b = self.sets
        return _ratio((a & b).sum(axis=1), np.maximum(a.sum(axis=1), b.sum(axis=1)))

    def row(self, overlap: Interval, level: float) -> ReasonPair:
        a, b = self.sets
        m, g = a.shape
        fewer, more = np.minimum(a.sum(axis=1), b.sum(axis=1)), np.maximum(a.sum(axis=1), b.sum(axis=1))
        # Drawn at random, sets of sizes s and t share s t / g reasons.
        chance = np.where(more > 0, fewer / g, 1.0)
        first = np.where(more > 0, (fewer > 0) / g, 1.0)
        return ReasonPair(
            *(self.kind, self.model, self.explainer, self.a, self.b),
            overlap=Interval(overlap.estimate, overlap.low, overlap.high, overlap.n, overlap.how),
            overlap_chance=float(chance.mean()) if m else None,
            first=wilson(int((self.first[0] == self.first[1]).sum()), m, level),
            first_chance=float(first.mean()) if m else None,
            changed=wilson(int((a != b).any(axis=1).sum()), m, level),
        )


def _ratio(shared: IntArray, size: IntArray) -> Array:
    return np.divide(shared, size, out=np.ones(len(shared)), where=size > 0)


def _pairs(own: Mapping[_Key, _Own], policy: str, g: int) -> Iterator[_Pair]:
    models, methods = (list(dict.fromkeys(key[place] for key in own)) for place in (0, 1))
    for model in models:
        for a, b in combinations([method for method in methods if (model, method) in own], 2):
            yield _pair("methods", (model, "", a, b), (own[model, a], policy), (own[model, b], policy), g)
    for method in methods:
        for a, b in combinations([model for model in models if (model, method) in own], 2):
            yield _pair("models", ("", method, a, b), (own[a, method], policy), (own[b, method], policy), g)
    other = next(name for name in POLICIES if name != policy)
    for (model, method), one in own.items():
        yield _pair("seeds", (model, method, policy, AGAIN), (one, policy), (one, AGAIN), g)
        yield _pair("references", (model, method, policy, other), (one, policy), (one, other), g)


def _pair(
    kind: Literal["methods", "models", "seeds", "references"],
    named: tuple[str, str, str, str],
    a: tuple[_Own, str],
    b: tuple[_Own, str],
    g: int,
) -> _Pair:
    both = np.flatnonzero(a[0].adverse & b[0].adverse)
    first, second = (one.sets(name, both, g) for one, name in (a, b))
    return _Pair(kind, *named, sets=(first[0], second[0]), first=(first[1], second[1]))


def _shares(results: Results, own: Mapping[_Key, _Own], policy: str, reasons: tuple[Reason, ...], level: float) -> Iterator[ReasonShare]:
    everyone = np.ones(len(results.cases.ids), dtype=bool)
    groups = [("", "", everyone)]
    for column, labels in results.slices.items():
        said = np.asarray(labels, dtype=object)
        groups += [(column, label, np.asarray(said == label, dtype=bool)) for label in sorted(set(labels))]
    for (model, method), one in own.items():
        for column, label, inside in groups:
            cases, others = (np.flatnonzero(one.adverse & group) for group in (inside, ~inside))
            if column and len(cases) < FEWEST:
                yield ReasonShare(model, method, "", None, column, label)
                continue
            told, elsewhere = (one.sets(policy, group, len(reasons))[0] for group in (cases, others))
            for place, reason in enumerate(reasons):
                share, rest = (wilson(int(made[:, place].sum()), len(made), level) for made in (told, elsewhere))
                difference = newcombe(share, rest) if len(others) >= FEWEST else None
                yield ReasonShare(model, method, reason.code, share, column, label, difference)


def _told(results: Results, own: Mapping[_Key, _Own], policy: str, reasons: tuple[Reason, ...]) -> Iterator[ReasonTold]:
    for (model, method), one in own.items():
        ranking, values = one.rankings[policy], one.scores.curves[policy]
        for case in np.flatnonzero(one.adverse).tolist():
            places = ranking.order[case][ranking.order[case] >= 0].tolist()
            omitted, flips, who = float(ranking.omitted[case]), bool(one.scores.values[case] > 0), results.cases.ids[case]
            if not places:
                yield ReasonTold(model, method, who, 0, "", "", 0.0, False, (), omitted, flips)
            for rank, place in enumerate(places):
                reason = reasons[place]
                wrong = tuple(results.features[j] for j in reason.prohibited if values[case, j] > 0)
                told = float(ranking.shares[case, rank]), bool(ranking.tied[case, rank]), wrong
                yield ReasonTold(model, method, who, rank + 1, reason.code, reason.text, *told, omitted, flips)


def _flags(results: Results, own: Mapping[_Key, _Own], policy: str, reasons: tuple[Reason, ...]) -> Iterator[ReasonFlag]:
    for (model, method), one in own.items():
        told = one.rankings[policy].members(len(reasons))
        for place, reason in enumerate(reasons):
            for feature in reason.prohibited:
                cases = int((told[:, place] & (np.nan_to_num(one.scores.curves[policy][:, feature]) > 0)).sum())
                if cases:
                    yield ReasonFlag(model, method, results.features[feature], reason.code, cases, int(one.adverse.sum()))
