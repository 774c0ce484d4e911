"""Which metrics can tell a method from the control at all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import comb

import numpy as np

from xai_compare.compare.intervals import BCA, decides, significant
from xai_compare.compare.questions import asked, competing, skilled
from xai_compare.compare.resample import intervals
from xai_compare.compare.rows import Interval
from xai_compare.compare.skill import skill_gap
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array

__all__ = ["powerless"]

_Key = tuple[str, str, str]
_ZERO = 1e-9  # of a skill: less is rounding
_LEAST = 6  # cases below which the exact sign test cannot pass at 5 %, whatever they say: no statement


def powerless(results: Results, level: float, streams: Streams) -> frozenset[tuple[str, str, str]]:
    """(condition, model, metric) of every metric that tells no method of that model from the control.

    It tells one if the gap of skill, method minus control on the same cases, is told apart from 0 as better for at least one method, by
    the rule of any verdict, unadjusted. Where fewer than 8 cases differ from the rest, and no interval decides, the sign test does:
    a method that is ahead on every case, and nearly always by the same, is not as good as the control.
    There is no statement where no such gap has a value (no control, no room over chance), nor from fewer than 6 cases.
    """
    found = list(_against_control(results))
    gaps = intervals([statistic for _, statistic in found], level, streams)
    told = list(zip(found, gaps, strict=True))
    valued = {key for (key, _), gap in told if gap.estimate is not None and gap.n >= _LEAST}
    return frozenset(valued - {key for (key, statistic), gap in told if _better(gap, statistic, level)})


def _against_control(results: Results) -> Iterator[tuple[_Key, Array]]:
    controls = [method.name for method in results.methods if method.control]
    metrics = [metric.name for metric in results.metrics if metric.scope == "method"]
    for condition, scored in asked(results).items():
        for model, metric, control in product((model.name for model in results.models), metrics, controls):
            floor = skilled(scored, model, control, metric)
            if floor is None:
                continue
            for method in competing(results):
                if own := skilled(scored, model, method.name, metric):
                    gap = skill_gap(own, floor, f"'{metric}' of {model}: {method.name} minus {control}")
                    yield (condition, model, metric), gap


def _better(gap: Interval, statistic: Array, level: float) -> bool:
    if gap.estimate is None or gap.estimate <= 0:
        return False
    if gap.how == BCA:
        return gap.low is not None and gap.low > 0 and significant(_sign_test(statistic), level)
    return decides(gap) and significant(gap.p, level)


def _sign_test(statistic: Array) -> float:
    """Exact two-sided p of as many cases on one side of 0, cases at 0 left out, for a difference (2, 2, n)."""
    a, b = statistic[:, 0] / statistic[:, 1].mean(axis=1, keepdims=True)
    count = int(np.sum(np.abs(a - b) > _ZERO))
    ahead = int(np.sum(a - b > _ZERO))
    far = max(ahead, count - ahead)
    return float(min(1.0, sum(comb(count, k) for k in range(far, count + 1)) / 2 ** (count - 1)))
