"""Section 0: the answer, in sentences a reviewer can repeat."""

from __future__ import annotations

from typing import Any

from xai_compare.report.asked import all_under, answer, asked_again, by_methods, chosen, supposing, under
from xai_compare.report.blocks import Block, Link, Piece, Prose, Strong, Text
from xai_compare.report.sections import section
from xai_compare.report.sections._decomposition import bar_rows, picture
from xai_compare.report.sections._gaps import again_table, gap_table, pairing_text
from xai_compare.report.sections._reasons import blocking, changes
from xai_compare.report.verdict import excludes_zero
from xai_compare.report.words import (
    NO_POWER,
    abridged,
    case_anchors,
    count,
    estimate_text,
    gap_parts,
    interval_text,
    join,
    method_title,
    model_name,
    number_text,
    p_text,
    share_text,
    undecided,
)

__all__ = ["make"]

_STATES = {"failed": "failed", "degraded": "degraded", "skipped": "skipped", "not_applicable": "not applicable"}
_READING = (
    "Shares of what moves an output are counted beyond how many features are shown. "
    "Corrected for chance means that the control stands at 0 and the best possible at 1."
)
_NEARLY_ALL = 0.8  # of what is missing: from here on a sentence names one place for it


@section("verdict", 0, "Verdict", "What must I worry about?")
def make(report: dict[str, Any]) -> list[Block]:
    """One paragraph per model, where interpretability goes, and the headline gaps."""
    told = report["verdict"]["models"]
    unlike = [entry for entry in told if entry["performance_differs"]]
    blocks: list[Block] = [*_codes(report), *([Prose(_quality(report, unlike), "finding")] if unlike else [])]
    blocks += [Prose(_finding(report, entry), "finding") for entry in told]
    blocks += [*_widest(report, told), *_same_holds(report, told), *_by_method(report, told), *_not_asked(report)]
    if any(_shares(report, entry) for entry in told):
        blocks.append(Prose((_READING,), "note"))
    if not told:
        blocks.append(Prose(("There is only one model in this study, so nothing is compared between models.",), "finding"))
    blocks.append(Prose(_untested(report), "note"))
    return [*blocks, *_picture(report), *_headline(report)]


def _codes(report: dict[str, Any]) -> list[Block]:
    """What the study asked of reason codes, if it did: what must not be a reason and is one, and whether the codes hold."""
    found = report["reason_codes"]
    if found is None or not found["decided"]:
        return []
    said = (*blocking(report, found), changes(report, found))
    return [Prose((*said, "More under ", Link("Reason codes", "reasons"), "."), "finding")] if any(said) else []


def _quality(report: dict[str, Any], unlike: list[dict[str, Any]]) -> Text:
    """Said first, once, where models differ in how well they predict: a sentence for each of them."""
    said: list[Piece] = ["First: the models do not predict equally well."]
    for entry in unlike:
        said += [" ", model_name(report, entry["model"]), " ", *_predicts(report, entry), "."]
    return tuple(said)


def _predicts(report: dict[str, Any], entry: dict[str, Any]) -> Text:
    row = report["performance"][entry["performance"]]
    reference = report["verdict"]["reference"]
    base = next((r for r in report["performance"] if (r["model"], r["score"], r["split"]) == (reference, row["score"], row["split"])), None)
    difference = row["difference"]
    verb = "predicts no better"
    if excludes_zero(difference) and row["better"] != "none":
        verb = "predicts better" if (difference["estimate"] > 0) == (row["better"] == "higher") else "predicts worse"
    against = f" against {estimate_text(base['value'], difference)}" if base else ""
    apart = f"difference {interval_text(difference)}, {count(difference['n'], 'test row')}"
    return (Strong(verb), f": {row['score']} {estimate_text(row['value'], difference)}{against} ({apart})")


def _finding(report: dict[str, Any], entry: dict[str, Any]) -> Text:
    """The paragraph on one model: how far it can be explained, where the rest lies, what it gives in return."""
    names = (model_name(report, entry["model"]), model_name(report, report["verdict"]["reference"]))
    if entry["gap"] is None or report["gaps"][entry["gap"]]["gap"]["estimate"] is None:
        reason = "no gap of fidelity was computed" if entry["gap"] is None else abridged(report["gaps"][entry["gap"]]["gap"]["reason"])
        opening: Text = ("Whether ", names[0], " can be explained as well as ", names[1], f" was not measured: {reason}. ")
    else:
        opening = (*_claim(names, report["gaps"][entry["gap"]]), *_values(report, entry), *_where(report, entry))
    return (*opening, *_in_return(report, entry))


