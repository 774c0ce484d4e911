"""Section 7: does the model do what its explanations say?"""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Link, Prose, Table
from xai_compare.report.canvas import Span
from xai_compare.report.curves import Curves, Panels, removal
from xai_compare.report.sections import section
from xai_compare.report.sections._absent import absent
from xai_compare.report.sections._scores import asking, score_table
from xai_compare.report.words import (
    fixed,
    interval_entry,
    join,
    level,
    method_entry,
    method_title,
    metric_link,
    model_name,
    plain_entry,
    short_title,
    shown_name,
)

__all__ = ["make"]

_SIGNED, _BY_STRENGTH, _ELSEWHERE = "ordering", "ordering_abs", "additive_fit"
_WORDS = {
    _SIGNED: ("most supporting first", "least supporting first"),
    _BY_STRENGTH: ("strongest first", "weakest first"),
}
_CURVES = ("most first", "least first")
_COLUMNS = 5  # methods in the figure
_STEPS = 10  # of a curve in the table
_BEST = "best order found"


@section("fidelity", 7, "Fidelity", "Does it reflect the model?")
def make(report: dict[str, Any]) -> list[Block]:
    """Removal curves with the control's and the best ones, then every score of fidelity beside the control's."""
    metrics = asking(report, "fidelity")
    ordered = [name for name in metrics if name in _WORDS]
    others = [name for name in metrics if name not in (*_WORDS, _ELSEWHERE)]
    elsewhere = "is split into its parts" if _ELSEWHERE in metrics else "was not measured; it would stand"
    said = f"How far a list of numbers fits the model at all (additive fit) {elsewhere} under "
    blocks = [*_picture(report), *(_ordering(report, name) for name in ordered[:1])]
    folded = [_ordering(report, name) for name in ordered[1:]]
    if others:
        caption = "On their own scales: read them beside the control's. Exploratory"
        folded.append(score_table(report, others, caption, (("control", "Control's score"),)))
    titles = [metric["title"] for metric in report["metrics"] if metric["name"] in (*ordered[1:], *others)]
    blocks += [Details(f"Also measured: {join(titles)}", tuple(folded))] if folded else []
    return [*blocks, Prose((said, Link("Where interpretability goes", "decomposition"), "."), "note")]


def _ordering(report: dict[str, Any], metric: str) -> Table:
    title = next(one["title"] for one in report["metrics"] if one["name"] == metric)
    caption = f"{title}: area between the two curves; skill is its share of the best possible. Exploratory"
    columns = (("ceiling", "Best possible"), ("skill", "Skill"), ("control", "Control's score"))
    return score_table(report, [metric], caption, columns)


def _picture(report: dict[str, Any]) -> list[Block]:
    """The removal curves by sign, or by strength where no method has a sign; or a line that says that there are none."""
    for metric in _WORDS:
        found = _found(report, metric)
        methods = _columns(report, found)
        if methods:
            return [_reading(report, metric), _figure(report, metric, found, methods)]
    return [
        Prose(("Removal curves were not measured: no metric of this study takes features away in the order of an explanation.",), "note")
    ]


def _reading(report: dict[str, Any], metric: str) -> Prose:
    if metric == _SIGNED:
        said = "Taken away most supporting first, features should make the output fall at once; least supporting first, they should not."
    else:
        said = "Taken away strongest first, features should move the output at once; weakest first, they should leave it where it is."
    wider = (
        " The wider the area between the two curves (",
        *metric_link(report, metric),
        "), the better the order; the control's two lie close together.",
    )
    return Prose((said, *wider))


def _found(report: dict[str, Any], metric: str) -> dict[tuple[str, str], Curves]:
    """{(model, method): its two curves}, with the model's own under the method "", where every step was measured."""
    rows: dict[tuple[str, str], dict[str, tuple[Span, ...]]] = {}
    for row in report["curves"]:
        spans = [Span.of(step) for step in row["y"]]
        if row["metric"] == metric and None not in spans:
            name = row["curve"].removeprefix("best ")
            rows.setdefault((row["model"], row["explainer"]), {})[name] = tuple(span for span in spans if span is not None)
    return {key: Curves(*(found[name] for name in _CURVES)) for key, found in rows.items() if set(_CURVES) <= set(found)}


def _columns(report: dict[str, Any], found: dict[tuple[str, str], Curves]) -> list[str]:
    """The methods with curves, the leading one first."""
    ran = {method for _, method in found}
    names = [method["name"] for method in report["methods"] if method["name"] in ran and not method["control"]]
    return sorted(names, key=lambda name: name != report["scope"]["lead_method"])


