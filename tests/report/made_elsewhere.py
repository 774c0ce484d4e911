"""Made-up runs on images, texts and series: the statistics of `made`, attributions of the modality's own features."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from tests.report.made import HOSTILE, MODELS, Made, N, made
from xai_compare.compare.importance import importance_rows, word_rows
from xai_compare.results import CaseFacts, MethodFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import Array, Attribution

MODALITIES = ("image", "text", "series")
SENTENCES = (
    "a very good film, and a fine end",
    "bad",
    "What a dull film it was: very bad and very dull!",
    "the film is good",
    "not good at all, nor fine",
    "good acting with a bad end and a dull middle of nearly three hours that never seem to end at all",
)
EXTRA = (
    MethodFacts("grad_cam", "Grad-CAM", "Selvaraju et al. 2017", False, "case", False, {}),
    MethodFacts("attention", "Attention (not an attribution)", "Bahdanau et al. 2015", False, "case", False, {"layer": "mean"}),
    MethodFacts("attention_rollout", "Attention rollout", "Abnar & Zuidema 2020", False, "case", False, {}),
)


def made_of(modality: str, hostile: bool = False, shown: bool = True, side: int = 28, channels: int = 1) -> Made:
    """Three models on one modality; `network` has maps by integrated gradients, and attention where there are words or stretches."""
    source = made(hostile=hostile, shown=shown)
    names = {model: source.results.models[i].name for i, (model, _, _) in enumerate(MODELS)}
    bad = HOSTILE if hostile else ""
    features, kinds, layout, raw, values, present = _inputs(modality, bad, side, channels)
    methods = (*source.results.methods[:-1], *(EXTRA if modality != "image" else EXTRA[:1]), source.results.methods[-1])
    attributions = _attributions(source.results, methods, names, modality, present, None if raw is None else raw.shape[1:3])
    results = replace(
        source.results,
        features=features,
        kinds=kinds,
        methods=methods,
        data={**source.results.data, "modality": modality, "fill": _FILL[modality], **({"layout": layout} if layout else {})},
        cases=_cases(source.results.cases, values if shown else None, raw if shown else None),
        attributions=attributions,
        profiled=(),
        profiles={},
    )
    rows = importance_rows(results, 0.95, Streams(0))
    return Made(results, replace(source.comparison, importance=rows, words=word_rows(results)))


_FILL = {"image": "blur", "text": "mask", "series": "mean"}


def _cases(known: CaseFacts, values: Any, raw: Any) -> CaseFacts:
    return replace(known, values=values, raw=raw)


def _inputs(modality: str, bad: str, side: int, channels: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(3)
    if modality == "text":
        texts = [SENTENCES[i % len(SENTENCES)].replace(",", " ,").replace(":", " :").replace("!", " !").split() for i in range(N)]
        texts = [[f"{word}{bad}" for word in words] for words in texts]
        d = max(map(len, texts))
        values = tuple(tuple(words + [""] * (d - len(words))) for words in texts)
        present = np.array([[bool(word) for word in words] for words in values])
        return tuple(f"word {j + 1}" for j in range(d)), ("word",) * d, None, None, values, present
    if modality == "image":
        grid = 7 if side % 7 == 0 else 8
        edges = [int(edge) for edge in np.arange(grid + 1) * side // grid]
        y, x = np.mgrid[:side, :side] / side
        raw = np.stack([np.clip(np.exp(-60 * (np.hypot(y - 0.5, x - 0.5 + 0.002 * i) - 0.28) ** 2), 0, 1) for i in range(N)]).astype(
            np.float32
        )
        names = tuple(f"row {i + 1}, column {j + 1}" for i in range(grid) for j in range(grid))
        present = np.ones((N, grid * grid), dtype=bool)
        return names, ("patch",) * len(names), {"rows": edges, "columns": edges}, raw, _means(present), present
    length, stretches = 600, 10
    raw = np.cumsum(rng.normal(size=(N, channels, length)), axis=2)
    raw[1::2, :, 450:] = np.nan
    edges = np.linspace(0, length, stretches + 1).astype(int).tolist()
    own = [f"sensor {c}{bad}" for c in range(channels)]
    titles = [f"{a}-{b - 1}" for a, b in pairwise(edges)]
    names = tuple(title if channels == 1 else f"{name}: {title}" for name in own for title in titles)
    present = np.ones((N, channels, stretches), dtype=bool)
    present[1::2, :, 8:] = False
    flat = present.reshape(N, -1)
    return names, ("stretch",) * len(names), {"edges": edges, "channels": own}, raw, _means(flat), flat


def _means(present: Array) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(f"{0.01 * (i + j):.3g}" if there else "" for j, there in enumerate(row)) for i, row in enumerate(present))


def _attributions(
    results: Results, methods: tuple[MethodFacts, ...], names: dict[str, str], modality: str, present: Array, shape: Any
) -> Any:
    found = {}
    d = present.shape[1]
    partly = None if present.all() else present
    for place, (model, name) in enumerate(names.items()):
        for order, method in enumerate(methods):
            if model != "network" and method.name in ("integrated_gradients", *(one.name for one in EXTRA)):
                continue
            rng = np.random.default_rng([place, order])
            values = rng.normal(size=(N, d)) * np.exp(-((np.arange(d) - d / 2 - place) ** 2) / (0.1 * d * d))
            if not method.signed:
                values = np.abs(values)
            if method.scope == "model":
                values = np.tile(values[:1], (N, 1))
            values = np.where(present, values, np.nan)
            own: Any = next(one for key, one in results.attributions.items() if key == (name, "shap"))
            additive = method.name in ("shap", "integrated_gradients")
            base = own.base if additive else None
            detail = _detail(method.name, modality, present, shape, rng)
            facts = own.target, own.output, base, method.signed, method.scope, additive, detail
            found[name, method.name] = Attribution(values, *facts, present=partly)
    return found


def _detail(method: str, modality: str, present: Array, shape: Any, rng: np.random.Generator) -> Any:
    n, d = present.shape
    if method.startswith("attention"):
        k = min(d, 50)
        maps = rng.random((n, 2 if method == "attention" else 1, k, k)).astype(np.float32) ** 3
        there = present[:, :k]
        maps *= there[:, None, None, :]
        maps /= maps.sum(axis=3, keepdims=True)
        return np.where((there[:, None, :, None] & there[:, None, None, :]), maps, np.nan)
    if method in ("integrated_gradients", "grad_cam") and modality != "text":
        made = rng.normal(size=(n, *shape)).astype(np.float32)
        return np.abs(made) if method == "grad_cam" else made
    return None


__all__ = ["MODALITIES", "SENTENCES", "made_of"]
