"""From whatever the user holds to a `Model`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from xai_compare.errors import ModelError
from xai_compare.models.boosting import BoosterModel, adapt_booster, is_booster
from xai_compare.models.function import adapt_function
from xai_compare.models.modules import Handed
from xai_compare.models.renamed import Renamed
from xai_compare.models.sklearn import adapt_sklearn
from xai_compare.models.transformers import adapt_pair, is_pair
from xai_compare.types import Model, class_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["adapt", "by_number"]


def adapt(
    name: str,
    model: Any,
    sample: pd.DataFrame,
    classes: Sequence[str] = (),
    as_array: bool = False,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Model:
    """A fitted scikit-learn estimator, a booster of XGBoost, LightGBM or CatBoost, a callable, or something that is a `Model` already.

    Parameters
    ----------
    sample : rows on which the model is tried (the background).
    classes : the names of the study's classes, () for a regression or where they are not known. A callable gives its outputs in
        this order; a booster that numbers its classes is read in it. A model that knows their names keeps its own order.
    as_array : whether a callable wants an array rather than a DataFrame.
    labels : the study's name of each class, by its value in the data. A model that knows all these values speaks the names.

    Raises
    ------
    ModelError
        With the model's name, what it is and what would do.
    """
    if isinstance(model, Renamed):
        return cast(Model, model)
    if not labels:
        return _adapted(name, model, sample, classes, as_array)
    if is_booster(model):
        model = adapt_booster(name, model, sample)  # which of them number their classes is known then
    if set(_known(model)) != set(labels):
        return _adapted(name, model, sample, classes, as_array)
    values = {label: value for value, label in labels.items()}
    found = _adapted(name, model, sample, [values.get(label, label) for label in classes], as_array)
    return cast(Model, Renamed(found, labels))


def _known(model: Any) -> list[str]:
    """The classes that a model says it has, by its own names."""
    found: Iterable[Any]
    if is_pair(model):
        found = model[0].config.id2label.values()
    elif isinstance(model, Handed):
        found = model.classes
    else:
        found = getattr(model, "outputs" if hasattr(model, "offers") else "classes_", ())
    return [class_name(each) for each in found]


def _adapted(name: str, model: Any, sample: pd.DataFrame, classes: Sequence[str], as_array: bool) -> Model:
    if hasattr(model, "bound"):  # our own, from a file: it does not know the study's names yet
        return model.bound(name, sample, classes)  # type: ignore[no-any-return]
    if hasattr(model, "predict_encoded") and hasattr(model, "offers"):
        return _named(model, classes) if isinstance(model, BoosterModel) else model  # our own adapters pass through
    if is_pair(model):
        return adapt_pair(name, model, sample, classes)
    if is_booster(model):
        return _named(adapt_booster(name, model, sample), classes)
    if hasattr(model, "predict") and hasattr(model, "get_params"):
        return adapt_sklearn(name, model, sample)
    if callable(model):
        return adapt_function(name, model, sample, classes, as_array)
    raise ModelError(f"model '{name}' is a {type(model).__name__}: give a fitted scikit-learn estimator or a function from rows to outputs")


def _named(model: BoosterModel, classes: Sequence[str]) -> BoosterModel:
    """A booster that calls its classes 0, 1, ... under the study's names, by their order."""
    if not classes or model.task == "regression" or sorted(model.outputs) == sorted(classes):
        return model
    name, own = model.name, ", ".join(model.outputs)
    if len(classes) != len(model.outputs):
        raise ModelError(f"model '{name}' knows {len(model.outputs)} classes ({own}), the others are {len(classes)}: {', '.join(classes)}")
    if not by_number(model):
        raise ModelError(f"model '{name}' knows the classes {own}, and the others are {', '.join(classes)}")
    note = f"it numbers its classes; its outputs are read as {', '.join(classes)}, in this order"
    return replace(model, outputs=tuple(classes), numbered=True, about={**model.about, "note": note})


def by_number(model: Model) -> bool:
    """Whether a model is a booster that calls its classes 0, 1, ..., as those do that know no names."""
    return isinstance(model, BoosterModel) and model.outputs == tuple(map(str, range(len(model.outputs))))
