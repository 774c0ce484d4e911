"""The ground on which charts are drawn: object API only, one look, bytes that depend on nothing but the data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from xai_compare.lazy import load
from xai_compare.report.words import shortened, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BEYOND",
    "EXPLAINED",
    "GREY",
    "INK",
    "LINE",
    "LOST",
    "MINUS_COLOUR",
    "PLUS_COLOUR",
    "Drawing",
    "Span",
    "broken",
    "colour",
    "dashes",
    "draw",
    "label",
    "mark",
    "paired",
    "tint",
]

# Okabe and Ito's palette: told apart with any colour vision. The order is the models' order in the study.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
_MARKS = "osD^vPX*"
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.2), (6, 1.5, 1.5, 1.5), (3, 1), (9, 3), (1, 2), (4, 1, 1, 1))
INK, GREY, LINE = "#1c1f24", "#6b7280", "#d5d9de"
EXPLAINED, LOST, BEYOND = "#44617f", "#e3a857", "#dfe3e7"
PLUS_COLOUR, MINUS_COLOUR = "#4d7397", "#d08a3c"

_PIXELS_PER_INCH = 96
_NAME = 8  # characters that a name keeps beside the longest value
_LOOK: dict[str, Any] = {
    "svg.hashsalt": "xai_compare",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.titlesize": 9,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": LINE,
    "xtick.labelcolor": GREY,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
    "ytick.left": False,
    "hatch.linewidth": 0.6,
    "figure.facecolor": "white",
}


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture, painted when it is asked for: `inches` wide and high, as SVG (once) or as a figure of matplotlib (anew each time)."""

    inches: tuple[float, float]
    paint: Callable[[Figure], None]

    @property
    def width(self) -> int:
        """In CSS pixels."""
        return round(self.inches[0] * _PIXELS_PER_INCH)

    @property
    def height(self) -> int:
        """In CSS pixels."""
        return round(self.inches[1] * _PIXELS_PER_INCH)

    @cached_property
    def svg(self) -> bytes:
        """The picture as SVG: the user's own matplotlib settings do not show, and the bytes hold no date and no version."""
        backend, out = load("matplotlib.backends.backend_svg"), BytesIO()
        with _looking():
            figure = load("matplotlib.figure").Figure(figsize=self.inches)
            canvas = backend.FigureCanvasSVG(figure)
            self.paint(figure)
            canvas.print_svg(out, metadata={"Date": None, "Creator": None})
        return _tight(out.getvalue())

    def figure(self) -> Figure:
        """The picture as a figure of matplotlib, to change or to save."""
        picture = load("xai_compare.report.picture")
        with _looking():
            figure: Figure = picture.Picture(figsize=self.inches)
            self.paint(figure)
            figure.draw_without_rendering()  # ticks are made, and look, as late as this
        return figure


@dataclass(frozen=True, slots=True)
class Span:
    """A number with its interval, if it has one."""

    mid: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, found: dict[str, Any] | None) -> Span | None:
        """The span of an interval of the report, None where nothing was measured."""
        if found is None or found["estimate"] is None:
            return None
        whole = found["low"] is not None and found["high"] is not None
        return cls(found["estimate"], found["low"] if whole else None, found["high"] if whole else None)

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends; the estimate itself where there is no interval."""
        return (self.mid if self.low is None else self.low, self.mid if self.high is None else self.high)


def colour(place: int) -> str:
    """The colour of the model at this place in the study."""
    return OKABE_ITO[place % len(OKABE_ITO)]


def tint(value: float) -> str:
    """Blue towards 1, light grey at 0, orange towards -1."""
    ends, middle = ((44, 84, 120) if value >= 0 else (176, 98, 20)), (238, 240, 242)
    share = min(abs(value), 1.0)
    return "#" + "".join(f"{round(m + share * (e - m)):02x}" for e, m in zip(ends, middle, strict=True))


def broken(lines: Sequence[tuple[Sequence[float], Sequence[float]]]) -> tuple[list[float], list[float]]:
    """Many short lines, each (x, y), as one with gaps: a tenth of the bytes."""
    x, y = ([value for line in lines for value in (*line[axis], math.nan)] for axis in (0, 1))
    return x, y


def mark(place: int) -> str:
    """The marker of the model at this place in the study, for where colour alone would have to tell models apart."""
    return _MARKS[place % len(_MARKS)]


def dashes(place: int) -> Any:
    """Its line style, likewise."""
    found = _DASHES[place % len(_DASHES)]
    return (0, found) if found else "-"


def label(text: str, longest: int = 26) -> str:
    """Text that a figure can show: direction marks spelled out, what the font lacks as a box, the middle cut with an ellipsis."""
    return shortened(_drawn(text), longest)


def paired(name: str, value: str, longest: int) -> str:
    """A feature's name with its value: the name gives way, the value stays unless it alone fills the room."""
    worth = f" = {label(value, longest - _NAME - 3)}"
    return label(name, longest - len(worth)) + worth


def _drawn(text: str) -> str:
    return "".join(c if _drawable(c) else "\u25a1" for c in visible(text).replace("\n", " "))


def _drawable(character: str) -> bool:
    return bool(_font().get_char_index(ord(character)))


@lru_cache(maxsize=1)
def _font() -> Any:
    manager = load("matplotlib.font_manager")
    return manager.get_font(manager.findfont("DejaVu Sans"))


def draw(width: float, height: float, paint: Callable[[Figure], None]) -> Drawing:
    """A drawing of this size in inches that `paint` fills."""
    return Drawing((width, height), paint)


@contextmanager
def _looking() -> Iterator[None]:
    """The one look of all pictures; the user's own settings of matplotlib are there again afterwards."""
    matplotlib = load("matplotlib")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        yield


# What matplotlib numbers and nothing refers to.
_IDS = rb' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|legend|[A-Za-z]+Collection|QuadMesh)_\d+"'


_GROUPED = rb"<g>\n((?:<(?:(?:path|use)[^>]*/|!-- .*? --)>\n)*)</g>\n"


def _tight(svg: bytes) -> bytes:
    """The same picture in fewer bytes.

    No indentation, no names that nothing refers to, no groups that say nothing, coordinates to a hundredth of a point. Its words stay as
    comments, so that a file can be searched.
    """
    flat = re.sub(rb"<metadata>.*?</metadata>\n", b"", svg, flags=re.DOTALL)
    flat = re.sub(_IDS, b"", re.sub(rb"\n +", b"\n", flat)).replace(b"DejaVuSans-", b"g")
    flat = re.sub(rb' style="[^"]*"', lambda style: style[0].replace(b": ", b":").replace(b"; ", b";"), flat)
    flat = re.sub(rb' d="[^"]*"|translate\([^)]*\)', lambda path: _short(path[0]), flat)
    flat = re.sub(rb'(<use xlink:href="#g\w+") transform="translate\(([-\d.]+) ([-\d.]+)\)"/>', rb'\1 x="\2" y="\3"/>', flat)
    return _ungrouped(flat.replace(b' y="0"/>', b"/>"))


def _ungrouped(svg: bytes) -> bytes:
    """Groups without attributes are taken away from the inside out, as long as there are any that hold shapes only."""
    less = re.sub(_GROUPED, rb"\1", svg)
    return less if less == svg else _ungrouped(less)


def _short(path: bytes) -> bytes:
    whole = re.sub(rb"(\.\d\d)\d+", rb"\1", path).replace(b"\n", b"")
    return re.sub(rb"([MLQCz]) ", rb"\1", re.sub(rb" ([MLQCz])", rb"\1", whole))
