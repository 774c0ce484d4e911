"""Section 13: everything that was not tested, and why."""

from __future__ import annotations

from typing import Any

from xai_compare.report.asked import under
from xai_compare.report.blocks import Block, Column, Entry, Heading, Piece, Prose, Table, Text
from xai_compare.report.sections import section
from xai_compare.report.words import abridged, join, method_title, metric_link, model_name, plain_entry

__all__ = ["make"]

_KINDS = {
    "section": ("Sections that could not be made", "The report has a gap here; its data are in report.json."),
    "failed": ("Failed", "Stopped with an error, so there is no score."),
    "degraded": ("Degraded", "Ran with less than was asked for."),
    "skipped": ("Skipped", "Left out before it ran."),
    "not_applicable": ("Not applicable", "The method or metric does not fit this model or these data."),
    "missing": ("Scores missing for some cases", "These cases have no score; averages are over the others."),
    "no_power": ("No power here", "No method is told apart from the control, so the metric ranks nothing on this model."),
    "leakage": (
        "Columns that may give the answer away",
        "ROC-AUC, or R2, of one column alone, out of fold. If it is not known when the decision is made, add it to data.drop.",
    ),
    "inputs": ("Models with fewer inputs", "The model is not given these features, or takes none of them; others may be."),
    "reading": ("How outputs were read", "The model does not say what its outputs are. If this is not so, nothing told of it holds."),
    "warning": ("Warnings of the run", "Said by the run itself."),
}
_COUNTED = {
    "missing": "Scores missing",
    "no_power": "Metrics",
    "inputs": "Features",
    "reading": "Models",
    "warning": "Times",
    "section": "Times",
}
_ALWAYS = (
    "Intervals speak of these fitted models, these cases and this background. "
    "They do not cover another training run, another background or another population. "
    "A high share explained says that the explanation fits the model, not that the model is right or fair."
)


@section("limits", 13, "Limits", "What was not tested?")
def make(report: dict[str, Any]) -> list[Block]:
    """Limits by kind, the same reason said once with every place it holds for."""
    blocks: list[Block] = [Prose((_ALWAYS,))]
    for kind, (title, caption) in _KINDS.items():
        rows = [row for row in report["limits"] if row["kind"] == kind]
        if rows:
            blocks += [Heading(title), _table(report, kind, caption, rows)]
    blocks += [Prose(_subset(report, row["reason"]), "note") for row in report["limits"] if row["kind"] == "subset"]
    if not report["limits"]:
        blocks.append(Prose(("No cell failed, was skipped, degraded or not applicable, and no score is missing.",)))
    return blocks


def _subset(report: dict[str, Any], reason: str) -> Text:
    """Cases that a metric leaves out by design: the same everywhere, so one line and no table."""
    found = dict.fromkeys(row["metric"] for row in report["skills"] for missing in row["missing"] if missing["reason"] == reason)
    named = [metric for metric in report["metrics"] if metric["name"] in found]
    return (f"Cases left out by design, everywhere: {reason} ({join([metric['title'] for metric in named])}).",)


def _table(report: dict[str, Any], kind: str, caption: str, rows: list[dict[str, Any]]) -> Table:
    counted = Column(_COUNTED.get(kind, "Cells"), numeric=True)
    entries = tuple((plain_entry(abridged(row["reason"])), _where(report, row), Entry((str(row["count"]),), row["count"])) for row in rows)
    if not any(row["where"] for row in rows):
        return Table(caption, (Column("Reason"),), tuple(entry[:1] for entry in entries))
    return Table(caption, (Column("Reason"), Column("Where"), counted), entries)


def _where(report: dict[str, Any], row: dict[str, Any]) -> Entry:
    all_over = _all_over(report, row)
    pieces: list[Piece] = ["wherever there is an explanation: ", *_linked(report, all_over)] if all_over else []
    for place in _folded(row["where"]):
        metrics = [metric for metric in place["metrics"] if metric not in all_over]
        if place["metrics"] and not metrics:
            continue
        by = f" by {method_title(report, place['explainer'])}" if place["explainer"] else ""
        asked = f" {under(place['condition'])}" if place["condition"] else ""
        pieces += ["; " if pieces else "", model_name(report, place["model"]), f"{by}{asked}" + (": " if metrics else "")]
        pieces += _linked(report, metrics)
    return Entry(tuple(piece for piece in pieces if piece != "") or ("everywhere",))


def _folded(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An explanation that could not be had takes all that rests on it along: its metrics, and its comparisons with other methods."""
    lost = {(place["model"], place["explainer"]) for place in places if "" in place["metrics"]}
    kept = []
    for place in places:
        if (place["model"], place["explainer"]) in lost:
            kept += [place | {"metrics": [""]}] if "" in place["metrics"] else []
        elif not any((place["model"], name) in lost for name in place["explainer"].split(" ~ ")):
            kept.append(place)
    return kept


def _linked(report: dict[str, Any], metrics: list[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for index, metric in enumerate(metrics):
        pieces += [", " if index else "", *(metric_link(report, metric) if metric else ("the explanation, and all that rests on it",))]
    return pieces


def _all_over(report: dict[str, Any], row: dict[str, Any]) -> list[str]:
    """The metrics that fit these data nowhere: for every explanation that there is, the reason is this one."""
    if row["kind"] != "not_applicable":
        return []
    usual = [cell for cell in report["cells"] if not cell["condition"]]
    there = {(cell["model"], cell["explainer"]) for cell in usual if not cell["metric"] and cell["status"] in ("ok", "degraded")}
    here: dict[str, set[tuple[str, str]]] = {}
    for place in row["where"]:
        for metric in place["metrics"]:
            if metric and not place["condition"]:
                here.setdefault(metric, set()).add((place["model"], place["explainer"]))
    wanted = {metric: {(c["model"], c["explainer"]) for c in usual if c["metric"] == metric} & there for metric in here}
    return [metric for metric, places in here.items() if len(wanted[metric]) > 1 and wanted[metric] <= places]
