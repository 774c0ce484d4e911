"""The report on disk: the same bytes twice, whole files, quoted cells, rendered again without computing."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
import PIL.Image
import pytest

from tests.report.made import HOSTILE, made, with_gap
from xai_compare import report
from xai_compare.errors import XaiCompareError
from xai_compare.report.tables import tables
from xai_compare.report.write import dumps

ROOT = Path(__file__).parents[2]
WRITE = """
import sys
from io import StringIO
from pathlib import Path
from tests.report.made import made
from xai_compare import report
source = made()
report.write(report.build(source.results, source.comparison), Path(sys.argv[1]))
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("report") / "audit"
    source = made()
    report.write(report.build(source.results, source.comparison), where)
    return where


def test_the_files_are_there_and_nothing_else(folder: Path) -> None:
    names = set(contents(folder))
    assert {"report.json", "report.html", "data/gaps.csv", "data/skills.csv", "figures/decomposition.svg", "figures/gaps.svg"} <= names
    assert not [name for name in names if Path(name).name.startswith(".")]
    assert len((folder / "report.html").read_bytes()) < 3_000_000


def padded(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(sys.modules["xai_compare.report.write"], "page", lambda whole, sections: "x" * size)


def test_a_page_that_no_browser_bears_is_refused_unless_the_study_allows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = made()
    whole = report.build(source.results, source.comparison)
    padded(monkeypatch, 25_000_001)
    with pytest.raises(XaiCompareError, match=r"25 MB, more than 25\..*large: true"):
        report.write(whole, tmp_path / "audit")
    assert not (tmp_path / "audit").exists()
    allowed = {**whole["scope"]["study"], "report": {"large": True}}
    report.write({**whole, "scope": {**whole["scope"], "study": allowed}}, tmp_path / "audit")
    assert (tmp_path / "audit" / "report.html").stat().st_size == 25_000_001


@pytest.mark.parametrize(("size", "told"), [(10_000_001, True), (10_000_000, False)])
def test_a_slow_page_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog, size: int, told: bool) -> None:
    source = made()
    padded(monkeypatch, size)
    report.write(report.build(source.results, source.comparison), tmp_path / "audit")
    assert ("slow to open" in caplog.text) == told


