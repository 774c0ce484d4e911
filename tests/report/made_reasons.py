"""Reason codes for the made-up run: contributions from its own attributions, everything else by the statistics themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.report.made import HOSTILE, Made
from xai_compare.compare.reasons import reason_rows
from xai_compare.reasons import AGAIN
from xai_compare.results import MetricFacts
from xai_compare.streams import Streams
from xai_compare.types import Scores

METRIC = "reason_codes"
METHODS = ("shap", "lime")


def reasoned(source: Made, hostile: bool = False, policy: str = "near_threshold") -> Made:
    """The same run whose study asked for reasons: nine codes, the first of three features, age prohibited; adverse above a half."""
    bad = HOSTILE if hostile else ""
    d = len(source.results.features)
    groups = [(0, 1, 10), *((j,) for j in range(2, d) if j != 10)]
    reasons = [
        {
            "group": f"g{i}{bad}",
            "code": f"R{i:02d}{bad}",
            "text": f"Reason about {source.results.features[places[0]]}{bad}",
            "features": list(places),
            "prohibited": [2] if places == (2,) else [],
        }
        for i, places in enumerate(groups)
    ]
    asked: dict[str, Any] = {"threshold": 0.5, "adverse": 1, "adverse_class": source.results.classes[1], "output": "probability"}
    asked |= {"policy": policy, "reasons": reasons, "methods": list(METHODS), "differences": ["shap"], "top": 4}
    facts = MetricFacts(METRIC, "Reasons that decide", "reasons", "higher", "0 or 1", "3 more runs", "", "method", False, asked)
    scores = {
        (model.name, method, METRIC): _scores(source, model.name, method, policy) for model in source.results.models for method in METHODS
    }
    slices = {"age": tuple("under 30" if i % 10 else "80 and over" for i in range(len(source.results.cases.ids)))}
    results = replace(source.results, metrics=(*source.results.metrics, facts), scores={**source.results.scores, **scores}, slices=slices)
    return Made(results, replace(source.comparison, reasons=reason_rows(results, 0.95, Streams(0))))


def _scores(source: Made, model: str, method: str, policy: str) -> Scores:
    output = source.results.cases.probability[model]
    adverse = output >= 0.5
    values = source.results.attributions[model, method].values
    other = "all_applicants" if policy == "near_threshold" else "near_threshold"
    near = np.where(adverse[:, None], values, np.nan)
    curves = {
        policy: near,
        other: near - 0.2 * values.std(),
        AGAIN: near * (1 + 0.3 * np.sin(np.arange(values.shape[1])) * (method == "lime")),
    }
    flips = np.where(adverse, (np.arange(len(output)) % 3 > 0).astype(float), np.nan)
    reasons = dict.fromkeys(np.flatnonzero(~adverse).tolist(), "not among the cases that this model decides adversely")
    part = Scores(np.where(adverse, 1.0, np.nan), reasons=reasons)
    return Scores(flips, parts={other: part}, reasons=reasons, curves={**curves, "output": output[:, None]})


__all__ = ["METHODS", "METRIC", "reasoned"]
