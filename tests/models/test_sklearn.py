"""Fitted scikit-learn estimators behind one face: the numbers are the estimator's own."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier, SGDRegressor
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.made import mixed, numbers, outcome
from xai_compare.errors import ModelError, NotApplicable
from xai_compare.models.adapt import adapt
from xai_compare.models.sklearn import adapt_sklearn

X = numbers(90)
BINARY = np.where(X.a + X.b * X.c > 0, "yes", "no")
THREE = np.digitize(X.a + 0.3 * X.b, [-0.5, 0.5])
VALUE = (3 * X.a - X.b + X.c * X.d).to_numpy() * 100

CLASSIFIERS = {
    "logistic": LogisticRegression(),
    "scaled logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": RandomForestClassifier(20, random_state=0),
    "extra trees": ExtraTreesClassifier(20, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=10, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=10),
    "neighbours": KNeighborsClassifier(),
    "bayes": GaussianNB(),
    "linear machine": LinearSVC(),
    "kernel machine": SVC(),
    "linear kernel": SVC(kernel="linear"),
    "ridge": RidgeClassifier(),
    "one against the rest": OneVsRestClassifier(LogisticRegression()),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=3),
    "grid": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
}
REGRESSORS = {
    "line": LinearRegression(),
    "scaled ridge": make_pipeline(StandardScaler(), Ridge(3.0)),
    "forest": RandomForestRegressor(20, random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=10, random_state=0),
    "transformed target": TransformedTargetRegressor(LinearRegression(), func=np.cbrt, inverse_func=lambda v: v**3, check_inverse=False),
}


def one_hot_pipe(core):
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["height", "weight", "children"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["town", "owner"])]
    )
    return make_pipeline(columns, core)


@pytest.fixture(params=["frame", "array"])
def held(request):
    """The same cases as a frame and as an array; models are fitted on what the fixture gives."""
    return X if request.param == "frame" else X.to_numpy()


def spaces(model):
    return [space for space in ("probability", "margin", "value") if space in model.offers]


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("y", [BINARY, THREE], ids=["two", "three"])
def test_classifier_outputs_are_the_estimators_own(name: str, y, held) -> None:
    fitted = clone(CLASSIFIERS[name]).fit(held, y)
    model = adapt_sklearn("m", fitted, X.head(30))
    assert model.outputs == tuple(map(str, np.unique(y)))
    if hasattr(fitted, "predict_proba"):
        np.testing.assert_array_equal(model.predict(X, "probability"), fitted.predict_proba(held))
    else:
        with pytest.raises(NotApplicable, match="no probabilities"):
            model.predict(X, "probability")
    if not hasattr(fitted, "decision_function"):
        with pytest.raises(NotApplicable, match="no margin"):
            model.predict(X, "margin")
        return
    z, own = model.predict(X, "margin"), fitted.decision_function(held)
    if own.ndim == 1:
        np.testing.assert_array_equal(z, np.stack([-own, own], axis=1))
    else:
        np.testing.assert_allclose(z.sum(axis=1), 0, atol=1e-9)
        np.testing.assert_allclose(z - z[:, :1], own - own[:, :1], atol=1e-9)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor_outputs_are_the_estimators_own(name: str, held) -> None:
    fitted = clone(REGRESSORS[name]).fit(held, VALUE)
    model = adapt_sklearn("m", fitted, X.head(30))
    assert (model.native, model.outputs, model.offers >= {"value"}) == ("value", ("value",), True)
    np.testing.assert_array_equal(model.predict(X, "value"), fitted.predict(held)[:, None])


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_predicting_equals_predicting_the_encoded(name: str, held) -> None:
    fitted = clone(CLASSIFIERS[name]).fit(held, THREE) if name in CLASSIFIERS else clone(REGRESSORS[name]).fit(held, VALUE)
    model = adapt_sklearn("m", fitted, X.head(30))
    assert model.owner.tolist() == [0, 1, 2, 3]
    for space in spaces(model):
        np.testing.assert_allclose(model.predict_encoded(model.encode(X), space), model.predict(X, space), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("core", [LogisticRegression(max_iter=1000), RandomForestClassifier(20, random_state=0), SVC()])
def test_predicting_equals_predicting_the_encoded_with_one_hot_columns(core) -> None:
    frame = mixed(90)
    model = adapt_sklearn("m", one_hot_pipe(core).fit(frame, outcome(frame)), frame.head(30))
    assert model.owner.tolist() == [0, 1, 2, 3, 3, 3, 4, 4]
    for space in spaces(model):
        np.testing.assert_allclose(model.predict_encoded(model.encode(frame), space), model.predict(frame, space), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("core", "y"),
    [
        (LogisticRegression(), BINARY),
        (LogisticRegression(), THREE),
        (LogisticRegression(fit_intercept=False), BINARY),
        (LinearSVC(), BINARY),
        (LinearSVC(), THREE),
        (RidgeClassifier(), THREE),
        (SVC(kernel="linear"), BINARY),
        (LinearRegression(), VALUE),
        (LinearRegression(fit_intercept=False), VALUE),
        (Ridge(2.0), VALUE),
    ],
)
def test_weights_reproduce_the_native_output(core, y) -> None:
    model = adapt_sklearn("m", make_pipeline(StandardScaler(), core).fit(X, y), X.head(30))
    w, b = model.weights
    assert "linear" in model.offers
    np.testing.assert_allclose(model.encode(X) @ w.T + b, model.predict(X, model.native), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("core", [RandomForestClassifier(5), SVC(), SVC(kernel="linear"), OneVsRestClassifier(LogisticRegression())])
def test_what_is_not_linear_in_three_classes_has_no_weights(core) -> None:
    model = adapt_sklearn("m", core.fit(X, THREE), X.head(30))
    assert model.weights is None
    assert "linear" not in model.offers


def test_a_transformed_target_is_not_linear() -> None:
    assert adapt_sklearn("m", clone(REGRESSORS["transformed target"]).fit(X, VALUE), X.head(30)).weights is None


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("logistic", "margin"),
        ("forest", "probability"),
        ("neighbours", "probability"),
        ("boosting", "margin"),
        ("linear machine", "margin"),
    ],
)
def test_native_space(name: str, native: str) -> None:
    assert adapt_sklearn("m", clone(CLASSIFIERS[name]).fit(X, BINARY), X.head(30)).native == native


def test_the_margin_of_a_logistic_is_its_log_odds() -> None:
    model = adapt_sklearn("m", LogisticRegression().fit(X, BINARY), X.head(30))
    p = model.predict(X, "probability")
    np.testing.assert_allclose(model.predict(X, "margin")[:, 1], np.log(p[:, 1] / p[:, 0]), atol=1e-9)


def test_the_margin_of_a_multinomial_is_the_centred_log_probability() -> None:
    model = adapt_sklearn("m", LogisticRegression().fit(X, THREE), X.head(30))
    logs = np.log(model.predict(X, "probability"))
    np.testing.assert_allclose(model.predict(X, "margin"), logs - logs.mean(axis=1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize("k", [3, 4])
def test_pairwise_machine_margins_are_refused_or_one_per_class(k: int) -> None:
    y = np.digitize(X.a, np.quantile(X.a, np.arange(1, k) / k))
    fitted = SVC(decision_function_shape="ovo", C=100).fit(X, y)
    try:
        z = adapt_sklearn("m", fitted, X.head(30)).predict(X, "margin")
    except (ModelError, NotApplicable):
        return
    assert z.shape == (90, k)
    assert (z.argmax(axis=1) == fitted.predict(X)).mean() > 0.9


@pytest.mark.parametrize("fitted_on", [np.float32, np.float64])
def test_a_forest_sees_float32_thresholds_the_same_way_when_encoded(fitted_on) -> None:
    rng = np.random.default_rng(0)
    values = 1 + rng.integers(0, 4, (200, 3)) * 1e-8 + rng.integers(0, 2, (200, 3)) * 1e-4  # closer than float32 can tell
    frame = pd.DataFrame(values, columns=list("abc"))
    forest = RandomForestClassifier(10, random_state=0).fit(frame.astype(fitted_on), values[:, 0] > 1.00005)
    model = adapt_sklearn("m", forest, frame)
    encoded = model.encode(frame)
    np.testing.assert_array_equal(encoded, encoded.astype(np.float32))
    np.testing.assert_array_equal(model.predict_encoded(encoded, "probability"), forest.predict_proba(frame))


# ---- what holds another model


@pytest.mark.parametrize("y", [BINARY, THREE], ids=["two", "three"])
def test_a_search_is_the_estimator_that_it_found(y) -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}, cv=2).fit(X, y)
    model = adapt_sklearn("m", search, X.head(30))
    assert {"linear", "margin", "probability"} <= model.offers
    assert (model.about["class"], model.about["core"]) == ("GridSearchCV", "LogisticRegression")
    np.testing.assert_allclose(model.predict_encoded(model.encode(X), "margin"), model.predict(X, "margin"), atol=1e-12)
    forest = GridSearchCV(RandomForestClassifier(5, random_state=0), {"max_depth": [2, 3]}, cv=2).fit(X, y)
    assert "tree" in adapt_sklearn("m", forest, X.head(30)).offers


def test_a_search_in_a_pipeline_and_a_pipeline_in_a_pipeline_are_opened() -> None:
    inner = make_pipeline(StandardScaler(), GridSearchCV(make_pipeline(MinMaxScaler(), Ridge()), {}, cv=2))
    model = adapt_sklearn("m", make_pipeline(StandardScaler(), inner).fit(X, VALUE), X.head(30))
    assert "linear" in model.offers
    w, b = model.weights
    np.testing.assert_allclose(model.encode(X) @ w.T + b, model.predict(X, "value"), rtol=1e-8)


def test_a_threshold_changes_the_decision_and_nothing_else() -> None:
    inner = LogisticRegression().fit(X, BINARY)
    outer = FixedThresholdClassifier(FrozenEstimator(inner), threshold=0.9, pos_label="yes").fit(X, BINARY)
    model = adapt_sklearn("m", outer, X.head(30))
    np.testing.assert_array_equal(model.predict(X, "probability"), inner.predict_proba(X))
    assert [model.outputs[place] for place in model.decide(X)] == outer.predict(X).tolist()
    assert (model.decide(X) != model.predict(X, "probability").argmax(axis=1)).any()


TREE, FOREST = DecisionTreeClassifier(max_depth=3, random_state=0), RandomForestClassifier(5, random_state=0)
HOLDERS = {
    "calibrated": (CalibratedClassifierCV(LinearSVC(), cv=3), "several models, each bent by a calibration curve"),
    "calibrated by steps": (CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=3, ensemble=False), "kind isotonic"),
    "calibrated by heat": (CalibratedClassifierCV(LinearSVC(), method="temperature", cv=3, ensemble=False), "kind temperature"),
    "calibrated boosting": (
        CalibratedClassifierCV(GradientBoostingClassifier(n_estimators=3), cv=3, ensemble=False),
        "GradientBoostingClassifier, which is not linear",
    ),
    "calibrated kernel": (CalibratedClassifierCV(SVC(), cv=3, ensemble=False), "SVC, which is not linear"),
    "calibrated forest": (CalibratedClassifierCV(FOREST, cv=3, ensemble=False), "RandomForestClassifier, which is not linear"),
    "vote of lines": (
        VotingClassifier([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))], voting="soft"),
        "not all its members",
    ),
    "stacked": (StackingClassifier([("t", TREE)], cv=3), "into another model"),
    "hard vote": (VotingClassifier([("t", TREE), ("f", FOREST)]), None),
    "mixed vote": (VotingClassifier([("t", TREE), ("l", LogisticRegression())], voting="soft"), "not all its members"),
    "vote of boosting": (VotingClassifier([("g", GradientBoostingClassifier(n_estimators=3))], voting="soft"), "adds up in the margin"),
    "bagged": (BaggingClassifier(TREE, 3, random_state=0), "other columns or rows"),
    "one for each class": (OneVsRestClassifier(FOREST), "one model for each class"),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_holder_that_cannot_be_read_says_why_and_still_predicts(name: str) -> None:
    holder, reason = HOLDERS[name]
    fitted = clone(holder).fit(X, BINARY)
    if reason is None:  # neither probabilities nor margins
        with pytest.raises(ModelError, match="neither probabilities nor margins"):
            adapt_sklearn("m", fitted, X.head(30))
        return
    model = adapt_sklearn("m", fitted, X.head(30))
    assert not {"tree", "linear"} & model.offers
    assert reason in model.treeless
    np.testing.assert_array_equal(model.predict(X, "probability"), fitted.predict_proba(X))


LINES = {
    "logistic": LogisticRegression(),
    "machine": LinearSVC(C=0.1),
    "linear kernel": SVC(kernel="linear"),
    "ridge": RidgeClassifier(),
    "descent": SGDClassifier(random_state=0),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
}


@pytest.mark.parametrize("name", LINES)
def test_a_calibrated_line_is_linear_in_its_log_odds(name: str, held) -> None:
    fitted = CalibratedClassifierCV(clone(LINES[name]), cv=3, ensemble=False).fit(held, BINARY)
    model = adapt_sklearn("m", fitted, X.head(30))
    assert (model.native, model.closed) == ("margin", "")
    assert {"linear", "margin", "probability"} <= model.offers
    p, z = model.predict(X, "probability"), model.predict(X, "margin")
    np.testing.assert_array_equal(p, fitted.predict_proba(held))
    np.testing.assert_allclose(z[:, 1], np.log(p[:, 1] / p[:, 0]), rtol=1e-7, atol=1e-7)
    w, b = model.weights
    np.testing.assert_allclose(model.encode(X) @ w.T + b, z, atol=1e-9)
    for space in ("probability", "margin"):
        np.testing.assert_allclose(model.predict_encoded(model.encode(X), space), model.predict(X, space), rtol=1e-12, atol=1e-12)
    assert [model.outputs[place] for place in model.decide(X)] == fitted.predict(held).tolist()


def test_the_margin_of_a_calibrated_line_is_not_a_clipped_probability() -> None:
    fitted = CalibratedClassifierCV(LogisticRegression(C=1e6), cv=3, ensemble=False).fit(X[["a"]], BINARY)
    model = adapt_sklearn("m", fitted, X[["a"]].head(30))
    far = X[["a"]].head(4) * 1e6
    assert set(model.predict(far, "probability").ravel()) <= {0.0, 1.0}
    z = model.predict(far, "margin")[:, 1]
    np.testing.assert_allclose(z / far.a, model.weights[0][1, 0], rtol=1e-4)
    assert np.isfinite(z).all()


def test_a_calibrated_line_behind_columns_frozen_and_with_a_threshold() -> None:
    frame = mixed(120)
    y = outcome(frame)
    inner = one_hot_pipe(LogisticRegression(max_iter=1000)).fit(frame, y)
    frozen = CalibratedClassifierCV(FrozenEstimator(inner)).fit(frame, y)  # a frozen one is not fitted again: one curve
    outer = FixedThresholdClassifier(FrozenEstimator(frozen), threshold=0.7, pos_label="yes").fit(frame, y)
    for each in (frozen, outer):
        model = adapt_sklearn("m", each, frame.head(30))
        assert model.owner.tolist() == [0, 1, 2, 3, 3, 3, 4, 4]
        assert "linear" in model.offers
        z = model.predict(frame, "margin")
        np.testing.assert_allclose(1 / (1 + np.exp(-z[:, 1])), each.predict_proba(frame)[:, 1], atol=1e-12)
        assert [model.outputs[place] for place in model.decide(frame)] == each.predict(frame).tolist()


def test_a_calibrated_line_of_three_classes_keeps_its_probabilities_and_says_why() -> None:
    model = adapt_sklearn("m", CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False).fit(X, THREE), X.head(30))
    assert (model.native, model.weights, model.offers) == ("probability", None, {"probability"})
    assert "a calibration curve of its own" in model.treeless


def test_a_calibrated_line_behind_a_step_that_mixes_has_its_margin_and_no_weights() -> None:
    pipe = make_pipeline(PCA(2), CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False)).fit(X, BINARY)
    model = adapt_sklearn("m", pipe, X.head(30))
    assert (model.owner, model.weights, model.native) == (None, None, "margin")
    p = pipe.predict_proba(X)
    np.testing.assert_allclose(model.predict(X, "margin")[:, 1], np.log(p[:, 1] / p[:, 0]), atol=1e-7)


def test_a_vote_of_lines_for_a_value_is_linear() -> None:
    lines = [("a", LinearRegression()), ("b", Ridge(50.0)), ("x", "drop"), ("c", SVR(kernel="linear"))]
    vote = make_pipeline(StandardScaler(), VotingRegressor(lines, weights=[1, 3, 9, 2])).fit(X, VALUE)
    model = adapt_sklearn("m", vote, X.head(30))
    assert "linear" in model.offers
    w, b = model.weights
    np.testing.assert_allclose(model.encode(X) @ w.T + b, vote.predict(X)[:, None], rtol=1e-8)
    mixed_up = VotingRegressor([("a", LinearRegression()), ("b", SVR())]).fit(X, VALUE)
    assert adapt_sklearn("m", mixed_up, X.head(30)).weights is None


def test_a_linear_kernel_on_sparse_columns_is_linear() -> None:
    frame = mixed(90)
    columns = ColumnTransformer([("c", OneHotEncoder(), ["town", "owner"])], remainder=StandardScaler(), sparse_threshold=1.0)
    for core in (SVC(kernel="linear"), CalibratedClassifierCV(SVC(kernel="linear"), cv=3, ensemble=False)):
        model = adapt_sklearn("m", make_pipeline(columns, core).fit(frame, outcome(frame)), frame.head(30))
        w, b = model.weights
        np.testing.assert_allclose(model.encode(frame) @ w.T + b, model.predict(frame, "margin"), atol=1e-8)


def test_a_soft_vote_of_trees_is_their_weighted_average() -> None:
    vote = VotingClassifier([("t", TREE), ("f", FOREST), ("x", "drop")], voting="soft", weights=[1, 3, 9]).fit(X, THREE)
    model = adapt_sklearn("m", vote, X.head(30))
    assert "tree" in model.offers
    shares = [share for share, _ in model.trees]
    np.testing.assert_allclose(shares, [0.25, 0.75])
    mixed_up = sum(share * each.predict_proba(X.astype(np.float32)) for share, each in model.trees)
    np.testing.assert_allclose(mixed_up, vote.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize(
    ("core", "y", "offers"),
    [
        (GaussianNB(), THREE, {"probability"}),
        (KNeighborsClassifier(), THREE, {"probability"}),
        (SVC(), THREE, {"margin"}),
        (SVR(), VALUE, {"value"}),
        (SGDClassifier(random_state=0), THREE, {"margin", "linear"}),
        (SGDClassifier(loss="log_loss", random_state=0), BINARY, {"margin", "probability", "linear"}),
        (SGDRegressor(random_state=0), VALUE, {"value", "linear"}),
        (RidgeClassifier(), BINARY, {"margin", "linear"}),
        (GaussianProcessClassifier(random_state=0), THREE, {"probability"}),
        (GaussianProcessRegressor(random_state=0), VALUE, {"value"}),
    ],
)
def test_what_the_generic_ones_offer(core, y, offers) -> None:
    model = adapt_sklearn("m", core.fit(X, y), X.head(30))
    assert model.offers == offers
    assert np.isfinite(model.predict(X, model.native)).all()


# ---- columns


@pytest.mark.parametrize("core", [LogisticRegression(), make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))])
def test_columns_in_another_order_are_put_right_by_name(core) -> None:
    fitted = core.fit(X, BINARY)
    turned = X[["d", "b", "a", "c"]]
    model = adapt_sklearn("m", fitted, turned.head(30))
    np.testing.assert_array_equal(model.predict(turned, "probability"), fitted.predict_proba(X))
    assert model.owner.tolist() == [2, 1, 3, 0]
    np.testing.assert_allclose(model.predict_encoded(model.encode(turned), "probability"), fitted.predict_proba(X), atol=1e-12)


def test_a_column_that_the_model_does_not_know_owns_nothing() -> None:
    model = adapt_sklearn("m", LogisticRegression().fit(X[["d", "a"]], BINARY), X.head(30))
    assert model.owner.tolist() == [3, 0]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ModelError, match=r"model 'm' was fitted with the columns b, d, which the data lack"):
        adapt_sklearn("m", LogisticRegression().fit(X, BINARY), X[["a", "c"]])


def test_an_array_fitted_model_of_another_width_is_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"model 'm'.*4 features"):
        adapt_sklearn("m", LogisticRegression().fit(X.to_numpy(), BINARY), X[["a", "c"]])


def test_an_encoder_with_whole_categories_takes_its_frame() -> None:
    frame = pd.DataFrame({"code": pd.Categorical([3, 5, 9] * 20), "z": np.linspace(0, 1, 60)})
    fitted = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2).fit(frame, frame.code == 5)
    model = adapt_sklearn("m", fitted, frame.head(30))
    np.testing.assert_array_equal(model.predict(frame, "probability"), fitted.predict_proba(frame))
    if model.owner is not None:
        np.testing.assert_array_equal(model.predict_encoded(model.encode(frame), "probability"), fitted.predict_proba(frame))


def test_a_text_column_without_preprocessing_stays_closed_with_a_reason() -> None:
    frame = pd.DataFrame({"t": pd.Categorical(["a", "b", "c"] * 20), "z": np.linspace(0, 1, 60)})
    fitted = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2).fit(frame, frame.t == "b")
    model = adapt_sklearn("m", fitted, frame.head(30))
    assert model.owner is None
    assert "not numeric" in model.closed
    np.testing.assert_array_equal(model.predict(frame, "probability"), fitted.predict_proba(frame))


def with_ratio(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(ratio=frame["a"] / (1 + frame["b"].abs()))


def test_a_first_step_that_needs_the_frame_gets_it() -> None:
    fitted = make_pipeline(FunctionTransformer(with_ratio), LogisticRegression()).fit(X, BINARY)
    model = adapt_sklearn("m", fitted, X.head(30))
    assert model.owner is None
    np.testing.assert_array_equal(model.predict(X, "probability"), fitted.predict_proba(X))


# ---- what is refused


def test_not_fitted_says_so() -> None:
    with pytest.raises(ModelError, match="model 'm' is not fitted"):
        adapt_sklearn("m", LogisticRegression(), X)
    with pytest.raises(ModelError, match="model 'm' is not fitted"):
        adapt_sklearn("m", make_pipeline(StandardScaler(), LogisticRegression()), X)


@pytest.mark.parametrize("estimator", [KMeans(2, n_init=1), StandardScaler()])
def test_neither_classifier_nor_regressor(estimator) -> None:
    with pytest.raises(ModelError, match="neither"):
        adapt_sklearn("m", estimator.fit(X), X)


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (LinearRegression(), np.stack([VALUE, -VALUE], axis=1)),
        (RandomForestClassifier(5, random_state=0), np.stack([THREE, THREE > 0], axis=1)),
    ],
)
def test_several_targets_are_refused(estimator, y) -> None:
    with pytest.raises(ModelError, match=r"model 'm'.*targets"):
        adapt_sklearn("m", estimator.fit(X, y), X)


@pytest.mark.parametrize("thing", [3, "model.pkl", {"a": 1}, None])
def test_what_is_no_model_is_refused(thing) -> None:
    with pytest.raises(ModelError, match="give a fitted scikit-learn estimator or a function"):
        adapt("m", thing, X)


# ---- left as found


@pytest.mark.parametrize("name", ["scaled logistic", "forest", "kernel machine"])
def test_the_estimator_is_left_as_found(name: str) -> None:
    fitted = clone(CLASSIFIERS[name]).fit(X, BINARY)
    before = pickle.dumps(fitted)
    model = adapt_sklearn("m", fitted, X.head(30))
    for space in spaces(model):
        model.predict(X, space)
        model.predict_encoded(model.encode(X), space)
    assert pickle.dumps(fitted) == before


def test_an_adapted_model_passes_through() -> None:
    model = adapt_sklearn("m", LogisticRegression().fit(X, BINARY), X)
    assert adapt("other", model, X) is model
