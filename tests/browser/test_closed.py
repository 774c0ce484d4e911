"""Opened from a file, the page is closed: nothing comes in, nothing goes out, and names are text whatever they hold."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import SLICES
from tests.browser.visit import Visit, unfold
from tests.report.made import FEATURES, MODELS
from xai_compare.report.render import asset

Open = Callable[..., Visit]

# What an attacker who could write into the page would try. It gives back what the policy refused.
ATTACK = """async () => {
  const refused = [];
  addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  const add = (tag, set) => { const one = document.createElement(tag); set(one); document.body.append(one); return one; };
  add("script", (one) => { one.textContent = "window.__pwn = 1"; });
  add("script", (one) => { one.src = "https://example.invalid/script.js"; });
  add("button", (one) => one.setAttribute("onclick", "window.__pwn = 1")).click();
  add("a", (one) => { one.href = "javascript:window.__pwn = 1"; }).click();
  add("style", (one) => { one.textContent = "h1 { color: rgb(1, 2, 3) }"; });
  add("img", (one) => { one.src = "https://example.invalid/image.png"; one.id = "image"; });
  add("iframe", (one) => { one.src = "https://example.invalid/frame.html"; });
  document.querySelector("h1").setAttribute("style", "color: rgb(1, 2, 3)");
  await fetch("https://example.invalid/data").catch(() => {});
  await new Promise((done) => setTimeout(done, 200));
  return refused.sort();
}"""
REFUSED = ["connect-src", "frame-src", "img-src", "script-src-attr", "script-src-elem", "script-src-elem", "script-src-elem"]
REFUSED += ["style-src-attr", "style-src-elem"]


def test_the_page_is_quiet_while_it_is_used(visit: Open, report: str) -> None:
    page = visit(report).page
    unfold(page)
    for link in page.locator(".picker a").all():
        link.click()
    for button in page.locator("th button").all()[:10]:
        button.click()
    assert page.locator("th button").count() > 20  # the rest is asserted when the visit ends


def test_the_policy_comes_first_and_allows_hashes_only(visit: Open, report: str) -> None:
    policy = visit(report).page.evaluate("document.head.firstElementChild.content")
    kinds = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert kinds.pop("script-src").startswith("'sha256-")
    assert kinds.pop("style-src").startswith("'sha256-")
    assert kinds == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def test_what_is_injected_neither_runs_nor_loads(visit: Open, report: str) -> None:
    seen = visit(report)
    before = seen.page.locator("h1").evaluate("(one) => getComputedStyle(one).color")
    assert seen.page.evaluate(ATTACK) == REFUSED
    assert seen.page.evaluate("window.__pwn") is None
    assert seen.page.locator("h1").evaluate("(one) => getComputedStyle(one).color") == before
    assert seen.page.locator("#image").evaluate("(one) => one.naturalWidth") == 0
    seen.said.clear()  # the browser tells of each refusal, and of requests that it then never made
    seen.asked[:] = [address for address in seen.asked if "example.invalid" not in address]


def test_hostile_names_are_text(visit: Open, hostile: str) -> None:
    page = visit(hostile).page
    unfold(page)
    assert page.evaluate("window.__pwn") is None
    assert page.locator("img:not([src^='data:image/svg+xml,'])").count() == 0
    assert page.locator("script").count() == 1
    assert page.locator("a[href*='javascript:' i]").count() == 0
    text = page.locator("main").inner_text()
    markup = '<img src=x onerror="window.__pwn=1"></script>{{ 7*7 }}'
    names = [f"{model}{markup}" for model, _, _ in MODELS] + [f"{feature}{markup}" for feature in FEATURES]
    names += [f"{name}{markup}" for column, labels in SLICES.items() for name in (column, *labels)]
    assert [name for name in [*names, f"good{markup}"] if name not in text] == []
    assert "\u202e" not in page.locator("html").inner_text()  # what turns the direction of text round is spelt out


def test_the_script_is_ours_alone_and_nothing_has_a_style_of_its_own(visit: Open, report: str) -> None:
    """No data stands in a script, so none can end one; the policy would refuse a style attribute, and an SVG in the page one."""
    page = visit(report).page
    assert page.locator("script").all_text_contents() == [asset("report.js")]
    assert page.locator("style").all_text_contents() == [asset("report.css")]
    assert page.locator("[style], svg, iframe, object, embed, link, base, form").count() == 0


def test_pictures_stand_on_white_in_the_dark_too(visit: Open, ordinary: str) -> None:
    page = visit(ordinary, color_scheme="dark").page
    ground = "(all) => [...new Set(all.map((one) => getComputedStyle(one).backgroundColor))]"
    assert page.locator(".card").evaluate_all(ground) == ["rgb(255, 255, 255)"]
    assert page.locator("img:not(.card img)").count() == 0
    assert page.locator("body").evaluate_all(ground) != ["rgb(255, 255, 255)"]


def test_a_word_has_one_of_21_colours(visit: Open, ordinary: str) -> None:
    for scheme in ("light", "dark"):
        page = visit(ordinary, color_scheme=scheme).page
        colours = "(steps) => steps.map((step) => getComputedStyle(document.querySelector('.s' + step)).getPropertyValue('--step'))"
        append = "const one = document.createElement('i'); one.className = 's' + i; document.querySelector('main').append(one);"
        page.evaluate(f"for (let i = 0; i < 21; i++) {{ {append} }}")
        assert len({colour for colour in page.evaluate(colours, list(range(21))) if colour}) == 21
