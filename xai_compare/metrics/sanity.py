"""Sanity: does the explanation depend on what it explains at all?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import overlap
from xai_compare.metrics._cases import check_counts, taken
from xai_compare.metrics._coalitions import blanked
from xai_compare.metrics._sizes import shared
from xai_compare.types import IntArray, Scores

__all__ = ["ClassSensitivity"]


@METRICS.register("class_sensitivity")
@dataclass(frozen=True, slots=True)
class ClassSensitivity:
    """How far the explanation of the explained class differs from that of another class, on the same case.

    The other class is the one with the largest output of the model beside the explained one. The score is 1 less the overlap of the
    shares of |phi|, with sign, beyond what re-ordering the features within the case would give (0 where there is none).
    For two classes the explanation of the other is the mirror image, or the same for a method without sign: not applicable.

    Range 0 to 1; higher is better. Chance 0: what knows nothing of the model does not see the class either (the control keeps its
    random numbers here); ceiling 1. Cost: the method's own, once for each of `cases` cases, and as many model rows.

    Parameters
    ----------
    cases : how many cases are asked, evenly spread over the study.
    """

    title: ClassVar[str] = "Sensitivity to the class"
    question: ClassVar[str] = "sanity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "0 to 1"
    chance: ClassVar[str] = "0 for what does not see the class"
    cost: ClassVar[str] = "one more run of the method on 50 cases"
    citation: ClassVar[str] = "Sixt, Granz & Landgraf 2020; xai_compare"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model", "rerun"})

    cases: int = 50

    def __post_init__(self) -> None:
        check_counts(cases=self.cases)

    def __call__(self, view: View) -> Scores:
        own, classes = view.attributions[0], view.data.classes
        if len(classes) < 3:
            raise NotApplicable("the outcome has fewer than three classes: there is no other class, or only the opposite one")
        if own.scope == "model":
            raise NotApplicable("the method explains the model as a whole, not one of its classes")
        at, reasons = taken(view, self.cases)
        n = len(view.cases)
        values = np.full(n, np.nan)
        if len(at):
            assert view.rerun is not None
            other = view.rerun(at, target=_runner_up(view, at))
            kept, chance = overlap(own.values[at], other.values, shared(own.rows(at), other))
            told = chance < 1 - 1e-12  # False also for NaN, of an explanation that is all zeros
            values[at] = 1 - np.maximum(np.divide(kept - chance, 1 - chance, out=np.full(len(at), np.nan), where=told), 0)
            reasons |= {int(i): "constant explanation" for i in at[~told]}
        return Scores(blanked(values, reasons), np.zeros(n), np.ones(n), reasons=reasons)


def _runner_up(view: View, at: IntArray) -> IntArray:
    """(r,) the class with the largest output beside the explained one, for the cases at the positions `at`."""
    own, model = view.attributions[0], view.model
    assert model is not None
    outputs = model.predict(view.data.cases(np.array(view.cases)[at]), own.output)
    outputs = np.where(np.arange(outputs.shape[1]) == own.target[at][:, None], -np.inf, outputs)
    return np.asarray(outputs.argmax(axis=1), dtype=np.int64)
