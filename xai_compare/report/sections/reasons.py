"""Section 11: candidate reasons for adverse decisions, and whether they survive a change of method, model, seed or reference."""

from __future__ import annotations

from typing import Any

from xai_compare.compare.slices import FEWEST
from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Heading, Piece, Prose, Table, Terms, Text
from xai_compare.report.canvas import Span
from xai_compare.report.frequency import CodeBar, frequency
from xai_compare.report.sections import section
from xai_compare.report.sections._reasons import CHANGES, blocking, changes, leading
from xai_compare.report.verdict import excludes_zero
from xai_compare.report.words import (
    case_anchors,
    count,
    fixed,
    interval_entry,
    interval_text,
    join,
    method_places,
    method_title,
    model_name,
    number_entry,
    number_text,
    plain_entry,
    share_text,
    shown_name,
    unsigned,
)

__all__ = ["make"]

_POLICIES = {"near_threshold": "applicants who just passed", "all_applicants": "all applicants"}
_AGAINST = {
    "near_threshold": (
        "the training rows on the good side of each model's threshold that are nearest to it, a tenth of those there are and at most as "
        "many as the background"
    ),
    "all_applicants": "the background, which stands for all applicants",
}
_TOLD = 3  # differences between groups in a sentence


@section("reasons", 11, "Reason codes", "Do denial reasons survive a change of method?")
def make(report: dict[str, Any]) -> list[Block]:
    """Flags first, then how often each code is given, how stable the codes are, and a few cases; nothing where it was not asked for."""
    found = report["reason_codes"]
    if found is None:
        return []
    if not found["decided"]:
        return [Prose(("Reason codes were asked for, and no method has any: Limits has the reasons.",), "note")]
    answer = changes(report, found).rstrip()
    blocks: list[Block] = [*_flags(report, found), *([Prose((answer,), "finding")] if answer else [])]
    blocks += [Prose(_intro(report, found)), *_diagnostics(report, found), *_flagged(report, found)]
    blocks += [*_frequency(report, found), *_stability(report, found), *_crossings(report, found)]
    return [*blocks, *_slices(report, found), *_cases(report, found), *_map(found)]


def _intro(report: dict[str, Any], found: dict[str, Any]) -> Text:
    shares = join([f"{row['model']} {interval_text(row['share'])}" for row in found["decided"]])
    decided = f"a model's {found['output']} of the class {found['adverse']} is at least {number_text(found['threshold'])}"
    return (
        f"Candidate reasons for compliance review, never a letter. A case is adverse where {decided}: {shares} of "
        f"{count(report['scope']['cases'], 'case')}. Each is held against {_AGAINST[found['reference']]}. A reason's contribution is the "
        f"sum of those of its features, and up to {found['top']} that work towards that class are told, the strongest first.",
    )


