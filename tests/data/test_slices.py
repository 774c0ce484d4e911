"""The slices of a table: by the values of a column, or by cut points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from xai_compare.config import DataSpec
from xai_compare.data.slices import MISSING, sliced
from xai_compare.data.sources import read
from xai_compare.errors import DataError


def people(n: int = 90) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"age": rng.integers(18, 80, n), "sex": rng.choice(["f", "m"], n), "x": rng.normal(size=n), "y": rng.integers(0, 2, n)}
    )


def test_values_are_slices_and_a_missing_one_is_a_slice_of_its_own():
    frame = pd.DataFrame({"sex": ["f", None, "m"], "flag": [1.0, 0.0, np.nan]})
    found = sliced(frame, {"sex": (), "flag": ()}, "X")
    assert found["sex"].tolist() == ["f", MISSING, "m"]
    assert found["flag"].tolist() == ["1", "0", MISSING]


def test_a_value_at_a_cut_belongs_above_it():
    frame = pd.DataFrame({"age": [24.9, 25, 44, 45, 80, np.nan]})
    found = sliced(frame, {"age": (25.0, 45.0)}, "X")["age"].tolist()
    assert found == ["under 25", "25 to under 45", "25 to under 45", "45 and over", "45 and over", MISSING]


def test_a_study_tells_them_of_the_test_rows_and_of_columns_that_are_no_feature(tmp_path):
    people().to_csv(tmp_path / "t.csv", index=False)
    spec = {"path": tmp_path / "t.csv", "target": "y", "drop": ["sex"], "slices": {"sex": [], "age": [30, 50]}}
    data = read(DataSpec.model_validate(spec), 0)
    assert set(data.slices) == {"sex", "age"}
    assert "sex" not in data.space.names
    assert all(len(labels) == len(data.test.inputs) for labels in data.slices.values())
    ages = data.test.inputs["age"].to_numpy()
    assert ((data.slices["age"] == "under 30") == (ages < 30)).all()


def test_a_list_of_columns_will_do():
    assert DataSpec.model_validate({"target": "y", "slices": ["sex", "town"]}).slices == {"sex": (), "town": ()}


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        ({"sx": ()}, "no column 'sx', which data.slices names: did you mean 'sex'"),
        ({"age": ()}, "different values, and a report shows 20: give cut points"),
        ({"sex": (1.0,)}, "holds no numbers: leave the cut points out"),
        ({"age": (45.0, 25.0)}, "the cut points 45, 25 must rise"),
    ],
)
def test_what_makes_no_slices_is_refused(slices, message):
    with pytest.raises(DataError, match=message):
        sliced(people(), slices, "X")
