"""The pages that people read, and what stands in them: blocks of code, words in backticks, commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
"""The pages under docs/, by file name."""

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), ROOT / "reports" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
"""Every page, by its path."""

STUDIES = {f"configs/{path.name}": path.read_text(encoding="utf-8") for path in sorted((ROOT / "configs").glob("*.yaml"))}
"""The ready-made studies, whose comments are read, too."""


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, content) of every fenced block, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def of(language: str, text: str) -> list[str]:
    """The contents of the blocks in one language."""
    return [content for own, content in blocks(text) if own == language]


def name_of(block: str) -> str:
    """The file that a block is, as its first line says: "# study.yaml"; "" for one that is none."""
    found = re.match(r"# ([\w-]+\.\w+)\n", block)
    return found[1] if found else ""


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def spans(text: str) -> list[str]:
    """Every piece of code within the lines of a page; one may go on in the next line."""
    return [re.sub(r"\s+", " ", found) for found in re.findall(r"`([^`]+)`", prose(text))]


def commands(text: str) -> list[str]:
    """What is said after "xai-compare", up to a comment, a backtick or the end of the line."""
    found = re.findall(r"(?<![\w/-])xai-compare ((?:[^`\n#]|(?<! )#)+)", text)
    return [one.strip() for one in found]


def in_code(text: str) -> list[str]:
    """Lines and pieces that are set as code: indented, fenced, or in backticks."""
    indented = re.findall(r"^ {4}(\S.*)$", prose(text), flags=re.MULTILINE)
    return [*spans(text), *indented, *(line for _, block in blocks(text) for line in block.splitlines())]
