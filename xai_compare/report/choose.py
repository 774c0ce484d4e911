"""Which cases the report shows one by one, and why: disagreement, nearness to the threshold, and a seeded draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import combinations, zip_longest

import numpy as np

from xai_compare.compare import DrivingRow
from xai_compare.errors import UnknownName, nearest
from xai_compare.report.words import fixed
from xai_compare.results import Results
from xai_compare.types import Array

__all__ = ["RULES", "case_methods", "choose", "differing", "lead_method", "overlap", "pick", "signed_methods", "widest"]

WANTED = 6
_ROUNDING = 1e-9  # of a term: less is no gap
_EACH = 2


def signed_methods(results: Results) -> list[str]:
    """Methods that give a direction for each case, without the control, in the order of the study."""
    return [m.name for m in results.methods if m.signed and m.scope == "case" and not m.control]


def case_methods(results: Results) -> list[str]:
    """Methods that speak of each case, with a direction or without, without the control, in the order of the study."""
    return [m.name for m in results.methods if m.scope == "case" and not m.control]


def lead_method(results: Results) -> str | None:
    """The first signed method among those that ran on the most models."""
    ran = {name: sum((model.name, name) in results.attributions for model in results.models) for name in signed_methods(results)}
    return max(ran, key=lambda name: ran[name]) if any(ran.values()) else None


def overlap(a: Array, b: Array) -> Array:
    """Overlap of the shares of two attributions (n, d) -> (n,) in [0, 1]; NaN where one of them is all zero."""
    return np.asarray(1 - np.abs(_shares(a) - _shares(b)).sum(axis=1) / 2, dtype=float)


def _shares(values: Array) -> Array:
    filled = np.nan_to_num(values)
    total = np.abs(filled).sum(axis=1, keepdims=True)
    shares: Array = np.divide(filled, total, out=np.full_like(filled, np.nan), where=total > 0)
    return shares


def choose(results: Results, driving: Sequence[DrivingRow] = ()) -> list[tuple[int, str]]:
    """(case, why) of at least six cases, fewer only where the study has fewer; no case twice. Those in which a gap is widest come first."""
    found: dict[int, str] = {}
    for row in driving:
        found |= dict(_by_gap(row)[:1])
    order, why = _by_disagreement(results)
    _take(found, ((case, why) for case in order), len(found) + _EACH)
    _take(found, _by_threshold(results), len(found) + _EACH)
    seed = results.study.get("seed", 0)
    drawn = ((case, f"drawn at random with seed {seed}") for case in _drawn(results.cases.ids, seed))
    _take(found, drawn, max(WANTED, len(found) + 1))
    return list(found.items())


RULES = ("report", "model_disagreement", "method_disagreement", "near_threshold", "random", "widest_gap")
"""The ways to pick cases by."""


def pick(
    results: Results, which: str | Iterable[object], n: int | None = None, driving: Sequence[DrivingRow] = ()
) -> list[tuple[int, str]]:
    """(case, why) of the cases with these ids, or of the first n (6) by a rule: one of `RULES`, "report" for those that a report shows.

    Raises
    ------
    UnknownName
        For what is neither an id nor a rule.
    """
    places = {name: place for place, name in reversed(list(enumerate(results.cases.ids)))}
    if isinstance(which, str) and which not in places:
        return _ruled(results, which, places, driving)[: None if which == "report" and n is None else n or WANTED]
    wanted = [str(one) for one in ([which] if isinstance(which, str) else which)]
    for name in wanted:
        if name not in places:
            raise _unknown(name, places)
    return [(places[name], "asked for") for name in wanted][:n]


def _ruled(results: Results, rule: str, places: Iterable[str], driving: Sequence[DrivingRow]) -> list[tuple[int, str]]:
    if rule not in RULES:
        raise _unknown(rule, places)
    if rule == "report":
        return choose(results, driving)
    if rule == "widest_gap":
        return list({case: (case, why) for turn in zip_longest(*map(_by_gap, driving)) for case, why in filter(None, turn)}.values())
    if rule == "near_threshold":
        return _by_threshold(results)
    if rule == "random":
        seed = results.study.get("seed", 0)
        return [(case, f"drawn at random with seed {seed}") for case in _drawn(results.cases.ids, seed)]
    apart = differing(results)[RULES.index(rule) - 1]
    what = rule.removesuffix("_disagreement")
    return [(case, f"explanations differ by {fixed(float(apart[case]), 2)} between {what}s") for case in _ascending(-apart)]


def _unknown(name: str, places: Iterable[str]) -> UnknownName:
    ids = list(places)
    close = nearest(name, [*ids, *RULES]).partition("Allowed: ")[0]
    few = f"{', '.join(ids[:3])}, and {len(ids) - 3} more" if len(ids) > 4 else ", ".join(ids)
    return UnknownName(f"unknown case '{name}': {close}Give ids of cases ({few}), or a rule: {', '.join(RULES)}")


def _take(found: dict[int, str], order: Iterable[tuple[int, str]], until: int) -> None:
    for case, why in order:
        if len(found) >= until:
            return
        found.setdefault(int(case), why)


def widest(row: DrivingRow) -> list[int]:
    """The cases by how far they pull a gap the way it goes, the furthest first; none where it goes no way."""
    gap = float(np.nanmean(row.terms)) if np.isfinite(row.terms).any() else 0.0  # of no term there is no mean
    return _ascending(row.terms * np.sign(-gap)) if np.nanmax(np.abs(row.terms), initial=0.0) > _ROUNDING else []


def _by_gap(row: DrivingRow) -> list[tuple[int, str]]:
    why = f"among the cases in which the gap between {row.a} and {row.b} is widest"
    return [(case, why) for case in widest(row)]


def _by_disagreement(results: Results) -> tuple[list[int], str]:
    method = lead_method(results)
    across = [results.attributions[m.name, method].values for m in results.models if method and (m.name, method) in results.attributions]
    why = f"among the cases on which the models differ most, by {_title(results, method)}"
    if len(across) < 2:
        ran = [name for name in signed_methods(results) if (results.reference, name) in results.attributions]
        across = [results.attributions[results.reference, name].values for name in ran]
        why = f"among the cases on which the methods differ most for {results.reference}"
    pairs = [overlap(a, b) for a, b in combinations(across, 2)]
    return (_ascending(np.mean(pairs, axis=0)) if pairs else []), why


def differing(results: Results) -> tuple[Array, Array]:
    """How much the explanations of each case differ -> two arrays (n,): 0 is the same, 1 nothing in common, NaN not comparable.

    The first is between models by the leading method, the second between methods with a direction on each model, averaged over models.
    """
    known, lead, names = results.attributions, lead_method(results), [model.name for model in results.models]
    models = [known[name, lead].values for name in names if lead is not None and (name, lead) in known]
    ran = [[known[name, method].values for method in signed_methods(results) if (name, method) in known] for name in names]
    return _apart(results, [models]), _apart(results, ran)


def _apart(results: Results, groups: list[list[Array]]) -> Array:
    """1 minus the mean overlap of all pairs of each group, averaged over the groups that have a pair."""
    pairs = [np.mean([overlap(a, b) for a, b in combinations(group, 2)], axis=0) for group in groups if len(group) > 1]
    return np.asarray(1 - np.mean(pairs, axis=0), dtype=float) if pairs else np.full(len(results.cases.ids), np.nan)


def _title(results: Results, name: str | None) -> str:
    return next((method.title for method in results.methods if method.name == name), "no method")


def _by_threshold(results: Results) -> list[tuple[int, str]]:
    """Cases with how sure a model is of them, least sure first: the first model that says so, the reference if it does."""
    cases = results.cases
    names = [results.reference, *(m.name for m in results.models if m.name != results.reference)]
    if results.task == "regression":
        spread = np.ptp([cases.outputs[name] for name in names if name in cases.outputs], axis=0)
        why = "among the cases on which the models' predictions differ most"
        return [(case, why) for case in _ascending(-spread)] if len(names) > 1 else []
    for name in names:
        if name in cases.probability:
            return _least_sure(results, cases.probability[name], f"{name}'s probability", (0.5, "one half"))
    margins = [m.name for m in results.models if m.output == "margin" and m.name in cases.outputs]
    return _least_sure(results, cases.outputs[margins[0]], f"{margins[0]}'s margin", (0.0, "zero")) if margins else []


def _least_sure(results: Results, said: Array, whose: str, middle: tuple[float, str]) -> list[tuple[int, str]]:
    """The cases by nearness to the middle, each with its value: "nearest" may still be far.

    Among three classes or more the class that a model predicts need not reach one half, so there the middle means nothing; what is
    known is the explained class alone, and the least sure of it come first.
    """
    predicted = results.study.get("target") is None
    if len(results.classes) > 2 and predicted:
        order, why = _ascending(said), f"among the cases on which {whose} shows it least sure of the explained class"
    else:
        order, why = _ascending(np.abs(said - middle[0])), f"among the cases on which {whose} is nearest to {middle[1]}"
    return [(case, f"{why}, at {fixed(float(said[case]), 2)}") for case in order]


def _ascending(values: Array) -> list[int]:
    order = np.argsort(values, kind="stable")
    return [int(case) for case in order if np.isfinite(values[case])]


def _drawn(ids: tuple[str, ...], seed: object) -> list[int]:
    return sorted(range(len(ids)), key=lambda case: hashlib.sha256(f"{seed}:{ids[case]}".encode("utf-8", "replace")).hexdigest())
