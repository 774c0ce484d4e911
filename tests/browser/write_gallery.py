"""README's picture, and the pictures and the sample report under reports/gallery/: `make gallery` runs the studies.

Studies whose data are not here are left out, and say so.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.browser.conftest import CHROMIUM
from xai_compare.api import run_study
from xai_compare.config import Study, load_study, study_from_dict
from xai_compare.report import write
from xai_compare.saved import load

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "reports" / "gallery"
FIRST_SCREEN = ROOT / "docs" / "report.png"
SAMPLE, LARGEST = "sample", 1_500_000
"""The sample report, which is of the study that README shows, and how many bytes it may have."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a study's report: the first element of a section, or of the page."""

    study: str
    selector: str
    name: str


PICTURES = (
    Picture("breast_cancer", "#decomposition figure", "decomposition"),
    Picture("breast_cancer", "#gaps figure", "gaps"),
    Picture("breast_cancer", "#drivers figure", "drivers"),
    Picture("breast_cancer", "#cases .case figure", "waterfalls"),
    Picture("mnist", "#cases .case figure", "images"),
    Picture("sms_spam", "#cases .case .tokens:has(span:nth-child(20))", "texts"),
    Picture("italy_power", "#cases .case figure", "series"),
)


def study_of(name: str) -> Study:
    """A study of configs/, or the one that README shows."""
    if name != SAMPLE:
        return load_study(ROOT / "configs" / f"{name}.yaml")
    (shown,) = re.findall(r"```yaml\n(title:.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    return study_from_dict(yaml.safe_load(shown))


def ran(name: str) -> Path | None:
    """The folder of a run; what was computed before is not computed again. None without its data."""
    study = study_of(name)
    if "XAI_COMPARE_DATA" in str(study.resolved()["data"]) and "XAI_COMPARE_DATA" not in os.environ:
        return None
    folder = ROOT / "reports" / name
    run_study(study, folder, jobs=min(os.cpu_count() or 1, 2))
    return folder


def taken(pictures: tuple[Picture, ...], folders: dict[str, Path]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver, driver.chromium.launch(executable_path=CHROMIUM) as browser:
        page = browser.new_page(viewport={"width": 1180, "height": 900}, java_script_enabled=False)  # without it all cases are in sight
        for picture in pictures:
            page.goto((folders[picture.study] / "report.html").as_uri())
            small(page.locator(picture.selector).first.screenshot(), GALLERY / f"{picture.name}.png")
        page.goto("about:blank")  # or the report's policy would hold for what comes next
        page.set_content(load(folders[SAMPLE])._repr_html_())
        small(page.locator("iframe").screenshot(), GALLERY / "notebook.png")
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto((folders[SAMPLE] / "report.html").as_uri())
        small(page.screenshot(), FIRST_SCREEN)


def small(png: bytes, path: Path) -> None:
    """Write a picture in the few colours that a page has: a third of the bytes. Rare colours, such as a model's, are kept."""
    from PIL import Image

    Image.open(BytesIO(png)).convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def sampled(folder: Path) -> int:
    """Write the sample report of a run, without what that run took: the same bytes on every machine that computes the same. Its size."""
    with TemporaryDirectory() as spare:
        write(load(folder).report, Path(spare))
        shutil.copyfile(Path(spare, "report.html"), GALLERY / "report.html")
    return (GALLERY / "report.html").stat().st_size


def main() -> int:
    GALLERY.mkdir(parents=True, exist_ok=True)
    found = {name: ran(name) for name in dict.fromkeys([SAMPLE, *(picture.study for picture in PICTURES)])}
    folders = {name: folder for name, folder in found.items() if folder is not None}
    for name in set(found) - set(folders):
        sys.stderr.write(f"{name}: left out, XAI_COMPARE_DATA is not set\n")
    taken(tuple(picture for picture in PICTURES if picture.study in folders), folders)
    size = sampled(folders[SAMPLE])
    if size > LARGEST:
        sys.stderr.write(f"the sample report has {size:,} bytes, more than {LARGEST:,}\n")
    return int(size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
