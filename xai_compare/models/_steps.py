"""Steps of our own before a trained model. Imports scikit-learn: import this file only where a model is trained or loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import validate_data

__all__ = ["AsNumbers", "AsText", "Splines"]


class AsNumbers(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Columns of any numeric dtype as float64, a missing value as NaN.

    single : round to float32, for boosters that compare float32, or whose trees are read as float32 (RELIABILITY 1.10).
    """

    def __init__(self, single: bool = False) -> None:
        self.single = single

    def fit(self, X: Any, y: Any = None) -> AsNumbers:
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: Any) -> Any:
        """(n, c) float64."""
        out = X.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(X, "to_numpy") else np.asarray(X, dtype=np.float64)
        return out.astype(np.float32).astype(np.float64) if self.single else out

    def __sklearn_is_fitted__(self) -> bool:
        return True


class AsText(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Categories of any dtype as text, a missing value (None, NaN, NA) as NaN: what the encoders after it can sort."""

    def fit(self, X: Any, y: Any = None) -> AsText:
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: Any) -> Any:
        """(n, c) objects: str or NaN."""
        import pandas as pd

        frame = X if hasattr(X, "iloc") else pd.DataFrame(X)
        out = np.empty(frame.shape, dtype=object)
        for j in range(frame.shape[1]):
            column = frame.iloc[:, j]
            out[:, j] = np.where(column.isna(), np.nan, column.astype(object).map(str))
        return out

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Splines(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """One column as a cubic spline, straight beyond its outer knots. All that is stored is the knots.

    knots : (m,) rising, at least 2.
    """

    def __init__(self, knots: Any) -> None:
        self.knots = knots

    def fit(self, X: Any, y: Any = None) -> Splines:
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: Any) -> Any:
        """(n, m + 1) float64."""
        return self._basis().transform(np.asarray(X, dtype=np.float64))

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        return self._basis().get_feature_names_out(input_features)

    def _basis(self) -> Any:
        knots = np.asarray(self.knots, dtype=np.float64)[:, None]
        return SplineTransformer(degree=3, knots=knots, extrapolation="linear", include_bias=False).fit(knots)

    def __sklearn_is_fitted__(self) -> bool:
        return True
