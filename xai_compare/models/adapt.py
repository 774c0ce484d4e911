"""From whatever the user holds to a `Model`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xai_compare.errors import ModelError
from xai_compare.models.boosting import adapt_booster, is_booster
from xai_compare.models.function import adapt_function
from xai_compare.models.sklearn import adapt_sklearn
from xai_compare.types import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["adapt"]


def adapt(name: str, model: Any, sample: pd.DataFrame, classes: Sequence[str] = (), as_array: bool = False) -> Model:
    """A fitted scikit-learn estimator, a booster of XGBoost, LightGBM or CatBoost, a callable, or something that is a `Model` already.

    Parameters
    ----------
    sample : rows on which the model is tried (the background).
    classes : class names for a callable, in the order of its outputs; () for a regression.
    as_array : whether a callable wants an array rather than a DataFrame.

    Raises
    ------
    ModelError
        With the model's name, what it is and what would do.
    """
    if hasattr(model, "bound"):  # our own, from a file: it does not know the study's names yet
        return model.bound(name, sample, classes)  # type: ignore[no-any-return]
    if hasattr(model, "predict_encoded") and hasattr(model, "offers"):
        return model  # type: ignore[no-any-return]  # our own adapters pass through
    if is_booster(model):
        return adapt_booster(name, model, sample, classes or None)
    if hasattr(model, "predict") and hasattr(model, "get_params"):
        return adapt_sklearn(name, model, sample)
    if callable(model):
        return adapt_function(name, model, sample, classes, as_array)
    raise ModelError(f"model '{name}' is a {type(model).__name__}: give a fitted scikit-learn estimator or a function from rows to outputs")