def _claim(names: tuple[Piece, Piece], gap: dict[str, Any]) -> Text:
    if gap["verdict"] == NO_POWER:
        return (names[0], " and ", names[1], " ", Strong("cannot be ranked"), " by how far they can be explained: ")
    if gap["verdict"] == "cannot be told apart":
        return (names[0], " and ", names[1], " ", Strong("cannot be told apart"), " in how far they can be explained: ")
    less = "less" if gap["verdict"] == "worse" else "better"
    return (names[0], " can be explained ", Strong(f"{less} than"), " ", names[1], ": ")


def _values(report: dict[str, Any], entry: dict[str, Any]) -> Text:
    """The raw shares, and the gap, which is not their difference: it is of skill, corrected for chance. Then where that changes."""
    row, shares = report["gaps"][entry["gap"]], _shares(report, entry)
    clauses = [_clause(report, row, again) for again in asked_again(report, entry)]
    first, *others = [clause for clause in clauses if clause] or [()]
    ending = (*(("; but ", *first) if first else ()), ". ", *(piece for other in others for piece in (*_capital(other), ". ")))
    if row["verdict"] == NO_POWER:
        return ("no method of either is told apart from the control", *ending)
    by = ("by ", *by_methods(report, row), " ") if shares or row["choices"] else ()
    gap = f"corrected for chance the gap is {_gap(row)}"
    if shares is None:
        return (*by, gap, *ending)
    own, other = (share_text(share) for share in shares)
    whose = _named(report, row, "a", entry["explainer"]), _named(report, row, "b", entry["reference_explainer"])
    return (*by, f"a list of features tells {own}{whose[0]} of what moves its output, against {other}{whose[1]}; ", gap, *ending)


def _named(report: dict[str, Any], row: dict[str, Any], side: str, explainer: str) -> str:
    """The method whose share is told, where the sentence has named two: its share is that of all cases, not of its half."""
    unlike = row["choices"] is not None and len(set(row["choices"][side])) > 1
    return f" ({method_title(report, explainer)} on all cases)" if unlike else ""


def _clause(report: dict[str, Any], own: dict[str, Any], again: dict[str, Any]) -> Text:
    """What is different under a condition; nothing where the same holds."""
    said = answer(own, again)
    if said == "same":
        return ()
    # What changed may then be the method, not the condition.
    others = again["choices"] and own["choices"] and again["choices"] != own["choices"]
    by = (" (by ", *chosen(report, again), ")") if others else ()
    return (supposing(report, again), *by, *_there(report, said, again))


def _there(report: dict[str, Any], said: str, again: dict[str, Any]) -> Text:
    gap = f" (gap {gap_parts(again['gap'])[0]})"
    if said == "not measured":
        return (f" it was not measured: {abridged(again['gap']['reason'])}",)
    if said == "reversed":
        advice = "; use the scale your decision is made on" if again["condition"] == "probability" else ""
        return (" the order is ", Strong("reversed"), gap + advice)
    if said == "found":
        words = "better than" if again["verdict"] == "better" else "worse than"
        names = model_name(report, again["a"]), model_name(report, again["b"])
        return (" ", names[0], " is explained ", Strong(words), " ", names[1], gap)
    if again["verdict"] == NO_POWER:
        return (" they ", Strong("cannot be ranked"), ", as no method is told apart from the control there")
    why = undecided(again["gap"])
    return (" they ", Strong("cannot be told apart"), f" (gap {gap_parts(again['gap'])[0]}{f'; {why}' if why else ''})")


def _capital(clause: Text) -> Text:
    first = str(clause[0])
    return (first[0].upper() + first[1:], *clause[1:])


def _same_holds(report: dict[str, Any], told: list[dict[str, Any]]) -> list[Block]:
    """Said quietly of a model whose finding is the same however it is asked."""
    pieces: list[Piece] = []
    for entry in told:
        rows = asked_again(report, entry)
        if rows and all(answer(report["gaps"][entry["gap"]], row) == "same" for row in rows):
            where = _listed(all_under(rows))
            whose = ("For ", model_name(report, entry["model"]), " the") if len(told) > 1 else ("The",)
            pieces += [*([" "] if pieces else []), *whose, f" same holds {where}."]
    return [Prose(tuple(pieces), "note")] if pieces else []


