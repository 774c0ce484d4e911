"""The Python face: ready models in, an audit out, nothing of the caller's changed."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import xai_compare as xc
from tests.made import differences, mixed, numbers, outcome
from xai_compare.errors import DataError, ModelError, NotApplicable, StudyError, UnknownName, XaiCompareError

FAST = {
    "explainers": ["shap"],
    "metrics": ["additive_fit", "effective_features", "performance"],
    "data": {"explain": 12, "background": 10},
    "compare": {"checks": []},
}


def pipe(core):
    encode = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer(
        (encode, make_column_selector(dtype_exclude="number")), (StandardScaler(), make_column_selector(dtype_include="number"))
    )
    return make_pipeline(columns, core)


def table():
    X = mixed(80)
    return X, outcome(X)


def fitted():
    X, y = table()
    return {
        "line": pipe(LogisticRegression(max_iter=1000)).fit(X, y),
        "forest": pipe(RandomForestClassifier(8, random_state=0)).fit(X, y),
    }


ready = cache(fitted)


def compared(models=None, X=None, y=None, background=None, study=None, **options):
    made = table()
    X, y = (made[0] if X is None else X), (made[1] if y is None else y)
    models = ready() if models is None else models
    background = X if background is None else background
    return xc.compare(models, X, None if isinstance(y, str) else y, background=background, study={**FAST, **(study or {})}, **options)


def statuses(audit) -> set[str]:
    return {cell.status for cell in audit.results.cells}


# ---- whole comparisons


def test_german_credit_with_ready_pipelines_in_six_lines(data_dir, tmp_path) -> None:
    table = pd.read_csv(data_dir / "german_credit" / "german.csv")
    X, y = table.drop(columns="class"), table["class"]
    models = {name: pipe(core).fit(X[:700], y[:700]) for name, core in
              {"scorecard": LogisticRegression(max_iter=2000), "forest": RandomForestClassifier(20, random_state=0)}.items()}  # fmt: skip
    result = xc.compare(models, X[700:], y[700:], background=X[:700], study={"explainers": ["shap"], "data": {"explain": 30}})
    path = result.save(tmp_path / "audit")

    assert path.is_file()
    assert result.results.features == tuple(X.columns)
    assert result.results.classes == ("1", "2")
    assert statuses(result) <= {"ok", "not_applicable"}
    assert result.failed == ()
    lead = next(gap for gap in result.gaps if gap.metric == "additive_fit" and gap.kind == "models" and gap.explainer == "shap")
    assert (lead.a, lead.b, lead.verdict) == ("forest", "scorecard", "worse")
    explained = result.results.scores["scorecard", "shap", "additive_fit"].values
    np.testing.assert_allclose(explained, 1, atol=1e-6)  # a logistic is additive in its margin


def test_three_classes() -> None:
    X, y = load_iris(return_X_y=True, as_frame=True)
    models = {"line": LogisticRegression(max_iter=1000).fit(X, y), "forest": RandomForestClassifier(8, random_state=0).fit(X, y)}
    audit = xc.compare(models, X, y, background=X, study=FAST)
    assert audit.results.classes == ("0", "1", "2")
    assert set(audit.results.cases.target.tolist()) == {0, 1, 2}
    assert audit.failed == ()


def test_regression() -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    models = {"line": LinearRegression().fit(X, y), "forest": RandomForestRegressor(8, random_state=0).fit(X, y)}
    audit = xc.compare(models, X, y, background=X, study={**FAST, "report": {"show_values": True}})
    assert audit.results.task == "regression"
    assert audit.results.classes == ()
    assert audit.failed == ()
    np.testing.assert_allclose(audit.results.scores["line", "shap", "additive_fit"].values, 1, atol=1e-9)
    own = models["forest"].predict(X.iloc[list(map(int, audit.results.cases.ids))])
    np.testing.assert_allclose(audit.results.cases.outputs["forest"], own)


def test_arrays_in_and_models_fitted_on_arrays() -> None:
    X, y = load_iris(return_X_y=True)
    audit = xc.compare({"line": LogisticRegression(max_iter=1000).fit(X, y)}, X, y, background=X, study=FAST)
    assert audit.results.features == ("x0", "x1", "x2", "x3")
    assert audit.failed == ()


def test_arrays_in_and_models_fitted_on_frames() -> None:
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    by_frame = xc.compare({"line": model}, X, y, background=X, study=FAST)
    by_array = xc.compare({"line": model}, X.to_numpy(), y.to_numpy(), background=X.to_numpy(), study=FAST)
    assert by_array.results.features == tuple(X.columns)
    one, other = (audit.results.attributions["line", "shap"].values for audit in (by_array, by_frame))
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_the_same_call_gives_the_same_numbers_and_another_seed_other_cases() -> None:
    one, same, other = (compared(random_state=seed) for seed in (3, 3, 4))
    assert differences(one.results, same.results) == []
    assert differences(one.comparison, same.comparison) == []
    assert one.results.cases.ids != other.results.cases.ids


def test_functions_and_models_side_by_side() -> None:
    X, y = table()
    models = ready()
    forest = models["forest"]
    calls = {"line": models["line"], "vector": lambda rows: forest.predict_proba(rows)[:, 1], "matrix": forest.predict_proba}
    audit = compared(calls, X, y)
    assert audit.failed == ()
    assert audit.results.models[1].output == "probability"
    for name in ("values", "base"):
        one, other = (getattr(audit.results.attributions[model, "shap"], name) for model in ("vector", "matrix"))
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_functions_alone_take_their_classes_from_y() -> None:
    X, y = table()
    audit = compared({"f": lambda rows: np.full(len(rows), 0.3) + 0.1 * rows["owner"]}, X, y)
    assert audit.results.classes == ("no", "yes")


def test_a_function_gets_an_array_where_the_user_holds_one() -> None:
    X, y = load_diabetes(return_X_y=True)
    audit = xc.compare({"f": lambda rows: rows[:, 2] * rows[:, 3]}, X, y, background=X, study=FAST)
    assert audit.failed == ()
    assert audit.results.task == "regression"


# ---- y


def test_without_y_performance_is_not_applicable_and_the_rest_runs(tmp_path) -> None:
    audit = compared(y="none", study={"explainers": ["shap", "permutation_importance"]})
    assert audit.results.cases.y is None
    about_y = {cell.status for cell in audit.results.cells if cell.metric == "performance" or cell.explainer == "permutation_importance"}
    assert about_y == {"not_applicable"}
    assert "ok" in statuses(audit)
    assert audit.failed == ()
    assert audit.save(tmp_path).is_file()


@pytest.mark.parametrize(
    "form",
    [
        list,
        lambda y: pd.Series(y, index=range(500, 580)),
        lambda y: pd.Series(y, dtype="category"),
        lambda y: pd.Series(y, dtype="string"),
        lambda y: np.array(y, dtype=object),
    ],
    ids=["list", "other index", "category", "string", "object"],
)
def test_any_form_of_class_labels(form, audit) -> None:
    _, y = table()
    assert differences(compared(y=form(y)).results.cases, audit.results.cases) == []


@pytest.mark.parametrize("form", [list, lambda y: pd.Series(y, dtype="Float64"), lambda y: np.asarray(y, dtype=object)])
def test_any_form_of_a_numeric_target(form) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = {"line": LinearRegression().fit(X, y)}
    found, wanted = (xc.compare(model, X, target, background=X, study=FAST).results.scores for target in (form(y), y))
    assert differences(found["line", "", "performance"], wanted["line", "", "performance"]) == []


@pytest.mark.parametrize("form", [lambda y: np.asarray(y)[:, None], lambda y: pd.DataFrame({"y": y})], ids=["array", "frame"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_target_in_a_column_of_its_own_is_taken_or_refused_by_its_shape(task: str, form) -> None:
    X = numbers(40)
    y = X.a * 100 if task == "regression" else np.where(X.a > 0, "yes", "no")
    model = (LinearRegression() if task == "regression" else LogisticRegression()).fit(X, y)
    wanted = xc.compare({"m": model}, X, y, background=X, study=FAST)
    try:
        found = xc.compare({"m": model}, X, form(y), background=X, study=FAST)
    except DataError as error:
        assert "(40, 1)" in str(error)  # noqa: PT017 - either is right, and the message is part of it
    else:
        assert differences(found.results.scores, wanted.results.scores) == []


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda y: y[:10], "y has 10 values for 80 rows"),
        (lambda y: np.where(y == "no", "perhaps", y), "y has the labels perhaps"),
        (lambda y: np.where(np.arange(80) == 3, None, y), "y.*(missing|None)"),
        (lambda y: np.stack([y, y], axis=1), "y"),
    ],
)
def test_bad_class_labels_are_a_data_error(target, message: str) -> None:
    with pytest.raises(DataError, match=message):
        compared(y=target(table()[1]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, "text"])
def test_a_bad_value_in_a_numeric_target_is_a_data_error(bad) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = {"line": LinearRegression().fit(X, y)}
    wrong = y.astype(object if isinstance(bad, str) else float)
    wrong[7] = bad
    with pytest.raises(DataError, match="y"):
        xc.compare(model, X, wrong, background=X, study=FAST)


# ---- background, reference, options


def test_a_small_background_is_used_whole() -> None:
    X, _ = table()
    audit = compared(background=X[:7], study={"data": {"explain": 5}})
    assert audit.results.data["background"] == 7
    own = ready()["line"].decision_function(X[:7]).mean()
    assert abs(audit.results.cases.base["line"][0]) == pytest.approx(abs(own), abs=1e-12)


def test_of_a_large_background_50_rows_are_drawn() -> None:
    assert compared(study={"data": {"explain": 5}}).results.data["background"] == 50


def test_the_size_of_the_background_can_be_chosen() -> None:
    assert compared(study={"data": {"explain": 5, "background": 63}}).results.data["background"] == 63


def test_at_most_150_cases_are_explained_unless_asked() -> None:
    X = numbers(170)
    model = {"f": lambda rows: rows["a"]}
    assert len(xc.compare(model, X, background=X[:5], study={"explainers": ["shap"]}).results.cases.ids) == 150
    many = {"explainers": ["shap"], "data": {"explain": 200}}
    assert len(xc.compare(model, X, background=X[:5], study=many).results.cases.ids) == 170


def test_the_first_model_is_the_reference_unless_another_is_named(audit) -> None:
    assert audit.results.reference == "line"
    other = compared(reference="forest")
    assert other.results.reference == "forest"
    assert {gap.b for gap in other.gaps if gap.kind == "models"} == {"forest"}


def test_an_unknown_reference_is_refused_with_the_models() -> None:
    with pytest.raises(ModelError, match="reference 'wood' is none of the models: line, forest"):
        compared(reference="wood")


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"explainer": ["shap"]}, "study: explainer: unknown key: did you mean 'explainers'"),
        ({"explainers": ["shapp"]}, r"study: explainers\[0\]: unknown explainer 'shapp': did you mean 'shap'"),
        ({"explainers": ["LIME"]}, "did you mean 'lime'"),
        ({"explainers": [{"name": "shap", "params": {"permutation": 3}}]}, "did you mean 'permutations'"),
        ({"explainers": [{"name": "shap", "params": {"permutations": 0}}]}, "permutations must be at least 1"),
        ({"explainers": []}, "study: explainers"),
        ({"explainers": ["random"]}, "study: explainers: only the control"),
        ({"metrics": ["additive_fitt"]}, "did you mean 'additive_fit'"),
        ({"data": {"explian": 3}}, "study: data.explian: unknown key: did you mean 'explain'"),
        ({"data": {"explain": 0}}, "study: data.explain"),
        ({"data": 5}, "study: data: found 5"),
        ({"output": "logit"}, "study: output: found 'logit'"),
        ({"target": "maybe"}, "study: target: found 'maybe', which is no class. The classes: no, yes"),
        ({"fill": "zero"}, "study: fill"),
        ({"compare": {"level": 2}}, "study: compare.level"),
        ({"report": {"sections": ["gap"]}}, r"study: report.sections\[0\]: unknown section 'gap': did you mean 'gaps'"),
        ({"models": []}, "'models' comes from the arguments"),
        ({"seed": 3}, "'seed' comes from the arguments"),
    ],
    ids=str,
)
def test_a_bad_option_is_one_clear_line(study, message: str) -> None:
    with pytest.raises(XaiCompareError, match=message) as caught:
        compared(study=study)
    assert isinstance(caught.value, StudyError | ModelError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("models", [{}, {"": 1}, {3: LogisticRegression()}, [LogisticRegression()], LogisticRegression()], ids=str)
def test_models_that_are_no_named_models_are_refused(models) -> None:
    with pytest.raises(XaiCompareError):
        compared(models)


def test_a_negative_random_state_is_refused() -> None:
    with pytest.raises(StudyError, match="seed"):
        compared(random_state=-1)


def test_models_of_different_classes_are_refused_by_name() -> None:
    X, _ = table()
    three = pipe(LogisticRegression(max_iter=1000)).fit(X, X.town)
    with pytest.raises(ModelError, match="model 'towns' predicts classification of Aix, Bonn, Cork; the others classification of no, yes"):
        compared({**ready(), "towns": three})


def test_a_regressor_among_classifiers_is_refused_by_name() -> None:
    X, _ = table()
    line = pipe(LinearRegression()).fit(X, X.height)
    with pytest.raises(ModelError, match="model 'height' predicts regression"):
        compared({**ready(), "height": line})


@pytest.mark.parametrize(
    ("X", "background", "message"),
    [
        (lambda X: X.drop(columns="town"), None, "town"),
        (None, lambda X: X.drop(columns="town"), "background lacks the columns town"),
        (lambda X: X[:0], None, "X is empty"),
        (None, lambda X: X[:0], "background is empty"),
        (lambda X: X.assign(height=np.inf), None, "X: column 'height' has 80 infinite values"),
        (lambda X: X.assign(since=pd.Timestamp("2020-01-01")), None, "column 'since' holds dates"),
        (lambda X: pd.concat([X, X.height], axis=1), None, "duplicate column names: height"),
        (lambda X: X.height, None, "X must be a table"),
    ],
)
def test_bad_tables_are_refused(X, background, message: str) -> None:
    frame, _ = table()
    models = ready()
    cases = frame if X is None else X(frame)
    with pytest.raises((DataError, ModelError), match=message):
        xc.compare(models, cases, None, background=frame if background is None and X is None else (background or X)(frame), study=FAST)


def test_missing_values_reach_models_that_take_them() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = numbers(80), table()[1]
    X = X.where(X > -1)
    model = {"m": HistGradientBoostingClassifier(max_iter=5).fit(X, y)}
    audit = compared(model, X, y, study={"explainers": ["shap", "lime"]})
    status = {(cell.explainer, cell.metric): (cell.status, cell.reason) for cell in audit.results.cells}
    assert status["shap", ""][0] == "ok"
    assert status["lime", ""][0] == "ok"


def test_missing_values_that_a_model_cannot_take_are_a_clear_error() -> None:
    X, y = numbers(80), table()[1]
    model = {"line": LogisticRegression().fit(X, y)}
    with pytest.raises(XaiCompareError, match="line"):
        compared(model, X.where(X > -1), y)


# ---- explain


def test_shap_of_a_logistic_is_weight_times_distance_from_the_mean() -> None:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(X, y)
    background = X[40:90]
    found = xc.explain(model, X[:30], background=background)
    scaler, core = model[0], model[1]
    weight = core.coef_[0] / scaler.scale_
    sign = np.where(model.predict(X[:30]) == 1, 1, -1)[:, None]
    wanted = sign * weight * (X[:30].to_numpy() - background.to_numpy().mean(axis=0))
    np.testing.assert_allclose(found.values, wanted, atol=1e-6)
    np.testing.assert_allclose(found.base, sign[:, 0] * model.decision_function(background).mean(), atol=1e-6)
    assert (found.output, found.additive, found.signed) == ("margin", True, True)


def test_shap_of_one_hot_columns_is_the_weight_of_the_category_against_its_mean() -> None:
    X, _ = table()
    model = ready()["line"]
    found = xc.explain(model, X, background=X[:20], target="yes")
    hot, scaled = model[0].transformers_[0][1], model[0].transformers_[1][1]
    weights = model[1].coef_[0]
    town = dict(zip(hot.categories_[0], weights[:3], strict=True))
    owner = dict(zip(hot.categories_[1], weights[3:5], strict=True))
    wanted = {
        **{
            name: weights[5 + j] / scaled.scale_[j] * (X[name] - X[name][:20].mean())
            for j, name in enumerate(["height", "weight", "children"])
        },
        "town": X.town.map(town) - X.town[:20].map(town).mean(),
        "owner": X.owner.map(owner) - X.owner[:20].map(owner).mean(),
    }
    np.testing.assert_allclose(found.values, pd.DataFrame(wanted)[list(X.columns)].to_numpy(), atol=1e-6)
    assert found.target.tolist() == [1] * 80


def test_shap_of_three_classes_is_relative_to_the_mean_of_the_logits() -> None:
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    found = xc.explain(model, X, background=X[::3])
    weights = model.coef_ - model.coef_.mean(axis=0)
    np.testing.assert_allclose(found.values, weights[model.predict(X)] * (X - X[::3].mean(axis=0)), atol=1e-6)


def test_explain_explains_the_predicted_class_of_each_row_in_order() -> None:
    X, _ = table()
    model = ready()["forest"]
    found = xc.explain(model, X, background=X[:10])
    predicted = model.predict_proba(X).argmax(axis=1)
    assert found.target.tolist() == predicted.tolist()
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), model.predict_proba(X)[np.arange(80), predicted], atol=1e-6)


@pytest.mark.parametrize("method", ["shap", {"name": "lime", "params": {"samples": 60}}, "random"], ids=str)
def test_a_row_gets_the_same_explanation_alone_and_among_others(method) -> None:
    X, _ = table()
    model = ready()["forest"]
    whole, part = (xc.explain(model, rows, method, background=X[:10]) for rows in (X[:30], X[:3]))
    np.testing.assert_allclose(whole.values[:3], part.values, atol=1e-9)


def test_columns_in_another_order_are_put_right_by_name() -> None:
    X, _ = table()
    model = ready()["line"]
    turned = X[X.columns[::-1]]
    found, wanted = (xc.explain(model, rows, background=X[:10]) for rows in (turned, X))
    np.testing.assert_allclose(found.values[:, ::-1], wanted.values, atol=1e-12)


def test_an_unknown_method_gets_the_nearest() -> None:
    X, _ = table()
    with pytest.raises(UnknownName, match="unknown explainer 'shaap': did you mean 'shap'"):
        xc.explain(ready()["line"], X, "shaap", background=X)


@pytest.mark.parametrize("method", [3, {"params": {}}, {"name": "shap", "parms": {}}, ["shap"]], ids=str)
def test_a_method_that_cannot_be_read_is_a_typed_error(method) -> None:
    X, _ = table()
    with pytest.raises(XaiCompareError):
        xc.explain(ready()["line"], X, method, background=X)


def test_an_unknown_target_is_refused_with_the_classes() -> None:
    X, _ = table()
    with pytest.raises(XaiCompareError, match=r"target 'maybe' is no class. The classes: no, yes"):
        xc.explain(ready()["line"], X, background=X, target="maybe")


@pytest.mark.parametrize("method", ["integrated_gradients", "permutation_importance"])
def test_a_method_that_does_not_fit_is_a_model_error_with_the_reason(method: str) -> None:
    X, _ = table()
    with pytest.raises(ModelError, match=f"{method} does not fit this model: it needs"):
        xc.explain(ready()["line"], X, method, background=X)


def test_a_model_wide_method_gives_every_row_the_same() -> None:
    X, y = table()
    found = xc.explain(ready()["line"], X[:40], {"name": "permutation_importance", "params": {"repeats": 2}}, background=X, y=y[:40])
    assert found.scope == "model"
    assert np.ptp(found.values, axis=0).max() == 0


def test_a_margin_only_classifier_is_explained_in_its_margin() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = LinearSVC().fit(X, y)
    found = xc.explain(model, X[:5], background=X[:50])
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), np.abs(model.decision_function(X[:5])), atol=1e-6)


# ---- nothing of the caller's is changed


def test_frames_stay_as_they_were() -> None:
    X, y = table()
    X.index = range(1000, 1080)
    background, labels = X[:30].copy(), pd.Series(y, index=X.index)
    before = X.copy(deep=True), background.copy(deep=True), labels.copy(deep=True)
    study = {**FAST, "explainers": ["shap", "permutation_importance", {"name": "lime", "params": {"samples": 50}}]}
    kept = repr(study)
    xc.compare(ready(), X, labels, background=background, study=study)
    pd.testing.assert_frame_equal(X, before[0])
    pd.testing.assert_frame_equal(background, before[1])
    pd.testing.assert_series_equal(labels, before[2])
    assert repr(study) == kept


def test_read_only_arrays_are_taken_and_not_written() -> None:
    X, y = (array.copy() for array in load_iris(return_X_y=True))
    model = {"line": LogisticRegression(max_iter=1000).fit(X, y), "forest": RandomForestClassifier(5, random_state=0).fit(X, y)}
    before = X.copy()
    for array in (X, y):
        array.setflags(write=False)
    study = {**FAST, "explainers": ["shap", "permutation_importance", {"name": "lime", "params": {"samples": 50}}]}
    assert xc.compare(model, X, y, background=X, study=study).failed == ()
    np.testing.assert_array_equal(X, before)


def test_models_are_left_as_found() -> None:
    models = ready()
    before = {name: pickle.dumps(model) for name, model in models.items()}
    compared(models, study={"explainers": ["shap", "permutation_importance"]})
    assert {name: pickle.dumps(model) for name, model in models.items()} == before


def test_global_random_state_is_left_alone() -> None:
    np.random.seed(5)
    before = np.random.get_state(legacy=False)
    compared(study={"explainers": ["shap", "permutation_importance", {"name": "lime", "params": {"samples": 50}}]})
    np.testing.assert_equal(np.random.get_state(legacy=False), before)


def test_a_function_that_writes_into_its_frame_harms_nobody_else() -> None:
    X, y = numbers(40), None

    def writes(rows):
        rows["ratio"] = rows["a"] / (1 + rows["b"].abs())
        return rows["ratio"]

    def copies(rows):
        return writes(rows.copy())

    found, wanted = (
        xc.compare({"f": model, "g": lambda rows: rows["a"]}, X, y, background=X[:10], study=FAST).results for model in (writes, copies)
    )
    assert list(X.columns) == list("abcd")
    assert differences(found.attributions, wanted.attributions) == []


def test_an_index_of_any_kind_does_not_matter() -> None:
    X, _ = table()
    plain = compared()
    odd = compared(X=X.set_axis(pd.Index(["same"] * 80)), background=X.set_axis(pd.date_range("2020", periods=80)))
    assert differences(odd.results.attributions, plain.results.attributions) == []


# ---- what comes out


@pytest.fixture(scope="module")
def audit():
    """All that is measured by default."""
    return compared(study={"metrics": "auto", "compare": {}})


def test_gaps_as_a_frame(audit) -> None:
    frame = audit.gaps.frame()
    assert {"question", "metric", "pairing", "a", "b", "estimate", "low", "high", "p", "n", "verdict"} <= set(frame.columns)
    assert len(frame) == len(audit.gaps) > 0
    assert (frame.dropna(subset=["low"]).low <= frame.dropna(subset=["low"]).high).all()
    first = next(iter(audit.gaps))
    assert frame.iloc[0][["a", "b", "estimate", "n"]].tolist() == [first.a, first.b, first.gap.estimate, first.gap.n]


@pytest.mark.parametrize("rows", ["skills", "agreement", "performance"])
def test_other_rows_as_frames(audit, rows: str) -> None:
    frame = getattr(audit, rows).frame()
    assert len(frame) == len(getattr(audit, rows)) > 0
    assert {"estimate", "low", "high", "n"} <= set(frame.columns)


def test_saved_files(audit, tmp_path) -> None:
    path = audit.save(tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / "report.html"
    for name in ("report.html", "report.json", "manifest.json", "timings.json", "data/results.json", "data/results.npz"):
        assert (tmp_path / "a" / "b" / name).stat().st_size > 0
    assert list((tmp_path / "a" / "b" / "figures").iterdir())
    assert differences(xc.Results.load(tmp_path / "a" / "b" / "data"), audit.results) == []


def test_saving_over_a_file_is_a_clear_error(audit, tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(XaiCompareError, match="cannot be written"):
        audit.save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_repr_names_the_models_and_the_leading_gaps(audit) -> None:
    text = repr(audit)
    assert text.startswith("Interpretability comparison: line, forest")
    assert "fidelity: forest against line: " in text
    assert len(text) < 1000


def test_the_same_models_fitted_again_have_the_same_fingerprint() -> None:
    one, same = compared(fitted()), compared(fitted())
    assert one.results.provenance["models_fingerprint"] == same.results.provenance["models_fingerprint"]


def test_html_repr_is_a_fragment_with_the_models(audit) -> None:
    html = audit._repr_html_()
    assert "forest" in html
    assert "<script" not in html


def test_failed_cells_are_named_with_their_reason(monkeypatch) -> None:
    from xai_compare.explainers import EXPLAINERS

    def broken(self, game, streams):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(EXPLAINERS["permutation_importance"], "__call__", broken)
    audit = compared(study={"explainers": ["shap", "permutation_importance"]})
    assert audit.failed == tuple(f"{model} permutation_importance: RuntimeError: no such luck" for model in ("line", "forest"))
    assert "cells failed" in repr(audit)
    assert audit.report


def test_not_applicable_is_no_xai_compare_error() -> None:
    assert not issubclass(NotApplicable, XaiCompareError)
