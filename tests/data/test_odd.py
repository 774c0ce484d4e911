"""Bad and odd tables as a user brings them, in Python and in a study file: each works with right numbers, or says what to do."""

from __future__ import annotations

import re
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import xai_compare as xc
from tests.made import mixed, outcome
from xai_compare.api import run_study
from xai_compare.config import load_study
from xai_compare.data.tabular import as_frame, kinds_of
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.plan import plan_study
from xai_compare.run.store import MemoryStore

N = 90
QUICK = {
    "explainers": ["shap", {"name": "lime", "params": {"samples": 200}}, "permutation_importance", "occlusion"],
    "metrics": ["additive_fit", "agreement", "performance"],
    "compare": {"checks": []},
}
SIZES = {"explain": 8, "background": 15}


def encoder(unknown: str = "ignore"):
    text = make_column_selector(dtype_exclude="number")
    return make_column_transformer((OneHotEncoder(handle_unknown=unknown), text), remainder=StandardScaler())


def compared(frame, y, model=None, fit=None, **options):
    """Two models, one of them linear, fitted on `fit` (the frame itself, unless another is better taken)."""
    known = frame if fit is None else fit
    if model is None:
        tree = DecisionTreeClassifier(max_depth=4, random_state=0)
        model = {"line": line(known, y), "tree": make_pipeline(encoder(), tree).fit(known, y)}
    return xc.compare(model, frame, y, background=frame, study={**QUICK, "data": SIZES, **options}).results


def line(frame, y, unknown: str = "ignore"):
    return make_pipeline(encoder(unknown), LogisticRegression(max_iter=2000)).fit(frame, y)


def studied(folder, frame, data=None, **options):
    """The same through a CSV and a study file."""
    frame.to_csv(folder / "table.csv", index=False)
    return of_file(folder, {"path": "table.csv", **(data or {})}, **options)


def of_file(folder, data, **options):
    """What a study of these files finds; the report is left to the tests that read it."""
    return collect(execute(plan_study(study(folder, data, **options)), MemoryStore()))


def study(folder, data, **options):
    spec = {
        "data": {"target": "y", **SIZES, **data},
        "models": [
            {"name": "line", "kind": "logistic_regression"},
            {"name": "tree", "kind": "decision_tree", "params": {"max_depth": 4}},
        ],
        **QUICK,
        **options,
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True), encoding="utf-8")
    return load_study(folder / "study.yaml")


def good(results) -> None:
    """Nothing failed, and the linear model is fully told by SHAP: the numbers are right, not only there."""
    whole(results)
    np.testing.assert_allclose(results.scores["line", "shap", "additive_fit"].values, 1, atol=1e-6)


def whole(results) -> None:
    assert [cell for cell in results.cells if cell.status not in ("ok", "not_applicable")] == []