def _widest(report: dict[str, Any], told: list[dict[str, Any]]) -> list[Block]:
    """The way from a finding to a case: where each gap comes from most of all."""
    anchors, pieces = case_anchors(report), list[Piece]()
    for entry in told:
        if (most := entry["widest"]) is not None:
            name, case = model_name(report, entry["model"]), report["cases"][most["case"]]["id"]
            scores = f" ({share_text(most['own'])} against {share_text(most['reference'])})"
            pieces += [", in " if pieces else "The gap is widest in ", Link(f"case {case}", anchors[case]), " for ", name, scores]
    return [Prose((*pieces, "."), "note")] if pieces else []


def _by_method(report: dict[str, Any], told: list[dict[str, Any]]) -> list[Block]:
    """Methods by which the order is the other way round: a reader who uses one of them has to know."""
    pieces: list[Piece] = []
    for entry in told:
        own = None if entry["gap"] is None else report["gaps"][entry["gap"]]
        against = {"worse": "better", "better": "worse"}.get(own["verdict"], "") if own else ""
        alike = [
            row for row in report["gaps"] if own and row["kind"] == "models" and (row["metric"], row["a"]) == (own["metric"], own["a"])
        ]
        rows = [row for row in alike if row["pairing"] == "same_method" and not row["condition"] and row["verdict"] == against]
        if rows:
            by = join([f"{method_title(report, row['explainer'])} (gap {gap_parts(row['gap'])[0]})" for row in rows], "or")
            pieces += [
                " " if pieces else "",
                "The order is ",
                Strong("reversed"),
                " for ",
                model_name(report, entry["model"]),
                f" by {by} alone.",
            ]
    return [Prose(tuple(pieces), "note")] if pieces else []


def _not_asked(report: dict[str, Any]) -> list[Block]:
    """Conditions of the study under which a model's gap could not be measured at all."""
    planned = dict.fromkeys(cell["condition"] for cell in report["cells"] if cell["condition"])
    said: list[Piece] = []
    for entry in report["verdict"]["models"]:
        asked = {row["condition"] for row in asked_again(report, entry)}
        if lost := [under(condition) for condition in planned if condition not in asked]:
            name = model_name(report, entry["model"])
            said += [
                *([" "] if said else []),
                "The fidelity gap of ",
                name,
                f" could not be measured {_listed(lost)}; the reasons are under ",
            ]
            said += [Link("limits", "limits"), "."]
    return [Prose(tuple(said), "note")] if said else []


def _listed(phrases: list[str]) -> str:
    """Phrases of several words, with a comma before the last where there are more than two."""
    return join(phrases) if len(phrases) < 3 else f"{', '.join(phrases[:-1])}, and {phrases[-1]}"


def _shares(report: dict[str, Any], entry: dict[str, Any]) -> tuple[float, float] | None:
    """What a list of features tells of the model and of the reference, where the sentence has a gap and both were measured."""
    row = None if entry["gap"] is None else report["gaps"][entry["gap"]]
    if row is None or row["gap"]["estimate"] is None or row["verdict"] == NO_POWER:
        return None
    own = _part(report, entry["model"], entry["explainer"], "explained")
    other = _part(report, report["verdict"]["reference"], entry["reference_explainer"], "explained")
    return None if own is None or other is None else (own, other)


def _gap(row: dict[str, Any]) -> str:
    """A gap in a sentence, with all that limits it in one bracket."""
    said, why = gap_parts(row["gap"])
    p = row["gap"]["p"] if row["p_adjusted"] is None else row["p_adjusted"]
    equal = row["gap"]["how"] == "all equal" and not undecided(row["gap"])
    notes = (
        why,
        f"sign-flip test, p {p_text(p)}" if equal else "",
        count(row["gap"]["n"], "case"),
        "" if row["headline"] else "exploratory",
        _against(row),
    )
    return f"{said} ({'; '.join(note for note in notes if note)})"


def _against(row: dict[str, Any]) -> str:
    """What the study's own tolerance makes of a gap."""
    if row["tolerance"] is None or row["disposition"] == "not assessed" or not row["headline"]:
        return ""
    accepted, high = number_text(row["tolerance"]), row["gap"]["high"]
    if row["disposition"] == "pass":
        return f"pass: within the {accepted} accepted"
    return f"review: {'more' if high is None or high < -row['tolerance'] else 'may be more'} than the {accepted} accepted"


def _part(report: dict[str, Any], model: str, explainer: str | None, part: str) -> float | None:
    for row in report["decomposition"]:
        if row["model"] == model and row["explainer"] == explainer and row[part]:
            found: float | None = row[part]["estimate"]
            return found
    return None


