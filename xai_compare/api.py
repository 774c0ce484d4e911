"""The Python face: `compare` fitted models, `explain` one of them, read and save what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from xai_compare.audit import Audit, Rows
from xai_compare.compare import Comparison
from xai_compare.compare import compare as statistics
from xai_compare.compare.threshold import Known, check, threshold
from xai_compare.config import CompareSpec, DataSpec, PluginSpec, Study, problem, study_from_dict
from xai_compare.data.cases import Cases, cases_of
from xai_compare.data.slices import sliced
from xai_compare.data.tabular import as_frame, as_table, assemble, class_codes, classes_of, grouped, guess_task
from xai_compare.errors import DataError, ModelError, NotApplicable, StudyError, XaiCompareError, nearest
from xai_compare.explainers import EXPLAINERS
from xai_compare.explainers.given import Given, given
from xai_compare.game import Game
from xai_compare.models.adapt import adapt, by_number
from xai_compare.models.modules import Handed
from xai_compare.models.reordered import in_order
from xai_compare.models.transformers import is_pair
from xai_compare.packing import join_attributions
from xai_compare.registry import configured
from xai_compare.results import Results
from xai_compare.run.collect import collect
from xai_compare.run.execute import Watch, execute
from xai_compare.run.manifest import timings
from xai_compare.run.plan import CHUNK, Plan, plan_given, plan_study, targets
from xai_compare.run.store import DiskStore, MemoryStore, Store
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Data, Inputs, IntArray, Model, class_name, take

__all__ = ["Audit", "Rows", "audit_study", "compare", "compared", "explain", "given", "measure", "planned", "run_study"]

# What a study says of data that are in memory already; the rest of `data` tells how to read a file.
_IN_MEMORY = ("background", "explain", "groups", "labels", "slices")


def compare(
    models: Mapping[str, Any],
    X: Inputs,
    y: Any = None,
    *,
    background: Inputs,
    reference: str | None = None,
    random_state: int = 0,
    n_jobs: int = 1,
    study: Mapping[str, Any] | None = None,
    attributions: Mapping[str, Given] | None = None,
) -> Audit:
    """Compare how well fitted models can be explained, on the cases of X.

    Parameters
    ----------
    models : {name: fitted scikit-learn classifier, regressor or pipeline, booster, or a function from rows to outputs}. Classes are
        matched by name, whatever their order; a function, and a booster that only numbers them, takes the order of the first model
        that knows their names, else of y sorted.
    X : DataFrame or array (n, d), the raw columns. At most 150 of its rows are explained, drawn by seed
        (`study={"data": {"explain": 300}}` for more).
    y : (n,) known outcomes. Without them performance and permutation importance are not applicable.
    background : rows that stand for "this feature is not known", usually training rows. Up to 50 are used whole, of more
        50 are drawn by seed (`study={"data": {"background": 100}}`).
    reference : the model that the others are compared with; the first by default.
    random_state : seed of every draw.
    n_jobs : worker processes; 1 stays in this process. More need a script guarded by `if __name__ == "__main__":`.
    study : anything else that a study file can say, by its keys: title, output, explainers, metrics, profiles,
        target, fill, compare, reasons, report. The report shows no value of a case unless `study={"report": {"show_values": True}}` says
        so.
    attributions : {name: `given(...)`} made elsewhere for every row of X; they are compared like those of the study's explainers
        (`study={"explainers": []}` for them alone). What would have to explain again is not applicable to them.

    Returns
    -------
    Audit, with `.gaps.frame()`, `.save(folder)` and a short report in a notebook.

    Raises
    ------
    StudyError, DataError, ModelError
        Bad options, data or models: what was found, what is allowed, what to do. A method that fails only costs its cell.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> import xai_compare as xc
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> models = {"line": LogisticRegression(max_iter=1000).fit(X, y), "tree": DecisionTreeClassifier(random_state=0).fit(X, y)}
    >>> result = xc.compare(models, X, y, background=X, study={"explainers": ["shap"], "data": {"explain": 30}})
    >>> [gap.verdict for gap in result.gaps if gap.metric == "additive_fit" and gap.headline]
    ['worse']
    """
    checked = _study(models, reference, random_state, study)
    data, adapted = _bring(models, X, y, background, checked)
    return _audited(plan_given(checked, data, adapted, _given(attributions)), MemoryStore(), None, n_jobs)


def measure(
    attributions: Mapping[str, Any], model: Any, X: Inputs, y: Any = None, *, background: Inputs, study: Mapping[str, Any] | None = None
) -> Audit:
    """Measure attributions of one model that were made elsewhere, by any tool.

    Parameters
    ----------
    attributions : {method: values of every row of X}: an array (n, d), or (n, d, k) for every class, or a `shap.Explanation`, signed and
        in the space in which the model adds up (margin, probability or value). Anything else, and the class that values (n, d) of
        a classifier explain, is said by `given({"model": values}, output=..., target=...)` in place of the values.
    background, y, study : as in `compare`. All rows of X are measured unless `study={"data": {"explain": 150}}` says otherwise.

    Returns
    -------
    Audit; `.scores.frame()` has one row per method, metric and case, `.skills.frame()` the means with intervals, `.gaps.frame()` how the
    methods differ.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> import xai_compare as xc
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = LinearRegression().fit(X, y)
    >>> some = X.head(40)
    >>> exact, blunt = model.coef_ * (some - some.mean()), model.coef_ + 0 * some
    >>> found = xc.measure({"exact": exact, "blunt": blunt}, model, some, background=some)
    >>> fit = found.skills.frame().query("metric == 'additive_fit' and part == ''").set_index("explainer").skill_estimate
    >>> bool(fit["exact"] > 0.99 > fit["blunt"])
    True
    """
    if not isinstance(attributions, Mapping) or not attributions:
        raise DataError("give a mapping from the names of methods to their attributions")
    options: dict[str, Any] = {"explainers": [], "profiles": [], **(study or {})}
    options["data"] = {"explain": max(len(X), 1), **options.get("data", {})}
    checked = _study({"model": model}, None, 0, options)
    data, adapted = _bring({"model": model}, X, y, background, checked)
    output = checked.output if checked.output != "native" else adapted["model"].native
    brought = {name: one if isinstance(one, Given) else given({"model": one}, output=output) for name, one in attributions.items()}
    return _audited(plan_given(checked, data, adapted, brought), MemoryStore(), None, 1)


def _given(attributions: Mapping[str, Given] | None) -> Mapping[str, Given]:
    for name, one in (attributions or {}).items():
        if not isinstance(one, Given):
            raise DataError(f"attributions: '{name}' is a {type(one).__name__}: wrap it, as in given({{model: values}}, output='margin')")
    return attributions or {}


def explain(
    model: Any,
    X: Inputs,
    method: str | Mapping[str, Any] = "shap",
    *,
    background: Inputs,
    y: Any = None,
    target: str | None = None,
    random_state: int = 0,
) -> Attribution:
    """Explain every row of X by one method, in the model's own space (margin, probability or value).

    Parameters
    ----------
    method : a registered explainer (`xai-compare list explainers`), or as in a study file with its parameters:
        {"name": "lime", "params": {"samples": 1000}}.
    target : the explained class; by default, for each row, the class that the model predicts.
    Others as in `compare`.

    Returns
    -------
    Attribution with values (n, d).

    Raises
    ------
    UnknownName
        For a method that is not registered.
    ModelError
        If the method does not fit the model, with the reason.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> import xai_compare as xc
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> found = xc.explain(LinearRegression().fit(X, y), X.head(3), background=X)
    >>> found.values.shape, found.about["algorithm"]
    ((3, 10), 'linear')
    """
    try:
        spec = PluginSpec.model_validate(method)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StudyError(
            f"method: {'.'.join(map(str, first['loc'])) or method!r}: {first['msg']}. Give a name, or name and params"
        ) from error
    made = configured(EXPLAINERS[spec.name], spec.params)
    options = {"target": target, "data": {"explain": len(X)}}
    checked = _study({"model": model}, None, random_state, options)
    data, models = _bring({"model": model}, X, y, background, checked)
    streams = Streams(random_state).at("explain", spec.name)
    chunks = [np.arange(len(X))] if made.scope == "model" else np.array_split(np.arange(len(X)), range(CHUNK, len(X), CHUNK))
    try:
        return join_attributions([made(_game(models["model"], data, cases, checked), streams) for cases in chunks])
    except NotApplicable as reason:
        raise ModelError(f"{spec.name} does not fit this model: {reason}") from reason
    except XaiCompareError:
        raise
    except Exception as error:  # the model, or the method, may raise anything
        raise ModelError(f"{spec.name} failed on this model: {type(error).__name__}: {error}") from error


def _game(model: Model, data: Data, cases: IntArray, study: Study) -> Game:
    inputs = take(data.test.inputs, cases)
    if study.target is not None and study.target not in data.classes:
        raise DataError(f"target '{study.target}' is no class. The classes: {', '.join(data.classes) or 'none, this is a regression'}")
    target = targets(data, study.target, len(cases), lambda: model.decide(inputs))
    return Game(model, data, inputs, cases, target, model.native)


def run_study(
    study: Study,
    folder: Path,
    *,
    jobs: int = 1,
    fresh: bool = False,
    watch: Watch | None = None,
    pins: Sequence[str] = (),
    fail_on: Sequence[str] = (),
) -> Audit:
    """Run a study file's plan with its journal under `folder`, and write the report there.

    pins : "sha256:..." of model files that may run code when they are loaded. fail_on : expressions for `Audit.breaches`; names that
    the study cannot have are an error before anything runs.

    A finished study computes nothing again; an interrupted one goes on where it stopped.
    """
    asked = [threshold(text) for text in fail_on]
    plan = planned(study, pins)
    check(asked, _known(plan))
    audit = audit_study(plan, folder, jobs=jobs, fresh=fresh, watch=watch)
    audit.save(folder)
    return audit


def audit_study(plan: Plan, folder: Path, *, jobs: int = 1, fresh: bool = False, watch: Watch | None = None) -> Audit:
    """Run a study's plan with its journal under `folder`, and write no report."""
    store = DiskStore(folder / "store", fresh=fresh)
    try:
        return _audited(plan, store, watch, jobs)
    finally:
        store.close()


