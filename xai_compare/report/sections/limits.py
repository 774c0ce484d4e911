"""Section 13: everything that was not tested, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xai_compare.report.asked import answer, asked_again, under
from xai_compare.report.blocks import Block, Column, Details, Entry, Heading, Piece, Prose, Table, Text
from xai_compare.report.sections import section
from xai_compare.report.sections._gaps import again_table
from xai_compare.report.sections._places import groups, where_entry
from xai_compare.report.words import abridged, count, join, method_entry, metric_link, model_name, plain_entry

__all__ = ["make"]

# In the order in which a reviewer must worry about them. What does not apply is no trouble: it is folded, at the end.
_KINDS = {
    "section": ("Sections that could not be made", "The report has a gap here; its data are in report.json."),
    "failed": ("Failed", "Stopped with an error, so there is no score."),
    "skipped": ("Skipped", "Left out before it ran."),
    "degraded": ("Degraded", "Ran with less than was asked for."),
    "flips": ("Verdicts that change", "Asked in this way, the fidelity gap has another answer than the verdict. Exploratory"),
    "leakage": (
        "Columns that may give the answer away",
        "ROC-AUC, or R2, of one column alone, out of fold. If it is not known when the decision is made, add it to data.drop.",
    ),
    "no_power": ("No power here", "No method is told apart from the control, so the metric ranks nothing on this model."),
    "missing": ("Scores missing for some cases", "These cases have no score; averages are over the others."),
    "reading": ("How outputs were read", "The model does not say what its outputs are. If this is not so, nothing told of it holds."),
    "inputs": ("Models with fewer inputs", "The model is not given these features, or takes none of them; others may be."),
    "warning": ("Warnings of the run", "Said by the run itself."),
}
_NOT_APPLICABLE = "The method or metric does not fit this model or these data."
_COUNTED = {"missing": "Scores missing", "no_power": "Metrics", "inputs": "Features", "reading": "Models"}
_STATES = {"failed": "failed", "skipped": "skipped", "degraded": "degraded", "not_applicable": "not applicable"}
_NONE = {"failed": "failed", "skipped": "was skipped", "degraded": "ran degraded"}
_ALWAYS = (
    "Intervals speak of these fitted models, these cases and this background. "
    "They do not cover another training run, another background or another population. "
    "A high share explained says that the explanation fits the model, not that the model is right or fair."
)


@section("limits", 13, "Limits", "What was not tested?")
def make(report: dict[str, Any]) -> list[Block]:
    """Limits by kind, the worst first: a line for each reason and what it holds for. Every single cell stands in a folded table."""
    blocks: list[Block] = [Prose((_told(report),)), Prose((_ALWAYS,))]
    for kind, (title, caption) in _KINDS.items():
        if kind == "flips":
            blocks += _flips(report, title, caption)
        elif rows := _of(report, kind):
            blocks += [Heading(title), _table(report, kind, caption, rows)]
    if rows := _of(report, "not_applicable"):
        cells = count(sum(row["count"] for row in rows), "cell")
        blocks.append(Details(f"Not applicable: {cells}, for {count(len(rows), 'reason')}", (_table(report, "", _NOT_APPLICABLE, rows),)))
    if rows := _of(report, "subset"):
        blocks.append(Details("Cases left out by design", tuple(Prose(_subset(report, row["reason"]), "note") for row in rows)))
    return [*blocks, *_one_by_one(report)]


def _of(report: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in report["limits"] if row["kind"] == kind]


def _told(report: dict[str, Any]) -> str:
    """How many cells became what."""
    states = Counter(cell["status"] for cell in report["cells"])
    some = [f"{states[state]} {words}" for state, words in _STATES.items() if states[state]]
    if not some:
        missing = "" if _of(report, "missing") else ", and no score is missing"
        return f"No cell failed, was skipped, degraded or not applicable{missing}."
    fine = f"{states['ok']} are ok"
    none = [words for state, words in _NONE.items() if not states[state]]
    rest = f"; none {join(none, 'or')}" if none else ""
    return f"A cell is one metric of one method on one model. Of {len(report['cells'])} cells {join([fine, *some])}{rest}."


def _flips(report: dict[str, Any], title: str, caption: str) -> list[Block]:
    """The verdict's gap, where a fill, the scale or other cases answer otherwise: the verdict rests on how it was asked."""
    rows = [
        row
        for entry in report["verdict"]["models"]
        for row in asked_again(report, entry)
        if answer(report["gaps"][entry["gap"]], row) != "same"
    ]
    return [Heading(title), again_table(report, rows, caption)] if rows else []


