"""Any fitted scikit-learn classifier or regressor, pipelines opened where their columns can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_compare.data.tabular import class_name
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.models._forest import Forest, gradient_forest, histogram_forest
from xai_compare.models._inside import CalibratedLine, inside, why_not_opened
from xai_compare.models._sizes import size_of
from xai_compare.models.encoding import check_separable, dense, ownership
from xai_compare.types import Array, Inputs, IntArray, Output, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SklearnModel", "adapt_sklearn", "offered"]

# Estimators made of scikit-learn's own trees, which compare float32.
_TREES = {f"{kind}{task}" for kind in ("DecisionTree", "ExtraTree", "ExtraTrees", "RandomForest") for task in ("Classifier", "Regressor")}
_TREES |= {"GradientBoostingClassifier", "GradientBoostingRegressor"}
_OWN_START = "the boosting starts from a model of its own"
_VOTES = {"VotingClassifier", "VotingRegressor"}
_FORESTS = {
    "GradientBoostingClassifier": gradient_forest,
    "GradientBoostingRegressor": gradient_forest,
    "HistGradientBoostingClassifier": histogram_forest,
    "HistGradientBoostingRegressor": histogram_forest,
}
_BINNED_TREES = {"HistGradientBoostingClassifier", "HistGradientBoostingRegressor"}


@dataclass(eq=False)
class SklearnModel:
    """A fitted scikit-learn estimator. See `xai_compare.types.Model` for the face it shows."""

    name: str
    estimator: Any
    task: Task
    outputs: tuple[str, ...]
    columns: tuple[str, ...]
    core: Any
    preprocess: Any = None
    owner: IntArray | None = None
    shares: Array | None = None
    closed: str = ""
    offers: frozenset[str] = frozenset()
    weights: tuple[Array, Array] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    wants_frame: bool = False
    treeless: str = ""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Columns of the table that the estimator was not fitted on."""
        names = getattr(self.estimator, "feature_names_in_", None)
        return () if names is None else tuple(name for name in self.columns if name not in set(map(str, names)))

    @property
    def native(self) -> Output:
        if self.task == "regression":
            return "value"
        return "margin" if "margin" in self.offers else "probability"

    @property
    def size(self) -> Mapping[str, int]:
        """What it is made of, counted, without its preprocessing."""
        return size_of(self.estimator)

    @property
    def trees(self) -> list[tuple[float, Any]]:
        """What a reader of trees is given: (weight, model) whose outputs add up to the native one."""
        return _members(self.core) if type(self.core).__name__ in _VOTES else [(1.0, self.core)]

    def forest(self) -> Forest:
        """All trees of a boosting in a form of our own."""
        return _FORESTS[type(self.core).__name__](self.core)

    def predict(self, inputs: Inputs, output: Output) -> Array:
        if output == "margin" and isinstance(self.core, CalibratedLine):  # which the estimator around it does not give
            return self.predict_encoded(self.encode(inputs), output)
        return self._call(self.estimator, self._as_fitted(inputs), output)

    def decide(self, inputs: Inputs) -> IntArray:
        # Not the largest output: an estimator may hold a decision threshold of its own.
        said = np.asarray(self.estimator.predict(self._as_fitted(inputs)))
        place = {label: position for position, label in enumerate(np.asarray(self.estimator.classes_).tolist())}
        return np.array([place[label] for label in said.tolist()], dtype=np.int64)

    def encode(self, inputs: Inputs) -> Array:
        seen = self._as_fitted(inputs)
        encoded = dense(seen if self.preprocess is None else self.preprocess.transform(seen))
        # Trees compare float32: a method that reads their thresholds must see the same numbers.
        return encoded.astype(np.float32).astype(np.float64) if _compares_float32(self.core) else encoded

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        return self._call(self.core, _with_names(self.core, encoded), output)

    def _as_fitted(self, inputs: pd.DataFrame) -> Any:
        """The frame with the columns, or the bare array, that the estimator was fitted on."""
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is not None:
            return inputs[list(names)]
        return inputs if self.wants_frame else inputs.to_numpy()

    def _call(self, estimator: Any, seen: Any, output: Output) -> Array:
        if output == "value":
            return np.asarray(estimator.predict(seen), dtype=np.float64).reshape(len(seen), -1)
        if output == "probability":
            if "probability" not in self.offers:
                raise NotApplicable(f"{type(self.estimator).__name__} gives no probabilities")
            return np.asarray(estimator.predict_proba(seen), dtype=np.float64)
        if "margin" not in self.offers:
            raise NotApplicable(f"{type(self.estimator).__name__} has no margin of its own")
        z = np.asarray(estimator.decision_function(seen), dtype=np.float64)
        return np.column_stack([-z, z]) if z.ndim == 1 else z - z.mean(axis=1, keepdims=True)


