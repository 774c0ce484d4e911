"""Gaps of skill between models and between methods, with verdicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from xai_compare.compare.intervals import BCA, decides, holm, significant
from xai_compare.compare.pairs import Pair, pairs
from xai_compare.compare.questions import OWN, PREDICTIONS_AGREE
from xai_compare.compare.resample import intervals
from xai_compare.compare.rows import GapRow, Interval, Verdict
from xai_compare.compare.skill import skill_gap
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array

__all__ = ["gap_rows"]


def gap_rows(
    results: Results,
    level: float,
    tolerance: Mapping[str, float],
    streams: Streams,
    pairings: Collection[str],
    powerless: Collection[tuple[str, str, str]],
) -> tuple[GapRow, ...]:
    """Every gap of skill, in the order of `pairs`. A metric without chance or ceiling has no skill and no row.

    Headline gaps form one family for Holm's adjustment: the lead metrics by each model's best method, or, if that pairing is not asked
    for, by the leading explainer; and agreement, which leads as well.

    Parameters
    ----------
    powerless : (condition, model, metric) that rank nothing, as found by `power.powerless`.

    Raises
    ------
    XaiCompareError
        If scores that should be paired have different numbers of cases.
    """
    found = pairs(results, pairings, streams)
    gaps = intervals([_statistic(pair) for pair in found], level, streams)
    silent = [_silent(pair, powerless) for pair in found]
    adjusted = _adjusted(found, gaps, silent)
    return tuple(
        _row(pair, gap, p, "no power here" if mute else _verdict(gap, p, level), tolerance)
        for pair, gap, p, mute in zip(found, gaps, adjusted, silent, strict=True)
    )


def _statistic(pair: Pair) -> Array:
    told = f"'{pair.metric.name}' of {pair.model or pair.explainer or 'the best methods'}: {pair.a} minus {pair.b}"
    return skill_gap(*pair.scores, told, pair.cases)


def _silent(pair: Pair, powerless: Collection[tuple[str, str, str]]) -> bool:
    """Whether the metric has no power on the model of the pair, or on neither of two."""
    # Fewer cases make no other metric; another scale or fill does, and was asked about by itself.
    condition = OWN if pair.condition == PREDICTIONS_AGREE else pair.condition
    models = (pair.model,) if pair.kind == "methods" else (pair.a, pair.b)
    return all((condition, model, pair.metric.name) in powerless for model in models)


def _adjusted(found: Sequence[Pair], gaps: Sequence[Interval], silent: Sequence[bool]) -> list[float | None]:
    """Holm's p of the headline gaps, None elsewhere. One that cannot decide counts as p = 1: leaving it out would flatter the others."""
    family = [index for index, pair in enumerate(found) if pair.headline]
    raw = [p if (p := gaps[index].p) is not None and decides(gaps[index]) and not silent[index] else 1.0 for index in family]
    adjusted = dict(zip(family, holm(raw), strict=True))
    return [adjusted.get(index) for index in range(len(found))]


def _row(pair: Pair, gap: Interval, adjusted: float | None, verdict: Verdict, tolerance: Mapping[str, float]) -> GapRow:
    # The tolerance is a loss against the reference that the user accepts, in the study's own question; methods on one model have none.
    accepted = tolerance.get(pair.metric.question) if pair.kind == "models" and pair.condition == OWN else None
    return GapRow(
        kind=pair.kind,
        question=pair.metric.question,
        metric=pair.metric.name,
        pairing=pair.pairing,
        model=pair.model,
        explainer=pair.explainer,
        a=pair.a,
        b=pair.b,
        gap=gap,
        p_adjusted=adjusted,
        verdict=verdict,
        tolerance=accepted,
        disposition="not assessed" if verdict == "no power here" else _disposition(gap, accepted),
        headline=pair.headline,
        condition=pair.condition,
        choices=pair.choices,
    )


def _verdict(gap: Interval, adjusted: float | None, level: float) -> Verdict:
    p = gap.p if adjusted is None else adjusted
    if gap.estimate is None or not decides(gap) or not significant(p, level):
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
