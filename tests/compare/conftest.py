"""Small studies made of hand-written scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from xai_compare.results import CaseFacts, MethodFacts, MetricFacts, ModelFacts, Results
from xai_compare.types import Scores

ADDITIVE_FIT = MetricFacts("additive_fit", "Additive fit", "fidelity", "higher", "[0, 1]", "", "", "method", True)
FEATURES_NEEDED = MetricFacts("features_needed", "Features needed", "simplicity", "lower", "[1, d + 1]", "", "", "method", True)
SEED_STABILITY = MetricFacts("seed_stability", "Seed stability", "stability", "higher", "[0, 1]", "", "", "method", False)
AGREEMENT = MetricFacts("agreement", "Agreement", "agreement", "higher", "[0, 1]", "", "", "methods", True, {"measure": "sign"})
PERFORMANCE = MetricFacts("performance", "Performance", "performance", "higher", "", "", "", "model", False)
INTRINSIC = MetricFacts("intrinsic", "Intrinsic simplicity", "intrinsic", "none", "", "", "", "model", False)
COST = MetricFacts("cost", "Size", "cost", "lower", "", "", "", "model", False)
OTHER = MetricFacts("wobble", "Of another package", "intrinsic", "lower", "", "", "", "model", False)


def _method(name: str) -> MethodFacts:
    return MethodFacts(name, name, "", signed=name != "saliency", scope="case", control=name == "random")


@pytest.fixture
def study() -> Callable[..., Results]:
    """A function from scores {(model, explainer, metric): Scores} to Results; the first model named is the reference."""

    def make(
        scores: Mapping[tuple[str, str, str], Scores],
        models: Sequence[str] = ("logistic", "network"),
        methods: Sequence[str] = ("saliency", "shap", "lime", "random"),
        predicted: Mapping[str, Any] | None = None,
        task: Any = "classification",
        checks: Mapping[tuple[str, str, str], Scores] | None = None,
    ) -> Results:
        cases = CaseFacts((), np.zeros(0, dtype=np.int64), None, None, {}, {}, dict(predicted or {}), {})
        facts = tuple(ModelFacts(name, "kind", "margin", reference=name == models[0], trained_here=True) for name in models)
        of_models = (OTHER, COST, INTRINSIC, PERFORMANCE)
        metrics = (ADDITIVE_FIT, FEATURES_NEEDED, SEED_STABILITY, AGREEMENT, *of_models)
        plain = ("", {}, task, (), (), (), {}, facts, tuple(map(_method, methods)), metrics, (), cases)
        return Results(*plain, {}, dict(scores), dict(checks or {}))

    return make


@pytest.fixture
def scored() -> Callable[..., Scores]:
    """A function from plain numbers to Scores; NaN gets the reason "flat case"."""

    def make(values: Any, chance: Any = None, ceiling: Any = None, parts: Mapping[str, Scores] | None = None) -> Scores:
        array = np.asarray(values, dtype=np.float64)
        levels = [
            None if one is None else np.broadcast_to(np.asarray(one, dtype=np.float64), array.shape).copy() for one in (chance, ceiling)
        ]
        reasons = dict.fromkeys(np.flatnonzero(np.isnan(array)).tolist(), "flat case")
        return Scores(array, *levels, parts=dict(parts or {}), reasons=reasons)

    return make
