"""What each kind of job does. Whatever goes wrong inside one becomes its outcome."""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.explainers import Explainer
from xai_compare.game import Coalitions, Game, evaluate_coalitions, unseen_features
from xai_compare.metrics import View
from xai_compare.models.destroyed import Destroyed
from xai_compare.models.trained import Training
from xai_compare.packing import pack_attribution, pack_profile, pack_scores, unpack_attribution
from xai_compare.removal import Bounds, Removal, best_orders, remove, subset
from xai_compare.results import Status
from xai_compare.run.again import Again, Counted, checked
from xai_compare.run.conditions import BACKGROUND, PROBABILITY, TRAINING, background_of, is_of
from xai_compare.run.jobs import WHOLE, Job, explained, named, needs
from xai_compare.run.plan import CHUNK, REMOVED, Plan, targets
from xai_compare.run.store import Outcome
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Data, IntArray, Model, Output, Profile

__all__ = ["Worker", "explained_target", "profiled_target"]

_log = logging.getLogger(__name__)
# A library is silent unless it is asked: what a failed job raised is the reason of its cell.
logging.getLogger("xai_compare").addHandler(logging.NullHandler())

_LONG = 5.0
"""Seconds of a training beside which it does not matter how long its library took to load."""

A = TypeVar("A", Coalitions, Bounds, Removal)


