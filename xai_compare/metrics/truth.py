"""Truth: does the explanation say what is known to be so? For data made by a known rule, and texts in which people marked the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _arrays as arrays
from xai_compare.metrics._coalitions import blanked
from xai_compare.types import Array, BoolArray, IntArray, Scores, Truth

__all__ = ["Auprc", "MaskAuroc", "RelevanceMass", "RelevanceRank", "TokenF1", "TruthSimilarity"]


class _AgainstTruth:
    """What these metrics have in common."""

    __slots__ = ()

    question: ClassVar[str] = "truth"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "0 to 1"
    chance: ClassVar[str] = "closed form, by case: the share of the features that matter"
    cost: ClassVar[str] = "none"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()


@METRICS.register("truth_similarity")
@dataclass(frozen=True, slots=True)
class TruthSimilarity(_AgainstTruth):
    """How much of the explanation is shared with the true attribution of the rule that made the outcome.

    The overlap of the shares of |phi|, with sign; without for a method that has none. For two classes the truth of the first is that
    of the last with its signs turned. The truth is of the rule, not of the model: a model that did not learn the rule
    is explained well by something else, so read it beside performance.

    Range 0 to 1; higher is better. Chance: the overlap under re-ordering the features within the case. Ceiling 1. Costs no model row.
    """

    title: ClassVar[str] = "Similarity to the truth"
    chance: ClassVar[str] = "closed form, by case: the overlap under re-ordering the features"
    citation: ClassVar[str] = "Agarwal et al. 2022 (OpenXAI); xai_compare"
    lead: ClassVar[bool] = True

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        truth = _known(view).attribution
        if truth is None:
            raise NotApplicable("the true attribution is not known, only which features matter")
        if len(view.data.classes) > 2:
            raise NotApplicable("a true attribution speaks of one output, and the study has more than two classes")
        rows = truth[_rows(view)]
        if view.data.classes:
            rows = np.where(own.target[:, None] == len(view.data.classes) - 1, rows, -rows)
        shared, chance = arrays.overlap(own.values, rows if own.signed else np.abs(rows), own.present)
        constant = {int(i): "constant explanation" for i in np.flatnonzero(~(chance < 1 - 1e-12))}
        return Scores(blanked(shared, constant), blanked(chance, constant), np.ones(len(shared)), reasons=constant)


@METRICS.register("relevance_mass")
@dataclass(frozen=True, slots=True)
class RelevanceMass(_AgainstTruth):
    """Share of sum |phi| that lies on the features which the outcome of the case depends on.

    Range 0 to 1; higher is better. Chance: the share of such features among those of the case. Ceiling 1. Costs no model row.
    Quantus takes phi as it is, after its own scaling and, if asked, its size.
    """

    title: ClassVar[str] = "Relevance mass"
    citation: ClassVar[str] = "Arras, Osman & Samek 2022"

    def __call__(self, view: View) -> Scores:
        mask, share, reasons = _masked(view)
        own = view.attributions[0]
        values = arrays.relevance_mass(own.values, mask, own.present)
        reasons = {int(i): "all-zero explanation" for i in np.flatnonzero(np.isnan(values))} | reasons
        return _against(values, share, reasons)


@METRICS.register("relevance_rank")
@dataclass(frozen=True, slots=True)
class RelevanceRank(_AgainstTruth):
    """Share of the k features which the outcome of the case depends on that are among the top k by |phi|.

    Ties count by the mean over all their orders. Range 0 to 1; higher is better. Chance: the share of such features among those
    of the case. Ceiling 1. Costs no model row.
    """

    title: ClassVar[str] = "Relevance rank"
    citation: ClassVar[str] = "Arras, Osman & Samek 2022"

    def __call__(self, view: View) -> Scores:
        mask, share, reasons = _masked(view)
        own = view.attributions[0]
        return _against(arrays.relevance_rank(own.values, mask, own.present), share, reasons)


@METRICS.register("mask_auroc")
@dataclass(frozen=True, slots=True)
class MaskAuroc(_AgainstTruth):
    """How often a feature which the outcome of the case depends on has a larger |phi| than one it does not depend on.

    The area under the ROC curve of |phi|; ties count one half. Range 0 to 1; higher is better. Chance 1/2. Ceiling 1.
    Costs no model row.
    """

    title: ClassVar[str] = "Relevant before irrelevant (AUROC)"
    chance: ClassVar[str] = "1/2"
    citation: ClassVar[str] = "Arras, Osman & Samek 2022; Fawcett 2006"

    def __call__(self, view: View) -> Scores:
        mask, share, reasons = _masked(view)
        own = view.attributions[0]
        return _against(arrays.mask_auroc(own.values, mask, own.present), np.full(len(share), 0.5), reasons)


@METRICS.register("auprc")
@dataclass(frozen=True, slots=True)
class Auprc(_AgainstTruth):
    """How far down the list by |phi| the features stand which the outcome of the case depends on, the first ones counting most.

    The area under the curve of precision over recall (average precision). Ties count by the mean over all their orders, so that a
    constant explanation is at chance. Range 0 to 1; higher is better. Chance: the mean over all orders of the features, which
    is above the share of such features where there are few. Ceiling 1. Costs no model row.
    """

    title: ClassVar[str] = "Relevant first (AUPRC)"
    chance: ClassVar[str] = "closed form, by case: the mean over all orders of the features"
    citation: ClassVar[str] = "DeYoung et al. 2020 (ERASER); Davis & Goadrich 2006"

    def __call__(self, view: View) -> Scores:
        mask, _, reasons = _masked(view)
        own = view.attributions[0]
        chance = arrays.average_precision(np.zeros(own.values.shape), mask, own.present)
        return _against(arrays.average_precision(own.values, mask, own.present), chance, reasons)


@METRICS.register("token_f1")
@dataclass(frozen=True, slots=True)
class TokenF1(_AgainstTruth):
    """Agreement of the top k by |phi| with the features which the outcome of the case depends on: F1 of the two sets.

    k is the mean share of such features in all test rows that have any, times the features of the case, rounded, at least 1: the
    explanation is not told how many there are in the case (with that number it would be the relevance rank).
    Ties count by the mean over all their orders. Range 0 to 1; higher is better. Chance: the mean over all orders of the features.
    Ceiling: the F1 of the best set of this size. Costs no model row.
    """

    title: ClassVar[str] = "Token F1"
    chance: ClassVar[str] = "closed form, by case: the mean over all orders of the features"
    citation: ClassVar[str] = "DeYoung et al. 2020 (ERASER)"

    def __call__(self, view: View) -> Scores:
        mask, share, reasons = _masked(view)
        own = view.attributions[0]
        true = mask.sum(axis=1)
        d = np.full(len(mask), mask.shape[1]) if own.present is None else own.present.sum(axis=1)
        k = np.maximum(np.floor(_mean_share(view) * d + 0.5), 1).astype(np.int64)
        f1, chance, best = (
            2 * hits / (k + true) for hits in (arrays.top_hits(own.values, mask, k, own.present), k * share, np.minimum(k, true))
        )
        return Scores(blanked(f1, reasons), blanked(chance, reasons), blanked(best, reasons), reasons=reasons)


def _mean_share(view: View) -> float:
    """The mean share of features that matter, of the test rows in which one does."""
    truth, space = _known(view), view.data.space
    assert truth.mask is not None  # `_masked` has looked
    there = space.present(view.data.test.inputs)
    mask = truth.mask & there
    some = mask.any(axis=1)
    return float((mask.sum(axis=1)[some] / there.sum(axis=1)[some]).mean()) if some.any() else 0.0


def _known(view: View) -> Truth:
    if view.data.truth is None:
        raise NotApplicable("nobody knows the true explanation of these data")
    return view.data.truth


def _rows(view: View) -> IntArray:
    """(n,) the rows of the test table that the cases of a view are."""
    return np.asarray(view.data.explain[np.array(view.cases, dtype=np.int64)], dtype=np.int64)


def _masked(view: View) -> tuple[BoolArray, Array, dict[int, str]]:
    """(n, d) which features matter, (n,) their share of those that the case has, and why some cases say nothing."""
    truth, own = _known(view), view.attributions[0]
    if truth.mask is None:
        raise NotApplicable("which features matter is not known, only a true attribution")
    there = np.ones(own.values.shape, dtype=bool) if own.present is None else own.present
    mask = truth.mask[_rows(view)] & there
    share = mask.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    edges = {0.0: "no feature matters", 1.0: "every feature matters"}
    reasons = {i: edges[value] for i, value in enumerate(share.tolist()) if value in edges}
    return mask, share, reasons


def _against(values: Array, chance: Array, reasons: dict[int, str]) -> Scores:
    return Scores(blanked(values, reasons), blanked(chance, reasons), np.ones(len(values)), reasons=reasons)
