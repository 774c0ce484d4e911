"""Performance: how well does the model predict? Scored on whole tables, with resampled predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _arrays as arrays
from xai_compare.types import Array, Model, Output, Scores, Table

__all__ = ["Performance"]

_UNDEFINED = "undefined on these rows: a class is absent, or the outcome is constant"


@METRICS.register("performance")
@dataclass(frozen=True, slots=True)
class Performance:
    """F1, ROC-AUC and log loss (classification), R2 and RMSE (regression): test, train, and train minus test.

    F1 is of the second class for two classes (its name says which), else the mean over the classes that occur; it takes
    the model's own decisions, which need not be its largest output. ROC-AUC for more classes is the mean of one
    against the rest. Each part is named "<split> <score>" and carries `replicates`: the score on resampled rows, the
    same resamples for every model, so that differences between models are paired. Cost: one model row per test and
    training row. The train scores need the training outcomes.

    Parameters
    ----------
    resamples : how many.
    """

    title: ClassVar[str] = "Performance"
    question: ClassVar[str] = "performance"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "F1, ROC-AUC 0 to 1; log loss, RMSE 0 and up; R2 up to 1"
    cost: ClassVar[str] = "one model row per test and training row"
    citation: ClassVar[str] = "Efron & Tibshirani 1993 (resampling)"
    scope: ClassVar[Literal["method", "methods", "model"]] = "model"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})

    resamples: int = 2000

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise XaiCompareError(f"resamples must be at least 100, found {self.resamples}")

    def __call__(self, view: View) -> Scores:
        if view.data.test.y is None:
            raise NotApplicable("it needs the known outcomes (y) of the test rows")
        splits = {"test": view.data.test} | ({"train": view.data.train} if view.data.train.y is not None else {})
        parts: dict[str, Scores] = {}
        for split, table in splits.items():
            assert view.model is not None  # a metric of the model has one
            found = self._of(view.model, table, view.streams.at(split).shared())
            parts |= {f"{split} {name}": score for name, score in found.items()}
        for name in [part.removeprefix("train ") for part in parts if part.startswith("train ")]:
            train, test = parts[f"train {name}"], parts[f"test {name}"]
            assert train.replicates is not None  # made just above
            assert test.replicates is not None
            reasons = train.reasons or test.reasons
            parts[f"train - test {name}"] = Scores(
                train.values - test.values, reasons=reasons, replicates=train.replicates - test.replicates, n=test.n
            )
        lead = next(iter(parts.values()))
        return Scores(lead.values, parts=parts, reasons=lead.reasons, replicates=lead.replicates, n=lead.n)

    def _of(self, model: Model, table: Table, rng: np.random.Generator) -> dict[str, Scores]:
        n = len(table.inputs)
        # The first row of weights is the sample itself, the others are resamples of it.
        weights = np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), size=self.resamples)])
        assert table.y is not None
        found = _regression(model, table, weights) if model.task == "regression" else _classification(model, table, weights)
        return {
            name: Scores(values[:1], reasons={0: _UNDEFINED} if np.isnan(values[0]) else {}, replicates=values[1:], n=n)
            for name, values in found.items()
        }


def _classification(model: Model, table: Table, weights: Array) -> dict[str, Array]:
    y, k = np.asarray(table.y), len(model.outputs)
    space: Output = "probability" if "probability" in model.offers else "margin"
    outputs = model.predict(table.inputs, space)
    aucs = [arrays.weighted_auc(outputs[:, c], y == c, weights) for c in ([1] if k == 2 else range(k))]
    whose = model.outputs[1] if k == 2 else "macro"
    scores = {"ROC-AUC": np.mean(aucs, axis=0), f"F1 ({whose})": arrays.weighted_f1(model.decide(table.inputs), y, k, weights)}
    if space == "probability":
        own = np.clip(outputs[np.arange(len(y)), y], np.finfo(np.float64).eps, 1.0)
        scores["log loss"] = weights @ -np.log(own) / weights.sum(axis=1)
    return scores


def _regression(model: Model, table: Table, weights: Array) -> dict[str, Array]:
    y = np.asarray(table.y, dtype=np.float64)
    total = weights.sum(axis=1)
    squared = weights @ (model.predict(table.inputs, "value")[:, 0] - y) ** 2 / total
    y = y - y.mean()  # else the variance of a target far from 0 drowns in rounding
    variance = weights @ y**2 / total - (weights @ y / total) ** 2
    return {"R2": 1 - np.divide(squared, variance, out=np.full_like(squared, np.nan), where=variance > 0), "RMSE": np.sqrt(squared)}
