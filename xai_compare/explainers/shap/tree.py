"""SHAP values read from trees, interventional against the background, by shap's TreeExplainer: exact for its columns.

Boosted trees that it does not read, or whose features have several columns, are read leaf by leaf: exact for features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xai_compare.explainers.shap import leaves, shares
from xai_compare.game import Game
from xai_compare.models.reordered import own_target
from xai_compare.types import Array

__all__ = ["by_leaves", "exactly", "expected", "leaf_values", "of_target", "reason_against", "rescales", "splits_features", "values"]


def reason_against(game: Game, named: bool = False) -> str:
    """Why it does not fit this game; "" if it does. named : asked for by name, so that products of columns may be split."""
    model = game.model
    if not {"tree", "leaves"} & model.offers:
        treeless: str = getattr(model, "treeless", "")
        default = "the model is not made of trees that shap reads exactly"
        return treeless or (f"{default}: {model.closed}" if model.closed else default)
    if game.owner is None and not (named and shares.given(game)):
        return model.closed
    if game.output != model.native:
        return f"the trees add up in {model.native}, not in {game.output}"
    return ""


def expected(game: Game) -> bool:
    """Whether one would expect to read this model's trees: boosted, and explained in the output in which they add up."""
    model = game.model
    boosted = "contributions" in model.offers or "Boosting" in type(model.core).__name__
    return boosted and model.owner is not None and game.output == model.native


def by_leaves(game: Game) -> bool:
    """Whether the trees are read leaf by leaf: where shap cannot, and where it would hide the columns of a feature one by one."""
    return "leaves" in game.model.offers and ("tree" not in game.model.offers or splits_features(game))


def exactly(game: Game) -> bool:
    """Whether the values are Shapley values of features, not sums of those of their columns."""
    return by_leaves(game) or (game.owner is not None and not splits_features(game))


def rescales(game: Game) -> bool:
    """Whether shap can stretch the margin's values to the probability of one of two classes. They are not its Shapley values."""
    model = game.model
    asked = (game.output, model.native) == ("probability", "margin") and len(model.outputs) == 2
    return asked and "tree" in model.offers and model.owner is not None


def splits_features(game: Game) -> bool:
    """Whether a feature has several columns, which TreeSHAP hides one by one."""
    owner = game.owner
    return owner is not None and len(owner) != len(np.unique(owner))


def values(game: Game) -> Array:
    """(n, d) exact Shapley values of the encoded columns, summed to features.

    Summing is exact only as Shapley values of columns; for a feature of several columns (one-hot) this is the sum of its
    columns' values, where columns may be hidden one by one. A product of columns is one player, its value split among them.
    """
    model: Any = game.model
    if by_leaves(game) and game.output == model.native:
        return leaf_values(game)
    background, cases = model.encode(game.fill_rows()), model.encode(game.inputs)
    found = sum(weight * _read(trees, background, cases, game) for weight, trees in model.trees)
    return shares.folded(game, np.asarray(found))


def leaf_values(game: Game) -> Array:
    """(n, d) the same values read leaf by leaf, in float64: exact for features."""
    model: Any = game.model
    found = leaves.values(game, model.forest())
    return of_target(found[:, :, 0] if found.shape[2] == 1 else found, game)


def _read(trees: Any, background: Array, cases: Array, game: Game) -> Array:
    """(n, p) values of the explained output."""
    import shap

    explainer = shap.TreeExplainer(
        trees,
        data=shap.maskers.Independent(background, max_samples=len(background)),
        feature_perturbation="interventional",
        model_output="raw" if game.output == game.model.native else game.output,
    )
    _stack(explainer.model, len(game.model.outputs))
    ranked = _ranked(explainer, background, cases)
    # Our own check in float64 follows; the library's is looser and is skipped on some paths.
    found = np.asarray(explainer.shap_values(ranked, check_additivity=False), dtype=np.float64)
    return of_target(found, game)


def of_target(found: Array, game: Game) -> Array:
    """(n, p) of (n, p) or (n, p, k) values: the explained output, as the game reads it."""
    target = own_target(game.model, game.target)
    if found.ndim == 2:  # one output: a value, or the score of the second of two classes
        sign = np.where((target == 0) & (len(game.model.outputs) == 2), -1.0, 1.0)
        return found * sign[:, None]
    if game.output == "margin":
        found = found - found.mean(axis=2, keepdims=True)
        found = 2 * found if found.shape[2] == 2 else found
    return found[np.arange(game.n), :, target]


def _stack(trees: Any, k: int) -> None:
    """LightGBM's bare booster of k > 2 classes grows k trees in turn, which shap reads as the trees of one output."""
    if trees.model_type != "lightgbm" or k < 3 or trees.values.shape[2] == k:
        return
    values = np.zeros((*trees.values.shape[:2], k))
    turn = np.arange(len(values)) % k
    values[np.arange(len(values)), :, turn] = trees.values[:, :, 0]
    trees.values, trees.num_stacked_models, trees.base_offset = values, k, np.zeros(k)


def _ranked(explainer: Any, background: Array, cases: Array) -> Array:
    """The cases with each number replaced by how many thresholds of its column lie below it; background and trees likewise.

    shap's interventional code keeps thresholds as float32, rounded to nearest: a value can take the wrong branch (seen: .005 of
    a forest's probability, 1.1 log-odds of a histogram boosting). x <= t and rank(x) <= rank(t) are the same, and ranks
    are whole numbers, which float32 holds exactly.
    """
    trees = explainer.model
    splits, thresholds = trees.children_left >= 0, np.array(trees.thresholds, dtype=np.float64)
    ranks, rows = thresholds.copy(), np.concatenate([background, cases])
    for j in range(rows.shape[1]):
        here = splits & (trees.features == j)
        known = np.unique(thresholds[here])
        ranks[here] = np.searchsorted(known, thresholds[here])
        there = ~np.isnan(rows[:, j])
        rows[there, j] = np.searchsorted(known, rows[there, j])
    trees.thresholds = ranks.astype(trees.thresholds.dtype)
    explainer.data = rows[: len(background)].astype(explainer.data.dtype)
    return rows[len(background) :]
