"""What the columns of a table hold, against pandas, SciPy and counting; and that no value of a row leaves where none may."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

import xai_compare as xc
from tests.made import mixed, outcome
from xai_compare.api import run_study
from xai_compare.config import study_from_dict
from xai_compare.data import described as room
from xai_compare.data.described import _distance, described
from xai_compare.data.tabular import as_frame, as_table, assemble, grouped
from xai_compare.errors import XaiCompareError
from xai_compare.report import write
from xai_compare.streams import Streams
from xai_compare.types import Data

SECRET = "a most telling level"
QUICK: dict[str, Any] = {"explainers": ["shap"], "metrics": ["additive_fit"], "profiles": [], "compare": {"checks": []}}


def told(data: Data, *, shown: bool = True, handed: bool = False) -> dict[str, Any]:
    return described(data, Streams(0), shown=shown, handed=handed)


def data_of(train: pd.DataFrame, test: pd.DataFrame, y: tuple[Any, Any] = (None, None), groups: Any = None) -> Data:
    sides = [as_table(as_frame(frame), known) for frame, known in zip((train, test), y, strict=True)]
    return grouped(assemble(*sides, "regression", (), (10, 10), Streams(0)), groups or {})


@pytest.fixture(scope="module")
def halves() -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = mixed(300)
    frame["height"] = frame["height"].mask(np.arange(300) % 7 == 0)
    frame["town"] = frame["town"].mask(np.arange(300) % 11 == 0)
    frame["children"] = frame["children"] + 3 * (np.arange(300) >= 200)  # the test rows have more
    return frame.head(200), frame.tail(100).reset_index(drop=True)


def test_columns_as_pandas_has_them(halves: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found, whole = told(data_of(*halves)), pd.concat(halves)
    assert found["rows"] == 300
    for name, one in zip(whole.columns, found["features"], strict=True):
        assert one["missing"] == pytest.approx(whole[name].isna().mean())
        assert one["distinct"] == whole[name].nunique()
        if name in ("town", "owner"):
            shares = whole[name].value_counts(normalize=True)
            assert one["most_frequent"] == {"share": pytest.approx(shares.iloc[0]), "level": str(shares.index[0])}
            assert "quartiles" not in one
        else:
            assert one["quartiles"] == pytest.approx(whole[name].quantile([0.25, 0.5, 0.75]).tolist())
            assert "most_frequent" not in one


def test_the_distance_of_training_and_test_rows_as_scipy_has_it(halves: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = dict(zip(halves[0].columns, (one["distance"] for one in told(data_of(*halves))["features"]), strict=True))
    for name in ("height", "weight", "children"):
        wanted = ks_2samp(*(half[name].dropna() for half in halves), method="asymp")
        assert found[name] == {"measure": "Kolmogorov-Smirnov", "value": pytest.approx(wanted[0]), "p": pytest.approx(wanted[1])}
    for name in ("town", "owner"):
        one, other = (half[name].value_counts(normalize=True) for half in halves)
        wanted = sum(abs(one.get(level, 0) - other.get(level, 0)) for level in {*one.index, *other.index}) / 2
        assert (found[name]["measure"], found[name]["value"]) == ("total variation", pytest.approx(wanted))
        counts = pd.crosstab(np.repeat([0, 1], [200, 100]), pd.concat(halves)[name].to_numpy(dtype=object))
        assert found[name]["p"] == pytest.approx(chi2_contingency(counts, correction=False).pvalue)
    assert found["children"]["p"] < 1e-6 < found["weight"]["p"]


def test_levels_of_one_side_only_and_sides_without_a_value() -> None:
    apart = data_of(pd.DataFrame({"a": list("xxyy"), "b": [1.0, 2, 3, 4]}), pd.DataFrame({"a": list("zz"), "b": [np.nan, np.nan]}))
    a, b = told(apart)["features"]
    assert a["distance"]["value"] == 1
    assert b["distance"] is None
    assert b["quartiles"] == pytest.approx([1.75, 2.5, 3.25])


def test_rows_that_come_again_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    draw = [pd.DataFrame({"a": rng.integers(0, 4, n).astype(float), "b": rng.choice(["x", "y", None], n)}) for n in (40, 20)]
    y = [rng.integers(0, 2, n) for n in (40, 20)]
    keys = [
        [(str(a), str(b), c) for a, b, c in zip(frame["a"], frame["b"], known, strict=True)] for frame, known in zip(draw, y, strict=True)
    ]
    found = told(data_of(*draw, (y[0], y[1])))
    assert found["repeated"] == 60 - len({*keys[0], *keys[1]}) > 0
    assert found["known"] == sum(key in keys[0] for key in keys[1]) > 0
    other = told(data_of(*draw, (y[0], y[1] + 2)))  # the same columns and another outcome is another row
    assert other["known"] == 0
    alone = told(data_of(*draw, (None, y[1])), handed=True)
    assert (alone["rows"], alone["training"], alone["known"]) == (20, False, None)
    assert alone["repeated"] == 20 - len(set(keys[1])) > 0


def test_a_group_has_a_share_of_missing_values_and_nothing_else(halves: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = told(data_of(*halves, groups={"body": ["height", "town"]}))
    assert found["features"][0] == {"missing": pytest.approx(pd.concat(halves)[["height", "town"]].isna().any(axis=1).mean())}
    assert found["together"]["left_out"] == ["body"]


def test_odd_columns_are_described_too() -> None:
    n = 80
    frame = pd.DataFrame(
        {
            "anything": [[1, "1", None, True, 2.5][i % 5] for i in range(n)],
            "money": [Decimal(i % 3) for i in range(n)],
            "count": pd.array([None if i % 9 == 0 else i for i in range(n)], dtype="Int64"),
            "flag": pd.array([None if i % 9 == 0 else i % 2 == 0 for i in range(n)], dtype="boolean"),
            "order": pd.Categorical([None if i % 9 == 0 else "ab"[i % 2] for i in range(n)], ["b", "a", "never"], ordered=True),
            "code": pd.Categorical([i % 4 for i in range(n)]),
            "tiny": np.arange(n, dtype=np.uint8),
            "empty": np.nan,
            "nothing": None,
        }
    )
    data = data_of(frame, frame)
    found = told(data)
    by_name = dict(zip(data.space.names, found["features"], strict=True))
    assert by_name["anything"]["distinct"] == frame["anything"].nunique()
    assert [by_name[name]["missing"] for name in ("empty", "nothing", "flag")] == [1, 1, pytest.approx(9 / 80)]
    assert by_name["empty"]["quartiles"] is None
    assert by_name["code"]["most_frequent"] == {"share": 0.25, "level": "0"}
    assert by_name["order"]["most_frequent"] == {"share": pytest.approx(36 / 71), "level": "b"}
    assert (found["repeated"], found["known"]) == (80, 80)
    json.dumps(found, allow_nan=False)


def test_one_row_and_numbers_too_far_apart_for_quartiles() -> None:
    some = pd.DataFrame({"a": np.arange(40.0), "b": list("xy") * 20, "far": [1e308, -1e308] * 20})
    found = told(data_of(some, some.tail(1).reset_index(drop=True)))
    a, b, far = found["features"]
    assert a["distance"]["p"] == pytest.approx(ks_2samp(some["a"], [39.0], method="exact").pvalue)
    assert b["distance"]["value"] == 0.5
    assert far["quartiles"] is None
    assert (found["repeated"], found["known"]) == (1, 1)
    assert found["together"]["reason"]


def test_where_values_may_not_be_shown_no_level_is_and_no_quartile_of_few(halves: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    few = [half.assign(few=pd.Series(np.arange(10.0))) for half in halves]  # 20 rows have a value
    open_, closed = (dict(zip(few[0].columns, told(data_of(*few), shown=shown)["features"], strict=True)) for shown in (True, False))
    assert open_["town"]["most_frequent"]["level"]
    assert closed["town"]["most_frequent"] == {**open_["town"]["most_frequent"], "level": None}
    assert closed["few"]["quartiles"] == open_["few"]["quartiles"] == [2.0, 4.5, 7.0]
    few[0].loc[9, "few"] = np.nan
    assert told(data_of(*few), shown=False)["features"][-1]["quartiles"] is None
    assert told(data_of(*few), shown=True)["features"][-1]["quartiles"] is not None


def test_many_rows_are_compared_by_a_draw(monkeypatch: pytest.MonkeyPatch, halves: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    whole = told(data_of(*halves))
    monkeypatch.setattr(room, "_COMPARED", 90)
    some = told(data_of(*halves))
    assert some == told(data_of(*halves))
    assert [one["distance"]["value"] for one in some["features"]] != [one["distance"]["value"] for one in whole["features"]]
    assert [one["distinct"] for one in some["features"]] == [one["distinct"] for one in whole["features"]]


# ---- from the data into report.json


def test_a_study_tells_its_table_and_no_value_of_it(tmp_path: Path) -> None:
    frame = mixed(240)
    frame["town"] = frame["town"].replace("Bonn", SECRET)
    frame["size"] = frame["height"] + 0.1 * frame["weight"]
    frame["y"] = outcome(frame)
    frame = pd.concat([frame, frame.head(30)])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    reports = {}
    for shown in (False, True):
        whole = {
            **QUICK,
            "data": {"path": str(tmp_path / "rows.csv"), "target": "y", "explain": 10, "background": 20},
            "models": [{"name": "line", "kind": "logistic_regression"}, {"name": "tree", "kind": "decision_tree"}],
            "report": {"show_values": shown},
            "seed": 0,
        }
        run_study(study_from_dict(whole, "here"), tmp_path / str(shown))
        reports[shown] = (tmp_path / str(shown) / "report.json").read_text(encoding="utf-8")
        page = (tmp_path / str(shown) / "report.html").read_text(encoding="utf-8")
        assert (SECRET in page, SECRET in reports[shown]) == (shown, shown)
        assert "These features move together: height and size (Spearman" in page
        assert "the same as a training row, target and all" in page
    scope = json.loads(reports[False])["scope"]
    towns = next(one for one in scope["features"] if one["name"] == "town")
    assert towns["most_frequent"]["level"] is None
    assert towns["distinct"] == 3
    assert scope["rows"]["rows"] == 270
    assert scope["rows"]["repeated"] == 30 >= scope["rows"]["known"] > 0
    assert "described" not in scope["data"]
    assert sum(scope["data"]["class_balance_of_test_rows"].values()) == scope["data"]["test_rows"]


def test_rows_handed_over_are_told_as_what_they_are() -> None:
    y, frame = outcome(mixed(150)), mixed(150).drop(columns="town")
    frame["size"] = frame["height"] * 2
    model = {f"depth {depth}": DecisionTreeClassifier(max_depth=depth, random_state=0).fit(frame, y) for depth in (2, 3)}
    found = xc.compare(model, frame.head(60), background=frame, study={**QUICK, "data": {"explain": 8}}).report["scope"]
    assert found["rows"] == {"rows": 60, "training": False, "repeated": 0, "known": None}
    assert found["together"]["rows"] == 150
    assert found["together"]["pairs"] == [{"a": "height", "b": "size", "measure": "Spearman", "value": 1.0}]
    assert found["features"][0]["quartiles"] == pytest.approx(frame["height"].head(60).quantile([0.25, 0.5, 0.75]).tolist())
    small = xc.compare(model, frame.head(60), background=frame.head(30), study={**QUICK, "data": {"explain": 8}}).report["scope"]
    assert small["together"]["reason"] == "it takes 50 rows to tell, found 30"


def test_what_moves_together_is_asked_of_the_training_rows() -> None:
    rng = np.random.default_rng(0)
    train = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"])
    data = data_of(train, train.assign(b=train["a"]))
    assert told(data)["together"]["found"] == 0
    assert told(data_of(train.assign(b=train["a"]), train))["together"]["found"] == 1


def test_measured_attributions_tell_their_table_too() -> None:
    frame = mixed(80).drop(columns=["town", "owner"])
    model = LinearRegression().fit(frame, frame.sum(axis=1))
    found = xc.measure({"mine": model.coef_ * (frame - frame.mean())}, model, frame, background=frame).report["scope"]
    assert found["rows"]["training"] is False
    assert all(one["distance"]["value"] == 0 for one in found["features"])


def test_a_report_whose_pairs_name_no_feature_is_refused(tmp_path: Path) -> None:
    frame = mixed(80).drop(columns=["town", "owner"]).assign(size=lambda t: t["height"])
    model = LinearRegression().fit(frame, frame.sum(axis=1))
    found = xc.measure({"mine": model.coef_ * (frame - frame.mean())}, model, frame, background=frame)
    for change, where in (({"a": "nobody"}, r"pairs\[0\].a: 'nobody'"), ({"value": 2.0}, "schema")):
        broken = json.loads(json.dumps(found.report))
        broken["scope"]["together"]["pairs"][0].update(change)
        with pytest.raises(XaiCompareError, match=where):
            write(broken, tmp_path)


@pytest.mark.parametrize(("first", "other", "share"), [(50, 400, 0.005), (15, 500, 0.003), (84, 36, 0.3)])
def test_rare_levels_of_rows_of_one_kind_raise_no_alarm(first, other, share) -> None:
    """Rows of one kind: over 20 columns at most one study in twenty may be told that they differ by more than chance."""
    draw, told = np.random.default_rng(0), 0
    for _ in range(60):
        sides = [draw.random((n, 20)) < share for n in (first, other)]
        found = [_distance(*(pd.Series(side[:, j]) for side in sides), "boolean") for j in range(20)]
        told += any(one is not None and one["p"] is not None and one["p"] * 20 < 0.05 for one in found)
    assert told <= 6


def test_levels_that_are_common_enough_are_told_apart() -> None:
    train, test = (pd.Series(list("ab" * 100) + ["rare"] * n) for n in (2, 3))
    same = _distance(train, test, "categorical")
    assert same is not None
    assert same["p"] > 0.5
    apart = _distance(train, pd.Series(list("abbb" * 50)), "categorical")
    assert apart is not None
    assert apart["p"] < 1e-5
