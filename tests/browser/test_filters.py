"""Filters by model and method, the picker of cases, and the address that holds them; and the button that prints everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.visit import Visit, shown_cases, unfold
from xai_compare import report as reports
from xai_compare.report.words import anchor, case_anchors

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Visit]

SCRIPT = Path(reports.__file__).parent / "templates" / "report.js"
LARGEST = 15_000

# Every row of a table in sight that names a model, with the places of all it names.
NAMED = """() => [...document.querySelectorAll("main tbody tr")].filter((one) => one.checkVisibility() && one.querySelector(".model"))
  .map((one) => [...one.querySelectorAll(".model")].map((name) => name.textContent))"""
STATE = "() => [location.hash, ...[...document.querySelectorAll('select')].map((one) => one.value)]"


def told(address: str) -> dict[str, Any]:
    """The report.json beside a page."""
    found: dict[str, Any] = json.loads((Path(unquote(urlsplit(address).path)).parent / "report.json").read_text(encoding="utf-8"))
    return found


def choose(page: Page, key: str, value: str) -> None:
    page.locator(f"select[data-choice={key}]").select_option(value)


def hidden(page: Page) -> int:
    return page.locator(".off").count()


def test_the_script_is_small() -> None:
    assert 0 < len(SCRIPT.read_bytes()) <= LARGEST


# ---- models and methods


def test_a_model_alone(visit: Open, report: str) -> None:
    page = visit(report).page
    unfold(page)
    every = page.evaluate(NAMED)
    names = [model["name"] for model in told(report)["models"]]
    choose(page, "model", "1")
    left = page.evaluate(NAMED)
    assert 10 < len(left) < len(every)
    shown = page.locator("header .model").nth(1).text_content()
    assert [row for row in left if shown not in row] == []
    assert sum(shown in row for row in every) == len(left)
    said = page.locator(".side .told").inner_text().split()
    assert page.locator(".side [role=status]").count() == 1
    assert int(said[0]) < int(said[2])
    assert len(names) == 3
    page.locator("button[data-do=clear]").click()
    assert page.evaluate(NAMED) == every
    assert hidden(page) == 0
    assert page.locator(".side .told").inner_text() == ""


def test_a_method_alone_hides_rows_columns_and_figures_of_others(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    unfold(page)
    methods = told(ordinary)["methods"]
    scores = page.locator("table:has(caption:has-text('Every mean score'))")
    rows = scores.locator("tbody tr:visible")
    every = rows.count()
    attributions = page.locator(".case:visible table:has(caption:has-text('Attributions'))").first
    heads = attributions.locator("th:visible").count()
    assert page.locator(".case:visible img").first.is_visible()
    choose(page, "method", "1")  # LIME: not the method of the waterfall
    assert [methods[1]["title"] in one for one in rows.locator("td:nth-child(3)").all_inner_texts()] == [True] * rows.count()
    assert 0 < rows.count() < every
    assert 2 < attributions.locator("th:visible").count() < heads
    for row in attributions.locator("tbody tr").all()[:3]:
        assert row.locator("td:visible").count() == attributions.locator("th:visible").count()
    assert [one for one in page.locator(".case:visible img").all() if one.is_visible()] == []


@pytest.mark.parametrize("elsewhere", ["text"], indirect=True, scope="session")
def test_words_of_a_text_by_one_method_and_model(visit: Open, elsewhere: str) -> None:
    page = visit(elsewhere).page
    unfold(page)
    strips = page.locator(".case:visible .said:visible")
    every, columns = strips.count(), page.locator(".case:visible th:visible").count()
    choose(page, "model", "0")
    choose(page, "method", "0")
    if every:
        assert strips.count() == 1
    else:
        assert page.locator(".case:visible th:visible").count() < columns


def test_tables_of_which_nothing_is_left_go_with_their_fold(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    unfold(page)
    for place in range(len(told(ordinary)["methods"])):
        choose(page, "method", str(place))
        empty = "(all) => all.filter((one) => one.checkVisibility() && ![...one.tBodies[0].rows].some((row) => row.checkVisibility()))"
        assert page.locator("table").evaluate_all(f"(all) => ({empty})(all).map((one) => one.caption.textContent)") == []
        bare = "(all) => all.filter((one) => one.checkVisibility() && ![...one.children].slice(1).some((child) => child.checkVisibility()))"
        assert page.locator("details").evaluate_all(f"(all) => ({bare})(all).length") == 0


def test_paper_holds_everything_whatever_is_filtered(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    choose(page, "method", "1")
    choose(page, "model", "2")
    unfold(page)
    gone = "(all) => all.filter((one) => !one.checkVisibility()).length"
    assert page.locator("main td, main th, main caption, main img").evaluate_all(gone) > 100
    page.emulate_media(media="print")
    assert page.locator("main td, main th, main caption, main img").evaluate_all(gone) == 0


# ---- the address


def test_the_address_brings_back_what_was_chosen(visit: Open, report: str) -> None:
    page = visit(report).page
    choose(page, "model", "2")
    choose(page, "method", "0")
    choose(page, "order", "methods")
    page.locator(".picker li:not([hidden]) a").nth(1).click()
    state, cases, rows = page.evaluate(STATE), shown_cases(page), page.evaluate(NAMED)
    assert state[0].count("&") == 3
    again = visit(report + state[0]).page
    assert again.evaluate(STATE) == state
    assert shown_cases(again) == cases
    assert again.evaluate(NAMED) == rows
    assert 0 <= again.locator(f"[id='{cases[0]}']").evaluate("(one) => one.getBoundingClientRect().top") < 200


def test_back_undoes_one_choice_after_the_other(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    states = [page.evaluate(STATE)]
    for key, value in (("model", "1"), ("order", "models"), ("method", "1"), ("model", "")):
        choose(page, key, value)
        states.append(page.evaluate(STATE))
    assert len({tuple(one) for one in states}) == len(states)
    for state in states[-2::-1]:
        page.go_back()
        assert page.evaluate(STATE) == state
    assert hidden(page) == 0
    page.go_forward()
    assert page.evaluate(STATE) == states[1]
    assert hidden(page) > 0


def test_links_keep_what_was_chosen_and_lead_where_they_say(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    choose(page, "model", "1")
    before = hidden(page)
    page.locator(".contents a[href='#limits']").click()
    assert page.evaluate("location.hash") == "#limits&model=1"
    assert hidden(page) == before
    assert page.locator("#limits").evaluate("(one) => one.getBoundingClientRect().top") < 200
    page.keyboard.press("Tab")  # goes on from there, not from the top
    assert page.evaluate("document.activeElement.closest('section').id") in ("limits", "regulation", "provenance")


@pytest.mark.parametrize("place", ["gaps", anchor("term", "additive_fit")])
def test_a_deep_link_with_a_state_leads_to_its_place(visit: Open, ordinary: str, place: str) -> None:
    page = visit(f"{ordinary}#{place}&model=1").page
    target = page.locator(f"[id='{place}']")
    assert target.is_visible()
    assert -1 <= target.evaluate("(one) => one.getBoundingClientRect().top") < 900
    assert page.evaluate("scrollY") > 0


@pytest.mark.parametrize("fragment", ["#&model=99", "#&model=%22%5D&said=<img>", "#gaps&order=__proto__&slice=-1", "#%E0%A4%A&model=x"])
def test_a_state_that_does_not_exist_is_none(visit: Open, ordinary: str, fragment: str) -> None:
    page = visit(ordinary + fragment).page
    assert hidden(page) == 0
    assert [one.input_value() for one in page.locator("select").all()] == [""] * page.locator("select").count()
    assert len(shown_cases(page)) == 1


# ---- the picker


def entries(page: Page) -> list[str]:
    """The cases that the picker lists, in its order."""
    return [(link.get_attribute("href") or "")[1:] for link in page.locator(".picker a:visible").all()]


@pytest.mark.parametrize("key", ["models", "methods"])
def test_cases_by_disagreement(visit: Open, ordinary: str, key: str) -> None:
    report = told(ordinary)
    cases = {case_anchors(report)[case["id"]]: case["differ"][key] for case in report["cases"]}
    page = visit(ordinary).page
    drawn = entries(page)
    assert drawn == list(cases)
    choose(page, "order", key)
    found = entries(page)
    assert found == sorted(drawn, key=lambda one: -cases[one])
    assert shown_cases(page) == found[:1]
    choose(page, "order", "")
    assert entries(page) == drawn


def fitting(case: dict[str, Any]) -> dict[str, bool]:
    predicted = {one["predicted"] for one in case["models"]}
    return {"right": predicted == {case["outcome"]}, "wrong": predicted != {case["outcome"]}, "differ": len(predicted) > 1}


def test_cases_by_prediction(visit: Open, ordinary: str) -> None:
    cases, anchors = told(ordinary)["cases"], case_anchors(told(ordinary))
    page = visit(ordinary).page
    offered = [one.get_attribute("value") or "" for one in page.locator("select[data-choice=said] option").all()][1:]
    assert len(offered) >= 2
    for key in offered:
        choose(page, "said", key)
        wanted = [anchors[case["id"]] for case in cases if fitting(case)[key]]
        assert entries(page) == wanted
        assert shown_cases(page) == wanted[:1]
        assert page.locator(".picker [role=status]").inner_text().startswith(f"{len(wanted)} of the {len(cases)} cases")
    choose(page, "said", "")
    assert len(entries(page)) == len(cases)


def test_cases_by_slice(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    cases, anchors = told(ordinary)["cases"], case_anchors(told(ordinary))
    options = page.locator("select[data-choice=slice] option").all()[1:]
    assert len(options) >= 2
    for option in options:
        choose(page, "slice", option.get_attribute("value") or "")
        column, label = option.inner_text().split(": ")
        wanted = [anchors[case["id"]] for case in cases if {"column": column, "label": label} in case["slices"]]
        assert entries(page) == wanted
    # Two conditions that no case meets: nothing is shown, and said so.
    page.evaluate("for (const one of document.querySelectorAll('.case')) one.dataset.said = ''")
    choose(page, "said", page.locator("select[data-choice=said] option").nth(1).get_attribute("value") or "")
    assert shown_cases(page) == []
    assert page.locator(".picker [role=status]").inner_text().startswith("None of the")


# ---- all on paper


def test_expand_all_and_print(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    page.locator("#gaps details > summary").first.click()
    opened = "document.querySelectorAll('details[open]').length"
    before = page.evaluate(opened)
    assert before >= 1
    page.evaluate(f"print = () => {{ window.printed = {opened}; dispatchEvent(new Event('afterprint')); }}")
    page.locator("button[data-do=print]").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("window.printed") == page.locator("details").count() > before
    assert page.evaluate(opened) == before
