"""Facts about the models themselves: predictive performance and intrinsic simplicity, with intervals from resampled predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from xai_compare.compare.intervals import percentile
from xai_compare.compare.rows import Interval, PerformanceRow
from xai_compare.errors import XaiCompareError
from xai_compare.results import Results
from xai_compare.types import Scores

__all__ = ["OF_MODEL", "performance_rows"]

OF_MODEL = "model"
"""In place of a split: a fact about the model itself."""

_METRIC, _INTRINSIC = "performance", "intrinsic"
_SPLITS = ("test", "train", "train - test")
_LOWER = ("log loss", "brier", "calibration error", "mae", "mse", "rmse")


def performance_rows(results: Results, level: float) -> tuple[PerformanceRow, ...]:
    """One row per model, split and score, then one per model and intrinsic part (split "model").

    Differences to the reference are paired resample by resample. Those of intrinsic parts are descriptive: they carry no p.

    Raises
    ------
    XaiCompareError
        If a score names no known split, or two models have different numbers of resamples.
    """
    return tuple(row for metric in (_METRIC, _INTRINSIC) for row in _rows(results, metric, level))


def _rows(results: Results, metric: str, level: float) -> Iterator[PerformanceRow]:
    reference = results.scores.get((results.reference, "", metric))
    for model in results.models:
        scores = results.scores.get((model.name, "", metric))
        if scores is None:
            continue
        for part in sorted(scores.parts, key=_place) if metric == _METRIC else scores.parts:
            against = None if reference is None or model.reference else reference.parts.get(part)
            split, score = _split(part) if metric == _METRIC else (OF_MODEL, part)
            yield _row((model.name, split, score), scores.parts[part], against, level)


def _row(named: tuple[str, str, str], scores: Scores, reference: Scores | None, level: float) -> PerformanceRow:
    model, split, score = named
    value = _known(percentile(float(scores.values[0]), scores.replicates, level, scores.n or 0), scores)
    # Whether a score is 0 is no question; whether two models score the same is, unless it is descriptive.
    shown = replace(value, p=None)
    difference = None if reference is None else _difference(f"{split} {score}", scores, reference, level)
    if difference is not None and split == OF_MODEL:
        difference = replace(difference, p=None)
    return PerformanceRow(model, score, split, _better(split, score), shown, difference)


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


def _better(split: str, score: str) -> Literal["higher", "lower", "none"]:
    if split == "train - test":
        return "none"
    if split == OF_MODEL:  # the better something simple imitates a model, the simpler it is; all else counts what is complicated in it
        return "higher" if score.startswith("surrogate_") else "lower"
    return "lower" if score.lower().startswith(_LOWER) else "higher"
