"""A made-up but coherent run: results whose numbers follow from one small simulation, and the statistics on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xai_compare.compare import (
    AgreementRow,
    Comparison,
    CurveRow,
    DrivingRow,
    GapRow,
    Interval,
    PerformanceRow,
    SkillRow,
    SliceRow,
    SpreadRow,
)
from xai_compare.compare.importance import importance_rows
from xai_compare.results import CaseFacts, Cell, MethodFacts, MetricFacts, ModelFacts, ProfileFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution, FeatureCurve, Profile

N, D = 40, 12
MODELS = (("logistic", "logistic_regression", "margin"), ("forest", "random_forest", "probability"), ("network", "mlp", "margin"))
FEATURES = ("duration in months", "credit amount", "age", "savings", "checking account", "purpose", "employment since", "housing")
FEATURES += ("other debtors", "property", "existing credits", "telephone")
EXPLAINED = {"logistic": 1.0, "forest": 0.90, "network": 0.95}
LOSS = {"shap": 0.0, "lime": 0.06, "permutation_importance": 0.55, "integrated_gradients": 0.01, "random": 0.87}
NOT_OPEN = "the model offers no gradient: it can be asked but not opened"
HOSTILE = '<img src=x onerror="window.__pwn=1"></script>{{ 7*7 }}\u202e$x$ javascript:alert(1) ]]><!--'


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

TAKEN = "not among the cases from which features are taken away one by one"
STEPS = D
REMOVAL = "about 2 (d - 1) background model rows per case"

METRICS = (
    MetricFacts("additive_fit", "additive fit", "fidelity", "higher", "0 to 1", "2 m model rows per case", "", "method", True),
    MetricFacts("input_stability", "input stability", "stability", "higher", "0 to 1", "5 explanations per case", "", "method", True),
    MetricFacts("features_needed", "features needed", "simplicity", "lower", "1 to d + 1", "no new model rows", "", "method", True),
    MetricFacts("ordering", "ordering of features", "fidelity", "higher", "-1 to 1", REMOVAL, "Samek et al. 2017", "method", False),
    MetricFacts("ordering_abs", "ordering by strength", "fidelity", "higher", "-1 to 1", REMOVAL, "Samek et al. 2017", "method", False),
    MetricFacts("comprehensiveness", "comprehensiveness", "fidelity", "higher", "-1 to 1", "none", "", "method", False),
    MetricFacts("sufficiency", "sufficiency", "fidelity", "lower", "-1 to 1", "none", "", "method", False),
    MetricFacts("completeness", "completeness error", "fidelity", "lower", "0 to 1", "none", "", "method", False),
    MetricFacts("seed_stability", "stability over seeds", "stability", "higher", "0 to 1", "3 explanations per case", "", "method", False),
    MetricFacts("background_stability", "stability over backgrounds", "stability", "higher", "0 to 1", "3 more", "", "method", False),
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
        profiled=PROFILED,
        profiles=_profiles(task, names, bad, shown),
        limits=("the background's mean prediction of forest differs from the data's by 0.04",),
        provenance={
            "command": "xai-compare run credit.yaml",
            "seed": 0,
            "versions": {"numpy": "2.4", "scikit-learn": "1.9"},
            "data": {"sha256": "ab" * 32},
        },
    )
    return Made(results, replace(_comparison(names, task), importance=importance_rows(results, 0.95, Streams(0))))


def _space(task: str, space: str) -> Any:
    return space if task == "classification" else "value"


PROFILED = (
    ProfileFacts("ale", "Accumulated local effects", "Apley & Zhu 2020", "2 model rows per row", "steps added up", {"bins": 20}),
    ProfileFacts("partial_dependence", "Partial dependence", "Friedman 2001", "1 model row per row and value", "the mean output", {}),
)


def _profiles(task: str, names: dict[str, str], bad: str, shown: bool) -> dict[tuple[str, str], Profile]:
    """Straight lines for the numbers, three levels for the categories; the more a feature weighs the steeper."""
    found = {}
    output: Any = "probability" if task == "classification" else "value"
    for place, name in enumerate(names.values()):
        curves = []
        for j, feature in enumerate(FEATURES):
            grid = np.linspace(0, 1, 21) if not shown else 7.0 * np.arange(21)
            grid, levels = (grid, ()) if j < 4 else (np.arange(3.0), tuple(f"level {i}{bad}" for i in range(3)))
            curve = (0.2 - 0.01 * j + 0.02 * place) * np.linspace(-1, 1, len(grid))
            share, quantiles = np.full(len(grid), 1 / len(grid)), grid if not levels else np.empty(0)
            sides = (curve, curve - 0.03, curve + 0.02, share, quantiles)
            kind = "categorical" if levels else "numeric"
            curves.append(FeatureCurve(feature + bad, kind, grid, levels, *sides, n=100, missing=3 * (j == 1), ranked=not shown))
        levelled = {curve.feature: "its levels have no distance from each other" for curve in curves[4:]}
        target = 0 if task == "regression" else 1
        found[name, "ale"] = Profile(tuple(curves[:4]), output, target, 0.95, levelled, 900)
        found[name, "partial_dependence"] = Profile(tuple(curves), output, target, 0.95, {}, 3000)
    return found


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
    rows = (_skills(names), _gaps(names, task), _agreement(names), _performance(names, task), _agree(names, task))
    return Comparison(0.95, *rows, curves=_curves(names), slices=_slices(names), spread=_spread(names), driving=_driving(names))


def _driving(names: dict[str, str]) -> tuple[DrivingRow, ...]:
    """The gaps of the other models by SHAP, case by case."""
    first, *others = (_fit(model, "shap")[""] for model, _, _ in MODELS)
    a, *rest = names.values()
    return tuple(DrivingRow("additive_fit", b, a, own, first, (own - first) / 0.96) for b, own in zip(rest, others, strict=True))


def _slices(names: dict[str, str]) -> tuple[SliceRow, ...]:
    """Two groups with numbers, of which one is explained worse by forest, and one that is too small."""
    rows = [SliceRow("suppressed", "age", "80 and over")]
    for label, low in (("under 30", -0.2), ("30 to under 80", 0.1)):
        for model in names.values():
            apart = Interval(low, low - 0.05, low + 0.05, 35, "bootstrap-t", 0.01)
            level = apart if model == names["forest"] else Interval(0.0, -0.1, 0.1, 35, "bootstrap-t", 1.0)
            rows.append(
                SliceRow("skill", "age", label, model, "shap", "additive_fit", "", Interval(0.7, 0.6, 0.8, 35, "bootstrap-t"), level)
            )
            rows.append(SliceRow("predicted", "age", label, model, value=Interval(0.4, 0.3, 0.5, 35, "Wilson"), difference=level))
        gap = Interval(-0.1, -0.2, -0.01, 35, "bootstrap-t", 0.03)
        rows.append(SliceRow("gap", "age", label, names["forest"], "", "additive_fit", names["logistic"], gap, None))
    return tuple(rows)


def _spread(names: dict[str, str]) -> tuple[SpreadRow, ...]:
    own = names["forest"], names["logistic"]
    return (
        SpreadRow("additive_fit", "best_method", "", *own, "background draw", (-0.1, -0.12, -0.09, -0.11), 0.0129, -0.2, -0.02),
        SpreadRow("additive_fit", "best_method", "", *own, "training seed", (-0.1, -0.3), 0.1414, None, None),
    )


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
            rows.append(SkillRow(name, method.name, "input_stability", "output_changed", span(0.5 + stable / 4), None, None, None))
            needed = 4 + 8 * LOSS[method.name] + _rng(model, method.name, "n").normal(size=N)
            rows.append(SkillRow(name, method.name, "features_needed", "", span(needed), 13.0, 1.0, span((13 - needed) / 12), {}))
            rows += _more_skills(name, model, method)
    return tuple(rows)


def _more_skills(name: str, model: str, method: MethodFacts) -> list[SkillRow]:
    """Scores of the metrics that do not lead; some of them take some of the cases only."""
    draw = 0.05 * _rng(model, method.name, "more").normal(size=N)
    knows = 1 - LOSS[method.name]
    rows = []
    for metric in ("ordering", "ordering_abs"):
        if method.signed or metric == "ordering_abs":
            area = 0.3 * (knows - 0.13) + draw[:10]
            rows.append(SkillRow(name, method.name, metric, "", span(area), 0.0, 0.35, span(area / 0.35), {TAKEN: N - 10}))
    for metric, level in (("comprehensiveness", 0.3 * knows), ("sufficiency", 0.4 - 0.2 * knows)):
        rows.append(SkillRow(name, method.name, metric, "", span(level + draw[:10]), None, None, None, {TAKEN: N - 10}))
    if method.name in ("shap", "integrated_gradients"):
        rows.append(SkillRow(name, method.name, "completeness", "", span(np.abs(draw) / 100), None, None, None))
    for metric in ("seed_stability", "background_stability"):
        again = np.clip(knows + draw, 0, 1)[10:]
        few = {"not among the 30 cases that this metric takes": 10}
        rows.append(SkillRow(name, method.name, metric, "", span(again), 0.1, 1.0, span((again - 0.1) / 0.9), few))
    return rows


def _curves(names: dict[str, str]) -> tuple[CurveRow, ...]:
    """From 0.9 to 0.5: down at once and down late, by a method more than by the control; the best pair is the model's own."""
    rows = []
    for model, name in names.items():
        for metric in ("ordering", "ordering_abs"):
            for method in METHODS:
                ran = method.name != "integrated_gradients" or model == "network"
                if ran and (method.signed or metric == "ordering_abs"):
                    bend = 1.0 - LOSS[method.name]
                    rows.append(CurveRow(name, method.name, metric, "least first", _bent(bend, model)))
                    rows.append(CurveRow(name, method.name, metric, "most first", _bent(-bend, model)))
            rows.append(CurveRow(name, "", metric, "best least first", _bent(1.05, model)))
            rows.append(CurveRow(name, "", metric, "best most first", _bent(-1.05, model)))
    return tuple(rows)


