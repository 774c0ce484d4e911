"""The mean of each curve that a metric keeps, step by step, with pointwise intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from xai_compare.compare.resample import RESAMPLES, resampled_means
from xai_compare.compare.rows import CurveRow, Interval
from xai_compare.reasons import QUESTION as REASONS
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array

__all__ = ["curve_rows"]

_BEST = "best "  # begins the name of a curve that belongs to the model: the best order there is, whoever explains


def curve_rows(results: Results, level: float, streams: Streams) -> tuple[CurveRow, ...]:
    """One row per model, metric of scope "method", explainer (the control too) and curve by name; a case counts if its curve has no NaN.

    Then, per model and metric, the curves that belong to the model: explainer "", taken from the first explainer that has them.
    """
    return tuple(CurveRow(*key, _band(curve, level, streams)) for key, curve in _curves(results))


def _band(curve: Array, level: float, streams: Streams) -> tuple[Interval, ...]:
    """The mean of each step of a curve (n, steps), between percentiles of the means of resampled cases.

    Not bootstrap-t: most outputs of a saturated model are 0 or 1 to many digits, and a band around their mean must stay where they are.
    """
    n = len(curve)
    if n < 2:
        return tuple(Interval(float(step.mean()) if n else None, None, None, n, "too few cases") for step in curve.T)
    drawn = resampled_means(curve.T, streams, RESAMPLES // 5)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1)
    ends = zip(curve.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return tuple(Interval(mean, below, above, n, "percentile") for mean, below, above in ends)


def _curves(results: Results) -> Iterator[tuple[tuple[str, str, str, str], Array]]:
    metrics = [metric.name for metric in results.metrics if metric.scope == "method" and metric.question != REASONS]
    for model, metric in ((model.name, metric) for model in results.models for metric in metrics):
        shared: dict[str, Array] = {}
        for method in results.methods:
            scores = results.scores.get((model, method.name, metric))
            for name, curve in sorted(scores.curves.items()) if scores else ():
                kept = curve[np.isfinite(curve).all(axis=1)]
                if name.startswith(_BEST):
                    shared.setdefault(name, kept)
                else:
                    yield (model, method.name, metric, name), kept
        yield from (((model, "", metric, name), curve) for name, curve in sorted(shared.items(), key=lambda item: item[0]))
