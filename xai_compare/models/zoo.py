"""The kinds of model that a study can train: each a frozen dataclass, or scikit-learn's own parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xai_compare.errors import ModelError, nearest
from xai_compare.models.sklearn import adapt_sklearn
from xai_compare.models.torch import TorchTable
from xai_compare.registry import Registry, configured
from xai_compare.types import Data, Model, Task

__all__ = ["KINDS", "Kind", "Mlp", "Sklearn"]


class Kind(Protocol):
    """A recipe from training data to a fitted model."""

    tasks: tuple[Task, ...]

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        """The fitted model and the bytes from which `load` brings it back."""

    def load(self, name: str, content: bytes, data: Data) -> Model:
        """The same model from its bytes."""

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise ModelError at a parameter that this kind does not have."""


KINDS: Registry[Kind] = Registry("model kind", "xai_compare.models")

# skops does not check the node indices of a tree. What is loaded here was written by the same run folder's own training.
_TRUSTED = ["sklearn.tree._tree.Tree"]


@dataclass(frozen=True, slots=True)
class Sklearn:
    """A scikit-learn estimator behind the usual preprocessing: one-hot categories, numbers scaled where the model minds.

    estimators : {task: "module:Class"}; defaults : parameters where ours differ from scikit-learn's.
    """

    estimators: Mapping[Task, str]
    defaults: Mapping[str, Any]
    scale: bool

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(self.estimators)

    def check(self, params: Mapping[str, Any]) -> None:
        known = {key for task in self.tasks for key in self._estimator(task).get_params()}
        for key in params:
            if key not in known:
                raise ModelError(f"unknown parameter '{key}': {nearest(key, known)}")
        from sklearn.utils._param_validation import InvalidParameterError

        refused: list[ValueError] = []
        for task in self.tasks:
            try:
                self._estimator(task).set_params(**params)._validate_params()
            except (InvalidParameterError, ValueError) as error:
                refused.append(error)
        if len(refused) == len(self.tasks):  # which task it will be is not known yet
            raise ModelError(str(refused[0])) from refused[0]

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        import skops.io
        from sklearn.pipeline import Pipeline

        estimator = self._estimator(data.task).set_params(**{**self.defaults, **params})
        if "random_state" in estimator.get_params() and "random_state" not in params:
            estimator.set_params(random_state=seed)
        pipeline = Pipeline([("columns", self._columns(data)), ("model", estimator)])
        try:
            pipeline.fit(data.train.inputs, data.train.y)
        except (ValueError, TypeError) as error:
            raise ModelError(f"model '{name}' cannot be trained: {error}") from error
        return self._adapt(name, pipeline, data), skops.io.dumps(pipeline)

    def load(self, name: str, content: bytes, data: Data) -> Model:
        import skops.io

        return self._adapt(name, skops.io.loads(content, trusted=_TRUSTED), data)

    def _adapt(self, name: str, pipeline: Any, data: Data) -> Model:
        return adapt_sklearn(name, pipeline, data.background_inputs(), data.classes or None)

    def _estimator(self, task: Task) -> Any:
        from importlib import import_module

        module, _, cls = self.estimators[task].partition(":")
        return getattr(import_module(module), cls)()

    def _columns(self, data: Data) -> Any:
        from sklearn.compose import ColumnTransformer
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        kinds = np.array(data.space.kinds)
        columns = np.array(data.train.inputs.columns)
        steps = [
            ("numeric", StandardScaler() if self.scale else "passthrough", columns[kinds == "numeric"].tolist()),
            ("categorical", OneHotEncoder(handle_unknown="ignore", sparse_output=False), columns[kinds == "categorical"].tolist()),
        ]
        return ColumnTransformer([step for step in steps if step[2]])


KINDS.register("logistic_regression")(
    Sklearn({"classification": "sklearn.linear_model:LogisticRegression"}, {"max_iter": 5000}, scale=True),
)
KINDS.register("linear_regression")(
    Sklearn({"regression": "sklearn.linear_model:LinearRegression"}, {}, scale=True),
)
KINDS.register("random_forest")(
    Sklearn(
        {"classification": "sklearn.ensemble:RandomForestClassifier", "regression": "sklearn.ensemble:RandomForestRegressor"},
        {"n_estimators": 200, "n_jobs": 1},
        scale=False,
    ),
)


@dataclass(frozen=True, slots=True)
class Mlp:
    """A torch perceptron on raw columns, standardisation inside, stopped early on a held-out fifth of the training rows.

    hidden : widths of the hidden layers; learning_rate, weight_decay : Adam's; epochs : at most;
    patience : epochs without improvement before it stops.
    """

    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    epochs: int = 300
    patience: int = 20

    def __post_init__(self) -> None:
        if min(self.hidden, default=1) < 1:
            raise ModelError(f"hidden must be widths of at least 1, found {list(self.hidden)}")
        if self.epochs < 1:
            raise ModelError(f"epochs must be at least 1, found {self.epochs}")
        if self.learning_rate <= 0:
            raise ModelError(f"learning_rate must be above 0, found {self.learning_rate}")

    @property
    def tasks(self) -> tuple[Task, ...]:
        return ("classification", "regression")

    def check(self, params: Mapping[str, Any]) -> None:
        configured(Mlp, params)

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        from xai_compare.models import _nets

        own = configured(Mlp, params)
        frame, y = data.train.inputs, data.train.y
        levels = {
            j: sorted(frame[column].unique().tolist(), key=str)
            for j, (column, kind) in enumerate(zip(frame.columns, data.space.kinds, strict=True))
            if kind == "categorical"
        }
        outputs = data.classes or ("value",)
        model = TorchTable(name, None, data.task, outputs, tuple(frame.columns), levels, own.hidden)
        how = _nets.Fit(own.hidden, own.learning_rate, own.weight_decay, own.epochs, own.patience)
        if y is None:
            raise ModelError(f"model '{name}' cannot be trained: the training rows have no target")
        model.core = _nets.fit_perceptron(model.encode(frame), y, len(outputs), how, seed)
        return model, model.to_bytes()

    def load(self, name: str, content: bytes, data: Data) -> Model:
        return TorchTable.from_bytes(name, content)


KINDS.register("mlp")(Mlp())
