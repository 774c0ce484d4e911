"""What must not be: thresholds on the numbers of a report, and whether they are breached.

A name stands for one number: the worst over the models where none is named. What could not be measured is unknown, and so is an expression
that hangs on it; an unknown one counts as breached, as nobody can say that the threshold was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any

from xai_compare.compare.expressions import Both, Either, Expression, Limit, Name, Not, Some, named, parse
from xai_compare.errors import StudyError, nearest

__all__ = ["Known", "Threshold", "breaches", "check", "known_to", "threshold"]

_SIGNS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_LONGEST = 200  # characters of a reason
_PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True)
class Threshold:
    """An expression that must not be true, with the text it was read from."""

    text: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Known:
    """What a name may speak of. metrics {name: (question, leads its question, scope)}; scores are those that were computed, if any were."""

    models: tuple[str, ...]
    reference: str
    methods: tuple[str, ...]
    metrics: Mapping[str, tuple[str, bool, str]]
    scores: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """One number behind a name, of whom; or why there is none."""

    of: str
    value: float | None
    reason: str = ""


def threshold(text: str) -> Threshold:
    """Read a threshold, see `xai_compare.compare.expressions`.

    Raises
    ------
    StudyError
        If it cannot be read.
    """
    return Threshold(text, parse(text))


def known_to(report: Mapping[str, Any]) -> Known:
    """What the names of a report.json are."""
    metrics = {metric["name"]: (metric["question"], metric["lead"], metric["scope"]) for metric in report["metrics"]}
    scores = tuple(dict.fromkeys(row["score"] for row in report["performance"] if row["split"] == "test"))
    models, methods = (tuple(one["name"] for one in report[part]) for part in ("models", "methods"))
    return Known(models, report["scope"]["reference"], methods, metrics, scores)


def check(thresholds: Iterable[Threshold], known: Known) -> None:
    """Whether every name can exist in the study.

    Raises
    ------
    StudyError
        For a model, method, question or score that the study does not have, with the nearest that it has.
    """
    for one in thresholds:
        for name in named(one.expression):
            if fault := _fault(name, known):
                raise StudyError(f"'{one.text}': {name.text}: {fault}")


def breaches(thresholds: Iterable[Threshold], report: Mapping[str, Any]) -> list[str]:
    """A line for each threshold that is breached, or that cannot be told to be kept, with the numbers behind it.

    report : the content of report.json.
    """
    lines = []
    for one in thresholds:
        kept = _true(one.expression, report)
        if kept is not False:
            how = "breached" if kept else "cannot be told, which counts as breached"
            lines.append(f"{one.text}: {how}: {'; '.join(dict.fromkeys(_said(one.expression, report)))}")
    return lines


# ---- names


def _fault(name: Name, known: Known) -> str:
    """What is wrong with a name; "" for nothing."""
    if name.kind == "gap":
        return _no_gap(name.parts, known)
    if name.kind == "skill":
        method, *rest = name.parts
        return _unlike("method", method, known.methods) or _no_skill(rest, known)
    model, score = name.parts
    if _PERFORMANCE not in (question for question, _, _ in known.metrics.values()):
        return "the study measures no performance"
    missing = known.scores is not None and not any(_same_score(score, one) for one in known.scores)
    return _unlike("model", model, known.models) or (_unlike("score", score, known.scores or ()) if missing else "")


def _no_gap(parts: Sequence[str], known: Known) -> str:
    questions = {question for question, lead, scope in known.metrics.values() if lead and scope != "model"}
    others = [model for model in known.models if model != known.reference]
    if not others:
        return "the study has only one model, so no gap between models"
    if fault := _unlike("question", parts[0], questions):
        return fault
    if parts[1:] == (known.reference,):
        return f"'{known.reference}' is the reference, which has no gap against itself"
    return _unlike("model", parts[1], others) if len(parts) > 1 else ""


def _no_skill(parts: Sequence[str], known: Known) -> str:
    leading = {question for question, lead, scope in known.metrics.values() if lead and scope == "method"}
    metrics = {metric for metric, (_, _, scope) in known.metrics.items() if scope == "method"}
    fault = _unlike("question or metric", parts[0], leading | metrics)
    return fault or (_unlike("model", parts[1], known.models) if len(parts) > 1 else "")


def _unlike(what: str, name: str, allowed: Iterable[str]) -> str:
    there = list(allowed)
    return "" if name in there else f"the study has no {what} '{name}': {nearest(name, there)}"


def _same_score(wanted: str, score: str) -> bool:
    """Whether a score is meant: by its name, or by what stands before the brackets that say for which class it is."""
    return wanted in (score, score.partition(" (")[0])


# ---- values


def _true(expression: Expression, report: Mapping[str, Any]) -> bool | None:
    """Whether an expression holds; None where that hangs on what could not be measured."""
    match expression:
        case Some(state=state):
            return _count(state, report) > 0
        case Not(one=one):
            inner = _true(one, report)
            return None if inner is None else not inner
        case Both(left=left, right=right):
            sides = _true(left, report), _true(right, report)
            return False if False in sides else None if None in sides else True
        case Either(left=left, right=right):
            sides = _true(left, report), _true(right, report)
            return True if True in sides else None if None in sides else False
        case Limit():
            return _within(expression, _values(expression.name, report))


def _within(test: Limit, found: Sequence[_Found]) -> bool | None:
    """The test of the lowest number: a number that is missing may be lower than those that are there."""
    numbers = [one.value for one in found if one.value is not None]
    known = _SIGNS[test.sign](min(numbers), test.value) if numbers else None
    if len(numbers) == len(found):
        return known
    settled = test.sign in ("<", "<=")  # a lower number could not change a yes to these, nor a no to the others
    return known if known is settled else None


def _count(state: str, report: Mapping[str, Any]) -> int:
    if state == "review":
        return sum(report["gaps"][index]["disposition"] == "review" for index in report["verdict"]["headline"])
    return sum(cell["status"] == state for cell in report["cells"])


def _said(expression: Expression, report: Mapping[str, Any]) -> Iterator[str]:
    """The numbers behind an expression, in words."""
    match expression:
        case Some(state=state):
            count = _count(state, report)
            what = "headline gap" if state == "review" else "cell"
            yield f"{count} {what}{'' if count == 1 else 's'} {'to review' if state == 'review' else state}"
        case Not(one=one):
            yield from _said(one, report)
        case Both(left=left, right=right) | Either(left=left, right=right):
            yield from _said(left, report)
            yield from _said(right, report)
        case Limit(name=name):
            found = sorted(_values(name, report), key=lambda one: (one.value is not None, one.value or 0))
            missing = [one for one in found if one.value is None]
            yield from (f"{name.text} was not measured for {one.of}: {' '.join(one.reason.split())[:_LONGEST]}" for one in missing)
            yield from (f"{name.text} is {one.value:.4g} ({one.of})" for one in found[len(missing) :][:1])


def _values(name: Name, report: Mapping[str, Any]) -> list[_Found]:
    """The numbers behind a name, one for each of what it speaks of; never none."""
    if name.kind == "gap":
        models = name.parts[1:] or [one["name"] for one in report["models"] if one["name"] != report["scope"]["reference"]]
        return [found for model in models for found in _gaps(name.parts[0], model, report)]
    if name.kind == "score":
        model, score = name.parts
        return [_score(model, score, report)]
    method, metric, *named_models = name.parts
    models = named_models or _fitting(method, report)
    return [_skill(model, method, metric, report) for model in models]


def _gaps(question: str, model: str, report: Mapping[str, Any]) -> list[_Found]:
    rows = [report["gaps"][index] for index in report["verdict"]["headline"]]
    rows = [row for row in rows if row["kind"] == "models" and row["question"] == question and row["a"] == model]
    if not rows:
        return [_Found(model, None, "no headline gap was computed")]
    told = [(f"{row['a']} against {row['b']}", row) for row in rows]
    mute = "no power here"  # such a metric ranks nothing, whatever its numbers
    return [_Found(of, None, mute) if row["verdict"] == mute else _of(of, row["gap"]) for of, row in told]


def _fitting(method: str, report: Mapping[str, Any]) -> list[str]:
    """The models that a method fits; all where it fits none, so that the reason is told."""
    models = [one["name"] for one in report["models"]]
    cells = {cell["model"]: cell["status"] for cell in report["cells"] if cell["explainer"] == method and not cell["metric"]}
    return [model for model in models if cells.get(model) != "not_applicable"] or models


def _skill(model: str, method: str, wanted: str, report: Mapping[str, Any]) -> _Found:
    metrics = [one["name"] for one in report["metrics"] if one["question"] == wanted and one["lead"] and one["scope"] == "method"]
    rows = [row for row in report["skills"] if (row["model"], row["explainer"], row["part"]) == (model, method, "")]
    row = next((row for row in rows if row["metric"] in (metrics or [wanted])), None)
    if row is not None and row["skill"] is not None:
        return _of(model, row["skill"])
    cells = [cell for cell in report["cells"] if (cell["model"], cell["explainer"]) == (model, method) and not cell["condition"]]
    reasons = [cell["reason"] for cell in cells if cell["metric"] in ("", *(metrics or [wanted])) and cell["reason"]]
    return _Found(model, None, next(iter(reasons), "it has no skill, for the metric knows no chance or no ceiling"))


def _score(model: str, score: str, report: Mapping[str, Any]) -> _Found:
    rows = [row for row in report["performance"] if row["model"] == model and row["split"] == "test" and _same_score(score, row["score"])]
    return _of(model, rows[0]["value"]) if rows else _Found(model, None, "it was not computed")


def _of(of: str, interval: Mapping[str, Any]) -> _Found:
    return _Found(of, interval["estimate"], interval["reason"] or "")
