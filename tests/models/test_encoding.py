"""Which feature owns which encoded column. The oracle never looks at the transformer: it moves one raw column and sees what changes."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.compose import make_column_selector as selector
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from tests.made import mixed, numbers, outcome
from tests.toys import brute_force_shapley, game_of, world
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.models.encoding import dense, fold, owners, ownership, shares
from xai_compare.models.sklearn import adapt_sklearn
from xai_compare.streams import Streams

N = 80
NUMERIC, TEXT = ["height", "weight", "children"], ["town", "owner"]


def frame() -> pd.DataFrame:
    made = mixed(N)
    made.loc[0, "town"] = "Dole"  # a rare one
    made.loc[[1, 2, 3], "town"] = "Eu"
    return made


def holes() -> pd.DataFrame:
    made = frame()
    made.loc[[4, 9], "height"] = np.nan
    made.loc[[5, 6], "town"] = None
    return made


def one_hot(**options) -> OneHotEncoder:
    return OneHotEncoder(**{"handle_unknown": "ignore", "sparse_output": False, **options})


MIXED = {
    "names": ColumnTransformer([("n", StandardScaler(), NUMERIC), ("c", one_hot(), TEXT)]),
    "reversed names": ColumnTransformer([("c", one_hot(), TEXT[::-1]), ("n", StandardScaler(), NUMERIC[::-1])]),
    "whole numbers": ColumnTransformer([("c", one_hot(), [3, 4]), ("n", StandardScaler(), [2, 0])]),
    "negative numbers": ColumnTransformer([("c", one_hot(), [-1, -2]), ("n", "passthrough", [0])]),
    "slices": ColumnTransformer([("c", one_hot(), slice(3, 5)), ("n", StandardScaler(), slice(0, 3, 2))]),
    "slices by name": ColumnTransformer([("n", StandardScaler(), slice("height", "children")), ("c", one_hot(), slice("town", None))]),
    "masks": ColumnTransformer([("c", one_hot(), [False] * 3 + [True] * 2), ("n", "passthrough", np.array([1, 0, 1, 0, 0], dtype=bool))]),
    "selectors": ColumnTransformer(
        [("c", one_hot(), selector(dtype_exclude="number")), ("n", StandardScaler(), selector(dtype_include="number"))]
    ),
    "one name": ColumnTransformer([("c", one_hot(), ["town"]), ("n", StandardScaler(), ["weight"])]),
    "remainder": ColumnTransformer([("c", one_hot(), TEXT)], remainder="passthrough"),
    "remainder scaled": ColumnTransformer([("c", one_hot(), TEXT)], remainder=StandardScaler()),
    "drop": ColumnTransformer([("x", "drop", ["height"]), ("c", one_hot(), TEXT), ("n", "passthrough", ["weight", "children"])]),
    "nothing chosen": ColumnTransformer([("x", StandardScaler(), []), ("c", one_hot(), TEXT), ("n", "passthrough", NUMERIC)]),
    "one column twice": ColumnTransformer(
        [("a", StandardScaler(), ["height", "weight"]), ("b", MinMaxScaler(), ["height"]), ("c", one_hot(), TEXT)]
    ),
    "drop first": ColumnTransformer([("c", one_hot(drop="first"), TEXT)], remainder="passthrough"),
    "drop if binary": ColumnTransformer([("c", one_hot(drop="if_binary"), TEXT)], remainder="passthrough"),
    "drop named": ColumnTransformer([("c", one_hot(drop=["Bonn", True]), TEXT)], remainder="passthrough"),
    "infrequent": ColumnTransformer([("c", one_hot(min_frequency=8, handle_unknown="infrequent_if_exist"), TEXT)], remainder="passthrough"),
    "infrequent and drop first": ColumnTransformer([("c", one_hot(min_frequency=8, drop="first"), TEXT)], remainder="passthrough"),
    "most categories": ColumnTransformer([("c", one_hot(max_categories=3), TEXT)], remainder="passthrough"),
    "sparse": ColumnTransformer([("c", one_hot(sparse_output=True), TEXT)], remainder="passthrough", sparse_threshold=1.0),
    "ordinal": ColumnTransformer([("c", OrdinalEncoder(), TEXT)], remainder=QuantileTransformer(n_quantiles=20)),
    "inner pipelines": ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), NUMERIC),
            ("c", make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot()), ["town"]),
        ]
    ),
    "pandas output": ColumnTransformer([("n", StandardScaler(), NUMERIC), ("c", one_hot(), TEXT)]).set_output(transform="pandas"),
    "then scaled": make_pipeline(ColumnTransformer([("c", one_hot(), TEXT)], remainder="passthrough"), StandardScaler()),
    "logarithm": ColumnTransformer([("n", FunctionTransformer(np.log1p), NUMERIC), ("c", one_hot(), TEXT)]),
    "frozen": ColumnTransformer([("n", FrozenEstimator(StandardScaler().fit(mixed(N)[NUMERIC])), NUMERIC), ("c", one_hot(), TEXT)]),
}


def owners_by_moving(transform, rows: pd.DataFrame) -> list[set[int]]:
    """For each encoded column the raw columns that can change it."""
    before = dense(transform(rows))
    found: list[set[int]] = [set() for _ in range(before.shape[1])]
    for j, name in enumerate(rows.columns):
        for shift in (1, 7, 31):
            moved = rows.assign(**{name: np.roll(rows[name].to_numpy(), shift)}).astype(rows.dtypes.to_dict())
            for column in np.flatnonzero((dense(transform(moved)) != before).any(axis=0)):
                found[column].add(j)
    return found


@pytest.mark.parametrize("name", MIXED)
def test_owners_are_the_columns_that_move_them(name: str) -> None:
    rows = frame()
    fitted = MIXED[name].fit(rows)
    found = owners(fitted, np.arange(rows.shape[1]))
    assert [{feature} for feature in found.tolist()] == owners_by_moving(fitted.transform, rows)


def test_owners_where_values_are_missing() -> None:
    rows = holes()
    fitted = ColumnTransformer([("c", one_hot(), TEXT), ("n", SimpleImputer(), NUMERIC)]).fit(rows)
    assert owners(fitted, np.arange(5)).tolist() == [3] * 6 + [4] * 2 + [0, 1, 2]


def test_owners_of_a_pipeline_of_pipelines() -> None:
    rows = numbers(20)
    fitted = Pipeline([("a", Pipeline([("s", StandardScaler())])), ("p", "passthrough"), ("m", MinMaxScaler())]).fit(rows)
    assert owners(fitted, np.array([3, 1, 0, 2])).tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize("step", [PCA(2), KNNImputer(), Normalizer()])
def test_a_step_that_mixes_is_not_opened(step) -> None:
    rows = numbers(40)
    model = adapt_sklearn("m", make_pipeline(StandardScaler(), step, LogisticRegression()).fit(rows, rows.a > 0), rows)
    assert model.owner is None
    assert type(step).__name__ in model.closed
    assert "linear" not in model.offers
    with pytest.raises(NotApplicable, match=type(step).__name__):
        owners(step.fit(rows, rows.a > 0), np.arange(4))


def test_a_step_that_only_bears_a_known_name_is_not_opened() -> None:
    class StandardScaler(MinMaxScaler):  # not scikit-learn's
        pass

    with pytest.raises(NotApplicable, match="StandardScaler"):
        owners(StandardScaler().fit(numbers(5)), np.arange(4))


def lies(values):
    """Looks like a function of each column, but the first output also reads the second column."""
    out = np.array(values, dtype=np.float64)
    out[:, 0] *= out[:, 1]
    return out


def batch_dependent(values):
    return np.asarray(values) - np.asarray(values).mean(axis=0)


def swaps(values):
    return np.asarray(values)[:, [1, 0, 2, 3]]


@pytest.mark.parametrize("function", [lies, batch_dependent, swaps])
def test_a_function_that_mixes_columns_is_caught_by_numbers(function) -> None:
    rows = numbers(60)
    model = adapt_sklearn("m", make_pipeline(FunctionTransformer(function), LogisticRegression()).fit(rows, rows.a > 0), rows)
    assert model.owner is None
    assert "each column on its own" in model.closed


def test_a_function_that_mixes_columns_is_not_opened_on_a_single_row() -> None:
    rows = numbers(60)
    model = adapt_sklearn("m", make_pipeline(FunctionTransformer(lies), LogisticRegression()).fit(rows, rows.a > 0), rows.head(1))
    assert model.owner is None


@pytest.mark.parametrize(
    "step",
    [
        SimpleImputer(add_indicator=True),
        SimpleImputer(),  # leaves out a column without any value
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
        KBinsDiscretizer(3, encode="onehot-dense", quantile_method="averaged_inverted_cdf"),
        FunctionTransformer(lambda values: np.hstack([values, np.asarray(values)])),
    ],
    ids=["indicator", "empty column", "in a pipeline", "bins", "doubled"],
)
def test_a_step_that_changes_the_number_of_columns_is_opened_rightly_or_not_at_all(step) -> None:
    rows = numbers(60)
    if "KBins" not in repr(step) and "Function" not in repr(step):
        rows.loc[::7, "b"] = np.nan
        rows["c"] = np.nan if step.__class__ is SimpleImputer and not step.add_indicator else rows.c
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping features without any observed values")
        pipe = make_pipeline(step, SimpleImputer(), LogisticRegression()).fit(rows, numbers(60).a > 0)
        model = adapt_sklearn("m", pipe, rows)
        if model.owner is None:
            assert model.closed
        else:
            assert [{j} for j in model.owner.tolist()] == owners_by_moving(model.encode, rows)


def test_an_indicator_before_a_one_hot_step_is_opened() -> None:
    rows = holes().astype({"owner": float})
    inner = make_pipeline(SimpleImputer(strategy="most_frequent", add_indicator=True), one_hot())
    pipe = make_pipeline(ColumnTransformer([("c", inner, ["town"])], remainder=SimpleImputer()), LogisticRegression(max_iter=1000))
    model = adapt_sklearn("m", pipe.fit(rows, outcome(mixed(N))), rows)
    assert [{j} for j in model.owner.tolist()] == owners_by_moving(model.encode, rows)


BINNED = {"quantile_method": "averaged_inverted_cdf"}
NUMERIC_STEPS = {
    "splines": SplineTransformer(n_knots=4),
    "splines without bias": SplineTransformer(n_knots=4, include_bias=False, extrapolation="linear"),
    "bins one-hot": KBinsDiscretizer(3, encode="onehot-dense", **BINNED),
    "bins sparse": KBinsDiscretizer(3, encode="onehot", **BINNED),
    "bins": KBinsDiscretizer(3, encode="ordinal", **BINNED),
    "union": FeatureUnion([("a", StandardScaler()), ("b", KBinsDiscretizer(3, encode="onehot-dense", **BINNED)), ("c", "drop")]),
    "union passed": FeatureUnion([("a", "passthrough"), ("b", SelectKBest(k=2))]),
    "best": SelectKBest(k=2),
    "variance": VarianceThreshold(),
    "from a model": SelectFromModel(LogisticRegression()),
    "recursive": RFE(LogisticRegression(), n_features_to_select=2),
    "selected then splined": make_pipeline(SelectKBest(k=3), SplineTransformer(n_knots=3), StandardScaler()),
    "target means": TargetEncoder(target_type="binary"),
    "columns of a union": ColumnTransformer([("a", FeatureUnion([("x", StandardScaler()), ("y", MinMaxScaler())]), ["d", "b"])]),
    "columns of columns": ColumnTransformer([("a", ColumnTransformer([("i", StandardScaler(), [1])], remainder="drop"), ["c", "a"])]),
}


@pytest.mark.parametrize("name", NUMERIC_STEPS)
def test_owners_of_more_steps(name: str) -> None:
    rows = numbers(80)
    if name == "target means":
        rows = rows.round()
    fitted = clone(NUMERIC_STEPS[name]).fit(rows, rows.a + 0.3 * rows.b > 0)
    assert [{feature} for feature in owners(fitted, np.arange(4)).tolist()] == owners_by_moving(fitted.transform, rows)


def test_owners_of_target_means_of_three_classes() -> None:
    rows = frame()[TEXT].astype(str)
    fitted = TargetEncoder(target_type="multiclass").fit(rows, np.digitize(frame().height, [165, 175]))
    assert owners(fitted, np.array([3, 4])).tolist() == [3, 3, 3, 4, 4, 4]
    assert [{feature} for feature in owners(fitted, np.arange(2)).tolist()] == owners_by_moving(fitted.transform, rows)


def test_owners_of_imputed_columns_and_their_flags() -> None:
    rows = numbers(60)
    rows.loc[::7, "b"] = np.nan
    rows.loc[::5, "d"] = np.nan
    assert owners(SimpleImputer(add_indicator=True).fit(rows), np.arange(4)).tolist() == [0, 1, 2, 3, 1, 3]
    assert owners(MissingIndicator().fit(rows), np.arange(4)).tolist() == [1, 3]
    assert owners(MissingIndicator(features="all").fit(rows), np.arange(4)).tolist() == [0, 1, 2, 3]
    assert owners(SimpleImputer(keep_empty_features=True).fit(rows.assign(a=np.nan)), np.arange(4)).tolist() == [0, 1, 2, 3]
    assert owners(SimpleImputer().fit(rows.assign(a=np.nan)), np.arange(4)).tolist() == [1, 2, 3]


def test_powers_of_single_columns_are_opened_and_products_are_not() -> None:
    rows = numbers(60)[["a"]]
    assert owners(PolynomialFeatures(3).fit(rows), np.array([5])).tolist() == [5, 5, 5, 5]
    with pytest.raises(NotApplicable, match="multiplies features"):
        owners(PolynomialFeatures(2, interaction_only=True).fit(numbers(60)), np.arange(4))


def terms(frame: pd.DataFrame, powers) -> list[set[int]]:
    """The columns in each product, read from the powers."""
    return [set(np.flatnonzero(row).tolist()) for row in powers]


@pytest.mark.parametrize("step", [PolynomialFeatures(3), PolynomialFeatures(2, interaction_only=True, include_bias=False)], ids=str)
def test_shares_of_products_are_equal_among_the_columns_that_move_them(step) -> None:
    rows = numbers(60)
    fitted = make_pipeline(StandardScaler(), step).fit(rows)
    owner, found, reason = ownership(fitted, np.arange(4), 4)
    assert owner is None
    assert "a product belongs to no single one" in reason
    np.testing.assert_allclose(found.sum(axis=1), 1)
    moved = owners_by_moving(fitted.transform, rows)
    assert moved == terms(rows, fitted[-1].powers_)
    for row, members in zip(found, moved, strict=True):
        for j in range(4) if members else ():  # a constant may belong to any
            assert row[j] == pytest.approx(1 / len(members) if j in members else 0)


def test_shares_follow_the_columns_through_other_steps() -> None:
    rows = frame()
    inner = ColumnTransformer(
        [
            ("p", make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False)), ["weight", "height"]),
            ("c", one_hot(), ["town"]),
            ("u", FeatureUnion([("s", StandardScaler()), ("b", KBinsDiscretizer(3, encode="onehot-dense", **BINNED))]), ["children"]),
        ]
    )
    fitted = make_pipeline(inner, VarianceThreshold(), StandardScaler()).fit(rows)
    found = shares(fitted, np.arange(5), 5)
    assert [set(np.flatnonzero(row).tolist()) for row in found] == owners_by_moving(fitted.transform, rows)
    assert sorted(set(found.ravel().tolist())) == [0, 0.5, 1]
    categories = make_pipeline(one_hot(), PolynomialFeatures(2, interaction_only=True, include_bias=False)).fit(rows[TEXT])
    by_hand = np.eye(2)[[0] * 5 + [1] * 2]  # values of town, then of owner
    pairs = [(by_hand[a] + by_hand[b]) / 2 for a in range(7) for b in range(a + 1, 7)]
    np.testing.assert_allclose(shares(categories, np.arange(2), 2), [*by_hand, *pairs])


def test_products_with_a_step_that_mixes_stay_closed() -> None:
    rows = numbers(60)
    pipe = make_pipeline(PolynomialFeatures(2), PCA(3), LogisticRegression()).fit(rows, rows.a > 0)
    model = adapt_sklearn("m", pipe, rows)
    assert (model.owner, model.shares, model.weights) == (None, None, None)
    assert "PCA" in model.closed


def multiplies(values):
    return np.asarray(values) * np.asarray(values)[:, [1, 0, 2, 3]]


def test_a_function_that_mixes_columns_before_products_is_caught_by_numbers() -> None:
    rows = numbers(60)
    pipe = make_pipeline(FunctionTransformer(multiplies), PolynomialFeatures(2), LogisticRegression()).fit(rows, rows.a > 0)
    model = adapt_sklearn("m", pipe, rows)
    assert (model.owner, model.shares) == (None, None)
    assert "each column on its own" in model.closed


def test_a_selection_of_a_subset_explains_the_dropped_columns_as_nothing() -> None:
    rows = numbers(90)
    pipe = make_pipeline(StandardScaler(), SelectKBest(k=2), LogisticRegression()).fit(rows, rows.a + rows.c > 0)
    model = adapt_sklearn("m", pipe, rows.head(20))
    assert model.owner.tolist() == [0, 2]
    np.testing.assert_allclose(model.predict_encoded(model.encode(rows), "margin"), model.predict(rows, "margin"), atol=1e-12)


# ---- the way there and back: what a method reads from the encoding, against the raw columns played one coalition at a time

FILLED = {
    "numbers and their flags": make_column_transformer((SimpleImputer(add_indicator=True), NUMERIC)),
    "flags alone": make_column_transformer((MissingIndicator(), ["height", "weight"]), (SimpleImputer(), ["children"])),
    "categories and their flags": make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent", add_indicator=True), one_hot()), ["town"]), (SimpleImputer(), NUMERIC)
    ),
    "a value for what is missing": make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), one_hot()), ["town"]), (SimpleImputer(), NUMERIC)
    ),
    "missing as a category": make_column_transformer((one_hot(), ["town"]), (SimpleImputer(strategy="median"), NUMERIC)),
    "missing as a code": make_column_transformer((OrdinalEncoder(encoded_missing_value=-1), ["town"]), (SimpleImputer(), NUMERIC)),
    "target means": make_column_transformer((TargetEncoder(target_type="binary", cv=2), ["town"]), (SimpleImputer(), NUMERIC)),
}
SINGLE = {
    "powers": make_column_transformer((PolynomialFeatures(3), ["height"]), (StandardScaler(), ["weight"])),
    "powers of splines of one column": make_column_transformer(
        (make_pipeline(SplineTransformer(n_knots=3), PolynomialFeatures(2)), ["weight"]), (StandardScaler(), ["height"])
    ),
    "products of the values of one column": make_column_transformer(
        (make_pipeline(one_hot(), PolynomialFeatures(2, interaction_only=True)), ["town"]), (StandardScaler(), NUMERIC)
    ),
    "target means of text": make_column_transformer((TargetEncoder(target_type="binary", cv=2), ["town"]), remainder=StandardScaler()),
    "selected after one-hot": make_pipeline(make_column_transformer((one_hot(), TEXT), remainder=StandardScaler()), SelectKBest(k=5)),
    "union of columns": FeatureUnion(
        [("n", make_column_transformer((StandardScaler(), NUMERIC))), ("c", make_column_transformer((one_hot(drop="first"), TEXT)))]
    ),
}
EVERY = {
    **{f"{name} (mixed)": (step, frame) for name, step in {**MIXED, **SINGLE}.items()},
    **{f"{name} (numbers)": (step, lambda: numbers(N).round(1)) for name, step in NUMERIC_STEPS.items()},
    **{f"{name} (holes)": (step, holes) for name, step in FILLED.items()},
}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_folded_back_is_what_the_raw_columns_are_worth(name: str) -> None:
    step, made = EVERY[name]
    rows = made()
    y = outcome(mixed(N)) if "(numbers)" not in name else np.where(rows.a + 0.5 * rows.b * rows.c > 0, "yes", "no")
    pipe = make_pipeline(clone(step), LogisticRegression(max_iter=5000, C=0.1)).fit(rows, y)
    data = world(rows.iloc[4:7], rows.iloc[[0, 1, 5, 9, 20, 21, 22]], task="classification", classes=("no", "yes"))
    model = adapt_sklearn("m", pipe, data.background_inputs())
    found = EXPLAINERS["shap"](algorithm="linear")(game_of(model, data, 1), Streams(0))
    raw = game_of(replace(model, owner=None), data, 1)  # a closed model: its raw columns are exchanged and encoded every time
    np.testing.assert_allclose(found.values, brute_force_shapley(raw), rtol=0, atol=1e-9 * max(1, np.abs(raw.full()).max()))
    assert np.abs(found.values).max() > 1e-4
    assert found.about["exact"]


@pytest.mark.parametrize("name", ["infrequent and drop first (mixed)", "numbers and their flags (holes)", "union (numbers)"])
def test_trees_on_folded_columns_are_worth_what_the_raw_columns_are(name: str) -> None:
    step, made = EVERY[name]
    rows = made()
    y = outcome(mixed(N)) if "(numbers)" not in name else np.where(rows.a + 0.5 * rows.b * rows.c > 0, "yes", "no")
    pipe = make_pipeline(clone(step), GradientBoostingClassifier(n_estimators=9, random_state=0)).fit(rows, y)
    data = world(rows.iloc[4:6], rows.iloc[[0, 1, 5, 9, 20]], task="classification", classes=("no", "yes"))
    model = adapt_sklearn("m", pipe, data.background_inputs())
    found = EXPLAINERS["shap"](algorithm="tree")(game_of(model, data, 1), Streams(0))
    np.testing.assert_allclose(found.values, brute_force_shapley(game_of(replace(model, owner=None), data, 1)), rtol=0, atol=1e-9)
    assert found.about["exact"]


def test_fold_sums_signed_by_owner() -> None:
    rng = np.random.default_rng(0)
    values, owner = rng.normal(size=(6, 9)), np.array([2, 0, 0, 4, 2, 2, 1, 4, 0])
    naive = [[sum(row[c] for c in range(9) if owner[c] == j) for j in range(5)] for row in values]
    np.testing.assert_allclose(fold(values, owner, 5), naive, rtol=0, atol=1e-15)
    assert fold(values, owner, 5)[:, 3].tolist() == [0] * 6  # owns nothing
    np.testing.assert_allclose(fold(values, np.eye(5)[owner], 5), naive, rtol=0, atol=1e-14)