def planned(study: Study, pins: Sequence[str] = ()) -> Plan:
    """The plan of a study file, and everything it names checked: the sections of its report too, which no job needs.

    Raises
    ------
    StudyError, DataError
        As `xai_compare.run.plan.plan_study`, and for a section that there is not.
    """
    _check_sections(study)
    return plan_study(study, pins)


def _check_sections(study: Study) -> None:
    """The sections that a study asks for, before anything runs."""
    from xai_compare.report.sections import SECTIONS

    for place, name in enumerate(() if study.report.sections == "auto" else study.report.sections):
        if name not in SECTIONS:
            raise problem(study, f"report.sections[{place}]", f"unknown section '{name}': {nearest(name, SECTIONS)}")


def _known(plan: Plan) -> Known:
    """What thresholds may name of a study that has not run; which scores there will be is not known yet."""
    metrics = {name: (metric.question, metric.lead, metric.scope) for name, metric in plan.metrics.items()}
    return Known(tuple(plan.models), plan.reference, tuple(plan.explainers), metrics)


def _audited(plan: Plan, store: Store, watch: Watch | None, jobs: int) -> Audit:
    finished = execute(plan, store, watch, jobs)
    results = collect(finished)
    return Audit(results, compared(results, plan.study.compare, plan.study.seed), timings(finished))


