"""The job graph: fit -> predict -> sample, explain -> score.

A job is a plain value; what it does is a function of it, the plan and the outcomes of the jobs it needs.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.game import Coalitions, Game, evaluate_coalitions
from xai_compare.metrics import View
from xai_compare.models.zoo import KINDS
from xai_compare.packing import pack_attribution, pack_scores, unpack_attribution
from xai_compare.results import Status
from xai_compare.run.plan import CHUNK, Plan, targets
from xai_compare.run.store import Outcome
from xai_compare.streams import Streams
from xai_compare.types import Attribution, IntArray, Model, Output

__all__ = ["WHOLE", "Job", "Worker", "explained_target", "graph", "needs", "pair_name"]

_log = logging.getLogger(__name__)
# A library is silent unless it is asked: what a failed job raised is the reason of its cell.
logging.getLogger("xai_compare").addHandler(logging.NullHandler())

WHOLE = -1
"""The chunk number of a job on all cases at once."""


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """One step on one model; `chunk` numbers 25 cases, or WHOLE. A score of two methods has the explainer "a ~ b"."""

    kind: Literal["fit", "predict", "sample", "explain", "score"]
    model: str
    explainer: str = ""
    metric: str = ""
    chunk: int = WHOLE

    def __str__(self) -> str:
        where = "" if self.chunk == WHOLE else f" [{self.chunk}]"
        return " ".join(part for part in (self.kind, self.model, self.explainer, self.metric) if part) + where


def pair_name(a: str, b: str) -> str:
    """How a pair of explainers is written wherever one explainer would stand."""
    return f"{a} ~ {b}"


def graph(plan: Plan) -> list[Job]:
    """Every job of a plan, each after those it needs."""
    chunks = plan.chunks
    jobs = [Job("fit", model) for model in plan.models if model not in plan.given]
    jobs += [Job("predict", model) for model in plan.models]
    for model in plan.models:
        jobs += [Job("sample", model, chunk=chunk) for chunk in chunks]
        for name in plan.explainers:
            jobs += [Job("explain", model, name, chunk=chunk) for chunk in _chunks_of(plan, name, chunks)]
        for metric, made in plan.metrics.items():
            scope = made.scope
            who = {
                "method": list(plan.explainers),
                "methods": [pair_name(*pair) for pair in combinations(plan.explainers, 2)],
                "model": [""],
            }
            jobs += [Job("score", model, name, metric, chunk) for name in who[scope] for chunk in ([WHOLE] if scope == "model" else chunks)]
    return jobs


def _chunks_of(plan: Plan, explainer: str, chunks: range) -> list[int]:
    return [WHOLE] if plan.explainers[explainer].scope == "model" else list(chunks)


def needs(plan: Plan, job: Job) -> list[Job]:
    """The jobs whose outcomes a job reads."""
    fit = [Job("fit", job.model)] if job.model not in plan.given else []
    if job.kind == "fit":
        return []
    if job.kind == "predict":
        return fit
    if job.kind in ("sample", "explain"):
        return [*fit, Job("predict", plan.reference)]
    metric = plan.metrics[job.metric]
    model = fit if "model" in metric.needs else []
    if metric.scope == "model":
        return model
    named = job.explainer.split(" ~ ") if metric.scope == "methods" else [job.explainer]
    wanted = list(dict.fromkeys([*named, plan.control]))
    found = [_explained(plan, job, name) for name in wanted]
    sample = [Job("sample", job.model, chunk=job.chunk)] if "coalitions" in metric.needs else []
    return [*model, *found, *sample]


def _explained(plan: Plan, job: Job, name: str) -> Job:
    return Job("explain", job.model, name, chunk=WHOLE if plan.explainers[name].scope == "model" else job.chunk)


class Worker:
    """Runs jobs of one plan. Holds the models it has loaded; everything else comes from `read`.

    read : gives the outcome of a finished job.
    """

    def __init__(self, plan: Plan, read: Callable[[Job], Outcome]) -> None:
        self._plan, self._read = plan, read
        self._models: dict[str, Model] = dict(plan.given)
        self._streams = Streams(plan.study.seed)
        self._steps = {"fit": self._fit, "predict": self._predict, "sample": self._sample, "explain": self._explain, "score": self._score}

    def run(self, job: Job) -> Outcome:
        """Run one job. Whatever goes wrong inside becomes its outcome: a failing method never costs the rest of the run."""
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = self._attempt(job)
        said = dict.fromkeys(
            f"{note.category.__name__}: {note.message}" for note in caught if issubclass(note.category, (UserWarning, RuntimeWarning))
        )
        return Outcome(
            outcome.status, outcome.reason, outcome.arrays, outcome.about, outcome.content, tuple(said), time.perf_counter() - start
        )

    def _attempt(self, job: Job) -> Outcome:
        for needed in needs(self._plan, job):
            before = self._read(needed)
            if before.status == "not_applicable":
                return Outcome("not_applicable", before.reason)
            if not before.usable:
                # Without its explanation a score is skipped; without model or sample the cell itself could not be had.
                status: Status = "skipped" if needed.kind == "explain" else "failed"
                return Outcome(status, f"'{needed}' {before.status}: {before.reason}")
        try:
            return self._steps[job.kind](job)
        except NotApplicable as reason:
            return Outcome("not_applicable", str(reason))
        except (Exception, SystemExit) as error:  # a plugin, a model or a library may raise anything: the cell says what
            _log.warning("job '%s' failed", job, exc_info=True)
            return Outcome("failed", f"{type(error).__name__}: {error}")

    def model(self, name: str) -> Model:
        """The fitted model of this name, loaded once."""
        if name not in self._models:
            kind = KINDS[self._plan.spec(name).kind]
            self._models[name] = kind.load(name, self._read(Job("fit", name)).content, self._plan.data)
        return self._models[name]

    def _fit(self, job: Job) -> Outcome:
        spec = self._plan.spec(job.model)
        # One training seed per model name: no two models share their draws, and adding one changes no other.
        seed = self._streams.at("fit", job.model).integer()
        self._models[job.model], content = KINDS[spec.kind].fit(job.model, self._plan.data, spec.params, seed)
        return Outcome("ok", about={"seed": seed}, content=content)

    def _predict(self, job: Job) -> Outcome:
        """Outputs of the explained cases in every space the model has, and how far the background stands for the data."""
        model, data = self.model(job.model), self._plan.data
        cases = data.cases()
        spaces: list[Output] = [space for space in ("probability", "margin", "value") if space in model.offers]
        arrays: dict[str, npt.NDArray[Any]] = {str(space): model.predict(cases, space) for space in spaces}
        if data.task == "classification":
            arrays["decision"] = model.decide(cases)
        background = model.predict(data.background_inputs(), model.native).mean(axis=0)
        everyone = model.predict(data.test.inputs, model.native).mean(axis=0)
        about = {
            "native": model.native,
            "offers": sorted(model.offers),
            "closed": model.closed,
            "mean_output_background_minus_test": (background - everyone).tolist(),
            **dict(model.about),
        }
        return Outcome("ok", arrays=arrays, about=about)

    def _sample(self, job: Job) -> Outcome:
        game = self._game(job)
        found = evaluate_coalitions(game, self._streams.at("coalitions"))
        arrays = {name: getattr(found, name) for name in Coalitions.__slots__ if getattr(found, name) is not None}
        return Outcome("ok", arrays=arrays, about={"model_rows": game.rows_spent})

    def _explain(self, job: Job) -> Outcome:
        explainer = self._plan.explainers[job.explainer]
        game = self._game(job)
        found = explainer(game, self._streams.at("explain", job.explainer))
        n, d = game.n, game.d
        if not isinstance(found, Attribution) or found.values.shape != (n, d):
            what = f"shape {found.values.shape}" if isinstance(found, Attribution) else f"a {type(found).__name__}"
            raise XaiCompareError(f"'{job.explainer}' returned {what}: an attribution of shape ({n}, {d}) is needed")
        reason = found.about.get("degraded", "")
        return Outcome("degraded" if reason else "ok", str(reason), pack_attribution(found))

    def _score(self, job: Job) -> Outcome:
        metric = self._plan.metrics[job.metric]
        streams = self._streams.at("score", job.metric)
        model, data = self.model(job.model) if "model" in metric.needs else None, self._plan.data
        if metric.scope == "model":
            return Outcome("ok", arrays=pack_scores(metric(View((), (), None, model, data, streams, ()))))
        coalitions = None
        if "coalitions" in metric.needs:
            arrays = self._read(Job("sample", job.model, chunk=job.chunk)).arrays
            coalitions = Coalitions(**{name: arrays.get(name) for name in Coalitions.__slots__})  # type: ignore[arg-type]
        named = job.explainer.split(" ~ ") if metric.scope == "methods" else [job.explainer]
        own = tuple(self._attribution(job, name) for name in named)
        control = (self._attribution(job, self._plan.control),)
        cases = tuple(self._cases(job.chunk).tolist())
        return Outcome("ok", arrays=pack_scores(metric(View(own, control, coalitions, model, data, streams, cases))))

    def _attribution(self, job: Job, name: str) -> Attribution:
        found = unpack_attribution(self._read(_explained(self._plan, job, name)).arrays)
        return found.rows(self._cases(job.chunk)) if self._plan.explainers[name].scope == "model" else found

    def _cases(self, chunk: int) -> IntArray:
        n = len(self._plan.data.explain)
        return np.arange(n) if chunk == WHOLE else np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, n))

    def _game(self, job: Job) -> Game:
        model, data = self.model(job.model), self._plan.data
        output = self._plan.output_of(model.native)
        if output not in model.offers:
            raise NotApplicable(f"the study explains {output}, which this model does not give (it gives {', '.join(sorted(model.offers))})")
        cases = self._cases(job.chunk)
        return Game(model, data, data.cases(cases), cases, explained_target(self._plan, self._read)[cases], output, self._plan.study.fill)


def explained_target(plan: Plan, read: Callable[[Job], Outcome]) -> IntArray:
    """(n,) the explained output of each case of a plan; `read` gives the outcome of the reference's predict job."""
    named, n = plan.study.target, len(plan.data.explain)
    return targets(plan.data, named, n, lambda: np.asarray(read(Job("predict", plan.reference)).arrays["decision"], dtype=np.int64))
