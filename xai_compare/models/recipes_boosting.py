"""The kinds of model that the boosting libraries train. Stored in the library's own format beside the preprocessing, in one zip."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from xai_compare.errors import ModelError, XaiCompareError
from xai_compare.lazy import load
from xai_compare.models._columns import Columns
from xai_compare.models._stored import packed, skops_bytes, unpacked
from xai_compare.models.boosting import adapt_prepared, as_text
from xai_compare.models.recipes import COMMON, TRUSTED, balance, check_names, check_task, class_of, numpy_seeded
from xai_compare.models.zoo import KINDS
from xai_compare.types import Data, Model, Task

__all__ = ["CatboostKind", "LightgbmKind", "XgboostKind"]


@dataclass(frozen=True, slots=True)
class _Boosting(ABC):
    """A booster on numbers rounded to float32, with missing values as they are and categories as codes.

    defaults : parameters where ours differ from the library's. aliases : other names of them, which take their place.
    """

    stem: ClassVar[str]
    module: ClassVar[str]
    aliases: ClassVar[Mapping[str, str]] = {}
    columns: ClassVar[Columns] = Columns(holes=True, native=True, single=True)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[Task, ...]:
        return ("classification", "regression")

    def check(self, params: Mapping[str, Any]) -> None:
        check_names(params, self._known(), classifies=True)
        if params.get("calibrated"):
            raise ModelError("'calibrated' is for models without probabilities of their own; boosted trees have them")

    def fit(self, name: str, data: Data, params: Mapping[str, Any], seed: int) -> tuple[Model, bytes]:
        asked = {key: bool(params.get(key, False)) for key in COMMON}
        y = check_task(name, data, asked)
        own = {key: value for key, value in params.items() if key not in COMMON}
        taken = {self.aliases.get(key, key) for key in own}
        defaults = {key: value for key, value in self.defaults.items() if key not in taken}
        transformer, categories = self.columns.build(data, seed)
        try:
            encoded = transformer.fit_transform(data.train.inputs, y)
            weights = balance(y) if asked["balanced"] else None
            with numpy_seeded(seed):
                fitted = self._train(data.task, defaults | own, seed, (encoded, y, weights), categories)
        except XaiCompareError:
            raise
        except Exception as error:  # each library raises errors of its own
            raise ModelError(f"model '{name}' cannot be trained: {error}") from error
        content = packed({"prepare.skops": skops_bytes(transformer), "model": self._dump(fitted)})
        return self.load(name, content, data), content

    def load(self, name: str, content: bytes, data: Data) -> Model:
        import skops.io

        parts = unpacked(content)
        transformer = skops.io.loads(parts["prepare.skops"], trusted=TRUSTED)
        return adapt_prepared(name, transformer, self._restore(parts["model"]), data.background_inputs(), data.classes or None)

    def _known(self) -> set[str]:
        """The parameters of the library's scikit-learn faces."""
        return {key for task in self.tasks for key in self._face(task)().get_params()}

    def _face(self, task: Task) -> Any:
        """The library's class in scikit-learn's manner."""
        return class_of(f"{self.module}:{self.stem}{'Classifier' if task == 'classification' else 'Regressor'}")

    @abstractmethod
    def _train(self, task: Task, params: Mapping[str, Any], seed: int, rows: tuple[Any, Any, Any], categories: list[int]) -> Any:
        """A fitted model; rows : encoded (n, p), target (n,), weights (n,) or None."""

    @abstractmethod
    def _dump(self, fitted: Any) -> bytes:
        """The model in the library's own format."""

    @abstractmethod
    def _restore(self, content: bytes) -> Any:
        """The library's bare model from its own format."""


class XgboostKind(_Boosting):
    """XGBoost, stored as UBJSON."""

    stem, module = "XGB", "xgboost"

    def _train(self, task: Task, params: Mapping[str, Any], seed: int, rows: tuple[Any, Any, Any], categories: list[int]) -> Any:
        encoded, y, weights = rows
        types = ["c" if j in set(categories) else "float" for j in range(encoded.shape[1])]
        fixed = {"random_state": seed, "n_jobs": 1, "verbosity": 0, "feature_types": types, "enable_categorical": True}
        return self._face(task)(**{**fixed, **params}).fit(encoded, y, sample_weight=weights)

    def _dump(self, fitted: Any) -> bytes:
        return bytes(fitted.get_booster().save_raw("ubj"))

    def _restore(self, content: bytes) -> Any:
        return load("xgboost").Booster({"nthread": 1}, model_file=bytearray(content))


class LightgbmKind(_Boosting):
    """LightGBM, stored as its text."""

    stem, module = "LGBM", "lightgbm"

    def _train(self, task: Task, params: Mapping[str, Any], seed: int, rows: tuple[Any, Any, Any], categories: list[int]) -> Any:
        encoded, y, weights = rows
        fixed = {"random_state": seed, "n_jobs": 1, "verbosity": -1, "deterministic": True, "force_row_wise": True}
        model = self._face(task)(**{**fixed, **params})
        return model.fit(encoded, y, sample_weight=weights, categorical_feature=categories or "auto")

    def _dump(self, fitted: Any) -> bytes:
        return str(fitted.booster_.model_to_string()).encode()

    def _restore(self, content: bytes) -> Any:
        return load("lightgbm").Booster(model_str=content.decode())


class CatboostKind(_Boosting):
    """CatBoost, stored as cbm. Its own statistics of categories serve however many levels a column has."""

    stem, module = "CatBoost", "catboost"
    aliases = dict.fromkeys(("n_estimators", "num_boost_round", "num_trees"), "iterations")
    columns = Columns(holes=True, native=True, every=True, single=True)

    def _known(self) -> set[str]:
        from inspect import signature

        return {key for task in self.tasks for key in signature(self._face(task).__init__).parameters} - {"self", "kwargs"}

    def _train(self, task: Task, params: Mapping[str, Any], seed: int, rows: tuple[Any, Any, Any], categories: list[int]) -> Any:
        encoded, y, weights = rows
        fixed = {"random_seed": seed, "thread_count": 1, "verbose": False, "allow_writing_files": False}
        pool = load("catboost").Pool(as_text(encoded, categories), y, weight=weights, cat_features=categories or None, thread_count=1)
        return self._face(task)(**{**fixed, **params}).fit(pool)

    def _dump(self, fitted: Any) -> bytes:
        with tempfile.TemporaryDirectory() as folder:  # the library writes files only
            path = Path(folder, "model.cbm")
            fitted.save_model(str(path), format="cbm")
            return path.read_bytes()

    def _restore(self, content: bytes) -> Any:
        return load("catboost").CatBoost().load_model(blob=content)


KINDS.register("xgboost")(XgboostKind({"n_estimators": 200, "learning_rate": 0.1, "max_depth": 4}))
KINDS.register("lightgbm")(LightgbmKind())
KINDS.register("catboost")(CatboostKind({"iterations": 300}))
