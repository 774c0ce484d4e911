"""Stability: would the next run, or the next similar person, get the same explanation?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare.data.tabular import spread_rows
from xai_compare.errors import NotApplicable
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._arrays import overlap
from xai_compare.metrics._cases import check_counts, taken
from xai_compare.metrics._coalitions import FLAT, blanked
from xai_compare.metrics._sizes import shared
from xai_compare.types import Array, Attribution, BoolArray, Inputs, IntArray, Model, Scores, take

__all__ = ["BackgroundStability", "InputStability", "SeedStability"]

_TRIES = 20
_KEPT = 4
"""The strongest words of a text, which its neighbours keep."""


class _ByRerun:
    """What these metrics have in common."""

    __slots__ = ()

    question: ClassVar[str] = "stability"
    better: ClassVar[Literal["higher", "lower", "none"]] = "higher"
    range: ClassVar[str] = "0 to 1"
    chance: ClassVar[str] = "closed form, by case: the overlap under re-ordering the features"
    cost: ClassVar[str] = "3 more runs of the method on 30 cases"
    scope: ClassVar[Literal["method", "methods", "model"]] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"rerun"})


@METRICS.register("input_stability")
@dataclass(frozen=True, slots=True)
class InputStability(_ByRerun):
    """How much of the explanation is shared with those of slightly changed cases for which the model says the same.

    A neighbour has every number moved by up to 1 % of the ranks of its training column (one rank at least), so that values stay
    real, and one category drawn anew; images and series get noise of 2 % of their range; a text loses one word, none of the 4 strongest.
    It keeps the model's prediction (regression: the output stays within a tenth of its
    standard deviation on the background), or another one is drawn, 20 times at most. The score is the mean overlap of the shares
    of |phi|, with sign.
    Part `output_changed`: the share of neighbours that move the output by more than a thousandth of that deviation.
    Part `max_sensitivity` (Yeh et al. 2019): the largest ||phi(x') - phi(x)|| / ||phi(x)|| over the same neighbours, 0 and up, lower is
    better; no chance level, no skill. It is no metric of its own: it would explain every neighbour a second time. Captum and
    Quantus call it by the same name and divide by the same norm; they move each number by noise of one radius for all columns.

    Range 0 to 1; higher is better. Chance: the overlap under re-ordering the features within the case. Ceiling 1. A constant
    explanation is perfectly stable: read it beside fidelity only. Methods keep their random numbers, the control does not.
    Cost: the method's own, `neighbours` times for each of `cases` cases, and 20 * neighbours model rows for each, twice for a
    classifier (its outputs and its decisions).

    Parameters
    ----------
    cases : how many cases are asked, evenly spread over the study. neighbours : of each case.
    """

    title: ClassVar[str] = "Stability under small changes"
    cost: ClassVar[str] = "5 more runs of the method on 50 cases"
    citation: ClassVar[str] = "Alvarez-Melis & Jaakkola 2018; Yeh et al. 2019 (max sensitivity); xai_compare"
    lead: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"model", "rerun"})

    cases: int = 50
    neighbours: int = 5

    def __post_init__(self) -> None:
        check_counts(cases=self.cases, neighbours=self.neighbours)

    def __call__(self, view: View) -> Scores:
        own = view.attributions[0]
        if own.scope == "model":
            raise NotApplicable("the method gives every case the same values, so a similar case cannot differ")
        at, reasons = taken(view, self.cases)
        rows, inputs, moved = self._neighbours(view, at) if len(at) else (at, None, np.zeros(0))
        before = own.rows(rows)
        again = view.rerun(rows, inputs=inputs) if len(rows) else before  # type: ignore[misc]  # it is among the needs
        lonely = {int(i): f"no neighbour with the same prediction in {_TRIES} tries" for i in np.setdiff1d(at, rows)}
        found = _scores(len(view.cases), [(rows, *_overlap(before, again))], reasons | lonely)
        share = np.bincount(rows, moved, len(view.cases)) / np.maximum(np.bincount(rows, minlength=len(view.cases)), 1)
        parts = {
            "max_sensitivity": _max_sensitivity(own.known(), rows, again.known(), reasons | lonely),
            "output_changed": Scores(blanked(share, found.reasons), reasons=found.reasons),
        }
        return Scores(found.values, found.chance, found.ceiling, parts, found.reasons)

    def _neighbours(self, view: View, at: IntArray) -> tuple[IntArray, Inputs, Array]:
        """(r,) the case of each neighbour, the r inputs, and whether each moves the output."""
        model, space = view.model, view.data.space
        assert model is not None
        cases = view.data.cases(np.array(view.cases)[at])
        tries = self.neighbours * _TRIES
        draws = [view.streams.case(view.cases[i]) for i in at]
        candidates = space.neighbours(cases, view.data.train.inputs, tries, draws, _strongest(view.attributions[0].rows(at)))
        same, moved = _alike(model, view, cases, candidates, tries)
        # The first good try of each neighbour; a neighbour without one is left out.
        good = same.reshape(len(at), self.neighbours, _TRIES)
        first = good.argmax(axis=2) + _TRIES * np.arange(self.neighbours) + tries * np.arange(len(at))[:, None]
        chosen = first[good.any(axis=2)]
        return at[chosen // tries], take(candidates, chosen), moved[chosen]


def _strongest(own: Attribution) -> BoolArray:
    """(n, d) the features that a neighbour keeps where it loses one: the strongest few."""
    size = np.abs(own.known())
    place = np.argsort(np.argsort(-size, axis=1, kind="stable"), axis=1)
    return np.asarray(place < _KEPT)


def _overlap(own: Attribution, again: Attribution) -> tuple[Array, Array]:
    """(r,) shared mass and its chance, over the features that both have."""
    return overlap(own.values, again.values, shared(own, again))


def _max_sensitivity(own: Array, rows: IntArray, again: Array, reasons: dict[int, str]) -> Scores:
    """The largest relative change of own (n, d) over the neighbours (r, d) of the cases `rows`."""
    norm = np.linalg.norm(own, axis=1)
    most = np.zeros(len(own))
    np.maximum.at(most, rows, np.linalg.norm(again - own[rows], axis=1))
    values = np.divide(most, norm, out=np.full(len(own), np.nan), where=norm > 0)
    reasons = {int(i): "all-zero explanation" for i in np.flatnonzero(norm == 0)} | reasons
    return Scores(blanked(values, reasons), reasons=reasons)


def _alike(model: Model, view: View, cases: Inputs, candidates: Inputs, tries: int) -> tuple[Array, Array]:
    """(m,) whether the model predicts the same for a candidate as for its case, and whether its output moves at all."""
    native = model.native
    spread = model.predict(view.data.background_inputs(), native).std(axis=0).max()
    before, after = np.repeat(model.predict(cases, native), tries, axis=0), model.predict(candidates, native)
    moved = np.abs(after - before).max(axis=1)
    if view.data.task == "regression":
        return moved <= 0.1 * spread, moved > FLAT * spread
    return np.repeat(model.decide(cases), tries) == model.decide(candidates), moved > FLAT * spread


@METRICS.register("seed_stability")
@dataclass(frozen=True, slots=True)
class SeedStability(_ByRerun):
    """How much of the explanation is shared with those of runs with other random numbers.

    The mean overlap of the shares of |phi|, with sign. Range 0 to 1; higher is better; 1 for a method without chance in it.
    Chance: the overlap under re-ordering the features within the case. Ceiling 1.
    Cost: the method's own, `runs` times for each of `cases` cases.

    Parameters
    ----------
    cases : how many cases are asked, evenly spread over the study. runs : with other random numbers.
    """

    title: ClassVar[str] = "Stability over seeds"
    citation: ClassVar[str] = "Visani et al. 2022; xai_compare"

    cases: int = 30
    runs: int = 3

    def __post_init__(self) -> None:
        check_counts(cases=self.cases, runs=self.runs)

    def __call__(self, view: View) -> Scores:
        at, reasons = taken(view, self.cases)
        runs = (view.rerun(at, streams=view.streams.at("run", run)) for run in range(self.runs) if len(at))  # type: ignore[misc]
        return _compared(view, at, runs, reasons)


@METRICS.register("background_stability")
@dataclass(frozen=True, slots=True)
class BackgroundStability(_ByRerun):
    """How much of the explanation is shared with those against other background rows, as many, drawn from the same table.

    The mean overlap of the shares of |phi|, with sign. Range 0 to 1; higher is better; 1 for a method that looks at no background.
    Chance: the overlap under re-ordering the features within the case. Ceiling 1.
    Cost: the method's own, `runs` times for each of `cases` cases.

    Parameters
    ----------
    cases : how many cases are asked, evenly spread over the study. runs : against other background rows.
    """

    title: ClassVar[str] = "Stability over backgrounds"
    citation: ClassVar[str] = "Yuan et al. 2023; xai_compare"

    cases: int = 30
    runs: int = 3

    def __post_init__(self) -> None:
        check_counts(cases=self.cases, runs=self.runs)

    def __call__(self, view: View) -> Scores:
        train, size = view.data.train, len(view.data.background)
        if len(train.inputs) < 2 * size:  # two draws would be mostly the same rows
            raise NotApplicable(f"{len(train.inputs)} rows are too few to draw another background of {size}: twice as many are needed")
        at, reasons = taken(view, self.cases)
        # The same other backgrounds for every model, method and chunk.
        draws = (view.streams.at("background", run).shared() for run in range(self.runs) if len(at))
        runs = (view.rerun(at, background=spread_rows(train.y, len(train.inputs), size, draw)) for draw in draws)  # type: ignore[misc]
        return _compared(view, at, runs, reasons)


def _compared(view: View, at: IntArray, runs: Iterable[Attribution], reasons: dict[int, str]) -> Scores:
    pairs = [(at, *_overlap(view.attributions[0].rows(at), again)) for again in runs]
    return _scores(len(view.cases), pairs, reasons)


def _scores(n: int, pairs: list[tuple[IntArray, Array, Array]], reasons: dict[int, str]) -> Scores:
    """Mean overlap of each of n cases over its pairs (case, overlap, chance), with its mean chance."""
    sums = np.zeros((3, n))
    for rows, kept, chance in pairs:
        for total, values in zip(sums, (kept, chance, np.ones(len(rows))), strict=True):
            np.add.at(total, rows, values)
    values, chances = np.divide(sums[:2], sums[2], out=np.full((2, n), np.nan), where=sums[2] > 0)
    constant = np.flatnonzero(~(chances < 1 - 1e-12))
    reasons = {int(i): "constant explanation" for i in constant} | reasons
    return Scores(blanked(values, reasons), blanked(chances, reasons), np.ones(n), reasons=reasons)
