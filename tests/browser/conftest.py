"""A headless Chromium that is already on the machine, and the reports it opens. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.visit import Visit, opened
from tests.report.made import HOSTILE, N, made
from tests.report.made_elsewhere import made_of
from tests.report.made_reasons import reasoned
from xai_compare import report as reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SLICES = {"sex": ("female", "male"), "age": ("under 30", "30 to under 80", "80 and over")}

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


# One per file, not per session: while playwright is on, its event loop keeps any other test from starting one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver, driver.chromium.launch(executable_path=CHROMIUM) as browser:
        yield browser


def written(folder: Path, hostile: bool) -> str:
    source, bad = reasoned(made(hostile=hostile), hostile), HOSTILE if hostile else ""
    results = replace(source.results, slices={f"{column}{bad}": belonging(labels, bad) for column, labels in SLICES.items()})
    rows = tuple(replace(row, column=f"{row.column}{bad}", label=f"{row.label}{bad}") for row in source.comparison.slices)
    reports.write(reports.build(results, replace(source.comparison, slices=rows)), folder)
    return (folder / "report.html").as_uri()


def belonging(labels: tuple[str, ...], bad: str) -> tuple[str, ...]:
    """The slice of each case, one after the other."""
    return tuple(f"{labels[i % len(labels)]}{bad}" for i in range(N))


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report as a reader gets it."""
    return written(tmp_path_factory.mktemp("ordinary"), hostile=False)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the same report with markup in every name and value."""
    return written(tmp_path_factory.mktemp("hostile"), hostile=True)


@pytest.fixture(scope="session", params=["image", "text", "series"])
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report on what is no table, with markup in every name and word."""
    source, folder = made_of(request.param, hostile=True), tmp_path_factory.mktemp(request.param)
    reports.write(reports.build(source.results, source.comparison), folder)
    return (folder / "report.html").as_uri()


@pytest.fixture(params=["ordinary", "hostile"])
def report(request: pytest.FixtureRequest) -> str:
    """Both reports, one after the other."""
    address: str = request.getfixturevalue(request.param)
    return address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a report. Whatever the test then does, the page must have kept quiet until the end."""
    visits = []
    with ExitStack() as stack:

        def start(address: str, **options: object) -> Visit:
            visits.append(stack.enter_context(opened(browser, address, **options)))
            return visits[-1]

        yield start
    for one in visits:
        one.quiet()
