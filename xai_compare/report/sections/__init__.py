"""The report's sections, one file each: a function from the report to blocks, registered with its place and its question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from xai_compare.registry import Registry
from xai_compare.report.blocks import Block

__all__ = ["SECTIONS", "Maker", "Plugin", "chosen", "section"]

Maker: TypeAlias = Callable[[dict[str, Any]], Sequence[Block]]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A section: its number, its title, the reader's question, and the function that makes its blocks from the report."""

    order: int
    title: str
    question: str
    make: Maker


SECTIONS: Registry[Plugin] = Registry("section", "xai_compare.report.sections", "xai_compare.sections")


def section(name: str, order: int, title: str, question: str) -> Callable[[Maker], Maker]:
    """Function decorator that registers a section.

    >>> @section("example", 99, "Example", "What does a section look like?")    # doctest: +SKIP
    ... def example(report):
    ...     return [Prose(("Only what the report says.",))]
    """

    def keep(make: Maker) -> Maker:
        SECTIONS.register(name)(Plugin(order, title, question, make))
        return make

    return keep


_FIRST, _LAST = "verdict", ("limits", "provenance")  # on every page: what a reader must not miss


def chosen(study: Mapping[str, Any]) -> list[str]:
    """The names of the sections of a page in order, from a resolved study: all that are registered, or those that it lists.

    A list lacks none of the verdict, the limits and the provenance: what it does not name is put at the front, or at the end.

    >>> chosen({"report": {"sections": ["gaps", "scope"]}})
    ['verdict', 'gaps', 'scope', 'limits', 'provenance']
    """
    asked = study.get("report", {}).get("sections", "auto")
    if asked == "auto":
        return sorted(SECTIONS, key=lambda name: (SECTIONS[name].order, name))
    first = [] if _FIRST in asked else [_FIRST]
    return [*first, *asked, *(name for name in _LAST if name not in asked)]
