"""From a study to a plan: every name looked up, every parameter checked, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from xai_compare.config import ModelSpec, PluginSpec, Study, problem
from xai_compare.data.sources import read
from xai_compare.errors import StudyError, UnknownName, XaiCompareError, nearest
from xai_compare.explainers import EXPLAINERS, Explainer
from xai_compare.explainers.given import Given
from xai_compare.metrics import METRICS, Metric
from xai_compare.models.adapt import adapt
from xai_compare.models.load import load_model, pin_of
from xai_compare.models.narrow import Narrow, without
from xai_compare.models.net import Net
from xai_compare.models.reordered import in_order
from xai_compare.models.weights import load_weights
from xai_compare.models.zoo import KINDS
from xai_compare.profiles import PROFILES, Profiler
from xai_compare.registry import Registry, configured
from xai_compare.run.conditions import conditions
from xai_compare.run.reasons import REASON_CODES, reason_codes
from xai_compare.types import Data, IntArray, Model, Output

__all__ = ["CHUNK", "REMOVED", "Plan", "plan_given", "plan_study", "targets"]

CHUNK = 25
"""Cases of one job. Fixed: results must not depend on workers, memory or timing."""

REMOVED = 50
"""Cases from which features are taken away one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything a run needs, decided and checked.

    given : fitted models of the user by name; the others are trained by their kind.
    """

    study: Study
    data: Data
    given: Mapping[str, Model]
    explainers: Mapping[str, Explainer]
    metrics: Mapping[str, Metric]
    profiles: Mapping[str, Profiler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self.conditions  # what cannot be asked is told before anything is computed

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.study.models)

    @property
    def reference(self) -> str:
        return next(model.name for model in self.study.models if model.reference)

    @property
    def control(self) -> str:
        return next(name for name, explainer in self.explainers.items() if explainer.control)

    @property
    def chunks(self) -> range:
        """The numbers of the chunks of explained cases."""
        return range(-(-len(self.data.explain) // CHUNK))

    @property
    def asked_again(self) -> str:
        """The lead metric of fidelity, or "" where the study does without it."""
        found = (
            name for name, metric in self.metrics.items() if metric.lead and metric.question == "fidelity" and metric.scope == "method"
        )
        return next(found, "")

    @property
    def conditions(self) -> tuple[str, ...]:
        """Under what else the lead metric of fidelity is asked: see `run.conditions`."""
        trains = any(model not in self.given for model in self.models)
        return conditions(self.study, self.data, self.fill, trains, partial(problem, self.study)) if self.asked_again else ()

    @property
    def asks_reference(self) -> bool:
        """Whether the output that profiles follow hangs on the reference's predictions: of more than two classes, where none is named."""
        return self.study.target is None and len(self.data.classes) > 2

    @property
    def fill(self) -> str:
        """How hidden features are filled: the study's way, or what is usual for the data."""
        return self.data.space.fills[0] if self.study.fill == "auto" else self.study.fill

    def spec(self, name: str) -> ModelSpec:
        """What the study says of a model."""
        return next(model for model in self.study.models if model.name == name)

    def output_of(self, native: Output) -> Output:
        """The space in which a model with this native space is explained."""
        return native if self.study.output == "native" else self.study.output


def targets(data: Data, named: str | None, n: int, decide: Callable[[], IntArray]) -> IntArray:
    """(n,) the explained output of each case: the value, the class that is named, or else the one that `decide` gives."""
    if data.task == "regression":
        return np.zeros(n, dtype=np.int64)
    if named is not None:
        return np.full(n, data.classes.index(named), dtype=np.int64)
    return decide()


def plan_study(study: Study, pins: Sequence[str] = ()) -> Plan:
    """Plan a study whose models are trained here, or loaded from files.

    pins : "sha256:..." of files that may run code when they are loaded, beside those that the study vouches for.

    Raises
    ------
    StudyError
        With the file, the YAML path, what was found and what is allowed.
    DataError
        If the data cannot be used.
    """
    plugins = _plugins(study)
    for i, model in enumerate(study.models):
        if model.load is None:
            _check_kind(study, i, model.kind, model.params)
    try:
        data = read(study.data, study.seed, study.locate)
    except StudyError:
        raise
    except UnknownName as error:
        raise problem(study, "data.source", str(error)) from error
    except XaiCompareError as error:
        raise problem(study, "data", str(error)) from error
    given: dict[str, Model] = {}
    for i, model in enumerate(study.models):
        _check_drop(study, i, data)
        if model.load is not None:
            given[model.name] = _loaded(study, i, data, pins)
        else:
            _check_fits(study, i, data)
    _check_asked(study, data)
    return Plan(study, data, given, *_worth_asking(study, data, plugins))


