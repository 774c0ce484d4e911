"""A study file is either read as it was meant, or refused with every problem named."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from xai_compare.config import PluginSpec, Study, load_study, problem, study_from_dict
from xai_compare.errors import StudyError

ROOT = Path(__file__).parents[1]
DATA = {"source": "sklearn:diabetes"}
MODELS = [{"name": "line", "kind": "linear_regression"}, {"name": "net", "kind": "mlp"}]
SPEC: dict[str, Any] = {"data": DATA, "models": MODELS}
CODED: dict[str, Any] = {"data": {**DATA, "labels": {1: "good", 2: "bad"}}}

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def lines(spec: object) -> list[str]:
    """The lines of the error that a mapping causes, without the name of the study."""
    with pytest.raises(StudyError) as caught:
        study_from_dict(spec)  # type: ignore[arg-type]
    found = str(caught.value).splitlines()
    assert all(line.startswith("<study>: ") for line in found)
    return [line.removeprefix("<study>: ") for line in found]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_studies_are_valid(path: Path) -> None:
    study = load_study(path)
    assert study.where.endswith(path.name)
    assert not Path(study.where).is_absolute()
    assert study.models[0] is study.reference


def test_defaults() -> None:
    study = study_from_dict(SPEC)
    assert (study.data.test_size, study.data.background, study.data.explain) == (0.3, 50, 150)
    assert (study.output, study.explainers, study.metrics, study.target) == ("native", "auto", "auto", None)
    assert (study.fill, study.seed, study.report.show_values) == ("auto", 0, None)
    assert (study.compare.level, study.compare.tolerance, study.compare.pairings) == (0.95, {}, ("same_method", "best_method"))
    assert [model.reference for model in study.models] == [True, False]


def test_a_plugin_is_a_name_or_a_mapping() -> None:
    study = study_from_dict({**SPEC, "explainers": ["shap", {"name": "lime", "params": {"samples": 1000}}]})
    assert study.explainers == (PluginSpec(name="shap"), PluginSpec(name="lime", params={"samples": 1000}))


def test_a_study_is_frozen_and_travels_to_workers() -> None:
    study = study_from_dict(SPEC, where="here.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        study.seed = 1
    copy = pickle.loads(pickle.dumps(study))
    assert (copy, copy.where) == (study, "here.yaml")


def test_resolved_is_json_that_gives_the_same_study_again() -> None:
    study = study_from_dict({**SPEC, "metrics": ["additive_fit"], "compare": {"tolerance": {"fidelity": 0.05}}})
    plain = study.resolved()
    assert study_from_dict(json.loads(json.dumps(plain, allow_nan=False))) == study
    assert plain["metrics"] == [{"name": "additive_fit", "params": {}}]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"output": "nativ"}, "output: found 'nativ': did you mean 'native'? Allowed: margin, native, probability"),
        ({"seed": "0"}, "seed: found '0': should be a whole number"),
        ({"seed": True}, "seed: found true: should be a whole number"),
        ({"seed": -1}, "seed: found -1: should be greater than or equal to 0"),
        ({"title": " "}, "title: found ' ': should not be empty"),
        ({"target": 1}, "target: found 1: should be text (put it in quotes)"),
        ({"models": []}, "models: found a list: should hold at least one item"),
        ({"models": None}, "models: found nothing: should be a list"),
        ({"data": [1]}, "data: found a list: should be a mapping"),
        ({"explainers": "shap"}, "explainers: found 'shap': should be auto or a list of names"),
        ({"explainers": [3]}, "explainers[0]: found 3: should be a name, or a mapping with name and params"),
        ({"metrics": [{"params": {}}]}, "metrics[0].name: missing: it has no default"),
        ({"compare": {"level": 95}}, "compare.level: found 95: should be less than or equal to 0.999"),
        ({"compare": {"tolerance": {"truth": -0.1}}}, "compare.tolerance.truth: found -0.1: should be greater than or equal to 0"),
        ({"compare": {"tolerance": {"truth": float("nan")}}}, "compare.tolerance.truth: found nan: should be a finite number"),
        ({"compare": {"pairings": ["same_method"] * 2}}, "compare.pairings[1]: 'same_method' is given twice, first as compare.pairings[0]"),
        ({"report": {"show_values": "yes"}}, "report.show_values: found 'yes': should be true or false"),
        ({"report": {"sections": "gaps"}}, "report.sections: found 'gaps': should be auto or a list of names"),
        ({"report": {"sections": ["gaps", "gaps"]}}, "report.sections: found a list: names 'gaps' twice"),
        ({"report": {"sections": [3]}}, "report.sections[0]: found 3: should be text (put it in quotes)"),
        ({"report": {"figures": ["pdf"]}}, "report.figures[0]: found 'pdf': Allowed: png, svg"),
        ({"report": {"figures": ["png", "png"]}}, "report.figures: found a list: names 'png' twice"),
        ({"report": {"figures": []}}, "report.figures: found a list: should hold at least one item"),
        ({"data": {**DATA, "path": 3}}, "data.path: found 3: should be text"),
        ({"fill": {1, 2}}, "fill: found {1, 2}: should be text, a number, true, false, a list or a mapping"),
        ({1: 2}, "1: found 1 as a key: should be text (put it in quotes)"),
        ({"data": {**DATA, "labels": {1: "good", "1": "bad"}}}, "data.labels: found a mapping: names a class twice"),
        ({"data": {**DATA, "labels": ["good", "bad"]}}, "data.labels: found a list: should be a mapping"),
        ({"data": {**DATA, "labels": {0: False, 1: "yes"}}}, "data.labels.0: found false: should be text (put it in quotes)"),
        ({"data": {**DATA, "labels": {0: " ", 1: "yes"}}}, "data.labels.0: found ' ': should not be empty"),
        ({"data": {**DATA, "labels": {None: "no"}}}, "data.labels.None: found nothing as a key: should be text (put it in quotes)"),
        ({"target": "2", **CODED}, "target: found '2', which data.labels calls 'bad': say the name"),
        ({"data": {**CODED["data"], "positive": 2.0}}, "data.positive: found 2.0, which data.labels calls 'bad': say the name"),
        (
            {**CODED, "reasons": {"threshold": 0.5, "adverse": 2, "reference": "near_threshold", "map": "map.yaml"}},
            "reasons.adverse: found 2, which data.labels calls 'bad': say the name",
        ),
        (
            {"data": {**DATA, "labels": {1: "good", 2: "good "}}},
            "data.labels.2: 'good' is the name of the class 1 already: give each class its own",
        ),
        (
            {"data": {**DATA, "labels": {1: "2", 2: "bad"}}},
            "data.labels.1: '2' stands for another class in the data: choose another name",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(change: dict[Any, Any], line: str) -> None:
    assert lines({**SPEC, **change}) == [line]


@pytest.mark.parametrize(
    ("change", "start"),
    [
        ({"explainer": "auto"}, "explainer: unknown key: did you mean 'explainers'? Allowed: compare, data,"),
        ({"data": {**DATA, "test_sise": 0.2}}, "data.test_sise: unknown key: did you mean 'test_size'?"),
        (
            {"models": [{**MODELS[0], "parms": {}}]},
            "models[0].parms: unknown key: did you mean 'params'? Allowed: allow_unsafe, architecture, drop, kind,",
        ),
        ({"metrics": [{"name": "x", "param": {}}]}, "metrics[0].param: unknown key: did you mean 'params'? Allowed: name, params"),
        ({"compare": {"tolerance": {"fidelty": 0}}}, "compare.tolerance.fidelty: found 'fidelty': did you mean 'fidelity'?"),
    ],
)
def test_an_unknown_key_comes_with_the_nearest_spelling(change: dict[str, Any], start: str) -> None:
    (line,) = lines({**SPEC, **change})
    assert line.startswith(start)


def test_every_problem_is_told_at_once() -> None:
    found = lines({"data": {"source": "csv"}, "models": [{"name": "a"}, {"name": "a", "kind": "mlp"}], "seed": 1.5})
    assert sorted(found) == [
        "data.path: missing: name the file to read, or train and test",
        "data.target: missing: a file needs the column to predict",
        "models[0].kind: missing: name the kind to train, or the file of a fitted model by load",
        "models[1].name: 'a' is given twice, first as models[0].name",
        "seed: found 1.5: should be a whole number",
    ]


def test_labels_are_read_by_the_values_of_the_classes(write: Write) -> None:
    head = "models: [{name: a, kind: k}]\n"
    study = load_study(write(head + "data: {source: s, labels: {7: good, 2.0: bad, '3': none, true: 'yes', level 4: ok}, positive: bad}"))
    names = {"7": "good", "2": "bad", "3": "none", "True": "yes", "level 4": "ok"}
    assert study.data.labels == names
    assert study.resolved()["data"]["labels"] == names
    assert study_from_dict(json.loads(json.dumps(study.resolved()))).data == study.data
    kept = load_study(write(head + "data: {source: s, labels: {1: '1', 2: bad}, positive: 1}"))  # a value may be its own name
    assert kept.data.positive == 1


def test_only_one_model_is_the_reference() -> None:
    found = lines({"data": DATA, "models": [{**model, "reference": True} for model in MODELS]})
    assert found == ["models[1].reference: models[0] is the reference already: only one model can be"]


def test_an_explainer_is_listed_once() -> None:
    found = lines({**SPEC, "explainers": ["lime", {"name": "lime", "params": {"samples": 9}}]})
    assert found == ["explainers[1].name: 'lime' is given twice, first as explainers[0]"]


def test_what_is_no_mapping_is_refused() -> None:
    assert lines([1]) == ["found a list: should be a mapping"]
    assert lines({}) == ["data: missing: it has no default", "models: missing: it has no default"]


def test_problem_names_file_and_place() -> None:
    error = problem(study_from_dict(SPEC, where="a.yaml"), "explainers[1]", "unknown explainer 'sharp'")
    assert str(error) == "a.yaml: explainers[1]: unknown explainer 'sharp'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 0\ntitle: a\nseed: 1\n", "line 3: the key 'seed' is given twice, first in line 1"),
        ("data:\n  source: a\n  source: b\n", "line 3: the key 'source' is given twice, first in line 2"),
        ("data: &d {source: a}\nmodels: *d\n", "line 1: anchors (&) and aliases (*) are not allowed: write the value out"),
        ("title: !!python/object/apply:os.getcwd []\n", "line 1: the tag tag:yaml.org,2002:python/object/apply:os.getcwd is not allowed"),
        ('title: "\\ud800"\n', "line 1: this text is not valid Unicode"),
        ("models: [\n", "line 2: "),
        ("[" * 10_000, "nested too deeply"),
        ("seed: " + "9" * 5000, "no valid YAML: Exceeds the limit"),
        ("title: \x00", "no valid YAML: unacceptable character"),
        ("", "found nothing: should be a mapping"),
        ("#" * (2**20 + 1), "larger than 1 MB"),
    ],
    ids=["twice", "twice inside", "anchor", "tag", "surrogate", "open bracket", "deep", "huge number", "zero byte", "empty", "large"],
)
def test_only_plain_yaml_is_read(write: Write, text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(write(text))
    assert str(caught.value).startswith(f"study.yaml: {message}")
    assert "\n" not in str(caught.value)


def test_numbers_and_dates_are_what_they_look_like(write: Write) -> None:
    study = load_study(write("{data: {source: s}, models: [{name: a, kind: k, params: {rate: 1e-3, day: 2020-01-01}}]}"))
    assert study.models[0].params == {"rate": 0.001, "day": "2020-01-01"}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"^none\.yaml: the study file cannot be read: No such file"):
        load_study(tmp_path / "none.yaml")
    with pytest.raises(StudyError, match="cannot be read"):
        load_study(tmp_path)


def test_a_relative_path_starts_at_the_study(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("{data: {source: csv, path: rows/a.csv, target: y}, models: [{name: a, kind: k}]}")
    study = load_study(file)
    assert study.locate(study.data.path) == tmp_path / "rows" / "a.csv"
    assert study.resolved()["data"]["path"] == "rows/a.csv"
    monkeypatch.chdir(tmp_path.parent)
    again = load_study(file.relative_to(tmp_path.parent))
    assert (again.locate(again.data.path), again.where) == (tmp_path / "rows" / "a.csv", f"{tmp_path.name}/study.yaml")


def test_an_environment_variable_in_a_path_is_expanded_and_not_written_down(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(write("{data: {path: '${XAI_TEST_ROWS}/a.csv', target: y}, models: [{name: a, kind: k}]}"))
    assert study.resolved()["data"]["path"] == "${XAI_TEST_ROWS}/a.csv"
    monkeypatch.delenv("XAI_TEST_ROWS", raising=False)
    with pytest.raises(StudyError, match="needs the environment variable XAI_TEST_ROWS"):
        study.locate(study.data.path)
    monkeypatch.setenv("XAI_TEST_ROWS", str(tmp_path / "rows"))
    assert study.locate(study.data.path) == tmp_path / "rows" / "a.csv"


def test_an_absolute_path_does_not_reach_the_manifest(write: Write, tmp_path: Path) -> None:
    target = (tmp_path / "a.csv").as_posix()
    study = load_study(write(f"{{data: {{source: csv, path: '{target}', target: y}}, models: [{{name: a, kind: k}}]}}"))
    assert study.locate(study.data.path) == tmp_path / "a.csv"
    assert study.resolved()["data"]["path"] == "a.csv"


KEYS = st.sampled_from(
    ["data", "models", "name", "kind", "source", "explainers", "compare", "tolerance", "truth", "reference", "x", "[list]"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["auto", "csv"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.integers(), inner, max_size=4),
    max_leaves=12,
)


def _study_or_typed_error(make: Callable[[], Study]) -> None:
    try:
        study = make()
    except StudyError:
        return
    json.dumps(study.resolved(), allow_nan=False)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_mapping_is_a_study_or_a_typed_error(mapping: dict[str, Any]) -> None:
    _study_or_typed_error(lambda: study_from_dict({**SPEC, **mapping}))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # the file is written anew by every example
@given(st.text(max_size=60) | st.text(alphabet="ab01.:-{}[]&*!?<>|'\"\n ,#%@~=_\\", max_size=60) | st.binary(max_size=60))
def test_any_file_is_a_study_or_a_typed_error(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    _study_or_typed_error(lambda: load_study(path))


@pytest.mark.parametrize("source", ["images", "series"])
def test_sources_of_files_need_a_path_and_no_target(source: str) -> None:
    def said(**data: Any) -> list[str]:
        return lines({**SPEC, "data": {"source": source, **data}})

    study_from_dict({**SPEC, "data": {"source": source, "path": "a"}})
    study_from_dict({**SPEC, "data": {"source": source, "train": "a", "test": "b"}})
    assert said() == ["data.path: missing: name the file to read, or train and test"]
    assert said(train="a") == ["data.test: missing: train and test need a file each"]
    assert said(path="a", test="b") == ["data.path: a file is given beside train and test: name one or the other"]