def compared(results: Results, spec: CompareSpec, seed: int) -> Comparison:
    """The statistics that a study asks for."""
    tolerance = {str(question): value for question, value in spec.tolerance.items()}
    return statistics(results, level=spec.level, tolerance=tolerance, seed=seed, pairings=spec.pairings)


def _study(models: Mapping[str, Any], reference: str | None, seed: int, options: Mapping[str, Any] | None) -> Study:
    if not isinstance(models, Mapping):
        raise ModelError(f"models is a {type(models).__name__}: give a mapping from names to fitted models")
    if reference is not None and reference not in models:
        raise ModelError(f"reference '{reference}' is none of the models: {', '.join(map(str, models))}")
    if odd := [name for name in models if not isinstance(name, str) or name != name.strip() or not name]:
        raise ModelError(f"model name {odd[0]!r}: names must be text without blanks at their ends")
    if options is not None and not isinstance(options, Mapping):
        raise StudyError(f"study is a {type(options).__name__}: give a mapping with the keys of a study file")
    given = dict(options or {})
    own = {"models", "seed"} & set(given)
    if own:
        raise ModelError(f"study: '{sorted(own)[0]}' comes from the arguments of this call; leave it out")
    specs = [{"name": name, "kind": "given", "reference": name == (reference or next(iter(models)))} for name in models]
    data = given.pop("data", {})
    if isinstance(data, Mapping):
        if other := [key for key in data if key in DataSpec.model_fields and key not in _IN_MEMORY]:
            raise StudyError(f"study: data.{other[0]} is for files: X is taken as it is. Allowed: {', '.join(_IN_MEMORY)}")
        data = {"source": "python", **data}
    checked = study_from_dict({"data": data, "models": specs, "seed": int(seed), **given}, where="study")
    _check_sections(checked)
    return checked


