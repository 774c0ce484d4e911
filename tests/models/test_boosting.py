"""XGBoost, LightGBM and CatBoost models as their users hold them: the numbers are the library's own, whatever the columns' order."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoost, CatBoostClassifier, CatBoostRegressor
from lightgbm import Booster as LgbBooster
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from xgboost import Booster, DMatrix, XGBClassifier, XGBRegressor

from tests.made import mixed, numbers, outcome
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.models.adapt import adapt

X = numbers(150).rename(columns={"a": "in come"})
RAW = (X["in come"] + X.b * X.c).to_numpy()
Y = {"two": np.where(RAW > 0, "yes", "no"), "three": np.digitize(RAW, [-0.5, 0.5]), "number": RAW * 100}
QUIET = {"iterations": 20, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
MAKE = {
    "xgboost": (XGBClassifier(n_estimators=20, n_jobs=1), XGBRegressor(n_estimators=20, n_jobs=1)),
    "lightgbm": (LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1), LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1)),
    "catboost": (CatBoostClassifier(**QUIET), CatBoostRegressor(**QUIET)),
}
CASES = [(name, task) for name in MAKE for task in Y]


def coded(name: str, task: str):
    """XGBoost takes classes 0, 1, ... only."""
    return (Y[task] == "yes").astype(int) if (name, task) == ("xgboost", "two") else Y[task]


def fitted(name: str, task: str, rows=X):
    return clone(MAKE[name][task == "number"]).fit(rows, coded(name, task))


def own(model, rows) -> np.ndarray:
    return model.predict_proba(rows) if hasattr(model, "predict_proba") else np.asarray(model.predict(rows))[:, None]


@pytest.mark.parametrize("held", ["frame", "array"])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_outputs_are_the_librarys_own(name: str, task: str, held: str) -> None:
    rows = X if held == "frame" else X.to_numpy()
    theirs = fitted(name, task, rows)
    model = adapt("m", theirs, X.head(20))
    space = "value" if task == "number" else "probability"
    np.testing.assert_allclose(model.predict(X, space), own(theirs, rows), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(model.predict_encoded(model.encode(X), space), model.predict(X, space))
    assert model.owner.tolist() == [0, 1, 2, 3]
    assert {"tree", "contributions"} - model.offers == ({"tree"} if (name, task) == ("catboost", "three") else set())
    if task != "number":
        p, z = model.predict(X, "probability"), model.predict(X, "margin")
        logs = np.log(p)
        np.testing.assert_allclose(z, logs - logs[:, ::-1] if task == "two" else logs - logs.mean(axis=1, keepdims=True), atol=1e-3)
        said = np.asarray(theirs.predict(rows)).ravel()
        assert [model.outputs[place] for place in model.decide(X)] == [str(label) for label in said]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_columns_in_another_order_are_put_right_by_name(name: str, task: str) -> None:
    turned = X[["d", "b", "in come", "c"]].assign(other=1.0)
    model, straight = adapt("m", fitted(name, task), turned.head(20)), adapt("m", fitted(name, task), X.head(20))
    np.testing.assert_array_equal(model.predict(turned, model.native), straight.predict(X, model.native))
    assert model.owner.tolist() == [2, 1, 3, 0]


@pytest.mark.parametrize("name", MAKE)
def test_a_missing_column_is_named(name: str) -> None:
    with pytest.raises(ModelError, match=r"model 'm' was fitted with the columns d, which the data lack"):
        adapt("m", fitted(name, "two"), X[["in come", "b", "c"]])


@pytest.mark.parametrize("name", MAKE)
def test_another_number_of_columns_without_names_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="4 columns without names, and the data have 2"):
        adapt("m", fitted(name, "two", X.to_numpy()), X[["b", "c"]])


@pytest.mark.parametrize("name", MAKE)
def test_not_fitted_says_so(name: str) -> None:
    with pytest.raises(ModelError, match="model 'm' is not fitted"):
        adapt("m", clone(MAKE[name][0]), X)


def bare(name: str, model, folder):
    path = str(folder / "model")
    if name == "lightgbm":
        return LgbBooster(model_str=model.booster_.model_to_string())
    if name == "xgboost":
        model.save_model(path + ".ubj")
        return Booster(model_file=path + ".ubj")
    model.save_model(path)
    return CatBoost().load_model(path)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_bare_booster_from_its_file_is_the_same_model(name: str, task: str, tmp_path) -> None:
    theirs = fitted(name, task)
    names = tuple(np.unique(Y[task]).astype(str)) if task != "number" else ()
    model = adapt("m", bare(name, theirs, tmp_path), X.head(20), names)
    wrapped = adapt("m", theirs, X.head(20), names)
    assert (model.outputs, model.offers, model.task) == (wrapped.outputs, wrapped.offers, wrapped.task)
    for space in sorted(model.offers & {"probability", "margin", "value"}):
        np.testing.assert_array_equal(model.predict(X, space), wrapped.predict(X, space))
    if names:
        np.testing.assert_array_equal(model.decide(X), wrapped.decide(X))


def test_classes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match="knows 3 classes"):
        adapt("m", fitted("xgboost", "three").get_booster(), X.head(20), ("no", "yes"))


@pytest.mark.parametrize("name", MAKE)
def test_behind_a_pipeline_and_a_search(name: str) -> None:
    frame = mixed(150)
    y = (outcome(frame) == "yes").astype(int)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), OrdinalEncoder()), ["owner"]), (OrdinalEncoder(), ["town"]), remainder="passthrough"
    )
    pipe = make_pipeline(columns, clone(MAKE[name][0]))
    frame = frame.astype({"owner": int})
    for theirs in (pipe.fit(frame, y), GridSearchCV(pipe, {}, cv=2).fit(frame, y)):
        model = adapt("m", theirs, frame.head(20))
        assert model.owner.tolist() == [4, 3, 0, 1, 2]
        np.testing.assert_allclose(model.predict(frame, "probability"), theirs.predict_proba(frame), rtol=1e-6, atol=1e-7)
        assert model.about["class"] == type(theirs).__name__


@pytest.mark.parametrize("name", MAKE)
def test_behind_a_step_that_mixes_columns_it_is_closed_and_still_predicts(name: str) -> None:
    theirs = make_pipeline(PCA(2), clone(MAKE[name][0])).fit(X, coded(name, "two"))
    model = adapt("m", theirs, X.head(20))
    assert model.owner is None
    assert "PCA" in model.closed
    assert "tree" not in model.offers
    np.testing.assert_allclose(model.predict(X, "probability"), theirs.predict_proba(X), rtol=1e-6, atol=1e-7)


def typed(n: int = 200) -> pd.DataFrame:
    frame = mixed(n)
    frame["town"] = frame["town"].where(np.arange(n) % 9 > 0, None).astype("category")
    frame["owner"] = frame["owner"].astype(float)
    frame.loc[::11, "height"] = np.nan
    return frame


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_native_categories_of_a_frame(name: str) -> None:
    frame = typed()
    y = (outcome(mixed(200)) == "yes").astype(int)
    core = clone(MAKE[name][0])
    theirs = (core.set_params(enable_categorical=True) if name == "xgboost" else core).fit(frame, y)
    model = adapt("m", theirs, frame.head(20))
    np.testing.assert_allclose(model.predict(frame, "probability"), theirs.predict_proba(frame), rtol=1e-6, atol=1e-7)
    assert model.owner.tolist() == [0, 1, 2, 3, 4]
    assert "tree" not in model.offers
    assert "categories" in model.treeless
    strange = frame.head(5).assign(town=["Nowhere"] * 5)  # text, and a value that was never seen: missing
    np.testing.assert_array_equal(model.predict(strange, "margin"), model.predict(frame.head(5).assign(town=None), "margin"))


def test_catboost_takes_text_and_whole_numbers_as_categories() -> None:
    frame = mixed(200)
    frame["code"] = np.arange(200) % 4
    y = outcome(frame)
    theirs = CatBoostClassifier(**QUIET, cat_features=["town", "owner", "code"]).fit(frame.astype({"owner": str}), y)
    model = adapt("m", theirs, frame.head(4))  # so few rows that not all values are among them
    np.testing.assert_allclose(model.predict(frame, "probability"), theirs.predict_proba(frame.astype({"owner": str})), atol=1e-12)
    assert model.owner.tolist() == [0, 1, 2, 3, 4, 5]
    assert [model.outputs[place] for place in model.decide(frame)] == theirs.predict(frame.astype({"owner": str})).tolist()


def test_a_regression_behind_a_link_is_not_a_sum_of_trees() -> None:
    counts = np.random.default_rng(0).poisson(np.exp(X.b))
    for theirs in (
        XGBRegressor(objective="count:poisson", n_estimators=10, n_jobs=1),
        LGBMRegressor(objective="poisson", n_estimators=10, n_jobs=1, verbose=-1),
        CatBoostRegressor(**QUIET, loss_function="Poisson"),
    ):
        model = adapt("m", theirs.fit(X, counts), X.head(20))
        np.testing.assert_allclose(model.predict(X, "value")[:, 0], np.exp(0) * theirs.predict(X), rtol=1e-6)
        assert "tree" not in model.offers
        assert "contributions" not in model.offers
        assert "function of it" in model.treeless


@pytest.mark.parametrize(
    ("objective", "lacks"), [("binary:hinge", "probability"), ("binary:logitraw", ""), ("multi:softmax", ""), ("reg:squarederror", "")]
)
def test_objectives_of_bare_xgboost(objective: str, lacks: str) -> None:
    import xgboost

    task = "three" if objective.startswith("multi") else "number" if objective.startswith("reg") else "two"
    options = {"objective": objective, "nthread": 1, **({"num_class": 3} if task == "three" else {})}
    booster = xgboost.train(options, DMatrix(X, coded("xgboost", task)), 10)
    model = adapt("m", booster, X.head(20))
    for space in sorted(model.offers & {"probability", "margin", "value"}):
        found = model.predict(X, space)
        assert np.isfinite(found).all()
        assert space != "probability" or np.allclose(found.sum(axis=1), 1)
    if lacks:
        with pytest.raises(NotApplicable, match="gives no probability"):
            model.predict(X, "probability")


def test_early_stopping_counts_only_the_best_rounds() -> None:
    theirs = XGBClassifier(n_estimators=80, n_jobs=1, early_stopping_rounds=3, learning_rate=0.9)
    theirs.fit(X.head(100), coded("xgboost", "two")[:100], eval_set=[(X.tail(50), coded("xgboost", "two")[100:])], verbose=False)
    assert theirs.best_iteration < theirs.get_booster().num_boosted_rounds() - 1
    np.testing.assert_allclose(adapt("m", theirs, X.head(20)).predict(X, "probability"), theirs.predict_proba(X), atol=1e-7)


def test_another_kind_of_boosting_is_not_read_as_trees() -> None:
    model = adapt("m", XGBClassifier(booster="gblinear", n_estimators=5, n_jobs=1, updater="coord_descent").fit(X, RAW > 0), X.head(20))
    assert "tree" not in model.offers
    assert "gblinear" in model.treeless


ALONE = """
import sys
import pandas as pd
from sklearn.linear_model import LinearRegression
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
list(KINDS)
rows = pd.DataFrame({"a": [1.0, 2.0]})
adapt("m", LinearRegression().fit(rows, [1, 2]), rows)
print([name for name in ("xgboost", "lightgbm", "catboost", "torch", "shap") if name in sys.modules])
"""


def test_no_library_is_imported_that_a_model_does_not_use() -> None:
    found = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "[]"
