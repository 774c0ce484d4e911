"""Runs brought back from their folder, and computed again: the same numbers, or a list of those that are not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import xai_compare as xc
from tests.toys import classified
from xai_compare.api import run_study
from xai_compare.config import load_study
from xai_compare.errors import StudyError, XaiCompareError
from xai_compare.report.write import dumps, rerender
from xai_compare.saved import Rerun, breached, differences, rerun

STUDY = {
    "title": "Iris",
    "data": {"source": "sklearn:iris", "explain": 12, "background": 12},
    "models": [
        {"name": "line", "kind": "logistic_regression", "reference": True},
        {"name": "tree", "kind": "decision_tree"},
    ],
    "explainers": ["shap", "lime"],
    "metrics": ["additive_fit", "features_needed", "agreement", "performance"],
    "profiles": [],
    "compare": {"level": 0.9, "tolerance": {"fidelity": 0.05}, "pairings": ["same_method"]},
    "seed": 3,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study that ran from its file, and what it found."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "iris.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        audit = run_study(load_study(Path("iris.yaml")), Path("out"))
    return folder, audit


@pytest.fixture
def place(finished, tmp_path, monkeypatch):
    """A copy of it, in the folder in which the test runs."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- load


def test_a_run_comes_back_as_it_was(finished) -> None:
    folder, audit = finished
    for where in (folder / "out", folder / "out" / "report.json", str(folder / "out")):
        loaded = xc.load(where)
        assert loaded.report == audit.report
    for name in ("gaps", "skills", "agreement", "performance", "scores"):
        pd.testing.assert_frame_equal(getattr(loaded, name).frame(), getattr(audit, name).frame())
        assert len(getattr(loaded, name))
    assert loaded.failed == audit.failed
    assert repr(loaded) == repr(audit)
    assert loaded.timings["jobs"] == audit.timings["jobs"]


def test_it_is_compared_as_the_study_asked(finished) -> None:
    loaded = xc.load(finished[0] / "out")
    assert loaded.comparison.level == 0.9
    assert {gap.pairing for gap in loaded.gaps if gap.kind == "models"} == {"same_method"}
    assert {gap.tolerance for gap in loaded.gaps if gap.headline and gap.question == "fidelity"} == {0.05}


def test_it_can_be_saved_again_and_attached(finished, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    loaded = xc.load(finished[0] / "out")
    loaded.save(tmp_path / "again")
    for name in ("report.json", "data/results.json", "data/gaps.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (finished[0] / "out" / name).read_bytes()
    (tmp_path / "README.md").write_text("# Card\n")
    loaded.attach(tmp_path / "README.md")
    assert "](again/report.json)" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_report_of_an_older_form_is_written_anew(place) -> None:
    path = place / "out" / "report.json"
    now = path.read_bytes()
    path.write_bytes(now.replace(b'"schema_version": "', b'"schema_version": "0.'))
    with pytest.raises(XaiCompareError, match=r"load\(folder\).save\(folder\)"):
        rerender(place / "out")
    xc.load("out").save("out")
    assert path.read_bytes() == now
    rerender(place / "out")


def test_what_was_compared_in_python_comes_back(tmp_path) -> None:
    frame, y = classified()
    models = {"line": LogisticRegression().fit(frame, y), "forest": RandomForestClassifier(5, random_state=0).fit(frame, y)}
    options = {"explainers": ["shap"], "data": {"explain": 15, "background": 10}, "metrics": ["additive_fit"]}
    result = xc.compare(models, frame, y, background=frame, study=options)
    (tmp_path / "README.md").write_text("# Card\n")
    with pytest.raises(XaiCompareError, match="save the report first"):
        result.attach(tmp_path / "README.md")
    result.save(tmp_path / "out")
    assert xc.load(tmp_path / "out").report == result.report
    result.attach(tmp_path / "README.md")
    result.attach(tmp_path / "README.md", remove=True)
    assert (tmp_path / "README.md").read_text() == "# Card\n"
    with pytest.raises(StudyError, match="made in Python"):
        rerun(tmp_path / "out")


@pytest.mark.parametrize("spoil", ["no folder", "no data", "no study"])
def test_what_holds_no_run_is_a_clear_error(place, spoil) -> None:
    if spoil == "no data":
        (place / "out" / "data" / "results.npz").unlink()
    elif spoil == "no study":
        path = place / "out" / "data" / "results.json"
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "study": {}}))
    with pytest.raises(XaiCompareError, match=r"no results of a run|does not say how it was compared"):
        xc.load("nowhere" if spoil == "no folder" else "out")