def _bring(models: Mapping[str, Any], X: Any, y: Any, background: Any, study: Study) -> tuple[Data, dict[str, Model]]:
    """Data and adapted models: the same features, the same classes in the same order for all."""
    brought, as_array = cases_of(X), not hasattr(X, "columns")
    if brought is None:
        held = as_frame(X, _names_for(models, X, background) if as_array else None, "X")
        known = as_frame(background, list(held.columns), "background")
    else:
        held = brought.inputs
        known = background.inputs if isinstance(background, Cases) else brought.checked(background, "background")
    sample = take(known, np.arange(min(len(known), 50)))
    alone, labels = y is None and len(models) == 1, study.data.labels
    fitted = {name: adapt(name, model, sample, labels=labels) for name, model in models.items() if _says_its_classes(model, alone)}
    classes = _classes(fitted, y, labels)
    # A plain function does not say what its outputs are, and a booster may only number them: the fitted models or y do.
    adapted = {
        name: in_order(adapt(name, fitted.get(name, model), sample, classes, as_array, labels), classes) for name, model in models.items()
    }
    task = next(iter(adapted.values())).task
    for name, model in adapted.items():
        if model.task != task or (task == "classification" and model.outputs != tuple(classes)):
            raise ModelError(
                f"model '{name}' predicts {model.task} of {', '.join(model.outputs)}; the others {task} of {', '.join(classes)}"
            )
    test, train = as_table(held, None if y is None else _outcomes(y, classes, labels)), as_table(known, None)
    sizes = (study.data.background, study.data.explain)
    about: dict[str, Any] = {"source": "in memory", "rows": len(held), "public": False}
    data = assemble(train, test, task, classes, sizes, Streams(study.seed).at("data"), None if brought is None else brought.space)
    if brought is not None:
        if study.data.groups or study.data.slices:
            raise StudyError("study: data.groups and data.slices name columns of a table, and X is none")
        return replace(data, about=about), adapted
    about["columns"] = len(held.columns)
    return replace(grouped(data, study.data.groups), about=about, slices=sliced(held, study.data.slices, "X")), adapted


def _says_its_classes(model: Any, alone: bool) -> bool:
    """Whether a model is asked for the names of its classes: what was fitted, a model of transformers with its tokenizer, and a module
    that was handed over with them, or alone."""
    return hasattr(model, "predict") or is_pair(model) or (isinstance(model, Handed) and (alone or bool(model.classes)))


def _outcomes(y: Any, classes: Sequence[str], labels: Mapping[str, str]) -> npt.NDArray[Any]:
    """(n,) known outcomes as positions in `classes`, or as floats where there are none."""
    values = np.asarray(y)
    if values.ndim != 1:
        raise DataError(f"y must have one value for each row of X, found shape {values.shape}")
    if classes:
        return class_codes(np.array([labels.get(class_name(one), one) for one in values.tolist()], dtype=object), classes)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"y holds values that are no numbers, but the models predict numbers: {error}") from error
    if rows := np.flatnonzero(~np.isfinite(numbers)).tolist():
        raise DataError(f"y is missing or infinite in {len(rows)} rows, first in row {rows[0]}. Remove them, or leave y out")
    return numbers


def _names_for(models: Mapping[str, Any], X: Inputs, background: Inputs) -> list[str] | None:
    """Column names for a bare array, from the background or from a model that was fitted with as many."""
    width = np.shape(X)[1] if np.ndim(X) == 2 else -1
    for names in (getattr(background, "columns", None), *(getattr(model, "feature_names_in_", None) for model in models.values())):
        if names is not None and len(names) == width:
            return [str(name) for name in names]
    return None


def _classes(fitted: Mapping[str, Model], y: Any, labels: Mapping[str, str]) -> Sequence[str]:
    """The names of the classes: of a model that knows them, else of y, else a booster's numbers; those that the study gives them."""
    found = [labels.get(name, name) for name in _own_classes(fitted, y)]
    if labels and sorted(found) != sorted(labels.values()):
        said = f"the classes are {', '.join(found)}" if found else "what is predicted is a number"
        raise DataError(f"study: data.labels names {', '.join(labels.values())} (for {', '.join(labels)}), and {said}")
    return found


def _own_classes(fitted: Mapping[str, Model], y: Any) -> Sequence[str]:
    for model in fitted.values():
        if not by_number(model):
            return model.outputs if model.task == "classification" else ()
    numbers = next((model.outputs for model in fitted.values()), ())
    if y is None:
        return numbers
    labels = np.asarray(y)
    named = classes_of(labels) if numbers or guess_task(labels) == "classification" else ()
    return numbers if set(named) <= set(numbers) else named
