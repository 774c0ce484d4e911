"""Any Python function as a model."""

from __future__ import annotations

import numpy as np
import pytest

from tests.made import numbers
from xai_compare.errors import ModelError
from xai_compare.models.adapt import adapt

X = numbers(20)


def likely(rows) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(rows)[:, 0]))


def test_one_column_of_probabilities_is_the_second_class() -> None:
    model = adapt("f", likely, X, ("no", "yes"))
    np.testing.assert_array_equal(model.predict(X, "probability"), np.stack([1 - likely(X), likely(X)], axis=1))
    assert (model.native, model.outputs, model.owner) == ("probability", ("no", "yes"), None)
    assert "'yes'" in model.about["note"]


def test_probabilities_of_classes_are_taken_in_order() -> None:
    def three(rows):
        p = np.exp(np.asarray(rows)[:, :3])
        return p / p.sum(axis=1, keepdims=True)

    model = adapt("f", three, X, ("a", "b", "c"))
    np.testing.assert_array_equal(model.predict(X, "probability"), three(X))


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_a_regression_function_gives_one_column(shape) -> None:
    model = adapt("f", lambda rows: (np.asarray(rows)[:, 0] * 7).reshape(shape), X)
    assert (model.task, model.native, model.outputs) == ("regression", "value", ("value",))
    np.testing.assert_array_equal(model.predict(X, "value"), X[["a"]].to_numpy() * 7)


def test_lists_and_series_are_taken() -> None:
    np.testing.assert_array_equal(adapt("f", lambda rows: rows["a"], X).predict(X, "value")[:, 0], X.a)
    np.testing.assert_array_equal(adapt("f", lambda rows: rows["a"].tolist(), X).predict(X, "value")[:, 0], X.a)


@pytest.mark.parametrize("as_array", [True, False])
def test_a_function_gets_what_the_user_holds(as_array: bool) -> None:
    seen = []

    def value(rows):
        seen.append(type(rows).__name__)
        return np.asarray(rows)[:, 0]

    adapt("f", value, X, as_array=as_array).predict(X, "value")
    assert set(seen) == {"ndarray" if as_array else "DataFrame"}


@pytest.mark.parametrize(
    ("function", "classes", "message"),
    [
        (lambda rows: np.zeros((len(rows), 2, 2)), (), r"model 'f' returned shape \(20, 2, 2\) for 20 rows"),
        (lambda rows: 3.0, (), r"model 'f' returned shape \(\) for 20 rows"),
        (lambda rows: np.zeros(5), (), r"model 'f' returned shape \(5,\) for 20 rows"),
        (lambda rows: np.zeros((len(rows), 3)), (), "model 'f' returned 3 columns. Give y"),
        (lambda rows: np.full((len(rows), 3), 1 / 3), ("a", "b"), r"'f' must return the probabilities of the 2 classes \(a, b\)"),
        (lambda rows: np.full((len(rows), 2), 0.7), ("a", "b"), "each row adding up to 1"),
        (lambda rows: np.asarray(rows)[:, 0] * 10, ("a", "b"), "must return the probabilities"),
        (lambda rows: np.full(len(rows), np.nan), ("a", "b"), "must return the probabilities"),
        (lambda rows: np.full(len(rows), 0.5), ("a", "b", "c"), "probabilities of the 3 classes"),
        (lambda rows: ["x"] * len(rows), (), "model 'f'"),
        (lambda rows: rows["nowhere"], (), "model 'f'.*nowhere"),
    ],
)
def test_outputs_that_cannot_be_read_are_refused(function, classes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        adapt("f", function, X, classes)


def test_a_regression_of_nan_is_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"model 'f'.*not finite"):
        adapt("f", lambda rows: np.full(len(rows), np.nan), X).predict(X, "value")


def test_nan_later_on_is_a_model_error_too() -> None:
    model = adapt("f", lambda rows: np.where(rows["a"] > 10, np.nan, rows["a"]), X)
    with pytest.raises(ModelError, match=r"model 'f'.*not finite"):
        model.predict(X.assign(a=11.0), "value")


def test_a_changing_number_of_outputs_is_a_model_error() -> None:
    model = adapt("f", lambda rows: np.zeros(20), X)
    with pytest.raises(ModelError, match="model 'f' returned 20 outputs for 3 rows"):
        model.predict(X.head(3), "value")


def test_a_space_that_it_does_not_give_is_refused() -> None:
    with pytest.raises(ModelError, match="returns a probability, not a margin"):
        adapt("f", likely, X, ("no", "yes")).predict(X, "margin")
