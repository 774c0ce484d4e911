"""The same model with its classes in another order: what is said of a class does not depend on where the study lists it."""

from __future__ import annotations

import pickle
from functools import cache
from itertools import permutations

import cloudpickle
import numpy as np
import pytest
import yaml
from catboost import CatBoost, CatBoostClassifier
from lightgbm import Booster as LgbBooster
from lightgbm import LGBMClassifier
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import Booster, XGBClassifier

import xai_compare as xc
from tests.made import data_of
from tests.toys import classified, game_of, world
from xai_compare.config import load_study
from xai_compare.errors import ModelError, NotApplicable, StudyError
from xai_compare.explainers import EXPLAINERS
from xai_compare.models.adapt import adapt
from xai_compare.models.reordered import Reordered, in_order, own_target
from xai_compare.models.zoo import KINDS
from xai_compare.run.keys import model_hash
from xai_compare.run.plan import plan_study
from xai_compare.streams import Streams

X, TWO = classified(n=240, d=5)
RAW = (X.x0 + X.x1 * X.x2).to_numpy()
CODES = {2: TWO, 3: np.digitize(RAW, [-0.6, 0.6])}
NAMES = {2: ("no", "yes"), 3: ("high", "low", "middle")}
QUIET = {"iterations": 12, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
TREE = DecisionTreeClassifier(max_depth=4, random_state=0)
MAKE = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "machine": SVC,
    "forest": lambda: RandomForestClassifier(8, random_state=0),
    "vote": lambda: VotingClassifier([("t", TREE), ("f", RandomForestClassifier(4, random_state=0))], voting="soft"),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=12),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=12, random_state=0),
    "xgboost": lambda: XGBClassifier(n_estimators=12, n_jobs=1),
    "lightgbm": lambda: LGBMClassifier(n_estimators=12, n_jobs=1, verbose=-1),
    "catboost": lambda: CatBoostClassifier(**QUIET),
}
BARE = {"bare xgboost": "xgboost", "bare lightgbm": "lightgbm", "bare catboost": "catboost"}
METHODS = {
    "shap": {},
    "shap tree": {"algorithm": "tree"},
    "shap linear": {"algorithm": "linear"},
    "shap contributions": {"algorithm": "contributions"},
    "shap paths": {"perturbation": "tree_path_dependent"},
    "lime": {"samples": 200},
    "occlusion": {},
    "integrated_gradients": {"steps": 5},
    "saliency": {},
    "input_x_gradient": {},
    "model_importance": {},
}


def bare(name: str, theirs):
    """What a file of the library holds: no class names in it."""
    if name == "bare xgboost":
        booster = Booster()
        booster.load_model(bytearray(theirs.get_booster().save_raw("ubj")))
        return booster
    if name == "bare lightgbm":
        return LgbBooster(model_str=theirs.booster_.model_to_string())
    plain = CatBoost()
    plain.load_model(blob=theirs._serialize_model(), format="cbm")
    return plain


@cache
def model_of(name: str, k: int):
    """A model that has its classes in the order of their names."""
    labels = np.array(NAMES[k])[CODES[k]]
    if name == "net":
        data = data_of(X, CODES[k], NAMES[k])
        return KINDS["mlp"].fit("m", data, {"hidden": [8], "epochs": 15}, 0)[0]
    if name == "onnx":
        skl2onnx = pytest.importorskip("skl2onnx")
        from xai_compare.models.onnx import read_onnx

        forest = RandomForestClassifier(8, random_state=0).fit(X.to_numpy(np.float32), labels)
        read = read_onnx("m", skl2onnx.to_onnx(forest, X.to_numpy(np.float32)[:1]).SerializeToString())
        return read.bound("m", X.head(20), NAMES[k])
    coded = name in ("xgboost", *BARE)
    theirs = MAKE[BARE.get(name, name)]().fit(X, CODES[k] if coded else labels)
    return adapt("m", bare(name, theirs) if name in BARE else theirs, X.head(20), NAMES[k] if coded else ())


