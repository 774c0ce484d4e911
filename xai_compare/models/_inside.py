"""What stands inside a fitted scikit-learn object: the steps before its model, and the model."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.types import Array

__all__ = ["SHELLS", "CalibratedLine", "inside", "why_not_opened"]

# Wrappers whose outputs are exactly those of one fitted estimator inside: {class: its attribute}.
SHELLS = {
    "GridSearchCV": "best_estimator_",
    "RandomizedSearchCV": "best_estimator_",
    "HalvingGridSearchCV": "best_estimator_",
    "HalvingRandomSearchCV": "best_estimator_",
    "FixedThresholdClassifier": "estimator_",
    "TunedThresholdClassifierCV": "estimator_",
    "FrozenEstimator": "estimator",
}

_MIXTURES = {
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


class CalibratedLine:
    """One linear classifier z of two classes behind one sigmoid: its log-odds are -(a z + b), as linear as z is.

    The margin is read from z, never from a probability, which may have been rounded to 0 or 1.
    """

    def __init__(self, line: Any, calibrator: Any) -> None:
        self._line, self._calibrator = line, calibrator
        self.classes_ = line.classes_
        if hasattr(line, "feature_names_in_"):
            self.feature_names_in_ = line.feature_names_in_

    @property
    def coef_(self) -> Array:
        coef = self._line.coef_
        return np.asarray(-self._calibrator.a_ * (coef.toarray() if hasattr(coef, "toarray") else coef))

    @property
    def intercept_(self) -> Array:
        return np.asarray(-(self._calibrator.a_ * np.asarray(self._line.intercept_) + self._calibrator.b_))

    def decision_function(self, rows: Any) -> Array:
        return np.asarray(-(self._calibrator.a_ * self._line.decision_function(rows) + self._calibrator.b_))

    def predict_proba(self, rows: Any) -> Array:
        likely = self._calibrator.predict(self._line.decision_function(rows))
        return np.column_stack([1 - likely, likely])


def inside(estimator: Any) -> tuple[Any, Any]:
    """(preprocessing or None, model) of an estimator: searches, thresholds and pipelines are opened, however deep they lie.

    A calibrated linear classifier is opened too, where its log-odds are linear.
    """
    steps, core = _unwrapped(estimator, [])
    if type(core).__name__ == "CalibratedClassifierCV" and type(core).__module__.startswith("sklearn.") and not _bent(core):
        only = core.calibrated_classifiers_[0]
        steps, line = _unwrapped(only.estimator, steps)
        core = CalibratedLine(line, only.calibrators[0])
    if not steps:
        return None, core
    from sklearn.pipeline import Pipeline

    return Pipeline(steps), core


def _unwrapped(estimator: Any, before: list[tuple[str, Any]]) -> tuple[list[tuple[str, Any]], Any]:
    """All steps before a model, those of `before` first, and the model."""
    steps, core = list(before), estimator
    while True:
        kind = type(core).__name__
        if kind in SHELLS and type(core).__module__.startswith("sklearn.") and hasattr(core, SHELLS[kind]):
            core = getattr(core, SHELLS[kind])
        elif kind == "Pipeline":
            steps += [(f"{len(steps)}{name}", step) for name, step in core.steps[:-1]]
            core = core.steps[-1][1]
        else:
            return steps, core


def _bent(core: Any) -> str:
    """Why the log-odds of a CalibratedClassifierCV are not those of a line; "" if they are."""
    fitted: list[Any] = getattr(core, "calibrated_classifiers_", [])
    if len(fitted) != 1:
        return "it averages the probabilities of several models, each bent by a calibration curve (ensemble=False makes it one)"
    if fitted[0].method != "sigmoid":
        return f"it bends its model's output by a calibration curve of the kind {fitted[0].method}, so nothing in it adds up"
    if len(fitted[0].classes) > 2:
        return "it bends the output of each class by a calibration curve of its own"
    line = _unwrapped(fitted[0].estimator, [])[1]
    if not all(hasattr(line, what) for what in ("coef_", "intercept_", "decision_function")):
        return f"its calibration curve bends the output of {type(line).__name__}, which is not linear"
    return ""


def why_not_opened(core: Any) -> str:
    """Why the inside of a meta estimator is of no use to a method that reads models; "" for any other."""
    kind = type(core).__name__
    reason = _bent(core) if kind == "CalibratedClassifierCV" else _MIXTURES.get(kind, "")
    return f"{kind} cannot be read: {reason}" if reason else ""
