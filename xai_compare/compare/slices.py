"""Slices: skill, gaps and outcomes of some of the cases, each against the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xai_compare.compare.intervals import wilson
from xai_compare.compare.pairs import Pair, pairs
from xai_compare.compare.questions import competing, skilled
from xai_compare.compare.resample import contrasts, intervals, mean_of
from xai_compare.compare.rows import Interval, SliceRow
from xai_compare.compare.skill import known, skill_gap, skill_statistic
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray

__all__ = ["FEWEST", "slice_rows"]

FEWEST = 30
"""Cases below which a slice is named and nothing is said of it: too few to measure, and few enough to be recognised."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A row that waits for its numbers: the statistic on the slice, and on the rest of the cases that have it."""

    row: SliceRow
    inside: Array
    rest: Array


def slice_rows(results: Results, level: float, streams: Streams, pairings: tuple[str, ...]) -> tuple[SliceRow, ...]:
    """Skill of the lead metrics, headline gaps and predicted outcomes in every slice, with the difference from the rest.

    All of it is exploratory: intervals are not adjusted for how many slices there are. A slice of fewer than 30 explained cases
    has one row, of kind "suppressed", and no number; where all cases but fewer than 30 are in one slice there is no rest to speak of.
    """
    if not results.slices:
        return ()
    headlines = [pair for pair in pairs(results, pairings, streams) if pair.headline and pair.metric.scope == "method"]
    suppressed, waiting = [], []
    for column, labels in results.slices.items():
        said = np.asarray(labels, dtype=object)
        for label in sorted(set(labels), key=_place):
            inside = np.asarray(said == label, dtype=bool)
            if inside.sum() < FEWEST:
                suppressed.append(SliceRow("suppressed", column, label))
                continue
            waiting += [*_skills(results, column, label, inside), *_gaps(headlines, column, label, inside)]
            waiting += _outcomes(results, column, label, inside)
    waiting = [one for one in waiting if one.inside.shape[2] >= FEWEST]  # a metric may take some of the cases only
    values = intervals([one.inside for one in waiting], level, streams.at("slices"))
    against = contrasts([(one.inside, one.rest) for one in waiting], level, streams.at("slices"), resamples=1999)
    found = [
        one.row.measured(_share(one.inside, level) or value, difference if one.rest.shape[2] >= FEWEST else None)
        for one, value, difference in zip(waiting, values, against, strict=True)
    ]
    return (*found, *suppressed)


def _share(statistic: Array, level: float) -> Interval | None:
    """Wilson's interval of a statistic that is the share of cases; None for any other."""
    hits = statistic[0, 0]
    whole = len(statistic) == 1 and np.isin(hits, (0.0, 1.0)).all() and (statistic[0, 1] == 1).all()
    return wilson(int(hits.sum()), len(hits), level) if whole else None


def _place(label: str) -> tuple[bool, float, bool, str]:
    """Numbers and ranges in their own order, everything else in that of the text, a missing value last."""
    number = re.match(r"(?:under )?(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?: to under .*| and over)?$", label)
    return label == "missing", float(number[1]) if number else -math.inf, not label.startswith("under "), label


def _skills(results: Results, column: str, label: str, inside: BoolArray) -> Iterator[_Asked]:
    leads = [metric for metric in results.metrics if metric.lead and metric.scope == "method"]
    for metric in leads:
        for model in results.models:
            for method in competing(results):
                scores = skilled(results.scores, model.name, method.name, metric.name)
                if scores is not None:
                    row = SliceRow("skill", column, label, model.name, method.name, metric.name)
                    yield _Asked(row, *(skill_statistic(scores, known(scores) & side) for side in (inside, ~inside)))


def _gaps(headlines: list[Pair], column: str, label: str, inside: BoolArray) -> Iterator[_Asked]:
    for pair in headlines:
        row = SliceRow("gap", column, label, pair.a, pair.explainer, pair.metric.name, pair.b)
        yield _Asked(row, *(skill_gap(*pair.scores, f"'{pair.metric.name}' in '{label}'", side) for side in (inside, ~inside)))


def _outcomes(results: Results, column: str, label: str, inside: BoolArray) -> Iterator[_Asked]:
    """How often the last class is predicted, or the mean predicted value, and how often a class is right: no explanation, but what it
    should be read beside."""
    facts = results.cases
    for model in results.models:
        if model.name in facts.predicted:
            said = facts.predicted[model.name]
            values = said if results.task == "regression" else np.asarray(said == len(results.classes) - 1, dtype=np.float64)
            yield _Asked(SliceRow("predicted", column, label, model.name), mean_of(values[inside]), mean_of(values[~inside]))
    if facts.y is not None:
        known_outcome = facts.y if results.task == "regression" else np.asarray(facts.y == len(results.classes) - 1)
        values = np.asarray(known_outcome, dtype=np.float64)
        yield _Asked(SliceRow("observed", column, label), mean_of(values[inside]), mean_of(values[~inside]))
        for model in results.models if results.task == "classification" else ():
            if model.name in facts.predicted:
                right = np.asarray(facts.predicted[model.name] == facts.y, dtype=np.float64)
                yield _Asked(SliceRow("right", column, label, model.name), mean_of(right[inside]), mean_of(right[~inside]))
