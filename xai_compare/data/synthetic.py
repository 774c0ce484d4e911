"""Data made by a known rule, so that what an explanation ought to say is known. Here the tables: `source: "synthetic:xor"`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from xai_compare.data.slices import sliced
from xai_compare.data.sources import SOURCES, Held, Locate, check_no_file
from xai_compare.errors import DataError, UnknownName, XaiCompareError, nearest
from xai_compare.registry import configured
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray, Data, IntArray, Truth

if TYPE_CHECKING:
    from xai_compare.config import DataSpec

__all__ = ["MAKERS", "RULES", "Rule", "Size", "shapley", "truth_of"]

Draw = Callable[[np.random.Generator, int, int], Array]
_CLASSES = ("no", "yes")
_SURE = 3.0  # log-odds: a rule of yes and no decides 95 % of the rows


@dataclass(frozen=True, slots=True)
class Rule:
    """How an outcome is made of c columns, of which the first `uses` matter.

    says : in words. draw : (generator, n, c) -> (n, c). score : (n, uses) -> (n,) the expected value, or the log-odds of "yes".
    matters : (n, uses) -> (n, uses) which of them the outcome of a row depends on; None: all of them in every row.
    number : whether the outcome is a number, with a little noise, and not yes or no. columns : c, if nobody says otherwise.
    """

    says: str
    uses: int
    draw: Draw
    score: Callable[[Array], Array]
    matters: Callable[[Array], BoolArray] | None = None
    number: bool = False
    columns: int = 6


@dataclass(frozen=True, slots=True)
class Size:
    """What a study may say of a synthetic table (`data.params`).

    rows : of the whole table, 20 to 100,000. columns : 2 to 1,000, at least those that the rule uses; the others are dummies that nothing
    depends on. 0: the rule's own number. seed : of the table; the study's own seed draws the split, the background and the cases.
    """

    rows: int = 1000
    columns: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 20 <= self.rows <= 100_000:
            raise XaiCompareError(f"rows must be 20 to 100,000, found {self.rows}")
        if self.columns and not 2 <= self.columns <= 1000:
            raise XaiCompareError(f"columns must be 2 to 1,000, found {self.columns}")
        if self.seed < 0:
            raise XaiCompareError(f"seed must be 0 or more, found {self.seed}")


def _normal(rng: np.random.Generator, n: int, c: int) -> Array:
    return rng.standard_normal((n, c))


def _flags(rng: np.random.Generator, n: int, c: int) -> Array:
    return rng.integers(0, 2, (n, c)).astype(np.float64)


def _first_is_a_flag(rng: np.random.Generator, n: int, c: int) -> Array:
    return np.concatenate([_flags(rng, n, 1), _normal(rng, n, c - 1)], axis=1)


def _with_a_stand_in(rng: np.random.Generator, n: int, c: int) -> Array:
    """The second column follows the first, but nothing depends on it."""
    x = _first_is_a_flag(rng, n, c)
    x[:, 1] += 2 * x[:, 0]
    return x


def _two_rules(x: Array) -> Array:
    return np.where(x[:, 0] == 0, 2 * x[:, 1] - 1.5 * x[:, 2], 2 * x[:, 3] - 1.5 * x[:, 4])


def _of_two_rules(x: Array) -> BoolArray:
    first = x[:, :1] == 0
    return np.concatenate([np.ones_like(first), first, first, ~first, ~first], axis=1)


RULES: dict[str, Rule] = {
    "additive": Rule(
        "2 x0 - 1.5 x1 + x2 squared + 0.5 x3",
        4,
        _normal,
        lambda x: 2 * x[:, 0] - 1.5 * x[:, 1] + x[:, 2] ** 2 + 0.5 * x[:, 3],
        number=True,
    ),
    "xor": Rule("x0 and x1 have different signs", 2, _normal, lambda x: np.where(x[:, 0] * x[:, 1] < 0, _SURE, -_SURE)),
    "and_or": Rule("x0 and (x1 or x2)", 3, _flags, lambda x: _SURE * (2 * x[:, 0] * np.maximum(x[:, 1], x[:, 2]) - 1)),
    "shortcut": Rule("the flag x0 alone, which x1 follows", 1, _with_a_stand_in, lambda x: _SURE * (2 * x[:, 0] - 1)),
    "dummies": Rule("1.5 x0 - x1 + 0.75 x2 among many dummies", 3, _normal, lambda x: 1.5 * x[:, 0] - x[:, 1] + 0.75 * x[:, 2], columns=15),
    "slice": Rule("2 x1 - 1.5 x2 where the flag x0 is 0, else 2 x3 - 1.5 x4", 5, _first_is_a_flag, _two_rules, _of_two_rules, columns=8),
}
"""By name. The columns are x0, x1, ..., independent of each other but for the stand-in of `shortcut`."""


MAKERS: dict[str, Callable[[DataSpec], Held]] = {}
"""What is no table, by name; the modules that make it put it here."""


@SOURCES.register("synthetic")
def _made(spec: DataSpec, name: str, locate: Locate) -> Held:
    """Data made by a known rule: a table of `RULES`, or what else has a maker."""
    check_no_file(spec)
    if name in MAKERS:
        return MAKERS[name](spec)
    if name not in RULES:
        raise UnknownName(f"unknown synthetic data '{name}': {nearest(name, [*RULES, *MAKERS])}")
    return _from_rule(spec, name)


def _from_rule(spec: DataSpec, name: str) -> Held:
    import pandas as pd

    rule = RULES[name]
    try:
        size = configured(Size, spec.params)
    except XaiCompareError as error:
        raise DataError(f"params of '{spec.source}': {error}") from error
    columns = size.columns or rule.columns
    if columns < rule.uses:
        raise DataError(f"params of '{spec.source}': its rule uses {rule.uses} columns, found columns: {columns}")
    streams = Streams(size.seed).at("synthetic", name)
    x = rule.draw(streams.at("columns").shared(), size.rows, columns)
    score, noise = rule.score(x[:, : rule.uses]), streams.at("noise").shared()
    if rule.number:
        y = score + 0.1 * score.std() * noise.standard_normal(size.rows)
    else:
        y = np.array(_CLASSES)[(noise.random(size.rows) < 1 / (1 + np.exp(-score))).astype(np.int64)]
    frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(columns)])
    facts = {"public": True, "rule": rule.says, "made": {**asdict(size), "columns": columns}}
    return Held(frame, y, facts=facts, slices=sliced(frame, spec.slices, f"'{spec.source}'"), truth=lambda data: truth_of(rule, data))


def truth_of(rule: Rule, data: Data) -> Truth:
    """The truth of the test rows: which features matter, and the Shapley values of the rule's score for the last of two classes.

    Like the game itself, a hidden feature takes the value of every background row in turn.
    """
    used, d = data.space.feature_of[: rule.uses], data.space.d
    cases, fills = (inputs.to_numpy(dtype=np.float64)[:, : rule.uses] for inputs in (data.test.inputs, data.background_inputs()))
    sign = -1.0 if data.classes and data.classes[-1] != _CLASSES[-1] else 1.0
    matters = np.ones(cases.shape, dtype=bool) if rule.matters is None else rule.matters(cases)
    mask = np.zeros((len(cases), d), dtype=bool)
    for column, feature in enumerate(used.tolist()):
        mask[:, feature] |= matters[:, column]
    return Truth(sign * shapley(rule.score, cases, fills, used, d), mask)


def shapley(function: Callable[[Array], Array], cases: Array, fills: Array, owner: IntArray, d: int) -> Array:
    """(n, d) exact Shapley values of a function of c columns, by every coalition of the features that own a column.

    cases : (n, c). fills : (b, c) the values that hidden columns take in turn. owner : (c,) the feature of each column.
    Cost: 2^k n b evaluations for k owning features, so k is for few of them.
    """
    players = np.unique(owner).tolist()
    values: dict[frozenset[int], Array] = {}
    for size in range(len(players) + 1):
        for shown in combinations(players, size):
            mixed = np.where(np.isin(owner, shown), cases[:, None, :], fills[None, :, :])
            values[frozenset(shown)] = function(mixed.reshape(-1, cases.shape[1])).reshape(len(cases), len(fills)).mean(axis=1)
    out = np.zeros((len(cases), d))
    for shown_set, worth in values.items():
        for player in shown_set:
            others = len(shown_set) - 1
            weight = factorial(others) * factorial(len(players) - others - 1) / factorial(len(players))
            out[:, player] += weight * (worth - values[shown_set - {player}])
    return out
