"""Metrics: scores of attributions, one per case. A new one is one file with one `@METRICS.register("name")`.

A metric is a frozen dataclass of its own parameters. It never averages over cases: only `compare` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

from xai_compare.game import Coalitions
from xai_compare.registry import Registry
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Data, Model, Scores

__all__ = ["METRICS", "Metric", "View"]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a metric may look at.

    attributions : one for scope "method", two for "methods", none for "model"; all of the same cases.
    controls : the control's attributions of these cases.
    coalitions : the shared coalition sample of these cases, already evaluated.
    model : for metrics of scope "model" and those that need "model"; None otherwise, so that nothing is loaded in vain.
    data : the study's data.
    streams : randomness, keyed by case number through `cases`.
    cases : (n,) numbers of the cases in the study.
    """

    attributions: tuple[Attribution, ...]
    controls: tuple[Attribution, ...]
    coalitions: Coalitions | None
    model: Model | None
    data: Data
    streams: Streams
    cases: tuple[int, ...]


@runtime_checkable
class Metric(Protocol):
    """What every metric offers.

    title : as printed. question : fidelity, stability, simplicity, agreement, sanity, truth, performance or cost.
    better : the direction of its values. range, cost, citation : in words. lead : speaks for its question in the verdict.
    scope : "method" (one attribution), "methods" (two), "model" (the model itself). needs : what of "coalitions" and
    "model" the view must hold.
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
