"""How well the models predict, in sentences; and what those of two classes decide at their threshold."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Heading, Piece, Prose, Strong, Table, Text
from xai_compare.report.canvas import Span
from xai_compare.report.verdict import excludes_zero, score_rank
from xai_compare.report.words import count, estimate_text, interval_entry, interval_text, join, model_name, plain_entry, unsigned

__all__ = ["decisions", "parted", "told"]

_SHARE, _TRUE = "share called", "prevalence"
_DECISIONS = {
    _SHARE: "Called '{class}'",
    "recall": "Recall (higher is better)",
    "precision": "Precision (higher is better)",
}
_COMPARED = {"better": "better than", "worse": "worse than", "none": "unlike"}

_Rows = list[dict[str, Any]]


def parted(rows: _Rows) -> tuple[_Rows, _Rows]:
    """The scores, and the decisions that F1 of two classes sums up, which stand by themselves."""
    whose = _whose(rows)
    names = {f"{stem} ({whose})" for stem in (*_DECISIONS, _TRUE)} if whose else set()
    return [row for row in rows if row["score"] not in names], [row for row in rows if row["score"] in names]


def _whose(rows: _Rows) -> str:
    """The class that the decisions are of; "" where there are none."""
    found = (row["score"].partition(" (") for row in rows)
    return next((rest.removesuffix(")") for stem, _, rest in found if stem == _TRUE and rest), "")


# ---- scores


def told(report: dict[str, Any], rows: _Rows) -> list[Block]:
    """By which scores a model is told from the reference, and which models do better on the rows they were trained on."""
    return [block for block in (Prose(_apart(report, rows), "finding"), Prose(_trained(report, rows))) if block.pieces]


def _apart(report: dict[str, Any], rows: _Rows) -> Text:
    measured = [row for row in rows if row["split"] == "test" and Span.of(row["difference"])]
    models = list(dict.fromkeys(row["model"] for row in measured))
    by = {name: sorted((row for row in measured if row["model"] == name), key=lambda row: score_rank(row["score"])) for name in models}
    differ = [name for name in models if any(excludes_zero(row["difference"]) for row in by[name])]
    said = [_differs(report, rows, by[name]) for name in differ]
    if alike := [name for name in models if name not in differ]:
        reference = model_name(report, report["verdict"]["reference"])
        said.append(("No score in the figure tells ", *_names(report, alike, "or"), " apart from ", reference, "."))
    return _sentences(*said, *([("Intervals are not adjusted for how many scores there are.",)] if differ else []))


def _differs(report: dict[str, Any], rows: _Rows, mine: _Rows) -> Text:
    """One model's sentence: the scores by which it is better, or worse, with the numbers of the first of them."""
    apart = [row for row in mine if excludes_zero(row["difference"])]
    groups: dict[str, _Rows] = {}
    for row in apart:
        groups.setdefault(_direction(row), []).append(row)
    said: list[Piece] = []
    for way, found in groups.items():
        scores = join([row["score"] for row in found])
        if not said:
            names = model_name(report, mine[0]["model"]), model_name(report, report["verdict"]["reference"])
            said = [f"By {scores} ", names[0], " is ", Strong(_COMPARED[way]), " ", names[1]]
        else:
            said += [f"; by {scores} it is ", Strong(_COMPARED[way].removesuffix(" than"))]
        first = found[0]["score"] + " " if len(found) > 1 else ""
        said.append(f": {first}{_against(report, rows, found[0])}")
    return (*said, "; no other score in the figure tells the two apart." if len(apart) < len(mine) else ".")


def _direction(row: dict[str, Any]) -> str:
    if row["better"] == "none":
        return "none"
    return "better" if (row["difference"]["estimate"] > 0) == (row["better"] == "higher") else "worse"


def _against(report: dict[str, Any], rows: _Rows, row: dict[str, Any]) -> str:
    key = (report["verdict"]["reference"], row["score"], row["split"])
    base = next((other["value"] for other in rows if (other["model"], other["score"], other["split"]) == key), None)
    values = f"{estimate_text(row['value'], row['difference'])} against {estimate_text(base, row['difference'])}"
    return f"{values} (difference {interval_text(row['difference'])})"