# ---- thresholds


def test_a_result_and_its_folder_say_the_same(finished) -> None:
    folder, audit = finished
    asked = ["gap.fidelity < 2", "gap.fidelity < -2", "skill.lime.fidelity.tree < 2", "any failed"]
    assert breached(folder / "out", asked) == audit.breaches(*asked)
    assert [line.split(":")[0] for line in audit.breaches(*asked)] == [asked[0], asked[2]]
    assert breached(folder / "nowhere", []) == audit.breaches() == []


def test_a_name_that_the_study_does_not_have_stops_it_before_it_runs(tmp_path) -> None:
    study = load_study_of(tmp_path)
    for expression, says in (("gap.fidelity.forest < 0", "no model 'forest'"), ("gap.fidelity", "found the end")):
        with pytest.raises(StudyError, match=says):
            run_study(study, tmp_path / "out", fail_on=[expression])
    assert not (tmp_path / "out").exists()


def load_study_of(folder: Path):
    (folder / "s.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return load_study(folder / "s.yaml")


# ---- again


def test_a_report_comes_out_again(place) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    found = rerun("out")
    assert (found.differences, found.told, found.shown) == ((), (), [])
    assert found.numbers > 300
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_changed_numbers_are_named_and_versions_told(place) -> None:
    path = place / "out" / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    gap = report["gaps"][0]["gap"]
    gap["estimate"] = round(gap["estimate"] + 0.001, 6)
    report["skills"][0]["value"]["estimate"] *= 1 + 3e-10  # less than a last digit
    report["provenance"]["versions"]["numpy"] = "1.0"
    report["provenance"]["models_fingerprint"]["tree"] = "0" * 64
    path.write_text(dumps(report), encoding="utf-8")
    found = rerun("out", place / "iris.yaml")
    assert [line.split(":")[0] for line in found.differences] == ["$.gaps[0].gap.estimate"]
    assert [line.split(":")[0] for line in found.told] == ["versions.numpy", "models_fingerprint.tree"]
    assert found.told[0].startswith('versions.numpy: "1.0", now ')


def test_another_study_or_none_is_refused(place) -> None:
    (place / "other.yaml").write_text(yaml.safe_dump({**STUDY, "seed": 4}), encoding="utf-8")
    with pytest.raises(StudyError, match=r"'other.yaml' is not the study of this report: study.seed: 3, now 4"):
        rerun("out", Path("other.yaml"))
    (place / "iris.yaml").unlink()
    with pytest.raises(StudyError, match=r"'iris.yaml' is not there: give it with --study"):
        rerun("out")
    (place / "out" / "manifest.json").write_text("{}")
    with pytest.raises(XaiCompareError, match="does not say what was run"):
        rerun("out")
    (place / "out" / "report.json").write_text("{}")
    with pytest.raises(XaiCompareError, match="it is no report"):
        rerun("out")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (1.0, 1.0 + 1e-10, []),
        (1.0, 1.0 + 1e-8, ["$: 1.0, now 1.00000001"]),
        (1e-14, -1e-14, []),
        (1, 1.0, []),
        (True, 1, ["$: true, now 1"]),
        (None, 0.0, ["$: null, now 0.0"]),
        ({"a": 1}, {"b": 1}, ["$.a: gone", "$.b: only now"]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, ["$.a: 2 items, now 3", "$.a[1]: 2, now 3"]),
        ("x", "y", ['$: "x", now "y"']),
        ([], {}, ["$: [], now {}"]),
    ],
)
def test_differences(old, new, expected) -> None:
    assert list(differences(old, new)) == expected


def test_only_the_first_differences_are_shown() -> None:
    many = Rerun(tuple(f"$[{i}]: 0, now 1" for i in range(25)), (), 25)
    assert many.shown == [*many.differences[:20], "and 5 more"]
    assert replace(many, differences=many.differences[:20]).shown == list(many.differences[:20])
