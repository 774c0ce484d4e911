"""On tables made by a known rule, models and methods that differ are told apart: by intervals that do not overlap."""

from __future__ import annotations

import pytest

from xai_compare.api import Audit, run_study
from xai_compare.compare import Interval
from xai_compare.compare.rows import SliceRow
from xai_compare.config import study_from_dict

LINE = {"name": "line", "kind": "logistic_regression", "reference": True}
LEARNED = {"name": "boosting", "kind": "hist_gradient_boosting", "params": {"max_iter": 40}}
PARTS = ("beyond_additive", "lost_by_method")


def audited(folder, source: str, models, metrics, **data) -> Audit:
    explainers = data.pop("explainers", ["shap", "occlusion"])
    spec = {
        "title": source,
        "data": {"source": f"synthetic:{source}", "explain": 80, "background": 30, **data},
        "models": list(models),
        "explainers": explainers,
        "metrics": [*metrics, "performance"],
        "profiles": [],
        "compare": {"pairings": ["same_method"]},
    }
    audit = run_study(study_from_dict(spec), folder)
    assert not audit.failed
    return audit


@pytest.fixture(scope="module")
def xor(tmp_path_factory) -> Audit:
    metrics = ["additive_fit", "randomisation", "truth_similarity", "mask_auroc"]
    return audited(tmp_path_factory.mktemp("xor"), "xor", [LINE, LEARNED], metrics)


@pytest.fixture(scope="module")
def and_or(tmp_path_factory) -> Audit:
    return audited(tmp_path_factory.mktemp("and_or"), "and_or", [LINE, LEARNED], ["additive_fit"])


@pytest.fixture(scope="module")
def additive(tmp_path_factory) -> Audit:
    line = {**LINE, "kind": "linear_regression"}
    return audited(tmp_path_factory.mktemp("additive"), "additive", [line, LEARNED], ["additive_fit", "truth_similarity"])


@pytest.fixture(scope="module")
def shortcut(tmp_path_factory) -> Audit:
    """One model may read the flag that decides; the other is left with the column that follows it."""
    models = [LINE, {"name": "misled", "kind": "logistic_regression", "drop": ["x0"]}]
    metrics = ["relevance_mass", "truth_similarity", "mask_auroc"]
    return audited(tmp_path_factory.mktemp("shortcut"), "shortcut", models, metrics, explainers=["shap"])


@pytest.fixture(scope="module")
def dummies(tmp_path_factory) -> Audit:
    return audited(tmp_path_factory.mktemp("dummies"), "dummies", [LINE, LEARNED], ["mask_auroc"])


@pytest.fixture(scope="module")
def slices(tmp_path_factory) -> Audit:
    """Where x0 is 1 another rule holds, of two columns that one of the models is not given. Where x5 is high nothing is different."""
    half = {**LEARNED, "name": "half", "drop": ["x3", "x4"]}
    options = {"slices": {"x0": [], "x5": [0.0]}, "explainers": ["shap"], "explain": 120}
    return audited(tmp_path_factory.mktemp("slice"), "slice", [LINE, half], ["truth_similarity"], **options)


def value(audit: Audit, model: str, explainer: str, metric: str, part: str = "") -> Interval:
    """Of a part its value, of a metric its skill."""
    (row,) = [row for row in audit.skills if (row.model, row.explainer, row.metric, row.part) == (model, explainer, metric, part)]
    found = row.value if part else row.skill
    assert found is not None
    assert found.estimate is not None
    return found


def low(one: Interval) -> float:
    """The lower limit, or the value itself where all cases agree on it."""
    return one.estimate if one.low is None else one.low


def high(one: Interval) -> float:
    return one.estimate if one.high is None else one.high


def learned(audit: Audit, model: str, score: str = "ROC-AUC") -> float:
    return next(row.value.estimate for row in audit.performance if (row.model, row.split, row.score) == (model, "test", score))


def beyond(audit: Audit, model: str) -> Interval:
    return value(audit, model, "shap", "additive_fit", "beyond_additive")


def lost(audit: Audit, model: str, explainer: str) -> Interval:
    return value(audit, model, explainer, "additive_fit", "lost_by_method")


# ---- did they learn it?


def test_what_the_models_learned(xor, and_or, additive, shortcut, slices) -> None:
    assert learned(xor, "line") < 0.6
    assert learned(xor, "boosting") > 0.9
    assert learned(and_or, "boosting") > 0.9
    assert learned(additive, "boosting", "R2") > 0.85 > learned(additive, "line", "R2")
    assert learned(shortcut, "line") > learned(shortcut, "misled") > 0.8
    assert 0.65 < learned(slices, "half") < 0.8


# ---- decomposition


def test_the_more_a_rule_is_made_of_interactions_the_more_lies_beyond_any_list(xor, and_or, additive) -> None:
    assert low(beyond(xor, "boosting")) > 0.3
    assert low(beyond(xor, "boosting")) > high(beyond(and_or, "boosting"))
    assert low(beyond(and_or, "boosting")) > 0.05
    assert low(beyond(and_or, "boosting")) > high(beyond(additive, "boosting"))
    assert high(beyond(additive, "boosting")) < 0.03


