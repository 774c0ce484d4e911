"""What a study will cost: its cells, and the model rows and seconds of each step, from a pilot on a few cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from xai_compare.removal import subset
from xai_compare.run.jobs import WHOLE, Job, graph, needs
from xai_compare.run.plan import REMOVED, Plan
from xai_compare.run.store import Outcome
from xai_compare.run.threads import one_thread
from xai_compare.run.worker import Worker

__all__ = ["Forecast", "Step", "forecast"]

PILOT = 5
"""Cases of the pilot. One more case is explained before, untimed, so that nobody pays for imports."""


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of job on one model: how many model rows and seconds of one worker it will take."""

    model: str
    step: str
    model_rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will come to.

    cells : {what became of them in the pilot: how many (model, explainer, metric) of the study}. jobs : in all.
    steps : in the order of the run. failures : the jobs that failed in the pilot of themselves, with their reasons.
    """

    cells: dict[str, int]
    jobs: int
    steps: tuple[Step, ...]
    failures: tuple[str, ...]

    @property
    def model_rows(self) -> int:
        """Model rows of the whole run."""
        return sum(step.model_rows for step in self.steps)

    @property
    def seconds(self) -> float:
        """Seconds that one worker would take for the whole run."""
        return sum(step.seconds for step in self.steps)


def forecast(plan: Plan) -> Forecast:
    """Train the models, run every step on a few cases and scale up. The cost of the run by about PILOT / cases, and the training."""
    fits = {job: outcome for job, outcome in _pilot(plan, 1, {}).items() if job.kind == "fit"}
    found = _pilot(plan, PILOT, fits) | _predictions(plan, fits)
    steps: dict[tuple[str, str], tuple[float, float]] = {}
    for job, outcome in found.items():
        factor, (rows, seconds) = _scale(plan, job), steps.get(_step(job), (0.0, 0.0))
        steps[_step(job)] = rows + factor * outcome.about.get("model_rows", 0), seconds + factor * outcome.seconds
    failed = {job for job, outcome in found.items() if outcome.status == "failed"}
    failures = tuple(f"{job}: {found[job].reason}" for job in found if job in failed and failed.isdisjoint(needs(plan, job)))
    made = tuple(Step(*step, round(rows), seconds) for step, (rows, seconds) in steps.items())
    return Forecast(_cells(found), len(graph(plan)), made, failures)


def _pilot(plan: Plan, cases: int, known: dict[Job, Outcome]) -> dict[Job, Outcome]:
    """The outcome of every job of the plan on a few of its cases; those known already are not run again."""
    some = plan.data.explain[subset(len(plan.data.explain), cases)]
    small = replace(plan, data=replace(plan.data, explain=some))
    done = dict(known)
    worker = Worker(small, done.__getitem__)
    with one_thread():
        for job in graph(small):
            if job not in done:
                done[job] = worker.run(job)
    return done


def _predictions(plan: Plan, fits: dict[Job, Outcome]) -> dict[Job, Outcome]:
    """What the predictions of whole tables come to: they are cheap, and a pilot on a few cases would tell little of them."""
    worker = Worker(plan, fits.__getitem__)
    with one_thread():
        return {job: worker.run(job) for job in graph(plan) if job.kind == "predict"}


def _step(job: Job) -> tuple[str, str]:
    name = " ".join(filter(None, (job.kind, job.metric or job.explainer or job.profile)))
    return job.model, f"{name} ({job.condition})" if job.condition else name


def _cells(found: dict[Job, Outcome]) -> dict[str, int]:
    """How many cells came to what, counted as `collect` does: without an explanation nothing is asked again of it."""
    had = {(job.model, job.explainer) for job, outcome in found.items() if job.kind == "explain" and outcome.usable}
    cells = {
        (job.model, job.explainer, job.metric or job.profile, job.condition): outcome.status
        for job, outcome in found.items()
        if (job.kind in ("explain", "score", "profile") and not job.condition)
        or (job.kind == "score" and (job.model, job.explainer) in had)
    }
    return dict(Counter(cells.values()))


def _scale(plan: Plan, job: Job) -> float:
    """How many times as many cases the run has as the pilot, for a job of this kind."""
    if job.chunk == WHOLE:
        return 1.0
    n = len(plan.data.explain)
    # Some steps take only so many cases, however many there are.
    most = REMOVED if job.kind in ("bound", "remove") else n
    if job.metric:
        most = getattr(plan.metrics[job.metric], "cases", n)
    return min(n, most) / min(n, most, PILOT)
