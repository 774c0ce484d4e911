"""Run the jobs of a plan in order, in this process, asking the store first."""

from __future__ import annotations

import logging
from collections.abc import Callable

from xai_compare.errors import ModelError
from xai_compare.run.jobs import Job, Worker, graph
from xai_compare.run.keys import Keys
from xai_compare.run.plan import Plan
from xai_compare.run.store import Outcome, Store

__all__ = ["Finished", "Watch", "execute"]

_log = logging.getLogger(__name__)

Watch = Callable[[int, int, str], None]
"""Called before each job with (jobs done, jobs in all, what comes next), and at the end with an empty text."""


class Finished:
    """The outcomes of a run, each loaded from the store when it is asked for.

    computed : how many jobs were run just now, the others were found in the store.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.keys = plan, Keys(plan)
        self.jobs = graph(plan)
        self.computed = 0
        self._store = store
        self._now: dict[Job, Outcome] = {}

    def __getitem__(self, job: Job) -> Outcome:
        if job not in self._now:
            found = self._store.get(self.keys(job))
            if found is None:
                raise KeyError(str(job))
            self._now[job] = found
        return self._now[job]

    def keep(self, job: Job, outcome: Outcome) -> None:
        """Journal an outcome and hold it for the jobs that need it."""
        self._store.put(self.keys(job), str(job), outcome)
        self._now[job] = outcome
        self.computed += 1


def execute(plan: Plan, store: Store, watch: Watch | None = None) -> Finished:
    """Run what the store does not have yet.

    Raises
    ------
    ModelError
        If the reference model cannot be trained or asked: there is then nothing to compare with.
    """
    finished = Finished(plan, store)
    worker = Worker(plan, finished.__getitem__)
    for done, job in enumerate(finished.jobs):
        if watch:
            watch(done, len(finished.jobs), str(job))
        try:
            finished[job]
        except KeyError:
            finished.keep(job, worker.run(job))
        if job.model == plan.reference and job.kind in ("fit", "predict") and not finished[job].usable:
            raise ModelError(f"the reference model '{job.model}' cannot be used: {finished[job].reason}")
    if watch:
        watch(len(finished.jobs), len(finished.jobs), "")
    _log.info("%d jobs, %d computed", len(finished.jobs), finished.computed)
    return finished
