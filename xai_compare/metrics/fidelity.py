"""Fidelity: does the explanation say what the model does?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import decompose
from xai_compare.metrics._coalitions import blanked, prepared
from xai_compare.types import Array, Scores

__all__ = ["AdditiveFit", "Completeness"]


@METRICS.register("additive_fit")
@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """Share of what moves the output, beyond how many features are shown, that the explanation tells.

    Parts: `lost_by_method` (told by the best additive explanation but not by this one; within noise of 0 for Shapley
    values, kept signed), `beyond_additive` (interactions no feature list can tell), `attainable` (1 - beyond),
    `size_alone` (R2 of the number of shown features, which is left out of all of these). explained + lost + beyond = 1.

    Range [0, 1] but for noise; higher is better. Chance: attainable / (2 (d - 1)) for any explanation that knows
    nothing; exactly 0 for a constant one. Ceiling 1. Scale-free: a positive factor on the attribution changes nothing.
    Cost: the shared coalition sample, 2 max(64, 4 d) * background model rows per case, once for all methods.
    """

    title: ClassVar[str] = "Additive fit"
    question: ClassVar[str] = "fidelity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "0 to 1"
    cost: ClassVar[str] = "2 max(64, 4 d) background model rows per case, shared by all methods"
    citation: ClassVar[str] = "xai_compare; coalition regression after Lundberg & Lee 2017 and Covert, Lundberg & Lee 2021"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions"})

    def __call__(self, view: View) -> Scores:
        pairs, reasons = prepared(view.coalitions)
        phi = view.attributions[0].values
        with np.errstate(divide="ignore", invalid="ignore"):  # flat cases divide by 0 and are blanked below
            found = decompose(pairs, phi)

        def part(values: Array, chance: Array | None = None, ceiling: Array | None = None) -> Scores:
            return Scores(blanked(values, reasons), chance, ceiling, reasons=reasons)

        chance = blanked(found.attainable / (2 * (phi.shape[1] - 1)), reasons)
        parts = {
            "lost_by_method": part(found.lost),
            "beyond_additive": part(found.beyond),
            "attainable": part(found.attainable),
            "size_alone": part(found.size_alone),
        }
        return Scores(blanked(found.explained, reasons), chance, np.ones(len(phi)), parts, reasons)


@METRICS.register("completeness")
@dataclass(frozen=True, slots=True)
class Completeness:
    """By how much an additive explanation misses the output: |base + sum phi - output| / (sum |phi| + |output - base|).

    Range 0 to 1, 0 for a method that keeps its promise exactly; lower is better. Only for methods that promise to add up
    and name a base. No chance level and no skill: a control promises nothing. Costs no model row beyond the shared sample.
    """

    title: ClassVar[str] = "Completeness error"
    question: ClassVar[str] = "fidelity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "lower"
    range: ClassVar[str] = "0 to 1"
    cost: ClassVar[str] = "none beyond the shared coalition sample"
    citation: ClassVar[str] = "Sundararajan, Taly & Yan 2017"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions"})

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        if not own.additive or own.base is None or view.coalitions is None:
            raise NotApplicable("the method does not promise to add up to the output")
        moved = view.coalitions.full - own.base
        size = np.abs(own.values).sum(axis=1) + np.abs(moved)
        # Nothing moved and nothing said: nothing missed.
        missed = np.abs(own.values.sum(axis=1) - moved)
        return Scores(np.divide(missed, size, out=np.zeros_like(size), where=size > 0))
