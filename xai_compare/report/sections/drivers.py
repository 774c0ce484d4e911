"""Section 5: which features drive each model, and are they the same?"""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Piece, Prose, Table
from xai_compare.report.canvas import Span
from xai_compare.report.sections import section
from xai_compare.report.sections._absent import absent
from xai_compare.report.sections._pictures import share_map
from xai_compare.report.sections._shown import said
from xai_compare.report.sections._spread_out import ranks, swarm
from xai_compare.report.sections._wordy import words
from xai_compare.report.shares import Panel, Share, shares
from xai_compare.report.words import (
    count,
    fixed,
    interval_entry,
    interval_text,
    join,
    level,
    method_entry,
    method_title,
    model_name,
    plain_entry,
    short_title,
    shown_name,
)

__all__ = ["make"]

_SHOWN = 10  # features in the figure
_LISTED = 20  # features in the table of ranks
_PANELS = 4  # methods in the figure
_NAMED = 3  # features that the sentence names of a model

_Rows = dict[tuple[str, str], dict[str, dict[str, Any]]]
"""{(model, method): {feature: row}}."""


@section("drivers", 5, "What drives each model", "Same drivers, same direction?")
def make(report: dict[str, Any]) -> list[Block]:
    """Shares of features by the leading method with intervals, the methods with one vector for all cases beside it, and every rank."""
    rows: _Rows = {(one["model"], one["explainer"]): {row["feature"]: row for row in one["features"]} for one in report["global"]}
    rows = {key: found for key, found in rows.items() if any(row["share"]["estimate"] is not None for row in found.values())}
    if report["scope"]["modality"] == "text":
        return words(report)
    if not rows:
        return [Prose(("No method attributed anything to a feature, so nothing can be said of what drives the models.",), "note")]
    lead = _lead(report, rows)
    order = _order(report, rows, lead)
    blocks: list[Block] = [Prose(_finding(report, rows, lead), "finding"), *_different(report, rows, lead)]
    figure = _figure(report, rows, lead, order)
    maps = [Details("The first of them with intervals", (figure,))]
    blocks += [_map(report, rows, lead), *maps] if report["scope"]["layout"] else [figure, *ranks(report, rows, lead), *swarm(report)]
    blocks += _units(report, rows)
    return [*blocks, Details("Ranks by every method", (_ranks(report, rows, order),))]


def _map(report: dict[str, Any], rows: _Rows, lead: str) -> Figure:
    """Where the shares lie: every patch or stretch, a panel per model."""
    names = [feature["name"] for feature in report["scope"]["features"]]
    found = {model: [rows[model, lead][name]["share"]["estimate"] for name in names] for model in _models(report, rows, lead)}
    return share_map(report, method_title(report, lead), found)


def _lead(report: dict[str, Any], rows: _Rows) -> str:
    """The method that leads the report, or the first one with shares."""
    ran = [method["name"] for method in report["methods"] if any(method["name"] == name for _, name in rows)]
    wanted = report["scope"]["lead_method"]
    return str(wanted) if wanted in ran else ran[0]


def _scope(report: dict[str, Any], method: str) -> str:
    return str(next(one["scope"] for one in report["methods"] if one["name"] == method))


def _order(report: dict[str, Any], rows: _Rows, lead: str) -> list[str]:
    """Features by their mean share over the models, by the leading method."""
    found = [one for (_, method), one in rows.items() if method == lead]
    mean = {name: sum(one[name]["share"]["estimate"] or 0.0 for one in found) / len(found) for name in found[0]}
    return sorted(mean, key=lambda name: -mean[name])


def _models(report: dict[str, Any], rows: _Rows, method: str) -> list[str]:
    return [model["name"] for model in report["models"] if (model["name"], method) in rows]


def _lacking(report: dict[str, Any], rows: _Rows, method: str) -> list[str]:
    """The models without shares by a method, and what became of it there."""
    names = [model["name"] for model in report["models"] if (model["name"], method) not in rows]
    return [f"{shown_name(report, name)} ({absent(report, name, method)})" for name in names]


