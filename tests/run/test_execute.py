"""Running a plan: what is remembered, what a failure costs, and that two runs are the same to the bit."""

from __future__ import annotations

import shutil
import sqlite3

import numpy as np
import pytest

from tests.made import data_of, differences, numbers, study_of
from tests.run import plugins
from xai_compare.config import study_from_dict
from xai_compare.errors import ModelError, XaiCompareError
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.jobs import Job, graph, needs
from xai_compare.run.plan import plan_given, plan_study
from xai_compare.run.store import DiskStore, MemoryStore
from xai_compare.run.worker import Worker


def plan(**options):
    return plan_study(study_from_dict(study_of(**options)))


@pytest.fixture
def open_store(tmp_path):
    stores = []

    def opened(name="store", **options):
        stores.append(DiskStore(tmp_path / name, **options))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished run on disk: the folder, what came of it, its jobs."""
    folder = tmp_path_factory.mktemp("done") / "store"
    store = DiskStore(folder)
    finished = execute(plan(), store)
    yield folder, collect(finished), finished
    store.close()


@pytest.fixture
def reopened(done, open_store, tmp_path):
    """A store with all that the finished run left."""
    folder, _, finished = done
    finished._store._journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(folder, tmp_path / "store")
    return open_store


@pytest.fixture
def memory():
    return MemoryStore()


def status_of(results, **chosen):
    """{(model, explainer, metric): status} of the cells with these fields."""
    return {
        (cell.model, cell.explainer, cell.metric): cell.status
        for cell in results.cells
        if all(getattr(cell, name) == value for name, value in chosen.items())
    }


def reason_of(results, model, explainer, metric=""):
    return next(cell.reason for cell in results.cells if (cell.model, cell.explainer, cell.metric) == (model, explainer, metric))


# ---- the graph


def test_every_job_stands_after_those_it_needs_and_once() -> None:
    made = plan()
    jobs = graph(made)
    place = {job: i for i, job in enumerate(jobs)}
    assert len(place) == len(jobs)
    assert all(place[needed] < place[job] for job in jobs for needed in needs(made, job))


def test_cases_are_cut_into_chunks_of_25() -> None:
    jobs = graph(plan(data={"source": "sklearn:wine", "explain": 53}))
    assert {job.chunk for job in jobs if job.kind == "sample"} == {0, 1, 2}
    assert {job.chunk for job in jobs if job.explainer == "permutation_importance" and job.kind == "explain"} == {-1}


# ---- what is remembered


def test_a_second_run_in_memory_computes_nothing(memory) -> None:
    first = execute(plan(), memory)
    second = execute(plan(), memory)
    assert (first.computed, second.computed) == (len(first.jobs), 0)


def test_a_second_run_on_disk_computes_nothing_and_gives_the_same(done, reopened) -> None:
    second = execute(plan(), reopened())
    assert second.computed == 0
    assert differences(done[1], collect(second)) == []


def test_a_fresh_store_forgets(reopened) -> None:
    again = execute(plan(), reopened(fresh=True))
    assert again.computed == len(again.jobs)


def test_two_runs_in_two_places_are_the_same_to_the_bit(done, open_store, memory) -> None:
    for store in (open_store("elsewhere"), memory):
        assert differences(collect(execute(plan(), store)), done[1]) == []


@pytest.mark.parametrize(
    "job",
    [
        Job("fit", "forest"),
        Job("predict", "line"),
        Job("sample", "forest", chunk=1),
        Job("explain", "forest", "shap", chunk=0),
        Job("explain", "line", "permutation_importance"),
        Job("score", "line", "shap", "additive_fit", 1),
        Job("score", "forest", "", "performance"),
    ],
    ids=str,
)
def test_a_job_lost_from_the_journal_alone_is_run_again_with_the_same_result(job, done, reopened, tmp_path) -> None:
    _, results, first = done
    with sqlite3.connect(tmp_path / "store" / "journal.sqlite") as journal:
        assert journal.execute("DELETE FROM jobs WHERE key = ?", (first.keys(job),)).rowcount == 1
    journal.close()
    again = execute(plan(), reopened())
    assert again.computed == 1
    assert differences(results, collect(again)) == []


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [("npz", "gone"), ("npz", "cut short"), ("npz", "empty"), ("npz", "garbage"), ("model", "gone"), ("model", "cut short")],
)
def test_a_damaged_file_of_the_journal_is_computed_again(suffix: str, damage: str, done, reopened, tmp_path) -> None:
    _, results, first = done
    job = Job("sample", "forest", chunk=0) if suffix == "npz" else Job("fit", "forest")
    path = tmp_path / "store" / f"{first.keys(job)}.{suffix}"
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut short": content[: len(content) // 2], "empty": b"", "garbage": b"\0" * 100}[damage])
    if suffix == "model":  # something must need it
        with sqlite3.connect(tmp_path / "store" / "journal.sqlite") as journal:
            journal.execute("DELETE FROM jobs WHERE key = ?", (first.keys(Job("predict", "forest")),))
        journal.close()
    again = execute(plan(), reopened())
    assert differences(results, collect(again)) == []


def test_adding_a_model_computes_only_its_own_jobs(memory) -> None:
    execute(plan(), memory)
    more = [*study_of()["models"], {"name": "wood", "kind": "random_forest", "params": {"n_estimators": 3}}]
    again = execute(plan(models=more), memory)
    assert again.computed == sum(job.model == "wood" for job in again.jobs)


def test_adding_an_explainer_computes_only_what_names_it(memory) -> None:
    execute(plan(), memory)
    again = execute(plan(explainers=["shap", "permutation_importance", {"name": "lime", "params": {"samples": 50}}]), memory)
    assert again.computed == sum("lime" in job.explainer for job in again.jobs)


def test_one_explainer_more_changes_no_other_number(memory) -> None:
    few, many = collect(execute(plan(explainers=["shap"]), memory)), collect(execute(plan(), MemoryStore()))
    assert differences(few.attributions["forest", "shap"], many.attributions["forest", "shap"]) == []
    key = ("forest", "shap", "additive_fit")
    assert differences(few.scores[key], many.scores[key]) == []


def test_progress_is_told_before_each_job_and_at_the_end(memory) -> None:
    told = []
    finished = execute(plan(), memory, lambda done, total, what: told.append((done, total, what)))
    n = len(finished.jobs)
    assert told == [*((i, n, str(job)) for i, job in enumerate(finished.jobs)), (n, n, "")]


# ---- a failing method costs its cell only


def others_are_fine(results, name: str) -> bool:
    return all(cell.status in ("ok", "not_applicable") for cell in results.cells if name not in cell.explainer.split(" ~ "))


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (plugins.Raises, "RuntimeError: no such luck"),
        (plugins.Nan, "1 values that are not finite, first at case 3"),
        (plugins.TooWide, "shape"),
        (plugins.TooFewRows, "shape"),
        (plugins.NotAnAttribution, "ndarray"),
        (plugins.Exits, "bye"),
    ],
)
def test_a_bad_explainer_costs_its_cells_and_what_rests_on_them(cls, reason: str, explainer, memory) -> None:
    explainer("bad", cls)
    results = collect(execute(plan(explainers=["shap", "bad"]), memory))
    assert set(status_of(results, explainer="bad", metric="").values()) == {"failed"}
    assert reason in reason_of(results, "line", "bad")
    resting = [cell for cell in results.cells if "bad" in cell.explainer.split(" ~ ") and cell.metric]
    assert {cell.status for cell in resting} == {"skipped"}
    assert all("explain" in cell.reason and "bad" in cell.reason for cell in resting)
    assert others_are_fine(results, "bad")
    assert ("line", "bad") not in results.attributions


def test_a_failed_explainer_is_tried_again_and_what_was_skipped_for_it(explainer, open_store, monkeypatch) -> None:
    explainer("bad", plugins.Raises)
    first = execute(plan(explainers=["shap", "bad"]), open_store())
    again = execute(plan(explainers=["shap", "bad"]), open_store())
    assert again.computed == sum("bad" in job.explainer.split(" ~ ") for job in first.jobs)
    monkeypatch.setattr(plugins.Raises, "broken", False)
    mended = collect(execute(plan(explainers=["shap", "bad"]), open_store()))
    assert set(status_of(mended, explainer="bad", metric="").values()) == {"ok"}
    assert not [cell for cell in mended.cells if cell.status in ("failed", "skipped")]
    assert execute(plan(explainers=["shap", "bad"]), open_store()).computed == 0


def test_a_failing_chunk_fails_the_cell_and_says_which_share(explainer, memory) -> None:
    explainer("bad", plugins.RaisesOnTheSecondChunk)
    results = collect(execute(plan(explainers=["shap", "bad"]), memory))
    assert reason_of(results, "line", "bad") == "RuntimeError: unlucky chunk (1 of 2 chunks of 25 cases)"
    assert status_of(results, model="line", explainer="bad", metric="additive_fit") == {("line", "bad", "additive_fit"): "skipped"}


def test_what_does_not_fit_is_not_applicable_with_its_reason(explainer, memory) -> None:
    explainer("odd", plugins.DoesNotFit)
    results = collect(execute(plan(explainers=["shap", "odd"]), memory))
    about_it = [cell for cell in results.cells if "odd" in cell.explainer.split(" ~ ")]
    assert {(cell.status, cell.reason) for cell in about_it} == {("not_applicable", "it needs a crystal ball")}
    assert others_are_fine(results, "odd")


def test_a_degraded_explanation_is_kept_and_says_why(explainer, memory) -> None:
    explainer("rough", plugins.Degraded)
    results = collect(execute(plan(explainers=["shap", "rough"]), memory))
    assert status_of(results, model="line", explainer="rough", metric="") == {("line", "rough", ""): "degraded"}
    assert reason_of(results, "line", "rough") == "done by hand"
    assert ("line", "rough") in results.attributions
    assert status_of(results, model="line", explainer="rough", metric="additive_fit") == {("line", "rough", "additive_fit"): "ok"}


def test_warnings_land_in_the_limits_counted(explainer, memory, recwarn) -> None:
    explainer("loud", plugins.Warns)
    finished = execute(plan(explainers=["shap", "loud"]), memory)
    warned = sum(bool(finished[job].warnings) for job in finished.jobs)
    assert {(job.kind, job.explainer) for job in finished.jobs if finished[job].warnings} == {("explain", "loud")}
    assert collect(finished).limits == (f"UserWarning: the wind is changing ({warned} of {len(finished.jobs)} jobs)",)
    assert not recwarn.list


# ---- failing models


@pytest.fixture
def untrainable(monkeypatch) -> str:
    list(KINDS)
    monkeypatch.setitem(KINDS._found, "untrainable", plugins.Untrainable())
    return "untrainable"


def test_a_model_that_cannot_be_trained_costs_its_own_cells_only(untrainable, memory) -> None:
    models = [study_of()["models"][0], {"name": "forest", "kind": untrainable}]
    results = collect(execute(plan(models=models), memory))
    assert set(status_of(results, model="forest").values()) <= {"failed", "skipped"}
    assert set(status_of(results, model="forest", metric="").values()) == {"failed"}
    assert "the oven is cold" in reason_of(results, "forest", "shap")
    assert set(status_of(results, model="line").values()) == {"ok"}
    assert "the oven is cold" in results.models[1].about["failed"]


def test_a_reference_that_cannot_be_trained_ends_the_run_with_its_name(untrainable, memory) -> None:
    models = [{"name": "line", "kind": untrainable}, study_of()["models"][1]]
    with pytest.raises(ModelError, match=r"reference model 'line' cannot be used.*the oven is cold"):
        execute(plan(models=models), memory)


def given(models, **options):
    frame = numbers(60)
    data = data_of(frame, (frame.a + frame.b > 0).astype(np.int64), ("no", "yes"), (10, 30))
    adapted = {name: adapt(name, model, frame.head(10), ("no", "yes")) for name, model in models.items()}
    specs = [{"name": name, "kind": "given"} for name in models]
    study = study_from_dict(
        {"data": {"source": "python"}, "models": specs, "explainers": ["shap"], "metrics": study_of()["metrics"], **options}
    )
    return plan_given(study, data, adapted)


def steady(frame):
    return 1 / (1 + np.exp(-frame["a"] - frame["b"]))


def test_given_models_run(memory) -> None:
    results = collect(execute(given({"one": steady, "two": lambda frame: steady(frame) ** 2}), memory))
    assert {cell.status for cell in results.cells} <= {"ok"}


class Moody:
    """A function that breaks down after a number of calls."""

    def __init__(self, calls: int, how: str) -> None:
        self.calls, self.how = calls, how

    def __call__(self, frame):
        self.calls -= 1
        if self.calls >= 0:
            return steady(frame) ** 2
        if self.how == "raises":
            raise RuntimeError("out of order")
        return np.full(len(frame), np.nan)


@pytest.mark.parametrize("how", ["raises", "nan"])
@pytest.mark.parametrize("calls", [1, 2, 3, 4, 6])
def test_a_given_model_that_breaks_down_costs_its_own_cells_only(how: str, calls: int, memory) -> None:
    results = collect(execute(given({"one": steady, "two": Moody(calls, how)}), memory))
    assert set(status_of(results, model="one").values()) == {"ok"}
    bad = [cell for cell in results.cells if cell.model == "two" and cell.status in ("failed", "skipped")]
    assert bad
    assert all(("out of order" if how == "raises" else "not finite") in cell.reason for cell in bad)


def test_a_space_that_a_model_does_not_give_is_not_applicable(memory) -> None:
    results = collect(execute(plan(output="margin"), memory))
    assert set(status_of(results, model="forest", metric="additive_fit").values()) == {"not_applicable"}
    assert "margin" in reason_of(results, "forest", "shap")
    assert set(status_of(results, model="line", metric="additive_fit").values()) == {"ok"}


@pytest.mark.parametrize("d", [1, 2])
def test_a_table_of_one_or_two_columns_has_explanations_but_no_coalition_scores(d: int, memory) -> None:
    frame = numbers(60, d)
    data = data_of(frame, (frame.a > 0).astype(np.int64), ("no", "yes"), (10, 6))
    model = adapt("one", lambda rows: 1 / (1 + np.exp(-rows["a"])), frame, ("no", "yes"))
    study = study_from_dict({"data": {"source": "python"}, "models": [{"name": "one", "kind": "given"}], "explainers": ["shap"]})
    results = collect(execute(plan_given(study, data, {"one": model}), memory))
    assert status_of(results, explainer="shap", metric="") == {("one", "shap", ""): "ok"}
    assert status_of(results, explainer="shap", metric="additive_fit") == {("one", "shap", "additive_fit"): "not_applicable"}
    assert "too few features" in reason_of(results, "one", "shap", "additive_fit")
    assert not [cell for cell in results.cells if cell.status in ("failed", "skipped")]


# ---- what is collected


def test_outputs_and_targets_of_the_cases_are_the_models_own(memory) -> None:
    made = plan()
    finished = execute(made, memory)
    results = collect(finished)
    worker = Worker(made, finished.__getitem__)
    line, forest = worker.model("line"), worker.model("forest")
    cases, background = made.data.cases(), made.data.background_inputs()
    own = np.arange(len(cases))
    target = line.predict(cases, "probability").argmax(axis=1)
    np.testing.assert_array_equal(results.cases.target, target)
    np.testing.assert_allclose(results.cases.outputs["forest"], forest.predict(cases, "probability")[own, target], atol=1e-12)
    np.testing.assert_allclose(results.cases.base["forest"], forest.predict(background, "probability").mean(axis=0)[target], atol=1e-12)
    np.testing.assert_allclose(results.cases.outputs["line"], line.predict(cases, "margin")[own, target], atol=1e-12)
    np.testing.assert_array_equal(results.cases.predicted["forest"], forest.predict(cases, "probability").argmax(axis=1))
    np.testing.assert_array_equal(results.cases.y, made.data.test.y[made.data.explain])
    assert results.cases.ids == tuple(made.data.test.ids[row] for row in made.data.explain)


def test_a_named_target_is_explained_for_every_case(memory) -> None:
    results = collect(execute(plan(target="virginica", explainers=["shap"]), memory))
    assert results.cases.target.tolist() == [results.classes.index("virginica")] * 30
    assert results.attributions["line", "shap"].target.tolist() == results.cases.target.tolist()


def test_values_and_ids_of_private_data_are_hidden(tmp_path, memory) -> None:
    frame = numbers(80).assign(y=["u", "v"] * 40)
    frame.to_csv(tmp_path / "t.csv", index=False)
    spec = {"source": "csv", "path": tmp_path / "t.csv", "target": "y", "explain": 10}
    hidden = collect(execute(plan(data=spec), memory)).cases
    shown = collect(execute(plan(data=spec, report={"show_values": True}), memory)).cases
    assert hidden.values is None
    assert len(set(hidden.ids)) == 10
    assert not set(hidden.ids) & set(shown.ids)
    assert shown.values is not None
    assert shown.values[0][0] == f"{frame.a[int(shown.ids[0])]:.6g}"


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(XaiCompareError, match="cannot be written"):
        DiskStore(tmp_path / "file" / "store")