def _check_fits(study: Study, i: int, data: Data) -> None:
    """Refuse a kind of model that cannot learn from these data."""
    kind, at, source = KINDS[study.models[i].kind], f"models[{i}].kind", study.data.source
    takes = getattr(kind, "modalities", ("table",))
    if data.space.modality not in takes:
        fitting = sorted(name for name in KINDS if data.space.modality in getattr(KINDS[name], "modalities", ("table",)))
        found = f"'{study.models[i].kind}' takes {' and '.join(takes)} data, and '{source}' holds {data.space.modality} data"
        raise problem(study, at, f"{found}. Kinds that take it: {', '.join(fitting)}")
    if data.task not in kind.tasks:
        found = f"its target is {'a number' if data.task == 'regression' else f'one of {len(data.classes)} classes'}"
        raise problem(study, at, f"'{study.models[i].kind}' is for {' and '.join(kind.tasks)}, and '{source}' is not: {found}")


def _loaded(study: Study, i: int, data: Data, pins: Sequence[str]) -> Model:
    """A fitted model from its file, put behind the common face and held against the data."""
    spec = study.models[i]
    assert spec.load is not None
    try:
        path = study.locate(spec.load)
        vouched = spec.allow_unsafe or next((pin for pin in pins if pin.lower() == pin_of(path)), None)
        found = load_model(path, allow_unsafe=vouched) if spec.architecture is None else load_weights(path, _blank(study, i, data))
        seen = without(data, spec.drop)
        model = adapt(spec.name, found.model, seen.background_inputs(), data.classes, labels=study.data.labels)
        if spec.drop:  # a model without column names does not say which of them it was trained on
            model = Narrow(model, list(data.train.inputs.columns), list(seen.train.inputs.columns))
    except StudyError:
        raise
    except XaiCompareError as error:
        raise problem(study, f"models[{i}].load", str(error)) from error
    if model.task != data.task or (data.classes and set(model.outputs) != set(data.classes)):
        values = {label: f" ({value})" for value, label in study.data.labels.items()}
        wanted = f"classes {', '.join(name + values.get(name, '') for name in data.classes)}" if data.classes else "a number"
        raise problem(study, f"models[{i}].load", f"it predicts {', '.join(model.outputs)}, and the target has {wanted}")
    if len(data.classes) > 2 and study.data.positive is not None and getattr(model, "numbered", False):
        # Of two classes the score is the positive one's; of more, nobody can tell which order the numbers follow.
        raise problem(study, f"models[{i}].load", "it numbers its classes, and data.positive changes their order: leave out data.positive")
    model = in_order(model, data.classes)
    model.about = {**model.about, "loaded": found.about}
    return model


def _blank(study: Study, i: int, data: Data) -> Net:
    """The net that weights are of, as the study describes it."""
    spec = study.models[i]
    assert spec.architecture is not None
    modality, at = data.space.modality, f"models[{i}].architecture"
    if modality == "text":
        told = "weights say nothing of the words that a net knows. Load what this package stored, or a folder of transformers"
        raise problem(study, at, f"found '{spec.architecture}': {told}")
    fitting = [name for name in KINDS if hasattr(KINDS[name], "described") and modality in getattr(KINDS[name], "modalities", ())]
    if spec.architecture not in fitting:
        taken = f"those taken on {modality} data: {', '.join(fitting) or 'none'}"
        raise problem(study, at, f"found '{spec.architecture}', which is no net whose bare weights can be loaded; {taken}")
    kind: Any = KINDS[spec.architecture]
    made: Net = kind.described(spec.name, data, spec.params)
    return made


def plan_given(study: Study, data: Data, models: Mapping[str, Model], attributions: Mapping[str, Given] | None = None) -> Plan:
    """Plan a comparison of fitted models on data in memory; `attributions` are given ones, which stand before the study's explainers."""
    plugins = _plugins(study, attributions or {})
    for one in (attributions or {}).values():
        one.check(models, data)
    _check_asked(study, data)
    return Plan(study, data, models, *_worth_asking(study, data, plugins))


_Plugged: TypeAlias = tuple[dict[str, Explainer], dict[str, Metric], dict[str, Profiler]]


