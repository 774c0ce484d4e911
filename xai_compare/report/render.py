"""The report dictionary -> sections of blocks -> one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import logging
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xai_compare.lazy import load
from xai_compare.report.blocks import Block, Cases, Details, Figure, Prose, Section, SideBySide
from xai_compare.report.limits import note
from xai_compare.report.sections import SECTIONS, Plugin
from xai_compare.report.words import abridged, count, shown_name, visible

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["brief", "compose", "figures", "page", "render"]

logger = logging.getLogger(__name__)

_LAST = "limits"


def render(report: dict[str, Any]) -> str:
    """The whole report as one HTML page that needs no network, no other file and no JavaScript.

    >>> html = render(report)                    # doctest: +SKIP
    """
    return page(report, compose(report))


def brief(report: dict[str, Any]) -> str:
    """The verdict alone as a piece of HTML for a notebook: no script, no style of its own, every text escaped.

    >>> html = brief(report)                    # doctest: +SKIP
    """
    verdict = _make(report, min(SECTIONS, key=lambda name: SECTIONS[name].order), [])
    return _environment().get_template("brief.html.j2").render(report=report, section=verdict)


def compose(report: dict[str, Any]) -> list[Section]:
    """Every registered section that has something to say, in order. One that raises costs only itself: it becomes a note under Limits."""
    failures: list[dict[str, Any]] = []
    made = [_make(report, name, failures) for name in SECTIONS if name != _LAST]
    with_failures = {**report, "limits": [*report["limits"], *failures]}
    made += [_make(with_failures, name, failures) for name in SECTIONS if name == _LAST]
    return sorted((section for section in made if section.blocks), key=lambda section: (section.order, section.name))


def _make(report: dict[str, Any], name: str, failures: list[dict[str, Any]]) -> Section:
    plugin: Plugin = SECTIONS[name]
    try:
        blocks = tuple(plugin.make(report))
    except Exception as error:  # whatever a section does wrong, the reader still gets the others
        logger.warning("section '%s' could not be made", name, exc_info=True)
        said = f"section '{plugin.title}': {type(error).__name__}: {error}"
        failures.append(note("section", said))
        blocks = (Prose((f"This section could not be made ({abridged(said)}).",), "note"),)
    return Section(name, plugin.order, plugin.title, plugin.question, blocks)


def page(report: dict[str, Any], sections: list[Section]) -> str:
    """HTML of sections already composed; the report gives the title and the list of files."""
    css, script = _asset("report.css"), _asset("report.js")
    template = _environment().get_template("page.html.j2")
    return template.render(
        report=report,
        sections=sections,
        css=_trusted(css),
        script=_trusted(script),
        policy=_policy(css, script),
    )


def _policy(css: str, script: str) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, css)]
    allowed = f"script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def figures(sections: list[Section]) -> dict[str, bytes]:
    """{file name: SVG bytes} of every figure of the page, for the files beside it."""
    return {f"{figure.name}.svg": figure.svg for section in sections for figure in _figures(section.blocks)}


def _figures(blocks: tuple[Block, ...]) -> list[Figure]:
    found: list[Figure] = []
    for block in blocks:
        if isinstance(block, Figure):
            found.append(block)
        elif isinstance(block, Details):
            found += _figures(block.blocks)
        elif isinstance(block, Cases):
            found += [figure for case in block.items for figure in _figures(case.blocks)]
        elif isinstance(block, SideBySide):
            found += [figure for column in block.columns for figure in _figures(column)]
    return found


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Templates with autoescape on everything, and every text made visible on its way out."""
    jinja2 = load("jinja2")
    environment: Environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xai_compare.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["named"] = lambda model, report: shown_name(report, model["name"])
    environment.filters["count_of"] = count
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.filters["data_uri"] = lambda svg: _trusted(f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}")
    return environment


def _shown(value: Any) -> Any:
    return visible(value) if type(value) is str else value


def _trusted(text: str) -> Any:
    """Text that holds no foreign word: our own style and script, whose hashes must hold, and base64."""
    return load("markupsafe").Markup(text)


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return files("xai_compare.report").joinpath("templates", name).read_text(encoding="utf-8")
