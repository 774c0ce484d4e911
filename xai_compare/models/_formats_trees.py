"""Saved boosters read without their libraries, to see that every index in them leads somewhere.

XGBoost and LightGBM follow the numbers of a file without looking: one changed bit can read foreign memory, or never end.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xai_compare.errors import ModelError

__all__ = ["check_catboost", "check_lightgbm", "check_xgboost", "read_ubj"]

_ROOT: Final = 2**31 - 1  # what XGBoost writes as the parent of the root
_DEEP: Final = 100  # levels of nesting; a model has about ten


def _require(sound: bool, what: str) -> None:
    if not sound:
        raise ModelError(f"it is cut off or damaged: {what}")


def _walkable(left: npt.NDArray[Any], right: npt.NDArray[Any], what: str) -> npt.NDArray[np.int64]:
    """Whether every way down from node 0 ends: children exist, and no node is met twice.

    left, right : (n,) children of the nodes, -1 at a leaf. Returns the inner nodes that are reached.
    """
    met = np.zeros(len(left), dtype=bool)
    here, inner = np.zeros(1, dtype=np.int64), []
    while len(here):
        _require(not met[here].any() and len(np.unique(here)) == len(here), what)
        met[here] = True
        here = here[left[here] != -1]
        inner.append(here)
        here = np.concatenate([left[here], right[here]])
        _require(bool(((here > 0) & (here < len(left))).all()), what)
    return np.concatenate(inner)


def check_catboost(content: bytes) -> None:
    """Whether the part that a cbm file announces is all there: CatBoost itself reads on behind a file that is cut off.

    Raises
    ------
    ModelError
        If it is not.
    """
    _require(len(content) > 8 and 0 < int.from_bytes(content[4:8], "little") <= len(content) - 8, "it is shorter than it says")


# ---- XGBoost


def check_xgboost(content: bytes) -> None:
    """Whether an XGBoost model in JSON or UBJ is whole.

    Raises
    ------
    ModelError
        If it cannot be parsed, or its trees name nodes, features or categories that do not exist.
    """
    doc = read_ubj(content) if content[1:2] in b"iUIlL" else json.loads(content, object_pairs_hook=_once)
    try:
        learner = doc["learner"]
        booster = learner["gradient_booster"]
        d = int(learner["learner_model_param"]["num_feature"])
        groups = max(int(learner["learner_model_param"]["num_class"]), 1) * max(int(learner["learner_model_param"].get("num_target", 1)), 1)
        if booster["name"] == "gblinear":
            _require(len(booster["model"]["weights"]) == (d + 1) * groups, "its weights do not match its features")
            return
        if booster["name"] == "dart":
            _require(len(booster["weight_drop"]) == len(booster["gbtree"]["model"]["trees"]), "its weights do not match its trees")
            booster = booster["gbtree"]
        _require(booster["name"] == "gbtree", "its booster is unknown")
        _check_forest(booster["model"], d, groups)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError("it is cut off or damaged: a part that every XGBoost model has is missing or of another kind") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that stands twice could mean one thing here and another to the library."""
    found = dict(pairs)
    _require(len(found) == len(pairs), "a key stands twice")
    return found


def _check_forest(model: Mapping[str, Any], d: int, groups: int) -> None:
    trees, info = model["trees"], _whole(model["tree_info"])
    _require(len(trees) == len(info) == int(model["gbtree_model_param"]["num_trees"]), "trees are missing")
    _require(bool(((info >= 0) & (info < groups)).all()), "a tree is for a class that does not exist")
    if "iteration_indptr" in model:
        steps = _whole(model["iteration_indptr"])
        _require(
            len(steps) > 0 and steps[0] == 0 and steps[-1] == len(trees) and bool((np.diff(steps) >= 0).all()), "its rounds do not add up"
        )
    for number, tree in enumerate(trees):
        _check_tree(tree, d, f"tree {number} names nodes, features or categories that do not exist")


