"""Section 9: single cases, models side by side."""

from __future__ import annotations

import math
from typing import Any

from xai_compare.report.blocks import About, Block, Case, Cases, Column, Details, Entry, Figure, Part, Prose, Table
from xai_compare.report.sections import section
from xai_compare.report.sections._attending import attending
from xai_compare.report.sections._pictures import pictures
from xai_compare.report.sections._texts import strips
from xai_compare.report.waterfall import Steps, order, waterfalls
from xai_compare.report.words import (
    about,
    case_anchors,
    fixed,
    method_places,
    method_title,
    model_name,
    number_entry,
    number_text,
    plain_entry,
    shown_name,
)

__all__ = ["make"]

_SHARES = "Numbers are shares of a model's whole attribution, so that models explained in different spaces can stand side by side."
_READING = {
    "table": "Each panel leads from a model's base (no feature known) to its output for one case. "
    "The panels share the features and their order, not their axis: a model's steps are in its own space. "
    "Compare which features lead, their share and their sign.",
    "image": f"Each picture shows which patches of an image speak for the explained output and which against it. {_SHARES}",
    "text": f"Each strip shows which words of a text speak for the explained output and which against it. {_SHARES}",
    "series": f"Each picture shows which stretches of a series speak for the explained output and which against it. {_SHARES}",
}


@section("cases", 9, "Cases", "Why this one?")
def make(report: dict[str, Any]) -> list[Block]:
    """The cases chosen, each with why, what the models say, paired waterfalls and every attribution."""
    if not report["cases"]:
        return [Prose(("No case was explained.",), "note")]
    anchors = case_anchors(report)
    groups = list(dict.fromkeys(_group(one) for case in report["cases"] for one in case["slices"]))
    cases = tuple(_case(report, case, anchors[case["id"]], groups) for case in report["cases"])
    return [Prose((_READING[report["scope"]["modality"]],)), Cases(cases, tuple(groups))]


def _group(one: dict[str, Any]) -> str:
    return f"{one['column']}: {one['label']}"


def _said(case: dict[str, Any]) -> tuple[str, ...]:
    """What the picker asks of predictions: "right" if every model is, "wrong" if one is not, "differ" if they are not the same."""
    predicted = [told["predicted"] for told in case["models"] if told["predicted"] is not None]
    said = ["differ"] if len(set(predicted)) > 1 else []
    if predicted and case["outcome"] is not None:
        said.append("right" if all(one == case["outcome"] for one in predicted) else "wrong")
    return tuple(said)


def _case(report: dict[str, Any], case: dict[str, Any], anchor: str, groups: list[str]) -> Case:
    target = case["target"]["name"]
    title = f"Case {case['id']}" + (f": why {target}?" if target else "")
    blocks: list[Block] = [_told(report, case), *_pictures(report, case, anchor)]
    if case["attributions"]:
        blocks.append(Details("Every attribution of this case", (_everything(report, case),)))
    belongs = tuple(groups.index(_group(one)) for one in case["slices"])
    return Case(title, anchor, case["why"], tuple(blocks), _said(case), belongs, case["differ"]["models"], case["differ"]["methods"])


def _pictures(report: dict[str, Any], case: dict[str, Any], name: str) -> list[Block]:
    """What the methods say: waterfalls of a table; elsewhere the input with its features coloured."""
    kind = report["scope"]["modality"]
    if kind == "table":
        return _waterfalls(report, case, name)
    shown = strips(report, case) if kind == "text" else pictures(report, case, name)
    if not shown:
        return [Prose(("No method speaks of single cases, so there is nothing to show of this one.",), "note")]
    # The names of patches and stretches tell little without their picture, so only words lead from base to output.
    ways = _waterfalls(report, case, f"{name}-steps") if kind == "text" else []
    folded = [Details("From base to output", (way,)) for way in ways if isinstance(way, Part)]
    return [*shown, *folded, *attending(report, case, name)]


def _told(report: dict[str, Any], case: dict[str, Any]) -> Table:
    spaces = {model["name"]: model["output"] for model in report["models"]}
    classes = report["scope"]["task"] == "classification"  # a regression's prediction is its output
    columns = [Column("Model"), Column("Output", True), Column("Base", True), Column("Space")]
    if classes:
        columns[1:1] = [Column("Predicts"), Column("Probability", True)]
    metric = next((one["title"] for one in report["metrics"] if one["question"] == "fidelity" and one["lead"]), "")
    fits = any(told["fit"] is not None for told in case["models"])
    columns += [Column(metric, True)] if fits else []
    rows = []
    for told in case["models"]:
        said = (plain_entry(told["predicted"] or "not recorded"), number_entry(told["probability"], "has none")) if classes else ()
        values = (number_entry(told["output"], "not recorded"), number_entry(told["base"], "not recorded"))
        fit = (number_entry(told["fit"], "none"),) if fits else ()
        rows.append((plain_entry(model_name(report, told["model"])), *said, *values, plain_entry(spaces[told["model"]]), *fit))
    return Table(f"What the models say of this case{_known(case)}", tuple(columns), tuple(rows))