def _worth_asking(study: Study, data: Data, plugins: _Plugged) -> _Plugged:
    """Where all are taken: no metric asks how near the truth explanations are where nothing is known to be true, and no curve is drawn
    of what has no axis. Reason codes are a metric that the study asks for in a place of its own."""
    explainers, metrics, profiles = plugins
    if study.profiles == "auto" and data.space.modality != "table":
        profiles = {}
    if study.metrics == "auto" and data.truth is None:
        metrics = {name: metric for name, metric in metrics.items() if metric.question != "truth"}
    if study.reasons is not None:
        metrics = {**metrics, REASON_CODES: reason_codes(study, data, explainers)}
    return explainers, metrics, profiles


def _check_asked(study: Study, data: Data) -> None:
    """Refuse a target, an output or a fill that these data do not have."""
    if study.fill not in ("auto", *data.space.fills):
        raise problem(study, "fill", f"found '{study.fill}': {nearest(study.fill, ['auto', *data.space.fills])}")
    if study.target is not None and study.target not in data.classes:
        found = ", ".join(data.classes) or "none, this is a regression"
        raise problem(study, "target", f"found '{study.target}', which is no class. The classes: {found}")
    if data.task == "regression" and study.output != "native":
        raise problem(study, "output", f"found '{study.output}', but a regression has values only. Allowed: native")


def _check_kind(study: Study, i: int, kind: str, params: Mapping[str, Any]) -> None:
    try:
        recipe = KINDS[kind]
    except UnknownName as error:
        raise problem(study, f"models[{i}].kind", str(error)) from error
    try:
        recipe.check(params)
    except XaiCompareError as error:
        raise problem(study, f"models[{i}].params", str(error)) from error


def _check_drop(study: Study, i: int, data: Data) -> None:
    if study.models[i].drop and not data.space.columns:
        raise problem(study, f"models[{i}].drop", f"names columns of a table, and '{study.data.source}' holds {data.space.modality} data")
    try:
        without(data, study.models[i].drop)
    except XaiCompareError as error:
        raise problem(study, f"models[{i}].drop", str(error)) from error


def _plugins(study: Study, given: Mapping[str, Given] = MappingProxyType({})) -> _Plugged:
    chosen = {} if given and study.explainers == () else _chosen(study, "explainers", study.explainers, EXPLAINERS)
    if twice := sorted(set(given) & set(chosen)):
        raise problem(study, "explainers", f"'{twice[0]}' is the name of attributions that are given too: give them another")
    explainers: dict[str, Any] = {**given, **chosen}
    control = next(name for name in EXPLAINERS if EXPLAINERS[name].control)
    # The control is in every study, always last.
    explainers[control] = explainers.pop(control, EXPLAINERS[control]())
    if len(explainers) == 1:
        raise problem(study, "explainers", "only the control is left: name at least one explainer")
    metrics, profiles = _chosen(study, "metrics", study.metrics, METRICS), _chosen(study, "profiles", study.profiles, PROFILES)
    for name in profiles:
        if name in metrics:  # a cell is known by one name
            raise problem(study, "profiles", f"'{name}' is the name of a metric of this study too: leave one of them out")
    return explainers, metrics, profiles


_QUESTIONS = ("fidelity", "stability", "simplicity", "agreement", "sanity", "truth")


def _in_order(registry: Registry[Any]) -> list[str]:
    """All plugins as a reader wants them: additive explainers first; metrics by question, the one that leads it first."""

    def place(name: str) -> tuple[bool, int, bool, str]:
        plugin = registry[name]
        question = getattr(plugin, "question", "")
        at = _QUESTIONS.index(question) if question in _QUESTIONS else len(_QUESTIONS)
        return not getattr(plugin, "additive", False), at, not getattr(plugin, "lead", False), name

    return sorted(registry, key=place)


def _chosen(study: Study, key: str, chosen: Any, registry: Registry[Any]) -> dict[str, Any]:
    unasked = [name for name in _in_order(registry) if not getattr(registry[name], "on_request", False)]
    specs = [PluginSpec(name=name) for name in unasked] if chosen == "auto" else list(chosen)
    out: dict[str, Any] = {}
    for i, spec in enumerate(specs):
        try:
            cls = registry[spec.name]
        except UnknownName as error:
            raise problem(study, f"{key}[{i}]", str(error)) from error
        try:
            out[spec.name] = configured(cls, spec.params)
        except XaiCompareError as error:
            raise problem(study, f"{key}[{i}].params", str(error)) from error
    if not out and key != "profiles":
        raise StudyError(f"{study.where}: {key}: the list is empty. Name at least one, or write auto")
    return out
