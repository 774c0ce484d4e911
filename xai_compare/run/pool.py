"""Spawned local workers: one job at a time each, one thread each. A worker that dies twice over a job costs that job only."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import cloudpickle

from xai_compare.errors import ModelError
from xai_compare.run.jobs import Job
from xai_compare.run.plan import Plan
from xai_compare.run.store import Outcome
from xai_compare.run.threads import one_thread
from xai_compare.run.worker import Worker

__all__ = ["Pool"]

# What every later job of a model reads again; a worker keeps these, everything else is sent with the job that needs it.
_KEPT = ("fit", "predict")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(slots=True, eq=False)
class _Hand:
    """One worker process, the pipe to it, the job it has with what it reads, and which kept outcomes it was sent."""

    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    needed: Mapping[Job, Outcome] = field(default_factory=dict)
    sent: set[Job] = field(default_factory=set)


class Pool:
    """A fixed number of spawned workers for the jobs of one plan; use as a context manager.

    Raises
    ------
    ModelError
        If a model or plugin of the plan cannot be sent to another process.
    """

    def __init__(self, plan: Plan, size: int) -> None:
        self._payload = _pickled(plan)
        self._size = size
        self._hands: list[_Hand] = []
        self._died: set[Job] = set()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        for hand in self._hands:
            hand.process.terminate()
            hand.pipe.close()
        for hand in self._hands:
            hand.process.join()

    @property
    def busy(self) -> int:
        """How many workers have a job."""
        return sum(hand.job is not None for hand in self._hands)

    @property
    def free(self) -> int:
        """How many more jobs can be started now."""
        return self._size - self.busy

    def start(self, job: Job, needed: Mapping[Job, Outcome]) -> None:
        """Give a job, with the outcomes it reads, to a worker that is free; one more is started where there is none."""
        hand = next((hand for hand in self._hands if hand.job is None), None) or self._hire()
        fresh = {other: outcome for other, outcome in needed.items() if other not in hand.sent}
        hand.job, hand.needed = job, needed
        hand.sent |= {other for other in fresh if other.kind in _KEPT}
        with suppress(OSError):  # it died while idle: `finished` finds its pipe closed and says so
            hand.pipe.send((job, fresh))

    def finished(self) -> Iterator[tuple[Job, Outcome]]:
        """Wait until a worker has something to say, then give the jobs that are done. A job whose worker died is tried once more."""
        working = {hand.pipe: hand for hand in self._hands if hand.job is not None}
        for pipe in wait(list(working)):
            hand = working[pipe]  # type: ignore[index]  # these are the pipes that were given
            job = hand.job
            assert job is not None
            try:
                outcome: Outcome = hand.pipe.recv()
                hand.job = None
            except (EOFError, OSError):
                died = self._bury(hand)
                if job not in self._died:  # it may have been killed from outside: one more try, with a worker of its own
                    self._died.add(job)
                    self.start(job, hand.needed)
                    continue
                outcome = died
            yield job, outcome

    def _hire(self) -> _Hand:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        with _single_threaded_children():
            process.start()
        theirs.close()
        hand = _Hand(process, ours)
        hand.pipe.send_bytes(self._payload)
        self._hands.append(hand)
        return hand

    def _bury(self, hand: _Hand) -> Outcome:
        self._hands.remove(hand)
        hand.pipe.close()
        hand.process.join()
        code = hand.process.exitcode
        how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        return Outcome("failed", f"the worker process died ({how}) while it ran this job, twice")


def _pickled(plan: Plan) -> bytes:
    for name, model in plan.given.items():
        try:
            cloudpickle.dumps(model)
        except Exception as error:  # whatever the model's own pickling raises
            what = f"{type(error).__name__}: {error}"
            raise ModelError(f"model '{name}' cannot be sent to worker processes ({what}). Run it with one job: n_jobs=1") from error
    return bytes(cloudpickle.dumps(plan))


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Numeric libraries read their number of threads when they are loaded: children must find it in their environment."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection) -> None:
    """A worker's life: the plan once, then jobs with what they need, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it ends its workers
    plan: Plan = cloudpickle.loads(pipe.recv_bytes())
    known: dict[Job, Outcome] = {}
    worker = Worker(plan, known.__getitem__)
    with one_thread():
        while True:
            try:
                job, needed = pipe.recv()
            except EOFError:
                return
            known |= needed
            try:
                pipe.send(worker.run(job))
            except BrokenPipeError:  # the parent is gone: nobody waits for this
                return
            for other in needed:
                if other.kind not in _KEPT:
                    del known[other]