def _where(report: dict[str, Any], entry: dict[str, Any]) -> Text:
    """Whether what is missing lies in the model or in the method."""
    if report["gaps"][entry["gap"]]["verdict"] == NO_POWER:
        return ()
    explained, lost, beyond = (
        _part(report, entry["model"], entry["explainer"], part) for part in ("explained", "lost_by_method", "beyond_additive")
    )
    if explained is None or lost is None or beyond is None:
        return ()
    missing = 1 - explained
    method = method_title(report, entry["explainer"])
    if missing < 0.005:
        return ("Nothing is missing. ",)
    said = share_text(missing)
    if beyond >= _NEARLY_ALL * missing:
        place = f"lies in the model (interactions between features), not in the method: {method} loses {share_text(lost)}"
    elif lost >= _NEARLY_ALL * missing:
        place = f"is lost by the method ({method}), not by the model: beyond any list of features is {share_text(beyond)}"
    else:
        return (
            f"Of the missing {said}, {share_text(beyond)} lies in the model (interactions) and {share_text(lost)} is lost by {method}. ",
        )
    return (f"The missing {said} {place}. ",)


def _in_return(report: dict[str, Any], entry: dict[str, Any]) -> Text:
    if entry["performance"] is None:
        return ("What it gives in return was not measured.",)
    if entry["performance_differs"]:
        return ()  # said first, above
    return ("In return ", model_name(report, entry["model"]), " ", *_predicts(report, entry), ".")


def _untested(report: dict[str, Any]) -> Text:
    counts = {words: report["verdict"]["not_tested"][state] for state, words in _STATES.items()}
    said = [f"{number} {words}" for words, number in counts.items() if number]
    total = len(report["cells"])
    if not said:
        return (f"All {total} cells of the study ran. What intervals do not cover: ", Link("limits", "limits"), ".")
    return (f"Not tested: of {total} cells {join(said)}; each with its reason under ", Link("limits", "limits"), ".")


def _headline(report: dict[str, Any]) -> list[Block]:
    rows = [report["gaps"][index] for index in report["verdict"]["headline"]]
    if not rows:
        return [Prose(("No headline gap was computed.",), "note"), *_again(report)]
    by = join(list(dict.fromkeys(pairing_text(report, row) for row in rows)))
    caption = (
        f"The headline gaps, by {by}. They are differences of skill (0 is chance, 1 the best possible): "
        "above 0 the first model is explained better, also for metrics where a lower score is better. "
        "No. is the place under gaps in report.json, and the column no of data/gaps.csv."
    )
    return [gap_table(report, rows, caption, by=_unlike(rows)), *_pareto(report), *_again(report)]


def _unlike(rows: list[dict[str, Any]]) -> bool:
    """Whether a model's headline gaps rest on other best methods than its sentence names."""
    chosen: dict[str, list[Any]] = {}
    for row in rows:
        if row["choices"] is not None:
            chosen.setdefault(row["a"], []).append(row["choices"])
    return any(choices != same[0] for same in chosen.values() for choices in same)


def _again(report: dict[str, Any]) -> list[Block]:
    rows = [row for entry in report["verdict"]["models"] for row in asked_again(report, entry)]
    return [again_table(report, rows)] if rows else []


def _pareto(report: dict[str, Any]) -> list[Block]:
    reference = model_name(report, report["verdict"]["reference"])
    said: list[Piece] = []
    for entry in report["verdict"]["models"]:
        if entry["ahead"] + entry["behind"] == 0:
            continue
        rows = [row for row in report["gaps"] if row["headline"] and row["kind"] == "models" and row["a"] == entry["model"]]
        silent = sum(row["verdict"] == NO_POWER for row in rows)
        untested = len(rows) - entry["ahead"] - entry["behind"] - entry["level"] - silent
        numbers = {"ahead on": entry["ahead"], "behind on": entry["behind"], "level on": entry["level"]}
        numbers |= {"not tested on": untested, "not ranked on": silent}
        counts = [f"{words} {number}" for words, number in numbers.items() if number > 0]
        said += (model_name(report, entry["model"]), " against ", reference, f": {join(counts)} of the headline questions. ")
    return [Prose(tuple(said), "note")] if said else []


def _picture(report: dict[str, Any]) -> list[Block]:
    wanted = [(row["model"], row["explainer"]) for row in report["verdict"]["picture"]]
    rows = [row for pair in wanted for row in bar_rows(report) if (row["model"], row["explainer"]) == pair]
    titles = join(list(dict.fromkeys(method_title(report, row["explainer"]) for row in rows)))
    return [picture(report, rows, "verdict-decomposition", f"Where interpretability goes, by {titles}")] if rows else []