def _finding(report: dict[str, Any], rows: _Rows, lead: str) -> tuple[Piece, ...]:
    """The first features of each model, in a sentence."""
    pieces: list[Piece] = [f"By {method_title(report, lead)}, "]
    models = _models(report, rows, lead)
    for place, model in enumerate(models):
        first = sorted(rows[model, lead].values(), key=lambda row: row["rank"] or len(rows[model, lead]) + 1)[:_NAMED]
        told = [f"{said(report, row['feature'])} ({_percent(row['share']['estimate'])})" for row in first if row["share"]["estimate"]]
        end = "." if place == len(models) - 1 else "; "
        pieces += [model_name(report, model), f" leans most on {join(told)}{end}"]
    return tuple(pieces)


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{fixed(100 * share, 0)}\u00a0%"


def _different(report: dict[str, Any], rows: _Rows, lead: str) -> list[Block]:
    """How many features take another share than in the reference, beyond what the choice of cases explains, and which one most."""
    told_of: list[Piece] = []
    for model in _models(report, rows, lead):
        told = [row for row in rows[model, lead].values() if row["difference"] and row["difference"]["low"] is not None]
        apart = [row for row in told if row["difference"]["low"] > 0 or row["difference"]["high"] < 0]
        if told:
            told_of += ["; in " if told_of else "In ", model_name(report, model), f" {len(apart)} of {count(len(told), 'feature')}"]
            told_of += [_most(report, apart)] if apart else []
    if not told_of:
        return []
    names = (
        f" take a share that differs from that in {shown_name(report, report['scope']['reference'])}. Counted where the {level(report)} "
    )
    chance = fixed(100 * (1 - report["scope"]["level"]), 0)
    note = f"interval of the difference, paired by case, leaves 0 out: exploratory, as about {chance}\u00a0% would by chance alone."
    return [Prose((*told_of, names + note))]


def _most(report: dict[str, Any], apart: list[dict[str, Any]]) -> str:
    most = max(apart, key=lambda row: abs(row["difference"]["estimate"]))
    return f" (most {said(report, most['feature'])}, by {interval_text(most['difference'])})"


def _figure(report: dict[str, Any], rows: _Rows, lead: str, order: list[str]) -> Figure:
    whole = [m["name"] for m in report["methods"] if m["scope"] == "model" and m["name"] != lead and _models(report, rows, m["name"])]
    methods, shown = [lead, *whole][:_PANELS], order[:_SHOWN]
    drawing = shares(
        [_panel(report, rows, method, shown) for method in methods],
        shown,
        [shown_name(report, model["name"]) for model in report["models"]],
        1 / len(order),
    )
    spoken = _spoken(report, rows, methods, shown)
    alt = f"Dots of the share of each feature, a dot per model in each line, one panel per method. {spoken}."
    caption = (
        f"{method_title(report, lead)}: {_meaning(report, rows, lead)}, with {level(report)} intervals over cases where it has any. "
        f"{_beside(report, whole)}"
    )
    lacking = [f"{short_title(report, name)} of {join(found)}" for name in methods if (found := _lacking(report, rows, name))]
    caption += f" Not in the picture, for reasons that Limits tells: {'; '.join(lacking)}." if lacking else ""
    if len(order) > len(shown):
        caption += f" The first {len(shown)} of {len(order)} features by mean share over the models; the dotted line is 1 / {len(order)}."
    return Figure("importance", drawing, alt, caption, _table(report, rows, methods, shown))


def _spoken(report: dict[str, Any], rows: _Rows, methods: list[str], shown: list[str]) -> str:
    told = []
    for method in methods:
        for model in _models(report, rows, method):
            each = (f"{name} {_percent(rows[model, method][name]['share']['estimate'])}" for name in shown)
            told.append(f"{model}, {short_title(report, method)}: {', '.join(each)}")
    return "; ".join(told)


def _meaning(report: dict[str, Any], rows: _Rows, method: str) -> str:
    n = max(row["share"]["n"] for (_, name), found in rows.items() if name == method for row in found.values())
    if _scope(report, method) == "model":
        return "a feature's share of the method's one vector for all cases"
    return f"mean size of a feature's attributions over {count(n, 'case')}, as a share of that of all features"