def test_json_is_sorted_and_ends_in_a_newline(folder: Path) -> None:
    text = (folder / "report.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def test_assets_are_the_files_with_their_hashes(folder: Path) -> None:
    found = contents(folder)
    assets = json.loads(found["report.json"])["assets"]
    assert {asset["path"] for asset in assets} == set(found) - {"report.json", "report.html"}
    for asset in assets:
        assert asset["sha256"] == hashlib.sha256(found[asset["path"]]).hexdigest()
        assert asset["bytes"] == len(found[asset["path"]])
        assert asset["sha256"].encode() in found["report.html"]


def test_same_input_same_bytes_in_other_processes(tmp_path: Path, folder: Path) -> None:
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", WRITE, str(tmp_path / seed)], cwd=ROOT, env=environment, check=True, timeout=120)
    assert contents(tmp_path / "1") == contents(tmp_path / "2") == contents(folder)


def test_rendering_again_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    (folder / "report.html").write_text("spoilt", encoding="utf-8")
    report.rerender(folder)
    assert contents(folder) == before


def test_a_report_of_another_form_says_how_to_bring_it_up_to_date(tmp_path: Path) -> None:
    source = made()
    whole = {**report.build(source.results, source.comparison), "schema_version": "1.0"}
    (tmp_path / "report.json").write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(XaiCompareError, match=r"its form is 1\.0, and this version reads \d\.\d\. In Python xai_compare\.load"):
        report.rerender(tmp_path)


@pytest.mark.parametrize("text", ["", "[1", '{"schema_version": "1.0"}'])
def test_rendering_again_refuses_what_is_no_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(XaiCompareError):
        report.rerender(tmp_path)
    with pytest.raises(XaiCompareError, match=r"report\.json"):
        report.rerender(tmp_path / "nowhere")


def test_nothing_is_written_when_the_report_is_wrong(tmp_path: Path) -> None:
    source = made()
    wrong = report.build(source.results, source.comparison)
    wrong["gaps"][0]["verdict"] = "great"
    with pytest.raises(XaiCompareError):
        report.write(wrong, tmp_path / "audit")
    assert not (tmp_path / "audit").exists()


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.json").write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.write(json.loads((folder / "report.json").read_text(encoding="utf-8")), tmp_path)
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == "old"
    assert set(contents(tmp_path)) == {"report.json"}


def test_an_earlier_reports_files_go_and_nothing_else_does(folder: Path, tmp_path: Path) -> None:
    where, outside = tmp_path / "audit", tmp_path / "outside.csv"
    whole = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    report.write(whole, where)
    kept = {"data/mine.csv", "data/results.json", "figures/note.svg", "mine.csv"}
    gone = {"figures/case-old.svg", "data/old.csv"}
    for name in kept | gone:
        (where / name).write_text("x", encoding="utf-8")
    outside.write_text("x", encoding="utf-8")
    (where / "figures" / "link.svg").symlink_to(outside)
    (where / "figures" / "folder.svg").mkdir()
    listed = [*gone, "data/results.json", "mine.csv", "../outside.csv", "figures/../mine.csv", str(outside), "figures/link.svg"]
    earlier = {**whole, "assets": [{"path": path} for path in [*listed, "figures/folder.svg", "figures/never.svg", "figures/.."]]}
    (where / "report.json").write_text(json.dumps(earlier), encoding="utf-8")
    report.write(whole, where)
    assert set(contents(where)) == set(contents(folder)) | kept | {"figures/link.svg"}
    assert (where / "figures" / "folder.svg").is_dir()
    assert outside.exists()


def test_a_folder_that_leads_elsewhere_keeps_its_files(folder: Path, tmp_path: Path) -> None:
    where, elsewhere = tmp_path / "audit", tmp_path / "elsewhere"
    where.mkdir()
    elsewhere.mkdir()
    (elsewhere / "old.csv").write_text("x", encoding="utf-8")
    (where / "data").symlink_to(elsewhere)
    (where / "report.json").write_text('{"assets": [{"path": "data/old.csv"}]}', encoding="utf-8")
    report.write(json.loads((folder / "report.json").read_text(encoding="utf-8")), where)
    assert (elsewhere / "old.csv").exists()


@pytest.mark.parametrize(
    "earlier", ["", "{", "[]", "null", '{"assets": 3}', '{"assets": [{"path": 3}]}', '{"assets": ["x"]}', "\xff", "[" * 99999]
)
def test_an_earlier_report_that_is_spoilt_is_replaced(folder: Path, tmp_path: Path, earlier: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "report.json").write_bytes(earlier.encode("latin-1"))
    (tmp_path / "mine.csv").write_text("x", encoding="utf-8")
    report.write(json.loads((folder / "report.json").read_text(encoding="utf-8")), tmp_path)
    assert set(contents(tmp_path)) == set(contents(folder)) | {"mine.csv"}
    assert "cannot be read" in caplog.text


def test_rendering_again_refuses_a_verdict_that_points_at_nothing(folder: Path, tmp_path: Path) -> None:
    whole = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    whole["verdict"]["headline"] = [10_000]
    (tmp_path / "report.json").write_text(json.dumps(whole), encoding="utf-8")
    with pytest.raises(XaiCompareError, match="headline"):
        report.rerender(tmp_path)
    assert set(contents(tmp_path)) == {"report.json"}


# ---- figures as dots, for papers


def asking(*forms: str) -> dict[str, Any]:
    """The made report, of a study that asks for these forms of its figures and for few of them."""
    source = made()
    whole = report.build(source.results, source.comparison)
    asked = {"sections": ["performance"], **({"figures": list(forms)} if forms else {})}
    return {**whole, "scope": {**whole["scope"], "study": {**whole["scope"]["study"], "report": asked}}}


@pytest.mark.parametrize(
    ("forms", "kinds"),
    [((), {"svg"}), (("svg",), {"svg"}), (("png",), {"png"}), (("svg", "png"), {"svg", "png"}), (("png", "svg"), {"svg", "png"})],
)
def test_figures_are_written_in_the_forms_that_the_study_asks_for(tmp_path: Path, forms: tuple[str, ...], kinds: set[str]) -> None:
    report.write(asking(*forms), tmp_path)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("performance", "verdict-decomposition") for kind in kinds
    }
    listed = {asset["path"] for asset in json.loads((tmp_path / "report.json").read_bytes())["assets"]}
    assert {f"figures/{path.name}" for path in (tmp_path / "figures").iterdir()} <= listed
    assert "data:image/svg+xml" in (tmp_path / "report.html").read_text(encoding="utf-8")  # the page has them as ever