def _bent(bend: float, model: str) -> tuple[Interval, ...]:
    x = np.linspace(0, 1, STEPS + 1)
    noise = 0.05 * _rng(model, "curve").normal(size=(10, 1)) * np.sin(np.pi * x)
    return tuple(span(column) for column in (0.9 - 0.4 * x + 0.3 * bend * np.sin(np.pi * x) + noise).T)


def _gaps(names: dict[str, str], task: str) -> tuple[GapRow, ...]:
    rows: list[GapRow] = []
    asked: list[GapRow] = []
    for a in ("forest", "network"):
        for metric in (metric for metric in METRICS if metric.lead):
            draw = 0.03 * _rng(a, metric.name, "gap").normal(size=N)
            shift = {"additive_fit": EXPLAINED[a] - 1, "input_stability": -0.05 if a == "forest" else 0.0, "features_needed": 0.04}.get(
                metric.name, 0.0
            )
            same = shift + draw, shift + draw + 0.05 * _rng(a, "lime", metric.name).normal(size=N)
            gaps = dict(zip(("shap", "lime"), (span(values, 0.0004) for values in same), strict=True))
            if metric.scope == "methods":
                rows.append(_gap_row(names, a, metric, "all signed methods", "same_method", gaps["shap"]))
                continue
            best = _gap_row(names, a, metric, "", "best_method", gaps["shap"])
            rows += [best, *(_gap_row(names, a, metric, by, "same_method", gap) for by, gap in gaps.items())]
            if metric.name == "additive_fit":
                asked += [_again(best, condition, shift) for condition in CONDITIONS[task]]
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
    return (*rows, *asked, *methods)


