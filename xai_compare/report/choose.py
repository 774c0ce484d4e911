"""Which cases the report shows one by one, and why: disagreement, nearness to the threshold, and a seeded draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import combinations

import numpy as np

from xai_compare.results import Results
from xai_compare.types import Array

__all__ = ["choose", "lead_method", "overlap", "signed_methods"]

WANTED = 6
_EACH = 2


def signed_methods(results: Results) -> list[str]:
    """Methods that give a direction for each case, without the control, in the order of the study."""
    return [m.name for m in results.methods if m.signed and m.scope == "case" and not m.control]


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


def choose(results: Results) -> list[tuple[int, str]]:
    """(case, why) of at least six cases, fewer only where the study has fewer; no case twice."""
    found: dict[int, str] = {}
    for order, why in (_by_disagreement(results), _by_threshold(results)):
        _take(found, order, why, len(found) + _EACH)
    seed = results.study.get("seed", 0)
    _take(found, _drawn(results.cases.ids, seed), f"drawn at random with seed {seed}", max(WANTED, len(found) + _EACH))
    return list(found.items())


def _take(found: dict[int, str], order: Iterable[int], why: str, until: int) -> None:
    for case in order:
        if len(found) >= until:
            return
        found.setdefault(int(case), why)


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


def _title(results: Results, name: str | None) -> str:
    return next((method.title for method in results.methods if method.name == name), "no method")


def _by_threshold(results: Results) -> tuple[list[int], str]:
    cases = results.cases
    names = [results.reference, *(m.name for m in results.models if m.name != results.reference)]
    if results.task == "regression":
        spread = np.ptp([cases.outputs[name] for name in names if name in cases.outputs], axis=0)
        return (_ascending(-spread) if len(names) > 1 else []), "among the cases on which the models' predictions differ most"
    for name in names:
        if name in cases.probability:
            return _ascending(np.abs(cases.probability[name] - 0.5)), f"near the threshold: {name}'s probability is close to one half"
    margins = [m.name for m in results.models if m.output == "margin" and m.name in cases.outputs]
    if margins:
        return _ascending(np.abs(cases.outputs[margins[0]])), f"near the threshold: {margins[0]}'s margin is close to zero"
    return [], ""


def _ascending(values: Array) -> list[int]:
    order = np.argsort(values, kind="stable")
    return [int(case) for case in order if np.isfinite(values[case])]


def _drawn(ids: tuple[str, ...], seed: object) -> list[int]:
    return sorted(range(len(ids)), key=lambda case: hashlib.sha256(f"{seed}:{ids[case]}".encode("utf-8", "replace")).hexdigest())