def test_dots_are_sharp_on_paper_and_tell_neither_the_day_nor_the_version(tmp_path: Path) -> None:
    with matplotlib.rc_context(
        {"font.size": 30, "figure.facecolor": "red", "savefig.dpi": 30, "savefig.bbox": "tight", "hatch.linewidth": 9}
    ):
        report.write(asking("png"), tmp_path / "mine")
    report.write(asking("png"), tmp_path / "plain")
    assert contents(tmp_path / "mine") == contents(tmp_path / "plain")
    picture = PIL.Image.open(tmp_path / "plain" / "figures" / "performance.png")
    assert picture.size[0] == 10 * 200
    assert set(picture.info) == {"dpi"}  # no Software, no date
    assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    assert len(picture.getcolors(1 << 24)) > 10


def test_dots_are_painted_again_and_go_when_they_are_no_longer_asked_for(tmp_path: Path) -> None:
    report.write(asking("svg", "png"), tmp_path)
    before = contents(tmp_path)
    (tmp_path / "figures" / "performance.png").unlink()
    report.rerender(tmp_path)
    assert contents(tmp_path) == before
    report.write(asking("svg"), tmp_path)
    assert set(contents(tmp_path)) == {name for name in before if not name.endswith(".png")}


def test_floats_have_ten_digits() -> None:
    source = made()
    found = report.build(source.results, source.comparison)
    found["gaps"][0]["gap"]["p"] = 1 / 3
    assert '"p": 0.3333333333,' in dumps(found)


@pytest.mark.parametrize("bad", ["=1+1", "+x", "-x", "@SUM(A1)", "\tx", "\rx"])
def test_cells_that_a_spreadsheet_would_run_are_quoted(bad: str) -> None:
    source = with_gap(made(), 0, a=bad)
    text = tables(report.build(source.results, source.comparison))["gaps.csv"]
    row = next(csv.DictReader(StringIO(text, newline="")))
    assert row["a"] == f"'{bad}"
    assert float(row["gap_estimate"]) < 0  # a number with a minus sign is no formula


def test_csv_holds_every_row() -> None:
    source = made(hostile=True)
    found = report.build(source.results, source.comparison)
    gaps = list(csv.DictReader(StringIO(tables(found)["gaps.csv"], newline="")))
    assert len(gaps) == len(found["gaps"])
    assert gaps[0]["a"] == f"forest{HOSTILE}"
    skills = list(csv.DictReader(StringIO(tables(found)["skills.csv"], newline="")))
    assert float(skills[0]["value_estimate"]) == found["skills"][0]["value"]["estimate"]


def test_importing_is_light() -> None:
    code = "import sys, xai_compare.report; print([m for m in ('matplotlib', 'jinja2', 'jsonschema', 'pandas') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_functions_stay_functions_when_their_modules_are_imported() -> None:
    code = "import xai_compare.report.build, xai_compare.report.render, xai_compare.report.write as w; from xai_compare import report"
    code += "; assert callable(report.build) and callable(report.render) and callable(report.write)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
