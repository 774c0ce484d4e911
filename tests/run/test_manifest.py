"""verify: a changed or missing file of a report is named. timings: what differs from run to run, and stands nowhere else."""

from __future__ import annotations

import json
import sys

import pytest

from tests.made import study_of
from xai_compare.config import study_from_dict
from xai_compare.errors import XaiCompareError
from xai_compare.models.trained import Training
from xai_compare.run import worker
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.manifest import timings, verify, write_manifest
from xai_compare.run.plan import plan_study
from xai_compare.run.store import MemoryStore


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "data" / "gaps.csv").write_text("a,b\n")
    write_manifest(tmp_path, {}, {}, ["report.json", "data/gaps.csv"])
    return tmp_path


def test_an_unchanged_report_has_nothing_wrong(folder):
    assert verify(folder) == []


def test_a_changed_and_a_missing_file_are_named(folder):
    (folder / "report.json").write_text("{ }")
    (folder / "data" / "gaps.csv").unlink()
    assert verify(folder) == ["data/gaps.csv: missing", "report.json: changed since the report was written"]


@pytest.mark.parametrize("content", [None, "[]", "{", json.dumps({"outputs": [{"path": "x"}]})])
def test_no_manifest_is_a_clear_error(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(XaiCompareError, match="no manifest that can be read"):
        verify(tmp_path)


@pytest.fixture(scope="module")
def costly():
    """A finished run that asks for the cost of its models."""
    options = {
        "explainers": ["occlusion"],
        "metrics": ["additive_fit", "cost"],
        "data": {"source": "sklearn:iris", "explain": 6, "background": 5},
    }
    return execute(plan_study(study_from_dict(study_of(**options))), MemoryStore())


def test_timings_tell_what_each_model_took(costly) -> None:
    told = timings(costly)
    assert set(told["models"]) == set(costly.plan.models)
    for found in told["models"].values():
        assert set(found) == {"training_seconds", "inference_ms_per_1000"}
        assert min(found.values()) >= 0
    assert told["peak_mib"] > 50  # Python and NumPy alone are more


def test_what_a_model_took_is_in_no_result(costly) -> None:
    results = collect(costly)
    held = json.dumps(results._facts(), default=str)
    assert not [word for word in ("training_seconds", "inference_ms", "peak_mib", "model_rows", "took") if f'"{word}"' in held]
    parts = results.scores[results.reference, "", "cost"].parts
    assert set(parts) == {"coefficients", "stored bytes"}


def test_without_that_question_nothing_is_trained_twice(monkeypatch) -> None:
    trained = []
    monkeypatch.setattr(Training, "train", lambda self, data, own=Training.train: (trained.append(self.name), own(self, data))[1])
    options = {"explainers": ["occlusion"], "metrics": ["additive_fit"], "data": {"source": "sklearn:iris", "explain": 6, "background": 5}}
    found = timings(execute(plan_study(study_from_dict(study_of(**options))), MemoryStore()))
    assert sorted(trained) == sorted(found["models"])
    assert not any(found["models"].values())


def test_memory_that_the_system_does_not_tell_is_unknown(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert worker._peak_mib() is None
