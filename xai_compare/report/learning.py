"""How the models' test score grows with the training rows: one panel, a line with its intervals for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai_compare.report.canvas import GREY, Drawing, Span, broken, colour, dashes, draw, label, mark
from xai_compare.report.words import MINUS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Learner", "learning"]

_WIDTH, _LEFT, _ACROSS, _TALL = 10.0, 0.85, 5.6, 2.4  # inches
_BESIDE = 0.008  # of all rows: how far models stand from each other


@dataclass(frozen=True, slots=True)
class Learner:
    """One model's scores: (training rows, score); its place in the study gives colour, dashes and marker."""

    model: str
    place: int
    points: tuple[tuple[int, Span], ...]


def learning(models: Sequence[Learner], score: str) -> Drawing:
    """All models on one pair of axes; `score` names the vertical one. Each stands a little beside the next."""
    high = _TALL + 0.7
    step = _BESIDE * max(rows for model in models for rows, _ in model.points)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((_LEFT / _WIDTH, 0.5 / high, _ACROSS / _WIDTH, _TALL / high))
        for order, model in enumerate(models):
            rows = [at + step * (order - (len(models) - 1) / 2) for at, _ in model.points]
            whiskers = broken([((at, at), span.ends) for at, (_, span) in zip(rows, model.points, strict=True)])
            axes.plot(*whiskers, color=colour(model.place), linewidth=1.0, alpha=0.55)
            mids = [span.mid for _, span in model.points]
            line = axes.plot(rows, mids, color=colour(model.place), linewidth=1.7, label=label(model.model))[0]
            line.set(linestyle=dashes(model.place), marker=mark(model.place), markersize=4.2)
        axes.set_xlim(left=0)
        axes.grid(axis="y", color="#eceff2", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.locator_params(nbins=6)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", MINUS))
        axes.tick_params(length=0, labelcolor=GREY)
        axes.set_xlabel("training rows", fontsize=7.5)
        axes.set_ylabel(f"test {score}", fontsize=7.5)
        axes.legend(loc="upper left", bbox_to_anchor=(1.03, 1.02), frameon=False, borderaxespad=0, handlelength=3.2)

    return draw(_WIDTH, high, paint)
