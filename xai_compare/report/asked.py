"""How a gap was asked, in words: by which methods, under which condition, and whether the answer there is another one."""

from __future__ import annotations

from typing import Any, Literal

from xai_compare.report.blocks import Text
from xai_compare.report.verdict import excludes_zero
from xai_compare.report.words import NO_POWER, count, method_title, model_name, undecided

__all__ = ["FILLS", "Answer", "all_under", "answer", "asked_again", "by_methods", "chosen", "supposing", "under"]

Answer = Literal["same", "reversed", "lost", "found", "not measured"]

PROBABILITY, ALIKE = "probability", "predictions agree"
FILLS = {
    "reference": "the median and most frequent value",
    "background": "the background's values",
    "blur": "a blurred copy",
    "mean": "the background's mean",
    "interpolate": "a straight line between what is shown",
    "mask": "the mask sign",
    "drop": "nothing at all",
}
_DRAWS = {"background draw": "with other background rows", "training seed": "after another training"}
_TOLD = ("better", "worse")


def answer(own: dict[str, Any], again: dict[str, Any]) -> Answer:
    """What a gap under a condition says beside the study's own: "lost" and "found" are of the order of the two models.

    Answers under a condition are not adjusted for being several, so one that the adjustment alone would have taken away is not new.

    >>> gap = {"estimate": 0.4, "low": 0.3, "high": 0.5, "how": "bootstrap-t", "p": 0.01, "reason": None}
    >>> answer({"verdict": "worse", "gap": gap}, {"verdict": "better", "gap": gap})
    'reversed'
    >>> answer({"verdict": "cannot be told apart", "gap": gap}, {"verdict": "better", "gap": gap})
    'same'
    """
    if again["gap"]["estimate"] is None or own["gap"]["estimate"] is None:
        return "not measured"
    before, after = own["verdict"] in _TOLD, again["verdict"] in _TOLD
    if before and after:
        return "same" if own["verdict"] == again["verdict"] else "reversed"
    if before:
        return "lost"
    return "found" if after and _leaning(own) != again["verdict"] else "same"


def _leaning(row: dict[str, Any]) -> str:
    """What a gap would say if it were not adjusted."""
    if row["verdict"] == NO_POWER or undecided(row["gap"]) or not excludes_zero(row["gap"]):
        return ""
    return "better" if row["gap"]["estimate"] > 0 else "worse"


def asked_again(report: dict[str, Any], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that ask the gap of a model's sentence again: the other scale, other fills, the cases with equal predictions."""
    rows = [report["gaps"][index] for index in entry["conditions"]]
    return sorted(rows, key=lambda row: (row["condition"] != PROBABILITY, row["condition"] == ALIKE))


def under(condition: str, n: int | None = None) -> str:
    """A condition in a few words; n counts the cases that it leaves.

    >>> under("probability"), under("reference"), under("predictions agree", 7)
    ('on the probability scale', 'with the reference fill', 'on the 7\\xa0cases where the models predict alike')
    >>> under("training seed 2")
    'after another training (draw 2)'
    """
    if condition == PROBABILITY:
        return "on the probability scale"
    if condition == ALIKE:
        return f"on the {'cases' if n is None else count(n, 'case')} where the models predict alike"
    what, _, number = condition.rpartition(" ")
    if what in _DRAWS:
        return f"{_DRAWS[what]} (draw {number})"
    return f"with the {condition.replace('_', ' ')} fill"


def all_under(rows: list[dict[str, Any]]) -> list[str]:
    """The conditions of some rows in a few words each; several draws of the same thing are one."""
    kinds = [row["condition"].rpartition(" ")[0] for row in rows]
    several = {what for what in _DRAWS if kinds.count(what) > 1}
    said = (
        f"{_DRAWS[what]} ({kinds.count(what)} draws)" if what in several else under(row["condition"], row["gap"]["n"])
        for what, row in zip(kinds, rows, strict=True)
    )
    return list(dict.fromkeys(said))


def supposing(report: dict[str, Any], row: dict[str, Any]) -> str:
    """A condition as the beginning of a sentence that tells what is different there."""
    fill = row["condition"]
    if fill not in FILLS:
        return under(fill, row["gap"]["n"])
    usual = FILLS.get(report["scope"]["data"].get("fill", "background"))
    instead = f" instead of {usual}" if usual and usual != FILLS[fill] else ""
    return f"if hidden features take {FILLS[fill]}{instead},"


def by_methods(report: dict[str, Any], row: dict[str, Any]) -> Text:
    """By which methods two models were compared."""
    if row["choices"] is not None:
        return ("each model's best method (", *chosen(report, row), ")")
    known = {method["name"] for method in report["methods"]}
    by = method_title(report, row["explainer"]) if row["explainer"] in known or " ~ " in row["explainer"] else row["explainer"]
    if row["pairing"] == "best_method":
        return ("each model's best method",)
    return (by or "the same method",)


def chosen(report: dict[str, Any], row: dict[str, Any]) -> Text:
    """The best method of each of two models; both where the halves of the cases chose differently."""
    a, b = (dict.fromkeys(row["choices"][key]) for key in "ab")
    if a.keys() == b.keys() and len(a) == 1:
        return (f"{_titles(report, a)} for both",)
    between = "; " if len(a) + len(b) > 2 else ", "
    names = model_name(report, row["a"]), model_name(report, row["b"])
    return (f"{_titles(report, a)} for ", names[0], f"{between}{_titles(report, b)} for ", names[1])


def _titles(report: dict[str, Any], names: dict[str, None]) -> str:
    titles = [method_title(report, name) for name in names]
    return titles[0] if len(titles) == 1 else f"{' and '.join(titles)}, each on one half of the cases,"
