"""From finished jobs to Results: chunks joined, cells summarised, facts about plugins written down."""

from __future__ import annotations

import hashlib
import inspect
import platform
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from itertools import groupby
from typing import Any

import numpy as np

from xai_compare.data.described import described
from xai_compare.game import sample_size
from xai_compare.packing import join_attributions, join_scores, unpack_attribution, unpack_profile, unpack_scores
from xai_compare.results import CaseFacts, Cell, MethodFacts, MetricFacts, ModelFacts, ProfileFacts, Results, Status
from xai_compare.run.execute import Finished
from xai_compare.run.jobs import Job
from xai_compare.run.keys import data_hash, digest, versions
from xai_compare.run.plan import CHUNK, Plan
from xai_compare.run.store import Outcome
from xai_compare.run.worker import explained_target
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, FeatureCurve, Inputs, Profile, Scores

__all__ = ["collect"]

_LONGEST = 500
"""Characters of one reason."""

_OF_THE_RUN = ("model_rows", "peak_mib")  # told of every job, for timings.json

# The worst outcome of a cell's jobs speaks for the cell.
_WORST: tuple[Status, ...] = ("failed", "skipped", "not_applicable", "degraded", "ok")


def collect(finished: Finished) -> Results:
    """Everything a run produced, ready for statistics."""
    plan = finished.plan
    cells: list[Cell] = []
    attributions: dict[tuple[str, str], Attribution] = {}
    scores: dict[tuple[str, str, str], Scores] = {}
    checks: dict[tuple[str, str, str], Scores] = {}
    # Under a condition an explanation is only a step on the way to its score, which is the cell.
    wanted = [job for job in finished.jobs if job.kind == "score" or (job.kind == "explain" and not job.condition)]
    for (model, explainer, metric, condition), jobs in groupby(
        wanted, key=lambda job: (job.model, job.explainer, job.metric, job.condition)
    ):
        if condition and (model, explainer) not in attributions:
            continue  # told by the cell of the explanation itself
        outcomes = [finished[job] for job in jobs]
        cell = replace(_cell(model, explainer, metric, outcomes), condition=condition)
        cells.append(cell)
        if cell.status not in ("ok", "degraded"):
            continue
        if condition:
            checks[condition, model, explainer] = join_scores([unpack_scores(outcome.arrays) for outcome in outcomes])
        elif metric:
            scores[model, explainer, metric] = join_scores([unpack_scores(outcome.arrays) for outcome in outcomes])
        else:
            attributions[model, explainer] = join_attributions([unpack_attribution(outcome.arrays) for outcome in outcomes])
    drawn = {(job.model, job.profile): finished[job] for job in finished.jobs if job.kind == "profile"}
    cells += [_cell(model, "", name, [outcome]) for (model, name), outcome in drawn.items()]
    return Results(
        title=plan.study.report.title or plan.study.title,
        study=plan.study.resolved(),
        task=plan.data.task,
        features=plan.data.space.names,
        kinds=plan.data.space.kinds,
        classes=plan.data.classes,
        data=_data_facts(plan),
        models=tuple(_model_facts(finished, name) for name in plan.models),
        methods=tuple(_method_facts(plan, name) for name in plan.explainers),
        metrics=tuple(_metric_facts(plan, name) for name in plan.metrics),
        cells=tuple(cells),
        cases=_case_facts(finished),
        attributions=attributions,
        scores=scores,
        checks=checks,
        profiled=tuple(_profile_facts(plan, name) for name in plan.profiles),
        profiles={key: _shown_profile(plan, outcome) for key, outcome in drawn.items() if outcome.usable},
        slices={column: tuple(labels[plan.data.explain].tolist()) for column, labels in plan.data.slices.items()},
        limits=tuple(_limits(finished)),
        provenance=_provenance(finished),
    )


def _cell(model: str, explainer: str, metric: str, outcomes: Sequence[Outcome]) -> Cell:
    status = min((outcome.status for outcome in outcomes), key=_WORST.index)
    same = [outcome.reason for outcome in outcomes if outcome.status == status and outcome.reason]
    if not same:
        return Cell(model, explainer, metric, status)
    reason = "; ".join(dict.fromkeys(map(_readable, same)))
    part = "" if len(same) == len(outcomes) else f" ({len(same)} of {len(outcomes)} chunks of {CHUNK} cases)"
    return Cell(model, explainer, metric, status, reason + part)


