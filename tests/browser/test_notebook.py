"""A result in a real notebook: its cell shows the verdict in a frame of its own, and nothing of it runs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.visit import NARROW, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Frame

Open = Callable[..., Visit]

ROOT = Path(__file__).parents[2]
CELLS = (
    "from tests.report.made import made\nfrom xai_compare.audit import Audit\nsource = made(hostile=True)",
    "result = Audit(source.results, source.comparison, {})\nresult",
    "result.plot.gaps()",
    "result.gaps.frame().head(2)",
)
# What a notebook does to its outputs: its own style, and here one that would spoil ours.
PAGE = """<!DOCTYPE html><html lang="en"><title>notebook</title>
<style>p, td, h1 { color: rgb(255, 0, 0) !important; font-size: 40px !important } img { display: none !important }</style>
<main><p id="own">own</p><div>%s</div></main></html>"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the cells of a notebook put out, by MIME type, as a kernel ran them."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        nbclient.NotebookClient(book, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    return [cell.outputs[-1].data if cell.outputs else {} for cell in book.cells]


def shown(visit: Open, html: str, folder: Path, **options: Any) -> tuple[Visit, Frame]:
    (folder / "notebook.html").write_text(PAGE % html, encoding="utf-8")
    found = visit((folder / "notebook.html").as_uri(), **options)
    return found, found.page.frames[1]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_cell_shows_the_verdict_apart_from_the_notebook(visit: Open, cells: list[dict[str, Any]], tmp_path: Path, script: bool) -> None:
    found, frame = shown(visit, cells[1]["text/html"], tmp_path, script=script)
    said = frame.locator("main").inner_text()
    assert "can be explained less than" in said.replace("\u00a0", " ")
    assert "<img src=x onerror" in said  # the hostile name, as text
    assert frame.locator("h1").count() == 1
    assert frame.locator("table caption", has_text="headline gaps").is_visible()
    picture = frame.locator("figure img")
    assert picture.is_visible()
    assert picture.evaluate("(one) => one.naturalWidth") > 500 if script else True
    assert frame.locator("main p").first.evaluate("(one) => getComputedStyle(one).color") != "rgb(255, 0, 0)"
    assert found.page.locator("#own").evaluate("(one) => getComputedStyle(one).color") == "rgb(255, 0, 0)"  # and ours stays inside


def test_nothing_of_the_cell_runs_or_asks_for_anything(visit: Open, cells: list[dict[str, Any]], tmp_path: Path) -> None:
    found, frame = shown(visit, cells[1]["text/html"], tmp_path)
    assert found.page.evaluate("window.__pwn") is None
    assert frame.evaluate("window.__pwn") is None
    assert found.page.locator("iframe").get_attribute("sandbox") == ""
    assert frame.locator("script, a, iframe").count() == 0
    assert found.page.locator("main > div script, main > div img, main > div a").count() == 0


def test_it_fits_a_small_screen(visit: Open, cells: list[dict[str, Any]], tmp_path: Path) -> None:
    found, frame = shown(visit, cells[1]["text/html"], tmp_path, viewport=NARROW)
    assert found.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_where_frames_are_taken_out_the_words_are_left(visit: Open, cells: list[dict[str, Any]], tmp_path: Path) -> None:
    found, _ = shown(visit, cells[1]["text/html"], tmp_path)
    found.page.evaluate("document.querySelector('iframe').remove()")
    found.page.locator("summary").click()
    assert "can be explained" in found.page.locator("details").inner_text()


def test_pictures_and_tables_are_shown_without_pyplot(cells: list[dict[str, Any]]) -> None:
    assert base64.b64decode(cells[2]["image/png"]).startswith(b"\x89PNG")
    assert "<table" in cells[3]["text/html"]