FAMILIES = [*MAKE, *BARE, "net", "onnx"]
ORDERS = [order for k in (2, 3) for order in permutations(NAMES[k]) if order != NAMES[k]]


def explained(model, order, name: str, method: str, output=None):
    """The attribution of one class, wherever it stands in the study."""
    data = world(X.head(4), X.iloc[100:112], CODES[len(order)][:4], "classification", order)
    game = game_of(model, data, order.index(name), output=output)
    found = EXPLAINERS[method.partition(" ")[0]](**METHODS[method])(game, Streams(0))
    return found, game


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("family", FAMILIES)
def test_outputs_and_decisions_follow_the_names(family: str, order) -> None:
    model = model_of(family, len(order))
    turned = in_order(model, order)
    assert (turned.outputs, model.outputs) == (order, NAMES[len(order)])
    for space in sorted(model.offers & {"probability", "margin"}):
        for name in order:
            expected = model.predict(X, space)[:, model.outputs.index(name)]
            np.testing.assert_array_equal(turned.predict(X, space)[:, order.index(name)], expected)
            if model.owner is not None:
                found = turned.predict_encoded(turned.encode(X), space)[:, order.index(name)]
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert np.array(order)[turned.decide(X)].tolist() == np.array(model.outputs)[model.decide(X)].tolist()
    if model.weights is not None:
        w, b = turned.weights
        np.testing.assert_allclose(turned.encode(X) @ w.T + b, turned.predict(X, "margin"), atol=1e-9)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_method_says_the_same_of_a_class(family: str, order) -> None:
    model, own = model_of(family, len(order)), NAMES[len(order)]
    turned = in_order(model, order)
    ran = 0
    for method in METHODS:
        for name in order:
            try:
                expected, game = explained(model, own, name, method)
            except NotApplicable:
                with pytest.raises(NotApplicable):
                    explained(turned, order, name, method)
                continue
            found, again = explained(turned, order, name, method)
            np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-9)
            np.testing.assert_allclose(again.full(), game.full(), rtol=0, atol=1e-12)
            assert (found.base is None) == (expected.base is None)
            if found.base is not None:
                np.testing.assert_allclose(found.base, expected.base, rtol=0, atol=1e-9)
            assert found.about.get("degraded") == expected.about.get("degraded")
            assert found.about.get("algorithm") == expected.about.get("algorithm")
            ran += 1
    assert ran >= 3 * len(order)


@pytest.mark.parametrize("family", ["boosting", "histogram boosting", "xgboost", "lightgbm", "catboost", "bare xgboost", "net"])
def test_the_probability_of_a_class_is_explained_alike(family: str) -> None:
    model, order = model_of(family, 2), ("yes", "no")
    turned = in_order(model, order)
    for method in ("shap", "integrated_gradients" if family == "net" else "shap tree"):
        for name in order:
            expected, found = (
                explained(each, names, name, method, "probability")[0] for each, names in ((model, NAMES[2]), (turned, order))
            )
            np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-9)
            np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.base + expected.values.sum(axis=1), atol=1e-9)


def test_the_classes_differ_so_that_a_swap_would_show() -> None:
    for family in FAMILIES:
        model = model_of(family, 3)
        values = [explained(model, NAMES[3], name, "shap")[0].values for name in NAMES[3]]
        assert min(np.abs(values[a] - values[b]).max() for a, b in ((0, 1), (0, 2), (1, 2))) > 1e-3, family


def test_the_same_order_and_other_classes_are_left_alone() -> None:
    model = model_of("logistic", 3)
    assert in_order(model, NAMES[3]) is model
    assert in_order(model, ("high", "low")) is model
    assert own_target(model, np.array([2, 0])).tolist() == [2, 0]


