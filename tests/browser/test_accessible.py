"""axe-core finds nothing against WCAG 2.2 AA: light and dark, wide and narrow, unfolded, sorted, filtered, with cases picked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.visit import NARROW, WIDE, Visit, shown_cases, unfold

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Visit]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS = {"runOnly": TAGS, "resultTypes": ["violations", "incomplete"]}


@cache
def axe() -> Any:
    return pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe()


def check(page: Page, *where: str) -> dict[str, Any]:
    """What axe says of the page, or of a part of it; there must be no violation."""
    found: dict[str, Any] = axe().run(page, context=where[0] if where else None, options=OPTIONS).response
    told = [(rule["id"], node["target"], node["failureSummary"]) for rule in found["violations"] for node in rule["nodes"]]
    assert told == []
    return found


def use(page: Page) -> None:
    """Unfold everything, and sort each table by its last column."""
    unfold(page)
    for header in page.locator("tr > th:last-child > button").all():
        if header.is_visible():
            header.click()
    assert page.locator("th[aria-sort]").count() > 5


# Each width and each scheme once; the other two pairs are among the slow tests.
PAIRS = [
    pytest.param(WIDE, "light", id="wide, light"),
    pytest.param(NARROW, "dark", id="narrow, dark"),
    pytest.param(WIDE, "dark", id="wide, dark", marks=pytest.mark.slow),
    pytest.param(NARROW, "light", id="narrow, light", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("size", "scheme"), PAIRS)
def test_no_violation_as_opened_and_after_use(visit: Open, ordinary: str, size: dict[str, int], scheme: str) -> None:
    page = visit(ordinary, viewport=size, color_scheme=scheme).page
    found = check(page)
    if size == WIDE:  # a table that scrolls leaves more open
        names_only(page, found)
    use(page)
    check(page)


def names_only(page: Page, found: dict[str, Any]) -> None:
    """axe does not judge text before a picture. The dot of a model is one; its name must have the colours that axe passed around it."""
    left = [(rule["id"], node) for rule in found["incomplete"] for node in rule["nodes"]]
    assert {rule for rule, _ in left} == {"color-contrast"}
    assert [node["html"] for _, node in left if not node["html"].startswith('<bdi class="model')] == []
    style = "(one) => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    ink = page.evaluate(f"({style})(document.body)")[0]
    assert {tuple(one.evaluate(style)) for one in page.locator(".model").all()} == {(ink, "rgba(0, 0, 0, 0)")}


def choose(page: Page, **choices: str) -> None:
    for key, value in choices.items():
        page.locator(f"select[data-choice={key}]").select_option(value)


def test_no_violation_filtered_or_with_cases_picked(visit: Open, ordinary: str) -> None:
    """One page in one state after the other, each in both colour schemes. What the picker does is looked at among the cases alone."""
    page = visit(ordinary).page

    def both(*where: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            check(page, *where)

    choose(page, model="1", method="1")
    unfold(page)
    assert page.locator(".off").count() > 100
    both()
    choose(page, model="", method="", order="models", said="wrong", slice="0")
    assert (page.locator(".off").count(), len(shown_cases(page))) == (0, 1)
    both(".cases")
    page.evaluate("for (const one of document.querySelectorAll('.case')) one.dataset.said = ''")
    choose(page, said="")
    choose(page, said="wrong")
    assert page.locator(".picker .told").inner_text().startswith("None of the")
    both(".cases")


def test_no_violation_with_hostile_names(visit: Open, hostile: str) -> None:
    page = visit(hostile, viewport=NARROW).page
    unfold(page)
    check(page)


def test_axe_checks_what_it_is_asked_to(visit: Open, ordinary: str) -> None:
    """The same run on a page made worse: without this, an axe that is never asked would pass all of the above."""
    page = visit(ordinary).page
    page.evaluate("for (const one of document.querySelectorAll('img')) one.removeAttribute('alt')")
    found = axe().run(page, options=OPTIONS).response
    assert [rule["id"] for rule in found["violations"]] == ["image-alt"]
    assert found["testEngine"]["name"] == "axe-core"
    passed = {rule["id"]: rule["tags"] for rule in found["passes"]}
    assert "wcag2aa" in passed["color-contrast"]
    assert "wcag22aa" in passed["target-size"]
