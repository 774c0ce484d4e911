"""Model randomisation: does the explanation change when the model has learnt nothing?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import overlap
from xai_compare.metrics._cases import check_counts, taken
from xai_compare.metrics._sizes import shared
from xai_compare.types import Array, BoolArray, IntArray, Model, Scores

__all__ = ["Randomisation"]


@METRICS.register("randomisation")
@dataclass(frozen=True, slots=True)
class Randomisation:
    """How much less the explanation shares with those of destroyed models than with one of the same model run again.

    A net is destroyed by drawing its parameters anew, any other model by training it again on permuted outcomes, always with another
    seed. Each explanation is for the same target. The score of a case is the overlap of the shares of |phi|, with sign, beyond chance
    with a run of other random numbers, minus the mean of that with the destroyed models. So what is noise, constant over models, or
    blind to the model scores 0, and what is stable and wholly another for a destroyed model reaches the ceiling.

    Range up to 1, below 0 within noise; higher is better. Chance 0. Ceiling: what re-ordering the features within the case leaves of 1; a
    single case passes it where it shares less than chance with the destroyed models. Parts: `same_model` and `destroyed` are the
    overlaps themselves. For nets the curve "cascade" is the overlap when only the last layer is drawn anew, the last two, and so on to
    all (Adebayo et al. 2018); a method that reads the model should fall along it.

    Cost: the method's own, runs + 1 times (and once for each layer of a net) for each of `cases` cases, and `runs` trainings.

    Parameters
    ----------
    cases : how many cases are asked, evenly spread over the study. runs : destroyed models.

    Raises
    ------
    NotApplicable
        For a model that is no net and was not trained by the study.
    """

    title: ClassVar[str] = "Model randomisation"
    question: ClassVar[str] = "sanity"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "up to 1"
    chance: ClassVar[str] = "0 for what is noise, constant, or blind to the model"
    cost: ClassVar[str] = "4 more runs of the method on 30 cases, one more for each layer of a net; 3 trainings of the model"
    citation: ClassVar[str] = "Adebayo et al. 2018; Hedström et al. 2023"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"rerun", "destroyed"})

    cases: int = 30
    runs: int = 3

    def __post_init__(self) -> None:
        check_counts(cases=self.cases, runs=self.runs)

    def __call__(self, view: View) -> Scores:
        assert view.destroyed is not None
        ruins = [view.destroyed.whole(run) for run in range(self.runs)]
        at, reasons = taken(view, self.cases)
        same, level = _overlaps(view, at, "again", None)
        others = np.array([_overlaps(view, at, f"destroyed {run}", model) for run, model in enumerate(ruins)])
        kept, chance = np.nan_to_num(others).mean(axis=0)  # an explanation of nothing shares nothing
        told = level < 1 - 1e-12  # False also for NaN, of an explanation that is all zeros
        reasons |= {int(i): "constant explanation" for i in at[~told]}

        def spread(values: Array) -> Array:
            out = np.full(len(view.cases), np.nan)
            out[at] = np.where(told, values, np.nan)
            return out

        top = spread(np.ones(len(at)))
        parts = {
            "same_model": Scores(spread(same), spread(level), top, reasons=reasons),
            "destroyed": Scores(spread(kept), spread(chance), top, reasons=reasons),
        }
        curves = self._cascade(view, at, told)
        return Scores(spread(same - level - (kept - chance)), spread(np.zeros(len(at))), spread(1 - level), parts, reasons, curves=curves)

    def _cascade(self, view: View, at: IntArray, told: BoolArray) -> dict[str, Array]:
        """{"cascade": (n, layers + 1)} overlap with the net as it is, without its last layer, its last two, and so on."""
        assert view.destroyed is not None
        layers = view.destroyed.cascade()
        if not layers:
            return {}
        curve = np.full((len(view.cases), len(layers) + 1), np.nan)
        curve[at[told], 0] = 1.0
        for depth, model in enumerate(layers, 1):
            curve[at, depth] = np.where(told, np.nan_to_num(_overlaps(view, at, f"layers {depth}", model)[0]), np.nan)
        return {"cascade": curve}


def _overlaps(view: View, at: IntArray, name: str, model: Model | None) -> tuple[Array, Array]:
    """(r,) overlap with an explanation by other random numbers, of another model if one is given, and its chance."""
    own = view.attributions[0]
    if not len(at):
        return np.zeros(0), np.zeros(0)
    assert view.rerun is not None
    again = view.rerun(at, streams=view.streams.at(name), model=model)
    before = own.rows(at)
    return overlap(before.values, again.values, shared(before, again))
