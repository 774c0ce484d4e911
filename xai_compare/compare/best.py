"""Each model by its best method, cross-fitted: chosen on one half of the cases, scored on the other, and the reverse. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xai_compare.compare.resample import estimate
from xai_compare.compare.skill import has_skill, known, skill_statistic
from xai_compare.errors import XaiCompareError
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, Scores

__all__ = ["Best", "best_of", "halves"]

_SAME = 1e-9  # of a skill: less is rounding, and no reason to prefer a method


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """Scores (n,) of one model, each half of the cases by the method that was best on the other half.

    choices : the method by which the cases of half 0 are scored (chosen on half 1), and that of half 1 (chosen on half 0).
    """

    scores: Scores
    choices: tuple[str, str]


def halves(n: int, streams: Streams) -> BoolArray:
    """(n,): which of n cases are in half 1. A random split, equal but for an odd case; the same for all models and metrics of a study.

    Examples
    --------
    >>> int(halves(9, Streams(0)).sum())
    4
    """
    return np.asarray(streams.at("halves").shared().permutation(n) % 2 == 1)


def best_of(scores: Mapping[str, Scores], judges: Mapping[str, Scores], streams: Streams) -> Best | None:
    """One model's scores by its best method, without the luck of having chosen it on the same cases (two-fold cross-fitting).

    Parameters
    ----------
    scores : {method: scores on the metric in question}, in the study's order.
    judges : {method: scores on the metric that chooses}, the same cases. A method is best if its skill here is the highest.
    streams : where the split into halves comes from.

    Returns
    -------
    None if no method has a skill. Only methods with a skill of some case on both metrics compete; without any `scores` chooses for itself.
    Of methods within rounding of each other the first is chosen.

    Raises
    ------
    XaiCompareError
        If the methods have different numbers of cases.

    Examples
    --------
    >>> shap, lime = (Scores(np.full(6, value), np.zeros(6), np.ones(6)) for value in (0.9, 0.8))
    >>> best_of({"lime": lime, "shap": shap}, {}, Streams(0)).choices
    ('shap', 'shap')
    """
    skilled = _with_cases(scores) or {name: one for name, one in scores.items() if has_skill(one)}
    judges = {name: one for name, one in _with_cases(judges).items() if name in skilled} or skilled
    names = [name for name in skilled if name in judges]
    if not names:
        return None
    _check(names, scores, judges)
    half = halves(len(scores[names[0]].values), streams)
    zero, one = (_first_best(names, judges, chosen_on) for chosen_on in (half, ~half))
    return Best(_stitched(scores[zero], scores[one], half), (zero, one))


def _with_cases(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    return {name: one for name, one in scores.items() if has_skill(one) and known(one).any()}


def _check(names: list[str], scores: Mapping[str, Scores], judges: Mapping[str, Scores]) -> None:
    counts = {len(by[name].values) for name in names for by in (scores, judges)}
    if len(counts) > 1:
        raise XaiCompareError(f"no best of {', '.join(names)}: they have scores for {' and '.join(map(str, sorted(counts)))} cases")


def _first_best(names: list[str], judges: Mapping[str, Scores], cases: BoolArray) -> str:
    found = [estimate(skill_statistic(judges[name], known(judges[name]) & cases)) for name in names]
    skills = [-np.inf if skill is None else skill for skill in found]
    top = max(skills)
    return next(name for name, skill in zip(names, skills, strict=True) if skill >= top - _SAME)


def _stitched(zero: Scores, one: Scores, half: BoolArray) -> Scores:
    """Scores of one in its half, of zero elsewhere."""

    def pick(a: Array | None, b: Array | None) -> Array:
        assert a is not None
        assert b is not None
        return np.where(half, b, a)

    reasons = {case: reason for by, own in ((zero, ~half), (one, half)) for case, reason in by.reasons.items() if own[case]}
    return Scores(pick(zero.values, one.values), pick(zero.chance, one.chance), pick(zero.ceiling, one.ceiling), reasons=reasons)
