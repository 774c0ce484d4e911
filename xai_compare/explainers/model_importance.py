"""Importances that a model keeps of itself: coefficients, impurity, gain or splits, carried to the table's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models._inside import why_not_opened
from xai_compare.models.encoding import fold
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, Inputs, IntArray, Model

__all__ = ["ModelImportance"]

Kind = Literal["auto", "gain", "split"]


@EXPLAINERS.register("model_importance")
@dataclass(frozen=True, slots=True)
class ModelImportance:
    """What the model itself says of its features, the same vector for every case.

    Linear models: the standard deviation, over the background, of what the feature adds to the model's own output (margin or
    value); for one column this is |coefficient| times the column's standard deviation. The one-hot columns of a feature are
    added up before the deviation is taken, as are its splines; several classes are averaged. Trees: impurity (scikit-learn),
    gain or splits (XGBoost, LightGBM), prediction values change (CatBoost), the feature's columns added up, as shares of their
    total. These speak of the training, so units differ between families: `about["kind"]` names them. Unsigned.

    Cost: none of the model's rows.

    Parameters
    ----------
    kind : "gain" is what the splits of a feature won in all, "split" how often it was split on; "auto" takes gain for trees and
        the coefficients of linear models.

    Raises
    ------
    NotApplicable
        For a model that keeps none (nets, neighbours, kernels, functions), or not of the kind that is asked for.
    """

    title: ClassVar[str] = "Model importance"
    citation: ClassVar[str] = "Breiman et al. 1984; Breiman 2001; Friedman 2001"
    signed: ClassVar[bool] = False
    scope: ClassVar[Literal["case", "model"]] = "model"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({"background"})

    kind: Kind = "auto"

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        model = game.model
        if game.data.space.modality != "table":
            raise NotApplicable("what a model keeps is of columns of a table, not of the parts of one case")
        if game.owner is None:
            raise NotApplicable(model.closed or "the model cannot be opened, so what it keeps belongs to no feature")
        if model.weights is None:
            columns, what = _of_columns(model, self.kind)
            found = fold(columns[None, :], game.owner, game.d)[0]
            total = found.sum()
            found, units = (found / total if total > 0 else found), "share of the total over the features"
        elif self.kind != "auto":
            raise NotApplicable(f"a linear model has coefficients and no {self.kind}: ask for the kind auto")
        else:
            found = _standardised(model, model.weights[0], game.owner, game.data.background_inputs(), game.d)
            what, units = "coefficients in standardised units", f"standard deviation of the {model.native} over the background"
        about = {"kind": what, "units": units, "model_rows": game.rows_spent}
        values = np.broadcast_to(found, (game.n, game.d)).copy()
        return Attribution(values, game.target, game.output, signed=False, scope="model", about=about)


def _standardised(model: Model, weights: Array, owner: IntArray, background: Inputs, d: int) -> Array:
    """(d,) deviation of what each feature adds to the native output, averaged over the outputs."""
    encoded = model.encode(background)
    return np.asarray(np.mean([fold(encoded * own, owner, d).std(axis=0) for own in weights], axis=0))


def _of_columns(model: Any, kind: Kind) -> tuple[Array, str]:
    """(p,) importances of the encoded columns, and what they are."""
    core, library = model.core, getattr(getattr(model, "booster", None), "library", "")
    if library:
        try:
            return _BOOSTERS[library](model.booster, core, kind)
        except NotApplicable:
            raise
        except Exception as error:  # each library has an error of its own for a boosting that is not of trees
            raise NotApplicable(f"{library} gives no importances for this model: {error}") from error
    reason = _none_of(core)
    if reason:
        raise NotApplicable(reason)
    if kind == "split":
        raise NotApplicable("scikit-learn's trees keep impurity, and no count of splits")
    found = np.asarray(core.feature_importances_, dtype=np.float64)
    if len(found) != len(model.owner):
        raise NotApplicable(f"{type(core).__name__} keeps {len(found)} importances of {len(model.owner)} columns")
    return found, "impurity"


def _none_of(core: Any) -> str:
    """Why a model that is neither linear nor boosted by a library keeps no importances; "" if it does."""
    name = type(core).__name__
    if hasattr(core, "feature_importances_"):
        return ""
    if "HistGradientBoosting" in name:
        return f"{name} keeps no importances"
    if meta := why_not_opened(core):
        return meta
    if hasattr(core, "coef_"):
        return f"the coefficients of {name} do not add up to its output"
    return f"{name} keeps no importances of its own: neither coefficients nor splits"


def _xgboost(booster: Any, core: Any, kind: Kind) -> tuple[Array, str]:
    trees = booster.bare(core)
    if booster.best is not None:  # the trees after the best round predict nothing
        trees = trees[: int(booster.best) + 1]
    names = list(booster.names or [f"f{j}" for j in range(booster.width)])
    found = trees.get_score(importance_type="weight" if kind == "split" else "total_gain")
    return np.array([found.get(name, 0.0) for name in names], dtype=np.float64), _said(kind, "XGBoost")


def _lightgbm(booster: Any, core: Any, kind: Kind) -> tuple[Array, str]:
    found = booster.bare(core).feature_importance(importance_type="split" if kind == "split" else "gain")
    return np.asarray(found, dtype=np.float64), _said(kind, "LightGBM")


def _catboost(booster: Any, core: Any, kind: Kind) -> tuple[Array, str]:
    if kind == "split":
        raise NotApplicable("CatBoost counts no splits")
    found = core.get_feature_importance(type="PredictionValuesChange", thread_count=1)
    return np.asarray(found, dtype=np.float64), "prediction values change (CatBoost's own in place of gain)"


def _said(kind: Kind, library: str) -> str:
    return f"number of splits ({library})" if kind == "split" else f"total gain of the splits ({library})"


_BOOSTERS = {"XGBoost": _xgboost, "LightGBM": _lightgbm, "CatBoost": _catboost}
