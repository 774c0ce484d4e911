"""Tables, data and models that several tests need. Small, made by hand or by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd

from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams
from xai_compare.types import Data

TABULAR = [kind for kind in KINDS if "table" in getattr(KINDS[kind], "modalities", ("table",))]
"""The kinds of model for tables."""


def mixed(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Two numeric, one whole-number, one text and one true-or-false column."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "height": rng.normal(170, 10, n),
            "weight": rng.normal(70, 12, n),
            "children": rng.integers(0, 5, n),
            "town": rng.choice(["Aix", "Bonn", "Cork"], n),
            "owner": rng.random(n) < 0.4,
        }
    )


def outcome(frame: pd.DataFrame, seed: int = 0) -> Any:
    """A yes or no that depends on every column of `mixed`, with noise."""
    rng = np.random.default_rng(seed + 1)
    z = (frame.height - 170) / 10 + (frame.weight - 70) / 12 * frame.owner + (frame.town == "Cork") - 0.3 * frame.children
    return np.where(z + rng.normal(0, 0.5, len(frame)) > 0, "yes", "no")


def numbers(n: int = 60, d: int = 4, seed: int = 0) -> pd.DataFrame:
    """Standard normal columns a, b, c, ..."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(n, d)), columns=list("abcdefghijklmnop"[:d]))


def data_of(frame: pd.DataFrame, y: Any = None, classes: tuple[str, ...] = (), sizes: tuple[int, int] = (10, 8), seed: int = 0) -> Data:
    """Data with the same table for training and test; y holds positions in `classes`, or floats."""
    table = as_table(as_frame(frame), None if y is None else np.asarray(y))
    return assemble(table, table, "classification" if classes else "regression", classes, sizes, Streams(seed).at("data"))


def study_of(**options: Any) -> dict[str, Any]:
    """A study of two quick models on iris, as plain values; options replace its keys."""
    return {
        "data": {"source": "sklearn:iris", "explain": 30, "background": 10},
        "models": [
            {"name": "line", "kind": "logistic_regression"},
            {"name": "forest", "kind": "random_forest", "params": {"n_estimators": 8}},
        ],
        "explainers": ["shap", "permutation_importance"],
        # Metrics that fit every explainer: what a run does with one that does not is told by tests of its own.
        "metrics": ["additive_fit", "agreement", "effective_features", "features_needed", "performance"],
        **options,
    }


def differences(a: Any, b: Any, at: str = "") -> list[str]:
    """Where two nested values differ: arrays by dtype and bits, everything else by equality. The oracle for "the same"."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        return [] if same else [at]
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return [f"{at}/{key}" for key in set(a) ^ set(b)] + [
            one for key in a if key in b for one in differences(a[key], b[key], f"{at}/{key}")
        ]
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        if len(a) != len(b):
            return [f"{at}: {len(a)} and {len(b)} items"]
        return [one for i, pair in enumerate(zip(a, b, strict=True)) for one in differences(*pair, f"{at}[{i}]")]
    if is_dataclass(a) and type(a) is type(b):
        return [one for field in fields(a) for one in differences(getattr(a, field.name), getattr(b, field.name), f"{at}.{field.name}")]
    return [] if a == b and type(a) is type(b) else [f"{at}: {a!r} and {b!r}"]
