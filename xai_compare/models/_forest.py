"""The trees of boosted models in one form, read from the libraries' own: for splits on sets of categories, which shap does not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["Forest", "Tree", "gradient_forest", "histogram_forest", "lightgbm_forest", "xgboost_forest"]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """One binary tree over m nodes, the first one its root; a node with left < 0 is a leaf.

    left, right, column : (m,) integers. threshold, value : (m,) floats. by_default : (m,) whether a missing value goes left.
    sets : the values that go left, for each node that splits on categories; known : the values that it knows, or None for all.
    strict : x < threshold goes left instead of x <= threshold. output : the class that the leaves add to.
    """

    left: IntArray
    right: IntArray
    column: IntArray
    threshold: Array
    value: Array
    by_default: BoolArray
    sets: dict[int, Array]
    known: dict[int, Array]
    strict: bool
    output: int

    def goes_left(self, node: int, rows: Array) -> BoolArray:
        """(n,) which rows take the left branch of a node."""
        x = rows[:, self.column[node]]
        if node in self.sets:
            left = np.isin(x, self.sets[node])
            strange = np.isnan(x) if node not in self.known else ~np.isin(x, self.known[node])
            return np.asarray(np.where(strange, self.by_default[node], left), dtype=bool)
        there = x < self.threshold[node] if self.strict else x <= self.threshold[node]
        return np.asarray(np.where(np.isnan(x), self.by_default[node], there), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees whose leaves add up, but for a constant, to the raw output: rows (n, p) as the trees see them.

    order : (p,) which encoded column each of the trees' columns is. k : outputs.
    """

    trees: tuple[Tree, ...]
    order: IntArray
    k: int


def _flat(n: int) -> tuple[IntArray, IntArray, IntArray, Array, Array, BoolArray]:
    whole = np.full((3, n), -1, dtype=np.int64)
    return whole[0], whole[1], whole[2], np.zeros(n), np.zeros(n), np.zeros(n, dtype=bool)


def lightgbm_forest(booster: Any) -> Forest:
    """The trees of a LightGBM Booster."""
    told = booster.dump_model()
    k = int(told["num_tree_per_iteration"])
    trees = tuple(_lightgbm_tree(info["tree_structure"], index % k) for index, info in enumerate(told["tree_info"]))
    return Forest(trees, np.arange(booster.num_feature()), k)


def _lightgbm_tree(root: dict[str, Any], output: int) -> Tree:
    nodes = list(_walk(root))
    place = {id(node): number for number, node in enumerate(nodes)}
    left, right, column, threshold, value, default = _flat(len(nodes))
    sets: dict[int, Array] = {}
    for i, node in enumerate(nodes):
        if "leaf_value" in node:
            value[i] = node["leaf_value"]
            continue
        left[i], right[i] = place[id(node["left_child"])], place[id(node["right_child"])]
        column[i] = node["split_feature"]
        if node["decision_type"] == "==":  # a missing category is in no set
            sets[i] = np.array([float(each) for each in str(node["threshold"]).split("||")])
        else:
            if node["missing_type"] == "Zero":
                raise NotApplicable("LightGBM counts zeros as missing here, which is not read")
            threshold[i] = node["threshold"]
            # Without missing values in training, a missing value counts as 0.
            default[i] = node["default_left"] if node["missing_type"] == "NaN" else node["threshold"] >= 0
    return Tree(left, right, column, threshold, value, default, sets, {}, False, output)


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    if "leaf_value" not in node:
        yield from _walk(node["left_child"])
        yield from _walk(node["right_child"])


def xgboost_forest(booster: Any) -> Forest:
    """The trees of an XGBoost Booster, up to the best round."""
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    model = learner["gradient_booster"]["model"]
    k = max(1, int(learner["learner_model_param"]["num_class"]))
    best = booster.attr("best_iteration")
    last = len(model["trees"]) if best is None else int(model["iteration_indptr"][int(best) + 1])
    outputs = model["tree_info"]
    trees = tuple(_xgboost_tree(tree, int(outputs[index])) for index, tree in enumerate(model["trees"][:last]))
    return Forest(trees, np.arange(booster.num_features()), k)