def adapt_sklearn(name: str, estimator: Any, sample: pd.DataFrame, classes: Sequence[str] | None = None) -> SklearnModel:
    """Put a fitted estimator or pipeline behind the common face.

    Parameters
    ----------
    sample : a few rows (the background), to check the opened parts by numbers.
    classes : class names in the order of the estimator's outputs; None takes its own `classes_`.

    Raises
    ------
    ModelError
        If it is not fitted, predicts several targets, lacks a column or gives neither probabilities nor margins.
    """
    from sklearn.base import is_classifier, is_regressor

    if isinstance(estimator, type):
        raise ModelError(f"model '{name}' is the class {estimator.__name__}, not a fitted model: call it, and fit it")
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise ModelError(f"model '{name}': {type(estimator).__name__} is neither a classifier nor a regressor")
    task: Task = "classification" if is_classifier(estimator) else "regression"
    wanted = [str(column) for column in getattr(estimator, "feature_names_in_", [])]
    if missing := [column for column in wanted if column not in sample.columns]:
        raise ModelError(f"model '{name}' was fitted with the columns {', '.join(missing)}, which the data lack")
    wants_frame = _try(name, estimator, sample[wanted] if wanted else sample, named=bool(wanted))
    if task == "classification":
        outputs = tuple(classes) if classes else tuple(class_name(label) for label in np.asarray(estimator.classes_).tolist())
    else:
        outputs = ("value",)
    model = SklearnModel(name, estimator, task, outputs, tuple(map(str, sample.columns)), core=estimator, wants_frame=wants_frame)
    model.offers = offered(name, estimator, task)
    _open(model, sample)
    model.about = {"class": type(estimator).__name__, "core": type(model.core).__name__, "library": "scikit-learn"}
    return model


def _try(name: str, estimator: Any, sample: pd.DataFrame, named: bool) -> bool:
    """Predict the sample once; whether an estimator that keeps no column names must be given a frame all the same."""
    from sklearn.exceptions import NotFittedError

    failure: Exception | None = None
    # Without names the array comes first: most estimators without them were fitted on one, and warn at a frame.
    for frame in (True,) if named else (False, True):
        try:
            tried = np.asarray(estimator.predict(sample if frame else sample.to_numpy()))
        except NotFittedError as error:
            raise ModelError(f"model '{name}' is not fitted: fit it first, or name its kind in a study file") from error
        except Exception as error:  # whatever the estimator or a step of it raises
            failure = failure or error
            continue
        if tried.ndim == 2 and tried.shape[1] > 1:
            raise ModelError(f"model '{name}' predicts {tried.shape[1]} targets at once: give one model for each")
        return frame
    raise ModelError(f"model '{name}' cannot predict the data: {type(failure).__name__}: {failure}") from failure


def offered(name: str, estimator: Any, task: Task) -> frozenset[str]:
    """The outputs that a fitted estimator gives; ModelError for a classifier that gives none."""
    if task == "regression":
        return frozenset({"value"})
    offers = {what for what, method in (("probability", "predict_proba"), ("margin", "decision_function")) if hasattr(estimator, method)}
    _, core = inside(estimator)
    if isinstance(core, CalibratedLine):
        offers.add("margin")
    if getattr(core, "decision_function_shape", "ovr") == "ovo" and len(estimator.classes_) > 2:
        offers.discard("margin")  # one column for each pair of classes, not for each class
    if not offers:
        raise ModelError(
            f"model '{name}': {type(estimator).__name__} gives neither probabilities nor margins. Wrap it in CalibratedClassifierCV"
        )
    return frozenset(offers)


def _open(model: SklearnModel, sample: pd.DataFrame) -> None:
    """Separate encoding and core if the columns can be told apart; else note why not."""
    model.core, model.preprocess = model.estimator, None
    columns = np.arange(len(model.columns), dtype=np.int64)
    names = getattr(model.estimator, "feature_names_in_", None)
    if names is not None:  # the estimator may know fewer columns than the data, or another order
        columns = np.array([model.columns.index(str(column)) for column in names], dtype=np.int64)
    try:
        model.preprocess, model.core = inside(model.estimator)
        model.owner, model.shares, model.closed = ownership(model.preprocess, columns, len(model.columns))
        check_separable(model, sample)
    except NotApplicable as reason:
        model.owner, model.shares, model.closed = None, None, str(reason)
        return
    model.treeless = _treeless(model.core)
    if not model.treeless:
        model.offers |= {"tree"}
    if model.owner is not None and type(model.core).__name__ in _FORESTS and model.treeless != _OWN_START and not _links(model):
        model.offers |= {"leaves"}
    model.weights = _weights(model, sample)
    if model.weights is not None:
        model.offers |= {"linear"}


