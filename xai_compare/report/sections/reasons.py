"""Section 11: candidate reasons for adverse decisions, and whether they survive a change of method, model, seed or reference."""

from __future__ import annotations

from typing import Any

from xai_compare.compare.slices import FEWEST
from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Heading, Prose, Table, Terms, Text
from xai_compare.report.canvas import Span
from xai_compare.report.frequency import CodeBar, frequency
from xai_compare.report.sections import section
from xai_compare.report.words import (
    case_anchors,
    count,
    fixed,
    interval_entry,
    interval_text,
    join,
    method_title,
    model_name,
    number_entry,
    number_text,
    plain_entry,
    share_text,
    shown_name,
)

__all__ = ["make"]

_POLICIES = {"near_threshold": "applicants just on the good side of the threshold", "all_applicants": "all applicants"}
_AGAINST = {
    "near_threshold": (
        "the training rows on the good side of each model's threshold that are nearest to it, a tenth of those there are and at most as "
        "many as the background"
    ),
    "all_applicants": "the background, which stands for all applicants",
}
_CHANGES = {
    "models": "another model",
    "methods": "another method",
    "seeds": "other random numbers",
    "references": "another reference",
}
_DIAGNOSTIC = "diagnostic, not a difference from a reference"


@section("reasons", 11, "Reason codes", "Do denial reasons survive a change of method?")
def make(report: dict[str, Any]) -> list[Block]:
    """Flags first, then how often each code is given, how stable the codes are, and a few cases; nothing where it was not asked for."""
    found = report["reason_codes"]
    if found is None:
        return []
    if not found["decided"]:
        return [Prose(("Reason codes were asked for, and no method has any: Limits has the reasons.",), "note")]
    blocks: list[Block] = [Prose(_intro(report, found)), *_flags(report, found), *_changed(report, found)]
    blocks += [*_frequency(report, found), *_stability(report, found), *_crossings(report, found)]
    return [*blocks, *_slices(report, found), *_cases(report, found), *_map(found)]


def _intro(report: dict[str, Any], found: dict[str, Any]) -> Text:
    shares = [f"{row['model']} {interval_text(row['share'])}" for row in found["decided"]]
    return (
        f"Candidate reasons for compliance review, never a letter. A case is adverse where a model's {found['output']} of "
        f"{found['adverse']} is at least {number_text(found['threshold'])}: {join(shares)} of {count(report['scope']['cases'], 'case')}. "
        f"Each is held against {_AGAINST[found['reference']]}: a reason's contribution is the sum of those of its features, and up to "
        f"{found['top']} that work towards {found['adverse']} are told, the strongest first.",
    )


def _named(report: dict[str, Any], found: dict[str, Any], name: str) -> str:
    """A method's title; a diagnostic says that it is one."""
    plain = any(method["name"] == name and method["difference"] for method in found["methods"])
    return method_title(report, name) if plain else f"{method_title(report, name)} ({_DIAGNOSTIC})"


def _lead(found: dict[str, Any]) -> str:
    """The first method whose values are differences from a reference; without any, the first."""
    ran = [row["explainer"] for row in found["crossings"]]
    own = [method["name"] for method in found["methods"] if method["difference"] and method["name"] in ran]
    return str((own or ran)[0])