def _beside(report: dict[str, Any], whole: list[str]) -> str:
    if not whole:
        return ""
    titles = join([method_title(report, name) for name in whole])
    return f"{titles}: one vector for all cases, so no interval over cases; values below 0 count as 0."


def _panel(report: dict[str, Any], rows: _Rows, method: str, shown: list[str]) -> Panel:
    places = {model["name"]: place for place, model in enumerate(report["models"])}
    found = []
    for feature in shown:
        spans = [(places[model], Span.of(rows[model, method][feature]["share"])) for model in _models(report, rows, method)]
        found.append(tuple(Share(place, span) for place, span in spans if span is not None))
    under = "one vector for all cases" if _scope(report, method) == "model" else "mean over the cases"
    return Panel(short_title(report, method), under, tuple(found))


def _units(report: dict[str, Any], rows: _Rows) -> list[Block]:
    """Why these are shares: each method speaks in a unit of its own, and some say the same of every case."""
    units: dict[str, dict[str, list[str]]] = {}
    for one in report["global"]:
        if (one["model"], one["explainer"]) in rows:
            units.setdefault(one["explainer"], {}).setdefault(one["unit"], []).append(one["model"])
    told = []
    for method, found in units.items():
        named = [unit if len(found) == 1 else f"{unit} ({join(models)})" for unit, models in found.items()]
        told.append(f"{short_title(report, method)}: {join(named)}")
    said = "Methods, and models with different outputs, speak in units of their own, so only shares, ranks and signs stand side by side"
    return [Prose((f"{said}. The units: {'; '.join(told)}.",), "note")]


def _table(report: dict[str, Any], rows: _Rows, methods: list[str], shown: list[str]) -> Table:
    reference = shown_name(report, report["scope"]["reference"])
    columns = (
        Column("Feature"),
        Column("Method"),
        Column("Model"),
        Column("Share", True),
        Column(f"Difference to {reference}", True),
        Column("Rank", True),
    )
    entries = []
    for feature in shown:
        for method in methods:
            for model in _models(report, rows, method):
                row = rows[model, method][feature]
                names = (plain_entry(feature), method_entry(report, method, short=True), plain_entry(model_name(report, model)))
                entries.append((*names, _share(row["share"]), _share(row["difference"]), _rank(row)))
    n = max(row["share"]["n"] for found in rows.values() for row in found.values())
    return Table(f"Shares of features, 0 to 1, over {count(n, 'case')}; intervals are exploratory", columns, tuple(entries))


def _share(found: dict[str, Any] | None) -> Entry:
    """A share with its interval; one without is a number alone, the caption says why."""
    if found is None or found["low"] is not None or found["estimate"] is None:
        return interval_entry(found)
    return Entry((fixed(found["estimate"], 3),), found["estimate"])


def _rank(row: dict[str, Any]) -> Entry:
    return Entry(("none",), None, "quiet") if row["rank"] is None else Entry((str(row["rank"]),), row["rank"])


def _ranks(report: dict[str, Any], rows: _Rows, order: list[str]) -> Table:
    """A line for each feature and method: its rank, and share, in every model."""
    models = [model["name"] for model in report["models"]]
    columns = (Column("Feature"), Column("Method"), *(Column(shown_name(report, model), True) for model in models))
    methods = [method["name"] for method in report["methods"] if _models(report, rows, method["name"])]
    entries = [
        (
            plain_entry(feature),
            method_entry(report, method, short=True),
            *(_ranked(report, rows, (model, method), feature) for model in models),
        )
        for feature in order[:_LISTED]
        for method in methods
    ]
    cut = f", the first {_LISTED} of {len(order)} features" if len(order) > _LISTED else ""
    return Table(f"Rank of each feature, 1 for the largest share, which stands in brackets{cut}", columns, tuple(entries))


def _ranked(report: dict[str, Any], rows: _Rows, key: tuple[str, str], feature: str) -> Entry:
    if key not in rows:
        return Entry((absent(report, *key).replace(" ", "\u00a0"),), None, "quiet")
    row = rows[key][feature]
    if row["rank"] is None:
        return Entry(("not\u00a0measured",), None, "quiet")
    return Entry((f"{row['rank']} ({_percent(row['share']['estimate'])})",), row["rank"])
