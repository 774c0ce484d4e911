"""What a model says while features leave a case one after the other: in the order of an attribution, and in the best order there is.

Removal has units, so it is played on the scale of probabilities wherever the model has one. It is dear (every step asks for the
whole background), so it is played on a fixed subset of the cases, the same for every model and method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, IntArray

__all__ = ["SHARES", "Bounds", "Removal", "best_orders", "remove", "steps", "subset"]

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the features that are taken away, or kept alone, at once (at least one feature)."""

_STEPS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Removal:
    """Outputs while the features of n cases leave in the order of an attribution; NaN for cases that are not played.

    signed : (n, 2, K + 1) most supporting first, and least supporting first; None for an unsigned attribution.
    strength : (n, 2, K + 1) the same by the size of the attribution.
    without, alone : (n, 5) with the top `SHARES` taken away, and with nothing else shown; top by the attribution where it is signed.
    full : (n,) with everything shown.
    unit : (n,) what areas and losses are told in: 1 for probabilities, else the standard deviation of the output on the background,
        or 1 where that is 0 (a single row).
    """

    signed: Array | None
    strength: Array
    without: Array
    alone: Array
    full: Array
    unit: Array


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Outputs along greedy orders, each (n, K + 1): the best that any order of leaving could do; NaN for cases that are not played.

    lowest, highest : at each step those features leave whose absence lowers, or raises, the output most.
    farthest, nearest : those whose absence moves the output farthest from, or leaves it nearest to, the full output.
    """

    lowest: Array
    highest: Array
    farthest: Array
    nearest: Array


def subset(n: int, wanted: int) -> IntArray:
    """At most `wanted` of n cases, evenly spread: the same in every run, chunk and worker."""
    return np.unique(np.round(np.linspace(0, n - 1, min(n, wanted)))).astype(np.int64)


def steps(d: int, own: IntArray | None = None) -> IntArray:
    """How many features have left at each step: every feature on its own up to 20 of them, else 20 steps of equal size.

    own : (n,) how many of the d features each case has; the steps are then (n, K + 1), as many for all of them.
    """
    return np.floor(np.linspace(0, d if own is None else own, min(d, _STEPS) + 1, axis=-1) + 0.5).astype(np.int64)


def remove(game: Game, phi: Array, signed: bool, played: IntArray, streams: Streams) -> Removal:
    """Take features away in the order of phi (n, d) from the cases at the positions `played`.

    Ties are broken at random, by the case's own stream. Cost: at most 4 (K - 1) + 10 coalitions per case, half as many steps for an
    unsigned attribution, the full one and, where the output is no probability, the background.
    """
    noise = np.stack([streams.case(game.cases[i]).random(game.d) for i in played]) if len(played) else np.empty((0, game.d))
    there = game.present[played]
    own, values = there.sum(axis=1), np.where(there, phi[played], 0.0)
    by_size = _order(np.abs(values), noise, there)
    order = _order(values, noise, there) if signed else by_size
    tops = _leaving(order, np.maximum(1, np.floor(np.array(SHARES) * own[:, None] + 0.5)).astype(np.int64))
    sizes = steps(game.d, own)
    asked = [tops, ~tops, *(_leaving(way, sizes) for way in (by_size, _reversed(by_size, own)))]
    if signed:
        asked += [_leaving(way, sizes) for way in (order, _reversed(order, own))]
    found = _answers(game, played, asked)
    curves = [np.stack(found[i : i + 2], axis=1) for i in range(2, len(found), 2)]
    spread = _spread(game.n, played)
    ends = (spread(each[played]) for each in (game.full(), _unit(game)))
    return Removal(spread(curves[1]) if signed else None, spread(curves[0]), spread(found[0]), spread(found[1]), *ends)


def _unit(game: Game) -> Array:
    if game.output == "probability":
        return np.ones(game.n)
    spread = game.predict(game.data.background_inputs()).std(axis=0)[game.target]
    return np.where(spread > 0, spread, 1.0)


def best_orders(game: Game, played: IntArray) -> Bounds:
    """Greedy orders for the cases at the positions `played`. Cost: at most about 2 d min(d, 20) coalitions per case."""
    full = game.full()[played]
    goals: dict[str, Callable[[Array], Array]] = {
        "lowest": lambda v: v,
        "highest": lambda v: -v,
        "farthest": lambda v: -np.abs(v - full[:, None]),
        "nearest": lambda v: np.abs(v - full[:, None]),
    }
    spread = _spread(game.n, played)
    return Bounds(**{name: spread(_greedy(game, played, goal)) for name, goal in goals.items()})


def _order(values: Array, noise: Array, there: BoolArray) -> IntArray:
    """(n, d) features from the largest value to the smallest, ties in the order of `noise`, absent ones last."""
    return np.lexsort((noise, -values, ~there), axis=1)


def _reversed(order: IntArray, own: IntArray) -> IntArray:
    """(n, d) the first `own` (n,) features of each order backwards; the others, which are absent, stay last."""
    place = np.arange(order.shape[1])[None, :]
    return np.take_along_axis(order, np.where(place < own[:, None], own[:, None] - 1 - place, place), axis=1)


def _leaving(order: IntArray, sizes: IntArray) -> BoolArray:
    """(n, k, d): True for the first features of each order, as many as `sizes` (n, k) says."""
    place = np.argsort(order, axis=1)
    return np.asarray(place[:, None, :] < sizes[:, :, None])


def _answers(game: Game, played: IntArray, leaving: list[BoolArray]) -> list[Array]:
    """The outputs (n, m) of sets of leaving features (n, m, d), all asked together."""
    rows = np.concatenate([np.repeat(played, each.shape[1]) for each in leaving])
    keep = ~np.concatenate([each.reshape(-1, game.d) for each in leaving])
    found = np.split(game.values(rows, keep), np.cumsum([each.shape[0] * each.shape[1] for each in leaving])[:-1])
    return [answers.reshape(each.shape[:2]) for answers, each in zip(found, leaving, strict=True)]


def _greedy(game: Game, played: IntArray, goal: Callable[[Array], Array]) -> Array:
    """(n, K + 1) outputs along the order in which at each step those features leave for which `goal` is smallest."""
    d, there = game.d, game.present[played]
    gone = ~there
    curve = [_answers(game, played, [gone[:, None, :]])[0][:, 0]]
    for size in np.diff(steps(d, there.sum(axis=1)), axis=1).T:
        candidates = gone[:, None, :] | np.eye(d, dtype=bool)[None]
        # A feature that is gone already is asked for free: its set is the present one, which the game remembers.
        cost = np.where(gone, np.inf, goal(_answers(game, played, [candidates])[0]))
        place = np.argsort(np.argsort(cost, axis=1, kind="stable"), axis=1)
        gone |= place < size[:, None]
        curve.append(_answers(game, played, [gone[:, None, :]])[0][:, 0])
    return np.stack(curve, axis=1)


def _spread(n: int, played: IntArray) -> Callable[[Array], Array]:
    """A function that puts rows for the played cases among NaN rows for the others."""

    def put(values: Array) -> Array:
        out = np.full((n, *values.shape[1:]), np.nan)
        out[played] = values
        return out

    return put
