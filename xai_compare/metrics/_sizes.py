"""Metrics that count features, on cases that differ in theirs: each group of cases with as many features is a data set of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.game import Coalitions
from xai_compare.metrics import View
from xai_compare.removal import Bounds, Removal
from xai_compare.types import Array, Attribution, BoolArray, IntArray, Scores

__all__ = ["by_size", "shared"]

M = TypeVar("M")
R = TypeVar("R", Removal, Bounds)

_APART = "the score does not exist for so few features"


def by_size(score: Callable[[M, View], Scores]) -> Callable[[M, View], Scores]:
    """Around the `__call__` of a metric that takes all d features of a view as those of every case.

    Where cases lack some, as texts do, the metric sees views without the absent features, one for each number of features; its scores
    are put together again. A group in which it is not applicable has no score, for that reason; where it is in none, neither is the metric.
    """

    @wraps(score)
    def scored(self: M, view: View) -> Scores:
        present = next((each.present for each in view.attributions if each.present is not None), None)
        if present is None or present.all():
            return score(self, view)
        found: list[tuple[IntArray, Scores]] = []
        refused: dict[int, str] = {}
        for at, group in _groups(view, present):
            try:
                found.append((at, score(self, group)))
            except NotApplicable as reason:
                refused |= dict.fromkeys(at.tolist(), str(reason))
        if not found:
            raise NotApplicable(next(iter(refused.values())))
        return _joined(len(view.cases), found, refused)

    return scored


def shared(a: Attribution, b: Attribution) -> BoolArray | None:
    """(n, d) the features that both attributions of the same cases have; None where nothing is absent."""
    if a.present is None or b.present is None:
        return a.present if b.present is None else b.present
    return a.present & b.present


def _groups(view: View, present: BoolArray) -> Iterator[tuple[IntArray, View]]:
    """Positions of the cases with as many features, and the view of them without the absent ones."""
    own = present.sum(axis=1)
    for size in np.unique(own).tolist():
        at = np.flatnonzero(own == size)
        columns = np.argsort(~present[at], axis=1, kind="stable")[:, :size]
        yield at, _group(view, at, columns)


def _group(view: View, at: IntArray, columns: IntArray) -> View:
    sample = view.coalitions
    return replace(
        view,
        cases=tuple(view.cases[i] for i in at),
        attributions=tuple(_narrowed(each, at, columns) for each in view.attributions),
        control=None if view.control is None else _narrowed(view.control, at, columns),
        coalitions=None if sample is None else _coalitions(sample, at, columns),
        removal=None if view.removal is None else _rows(view.removal, at),
        bounds=None if view.bounds is None else _rows(view.bounds, at),
    )


def _narrowed(one: Attribution, at: IntArray, columns: IntArray) -> Attribution:
    rows = one.rows(at)
    return replace(rows, values=np.take_along_axis(rows.values, columns, axis=1), present=None, detail=None)


def _coalitions(sample: Coalitions, at: IntArray, columns: IntArray) -> Coalitions:
    m = sample.keep.shape[1] if sample.pairs is None else int(sample.pairs[at[0]])
    weights = sample.weights
    if weights is not None and weights.ndim == 2:  # all cases with as many features have the same, or none
        weights = weights[at[0], :m] if weights[at[0]].any() else None
    return replace(
        sample,
        keep=np.take_along_axis(sample.keep[at, :m], columns[:, None, :], axis=2),
        shown=sample.shown[at, :m],
        hidden=sample.hidden[at, :m],
        weights=weights,
        pairs=None,
        **{name: getattr(sample, name)[at] for name in ("full", "empty", "spread")},
    )


def _rows(made: R, at: IntArray) -> R:
    held = {each.name: getattr(made, each.name) for each in fields(made)}
    taken: dict[str, Any] = {name: None if array is None else array[at] for name, array in held.items()}
    return replace(made, **taken)


def _joined(n: int, found: list[tuple[IntArray, Scores]], refused: dict[int, str]) -> Scores:
    """Scores of groups of cases as those of all n, in order; what a group lacks is NaN, and says why."""
    reasons = {int(at[i]): reason for at, one in found for i, reason in one.reasons.items()} | refused
    levels: dict[str, Any] = {name: _spread(n, [(at, getattr(one, name)) for at, one in found]) for name in ("values", "chance", "ceiling")}
    names = dict.fromkeys(name for _, one in found for name in one.parts)
    parts = {}
    for name in names:
        own = [(at, one.parts[name]) for at, one in found if name in one.parts]
        missing = np.setdiff1d(np.arange(n), np.concatenate([at for at, _ in own])).tolist()
        parts[name] = _joined(n, own, {i: refused.get(i, _APART) for i in missing})
    curves = {name: _spread(n, [(at, one.curves[name]) for at, one in found]) for name in found[0][1].curves}
    return Scores(
        **levels, parts=parts, reasons=reasons, curves={k: v for k, v in curves.items() if v is not None}, better=found[0][1].better
    )


def _spread(n: int, found: list[tuple[IntArray, Array | None]]) -> Array | None:
    """Values of groups at their places among n, NaN elsewhere; None where no group has them."""
    held = [(at, values) for at, values in found if values is not None]
    if not held:
        return None
    out = np.full((n, *held[0][1].shape[1:]), np.nan)
    for at, values in held:
        out[at] = values
    return out
