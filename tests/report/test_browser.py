"""The page in a real browser, from a file: scripts of names do not run, the picker works, nothing is wider than the screen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.report.made import made
from xai_compare import report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync --allow-file-access-from-files"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def run(address: str, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *FLAGS.split(), f"--user-data-dir={profile}", *flags, address]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("browser")
    source = made(hostile=True)
    report.write(report.build(source.results, source.comparison), where)
    return where


def dom(folder: Path, profile: Path, fragment: str = "") -> str:
    return run((folder / "report.html").as_uri() + fragment, profile, "--dump-dom").stdout


def cases(html: str) -> dict[str, bool]:
    """{case: whether it is hidden}."""
    return {m[1]: "hidden" in m[0] for m in re.finditer(r'<article class="case" id="([^"]+)"[^>]*>', html)}


def test_the_script_runs_and_shows_one_case(folder: Path, tmp_path: Path) -> None:
    found = cases(dom(folder, tmp_path))
    assert len(found) == 6
    assert list(found.values()) == [False] + [True] * 5


def test_a_deep_link_selects_its_case(folder: Path, tmp_path: Path) -> None:
    third = list(cases((folder / "report.html").read_text(encoding="utf-8")))[2]
    found = cases(dom(folder, tmp_path, f"#{third}"))
    assert [name for name, hidden in found.items() if not hidden] == [third]


def test_headers_become_buttons(folder: Path, tmp_path: Path) -> None:
    plain = (folder / "report.html").read_text(encoding="utf-8")
    assert "<button" not in re.sub(r"<script>.*</script>", "", plain, flags=re.S)
    assert dom(folder, tmp_path).count('<button type="button">') > 20


PROBE = """<!DOCTYPE html><meta charset="utf-8"><iframe src="report.html" width="320" height="900"></iframe><pre></pre>
<script>
document.querySelector("iframe").addEventListener("load", (event) => {
  const inside = event.target.contentWindow, root = inside.document.documentElement, said = {};
  said.pwn = String(inside.__pwn);
  said.wide = root.scrollWidth > inside.innerWidth;
  const run = inside.document.createElement("script");
  run.textContent = "window.__injected = 1";
  inside.document.body.append(run);
  said.injected = String(inside.__injected);
  const table = [...inside.document.querySelectorAll("table")].find((one) => one.querySelector("th.number button"));
  const header = table.querySelector("th.number");
  const cells = () => [...table.tBodies[0].rows].map((row) => row.cells[header.cellIndex].dataset.order);
  const read = () => cells().filter((x) => x !== undefined).map(Number);
  header.querySelector("button").click();
  said.up = read().every((x, i, all) => i === 0 || all[i - 1] <= x) && header.getAttribute("aria-sort") === "ascending";
  header.querySelector("button").click();
  said.down = read().every((x, i, all) => i === 0 || all[i - 1] >= x) && header.getAttribute("aria-sort") === "descending";
  const regions = [...inside.document.querySelectorAll(".scroll, .card")].filter((one) => one.checkVisibility());
  said.focus = regions.length > 5 && regions.every((one) => {
    one.focus();
    const style = inside.getComputedStyle(one);
    return inside.document.activeElement === one && style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
  });
  const links = [...inside.document.querySelectorAll(".picker a")];
  said.targets = links.map((one) => one.getBoundingClientRect()).every((box) => box.height >= 24 && box.width >= 24);
  links[3].click();
  setTimeout(() => {
    const shown = () => [...inside.document.querySelectorAll(".case")].filter((one) => !one.hidden).map((one) => "#" + one.id).join();
    said.picked = shown() === links[3].hash && links[3].getAttribute("aria-current") === "true";
    inside.history.back();
    setTimeout(() => {
      said.back = shown() === links[0].hash;
      document.querySelector("pre").textContent = JSON.stringify(said);
    }, 300);
  }, 200);
});
</script>"""


def test_hostile_names_do_not_run_sorting_works_and_nothing_overflows(folder: Path, tmp_path: Path) -> None:
    (folder / "probe.html").write_text(PROBE, encoding="utf-8")
    html = run((folder / "probe.html").as_uri(), tmp_path, "--dump-dom", "--virtual-time-budget=5000").stdout
    (said,) = re.findall(r"<pre>(.*?)</pre>", html, re.S)
    wanted = {"pwn": "undefined", "wide": False, "injected": "undefined", "up": True, "down": True, "picked": True, "back": True}
    wanted |= {"focus": True, "targets": True}
    assert json.loads(unescape(said)) == wanted


def test_the_page_logs_no_error(folder: Path, tmp_path: Path) -> None:
    found = run((folder / "report.html").as_uri(), tmp_path, "--dump-dom", "--enable-logging=stderr")
    console = [line for line in found.stderr.splitlines() if "CONSOLE" in line]
    assert not console


def pages(html: str, folder: Path) -> int:
    folder.mkdir()
    (folder / "page.html").write_text(html, encoding="utf-8")
    run((folder / "page.html").as_uri(), folder / "profile", f"--print-to-pdf={folder / 'page.pdf'}", "--no-pdf-header-footer")
    return len(re.findall(rb"/Type\s*/Page\b", (folder / "page.pdf").read_bytes()))


def test_print_holds_what_is_folded_away_also_without_the_script(folder: Path, tmp_path: Path) -> None:
    html = (folder / "report.html").read_text(encoding="utf-8")
    bare = re.sub(r"<script>.*</script>", "", html, flags=re.S)
    whole = pages(bare.replace("<details>", "<details open>"), tmp_path / "open")
    assert whole > 10
    assert pages(html, tmp_path / "script") == pages(bare, tmp_path / "bare") == whole