ODD = {
    "plain": lambda frame: frame,
    "constant columns": lambda frame: frame.assign(year=2020, place="here", same=1.5),
    "ten thousand levels": lambda frame: frame.assign(code=[f"c{i * 111}" for i in range(len(frame))]),
    "booleans": lambda frame: frame.assign(other=~frame["owner"], third=np.arange(len(frame)) % 3 == 0),
    "nullable": lambda frame: frame.astype({"children": "Int64", "height": "Float64", "town": "string", "owner": "boolean"}),
    "categorical": lambda frame: frame.astype({"town": "category"}),
    "categories that do not occur": lambda frame: frame.assign(
        town=pd.Categorical(frame["town"], categories=["Zug", *sorted(set(frame["town"]))])
    ),
    "small types": lambda frame: frame.astype({"children": "uint8", "height": "float32"}),
    "names that are not ASCII": lambda frame: frame.rename(columns={"height": "Größe °C", "town": "都市", "owner": "a,b;\"c\" 'd'"}),
    "values that are not ASCII": lambda frame: frame.replace({"town": {"Aix": "Köln ü", "Bonn": "大阪"}}),
    "names that are numbers": lambda frame: frame.set_axis(range(frame.shape[1]), axis=1),
    "names of our own": lambda frame: frame.rename(columns={"height": "target", "weight": "random", "town": "shap", "owner": "level_0"}),
    "an index of text": lambda frame: frame.set_axis([f"r{i % 7}" for i in range(len(frame))]),
    "an index of dates": lambda frame: frame.set_axis(pd.date_range("2020-01-01", periods=len(frame))),
    "an index of two levels": lambda frame: frame.set_axis(pd.MultiIndex.from_product([range(9), range(len(frame) // 9)])),
    "tiny and huge numbers": lambda frame: frame.assign(height=frame["height"] * 1e-12, weight=frame["weight"] * 1e12),
}


@pytest.fixture(scope="module")
def table():
    frame = mixed(N)
    return frame, outcome(frame)


@pytest.mark.parametrize("name", ODD)
def test_odd_frames_work_in_python(name: str, table) -> None:
    frame, y = ODD[name](table[0]), table[1]
    before = frame.copy(deep=True)
    found = compared(frame, y, fit=frame.set_axis(list(map(str, frame.columns)), axis=1))
    good(found)
    assert found.features == tuple(map(str, frame.columns))
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", [name for name in ODD if "index" not in name and "code" not in name])
def test_odd_tables_work_from_a_file(name: str, table, tmp_path) -> None:
    frame = ODD[name](table[0])
    if name == "ten thousand levels":
        frame = frame.assign(code=[f"c{i // 2 * 111}" for i in range(len(frame))])  # a value per row tells rows apart, and is refused
    found = studied(tmp_path, frame.assign(y=table[1]))
    good(found)
    assert found.features == tuple(map(str, frame.columns))


def test_ten_thousand_levels_of_a_file(tmp_path) -> None:
    rng = np.random.default_rng(0)
    code = rng.integers(0, 10_000, 20_000)
    frame = pd.DataFrame({"a": rng.standard_normal(20_000), "b": rng.random(20_000), "code": [f"c{number}" for number in code]})
    assert frame["code"].nunique() > 8000
    frame["y"] = np.where(frame["a"] + (code % 2) * 2 - 1 > 0, "yes", "no")
    good(studied(tmp_path, frame, metrics=["additive_fit"], explainers=["shap", "lime"]))


def test_missing_values_in_every_kind_of_nullable_column(table) -> None:
    frame = table[0].astype({"children": "Int64", "height": "Float64", "town": "category", "owner": "boolean"})
    frame = frame.mask(np.random.default_rng(3).random(frame.shape) < 0.15)
    assert frame.isna().any().all()
    text = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((text, ["town"]), remainder="passthrough").set_output(transform="pandas")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=5)).fit(frame, table[1])
    whole(compared(frame, table[1], {"m": model}))


def test_missing_values_of_a_file(table, tmp_path) -> None:
    frame = table[0].mask(np.random.default_rng(3).random(table[0].shape) < 0.15)
    assert frame.isna().any().all()
    good(studied(tmp_path, frame.assign(y=table[1])))


# ---- the order of columns, and what is not there


def by_name(results, model: str, method: str) -> pd.DataFrame:
    return pd.DataFrame(results.attributions[model, method].values, columns=list(results.features))


def test_columns_in_another_order_give_identical_numbers(table, tmp_path) -> None:
    frame, y = table
    turned = frame[["owner", "weight", "town", "children", "height"]]
    models = {"line": line(frame, y), "boosting": make_pipeline(encoder(), HistGradientBoostingClassifier(max_iter=9)).fit(frame, y)}
    one, other = compared(frame, y, models), compared(turned, y, models)
    for model in models:
        for method in ("shap", "permutation_importance", "occlusion"):
            wanted, found = (by_name(results, model, method) for results in (one, other))
            pd.testing.assert_frame_equal(found[list(frame.columns)], wanted, rtol=0, atol=1e-12)
            assert np.abs(found.to_numpy() - wanted.to_numpy()).max() > 1e-3  # by position they are others
        np.testing.assert_array_equal(one.cases.outputs[model], other.cases.outputs[model])


def test_columns_of_a_file_in_another_order_are_the_same_model_and_the_same_numbers(table, tmp_path) -> None:
    frame, y = table
    results = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        turned = frame if name == "one" else frame[frame.columns[::-1]]
        only = {"models": [{"name": "line", "kind": "logistic_regression"}], "explainers": ["shap", "permutation_importance"]}
        results.append(studied(tmp_path / name, turned.assign(y=y), **only))
    for method in ("shap", "permutation_importance"):
        wanted, found = (by_name(each, "line", method) for each in results)
        # Trained anew on columns in another order: the same optimum, as near as the solver goes.
        pd.testing.assert_frame_equal(found[list(frame.columns)], wanted, rtol=0, atol=1e-3)


def test_a_missing_column_is_named_in_python_and_in_files(table, tmp_path) -> None:
    frame, y = table
    model = line(frame, y)
    with pytest.raises(xc.XaiCompareError, match="town"):
        compared(frame.drop(columns="town"), y, {"line": model})
    with pytest.raises(xc.XaiCompareError, match="background lacks the columns town"):
        xc.explain(model, frame, background=frame.drop(columns="town"))
    frame.assign(y=y).to_csv(tmp_path / "train.csv", index=False)
    frame.drop(columns="town").assign(y=y).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(xc.XaiCompareError, match="differ in the columns town"):
        of_file(tmp_path, {"train": "train.csv", "test": "test.csv"})


# ---- categories that no model has seen


def test_an_unseen_category_works_where_the_model_takes_it_and_is_named_where_not(table, tmp_path) -> None:
    frame, y = table
    strange = frame.assign(town=["Ulm" if i % 3 == 0 else town for i, town in enumerate(frame["town"])])
    good(compared(strange, y, fit=frame))
    with pytest.raises(xc.XaiCompareError, match=r"(?s)strict.*Ulm"):
        compared(strange, y, {"strict": line(frame, y, "error")})
    frame.assign(y=y).to_csv(tmp_path / "train.csv", index=False)
    strange.assign(y=y).to_csv(tmp_path / "test.csv", index=False)
    good(of_file(tmp_path, {"train": "train.csv", "test": "test.csv"}))


# ---- too few rows, one class


def test_outcomes_of_one_class_leave_the_area_open_and_the_rest_whole(table) -> None:
    frame, y = table
    rows = np.flatnonzero(y == "yes")
    audit = xc.compare({"line": line(frame, y)}, frame.iloc[rows], y[rows], background=frame, study={**QUICK, "data": SIZES})
    good(audit.results)
    (auc,) = [row for row in audit.performance if (row.split, row.score) == ("test", "ROC-AUC")]
    assert auc.value.estimate is None
    assert audit.report


def test_a_model_that_knows_one_class_only_is_flat(table) -> None:
    frame, _ = table
    one = make_pipeline(encoder(), DecisionTreeClassifier()).fit(frame, np.repeat("yes", N))
    found = compared(frame, np.repeat("yes", N), {"one": one})
    whole(found)
    assert found.classes == ("yes",)
    assert not found.attributions["one", "shap"].values.any()
    assert set(found.scores["one", "shap", "additive_fit"].reasons.values()) == {"flat case: nothing moves the output"}


def test_a_file_with_one_class_is_refused(table, tmp_path) -> None:
    with pytest.raises(xc.XaiCompareError, match="one value only: 'yes'"):
        studied(tmp_path, table[0].assign(y="yes"))


def test_a_training_part_with_one_class_is_refused(table, tmp_path) -> None:
    frame, y = table
    part = np.where(y == "yes", "train", "test")
    with pytest.raises(xc.XaiCompareError, match="training rows have one class only"):
        studied(tmp_path, frame.assign(y=y, part=part), {"split": "part"})


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_are_explained_in_python(rows: int, table) -> None:
    frame, y = table
    model = line(frame, y)
    audit = xc.compare({"line": model}, frame[:rows], y[:rows], background=frame[5 : 5 + rows], study={**QUICK, "data": SIZES})
    whole(audit.results)
    assert len(audit.results.cases.ids) == rows
    assert audit.report
    assert xc.explain(model, frame[:rows], background=frame[5 : 5 + rows]).values.shape == (rows, 5)


@pytest.mark.parametrize(("rows", "said"), [(1, "one value only"), (2, "a single row"), (3, "a single row")])
def test_few_rows_of_a_file_are_refused_in_words(rows: int, said: str, table, tmp_path) -> None:
    with pytest.raises(xc.XaiCompareError, match=said):
        studied(tmp_path, table[0][:rows].assign(y=[i % 2 for i in range(rows)]))


@pytest.mark.parametrize("rows", [4, 9])
def test_a_few_more_rows_of_a_file_are_enough(rows: int, table, tmp_path) -> None:
    whole(studied(tmp_path, table[0][:rows].assign(y=[i % 2 for i in range(rows)])))


# ---- infinities and names that come twice


def test_infinite_values_are_refused_with_column_and_row(table, tmp_path) -> None:
    frame, y = table
    bad = frame.assign(height=frame["height"].mask(frame.index.isin([4, 7]), np.inf))
    said = "column 'height' has 2 infinite values, first in row 4. Replace or drop them"
    with pytest.raises(xc.XaiCompareError, match=f"X: {re.escape(said)}"):
        compared(bad, y, {"line": line(frame, y)})
    with pytest.raises(xc.XaiCompareError, match=re.escape(said)):
        studied(tmp_path, bad.assign(y=y))


def test_names_that_come_twice_are_refused(table, tmp_path) -> None:
    frame, y = table
    twice, said = pd.concat([frame, frame["town"]], axis=1), re.escape("duplicate column names: town. Rename them")
    with pytest.raises(xc.XaiCompareError, match=said):
        compared(twice, y, {"line": line(frame, y)})
    with pytest.raises(xc.XaiCompareError, match=said):
        studied(tmp_path, twice.assign(y=y))


# ---- other containers


class Without:
    """Stands before all other finders and has no pyarrow."""

    def find_spec(self, name: str, *_):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")


@pytest.fixture
def no_pyarrow(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Without(), *sys.meta_path])


@pytest.fixture(params=["with pyarrow", "without pyarrow"])
def polars(request):
    found = pytest.importorskip("polars")
    if request.param == "with pyarrow":
        pytest.importorskip("pyarrow")
    else:
        request.getfixturevalue("no_pyarrow")
        with pytest.raises(ModuleNotFoundError, match="pyarrow"):
            found.DataFrame({"a": ["x"]}).to_pandas()
    return found


def test_polars_frames_are_taken(polars, table) -> None:
    frame, y = table
    theirs = polars.DataFrame({name: frame[name].tolist() for name in frame.columns})
    found = as_frame(theirs)
    assert [dtype.kind for dtype in found.dtypes[["height", "children", "owner"]]] == list("fib")
    pd.testing.assert_frame_equal(found.astype({"town": object}), frame.astype({"town": object}))
    model = line(frame, y)
    one, other = (xc.explain(model, rows, background=rows).values for rows in (frame, theirs))
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_missing_values_and_dates_of_polars_are_what_they_are(polars) -> None:
    theirs = polars.DataFrame({"a": [1.5, None, 2.5], "n": [1, None, 3], "t": ["x", None, "y"], "b": [True, None, False]})
    found = as_frame(theirs)
    assert found.isna().sum().tolist() == [1, 1, 1, 1]
    assert [found[name].dtype.kind for name in "an"] == ["f", "f"]
    assert kinds_of(found) == ("numeric", "numeric", "categorical", "categorical")
    assert found["t"].dropna().tolist() == ["x", "y"]
    with pytest.raises(xc.XaiCompareError, match="column 'since' holds dates"):
        kinds_of(as_frame(polars.DataFrame({"since": [date(2020, 1, 1)]})))


def test_read_only_arrays_and_arrow_tables_are_taken(table) -> None:
    numbers = table[0][["height", "weight", "children"]]
    model = LogisticRegression(max_iter=2000).fit(numbers, table[1])
    array = numbers.to_numpy(dtype=float)
    array.setflags(write=False)
    wanted = xc.explain(model, numbers, background=numbers[:20]).values
    np.testing.assert_allclose(xc.explain(model, array, background=array[:20]).values, wanted, atol=1e-12)
    arrow = pytest.importorskip("pyarrow")
    whole = arrow.Table.from_pandas(numbers)
    np.testing.assert_allclose(xc.explain(model, whole, background=whole.slice(0, 20)).values, wanted, atol=1e-12)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_a_degree_sign_in_any_encoding_is_read(encoding: str, table, tmp_path) -> None:
    frame = table[0].rename(columns={"height": "Höhe", "weight": "Temp °C"}).replace({"town": {"Aix": "Köln"}}).assign(y=table[1])
    (tmp_path / "table.csv").write_bytes(frame.to_csv(index=False, sep=";").encode(encoding))
    made = study(tmp_path, {"path": "table.csv"}, explainers=["shap"], metrics=["additive_fit"], report={"show_values": True})
    if encoding != "latin-1":
        assert plan_study(made).data.space.names[:2] == ("Höhe", "Temp °C")
        return
    found = run_study(made, tmp_path / "out").results
    good(found)
    assert found.features[:2] == ("Höhe", "Temp °C")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Temp °C" in text
    assert "Köln" in text
