"""Writes docs/coverage.md: `python -m tests.compare.write_coverage docs/coverage.md`, or `make coverage`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

import numpy as np

from tests.compare.simulation import (
    BAR,
    FULL,
    SHAPES,
    SLICE_RESAMPLES,
    SLICES,
    best_of_each,
    contrast_coverage,
    coverage,
    gaps,
    percentile_coverage,
    skills,
    two_gaps,
    two_means,
    two_skills,
)
from tests.compare.simulation import heavy_symmetric as heavy
from tests.compare.simulation import sparse_symmetric as sparse
from xai_compare.compare.resample import RESAMPLES

SHAPE_NAMES = dict(zip(SHAPES, ("mild", "skewed", "zero-heavy", "bounded"), strict=True)) | {sparse: "sparse", heavy: "two long tails"}
SIDE_NAMES = {two_means: "mean scores", two_skills: "skills", two_gaps: "gaps"}
CHOICES = (((6, 6), 0.9), ((3, 3), 0.9), ((6, 1), 0.9), ((6, 6), 0.0), ((3, 3), 0.0))
CASES = 150

WHY = (
    "With symmetric, sparse or heavy-tailed differences bootstrap-t corrects for skewness that is only noise. "
    "The tests carry these as known misses."
)

PAGE = """# Coverage, measured

`make coverage` writes this page, and every number in it comes from that run. Behind each row stand {studies:,} simulated studies. Their
truth is known, so one can count how many nominal 95 % intervals hold it: 95 % would be right. ± is the standard error of a share.

## Gaps and skills: the intervals of a report

Bootstrap-t with {resamples:,} resamples, as a report has it. Beside it the percentile interval on the same resamples, which no
report shows. We ask for {bars}. Width is the mean width, in the units of the simulation.

| differences | n | bootstrap-t | width | percentile | width | within what we ask for |
|---|---|---|---|---|---|---|
{paired}

Mild: gamma with shape 4. Skewed: lognormal, sigma 0.75. Zero-heavy: 60 % ties, the rest normal around 1. Bounded: of two beta
variables. Skills: a difference of two skills with varying denominators. Sparse: 70 % ties, the rest normal around 0. Two long tails:
a lognormal minus another, sigma 1.

{verdict}

## Slices: a slice against the rest

Two samples of different cases, bootstrap-t with {slice_resamples:,} resamples on each side, as a report has it.

| difference of | cases in the slice | in the rest | coverage | width |
|---|---|---|---|---|
{sides}

Mean scores are lognormal, sigma 0.75. Skills have varying denominators. Gaps are those of two models on the same cases, by gamma variables
with shape 2. The tests ask for {slice_bar} here.

## Each model by its best method: how often equals are told apart

Two models of truly equal skill, {cases} cases, 399 resamples, nominal 5 %. "Alike" is the correlation of two methods' scores, case by case.

| methods | alike | wrongly told apart | mean gap, in standard errors |
|---|---|---|---|
{choices}

What the rows of no likeness mean is said in [statistics.md](statistics.md), under the choice of the best method.
"""


def paired(studies: int, resamples: int) -> tuple[list[str], list[str]]:
    """Rows of the first table, and those of them that miss their bar."""
    rows, missed = [], []
    for name, n, statistics in _paired(studies):
        own, other = coverage(statistics, resamples), percentile_coverage(statistics, resamples)
        low, high = BAR[n]
        held = low <= own.share <= high
        shown = [f"{one.share:.3f} ± {one.error:.3f} | {one.width:.3f}" for one in (own, other)]
        rows.append(f"| {name} | {n} | {shown[0]} | {shown[1]} | {'yes' if held else '**no**'} |")
        if not held:
            missed.append(f"{name} at n = {n} ({own.share:.3f})")
    return rows, missed


def _paired(studies: int) -> Iterator[tuple[str, int, list[np.ndarray]]]:
    for n in BAR:
        for shape, name in SHAPE_NAMES.items():
            yield name, n, gaps(shape, n, studies)
            if shape is SHAPES[-1]:
                yield "skills", n, skills(n, studies)


def sides(studies: int) -> list[str]:
    found = [
        (name, sizes, contrast_coverage(make, sizes, studies, SLICE_RESAMPLES)) for make, name in SIDE_NAMES.items() for sizes in SLICES
    ]
    return [f"| {name} | {a} | {b} | {one.share:.3f} ± {one.error:.3f} | {one.width:.3f} |" for name, (a, b), one in found]


def choices(studies: int) -> list[str]:
    rows = []
    for methods, alike in CHOICES:
        estimates, wrong = best_of_each(studies, methods, alike, CASES)
        off = estimates.mean() / (estimates.std() / np.sqrt(studies))
        error = np.sqrt(wrong * (1 - wrong) / studies)
        likeness = f"{alike:.1f}" if alike else "none"
        rows.append(f"| {methods[0]} and {methods[1]} | {likeness} | {wrong:.1%} ± {error:.1%} | {off:+.1f} |".replace("%", " %"))
    return rows


def _between(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def page(studies: int = FULL, resamples: int = RESAMPLES) -> str:
    rows, missed = paired(studies, resamples)
    verdict = "Every row is within what we ask for."
    if missed:
        verdict = fill(f"Outside it: {', '.join(missed)}. {WHY}", 130)
    return PAGE.format(
        studies=studies,
        resamples=resamples,
        bars=" and ".join(f"{_between(*bar)} at n = {n}" for n, bar in BAR.items()),
        slice_bar=_between(*BAR[50]),
        paired="\n".join(rows),
        verdict=verdict,
        slice_resamples=SLICE_RESAMPLES,
        sides="\n".join(sides(studies)),
        cases=CASES,
        choices="\n".join(choices(studies)),
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
