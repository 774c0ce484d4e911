"""By keyboard alone: every control is reached, in order, is seen to have the focus, and is big enough to be hit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.visit import NARROW, WIDE, ZOOMED, Visit, unfold

Open = Callable[..., Visit]

# A skip link is in the order too: it comes into sight when it has the focus.
CONTROLS = """() => {
  const found = [...document.querySelectorAll("a[href], button, select, summary, [tabindex='0']")];
  window.controls = found.filter((one) => one.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }));
  return window.controls.map((one) => `${one.tagName} ${one.getAttribute("aria-label") || one.textContent}`.trim().slice(0, 60));
}"""

# Where the focus is, whether an outline marks it, and whether it lies inside what scrolls, and on top in the middle of the window.
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getClientRects()[0];
  const middle = (low, high, end) => (Math.max(low, 0) + Math.min(high, end)) / 2;
  const x = middle(box.left, box.right, innerWidth), y = middle(box.top, box.bottom, innerHeight);
  const top = document.elementFromPoint(x, y);
  const frame = one.parentElement.closest(".scroll")?.getBoundingClientRect();
  const inside = !frame || (box.left >= frame.left - 1 && box.right <= frame.right + 1);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return {
    place: window.controls.indexOf(one),
    outlined: outlined && style.outlineColor !== getComputedStyle(document.body).backgroundColor,
    in_sight: inside && top !== null && (one.contains(top) || top.contains(one)) && !top.contains(document.querySelector("main")),
  };
}"""


def walk(visit: Visit) -> list[dict[str, Any]]:
    """Where Tab leads, until it leaves the page."""
    steps = []
    while True:
        visit.page.keyboard.press("Tab")
        if visit.page.evaluate("document.activeElement === document.body"):
            return steps
        steps.append(visit.page.evaluate(FOCUS))
        assert len(steps) < 2000, "Tab goes round in a circle"


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "unfolded"])
@pytest.mark.parametrize("size", [WIDE, NARROW, ZOOMED], ids=["wide", "narrow", "zoomed"])
def test_tab_reaches_every_control_in_order_and_in_sight(visit: Open, ordinary: str, size: dict[str, int], folded: bool) -> None:
    seen = visit(ordinary, viewport=size)
    if not folded:
        unfold(seen.page)
    names = seen.page.evaluate(CONTROLS)
    assert len(names) > 50
    steps = walk(seen)
    assert [names[step["place"]] for step in steps] == names
    assert [step["place"] for step in steps] == list(range(len(names)))
    assert [names[step["place"]] for step in steps if not step["outlined"]] == []
    assert [names[step["place"]] for step in steps if not step["in_sight"]] == []


SIZES = """(ones) => ones.map((one) => [one.textContent.trim().slice(0, 40), one.getBoundingClientRect()])
  .filter(([name, box]) => box.width > 0 && (box.width < 24 || box.height < 24)).map(([name, box]) => [name, box.width, box.height])"""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_pointer_targets_are_24_pixels_wide_and_high(visit: Open, report: str, size: dict[str, int]) -> None:
    page = visit(report, viewport=size).page
    unfold(page)
    # Links inside running text take the height of the line: the rule lets them.
    targets = page.locator("button, select, summary, nav a, a.file")
    assert targets.count() > 50
    assert targets.evaluate_all(SIZES) == []


def test_the_skip_link_leads_past_the_contents(visit: Open, ordinary: str) -> None:
    page = visit(ordinary).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
