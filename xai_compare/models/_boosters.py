"""What the three boosting libraries say of a fitted model, each in its own way. Chosen by the type's module: none is imported here."""

from __future__ import annotations

import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xai_compare.errors import ModelError, NotApplicable
from xai_compare.lazy import load
from xai_compare.models._forest import Forest, lightgbm_forest, xgboost_forest
from xai_compare.types import Array, Task

__all__ = ["Booster", "booster_of"]


class Booster(ABC):
    """The facts of one fitted model, read once, and its raw outputs.

    names : the columns it was fitted on, None without names; width : their number.
    categorical : positions of the columns that it splits as categories.
    task, k : what it predicts, and the number of classes; objective : in the library's own words.
    lacks : output spaces that it does not have; rounds : whether it compares float32.
    treeless : why shap cannot read its trees exactly; "" if it can. leaves : whether we can.
    """

    library: ClassVar[str]
    takes_text: ClassVar[bool] = False
    names: tuple[str, ...] | None
    width: int
    categorical: tuple[int, ...] = ()
    task: Task
    k: int = 1
    objective: str
    lacks: frozenset[str] = frozenset()
    rounds: bool = False
    treeless: str = ""
    contributes: bool = True
    single: ClassVar[bool] = False
    leaves: bool = False

    @abstractmethod
    def raw(self, core: Any, seen: Any) -> Array:
        """(n,) or (n, k) the sum of the trees."""

    @abstractmethod
    def read(self, core: Any, seen: Any) -> Array:
        """(n,) values or probabilities of the second class, or (n, k) probabilities."""

    @abstractmethod
    def contributions(self, core: Any, seen: Any) -> Array:
        """(n, p + 1) or (n, p + 1, k) path-dependent SHAP values of `raw`, the last one the base."""

    @staticmethod
    def bare(core: Any) -> Any:
        """The library's own object, without scikit-learn's face around it."""
        return core

    def readable(self, core: Any) -> Any:
        """What shap's reader of trees knows."""
        return self.bare(core)

    def forest(self, core: Any) -> Forest:
        """All trees in a form of our own."""
        raise NotApplicable(f"the trees of {self.library} are not read")

    def decided(self, core: Any, seen: Any) -> list[Any]:
        """The labels that the model itself predicts."""
        return list(np.asarray(core.predict(seen)).ravel().tolist())

    def levels(self, j: int, seen: Any) -> list[Any] | None:
        """The values of a categorical column in the order of their codes; None if it holds codes already."""
        column = seen.iloc[:, j] if hasattr(seen, "iloc") else None
        return None if column is None or column.dtype.name != "category" else column.cat.categories.tolist()

    @staticmethod
    @abstractmethod
    def size(core: Any) -> dict[str, int]:
        """What a fitted model is made of, counted: the leaves of the trees that it predicts with, or coefficients."""

    @staticmethod
    def spelling(column: str) -> str:
        """How the library writes a column's name."""
        return column


def booster_of(core: Any) -> type[Xgboost] | type[Lightgbm] | type[Catboost] | None:
    """The reader of a model, by the module of its type; None if it is of no such library."""
    for cls in type(core).__mro__:
        found = _LIBRARIES.get(cls.__module__.partition(".")[0])
        if found:
            return found
    return None