def _links(model: SklearnModel) -> bool:
    """Whether the value of a regression is a function of the sum of its trees, and not the sum."""
    return model.task == "regression" and getattr(model.core, "loss", "") in ("poisson", "gamma")


def _compares_float32(core: Any) -> bool:
    if type(core).__name__ in _VOTES:
        return all(map(_compares_float32, core.estimators_))
    return type(core).__name__ in _TREES


def _treeless(core: Any) -> str:
    """Why a model is not made of trees that can be read exactly; "" if it is."""
    kind = type(core).__name__
    if kind in _TREES:
        # A boosting that starts from a model of its own is more than its trees.
        own_start = getattr(core, "init", None) not in (None, "zero")
        if own_start:
            return _OWN_START
        many = kind == "GradientBoostingClassifier" and len(core.classes_) > 2
        return "shap does not read scikit-learn's gradient boosting of more than two classes" if many else ""
    if kind in _BINNED_TREES:
        if getattr(core, "loss", "") in ("poisson", "gamma"):
            return "its value is not the sum of its trees but a function of it"
        native = getattr(core, "is_categorical_", None)
        return "it splits on sets of categories, which shap does not read" if native is not None and np.any(native) else ""
    if kind in _VOTES:
        return _voteless(core)
    return why_not_opened(core) or "the model is not made of trees that shap reads exactly"


def _voteless(core: Any) -> str:
    """Why a vote is not an average of trees in its own output; "" if it is."""
    if getattr(core, "voting", "soft") != "soft":
        return "its members vote by their decisions, which do not add up"
    if any(type(each).__name__ not in _TREES or _treeless(each) for each in core.estimators_):
        return "not all its members are scikit-learn's trees"
    if hasattr(core, "classes_") and any("GradientBoosting" in type(each).__name__ for each in core.estimators_):
        return "it averages probabilities, and a boosting adds up in the margin"
    return ""


def _weights(model: SklearnModel, sample: pd.DataFrame) -> tuple[Array, Array] | None:
    """(k, p) and (k,) such that the native output is encoded @ weights.T + intercept; None if it is not linear."""
    line = None if model.native == "probability" else _line(model.core)
    if line is None:
        return None
    w, b = line
    if model.native == "margin":
        if len(w) == 1:
            w, b = np.vstack([-w, w]), np.concatenate([-b, b])
        else:
            w, b = w - w.mean(axis=0), b - b.mean()
    encoded = model.encode(sample)
    if w.shape[1] != encoded.shape[1]:
        return None
    outputs = model.predict_encoded(encoded, model.native)
    return (w, b) if outputs.shape[1] == len(w) and np.allclose(encoded @ w.T + b, outputs, rtol=1e-8, atol=1e-8) else None


def _line(core: Any) -> tuple[Array, Array] | None:
    """(k, p) and (k,) coefficients that an estimator says it has; of a vote of regressors their average."""
    if type(core).__name__ == "VotingRegressor":
        parts = [(share, _line(each)) for share, each in _members(core)]
        known = [(share * line[0], share * line[1]) for share, line in parts if line is not None]
        fits = len(known) == len(parts) and len({w.shape for w, _ in known}) == 1
        return (np.sum([w for w, _ in known], axis=0), np.sum([b for _, b in known], axis=0)) if fits else None
    coef, intercept = getattr(core, "coef_", None), getattr(core, "intercept_", None)
    if coef is None or intercept is None:
        return None
    w = np.atleast_2d(dense(coef))
    return w, np.broadcast_to(np.asarray(intercept, dtype=np.float64).ravel(), (len(w),))


def _members(vote: Any) -> list[tuple[float, Any]]:
    """The estimators of a vote, each with its share."""
    kept = [j for j, (_, each) in enumerate(vote.estimators) if each != "drop"]
    shares = np.ones(len(kept)) if vote.weights is None else np.asarray(vote.weights, dtype=np.float64)[kept]
    return list(zip((shares / shares.sum()).tolist(), vote.estimators_, strict=True))


def _with_names(estimator: Any, array: Array) -> Any:
    """A core that was fitted on named columns warns at a bare array: give it the names back."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return array
    import pandas as pd

    return pd.DataFrame(array, columns=names)
