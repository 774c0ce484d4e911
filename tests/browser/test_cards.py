"""A card as a site shows it that lets HTML through: hostile names are text there too, and nothing runs or loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import xai_compare as xc
from tests.browser.visit import Visit
from tests.report.made import HOSTILE, made
from xai_compare.report import build
from xai_compare.report.write import dumps

Open = Callable[..., Visit]

PICTURE = "figures/verdict-decomposition.svg"
ATTACKS = (
    HOSTILE,
    "</td><script>window.__pwn=1</script>",
    "<img src=x onerror=window.__pwn=1>|",
    "[x](javascript:window.__pwn=1)",
    "--><svg/onload=window.__pwn=1>",
    "`<b onclick=window.__pwn=1>`\n\n<iframe src=javascript:window.__pwn=1>",
)


def renamed(value, names: dict[str, str]):
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: renamed(one, names) for key, one in value.items()}
    return [renamed(one, names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_names_are_text_in_a_card(visit: Open, tmp_path: Path, attack: str) -> None:
    source = made()
    report = build(source.results, source.comparison)
    report["assets"] = [{"path": PICTURE, "sha256": "0" * 64, "bytes": 1}]
    written = tmp_path / "card"
    (written / "report" / "figures").mkdir(parents=True)
    (written / "report" / PICTURE).write_text('<svg xmlns="http://www.w3.org/2000/svg" width="400" height="90"/>')
    (written / "report" / "report.html").write_text("<title>report</title>")
    names = {"forest": f"forest{attack}", "additive fit": f"fit{attack}", "SHAP": f"S{attack}", source.results.title: f"T{attack}"}
    (written / "report" / "report.json").write_text(dumps(renamed(report, names)), encoding="utf-8")
    (written / "README.md").write_text("# Card\n", encoding="utf-8")
    xc.attach(written / "report", written / "README.md")
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render((written / "README.md").read_text(encoding="utf-8"))
    page = written / "card.html"
    page.write_text(f"<!doctype html><meta charset='utf-8'><title>card</title><main>{html}</main>", encoding="utf-8")
    seen = visit(page.as_uri()).page
    seen.wait_for_timeout(100)
    assert seen.evaluate("window.__pwn") is None
    assert seen.locator("main script, main iframe, main svg, main b, main [onerror], main [onclick]").count() == 0
    assert seen.locator("main img").count() == 1
    assert seen.locator("main img").evaluate("(one) => one.naturalWidth") == 400
    assert seen.locator("main a").count() == 2
    assert seen.locator("main tbody tr").count() == 8
    assert seen.locator("main a:not([href^='report/report.'])").count() == 0
