"""Intrinsic: how complicated is the model itself, before any method explains it? One metric, as its parts share the model's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from xai_compare import effects
from xai_compare.effects import Asked, Column, Effect, Grid, ask_pairs, column_of
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics._surrogates import blocks_of, imitate
from xai_compare.types import Array, IntArray, Scores, take

__all__ = ["Intrinsic"]

_IMITATED = 2000  # rows whose outputs the surrogates imitate
_FEWEST = 20  # rows below which nothing is said
_FEW = 50  # rows whose values are swapped, however many features there are
_ASKED = 4  # model rows for each row and feature, at most
_NOISE = 1e-3  # of the output's variance: a step that may be wrong by more is asked again, of more rows
_WIDER = 0.1  # share of the rows that are asked then
_TERMS, _DEPTH = 5, 3
_CONSTANT = "the model's output is the same for all test rows"
_NO_MAIN = "no feature moves the output on its own"


@METRICS.register("intrinsic")
@dataclass(frozen=True, slots=True)
class Intrinsic:
    """How simple the model itself is, by asking it alone (Molnar, Casalicchio & Bischl 2020): any model on a table, nets too.

    The output is the model's native one: the value; for two classes that of the second (last); for more classes every class, averaged
    with weights of how much its output varies. Parts, with their ranges:

    - features_used (0 to d, lower is simpler): features whose change moves the output at all, by more than rounding, in any of the rows.
    - interaction_share (0 to 1, lower): 1 - R2 of the mean output plus the first-order effects of the features. Effects are accumulated
      local ones (ALE, Apley & Zhu 2020) in up to 50 bins for numbers, least-squares differences between drawn levels for categories.
      0 for an additive model, 1 where the effects tell nothing (pure XOR). The variance that the effects' own noise adds is taken off
      (Molnar et al. leave it in), then the share is cut to its range. A level that one or two rows hold takes their interactions into
      its effect: with a category of many hundred levels the share comes out too low.
    - main_effect_complexity (1 and up, lower): straight pieces, which need not meet, that tell a numeric effect to R2 .95, the fewest
      there are (Molnar et al. search greedily, and count a flat piece less); for a category the steps between groups of levels. Mean
      over the features, weighted by the variance of their effects. 1 for a linear model of numbers and flags.
    - surrogate_tree, surrogate_linear (up to 1, higher): R2 of a tree of depth 3 and of a linear model of 5 features, by forward selection,
      that imitate the output; fitted on one half of the rows, scored on the other, and the reverse. 1: it could replace the model.

    Shares and R2 carry `replicates`: scored on resampled rows, the same for every model, effects and surrogates as they are. The two counts
    have none: a resample holds fewer distinct rows, so it finds fewer features and other pieces, and would be off to one side.
    Nominal 95 % intervals of interaction_share covered, simulated, 88 to 97 % at 600 rows; at 150 rows 94 % of a smooth model's, but
    76 to 89 % where one or two sharp steps make all of the interaction. All of it speaks of these rows, not of the whole
    input space, and is descriptive: simple is not the same as good. Where several columns count as one feature their values are still
    swapped one by one: what they do together counts as interaction.

    Cost: at most 4 model rows per sampled row and feature (3 as a rule), plus 2,000, in a few calls; `budget` caps the first number.

    Parameters
    ----------
    rows : the most test rows whose values are swapped.
    budget : about how many model rows that may take; never under 50 rows.
    resamples : how many.
    """

    title: ClassVar[str] = "Intrinsic simplicity"
    question: ClassVar[str] = "intrinsic"
    better: ClassVar[Literal["higher", "lower", "none"]] = "none"
    range: ClassVar[str] = "features used 0 to d, interaction share 0 to 1, pieces 1 and up, R2 of surrogates up to 1"
    chance: ClassVar[str] = "none"
    cost: ClassVar[str] = "at most 4 model rows per sampled test row and feature, about 60,000 by default, plus 2,000"
    citation: ClassVar[str] = "Molnar, Casalicchio & Bischl 2020; Apley & Zhu 2020 (ALE)"
    scope: ClassVar[Literal["method", "methods", "model"]] = "model"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})

    rows: int = 1000
    budget: int = 60_000
    resamples: int = 2000

    def __post_init__(self) -> None:
        for name, least in (("rows", _FEWEST), ("budget", 1), ("resamples", 100)):
            if getattr(self, name) < least:
                raise XaiCompareError(f"{name} must be at least {least}, found {getattr(self, name)}")

    def __call__(self, view: View) -> Scores:
        table, model, space = view.data.test.inputs, view.model, view.data.space
        assert model is not None  # a metric of the model has one
        if not hasattr(table, "iloc"):
            raise NotApplicable("it swaps values between the rows of a table, and these data are none")
        if len(table) < _FEWEST:
            raise NotApplicable(f"it needs at least {_FEWEST} test rows, and there are {len(table)}")
        some = take(table, view.streams.at("rows").shared().permutation(len(table))[:_IMITATED])
        names = list(map(str, some.columns))
        order = sorted(range(len(names)), key=names.__getitem__)  # by name: nothing depends on the order of the columns
        columns = [column_of(some.iloc[:, j], space.column_kinds[j]) for j in order]
        n = min(self.rows, len(some), max(_FEW, self.budget // (_ASKED * len(names))))
        asked = Asked(model, some, n, order, model.native, _of_two)
        draws = [view.streams.at("column", names[j]).shared() for j in order]
        found, used = _effects(asked, [Column(one.values[:n], one.categorical) for one in columns], draws)
        features = {int(space.feature_of[order[j]]) for j in used}
        parts = {"features_used": Scores(np.array([float(len(features))]), n=n, better="lower")}
        weights = self._weights(view, n)
        parts["interaction_share"] = _share(asked.own[:n], [effect for _, effect in found], weights)
        parts["main_effect_complexity"] = _complexity(asked.own[:n], found, columns)
        said = imitate(blocks_of(columns), asked.own, _TERMS, _DEPTH)
        weights = self._weights(view, len(some))
        for name, outputs in said.items():
            told = 1 - effects.unexplained(asked.own - outputs, asked.own, weights)
            parts[f"surrogate_{name}"] = _scores(told, len(some), "higher")
        lead = parts["interaction_share"]
        return Scores(lead.values, parts=parts, reasons=lead.reasons, replicates=lead.replicates, n=n)

    def _weights(self, view: View, n: int) -> Array:
        """(1 + resamples, n): how often each row counts; first all of them once."""
        drawn = view.streams.at("resamples", n).shared().multinomial(n, np.full(n, 1 / n), size=self.resamples)
        return np.vstack([np.ones(n), drawn])


def _of_two(outputs: Array) -> Array:
    """Of two classes the second; the first is its mirror image."""
    return outputs[:, 1:] if outputs.shape[1] == 2 else outputs


def _effects(asked: Asked, columns: list[Column], draws: list[np.random.Generator]) -> tuple[list[tuple[Grid, Effect]], list[int]]:
    """The effect of each column, and the columns that the model uses.

    Asked at most three times: for all effects and for values swapped at random; then again where a step is unsure.
    """
    grids = [effects.grid_of(column, rng) for column, rng in zip(columns, draws, strict=True)]
    answers = ask_pairs(asked, [grid.pairs for grid in grids])
    swap = np.concatenate([rng.permutation(asked.n) for rng in draws])
    feature, row = np.divmod(np.arange(asked.n * asked.d), asked.n)
    moved = (np.abs(asked(feature, row, swap) - asked.own[row]).max(axis=1) > asked.rounding).reshape(asked.d, asked.n).any(axis=1)
    used = [j for j, (a, b) in enumerate(answers) if moved[j] or (np.abs(a - b) > asked.rounding).any()]
    own = asked.own[: asked.n]
    found = [effects.effect_of(grid, own, a, b) for grid, (a, b) in zip(grids, answers, strict=True)]
    size = max(_FEWEST, round(_WIDER * asked.n))
    numeric = [j for j, column in enumerate(columns) if not column.categorical]
    unsure = {j: effects.doubts(grids[j], found[j], *answers[j]) for j in numeric}
    again = _unsure(unsure, _NOISE * float(own.var(axis=0).sum()), asked.n * asked.d // (2 * size))
    wider = {j: effects.widened(grids[j], nodes, size) for j, nodes in again.items()}
    more = ask_pairs(asked, [wider[j].pairs[len(grids[j].pairs) :] if j in wider else grids[j].pairs[:0] for j in range(asked.d)])
    for j, grid in wider.items():
        a, b = (np.concatenate(both) for both in zip(answers[j], more[j], strict=True))
        grids[j], found[j] = grid, effects.effect_of(grid, own, a, b)
    return list(zip(grids, found, strict=True)), used


def _unsure(doubts: dict[int, Array], least: float, most: int) -> dict[int, IntArray]:
    """{feature: nodes} of the steps that bring in most noise, and more than `least`."""
    ranked = sorted(((-doubt, j, node) for j, one in doubts.items() for node, doubt in enumerate(one.tolist()) if doubt > least))[:most]
    return {j: np.array([node for _, i, node in ranked if i == j]) for j in sorted({j for _, j, _ in ranked})}


def _share(own: Array, found: list[Effect], weights: Array) -> Scores:
    left = own - own.mean(axis=0) - sum(effect.rows for effect in found)
    noise = sum(float(effect.noise.sum()) for effect in found)
    share = np.clip(effects.unexplained(left, own, weights, noise), 0.0, 1.0)
    return _scores(np.where(share < 1e-9, 0.0, share), len(own), "lower")


def _complexity(own: Array, found: list[tuple[Grid, Effect]], columns: list[Column]) -> Scores:
    total = float(own.var(axis=0).sum())
    weight = np.array([np.maximum(effect.rows.var(axis=0) - effect.noise, 0.0) for _, effect in found])
    if total <= 0 or weight.sum() <= _NOISE * total:
        return Scores(np.full(1, np.nan), reasons={0: _CONSTANT if total <= 0 else _NO_MAIN}, n=len(own), better="lower")
    pieces = np.array([effects.bends(grid.x, effect, one.categorical) for (grid, effect), one in zip(found, columns, strict=True)])
    return Scores(np.array([float((weight * pieces).sum() / weight.sum())]), n=len(own), better="lower")


def _scores(values: Array, n: int, better: Literal["higher", "lower"]) -> Scores:
    return Scores(values[:1], reasons={0: _CONSTANT} if np.isnan(values[0]) else {}, replicates=values[1:], n=n, better=better)
