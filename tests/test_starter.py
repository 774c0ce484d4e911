"""The study that `init` writes of a table: what it finds in the columns, that it can be planned and run as it is, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from xai_compare.api import planned, run_study
from xai_compare.config import load_study
from xai_compare.errors import DataError, StudyError, XaiCompareError
from xai_compare.starter import write_starter

N = 120


def loans() -> pd.DataFrame:
    """A table with every sort of column that one meets."""
    rng = np.random.default_rng(0)
    income = rng.normal(3000, 800, N).round(2)
    frame = {
        "customer": [1000 + 7 * i for i in range(N)],
        "name": [f"Nora{i} O'Neil" for i in range(N)],
        "ref": [f"R-{i:05d}" for i in range(N)],
        "opened": pd.date_range("2020-01-01", periods=N, freq="9D").strftime("%Y-%m-%d")[rng.permutation(N)],
        "income": np.where(np.arange(N) % 17 == 0, np.nan, income),
        "region": rng.integers(1, 6, N),
        "purpose": rng.choice(["car", "radio", "house"], N),
        "employed": rng.choice([True, False], N),
        "country": "Ruritania",
        "empty": np.nan,
        "note": [f"a long note of many words about the case with number {i}" for i in range(N)],
        "default": np.where(income + rng.normal(0, 400, N) > 2900, "no", "yes"),
    }
    return pd.DataFrame(frame)


def begun(folder: Path, frame: pd.DataFrame, target: str, name: str = "loans.csv") -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """(text, its plain values, what was said) of the study of a table in a folder of its own, which lies beside the study's."""
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "studies").mkdir(exist_ok=True)
    frame.to_csv(folder / "tables" / name, index=False)
    path = folder / "studies" / "study.yaml"
    told = write_starter(folder / "tables" / name, target, path, force=True)
    text = path.read_text(encoding="utf-8")
    return text, yaml.safe_load(text), told


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Any], tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("starter")
    return folder, *begun(folder, loans(), "default")


def test_what_tells_rows_apart_and_what_is_no_feature_is_left_out(written: Any) -> None:
    _, _, study, told = written
    data = study["data"]
    assert (data["path"], data["target"], data["id"]) == ("../tables/loans.csv", "default", "customer")
    assert data["drop"] == ["name", "opened", "country", "empty", "note", "ref"]
    assert told[:3] == ("one of 2 classes is predicted; scores count yes", "4 columns stay", "customer tells the rows apart (id)")
    assert [line.split(": ")[1] for line in told[3:]] == data["drop"]


@pytest.mark.parametrize(
    "line",
    [
        "  # The target is one of 2 classes: no (67 rows), yes (53 rows).",
        '  # positive: "yes"     # CHECK: the class that scores count. Without this line it is yes',
        "    - name     # almost every row has its own value",
        "    - opened     # holds dates. Say what counts of them, as in dates: {opened: [year, month]}",
        "    - country     # the same value in all rows",
        "    - empty     # has no value at all",
        "    - note     # holds free text (about 12 words)",
        "    - ref     # another value in each row",
        "  #   income: a number, 112 values, missing in 8 rows",
        "  #   region: a number, 5 values. If they are codes, name it under categorical",
        "  #   purpose: 3 categories",
        "  #   employed: true or false",
    ],
)
def test_comments_say_what_was_found(written: Any, line: str) -> None:
    assert line in written[1].splitlines()


def test_no_value_of_a_case_is_in_the_study(written: Any) -> None:
    _, text, _, told = written
    for value in ("Nora", "Neil", "R-0", "2020", "Ruritania", "a long note", "radio"):
        assert value not in text + "".join(told)


def test_it_can_be_planned_as_it_is(written: Any) -> None:
    plan = planned(load_study(written[0] / "studies" / "study.yaml"))
    assert plan.models == ("logistic", "boosting")
    assert plan.reference == "logistic"
    assert set(plan.explainers) == {"shap", "lime", plan.control}
    assert plan.data.space.names == ("income", "region", "purpose", "employed")


def test_the_advice_in_its_comments_is_good(written: Any, tmp_path: Path) -> None:
    """Every line that is to be uncommented or filled in, so done."""
    folder, text, _, _ = written
    advice = text.replace("# positive:", "positive:").replace("    - opened", "  # opened").replace("[COLUMN]", "[region]")
    advice = re.sub(r"# (missing|categorical|slices): (\[.*?\])", r"\1: \2", advice)
    path = folder / "studies" / "advice.yaml"
    path.write_text(advice.replace("  id:", "  dates: {opened: [year, month]}\n  id:"), encoding="utf-8")
    plan = planned(load_study(path))
    assert plan.data.space.names == ("opened year", "opened month", "income", "region", "purpose", "employed")
    assert plan.data.space.kinds[3] == "categorical"


