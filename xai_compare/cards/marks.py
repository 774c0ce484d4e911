"""Marked blocks in a text: found, put in, taken out. Every character outside them stays as it is.

A block stands between two comments on lines of their own:

    <!-- xai_compare:begin id=credit-1f2e3d4c5b6a sha256=... added=1 -->
    <!-- xai_compare:end id=credit-1f2e3d4c5b6a -->

sha256 is that of what stands between them, with newlines as \\n, so that a version control system that changes newlines does no harm.
`added` counts the newlines that were put in front of the block to set it off; they leave with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xai_compare.errors import XaiCompareError

__all__ = ["Block", "find", "newline_of", "put", "take"]

_NEWLINE = r"\r\n|\n|\r"
_LINE = re.compile(rf"([^\r\n]*)({_NEWLINE}|\Z)")
_BEGIN = r"<!-- xai_compare:begin id=([a-z0-9-]+) sha256=([0-9a-f]{64}) added=([012]) -->"
_END = r"<!-- xai_compare:end id=([a-z0-9-]+) -->"
_WHOLE = re.compile(rf"(?:{_BEGIN}|{_END})[ \t]*")
_HELP = "Mend it by hand, or take the block away from its begin to its end, and run the command again"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a text: text[start:end] with its markers, text[inside:until] without; `added` newlines before it are its own."""

    id: str
    sha256: str
    added: int
    start: int
    inside: int
    until: int
    end: int
    text: str

    @property
    def content(self) -> str:
        """What stands between the markers, with newlines as \\n."""
        return _plain(self.text[self.inside : self.until])

    @property
    def edited(self) -> bool:
        """Whether somebody changed what stands between the markers since it was written."""
        return _digest(self.content) != self.sha256


def find(text: str) -> list[Block]:
    """The blocks of a text, in their order.

    Raises
    ------
    XaiCompareError
        If a marker is malformed, without its partner, or of a block that is there twice.
    """
    found: list[Block] = []
    opened: tuple[re.Match[str], int, int] | None = None
    for number, line in enumerate(_LINE.finditer(text), 1):
        mark = _mark(line[1], number)
        if mark is None:
            continue
        if mark[1] is not None:  # a begin
            if opened:
                raise XaiCompareError(f"line {number}: a block of xai_compare begins inside another. {_HELP}")
            opened = mark, line.start(), line.end()
            continue
        if opened is None or opened[0][1] != mark[4]:
            raise XaiCompareError(f"line {number}: a block of xai_compare ends ('{mark[4]}') that did not begin. {_HELP}")
        begin, start, inside = opened
        if any(block.id == mark[4] for block in found):
            raise XaiCompareError(f"line {number}: the block '{mark[4]}' is there twice. {_HELP}")
        found.append(Block(mark[4], begin[2], int(begin[3]), start, inside, line.start(), line.end(), text))
        opened = None
    if opened:
        raise XaiCompareError(f"the block '{opened[0][1]}' of xai_compare begins and has no end. {_HELP}")
    return found


def _mark(line: str, number: int) -> re.Match[str] | None:
    """The marker that a line is; None for any other line. A line that is nearly one, or more than one, is an error."""
    if "xai_compare:" not in line:
        return None
    if whole := _WHOLE.fullmatch(line):
        return whole
    if _WHOLE.search(line) or re.match(r"\s*<!--\s*xai_compare:(begin|end)", line):
        raise XaiCompareError(f"line {number}: a marker of xai_compare that was changed, or does not stand alone on its line. {_HELP}")
    return None


def put(text: str, name: str, content: str, force: bool = False) -> str:
    """The text with this content (newlines as \\n) in the block `name`: in its place if it is there, else at the end after a blank line.

    Raises
    ------
    XaiCompareError
        As `find`; and if the block was edited by hand and `force` does not say to overwrite it.
    """
    blocks = find(text)
    newline = newline_of("".join(_outside(text, blocks)))
    old = next((block for block in blocks if block.id == name), None)
    if old is None:
        added = _wanted(text)
        off = "\r" if text.endswith("\r") else newline  # after a bare \r, \n would make one newline of two
        return text + off * added + _written(name, content, added, newline) + newline
    _check(old, force)
    if old.content == content and not old.edited:
        return text
    ending = re.search(rf"(?:{_NEWLINE})?\Z", text[old.until : old.end])
    return text[: old.start] + _written(name, content, old.added, newline) + (ending[0] if ending else "") + text[old.end :]


def take(text: str, name: str, force: bool = False) -> str:
    """The text without the block `name`: as it was before, where nothing else was changed since.

    Raises
    ------
    XaiCompareError
        As `put`; and if there is no such block.
    """
    blocks = find(text)
    place = next((i for i, block in enumerate(blocks) if block.id == name), None)
    if place is None:
        there = ", ".join(block.id for block in blocks) or "none"
        raise XaiCompareError(f"there is no block '{name}' to remove. Blocks that are there: {there}")
    old = blocks[place]
    _check(old, force)
    before, after = text[: old.start], text[old.end :]
    following = blocks[place + 1] if place + 1 < len(blocks) else None
    if following and re.fullmatch(rf"(?:{_NEWLINE}){{{following.added}}}", text[old.end : following.start]):
        # The next block takes the place of this one, and with it what was put in to set it off.
        marker = text[following.start : following.inside]
        return before + re.sub(r"added=[012]", f"added={old.added}", marker) + text[following.inside :]
    return before + after if after else _shortened(before, old.added)


def newline_of(text: str) -> str:
    """The newline that a text uses most; \\n where it has none."""
    found = re.findall(_NEWLINE, text)
    return max(("\n", "\r\n", "\r"), key=found.count)


def _check(block: Block, force: bool) -> None:
    if block.edited and not force:
        raise XaiCompareError(f"the block '{block.id}' was edited by hand since it was written. Force it (--force) to lose those edits")


def _outside(text: str, blocks: list[Block]) -> Iterator[str]:
    at = 0
    for block in blocks:
        yield text[at : block.start]
        at = block.end
    yield text[at:]


def _wanted(text: str) -> int:
    """How many newlines set a block off from the end of the text by one blank line; none where nothing stands before it."""
    if not text.strip("\r\n"):
        return 0
    ending = re.search(rf"(?:{_NEWLINE})*\Z", text)
    return max(0, 2 - len(re.findall(_NEWLINE, ending[0] if ending else "")))


def _shortened(text: str, newlines: int) -> str:
    """The text without so many newlines at its end."""
    for _ in range(newlines):
        text = re.sub(rf"(?:{_NEWLINE})\Z", "", text)
    return text


def _written(name: str, content: str, added: int, newline: str) -> str:
    begin = f"<!-- xai_compare:begin id={name} sha256={_digest(content)} added={added} -->"
    return newline.join([begin, *content.split("\n")[:-1], f"<!-- xai_compare:end id={name} -->"])


def _plain(text: str) -> str:
    return re.sub(_NEWLINE, "\n", text)


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
