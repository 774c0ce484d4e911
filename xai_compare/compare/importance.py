"""How much of a model's attributions each feature takes, by every method, with intervals; and the difference to the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from xai_compare.compare.resample import RESAMPLES, difference, intervals
from xai_compare.compare.rows import ImportanceRow, Interval, WordRow
from xai_compare.results import Results
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

__all__ = ["importance_rows", "strength", "word_rows"]

_SAME = "the same vector for every case"
_NOTHING = "nothing is attributed to any feature"
_LISTED = 15  # words of a model by a method
_LEAST = 2  # cases in which a word must occur

_Key = tuple[str, str, int]
"""Model, method, feature."""


def importance_rows(results: Results, level: float, streams: Streams) -> tuple[ImportanceRow, ...]:
    """One row per model, method but the control, and feature, in the order of the study.

    Shares are ratios of means: the mean strength of a feature over that of all features together, so that a case counts by how much is
    attributed there. Their intervals are by bootstrap-t over cases and cut at 0 and 1, those of differences paired by case; exploratory.
    None for texts, whose features are places: the seventh word of one text has nothing to do with that of another. See `word_rows`.
    """
    if results.data.get("modality") == "text":
        return ()
    methods = [method.name for method in results.methods if not method.control]
    found = {
        (model.name, name): results.attributions[model.name, name]
        for model in results.models
        for name in methods
        if (model.name, name) in results.attributions
    }
    own = {(*key, j): one for key, attribution in found.items() for j, one in enumerate(_statistics(attribution))}
    gaps = {
        (model, name, j): difference(one, own[results.reference, name, j])
        for (model, name, j), one in own.items()
        if model != results.reference and (results.reference, name, j) in own
    }
    spans = intervals([*own.values(), *gaps.values()], level, streams, RESAMPLES // 5)
    shares, differences = dict(zip(own, spans, strict=False)), dict(zip(gaps, spans[len(own) :], strict=True))
    return tuple(row for key, attribution in found.items() for row in _rows(results, key, attribution, shares, differences))


def _rows(
    results: Results,
    key: tuple[str, str],
    attribution: Attribution,
    shares: Mapping[_Key, Interval],
    differences: Mapping[_Key, Interval],
) -> list[ImportanceRow]:
    n, d = attribution.values.shape
    nothing = Interval(None, None, None, n, _NOTHING)
    told = [_told(shares.get((*key, j), nothing), attribution, 0.0) for j in range(d)]
    sizes = np.array([-1.0 if span.estimate is None else span.estimate for span in told])
    rows = []
    for j, span in enumerate(told):
        gap = differences.get((*key, j))
        rank = None if span.estimate is None else int((sizes > sizes[j]).sum()) + 1
        rows.append(ImportanceRow(*key, results.features[j], rank, span, None if gap is None else _told(gap, attribution, -1.0)))
    return rows


def strength(attribution: Attribution) -> Array:
    """(n, d) how much is attributed, whichever way; of a method without signs what lies below 0 (noise about nothing) counts as 0."""
    filled = np.nan_to_num(attribution.values)
    return np.asarray(np.abs(filled) if attribution.signed else np.maximum(filled, 0.0))


def _statistics(attribution: Attribution) -> list[Array]:
    """For each feature its strength over that of all (1, 2, n), in units in which the latter has mean 1; none where that is 0."""
    each = strength(attribution)
    total = each.sum(axis=1)
    mean = float(total.mean())
    return [np.stack([one, total])[None] / mean for one in each.T] if mean > 0 else []


def _told(span: Interval, attribution: Attribution, lowest: float) -> Interval:
    """An interval within its range, without a p: that a share is not 0 is no question, and there are too many differences for one."""
    how = _SAME if attribution.scope == "model" and span.estimate is not None else span.how
    if span.low is None or span.high is None:
        return replace(span, how=how, p=None)
    return replace(span, low=max(span.low, lowest), high=min(span.high, 1.0), how=how, p=None)


def word_rows(results: Results) -> tuple[WordRow, ...]:
    """Of texts that may be shown: per model and method but the control, the words with the largest mean share where they occur.

    Only words that occur in at least 2 cases, at most 15 of them, largest share first; words are compared without their case.
    """
    if results.data.get("modality") != "text" or results.cases.values is None:
        return ()
    texts = [[word.casefold() for word in words] for words in results.cases.values]
    keys = [(model.name, one.name) for model in results.models for one in results.methods if not one.control and one.scope == "case"]
    return tuple(row for key in keys if key in results.attributions for row in _words(key, results.attributions[key], texts))


def _words(key: tuple[str, str], attribution: Attribution, texts: list[list[str]]) -> list[WordRow]:
    each = strength(attribution)
    total = each.sum(axis=1)
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for case in np.flatnonzero(total > 0):
        signs = np.sign(attribution.known()[case])
        for j, word in enumerate(texts[case]):
            if word:
                share = float(each[case, j] / total[case])
                size, leaning = found.setdefault(word, {}).get(int(case), (0.0, 0.0))
                found[word][int(case)] = size + share, leaning + float(signs[j]) * share
    rows = []
    for word, cases in found.items():
        if len(cases) >= _LEAST:
            size, leaning = np.mean(list(cases.values()), axis=0)
            rows.append(WordRow(*key, word, len(cases), float(size), float(leaning) if attribution.signed else None))
    return sorted(rows, key=lambda row: (-row.share, row.word))[:_LISTED]