def test_it_runs_to_a_report(written: Any, tmp_path: Path) -> None:
    few = written[1].replace("explain: 150", "explain: 8").replace("background: 50", "background: 10")
    few = few.replace("metrics: auto", "metrics: [additive_fit, agreement, performance]\nprofiles: []\n")
    path = written[0] / "studies" / "few.yaml"
    path.write_text(few, encoding="utf-8")
    audit = run_study(load_study(path), tmp_path / "out")
    assert not audit.failed
    assert {cell.status for cell in audit.results.cells} == {"ok"}
    assert "could not be made" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("target", "kind", "said"),
    [
        ("income", "linear_regression", "a number is predicted"),
        ("region", "logistic_regression", "one of 5 classes is predicted"),
        ("employed", "logistic_regression", "one of 2 classes is predicted; scores count True"),
    ],
)
def test_the_task_is_that_of_the_target(tmp_path: Path, target: str, kind: str, said: str) -> None:
    frame = loans().dropna(subset=["income"])
    text, study, told = begun(tmp_path, frame, target)
    assert study["models"][0]["kind"] == kind
    assert told[0] == said
    assert ("# positive:" in text) == (target == "employed")
    planned(load_study(tmp_path / "studies" / "study.yaml"))


def test_without_a_table_it_is_of_data_that_are_there_always(tmp_path: Path) -> None:
    write_starter(None, None, tmp_path / "s.yaml")
    plan = planned(load_study(tmp_path / "s.yaml"))
    assert (plan.models, len(plan.data.explain)) == (("logistic", "boosting"), 150)


ODD = [
    "a: b",
    "# c",
    "- d",
    '"e"',
    "it's",
    "yes",
    "1",
    "null",
    "naïve",
    "\U0001f600",
    "two\nlines",
    "{f}",
    "[g, h]",
    "%s",
    "&i",
    "\u202ej",
    "k\tl",
]


@pytest.mark.parametrize("name", ODD)
def test_any_name_of_a_column_can_be_written(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({name: ["x", "y"] * 30, f"{name} constant": 1, "size": [i * i % 23 for i in range(60)]})
    _, study, _ = begun(tmp_path, frame, name, "table.csv")
    assert (study["data"]["target"], study["data"]["drop"]) == (name, [f"{name} constant"])
    assert planned(load_study(tmp_path / "studies" / "study.yaml")).data.space.names == ("size",)


def test_a_column_that_gives_the_target_away_is_told(tmp_path: Path) -> None:
    frame = loans()
    frame["paid"] = (frame["default"] == "no") * 1.5
    assert [line for line in begun(tmp_path, frame, "default")[2] if "look at" in line] == [
        "look at paid: alone it tells the target almost perfectly. Drop it if it is not known when the decision is made"
    ]


def test_columns_of_a_parquet_file_that_are_no_features(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"many": [[i, 1] for i in range(60)], "when": pd.date_range("2020-01-01", periods=60), "size": np.arange(60) % 7})
    frame.assign(y=["a", "b"] * 30).to_parquet(tmp_path / "t.parquet")
    write_starter(tmp_path / "t.parquet", "y", tmp_path / "s.yaml")
    text = (tmp_path / "s.yaml").read_text(encoding="utf-8")
    assert "    - many     # lists or mappings, not one value a row\n    - when     # holds dates." in text
    planned(load_study(tmp_path / "s.yaml"))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"default": "no"}, DataError, "the target 'default' has one value only: 'no'"),
        ({"default": [None, *["a", "b"] * (N // 2)][:N]}, DataError, "the target 'default' is missing in 1 rows"),
        ({"default": ["one", *["a", "b"] * (N // 2)][:N]}, DataError, "a class has a single row"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(tmp_path: Path, change: Any, error: type[XaiCompareError], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        begun(tmp_path, loans().assign(**change), "default")
    assert not list((tmp_path / "studies").iterdir())


def test_a_table_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no column is left to predict 'default' from: 'country' is left out \(the same value"):
        begun(tmp_path, loans()[["customer", "country", "default"]], "default")


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'loans.csv' has a header and 0 rows"):
        begun(tmp_path, loans().head(0), "default")


def test_a_name_that_no_study_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="' default' begins or ends with a space"):
        begun(tmp_path, loans().rename(columns={"default": " default"}), " default")


def test_a_study_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(StudyError, match="is there already: --force"):
        write_starter(None, None, path)
    assert path.read_text(encoding="utf-8") == "mine"
    with pytest.raises(StudyError, match="cannot be written"):
        write_starter(None, None, tmp_path, force=True)