def _check_tree(tree: Mapping[str, Any], d: int, what: str) -> None:
    left, right, features = (_whole(tree[key]) for key in ("left_children", "right_children", "split_indices"))
    n = len(left)
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise ModelError("its trees have vectors in their leaves (multi_output_tree): train it with one_output_per_tree")
    same = ("right_children", "split_indices", "split_conditions", "default_left", "loss_changes", "sum_hessian", "split_type")
    _require(n > 0 and all(len(tree[key]) == n for key in same if key in tree and len(tree[key])), what)
    _require(int(tree["tree_param"]["num_nodes"]) == n and len(right) == len(features) == n, what)
    _require(bool(((right == -1) == (left == -1)).all()), what)
    inner = _walkable(left, right, what)  # nodes that were pruned are left lying about
    _require(bool(((features[inner] >= 0) & (features[inner] < d)).all()), what)
    parents = _whole(tree["parents"])
    _require(len(parents) == n and bool((((parents >= 0) & (parents < n)) | (parents == _ROOT) | (parents == -1)).all()), what)
    _require(
        parents[0] in {_ROOT, -1} and np.array_equal(parents[left[inner]], inner) and np.array_equal(parents[right[inner]], inner), what
    )
    _require(len(tree["base_weights"]) == n, what)
    nodes, start, size = (_whole(tree.get(key, [])) for key in ("categories_nodes", "categories_segments", "categories_sizes"))
    _require(len(nodes) == len(start) == len(size) and bool(((nodes >= 0) & (nodes < n)).all()), what)
    _require(bool(((start >= 0) & (size >= 0) & (start + size <= len(tree.get("categories", [])))).all()), what)
    kinds = _whole(tree.get("split_type", []))
    _require(bool(np.isin(kinds, (0, 1)).all()) and set(np.flatnonzero(kinds == 1).tolist()) <= set(nodes.tolist()), what)
    _require(all(0 <= category < 2**24 for category in _whole(tree.get("categories", [])).tolist()), what)


def _whole(values: Any) -> npt.NDArray[np.int64]:
    """Whole numbers as (n,) int64; ValueError at anything else."""
    found = np.asarray(values if len(values) else np.empty(0, np.int64))
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise ValueError("whole numbers are needed")
    return found.astype(np.int64)


_UBJ_TYPES: Final = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_UBJ_WORDS: Final[Mapping[bytes, Any]] = {b"Z": None, b"T": True, b"F": False}


def read_ubj(content: bytes) -> Any:
    """Universal Binary JSON, as XGBoost writes it: numbers, text, plain and typed arrays, objects.

    Raises
    ------
    ModelError
        If it is cut off, too deep, or holds a marker that XGBoost does not write.

    >>> read_ubj(b"{i\\x01aU\\x05}")
    {'a': 5}
    """
    try:
        value, at = _ubj_value(content, 0, 0)
    except (struct.error, UnicodeDecodeError, ValueError, IndexError) as error:
        raise ModelError("it is cut off or damaged: it is no whole UBJ") from error
    _require(at == len(content), "bytes follow its end")
    return value


