"""The report dictionary -> sections of blocks -> one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from xai_compare.lazy import load
from xai_compare.report.blocks import About, Block, Cases, Details, Entry, Figure, Name, Part, Prose, Section, SideBySide, Terms
from xai_compare.report.limits import note
from xai_compare.report.sections import SECTIONS, Plugin, chosen
from xai_compare.report.words import abridged, count, method_title, shown_name, visible

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["asset", "compose", "environment", "figures", "page", "pictured", "policy", "render", "section", "trusted"]

logger = logging.getLogger(__name__)

_LAST = "limits"


def render(report: dict[str, Any]) -> str:
    """The whole report as one HTML page that needs no network, no other file and no JavaScript.

    >>> html = render(report)                    # doctest: +SKIP
    """
    return page(report, compose(report))


def compose(report: dict[str, Any], drawn: bool = True) -> list[Section]:
    """Every section that the study asks for and that has something to say, in order.

    One that raises, or is not installed here, costs only itself: it becomes a note under Limits. With drawn false the pictures wait until
    they are asked for.
    """
    failures: list[dict[str, Any]] = []
    names = chosen(report["scope"]["study"])
    failures += [note("section", f"section '{name}' is not installed here") for name in names if name not in SECTIONS]
    there = [name for name in names if name in SECTIONS]
    made = {name: _make(report, name, failures, drawn) for name in there if name != _LAST}
    made[_LAST] = _make({**report, "limits": [*report["limits"], *failures]}, _LAST, failures)
    return [made[name] for name in there if made[name].blocks]


def section(report: dict[str, Any], name: str) -> Section:
    """One section by its name, whatever the study asks for; what it raises is raised.

    Raises
    ------
    UnknownName
        For a section that is not registered.
    """
    plugin: Plugin = SECTIONS[name]
    return Section(name, plugin.order, plugin.title, plugin.question, tuple(plugin.make(report)))


def _make(report: dict[str, Any], name: str, failures: list[dict[str, Any]], drawn: bool = True) -> Section:
    plugin: Plugin = SECTIONS[name]
    try:
        blocks = tuple(plugin.make(report))
        if drawn:  # here, so that a picture that cannot be drawn costs its section alone
            figures([Section(name, plugin.order, plugin.title, plugin.question, blocks)])
    except Exception as error:  # whatever a section does wrong, the reader still gets the others
        logger.warning("section '%s' could not be made", name, exc_info=True)
        said = f"section '{plugin.title}': {type(error).__name__}: {error}"
        failures.append(note("section", said))
        blocks = (Prose((f"This section could not be made ({abridged(said)}).",), "note"),)
    return Section(name, plugin.order, plugin.title, plugin.question, blocks)


def page(report: dict[str, Any], sections: list[Section]) -> str:
    """HTML of sections already composed; the report gives the title and the list of files."""
    css, script = asset("report.css"), asset("report.js")
    template = environment().get_template("page.html.j2")
    return template.render(
        report=report,
        sections=sections,
        anchors=_anchors(sections),
        css=trusted(css),
        script=trusted(script),
        policy=policy(css, script),
    )


def _anchors(sections: list[Section]) -> set[str]:
    """Every place of the page that a link can lead to: a link elsewhere, to a section that was not asked for, is told as plain words."""
    cases = {case.anchor for block in _flat(sections) if isinstance(block, Cases) for case in block.items}
    terms = {anchor for block in _flat(sections) if isinstance(block, Terms) for _, _, anchor in block.items}
    return {one.name for one in sections} | cases | terms


def policy(css: str, script: str | None = None) -> str:
    """What a page may do: its own style, its own script if it has one, and pictures that it carries."""
    hashes = {"script-src": script, "style-src": css}
    own = [f"{kind} 'sha256-{_hash(text)}'" for kind, text in hashes.items() if text is not None]
    return "; ".join(["default-src 'none'", *own, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def figures(sections: list[Section]) -> dict[str, bytes]:
    """{file name: SVG bytes} of every figure of the page, for the files beside it."""
    return {f"{figure.name}.svg": figure.drawing.svg for figure in pictured(sections)}


def pictured(sections: list[Section]) -> list[Figure]:
    """Every figure of these sections, in the order of the page."""
    return [block for block in _flat(sections) if isinstance(block, Figure)]


def _flat(sections: list[Section]) -> list[Block]:
    """Every block of these sections, those within others after them."""
    return [block for one in sections for block in _opened(one.blocks)]


def _opened(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Details | Part):
            yield from _opened(block.blocks)
        elif isinstance(block, Cases):
            yield from _opened(inner for case in block.items for inner in case.blocks)
        elif isinstance(block, SideBySide):
            yield from _opened(inner for column in block.columns for inner in column)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates with autoescape on everything, and every text made visible on its way out."""
    jinja2 = load("jinja2")
    made: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xai_compare.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["named"] = lambda model, report: shown_name(report, model["name"])
    made.filters["count_of"] = count
    made.filters["kind"] = lambda block: type(block).__name__
    made.filters["about"] = _about
    made.filters["speaks"] = lambda pieces: _about((Entry(pieces),))
    made.filters["choices"] = _choices
    made.filters["filters"] = _filters
    made.filters["data_uri"] = _data_uri
    return made


