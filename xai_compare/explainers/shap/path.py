"""SHAP values of trees along their own paths: a hidden feature follows both branches as the training rows did.

Another game than the one that metrics play, so never exact for it, and labelled. Boosting libraries compute these values
themselves; scikit-learn's trees are read by shap's TreeExplainer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.explainers.shap import contributions, tree
from xai_compare.game import Game
from xai_compare.models.encoding import fold
from xai_compare.types import Array

__all__ = ["SAID", "reason_against", "values"]

SAID = "hidden features follow the training rows of each branch, not this study's background"
"""The label of every attribution of this kind."""


def reason_against(game: Game) -> str:
    """Why it does not fit this game; "" if it does."""
    if "contributions" in game.model.offers:
        return contributions.reason_against(game)
    if "tree" not in game.model.offers and "leaves" in game.model.offers:
        return getattr(game.model, "treeless", "") or "shap does not read its trees"
    return tree.reason_against(game)


def values(game: Game) -> tuple[Array, Array]:
    """(n, d) values and (n,) their base, the mean of the trees over their training rows. Cost: none of the game's model rows."""
    if "contributions" in game.model.offers:
        return contributions.values(game)
    model: Any = game.model
    cases = model.encode(game.inputs)
    found = np.asarray(sum(weight * _read(trees, cases) for weight, trees in model.trees))
    phi = tree.of_target(found, game)
    return fold(phi[:, :-1], np.asarray(game.owner), game.d), np.asarray(phi[:, -1])


def _read(trees: Any, cases: Array) -> Array:
    """(n, p + 1) or (n, p + 1, k) values of every output, the last column their base."""
    import shap

    explainer = shap.TreeExplainer(trees, feature_perturbation="tree_path_dependent", model_output="raw")
    found = np.asarray(explainer.shap_values(cases, check_additivity=False), dtype=np.float64)
    base = np.asarray(explainer.expected_value, dtype=np.float64).reshape((1, 1, -1) if found.ndim == 3 else (1, 1))
    return np.concatenate([found, np.broadcast_to(base, (len(found), 1, *found.shape[2:]))], axis=1)