def _xgboost_tree(tree: dict[str, Any], output: int) -> Tree:
    left, right = np.array(tree["left_children"], dtype=np.int64), np.array(tree["right_children"], dtype=np.int64)
    numbers = np.array(tree["split_conditions"], dtype=np.float32).astype(np.float64)  # of a leaf: its value
    column, default = np.array(tree["split_indices"], dtype=np.int64), np.array(tree["default_left"], dtype=bool)
    sets: dict[int, Array] = {}
    every = np.array(tree["categories"], dtype=np.float64)
    for node, start, size in zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True):
        # The library keeps the values that go right: the branches change places.
        sets[node] = every[start : start + size]
        left[node], right[node], default[node] = right[node], left[node], not default[node]
    return Tree(left, right, column, numbers, numbers, default, sets, {}, True, output)


def histogram_forest(core: Any) -> Forest:
    """The trees of scikit-learn's HistGradientBoosting."""
    k = len(core._predictors[0])
    native = np.asarray(core.is_categorical_) if core.is_categorical_ is not None else np.zeros(core.n_features_in_, dtype=bool)
    # Its own preprocessing puts the categories first.
    order = np.concatenate([np.flatnonzero(native), np.flatnonzero(~native)]).astype(np.int64)
    known, places = core._bin_mapper.make_known_categories_bitsets()
    encoder = core._preprocessor.named_transformers_["encoder"] if native.any() else None
    values = [] if encoder is None else [np.asarray(each, dtype=np.float64) for each in encoder.categories_]
    levels = {column: (each, _members(known[places[column]])) for column, each in enumerate(values)}
    trees = [_histogram_tree(each, output, levels) for row in core._predictors for output, each in enumerate(row)]
    return Forest(tuple(trees), order, k)


def _histogram_tree(predictor: Any, output: int, levels: dict[int, tuple[Array, Array]]) -> Tree:
    """levels : of each categorical column, its values by their code, and the codes that the model knows."""
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    left, right = np.where(leaf, -1, nodes["left"].astype(np.int64)), nodes["right"].astype(np.int64)
    column = nodes["feature_idx"].astype(np.int64)
    sets: dict[int, Array] = {}
    known: dict[int, Array] = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf).tolist():
        values, codes = levels[int(column[node])]
        sets[node] = _valued(values, _members(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]))
        known[node] = _valued(values, codes)
    default = nodes["missing_go_to_left"].astype(bool)
    return Tree(left, right, column, nodes["num_threshold"].astype(np.float64), nodes["value"], default, sets, known, False, output)


def _valued(values: Array, codes: Array) -> Array:
    """The values of some codes; a missing one is in no set."""
    found = values[codes[codes < len(values)].astype(np.int64)]
    return np.asarray(found[~np.isnan(found)])


def _members(bits: Any) -> Array:
    """The numbers in a set of 256 bits, kept as eight 32-bit words."""
    words = np.asarray(bits, dtype=np.uint32)
    return np.flatnonzero((words[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(np.float64)


def gradient_forest(core: Any) -> Forest:
    """The trees of scikit-learn's GradientBoosting; its start must be a constant."""
    trees = []
    for row in core.estimators_:
        for output, each in enumerate(row):
            t = each.tree_
            value = core.learning_rate * t.value[:, 0, 0]
            default = t.missing_go_to_left.astype(bool)
            left, right, column = (np.asarray(whole, dtype=np.int64) for whole in (t.children_left, t.children_right, t.feature))
            trees.append(Tree(left, right, column, t.threshold, value, default, {}, {}, False, output))
    return Forest(tuple(trees), np.arange(core.n_features_in_), core.estimators_.shape[1])
