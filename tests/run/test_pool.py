"""Spawned workers: the same results as in one process, a dead worker costs its own job, interrupted runs go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

import xai_compare as xc
from tests.made import differences, study_of
from tests.run import plugins
from xai_compare.config import study_from_dict
from xai_compare.errors import ModelError
from xai_compare.run.collect import collect
from xai_compare.run.execute import execute
from xai_compare.run.plan import plan_study
from xai_compare.run.store import MemoryStore


@pytest.fixture(autouse=True, scope="module")
def undated():
    """Pages without the part that tells date and seconds: they are compared byte by byte."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "0")
        yield


def plan(**options):
    return plan_study(study_from_dict(study_of(**options)))


class KillsItsProcess(plugins.Made):
    """Dies like a segfault would, on one chunk of one model."""

    def answer(self, game):
        if 25 in game.cases and game.model.name == "forest":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().answer(game)


def test_two_workers_give_the_same_bits_as_one_process():
    here, spread = (collect(execute(plan(), MemoryStore(), jobs=jobs)) for jobs in (1, 2))
    assert not differences(here, spread)


def test_a_worker_that_dies_costs_its_own_job_and_what_rests_on_it(explainer):
    explainer("deadly", KillsItsProcess)
    results = collect(execute(plan(explainers=["shap", "deadly"]), MemoryStore(), jobs=2))
    failed = {(cell.model, cell.explainer): cell.reason for cell in results.cells if cell.status == "failed"}
    assert list(failed) == [("forest", "deadly")]
    assert "SIGKILL" in failed["forest", "deadly"]
    others = {cell.status for cell in results.cells if "deadly" not in cell.explainer}
    assert others == {"ok"}
    assert {cell.status for cell in results.cells if cell.explainer == "deadly" and cell.model == "line"} == {"ok"}


def test_a_model_that_cannot_be_sent_is_named_with_what_to_do():
    class Stubborn(LogisticRegression):
        def __reduce__(self):
            raise TypeError("holds an open file")

    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True, as_frame=True)
    fitted = Stubborn(max_iter=500).fit(X, y)
    with pytest.raises(ModelError, match=r"'mine' cannot be sent to worker processes.*open file.*n_jobs=1"):
        xc.compare({"mine": fitted}, X, y, background=X, n_jobs=2, study={"explainers": ["shap"]})


def test_the_environment_is_left_as_it_was():
    before = dict(os.environ)
    execute(plan(), MemoryStore(), jobs=2)
    assert dict(os.environ) == before


# ---- interruption, for real


def study_file(folder, **options):
    path = folder / "study.yaml"
    spec = study_of(
        data={"source": "sklearn:iris", "explain": 75, "background": 20},
        explainers=["shap", {"name": "lime", "params": {"samples": 500}}],
        **options,
    )
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def command(study, out, jobs=2):
    return [sys.executable, "-m", "xai_compare.cli", "run", str(study), "--out", str(out), "--jobs", str(jobs)]


def start(arguments):
    # A shell's background job, as these tests may be, passes on that Ctrl-C is ignored.
    heeds = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(arguments, start_new_session=True, preexec_fn=heeds, **options)  # noqa: PLW1509 - there is no other thread


def wait_for_jobs(out, count, process, seconds=60):
    """Until the journal holds this many jobs."""
    import sqlite3

    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with sqlite3.connect(f"file:{out / 'store' / 'journal.sqlite'}?mode=ro", uri=True) as journal:
                if journal.execute("SELECT count(*) FROM jobs").fetchone()[0] >= count:
                    return
        except sqlite3.Error:
            pass  # not there yet
        time.sleep(0.01)


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(tmp_path):
    process = start(command(study_file(tmp_path), tmp_path / "out"))
    wait_for_jobs(tmp_path / "out", 8, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "To go on" in said
    assert "xai-compare run" in said
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, undated):
    """A study file, and the folder of a run of it that nothing stopped."""
    folder = tmp_path_factory.mktemp("undisturbed")
    study = study_file(folder)
    subprocess.run(command(study, folder / "out"), check=True, capture_output=True)
    return study, folder / "out"


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_kill_9_a_run_goes_on_and_ends_in_the_same_bytes(tmp_path, jobs, undisturbed):
    study, whole = undisturbed
    for moment in (5, 25):
        process = start(command(study, tmp_path / "killed", jobs))
        wait_for_jobs(tmp_path / "killed", moment, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    subprocess.run(command(study, tmp_path / "killed", jobs), check=True, capture_output=True)
    for name in ("report.json", "report.html"):
        assert (tmp_path / "killed" / name).read_bytes() == (whole / name).read_bytes()
    counted = json.loads((tmp_path / "killed" / "timings.json").read_text())
    assert 0 < counted["computed"] <= counted["jobs"] - 25 + jobs


def journaled(out):
    """How many jobs the journal holds."""
    import sqlite3

    if not (out / "store" / "journal.sqlite").exists():
        return 0
    with sqlite3.connect(out / "store" / "journal.sqlite") as journal:
        try:
            return journal.execute("SELECT count(*) FROM jobs").fetchone()[0]
        except sqlite3.OperationalError:  # killed before the table was made
            return 0


@pytest.mark.slow
def test_twenty_kills_at_random_moments_cost_only_the_jobs_in_flight(tmp_path, undisturbed):
    study, whole = undisturbed
    jobs = json.loads((whole / "timings.json").read_text())["jobs"]
    draw, hits = np.random.default_rng(0), 0
    for i in range(20):
        out = tmp_path / f"killed {i}"
        process = start(command(study, out))
        # Most of a short run is loading libraries: the moments are drawn over its jobs, and over what follows one.
        moment = int(draw.integers(0, jobs))
        wait_for_jobs(out, moment, process)
        time.sleep(draw.uniform(0, 0.1))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        known = journaled(out)
        subprocess.run(command(study, out), check=True, capture_output=True)
        for name in ("report.json", "report.html", "manifest.json"):
            assert (out / name).read_bytes() == (whole / name).read_bytes(), moment
        counted = json.loads((out / "timings.json").read_text())
        assert counted["computed"] == counted["jobs"] - known, moment
        hits += 0 < known < counted["jobs"]
    assert hits >= 12, "too few of the moments hit the run in its middle"


@pytest.mark.slow
def test_jobs_and_hash_seeds_change_no_byte(tmp_path):
    """Every explainer and metric, a net among the models: report, page and manifest of three runs are the same files."""
    models = [{"name": "line", "kind": "logistic_regression"}, {"name": "net", "kind": "mlp", "params": {"hidden": [16], "epochs": 20}}]
    study = study_file(tmp_path, models=models, metrics="auto")
    runs = {"one": (1, "0"), "two": (2, "0"), "seed": (2, "4711")}
    for name, (jobs, seed) in runs.items():
        env = {**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": "0"}
        subprocess.run(command(study, tmp_path / name, jobs), check=True, capture_output=True, env=env)
    for file in ("report.json", "report.html", "manifest.json"):
        assert len({(tmp_path / name / file).read_bytes() for name in runs}) == 1, file