@pytest.mark.parametrize("study", ["xor", "and_or", "additive"])
def test_a_line_has_nothing_beyond_whatever_the_rule(study, request) -> None:
    audit = request.getfixturevalue(study)
    assert high(beyond(audit, "line")) == pytest.approx(0, abs=1e-9)
    assert low(beyond(audit, "boosting")) > 1e-3


@pytest.mark.parametrize("study", ["xor", "and_or", "additive"])
def test_what_the_method_loses_is_told_from_what_the_model_hides(study, request) -> None:
    audit = request.getfixturevalue(study)
    assert low(lost(audit, "boosting", "shap")) > -1e-3
    assert high(lost(audit, "boosting", "shap")) < 2e-3
    assert low(lost(audit, "boosting", "occlusion")) > high(lost(audit, "boosting", "shap"))
    assert low(lost(audit, "boosting", "random")) > high(lost(audit, "boosting", "occlusion"))
    same = [beyond(audit, "boosting").estimate, value(audit, "boosting", "random", "additive_fit", "beyond_additive").estimate]
    assert same[0] == pytest.approx(same[1])  # it belongs to the model, whoever explains it


# ---- sanity


def test_a_model_that_learned_the_rule_is_told_from_one_that_learned_next_to_nothing(xor) -> None:
    boosting, line, control = (value(xor, *of, "randomisation") for of in (("boosting", "shap"), ("line", "shap"), ("boosting", "random")))
    assert low(boosting) > high(line)
    assert low(line) > high(control)
    assert low(boosting) > 0.85
    assert high(control) < 0.2


# ---- truth


def test_exact_values_of_what_did_not_learn_the_rule_are_no_truth(xor, additive) -> None:
    for metric in ("truth_similarity", "mask_auroc"):
        assert low(value(xor, "boosting", "shap", metric)) > high(value(xor, "line", "shap", metric))
        assert low(value(xor, "boosting", "shap", metric)) > high(value(xor, "boosting", "random", metric))
    assert low(value(additive, "boosting", "shap", "truth_similarity")) > high(value(additive, "line", "shap", "truth_similarity"))


def test_occlusion_is_further_from_the_truth_than_shapley_values(additive) -> None:
    """Occlusion takes the whole of a curved effect at the case; the Shapley value against the background is the truth here."""
    shap, occlusion = (value(additive, "boosting", method, "truth_similarity") for method in ("shap", "occlusion"))
    assert low(shap) > high(occlusion)


def test_the_mass_lies_on_the_flag_or_on_what_stands_in_for_it(shortcut) -> None:
    honest, misled, control = (value(shortcut, *of, "relevance_mass") for of in (("line", "shap"), ("misled", "shap"), ("line", "random")))
    assert low(honest) > 0.6
    assert low(honest) > high(control)
    assert high(misled) < low(control)
    shares = abs(shortcut.results.attributions["misled", "shap"].values).mean(axis=0)
    assert shares[0] == 0
    assert shares[1] > 0.6 * shares.sum()
    assert value(shortcut, "line", "shap", "mask_auroc").estimate == 1
    assert low(value(shortcut, "line", "shap", "truth_similarity")) > 0.6 > 0 > high(value(shortcut, "misled", "shap", "truth_similarity"))


@pytest.mark.parametrize("model", ["line", "boosting"])
@pytest.mark.parametrize("method", ["shap", "occlusion"])
def test_dummies_are_left_aside(dummies, model: str, method: str) -> None:
    found, control = (value(dummies, model, one, "mask_auroc") for one in (method, "random"))
    assert low(found) > 0.6
    assert low(found) > high(control)
    assert low(control) < 0 < high(control)


# ---- slices


def in_slice(audit: Audit, column: str, label: str) -> SliceRow:
    wanted = ("skill", column, label, "half", "shap")
    return next(row for row in audit.slices if (row.kind, row.column, row.label, row.model, row.explainer) == wanted)


def test_the_slice_under_another_rule_is_found(slices) -> None:
    known, unknown = (in_slice(slices, "x0", label) for label in ("0", "1"))
    assert low(known.value) > high(unknown.value)
    assert unknown.difference.high < -0.1
    assert known.difference.low > 0.1
    assert unknown.difference.estimate == pytest.approx(-known.difference.estimate)


@pytest.mark.parametrize("label", ["under 0", "0 and over"])
def test_and_none_that_is_treated_like_the_rest(slices, label: str) -> None:
    row = in_slice(slices, "x5", label)
    assert row.difference.low < 0 < row.difference.high
    assert 30 <= row.value.n <= 90


# ---- not by the luck of one table


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_tables_of_the_same_rules_say_the_same(seed: int, tmp_path) -> None:
    network = {"name": "network", "kind": "mlp", "params": {"hidden": [32, 32]}}
    metrics = ["additive_fit", "truth_similarity"]
    found = {}
    for source, line in (("xor", LINE), ("additive", {**LINE, "kind": "linear_regression"})):
        found[source] = audited(tmp_path / source, source, [line, LEARNED, network], metrics, params={"rows": 1500, "seed": seed})
    for model in ("boosting", "network"):
        assert low(beyond(found["xor"], model)) > high(beyond(found["additive"], model))
        for study in found.values():
            assert low(value(study, model, "shap", "truth_similarity")) > high(value(study, "line", "shap", "truth_similarity"))
