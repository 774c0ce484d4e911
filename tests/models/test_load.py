"""Models from files: the same bits as in memory, no code run that nobody vouched for, and typed errors at anything else."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import textwrap
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from tests.made import data_of, numbers
from xai_compare.errors import MissingExtra, ModelError, XaiCompareError
from xai_compare.models import _formats_skops, _formats_trees, load
from xai_compare.models import _formats_trial as trial
from xai_compare.models._formats import recognise
from xai_compare.models.adapt import adapt
from xai_compare.models.load import load_model, pin_of
from xai_compare.models.zoo import KINDS

ROOT = Path(__file__).parents[2]
X = numbers(120)
Y = ((X.a + X.b * X.c) > 0).astype(int)
Y3 = np.digitize(X.a + X.b, [-0.5, 0.7])
PLACES = X.assign(town=pd.Categorical(np.array(["Aix", "Bonn", "Cork"])[np.arange(120) % 3]))


def library(name: str):
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install 'xai-compare-toolkit[boosting,onnx]'")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# ---- a model of each format, written by its own library: (bytes, the object in memory, its predictions for a frame)


def _xgboost(kind: str, form: str):
    xgboost = library("xgboost")
    few = {"n_estimators": 5, "max_depth": 3, "n_jobs": 1}
    if kind == "regressor":
        model = xgboost.XGBRegressor(**few).fit(X, X.a * 2 + X.b)
    elif kind == "categories":
        model = xgboost.XGBClassifier(enable_categorical=True, max_cat_to_onehot=1, **few).fit(PLACES, Y)
    else:
        model = xgboost.XGBClassifier(booster="dart" if kind == "dart" else "gbtree", **few).fit(X, Y3 if kind == "three" else Y)
    booster = model.get_booster()
    rows = PLACES if kind == "categories" else X
    return bytes(booster.save_raw(form)), booster, lambda m: m.predict(xgboost.DMatrix(rows, enable_categorical=True))


def _lightgbm(kind: str):
    lightgbm = library("lightgbm")
    few = {"n_estimators": 5, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}
    if kind == "regressor":
        model = lightgbm.LGBMRegressor(linear_tree=True, **few).fit(X, X.a * 2 + X.b)
    elif kind == "categories":
        model = lightgbm.LGBMClassifier(min_data_per_group=1, cat_smooth=0.1, **few).fit(PLACES, (PLACES.town == "Bonn").astype(int))
    else:
        model = lightgbm.LGBMClassifier(**few).fit(X, Y3 if kind == "three" else Y)
    rows = PLACES if kind == "categories" else X
    return model.booster_.model_to_string().encode(), model.booster_, lambda m: m.predict(rows)


def _catboost(kind: str):
    catboost = library("catboost")
    few = {"iterations": 5, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    rows, cats = (X, []) if kind not in {"categories", "counts"} else (PLACES.assign(town=PLACES.town.astype(str)), ["town"])
    if kind == "regressor":
        model = catboost.CatBoostRegressor(**few).fit(rows, X.a * 2 + X.b)
    else:
        few |= {"one_hot_max_size": 1} if kind == "counts" else {}
        model = catboost.CatBoostClassifier(cat_features=cats, **few).fit(rows, Y3 if kind == "three" else Y)
    content = model._serialize_model()
    return content, model, lambda m: m.predict(rows) if kind == "regressor" else m.predict_proba(rows)


def _skops(kind: str):
    import skops.io

    models = {
        "forest": lambda: RandomForestClassifier(6, random_state=0).fit(X, Y),
        "boosting": lambda: GradientBoostingRegressor(n_estimators=6).fit(X, X.a),
        "histogram": lambda: HistGradientBoostingClassifier(max_iter=5, categorical_features=["town"]).fit(PLACES, Y3),
        "pipeline": lambda: make_pipeline(
            make_column_transformer((OneHotEncoder(), ["town"]), remainder=StandardScaler()), LogisticRegression()
        ).fit(PLACES, Y),
        "calibrated": lambda: CalibratedClassifierCV(SVC()).fit(X, Y),
        "neighbours": lambda: KNeighborsClassifier(3).fit(X, Y3),
        "ball": lambda: KNeighborsClassifier(3, algorithm="ball_tree", p=1).fit(X, Y3),
        "vectors": lambda: SVR().fit(X, X.a),
        "vote": lambda: VotingClassifier([("nb", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3))]).fit(X, Y),
    }
    model = models[kind]()
    rows = PLACES if kind in {"histogram", "pipeline"} else X
    return skops.io.dumps(model), model, lambda m: m.predict(rows)


def _net(task: str):
    data = data_of(X, Y, ("no", "yes")) if task == "classification" else data_of(X, X.a * 2)
    model, content = KINDS["mlp"].fit("net", data, {"hidden": [4], "epochs": 3}, 0)
    return content, model, lambda m: m.predict(X, m.native)


def _onnx_bytes(model, rows, **how) -> bytes:
    library("skl2onnx")
    library("onnxruntime")
    from skl2onnx import to_onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own
        return to_onnx(model, rows, **how).SerializeToString()


def _onnx(kind: str):
    """The object in memory is a session of onnxruntime opened by hand."""
    onnxruntime = library("onnxruntime")
    rows = X.to_numpy().astype(np.float32)
    if kind == "regressor":
        content = _onnx_bytes(LinearRegression().fit(rows, X.a * 2 + 1), rows)
    else:
        forest = RandomForestClassifier(5, random_state=0).fit(rows, Y3)
        content = _onnx_bytes(forest, rows, options={id(forest): {"zipmap": kind == "zipmap"}})

    def said(model):
        if hasattr(model, "native"):
            return model.predict(X, model.native)
        found = model.run(None, {"X": rows})[-1]
        return np.array([[row[label] for label in sorted(row)] for row in found] if isinstance(found, list) else found, dtype=np.float64)

    return content, onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]), said


MADE = {
    **{f"xgboost-{form} {kind}": functools.partial(_xgboost, kind, form) for form in ("json", "ubj")
       for kind in ("two", "three", "regressor", "dart", "categories")},
    **{f"lightgbm {kind}": functools.partial(_lightgbm, kind) for kind in ("two", "three", "regressor", "categories")},
    **{f"catboost {kind}": functools.partial(_catboost, kind) for kind in ("two", "three", "regressor", "categories", "counts")},
    **{f"skops {kind}": functools.partial(_skops, kind) for kind in
       ("forest", "boosting", "histogram", "pipeline", "calibrated", "neighbours", "ball", "vectors", "vote")},
    **{f"safetensors {task}": functools.partial(_net, task) for task in ("classification", "regression")},
    **{f"onnx {kind}": functools.partial(_onnx, kind) for kind in ("zipmap", "plain", "regressor")},
}  # fmt: skip


@functools.cache
def made(name: str):
    return MADE[name]()


@pytest.fixture
def write(tmp_path):
    def write(content: bytes, name: str = "model.bin") -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


# ---- what is loaded


# Of each format that is tried in a process of its own, one is: the others by the forking server below, which is faster.
ALONE = {"xgboost-json two", "xgboost-ubj categories", "lightgbm regressor", "catboost counts", "onnx zipmap"}


@pytest.mark.parametrize("name", MADE)
def test_a_loaded_model_predicts_the_same_bits(name: str, write, request, monkeypatch) -> None:
    content, memory, said = made(name)
    if name not in ALONE and not name.startswith(("skops", "safetensors")):
        monkeypatch.setattr(trial, "attempt", request.getfixturevalue("server"))
    loaded = load_model(write(content, "model.pkl"))  # the extension is a lie, and plays no part
    assert (loaded.format, loaded.unsafe, loaded.sha256, loaded.size) == (name.split(maxsplit=1)[0], False, sha(content), len(content))
    np.testing.assert_array_equal(said(loaded.model), said(memory))
    assert json.loads(json.dumps(loaded.about))["file"] == "model.pkl"


@pytest.mark.parametrize("name", ["xgboost-json two", "xgboost-ubj three", "lightgbm three", "catboost two", "catboost regressor"])
def test_an_adapted_booster_predicts_as_the_one_in_memory(name: str, write, server, monkeypatch) -> None:
    monkeypatch.setattr(trial, "attempt", server)
    content, memory, _ = made(name)
    classes = () if "regressor" in name else ("0", "1", "2") if "three" in name else ("0", "1")
    ours, theirs = (adapt("m", each, X, classes) for each in (load_model(write(content)).model, memory))
    np.testing.assert_array_equal(ours.predict(X, ours.native), theirs.predict(X, theirs.native))
    np.testing.assert_array_equal(ours.decide(X) if classes else 0, theirs.decide(X) if classes else 0)


def test_a_link_is_followed(write, tmp_path) -> None:
    (tmp_path / "link").symlink_to(write(made("skops forest")[0]))
    assert load_model(tmp_path / "link").format == "skops"


def test_a_file_known_from_before_is_not_tried_again(write, monkeypatch) -> None:
    content = made("lightgbm two")[0]
    monkeypatch.setattr(trial, "attempt", lambda *_: pytest.fail("tried again"))
    assert load_model(write(content), known=sha(content)).sha256 == sha(content)
    with pytest.raises(ModelError, match="was changed during the run"):
        load_model(write(content + b"\n"), known=sha(content))


def test_what_the_library_warns_about_is_kept(write) -> None:
    content = pickle.dumps(Warner())
    assert load_model(write(content), allow_unsafe=f"sha256:{sha(content)}").notes == ("old version",)


class Warner:
    def __setstate__(self, state) -> None:
        warnings.warn("old version", stacklevel=1)

    def __getstate__(self):
        return {"a": 1}


# ---- what is refused


class Bomb:
    """Makes a file when it is unpickled, and is of a module that leaves a mark when it is imported."""

    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (self.canary,)


def _torch_bytes(value, zipped: bool) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _joblib_bytes(value, compress) -> bytes:
    import joblib

    stream = io.BytesIO()
    joblib.dump(value, stream, compress=compress)
    return stream.getvalue()


def _cloudpickle_bytes(value) -> bytes:
    import cloudpickle

    return cloudpickle.dumps(value)


CODE = {
    **{f"pickle {protocol}": functools.partial(pickle.dumps, protocol=protocol) for protocol in range(6)},
    "cloudpickle": _cloudpickle_bytes,
    **{f"joblib {how}": functools.partial(_joblib_bytes, compress=how) for how in (0, "zlib", "gzip", "bz2", "xz", "lzma")},
    "joblib level 9": functools.partial(_joblib_bytes, compress=9),
    "torch zip": functools.partial(_torch_bytes, zipped=True),
    "torch legacy": functools.partial(_torch_bytes, zipped=False),
}

REFUSE = """
import sys
sys.path.insert(0, {folder!r})
from xai_compare.errors import ModelError
from xai_compare.models.load import load_model
for file in {files!r}:
    try:
        load_model(file)
    except ModelError as error:
        print(error)
    else:
        raise SystemExit("loaded " + file)