def _named(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(map(str, names)) if names is not None else None


class Xgboost(Booster):
    """XGBClassifier, XGBRegressor or Booster."""

    library = "XGBoost"
    single = True
    rounds = True

    def __init__(self, name: str, core: Any) -> None:
        try:
            booster = self.bare(core)
        except Exception as error:  # its NotFittedError is scikit-learn's, which need not be there
            raise ModelError(f"model '{name}' is not fitted: {error}") from error
        told = json.loads(booster.save_config())["learner"]
        self.objective = told["objective"]["name"]
        if int(told["learner_model_param"].get("num_target", 1)) > 1:
            raise ModelError(f"model '{name}' predicts several targets at once: give one model for each")
        self.names, self.width = _named(booster.feature_names), int(booster.num_features())
        self.types = booster.feature_types
        self.categorical = tuple(j for j, kind in enumerate(self.types or ()) if kind == "c")
        self.missing = float(getattr(core, "missing", None) or np.nan)
        self.best = booster.attr("best_iteration")
        classifies = self.objective.startswith(("binary:", "multi:"))
        self.task = "classification" if classifies else "regression"
        self.k = max(2, int(told["learner_model_param"]["num_class"])) if classifies else 1
        self.lacks = frozenset({"probability"} if self.objective == "binary:hinge" else ())
        trainer = told["gradient_booster"]["name"]
        if trainer != "gbtree":
            self.treeless = f"its boosting is of the kind {trainer}, which shap does not read exactly"
            self.contributes = False
            return
        self.leaves = True
        if self.categorical:
            self.treeless = "it splits on sets of categories, which shap does not read"

    def forest(self, core: Any) -> Forest:
        return xgboost_forest(self.bare(core))

    @staticmethod
    def bare(core: Any) -> Any:
        return core.get_booster() if hasattr(core, "get_booster") else core

    @staticmethod
    def size(core: Any) -> dict[str, int]:
        booster = Xgboost.bare(core)
        best = booster.attr("best_iteration")
        told = (booster if best is None else booster[: int(best) + 1]).get_dump(dump_format="text")
        if any("leaf=" in tree for tree in told):
            return {"leaves of trees": sum(tree.count("leaf=") for tree in told)}
        numbers = [line for part in told for line in part.split() if not line.endswith(":")]  # of a linear booster: bias: ... weight: ...
        return {"coefficients": sum(float(number) != 0 for number in numbers)}

    def _predict(self, core: Any, seen: Any, **options: Any) -> Array:
        booster = self.bare(core)
        facts = {} if hasattr(seen, "columns") else {"feature_types": self.types, "feature_names": self.names}
        matrix = load("xgboost").DMatrix(seen, missing=self.missing, enable_categorical=True, nthread=1, **facts)
        last = 0 if self.best is None else int(self.best) + 1
        return np.asarray(booster.predict(matrix, iteration_range=(0, last), **options), dtype=np.float64)

    def raw(self, core: Any, seen: Any) -> Array:
        return self._predict(core, seen, output_margin=True)

    def read(self, core: Any, seen: Any) -> Array:
        if self.objective in ("multi:softmax", "binary:logitraw"):  # the library's answer is a label, or the margin
            z = self.raw(core, seen)
            if z.ndim == 1:
                return np.asarray(1 / (1 + np.exp(-z)))
            likely = np.exp(z - z.max(axis=1, keepdims=True))
            return np.asarray(likely / likely.sum(axis=1, keepdims=True))
        return self._predict(core, seen)

    def contributions(self, core: Any, seen: Any) -> Array:
        phi = self._predict(core, seen, pred_contribs=True)
        return phi if phi.ndim == 2 else np.moveaxis(phi, 1, 2)


class Lightgbm(Booster):
    """LGBMClassifier, LGBMRegressor or Booster."""

    library = "LightGBM"

    def __init__(self, name: str, core: Any) -> None:
        try:
            booster = self.bare(core)
        except Exception as error:
            raise ModelError(f"model '{name}' is not fitted: {error}") from error
        text = booster.model_to_string()
        head, _, trees = text.partition("\nTree=0\n")
        facts = dict(line.partition("=")[::2] for line in head.splitlines())
        self.objective = facts.get("objective", "").partition(" ")[0]
        self.width = int(booster.num_feature())
        names = _named(booster.feature_name()) or ()
        self.names = None if names == tuple(f"Column_{j}" for j in range(self.width)) else names
        self.pandas_levels = booster.pandas_categorical or []
        infos = facts.get("feature_infos", "").split(" ")
        self.categorical = tuple(j for j, info in enumerate(infos) if info != "none" and not info.startswith("["))
        classifies = self.objective in ("binary", "multiclass", "multiclassova") or hasattr(core, "classes_")
        self.task = "classification" if classifies else "regression"
        self.k = max(2, int(facts.get("num_class", 1))) if classifies else 1
        self.lacks = frozenset() if self.objective in ("binary", "multiclass", "multiclassova") else frozenset({"probability"})
        if "average_output" in head.splitlines():
            self.treeless = "its trees are averaged, not added"
        elif "is_linear=1" in trees:
            self.treeless = "its leaves hold linear models"
        else:
            self.leaves = True
        if (
            not self.treeless
            and self.categorical
            and any(line.startswith("num_cat=") and line != "num_cat=0" for line in trees.splitlines())
        ):
            self.treeless = "it splits on sets of categories, which shap does not read"

    @staticmethod
    def spelling(column: str) -> str:
        return column.replace(" ", "_")

    def levels(self, j: int, seen: Any) -> list[Any] | None:
        place = self.categorical.index(j)
        if len(self.pandas_levels) == len(self.categorical):
            return list(self.pandas_levels[place])
        return super().levels(j, seen)

    def forest(self, core: Any) -> Forest:
        return lightgbm_forest(self.bare(core))

    @staticmethod
    def bare(core: Any) -> Any:
        return core.booster_ if hasattr(type(core), "booster_") else core

    @staticmethod
    def size(core: Any) -> dict[str, int]:
        lines = Lightgbm.bare(core).model_to_string().splitlines()  # without what early stopping leaves out
        return {"leaves of trees": sum(int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves="))}

    def _predict(self, core: Any, seen: Any, **options: Any) -> Array:
        booster = self.bare(core)
        return np.asarray(booster.predict(seen, num_threads=1, **options), dtype=np.float64)

    def raw(self, core: Any, seen: Any) -> Array:
        return self._predict(core, seen, raw_score=True)

    def read(self, core: Any, seen: Any) -> Array:
        return self._predict(core, seen)

    def decided(self, core: Any, seen: Any) -> list[Any]:
        found = self.read(core, seen) if not self.lacks else self.raw(core, seen)
        place = found.argmax(axis=1) if found.ndim == 2 else found > (0.0 if self.lacks else 0.5)
        return list(np.asarray(core.classes_)[place.astype(np.int64)].tolist())

    def contributions(self, core: Any, seen: Any) -> Array:
        phi = self._predict(core, seen, pred_contrib=True)
        return phi if phi.shape[1] == self.width + 1 else np.moveaxis(phi.reshape(len(phi), -1, self.width + 1), 1, 2)


class Catboost(Booster):
    """CatBoostClassifier, CatBoostRegressor or CatBoost."""

    library = "CatBoost"
    takes_text = True
    rounds = True

    def __init__(self, name: str, core: Any) -> None:
        if not core.is_fitted():
            raise ModelError(f"model '{name}' is not fitted: fit it first, or name its kind in a study file")
        if core.get_text_feature_indices() or core.get_embedding_feature_indices():
            raise ModelError(f"model '{name}' reads free text or embeddings, which a table does not hold")
        names = _named(core.feature_names_) or ()
        self.width = len(names)
        self.names = None if names == tuple(map(str, range(self.width))) else names
        self.categorical = tuple(core.get_cat_feature_indices())
        self.objective = str(core.get_all_params().get("loss_function", "")).partition(":")[0]
        classes = np.asarray(core.classes_)
        self.task = "classification" if classes.size else "regression"
        self.k = max(1, classes.size)
        if self.categorical:
            self.treeless = "it splits on statistics of categories, which shap does not read"
        elif self.k > 2:
            self.treeless = "shap crashes on CatBoost models of more than two classes"

    @staticmethod
    def size(core: Any) -> dict[str, int]:
        return {"leaves of trees": int(np.sum(core.get_tree_leaf_counts()))}

    def readable(self, core: Any) -> Any:
        if type(core).__name__ != "CatBoost":
            return core
        kind = load("catboost").CatBoostClassifier if self.task == "classification" else load("catboost").CatBoostRegressor
        with tempfile.TemporaryDirectory() as folder:  # the library passes a model on by file only
            path = str(Path(folder, "model.cbm"))
            core.save_model(path)
            return kind().load_model(path)

    def _predict(self, core: Any, seen: Any, kind: str) -> Array:
        return np.asarray(core.predict(self._pool(seen), prediction_type=kind, thread_count=1), dtype=np.float64)

    def _pool(self, seen: Any) -> Any:
        return load("catboost").Pool(seen, cat_features=list(self.categorical) or None, thread_count=1)

    def raw(self, core: Any, seen: Any) -> Array:
        return self._predict(core, seen, "RawFormulaVal")

    def read(self, core: Any, seen: Any) -> Array:
        if self.task == "classification":
            return self._predict(core, seen, "Probability")
        return self._predict(core, seen, "Exponent" if self.objective in ("Poisson", "Tweedie") else "RawFormulaVal")

    def decided(self, core: Any, seen: Any) -> list[Any]:
        return list(np.asarray(core.predict(self._pool(seen), prediction_type="Class", thread_count=1)).ravel().tolist())

    def contributions(self, core: Any, seen: Any) -> Array:
        phi = np.asarray(core.get_feature_importance(self._pool(seen), type="ShapValues", thread_count=1), dtype=np.float64)
        return phi if phi.ndim == 2 else np.moveaxis(phi, 1, 2)


_LIBRARIES: dict[str, type[Xgboost] | type[Lightgbm] | type[Catboost]] = {
    "xgboost": Xgboost,
    "lightgbm": Lightgbm,
    "catboost": Catboost,
}
