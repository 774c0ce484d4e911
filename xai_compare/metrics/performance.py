"""Performance: how well does the model predict? Scored on whole tables, with resampled predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _predictions as predictions
from xai_compare.types import Array, BoolArray, Model, Output, Scores, Table

__all__ = ["Performance"]

_Score: TypeAlias = Callable[[Array], Array]
"""Rows of weights (r, n) -> (r,)."""

_ERRORS = ("log loss", "Brier", "calibration error", "RMSE", "MAE")
_NO_DIRECTION = ("share called", "prevalence")  # a score's name goes on in brackets: "prevalence (bad)"


@METRICS.register("performance")
@dataclass(frozen=True, slots=True)
class Performance:
    """How well the model predicts: test, train, and train minus test.

    Classes: F1, ROC-AUC, PR-AUC, log loss, Brier score and calibration error; the last three need probabilities. A number: R2, RMSE, MAE.

    - F1 is of the second class for two classes (its name says which), else the mean over the classes that occur; it takes
      the model's own decisions, which need not be its largest output.
    - Of two classes also the decisions that F1 sums up, on the same rows: the share called the second class, the share that is of it
      (prevalence), recall (the share called so of those that are) and precision (the share that is of those called so; undefined where
      none is called). Of more classes each has its own, and there is no one number: none is given.
    - ROC-AUC and PR-AUC (average precision; chance: the share of the class) are of the second class, else the mean of one against the rest.
    - Brier (1950): mean squared error of the probability of the second class, 0 to 1; of more classes summed over them, 0 to 2.
    - calibration error: how far the probabilities are from the frequencies, root mean square over at most 10 bins of equal mass, with the
      bias of small bins taken off (Broecker 2012; Kumar, Liang & Ma 2019): of the second class, else of all classes with equal weight.
      Without that a perfectly calibrated model has about .08 at 300 rows; with it the square is 0 but for noise, on average.
      `calibration_error` in `_predictions` has the bins and the formula.

    Each part is named "<split> <score>" and carries `replicates`: the score on resampled rows, the same resamples for every model, so
    that differences between models are paired. Cost: two model rows per test and training row. The train scores need the training outcomes.

    Parameters
    ----------
    resamples : how many.
    """

    title: ClassVar[str] = "Performance"
    question: ClassVar[str] = "performance"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "Brier 0 to 1, of more classes to 2; log loss, RMSE, MAE 0 and up; R2 up to 1; all else 0 to 1"
    chance: ClassVar[str] = "ROC-AUC 1/2, PR-AUC and precision the share of the class, recall the share called, R2 0; none for the others"
    cost: ClassVar[str] = "two model rows per test and training row (one for a number)"
    citation: ClassVar[str] = "Efron & Tibshirani 1993 (resampling); Brier 1950; Kumar, Liang & Ma 2019 (calibration)"
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
            shift = train.replicates - test.replicates
            parts[f"train - test {name}"] = Scores(train.values - test.values, reasons=reasons, replicates=shift, n=test.n, better="none")
        lead = next(iter(parts.values()))
        return Scores(lead.values, parts=parts, reasons=lead.reasons, replicates=lead.replicates, n=lead.n)

    def _of(self, model: Model, table: Table, rng: np.random.Generator) -> dict[str, Scores]:
        n = len(table.inputs)
        scores = _regression(model, table) if model.task == "regression" else _classification(model, table)
        return {
            name: Scores(
                np.array([value]),
                reasons={0: _undefined(name)} if np.isnan(value) else {},
                replicates=drawn,
                n=n,
                better=_better(name),
            )
            for name, (value, drawn) in predictions.resampled(scores, n, rng, self.resamples).items()
        }


def _better(score: str) -> Literal["higher", "lower", "none"]:
    if score.partition(" (")[0] in _NO_DIRECTION:
        return "none"
    return "lower" if score in _ERRORS else "higher"


def _undefined(score: str) -> str:
    return predictions.UNCALLED if score.startswith("precision (") else predictions.UNDEFINED


def _classification(model: Model, table: Table) -> dict[str, _Score]:
    """What gives each score under rows of weights (r, n); the model is asked once for outputs and once for decisions."""
    y, k = np.asarray(table.y), len(model.outputs)
    space: Output = "probability" if "probability" in model.offers else "margin"
    outputs, decided = model.predict(table.inputs, space), model.decide(table.inputs)
    whose = model.outputs[1] if k == 2 else "macro"
    asked = [1] if k == 2 else list(range(k))
    true = y[:, None] == np.array(asked)

    def precision(weights: Array) -> Array:
        return np.asarray(np.mean([predictions.weighted_average_precision(outputs[:, c], y == c, weights) for c in asked], axis=0))

    scores: dict[str, _Score] = {
        "ROC-AUC": predictions.auc(outputs, y),
        f"PR-AUC ({whose})": precision,
        f"F1 ({whose})": lambda weights: predictions.weighted_f1(decided, y, k, weights),
    }
    if k == 2:
        scores |= _decisions(decided == 1, y == 1, whose)
    if space == "margin":
        return scores
    surprise = -np.log(np.clip(outputs[np.arange(len(y)), y], np.finfo(np.float64).eps, 1.0))
    brier = ((outputs[:, asked] - true) ** 2).sum(axis=1)
    return scores | {
        "log loss": partial(predictions.mean_of, surprise),
        "Brier": partial(predictions.mean_of, brier),
        "calibration error": partial(predictions.calibration_error, outputs[:, asked], true),
    }


def _decisions(called: BoolArray, true: BoolArray, whose: str) -> dict[str, _Score]:
    """What the model does with the second class at the threshold it decides by."""
    every = np.ones_like(true)
    return {
        f"recall ({whose})": partial(predictions.share_of, called, true),
        f"precision ({whose})": partial(predictions.share_of, true, called),
        f"share called ({whose})": partial(predictions.share_of, called, every),
        f"prevalence ({whose})": partial(predictions.share_of, true, every),
    }


def _regression(model: Model, table: Table) -> dict[str, _Score]:
    y = np.asarray(table.y, dtype=np.float64)
    said = model.predict(table.inputs, "value")[:, 0]
    missed = said - y
    return {
        "R2": predictions.r2(said, y),
        "RMSE": lambda weights: np.sqrt(predictions.mean_of(missed**2, weights)),
        "MAE": partial(predictions.mean_of, np.abs(missed)),
    }