def _figure(report: dict[str, Any], metric: str, found: dict[tuple[str, str], Curves], methods: list[str]) -> Figure:
    shown, words = methods[:_COLUMNS], _WORDS[metric]
    models = [model["name"] for model in report["models"] if any((model["name"], method) in found for method in shown)]
    lines = [_panels(report, metric, model, found, shown) for model in models]
    drawing = removal(lines, [method_title(report, name) for name in shown], words)
    spoken = "; ".join(_spoken(report, metric, model, method, found) for model in models for method in shown)
    alt = f"Removal curves, one line of panels per model, one panel per method, each with the control and the best orders found. {spoken}."
    cases = sorted({step["n"] for row in report["curves"] if row["metric"] == metric for step in row["y"]})
    caption = (
        f"Mean over {join([str(n) for n in cases], 'or')} cases of what the model says while features are taken away. "
        f"Solid: {words[0]}; dashed: {words[1]}; bands: pointwise {level(report)} intervals. Grey: the control. "
        "Thin light lines: the best orders that a greedy search finds. Each model has its own vertical axis; bands end where it ends"
    )
    if len(methods) > len(shown):
        caption += f"; {len(methods) - len(shown)} more methods are in the table"
    if any((model, method) not in found for model in models for method in shown):
        caption += ". A panel without curves says what became of the method; Limits says why"
    return Figure("removal", drawing, alt, caption + ".", _table(report, metric, found))


def _panels(report: dict[str, Any], metric: str, model: str, found: dict[tuple[str, str], Curves], methods: list[str]) -> Panels:
    control = found.get((model, report["scope"]["control"]))
    curves = tuple(found.get((model, method)) or absent(report, model, method, metric) for method in methods)
    output = _output(report, model) if metric == _SIGNED else f"change of the\n{_output(report, model, short=True)}"
    return Panels(shown_name(report, model), model_name(report, model).colour, output, curves, control, found.get((model, "")))


def _output(report: dict[str, Any], model: str, short: bool = False) -> str:
    """What the vertical axis counts: probabilities where the model has them, else its own output."""
    if report["scope"]["task"] == "regression":
        return "output" if short else "predicted value"
    own = next(one["output"] for one in report["models"] if one["name"] == model)
    told = [row["probability"] for case in report["cases"] for row in case["models"] if row["model"] == model]
    if own == "probability" or any(value is not None for value in told):
        return "probability" if short else "probability of the\nexplained class"
    return own if short else f"{own} of the\nexplained class"


def _spoken(report: dict[str, Any], metric: str, model: str, method: str, found: dict[tuple[str, str], Curves]) -> str:
    if (model, method) not in found:
        return f"{model} by {short_title(report, method)}: {absent(report, model, method, metric)}"
    curves, words = found[model, method], _WORDS[metric]
    half = (len(curves.most) - 1) // 2
    share = f"{100 * half / (len(curves.most) - 1):.0f} %"
    said = f"from {fixed(curves.most[0].mid, 2)} to {fixed(curves.most[half].mid, 2)} with {share} of the features gone {words[0]}"
    said += f", to {fixed(curves.least[half].mid, 2)} {words[1]}"
    return f"{model} by {short_title(report, method)}: {said}"


def _table(report: dict[str, Any], metric: str, found: dict[tuple[str, str], Curves]) -> Table:
    """The curves of the figure at every tenth of the way or so."""
    columns = (
        Column("Model"),
        Column("Method"),
        Column("Taken away", True),
        *(Column(words.capitalize(), True) for words in _WORDS[metric]),
    )
    rows = {
        (row["model"], row["explainer"], row["curve"].removeprefix("best ")): row["y"]
        for row in report["curves"]
        if row["metric"] == metric
    }
    entries = []
    for model, method in found:
        most, least = (rows[model, method, name] for name in _CURVES)
        steps = len(most) - 1
        for step in sorted({round(i * steps / _STEPS) for i in range(_STEPS + 1)}):
            share = Entry((f"{100 * step / steps:.0f} %",), step / steps)
            names = plain_entry(model_name(report, model)), method_entry(report, method) if method else plain_entry(_BEST)
            entries.append((*names, share, interval_entry(most[step]), interval_entry(least[step])))
    return Table("Mean of each curve, with pointwise intervals", columns, tuple(entries))