def test_turned_twice_and_sent_to_a_worker() -> None:
    model, target = model_of("xgboost", 3), np.arange(3)
    twice = Reordered(Reordered(model, ("low", "middle", "high")), ("middle", "high", "low"))
    assert own_target(twice, target).tolist() == [2, 0, 1]
    found = pickle.loads(cloudpickle.dumps(twice))
    np.testing.assert_array_equal(found.predict(X, "margin"), model.predict(X, "margin")[:, [2, 0, 1]])
    assert (found.name, found.outputs, found.owner.tolist()) == ("m", ("middle", "high", "low"), model.owner.tolist())
    expected, _ = explained(model, NAMES[3], "low", "shap tree")
    np.testing.assert_allclose(explained(twice, twice.outputs, "low", "shap tree")[0].values, expected.values, atol=1e-9)
    data = data_of(X, CODES[3], NAMES[3])
    assert model_hash(twice, data) != model_hash(model, data)


# ---- in Python


def compared(models, y, **study):
    short = {"explainers": ["shap"], "metrics": ["additive_fit", "performance"], "data": {"explain": 12, "background": 10}}
    return xc.compare(models, X, y, background=X, study={**short, **study})


def said(found, score: str) -> dict[str, float]:
    return {row.model: row.value.estimate for row in found.performance if (row.split, row.score) == ("test", score)}


def test_models_with_their_classes_in_two_orders_are_compared() -> None:
    labels = np.array(NAMES[3])[CODES[3]]
    line = MAKE["logistic"]().fit(X, labels)
    turned = in_order(adapt("turned", line, X.head(20)), ("low", "high", "middle"))
    found = compared({"line": line, "turned": turned}, labels)
    assert found.results.classes == ("high", "low", "middle")
    scores = said(found, "log loss")
    assert scores["line"] == pytest.approx(scores["turned"], abs=1e-12)
    one, other = (found.results.attributions[name, "shap"] for name in ("line", "turned"))
    np.testing.assert_allclose(one.values, other.values, atol=1e-9)
    np.testing.assert_array_equal(one.target, other.target)


@pytest.mark.parametrize("family", ["bare xgboost", "bare lightgbm", "xgboost"])
@pytest.mark.parametrize("k", [2, 3])
def test_a_booster_that_numbers_its_classes_takes_the_names_of_the_others(family: str, k: int) -> None:
    labels = np.array(NAMES[k])[CODES[k]]
    theirs = MAKE[BARE.get(family, family)]().fit(X, CODES[k])
    booster = bare(family, theirs) if family in BARE else theirs
    found = compared({"booster": booster, "line": MAKE["logistic"]().fit(X, labels)}, labels)
    assert not found.failed
    assert said(found, "log loss")["booster"] == pytest.approx(log_loss(CODES[k], theirs.predict_proba(X)), rel=1e-5)
    alone = xc.explain(booster, X.head(12), background=X.head(20), y=labels[:12], target=str(labels[0]))
    assert alone.values.shape == (12, 5)


def test_a_bare_booster_alone_takes_the_names_of_y_or_its_numbers() -> None:
    labels = np.array(NAMES[3])[CODES[3]]
    booster = bare("bare xgboost", MAKE["xgboost"]().fit(X, CODES[3]))
    named = xc.explain(booster, X.head(9), background=X.head(20), y=labels[:9], target="low")
    numbered = xc.explain(booster, X.head(9), background=X.head(20), target="1")
    np.testing.assert_array_equal(named.values, numbered.values)
    np.testing.assert_array_equal(
        xc.explain(booster, X.head(9), background=X.head(20), y=CODES[3][:1].repeat(9), target="1").values, named.values
    )


