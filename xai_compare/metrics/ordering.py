"""Fidelity by taking features away, in the order of the attribution. All read the same outputs: nothing is asked twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.removal import Removal
from xai_compare.types import Array, Scores

__all__ = ["Comprehensiveness", "Ordering", "OrderingAbs", "Sufficiency"]

_OUTSIDE = "not among the cases from which features are taken away one by one"
_COST = "about 4 d background model rows per case on at most 50 cases for all four, and 2 d min(d, 20) once per model for the ceilings"


class _ByRemoval:
    """What these metrics have in common."""

    __slots__ = ()

    question: ClassVar[str] = "fidelity"
    range: ClassVar[str] = "-1 to 1 for probabilities, else standard deviations of the output"
    chance: ClassVar[str] = "none: read beside the control's"
    cost: ClassVar[str] = _COST
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False


@METRICS.register("ordering")
@dataclass(frozen=True, slots=True)
class Ordering(_ByRemoval):
    """Area between two removal curves: features leave least supporting first, less features leave most supporting first.

    One feature at a time up to 20 features, else in 20 steps of equal size; on the scale of probabilities where the model has
    one. Curves: `most first` and `least first`, and the same along the best orders that a greedy search finds.
    An unsigned method does not say what supports: not applicable.

    Range about -1 to 1 for probabilities, in standard deviations of the output on the background elsewhere; higher is better.
    Chance 0 exactly: an order and its reverse are as likely. Ceiling: the area between the two greedy curves of the case, which
    where features act only together can be a few percent below the best. Cost: see `cost`; on at most 50 cases.
    """

    title: ClassVar[str] = "Ordering of features"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    chance: ClassVar[str] = "0, exact: an order and its reverse are as likely"
    citation: ClassVar[str] = "Samek et al. 2017; Petsiuk, Das & Saenko 2018; Bluecher, Vielhaben & Strodthoff 2024"
    needs: ClassVar[frozenset[str]] = frozenset({"removal", "bounds"})

    def __call__(self, view: View) -> Scores:
        removal, bounds = view.removal, view.bounds
        assert removal is not None
        assert bounds is not None
        if removal.signed is None:
            raise NotApplicable("the method is unsigned: it does not say which features support the output")
        curves = {"least first": removal.signed[:, 1], "most first": removal.signed[:, 0]}
        return _between(removal.unit, curves | {"best least first": bounds.highest, "best most first": bounds.lowest})


@METRICS.register("ordering_abs")
@dataclass(frozen=True, slots=True)
class OrderingAbs(_ByRemoval):
    """Area between two curves of |output - full output|: features leave strongest first, less features leave weakest first.

    As `ordering`, by the size of the attribution alone, so that methods without sign take part.

    Range about -1 to 1 for probabilities, in standard deviations of the output elsewhere; higher is better. Chance 0 exactly.
    Ceiling: the area between the greedy curves that go farthest and stay nearest. No order by strength alone reaches it where
    features pull both ways: exact SHAP of a linear model of 8 features has a skill of about .6. Compare methods, not with 1.
    Cost: see `cost`; on at most 50 cases.
    """

    title: ClassVar[str] = "Ordering by strength"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    chance: ClassVar[str] = "0, exact: an order and its reverse are as likely"
    citation: ClassVar[str] = "Samek et al. 2017; Bluecher, Vielhaben & Strodthoff 2024"
    needs: ClassVar[frozenset[str]] = frozenset({"removal", "bounds"})

    def __call__(self, view: View) -> Scores:
        removal, bounds = view.removal, view.bounds
        assert removal is not None
        assert bounds is not None
        played = {
            "most first": removal.strength[:, 0],
            "least first": removal.strength[:, 1],
            "best most first": bounds.farthest,
            "best least first": bounds.nearest,
        }
        return _between(removal.unit, {name: np.abs(curve - removal.full[:, None]) for name, curve in played.items()})


@METRICS.register("comprehensiveness")
@dataclass(frozen=True, slots=True)
class Comprehensiveness(_ByRemoval):
    """What the output loses without the top features, averaged over the top 5, 10, 20, 30 and 50 % (at least one feature).

    Top by the attribution where it has a sign, else by its size. On the scale of probabilities where the model has one: range
    about -1 to 1, higher is better. It has no chance level or best value, so no skill: read it beside the control's. Cost: see `cost`.
    """

    title: ClassVar[str] = "Comprehensiveness"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    citation: ClassVar[str] = "DeYoung et al. 2020"
    needs: ClassVar[frozenset[str]] = frozenset({"removal"})

    def __call__(self, view: View) -> Scores:
        assert view.removal is not None
        return _lost(view.removal, view.removal.without)


@METRICS.register("sufficiency")
@dataclass(frozen=True, slots=True)
class Sufficiency(_ByRemoval):
    """What the output loses when only the top features are shown, averaged over the top 5, 10, 20, 30 and 50 % (at least one).

    Top by the attribution where it has a sign, else by its size. On the scale of probabilities where the model has one: range
    about -1 to 1, lower is better. It has no chance level or best value, so no skill: read it beside the control's. Cost: see `cost`.
    """

    title: ClassVar[str] = "Sufficiency"
    better: ClassVar[Literal["higher", "lower", "none"]] = "lower"
    citation: ClassVar[str] = "DeYoung et al. 2020"
    needs: ClassVar[frozenset[str]] = frozenset({"removal"})

    def __call__(self, view: View) -> Scores:
        assert view.removal is not None
        return _lost(view.removal, view.removal.alone)


def _between(unit: Array, curves: dict[str, Array]) -> Scores:
    """The area between two curves (n, K + 1), its ceiling from the next two, both in units (n,), and all four curves."""
    upper, lower, best_upper, best_lower = curves.values()
    score, ceiling = (_area(upper) - _area(lower)) / unit, (_area(best_upper) - _area(best_lower)) / unit
    return Scores(score, np.where(np.isnan(score), np.nan, 0.0), ceiling, reasons=_outside(score), curves=curves)


def _area(curve: Array) -> Array:
    """(n,) trapezoid areas of curves (n, K + 1) over [0, 1]."""
    return np.asarray(np.trapezoid(curve, axis=1) / (curve.shape[1] - 1))


def _lost(removal: Removal, outputs: Array) -> Scores:
    values = (removal.full[:, None] - outputs).mean(axis=1) / removal.unit
    return Scores(values, reasons=_outside(values))


def _outside(values: Array) -> dict[int, str]:
    return dict.fromkeys(np.flatnonzero(np.isnan(values)).tolist(), _OUTSIDE)
