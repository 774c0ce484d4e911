"""What a section is made of. Blocks hold text and numbers; only the templates write HTML, so escaping lives in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from xai_compare.report.canvas import Drawing  # which needs the words, and they the blocks

__all__ = [
    "About",
    "Block",
    "Case",
    "Cases",
    "Column",
    "Details",
    "Downloads",
    "Entry",
    "Figure",
    "Heading",
    "Link",
    "Name",
    "Part",
    "Piece",
    "Prose",
    "Section",
    "SideBySide",
    "Strong",
    "Table",
    "Terms",
    "Text",
    "Token",
    "Tokens",
]


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that carry the sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A model's name with its colour, which is the same everywhere: `colour` is the model's place in the study."""

    text: str
    colour: int


@dataclass(frozen=True, slots=True)
class Link:
    """A link inside the report; `anchor` is made by `words.anchor`, never typed by a user."""

    text: str
    anchor: str


Piece: TypeAlias = str | Strong | Name | Link
Text: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading under the section's own."""

    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph. A "finding" is what the reader came for, a "note" is said quietly."""

    pieces: Text
    kind: Literal["plain", "finding", "note"] = "plain"


@dataclass(frozen=True, slots=True)
class About:
    """What something speaks of, by place in the study: what speaks of others than those asked for is not shown by the filters."""

    models: tuple[int, ...] = ()
    methods: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title and whether it holds numbers; `about` says which model and method it speaks of, by their place in the study."""

    title: str
    numeric: bool = False
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A table cell. `order` sorts it where its text would not; `tone` greys it or marks a verdict beside its words.

    `methods` are the places of the methods that it names; the models it names are told by its pieces.
    """

    pieces: Text
    order: float | None = None
    tone: Literal["", "good", "bad", "quiet"] = ""
    methods: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of entries under columns. The caption says what is counted and in which direction."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, what it shows in words, and the same numbers as a table."""

    name: str
    drawing: Drawing
    alt: str
    caption: str
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms and what they mean or hold; an anchor lets others link to a term."""

    items: tuple[tuple[str, Text, str], ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that are folded away until asked for."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks that speak of some models or methods only."""

    about: About
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A word with its number beside it. `step`: its colour, 0 (orange, most against) over 10 (none) to 20 (blue, most for)."""

    word: str
    number: str
    step: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text word by word, as one model has it; `title` says whose it is."""

    title: Text
    words: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Columns of blocks beside each other on a wide page, below each other on a narrow one."""

    columns: tuple[tuple[Block, ...], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One explained case with its anchor for deep links, and what the picker goes by.

    `said` holds any of "right" (every model), "wrong" (some model) and "differ" (the models predict different classes); `groups` are places
    among the slices of `Cases`; `models` and `methods` tell how much explanations differ between them.
    """

    title: str
    anchor: str
    why: str
    blocks: tuple[Block, ...]
    said: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    models: float | None = None
    methods: float | None = None


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases one below the other, each linked from a list above; the script turns the list into a picker. `groups` names the slices."""

    items: tuple[Case, ...]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Downloads:
    """The files beside the report with their hashes: filled from the report's assets when the page is made."""


Block: TypeAlias = Heading | Prose | Table | Figure | Terms | Details | Tokens | Part | SideBySide | Cases | Downloads


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report under the reader's question."""

    name: str
    order: int
    title: str
    question: str
    blocks: tuple[Block, ...]
