"""Section 5, continued: how does the output move with the features that lead?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xai_compare.report.blocks import Block, Column, Entry, Figure, Prose, Table
from xai_compare.report.canvas import Span
from xai_compare.report.sections import section
from xai_compare.report.walks import Line, Walk, walks
from xai_compare.report.words import about, count, join, number_text, plain_entry, shown_name, span_text

__all__ = ["make"]

_POINTS = 10  # of a curve in the table
_RANKS = "share of rows with a smaller value"


@section("profiles", 5, "How features act", "Does each model go the same way?")
def make(report: dict[str, Any]) -> list[Block]:
    """Curves of the features that lead or that slices are made by, all models on one axis where they speak on one scale."""
    panels = report["profiles"]["panels"]
    if not panels:
        return [Prose((_absent(report),), "note")] if report["profiles"]["methods"] else []
    scales: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for panel in panels:
        scales.setdefault((panel["output"], panel["target"] or ""), []).append(panel)
    blocks: list[Block] = [Prose((_reading(report, panels),))]
    blocks += [_figure(report, found, place) for place, found in enumerate(scales.values())]
    return [*blocks, *_notes(report, scales)]


def _absent(report: dict[str, Any]) -> str:
    titles = join([method["title"] for method in report["profiles"]["methods"]])
    return f"No feature has a curve by {titles}: the reasons stand under Limits."


def _reading(report: dict[str, Any], panels: list[dict[str, Any]]) -> str:
    facts = {method["name"]: method for method in report["profiles"]["methods"]}
    names = dict.fromkeys(panel["profile"] for panel in panels)
    drawn = [f"{facts[name]['title'].lower()} ({facts[name]['reading']})" for name in names]
    return (
        f"How each model's output moves with one feature, the others as they are, by {join(drawn)}. "
        "0 is the average over the rows. Curves that go the same way treat the feature alike, whatever its share."
    )


def _title(report: dict[str, Any], name: str) -> str:
    return str(next(method["title"] for method in report["profiles"]["methods"] if method["name"] == name))


def _figure(report: dict[str, Any], panels: list[dict[str, Any]], place: int) -> Figure:
    places = {model["name"]: number for number, model in enumerate(report["models"])}
    models = [name for name in places if any(row["model"] == name for panel in panels for row in panel["models"])]
    drawing = walks(
        [_walk(panel, places) for panel in panels], [(places[name], shown_name(report, name)) for name in models], _axis(panels[0])
    )
    spoken = "; ".join(_spoken(report, panel) for panel in panels)
    alt = f"Small panels, one per feature, of how the {_output(panels[0])} moves with it, a curve per model. {spoken}."
    level = f"{100 * panels[0]['level']:g}\u00a0%"
    rows = join([str(n) for n in sorted({row["n"] for panel in panels for row in panel["models"]})], "or")
    drawn = dict.fromkeys(panel["profile"] for panel in panels)
    titles = "; ".join(f"{_kinds(panels, name)}: {_title(report, name).lower()}" for name in drawn)
    feet = ["ticks at the foot: every twentieth of the rows"] if any(not panel["levels"] for panel in panels) else []
    feet += ["grey bars: how many rows have the level"] if any(panel["levels"] for panel in panels) else []
    caption = (
        f"{titles} of the {_output(panels[0])}, over {rows} test rows. Bands and bars: pointwise {level} over the choice of rows, not over "
        f"another training run. {'; '.join(feet).capitalize()}. All panels share one vertical axis."
    )
    name = "profiles" if place == 0 else f"profiles-{place + 1}"
    return Figure(name, drawing, alt, caption, _table(report, panels, models))


def _kinds(panels: list[dict[str, Any]], name: str) -> str:
    kinds = {"numbers" if not panel["levels"] else "categories" for panel in panels if panel["profile"] == name}
    return join(sorted(kinds, reverse=True)).capitalize()


def _output(panel: dict[str, Any]) -> str:
    return f"{panel['output']} of '{panel['target']}'" if panel["target"] is not None else "predicted value"


def _axis(panel: dict[str, Any]) -> str:
    return f"{panel['output']} of\nthe class '{panel['target']}'" if panel["target"] is not None else "predicted value"


def _walk(panel: dict[str, Any], places: dict[str, int]) -> Walk:
    lines = tuple(Line(places[row["model"]], _spans(row)) for row in panel["models"])
    grid, levels, share, rug = (tuple(panel[key]) for key in ("grid", "levels", "share", "quantiles"))
    return Walk(panel["feature"], _RANKS if panel["ranked"] else "", panel["ranked"], grid, levels, share, rug, lines)


def _spans(row: dict[str, Any]) -> tuple[Span, ...]:
    return tuple(Span(*three) for three in zip(row["curve"], row["low"], row["high"], strict=True))


def _spoken(report: dict[str, Any], panel: dict[str, Any]) -> str:
    """Where each curve goes: both ends of a number, the lowest and the highest level."""
    told = []
    for row in panel["models"]:
        if panel["levels"]:
            order = sorted(range(len(row["curve"])), key=lambda at: row["curve"][at])
            low, high = order[0], order[-1]
        else:
            low, high = 0, len(row["curve"]) - 1
        ends = [f"{number_text(row['curve'][at])} at {_value(panel, at)}" for at in (low, high)]
        told.append(f"{row['model']} from {ends[0]} to {ends[1]}")
    return f"{panel['feature']}: {', '.join(told)}"


def _value(panel: dict[str, Any], at: int) -> str:
    if panel["levels"]:
        return str(panel["levels"][at])
    return f"{100 * panel['grid'][at]:.0f} % of the rows" if panel["ranked"] else f"{panel['grid'][at]:.6g}"


def _table(report: dict[str, Any], panels: list[dict[str, Any]], models: Sequence[str]) -> Table:
    columns = (
        Column("Feature"),
        Column("Value"),
        Column("Share of rows", True),
        *(Column(shown_name(report, name), True, about(report, name)) for name in models),
    )
    entries = []
    for panel in panels:
        size = len(panel["grid"])
        steps = range(size) if panel["levels"] else sorted({round(i * (size - 1) / _POINTS) for i in range(_POINTS + 1)})
        spans = {row["model"]: _spans(row) for row in panel["models"]}
        # Between two values of the table lie others: the share of the rows up to here, of a level its own.
        share = panel["share"] if panel["levels"] else [sum(panel["share"][: at + 1]) for at in range(size)]
        for at in steps:
            told = [_told(spans[name][at]) if name in spans else Entry(("not measured",), None, "quiet") for name in models]
            value = Entry((_value(panel, at),), None if panel["levels"] else panel["grid"][at])
            part = Entry((f"{'' if panel['levels'] else 'to '}{100 * share[at]:.0f} %",), share[at])
            entries.append((plain_entry(panel["feature"]), value, part, *told))
    return Table(f"Curves of the {_output(panels[0])}, 0 on average, with pointwise bands", columns, tuple(entries))


def _told(span: Span) -> Entry:
    return Entry((span_text(span.mid, *span.ends),), span.mid)


def _notes(report: dict[str, Any], scales: dict[tuple[str, str], list[dict[str, Any]]]) -> list[Block]:
    """What is not in the pictures, and why."""
    said = []
    if len(scales) > 1:
        said.append("Models without probabilities are drawn on their own scale, in a picture of their own: the heights cannot be compared.")
    columns = {row["column"] for row in report["slices"]}
    sliced = [name for name in dict.fromkeys(panel["feature"] for panel in report["profiles"]["panels"]) if name in columns]
    if sliced:
        shown = "they are shown whatever their" if len(sliced) > 1 else "it is shown whatever its"
        said.append(f"There are slices by {join(sliced)}, so {shown} share.")
    left_out = report["profiles"]["left_out"]
    if left_out:
        said.append("Without a curve: " + "; ".join(f"{one['feature']} ({one['reason']})" for one in left_out) + ".")
    aside = {panel["feature"]: max(row["missing"] for row in panel["models"]) for panels in scales.values() for panel in panels}
    missing = [f"{name} ({count(rows, 'row')})" for name, rows in aside.items() if rows]
    if missing:
        said.append(f"Rows without a value, or with a level too rare to be told: {', '.join(missing)}.")
    return [Prose((" ".join(said),), "note")] if said else []
