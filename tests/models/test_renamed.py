"""Models trained on codes, in a study that gives the classes names: the right name on the right output, and nothing else changes."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pytest
import yaml
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

import xai_compare as xc
from tests.hub import bert, tokenizer
from tests.toys import classified
from xai_compare.api import run_study
from xai_compare.config import load_study
from xai_compare.data.text import as_texts
from xai_compare.errors import DataError, StudyError
from xai_compare.models.adapt import adapt
from xai_compare.models.onnx import read_onnx
from xai_compare.run.plan import plan_study

X, Y = classified(n=240, d=4)
CODES = Y + 1
THREE = np.digitize((X.x0 + X.x1).to_numpy(), [-0.6, 0.6])
LABELS = {1: "good", 2: "bad"}


def skops_of(model: Any) -> bytes:
    return pytest.importorskip("skops.io").dumps(model)


def cbm_of(model: Any, folder: Any) -> bytes:
    model.save_model(folder / "cbm", format="cbm")
    return (folder / "cbm").read_bytes()


def onnx_of(model: Any, **how: Any) -> bytes:
    skl2onnx = pytest.importorskip("skl2onnx")
    pytest.importorskip("onnxruntime")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own
        return skl2onnx.to_onnx(model, X.to_numpy().astype(np.float32)[:2], options={id(model): how}).SerializeToString()


@functools.cache
def fitted(kind: str) -> Any:
    """A model of codes 1 and 2; xgboost takes no other codes than 0 and 1."""
    made = {
        "pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(X, CODES),
        "forest": lambda: RandomForestClassifier(8, random_state=0).fit(X, CODES),
        "lightgbm": lambda: LGBMClassifier(n_estimators=12, n_jobs=1, verbose=-1).fit(X, CODES),
        "catboost": lambda: CatBoostClassifier(iterations=12, verbose=0, thread_count=1, allow_writing_files=False).fit(X, CODES),
        "onnx": lambda: RandomForestClassifier(8, random_state=0).fit(X.to_numpy().astype(np.float32), CODES),
        "xgboost": lambda: XGBClassifier(n_estimators=12, n_jobs=1).fit(X, Y),
    }
    return made[kind]()


def content(kind: str, folder: Any) -> bytes:
    model = fitted(kind)
    if kind == "catboost":
        return cbm_of(model, folder)
    if kind == "lightgbm":
        return model.booster_.model_to_string().encode()
    if kind == "xgboost":
        return bytes(model.get_booster().save_raw("ubj"))
    return onnx_of(model) if kind == "onnx" else skops_of(model)


def study(folder: Any, model: bytes, y: Any, **options: Any) -> Any:
    folder.joinpath("model").write_bytes(model)
    X.assign(y=y).to_csv(folder / "t.csv", index=False)
    data = {"path": "t.csv", "target": "y", "explain": 12, "background": 10, **options.pop("data", {})}
    models = [{"name": "line", "kind": "logistic_regression"}, {"name": "m", "load": "model"}]
    file = folder / "study.yaml"
    file.write_text(
        yaml.safe_dump({"data": data, "models": models, "explainers": ["shap"], "metrics": ["performance"], "profiles": [], **options})
    )
    return load_study(file)


@pytest.mark.parametrize("positive", ["good", "bad", None])
@pytest.mark.parametrize("kind", ["pipeline", "forest", "catboost", "onnx"])
def test_a_loaded_model_that_knows_the_codes_speaks_the_names(kind: str, positive: str | None, tmp_path: Any) -> None:
    said = {"labels": LABELS, **({"positive": positive} if positive else {})}
    plan = plan_study(study(tmp_path, content(kind, tmp_path), CODES, data=said))
    model = plan.given["m"]
    assert model.outputs == plan.data.classes == (("bad", "good") if positive == "good" else ("good", "bad"))
    rows = X.to_numpy().astype(np.float32) if kind == "onnx" else X
    wanted = dict(zip(["good", "bad"], fitted(kind).predict_proba(rows).T, strict=True))
    found = dict(zip(model.outputs, model.predict(X, "probability").T, strict=True))
    for name, outputs in wanted.items():
        np.testing.assert_allclose(found[name], outputs, atol=1e-6)
    decided = np.array(model.outputs)[model.decide(X)]
    assert decided.tolist() == [LABELS[int(code)] for code in np.ravel(fitted(kind).predict(rows))]
    assert "note" not in model.about


@pytest.mark.parametrize("positive", ["stays", "leaves"])
def test_a_booster_that_numbers_its_classes_is_read_by_the_codes(positive: str, tmp_path: Any) -> None:
    """By position the class that counts would take the outputs of 1, whatever its code is."""
    plan = plan_study(study(tmp_path, content("xgboost", tmp_path), Y, data={"labels": {0: "stays", 1: "leaves"}, "positive": positive}))
    model = plan.given["m"]
    at = model.outputs.index("leaves")
    assert at == (1 if positive == "leaves" else 0)
    np.testing.assert_allclose(model.predict(X, "probability")[:, at], fitted("xgboost").predict_proba(X)[:, 1], atol=1e-6)
    assert "note" not in model.about


def test_codes_of_more_classes_are_read_in_any_order(tmp_path: Any) -> None:
    theirs = XGBClassifier(n_estimators=6, n_jobs=1).fit(X, THREE)
    said = {"labels": {0: "low", 1: "middle", 2: "high"}, "positive": "low"}
    model = plan_study(study(tmp_path, bytes(theirs.get_booster().save_raw("json")), THREE, data=said)).given["m"]
    assert model.outputs == ("middle", "high", "low")
    np.testing.assert_allclose(model.predict(X, "probability"), theirs.predict_proba(X)[:, [1, 2, 0]], atol=1e-6)


def test_a_file_that_has_lost_the_codes_is_read_in_the_order_of_the_names(tmp_path: Any) -> None:
    """LightGBM stores 0 and 1 for codes 1 and 2."""
    model = plan_study(study(tmp_path, content("lightgbm", tmp_path), CODES, data={"labels": LABELS, "positive": "bad"})).given["m"]
    assert model.outputs == ("good", "bad")
    np.testing.assert_allclose(model.predict(X, "probability"), fitted("lightgbm").predict_proba(X), atol=1e-6)
    assert model.about["note"] == "it numbers its classes; its outputs are read as good, bad, in this order"


def test_a_graph_of_bare_probabilities_is_read_in_the_order_of_the_study() -> None:
    onnx = pytest.importorskip("onnx")
    theirs = RandomForestClassifier(8, random_state=0).fit(X.to_numpy().astype(np.float32), Y)
    graph = onnx.load_from_string(onnx_of(theirs, zipmap=False))
    del graph.graph.output[0]  # which would say the class
    model = adapt("m", read_onnx("m", graph.SerializeToString()), X, ("stays", "leaves"), labels={"1": "leaves", "0": "stays"})
    assert model.outputs == ("stays", "leaves")
    np.testing.assert_allclose(model.predict(X, "probability"), theirs.predict_proba(X.to_numpy().astype(np.float32)), atol=1e-6)


@pytest.mark.parametrize("form", ["skops", "onnx"])
def test_a_model_that_knows_the_names_is_taken_as_it_is(form: str, tmp_path: Any) -> None:
    rows = X if form == "skops" else X.to_numpy().astype(np.float32)
    theirs = LogisticRegression().fit(rows, np.array(["good", "bad"])[Y])
    stored = skops_of(theirs) if form == "skops" else onnx_of(theirs)
    plan = plan_study(study(tmp_path, stored, CODES, data={"labels": LABELS}))
    assert plan.given["m"].outputs == ("good", "bad")
    np.testing.assert_allclose(plan.given["m"].predict(X, "probability")[:, 1], theirs.predict_proba(rows)[:, 0], atol=1e-6)


def test_a_model_of_other_classes_is_refused_with_names_and_codes(tmp_path: Any) -> None:
    theirs = LogisticRegression().fit(X, np.array(["no", "yes"])[Y])
    with pytest.raises(StudyError, match=r"models\[1\]\.load: it predicts no, yes, and the target has classes good \(1\), bad \(2\)"):
        plan_study(study(tmp_path, skops_of(theirs), CODES, data={"labels": LABELS}))


def test_names_change_words_only(tmp_path: Any) -> None:
    """One study with codes, one with names: the same numbers; and names that change find no stored result of the others."""
    asked = {"explainers": ["shap"], "metrics": ["additive_fit", "performance"]}
    file, said = content("forest", tmp_path), {"positive": 2}
    coded = run_study(study(tmp_path, file, CODES, data=said, **asked), tmp_path / "coded")
    runs = {}
    for names in (LABELS, {1: "paid", 2: "failed"}):
        named = study(tmp_path, file, CODES, data={"labels": names, "positive": names[2]}, **asked)
        runs[names[1]] = run_study(named, tmp_path / "named")
    for good, found in runs.items():
        assert found.results.classes == (good, {"good": "bad", "paid": "failed"}[good])
        assert not found.failed
        for frame in ("scores", "gaps"):
            columns = getattr(coded, frame).frame().select_dtypes("number")
            np.testing.assert_array_equal(getattr(found, frame).frame()[columns.columns].to_numpy(), columns.to_numpy())
        assert "why 2" not in (tmp_path / "named" / "report.html").read_text()
    page = (tmp_path / "named" / "report.html").read_text()
    assert "failed" in page
    assert "good" not in runs["paid"].results.classes


@pytest.mark.parametrize(
    ("own", "labels", "outputs"),
    [
        (["0", "1"], {"0": "ham", "1": "spam"}, ("ham", "spam")),
        (["1", "0"], {"0": "ham", "1": "spam"}, ("spam", "ham")),
        (["HAM", "SPAM"], {"0": "ham", "1": "spam"}, ("ham", "spam")),
        (["LABEL_0", "LABEL_1"], {"1": "ham", "2": "spam"}, ("ham", "spam")),
    ],
)
def test_a_pair_of_transformers(own: list[str], labels: dict[str, str], outputs: tuple[str, ...]) -> None:
    net = bert(id2label=dict(enumerate(own)), label2id={name: i for i, name in enumerate(own)})
    texts = as_texts(["the good", "bad"])
    model = adapt("net", (net, tokenizer()), texts, ("ham", "spam"), labels=labels)
    assert model.outputs == outputs
    again = adapt("net", model, texts, ("ham", "spam"), labels=labels)  # as in Python, where the first round asks for its classes
    assert again.outputs == outputs
    np.testing.assert_array_equal(again.predict(texts, "probability"), model.predict(texts, "probability"))


# ---- in Python

QUICK = {"explainers": ["shap"], "metrics": ["performance"], "profiles": []}


def compared(models: dict[str, Any], y: Any, labels: Any = LABELS, **options: Any) -> Any:
    return xc.compare(models, X, y, background=X.head(30), study={**QUICK, "data": {"explain": 12, "labels": labels}, **options})


@pytest.mark.parametrize("given", [CODES, CODES.astype(float), np.array(["good", "bad"])[Y]], ids=["codes", "floats", "names"])
def test_classes_get_names_in_python_too(given: Any) -> None:
    named = np.array(["good", "bad"])[Y]
    models = {
        "forest": fitted("forest"),
        "names": LogisticRegression().fit(X, named),
        "numbers": fitted("xgboost"),
        "function": lambda rows: fitted("forest").predict_proba(rows),
    }
    found = compared(models, given, target="bad")
    assert not found.failed
    assert found.results.classes == ("good", "bad")
    losses = {row.model: row.value.estimate for row in found.performance if (row.split, row.score) == ("test", "log loss")}
    for name in ("forest", "names", "numbers"):
        assert losses[name] == pytest.approx(log_loss(Y, models[name].predict_proba(X)[:, [1, 0] if name == "names" else [0, 1]]), rel=1e-5)
    assert losses["function"] == losses["forest"]


def test_labels_that_do_not_fit_are_refused_in_python() -> None:
    with pytest.raises(DataError, match=r"data\.labels names good, bad \(for 1, 3\), and the classes are good, 2"):
        compared({"forest": fitted("forest")}, CODES, {1: "good", 3: "bad"})
    with pytest.raises(DataError, match="and what is predicted is a number"):
        compared({"line": lambda rows: rows[:, 0]}, X.x0.to_numpy())
    with pytest.raises(StudyError, match=r"target: found '2', which data\.labels calls 'bad': say the name"):
        compared({"forest": fitted("forest")}, CODES, target="2")
