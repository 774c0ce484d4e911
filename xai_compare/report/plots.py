"""The report's pictures as figures of matplotlib, from Python, by the names that their files have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xai_compare.errors import UnknownName, nearest
from xai_compare.report.blocks import Entry, Figure, Link, Name, Strong, Table
from xai_compare.report.build import cases
from xai_compare.report.choose import pick
from xai_compare.report.plain import text
from xai_compare.report.render import compose, pictured, section
from xai_compare.report.sections import chosen
from xai_compare.report.words import case_anchors
from xai_compare.results import Results, attribution_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Picture

__all__ = ["CasePlot", "NoPlot", "Plot", "Plots"]

_CASES = "cases"
_OF_A_CASE = {"table": {"": "waterfall"}, "text": {"steps": "waterfall"}}
_ELSEWHERE = {"": "picture", "more": "picture_more"}


class NoPlot(UnknownName, AttributeError):
    """A picture that a result does not have; an AttributeError too, as Python wants it of an attribute."""


@dataclass(frozen=True, slots=True, repr=False)
class Plot:
    """One picture of the report: called, it is painted anew by the code that paints the report's."""

    name: str
    _of: Figure

    def __call__(self) -> Picture:
        return self._of.drawing.figure()

    @property
    def caption(self) -> str:
        """What stands under it in the report."""
        return self._of.caption

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        return self._of.alt

    def frame(self) -> pd.DataFrame:
        """The same numbers; of an interval the estimate."""
        return _frame(self._of.table)

    def __repr__(self) -> str:
        return f"plot.{self.name}(): {self.caption}"


@dataclass(frozen=True, slots=True, repr=False)
class CasePlot:
    """A picture of one case, any of those explained: `plot.waterfall("row 7")`; without an id it is the first that the report shows."""

    name: str
    _results: Results
    _report: dict[str, Any]

    def __call__(self, case: object = None) -> Picture:
        asked = self._asked(case)
        found = dict(_of_case(self._report, self._results, asked))
        if self.name not in found:
            raise NoPlot(f"case '{self._results.cases.ids[asked[0][0]]}' has no plot '{self.name}': {nearest(self.name, found)}")
        return found[self.name].drawing.figure()

    def frame(self, case: object = None) -> pd.DataFrame:
        """Every attribution of the case, in long form."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in attribution_rows(self._results, self._asked(case))])

    def _asked(self, case: object) -> list[tuple[int, str]]:
        return _first(self._results, self._report) if case is None else pick(self._results, [case])

    def __repr__(self) -> str:
        return f"plot.{self.name}(case): of one case, by its id"


class Plots:
    """The pictures of a result: `dir(result.plot)` lists them, `result.plot.gaps()` is one, `result.plot.frame()` tells what each shows."""

    def __init__(self, results: Results, report: dict[str, Any]) -> None:
        self._results, self._report = results, report

    @cached_property
    def _known(self) -> dict[str, Plot | CasePlot]:
        names = [name for name in chosen({}) if name != _CASES]  # every section but that, whatever the page of the study shows
        study = {**self._report["scope"]["study"], "report": {"sections": names}}
        whole = {**self._report, "scope": {**self._report["scope"], "study": study}}
        figures = pictured(compose(whole, drawn=False))
        found: dict[str, Plot | CasePlot] = {_spelt(one.name): Plot(_spelt(one.name), one) for one in figures}
        of_case = (name for name, _ in _of_case(self._report, self._results, _first(self._results, self._report)))
        return found | {name: CasePlot(name, self._results, self._report) for name in of_case}

    def __dir__(self) -> list[str]:
        return [*self._known, "frame"]

    def __getattr__(self, name: str) -> Plot | CasePlot:
        if name.startswith("_"):  # what Python and notebooks ask of every object
            raise AttributeError(name)
        if name not in self._known:
            raise NoPlot(f"this result has no plot '{name}': {nearest(name, self._known)}")
        return self._known[name]

    def frame(self) -> pd.DataFrame:
        """A row for each picture: its name and what it shows."""
        import pandas as pd

        return pd.DataFrame([{"name": name, "shows": repr(one).partition(": ")[2]} for name, one in self._known.items()])

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._known.values()))


def _first(results: Results, report: dict[str, Any]) -> list[tuple[int, str]]:
    """The first case that the report shows."""
    shown = report["cases"][0]
    return [(next(place for place, name in enumerate(results.cases.ids) if text(name) == shown["id"]), shown["why"])]


def _of_case(report: dict[str, Any], results: Results, asked: list[tuple[int, str]]) -> Iterator[tuple[str, Figure]]:
    """(name, figure) of the pictures of a case."""
    alone = {**report, "cases": cases(results, asked)}
    names = {**_ELSEWHERE, **_OF_A_CASE.get(report["scope"]["modality"], {})}
    for begin in case_anchors(alone).values():
        for figure in pictured([section(alone, _CASES)]):
            suffix = figure.name.removeprefix(begin).removeprefix("-")
            yield names.get(suffix, _spelt(suffix)), figure


def _spelt(name: str) -> str:
    return name.replace("-", "_")


def _frame(table: Table | None) -> pd.DataFrame:
    import pandas as pd

    if table is None:
        raise UnknownName("this picture has no table of its own")
    titles = [column.title for column in table.columns]
    rows = [
        [entry.order if column.numeric else _words(entry) for column, entry in zip(table.columns, row, strict=True)] for row in table.rows
    ]
    return pd.DataFrame(rows, columns=titles)


def _words(entry: Entry) -> str:
    return "".join(piece.text if isinstance(piece, Strong | Name | Link) else piece for piece in entry.pieces)