print(*[name for name in ("marker", "joblib", "torch", "cloudpickle", "skops", "sklearn") if name in sys.modules])
"""


def in_a_fresh_process(folder: Path, files: list[Path]) -> list[str]:
    code = REFUSE.format(folder=str(folder), files=[str(file) for file in files])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def thing_of(module: str):
    """An object of a class that lives in a module of that name, which exists only while it is pickled."""
    thing = type("Thing", (), {"__module__": module})
    sys.modules[module] = types.ModuleType(module)
    sys.modules[module].Thing = thing
    return thing()


def test_code_is_refused_before_anything_of_it_is_imported_or_run(tmp_path) -> None:
    (tmp_path / "marker.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'imported')!r})\nclass Thing: pass\n")
    bomb, thing = Bomb(str(tmp_path / "canary")), thing_of("marker")
    files = []
    try:
        for name, dump in CODE.items():
            for number, content in enumerate((dump(bomb), dump(thing))):
                files.append(tmp_path / f"{name.replace(' ', '_')}_{number}.model")
                files[-1].write_bytes(content)
    finally:
        del sys.modules["marker"]
    files.append(tmp_path / "named.model")
    files[-1].write_bytes(b"\x80\x04cmarker\nThing\n.")
    *said, modules = in_a_fresh_process(tmp_path, files)
    assert modules == ""
    assert not (tmp_path / "canary").exists()
    assert not (tmp_path / "imported").exists()
    for line, file in zip(said, files, strict=True):
        digest = sha(file.read_bytes())
        assert line.startswith(f"file '{file.name}' is ")
        assert "can run any code" in line
        assert f'allow_unsafe: "sha256:{digest}"' in line
        assert str(tmp_path) not in line


def test_the_canary_sings_when_the_file_is_pinned(tmp_path) -> None:
    """That the test above would see a file that is loaded."""
    content = pickle.dumps(Bomb(str(tmp_path / "canary")))
    (tmp_path / "m").write_bytes(content)
    load_model(tmp_path / "m", allow_unsafe=f"sha256:{sha(content)}")
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("kind", CODE)
def test_the_right_pin_loads_the_very_bytes(kind: str, write) -> None:
    tree = DecisionTreeClassifier(max_depth=3).fit(X, Y)
    content = CODE[kind](tree)
    path = write(content)
    with pytest.raises(ModelError, match="refused, nothing of it was run"):
        load_model(path)
    with pytest.raises(ModelError, match="not the one that was pinned"):
        load_model(path, allow_unsafe=f"sha256:{'0' * 64}")
    assert pin_of(path) == f"sha256:{sha(content)}"
    loaded = load_model(path, allow_unsafe=f"sha256:{sha(content).upper()}")
    assert loaded.unsafe
    np.testing.assert_array_equal(loaded.model.predict_proba(X), tree.predict_proba(X))


def test_a_file_that_is_swapped_after_hashing_changes_nothing(write, monkeypatch, tmp_path) -> None:
    good, evil = pickle.dumps([1, 2]), pickle.dumps(Bomb(str(tmp_path / "canary")))
    path = write(good)

    def swap(file, content):
        path.write_bytes(evil)
        return recognise(file, content)

    monkeypatch.setattr(load, "recognise", swap)
    assert load_model(path, allow_unsafe=f"sha256:{sha(good)}").model == [1, 2]
    assert not (tmp_path / "canary").exists()
    with pytest.raises(ModelError, match="not the one that was pinned"):
        load_model(path, allow_unsafe=f"sha256:{sha(good)}")


@pytest.mark.parametrize("pin", ["", "md5:0", "sha256:abc", f"sha256:{'0' * 64}\nx", "true", "*"])
def test_a_pin_that_is_none_is_an_error(pin: str, write) -> None:
    with pytest.raises(ModelError, match="must be sha256: and 64 hexadecimal digits"):
        load_model(write(pickle.dumps(1)), allow_unsafe=pin)


def test_a_pin_counts_for_safe_formats_too(write) -> None:
    content = made("skops forest")[0]
    assert not load_model(write(content), allow_unsafe=f"sha256:{sha(content)}").unsafe
    with pytest.raises(ModelError, match="not the one that was pinned"):
        load_model(write(content), allow_unsafe=f"sha256:{sha(b'')}")


def test_a_pinned_pickle_that_needs_a_missing_module_says_so(write) -> None:
    content = b"\x80\x04cno_such_module\nThing\n."
    with pytest.raises(ModelError, match="needs the module 'no_such_module', which is not installed"):
        load_model(write(content), allow_unsafe=f"sha256:{sha(content)}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x04\x22\x4d\x18rest", "compressed with lz4.*refused"),
        (b"PK\x03\x04 cut", "cut off or damaged: it has no end record"),
        (b"\x89HDF\r\n\x1a\nrest", "Keras.*export the model to ONNX"),
        (b"<PMML>", "PMML"),
        (b"hello world", "begins with 'hello world'. Allowed: XGBoost JSON"),
        (b"\x00\x01", "begins with the bytes 00 01"),
        (b"binf\x00", "XGBoost's old binary format: save it again"),
        (b'{"name":"tree","version":"v4"}', "use Booster.save_model"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"CBM1", "CatBoost model.*cannot be"),
        (b"tree\nversion=v4\n", "LightGBM model.*header does not end"),
        (b'{"learner": {}}', "XGBoost model.*a part that every XGBoost model has"),
        (b'{"learner": 1, "learner": 2}', "a key stands twice"),
        (b'{"learner":' * 100_000, "XGBoost model.*cannot be"),
        (b"{L\0\0\0\0\0\0\0\x07learner" + b"[" * 100_000, "nested too deeply"),
        (b"\x08\x0a\x12\x03abc\x3a\xff\xff\x03x", "ONNX.*cut off or damaged"),
    ],
)  # fmt: skip
def test_what_is_no_model_says_what_it_is(content: bytes, message: str, write) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(write(content))


def test_a_zip_of_something_else_is_named(write) -> None:
    with pytest.raises(ModelError, match=r"a zip that holds 'xl/workbook.xml', which is no model"):
        load_model(write(zipped({"xl/workbook.xml": b"<x/>"})))


# ---- files that cannot be read


def test_files_that_are_not_there_or_no_files(tmp_path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    cases = {
        "missing": "not found",
        "gone": "not found",
        "empty": "is empty",
        "folder": "is a folder",
        "round": "cannot be opened",
        "pipe": "no regular file",
        "a\0b": "cannot be opened",
    }
    for name, message in cases.items():
        with pytest.raises(ModelError, match=message) as caught:
            load_model(tmp_path / name)
        assert str(tmp_path) not in str(caught.value)


def test_a_file_over_the_limit_is_not_read(write) -> None:
    with pytest.raises(ModelError, match="has 100 bytes; at most 99 are read"):
        load_model(write(b"x" * 100), limit=99)


@pytest.mark.parametrize(("name", "module", "extra"), [("xgboost-ubj two", "xgboost", "boosting"), ("onnx plain", "onnx", "onnx")])
def test_a_missing_library_names_its_extra(name: str, module: str, extra: str, write, monkeypatch) -> None:
    path = write(made(name)[0])
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'xai-compare-toolkit\[{extra}\]'"):
        load_model(path)


# ---- skops


def zipped(entries: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return stream.getvalue()


def entries_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def array(values) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def schema(**node) -> bytes:
    return json.dumps({"protocol": 2, "_skops_version": "0", "__id__": 1, **node}).encode()


def test_untrusted_types_are_named_and_not_imported(tmp_path) -> None:
    (tmp_path / "marker.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'imported')!r})\nclass Thing: pass\n")
    empty = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}, "key_types": [], "__id__": 2}
    node = {"__class__": "Thing", "__module__": "marker", "__loader__": "ObjectNode", "content": empty}
    file = tmp_path / "m.skops"
    file.write_bytes(zipped({"schema.json": schema(**node)}))
    said, _ = in_a_fresh_process(tmp_path, [file])
    assert "types that are not trusted: marker.Thing" in said
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("builtins", "eval", "FunctionNode"),
        ("numpy.f2py", "run_main", "FunctionNode"),
        ("sklearn.datasets._openml", "fetch_openml", "FunctionNode"),
        ("numpy", "load", "FunctionNode"),
        ("sklearn.linear_model", "LogisticRegression", "MethodNode"),
        ("operator", "attrgetter", "OperatorFuncNode"),
    ],
)
def test_types_that_run_something_are_refused(module: str, name: str, loader: str, write) -> None:
    content = zipped({"schema.json": schema(__class__=name, __module__=module, __loader__=loader, content=None)})
    with pytest.raises(ModelError, match="skops file"):
        load_model(write(content))


def test_every_type_of_the_list_belongs_to_the_three_libraries() -> None:
    assert {name.partition(".")[0] for name in _formats_skops.ALLOWED} == {"builtins", "functools", "numpy", "scipy", "sklearn"}


def test_an_estimator_of_somebody_else_is_refused(write) -> None:
    import skops.io

    xgboost = library("xgboost")
    content = skops.io.dumps(make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=2)).fit(X, Y))
    with pytest.raises(ModelError, match=r"not trusted: .*xgboost\.sklearn\.XGBClassifier"):
        load_model(write(content))


def lying_array() -> bytes:
    return array(np.zeros(3)).replace(b"(3,)", b"(9,)")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a.npy": array(np.zeros(2**22))}, "zip bomb"),
        ({"a.npz": zipped({"data.npy": array(np.zeros(2**22))}, zipfile.ZIP_DEFLATED)}, "zip bomb"),
        ({"a.npy": lying_array()}, "promises other bytes than it has"),
        ({"a.npy": b"nonsense"}, "cannot be loaded"),
        ({"a.npz": zipped({"b.npz": b""})}, "no sparse matrix"),
        ({"schema.json": b"[" * 100_000}, "cannot be loaded"),
        ({"schema.json": b"nonsense"}, "cannot be loaded"),
    ],
)
def test_a_hostile_zip_is_refused_before_it_is_unpacked(entries: dict[str, bytes], message: str, write) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(write(zipped({"schema.json": schema(), **entries}, zipfile.ZIP_DEFLATED)))


def test_an_entry_used_again_and_again_counts_each_time(write, monkeypatch) -> None:
    monkeypatch.setattr(_formats_skops, "_UNPACKED", 10_000)
    node = {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", "file": "a.npy"}
    uses = [{**node, "__id__": number} for number in range(100)]
    many = schema(__class__="list", __module__="builtins", __loader__="ListNode", content=uses)
    _formats_skops._UNPACKED = len(many) + 2000
    with pytest.raises(ModelError, match="unpacks to more than"):
        load_model(write(zipped({"schema.json": many, "a.npy": array(np.zeros(100))})))


def test_a_table_of_contents_without_end_is_not_read(write) -> None:
    content = bytearray(zipped({"schema.json": b"{}"}))
    content[-10:-6] = b"\xff\xff\xff\x7f"
    with pytest.raises(ModelError, match="table of contents larger than any model's"):
        load_model(write(bytes(content)))


@pytest.mark.parametrize("field", ["left_child", "right_child", "feature"])
@pytest.mark.parametrize("value", [10**6, 0, -7])
def test_a_tree_that_leads_nowhere_is_refused(field: str, value: int, write) -> None:
    entries = entries_of(made("skops forest")[0])
    for name in entries:
        if name.endswith(".npy") and (nodes := np.load(io.BytesIO(entries[name]))).dtype.names:
            nodes = nodes.copy()
            nodes[field][0] = value if (field, value) != ("feature", 0) else 99
            entries[name] = array(nodes)
            break
    with pytest.raises(ModelError, match="names nodes, rows or features that do not exist"):
        load_model(write(zipped(entries)))


@pytest.mark.parametrize("name", ["neighbours", "ball", "vectors", "histogram"])
def test_other_tables_that_compiled_code_follows_are_checked(name: str, write) -> None:
    entries = entries_of(made(f"skops {name}")[0])
    refused = 0
    for key in [key for key in entries if key.endswith(".npy")]:
        values = np.load(io.BytesIO(entries[key])).copy()
        if values.dtype.names:
            values["left" if name == "histogram" else "idx_end"][0] = 10**5
        elif values.dtype.kind in "iu" and values.dtype.itemsize > 2 and values.size > 1:
            values.ravel()[0] = 10**5
        else:
            continue
        try:
            load_model(write(zipped({**entries, key: array(values)})))
        except ModelError:
            refused += 1
    assert refused


# ---- ONNX


@pytest.fixture
def write_onnx(write, server, monkeypatch):
    monkeypatch.setattr(trial, "attempt", server)
    return write


def graph(nodes, inputs, outputs, initializer=(), **how) -> bytes:
    helper = library("onnx").helper
    made_up = helper.make_graph(nodes, "g", inputs, outputs, list(initializer))
    return helper.make_model(made_up, ir_version=8, opset_imports=[helper.make_opsetid("", 15)], **how).SerializeToString()


def tensor(name: str, shape, kind: str = "FLOAT"):
    onnx = library("onnx")
    return onnx.helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape)


def test_onnx_data_in_another_file_is_refused(write_onnx) -> None:
    onnx = library("onnx")
    weight = onnx.TensorProto(name="w", data_type=1, dims=[4, 1], data_location=onnx.TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../../etc/passwd")
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    with pytest.raises(ModelError, match="lies in another file"):
        load_model(write_onnx(graph([node], [tensor("x", [None, 4])], [tensor("y", [None, 1])], [weight])))


def test_onnx_that_its_checker_refuses(write_onnx) -> None:
    node = library("onnx").helper.make_node("NoSuchOperator", ["x"], ["y"])
    with pytest.raises(ModelError, match="checker refuses it"):
        load_model(write_onnx(graph([node], [tensor("x", [None, 4])], [tensor("y", [None, 1])])))


def test_onnx_with_operators_of_somebody_else(write_onnx) -> None:
    node = library("onnx").helper.make_node("Thing", ["x"], ["y"], domain="evil.ops")
    with pytest.raises(ModelError, match=r"the operators of 'evil\.ops'"):
        load_model(write_onnx(graph([node], [tensor("x", [None, 4])], [tensor("y", [None, 1])])))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([("x", [None, 3, 8, 8])], [("x", [None, 3, 8, 8])], "a table .rows, columns. is needed"),
        ([("x", [None, 4]), ("z", [None, 4])], [("x", [None, 4])], "one matrix, or one input for each column"),
        ([("x", [None, 4])], [("x", [None, 4]), ("y", [None, 4])], "one of values, or a label and probabilities"),
        ([("x", [None, 10**8])], [("x", [None, 10**8])], "claims 1 rows of 100000000 columns|cannot be"),
    ],
)
def test_onnx_that_is_no_tables_model(inputs, outputs, message: str, write_onnx) -> None:
    node = library("onnx").helper.make_node("Identity", ["x"], ["y"])
    result = [tensor("y" if name == "x" else "x2", shape) for name, shape in outputs]
    nodes = [node] + ([library("onnx").helper.make_node("Identity", ["x"], ["x2"])] if len(outputs) == 2 else [])
    with pytest.raises(ModelError, match=message):
        load_model(write_onnx(graph(nodes, [tensor(*each) for each in inputs], result)))


def bound(write_onnx, content: bytes, sample=X, classes=()):
    return load_model(write_onnx(content)).model.bound("study name", sample, classes)


@pytest.mark.parametrize("zipmap", [True, False])
def test_onnx_classes_come_in_the_studys_order(zipmap: bool, write_onnx) -> None:
    rows, words = X.to_numpy().astype(np.float32), np.array(["mid", "low", "top"])[Y3]
    forest = RandomForestClassifier(5, random_state=0).fit(rows, words)
    content = _onnx_bytes(forest, rows, options={id(forest): {"zipmap": zipmap}})
    model = bound(write_onnx, content, classes=("top", "mid", "low"))
    assert (model.name, model.outputs, model.offers, model.owner) == ("study name", ("top", "mid", "low"), {"probability"}, None)
    order = [forest.classes_.tolist().index(each) for each in model.outputs]
    np.testing.assert_allclose(model.predict(X, "probability"), forest.predict_proba(rows)[:, order], atol=1e-6)
    np.testing.assert_array_equal(np.array(model.outputs)[model.decide(X)], forest.predict(rows))
    with pytest.raises(ModelError, match="knows the classes low, mid, top, and the data have a, b, c"):
        bound(write_onnx, content, classes=("a", "b", "c"))


def test_onnx_columns_by_name_whatever_their_order(write_onnx) -> None:
    pipe = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"]), remainder=StandardScaler()), LogisticRegression())
    frame = PLACES.assign(town=PLACES.town.astype(str), **X.astype(np.float32))
    content = _onnx_bytes(pipe.fit(frame, Y), frame[:1])
    model = bound(write_onnx, content, frame, ("no", "yes"))
    np.testing.assert_allclose(model.predict(frame, "probability"), pipe.predict_proba(frame), atol=1e-5)
    np.testing.assert_array_equal(model.predict(frame[["town", "d", "c", "b", "a"]], "probability"), model.predict(frame, "probability"))
    np.testing.assert_array_equal(model.decide(frame), pipe.predict(frame))
    with pytest.raises(ModelError, match="was fitted with the columns town, which the data lack"):
        model.predict(frame.drop(columns="town"), "probability")


def test_onnx_answers_do_not_depend_on_the_batch(write_onnx) -> None:
    model = load_model(write_onnx(made("onnx plain")[0])).model
    many = pd.concat([X] * 6, ignore_index=True)
    whole = model.predict(many, "probability")
    np.testing.assert_array_equal(np.concatenate([model.predict(many[i : i + 7], "probability") for i in range(0, len(many), 7)]), whole)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(many, "probability"), whole)
    assert "\\x" not in repr(model)


def test_onnx_one_value_as_a_probability_or_as_a_value(write_onnx) -> None:
    node = library("onnx").helper.make_node("Sigmoid", ["x"], ["y"])
    content = graph([node], [tensor("x", [None, 1])], [tensor("y", [None, 1])])
    one = X[["a"]].rename(columns={"a": "x"})
    likely = 1 / (1 + np.exp(-one.to_numpy()))
    np.testing.assert_allclose(bound(write_onnx, content, one).predict(one, "value"), likely, atol=1e-6)
    two = bound(write_onnx, content, one, ("no", "yes"))
    np.testing.assert_allclose(two.predict(one, "probability"), np.hstack([1 - likely, likely]), atol=1e-6)
    assert "'yes'" in two.about["note"]


@pytest.mark.parametrize(
    ("sample", "classes", "message"),
    [
        (X[["a", "b"]], ("0", "1", "2"), "takes 4 columns, and the data have 2"),
        (X, ("0", "1"), "knows the classes 0, 1, 2, and the data have 0, 1"),
        (X, (), "is made for classification, and the target is a number"),
        (X.assign(a=np.nan), ("0", "1", "2"), None),
        (X.assign(a="word"), ("0", "1", "2"), "cannot take the data as its input 'X'"),
    ],
)
def test_onnx_and_data_that_do_not_fit(sample, classes, message, write_onnx) -> None:
    if message is None:  # a forest of this onnxruntime takes missing values
        assert np.isfinite(bound(write_onnx, made("onnx plain")[0], sample, classes).predict(sample, "probability")).all()
        return
    with pytest.raises(ModelError, match=message):
        bound(write_onnx, made("onnx plain")[0], sample, classes)


# ---- tried in a process of its own


@pytest.mark.parametrize("name", ["catboost two", "onnx plain", "lightgbm two", "xgboost-ubj two"])
def test_a_damaged_file_is_an_error_of_the_process_that_tries_it(name: str) -> None:
    content = made(name)[0]
    with pytest.raises(ModelError):
        trial.attempt(name.split(maxsplit=1)[0], content[: len(content) // 2])


def test_a_file_that_takes_too_long_is_an_error() -> None:
    with pytest.raises(ModelError, match="did not finish reading it"):
        trial.attempt("lightgbm", made("lightgbm two")[0], seconds=0.001)


@pytest.mark.parametrize(("status", "said"), [(-11, b""), (-6, b""), (0, b""), (0, b'{"err'), (-11, b'{"error": null}')])
def test_a_crash_is_an_error(status: int, said: bytes) -> None:
    with pytest.raises(ModelError, match="makes the library crash"):
        trial.judge(status, said)


@pytest.mark.parametrize(
    ("line", "to"),
    [
        ("left_child=", "left_child=99 "),
        ("split_feature=", "split_feature=9"),
        ("decision_type=", "decision_type=1"),
        ("threshold=", "threshold=x"),
        ("num_leaves=", "num_leaves=9"),
        ("Tree=0", "Tree=7"),
        ("end of trees", "end of"),
        ("end of parameters", "end"),
        ("[boosting: gbdt]", "[boosting gbdt]"),
        ("max_feature_idx=3", "max_feature_idx=1"),
        ("tree_sizes=", "tree_sizes=9"),
        ("num_class=1", "num_class=-1"),
    ],
)
def test_lightgbm_text_is_checked_before_the_library_sees_it(line: str, to: str) -> None:
    text = made("lightgbm two")[0].decode()
    _formats_trees.check_lightgbm(text.encode())
    with pytest.raises(ModelError, match="cut off or damaged"):
        _formats_trees.check_lightgbm(text.replace(line, to, 1).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [("left_children", 10**6), ("right_children", 0), ("split_indices", 4), ("parents", 10**7), ("left_children", -5), ("split_type", 1)],
)
@pytest.mark.parametrize("form", ["json", "ubj"])
def test_xgboost_trees_are_checked_before_the_library_sees_them(key: str, value: int, form: str) -> None:
    content = made(f"xgboost-{form} two")[0]
    _formats_trees.check_xgboost(content)
    doc = json.loads(made("xgboost-json two")[0])
    if form == "ubj":
        read = _formats_trees.read_ubj(content)
        assert json.loads(json.dumps(read, default=lambda found: found.tolist()))["learner"].keys() == doc["learner"].keys()
    doc["learner"]["gradient_booster"]["model"]["trees"][0][key][0] = value
    with pytest.raises(ModelError, match="tree 0 names nodes, features or categories that do not exist"):
        _formats_trees.check_xgboost(json.dumps(doc).encode())


# ---- anything at all: typed errors, no crash, no hang

SERVER = textwrap.dedent("""
    import importlib, json, os, signal, sys
    out, null = os.fdopen(os.dup(1), "wb"), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    from xai_compare.models import _formats_trial as trial, load, onnx
    for library in ("xgboost", "lightgbm", "catboost", "onnx", "onnxruntime"):
        importlib.import_module(library)
    while head := sys.stdin.buffer.read(40):
        content = sys.stdin.buffer.read(int.from_bytes(head[32:], "little"))
        r, w = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(10)
            os.write(w, json.dumps({"error": trial.examine(head[:32].strip().decode(), content)}).encode()[:4000])
            os._exit(0)
        os.close(w)
        with os.fdopen(r, "rb") as stream:
            said = stream.read()
        answer = json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()]).encode()
        out.write(len(answer).to_bytes(8, "little") + answer)
        out.flush()
    """)


@pytest.fixture(scope="module")
def server():
    """Trials by forking a process that has the libraries loaded: the same trial, without a second of start-up for each."""
    for name in ("xgboost", "lightgbm", "catboost", "onnx", "onnxruntime"):
        library(name)
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:

        def attempt(kind: str, content: bytes, seconds: float = 0) -> None:
            process.stdin.write(kind.ljust(32).encode() + len(content).to_bytes(8, "little") + content)
            process.stdin.flush()
            status, said = json.loads(process.stdout.read(int.from_bytes(process.stdout.read(8), "little")))
            trial.judge(status, said.encode())

        yield attempt
        process.stdin.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "model"


def typed(place: Path, content: bytes, attempt) -> None:
    place.write_bytes(content)
    said = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "attempt", attempt)
        try:
            load_model(place)
        except XaiCompareError as error:
            said = str(error)
    assert str(place.parent) not in said


HEADS = [
    b"",
    b"PK\x03\x04",
    b"CBM1",
    b"tree\nversion=v4\n",
    b'{"learner":',
    b"{L\0\0\0\0\0\0\0\x07learner",
    b"\x08\x08\x12\x01a",
    b"\x80\x04",
    b"(l.",
]
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True, "database": None}


@settings(max_examples=500, **QUIET)
@given(head=st.sampled_from(HEADS), rest=st.binary(max_size=300))
def test_random_bytes_give_typed_errors(place, server, head: bytes, rest: bytes) -> None:
    typed(place, head + rest, server)


WHOLE = [
    "xgboost-json two",
    "xgboost-ubj categories",
    "lightgbm categories",
    "catboost two",
    "catboost counts",
    "onnx plain",
    "skops forest",
    "skops neighbours",
]


@settings(max_examples=1000, **QUIET)
@given(data=st.data(), name=st.sampled_from([*WHOLE, "safetensors classification"]))
def test_damaged_files_give_typed_errors(place, server, data, name: str) -> None:
    content = bytearray(made(name)[0])
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 4), "flips") if content else 0):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    typed(place, bytes(content), server)


@pytest.mark.parametrize("name", [*WHOLE, "safetensors regression", "onnx zipmap", "catboost counts"])
def test_a_file_that_is_cut_off_anywhere_is_refused(name: str, place, server, monkeypatch) -> None:
    content = made(name)[0]
    monkeypatch.setattr(trial, "attempt", server)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        place.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ModelError):
            load_model(place)