CONDITIONS = {"classification": ("predictions agree", "probability", "reference"), "regression": ("reference",)}


def _again(own: GapRow, condition: str, shift: float) -> GapRow:
    """A gap asked again, with the same answer."""
    draw = 0.03 * _rng(own.a, condition).normal(size=N - 4 if condition == "predictions agree" else N)
    changes: Any = {"gap": span(shift + draw, 0.0004), "condition": condition, "headline": False, "p_adjusted": None}
    return replace(own, **changes, tolerance=None, disposition="not assessed")


def _gap_row(names: dict[str, str], a: str, metric: MetricFacts, explainer: str, pairing: str, gap: Interval) -> GapRow:
    told = gap.low is not None and gap.high is not None and (gap.low > 0 or gap.high < 0)
    verdict: Any = "cannot be told apart" if not told else "better" if (gap.estimate or 0) > 0 else "worse"
    lead = pairing == "best_method" or metric.scope == "methods"
    tolerance = 0.02 if metric.name == "additive_fit" else None
    disposition: Any = "not assessed" if tolerance is None else "pass" if (gap.low or 0) > -tolerance else "review"
    p = 0.0012 if told else 0.41
    return GapRow(
        "models",
        metric.question,
        metric.name,
        pairing,
        "",
        explainer,
        names[a],
        names["logistic"],
        gap,
        p if lead else None,
        verdict,
        tolerance,
        disposition,
        lead,
        choices=(("shap", "shap"), ("shap", "shap")) if pairing == "best_method" else None,
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


def with_answer(source: Made, model: str, condition: str, verdict: str, **changes: Any) -> Made:
    """The same run with another answer to a model's fidelity gap: the study's own for condition "", or one under a condition."""
    told = {"better": 0.2, "worse": -0.2}.get(verdict, 0.01)
    gap = Interval(told, told - 0.05, told + 0.05, N, "bootstrap-t", 0.001 if abs(told) > 0.1 else 0.6)
    for index, row in enumerate(source.comparison.gaps):
        if (row.a, row.metric, row.pairing, row.condition) == (model, "additive_fit", "best_method", condition):
            return with_gap(source, index, **({"gap": gap, "verdict": verdict} | changes))
    raise LookupError(f"no gap of {model} under {condition!r}")


__all__ = ["FEATURES", "HOSTILE", "METHODS", "METRICS", "MODELS", "NOT_OPEN", "TAKEN", "Made", "made", "span", "with_answer", "with_gap"]