def _readable(reason: str) -> str:
    """A reason as a report may print it: libraries put whole arrays, and folders of this machine, into their messages."""
    without_folders = re.sub(r"(?<![\w.:/])/(?:[^\s/:'\"]+/)+", "", " ".join(reason.split()))
    return without_folders if len(without_folders) <= _LONGEST else without_folders[:_LONGEST] + "..."


def _model_facts(finished: Finished, name: str) -> ModelFacts:
    spec = finished.plan.spec(name)
    outcome = finished[Job("predict", name)]
    about: dict[str, Any] = {key: value for key, value in outcome.about.items() if key not in _OF_THE_RUN}
    if not outcome.usable:
        about["failed"] = outcome.reason
    output = finished.plan.output_of(about.pop("native", "value"))
    kind = about.get("class", spec.kind) if name in finished.plan.given else spec.kind
    trained = name not in finished.plan.given
    about |= {"parameters": dict(spec.params), "fingerprint": _fingerprint(finished, name)}
    return ModelFacts(name, str(kind), output, spec.reference, trained, about)


def _method_facts(plan: Plan, name: str) -> MethodFacts:
    made = plan.explainers[name]
    return MethodFacts(name, made.title, made.citation, made.signed, made.scope, made.control, _parameters(made))


def _parameters(made: Any) -> dict[str, Any]:
    """A plugin's parameters as a report may print them; what a field says is not to be shown stays out."""
    return {field.name: getattr(made, field.name) for field in fields(made) if field.metadata.get("shown", True)}


def _metric_facts(plan: Plan, name: str) -> MetricFacts:
    made = plan.metrics[name]
    facts = (made.title, made.question, made.better, made.range, made.cost, made.citation, made.scope, made.lead)
    return MetricFacts(name, *facts, asdict(made), getattr(made, "chance", ""), _says(made))  # type: ignore[call-overload]


def _says(made: Any) -> str:
    """The first line of what a plugin says of itself; the signature, which dataclasses put there by themselves, says nothing."""
    first = (inspect.getdoc(type(made)) or "").partition("\n")[0]
    return "" if first.startswith(f"{type(made).__name__}(") else first


def _profile_facts(plan: Plan, name: str) -> ProfileFacts:
    made = plan.profiles[name]
    return ProfileFacts(name, made.title, made.citation, made.cost, made.reading, asdict(made))  # type: ignore[call-overload]


def _shown_profile(plan: Plan, outcome: Outcome) -> Profile:
    """A profile as it may be shown: where values of cases may not, numbers give way to their rank among the test rows."""
    found = unpack_profile(outcome.arrays)
    if _show_values(plan):
        return found
    return replace(found, curves=tuple(_ranked(curve, plan.data.test.inputs) for curve in found.curves))


def _ranked(curve: FeatureCurve, table: Inputs) -> FeatureCurve:
    """Each number as the share of the values in its column that are smaller, those equal to it by half: values apart stay apart."""
    if curve.levels:
        return curve
    values = np.sort(table[curve.feature].to_numpy(dtype=np.float64, na_value=np.nan))
    values = values[~np.isnan(values)]

    def rank(numbers: Array) -> Array:
        return np.asarray((np.searchsorted(values, numbers) + np.searchsorted(values, numbers, side="right")) / (2 * len(values)))

    return replace(curve, grid=rank(curve.grid), quantiles=rank(curve.quantiles), ranked=True)


