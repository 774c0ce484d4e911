"""The kinds of model that scikit-learn trains, each behind a preprocessing made from the columns of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xai_compare.errors import ModelError, nearest
from xai_compare.models._columns import Columns
from xai_compare.models._stored import skops_bytes
from xai_compare.models.featured import FEATURES as KNOWN_FEATURES
from xai_compare.models.featured import adapt_featured, class_of, features_of, front
from xai_compare.models.sklearn import adapt_sklearn
from xai_compare.models.zoo import KINDS
from xai_compare.types import Data, Modality, Model, Task

__all__ = ["COMMON", "TRUSTED", "Sklearn", "balance", "check_names", "check_task", "class_of", "numpy_seeded"]

COMMON: dict[str, str] = {
    "balanced": "true gives each class the same weight in training",
    "calibrated": "true turns the margin into probabilities, by a sigmoid fitted on held-out fifths of the training rows",
}
"""Parameters of every kind that trains classifiers, beside the estimator's own."""

FEATURES = "features"
"""The parameter of every kind of scikit-learn's that says what it sees of images, series and texts: see `models.featured`."""

ENCODER = "encoder"
"""What `features: embedding` needs beside it."""

_ANY: tuple[Modality, ...] = ("table", "image", "text", "series")

# skops does not know these classes; it does not check the node indices of a tree. What is loaded here was written by the same
# run folder's own training.
TRUSTED = [
    "functools.partial",  # of check_array, in histogram boosting with categories
    "numpy.dtype",
    "scipy.sparse._csr.csr_matrix",  # support vectors of texts
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
    "xai_compare.models._embedding.Embedding",
    "xai_compare.models._vision.ImageEmbedding",
    "xai_compare.models._features.Hog",
    "xai_compare.models._features.Pixels",
    "xai_compare.models._features.QuickSVC",
    "xai_compare.models._features.Summary",
    "xai_compare.models._features.Tfidf",
    "xai_compare.models._features.Values",
    "xai_compare.models._steps.AsNumbers",
    "xai_compare.models._steps.AsText",
    "xai_compare.models._steps.Splines",
]


def check_names(params: Mapping[str, Any], own: set[str], classifies: bool) -> None:
    """Raise ModelError at a parameter that is not known, and at a common one that is not true or false."""
    known = own | (set(COMMON) if classifies else set())
    for key in params:
        if key not in known:
            raise ModelError(f"unknown parameter '{key}': {nearest(key, known)}")
        if key in COMMON and not isinstance(params[key], bool):
            raise ModelError(f"parameter '{key}' must be true or false, found {params[key]!r}: {COMMON[key]}")


def check_task(name: str, data: Data, asked: Mapping[str, bool]) -> Any:
    """The training target, if it can be learnt from and the common parameters fit it.

    Raises
    ------
    ModelError
        Without a target, for a class without rows, or for class options in a regression.
    """
    y = data.train.y
    if y is None:
        raise ModelError(f"model '{name}' cannot be trained: the training rows have no target")
    if data.task == "regression":
        if wrong := [key for key, value in asked.items() if value]:
            raise ModelError(f"model '{name}': the parameter '{wrong[0]}' is for classes, and the target is a number")
        return y
    counts = np.bincount(np.asarray(y, dtype=np.int64), minlength=len(data.classes))
    if (counts == 0).any():
        empty = data.classes[int(np.argmin(counts))]
        raise ModelError(f"model '{name}' cannot be trained: no training row has the class '{empty}'. Give more rows, or leave it out")
    return y