def _trained(report: dict[str, Any], rows: _Rows) -> Text:
    """The leading score on the rows that models were trained on, against others."""
    shifts = [row for row in rows if row["split"] == "train - test" and Span.of(row["value"])]
    if not shifts:
        return ()
    score = min((row["score"] for row in shifts), key=score_rank)
    mine = [row for row in shifts if row["score"] == score]
    higher, lower = ([row for row in mine if excludes_zero(row["value"]) and (row["value"]["low"] > 0) == up] for up in (True, False))
    said = [_shifted(report, found, f"{way} ({score})") for found, way in ((higher, "higher"), (lower, "lower")) if found]
    alike = [row["model"] for row in mine if not excludes_zero(row["value"])]
    if not said:
        return (f"By {score} no model is told apart between the rows it was trained on and others.",)
    rest = ("For ", *_names(report, alike, "and"), " the difference cannot be told from 0.")
    return _sentences(*said, *([rest] if alike else []))


def _shifted(report: dict[str, Any], rows: _Rows, how: str) -> Text:
    said: list[Piece] = [f"On the rows {'it was' if len(rows) == 1 else 'they were'} trained on, "]
    for place, row in enumerate(rows):
        value = interval_text(unsigned(row["value"]))
        said += [_comma(place, len(rows), "and"), model_name(report, row["model"]), f"{' scores' if place == 0 else ''} {value}"]
    return (*said, f" {how} than on others.")


def _sentences(*said: Text) -> Text:
    return tuple(piece for place, one in enumerate(said) for piece in ((" ", *one) if place else one))


def _names(report: dict[str, Any], models: list[str], last: str) -> Text:
    return tuple(piece for i, name in enumerate(models) for piece in (_comma(i, len(models), last), model_name(report, name)) if piece)


def _comma(place: int, of: int, last: str) -> str:
    """What stands before the item at a place of a list."""
    return "" if place == 0 else f" {last} " if place == of - 1 else ", "


# ---- decisions


def decisions(report: dict[str, Any], rows: _Rows) -> list[Block]:
    """What each model does with the class that counts at the threshold it decides by: what F1 sums up."""
    whose, test = _whose(rows), [row for row in rows if row["split"] == "test"]
    if not whose or not test:
        return []
    true = next(row["value"] for row in test if row["score"] == f"{_TRUE} ({whose})")
    said: list[Piece] = [f"Of the {count(true['n'], 'test row')} a share of {interval_text(true)} is '{whose}'."]
    for row in test:
        if row["score"] == f"{_SHARE} ({whose})" and excludes_zero(row["difference"]):
            fewer = "fewer" if row["difference"]["estimate"] < 0 else "more"
            names = model_name(report, row["model"]), model_name(report, report["verdict"]["reference"])
            said += [" ", names[0], " calls ", Strong(fewer), f" of them '{whose}' than ", names[1], f": {_against(report, test, row)}."]
    said += [f" Recall: of those that are '{whose}', the share called so. Precision: of those called '{whose}', the share that are. "]
    said += ["F1 weighs the two alike; another threshold trades one for the other."]
    columns = (Column("Decision"), Column("Model"), Column("Test", numeric=True), Column("Difference to the reference", numeric=True))
    entries = []
    for stem, title in _DECISIONS.items():
        for row in (row for row in test if row["score"] == f"{stem} ({whose})"):
            own = "is the reference" if row["model"] == report["verdict"]["reference"] else "not measured"
            named = plain_entry(title.replace("{class}", whose)), plain_entry(model_name(report, row["model"]))
            entries.append((*named, interval_entry(row["value"], "not measured"), interval_entry(row["difference"], own)))
    caption = "What the models decide at their threshold; differences are paired resample by resample"
    return [Heading("What the models decide"), Prose(tuple(said)), Table(caption, columns, tuple(entries))]
