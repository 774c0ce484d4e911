"""The report's five pictures. Each takes plain spans and labels and returns a `Drawing`; none knows the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xai_compare.report.canvas import BEYOND, EXPLAINED, GREY, INK, LOST, Drawing, Span, colour, draw, label, tint
from xai_compare.report.words import MINUS, NO_POWER, fixed, number_text, span_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Bar", "Dot", "Gap", "Grid", "decomposition", "dots", "forest", "heatmaps"]

_WIDTH = 10.0
_CELL = 0.38  # inches that a number in a heatmap needs
_EVEN = 0.207  # luminance of a ground on which white and ink have the same contrast


@dataclass(frozen=True, slots=True)
class Bar:
    """One stacked bar: what a method explains of a model, what it loses, what no list of features can tell."""

    model: str
    place: int
    method: str
    control: bool
    explained: Span
    lost: Span | None
    beyond: Span | None


@dataclass(frozen=True, slots=True)
class Gap:
    """One line of the forest plot. `strong` marks the gap that the verdict speaks of, `flag` says why a gap decides nothing."""

    group: str
    label: str
    place: int
    span: Span
    tolerance: float | None
    strong: bool
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Agreement on one model: {(row, column): value or None where it was not measured}."""

    model: str
    place: int
    labels: tuple[str, ...]
    values: dict[tuple[int, int], float | None]


@dataclass(frozen=True, slots=True)
class Dot:
    """One model's score."""

    model: str
    place: int
    span: Span


def decomposition(bars: Sequence[Bar]) -> Drawing:
    """Stacked bars from 0 to 1, grouped by model, with the intervals at the ends of "explained" and of "beyond"."""
    rows, groups, y = [], [], 0.0
    for index, bar in enumerate(bars):
        if index == 0 or bar.model != bars[index - 1].model:
            y += 0.25 if index else 0
            groups.append((y, bar))
            y += 0.85
        rows.append((y, bar))
        y += 1.0
    inches = 0.27 * y + 0.85

    def paint(figure: Figure) -> None:
        axes = _axes(figure, left=2.05, right=0.15, bottom=0.42, top=0.4)
        outside = _inches_from_left(figure, axes)
        for at, bar in groups:
            axes.text(-2.05, at - 0.05, label(bar.model), transform=outside, color=colour(bar.place), weight="bold", va="center")
        for at, bar in rows:
            _stacked(axes, at, bar)
            axes.text(-1.93, at, _method(bar), transform=outside, va="center", color=GREY if bar.control else INK)
        axes.set(xlim=(0, 1), ylim=(y - 0.4, -0.55), yticks=[])
        axes.set_xlabel("share of what moves the model's output, beyond how many features are shown")
        _legend(axes)

    return draw(_WIDTH, inches, paint)


def _stacked(axes: Axes, y: float, bar: Bar) -> None:
    explained, lost = max(bar.explained.mid, 0.0), bar.lost.mid if bar.lost else 0.0
    kept = max(lost, 0.0)
    shade = "#a9b4bf" if bar.control else EXPLAINED
    axes.barh(y, explained, 0.66, color=shade)
    axes.barh(y, kept, 0.66, left=explained, color=LOST, hatch="////", edgecolor="#8a5a14", linewidth=0)
    start = explained + kept
    axes.barh(y, max(1 - start, 0.0), 0.66, left=start, color=BEYOND, hatch="..", edgecolor="#aab2ba", linewidth=0)
    _whisker(axes, y - 0.12, bar.explained.ends)
    if bar.beyond is not None:
        _whisker(axes, y + 0.12, (1 - bar.beyond.ends[1], 1 - bar.beyond.ends[0]))
    _inside(axes, y, bar, explained)


def _method(bar: Bar) -> str:
    negative = bar.lost is not None and bar.lost.mid < 0 and fixed(bar.lost.mid, 2) != "0.00"
    return label(bar.method, 25) + ("\u2020" if negative else "")


def _inside(axes: Axes, y: float, bar: Bar, explained: float) -> None:
    """Print the share explained in its bar, or behind it where it is too short to hold the number."""
    words = fixed(bar.explained.mid, 2)
    ends = bar.explained.ends
    if explained > 0.15:
        axes.text(0.012, y, words, ha="left", va="center", color=INK if bar.control else "white", weight="bold")
    else:
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        axes.text(max(explained, ends[1]) + 0.02, y, words, ha="left", va="center", color=GREY, bbox=box)