def _ubj_value(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    _require(depth < _DEEP, "it is nested too deeply")
    mark, at = content[at : at + 1], at + 1
    if mark in _UBJ_TYPES:
        kind = np.dtype(_UBJ_TYPES[mark])
        return np.frombuffer(content, kind, 1, at)[0].item(), at + kind.itemsize
    if mark in _UBJ_WORDS:
        return _UBJ_WORDS[mark], at
    if mark == b"S":
        return _ubj_text(content, at)
    if mark == b"{":
        return _ubj_object(content, at, depth)
    _require(mark == b"[", "it holds a marker that XGBoost does not write")
    return _ubj_array(content, at, depth)


def _ubj_size(content: bytes, at: int) -> tuple[int, int]:
    _require(content[at : at + 1] in {b"i", b"U", b"I", b"l", b"L"}, "a length is no number")
    size, at = _ubj_value(content, at, 0)
    _require(0 <= size <= len(content), "a part is longer than the file")
    return size, at


def _ubj_text(content: bytes, at: int) -> tuple[str, int]:
    size, at = _ubj_size(content, at)
    _require(at + size <= len(content), "a text is longer than the file")
    return content[at : at + size].decode("utf-8"), at + size


def _ubj_array(content: bytes, at: int, depth: int) -> tuple[Any, int]:
    if content[at : at + 1] == b"$":
        kind = np.dtype(_UBJ_TYPES.get(content[at + 1 : at + 2], "V0"))
        _require(kind.itemsize > 0 and content[at + 2 : at + 3] == b"#", "an array is of no known kind")
        size, at = _ubj_size(content, at + 3)
        return np.frombuffer(content, kind, size, at), at + size * kind.itemsize
    values = []
    if content[at : at + 1] == b"#":
        size, at = _ubj_size(content, at + 1)
        for _ in range(size):
            value, at = _ubj_value(content, at, depth + 1)
            values.append(value)
        return values, at
    while content[at : at + 1] != b"]":
        value, at = _ubj_value(content, at, depth + 1)
        values.append(value)
    return values, at + 1


def _ubj_object(content: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    _require(content[at : at + 1] not in {b"$", b"#"}, "it holds an object of a kind that XGBoost does not write")
    while content[at : at + 1] != b"}":
        key, at = _ubj_text(content, at)
        _require(key not in found, "a key stands twice")
        found[key], at = _ubj_value(content, at, depth + 1)
    return found, at + 1


# ---- LightGBM


_PARAMETER: Final = re.compile(r"\[\w+: [^\n]*\]")
_LINES: Final = {"split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child"}
_INNER: Final = {"internal_value", "internal_weight", "internal_count"}
_LEAVES: Final = {"leaf_value", "leaf_weight", "leaf_count", "leaf_const", "num_features"}
_OTHER: Final = {"num_leaves", "num_cat", "cat_boundaries", "cat_threshold", "leaf_features", "leaf_coeff", "is_linear", "shrinkage"}
_WHOLE: Final = {"split_feature", "decision_type", "left_child", "right_child", "cat_boundaries", "num_features", "leaf_features"}


def check_lightgbm(content: bytes) -> None:
    """Whether a LightGBM model in text is whole.

    Raises
    ------
    ModelError
        If a part is missing, a number is none, or a tree names nodes, features or categories that do not exist.
    """
    _require(b"\0" not in content, "it holds null bytes")
    text = content.decode("utf-8")
    head, found, rest = text.partition("\n\n")
    _require(bool(found), "its header does not end")
    facts = _facts(head.split("\n")[1:], words=True)
    try:
        d = int(facts["max_feature_idx"]) + 1
        sizes = [int(size) for size in facts["tree_sizes"].split(" ")] if facts.get("tree_sizes") else []
        each = int(facts["num_tree_per_iteration"])
        _require(int(facts["num_class"]) > 0 and each > 0, "its header makes no sense")
        _require(facts["version"] in {"v2", "v3", "v4"}, "its version is unknown")
        _require(
            len(facts["feature_names"].split(" ")) == len(facts["feature_infos"].split(" ")) == d > 0, "its features are not all named"
        )
        _require(len(sizes) % each == 0, "trees are missing")
        at, raw = 0, rest.encode()
        for number, size in enumerate(sizes):
            block = raw[at : at + size].decode()
            start = f"Tree={number}\n"
            _require(0 < size <= len(raw) - at and block.startswith(start), f"tree {number} is not where the header says")
            _check_leaves(_facts(block[len(start) :].split("\n")), d, f"tree {number} names nodes, features or numbers that do not exist")
            at += size
        _check_end(raw[at:].decode())
    except (KeyError, ValueError, OverflowError) as error:
        raise ModelError("it is cut off or damaged: a part that every LightGBM model has is missing or no number") from error


def _facts(lines: Sequence[str], words: bool = False) -> dict[str, str]:
    """key=value lines; a word alone is allowed in the header only, as for average_output."""
    found: dict[str, str] = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if not line:
            continue
        _require(bool(equals) or (words and line.isidentifier()), "a line is no key and value")
        _require(key not in found, "a key stands twice")
        found[key] = value
    return found


def _check_leaves(tree: Mapping[str, str], d: int, what: str) -> None:
    _require(set(tree) <= _LINES | _INNER | _LEAVES | _OTHER, what)
    leaves, sets, linear = int(tree["num_leaves"]), int(tree["num_cat"]), int(tree.get("is_linear", "0"))
    _require(leaves > 0 and sets >= 0 and linear in {0, 1}, what)
    if leaves == 1:
        _require(len(_numbers(tree, "leaf_value")) == 1 and not linear, what)
        float(tree.get("shrinkage", "1"))
        return
    lengths = {**dict.fromkeys(_LINES | _INNER, leaves - 1), **dict.fromkeys(_LEAVES, leaves)}
    values = {key: _numbers(tree, key) for key in tree if key in lengths}
    _require(all(len(values[key]) == lengths[key] for key in values) and values.keys() >= _LINES | {"leaf_value"}, what)
    # A child below 0 is leaf number -child - 1: here it comes after the inner nodes.
    ends = np.full(leaves, -1)
    left, right = (np.where(values[key] < 0, leaves - 2 - values[key], values[key]) for key in ("left_child", "right_child"))
    reached = _walkable(np.concatenate([left, ends]), np.concatenate([right, ends]), what)
    _require(len(reached) == leaves - 1, what)
    _require(bool(((values["split_feature"] >= 0) & (values["split_feature"] < d)).all()), what)
    _require(bool(((values["decision_type"] >= 0) & (values["decision_type"] < 16)).all()), what)
    _check_sets(tree, values["threshold"][values["decision_type"] & 1 == 1], sets, what)
    if linear:
        terms, features = values["num_features"], _numbers(tree, "leaf_features")
        _require(bool((terms >= 0).all()) and terms.sum() == len(features) == len(_numbers(tree, "leaf_coeff")), what)
        _require("leaf_const" in values and bool(((features >= 0) & (features < d)).all()), what)
    float(tree.get("shrinkage", "1"))


def _check_sets(tree: Mapping[str, str], used: npt.NDArray[Any], sets: int, what: str) -> None:
    """The sets of categories: bits between boundaries, and each split that uses one names one that is there."""
    bounds, bits = (_numbers(tree, key) for key in ("cat_boundaries", "cat_threshold"))
    _require(len(bounds) == (sets + 1 if sets else 0), what)
    if sets:
        _require(bounds[0] == 0 and bool((np.diff(bounds) > 0).all()) and bounds[-1] == len(bits), what)
        _require(bool(((bits >= 0) & (bits < 2**32)).all()), what)
    _require(bool(((used >= 0) & (used < sets) & (used == np.trunc(used))).all()), what)


def _numbers(tree: Mapping[str, str], key: str) -> npt.NDArray[Any]:
    """The numbers of one line, (n,); ValueError at a word."""
    words = tree[key].split() if tree.get(key) else []
    _require(all(re.fullmatch(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)", word) for word in words), "a number is none")
    return np.array(words, dtype=np.int64 if key in _WHOLE else np.float64)


def _check_end(text: str) -> None:
    """What follows the trees: importances, and the parameters line by line."""
    _require(text.lstrip("\n").startswith("end of trees\n"), "its trees do not end")
    before, found, after = text.partition("\nparameters:\n")
    _require("parameters" not in before.replace("end of parameters", "") or not found, "its parameters do not begin")
    if not found:
        return
    inside, found, _ = after.partition("\nend of parameters\n")
    lines = [line for line in inside.split("\n") if line]
    _require(bool(found) and all(_PARAMETER.fullmatch(line) for line in lines), "its parameters do not end, or are no list")
