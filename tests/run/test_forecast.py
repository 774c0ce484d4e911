"""What a study will cost, against what it did cost."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
import yaml
from typer.testing import CliRunner

from tests.made import data_of, numbers, study_of
from tests.run import plugins
from xai_compare.cli import app
from xai_compare.config import study_from_dict
from xai_compare.models.adapt import adapt
from xai_compare.models.zoo import KINDS
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.forecast import _step, forecast
from xai_compare.run.jobs import Job, graph
from xai_compare.run.plan import plan_given, plan_study
from xai_compare.run.store import MemoryStore

METRICS = [
    *("additive_fit", "agreement", "comprehensiveness", "ordering", "performance"),
    {"name": "input_stability", "params": {"cases": 10, "neighbours": 2}},
    {"name": "seed_stability", "params": {"cases": 20}},
    {"name": "background_stability", "params": {"cases": 1000, "runs": 1}},
]


def plan(**options):
    return plan_study(study_from_dict(study_of(**options)))


@pytest.fixture(scope="module")
def small():
    """(plan, forecast, what came of the run): three chunks, more cases than removal and stability take, a method that does not fit."""
    made = plan(
        data={"source": "sklearn:iris", "test_size": 0.5, "explain": 70, "background": 20},
        explainers=["shap", "permutation_importance", "integrated_gradients"],
        metrics=METRICS,
    )
    return made, forecast(made), execute(made, MemoryStore())


def test_cells_and_jobs_are_those_of_the_run(small) -> None:
    made, found, finished = small
    assert found.jobs == len(graph(made)) == len(finished.jobs)
    real = Counter(cell.status for cell in collect(finished).cells)
    assert found.cells == dict(real)
    assert {"ok", "not_applicable"} <= set(real)
    assert found.failures == ()


def test_model_rows_of_each_step_are_those_of_the_run_within_15_percent(small) -> None:
    _, found, finished = small
    real: dict[tuple[str, str], int] = defaultdict(int)
    for job in finished.jobs:
        real[_step(job)] += finished[job].about["model_rows"]
    told = {(step.model, step.step): step.model_rows for step in found.steps}
    assert set(told) == set(real)
    total = sum(real.values())
    # Ends of the scale that all cases share are counted for each case of the pilot: it shows in steps of next to nothing.
    wrong = {step: (told[step], rows) for step, rows in real.items() if abs(told[step] - rows) > max(0.15 * rows, 0.005 * total)}
    assert wrong == {}
    assert sum(rows > 0.005 * total for rows in real.values()) >= 15
    assert found.model_rows == sum(told.values()) == pytest.approx(total, rel=0.1)


def test_steps_name_every_kind_of_job_once_for_each_model(small) -> None:
    _, found, _ = small
    names = [(step.model, step.step) for step in found.steps]
    assert len(names) == len(set(names))
    for name in ("fit", "predict", "sample", "bound", "explain shap", "remove shap", "score ordering", "explain shap (probability)"):
        assert ("forest", name) in names
    assert found.seconds == pytest.approx(sum(step.seconds for step in found.steps))
    assert min(step.seconds for step in found.steps) >= 0


def test_predictions_are_asked_of_whole_tables(small) -> None:
    made, found, finished = small
    rows = {(step.model, step.step): step.model_rows for step in found.steps}
    for model in made.models:
        assert rows[model, "predict"] == finished[Job("predict", model)].about["model_rows"]


@pytest.mark.parametrize("cases", [1, 3])
def test_of_fewer_cases_than_the_pilot_takes(cases) -> None:
    made = plan(data={"source": "sklearn:iris", "explain": cases, "background": 5}, metrics=["additive_fit", "input_stability"])
    found, finished = forecast(made), execute(made, MemoryStore())
    assert found.model_rows == sum(finished[job].about["model_rows"] for job in finished.jobs)
    assert found.cells == dict(Counter(cell.status for cell in collect(finished).cells))


def test_of_models_in_memory() -> None:
    frame = numbers(80)
    data = data_of(frame, frame.a, sizes=(10, 40))
    models = {name: adapt(name, lambda rows: rows["a"] * rows["b"], data.background_inputs()) for name in ("one", "two")}
    study = study_from_dict(
        {
            "data": {"source": "memory"},
            "models": [{"name": name, "kind": "given"} for name in models],
            "metrics": ["additive_fit", "ordering"],
        }
    )
    made = plan_given(study, data, models)
    found, finished = forecast(made), execute(made, MemoryStore())
    assert not [step for step in found.steps if step.step == "fit"]
    assert found.model_rows == pytest.approx(sum(finished[job].about["model_rows"] for job in finished.jobs), rel=0.15)


class TestFailures:
    def test_a_failing_method_is_told_once_and_its_cells_are_those_of_the_run(self, explainer) -> None:
        explainer("raises", plugins.Raises)
        made = plan(explainers=["shap", "raises"], metrics=["additive_fit", "ordering", "input_stability"])
        found, finished = forecast(made), execute(made, MemoryStore())
        assert found.failures == (
            "explain line raises [0]: RuntimeError: no such luck",
            "explain forest raises [0]: RuntimeError: no such luck",
        )
        assert found.cells == dict(Counter(cell.status for cell in collect(finished).cells))
        assert found.cells["failed"] == 2
        assert found.cells["skipped"] > 0

    def test_a_model_that_cannot_be_trained_is_told_once(self, monkeypatch) -> None:
        list(KINDS)
        monkeypatch.setitem(KINDS._found, "untrainable", plugins.Untrainable())
        made = plan(models=[{"name": "line", "kind": "logistic_regression"}, {"name": "cold", "kind": "untrainable"}])
        assert forecast(made).failures == ("fit cold: RuntimeError: the oven is cold",)


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        def go(*arguments, **options):
            (tmp_path / "s.yaml").write_text(yaml.safe_dump(study_of(metrics=["additive_fit", "performance"], **options)))
            return CliRunner().invoke(app, ["plan", "s.yaml", *arguments])

        return go

    def test_says_cells_rows_and_seconds_and_writes_nothing(self, run, tmp_path) -> None:
        found = run("--jobs", "2")
        assert found.exit_code == 0, found.output
        lines = found.stdout.splitlines()
        made = plan(metrics=["additive_fit", "performance"])
        cells = Counter(cell.status for cell in collect(execute(made, MemoryStore())).cells)
        assert lines[0] == f"{cells.total()} cells ({cells['ok']} ok), {len(graph(made))} jobs"
        assert lines[2].split() == ["model", "step", "model", "rows", "seconds"]
        assert any(line.startswith("in all") for line in lines)
        assert "with --jobs 2" in lines[-1]
        assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]

    def test_tells_failures_and_ends_with_3(self, run, explainer) -> None:
        explainer("raises", plugins.Raises)
        found = run(explainers=["shap", "raises"])
        assert found.exit_code == 3
        assert "failed in the pilot:\n  explain line raises [0]: RuntimeError: no such luck\n" in found.stderr

    def test_of_a_bad_study_is_refused(self, run) -> None:
        found = run(explainers=["shapp"])
        assert "did you mean 'shap'" in str(found.exception)
