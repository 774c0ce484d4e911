"""Simplicity: can a person take it in?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _arrays as arrays
from xai_compare.metrics._coalitions import blanked, prepared
from xai_compare.types import Scores

__all__ = ["EffectiveFeatures", "FeaturesNeeded"]


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
    cost: ClassVar[str] = "none beyond the shared coalition sample"
    citation: ClassVar[str] = "xai_compare"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions", "control"})

    share: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise XaiCompareError(f"share must be in (0, 1], found {self.share}")

    def __call__(self, view: View) -> Scores:
        pairs, reasons = prepared(view.coalitions)
        nothing = np.flatnonzero(pairs.tell - pairs.rest <= 0)
        reasons |= {int(i): "nothing attainable: no additive explanation tells anything" for i in nothing if int(i) not in reasons}
        assert view.control is not None
        own, control = (arrays.features_needed(pairs, each.values, self.share) for each in (view.attributions[0], view.control))
        return Scores(blanked(own, reasons), blanked(control, reasons), np.ones(len(own)), reasons=reasons)


@METRICS.register("effective_features")
@dataclass(frozen=True, slots=True)
class EffectiveFeatures:
    """How many features the attribution is spread over: exp of the entropy of |phi| / sum |phi|.

    Range 1 to d; lower is shorter, which is not better by itself: descriptive, no skill, read beside the control's.
    Not to be compared between methods that limit the number of features. Costs no model row.
    """

    title: ClassVar[str] = "Effective features"
    question: ClassVar[str] = "simplicity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "none"
    range: ClassVar[str] = "1 to d"
    cost: ClassVar[str] = "none"
    citation: ClassVar[str] = "Bhatt, Weller & Moura 2020 (entropy); Hill 1973"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, view: View) -> Scores:
        values = arrays.effective_features(view.attributions[0].values)
        reasons = {int(i): "all-zero explanation" for i in np.flatnonzero(np.isnan(values))}
        return Scores(values, reasons=reasons)
