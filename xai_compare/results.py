"""What a run produced: facts and arrays, no statistics. Read by compare, report and cards; written by run.

Everything a reader needs to know about a plugin (title, direction, citation) travels inside, so that
statistics and rendering import no plugin and no model.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from xai_compare.errors import XaiCompareError
from xai_compare.files import place
from xai_compare.packing import pack_attribution, pack_profile, pack_scores, unpack_attribution, unpack_profile, unpack_scores
from xai_compare.types import Array, Attribution, IntArray, Output, Profile, Scores, Task

__all__ = [
    "AttributionRow",
    "CaseFacts",
    "Cell",
    "MethodFacts",
    "MetricFacts",
    "ModelFacts",
    "ProfileFacts",
    "Results",
    "ScoreRow",
    "Status",
    "attribution_rows",
    "score_rows",
]

Status: TypeAlias = Literal["ok", "degraded", "failed", "skipped", "not_applicable"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model of the study. `output` is the space in which it is explained."""

    name: str
    kind: str
    output: Output
    reference: bool
    trained_here: bool
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """One explainer of the study. `control` marks the one that knows nothing of the model."""

    name: str
    title: str
    citation: str
    signed: bool
    scope: Literal["case", "model"]
    control: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """One metric of the study. `lead` marks the one that speaks for its question in the verdict; `chance` is its level, in words.

    says : what it is, in a sentence.
    """

    name: str
    title: str
    question: str
    better: Literal["higher", "lower", "none"]
    range: str
    cost: str
    citation: str
    scope: Literal["method", "methods", "model"]
    lead: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)
    chance: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """One method by which curves of the features are drawn."""

    name: str
    title: str
    citation: str
    cost: str
    reading: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """One (model, explainer, metric) of the study; metric "" is the explanation itself.

    For a metric of scope "methods" the explainer reads "a ~ b"; for scope "model" it is "". A profile stands where such a metric would.
    `condition` is "" for the study's own question, else what was changed to ask it again, see `Results.checks`.
    """

    model: str
    explainer: str
    metric: str
    status: Status
    reason: str = ""
    condition: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CaseFacts:
    """The n explained cases: ids, the explained output, known outcomes, and the values shown if they may be shown.

    outputs {model: (n,)} and base {model: (n,)} are v(all features) and v(no feature) of the explained output, in the model's space.
    predicted {model: (n,)} is the index of the predicted class (classification) or the predicted value (regression).
    probability {model: (n,)} is the probability of the explained class, where the model has one.
    raw (n, ...) are the images or series themselves, if they may be shown.
    """

    ids: tuple[str, ...]
    target: IntArray
    y: npt.NDArray[Any] | None
    values: tuple[tuple[str, ...], ...] | None
    outputs: Mapping[str, Array]
    base: Mapping[str, Array]
    predicted: Mapping[str, Array]
    probability: Mapping[str, Array]
    raw: npt.NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything a run produced, in plain values and arrays.

    attributions are keyed (model, explainer) and scores (model, explainer, metric), with the same naming as `Cell`.
    `checks` are the scores of the fidelity metric asked again, keyed (condition, model, explainer): "probability" for all models
    on the scale of probabilities, or the name of a second fill ("reference") for hidden features.
    `profiles` are curves of the features keyed (model, profile), and `profiled` the methods that drew them.
    `slices` tell the slice that each explained case belongs to, by column.
    `limits` are warnings in plain words; `provenance` is what the manifest prints.
    """

    title: str
    study: Mapping[str, Any]
    task: Task
    features: tuple[str, ...]
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    data: Mapping[str, Any]
    models: tuple[ModelFacts, ...]
    methods: tuple[MethodFacts, ...]
    metrics: tuple[MetricFacts, ...]
    cells: tuple[Cell, ...]
    cases: CaseFacts
    attributions: Mapping[tuple[str, str], Attribution]
    scores: Mapping[tuple[str, str, str], Scores]
    checks: Mapping[tuple[str, str, str], Scores] = field(default_factory=dict)
    profiled: tuple[ProfileFacts, ...] = ()
    profiles: Mapping[tuple[str, str], Profile] = field(default_factory=dict)
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The name of the model that the others are compared with."""
        return next(model.name for model in self.models if model.reference)

    @property
    def control(self) -> str:
        """The name of the control."""
        return next(method.name for method in self.methods if method.control)

    def save(self, folder: str | Path) -> None:
        """Write results.json (facts) and results.npz (arrays) into a folder, each put in place whole."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, npt.NDArray[Any]] = {}
        for i, attribution in enumerate(self.attributions.values()):
            arrays |= {f"a{i}/{name}": array for name, array in pack_attribution(attribution).items()}
        for i, score in enumerate(self.scores.values()):
            arrays |= {f"s{i}/{name}": array for name, array in pack_scores(score).items()}
        for i, score in enumerate(self.checks.values()):
            arrays |= {f"k{i}/{name}": array for name, array in pack_scores(score).items()}
        for i, profile in enumerate(self.profiles.values()):
            arrays |= {f"p{i}/{name}": array for name, array in pack_profile(profile).items()}
        held = {"y": self.cases.y, "raw": self.cases.raw}
        cases = {"target": self.cases.target} | {name: array for name, array in held.items() if array is not None}
        for name in _PER_MODEL:
            cases |= {f"{name}/{i}": array for i, array in enumerate(getattr(self.cases, name).values())}
        arrays |= {f"c/{name}": array for name, array in cases.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the arrays for its flag
        place(folder / "results.npz", buffer.getvalue())
        place(folder / "results.json", (json.dumps(self._facts(), sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode())

    def _facts(self) -> dict[str, Any]:
        listed = {name: [asdict(each) for each in getattr(self, name)] for name in _LISTED}
        plain = {name: getattr(self, name) for name in _PLAIN}
        cases = {"ids": self.cases.ids, "values": self.cases.values} | {name: list(getattr(self.cases, name)) for name in _PER_MODEL}
        keys = {name: list(getattr(self, name)) for name in ("attributions", "scores", "checks", "profiles")}
        return plain | listed | keys | {"cases": cases, "slices": dict(self.slices)}

    @classmethod
    def load(cls, folder: str | Path) -> Results:
        """Read what `save` wrote.

        Raises
        ------
        XaiCompareError
            If the folder holds no results, or not these.
        """
        folder = Path(folder)
        try:
            facts = json.loads((folder / "results.json").read_text(encoding="utf-8"))
            with np.load(io.BytesIO((folder / "results.npz").read_bytes()), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return cls._from(facts, arrays)
        except (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile) as error:
            raise XaiCompareError(f"'{folder}' holds no results of a run: {type(error).__name__}: {error}") from error

    @classmethod
    def _from(cls, facts: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Results:
        def under(prefix: str) -> dict[str, npt.NDArray[Any]]:
            return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

        own = under("c/")
        per_model = {name: {model: own[f"{name}/{i}"] for i, model in enumerate(facts["cases"][name])} for name in _PER_MODEL}
        values = facts["cases"]["values"]
        shown = None if values is None else tuple(map(tuple, values))
        plain: dict[str, Any] = {name: tuple(facts[name]) if isinstance(facts[name], list) else facts[name] for name in _PLAIN}
        listed: dict[str, Any] = {name: tuple(made(**each) for each in facts.get(name, [])) for name, made in _LISTED.items()}
        return cls(
            **plain,
            **listed,
            slices={column: tuple(labels) for column, labels in facts.get("slices", {}).items()},
            cases=CaseFacts(tuple(facts["cases"]["ids"]), own["target"], own.get("y"), shown, **per_model, raw=own.get("raw")),
            attributions={(m, e): unpack_attribution(under(f"a{i}/")) for i, (m, e) in enumerate(facts["attributions"])},
            scores={(m, e, k): unpack_scores(under(f"s{i}/")) for i, (m, e, k) in enumerate(facts["scores"])},
            checks={(c, m, e): unpack_scores(under(f"k{i}/")) for i, (c, m, e) in enumerate(facts.get("checks", []))},
            profiles={(m, p): unpack_profile(under(f"p{i}/")) for i, (m, p) in enumerate(facts.get("profiles", []))},
        )


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One score of one case: by a method on a model, or of a pair of methods ("a ~ b"). reason says why score is NaN."""

    model: str
    explainer: str
    metric: str
    part: str
    case: str
    score: float
    chance: float
    ceiling: float
    reason: str