def _known(case: dict[str, Any]) -> str:
    outcome = case["outcome"]
    if outcome is None:
        return ""
    return f"; the outcome was {outcome if isinstance(outcome, str) else number_text(outcome)}"


def _waterfalls(report: dict[str, Any], case: dict[str, Any], name: str) -> list[Block]:
    """Waterfalls by the first method that adds up on most models, or the words that say why there are none."""
    told = {row["model"]: row for row in case["models"]}
    ran: dict[str, list[dict[str, Any]]] = {}
    for row in case["attributions"]:
        base = row["base"] if row["base"] is not None else told.get(row["model"], {}).get("base")
        if row["additive"] and base is not None and told[row["model"]]["output"] is not None:
            ran.setdefault(row["explainer"], []).append({**row, "base": base})
    if not ran:
        return [Prose(("No method that adds up to the output ran, so there is no waterfall; the attributions are in the table.",), "note")]
    method = max(ran, key=lambda name: len(ran[name]))
    return [Part(About(methods=method_places(report, method)), (_waterfall(report, case, name, ran[method]),))]


def _waterfall(report: dict[str, Any], case: dict[str, Any], name: str, rows: list[dict[str, Any]]) -> Figure:
    there = _there(rows)
    steps = [_steps(report, case, row, there) for row in rows]
    names = [_features(report, case)[j] for j in there]
    titles = [report["scope"]["features"][j]["name"] for j in there]
    drawing = waterfalls(steps, titles, None if case["values"] is None else [case["values"][j] for j in there])
    ranked = order(steps)[:3]
    spoken = "; ".join(_spoken(step, names, ranked) for step in steps)
    title = method_title(report, rows[0]["explainer"])
    alt = f"Waterfalls of case {case['id']} by {title}, one panel per model. {spoken}."
    caption = (
        f"From base to output by {title}. Plain bars to the right raise the output, hatched bars to the left lower it. "
        "The table below has every number."
    )
    return Figure(name, drawing, alt, caption)


def _spoken(steps: Steps, names: list[str], ranked: list[int]) -> str:
    led = ", ".join(f"{names[i]} {number_text(steps.values[i])}" for i in ranked)
    return f"{steps.model} from {number_text(steps.base)} to {number_text(steps.output)} ({steps.space}), led by {led}"


def _there(rows: list[dict[str, Any]]) -> list[int]:
    """The features that the case has."""
    return [j for j in range(len(rows[0]["values"])) if any(row["values"][j] is not None for row in rows)]


def _steps(report: dict[str, Any], case: dict[str, Any], row: dict[str, Any], there: list[int]) -> Steps:
    output = next(told["output"] for told in case["models"] if told["model"] == row["model"])
    values = tuple(row["values"][j] or 0.0 for j in there)
    return Steps(shown_name(report, row["model"]), model_name(report, row["model"]).colour, row["output"], row["base"], output, values)


def _features(report: dict[str, Any], case: dict[str, Any]) -> list[str]:
    names = [feature["name"] for feature in report["scope"]["features"]]
    return [f"{name} = {value}" for name, value in zip(names, case["values"], strict=True)] if case["values"] is not None else names


def _everything(report: dict[str, Any], case: dict[str, Any]) -> Table:
    """Features by attributions, each in its own unit: columns are not comparable with each other."""
    rows, values = case["attributions"], case["values"]
    columns = (Column("Feature"), *((Column("Value"),) if values is not None else ()), *(_column(report, row) for row in rows))
    decimals = [_decimals(row["values"]) for row in rows]
    entries = []
    for index in _there(rows):
        feature = report["scope"]["features"][index]
        value = (plain_entry(values[index]),) if values is not None else ()
        numbers = (_signed(row["values"][index], places) for row, places in zip(rows, decimals, strict=True))
        entries.append((plain_entry(feature["name"]), *value, *numbers))
    caption = "Attributions; every column in the space and scale of its own model and method, so compare signs and ranks"
    return Table(caption, columns, tuple(entries))


def _decimals(values: list[float | None]) -> int:
    """Three digits for the largest number of a column, the same decimals for all."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return min(max(2 - math.floor(math.log10(largest)), 0), 6) if largest > 0 else 2


def _column(report: dict[str, Any], row: dict[str, Any]) -> Column:
    title = f"{row['model']}, {method_title(report, row['explainer'])} ({row['output']})"
    return Column(title, numeric=True, about=about(report, row["model"], row["explainer"]))


def _signed(value: float | None, decimals: int) -> Entry:
    if value is None:
        return Entry(("absent",), None, "quiet")
    words = fixed(value, decimals)
    return Entry((f"+{words}" if value > 0 else words,), value)
