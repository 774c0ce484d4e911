"""Mean scores and skills of every (model, explainer, metric), with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xai_compare.compare.resample import difference, intervals, mean_of, skill_of
from xai_compare.compare.rows import Interval, SkillRow
from xai_compare.errors import XaiCompareError
from xai_compare.reasons import QUESTION as REASONS
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, Scores

__all__ = ["Summary", "has_skill", "known", "skill_gap", "skill_rows", "skill_statistic", "summarise"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Scores of many cases in a few numbers: see `SkillRow`, whose fields these are."""

    value: Interval
    chance: float | None
    ceiling: float | None
    skill: Interval | None
    missing: Mapping[str, int]


def skill_rows(results: Results, level: float, streams: Streams) -> tuple[SkillRow, ...]:
    """One row per (model, explainer, metric of scope "method") with scores, and one per part; the control included.

    Rows follow the study's order of models, explainers and metrics; parts follow their metric by name.
    """
    found = list(_scored(results))
    summaries = summarise([scores for _, scores in found], level, streams)
    return tuple(
        SkillRow(*key, one.value, one.chance, one.ceiling, one.skill, one.missing) for (key, _), one in zip(found, summaries, strict=True)
    )


def _scored(results: Results) -> Iterator[tuple[tuple[str, str, str, str], Scores]]:
    metrics = [metric.name for metric in results.metrics if metric.scope == "method" and metric.question != REASONS]
    for key in ((model.name, method.name, metric) for model in results.models for method in results.methods for metric in metrics):
        if (scores := results.scores.get(key)) is not None:
            yield (*key, ""), scores
            for part in sorted(scores.parts):
                yield (*key, part), scores.parts[part]


def summarise(many: Sequence[Scores], level: float, streams: Streams) -> list[Summary]:
    """Mean value and, where chance and ceiling exist, skill, each with its interval, over the cases without NaN."""
    kept = [known(scores) for scores in many]
    values = intervals([mean_of(scores.values[keep]) for scores, keep in zip(many, kept, strict=True)], level, streams)
    skilled = [index for index, scores in enumerate(many) if has_skill(scores)]
    skills = dict(zip(skilled, intervals([skill_statistic(many[i], kept[i]) for i in skilled], level, streams), strict=True))
    return [
        # Whether a mean score is 0 is no question: only skills and gaps are tested.
        Summary(replace(value, p=None), _mean(one.chance, keep), _mean(one.ceiling, keep), skills.get(index), _missing(one, keep))
        for index, (one, keep, value) in enumerate(zip(many, kept, values, strict=True))
    ]


def has_skill(scores: Scores) -> bool:
    """Whether there are a chance level and a ceiling, between which skill is measured."""
    return scores.chance is not None and scores.ceiling is not None


def known(scores: Scores) -> BoolArray:
    """(n,): which cases have a score and, where the metric has them, its chance and its ceiling."""
    keep = np.isfinite(scores.values)
    for array in (scores.chance, scores.ceiling):
        if array is not None:
            keep = keep & np.isfinite(array)
    return keep


def skill_statistic(scores: Scores, keep: BoolArray) -> Array:
    """The skill of some cases (n,) as a statistic (1, 2, kept); the scores must have chance and ceiling."""
    assert scores.chance is not None
    assert scores.ceiling is not None
    return skill_of(scores.values[keep], scores.chance[keep], scores.ceiling[keep])


def skill_gap(a: Scores, b: Scores, told: str, cases: BoolArray | None = None) -> Array:
    """Skill of a minus skill of b over the cases that both have, as a statistic (2, 2, kept); both must have chance and ceiling.

    Parameters
    ----------
    told : what is compared, for the error.
    cases : (n,) which of the n cases count; None: all.

    Raises
    ------
    XaiCompareError
        If a, b and cases do not speak of equally many cases.
    """
    n = len(a.values)
    if len(b.values) != n:
        raise XaiCompareError(f"{told} cannot be paired by case: there are scores for {n} and for {len(b.values)} cases")
    if cases is not None and len(cases) != n:
        raise XaiCompareError(f"{told} cannot be narrowed to {len(cases)} cases: there are scores for {n}")
    keep = known(a) & known(b) & (True if cases is None else cases)
    return difference(skill_statistic(a, keep), skill_statistic(b, keep))


def _mean(array: Array | None, keep: BoolArray) -> float | None:
    return float(array[keep].mean()) if array is not None and keep.any() else None


def _missing(scores: Scores, keep: BoolArray) -> dict[str, int]:
    count = Counter(scores.reasons.get(case, "not finite") for case in np.flatnonzero(~np.isfinite(scores.values)).tolist())
    count["chance or ceiling unknown"] += int(np.sum(np.isfinite(scores.values) & ~keep))
    return {reason: cases for reason, cases in sorted(count.items()) if cases}
