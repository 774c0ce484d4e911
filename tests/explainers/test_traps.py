"""Known traps of shap and lime, each with the proof that the library has it where it still does, and that no user falls into it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shap
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

import xai_compare as xc
from tests.made import data_of, mixed, numbers, outcome
from tests.toys import brute_force_shapley, classified, game_of, valued, world
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers.shap import contributions, exact, kernel, linear, partition, tree
from xai_compare.game import BLOCK, Game
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.streams import Streams

BOOSTERS = {
    "xgboost": XGBClassifier(n_estimators=9, n_jobs=1),
    "lightgbm": LGBMClassifier(n_estimators=9, n_jobs=1, verbose=-1),
    "catboost": CatBoostClassifier(iterations=9, verbose=0, thread_count=1, allow_writing_files=False),
}


def setting(core, target: int = 1, background: int = 9, cases: int = 4, output=None):
    frame, y = classified()
    data = world(frame.head(cases), frame.iloc[100 : 100 + background], task="classification", classes=("0", "1"))
    return game_of(adapt("m", clone(core).fit(frame, y), data.background_inputs()), data, target, output=output)


def explained(game, **params):
    return EXPLAINERS["shap"](**params)(game, Streams(0))


def alone(game, i: int):
    """The game of one of the cases."""
    at = np.array([i])
    return Game(game.model, game.data, game.data.cases(at), game.cases[at], game.target[at], game.output)


# ---- 1. additivity is checked here, in float64, for every algorithm that promises it


def cracked(values, by: float):
    """The same values with one case off by a little."""

    def broken(game, *more):
        out = values(game, *more)
        out[1, 0] += by
        return out

    return broken


@pytest.mark.parametrize("by", [1e-3, 1e-5], ids=["much", "little"])
@pytest.mark.parametrize(
    ("module", "core", "params"),
    [
        (linear, LogisticRegression(), {}),
        (tree, RandomForestClassifier(5, random_state=0), {"algorithm": "tree"}),
        (exact, LogisticRegression(), {"algorithm": "exact"}),
        (kernel, LogisticRegression(), {"algorithm": "kernel", "samples": 100}),
        (partition, LogisticRegression(), {"algorithm": "partition"}),
    ],
    ids=["linear", "tree", "exact", "kernel", "partition"],
)
def test_a_case_that_does_not_add_up_is_computed_again_counted_and_degraded(module, core, params, by, monkeypatch) -> None:
    game = setting(core)
    whole = explained(game, permutations=200, **params)
    assert "degraded" not in whole.about
    monkeypatch.setattr(module, "values", cracked(module.values, by))
    found = explained(game, permutations=200, **params)
    assert found.about["degraded"].startswith("1 of 4 cases did not add up")
    assert found.about["largest_residual"] < 1e-7
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(found.values[[0, 2, 3]], whole.values[[0, 2, 3]])
    np.testing.assert_allclose(found.values[1], brute_force_shapley(game)[1], atol=0.02)


def test_a_sum_within_rounding_is_no_miss(monkeypatch) -> None:
    game = setting(LogisticRegression())
    monkeypatch.setattr(linear, "values", cracked(linear.values, 1e-8))
    assert "degraded" not in explained(game).about


@pytest.mark.parametrize("name", BOOSTERS)
def test_the_librarys_own_contributions_that_do_not_add_up_are_degraded_too(name, monkeypatch) -> None:
    def broken(game):
        values, base = contributions_of(game)
        values[2, 0] += 0.1
        return values, base

    contributions_of = contributions.values
    monkeypatch.setattr(contributions, "values", broken)
    assert explained(setting(BOOSTERS[name]), algorithm="contributions").about["degraded"].startswith("1 of 4 cases do not add up")


def test_the_report_grades_what_did_not_add_up(monkeypatch) -> None:
    frame, y = classified()
    monkeypatch.setattr(linear, "values", cracked(linear.values, 1e-3))
    audit = xc.compare({"line": LogisticRegression().fit(frame, y)}, frame, y, background=frame[:9], study=FEW)
    (cell,) = [cell for cell in audit.results.cells if (cell.explainer, cell.metric, cell.condition) == ("shap", "", "")]
    assert cell.status == "degraded"
    assert "did not add up under the linear algorithm" in cell.reason
    assert "did not add up under the linear algorithm" in str(audit.report)


FEW = {"explainers": ["shap"], "data": {"explain": 8, "background": 9}}


# ---- 2. order and names of columns are put right before the library sees them


@pytest.mark.parametrize("name", BOOSTERS)
def test_columns_in_another_order_give_the_same_values_by_name(name) -> None:
    frame, y = classified()
    model = clone(BOOSTERS[name]).fit(frame, y)
    wanted = xc.explain(model, frame[:5], background=frame[50:70])
    turned = frame[frame.columns[::-1]]
    found = xc.explain(model, turned[:5], background=turned[50:70])
    np.testing.assert_array_equal(found.values[:, ::-1], wanted.values)
    np.testing.assert_array_equal(found.base, wanted.base)
    mixed_up = xc.explain(model, frame[:5], background=turned[50:70])
    np.testing.assert_array_equal(mixed_up.values, wanted.values)
    # It would have mattered: the same numbers under each other's names are another table.
    wrong = turned.set_axis(frame.columns, axis=1)
    by_place = xc.explain(model, wrong[:5], background=wrong[50:70])
    assert np.abs(by_place.values[:, ::-1] - wanted.values).max() > 1e-3


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_missing_column_is_named(name) -> None:
    frame, y = classified()
    model = clone(BOOSTERS[name]).fit(frame, y)
    with pytest.raises(xc.XaiCompareError, match="x4"):
        xc.explain(model, frame.drop(columns="x4")[:5], background=frame.drop(columns="x4")[50:70])
    with pytest.raises(xc.XaiCompareError, match="background lacks the columns x4"):
        xc.explain(model, frame[:5], background=frame.drop(columns="x4")[50:70])


# ---- 3. always (n, d) for the recorded target


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize(
    "core",
    [DecisionTreeClassifier(max_depth=4), LogisticRegression(), BOOSTERS["xgboost"], BOOSTERS["lightgbm"]],
    ids=lambda core: type(core).__name__,
)
def test_each_case_has_the_row_of_its_own_target(core, k: int) -> None:
    frame, _ = classified()
    y = np.digitize(frame["x0"] + frame["x1"], [0] if k == 2 else [-0.5, 0.5])
    data = world(frame.head(6), frame.iloc[100:108], task="classification", classes=tuple(map(str, range(k))))
    model = adapt("m", clone(core).fit(frame, y), data.background_inputs())
    target = np.arange(6) % k
    found = explained(Game(model, data, data.cases(), np.arange(6), target, model.native))
    assert found.values.shape == (6, 6)
    np.testing.assert_array_equal(found.target, target)
    for i in range(6):
        game = game_of(model, data, int(target[i]))
        np.testing.assert_allclose(found.values[i], brute_force_shapley(alone(game, i))[0], atol=1e-6)


@pytest.mark.parametrize(
    "shape",
    [lambda found: [found[:, :, k] for k in range(found.shape[2])], lambda found: found[:, :, 1], lambda found: found.transpose(0, 2, 1)],
    ids=["a list by class, as old versions gave", "one class", "classes before columns"],
)
def test_another_shape_from_the_library_is_never_taken_for_values(shape, monkeypatch) -> None:
    game = setting(DecisionTreeClassifier(max_depth=4, random_state=0), target=0)
    theirs = shap.TreeExplainer.shap_values
    monkeypatch.setattr(shap.TreeExplainer, "shap_values", lambda self, *args, **kwargs: shape(theirs(self, *args, **kwargs)))
    found = explained(game, permutations=300)
    assert found.values.shape == (4, 6)
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=0.02)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), game.full(), atol=1e-6)


# ---- 4. and 5. no feature zeroed, no background cut, no seed changed, no table without end


def test_kernel_keeps_the_features_that_the_library_would_zero() -> None:
    x = np.random.default_rng(0).standard_normal((12, 16))
    game = game_of(valued(lambda rows: rows @ np.linspace(1, 2, 16)), world(x[:2], x[2:]))
    found = explained(game, algorithm="kernel", samples=600)
    np.testing.assert_allclose(found.values, (x[:2] - x[2:].mean(axis=0)) * np.linspace(1, 2, 16), atol=1e-8)
    np.random.seed(0)
    theirs = shap.KernelExplainer(lambda rows: rows @ np.linspace(1, 2, 16), x[2:]).shap_values(x[:2], nsamples=600, silent=True)
    assert (theirs == 0).sum(axis=1).tolist() == [6, 6]


@pytest.mark.parametrize(
    ("core", "params"),
    [
        (LogisticRegression(), {}),
        (RandomForestClassifier(5, random_state=0), {}),
        (BOOSTERS["xgboost"], {"algorithm": "tree"}),
        (GradientBoostingClassifier(n_estimators=9), {"algorithm": "tree"}),
        (LogisticRegression(), {"algorithm": "kernel", "samples": 100}),
    ],
    ids=["linear", "forest", "xgboost", "boosting", "kernel"],
)
def test_a_background_of_more_than_100_rows_is_used_whole(core, params) -> None:
    game = setting(core, background=130, cases=2)
    assert len(game.fill_rows()) == 130
    found = explained(game, **params)
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-5)
    assert "degraded" not in found.about
    # The library's own habit, and that it is seen in the numbers.
    assert len(shap.maskers.Independent(game.fill_rows().to_numpy()).data) == 100
    cut = Game(game.model, game.data.with_background(game.data.background[:100]), game.inputs, game.cases, game.target, game.output)
    assert np.abs(brute_force_shapley(cut) - found.values).max() > 1e-4


@pytest.mark.parametrize(
    "params", [{"algorithm": name} for name in ("tree", "linear", "exact", "permutation", "kernel", "partition")], ids=repr
)
def test_global_randomness_stays_as_it_was(params) -> None:
    game = setting(RandomForestClassifier(5, random_state=0) if params["algorithm"] == "tree" else LogisticRegression())
    states = []
    for seed in (1, 2):
        np.random.seed(seed)
        before = np.random.get_state()[1].copy()
        found = explained(game, samples=32, **params)  # of 62 coalitions: they are drawn
        np.testing.assert_array_equal(np.random.get_state()[1], before)
        states.append(found.values)
    np.testing.assert_array_equal(*states)


def test_the_seed_is_put_back_when_the_model_fails() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()

    def fails(rows):
        raise RuntimeError("gone")

    game = game_of(valued(fails), world(*np.split(numbers(9).to_numpy(), [2])))
    with pytest.raises(RuntimeError, match="gone"):
        kernel.values(game, 100, Streams(0))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("algorithm", ["exact", "permutation", "kernel", "partition"])
def test_the_model_is_asked_in_blocks_of_a_size_that_is_fixed(algorithm) -> None:
    asked = []
    x = np.random.default_rng(0).standard_normal((50, 10))
    x = np.concatenate([x[:3], np.repeat(x, 8, axis=0)])
    game = game_of(valued(lambda rows: asked.append(len(rows)) or np.tanh(rows.sum(axis=1))), world(x[:3], x[3:]))
    explained(game, algorithm=algorithm, permutations=40, samples=1500)
    assert sum(asked) > 2 * BLOCK
    assert max(asked) <= BLOCK


# ---- 6. how values are perturbed and in which output is always said


def test_perturbation_and_output_are_told_to_the_library_and_recorded(monkeypatch) -> None:
    told = []
    theirs = shap.TreeExplainer

    def noted(*args, **kwargs):
        told.append((kwargs["feature_perturbation"], kwargs["model_output"]))
        return theirs(*args, **kwargs)

    monkeypatch.setattr(shap, "TreeExplainer", noted)
    core = GradientBoostingClassifier(n_estimators=5)
    for params, output, expected in (
        ({}, None, ("interventional", "raw")),
        ({"algorithm": "tree"}, "probability", ("interventional", "probability")),
        ({"perturbation": "tree_path_dependent"}, None, ("tree_path_dependent", "raw")),
    ):
        found = explained(setting(core, output=output), **params)
        assert told.pop() == expected
        assert found.about["perturbation"] == expected[0]
        assert found.output == (output or "margin")
    assert not told


def test_the_report_names_the_perturbation_and_models_without_it_are_left_out(tmp_path) -> None:
    frame, y = classified()
    models = {"forest": RandomForestClassifier(5, random_state=0).fit(frame, y), "line": LogisticRegression().fit(frame, y)}
    shap_of = [{"name": "shap", "params": {"perturbation": "tree_path_dependent"}}]
    audit = xc.compare(models, frame, y, background=frame[:9], study={**FEW, "explainers": shap_of})
    status = {cell.model: (cell.status, cell.reason) for cell in audit.results.cells if (cell.explainer, cell.metric) == ("shap", "")}
    assert status["forest"][0] == "ok"
    assert status["line"][0] == "not_applicable"
    assert "no path-dependent values" in status["line"][1]
    assert not [gap for gap in audit.gaps if gap.kind == "models" and gap.pairing == "same_method" and gap.explainer == "shap"]
    audit.save(tmp_path)
    assert "tree_path_dependent" in (tmp_path / "report.html").read_text(encoding="utf-8")


# ---- 7. what the tree explainer cannot read


def test_a_tree_explainer_that_misreads_is_caught_by_the_sum(monkeypatch) -> None:
    game = setting(BOOSTERS["xgboost"])
    theirs = shap.TreeExplainer.shap_values
    monkeypatch.setattr(shap.TreeExplainer, "shap_values", lambda self, *args, **kwargs: theirs(self, *args, **kwargs) + 0.01)
    found = explained(game, permutations=300)
    assert "read_again" in found.about or "degraded" in found.about
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=0.02)


@pytest.mark.parametrize("score", [0.5, 0.1, 5e-7])
def test_a_base_score_in_any_notation_is_read(score) -> None:
    game = setting(XGBClassifier(n_estimators=9, n_jobs=1, base_score=score))
    found = explained(game)
    assert (found.about["algorithm"], "degraded" in found.about) == ("tree", False)
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=2e-6 * max(1, np.abs(game.full()).max()))


# ---- 8. models inside models; dtypes and names as they were fitted


def holders():
    return {
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "search": GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}, cv=2),
        "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
        "bagged": BaggingClassifier(DecisionTreeClassifier(max_depth=3), 4, random_state=0),
    }


@pytest.mark.parametrize("name", holders())
@pytest.mark.parametrize("named", [True, False], ids=["fitted on names", "fitted on an array"])
def test_a_model_inside_a_model_has_shapley_values_and_says_nothing(name, named) -> None:
    frame, y = classified()
    core = holders()[name].fit(frame if named else frame.to_numpy(), y)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = xc.explain(core, frame[:4], background=frame[100:109], target="1")
        audit = xc.compare({"m": core}, frame[:30], y[:30], background=frame[100:109], study={**FEW, "explainers": ["shap", "lime"]})
    assert [str(one.message) for one in said] == []
    assert audit.failed == ()
    data = world(frame.head(4), frame.iloc[100:109], task="classification", classes=("0", "1"))
    game = game_of(adapt("m", core, data.background_inputs()), data, 1)
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-6)


def test_a_transformed_target_is_explained_in_the_targets_own_unit() -> None:
    frame, _ = classified()
    core = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp).fit(frame, np.exp(frame["x0"] + frame["x1"]))
    data = world(frame.head(3), frame.iloc[100:109])
    game = game_of(adapt("m", core, data.background_inputs()), data)
    np.testing.assert_allclose(game.full(), core.predict(frame.head(3)))
    np.testing.assert_allclose(explained(game).values, brute_force_shapley(game), atol=1e-9)


@pytest.mark.parametrize("method", ["shap", {"name": "lime", "params": {"samples": 60}}, "occlusion", "permutation_importance"], ids=str)
def test_the_model_sees_the_dtypes_that_it_was_fitted_on(method) -> None:
    frame = mixed(80).astype({"town": "category", "owner": "boolean"})
    seen = []

    def note(rows):
        seen.append({name: str(dtype) for name, dtype in rows.dtypes.items() if rows[name].dtype.kind not in "iuf"})
        return rows

    text = ["town", "owner"]
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), text), remainder="passthrough")
    core = make_pipeline(FunctionTransformer(note), columns, LogisticRegression(max_iter=5000)).fit(frame, outcome(mixed(80)))
    fitted = seen[0]
    assert set(fitted) == {"town", "owner"}
    xc.explain(core, frame[:6], method, background=frame[40:60], y=outcome(mixed(80))[:6])
    assert len(seen) > 2
    assert all(each == fitted for each in seen)


# ---- 10. float32


def test_histogram_boosting_on_close_numbers_adds_up() -> None:
    # Numbers that float32 cannot tell apart: the trees split between them.
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(1000 + rng.integers(0, 50, (400, 4)) * 1e-5, columns=list("abcd"))
    y = ((frame["a"] - 1000 > 2e-4) ^ (frame["b"] - 1000 > 2e-4)).astype(int)
    core = HistGradientBoostingClassifier(max_iter=20).fit(frame, y)
    data = world(frame.head(15), frame.iloc[100:110], task="classification", classes=("0", "1"))
    game = game_of(adapt("m", core, data.background_inputs()), data, 1)
    np.testing.assert_allclose(game.full(), core.decision_function(frame.head(15)), atol=1e-9)
    found = explained(game)
    assert not {"degraded", "read_again"} & set(found.about)
    np.testing.assert_allclose(found.values, brute_force_shapley(game), atol=1e-6)
    theirs = shap.TreeExplainer(core, data=data.background_inputs().to_numpy(), feature_perturbation="interventional")
    off = theirs.expected_value + theirs.shap_values(frame.head(15).to_numpy(), check_additivity=False).sum(axis=1) - game.full()
    assert np.abs(off).max() > 0.1


# ---- 11. probabilities of a support vector machine


def test_a_vector_machine_of_ours_has_calibrated_probabilities_and_no_warning() -> None:
    frame, y = classified()
    data = data_of(frame, y, ("0", "1"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model, _ = KINDS["svm"].fit("m", data, {"calibrated": True}, 0)
    assert [str(one.message) for one in said] == []
    assert isinstance(model.core, CalibratedClassifierCV)
    assert model.native == "probability"


def test_a_vector_machine_of_the_user_that_warned_when_fitted_is_explained_without_a_word() -> None:
    frame, y = classified()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        core = SVC(probability=True, random_state=0).fit(frame, y)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = xc.explain(core, frame[:3], background=frame[100:106])
    assert [str(one.message) for one in said] == []
    assert found.values.shape == (3, 6)


# ---- LIME


def lime(game, samples: int = 200):
    return EXPLAINERS["lime"](samples=samples)(game, Streams(0)).values


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": np.ones(40), "b": np.ones(40)}),
        pd.DataFrame({"a": np.arange(40.0)}).assign(b=lambda rows: rows["a"], c=lambda rows: -rows["a"]),
        pd.DataFrame({"a": np.arange(40.0)}),
        pd.DataFrame({"a": ["same"] * 40, "b": np.arange(40.0)}),
        pd.DataFrame({"a": [f"v{i}" for i in range(40)], "b": np.arange(40.0)}),
    ],
    ids=["all constant", "copies", "one column", "one category", "a category per row"],
)
def test_a_neighbourhood_without_rank_has_finite_coefficients(frame) -> None:
    def says(rows):
        return rows[:, -1].astype(float) / 40

    found = lime(game_of(valued(says), world(frame.head(3), frame.tail(30))))
    assert np.isfinite(found).all()
    constant = [j for j, name in enumerate(frame.columns) if frame[name].nunique() == 1]
    np.testing.assert_allclose(found[:, constant], 0, atol=1e-12)
    if len(constant) < frame.shape[1]:
        assert np.abs(found).max() > 1e-3


@pytest.mark.parametrize("order", [[3, 1, 0, 2], [2, 3], [1]], ids=str)
def test_a_case_gets_the_same_answer_whatever_the_order_of_the_cases(order) -> None:
    for name in ("lime", "shap"):
        for core in (RandomForestClassifier(5, random_state=0), SVC()):
            game = setting(core)
            params = {"samples": 100} if name == "lime" else {"algorithm": "permutation", "permutations": 2}
            method = EXPLAINERS[name](**params)
            whole = method(game, Streams(0)).values
            at = np.array(order)
            turned = Game(game.model, game.data, game.data.cases(at), game.cases[at], game.target[at], game.output)
            np.testing.assert_allclose(method(turned, Streams(0)).values, whole[at], rtol=1e-12, atol=1e-15)
            # It does draw: another seed gives another answer.
            assert np.abs(method(turned, Streams(1)).values - whole[at]).max() > 1e-6


def test_lime_of_a_regression_and_of_three_classes_follows_the_model() -> None:
    frame, _ = classified()
    regression = LinearRegression().fit(frame, 3 * frame["x2"])
    assert (np.abs(xc.explain(regression, frame[:6], "lime", background=frame[50:]).values).argmax(axis=1) == 2).all()
    three = LogisticRegression().fit(frame, np.digitize(frame["x4"], [-0.5, 0.5]))
    found = xc.explain(three, frame[:6], "lime", background=frame[50:], target="2")
    assert (np.abs(found.values).argmax(axis=1) == 4).all()
    assert found.target.tolist() == [2] * 6


def test_cases_of_other_studies_share_no_draws() -> None:
    # The stream of a case is keyed by its number in the study: two cases with the same values are drawn apart.
    game = setting(RandomForestClassifier(5, random_state=0))
    twins = replace(game.data, explain=np.array([2, 2]))
    both = Game(game.model, twins, twins.cases(), np.arange(2), np.array([1, 1]), game.output)
    found = lime(both)
    assert np.abs(found[0] - found[1]).max() > 1e-6
