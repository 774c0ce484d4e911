"""Which feature owns which encoded column. The oracle never looks at the transformer: it moves one raw column and sees what changes."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.compose import make_column_selector as selector
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
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


@pytest.mark.parametrize("step", [PCA(2), PolynomialFeatures(2), SelectKBest(k=2)])
def test_a_step_that_mixes_or_selects_is_not_opened(step) -> None:
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


def test_an_indicator_before_a_one_hot_step_is_not_opened() -> None:
    rows = holes()
    inner = make_pipeline(SimpleImputer(strategy="most_frequent", add_indicator=True), one_hot())
    pipe = make_pipeline(ColumnTransformer([("c", inner, ["town"])], remainder=SimpleImputer()), LogisticRegression(max_iter=1000))
    model = adapt_sklearn("m", pipe.fit(rows.astype({"owner": float}), outcome(mixed(N))), rows.astype({"owner": float}))
    assert model.owner is None
    assert model.closed


def test_fold_sums_signed_by_owner() -> None:
    rng = np.random.default_rng(0)
    values, owner = rng.normal(size=(6, 9)), np.array([2, 0, 0, 4, 2, 2, 1, 4, 0])
    naive = [[sum(row[c] for c in range(9) if owner[c] == j) for j in range(5)] for row in values]
    np.testing.assert_allclose(fold(values, owner, 5), naive, rtol=0, atol=1e-15)
    assert fold(values, owner, 5)[:, 3].tolist() == [0] * 6  # owns nothing
