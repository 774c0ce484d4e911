"""Why a method has nothing to show of a model, in two words: from the status of its cell."""

from __future__ import annotations

from typing import Any

__all__ = ["absent"]

_WORDS = {"not_applicable": "does not apply", "failed": "failed", "skipped": "skipped"}


def absent(report: dict[str, Any], model: str, method: str, metric: str = "") -> str:
    """What became of a method on a model by a metric; of the explanation itself where there is no cell for the metric, or none is asked.

    >>> cell = {"model": "forest", "explainer": "saliency", "metric": "", "condition": "", "status": "not_applicable"}
    >>> absent({"cells": [cell]}, "forest", "saliency", "ordering"), absent({"cells": []}, "forest", "saliency")
    ('does not apply', 'not measured')
    """
    own = {
        cell["metric"]: cell["status"]
        for cell in report["cells"]
        if (cell["model"], cell["explainer"], cell["condition"]) == (model, method, "")
    }
    return _WORDS.get(own.get(metric, own.get("", "")), "not measured")
