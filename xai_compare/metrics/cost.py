"""Cost: how large is the model, and how long does it take to answer?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._cases import check_counts
from xai_compare.types import Data, Model, Scores, take

__all__ = ["Cost"]

_BYTES, _MADE_OF = "stored bytes", "size"
_IN_MEMORY = "it was given in memory: no file of it is known"
_CASES = 1000


@METRICS.register("cost")
@dataclass(frozen=True, slots=True)
class Cost:
    """How large the model is (lower is cheaper), and how long it takes to answer 1,000 cases.

    Parts, each one number of the model:

    - what it is made of (0 and up), counted, under the name of what was counted: "leaves of trees", "coefficients" (with intercepts,
      those that are not 0), "support vectors", "stored rows" (nearest neighbours), "parameters" (nets, naive Bayes). Preprocessing is
      not counted. Two models are compared only where the same thing was counted. "size", with the reason, where nothing can be.
    - stored bytes: of the loaded file, or of a model trained by the study, with its preprocessing, in the format that the study keeps it in
      (skops, the boosting library's own, safetensors). Formats differ: a linear model in skops is mostly the description of its steps.

    Seconds differ from run to run, so none is a score: the milliseconds for 1,000 test cases (repeated where there are fewer) in one
    call on one thread, warm, the median of some repeats, go to `timings.json`, beside the seconds of the training.

    Cost: 1,000 model rows for each repeat, and 1,000 more to warm up.

    Parameters
    ----------
    repeats : how often the 1,000 cases are asked for the median.
    """

    title: ClassVar[str] = "Size and inference time"
    question: ClassVar[str] = "cost"
    better: ClassVar[Literal["higher", "lower", "none"]] = "lower"
    range: ClassVar[str] = "0 and up"
    chance: ClassVar[str] = "none"
    cost: ClassVar[str] = "1,000 model rows for each of 5 repeats, and 1,000 to warm up"
    citation: ClassVar[str] = "xai_compare"
    scope: ClassVar[Literal["method", "methods", "model"]] = "model"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})

    repeats: int = 5

    def __post_init__(self) -> None:
        check_counts(repeats=self.repeats)

    def __call__(self, view: View) -> Scores:
        assert view.model is not None  # a metric of the model has one
        parts = {**_made_of(view.model), _BYTES: _stored(view.model)}
        view.took["inference_ms_per_1000"] = self._milliseconds(view.model, view.data)
        lead = parts[_BYTES]
        return Scores(lead.values, parts=parts, reasons=lead.reasons)

    def _milliseconds(self, model: Model, data: Data) -> float:
        inputs = take(data.test.inputs, np.arange(_CASES, dtype=np.int64) % len(data.test.inputs))
        seconds = []
        for _ in range(1 + self.repeats):  # the first is slower than any later one
            start = time.perf_counter()
            model.predict(inputs, model.native)
            seconds.append(time.perf_counter() - start)
        return float(np.median(seconds[1:])) * 1000


def _made_of(model: Model) -> dict[str, Scores]:
    try:
        found: Mapping[str, int] | None = getattr(model, "size", None)
    except NotApplicable as reason:
        return {_MADE_OF: _unknown(str(reason))}
    if found is None:
        return {_MADE_OF: _unknown(model.closed or "this model does not say what it is made of")}
    return {name: _number(count) for name, count in found.items()}


def _stored(model: Model) -> Scores:
    loaded = model.about.get("loaded", {})
    found: int | None = getattr(model, "stored_bytes", loaded.get("bytes"))
    return _unknown(_IN_MEMORY) if found is None else _number(found)


def _number(count: int) -> Scores:
    return Scores(np.array([float(count)]))


def _unknown(reason: str) -> Scores:
    return Scores(np.full(1, np.nan), reasons={0: reason})
