"""Reports on images, texts and series in a browser: as closed, as accessible, and as readable as those on tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.test_accessible import PAIRS, check
from tests.browser.test_layout import CUT_OFF, letters, sheets
from tests.browser.visit import NARROW, Visit, shown_cases, unfold

Open = Callable[..., Visit]

# The report on texts speaks for all in the quick tests; the other two are among the slow ones.
BY_TEXTS = pytest.mark.parametrize(
    "elsewhere",
    ["text", pytest.param("image", marks=pytest.mark.slow), pytest.param("series", marks=pytest.mark.slow)],
    indirect=True,
    scope="session",
)

OVERLAPPING = """() => [...document.querySelectorAll(".tokens span")]
  .filter((one) => one.checkVisibility())
  .filter((one) => { const box = one.getBoundingClientRect(); return box.right > innerWidth || box.left < 0; })
  .map((one) => one.textContent)"""


@BY_TEXTS
@pytest.mark.parametrize(("size", "scheme"), PAIRS)
def test_no_violation(visit: Open, elsewhere: str, size: dict[str, int], scheme: str) -> None:
    page = visit(elsewhere, viewport=size, color_scheme=scheme).page
    unfold(page)
    check(page)


def test_names_and_words_are_text(visit: Open, elsewhere: str) -> None:
    page = visit(elsewhere).page
    unfold(page)
    assert page.evaluate("window.__pwn") is None
    assert page.locator("img:not([src^='data:image/svg+xml,'])").count() == 0
    assert page.locator("script").count() == 1
    assert page.locator("a[href*='javascript:' i]").count() == 0
    assert "\u202e" not in page.locator("html").inner_text()


@BY_TEXTS
def test_nothing_is_wider_than_a_small_screen(visit: Open, elsewhere: str) -> None:
    page = visit(elsewhere, viewport=NARROW).page
    unfold(page)
    for link in page.locator(".picker a").all()[:2]:
        link.click()
        page.evaluate("scrollTo(1000, scrollY)")
        assert page.evaluate("[scrollX, document.documentElement.scrollWidth]") == [0, NARROW["width"]]
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate(OVERLAPPING) == []


@BY_TEXTS
def test_without_the_script_all_cases_are_there(visit: Open, elsewhere: str) -> None:
    page = visit(elsewhere, script=False).page
    assert len(shown_cases(page)) >= 6
    assert page.locator(".tokens, .case figure").count() >= 6


@BY_TEXTS
def test_paper_holds_every_heading_and_every_word(visit: Open, elsewhere: str) -> None:
    page = visit(elsewhere).page
    text = "".join(sheets(page))
    wanted = page.locator("h1, h2, h3, caption, figcaption, .tokens b, .tokens bdi").all_text_contents()
    assert [one for one in wanted if letters(one) not in text] == []


def test_every_picture_loads(visit: Open, elsewhere: str) -> None:
    page = visit(elsewhere).page
    images = page.locator("#cases img").evaluate_all("(all) => all.map((one) => [one.complete, one.naturalWidth])")
    assert all(done and width > 0 for done, width in images)