def _whisker(axes: Axes, y: float, ends: tuple[float, float]) -> None:
    low, high = (min(max(end, 0.0), 1.0) for end in ends)
    axes.plot([low, high], [y, y], color=INK, linewidth=1.1, solid_capstyle="butt")
    for end in (low, high):
        axes.plot([end, end], [y - 0.09, y + 0.09], color=INK, linewidth=1.1)


def _legend(axes: Axes) -> None:
    patches = _load_patches()
    parts = (("explained", EXPLAINED, "", EXPLAINED), ("lost by the method", LOST, "////", "#8a5a14"))
    last = ("beyond any list of features", BEYOND, "..", "#aab2ba")
    handles = [patches.Patch(facecolor=c, hatch=h, edgecolor=e, linewidth=0, label=words) for words, c, h, e in (*parts, last)]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2, handlelength=1.4)


def _load_patches() -> Any:
    from matplotlib import patches

    return patches


def _axes(figure: Figure, left: float, right: float, bottom: float, top: float) -> Axes:
    """Axes with margins in inches, so that a figure of three bars and one of thirty look alike."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, bottom / high, 1 - (left + right) / wide, 1 - (bottom + top) / high))


def forest(gaps: Sequence[Gap], level: str) -> Drawing:
    """Gaps with intervals about a zero line, grouped by question; a grey band is the user's tolerance."""
    y, rows, groups = 0.0, [], []
    for index, gap in enumerate(gaps):
        if index == 0 or gap.group != gaps[index - 1].group:
            y += 0.35 if index else 0
            groups.append((y, gap.group))
            y += 0.95
        rows.append((y, gap))
        y += 1.0
    reach = 1.12 * max([abs(end) for gap in gaps for end in gap.span.ends] + [gap.tolerance or 0 for gap in gaps] + [0.02])

    def paint(figure: Figure) -> None:
        axes = _axes(figure, left=2.75, right=3.6 if any(gap.flag for gap in gaps) else 2.1, bottom=0.45, top=0.4)
        axes.axvline(0, color=INK, linewidth=0.9)
        for at, words in groups:
            axes.text(-2.75, at, label(words, 60), transform=_inches_from_left(figure, axes), weight="bold", va="center")
        for at, gap in rows:
            _gap(figure, axes, at, gap)
        axes.set(xlim=(-reach, reach), ylim=(y - 0.4, -0.6), yticks=[])
        axes.set_xlabel(f"gap of skill with its {level} interval")
        axes.text(0.0, 1.0, "\u2190 explained worse", transform=axes.transAxes, color=GREY, va="bottom", ha="left")
        axes.text(1.0, 1.0, "explained better \u2192", transform=axes.transAxes, color=GREY, va="bottom", ha="right")

    return draw(_WIDTH, 0.255 * y + 0.85, paint)


