"""Statistics on Results: skill, gaps, intervals, verdicts. Imports no plugin, no model and nothing of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xai_compare.compare.agreement import agreement_rows, predictions_agree
from xai_compare.compare.curves import curve_rows
from xai_compare.compare.driving import driving_rows
from xai_compare.compare.gaps import gap_rows
from xai_compare.compare.importance import importance_rows, word_rows
from xai_compare.compare.pairs import BEST_METHOD, SAME_METHOD
from xai_compare.compare.performance import performance_rows
from xai_compare.compare.power import powerless
from xai_compare.compare.questions import OWN
from xai_compare.compare.reasons import reason_rows
from xai_compare.compare.rows import (
    AgreementRow,
    Comparison,
    CurveRow,
    DrivingRow,
    GapRow,
    ImportanceRow,
    Interval,
    PerformanceRow,
    ReasonCrossing,
    ReasonFlag,
    ReasonPair,
    Reasons,
    ReasonShare,
    ReasonTold,
    SkillRow,
    SliceRow,
    SpreadRow,
    Verdict,
    WordRow,
)
from xai_compare.compare.skill import skill_rows
from xai_compare.compare.slices import slice_rows
from xai_compare.compare.spread import spread_rows
from xai_compare.errors import StudyError
from xai_compare.results import Results
from xai_compare.streams import Streams

__all__ = [
    "AgreementRow",
    "Comparison",
    "CurveRow",
    "DrivingRow",
    "GapRow",
    "ImportanceRow",
    "Interval",
    "PerformanceRow",
    "ReasonCrossing",
    "ReasonFlag",
    "ReasonPair",
    "ReasonShare",
    "ReasonTold",
    "Reasons",
    "SkillRow",
    "SliceRow",
    "SpreadRow",
    "Verdict",
    "WordRow",
    "compare",
]


_PAIRINGS = (SAME_METHOD, BEST_METHOD)


def compare(
    results: Results,
    *,
    level: float = 0.95,
    tolerance: Mapping[str, float] | None = None,
    seed: int = 0,
    pairings: Sequence[str] = _PAIRINGS,
) -> Comparison:
    """Every statistic of a study: skills, gaps with verdicts, agreement, performance, curves, importance of features or words.

    Parameters
    ----------
    results : what a run produced; never changed.
    level : confidence level of every interval, in [0.5, 0.999].
    tolerance : {question: loss of skill, >= 0, that the user accepts against the reference}. A question without one is not assessed.
    seed : of the resamples, and of the halves on which best methods are chosen. The same results and options give the same numbers.
    pairings : by which methods two models are compared: "same_method", one after the other; "best_method", each by its own best, chosen
        on one half of the cases and scored on the other, and the reverse. The headlines and their Holm family are those of "best_method"
        if it is asked for.

    Returns
    -------
    Comparison. Skills and gaps are in units of skill: 0 as good as chance, 1 the ceiling, higher always better explained.

    Raises
    ------
    StudyError
        If the level or a tolerance is out of range, or a pairing is unknown.
    XaiCompareError
        If scores that should be paired by case have different numbers of cases.

    Examples
    --------
    >>> from xai_compare.compare import compare
    >>> comparison = compare(results, tolerance={"fidelity": 0.05})  # doctest: +SKIP
    >>> [(gap.a, gap.verdict) for gap in comparison.gaps if gap.headline]  # doctest: +SKIP
    [('network', 'worse')]
    """
    accepted = dict(tolerance or {})
    _check(level, accepted, pairings)
    streams = Streams(seed).at("compare")
    silent = powerless(results, level, streams)
    gaps = gap_rows(results, level, accepted, streams, pairings, silent)
    return Comparison(
        level=level,
        skills=skill_rows(results, level, streams),
        gaps=gaps,
        agreement=agreement_rows(results, level, streams),
        performance=performance_rows(results, level),
        predictions_agree=predictions_agree(results, level),
        curves=curve_rows(results, level, streams),
        powerless=frozenset((model, metric) for condition, model, metric in silent if condition == OWN),
        importance=importance_rows(results, level, streams),
        slices=slice_rows(results, level, streams, tuple(pairings)),
        spread=spread_rows(gaps),
        reasons=reason_rows(results, level, streams),
        words=word_rows(results),
        driving=driving_rows(results, pairings, streams),
    )


def _check(level: float, tolerance: Mapping[str, float], pairings: Sequence[str]) -> None:
    if not 0.5 <= level <= 0.999:
        raise StudyError(f"compare: level is {level!r}; it must lie between 0.5 and 0.999")
    for question, accepted in tolerance.items():
        if not 0 <= accepted < float("inf"):
            raise StudyError(f"compare: tolerance of '{question}' is {accepted!r}; it must be a loss of skill of 0 or more")
    if not pairings or not set(pairings) <= set(_PAIRINGS):
        raise StudyError(f"compare: pairings is {pairings!r}; it must name one or both of {', '.join(_PAIRINGS)}")
