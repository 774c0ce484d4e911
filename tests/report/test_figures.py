"""Every figure of every kind of report: what it shows is said in words with numbers, and the numbers stand in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.report.made import made
from tests.report.made_elsewhere import made_of
from tests.report.made_reasons import reasoned
from tests.report.test_themselves import learnt
from xai_compare import report as reports
from xai_compare.report.blocks import Block, Case, Cases, Figure, Section, Table
from xai_compare.report.render import compose, page, pictured

SOURCES = {
    "table": lambda: reasoned(learnt(made())),
    "regression": lambda: made("regression"),
    "hidden": lambda: made(shown=False),
    "image": lambda: made_of("image"),
    "text": lambda: made_of("text"),
    "series": lambda: made_of("series", channels=3),
}
ALWAYS = {"verdict-decomposition", "decomposition", "gaps", "performance", "agreement", "removal", "stability"}
OWN = {
    "table": {"importance", "ranks", "swarm", "profiles", "learning", "reasons", "case"},
    "regression": {"importance", "ranks", "swarm", "profiles", "case"},
    "hidden": {"importance", "ranks", "swarm", "profiles", "case"},
    "image": {"importance", "where", "case"},
    "text": {"case-steps", "case-attention-2"},
    "series": {"importance", "where", "case", "case-more", "case-attention-2"},
}
NUMBER = re.compile(r"(?<![\w.])([\u2212+]?\d+(?:\.\d+)?)(\u00a0%| %)?(?![\w])")


@cache
def whole(kind: str) -> dict[str, Any]:
    source = SOURCES[kind]()
    return reports.build(source.results, source.comparison)


@cache
def sections(kind: str) -> list[Section]:
    return compose(whole(kind), drawn=False)


def cases(kind: str) -> list[Case]:
    (found,) = [block for one in sections(kind) for block in one.blocks if isinstance(block, Cases)]
    return list(found.items)


def tables_in(blocks: Iterable[Any]) -> Iterator[Table]:
    """The tables among some blocks, and those folded into them."""
    for block in blocks:
        if isinstance(block, Table):
            yield block
        yield from tables_in(getattr(block, "blocks", ()))


def numbers(table: Table) -> set[float]:
    """Every number of a table: those it is sorted by, and those within its words."""
    found = {entry.order for row in table.rows for entry in row if entry.order is not None}
    said = (str(getattr(piece, "text", piece)) for row in table.rows for entry in row for piece in entry.pieces)
    return found | {float(match[1].replace("\u2212", "-")) * (0.01 if match[2] else 1) for text in said for match in NUMBER.finditer(text)}


def told(alt: str) -> list[tuple[str, float, float]]:
    """(as written, value, half of its last place) of the fractions and percentages of an alternative text; whole numbers may be names."""
    found = []
    for match in NUMBER.finditer(alt):
        if "." in match[1] or match[2]:
            scale = 0.01 if match[2] else 1.0
            value = float(match[1].replace("\u2212", "-")) * scale
            found.append((match[0], value, 0.5001 * scale * 10.0 ** -len(match[1].partition(".")[2])))
    return found


def beside(kind: str, figure: Figure) -> list[Table]:
    """The table of a figure; of a case's waterfall, whose caption says so, the tables of the case."""
    if figure.table is not None:
        return [figure.table]
    assert "The table below has every number." in figure.caption, figure.name
    (own,) = [case for case in cases(kind) if figure in pictured([Section("cases", 9, "", "", case.blocks)])]
    found = list(tables_in(own.blocks))
    assert "Every attribution" in str([getattr(block, "summary", "") for block in own.blocks])
    return found


@pytest.mark.parametrize("kind", SOURCES)
def test_every_figure_there_is_is_looked_at(kind: str) -> None:
    names = {re.sub(r"^case-row-\d+", "case", figure.name) for figure in pictured(sections(kind))}
    assert names == ALWAYS | OWN[kind]


@pytest.mark.parametrize("kind", SOURCES)
def test_every_figure_says_what_it_shows_with_numbers(kind: str) -> None:
    names = [model["name"] for model in whole(kind)["models"]]
    for figure in pictured(sections(kind)):
        assert re.fullmatch(r"[A-Z].{40,}[.]", figure.alt, flags=re.DOTALL), figure.name
        assert any(name in figure.alt for name in names), figure.name
        assert len(NUMBER.findall(figure.alt)) >= 3, figure.name
        assert re.fullmatch(r"[A-Z].{20,}[.]", figure.caption, flags=re.DOTALL), figure.name
        assert figure.alt != figure.caption
        assert not re.search(r"\bNone\b|\bnan\b|\[\]|\{|\}", figure.alt), figure.name


@pytest.mark.parametrize("kind", SOURCES)
def test_the_numbers_of_every_figure_stand_in_a_table(kind: str) -> None:
    checked = 0
    for figure in pictured(sections(kind)):
        tables = beside(kind, figure)
        assert all(table.rows and all(len(row) == len(table.columns) for row in table.rows) for table in tables)
        there = {abs(number) for table in tables for number in numbers(table)}
        for written, value, room in told(figure.alt):
            assert any(abs(abs(value) - number) <= room for number in there), (figure.name, written)
            checked += 1
    assert checked > 200


@pytest.mark.parametrize("kind", SOURCES)
def test_whole_numbers_of_ranks_stand_in_their_table(kind: str) -> None:
    for figure in pictured(sections(kind)):
        if figure.name == "ranks":
            assert figure.table is not None
            titles = [column.title for column in figure.table.columns[1:]]
            for row in figure.table.rows:
                ranks = [str(entry.pieces[0]) for entry in row[1:]]
                said = ", ".join(f"{title} {rank}" for title, rank in zip(titles, ranks, strict=True))
                assert f"{row[0].pieces[0]}: {said}" in figure.alt


class Reader(HTMLParser):
    """What a reader of a page meets: the alternative text of each figure's picture, and whether a folded table follows within it."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: list[dict[str, Any]] = []
        self._within = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "figure":
            self.figures.append({"alt": None, "folded": False, "table": False})
            self._within = len(self.figures)
        elif self._within and tag == "img":
            self.figures[-1]["alt"] = dict(attrs)["alt"]
        elif self._within and tag == "details":
            self.figures[-1]["folded"] = "open" not in dict(attrs)
        elif self._within and tag == "table":
            self.figures[-1]["table"] = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "figure":
            self._within = 0


def test_on_the_page_the_words_are_the_pictures_and_the_table_is_folded() -> None:
    reader = Reader()
    found = [one for one in sections("table") if one.name in ("verdict", "drivers", "fidelity", "reasons")]
    reader.feed(page(whole("table"), found))
    own: list[Block] = list(pictured(found))
    assert [one["alt"] for one in reader.figures] == [figure.alt for figure in own if isinstance(figure, Figure)]
    assert len(reader.figures) == 6
    assert all(one["folded"] and one["table"] for one in reader.figures)
