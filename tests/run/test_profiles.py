"""Profiles in a run: planned, counted, cached, collected; one that fails costs its own cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.made import differences, study_of
from xai_compare.config import study_from_dict
from xai_compare.errors import StudyError
from xai_compare.profiles import PROFILES
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.forecast import forecast
from xai_compare.run.jobs import Job, graph, needs
from xai_compare.run.keys import Keys
from xai_compare.run.plan import Plan, plan_study
from xai_compare.run.store import DiskStore, MemoryStore
from xai_compare.run.worker import profiled_target

QUICK = {"explainers": ["shap"], "metrics": ["performance"]}


def planned(**options: Any) -> Plan:
    return plan_study(study_from_dict(study_of(**{**QUICK, **options})))


@dataclass(frozen=True)
class Strange:
    """A profile that goes wrong as it is told to."""

    title: ClassVar[str] = "Strange"
    citation: ClassVar[str] = ""
    cost: ClassVar[str] = ""
    reading: ClassVar[str] = ""

    how: str = "raises"

    def __call__(self, model, data, output, target, streams, features=None):
        if self.how == "raises" and model.name == "forest":
            raise RuntimeError("no such luck")
        return 3 if self.how == "number" else PROFILES["ale"]()(model, data, output, target, streams)


@pytest.fixture
def strange(monkeypatch):
    list(PROFILES)  # the built-in ones first
    monkeypatch.setitem(PROFILES._found, "strange", Strange)


def test_both_are_drawn_of_every_model_and_collected() -> None:
    plan = planned()
    finished = execute(plan, MemoryStore())
    results = collect(finished)
    assert list(results.profiles) == [(model, name) for model in ("line", "forest") for name in ("ale", "partial_dependence")]
    assert [(method.name, method.parameters["level"]) for method in results.profiled] == [("ale", 0.95), ("partial_dependence", 0.95)]
    cells = [cell for cell in results.cells if cell.metric in plan.profiles]
    assert [(cell.model, cell.explainer, cell.metric, cell.status) for cell in cells] == [
        (model, "", name, "ok") for model, name in results.profiles
    ]
    for (model, name), profile in results.profiles.items():
        assert [curve.feature for curve in profile.curves] == list(results.features)
        assert profile.output == "probability"
        assert finished[Job("profile", model, profile=name)].about["model_rows"] == profile.model_rows > 0
    # One grid for all models: their curves can stand on one axis.
    for name in plan.profiles:
        grids = [[curve.grid for curve in results.profiles[model, name].curves] for model in ("line", "forest")]
        assert differences(*grids) == []


def test_an_empty_list_draws_none() -> None:
    plan = planned(profiles=[])
    assert not [job for job in graph(plan) if job.kind == "profile"]
    results = collect(execute(plan, MemoryStore()))
    assert (results.profiles, results.profiled) == ({}, ())


def test_parameters_come_from_the_study() -> None:
    results = collect(execute(planned(profiles=[{"name": "ale", "params": {"bins": 5, "level": 0.8}}]), MemoryStore()))
    assert {profile.level for profile in results.profiles.values()} == {0.8}
    assert max(len(curve.grid) for profile in results.profiles.values() for curve in profile.curves) <= 6


def test_one_that_fails_costs_its_own_cell(strange) -> None:
    results = collect(execute(planned(profiles=["strange", "ale"]), MemoryStore()))
    told = {(cell.model, cell.metric): (cell.status, cell.reason) for cell in results.cells}
    assert told["forest", "strange"] == ("failed", "RuntimeError: no such luck")
    assert told["line", "strange"][0] == told["forest", "ale"][0] == told["forest", "performance"][0] == "ok"
    assert set(results.profiles) == {("line", "strange"), ("line", "ale"), ("forest", "ale")}


def test_one_that_returns_something_else_is_told(strange) -> None:
    results = collect(execute(planned(profiles=[{"name": "strange", "params": {"how": "number"}}]), MemoryStore()))
    reasons = {cell.reason for cell in results.cells if cell.metric == "strange"}
    assert reasons == {"XaiCompareError: 'strange' returned a int: a profile is needed"}


def test_a_rerun_draws_nothing_again_and_other_parameters_only_their_own(tmp_path) -> None:
    first = execute(planned(), DiskStore(tmp_path))
    assert first.computed == len(first.jobs)
    again = execute(planned(), DiskStore(tmp_path))
    assert again.computed == 0
    assert differences(dict(collect(again).profiles), dict(collect(first).profiles)) == []
    other = execute(planned(profiles=["partial_dependence", {"name": "ale", "params": {"bins": 6}}]), DiskStore(tmp_path))
    assert other.computed == 2


def test_keys_differ_by_method_parameters_and_model() -> None:
    plan, other = planned(), planned(profiles=[{"name": "ale", "params": {"bins": 7}}])
    keys = {Keys(plan)(job) for job in graph(plan) if job.kind == "profile"}
    assert len(keys) == 4
    assert not keys & {Keys(other)(job) for job in graph(other) if job.kind == "profile"}


def test_the_plan_counts_their_rows() -> None:
    plan = planned()
    told = {(step.model, step.step): step.model_rows for step in forecast(plan).steps}
    done = {(model, name): profile.model_rows for (model, name), profile in collect(execute(plan, MemoryStore())).profiles.items()}
    assert {(model, f"profile {name}"): rows for (model, name), rows in done.items()}.items() <= told.items()
    assert forecast(plan).cells["ok"] == len(collect(execute(plan, MemoryStore())).cells)


def test_numbers_are_told_by_rank_where_values_may_not_be_shown() -> None:
    shown, hidden = (collect(execute(planned(report={"show_values": on}), MemoryStore())) for on in (True, False))
    table = planned().data.test.inputs
    for key, profile in shown.profiles.items():
        for curve, ranked in zip(profile.curves, hidden.profiles[key].curves, strict=True):
            values = table[curve.feature].to_numpy()
            expected = [((values < at).mean() + (values <= at).mean()) / 2 for at in curve.grid]
            np.testing.assert_allclose(ranked.grid, expected)
            assert (curve.ranked, ranked.ranked) == (False, True)
            assert 0 <= ranked.quantiles.min() <= ranked.quantiles.max() <= 1
            assert differences((curve.curve, curve.low, curve.share), (ranked.curve, ranked.low, ranked.share)) == []


def test_levels_keep_their_names_where_values_may_not_be_shown() -> None:
    from tests.made import mixed, outcome
    from xai_compare.api import compare

    frame = mixed(80)
    model = lambda x: 1 / (1 + np.exp(-(x["height"] - 170) / 10 - (x["town"] == "Cork")))  # noqa: E731
    found = compare({"f": model}, frame, outcome(frame) == "yes", background=frame[:20], study={**QUICK, "data": {"explain": 5}})
    by_name = {curve.feature: curve for curve in found.results.profiles["f", "partial_dependence"].curves}
    assert by_name["town"].levels == ("Aix", "Bonn", "Cork")
    assert not by_name["town"].ranked
    assert by_name["height"].ranked


# ---- which output they follow


def test_of_three_classes_the_one_explained_most_is_followed_and_the_reference_is_asked() -> None:
    plan = planned()
    finished = execute(plan, MemoryStore())
    decided = finished[Job("predict", "line")].arrays["decision"]
    most = int(np.bincount(decided).argmax())
    assert {profile.target for profile in collect(finished).profiles.values()} == {most}
    assert needs(plan, Job("profile", "forest", profile="ale")) == [Job("fit", "forest"), Job("predict", "line")]


def test_a_class_that_is_named_is_followed_and_nobody_is_asked() -> None:
    plan = planned(target="virginica")
    assert profiled_target(plan, _nobody) == plan.data.classes.index("virginica")
    assert needs(plan, Job("profile", "forest", profile="ale")) == [Job("fit", "forest")]


def test_of_two_classes_the_last_and_of_a_regression_the_value() -> None:
    two = planned(data={"source": "sklearn:breast_cancer", "explain": 5, "background": 5})
    assert profiled_target(two, _nobody) == 1
    value = planned(
        data={"source": "sklearn:diabetes", "explain": 5, "background": 5}, models=[{"name": "line", "kind": "linear_regression"}]
    )
    assert profiled_target(value, _nobody) == 0
    results = collect(execute(value, MemoryStore()))
    assert {profile.output for profile in results.profiles.values()} == {"value"}


def _nobody(job: Job) -> Any:
    raise AssertionError(f"{job} is asked")


# ---- what a study may say


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        (["alle"], "profiles\\[0\\]: unknown profile 'alle': did you mean 'ale'"),
        ([{"name": "ale", "params": {"bin": 5}}], "profiles\\[0\\].params: unknown parameter 'bin'"),
        ([{"name": "ale", "params": {"bins": 1}}], "profiles\\[0\\].params: bins must be at least 4"),
        (["ale", "ale"], "profiles\\[1\\]: 'ale' is given twice"),
        ("all", "profiles: found 'all': should be auto or a list of names"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(profiles, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        planned(profiles=profiles)


def test_a_profile_and_a_metric_of_one_name_are_refused(monkeypatch) -> None:
    list(PROFILES)
    monkeypatch.setitem(PROFILES._found, "performance", Strange)
    with pytest.raises(StudyError, match="'performance' is the name of a metric of this study too"):
        planned(profiles=["performance"])


def test_a_job_is_written_with_its_profile() -> None:
    assert str(Job("profile", "forest", profile="ale")) == "profile forest ale"
    assert replace(Job("profile", "forest", profile="ale"), profile="x") != Job("profile", "forest", profile="ale")