def _diagnostics(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    names = [method_title(report, method["name"]) for method in found["methods"] if not method["difference"]]
    if not names:
        return []
    verb = "is a diagnostic" if len(names) == 1 else "are diagnostics"
    return [Prose((f"{join(names)} {verb}, not a difference from a reference: no reason should be taken from there.",), "note")]


def _named(report: dict[str, Any], found: dict[str, Any], name: str) -> Entry:
    """A method's title; a diagnostic says that it is one."""
    plain = any(method["name"] == name and method["difference"] for method in found["methods"])
    title = method_title(report, name)
    return Entry((title if plain else f"{title} (diagnostic)",), methods=method_places(report, name))


def _flags(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """What must not be a reason and is one: before everything else."""
    if said := blocking(report, found):
        return [Prose(said, "finding")]
    marked = [name for code in found["codes"] for name in code["prohibited"]]
    if not marked:
        return [Prose(("The map marks no feature as prohibited.",), "note")]
    by = f", by {method_title(report, leading(found))}" if found["flags"] else ""
    return [Prose((f"No prohibited feature is among the reasons{by} ({join(marked)}).",), "note")]


def _flagged(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """The flags of every method, one by one."""
    if not found["flags"]:
        return []
    columns = (Column("Feature"), Column("Code"), Column("Model"), Column("Method"), Column("Cases", True), Column("Of", True))
    rows = tuple(
        (
            plain_entry(row["feature"], "bad"),
            plain_entry(row["code"]),
            plain_entry(model_name(report, row["model"])),
            _named(report, found, row["explainer"]),
            Entry((str(row["cases"]),), row["cases"]),
            Entry((str(row["of"]),), row["of"]),
        )
        for row in found["flags"]
    )
    return [Table("Prohibited features among the reasons, in adverse cases of each model", columns, rows)]


def _frequency(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    lead = leading(found)
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
    figure = Figure("reasons", drawing, alt, caption, _shares_table(report, found, order))
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
                _named(report, found, row["explainer"]),
                interval_entry(row["share"]),
                Entry((str(row["share"]["n"]),), row["share"]["n"]),
            )
            for row in rows
        ),
    )


def _stability(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """One table for each thing that changes."""
    tables = [_pairs(report, found, kind, rows) for kind in CHANGES if (rows := [row for row in found["pairs"] if row["kind"] == kind])]
    said = (
        "Do the codes stay the same when one thing changes? Of two models the cases count that both decide adversely. Shared: codes in "
        "both lists over the longer list. By chance: as many codes drawn at random. Any change: the share of cases whose codes are not the "
        "same ones. Everything here is exploratory."
    )
    return [Heading("Stability of the reasons"), Prose((said,)), *tables] if tables else []


def _pairs(report: dict[str, Any], found: dict[str, Any], kind: str, rows: list[dict[str, Any]]) -> Table:
    named = {"models": ("One model", "The other", "Method"), "methods": ("One method", "The other", "Model")}.get(kind, ("Model", "Method"))
    columns = (
        *(Column(title) for title in named),
        *(Column(title, True) for title in ("Cases", "Codes shared", "By chance", "Same first reason", "By chance", "Any change")),
    )
    other = next(policy for policy in _POLICIES if policy != found["reference"])
    against = f": {_POLICIES[other]} instead of {_POLICIES[found['reference']]}" if kind == "references" else ""
    caption = f"Principal reasons with {CHANGES[kind]}{against}, over the adverse cases, with intervals"
    return Table(caption, columns, tuple(_pair(report, found, row) for row in rows))


def _pair(report: dict[str, Any], found: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    keys = {"models": ("a", "b", "explainer"), "methods": ("a", "b", "model")}.get(row["kind"], ("model", "explainer"))
    models = ("a", "b", "model") if row["kind"] == "models" else ("model",)
    n = row["changed"]["n"]
    return (
        *(plain_entry(model_name(report, row[key])) if key in models else _named(report, found, row[key]) for key in keys),
        Entry((str(n),), n),
        interval_entry(row["overlap"]),
        number_entry(row["overlap_chance"]),
        interval_entry(row["first"]),
        number_entry(row["first_chance"]),
        interval_entry(row["changed"]),
    )


def _crossings(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    columns = (Column("Model"), Column("Method"), Column("Reference"), Column("Decisions that turn", True), Column("Cases", True))
    rows = tuple(
        (
            plain_entry(model_name(report, row["model"])),
            _named(report, found, row["explainer"]),
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


def _whose(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["column"], row["model"], row["code"]


def _apart(report: dict[str, Any], found: dict[str, Any], rows: list[dict[str, Any]]) -> list[Block]:
    """The codes that one group hears more often, or less often, than the others do."""
    looked = [row for row in rows if row["difference"] is not None]
    if not looked:
        return []
    clear = sorted((row for row in looked if excludes_zero(row["difference"])), key=lambda row: row["difference"]["estimate"])
    # Of the groups that differ on one code the one that hears it most, where there is one, stands for all of them.
    first = sorted({_whose(row): row for row in clear}.values(), key=lambda row: -abs(row["difference"]["estimate"]))[:_TOLD]
    looks = f"Exploratory: {count(len(looked), 'such difference')} were looked at."
    if not first:
        return [Prose((f"No group hears a code more or less often than the others by more than its interval. {looks}",))]
    texts = {code["code"]: code["text"] for code in found["codes"]}
    pieces: list[Piece] = []
    for row in first:
        said = f" gives {row['code']} ({texts[row['code']]}) to {share_text(row['share']['estimate'])} of its adverse cases"
        more = "more" if row["difference"]["estimate"] > 0 else "less"
        size = interval_text(unsigned(row["difference"]))
        pieces += [model_name(report, row["model"]), f"{said} where {row['column']} is {row['label']}, {size} {more} than to the others. "]
    return [Prose((*pieces, looks), "finding")]


def _slices(report: dict[str, Any], found: dict[str, Any]) -> list[Block]:
    """How often each code is given within groups that have enough adverse cases."""
    lead = leading(found)
    rows = [row for row in found["shares"] if row["column"] and row["explainer"] == lead]
    given = {_whose(row) for row in rows if row["share"] is not None and row["share"]["estimate"]}
    known = [row for row in rows if row["share"] is not None and _whose(row) in given]
    blocks: list[Block] = _apart(report, found, known)
    if known:
        numbers = (Column("Share", True), Column("Cases", True), Column("Difference from the others", True))
        columns = (*(Column(title) for title in ("Slice", "Group", "Model", "Code")), *numbers)
        entries = tuple(
            (
                *(plain_entry(row[key]) for key in ("column", "label")),
                plain_entry(model_name(report, row["model"])),
                plain_entry(row["code"]),
                interval_entry(row["share"]),
                Entry((str(row["share"]["n"]),), row["share"]["n"]),
                interval_entry(row["difference"], "too few others"),
            )
            for row in sorted(known, key=lambda row: row["column"])
        )
        caption = f"Share of a group's adverse cases with each code, by {method_title(report, lead)}; a code given to no group is left out"
        blocks.append(Details("Every share by group", (Table(caption, columns, entries),)))
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
            _named(report, found, method["explainer"]),
            *(_reason(method["reasons"], place) for place in range(most)),
            Entry((share_text(method["omitted"]),), method["omitted"]),
            plain_entry("yes" if method["flips"] else "no"),
        )
        for one in case["models"]
        for method in one["methods"]
    )
    caption = f"Candidate reasons for {case['id']}, with each one's share of what works towards the adverse class; =: tied with another"
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
