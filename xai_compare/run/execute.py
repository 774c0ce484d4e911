"""Run the jobs of a plan, in this process or by spawned workers, asking the store first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice

from xai_compare.errors import ModelError
from xai_compare.run.jobs import Job, graph, needs
from xai_compare.run.keys import Keys
from xai_compare.run.plan import Plan
from xai_compare.run.pool import Pool
from xai_compare.run.store import Outcome, Store
from xai_compare.run.threads import one_thread
from xai_compare.run.worker import Worker

__all__ = ["Finished", "Watch", "execute"]

_log = logging.getLogger(__name__)

Watch = Callable[[int, int, str], None]
"""Called before each job with (jobs done, jobs in all, what comes next), and at the end with an empty text."""


class Finished:
    """The outcomes of a run: what the store had, and what was computed since.

    computed : how many jobs were run just now, the others were found in the store.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.keys = plan, Keys(plan)
        self.jobs = graph(plan)
        self.computed = 0
        self._store = store
        self._now: dict[Job, Outcome] = {}

    def recall(self) -> list[Job]:
        """Take what the store has; the jobs that it lacks are returned, in their order."""
        for job in self.jobs:
            found = self._store.get(self.keys(job))
            if found is not None:
                self._now[job] = found
        return [job for job in self.jobs if job not in self]

    def __contains__(self, job: object) -> bool:
        return job in self._now

    def __getitem__(self, job: Job) -> Outcome:
        return self._now[job]

    def keep(self, job: Job, outcome: Outcome) -> None:
        """Journal an outcome and hold it for the jobs that need it."""
        self._store.put(self.keys(job), str(job), outcome)
        self._now[job] = outcome
        self.computed += 1


def execute(plan: Plan, store: Store, watch: Watch | None = None, jobs: int = 1) -> Finished:
    """Run what the store does not have yet: in this process, or by `jobs` spawned workers.

    Raises
    ------
    ModelError
        If the reference model cannot be trained or asked: there is then nothing to compare with. If a model cannot be
        sent to workers.
    """
    finished = Finished(plan, store)
    wanted = finished.recall()
    _check_reference(finished)
    if jobs == 1 or len(wanted) <= 1:
        _here(finished, wanted, watch)
    else:
        with Pool(plan, min(jobs, len(wanted))) as pool:
            _spread(finished, wanted, pool, watch)
    if watch:
        watch(len(finished.jobs), len(finished.jobs), "")
    _log.info("%d jobs, %d computed", len(finished.jobs), finished.computed)
    return finished


def _here(finished: Finished, wanted: list[Job], watch: Watch | None) -> None:
    if not wanted:
        return
    worker = Worker(finished.plan, finished.__getitem__)
    with one_thread():
        for job in wanted:
            if watch:
                watch(len(finished.jobs) - len(wanted) + finished.computed, len(finished.jobs), str(job))
            finished.keep(job, worker.run(job))
            _check_reference(finished)


def _spread(finished: Finished, wanted: list[Job], pool: Pool, watch: Watch | None) -> None:
    """Jobs go out in the order of the graph as soon as what they need is there; results are kept as they come."""
    while wanted or pool.busy:
        for job in _ready(finished, wanted, pool.free):
            wanted.remove(job)
            pool.start(job, {other: finished[other] for other in needs(finished.plan, job)})
            if watch:
                watch(len(finished.jobs) - len(wanted) - pool.busy, len(finished.jobs), str(job))
        for job, outcome in pool.finished():
            finished.keep(job, outcome)
            _check_reference(finished)


def _ready(finished: Finished, wanted: list[Job], count: int) -> list[Job]:
    """The first `count` jobs whose needs are all there."""
    ready = (job for job in wanted if all(other in finished for other in needs(finished.plan, job)))
    return list(islice(ready, count))


def _check_reference(finished: Finished) -> None:
    for job in (Job("fit", finished.plan.reference), Job("predict", finished.plan.reference)):
        if job in finished and not finished[job].usable:
            raise ModelError(f"the reference model '{job.model}' cannot be used: {finished[job].reason}")