def _flags(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """What must not be a reason and is one: before everything else."""
    if not found["flags"]:
        marked = [name for code in found["codes"] for name in code["prohibited"]]
        said = f"No prohibited feature is among the reasons ({join(marked)})." if marked else "The map marks no feature as prohibited."
        return [Prose((said,), "note")]
    names = join(list(dict.fromkeys(row["feature"] for row in found["flags"])))
    said = f"Blocking: {names} must not be a reason by the map, and works towards {found['adverse']} within the principal reasons."
    columns = (Column("Feature"), Column("Code"), Column("Model"), Column("Method"), Column("Cases", True), Column("Of", True))
    rows = tuple(
        (
            plain_entry(row["feature"], "bad"),
            plain_entry(row["code"]),
            plain_entry(model_name(report, row["model"])),
            plain_entry(_named(report, found, row["explainer"])),
            Entry((str(row["cases"]),), row["cases"]),
            Entry((str(row["of"]),), row["of"]),
        )
        for row in found["flags"]
    )
    return [Prose((said,), "finding"), Table("Prohibited features among the reasons, in adverse cases of each model", columns, rows)]


def _changed(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """The answer to the section's question, kind of change by kind of change, by the leading method."""
    lead, sentences = _lead(found), []
    for kind, what in _CHANGES.items():
        rows = [row for row in found["pairs"] if row["kind"] == kind and row["explainer"] in ("", lead) and row["changed"]["n"]]
        if rows:
            low, high = (end(row["changed"]["estimate"] for row in rows) for end in (min, max))
            spread = share_text(low) if share_text(low) == share_text(high) else f"{share_text(low)} to {share_text(high)}"
            by = "" if kind == "methods" else f" (by {method_title(report, lead)})"
            sentences.append(f"{what} changes the codes of {spread} of the cases{by}")
    if not sentences:
        return []
    said = "; ".join(sentences)
    return [Prose((f"{said[0].upper()}{said[1:]}.",), "finding")]


def _frequency(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    lead = _lead(found)
    rows = [row for row in found["shares"] if not row["column"] and row["explainer"] == lead and Span.of(row["share"])]
    if not rows:
        return []
    texts = {code["code"]: code["text"] for code in found["codes"]}
    shares: dict[str, list[tuple[str, Span]]] = {}
    for row in rows:
        span = Span.of(row["share"])
        assert span is not None
        shares.setdefault(row["code"], []).append((row["model"], span))
    order = sorted(shares, key=lambda code: -max(span.mid for _, span in shares[code]))
    bars = [
        (f"{code} {texts[code]}", [CodeBar(shown_name(report, name), model_name(report, name).colour, span) for name, span in shares[code]])
        for code in order
    ]
    drawing = frequency(bars)
    spoken = "; ".join(f"{code}: {', '.join(f'{name} {share_text(span.mid)}' for name, span in shares[code])}" for code in order)
    alt = f"Bars with intervals, one group for each code, models beside each other: the share of adverse cases with the code. {spoken}."
    caption = f"How often each code is among the principal reasons, by {method_title(report, lead)}."
    figure = Figure("reasons", drawing.svg, drawing.width, drawing.height, alt, caption, _shares_table(report, found, order))
    return [Heading("How often each code is given"), figure]


def _shares_table(report: dict[str, Any], found: dict[str, Any], order: list[str]) -> Table:
    texts = {code["code"]: code["text"] for code in found["codes"]}
    rows = sorted((row for row in found["shares"] if not row["column"]), key=lambda row: order.index(row["code"]))
    columns = (
        Column("Code"),
        Column("Reason"),
        Column("Model"),
        Column("Method"),
        Column("Share of adverse cases", True),
        Column("Cases", True),
    )
    return Table(
        "Share of adverse cases with each code among the principal reasons, Wilson's interval",
        columns,
        tuple(
            (
                plain_entry(row["code"]),
                plain_entry(texts[row["code"]]),
                plain_entry(model_name(report, row["model"])),
                plain_entry(_named(report, found, row["explainer"])),
                interval_entry(row["share"]),
                Entry((str(row["share"]["n"]),), row["share"]["n"]),
            )
            for row in rows
        ),
    )


def _stability(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    rows = [row for kind in _CHANGES for row in found["pairs"] if row["kind"] == kind]
    if not rows:
        return []
    columns = (
        *(Column(title) for title in ("What changes", "From", "To", "On")),
        *(Column(title, True) for title in ("Cases", "Codes shared", "By chance", "Same first reason", "By chance", "Any change")),
    )
    said = (
        "Do the codes stay the same when one thing changes? Of two models the cases count that both decide adversely. Shared: codes in "
        "both lists over the longer list. By chance: as many codes drawn at random. Everything here is exploratory."
    )
    caption = "Stability of the principal reasons over the adverse cases, with intervals; any change: the share of cases with other codes"
    table = Table(caption, columns, tuple(_pair(report, found, row) for row in rows))
    return [Heading("Stability of the reasons"), Prose((said,)), table]


def _pair(report: dict[str, Any], found: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    ends = [_end(report, found, row["kind"], row[key]) for key in "ab"]
    on = model_name(report, row["model"]) if row["model"] else _named(report, found, row["explainer"])
    where: Text = (on, f", {_named(report, found, row['explainer'])}") if row["model"] and row["explainer"] else (on,)
    n = row["changed"]["n"]
    return (
        plain_entry(_CHANGES[row["kind"]]),
        *ends,
        Entry(where),
        Entry((str(n),), n),
        interval_entry(row["overlap"]),
        number_entry(row["overlap_chance"]),
        interval_entry(row["first"]),
        number_entry(row["first_chance"]),
        interval_entry(row["changed"]),
    )


def _end(report: dict[str, Any], found: dict[str, Any], kind: str, name: str) -> Entry:
    if kind == "models":
        return plain_entry(model_name(report, name))
    return plain_entry(_named(report, found, name) if kind == "methods" else _POLICIES.get(name, name))


def _crossings(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    columns = (Column("Model"), Column("Method"), Column("Reference"), Column("Decisions that turn", True), Column("Cases", True))
    rows = tuple(
        (
            plain_entry(model_name(report, row["model"])),
            plain_entry(_named(report, found, row["explainer"])),
            plain_entry(_POLICIES[row["policy"]]),
            interval_entry(row["rate"]),
            Entry((str(row["rate"]["n"]),), row["rate"]["n"]),
        )
        for row in found["crossings"]
    )
    said = (
        "Are these the reasons that decide? The features of a case's principal reasons are set to the medians and most frequent values of "
        "the reference: a decision that does not turn rests on more than what the codes tell."
    )
    caption = "Cross-over: the share of adverse cases whose decision turns, Wilson's interval"
    return [Heading("Do the reasons decide?"), Prose((said,)), Table(caption, columns, rows)]


def _slices(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """How often each code is given within groups that have enough adverse cases."""
    lead = _lead(found)
    rows = [row for row in found["shares"] if row["column"] and row["explainer"] == lead]
    known = [row for row in rows if row["share"] is not None and row["share"]["estimate"]]
    blocks: list[Block] = []
    if known:
        columns = (*(Column(title) for title in ("Slice", "Group", "Model", "Code")), Column("Share", True), Column("Cases", True))
        entries = tuple(
            (
                *(plain_entry(row[key]) for key in ("column", "label")),
                plain_entry(model_name(report, row["model"])),
                plain_entry(row["code"]),
                interval_entry(row["share"]),
                Entry((str(row["share"]["n"]),), row["share"]["n"]),
            )
            for row in sorted(known, key=lambda row: row["column"])
        )
        caption = f"Share of a group's adverse cases with each code, by {method_title(report, lead)}; codes never given are left out"
        blocks.append(Details("By group", (Table(caption, columns, entries),)))
    small = (f"{row['column']} {row['label']} ({row['model']})" for row in rows if row["share"] is None)
    if hidden := list(dict.fromkeys(small)):
        blocks.append(Prose((f"Not shown, with fewer than {FEWEST} adverse cases: {join(hidden)}.",), "note"))
    return [Heading("By group"), *blocks] if blocks else []


def _cases(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    if not found["cases"]:
        return []
    anchors = case_anchors(report)
    blocks: list[Block] = [Heading("Candidate reasons, case by case")]
    for case in found["cases"]:
        decided = ", ".join(_decision(found, one) for one in case["models"])
        note = Prose((f"Chosen because it is {case['why']}.",), "note")
        more = [Prose((f"{case['id']} is also under Cases.",), "note")] if case["id"] in anchors else []
        blocks.append(Details(f"{case['id']}: {decided}", (note, _case(report, found, case), *more)))
    return blocks


def _decision(found: dict[str, Any], one: dict[str, Any]) -> str:
    adverse = one["output"] >= found["threshold"]
    return f"{one['model']} {fixed(one['output'], 2)} ({'adverse' if adverse else 'not adverse'})"


def _case(report: dict[str, Any], found: dict[str, Any], case: dict[str, Any]) -> Table:
    most = max((len(method["reasons"]) for one in case["models"] for method in one["methods"]), default=0)
    places = ("First", "Second", "Third", "Fourth")[:most]
    columns = (
        *(Column(title) for title in ("Model", "Method", *places)),
        Column("Not told", True),
        Column("Decision turns"),
    )
    rows = tuple(
        (
            plain_entry(model_name(report, one["model"])),
            plain_entry(_named(report, found, method["explainer"])),
            *(_reason(method["reasons"], place) for place in range(most)),
            Entry((share_text(method["omitted"]),), method["omitted"]),
            plain_entry("yes" if method["flips"] else "no"),
        )
        for one in case["models"]
        for method in one["methods"]
    )
    caption = f"Candidate reasons for {case['id']}, with each one's share of what works towards {found['adverse']}; =: tied with another"
    return Table(caption, columns, rows)


def _reason(reasons: list[dict[str, Any]], place: int) -> Entry:
    if place >= len(reasons):
        return Entry(("none",), None, "quiet")
    one = reasons[place]
    flag = f", prohibited: {join(one['prohibited'])}" if one["prohibited"] else ""
    tied = " =" if one["tied"] else ""
    return Entry((f"{one['code']} {one['text']} ({share_text(one['share'])}{tied}{flag})",), None, "bad" if flag else "")


def _map(found: dict[str, Any]) -> list[Block]:
    """The map, so that a reader sees what was summed under which code."""
    items = tuple((f"{code['code']} {code['text']}", (_members(code),), "") for code in found["codes"])
    return [Details("The map from features to codes", (Terms(items),))]


def _members(code: dict[str, Any]) -> str:
    marked = f"; prohibited: {join(code['prohibited'])}" if code["prohibited"] else ""
    return f"{', '.join(code['features'])}{marked}"
