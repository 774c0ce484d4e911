"""Small known worlds for tests: functions whose explanations can be worked out by hand, and brute force for the rest."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.game import Game
from xai_compare.models.function import FunctionModel
from xai_compare.models.torch import TorchTable
from xai_compare.streams import Streams


def world(cases: Any, background: Any, y: Any = None, task: str = "regression", classes: tuple[str, ...] = ()) -> Any:
    """Data whose explained cases are all of `cases` and whose background is all of `background`."""
    test = as_frame(cases)
    train = as_frame(background, list(test.columns))
    sizes = (len(train), len(test))
    return assemble(as_table(train, None), as_table(test, y), task, classes, sizes, Streams(0))


def valued(function: Callable[[np.ndarray], np.ndarray]) -> FunctionModel:
    """A regression model from a function of an array (n, d)."""
    return FunctionModel("toy", function, "regression", ("value",), "value", as_array=True)


def game_of(model: Any, data: Any, target: int = 0, fill: str = "background", output: Any = None) -> Game:
    """The game of every explained case for one target."""
    n = len(data.explain)
    return Game(model, data, data.cases(), np.arange(n), np.full(n, target), output or model.native, fill)


def brute_force_shapley(game: Game) -> np.ndarray:
    """(n, d) Shapley values from the definition: every coalition, its weight, one feature added."""
    d = game.d
    out = np.zeros((game.n, d))
    for i in range(game.n):

        def v(members: tuple[int, ...], i: int = i) -> float:
            keep = np.zeros((1, d), dtype=bool)
            keep[0, list(members)] = True
            return float(game.values(np.array([i]), keep)[0])

        for j in range(d):
            others = [k for k in range(d) if k != j]
            for size in range(d):
                weight = factorial(size) * factorial(d - size - 1) / factorial(d)
                out[i, j] += sum(weight * (v((*s, j)) - v(s)) for s in combinations(others, size))
    return out


def torch_value(module: Any, d: int) -> TorchTable:
    """A torch module (n, d) -> (n, 1) as a regression model on columns x0, x1, ..."""
    return TorchTable("net", module.eval(), "regression", ("value",), tuple(f"x{j}" for j in range(d)), {}, ())


def classified(seed: int = 0, n: int = 300, d: int = 6) -> tuple[pd.DataFrame, np.ndarray]:
    """A table with a known, not linear, two-class rule."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    y = (x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * rng.standard_normal(n) > 0).astype(int)
    return pd.DataFrame(x, columns=[f"x{j}" for j in range(d)]), y
