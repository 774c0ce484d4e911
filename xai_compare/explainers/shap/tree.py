"""SHAP values read from trees, interventional against the background, by shap's TreeExplainer: exact for its columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.types import Array

__all__ = ["reason_against", "splits_features", "values"]


def reason_against(game: Game) -> str:
    """Why it does not fit this game; "" if it does."""
    model = game.model
    if "tree" not in model.offers:
        return "the model is not made of trees that shap reads exactly"
    if model.owner is None:
        return model.closed
    if game.output != model.native:
        return f"the trees add up in {model.native}, not in {game.output}"
    return ""


def splits_features(game: Game) -> bool:
    """Whether a feature has several columns, which TreeSHAP hides one by one."""
    owner = game.model.owner
    return owner is not None and len(owner) != len(np.unique(owner))


def values(game: Game) -> Array:
    """(n, d) exact Shapley values of the encoded columns, summed to features.

    Summing is exact only as Shapley values of columns; for a feature of several columns (one-hot) this is the sum of its
    columns' values, where columns may be hidden one by one.
    """
    import shap

    model, fills = game.model, game.fill_rows()
    explainer = shap.TreeExplainer(
        model.core,
        data=shap.maskers.Independent(model.encode(fills), max_samples=len(fills)),
        feature_perturbation="interventional",
        model_output="raw",
    )
    explainer.model.thresholds = _floor32(explainer.model.thresholds)
    # Our own check in float64 follows; the library's is looser and is skipped on some paths.
    found: Any = np.asarray(explainer.shap_values(model.encode(game.inputs), check_additivity=False), dtype=np.float64)
    if found.ndim == 3:  # (n, p, k)
        found = found[np.arange(game.n), :, game.target]
    return fold(found, np.asarray(model.owner), game.d)


def _floor32(thresholds: Array) -> Array:
    """The largest float32 not above each threshold.

    shap's interventional code keeps thresholds as float32, rounded to nearest: a threshold between two neighbouring float32
    values can land on the upper one and send a case that equals it down the wrong branch (seen: .005 of a probability
    with 200 trees). For the float32 values that scikit-learn's trees compare, x <= threshold and x <= floor are the same.
    """
    near = thresholds.astype(np.float32)
    down = np.nextafter(near, np.float32(-np.inf))
    return np.where(near > thresholds, down, near).astype(np.float64)
