"""A page of a large study stays small, and does not grow with the number of explained cases."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from tests.report.made import Made, made
from xai_compare import report as reports
from xai_compare.compare.importance import importance_rows
from xai_compare.streams import Streams

FEATURES = 30


@cache
def size(cases: int) -> int:
    source = large(cases)
    return len(reports.render(reports.build(source.results, source.comparison)))


def large(n: int) -> Made:
    """The made run with 3 models, 6 methods and the control, 30 features and n cases: what it has, again and again."""
    source = made()
    results, comparison = source.results, source.comparison

    def grown(one: Any, wide: bool = False) -> Any:
        long = np.tile(one, (-(-n // len(one)), *[1] * (one.ndim - 1)))[:n]
        return np.tile(long, (1, 3))[:, :FEATURES] if wide else long

    extra = {f"method {i}": replace(results.methods[1], name=f"method {i}", title=f"Method {i}") for i in (5, 6)}
    known = results.attributions
    copies = {(model, name): known[model, "lime"] for model in ("logistic", "forest", "network") for name in extra}
    grid = [replace(known["network", "integrated_gradients"]) for _ in range(3)]
    copies |= {(model, "integrated_gradients"): one for model, one in zip(("logistic", "forest", "network"), grid, strict=True)}
    attributions = {
        key: replace(one, values=grown(one.values, True) / 3, target=grown(one.target), base=None if one.base is None else grown(one.base))
        for key, one in {**known, **copies}.items()
    }
    old = results.cases
    spread = {
        name: {key: grown(one) for key, one in getattr(old, name).items()} for name in ("outputs", "base", "predicted", "probability")
    }
    shown = tuple(tuple(map(str, row)) for row in grown(np.array(old.values), True))
    cases = replace(old, ids=tuple(f"row {i}" for i in range(n)), target=grown(old.target), y=grown(old.y), values=shown, **spread)
    grew = replace(
        results,
        methods=(*results.methods, *extra.values()),
        attributions=attributions,
        cases=cases,
        features=tuple(f"a feature with a name of some length {i}" for i in range(FEATURES)),
        kinds=("numeric",) * FEATURES,
        profiles={},
        profiled=(),
    )
    rows = {
        name: (*own, *(replace(row, explainer=more) for more in extra for row in own if row.explainer == "lime"))
        for name in ("skills", "gaps", "curves")
        if (own := getattr(comparison, name))
    }
    driving = tuple(replace(row, own=grown(row.own), reference=grown(row.reference), terms=grown(row.terms)) for row in comparison.driving)
    return Made(grew, replace(comparison, **rows, driving=driving, importance=importance_rows(grew, 0.95, Streams(0))))


def test_three_models_six_methods_thirty_features_and_two_hundred_cases_take_less_than_three_megabytes() -> None:
    assert size(200) < 3_000_000


def test_the_page_does_not_grow_with_the_cases() -> None:
    assert size(800) < 1.05 * size(200)
