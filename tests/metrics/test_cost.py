"""Size and inference time: counts against the libraries' own tables, seconds kept out of the scores."""

from __future__ import annotations

from types import SimpleNamespace

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.toys import classified
from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.models._sizes import size_of
from xai_compare.models.adapt import adapt
from xai_compare.models.trained import Training
from xai_compare.streams import Streams

FRAME, Y = classified()


def data():
    train, test = as_table(as_frame(FRAME.head(200)), Y[:200]), as_table(as_frame(FRAME.tail(100)), Y[200:])
    return assemble(train, test, "classification", ("0", "1"), (20, 10), Streams(0))


def leaves(*trees) -> int:
    return sum(int((tree.tree_.children_left == -1).sum()) for tree in trees)


def fitted(estimator, y=Y):
    return estimator.fit(FRAME, y)


def test_trees_count_their_leaves():
    forest, boosting = fitted(RandomForestClassifier(5, random_state=0)), fitted(GradientBoostingClassifier(n_estimators=4))
    assert size_of(forest) == {"leaves of trees": leaves(*forest.estimators_)}
    assert size_of(boosting) == {"leaves of trees": leaves(*boosting.estimators_.ravel())}
    binned = fitted(HistGradientBoostingClassifier(max_iter=4))
    assert size_of(binned) == {"leaves of trees": sum(int(tree.nodes["is_leaf"].sum()) for (tree,) in binned._predictors)}


@pytest.mark.parametrize("classes", [2, 3])
def test_boosters_count_their_leaves(classes):
    y = Y if classes == 2 else np.digitize(FRAME["x0"], [-0.5, 0.5])
    one = fitted(xgboost.XGBClassifier(n_estimators=5, max_depth=3), y)
    table = one.get_booster().trees_to_dataframe()
    assert size_of(one) == {"leaves of trees": int((table.Feature == "Leaf").sum())}
    two = fitted(lightgbm.LGBMClassifier(n_estimators=5, verbosity=-1), y)
    table = two.booster_.trees_to_dataframe()
    assert size_of(two) == {"leaves of trees": int(table.left_child.isna().sum())}
    three = fitted(catboost.CatBoostClassifier(iterations=5, depth=3, verbose=False, allow_writing_files=False), y)
    assert size_of(three) == {"leaves of trees": 5 * 2**3}  # all of its trees are full


def test_what_early_stopping_leaves_out_is_not_counted():
    noise = np.random.default_rng(0).permutation(Y)
    one = xgboost.XGBClassifier(n_estimators=40, early_stopping_rounds=3).fit(FRAME, Y, eval_set=[(FRAME, noise)], verbose=False)
    table = one.get_booster().trees_to_dataframe()
    assert one.best_iteration < 39
    kept = table[table.Tree <= one.best_iteration]
    assert size_of(one) == {"leaves of trees": int((kept.Feature == "Leaf").sum())}
    assert len(kept) < len(table)
    rows = lightgbm.Dataset(FRAME, Y)
    stop = [lightgbm.early_stopping(3, verbose=False)]
    held = [lightgbm.Dataset(FRAME, noise, reference=rows)]
    two = lightgbm.train({"objective": "binary", "verbosity": -1}, rows, 40, valid_sets=held, callbacks=stop)
    told = two.dump_model(num_iteration=two.best_iteration)["tree_info"]
    assert len(told) == two.best_iteration < 40
    assert size_of(two) == {"leaves of trees": sum(tree["num_leaves"] for tree in told)}


def test_a_linear_booster_counts_its_coefficients():
    found = fitted(xgboost.XGBClassifier(booster="gblinear", n_estimators=3))
    assert size_of(found) == {"coefficients": FRAME.shape[1] + 1}


def test_coefficients_are_those_that_are_not_0():
    d = FRAME.shape[1]
    assert size_of(fitted(LogisticRegression())) == {"coefficients": d + 1}
    assert size_of(fitted(LinearRegression(fit_intercept=False))) == {"coefficients": d}
    lasso = fitted(Lasso(alpha=0.1))
    assert 0 < np.count_nonzero(lasso.coef_) < d
    assert size_of(lasso) == {"coefficients": np.count_nonzero(lasso.coef_) + 1}


def test_other_kinds():
    d = FRAME.shape[1]
    line = fitted(SVC(kernel="linear"))
    assert size_of(line) == {"support vectors": int(line.n_support_.sum())}
    assert size_of(fitted(KNeighborsClassifier())) == {"stored rows": 300}
    assert size_of(fitted(GaussianNB())) == {"parameters": 2 * (2 * d + 1)}
    net = fitted(MLPClassifier((7,), max_iter=500, tol=1e-1))
    assert size_of(net) == {"parameters": (d + 1) * 7 + 8}


