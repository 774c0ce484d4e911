"""Results on disk: what is loaded is what was saved."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from tests.made import differences, study_of
from xai_compare.config import study_from_dict
from xai_compare.errors import XaiCompareError
from xai_compare.results import Results
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.plan import plan_study
from xai_compare.run.store import MemoryStore

STUDIES = {
    "three classes": study_of(data={"source": "sklearn:iris", "explain": 28, "background": 8}),
    "two classes": study_of(data={"source": "sklearn:breast_cancer", "explain": 5, "background": 5}, explainers=["shap"]),
    "regression": study_of(
        data={"source": "sklearn:diabetes", "explain": 5, "background": 5},
        models=[{"name": "größe/..", "kind": "linear_regression"}],
        explainers=["shap"],
    ),
    "values hidden": study_of(report={"show_values": False}, explainers=["shap"], fill="reference"),
}


@cache
def made(name: str) -> Results:
    return collect(execute(plan_study(study_from_dict(STUDIES[name])), MemoryStore()))


@pytest.fixture(scope="module", params=STUDIES)
def results(request) -> Results:
    return made(request.param)


def test_loaded_results_equal_the_saved_ones(results, tmp_path) -> None:
    results.save(tmp_path / "new" / "folder")
    loaded = Results.load(tmp_path / "new" / "folder")
    assert differences(loaded, results) == []
    assert (list(loaded.attributions), list(loaded.scores)) == (list(results.attributions), list(results.scores))


def test_saving_what_was_loaded_gives_the_same_bytes(results, tmp_path) -> None:
    results.save(tmp_path / "a")
    Results.load(tmp_path / "a").save(tmp_path / "b")
    for name in ("results.json", "results.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_saving_leaves_two_files_and_nothing_beside_them(results, tmp_path) -> None:
    results.save(tmp_path)
    results.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json", "results.npz"]


def test_results_json_is_strict_json(results, tmp_path) -> None:
    results.save(tmp_path)

    def refuse(constant: str):
        raise AssertionError(constant)

    json.loads((tmp_path / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_reference_and_control_are_found_by_their_marks(results) -> None:
    assert results.reference == results.models[0].name
    assert results.control == "random"


@pytest.mark.parametrize("damage", ["no folder", "no arrays", "other json", "no json", "cut arrays", "arrays of another run"])
def test_a_folder_without_good_results_is_refused(damage: str, tmp_path) -> None:
    results = made("two classes")
    folder = tmp_path / "run"
    if damage != "no folder":
        results.save(folder)
    arrays, facts = folder / "results.npz", folder / "results.json"
    if damage == "no arrays":
        arrays.unlink()
    elif damage == "other json":
        facts.write_text('{"title": "something else"}')
    elif damage == "no json":
        facts.write_text("{")
    elif damage == "cut arrays":
        arrays.write_bytes(arrays.read_bytes()[:-200])
    elif damage == "arrays of another run":
        np.savez(arrays, nothing=np.zeros(1))
    with pytest.raises(XaiCompareError, match="holds no results of a run"):
        Results.load(folder)
