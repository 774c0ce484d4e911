"""Learning: would more training rows make the model better? On request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from xai_compare.data.tabular import strata_of
from xai_compare.errors import ModelError, NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics import _predictions as predictions
from xai_compare.types import Array, Data, IntArray, Model, Output, Scores, take

__all__ = ["LearningCurve"]

_SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)


@METRICS.register("learning_curve")
@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The test score of the model trained again on 10, 20, 40, 70 and 100 % of the training rows.

    ROC-AUC (of more classes the mean of one against the rest), for a number R2. Each draw puts the training rows in an order in which
    every beginning has the classes (a number: its fifths) in their shares, so that the subsets are stratified and each holds the one
    before; the orders are the same for every model. Each training has another seed. A part "<score>, <n> rows" is the mean over the draws.
    `replicates` resample the test rows and the draws together, the same for every model, so that differences between models are paired;
    three draws tell little of how much draws differ.

    Range: ROC-AUC 0 to 1, R2 up to 1; higher is better. Cost: 5 trainings for each draw, and one model row per test row for each.

    Parameters
    ----------
    draws : orders of the training rows. resamples : how many.

    Raises
    ------
    NotApplicable
        For a model that the study does not train, and without known outcomes.
    """

    title: ClassVar[str] = "Learning curve"
    question: ClassVar[str] = "learning"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "ROC-AUC 0 to 1, R2 up to 1"
    chance: ClassVar[str] = "ROC-AUC 1/2, R2 0"
    cost: ClassVar[str] = "15 trainings of the model, and as many model rows per test row"
    citation: ClassVar[str] = "Cortes et al. 1993; Viering & Loog 2023"
    scope: ClassVar[Literal["method", "methods", "model"]] = "model"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    on_request: ClassVar[bool] = True

    draws: int = 3
    resamples: int = 2000

    def __post_init__(self) -> None:
        for name, least in (("draws", 1), ("resamples", 100)):
            if getattr(self, name) < least:
                raise XaiCompareError(f"{name} must be at least {least}, found {getattr(self, name)}")

    def __call__(self, view: View) -> Scores:
        data, model = view.data, view.model
        assert model is not None  # a metric of the model has one
        if "refit" not in model.offers:
            raise NotApplicable("it needs a model that the study trains: others cannot be trained again on fewer rows")
        if data.test.y is None or data.train.y is None:
            raise NotApplicable("it needs the known outcomes (y) of the training and the test rows")
        orders = [_order(data.train.y, view.streams.at("order", draw).shared()) for draw in range(self.draws)]
        rng = view.streams.at("test").shared()
        rows, n = rng.integers(2**31), len(data.test.inputs)
        chosen = rng.multinomial(self.draws, np.full(self.draws, 1 / self.draws), size=self.resamples) / self.draws
        name = "ROC-AUC" if data.task == "classification" else "R2"
        parts = {}
        for place, size in enumerate(dict.fromkeys(max(1, round(share * len(data.train.y))) for share in _SHARES)):
            try:
                scores = {
                    str(draw): _score(_trained(model, data, order[:size], view.streams.at("training", draw, place).integer()), data)
                    for draw, order in enumerate(orders)
                }
            except ModelError as error:  # few rows may lack what the model needs, a class for one
                parts[f"{name}, {size} rows"] = Scores(np.full(1, np.nan), reasons={0: str(error)}, n=n)
                continue
            found = predictions.resampled(scores, n, np.random.default_rng(rows), self.resamples).values()
            parts[f"{name}, {size} rows"] = _part(np.array([own for own, _ in found]), np.stack([d for _, d in found], axis=1), chosen, n)
        last = list(parts.values())[-1]
        return Scores(last.values, parts=parts, reasons=last.reasons, replicates=last.replicates, n=n)


def _part(each: Array, drawn: Array, chosen: Array, n: int) -> Scores:
    """The mean of each (draws,) score; drawn (r, draws) on resampled rows, weighted by how often each draw was chosen (r, draws)."""
    mean = np.array([each.mean()])
    return Scores(mean, reasons={0: predictions.UNDEFINED} if np.isnan(mean[0]) else {}, replicates=(drawn * chosen).sum(axis=1), n=n)


def _order(y: Any, rng: np.random.Generator) -> IntArray:
    """(n,) all rows in an order of which every beginning has the strata of y in their shares, up to one row each."""
    strata = strata_of(np.asarray(y))
    place = np.empty(len(strata))
    for label in np.unique(strata):
        own = np.flatnonzero(strata == label)
        place[rng.permutation(own)] = (np.arange(len(own)) + 0.5) / len(own)
    return np.lexsort((rng.random(len(place)), place)).astype(np.int64)


def _trained(model: Any, data: Data, rows: IntArray, seed: int) -> Model:
    """The model trained again on some rows, which are also what its preprocessing is tried on."""
    train = data.train
    assert train.y is not None
    fewer = replace(train, inputs=take(train.inputs, rows), y=train.y[rows], ids=tuple(train.ids[row] for row in rows))
    some = np.arange(min(len(rows), len(data.background)), dtype=np.int64)
    found: Model = model.refit(replace(data, train=fewer).with_background(some), seed)
    return found


def _score(model: Model, data: Data) -> Callable[[Array], Array]:
    """What gives the score under rows of weights (r, n); the model is asked once."""
    y = np.asarray(data.test.y)
    if data.task == "regression":
        return predictions.r2(model.predict(data.test.inputs, "value")[:, 0], y.astype(np.float64))
    space: Output = "probability" if "probability" in model.offers else "margin"
    outputs = model.predict(data.test.inputs, space)
    return predictions.auc(outputs, y)
