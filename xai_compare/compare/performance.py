"""Facts about the models themselves: predictive performance, intrinsic simplicity and size, with intervals from resampled predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, TypeAlias

from xai_compare.compare.intervals import percentile
from xai_compare.compare.rows import Interval, PerformanceRow
from xai_compare.errors import XaiCompareError
from xai_compare.results import MetricFacts, Results
from xai_compare.types import Scores

__all__ = ["OF_MODEL", "performance_rows"]

OF_MODEL = "model"
"""In place of a split: a fact about the model itself."""

Better: TypeAlias = Literal["higher", "lower", "none"]

_PERFORMANCE = "performance"
_SPLITS = ("test", "train", "train - test")
_APART = ("cost", "learning")  # questions that stand in place of a split too


def performance_rows(results: Results, level: float) -> tuple[PerformanceRow, ...]:
    """One row per model, split and score; then one per model and part of every other metric of the models (split "model", "cost" or
    "learning").

    Differences to the reference are paired resample by resample. Those of the model itself are descriptive: they carry no p.

    Raises
    ------
    XaiCompareError
        If a score names no known split, or two models have different numbers of resamples.
    """
    asked = sorted((metric for metric in results.metrics if metric.scope == "model"), key=lambda metric: metric.question != _PERFORMANCE)
    return tuple(row for metric in asked for row in _rows(results, metric, level))


def _rows(results: Results, metric: MetricFacts, level: float) -> Iterator[PerformanceRow]:
    split_up = metric.question == _PERFORMANCE
    reference = _parts(results, results.reference, metric)
    for model in results.models:
        parts = _parts(results, model.name, metric)
        for part in sorted(parts, key=_place) if split_up else parts:
            against = None if model.reference else reference.get(part)
            split, score = _split(part) if split_up else (metric.question if metric.question in _APART else OF_MODEL, part)
            yield _row((model.name, split, score), parts[part], against, (parts[part].better or metric.better, level))


def _parts(results: Results, model: str, metric: MetricFacts) -> Mapping[str, Scores]:
    """What a metric found of a model, by part; one without parts is its own."""
    scores = results.scores.get((model, "", metric.name))
    return {} if scores is None else scores.parts or {metric.name: scores}


def _row(named: tuple[str, str, str], scores: Scores, reference: Scores | None, how: tuple[Better, float]) -> PerformanceRow:
    (model, split, score), (better, level) = named, how
    value = _known(percentile(float(scores.values[0]), scores.replicates, level, scores.n or 0), scores)
    # Whether a score is 0 is no question; whether two models score the same is, unless it is descriptive.
    shown = replace(value, p=None)
    difference = None if reference is None else _difference(f"{split} {score}", scores, reference, level)
    if difference is not None and split not in _SPLITS:
        difference = replace(difference, p=None)
    return PerformanceRow(model, score, split, better, shown, difference)


def _known(value: Interval, *of: Scores) -> Interval:
    """With the reason of what was not measured, where there is one."""
    why = next((reason for scores in of for reason in scores.reasons.values()), "")
    return replace(value, how=why) if value.estimate is None and why else value


def _difference(part: str, scores: Scores, reference: Scores, level: float) -> Interval:
    estimate = float(scores.values[0] - reference.values[0])
    a, b = scores.replicates, reference.replicates
    if a is None or b is None:
        return _known(percentile(estimate, None, level, scores.n or 0), scores, reference)
    if a.shape != b.shape:
        raise XaiCompareError(f"performance '{part}' cannot be paired: {len(a)} resamples against {len(b)} of the reference")
    return _known(percentile(estimate, a - b, level, scores.n or 0), scores, reference)


def _place(part: str) -> tuple[int, str]:
    split, score = _split(part)
    return _SPLITS.index(split), score


def _split(part: str) -> tuple[str, str]:
    for split in sorted(_SPLITS, key=len, reverse=True):  # "train - test R2" also starts with "train "
        if part.startswith(f"{split} "):
            return split, part.removeprefix(f"{split} ")
    raise XaiCompareError(f"performance score '{part}' names no split; it must start with one of {', '.join(_SPLITS)}")
