"""The game: coalitions in, outputs out. One hiding rule, one background, one batched evaluator for everyone.

v(case, coalition) is the explained output of a model when only the shown features of the case keep their value and
the hidden ones take every fill row in turn, averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai_compare.errors import NotApplicable
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, Data, FeatureSpace, Inputs, IntArray, Model, Output, take

__all__ = ["BLOCK", "Coalitions", "Game", "all_pairs", "evaluate_coalitions", "random_pairs", "sample_size", "unseen_features"]

BLOCK = 32_768
"""Model rows of one predict call: large enough to drown a forest's dispatch, small enough for the cache. Never depends on the machine."""

_NUMBERS, _FEWEST = 2**25, 64
"""Numbers that the inputs of one call hold at most, and rows that it has at least: images and series are larger than rows of a table."""


class Game:
    """v for n cases of one model.

    Parameters
    ----------
    model : the model.
    data : the study's data; its feature space hides, its background fills.
    inputs : the n cases.
    cases : (n,) their numbers in the study, which key the random streams.
    target : (n,) the explained output of each case.
    output : the space in which outputs are read.
    fill : how features are hidden; None: what is usual for the data.

    Attributes
    ----------
    owner : (p,) the feature of each column of the model's encoding; None if the model cannot be opened.
    present : (n, d) the features that each case has.
    rows_spent : model rows asked of the model so far.
    """

    def __init__(
        self, model: Model, data: Data, inputs: Inputs, cases: IntArray, target: IntArray, output: Output, fill: str | None = None
    ) -> None:
        self.model, self.data, self.inputs = model, data, inputs
        self.cases, self.target, self.output, self.fill = cases, target, output, fill or data.space.fills[0]
        self.n, self.d = len(cases), data.space.d
        self.present = data.space.present(inputs)
        self.owner = None if model.owner is None else data.space.feature_of[model.owner]
        # Where the fill is made of rows, nothing shown is the same set of masked inputs for every case; but a series keeps its own end.
        self._alike = self._filling() is not None and (hasattr(inputs, "iloc") or not np.isnan(inputs).any())
        self.block = max(_FEWEST, min(BLOCK, _NUMBERS // max(data.space.cells, 1)))
        self.rows_spent = 0
        self._known: dict[bytes, float] = {}
        self._encoded: tuple[Array, Array] | None = None

    def values(self, rows: IntArray, keep: BoolArray) -> Array:
        """(m,) v of m coalitions, each of case rows[i] with the features keep[i] (m, d) shown; what the case does not have changes nothing.

        Cost: width(fill) model rows for each coalition not asked before, 1 for a full one.
        """
        keep = keep & self.present[rows]
        keys = self._keys(rows, keep)
        fresh: dict[bytes, int] = {}
        for position, key in enumerate(keys):
            if key not in self._known and key not in fresh:
                fresh[key] = position
        if fresh:
            at = np.fromiter(fresh.values(), dtype=np.int64, count=len(fresh))
            self._known.update(zip(fresh, self._evaluate(rows[at], keep[at]).tolist(), strict=True))
        return np.fromiter((self._known[key] for key in keys), dtype=np.float64, count=len(keys))

    def full(self) -> Array:
        """(n,) v of everything shown: the model's own output for the case."""
        return self.values(np.arange(self.n), np.ones((self.n, self.d), dtype=bool))

    def empty(self) -> Array:
        """(n,) v of nothing shown: the mean output over the fill rows."""
        return self.values(np.arange(self.n), np.zeros((self.n, self.d), dtype=bool))

    def predict(self, inputs: Inputs) -> Array:
        """(m, k) outputs of any inputs in this game's output space, counted like every other model row."""
        self.rows_spent += len(inputs)
        return self.model.predict(inputs, self.output)

    def fill_rows(self) -> Inputs:
        """The rows from which hidden features are filled.

        Raises
        ------
        NotApplicable
            Where the fill is not made of rows.
        """
        rows = self._filling()
        if rows is None:
            raise NotApplicable(f"the fill '{self.fill}' has no rows to serve as a background")
        return rows

    def _filling(self) -> Inputs | None:
        """The rows from which hidden features are filled, or None where the fill is made of the case itself."""
        return self.data.space.fill_rows(self.fill)

    def _keys(self, rows: IntArray, keep: BoolArray) -> list[bytes]:
        who = rows.astype(np.int64)
        if self._alike:
            who = np.where(keep.any(axis=1), who, -1 - self.target[rows])
        packed = np.concatenate([who.view(np.uint8).reshape(len(rows), who.itemsize), np.packbits(keep, axis=1)], axis=1)
        return [key.tobytes() for key in packed]

    def _evaluate(self, rows: IntArray, keep: BoolArray) -> Array:
        out = np.empty(len(rows))
        whole = (keep == self.present[rows]).all(axis=1)
        if whole.any():
            out[whole] = self._read(self._masked(rows[whole], keep[whole], whole=True), rows[whole], 1)
        part = np.flatnonzero(~whole)
        width = self.data.space.width(self.fill)
        step = max(1, self.block // width)
        for start in range(0, len(part), step):
            at = part[start : start + step]
            out[at] = self._read(self._masked(rows[at], keep[at], whole=False), rows[at], width)
        return out

    def _read(self, outputs: Array, rows: IntArray, width: int) -> Array:
        self.rows_spent += len(outputs)
        chosen = outputs[np.arange(len(outputs)), np.repeat(self.target[rows], width)]
        return np.asarray(chosen.reshape(-1, width).mean(axis=1))

    def _masked(self, rows: IntArray, keep: BoolArray, whole: bool) -> Array:
        """(m * width, k) outputs of the masked inputs; `whole` ones need no fill."""
        fills = self._filling()
        if self.owner is None or fills is None:
            hidden = take(self.inputs, rows) if whole else self.data.space.hide(self.inputs, rows, keep, self.fill)
            return self.model.predict(hidden, self.output)
        # Separable by column: encode once, then mix the encoded blocks. The same numbers without preprocessing every masked row.
        if self._encoded is None:
            self._encoded = self.model.encode(self.inputs), self.model.encode(fills)
        cases, fill = self._encoded
        if whole:
            return self.model.predict_encoded(cases[rows], self.output)
        mixed = np.where(keep[:, self.owner][:, None, :], cases[rows][:, None, :], fill[None, :, :])
        return self.model.predict_encoded(mixed.reshape(-1, mixed.shape[-1]), self.output)


def unseen_features(model: Model, space: FeatureSpace) -> BoolArray:
    """(d,) features of which the model is given no column: nothing in them can move its output."""
    if model.owner is not None:
        seen = model.owner
    else:
        unseen = set(getattr(model, "unseen", ()))
        if not unseen:
            return np.zeros(space.d, dtype=bool)
        seen = np.array([j for j, name in enumerate(space.columns) if name not in unseen], dtype=np.int64)
    return np.asarray(np.bincount(space.feature_of[seen], minlength=space.d) == 0)


@dataclass(frozen=True, slots=True, eq=False)
class Coalitions:
    """The coalition sample of n cases and what the model answered: the currency of every fidelity metric.

    Attributes
    ----------
    keep : (n, m, d) the first of each complement pair, True = shown; False for features that the case does not have.
    shown, hidden : (n, m) v(S) and v(everything but S).
    weights : (m,) of each pair where all pairs are enumerated (they add up to 1), or None where they were drawn. Where cases differ in
        their features, (n, m): 0 in the rows of cases whose pairs were drawn.
    full, empty : (n,) v(everything) and v(nothing).
    spread : (n,) standard deviation of the model's explained output over the background rows, the scale for "flat".
    pairs : (n,) how many of the m pairs each case has, where cases differ in their features; else None.
    """

    keep: BoolArray
    shown: Array
    hidden: Array
    weights: Array | None
    full: Array
    empty: Array
    spread: Array
    pairs: IntArray | None = None


def sample_size(d: int) -> int:
    """Complement pairs of one case: max(64, 4 d)."""
    return max(64, 4 * d)


def all_pairs(d: int) -> tuple[BoolArray, Array]:
    """Every complement pair once, (2^(d-1) - 1, d), with size-uniform weights (m,) that add up to 1.

    A coalition of size s has weight 1 / ((d - 1) C(d, s)); a pair has the weight of its two halves.
    """
    codes = np.arange(1, 2 ** (d - 1))  # the last feature hidden in the first half: one of each pair
    keep = (codes[:, None] >> np.arange(d)) & 1 == 1
    sizes = keep.sum(axis=1)
    return keep, 2.0 / ((d - 1) * _choose(d)[sizes])


def _choose(d: int) -> Array:
    from math import comb

    return np.array([comb(d, size) for size in range(d + 1)], dtype=np.float64)


def random_pairs(d: int, m: int, rng: np.random.Generator) -> BoolArray:
    """(m, d) coalitions: the size uniform on 1..d-1, then the members uniform."""
    sizes = rng.integers(1, d, size=m)
    order = np.argsort(rng.random((m, d)), axis=1)
    keep = np.zeros((m, d), dtype=bool)
    np.put_along_axis(keep, order, np.arange(d)[None, :] < sizes[:, None], axis=1)
    return keep


def evaluate_coalitions(game: Game, streams: Streams) -> Coalitions:
    """Draw (or, where there are no more than the sample would hold, enumerate) each case's coalitions and ask the model once.

    The draw depends on the seed and the case only: the same for every model and method. Cost: 2 m width(fill) model rows per case.
    """
    keep, weights, pairs = _ragged(game, streams) if not game.present.all() else (*_drawn(game.cases, game.d, streams), None)
    rows = np.repeat(np.arange(game.n), keep.shape[1])
    flat = keep.reshape(-1, game.d)
    answers = game.values(np.concatenate([rows, rows]), np.concatenate([flat, ~flat]))
    shown, hidden = answers.reshape(2, game.n, keep.shape[1])
    on_background = game.predict(game.data.background_inputs())
    spread = on_background.std(axis=0)[game.target]
    return Coalitions(keep, shown, hidden, weights, game.full(), game.empty(), spread, pairs)


def _drawn(cases: IntArray, d: int, streams: Streams) -> tuple[BoolArray, Array | None]:
    """(n, m, d) coalitions of cases with d features each, and the weights (m,) of pairs that are enumerated."""
    m = sample_size(d)
    if d <= 2:
        return np.zeros((len(cases), 0, d), dtype=bool), None
    if 2**d - 2 <= 2 * m:
        pairs, weights = all_pairs(d)
        return np.broadcast_to(pairs, (len(cases), *pairs.shape)).copy(), weights
    return np.stack([random_pairs(d, m, streams.case(case)) for case in cases]), None


def _ragged(game: Game, streams: Streams) -> tuple[BoolArray, Array, IntArray]:
    """Coalitions of cases that differ in their features: (n, m, d) with m that of the largest, weights (n, m), pairs (n,)."""
    own = game.present.sum(axis=1)
    found = {int(size): _drawn(game.cases[own == size], int(size), streams) for size in np.unique(own)}
    m = max(keep.shape[1] for keep, _ in found.values())
    keep, weights, pairs = np.zeros((game.n, m, game.d), dtype=bool), np.zeros((game.n, m)), np.zeros(game.n, dtype=np.int64)
    for size, (drawn, weight) in found.items():
        at = np.flatnonzero(own == size)
        pairs[at] = drawn.shape[1]
        weights[at, : drawn.shape[1]] = 0.0 if weight is None else weight
        for i, one in zip(at, drawn, strict=True):
            keep[i, : len(one), game.present[i]] = one.T
    return keep, weights, pairs
