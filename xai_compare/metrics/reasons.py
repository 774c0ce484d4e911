"""Reason codes: contributions to adverse decisions against a reference, and whether the reasons are what decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import View
from xai_compare.reasons import AGAIN, POLICIES, QUESTION, Policy, Reason, contributions, ranked
from xai_compare.types import Array, BoolArray, Data, IntArray, Model, Scores, take

__all__ = ["ReasonCodes"]

_NEAREST = 10  # the share of the good training rows that is near the threshold: a tenth
_ASKED = 5000  # training rows among which the nearest are looked for
_OTHERS = "not among the cases that this model decides adversely"


@dataclass(frozen=True, slots=True)
class ReasonCodes:
    """Whether an adverse decision turns when its principal reasons take the reference's values; the contributions behind them.

    A case is adverse where the model's output for the class `adverse` is at least the threshold. The method explains it again, for that
    class, against the rows of each reference policy: "all_applicants" is the study's background; "near_threshold" the training rows on
    the good side of the threshold that are nearest to it, a tenth of those there are and at most as many as the background, by the
    model that decides: each model's own applicants who just passed. (Comment 9(b)(2)-5 to Regulation B describes both.) Contributions
    are summed within a reason; those above 0 are ranked, and at most `top` are principal.

    The score is the cross-over: 1 if the decision is no longer adverse once the features of the principal reasons are set to the medians
    and most frequent values of the reference of the study's policy, else 0. NaN for cases that are not adverse. Part "all_applicants" or
    "near_threshold": the same by the other policy. Higher is better; there is no chance level, and a method that is no difference from a
    reference (see `differences`) has a score all the same, as a diagnostic. It is planned where the study asks for `reasons`, not
    registered: its parameters are those of the study.
    Curves: (n, d) contributions to the adverse class by feature under each policy, and under the study's with another seed; (n, 1)
    "output", by which the decision is taken.

    Cost: 3 more runs of the method on the adverse cases, 3 model rows for each case, and up to 5,000 training rows for each chunk of 25.

    Parameters
    ----------
    threshold, output : the decision, and the space it is taken in. adverse : the position of the class, adverse_class its name.
    policy : the study's own. reasons : the map. methods : the explainers that are asked. differences : those of them whose values are
        differences from what stands in for a hidden feature, so from a reference. top : principal reasons at most.

    Raises
    ------
    NotApplicable
        For a method without direction, a model without the output, or one that decides for no training row.
    """

    title: ClassVar[str] = "Reasons that decide"
    question: ClassVar[str] = QUESTION
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "0 or 1"
    chance: ClassVar[str] = "none"
    cost: ClassVar[str] = "3 more runs of the method on the adverse cases"
    citation: ClassVar[str] = "Regulation B, 12 CFR 1002.9, comment 9(b)(2)-5; xai_compare"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model", "rerun"})

    threshold: float
    adverse: int
    adverse_class: str
    output: Literal["probability", "margin"]
    policy: Policy
    reasons: tuple[Reason, ...]
    methods: tuple[str, ...]
    differences: tuple[str, ...]
    top: int = 4

    def __call__(self, view: View) -> Scores:
        model, own, data = view.model, view.attributions[0], view.data
        assert model is not None
        assert view.rerun is not None
        if not own.signed:
            raise NotApplicable("it gives strength without direction, and a reason works towards the adverse outcome")
        if self.output not in model.offers:
            offered = ", ".join(sorted(model.offers & {"margin", "probability"}))
            raise NotApplicable(f"the decision is taken on the {self.output}, which this model does not give (it gives {offered})")
        n, d = len(view.cases), data.space.d
        cases = data.cases(np.array(view.cases))
        output = model.predict(cases, self.output)[:, self.adverse]
        at = np.flatnonzero(output >= self.threshold)
        flipped = {policy: np.full(n, np.nan) for policy in POLICIES}
        curves = {name: np.full((n, d), np.nan) for name in (*POLICIES, AGAIN)} | {"output": output[:, None]}
        if len(at):
            adverse = np.full(len(at), self.adverse)
            for policy in POLICIES:
                rows = self._reference(policy, view, model)
                curves[policy][at] = view.rerun(at, background=rows, target=adverse).known()
                hidden = self._features(curves[policy][at])
                flipped[policy][at] = self._flips(model, data.with_background(rows), view, at, hidden)
                if policy == self.policy:
                    other = view.streams.at("again")
                    curves[AGAIN][at] = view.rerun(at, background=rows, target=adverse, streams=other).known()
        reasons = dict.fromkeys(np.flatnonzero(output < self.threshold).tolist(), _OTHERS)
        parts = {str(policy): Scores(flipped[policy], reasons=reasons) for policy in POLICIES if policy != self.policy}
        return Scores(flipped[self.policy], parts=parts, reasons=reasons, curves=curves)

    def _reference(self, policy: Policy, view: View, model: Model) -> IntArray:
        """(b,) the training rows that the cases are held against."""
        data = view.data
        if policy == "all_applicants":
            return data.background
        known = len(data.train.inputs)
        asked = np.arange(known)
        if known > _ASKED:  # the same rows for every model, method and chunk
            asked = np.sort(view.streams.at("near").shared().choice(known, _ASKED, replace=False))
        output = model.predict(take(data.train.inputs, asked), self.output)[:, self.adverse]
        good = np.flatnonzero(output < self.threshold)
        if not len(good):
            raise NotApplicable("the model decides adversely on every training row, so none of them is near the threshold on its good side")
        count = min(len(data.background), -(-len(good) // _NEAREST))
        nearest = np.argsort(-output[good], kind="stable")[:count]
        return np.sort(asked[good[nearest]])

    def _features(self, values: Array) -> BoolArray:
        """(m, d) which features the principal reasons of a case are made of."""
        told = ranked(contributions(values, self.reasons), self.top).members(len(self.reasons))
        member = np.zeros((len(self.reasons), values.shape[1]), dtype=bool)
        for i, reason in enumerate(self.reasons):
            member[i, list(reason.features)] = True
        return told @ member

    def _flips(self, model: Model, data: Data, view: View, at: IntArray, hidden: BoolArray) -> Array:
        """(m,) whether the decision is no longer adverse with these features at the middle of the background."""
        inputs = data.cases(np.array(view.cases)[at])
        changed = data.space.hide(inputs, np.arange(len(at)), ~hidden, "reference")
        return np.asarray(model.predict(changed, self.output)[:, self.adverse] < self.threshold, dtype=np.float64)
