"""The lime package's neighbourhood of an image or a text, in the study's own patches, words and stretches.

The random numbers are used as the package uses them, the kernel and the ridge regression are its own; only what a hidden feature is
replaced by is the game's business.
"""

from __future__ import annotations

import numpy as np

from xai_compare.explainers._lime_bins import local_ridge
from xai_compare.game import Game
from xai_compare.streams import Streams
from xai_compare.types import Array, BoolArray

__all__ = ["WIDTHS", "around", "coins", "removals", "weights_of"]

WIDTHS = {"image": 0.25, "series": 0.25, "text": 25.0}
"""Widths of the package's kernels; for texts distances are counted in hundredths."""


def around(game: Game, samples: int, streams: Streams) -> tuple[Array, Array]:
    """(n, d) coefficients of all features, 0 for those that a case does not have, and (n,) the R2 of the local fits.

    Cost: `samples` coalitions per case.
    """
    text = game.data.space.modality == "text"
    has = [np.flatnonzero(game.present[i]) for i in range(game.n)]
    shown = []
    for i, features in enumerate(has):
        rng = np.random.RandomState(streams.at("case", int(game.cases[i])).integer())
        shown.append((removals if text else coins)(len(features), samples, rng))
    values, fits = np.zeros((game.n, game.d)), np.full(game.n, np.nan)
    keep = np.zeros((game.n, samples, game.d), dtype=bool)
    for i, features in enumerate(has):
        keep[i][:, features] = shown[i]
    outputs = game.values(np.repeat(np.arange(game.n), samples), keep.reshape(-1, game.d)).reshape(game.n, samples)
    for i, features in enumerate(has):
        if len(features):
            weights = weights_of(shown[i], WIDTHS[game.data.space.modality], 100.0 if text else 1.0)
            values[i, features], fits[i] = local_ridge(shown[i].T, outputs[i], weights)
    return values, fits


def coins(d: int, samples: int, rng: np.random.RandomState) -> BoolArray:
    """(samples, d) each feature shown or not by a fair coin, as lime_image tosses it; the first row shows all."""
    out = rng.randint(0, 2, samples * d).reshape(samples, d) > 0
    out[0] = True
    return out


def removals(d: int, samples: int, rng: np.random.RandomState) -> BoolArray:
    """(samples, d) from 1 to all features removed, their number uniform, as lime_text draws it; the first row shows all."""
    out = np.ones((samples, d), dtype=bool)
    if d:
        sizes = rng.randint(1, d + 1, samples - 1)
        for row, size in enumerate(sizes, start=1):
            out[row, rng.choice(d, size, replace=False)] = False
    return out


def weights_of(shown: BoolArray, width: float, scale: float) -> Array:
    """(samples,) the package's kernel of the cosine distance to showing all; a row that shows nothing is at distance 1."""
    share = shown.mean(axis=1)
    distance = scale * (1.0 - np.sqrt(share))
    return np.asarray(np.sqrt(np.exp(-(distance**2) / width**2)))
