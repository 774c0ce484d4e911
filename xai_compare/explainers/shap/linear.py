"""SHAP values of a model that is linear in its encoding, by shap's LinearExplainer: w (x - mean of the background). Exact."""

from __future__ import annotations

import numpy as np

from xai_compare.explainers.shap import shares
from xai_compare.game import Game
from xai_compare.types import Array

__all__ = ["reason_against", "values"]


def reason_against(game: Game, named: bool = False) -> str:
    """Why it does not fit this game; "" if it does. named : asked for by name, so that products of columns may be split."""
    if game.model.weights is None:
        return game.model.closed or "the model is not linear in its encoding"
    if game.output != game.model.native:
        return f"the model is linear in {game.model.native}, not in {game.output}"
    return "" if game.owner is not None or (named and shares.given(game)) else game.model.closed


def values(game: Game) -> Array:
    """(n, d) exact Shapley values: linear functions have no interactions, so one-hot columns sum to their feature exactly.

    Where columns are multiplied, those of the terms instead, each split among its columns.
    """
    import shap

    model, fills = game.model, game.fill_rows()
    assert model.weights is not None  # reason_against has said so
    weights, intercepts = model.weights
    background = shap.maskers.Independent(model.encode(fills), max_samples=len(fills))
    encoded = model.encode(game.inputs)
    out = np.empty_like(encoded)
    for target in np.unique(game.target):
        chosen = game.target == target
        explainer = shap.LinearExplainer((weights[target], intercepts[target]), background)
        out[chosen] = explainer.shap_values(encoded[chosen])
    return shares.folded(game, out)
