"""What stands inside a fitted scikit-learn object: the steps before its model, and the model."""

from __future__ import annotations

from typing import Any

__all__ = ["inside", "why_not_opened"]

# Wrappers whose outputs are exactly those of one fitted estimator inside: {class: its attribute}.
_SHELLS = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "FixedThresholdClassifier": "estimator_",
    "TunedThresholdClassifierCV": "estimator_",
    "FrozenEstimator": "estimator",
}

_MIXTURES = {
    "CalibratedClassifierCV": "it bends its model's output by a calibration curve, so nothing in it adds up",
    "StackingClassifier": "it feeds the outputs of its models into another model",
    "StackingRegressor": "it feeds the outputs of its models into another model",
    "TransformedTargetRegressor": "it bends its model's output by the inverse of the target's transformation",
    "OneVsRestClassifier": "it joins one model for each class",
    "OneVsOneClassifier": "it joins one model for each pair of classes",
    "BaggingClassifier": "its models see other columns or rows than it",
    "BaggingRegressor": "its models see other columns or rows than it",
    "AdaBoostClassifier": "it joins its models by more than a sum of their outputs",
    "AdaBoostRegressor": "its output is the median of its models, not a sum",
}


def inside(estimator: Any) -> tuple[Any, Any]:
    """(preprocessing or None, model) of an estimator: searches, thresholds and pipelines are opened, however deep they lie."""
    steps: list[tuple[str, Any]] = []
    core = estimator
    while True:
        kind = type(core).__name__
        if kind in _SHELLS and type(core).__module__.startswith("sklearn.") and hasattr(core, _SHELLS[kind]):
            core = getattr(core, _SHELLS[kind])
        elif kind == "Pipeline":
            steps += [(f"{len(steps)}{name}", step) for name, step in core.steps[:-1]]
            core = core.steps[-1][1]
        else:
            break
    if not steps:
        return None, core
    from sklearn.pipeline import Pipeline

    return Pipeline(steps), core


def why_not_opened(core: Any) -> str:
    """Why the inside of a meta estimator is of no use to a method that reads models; "" for any other."""
    reason = _MIXTURES.get(type(core).__name__, "")
    return f"{type(core).__name__} cannot be read: {reason}" if reason else ""
