"""What a study declares of columns, and what columns tell of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xai_compare.config import DataSpec
from xai_compare.data.columns import suspicious
from xai_compare.data.sources import read
from xai_compare.errors import DataError


def rows(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": np.where(np.arange(n) % 10 == 0, -9, np.arange(n)),
            "job": np.where(np.arange(n) % 6 == 0, "?", rng.choice(["cook", "clerk"], n)),
            "code": rng.integers(1, 4, n),
            "key": [f"k{i}" for i in range(n)],
            "opened": pd.date_range("2020-01-30", periods=n, freq="D").strftime("%Y-%m-%d"),
            "part": np.where(np.arange(n) % 3 == 0, "test", "train"),
            "y": np.where(rng.random(n) < 0.4, 2, 1),
        }
    )


def held(tmp_path: Path, frame: pd.DataFrame | None = None, **options):
    """The data of a study of this table; what is not declared is dropped, so that each test says what it needs."""
    frame = rows() if frame is None else frame
    frame.to_csv(tmp_path / "t.csv", index=False)
    plain = {"target": "y", "drop": [name for name in ("key", "opened", "part") if name in frame and name not in str(options)]}
    return read(DataSpec.model_validate({"path": tmp_path / "t.csv", **plain, **options}), 0)


def column(data, name: str) -> pd.Series:
    return pd.concat([data.train.inputs[name], data.test.inputs[name]])


def test_codes_for_missing_values_become_missing(tmp_path):
    data = held(tmp_path, missing=["?", -9])
    assert column(data, "number").isna().sum() == 6
    assert column(data, "job").isna().sum() == 10
    assert data.about["declared_missing"] == {"number": 6, "job": 10}
    assert held(tmp_path).about.get("declared_missing") is None


def test_a_column_of_codes_can_be_declared_categorical(tmp_path):
    data = held(tmp_path, categorical=["code"])
    place = list(data.train.inputs.columns).index("code")
    assert data.space.kinds[place] == "categorical"
    assert set(column(data, "code")) == {"1", "2", "3"}
    assert held(tmp_path).space.kinds[place] == "numeric"


def test_an_id_names_the_cases_and_is_no_feature(tmp_path):
    data = held(tmp_path, id="key")
    assert "key" not in data.train.inputs.columns
    assert set(data.train.ids) | set(data.test.ids) == set(rows()["key"])
    with pytest.raises(DataError, match="'job' does not tell the rows apart"):
        held(tmp_path, id="job")


def test_the_positive_class_comes_last(tmp_path):
    assert held(tmp_path).classes == ("1", "2")
    data = held(tmp_path, positive=1)
    assert data.classes == ("2", "1")
    assert (np.concatenate([data.train.y, data.test.y]) == 1).sum() == (rows()["y"] == 1).sum()
    with pytest.raises(DataError, match="positive is '3', which is no class"):
        held(tmp_path, positive=3)


def test_a_date_is_refused_with_advice_or_taken_apart(tmp_path):
    with pytest.raises(DataError, match=r"'opened' holds dates.*dates: \{opened: \[year, month\]\}"):
        held(tmp_path, drop=["key", "part"])
    data = held(tmp_path, dates={"opened": ["month", "weekday", "days"]})
    names = [name for name in data.train.inputs.columns if name.startswith("opened")]
    assert names == ["opened month", "opened weekday", "opened days"]
    first = {row: part.inputs.iloc[i] for part in (data.train, data.test) for i, row in enumerate(part.ids)}["0"]
    assert [first[name] for name in names] == [1, 3, 0]  # 30 January 2020 was a Thursday


def test_a_split_column_and_two_files_say_which_rows_are_held_out(tmp_path):
    frame = rows()
    by_column = held(tmp_path, split="part")
    assert sorted(map(int, by_column.test.ids)) == np.flatnonzero(frame["part"] == "test").tolist()
    plain = frame.drop(columns=["key", "opened", "part"])
    for name, part in (("train", plain.head(40)), ("test", plain.tail(20))):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    spec = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv", "target": "y"}
    data = read(DataSpec.model_validate(spec), 0)
    assert (len(data.train.inputs), len(data.test.inputs)) == (40, 20)
    assert data.test.ids == tuple(map(str, range(40, 60)))
    with pytest.raises(DataError, match=r"must say 'train' or 'test'.*found \?, clerk, cook"):
        held(tmp_path, split="job")
    plain.tail(20).drop(columns=["code"]).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match="differ in the columns code"):
        read(DataSpec.model_validate(spec), 0)


def test_prose_and_keys_are_refused_with_advice(tmp_path):
    words = np.random.default_rng(0).choice(["the", "applicant", "asked", "for", "a", "loan", "again"], (60, 9))
    with pytest.raises(DataError, match=r"'note' holds free text \(about 9 words\)"):
        held(tmp_path, rows().assign(note=[" ".join(row) for row in words]))
    with pytest.raises(DataError, match=r"its own value in the column 'key', such as 'k0'.*id: key"):
        held(tmp_path, drop=["opened", "part"])


def test_a_column_that_gives_the_target_away_is_told(tmp_path):
    frame = rows(200)
    leaks = frame.assign(outcome=np.where(frame["y"] == 2, "bad", "good"), score=frame["y"] * 10.0 + np.random.default_rng(1).random(200))
    assert set(held(tmp_path, leaks).about["leakage"]) == {"outcome", "score"}
    assert "leakage" not in held(tmp_path, frame).about


def test_suspicion_of_regressions_and_of_all_missing_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "noise": rng.normal(size=300), "empty": np.nan})
    assert set(suspicious(frame, np.exp(3 * frame["x"].to_numpy()), "regression")) == {"x"}
    assert set(suspicious(frame, frame["noise"].to_numpy() + frame["x"].to_numpy(), "regression")) == set()
    steps = np.sign(frame["x"]).to_numpy()
    assert set(suspicious(frame.assign(same=steps), 7 * steps, "regression")) == {"x", "same"}


@pytest.mark.parametrize("options", [{"missing": ["a"]}, {"id": "x"}, {"drop": ["a"]}, {"path": "a.csv"}])
def test_a_source_without_a_file_takes_no_declaration_of_one(options):
    with pytest.raises(DataError, match="reads no file"):
        read(DataSpec.model_validate({"source": "sklearn:iris", **options}), 0)


def test_numbers_that_only_a_code_made_text_are_numbers_again(tmp_path):
    frame = rows().assign(amount=["?" if i % 7 == 0 else f"{i}.5" for i in range(60)])
    data = held(tmp_path, frame, missing=["?"])
    assert data.space.kinds[list(data.train.inputs.columns).index("amount")] == "numeric"
    assert column(data, "amount").isna().sum() == 9


def test_train_and_test_files_that_hold_other_types_are_refused(tmp_path):
    plain = rows().drop(columns=["key", "opened", "part"])
    plain.head(40).to_csv(tmp_path / "train.csv", index=False)
    plain.tail(20).astype({"code": object}).replace({"code": {1: "?"}}).to_csv(tmp_path / "test.csv", index=False)
    spec = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv", "target": "y"}
    with pytest.raises(DataError, match="'code' is a number in one and text, such as"):
        read(DataSpec.model_validate(spec), 0)
    data = read(DataSpec.model_validate({**spec, "missing": ["?"]}), 0)
    assert data.space.kinds[list(data.train.inputs.columns).index("code")] == "numeric"


@pytest.mark.parametrize(
    ("written", "first"),
    [
        (lambda dates: dates.strftime("%Y%m%d").astype(int), (2020, 2, 1)),
        (lambda dates: dates.strftime("%d.%m.%Y"), (2020, 2, 1)),
        (lambda dates: dates.strftime("%d/%m/%Y"), (2020, 2, 1)),
        (lambda dates: dates.strftime("%m/%d/%Y"), (2020, 2, 1)),
        (lambda dates: dates.strftime("%Y-%m-%d %H:%M"), (2020, 2, 1)),
    ],
)
def test_dates_in_any_usual_form(tmp_path, written, first):
    frame = rows().assign(opened=written(pd.date_range("2020-02-01", periods=60, freq="D")))
    data = held(tmp_path, frame, dates={"opened": ["year", "month", "day"]})
    found = {row: part.inputs.iloc[i] for part in (data.train, data.test) for i, row in enumerate(part.ids)}
    assert tuple(found["0"][["opened year", "opened month", "opened day"]]) == first
    assert found["33"]["opened month"] == 3  # 5 March


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"opened": [f"0{i % 9 + 1}/02/2020" for i in range(60)]}, {"dates": {"opened": ["year"]}}, "have two readings"),
        ({"opened": range(60)}, {"dates": {"opened": ["year"]}}, "holds numbers, not dates such as 20240131"),
        ({"opened": ["soon"] * 60}, {"dates": {"opened": ["year"]}}, "holds no date in 60 rows, such as 'soon'"),
        ({}, {"dates": {"opened": ["year"]}, "drop": ["key", "part", "opened"]}, "stands under data.dates and is no feature"),
        ({"opened year": 1}, {"dates": {"opened": ["year"]}}, "has a column 'opened year' already"),
        ({"key": [None, *(f"k{i}" for i in range(59))]}, {"id": "key"}, "which tells the rows apart, is empty in 1 rows"),
    ],
)
def test_declarations_that_cannot_be_followed_are_refused_in_words(tmp_path, change, options, said):
    with pytest.raises(DataError, match=said):
        held(tmp_path, rows().assign(**change), **options)


def test_a_regression_with_many_equal_values_can_be_split(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=101), "y": np.r_[np.zeros(80), rng.random(21)]})
    data = held(tmp_path, frame, drop=[])
    assert data.task == "regression"
    assert len(data.test.inputs) == 31


class TestOrdinal:
    LEVELS = ("clerk", "cook", "?")

    def test_declared_levels_have_an_order_and_count_as_ordinal(self, tmp_path):
        data = held(tmp_path, ordinal={"job": list(self.LEVELS)})
        place = list(data.train.inputs.columns).index("job")
        assert data.space.kinds[place] == "ordinal"
        dtype = data.train.inputs["job"].dtype
        assert dtype.ordered
        assert tuple(dtype.categories) == self.LEVELS
        assert data.test.inputs["job"].dtype == dtype

    def test_numbers_can_be_levels(self, tmp_path):
        data = held(tmp_path, ordinal={"code": [3, 1, 2]})
        assert list(data.train.inputs["code"].dtype.categories) == ["3", "1", "2"]

    def test_a_linear_model_takes_their_rank_as_a_number(self, tmp_path):
        """An outcome that rises by 1 with each level: one coefficient tells all of it, and in the declared order only."""
        from xai_compare.models.zoo import KINDS

        rng = np.random.default_rng(0)
        levels = ["low", "middle", "high"]
        frame = pd.DataFrame({"level": rng.choice(levels, 200), "other": rng.normal(size=200)})
        frame["y"] = frame.level.map({"low": 0.5, "middle": 1.5, "high": 2.5}) + 0.1 * frame.other

        def told(order):
            data = held(tmp_path, frame, ordinal={"level": order})
            model, content = KINDS["linear_regression"].fit("m", data, {}, 0)
            again = KINDS["linear_regression"].load("m", content, data)
            assert model.encode(data.test.inputs).shape[1] == 2
            np.testing.assert_array_equal(again.predict(data.test.inputs, "value"), model.predict(data.test.inputs, "value"))
            return float(np.abs(model.predict(data.test.inputs, "value")[:, 0] - data.test.y).max())

        assert told(levels) < 1e-9
        assert told(["middle", "low", "high"]) > 0.3

    @pytest.mark.parametrize(
        "kind", ["logistic_regression", "random_forest", "xgboost", "lightgbm", "catboost", "hist_gradient_boosting", "mlp"]
    )
    def test_every_family_takes_them_with_holes(self, tmp_path, kind):
        from xai_compare.models.zoo import KINDS

        data = held(tmp_path, ordinal={"job": ["clerk", "cook"]}, missing=["?", -9])
        assert data.train.inputs["job"].isna().any()
        model, content = KINDS[kind].fit("m", data, {"epochs": 3} if kind == "mlp" else {}, 0)
        again = KINDS[kind].load("m", content, data)
        np.testing.assert_array_equal(again.predict(data.test.inputs, "probability"), model.predict(data.test.inputs, "probability"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ordinal": {"job": ["clerk", "cook"]}}, "holds '\\?', which is none of the levels of data.ordinal: clerk, cook"),
            ({"ordinal": {"jobs": ["a", "b"]}}, "no column 'jobs', which data.ordinal names: did you mean 'job'"),
            ({"ordinal": {"job": ["clerk", "clerk", "cook"]}}, "names the level 'clerk' twice"),
            ({"ordinal": {"code": [1, 2, 3]}, "categorical": ["code"]}, "under data.categorical or data.dates as well"),
            ({"ordinal": {"key": ["a", "b"]}, "drop": ["key", "opened", "part"]}, "is no feature"),
        ],
    )
    def test_what_is_no_order_is_refused(self, tmp_path, options, message):
        with pytest.raises(DataError, match=message):
            held(tmp_path, **options)