def test_what_stands_around_a_model_is_opened():
    tree, line = DecisionTreeClassifier(max_depth=3), LogisticRegression()
    pipe = fitted(make_pipeline(StandardScaler(), tree))
    assert size_of(pipe) == {"leaves of trees": leaves(pipe[-1])}
    search = fitted(GridSearchCV(tree, {"max_depth": [2]}))
    assert size_of(search) == {"leaves of trees": leaves(search.best_estimator_)}
    vote = fitted(VotingClassifier([("a", tree), ("b", line), ("c", "drop")]))
    assert size_of(vote) == {"leaves of trees": leaves(vote.estimators_[0]), "coefficients": FRAME.shape[1] + 1}
    stack = fitted(StackingClassifier([("a", tree), ("b", line)], final_estimator=line))
    assert size_of(stack) == {"leaves of trees": leaves(stack.estimators_[0]), "coefficients": FRAME.shape[1] + 1 + 3}
    bag = fitted(BaggingClassifier(tree, 3))
    assert size_of(bag) == {"leaves of trees": leaves(*bag.estimators_)}
    bent = fitted(TransformedTargetRegressor(LinearRegression(), func=np.sinh, inverse_func=np.arcsinh))
    assert size_of(bent) == {"coefficients": FRAME.shape[1] + 1}
    own_start = fitted(GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()))
    assert size_of(own_start)["coefficients"] == FRAME.shape[1] + 1


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_curves_are_counted(method):
    found = fitted(CalibratedClassifierCV(DecisionTreeClassifier(max_depth=3), method=method, cv=3))
    each = found.calibrated_classifiers_
    numbers = sum(2 if method == "sigmoid" else 2 * len(one.calibrators[0].X_thresholds_) for one in each)
    assert size_of(found) == {"leaves of trees": leaves(*(one.estimator for one in each)), "numbers of calibration curves": numbers}


def test_an_unknown_kind_says_so():
    with pytest.raises(NotApplicable, match="what a GaussianProcessClassifier is made of is not known"):
        size_of(fitted(GaussianProcessClassifier()))


def cost(model, **options):
    view = View(data(), Streams(0), model=model)
    return METRICS["cost"](**options)(view), view


def test_a_model_of_the_study_knows_its_stored_bytes():
    model, content = Training("net", "mlp", 0, {"hidden": [5], "epochs": 1}).train(data())
    found, view = cost(model)
    assert {name: part.values[0] for name, part in found.parts.items()} == {
        "parameters": (FRAME.shape[1] + 1) * 5 + 6 * 2,
        "stored bytes": len(content),
    }
    assert set(view.took) == {"inference_ms_per_1000"}
    assert 0 < view.took["inference_ms_per_1000"] < 60_000


def test_a_model_in_memory_and_a_loaded_one():
    model = adapt("m", fitted(LogisticRegression()), FRAME.head(20))
    found, _ = cost(model)
    assert np.isnan(found.parts["stored bytes"].values[0])
    assert found.parts["stored bytes"].reasons == {0: "it was given in memory: no file of it is known"}
    model.about = {**model.about, "loaded": {"bytes": 123}}
    assert cost(model)[0].parts["stored bytes"].values[0] == 123


def test_what_cannot_be_counted_says_why():
    plain = adapt("m", lambda rows: np.full(len(rows), 0.5), FRAME.head(20), ("0", "1"))
    found, _ = cost(plain)
    assert found.parts["size"].reasons == {0: "a plain function has no inside to open"}
    strange = adapt("m", fitted(GaussianProcessClassifier()), FRAME.head(20))
    assert "is not known" in cost(strange)[0].parts["size"].reasons[0]


def test_time_is_the_median_of_warm_calls_on_1000_cases(monkeypatch):
    clock, asked = [0.0], []
    waits = iter([9.0, 0.3, 0.1, 0.2])  # the first is the warm-up

    def predict(inputs, output):
        asked.append(len(inputs))
        clock[0] += next(waits)

    monkeypatch.setattr("xai_compare.metrics.cost.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    model = SimpleNamespace(predict=predict, native="margin", about={}, closed="")
    _, view = cost(model, repeats=3)
    assert asked == [1000] * 4
    assert view.took["inference_ms_per_1000"] == pytest.approx(200)


def test_no_repeats_is_refused():
    with pytest.raises(XaiCompareError, match="repeats must be at least 1"):
        METRICS["cost"](repeats=0)
