"""The report's sections, one file each: a function from the report to blocks, registered with its place and its question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from xai_compare.registry import Registry
from xai_compare.report.blocks import Block

__all__ = ["SECTIONS", "Maker", "Plugin", "section"]

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
