"""What a fitted model is made of, counted: the leaves of its trees, its coefficients, its support vectors, the rows it keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.models._boosters import booster_of
from xai_compare.models._inside import SHELLS

__all__ = ["size_of"]

_LEAVES, _COEFFICIENTS, _PARAMETERS, _ROWS = "leaves of trees", "coefficients", "parameters", "stored rows"


def size_of(fitted: Any) -> Counter[str]:
    """{what: how many} of a scikit-learn estimator or a booster, members of an ensemble added up; the preprocessing is not counted.

    Leaves of trees; coefficients (with intercepts) that are not 0; support vectors; the training rows that nearest neighbours keep;
    parameters of nets and of naive Bayes; numbers of calibration curves.

    Raises
    ------
    NotApplicable
        For a kind whose inside is not known here.
    """
    kind = type(fitted).__name__
    if (library := booster_of(fitted)) is not None:
        return Counter(library.size(fitted))
    if kind in SHELLS and hasattr(fitted, SHELLS[kind]):
        return size_of(getattr(fitted, SHELLS[kind]))
    if kind in _READ:
        return _READ[kind](fitted)
    for attribute, read in _BY_ATTRIBUTE.items():
        if hasattr(fitted, attribute):
            return read(fitted)
    raise NotApplicable(f"what a {kind} is made of is not known, so it cannot be counted")


def _sum(members: Iterable[Any]) -> Counter[str]:
    return sum(map(size_of, members), Counter())


def _coefficients(fitted: Any) -> Counter[str]:
    coef = fitted.coef_
    own = coef.count_nonzero() if hasattr(coef, "count_nonzero") else np.count_nonzero(coef)
    return Counter({_COEFFICIENTS: int(own) + int(np.count_nonzero(getattr(fitted, "intercept_", 0.0)))})


def _net(fitted: Any) -> Counter[str]:
    return Counter({_PARAMETERS: sum(int(layer.size) for layer in (*fitted.coefs_, *fitted.intercepts_))})


def _bayes(*names: str) -> Callable[[Any], Counter[str]]:
    return lambda fitted: Counter({_PARAMETERS: sum(int(np.size(getattr(fitted, name))) for name in names)})


def _members(fitted: Any) -> Counter[str]:
    found = _sum(each for each in np.ravel(np.asarray(fitted.estimators_, dtype=object)) if not isinstance(each, str))  # "drop"
    start = getattr(fitted, "init_", None)  # of a boosting: a constant, unless the user gave a model
    if start is not None and not isinstance(start, str) and not type(start).__name__.startswith("Dummy"):
        found += size_of(start)
    last = getattr(fitted, "final_estimator_", None)
    return found if last is None else found + size_of(last)


def _calibrated(fitted: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in fitted.calibrated_classifiers_:
        found += size_of(each.estimator)
        for curve in each.calibrators:
            found["numbers of calibration curves"] += 2 if hasattr(curve, "a_") else int(np.size(getattr(curve, "X_thresholds_", 1))) * 2
    return found


def _histogram(fitted: Any) -> Counter[str]:
    return Counter({_LEAVES: sum(int(tree.get_n_leaf_nodes()) for step in fitted._predictors for tree in step)})


_READ: dict[str, Callable[[Any], Counter[str]]] = {
    "CalibratedClassifierCV": _calibrated,
    "HistGradientBoostingClassifier": _histogram,
    "HistGradientBoostingRegressor": _histogram,
    "Pipeline": lambda fitted: size_of(fitted.steps[-1][1]),
    "TransformedTargetRegressor": lambda fitted: size_of(fitted.regressor_),
}

# The first attribute that a fitted estimator has. A linear support vector machine has coefficients as well, but predicts by its vectors.
_BY_ATTRIBUTE: dict[str, Callable[[Any], Counter[str]]] = {
    "estimators_": _members,
    "tree_": lambda fitted: Counter({_LEAVES: int(fitted.tree_.n_leaves)}),
    "support_vectors_": lambda fitted: Counter({"support vectors": int(fitted.support_vectors_.shape[0])}),
    "coefs_": _net,
    "n_samples_fit_": lambda fitted: Counter({_ROWS: int(fitted.n_samples_fit_)}),
    "theta_": _bayes("theta_", "var_", "class_prior_"),
    "feature_log_prob_": _bayes("feature_log_prob_", "class_log_prior_"),
    "coef_": _coefficients,
}
