"""Simplicity: can a person take it in?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _arrays as arrays
from xai_compare.metrics._coalitions import blanked, prepared
from xai_compare.metrics._sizes import by_size
from xai_compare.types import Array, Scores

__all__ = ["EffectiveFeatures", "FeaturesFor80", "FeaturesNeeded", "Gini"]


@METRICS.register("features_needed")
@dataclass(frozen=True, slots=True)
class FeaturesNeeded:
    """The fewest top-|phi| features whose truncated attribution tells `share` of what any additive explanation can tell.

    Range 1 to d + 1 (d + 1: it never does); lower is better. Chance: the control's own score on the same case. Ceiling 1.
    Read off the shared coalition sample: no further model rows.

    Parameters
    ----------
    share : of the attainable share, in (0, 1].
    """

    title: ClassVar[str] = "Features needed"
    question: ClassVar[str] = "simplicity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "lower"
    range: ClassVar[str] = "1 to d + 1"
    chance: ClassVar[str] = "the control's own, by case"
    cost: ClassVar[str] = "none beyond the shared coalition sample"
    citation: ClassVar[str] = "xai_compare"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions", "control"})

    share: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise XaiCompareError(f"share must be in (0, 1], found {self.share}")

    @by_size
    def __call__(self, view: View) -> Scores:
        pairs, reasons = prepared(view.coalitions)
        nothing = np.flatnonzero(pairs.tell - pairs.rest <= 0)
        reasons |= {int(i): "nothing attainable: no additive explanation tells anything" for i in nothing if int(i) not in reasons}
        assert view.control is not None
        own, control = (arrays.features_needed(pairs, each.values, self.share) for each in (view.attributions[0], view.control))
        return Scores(blanked(own, reasons), blanked(control, reasons), np.ones(len(own)), reasons=reasons)


class _Descriptive:
    """What the metrics have in common that tell how many numbers an explanation is spread over, and nothing of the model."""

    __slots__ = ()

    question: ClassVar[str] = "simplicity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "none"
    chance: ClassVar[str] = "none: read beside the control's"
    cost: ClassVar[str] = "none"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()


@METRICS.register("effective_features")
@dataclass(frozen=True, slots=True)
class EffectiveFeatures(_Descriptive):
    """How many features the attribution is spread over: exp of the entropy of |phi| / sum |phi|.

    Range 1 to d; lower is shorter, which is not better by itself: descriptive, no skill, read beside the control's.
    Not to be compared between methods that limit the number of features. Costs no model row. Quantus gives the entropy itself
    ("Complexity").
    """

    title: ClassVar[str] = "Effective features"
    range: ClassVar[str] = "1 to d"
    citation: ClassVar[str] = "Bhatt, Weller & Moura 2020 (entropy); Hill 1973"

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        return _spread(arrays.effective_features(own.values, own.present))


@METRICS.register("features_for_80")
@dataclass(frozen=True, slots=True)
class FeaturesFor80(_Descriptive):
    """The fewest features that have 80 % of sum |phi|.

    Range 1 to d; lower is shorter, which is not better by itself: descriptive, no skill, read beside the control's.
    It counts what the explanation says, `features_needed` what that tells of the model. Not to be compared between methods that limit
    the number of features. Costs no model row.
    """

    title: ClassVar[str] = "Features for 80 %"
    range: ClassVar[str] = "1 to d"
    citation: ClassVar[str] = "xai_compare"

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        return _spread(arrays.features_for(own.values, 0.8, own.present))


@METRICS.register("gini")
@dataclass(frozen=True, slots=True)
class Gini(_Descriptive):
    """How unequal the features' |phi| are: the Gini coefficient.

    Range 0 (all equal) to 1 - 1/d (a single one); higher is shorter, which is not better by itself: descriptive, no skill, read
    beside the control's. Not to be compared between methods that limit the number of features. Costs no model row.
    Quantus calls it "Sparseness".
    """

    title: ClassVar[str] = "Inequality of features (Gini)"
    range: ClassVar[str] = "0 to 1 - 1/d"
    citation: ClassVar[str] = "Chalasani et al. 2020; Hurley & Rickard 2009"

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        return _spread(arrays.gini(own.values, own.present))


def _spread(values: Array) -> Scores:
    return Scores(values, reasons={int(i): "all-zero explanation" for i in np.flatnonzero(np.isnan(values))})
