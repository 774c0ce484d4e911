"""Metrics: scores of attributions, one per case. A new one is one file with one `@METRICS.register("name")`.

A metric is a frozen dataclass of its own parameters. It never averages over cases: only `compare` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, runtime_checkable

from xai_compare.game import Coalitions
from xai_compare.models.destroyed import Destroyed
from xai_compare.registry import Registry
from xai_compare.removal import Bounds, Removal
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Data, Inputs, IntArray, Model, Scores

__all__ = ["METRICS", "Metric", "Rerun", "View"]


class Rerun(Protocol):
    """Explains cases of a view again by the same method, with one thing changed."""

    def __call__(
        self,
        at: IntArray,
        *,
        inputs: Inputs | None = None,
        streams: Streams | None = None,
        background: IntArray | None = None,
        model: Model | None = None,
        target: IntArray | None = None,
    ) -> Attribution:
        """Explain again, all in one batch.

        Parameters
        ----------
        at : (r,) positions in the view; one may come several times.
        inputs : r inputs to explain in their place. Methods keep the random numbers of the case; the control draws afresh,
            or it would be perfectly stable.
        streams : other random numbers. background : (b,) other rows of the training table. model : another model.
        target : (r,) other outputs to explain. Also the control keeps its random numbers: it knows nothing of the output.

        Returns
        -------
        Attribution of r rows.
        """


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a metric may look at.

    data : the study's data.
    streams : randomness, keyed by case number through `cases`.
    cases : (n,) numbers of the cases in the study.
    attributions : one for scope "method", two for "methods", none for "model"; all of the same cases.

    The rest is there if the metric `needs` it (a metric of scope "model" has its model anyway), else None:

    control : the control's attribution of these cases.
    coalitions : the shared coalition sample of these cases, already evaluated.
    removal : outputs while features leave in the order of the attribution. bounds : in the best order there is.
    model : the model itself. rerun : explains these cases again with one thing changed.
    destroyed : models of the same kind that have learnt nothing.

    took : for a metric of scope "model" to note what differs from run to run, seconds and the like, under a name that says the unit.
    It goes to `timings.json`, never into a score.
    """

    data: Data
    streams: Streams
    cases: tuple[int, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    control: Attribution | None = None
    coalitions: Coalitions | None = None
    removal: Removal | None = None
    bounds: Bounds | None = None
    model: Model | None = None
    rerun: Rerun | None = None
    destroyed: Destroyed | None = None
    took: dict[str, float] = field(default_factory=dict)


@runtime_checkable
class Metric(Protocol):
    """What every metric offers.

    title : as printed. question : fidelity, stability, simplicity, agreement, sanity, truth, intrinsic, performance,
    cost or learning.
    better : the direction of its values. range, cost, citation : in words. lead : speaks for its question in the verdict.
    scope : "method" (one attribution), "methods" (two), "model" (the model itself). needs : what of "control",
    "coalitions", "removal", "bounds", "model", "rerun" and "destroyed" the view must hold.
    `methods` (optional) : the explainers that it is asked of; without it, all.
    `on_request` (optional) : True for one that is too dear to run unasked, which auto leaves out.
    `chance` (optional) : what knowing nothing of the model scores, in words: "0, exact", "closed form, by case", "none".
    """

    title: ClassVar[str]
    question: ClassVar[str]
    better: ClassVar[Literal["higher", "lower", "none"]]
    range: ClassVar[str]
    cost: ClassVar[str]
    citation: ClassVar[str]
    scope: ClassVar[Literal["method", "methods", "model"]]
    lead: ClassVar[bool]
    needs: ClassVar[frozenset[str]]

    def __call__(self, view: View) -> Scores:
        """Score all cases of the view. Raises NotApplicable where the metric makes no sense."""


METRICS: Registry[type[Metric]] = Registry("metric", "xai_compare.metrics", "xai_compare.metrics")