@contextmanager
def numpy_seeded(seed: int) -> Iterator[None]:
    """Some estimators draw from NumPy's global generator: set inside the block, as it was after it."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)


def balance(y: Any) -> Any:
    """(n,) weights that give each class the same total."""
    from sklearn.utils.class_weight import compute_sample_weight

    return compute_sample_weight("balanced", y)


@dataclass(frozen=True, slots=True)
class Sklearn:
    """A scikit-learn estimator behind the usual preprocessing.

    estimators : {task: "module:Class"}; defaults : parameters where ours differ from scikit-learn's.
    columns : how the raw columns are prepared. in_units : parameters whose default is a multiple of the target's spread.
    modalities : the inputs that it takes. quick : {task: "module:Class"} that is faster, the same otherwise, on the many columns of images.
    """

    estimators: Mapping[Task, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)
    in_units: Mapping[str, float] = field(default_factory=dict)
    modalities: tuple[Modality, ...] = _ANY
    quick: Mapping[Task, str] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(self.estimators)

    def check(self, params: Mapping[str, Any]) -> None:
        known = {FEATURES, ENCODER, *(key for task in self.tasks for key in self._estimator(task).get_params())}
        check_names(params, known, "classification" in self.tasks)
        _check_features(params)
        if params.get("probability"):
            raise ModelError("'probability' is about to leave scikit-learn's support vector machines: use calibrated: true")
        from sklearn.utils._param_validation import InvalidParameterError

        own = {key: value for key, value in params.items() if key not in (*COMMON, FEATURES, ENCODER)}
        refused: list[ValueError] = []
        for task in self.tasks:
            try:
                self._estimator(task).set_params(**own)._validate_params()
            except (InvalidParameterError, ValueError) as error:
                refused.append(error)
        if len(refused) == len(self.tasks):  # which task it will be is not known yet
            raise ModelError(str(refused[0])) from refused[0]

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        asked = {key: bool(params.get(key, False)) for key in COMMON}
        y = check_task(name, data, asked)
        own = {key: value for key, value in params.items() if key not in (*COMMON, FEATURES, ENCODER)}
        try:
            pipeline = self._pipeline(name, data, (own, _said(params)), asked, seed)
            weights = {}
            if asked["balanced"] and "class_weight" not in pipeline.steps[-1][1].get_params(deep=False):
                weights = self._weights(name, pipeline, y)
            with numpy_seeded(seed):
                pipeline.fit(data.train.inputs, y, **weights)
        except (ValueError, TypeError) as error:
            raise ModelError(f"model '{name}' cannot be trained: {error}") from error
        return self._adapt(name, pipeline, data), skops_bytes(pipeline)

    def load(self, name: str, content: bytes, data: Data) -> Model:
        import skops.io

        return self._adapt(name, skops.io.loads(content, trusted=TRUSTED), data)

    def _adapt(self, name: str, pipeline: Any, data: Data) -> Model:
        if data.space.modality != "table":
            return adapt_featured(name, pipeline, pipeline.steps[0][0], data)
        return adapt_sklearn(name, pipeline, data.background_inputs(), data.classes or None)

    def _estimator(self, task: Task, quick: bool = False) -> Any:
        return class_of(self.quick.get(task, self.estimators[task]) if quick else self.estimators[task])()

    def _pipeline(self, name: str, data: Data, params: tuple[Mapping[str, Any], Any], asked: Mapping[str, bool], seed: int) -> Any:
        """The steps of a model, not fitted; params : those of the estimator, and the features."""
        from sklearn.pipeline import Pipeline

        (own, features), columns = params, data.space.modality == "table"
        estimator = self._estimator(data.task, quick=not columns)
        categories: list[int] = []
        if columns:
            if features is not None:
                raise ModelError(f"model '{name}': 'features' is for images, series and texts. A table's are its columns: remove it")
            transformer, categories = self.columns.build(data, seed)
            steps = [("columns", transformer)]
        else:
            steps = front(name, data, features, estimator, self.columns.scale)
        known = estimator.get_params()
        defaults = {key: value for key, value in self.defaults.items() if key in known}
        if data.task == "regression":
            spread = float(np.std(np.asarray(data.train.y, dtype=np.float64))) or 1.0
            defaults |= {key: share * spread for key, share in self.in_units.items() if key in known}
        estimator.set_params(**{**defaults, **own})
        if "random_state" in known and "random_state" not in own:
            estimator.set_params(random_state=seed)
        if self.columns.native and categories and "categorical_features" in known:
            estimator.set_params(categorical_features=categories)
        if asked["balanced"] and "class_weight" in known:
            estimator.set_params(class_weight="balanced")
        if asked["calibrated"]:
            estimator = _calibrated(name, estimator, data)
        return Pipeline([*steps, ("model", estimator)])

    def _weights(self, name: str, pipeline: Any, y: Any) -> dict[str, Any]:
        from sklearn.utils.validation import has_fit_parameter

        model = pipeline.steps[-1][1]
        inner = getattr(model, "estimator", model)  # of a calibration
        if "class_weight" in inner.get_params(deep=False):
            return {}
        if not has_fit_parameter(inner, "sample_weight"):
            raise ModelError(f"model '{name}': {type(inner).__name__} has no weights, so it cannot be balanced")
        return {"model__sample_weight": balance(y)}


def _said(params: Mapping[str, Any]) -> Any:
    """What a study says of the features: `features: embedding` and `encoder: ...` are the name and what its step takes."""
    said = params.get(FEATURES)
    return {"name": said, ENCODER: params[ENCODER]} if ENCODER in params and not isinstance(said, Mapping) else said


def _check_features(params: Mapping[str, Any]) -> None:
    """Refuse features that no modality has; which one it will be is not known yet."""
    said = _said(params)
    if said is None:
        return
    refused: list[ModelError] = []
    for modality in _ANY[1:]:
        try:
            features_of(said, modality)
        except ModelError as error:
            known = (said.get("name") if isinstance(said, Mapping) else said) in KNOWN_FEATURES[modality]
            refused = [error, *refused] if known else [*refused, error]  # the modality that has them knows what is wrong
    if len(refused) == len(_ANY) - 1:
        raise ModelError(
            f"'features' is for images (pixels, hog, embedding), series (values, summary) and texts (tfidf, embedding): {refused[0]}"
        )


def _calibrated(name: str, estimator: Any, data: Data) -> Any:
    from sklearn.calibration import CalibratedClassifierCV

    fewest = int(np.bincount(np.asarray(data.train.y, dtype=np.int64)).min())
    if fewest < 2:
        raise ModelError(f"model '{name}' cannot be calibrated: a class has {fewest} training row, and at least 2 are needed")
    return CalibratedClassifierCV(estimator, cv=min(5, fewest), ensemble=False)


def _both(module: str, stem: str) -> dict[Task, str]:
    return {"classification": f"sklearn.{module}:{stem}Classifier", "regression": f"sklearn.{module}:{stem}Regressor"}


_FOREST = {"n_estimators": 200, "n_jobs": 1}
_LOGISTIC = "sklearn.linear_model:LogisticRegression"
_RECIPES: dict[str, Sklearn] = {
    "decision_tree": Sklearn(_both("tree", "DecisionTree"), {"min_samples_leaf": 5}, Columns(holes=True)),
    "elastic_net": Sklearn({"regression": "sklearn.linear_model:ElasticNet"}, {"max_iter": 10_000}, Columns(scale=True), {"alpha": 0.01}),
    "extra_trees": Sklearn(_both("ensemble", "ExtraTrees"), _FOREST, Columns(holes=True)),
    "gam": Sklearn(
        {"classification": _LOGISTIC, "regression": "sklearn.linear_model:Ridge"},
        {"max_iter": 5000},
        Columns(scale=True, splines=True),
        modalities=("table",),
    ),
    "gradient_boosting": Sklearn(_both("ensemble", "GradientBoosting")),
    "hist_gradient_boosting": Sklearn(_both("ensemble", "HistGradientBoosting"), {}, Columns(holes=True, native=True, single=True)),
    "knn": Sklearn(_both("neighbors", "KNeighbors"), {"n_jobs": 1}, Columns(scale=True)),
    "linear_regression": Sklearn({"regression": "sklearn.linear_model:LinearRegression"}, {}, Columns(scale=True)),
    "logistic_regression": Sklearn({"classification": _LOGISTIC}, {"max_iter": 5000}, Columns(scale=True)),
    "naive_bayes": Sklearn({"classification": "sklearn.naive_bayes:GaussianNB"}, {}, Columns(scale=True)),
    "random_forest": Sklearn(_both("ensemble", "RandomForest"), _FOREST, Columns(holes=True)),
    "ridge": Sklearn(
        {"classification": "sklearn.linear_model:RidgeClassifier", "regression": "sklearn.linear_model:Ridge"}, {}, Columns(scale=True)
    ),
    "svm": Sklearn(
        {"classification": "sklearn.svm:SVC", "regression": "sklearn.svm:SVR"},
        {},
        Columns(scale=True),
        {"C": 1.0, "epsilon": 0.1},
        quick={"classification": "xai_compare.models._features:QuickSVC"},
    ),
}
for _name, _recipe in _RECIPES.items():
    KINDS.register(_name)(_recipe)
