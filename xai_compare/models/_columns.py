"""How the raw columns of a table are prepared for a family of models, from their kinds, holes and levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xai_compare.types import Data

__all__ = ["LEVELS", "Columns"]

LEVELS = 30
"""Values up to which a categorical column gets a column for each of them, or is split natively; beyond, its target means."""

RARE = 0.005
"""Share of the training rows below which a value is counted among the infrequent ones."""

KNOTS = 6
"""Knots of each column's spline, at its quantiles."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a family of models needs.

    scale : numbers standardised. holes : missing numbers are left to the model. native : categories stay one column of codes.
    every : native however many levels there are. single : numbers rounded to float32. splines : each number as a cubic spline.
    """

    scale: bool = False
    holes: bool = False
    native: bool = False
    every: bool = False
    single: bool = False
    splines: bool = False

    def build(self, data: Data, seed: int) -> tuple[Any, list[int]]:
        """A ColumnTransformer, not fitted, and the positions of native categories in its output."""
        from sklearn.compose import ColumnTransformer

        frame = data.train.inputs
        numeric = [name for name, kind in zip(frame.columns, data.space.column_kinds, strict=True) if kind == "numeric"]
        ordinal = [name for name, kind in zip(frame.columns, data.space.column_kinds, strict=True) if kind == "ordinal"]
        others = [name for name in frame.columns if name not in {*numeric, *ordinal}]
        few = [name for name in others if (self.native and self.every) or frame[name].nunique(dropna=False) <= LEVELS]
        many = [name for name in others if name not in set(few)]
        holes = bool(frame[numeric].isna().any(axis=None)) or bool(data.test.inputs[numeric].isna().any(axis=None))
        steps = self._numbers(frame, numeric, holes and not self.holes)
        steps.append(("categorical", self._categories(), few))
        steps.append(("many", self._target_means(data, seed), many))
        steps.append(("ordinal", self._ranks(frame, ordinal, data), ordinal))
        return ColumnTransformer([step for step in steps if step[2]]), list(range(len(numeric), len(numeric) + len(few)))

    def _numbers(self, frame: Any, numeric: list[str], impute: bool) -> list[tuple[str, Any, list[str]]]:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from xai_compare.models._steps import AsNumbers, Splines

        middle = SimpleImputer(strategy="median", keep_empty_features=True)
        first = [AsNumbers(single=self.single), *([middle] if impute else [])]
        empty = [] if impute else [name for name in numeric if not frame[name].notna().any()]
        knots = {name: _knots(frame[name]) for name in numeric} if self.splines else {}
        straight = [name for name in numeric if (name not in knots or len(knots[name]) < 3) and name not in empty]
        last = [StandardScaler()] if self.scale else []
        steps: list[tuple[str, Any, list[str]]] = [("numeric", make_pipeline(*first, *last), straight)]
        steps.append(("empty", make_pipeline(AsNumbers(), middle), empty))  # no value to learn from: not every model takes that
        for j, name in enumerate(numeric):
            if name not in straight and name not in empty:
                steps.append((f"spline{j}", make_pipeline(*first, Splines(knots[name])), [name]))
        return steps

    def _categories(self) -> Any:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

        from xai_compare.models._steps import AsText

        if self.native:  # what was not seen in training is missing
            codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
            return make_pipeline(AsText(), codes)
        return make_pipeline(AsText(), OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE, sparse_output=False))

    def _ranks(self, frame: Any, ordinal: list[str], data: Data) -> Any:
        """Levels as numbers in their order, and from there on like any number."""
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder, StandardScaler

        from xai_compare.models._steps import AsText

        levels = [list(map(str, frame[name].cat.categories)) for name in ordinal]
        codes = OrdinalEncoder(
            categories=levels or "auto", handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
        )
        holes = bool(frame[ordinal].isna().any(axis=None)) or bool(data.test.inputs[ordinal].isna().any(axis=None))
        impute = [SimpleImputer(strategy="most_frequent", keep_empty_features=True)] if holes and not self.holes else []
        return make_pipeline(AsText(), codes, *impute, *([StandardScaler()] if self.scale else []))

    def _target_means(self, data: Data, seed: int) -> Any:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler, TargetEncoder

        from xai_compare.models._steps import AsText

        of = "continuous" if data.task == "regression" else "binary" if len(data.classes) == 2 else "multiclass"
        means = TargetEncoder(target_type=of)
        if means.get_params()["random_state"] == "deprecated":  # since scikit-learn 1.9 the folds carry the seed
            means.set_params(cv=_folds(data, seed))
        else:
            means.set_params(random_state=seed)
        return make_pipeline(AsText(), means, *([StandardScaler()] if self.scale else []))


def _folds(data: Data, seed: int) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold

    return (KFold if data.task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=seed)


def _knots(column: Any) -> Any:
    """Quantiles of a column without repeats."""
    values = column.dropna().to_numpy(dtype=np.float64)
    return np.unique(np.quantile(values, np.linspace(0, 1, KNOTS))) if len(values) else np.empty(0)