def score_rows(results: Results) -> Iterator[ScoreRow]:
    """Every score of every case, parts after their metric; chance and ceiling are NaN where the metric has none."""
    kinds = {metric.name: metric.scope for metric in results.metrics}
    for (model, explainer, metric), whole in results.scores.items():
        if kinds[metric] != "model":
            for part, scores in (("", whole), *sorted(whole.parts.items())):
                n = len(scores.values)
                chance, ceiling = (np.full(n, np.nan) if level is None else level for level in (scores.chance, scores.ceiling))
                for i, (case, score, floor, top) in enumerate(zip(results.cases.ids, scores.values, chance, ceiling, strict=True)):
                    numbers = float(score), float(floor), float(top)
                    yield ScoreRow(model, explainer, metric, part, case, *numbers, reason=scores.reasons.get(i, ""))


@dataclass(frozen=True, slots=True)
class AttributionRow:
    """What a method attributes to one feature of one case of a model; share is its part of the size of all of that case.

    value is the feature's own, None where values are not to be shown; base is None where the method has none.
    """

    case: str
    why: str
    model: str
    explainer: str
    output: str
    target: str
    base: float | None
    feature: str
    value: str | None
    attribution: float
    share: float


def attribution_rows(results: Results, chosen: Iterable[tuple[int, str]]) -> Iterator[AttributionRow]:
    """Every attribution of these cases, given as (place, why chosen); a feature that a case lacks has no row."""
    cases = results.cases
    for i, why in chosen:
        target = results.classes[int(cases.target[i])] if results.classes else ""
        shown = cases.values[i] if cases.values is not None else (None,) * len(results.features)
        for (model, explainer), made in results.attributions.items():
            numbers = made.values[i]
            total = float(np.nansum(np.abs(numbers)))
            about = (cases.ids[i], why, model, explainer, made.output, target, None if made.base is None else float(made.base[i]))
            for feature, value, number in zip(results.features, shown, numbers, strict=True):
                if np.isfinite(number):
                    share = float(number) / total if total else 0.0
                    yield AttributionRow(*about, feature, value, float(number), share)


_PLAIN = ("title", "study", "task", "features", "kinds", "classes", "data", "limits", "provenance")
_LISTED = {"models": ModelFacts, "methods": MethodFacts, "metrics": MetricFacts, "cells": Cell, "profiled": ProfileFacts}
_PER_MODEL = ("outputs", "base", "predicted", "probability")