def test_a_number_of_outputs_that_does_not_match_is_an_error() -> None:
    booster = bare("bare lightgbm", MAKE["lightgbm"]().fit(X, CODES[3]))
    with pytest.raises(ModelError, match=r"model 'booster' knows 3 classes \(0, 1, 2\), the others are 2: no, yes"):
        compared({"booster": booster, "line": MAKE["logistic"]().fit(X, np.array(NAMES[2])[CODES[2]])}, np.array(NAMES[2])[CODES[2]])
    other = MAKE["lightgbm"]().fit(X, np.array(NAMES[2])[CODES[2]])
    with pytest.raises(ModelError, match="knows the classes no, yes, and the others are bad, good"):
        adapt("m", other, X.head(20), ("bad", "good"))


# ---- from files


def planned(folder, content: bytes, k: int, positive=None, labels=None):
    folder.joinpath("model").write_bytes(content)
    X.assign(y=np.array(NAMES[k])[CODES[k]] if labels is None else labels).to_csv(folder / "t.csv", index=False)
    data = {
        "source": "file",
        "path": "t.csv",
        "target": "y",
        "explain": 10,
        "background": 10,
        **({"positive": positive} if positive else {}),
    }
    models = [{"name": "line", "kind": "logistic_regression"}, {"name": "m", "load": "model"}]
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump({"data": data, "models": models, "explainers": ["shap"], "metrics": ["performance"]}))
    return plan_study(load_study(file))


def skops_of(model) -> bytes:
    return pytest.importorskip("skops.io").dumps(model)


@pytest.mark.parametrize(("k", "positive"), [(2, "no"), (2, "yes"), (3, "high"), (3, "low")])
@pytest.mark.parametrize("family", ["logistic", "forest", "boosting"])
def test_a_loaded_model_follows_the_positive_class(family: str, k: int, positive: str, tmp_path) -> None:
    theirs = MAKE[family]().fit(X, np.array(NAMES[k])[CODES[k]])
    plan = planned(tmp_path, skops_of(theirs), k, positive)
    model = plan.given["m"]
    assert model.outputs == plan.data.classes == (*(name for name in NAMES[k] if name != positive), positive)
    np.testing.assert_allclose(model.predict(X, "probability")[:, -1], theirs.predict_proba(X)[:, NAMES[k].index(positive)], atol=1e-12)
    assert model.about["loaded"]["format"] == "skops"


def test_a_loaded_booster_scores_the_positive_class_of_two_and_is_refused_for_more(tmp_path) -> None:
    theirs = {k: MAKE["xgboost"]().fit(X, CODES[k]) for k in (2, 3)}
    content = {k: bytes(each.get_booster().save_raw("ubj")) for k, each in theirs.items()}
    model = planned(tmp_path, content[2], 2, "no").given["m"]
    assert model.outputs == ("yes", "no")
    np.testing.assert_allclose(model.predict(X, "probability"), theirs[2].predict_proba(X), atol=1e-6)
    assert "numbers its classes; its outputs are read as yes, no" in model.about["note"]
    assert planned(tmp_path, content[3], 3).given["m"].outputs == NAMES[3]
    with pytest.raises(StudyError, match=r"models\[1\]\.load: it numbers its classes, and data\.positive changes their order"):
        planned(tmp_path, content[3], 3, "high")


def test_numbers_that_are_the_tables_own_labels_are_names(tmp_path) -> None:
    theirs = MAKE["xgboost"]().fit(X, CODES[2])
    model = planned(tmp_path, bytes(theirs.get_booster().save_raw("json")), 2, "0", CODES[2]).given["m"]
    assert model.outputs == ("1", "0")
    np.testing.assert_allclose(model.predict(X, "probability")[:, ::-1], theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("k", [2, 3])
def test_a_loaded_model_of_other_classes_is_refused(k: int, tmp_path) -> None:
    other = np.array(["a", "b", "c"])[CODES[3]]
    theirs = MAKE["logistic"]().fit(X, other)
    with pytest.raises(StudyError, match=r"models\[1\]\.load: it predicts a, b, c, and the target has classes"):
        planned(tmp_path, skops_of(theirs), k)