_PLAIN = " '/:;=,.()-+!*@?[]|~$_"
"""What may stand unescaped in an attribute in double quotes and in a data URI; letters and digits may anyway."""


def _data_uri(svg: bytes) -> Any:
    """A picture as an address: percent-encoded, a fifth shorter than base64. Nothing that ends an attribute or a tag stays bare."""
    line = re.sub(rb"<!-- .*? -->", b"", svg.replace(b"\n", b" "))
    return trusted("data:image/svg+xml," + quote(line if b"'" in line else line.replace(b'"', b"'"), safe=_PLAIN))


def _about(row: tuple[Entry, ...]) -> About:
    """The models and the methods that a row of a table names."""
    models = {piece.colour for entry in row for piece in entry.pieces if isinstance(piece, Name)}
    return About(tuple(sorted(models)), tuple(sorted({place for entry in row for place in entry.methods})))


_Choice: TypeAlias = tuple[str, str, list[tuple[str, str]]]
_ORDERS = {"models": "where models differ most", "methods": "where methods differ most"}
_SAID = {"right": "every model is right", "wrong": "a model is wrong", "differ": "models differ"}


def _filters(report: dict[str, Any]) -> list[_Choice]:
    """What the reader may look at alone: one of several models, one of several methods."""
    models = [(str(place), shown_name(report, model["name"])) for place, model in enumerate(report["models"])]
    methods = [(str(place), method_title(report, method["name"])) for place, method in enumerate(report["methods"])]
    found = [("model", "Model", models), ("method", "Method", methods)]
    return [(key, title, [("", "all"), *options]) for key, title, options in found if len(options) > 1]


def _choices(cases: Cases) -> list[_Choice]:
    """What the picker of cases may go by: only what makes a difference between these cases."""
    orders = [(key, words) for key, words in _ORDERS.items() if any(getattr(case, key) is not None for case in cases.items)]
    said = [(key, words) for key, words in _SAID.items() if 0 < sum(key in case.said for case in cases.items) < len(cases.items)]
    groups = [(str(place), name) for place, name in enumerate(cases.groups)]
    found = [("order", "Order", "as chosen", orders), ("said", "Prediction", "any", said), ("slice", "Slice", "any", groups)]
    return [(key, title, [("", first), *options]) for key, title, first, options in found if options]


def _shown(value: Any) -> Any:
    return visible(value) if type(value) is str else value


def trusted(text: str) -> Any:
    """Text that holds no foreign word: our own style and script, whose hashes must hold, and pictures with all that is special escaped."""
    return load("markupsafe").Markup(text)


@lru_cache(maxsize=8)
def asset(name: str) -> str:
    return files("xai_compare.report").joinpath("templates", name).read_text(encoding="utf-8")