def _inches_from_left(figure: Figure, axes: Axes) -> Any:
    """x in inches from the left edge of the axes, y in data: for labels outside the axes."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    edge = figure.dpi_scale_trans + ScaledTranslation(axes.get_position().x0 * figure.get_size_inches()[0], 0, figure.dpi_scale_trans)
    return blended_transform_factory(edge, axes.transData)


def _gap(figure: Figure, axes: Axes, y: float, gap: Gap) -> None:
    shade, outside = GREY if gap.flag == NO_POWER else colour(gap.place), _inches_from_left(figure, axes)
    if gap.tolerance is not None:
        axes.fill_betweenx([y - 0.51, y + 0.51], -gap.tolerance, gap.tolerance, color="#eceff2", linewidth=0, zorder=0)
    low, high = gap.span.ends
    width, dashes = (2.0 if gap.strong else 1.1), (":" if gap.flag else "-")
    axes.plot([low, high], [y, y], color=shade, linewidth=width, linestyle=dashes, solid_capstyle="butt")
    fill = shade if gap.strong and not gap.flag else "white"
    axes.plot([gap.span.mid], [y], marker="D" if gap.strong else "o", markersize=5, color=shade, markerfacecolor=fill)
    weight = "bold" if gap.strong else "normal"
    axes.text(-2.63, y, label(gap.label, 36), transform=outside, va="center", color=INK if gap.strong else GREY)
    wide = axes.get_position().width * figure.get_size_inches()[0]
    words = ", ".join(filter(None, (_spoken(gap.span), gap.flag)))
    axes.text(wide + 0.1, y, words, transform=outside, va="center", color=INK if gap.strong else GREY, weight=weight)


def _spoken(span: Span) -> str:
    if span.low is None or span.high is None:
        return f"{number_text(span.mid)} (no interval)"
    return span_text(span.mid, span.low, span.high)


def heatmaps(grids: Sequence[Grid]) -> Drawing:
    """One triangle per model, each cell with its number: 0 is chance, 1 is full agreement, below 0 is worse than chance."""
    size = max(max(len(grid.labels) for grid in grids) - 1, 1)
    margin = 1.65  # room for the longest label that `_triangle` leaves uncut
    columns = max(1, min(3, int(_WIDTH / (margin + _CELL * size))))  # as many beside each other as leave their numbers room
    lines = -(-len(grids) // columns)
    each = _WIDTH / columns
    cell = min(0.5, (each - margin - 0.05) / size)
    longest = max(len(label(name)) for grid in grids for name in grid.labels)
    tall = cell * size + 0.65 + min(0.5 * margin, 0.035 * longest)  # the labels below stand at 30 degrees: half as high as they are long
    high = lines * tall

    def paint(figure: Figure) -> None:
        for index, grid in enumerate(grids):
            line, column = divmod(index, columns)
            side = cell * (len(grid.labels) - 1)
            left, top = column * each + margin, high - line * tall - 0.3
            axes = figure.add_axes((left / _WIDTH, (top - side) / high, side / _WIDTH, side / high))
            _triangle(axes, grid)
            axes.text(
                -margin, -0.18 / cell, label(grid.model), transform=_inches_from_left(figure, axes), color=colour(grid.place), weight="bold"
            )

    return draw(_WIDTH, high, paint)


def _ink_on(shade: str) -> str:
    """White or ink, whichever has the greater contrast (WCAG 2) on this colour."""
    parts = (int(shade[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < _EVEN else INK


def _triangle(axes: Axes, grid: Grid) -> None:
    n = len(grid.labels)
    for (row, column), value in grid.values.items():
        shade = "#ffffff" if value is None else tint(value)
        hatch = "///" if value is None else None
        edge = "#c3c8ce" if value is None else "white"  # a hatch takes the colour of the edge
        axes.add_patch(_load_patches().Rectangle((column, row - 1), 1, 1, facecolor=shade, edgecolor=edge, hatch=hatch, linewidth=1.5))
        words = "none" if value is None else fixed(value, 2)
        axes.text(column + 0.5, row - 0.5, words, ha="center", va="center", color=_ink_on(shade))
    axes.set(xlim=(0, n - 1), ylim=(n - 1, 0))
    axes.set_xticks(
        [i + 0.5 for i in range(n - 1)],
        [label(name, 22) for name in grid.labels[:-1]],
        rotation=30,
        ha="right",
        rotation_mode="anchor",
        color=INK,
    )
    axes.set_yticks([i + 0.5 for i in range(n - 1)], [label(name, 22) for name in grid.labels[1:]])
    axes.tick_params(length=0, pad=5)
    axes.spines["bottom"].set_visible(False)


def dots(panels: Sequence[tuple[str, str, Sequence[Dot]]]) -> Drawing:
    """One small panel per score, models below each other with their intervals; a panel's subtitle says which way is better."""
    columns = min(len(panels), 3)
    lines = -(-len(panels) // columns)
    tall = 0.26 * max(len(found) for _, _, found in panels) + 0.15
    high = lines * (tall + 0.85) + 0.05

    def paint(figure: Figure) -> None:
        each = (_WIDTH - 1.35) / columns
        for index, (title, better, found) in enumerate(panels):
            line, column = divmod(index, columns)
            bottom = (lines - 1 - line) * (tall + 0.85) + 0.38
            axes = figure.add_axes(((1.35 + column * each) / _WIDTH, bottom / high, (each - 0.5) / _WIDTH, tall / high))
            _score(axes, f"{label(title, 20)} ({better})", found, column == 0)

    return draw(_WIDTH, high, paint)


def _score(axes: Axes, title: str, found: Sequence[Dot], named: bool) -> None:
    axes.grid(axis="x", color="#eceff2", linewidth=0.8)
    axes.set_axisbelow(True)
    for y, dot in enumerate(found):
        axes.plot(dot.span.ends, [y, y], color=colour(dot.place), linewidth=1.8, solid_capstyle="butt")
        axes.plot([dot.span.mid], [y], marker="o", markersize=5, color=colour(dot.place))
    axes.set(ylim=(len(found) - 0.5, -0.5))
    axes.set_yticks(range(len(found)), [label(dot.model, 18) for dot in found] if named else [""] * len(found), ha="left")
    axes.tick_params(axis="y", pad=96)
    axes.tick_params(length=0)
    axes.locator_params(axis="x", nbins=3)
    axes.set_title(title, loc="left", color=INK)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.6g}".replace("-", MINUS))