class Worker:
    """Runs jobs of one plan. Holds the models it has loaded; everything else comes from `read`.

    read : gives the outcome of a finished job.
    """

    def __init__(self, plan: Plan, read: Callable[[Job], Outcome]) -> None:
        self._plan, self._read = plan, read
        self._models: dict[tuple[str, str], Counted] = {(name, ""): Counted(model) for name, model in plan.given.items()}
        self._backgrounds: dict[str, Data] = {}
        self._ruins: dict[str, Destroyed] = {}
        self._others: list[Counted] = []
        self._streams = Streams(plan.study.seed)
        self._steps = {
            "fit": self._fit,
            "predict": self._predict,
            "sample": self._sample,
            "bound": self._bound,
            "explain": self._explain,
            "remove": self._remove,
            "score": self._score,
            "profile": self._profile,
        }

    def run(self, job: Job) -> Outcome:
        """Run one job; `about` tells the model rows it asked for. A failing method never costs the rest of the run."""
        start, before = time.perf_counter(), self._rows()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = self._attempt(job)
        said = dict.fromkeys(
            f"{note.category.__name__}: {note.message}" for note in caught if issubclass(note.category, (UserWarning, RuntimeWarning))
        )
        about = {**outcome.about, "model_rows": self._rows() - before, "peak_mib": _peak_mib()}
        return replace(outcome, about=about, warnings=tuple(said), seconds=time.perf_counter() - start)

    def _rows(self) -> int:
        return sum(model.rows for model in (*self._models.values(), *self._others))

    def _attempt(self, job: Job) -> Outcome:
        for needed in needs(self._plan, job):
            before = self._read(needed)
            if before.status == "not_applicable":
                return Outcome("not_applicable", before.reason)
            if not before.usable:
                # Without its explanation a score is skipped; without model or sample the cell itself could not be had.
                # An explanation that failed under a condition alone has no cell of its own: its score tells that it failed.
                told = needed.kind == "explain" and (not needed.condition or before.status == "skipped")
                status: Status = "skipped" if told else "failed"
                return Outcome(status, f"'{needed}' {before.status}: {before.reason}")
        try:
            return self._steps[job.kind](job)
        except NotApplicable as reason:
            return Outcome("not_applicable", str(reason))
        except (Exception, SystemExit) as error:  # a plugin, a model or a library may raise anything: the cell says what
            _log.warning("job '%s' failed", job, exc_info=True)
            return Outcome("failed", f"{type(error).__name__}: {error}")

    def model(self, name: str, condition: str = "") -> Counted:
        """The fitted model of this name, loaded once; trained from another seed under a condition that says so."""
        key = name, condition if is_of(condition, TRAINING) and name not in self._plan.given else ""
        if key not in self._models:
            content = self._read(Job("fit", name, condition=key[1])).content
            self._models[key] = Counted(self._training(*key).restore(content, self._plan.data))
        return self._models[key]

    def _fit(self, job: Job) -> Outcome:
        training = self._training(job.model, job.condition)
        start = time.perf_counter()
        model, content = training.train(self._plan.data)
        took = time.perf_counter() - start
        self._models[job.model, job.condition] = Counted(model)
        if not any(metric.question == "cost" for metric in self._plan.metrics.values()):
            return Outcome("ok", about={"seed": training.seed}, content=content)
        if took < _LONG:  # most of it may have been the loading of a library: it is timed once more
            start = time.perf_counter()
            training.train(self._plan.data)
            took = time.perf_counter() - start
        return Outcome("ok", about={"seed": training.seed, "took": {"training_seconds": took}}, content=content)

    def _training(self, name: str, condition: str) -> Training:
        spec = self._plan.spec(name)
        # One training seed per model name: no two models share their draws, and adding one changes no other.
        streams = self._streams.at("fit", name, *([condition] if condition else []))
        return Training(name, spec.kind, streams.integer(), spec.params, spec.drop)

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
            "unseen": [name for name, unseen in zip(data.space.names, unseen_features(model, data.space), strict=True) if unseen],
            "mean_output_background_minus_test": (background - everyone).tolist(),
            **dict(model.about),
        }
        return Outcome("ok", arrays=arrays, about=about)

    def _sample(self, job: Job) -> Outcome:
        if job.condition and self._unchanged(job, frozenset({"output", "fill"})):
            return self._plain(job)
        return Outcome("ok", arrays=_packed(evaluate_coalitions(self._game(job), self._streams.at("coalitions"))))

    def _bound(self, job: Job) -> Outcome:
        game = self._game(job, self._scale(job))
        return Outcome("ok", arrays=_packed(best_orders(game, self._played(job))))

    def _explain(self, job: Job) -> Outcome:
        explainer = self._plan.explainers[job.explainer]
        if job.condition and self._unchanged(job, self._hangs_on(explainer)):
            return self._plain(job)
        game = self._game(job)
        found = checked(explainer(game, self._streams.at("explain", job.explainer)), job.explainer, game.n, game.d)
        reason = found.about.get("degraded", "")
        return Outcome("degraded" if reason else "ok", str(reason), pack_attribution(found))

    def _remove(self, job: Job) -> Outcome:
        own = self._attribution(job, job.explainer)
        found = remove(self._game(job, self._scale(job)), own.values, own.signed, self._played(job), self._streams.at("removal"))
        return Outcome("ok", arrays=_packed(found))

    def _score(self, job: Job) -> Outcome:
        metric, data = self._plan.metrics[job.metric], self._plan.data
        if "rerun" in metric.needs and not all(getattr(self._plan.explainers[name], "reruns", True) for name in named(job)):
            raise NotApplicable("it explains again with one thing changed, and attributions that were given cannot be")
        streams = self._streams.at("score", job.metric)
        if metric.scope == "model":
            view = View(data, streams, model=self.model(job.model))
            return Outcome("ok", arrays=pack_scores(metric(view)), about={"took": view.took})
        needs = metric.needs
        view = View(
            data,
            streams,
            tuple(self._cases(job.chunk).tolist()),
            tuple(self._attribution(job, name) for name in named(job)),
            control=self._attribution(job, self._plan.control) if "control" in needs else None,
            coalitions=self._made(Coalitions, Job("sample", job.model, chunk=job.chunk, condition=job.condition), "coalitions" in needs),
            removal=self._made(Removal, Job("remove", job.model, job.explainer, chunk=job.chunk), "removal" in needs),
            bounds=self._made(Bounds, Job("bound", job.model, chunk=job.chunk), "bounds" in needs),
            model=self.model(job.model) if "model" in needs else None,
            rerun=self._again(job) if "rerun" in needs else None,
            destroyed=self._destroyed(job.model) if "destroyed" in needs else None,
        )
        return Outcome("ok", arrays=pack_scores(metric(view)))

    def _profile(self, job: Job) -> Outcome:
        # One stream for all methods and models: curves of the same feature stand on the same rows.
        found = self._plan.profiles[job.profile](
            self.model(job.model), self._plan.data, self._scale(job), profiled_target(self._plan, self._read), self._streams.at("profile")
        )
        if not isinstance(found, Profile):
            raise XaiCompareError(f"'{job.profile}' returned a {type(found).__name__}: a profile is needed")
        return Outcome("ok", arrays=pack_profile(found))

    def _destroyed(self, name: str) -> Destroyed:
        """Destroyed models are made once in each worker; they are of no use to a later run."""
        if name not in self._ruins:
            own = self.model(name).inside
            self._ruins[name] = Destroyed(own, self._plan.data, self._streams.at("destroy", name), self._counted)
        return self._ruins[name]

    def _counted(self, model: Model) -> Counted:
        self._others.append(Counted(model))
        return self._others[-1]

    def _made(self, cls: type[A], job: Job, needed: bool) -> A | None:
        """What a job made, unpacked."""
        if not needed:
            return None
        arrays = self._read(job).arrays
        return cls(**{field.name: arrays.get(field.name) for field in fields(cls)})  # type: ignore[arg-type]

    def _again(self, job: Job) -> Again:
        streams = self._streams.at("explain", job.explainer)
        return Again(self._plan.explainers[job.explainer], job.explainer, self._game(job), streams)

    def _attribution(self, job: Job, name: str) -> Attribution:
        found = unpack_attribution(self._read(explained(self._plan, job, name)).arrays)
        return found.rows(self._cases(job.chunk)) if self._plan.explainers[name].scope == "model" else found

    def _cases(self, chunk: int) -> IntArray:
        n = len(self._plan.data.explain)
        return np.arange(n) if chunk == WHOLE else np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, n))

    def _played(self, job: Job) -> IntArray:
        """Positions, within the job's chunk, of the cases from which features are taken away."""
        return np.flatnonzero(np.isin(self._cases(job.chunk), subset(len(self._plan.data.explain), REMOVED)))

    def _scale(self, job: Job) -> Output:
        """What has units is told in probabilities where the model has them, else in its own space."""
        model = self.model(job.model)
        return "probability" if "probability" in model.offers else model.native

    def _output(self, job: Job) -> Output:
        return "probability" if job.condition == PROBABILITY else self._plan.output_of(self.model(job.model, job.condition).native)

    def _fill(self, job: Job) -> str:
        return job.condition if job.condition in self._plan.data.space.fills else self._plan.fill

    def _data(self, job: Job) -> Data:
        """The study's data, with other background rows under a condition that says so."""
        data = self._plan.data
        if not is_of(job.condition, BACKGROUND):
            return data
        if job.condition not in self._backgrounds:
            rows = background_of(job.condition, data, self._streams)
            self._backgrounds[job.condition] = data.with_background(rows)
        return self._backgrounds[job.condition]

    def _hangs_on(self, explainer: Explainer) -> frozenset[str]:
        if self._plan.data.space.modality == "table":
            return explainer.depends_on
        return getattr(explainer, "depends_elsewhere", explainer.depends_on)

    def _settings(self, job: Job) -> dict[str, Any]:
        """What a job's outcome may hang on, by the names that explainers use."""
        draw = job.condition if is_of(job.condition, BACKGROUND) else ""
        return {"output": self._output(job), "fill": (self._fill(job), draw), "background": draw}

    def _unchanged(self, job: Job, depends_on: frozenset[str]) -> bool:
        """Whether a job under a condition comes to what it came to without, as far as it depends on anything."""
        if is_of(job.condition, TRAINING) and job.model not in self._plan.given:
            return False  # another model
        before, now = self._settings(replace(job, condition="")), self._settings(job)
        return all(before[what] == now[what] for what in depends_on)

    def _plain(self, job: Job) -> Outcome:
        found = self._read(replace(job, condition=""))
        return replace(found, about={}, warnings=())

    def _game(self, job: Job, output: Output | None = None) -> Game:
        model, data = self.model(job.model, job.condition), self._data(job)
        output = output or self._output(job)
        if output not in model.offers:
            raise NotApplicable(f"the study explains {output}, which this model does not give (it gives {', '.join(sorted(model.offers))})")
        cases = self._cases(job.chunk)
        return Game(model, data, data.cases(cases), cases, explained_target(self._plan, self._read)[cases], output, self._fill(job))


def _peak_mib() -> float | None:
    """The most memory that this process has held so far, in MiB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _packed(found: Coalitions | Bounds | Removal) -> dict[str, npt.NDArray[Any]]:
    return {field.name: array for field in fields(found) if (array := getattr(found, field.name)) is not None}


def explained_target(plan: Plan, read: Callable[[Job], Outcome]) -> IntArray:
    """(n,) the explained output of each case of a plan; `read` gives the outcome of the reference's predict job."""
    named, n = plan.study.target, len(plan.data.explain)
    return targets(plan.data, named, n, lambda: np.asarray(read(Job("predict", plan.reference)).arrays["decision"], dtype=np.int64))


def profiled_target(plan: Plan, read: Callable[[Job], Outcome]) -> int:
    """The output whose curves are drawn: the value; the class that is named, else of two the last, of more the one explained most."""
    if plan.data.task == "regression":
        return 0
    if plan.asks_reference:
        return int(np.bincount(explained_target(plan, read)).argmax())
    return plan.data.classes.index(plan.study.target) if plan.study.target is not None else len(plan.data.classes) - 1
