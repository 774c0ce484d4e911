"""What the script adds: tables that sort by mouse and by key, one case at a time, links that lead to a case. (Filters: test_filters.py.)"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.visit import Visit, shown_cases, unfold

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Open = Callable[..., Visit]

COLUMN = """(table, index) => [...table.tBodies[0].rows].map((row) => row.cells[index])
  .map((cell) => [cell.dataset.order ?? null, cell.textContent.trim()])"""
ROWS = "(table) => [...table.tBodies[0].rows].map((row) => row.textContent)"  # without layout: innerText takes one


def sortable(page: Page) -> list[Locator]:
    """Every table in sight that can be sorted by a number."""
    unfold(page)
    return [one for one in page.locator("table:has(th.number button)").all() if one.is_visible()]


def numbers(table: Locator, index: int) -> list[float]:
    """A column from top to bottom; what was not measured is infinite, whatever the direction. The shown text must agree."""
    found = []
    for order, text in table.evaluate(COLUMN, index):
        found.append(float("inf") if order is None else float(order))
        shown = re.match(r"([\u2212-]?\d+(?:\.(\d+))?)(\s*%)?", text)
        if order is not None and shown:
            unit = 0.01 if shown[3] else 1
            half = 0.51 * unit * 10 ** -len(shown[2] or "")
            assert unit * float(shown[1].replace("\u2212", "-")) == pytest.approx(float(order), abs=half)
    return found


def right(found: list[float], sign: int) -> bool:
    """In order, up or down, with the missing ones last."""
    return found == sorted(found, key=lambda x: x if x == float("inf") else sign * x)


def test_numbers_sort_up_and_down_with_missing_ones_last(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    moved, missing = 0, 0
    for table in sortable(page):
        rows = table.evaluate(ROWS)
        for header in table.locator("th.number").all():
            index = header.evaluate("(one) => one.cellIndex")
            for direction, sign in (("ascending", 1), ("descending", -1)):
                header.locator("button").dispatch_event("click")  # a click by hand scrolls, and waits, each time; the next tests do it
                assert header.get_attribute("aria-sort") == direction
                assert table.locator("th[aria-sort]").count() == 1
                found = numbers(table, index)
                assert right(found, sign)
                assert sorted(table.evaluate(ROWS)) == sorted(rows)  # rows move as a whole
            moved += table.evaluate(ROWS) != rows
            missing += any(x == float("inf") for x in found)
    assert moved > 10
    assert missing > 0


def test_a_link_to_a_metric_unfolds_what_is_said_of_it(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    link = page.locator("#verdict a[href^='#term-']").first
    term = page.locator(link.get_attribute("href") or "")
    assert not term.is_visible()
    link.click()
    term.wait_for(state="visible")
    assert term.bounding_box()["y"] < 900


def test_names_sort_by_the_alphabet(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    table = page.locator("table:has(caption:text-is('Methods'))")
    button = table.locator("th button").first
    names = table.locator("tbody td:first-child")
    button.click()
    up = names.all_inner_texts()
    assert up == sorted(up, key=str.casefold)
    button.click()
    assert names.all_inner_texts() == up[::-1]


def test_tables_sort_by_the_keyboard(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    table = sortable(page)[0]
    header = table.locator("th.number").first
    header.locator("button").focus()
    for key, direction, sign in (("Enter", "ascending", 1), ("Space", "descending", -1), ("Enter", "ascending", 1)):
        page.keyboard.press(key)
        assert header.get_attribute("aria-sort") == direction
        assert right(numbers(table, header.evaluate("(one) => one.cellIndex")), sign)
        assert header.locator("button").evaluate("(one) => one === document.activeElement")


def test_buttons_come_from_the_script_only(visit: Open, ordinary: str) -> None:
    assert visit(ordinary).page.locator("th button").count() > 20
    bare = visit(ordinary, script=False).page
    assert bare.locator("button, select").count() > 4
    assert [one for one in bare.locator("button, select").all() if one.is_visible()] == []  # what needs the script is not shown


# ---- where the reader is

PLACE = "() => [...document.querySelectorAll('.contents a[aria-current=location]')].map((one) => one.hash)"


def at(page: Page, place: str) -> None:
    """The contents come to say that the reader is in this section, and in no other."""
    page.wait_for_function(f"(wanted) => JSON.stringify(({PLACE})()) === JSON.stringify([wanted])", arg=f"#{place}")


def test_the_contents_say_where_the_reader_is(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    names = [one.get_attribute("id") or "" for one in page.locator("main > section").all()]
    assert len(names) > 10
    at(page, names[0])
    for name in names:  # the last ones too, which cannot come up to the top of the window
        page.locator(f".contents a[href='#{name}']").click()
        at(page, name)
    page.evaluate("scrollTo(0, 0)")
    at(page, names[0])
    page.evaluate("(name) => scrollBy(0, document.getElementById(name).getBoundingClientRect().top + 40)", names[4])  # by scrolling alone
    at(page, names[4])
    assert page.locator(".contents a[aria-current]").evaluate("(one) => getComputedStyle(one).textDecorationLine") == "underline"
    bare = visit(ordinary, script=False).page
    assert bare.locator(".contents a[aria-current]").count() == 0


# ---- cases


def links(page: Page) -> list[str]:
    return [link.get_attribute("href") or "" for link in page.locator(".picker a").all()]


def current(page: Page) -> list[str]:
    """The links that are said to be the chosen one."""
    return [link.get_attribute("href") or "" for link in page.locator(".picker a[aria-current=true]").all()]


def chosen(page: Page, link: str) -> bool:
    """That case and no other is in sight, and its link says so."""
    return shown_cases(page) == [link[1:]] and current(page) == [link]


def test_the_picker_shows_one_case_and_back_returns(visit: Open, report: str) -> None:
    page = visit(report).page
    every = links(page)
    assert len(every) == page.locator(".case").count() > 4
    assert chosen(page, every[0])
    page.locator(".picker a").nth(3).click()
    assert chosen(page, every[3])
    page.locator(".picker a").nth(1).focus()
    page.keyboard.press("Enter")
    assert chosen(page, every[1])
    page.go_back()
    assert chosen(page, every[3])
    page.go_back()
    assert chosen(page, every[0])
    page.go_forward()
    assert chosen(page, every[3])


def test_a_deep_link_selects_its_case_and_brings_it_into_sight(visit: Open, report: str) -> None:
    every = links(visit(report).page)
    page = visit(report + every[4]).page
    assert chosen(page, every[4])
    assert 0 <= page.locator(f"[id='{every[4][1:]}']").evaluate("(one) => one.getBoundingClientRect().top") < 200


@pytest.mark.parametrize("fragment", ["#case-that-never-was", "#%E0%A4%A", "#limits", '#"]<img>'])
def test_any_other_link_shows_the_first_case(visit: Open, ordinary: str, fragment: str) -> None:
    page = visit(ordinary + fragment).page
    assert chosen(page, links(page)[0])


def test_going_elsewhere_on_the_page_keeps_the_chosen_case(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    third = links(page)[2]
    page.locator(".picker a").nth(2).click()
    page.locator(".contents a[href='#limits']").click()
    assert chosen(page, third)
