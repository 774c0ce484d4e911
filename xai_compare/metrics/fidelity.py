"""Fidelity: does the explanation say what the model does?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import decompose, infidelity, partial_correlation
from xai_compare.metrics._coalitions import blanked, hidings, prepared, scorable
from xai_compare.metrics._sizes import by_size
from xai_compare.types import Array, Scores

__all__ = ["AdditiveFit", "Completeness", "FaithfulnessCorrelation", "Infidelity"]

_NO_PROMISE = "the method does not promise to add up to the output"


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
    chance: ClassVar[str] = "closed form, by case: what the best explanation tells, over 2 (d - 1)"
    cost: ClassVar[str] = "2 max(64, 4 d) background model rows per case, shared by all methods"
    citation: ClassVar[str] = "xai_compare; coalition regression after Lundberg & Lee 2017 and Covert, Lundberg & Lee 2021"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions"})

    @by_size
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
    chance: ClassVar[str] = "none"
    cost: ClassVar[str] = "none beyond the shared coalition sample"
    citation: ClassVar[str] = "Sundararajan, Taly & Yan 2017"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions"})

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        if not own.additive or own.base is None or view.coalitions is None:
            raise NotApplicable(_NO_PROMISE)
        moved = view.coalitions.full - own.base
        values = own.known()
        size = np.abs(values).sum(axis=1) + np.abs(moved)
        # Nothing moved and nothing said: nothing missed.
        missed = np.abs(values.sum(axis=1) - moved)
        return Scores(np.divide(missed, size, out=np.zeros_like(size), where=size > 0))


@METRICS.register("faithfulness_correlation")
@dataclass(frozen=True, slots=True)
class FaithfulnessCorrelation:
    """Correlation, over many sets of features, of their summed attribution with the fall of the output when they are hidden.

    Partial, given how many are hidden: hiding more moves the output more, so that an explanation with the numbers of another in
    random order passes the plain correlation with .24 to .68. Part `plain` is that one, for parity with other tools only. These
    draw sets of one size, which is the same as to hold it fixed (Quantus, with `subset_size`); here sizes are mixed.

    Range -1 to 1; higher is better. Chance 0 exactly for whatever is as likely with its signs turned; ceiling 1. A constant
    explanation tells nothing: 0. A positive factor on the attribution changes nothing. Where all coalitions are enumerated, the square
    of a positive value is the share that `additive_fit` calls explained. Read off the shared coalition sample: no further model rows.
    """

    title: ClassVar[str] = "Faithfulness correlation"
    question: ClassVar[str] = "fidelity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "-1 to 1"
    chance: ClassVar[str] = "0, exact under sign symmetry"
    cost: ClassVar[str] = "none beyond the shared coalition sample"
    citation: ClassVar[str] = "Bhatt, Weller & Moura 2020; partial: xai_compare"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions"})

    @by_size
    def __call__(self, view: View) -> Scores:
        sample, reasons = scorable(view.coalitions)
        found = hidings(sample, view.attributions[0].values)
        given, plain = (partial_correlation(found.said, found.drop, count, found.weights) for count in (found.count, None))
        n = len(given)
        parts = {"plain": Scores(blanked(plain, reasons), reasons=reasons)}
        return Scores(blanked(given, reasons), np.zeros(n), np.ones(n), parts, reasons)


@METRICS.register("infidelity")
@dataclass(frozen=True, slots=True)
class Infidelity:
    """By how much the summed attribution of hidden features misses the fall of the output: mean square, as a share of that of the fall.

    The perturbation is the study's own: the features of a random set take the background's values, the output is the mean. The set's
    attribution is first multiplied by the one positive number, per case, that makes the miss smallest; so it can be asked of
    every method. Part `own_scale`, without that number, is there for methods that promise to add up. Captum and Quantus leave the
    result in the squared units of the output; Captum's `normalize` allows a negative number too, so that an explanation with
    all signs wrong counts as right.

    Range 0 to 1, 1 for an explanation of zeros (`own_scale`: 0 and up); lower is better. As in the original, what the size of a
    set alone tells is not taken off. No chance level is known, so no skill: read it beside the control's.
    Read off the shared coalition sample: no further model rows.
    """

    title: ClassVar[str] = "Infidelity"
    question: ClassVar[str] = "fidelity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "lower"
    range: ClassVar[str] = "0 to 1"
    chance: ClassVar[str] = "none: read beside the control's"
    cost: ClassVar[str] = "none beyond the shared coalition sample"
    citation: ClassVar[str] = "Yeh et al. 2019"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"coalitions"})

    @by_size
    def __call__(self, view: View) -> Scores:
        sample, reasons = scorable(view.coalitions)
        own = view.attributions[0]
        found = hidings(sample, own.values)
        scaled, as_said = (blanked(each, reasons) for each in infidelity(found.said, found.drop, found.weights))
        parts = {"own_scale": Scores(as_said, reasons=reasons)} if own.additive else {}
        return Scores(scaled, parts=parts, reasons=reasons)