def _subset(report: dict[str, Any], reason: str) -> Text:
    """Cases that a metric leaves out by design: the same everywhere, so one line and no table."""
    found = dict.fromkeys(row["metric"] for row in report["skills"] for missing in row["missing"] if missing["reason"] == reason)
    named = [metric for metric in report["metrics"] if metric["name"] in found]
    return (f"Cases left out by design, everywhere: {reason} ({join([metric['title'] for metric in named])}).",)


def _table(report: dict[str, Any], kind: str, caption: str, rows: list[dict[str, Any]]) -> Table:
    """A line for each reason and set of metrics, or method, that it holds for; of what has no place the reason alone."""
    if not any(row["where"] for row in rows):
        return Table(caption, (Column("Reason"),), tuple((_reason(row),) for row in rows))
    counted = Column(_COUNTED.get(kind, "Cells"), numeric=True)
    if not any(place["metrics"] for row in rows for place in row["where"]):
        return Table(caption, (Column("Reason"), Column("Model"), counted), tuple(_whole(report, row) for row in rows))
    lines = sorted(((row, group) for row in rows for group in groups(report, row)), key=lambda line: -line[1].count)
    entries = tuple(
        (Entry(group.what), where_entry(report, group), _reason(row), Entry((str(group.count),), group.count)) for row, group in lines
    )
    return Table(caption, (Column("Metric or method"), Column("Where"), Column("Reason"), counted), entries)


def _reason(row: dict[str, Any]) -> Entry:
    return plain_entry(abridged(row["reason"]))


def _whole(report: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    """What is said of whole models."""
    pieces: list[Piece] = []
    for place in row["where"]:
        pieces += [*([", "] if pieces else []), model_name(report, place["model"])]
    return (_reason(row), Entry(tuple(pieces) or ("everywhere",)), Entry((str(row["count"]),), row["count"]))


def _one_by_one(report: dict[str, Any]) -> list[Block]:
    """Every cell that is not ok: a line for each explanation, so that one can be looked up, and the filters find it."""
    merged: dict[tuple[str, ...], list[str]] = {}
    for cell in report["cells"]:
        if cell["status"] != "ok":
            key = (cell["status"], cell["model"], cell["explainer"], cell["condition"], cell["reason"] or "no reason was recorded")
            merged.setdefault(key, []).append(cell["metric"])
    if not merged:
        return []
    lines = sorted(merged.items(), key=lambda line: list(_STATES).index(line[0][0]))
    columns = tuple(Column(title) for title in ("Status", "Model", "Method", "Metrics", "Reason"))
    caption = "Every cell that is not ok, by model and method; cells[] in report.json has them too"
    table = Table(caption, columns, tuple(_line(report, *key, metrics=metrics) for key, metrics in lines))
    return [Details(f"Every cell that is not ok, one by one ({sum(map(len, merged.values()))})", (table,))]


def _line(report: dict[str, Any], status: str, model: str, *rest: str, metrics: list[str]) -> tuple[Entry, ...]:
    explainer, condition, reason = rest
    titles = ["the explanation itself" if not metric else _title(report, metric) for metric in metrics]
    asked = f" ({under(condition)})" if condition else ""
    return (
        plain_entry(_STATES[status]),
        plain_entry(model_name(report, model)),
        method_entry(report, explainer, short=True),
        plain_entry(join(titles) + asked),
        plain_entry(abridged(reason)),
    )


def _title(report: dict[str, Any], metric: str) -> str:
    (piece, *_) = metric_link(report, metric)
    return piece if isinstance(piece, str) else piece.text
