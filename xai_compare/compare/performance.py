"""Predictive performance, with intervals from resampled predictions."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from xai_compare.compare.intervals import percentile
from xai_compare.compare.rows import Interval, PerformanceRow
from xai_compare.errors import XaiCompareError
from xai_compare.results import Results
from xai_compare.types import Scores

__all__ = ["performance_rows"]

_METRIC = "performance"
_SPLITS = ("test", "train", "train - test")
_LOWER = ("log loss", "brier", "calibration error", "mae", "mse", "rmse")


def performance_rows(results: Results, level: float) -> tuple[PerformanceRow, ...]:
    """One row per model, split and score; differences to the reference are paired resample by resample.

    Raises
    ------
    XaiCompareError
        If a score names no known split, or two models have different numbers of resamples.
    """
    reference = results.scores.get((results.reference, "", _METRIC))
    rows: list[PerformanceRow] = []
    for model in results.models:
        scores = results.scores.get((model.name, "", _METRIC))
        if scores is None:
            continue
        for part in sorted(scores.parts, key=_place):
            against = None if reference is None or model.reference else reference.parts.get(part)
            rows.append(_row(model.name, part, scores.parts[part], against, level))
    return tuple(rows)


def _row(model: str, part: str, scores: Scores, reference: Scores | None, level: float) -> PerformanceRow:
    split, score = _split(part)
    value = percentile(float(scores.values[0]), scores.replicates, level, scores.n or 0)
    # Whether a score is 0 is no question; whether two models score the same is.
    shown = replace(value, p=None)
    difference = None if reference is None else _difference(part, scores, reference, level)
    return PerformanceRow(model, score, split, _better(split, score), shown, difference)


def _difference(part: str, scores: Scores, reference: Scores, level: float) -> Interval:
    estimate = float(scores.values[0] - reference.values[0])
    a, b = scores.replicates, reference.replicates
    if a is None or b is None:
        return percentile(estimate, None, level, scores.n or 0)
    if a.shape != b.shape:
        raise XaiCompareError(f"performance '{part}' cannot be paired: {len(a)} resamples against {len(b)} of the reference")
    return percentile(estimate, a - b, level, scores.n or 0)


def _place(part: str) -> tuple[int, str]:
    split, score = _split(part)
    return _SPLITS.index(split), score


def _split(part: str) -> tuple[str, str]:
    for split in sorted(_SPLITS, key=len, reverse=True):  # "train - test R2" also starts with "train "
        if part.startswith(f"{split} "):
            return split, part.removeprefix(f"{split} ")
    raise XaiCompareError(f"performance score '{part}' names no split; it must start with one of {', '.join(_SPLITS)}")


def _better(split: str, score: str) -> Literal["higher", "lower", "none"]:
    if split == "train - test":
        return "none"
    return "lower" if score.lower().startswith(_LOWER) else "higher"
