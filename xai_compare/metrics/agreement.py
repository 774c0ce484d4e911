"""Agreement: would another method say the same?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _arrays as arrays
from xai_compare.metrics._sizes import by_size
from xai_compare.types import Array, Scores

__all__ = ["Agreement"]

Measure = Literal["sign", "feature", "rank", "signed_rank", "spearman", "pairwise_rank", "similarity"]
_SIGNED = ("sign", "signed_rank", "similarity")
_DRAWS = 20


@METRICS.register("agreement")
@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two methods agree on the same cases of one model. The value is `measure`; every other measure is a part.

    On the top k features: `feature` (share in both), `rank` (same place), `sign` (in both with the same sign),
    `signed_rank` (same place and sign). On all features: `spearman` and `pairwise_rank` of |phi|, `similarity` (shared mass).
    Ties are broken at random, averaged over 20 draws. Signed measures exist for two signed methods only.

    Range [0, 1] (spearman [-1, 1]); higher is better. Chance, under re-ordering the features within a case: feature k/d,
    rank 1/d, sign (k/d)(p q + p' q') with p, q the positive and p', q' the negative shares of each top k (a zero has no
    sign), signed_rank likewise with 1/d,
    spearman 0, pairwise_rank 1/2, similarity exactly. Ceiling 1. Costs no model row.

    Parameters
    ----------
    measure : the measure that is the value. k : how many top features, at most d / 2.
    """

    title: ClassVar[str] = "Agreement between methods"
    question: ClassVar[str] = "agreement"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "0 to 1"
    chance: ClassVar[str] = "closed form, by case and measure"
    cost: ClassVar[str] = "none"
    citation: ClassVar[str] = "Krishna et al. 2022"
    scope: ClassVar[Literal["method", "methods", "model"]] = "methods"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()

    measure: Measure = "sign"
    k: int = 4

    def __post_init__(self) -> None:
        if self.k < 1:
            raise XaiCompareError(f"k must be at least 1, found {self.k}")

    @by_size
    def __call__(self, view: View) -> Scores:
        first, second = view.attributions
        if first.output != second.output:
            raise NotApplicable(f"one speaks in {first.output}, the other in {second.output}")
        signed = first.signed and second.signed
        scores = {
            name: found
            for name, found in (self._top(view) | self._whole(first.values, second.values)).items()
            if signed or name not in _SIGNED
        }
        if not scores:
            raise NotApplicable(f"{first.values.shape[1]} features are too few for the top {self.k} of two unsigned methods")
        own = scores.pop(self.measure, None)
        if own is None:
            why = "no sign to compare: a method is unsigned" if not signed else f"too few features for the top {self.k}"
            n = len(first.values)
            own = Scores(np.full(n, np.nan), reasons=dict.fromkeys(range(n), why))
        return Scores(own.values, own.chance, own.ceiling, scores, own.reasons)

    def _top(self, view: View) -> dict[str, Scores]:
        a, b = (each.values for each in view.attributions)
        n, d = a.shape
        if self.k > d / 2:
            return {}
        noise = np.stack([view.streams.case(case).random((_DRAWS, 2, d)) for case in view.cases], axis=2)
        found = arrays.agreement_draws(a, b, self.k, noise)
        same = found["same_by_chance"]
        share, one = np.full(n, self.k / d), np.full(n, 1 / d)
        chances = {"feature": share, "rank": one, "sign": share * same, "signed_rank": one * same}
        return {name: Scores(found[name], chance, np.ones(n)) for name, chance in chances.items()}

    def _whole(self, a: Array, b: Array) -> dict[str, Scores]:
        n = len(a)
        shared, by_chance = arrays.overlap(a, b)
        constant = {int(i): "constant explanation" for i in np.flatnonzero(~(by_chance < 1 - 1e-12))}
        for values in (shared, by_chance):
            values[list(constant)] = np.nan
        rho = arrays.spearman(a, b)
        flat = {int(i): "no order: all features equally strong" for i in np.flatnonzero(np.isnan(rho))}
        ranked = arrays.pairwise_rank(a, b)
        unranked = {int(i): "a single feature has no order" for i in np.flatnonzero(np.isnan(ranked))}
        return {
            "spearman": Scores(rho, np.zeros(n), np.ones(n), reasons=flat),
            "pairwise_rank": Scores(ranked, np.full(n, 0.5), np.ones(n), reasons=unranked),
            "similarity": Scores(shared, by_chance, np.ones(n), reasons=constant),
        }