def _case_facts(finished: Finished) -> CaseFacts:
    plan = finished.plan
    data = plan.data
    outputs: dict[str, Array] = {}
    base: dict[str, Array] = {}
    guesses: dict[str, Array] = {}
    probability: dict[str, Array] = {}
    target = explained_target(plan, finished.__getitem__)
    for name in plan.models:
        answers, samples = finished[Job("predict", name)], [finished[Job("sample", name, chunk=chunk)] for chunk in plan.chunks]
        if answers.usable:
            guesses[name] = answers.arrays["value"][:, 0] if data.task == "regression" else answers.arrays["decision"].astype(np.float64)
            if "probability" in answers.arrays:
                probability[name] = answers.arrays["probability"][np.arange(len(target)), target]
        if all(sample.usable for sample in samples):
            outputs[name] = np.concatenate([sample.arrays["full"] for sample in samples])
            base[name] = np.concatenate([sample.arrays["empty"] for sample in samples])
    shown = _show_values(plan)
    y = data.test.y[data.explain] if shown and data.test.y is not None else None  # an outcome is a value like any other
    ids = [data.test.ids[row] for row in data.explain]
    values = tuple(map(tuple, data.space.labels(data.cases()))) if shown else None
    raw = data.cases() if shown and data.space.modality in ("image", "series") else None
    known = tuple(ids if shown else _hidden(ids, data_hash(data, "case ids")))
    return CaseFacts(known, target, y, values, outputs, base, guesses, probability, raw)


def _show_values(plan: Plan) -> bool:
    wanted = plan.study.report.show_values
    return bool(plan.data.about.get("public", False)) if wanted is None else wanted


def _hidden(ids: Sequence[str], salt: str) -> list[str]:
    """Ids that are the same in every run of the study and tell nothing to whoever does not hold the data: these are the salt."""
    return [hashlib.sha256(f"{salt}:{case}".encode()).hexdigest()[:10] for case in ids]


def _fingerprint(finished: Finished, name: str) -> str:
    """sha256 of what the model answers for the explained cases, in every space it has: equal models, equal fingerprints."""
    answers = finished[Job("predict", name)].arrays
    total = hashlib.sha256()
    for space in sorted(answers):
        total.update(space.encode() + np.ascontiguousarray(answers[space]).tobytes())
    return total.hexdigest()


def _data_facts(plan: Plan) -> dict[str, Any]:
    data, d = plan.data, plan.data.space.d
    facts = {key: value for key, value in data.about.items() if value is not None}
    facts |= {
        "train_rows": len(data.train.inputs),
        "test_rows": len(data.test.inputs),
        "modality": data.space.modality,
        "explained": len(data.explain),
        "background": len(data.background),
        "features": d,
        "fill": plan.fill,
        "coalitions": (2**d - 2 if 2**d - 2 <= 2 * sample_size(d) else 2 * sample_size(d)) if d > 2 else 0,
        "target_rule": _target_rule(plan),
        "show_values": _show_values(plan),
    }
    if data.space.layout:
        facts["layout"] = dict(data.space.layout)
    if data.space.modality == "table":
        handed = plan.study.data.source == "python"
        facts["described"] = described(data, Streams(plan.study.seed).at("data"), shown=_show_values(plan), handed=handed)
    if data.test.y is not None and data.classes:
        facts["class_balance_of_test_rows"] = {name: int((data.test.y == i).sum()) for i, name in enumerate(data.classes)}
    return facts


def _target_rule(plan: Plan) -> str:
    if plan.data.task == "regression":
        return "the predicted value"
    if plan.study.target is not None:
        return f"the class '{plan.study.target}', for every case"
    return f"for each case the class that {plan.reference} predicts"


def _limits(finished: Finished) -> list[str]:
    """Warnings that libraries gave while jobs ran, each once, with how many jobs gave it."""
    counts = Counter(note for job in finished.jobs for note in finished[job].warnings)
    return [f"{note} ({count} of {len(finished.jobs)} jobs)" for note, count in sorted(counts.items())]


def _provenance(finished: Finished) -> dict[str, Any]:
    plan = finished.plan
    in_python = plan.study.data.source == "python"
    return {
        "versions": versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "seed": plan.study.seed,
        "study_sha256": digest(plan.study.resolved()),
        "data_sha256": data_hash(plan.data),
        "models_fingerprint": {name: _fingerprint(finished, name) for name in plan.models},
        "command": "xai_compare.compare(...) in Python" if in_python else f"xai-compare run {shlex.quote(plan.study.where)}",
    }
