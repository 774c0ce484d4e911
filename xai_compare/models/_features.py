"""What classical models see of images, series and texts. Imports scikit-learn: import this file only where a model is trained or loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.svm import SVC

from xai_compare.data.series import repeated_ends
from xai_compare.data.text import plain, split
from xai_compare.errors import ModelError
from xai_compare.types import Array

__all__ = ["Hog", "Pixels", "QuickSVC", "Summary", "Tfidf", "Values"]

_BLOCK = 256  # images at a time: what is computed on the way stays in the cache
_ORIENTATIONS, _CELLS, _CUT, _EPSILON = 9, 7, 0.2, 1e-5
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_TENTHS = 10


class _Fixed(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Features that nothing is learnt for.

    mixed : whether they are of several units, so that models that go by distance need them scaled. sparse : whether they are a
    sparse matrix.
    """

    mixed: ClassVar[bool] = False
    sparse: ClassVar[bool] = False

    def fit(self, X: Any, y: Any = None) -> _Fixed:
        self.transform(X[:1])  # what cannot be done is told before a model is trained
        return self

    def transform(self, X: Any) -> Any:
        """(n, p) features of n inputs."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Pixels(_Fixed):
    """Every pixel of every channel, as it is."""

    def transform(self, X: Any) -> Array:
        return np.asarray(X, dtype=np.float64).reshape(len(X), -1)


class Values(_Fixed):
    """Every point of every channel, as it is; a series that has ended keeps its last value."""

    def transform(self, X: Any) -> Array:
        return repeated_ends(np.asarray(X, dtype=np.float64)).reshape(len(X), -1)


class Hog(_Fixed):
    """Histograms of oriented gradients (Dalal & Triggs 2005), about seven cells along each side.

    Nine orientations without sign, cells of equal pixels (a seventh of the side, at least 2; what is left over at the end counts for
    nothing), blocks of 2 x 2 cells that overlap, L2-Hys. Of a colour image, the channel with the steepest gradient at each pixel.
    The numbers are those of `skimage.feature.hog`, for many images at once.
    """

    def transform(self, X: Any) -> Array:
        cells = [side // _cell(side) for side in X.shape[1:3]]
        if min(cells) < 2:
            raise ModelError(f"features: hog needs images of at least 4 x 4 pixels, found {X.shape[1]} x {X.shape[2]}. Take pixels")
        parts = [_hog(np.asarray(X[start : start + _BLOCK], dtype=np.float64), cells) for start in range(0, len(X), _BLOCK)]
        return np.concatenate(parts) if parts else np.empty((0, (cells[0] - 1) * (cells[1] - 1) * 4 * _ORIENTATIONS))


def _cell(side: int) -> int:
    return max(2, side // _CELLS)


def _hog(images: Array, cells: Sequence[int]) -> Array:
    down, across = _steps(images)
    n, height, width = down.shape
    high, wide = (_cell(side) for side in (height, width))
    down, across = (each[:, : cells[0] * high, : cells[1] * wide] for each in (down, across))
    part = np.floor(np.rad2deg(np.arctan2(down, across)) % 180 * (_ORIENTATIONS / 180)).astype(np.int64) % _ORIENTATIONS
    cell = (np.arange(down.shape[1]) // high)[:, None] * cells[1] + np.arange(down.shape[2]) // wide
    at = (np.arange(n)[:, None, None] * (cells[0] * cells[1]) + cell) * _ORIENTATIONS + part
    sums = np.bincount(at.ravel(), np.hypot(down, across).ravel(), n * cells[0] * cells[1] * _ORIENTATIONS)
    counts = sums.reshape(n, *cells, _ORIENTATIONS) / (high * wide)
    corners = [counts[:, i : cells[0] - 1 + i, j : cells[1] - 1 + j] for i in (0, 1) for j in (0, 1)]
    blocks = np.stack(corners, axis=3)
    return _unit(np.minimum(_unit(blocks), _CUT)).reshape(n, -1)


def _unit(blocks: Array) -> Array:
    """Blocks (n, rows, columns, 4, orientations) of length 1, but for empty ones."""
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=(3, 4), keepdims=True) + _EPSILON**2))


def _steps(images: Array) -> tuple[Array, Array]:
    """(n, H, W) central differences down and across, 0 at the borders; of the channel where they are largest."""
    down, across = np.zeros_like(images), np.zeros_like(images)
    down[:, 1:-1] = images[:, 2:] - images[:, :-2]
    across[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    if images.ndim == 3:
        return down, across
    steepest = np.hypot(down, across).argmax(axis=3)[..., None]
    return np.take_along_axis(down, steepest, axis=3)[..., 0], np.take_along_axis(across, steepest, axis=3)[..., 0]


class Summary(_Fixed):
    """Each channel in 32 numbers: mean, standard deviation, least, greatest, five quantiles (.1, .25, .5, .75, .9), slope of the straight
    line through it (per point), how often it crosses its mean, its energy (mean square), and the mean and the energy of each tenth.

    All are of the series' own length. A tenth begins at the point where its share of the length does, rounded down, and has one at least.
    """

    mixed = True

    def transform(self, X: Any) -> Array:
        X = np.asarray(X, dtype=np.float64)
        lengths = (~np.isnan(X[:, 0])).sum(axis=1)
        out = np.empty((len(X), X.shape[1] * (12 + 2 * _TENTHS)))
        for length in np.unique(lengths):
            rows = lengths == length
            out[rows] = _summary(X[rows, :, :length]).reshape(int(rows.sum()), -1)
        return out


def _summary(series: Array) -> Array:
    """(n, channels, 12 + 20) of series of one length."""
    length = series.shape[2]
    time = np.arange(length) - (length - 1) / 2
    mean = series.mean(axis=2, keepdims=True)
    above = series > mean
    first = np.minimum(np.arange(_TENTHS) * length // _TENTHS, length - 1)
    last = np.maximum(np.arange(1, _TENTHS + 1) * length // _TENTHS, first + 1)
    tenths = [series[:, :, a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    whole = [
        mean[..., 0],
        series.std(axis=2),
        series.min(axis=2),
        series.max(axis=2),
        *np.quantile(series, _QUANTILES, axis=2),
        series @ time / max(float(time @ time), 1.0),
        (above[:, :, 1:] != above[:, :, :-1]).sum(axis=2),
        (series**2).mean(axis=2),
    ]
    return np.stack([*whole, *[part.mean(axis=2) for part in tenths], *[(part**2).mean(axis=2) for part in tenths]], axis=2)


class Tfidf(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Words and pairs of neighbouring words, in lower case, by TF-IDF: (1 + ln count) ln((1 + n) / (1 + texts with it)) + 1, each text of
    length 1. Hidden words are left out. A sparse matrix.

    most : terms that are kept, the most frequent ones.
    """

    mixed: ClassVar[bool] = False
    sparse: ClassVar[bool] = True

    def __init__(self, most: int = 50_000) -> None:
        self.most = most

    def fit(self, X: Any, y: Any = None) -> Tfidf:
        learnt = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True, max_features=self.most).fit(_words(X))
        self.terms_ = "\n".join(learnt.get_feature_names_out().tolist())  # one text: what is stored stays small
        self.idf_ = np.asarray(learnt.idf_, dtype=np.float64)
        self._counter: Any = None
        return self

    def transform(self, X: Any) -> Any:
        """(n, terms) sparse."""
        if getattr(self, "_counter", None) is None:
            self._counter = CountVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), vocabulary=self.terms_.split("\n"))
        counts = self._counter.transform(_words(X)).astype(np.float64)
        counts.data = (1 + np.log(counts.data)) * self.idf_[counts.indices]
        return normalize(counts, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_counter"}


def _words(texts: Any) -> list[str]:
    """The words of each text with blanks between them, hidden ones left out."""
    spoken = [plain(text, "") for text in texts]
    # Not through the splitter's memory: there are thousands of masked texts, and none comes again.
    return [" ".join(text[start:end] for start, end in split.__wrapped__(text)) for text in spoken]


class QuickSVC(SVC):  # type: ignore[misc]
    """scikit-learn's SVC, which asks its radial kernel of all rows at once: images have many columns."""

    def _decision_function(self, X: Any) -> Any:
        if self.kernel != "rbf" or self._sparse or not hasattr(self, "support_vectors_"):
            return super()._decision_function(X)
        X = np.asarray(self._validate_for_predict(X), dtype=np.float64)
        weights, start = self._pairs()
        out = np.empty((len(X), len(start)))
        own = (self.support_vectors_**2).sum(axis=1)
        for first in range(0, len(X), 4 * _BLOCK):
            rows = X[first : first + 4 * _BLOCK]
            apart = (rows**2).sum(axis=1)[:, None] + own - 2 * rows @ self.support_vectors_.T
            out[first : first + len(rows)] = np.exp(-self._gamma * np.maximum(apart, 0)) @ weights + start
        return out[:, 0] if len(self.classes_) == 2 else out

    def predict(self, X: Any) -> Any:
        if self.kernel != "rbf" or self._sparse:
            return super().predict(X)
        z = self._decision_function(X)
        if z.ndim == 1:
            return self.classes_[(z > 0).astype(np.int64)]
        first, second = np.triu_indices(len(self.classes_), 1)
        votes = np.zeros((len(z), len(self.classes_)))
        for pair, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
            votes[:, i] += z[:, pair] > 0
            votes[:, j] += z[:, pair] <= 0
        return self.classes_[votes.argmax(axis=1)]

    def _pairs(self) -> tuple[Array, Array]:
        """(support vectors, pairs of classes) weights and (pairs,) intercepts; of two classes one column, for the second of them."""
        k = len(self.classes_)
        if k == 2:
            return self.dual_coef_.T, self.intercept_
        ends = np.cumsum(self.n_support_)
        own = [slice(int(end - count), int(end)) for end, count in zip(ends, self.n_support_, strict=True)]
        weights = np.zeros((len(self.support_vectors_), k * (k - 1) // 2))
        for pair, (i, j) in enumerate(zip(*(side.tolist() for side in np.triu_indices(k, 1)), strict=True)):
            weights[own[i], pair] = self.dual_coef_[j - 1, own[i]]
            weights[own[j], pair] = self.dual_coef_[i, own[j]]
        return weights, self.intercept_
