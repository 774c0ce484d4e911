"""The job graph: fit -> predict -> sample, bound, explain -> remove -> score; fit -> profile.

A job is a plain value; what it does is a function of it, the plan and the outcomes of the jobs it needs: see `worker`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from xai_compare.metrics import Metric
from xai_compare.run.conditions import TRAINING, is_of
from xai_compare.run.plan import Plan

__all__ = ["WHOLE", "Job", "graph", "named", "needs", "pair_name"]

WHOLE = -1
"""The chunk number of a job on all cases at once."""

_PAIR = " ~ "


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """One step on one model; `chunk` numbers 25 cases, or WHOLE. A score of two methods has the explainer "a ~ b".

    condition : "" for the study's own question; else the scale or the fill under which the lead metric of fidelity is asked again.
    profile : by which method curves of the features are drawn.
    """

    kind: Literal["fit", "predict", "sample", "bound", "explain", "remove", "score", "profile"]
    model: str
    explainer: str = ""
    metric: str = ""
    chunk: int = WHOLE
    condition: str = ""
    profile: str = ""

    def __str__(self) -> str:
        where = "" if self.chunk == WHOLE else f" [{self.chunk}]"
        under = f" ({self.condition})" if self.condition else ""
        return " ".join(part for part in (self.kind, self.model, self.explainer, self.metric, self.profile) if part) + under + where


def pair_name(a: str, b: str) -> str:
    """How a pair of explainers is written wherever one explainer would stand."""
    return f"{a}{_PAIR}{b}"


def named(job: Job) -> list[str]:
    """The explainers that a job names."""
    return job.explainer.split(_PAIR) if job.explainer else []


def graph(plan: Plan) -> list[Job]:
    """Every job of a plan, each after those it needs."""
    trained = [model for model in plan.models if model not in plan.given]
    seeds = [condition for condition in plan.conditions if is_of(condition, TRAINING)]
    jobs = [Job("fit", model, condition=condition) for model in trained for condition in ("", *seeds)]
    jobs += [Job("predict", model) for model in plan.models]
    for model in plan.models:
        for condition in ("", *plan.conditions):
            jobs += [Job("sample", model, chunk=chunk, condition=condition) for chunk in plan.chunks]
        jobs += [Job("bound", model, chunk=chunk) for chunk in plan.chunks if _needed(plan, "bounds")]
        for name in plan.explainers:
            jobs += [Job("explain", model, name, chunk=chunk) for chunk in _chunks_of(plan, name)]
            jobs += [Job("remove", model, name, chunk=chunk) for chunk in plan.chunks if _needed(plan, "removal")]
        for name, metric in plan.metrics.items():
            jobs += [Job("score", model, who, name, chunk) for who in _whom(plan, metric) for chunk in _scored(plan, who, metric)]
        for condition in plan.conditions:
            jobs += _again(plan, model, condition)
        jobs += [Job("profile", model, profile=name) for name in plan.profiles]
    return jobs


def _again(plan: Plan, model: str, condition: str) -> Iterator[Job]:
    """The lead metric of fidelity once more, of every method but the control: its chance is known in closed form."""
    for name, explainer in plan.explainers.items():
        if not explainer.control:
            yield from (Job("explain", model, name, chunk=chunk, condition=condition) for chunk in _chunks_of(plan, name))
            yield from (Job("score", model, name, plan.asked_again, chunk, condition) for chunk in plan.chunks)


def _needed(plan: Plan, what: str) -> bool:
    return any(what in metric.needs for metric in plan.metrics.values())


def _whom(plan: Plan, metric: Metric) -> list[str]:
    if metric.scope == "model":
        return [""]
    if metric.scope == "method":
        asked = getattr(metric, "methods", None)
        return [name for name in plan.explainers if asked is None or name in asked]
    return [pair_name(*pair) for pair in combinations(plan.explainers, 2)]


def _scored(plan: Plan, who: str, metric: Metric) -> list[int]:
    # A method that explains all cases at once is run again once for all of them too.
    whole = metric.scope == "model" or ("rerun" in metric.needs and plan.explainers[who].scope == "model")
    return [WHOLE] if whole else list(plan.chunks)


def _chunks_of(plan: Plan, explainer: str) -> list[int]:
    return [WHOLE] if plan.explainers[explainer].scope == "model" else list(plan.chunks)


def explained(plan: Plan, job: Job, name: str) -> Job:
    """The job whose attribution by the explainer `name` a job reads."""
    return Job("explain", job.model, name, chunk=WHOLE if plan.explainers[name].scope == "model" else job.chunk, condition=job.condition)


def needs(plan: Plan, job: Job) -> list[Job]:
    """The jobs whose outcomes a job reads."""
    fit = [] if job.model in plan.given else [Job("fit", job.model, condition=job.condition if is_of(job.condition, TRAINING) else "")]
    target = Job("predict", plan.reference)
    if job.kind == "fit":
        return []
    if job.kind == "predict":
        return fit
    if job.kind == "profile":
        return [*fit, target] if plan.asks_reference else fit
    if job.kind in ("sample", "bound", "explain"):
        # Under another condition much stays as it was: it is taken from the first answer.
        plain = [Job(job.kind, job.model, job.explainer, "", job.chunk)] if job.condition else []
        return [*fit, target, *plain]
    if job.kind == "remove":
        return [*fit, target, explained(plan, job, job.explainer)]
    return _score_needs(plan, job, fit, target)


def _score_needs(plan: Plan, job: Job, fit: list[Job], target: Job) -> list[Job]:
    metric = plan.metrics[job.metric]
    model = fit if metric.scope == "model" or {"model", "rerun", "destroyed"} & metric.needs else []
    if metric.scope == "model":
        return model
    found = [explained(plan, job, name) for name in named(job)]
    if "control" in metric.needs:
        found.append(explained(plan, job, plan.control))
    made: dict[str, Job] = {
        "coalitions": Job("sample", job.model, chunk=job.chunk, condition=job.condition),
        "bounds": Job("bound", job.model, chunk=job.chunk),
        "removal": Job("remove", job.model, job.explainer, chunk=job.chunk),
        "rerun": target,
    }
    return [*model, *dict.fromkeys(found), *(need for what, need in made.items() if what in metric.needs)]
