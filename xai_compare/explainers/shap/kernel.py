"""Shapley values of any model by weighted regression over sampled coalitions, by shap's KernelExplainer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, IntArray

__all__ = ["values"]


def values(game: Game, samples: int, streams: Streams) -> Array:
    """(n, d) estimates; each adds up to v(everything) - v(nothing). Cost: `samples` coalitions per case.

    The library plays our game: its data are coalitions, so that hiding, background and batching are the study's own.
    All features are kept (its own default would zero all but ten). One library call per case: it knows no other way.
    """
    import shap

    out = np.zeros((game.n, game.d))
    for i in range(game.n):
        players = np.flatnonzero(game.present[i])
        if not len(players):
            continue

        def outputs(coalitions: Array, i: int = i, players: IntArray = players) -> Array:
            keep = np.zeros((len(coalitions), game.d), dtype=bool)
            keep[:, players] = coalitions > 0.5
            return game.values(np.full(len(coalitions), i), keep)

        explainer = shap.KernelExplainer(outputs, np.zeros((1, len(players))))
        with _numpy_seeded(streams.at("case", int(game.cases[i])).integer()):
            out[i, players] = explainer.shap_values(np.ones((1, len(players))), nsamples=samples, l1_reg=False, silent=True)[0]
    return out


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """The library draws from NumPy's global generator: set inside the block, as it was after it."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)
