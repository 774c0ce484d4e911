"""A made-up but coherent run: results whose numbers follow from one small simulation, and the statistics on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xai_compare.compare import AgreementRow, Comparison, GapRow, Interval, PerformanceRow, SkillRow
from xai_compare.results import CaseFacts, Cell, MethodFacts, MetricFacts, ModelFacts, Results
from xai_compare.types import Array, Attribution

N, D = 40, 12
MODELS = (("logistic", "logistic_regression", "margin"), ("forest", "random_forest", "probability"), ("network", "mlp", "margin"))
FEATURES = ("duration in months", "credit amount", "age", "savings", "checking account", "purpose", "employment since", "housing")
FEATURES += ("other debtors", "property", "existing credits", "telephone")
EXPLAINED = {"logistic": 1.0, "forest": 0.90, "network": 0.95}
LOSS = {"shap": 0.0, "lime": 0.06, "permutation_importance": 0.55, "integrated_gradients": 0.01, "random": 0.87}
NOT_OPEN = "the model offers no gradient: it can be asked but not opened"
HOSTILE = '<img src=x onerror="window.__pwn=1"></script>{{ 7*7 }}\u202e$x$ javascript:alert(1)'


@dataclass(frozen=True)
class Made:
    """What a run produced and what was computed from it."""

    results: Results
    comparison: Comparison


METHODS = (
    MethodFacts("shap", "SHAP", "Lundberg and Lee 2017", True, "case", False, {"algorithm": "auto", "budget": None}),
    MethodFacts("lime", "LIME", "Ribeiro et al. 2016", True, "case", False, {"samples": 1000}),
    MethodFacts("permutation_importance", "permutation importance", "Breiman 2001", False, "model", False, {"repeats": 5}),
    MethodFacts("integrated_gradients", "integrated gradients", "Sundararajan et al. 2017", True, "case", False, {"steps": 64}),
    MethodFacts("random", "random numbers", "", True, "case", True, {}),
)

METRICS = (
    MetricFacts("additive_fit", "additive fit", "fidelity", "higher", "0 to 1", "2 m model rows per case", "", "method", True),
    MetricFacts("input_stability", "input stability", "stability", "higher", "0 to 1", "5 explanations per case", "", "method", True),
    MetricFacts("features_needed", "features needed", "simplicity", "lower", "1 to d + 1", "no new model rows", "", "method", True),
    MetricFacts("agreement", "sign agreement", "agreement", "higher", "0 to 1", "none", "Krishna et al. 2022", "methods", True),
)


def made(task: str = "classification", hostile: bool = False, shown: bool = True) -> Made:
    """Three models, five methods, twelve features, forty cases. `hostile` puts markup into every name and value."""
    bad = HOSTILE if hostile else ""
    names = {model: f"{model}{bad}" for model, _, _ in MODELS}
    attributions = _attributions(task, names)
    cells = _cells(names)
    results = Results(
        title=f"German credit: three models{bad}",
        study={"seed": 0, "output": "native", "explainers": ["shap", "lime"], "compare": {"level": 0.95, "tolerance": {"fidelity": 0.02}}},
        task="classification" if task == "classification" else "regression",
        features=tuple(f"{name}{bad}" for name in FEATURES),
        kinds=("numeric",) * 4 + ("categorical",) * (D - 4),
        classes=(f"good{bad}", f"bad{bad}") if task == "classification" else (),
        data={"source": f"synthetic:credit{bad}", "rows": 1000, "background": {"rows": 50, "sha256": "0" * 64}, "test share": 0.3},
        models=tuple(
            ModelFacts(names[m], kind, _space(task, space), m == "logistic", True, {"parameters": 21 + i})
            for i, (m, kind, space) in enumerate(MODELS)
        ),
        methods=METHODS,
        metrics=METRICS,
        cells=cells,
        cases=_cases(task, names, attributions, bad if hostile else None, shown),
        attributions=attributions,
        scores={},
        limits=("the background's mean prediction of forest differs from the data's by 0.04",),
        provenance={
            "command": "xai-compare run credit.yaml",
            "seed": 0,
            "versions": {"numpy": "2.4", "scikit-learn": "1.9"},
            "data": {"sha256": "ab" * 32},
        },
    )
    return Made(results, _comparison(names, task))


def _space(task: str, space: str) -> Any:
    return space if task == "classification" else "value"


def _rng(*names: object) -> np.random.Generator:
    return np.random.default_rng([sum(map(ord, str(name))) for name in names])


def _attributions(task: str, names: dict[str, str]) -> dict[tuple[str, str], Attribution]:
    found = {}
    weight = np.array([1.2, -0.9, 0.5, -0.4, 0.8, 0.2, -0.15, 0.1, 0.05, -0.05, 0.02, 0.01])
    x = _rng("x").normal(size=(N, D))
    for model, _, space in MODELS:
        scale = 0.08 if space == "probability" and task == "classification" else 1.0
        truth = scale * (weight + 0.25 * _rng(model).normal(size=D)) * x
        for method in METHODS:
            if method.name == "integrated_gradients" and model != "network":
                continue
            noise = {"lime": 0.15, "random": 3.0}.get(method.name, 0.0) * scale
            values = truth + noise * _rng(model, method.name).normal(size=(N, D))
            if method.scope == "model":
                values = np.tile(np.abs(truth).mean(axis=0), (N, 1))
            additive = method.name in ("shap", "integrated_gradients")
            base = np.full(N, 0.3 if scale < 1 else -0.2) if additive else None
            found[names[model], method.name] = Attribution(
                values, np.ones(N, dtype=np.int64), _space(task, space), base, method.signed, method.scope, additive
            )
    return found


def _cases(task: str, names: dict[str, str], attributions: dict[tuple[str, str], Attribution], bad: str | None, shown: bool) -> CaseFacts:
    outputs, base, predicted, probability = {}, {}, {}, {}
    for model, _, space in MODELS:
        made = attributions[names[model], "shap"]
        assert made.base is not None
        base[names[model]] = made.base
        output = outputs[names[model]] = made.base + made.values.sum(axis=1)
        chance = np.clip(output, 0.01, 0.99) if space == "probability" else 1 / (1 + np.exp(-output))
        predicted[names[model]] = (chance > 0.5).astype(float) if task == "classification" else output
        if task == "classification":
            probability[names[model]] = chance
    values = tuple(tuple(f"{7 * i + j}{bad or ''}" for j in range(D)) for i in range(N)) if shown else None
    ids = tuple(f"{bad or 'row '}{i}" for i in range(N))
    y: Any = (_rng("y").random(N) > 0.5).astype(int) if task == "classification" else _rng("y").normal(size=N)
    target = np.ones(N, dtype=np.int64) if task == "classification" else np.zeros(N, dtype=np.int64)
    return CaseFacts(ids, target, y, values, outputs, base, predicted, probability)


def _cells(names: dict[str, str]) -> tuple[Cell, ...]:
    cells = []
    for model, name in names.items():
        for method in METHODS:
            closed = method.name == "integrated_gradients" and model != "network"
            for metric in ("", "additive_fit", "input_stability", "features_needed"):
                status: Any = "not_applicable" if closed else "ok"
                cells.append(Cell(name, method.name, metric, status, NOT_OPEN if closed else ""))
    return (*cells, Cell(names["forest"], "lime", "seed_stability", "failed", "LinAlgError: singular matrix in the local fit"))


def span(values: Array, p: float | None = None) -> Interval:
    """Mean with a normal interval; enough for a page."""
    half = 1.96 * float(np.std(values, ddof=1)) / np.sqrt(len(values))
    mean = float(np.mean(values))
    if half == 0:
        return Interval(mean, None, None, len(values), "all equal", p)
    return Interval(mean, mean - half, mean + half, len(values), "bootstrap-t", p)


def _fit(model: str, method: str) -> dict[str, Array]:
    """Per-case parts of the decomposition: they sum to one."""
    draw = _rng(model, method, "fit").normal(size=(2, N))
    beyond = np.clip(1 - EXPLAINED[model] + 0.02 * draw[0], 0, 1) if EXPLAINED[model] < 1 else np.zeros(N)
    lost = LOSS[method] + (0.01 if method in ("shap", "integrated_gradients") else 0.05) * draw[1] - (0.004 if method == "shap" else 0)
    return {
        "": 1 - beyond - lost,
        "lost_by_method": lost,
        "beyond_additive": beyond,
        "attainable": 1 - beyond,
        "size_alone": np.full(N, 0.4),
    }


def _comparison(names: dict[str, str], task: str) -> Comparison:
    return Comparison(0.95, _skills(names), _gaps(names), _agreement(names), _performance(names, task), _agree(names, task))


def _agree(names: dict[str, str], task: str) -> dict[str, Interval]:
    if task == "regression":
        return {}
    return {names[m]: span((_rng(m, "same").random(N) < 0.9).astype(float)) for m in ("forest", "network")}


def _skills(names: dict[str, str]) -> tuple[SkillRow, ...]:
    rows = []
    for model, name in names.items():
        for method in METHODS:
            if method.name == "integrated_gradients" and model != "network":
                continue
            for part, values in _fit(model, method.name).items():
                skill = span(values) if part == "" else None
                rows.append(
                    SkillRow(
                        name,
                        method.name,
                        "additive_fit",
                        part,
                        span(values),
                        0.04 if part == "" else None,
                        1.0 if part == "" else None,
                        skill,
                    )
                )
            missing = {"no neighbour": 2} if model == "forest" else {}
            stable = np.clip(1 - LOSS[method.name] - 0.1 * _rng(model, method.name, "s").random(N), 0, 1)
            rows.append(SkillRow(name, method.name, "input_stability", "", span(stable), 0.01, 1.0, span(stable), missing))
            needed = 4 + 8 * LOSS[method.name] + _rng(model, method.name, "n").normal(size=N)
            rows.append(SkillRow(name, method.name, "features_needed", "", span(needed), 13.0, 1.0, span((13 - needed) / 12), {}))
    return tuple(rows)


def _gaps(names: dict[str, str]) -> tuple[GapRow, ...]:
    rows = []
    for a in ("forest", "network"):
        for metric in METRICS:
            draw = 0.03 * _rng(a, metric.name, "gap").normal(size=N)
            shift = {"additive_fit": EXPLAINED[a] - 1, "input_stability": -0.05 if a == "forest" else 0.0, "features_needed": 0.04}.get(
                metric.name, 0.0
            )
            for explainer, pairing in (("shap", "same_method"), ("lime", "same_method"))[: 1 if metric.scope == "methods" else 2]:
                gap = span(shift + draw + (0.05 * _rng(a, explainer, metric.name).normal(size=N) if explainer == "lime" else 0), 0.0004)
                rows.append(_gap_row(names, a, metric, explainer, pairing, gap))
    methods = [
        GapRow(
            "methods",
            "fidelity",
            "additive_fit",
            "",
            names[m],
            "",
            "lime",
            "shap",
            span(_fit(m, "lime")[""] - _fit(m, "shap")[""], 0.0),
            None,
            "worse",
            None,
            "not assessed",
        )
        for m in names
    ]
    return (*rows, *methods)


def _gap_row(names: dict[str, str], a: str, metric: MetricFacts, explainer: str, pairing: str, gap: Interval) -> GapRow:
    told = gap.low is not None and gap.high is not None and (gap.low > 0 or gap.high < 0)
    verdict: Any = "cannot be told apart" if not told else "better" if (gap.estimate or 0) > 0 else "worse"
    lead = explainer == "shap"
    tolerance = 0.02 if metric.name == "additive_fit" else None
    disposition: Any = "not assessed" if tolerance is None else "pass" if (gap.low or 0) > -tolerance else "review"
    method = "all signed methods" if metric.scope == "methods" else explainer
    p = 0.0012 if told else 0.41
    return GapRow(
        "models",
        metric.question,
        metric.name,
        pairing,
        "",
        method,
        names[a],
        names["logistic"],
        gap,
        p if lead else None,
        verdict,
        tolerance,
        disposition,
        lead,
    )


def _agreement(names: dict[str, str]) -> tuple[AgreementRow, ...]:
    rows = []
    for model, name in names.items():
        ran = ["shap", "lime", *(["integrated_gradients"] if model == "network" else []), "random"]
        for i, a in enumerate(ran):
            for b in ran[i + 1 :]:
                level = 0.0 if b == "random" else 0.7
                for measure in ("sign", "feature", "similarity"):
                    values = np.clip(level + 0.1 * _rng(model, a, b, measure).normal(size=N), -1, 1)
                    rows.append(AgreementRow(name, a, b, measure, span(values), 0.17, span(values)))
    return tuple(rows)


def _performance(names: dict[str, str], task: str) -> tuple[PerformanceRow, ...]:
    rows = []
    scores: Any = (("ROC-AUC", "higher", 0.79), ("F1", "higher", 0.62), ("Brier", "lower", 0.17))
    if task == "regression":
        scores = (("R2", "higher", 0.71), ("RMSE", "lower", 3120.4))
    for score, better, level in scores:
        for place, model in enumerate(names):
            value = Interval(level * (1 + 0.004 * place), level * 0.93, level * 1.07, 171, "resampled predictions")
            difference = Interval(0.004 * place * level, -0.02 * level, 0.03 * level, 171, "resampled predictions", 0.6) if place else None
            rows.append(PerformanceRow(names[model], score, "test", better, value, difference))
            shift = Interval(0.05 * level, 0.01 * level, 0.09 * level, 171, "resampled predictions")
            rows.append(PerformanceRow(names[model], score, "train - test", better, shift, None))
    return tuple(rows)


def with_gap(source: Made, index: int, **changes: Any) -> Made:
    """The same run with one gap changed."""
    gaps = list(source.comparison.gaps)
    gaps[index] = replace(gaps[index], **changes)
    return replace(source, comparison=replace(source.comparison, gaps=tuple(gaps)))


__all__ = ["FEATURES", "HOSTILE", "METHODS", "METRICS", "MODELS", "NOT_OPEN", "Made", "made", "span", "with_gap"]
