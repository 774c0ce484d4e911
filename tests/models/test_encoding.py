"""Which feature owns which encoded column. The oracle never looks at the transformer: it moves one raw column and sees what changes."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.compose import make_column_selector as selector
from sklearn.decomposition import PCA
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, VarianceThreshold
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
from xai_compare.errors import NotApplicable
from xai_compare.models.encoding import dense, fold, owners
from xai_compare.models.sklearn import adapt_sklearn

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


@pytest.mark.parametrize("step", [PCA(2), PolynomialFeatures(2), KNNImputer(), Normalizer()])
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


def test_a_selection_of_a_subset_explains_the_dropped_columns_as_nothing() -> None:
    rows = numbers(90)
    pipe = make_pipeline(StandardScaler(), SelectKBest(k=2), LogisticRegression()).fit(rows, rows.a + rows.c > 0)
    model = adapt_sklearn("m", pipe, rows.head(20))
    assert model.owner.tolist() == [0, 2]
    np.testing.assert_allclose(model.predict_encoded(model.encode(rows), "margin"), model.predict(rows, "margin"), atol=1e-12)


def test_fold_sums_signed_by_owner() -> None:
    rng = np.random.default_rng(0)
    values, owner = rng.normal(size=(6, 9)), np.array([2, 0, 0, 4, 2, 2, 1, 4, 0])
    naive = [[sum(row[c] for c in range(9) if owner[c] == j) for j in range(5)] for row in values]
    np.testing.assert_allclose(fold(values, owner, 5), naive, rtol=0, atol=1e-15)
    assert fold(values, owner, 5)[:, 3].tolist() == [0] * 6  # owns nothing
