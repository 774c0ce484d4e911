"""Paired waterfalls: how each model gets from its base to its output on one case, the same features in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xai_compare.report.canvas import INK, LINE, MINUS_COLOUR, PLUS_COLOUR, Drawing, colour, draw, label, paired
from xai_compare.report.words import MINUS, fixed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from xai_compare.types import Array

__all__ = ["Steps", "order", "waterfalls"]

SHOWN = 10
_WIDTH, _ROW = 10.0, 0.225
_LABEL, _WIDEST = 30, 44  # characters of a label: usually, and where values are long
_PER_CHARACTER = 2.35 / _LABEL  # inches
_NOTABLE = 0.005  # of a panel's span: what the steps leave unexplained is drawn from here on


@dataclass(frozen=True, slots=True)
class Steps:
    """One model's way from base to output: `values` (d,) in the model's own `space`; base and output in the same."""

    model: str
    place: int
    space: str
    base: float
    output: float
    values: tuple[float, ...]


def order(models: Sequence[Steps]) -> list[int]:
    """Features by their mean share of the attribution over the models, largest first."""
    shares = []
    for model in models:
        size = np.abs(model.values)
        shares.append(size / size.sum() if size.sum() else size)
    return [int(i) for i in np.argsort(-np.mean(shares, axis=0), kind="stable")]


def waterfalls(models: Sequence[Steps], features: Sequence[str], values: Sequence[str] | None = None) -> Drawing:
    """Panels side by side (three to a line), each on its own axis because the models' spaces differ; `values` go beside the names."""
    ranked = order(models)
    top, rest = ranked[:SHOWN], ranked[SHOWN:]
    ways = [_way(model, top, rest) for model in models]
    names, room = _labels([features[i] for i in top], None if values is None else [values[i] for i in top])
    names += [f"other ({len(rest)} features)"] if rest else []
    if any(abs(way[-1] - way[-2]) > _NOTABLE * np.ptp(way) for way in ways):
        names.append("not accounted for")
    else:
        ways = [np.append(way[:-2], way[-1]) for way in ways]
    rows = ["base: no feature known", *names, "output"]
    columns = min(len(models), 3)
    lines = -(-len(models) // columns)
    tall = _ROW * len(rows)
    high = lines * (tall + 0.85)

    def paint(figure: Figure) -> None:
        left = room * _PER_CHARACTER
        each = (_WIDTH - left) / columns
        for index, (model, way) in enumerate(zip(models, ways, strict=True)):
            line, column = divmod(index, columns)
            bottom = (lines - 1 - line) * (tall + 0.85) + 0.45
            axes = figure.add_axes(((left + column * each) / _WIDTH, bottom / high, (each - 0.25) / _WIDTH, tall / high))
            _panel(axes, model, way, rows if column == 0 else [""] * len(rows))

    return draw(_WIDTH, high, paint)


def _labels(features: list[str], values: list[str] | None) -> tuple[list[str], int]:
    """The features' labels and how many characters they take: long values get more room, for they are not cut."""
    if values is None:
        return [label(name, _LABEL) for name in features], _LABEL
    whole = [len(f"{name} = {value}") for name, value in zip(features, values, strict=True)]
    needed = max((min(all_of, len(value) + 15) for all_of, value in zip(whole, values, strict=True)), default=0)
    room = min(max(needed, _LABEL), _WIDEST)
    return [paired(name, value, room) for name, value in zip(features, values, strict=True)], room


def _way(model: Steps, top: list[int], rest: list[int]) -> Array:
    """Where the model stands after each step: its base, each top feature, the others together, its output."""
    steps = [model.values[i] for i in top] + ([float(sum(model.values[i] for i in rest))] if rest else [])
    return np.array([model.base, *(model.base + np.cumsum(steps)), model.output])


def _panel(axes: Axes, model: Steps, way: Array, rows: list[str]) -> None:
    span = max(float(np.ptp(way)), 1e-9)
    decimals = int(np.clip(1 - np.floor(np.log10(span / 5)), 0, 5))
    for y in range(1, len(way)):
        _bar(axes, y, (float(way[y - 1]), float(way[y])), (span, decimals))
    for y, value in ((0, model.base), (len(way), model.output)):
        axes.plot([value], [y], marker="D", markersize=4.5, color=INK)
        axes.text(value + 0.05 * span, y, fixed(value, decimals), va="center", ha="left", color=INK, weight="bold", fontsize=7.5)
    axes.plot([model.output] * 2, [len(way) - 1, len(way)], color=LINE, linewidth=0.8, zorder=0)
    axes.set(ylim=(len(way) + 0.6, -0.6), xlim=(way.min() - 0.32 * span, way.max() + 0.32 * span))
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", MINUS))
    axes.set_xlabel(f"{model.space} of {label(model.model, 18)}")
    axes.set_title(label(model.model), loc="left", color=colour(model.place), weight="bold")


def _bar(axes: Axes, y: int, ends: tuple[float, float], scale: tuple[float, int]) -> None:
    """A step with its signed number: right and plain for plus, left and hatched for minus."""
    (start, end), (span, decimals) = ends, scale
    step = end - start
    axes.barh(y, step, 0.62, left=start, color=PLUS_COLOUR if step >= 0 else MINUS_COLOUR, linewidth=0)
    if step < 0:
        axes.barh(y, step, 0.62, left=start, color="none", hatch="////", edgecolor="#7a4a10", linewidth=0)
    axes.plot([start, start], [y - 1, y + 0.31], color=LINE, linewidth=0.8, zorder=0)
    words, side = fixed(step, decimals), (1 if step >= 0 else -1)
    sign = "+" if step >= 0 else ""
    axes.text(end + side * 0.025 * span, y, sign + words, ha="left" if step >= 0 else "right", va="center", color=INK, fontsize=7.5)
