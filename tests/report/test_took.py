"""The part of the page that tells date and seconds, and when it does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.made import made
from xai_compare import report

TIMINGS = {
    "finished": "2026-01-02 03:04 UTC",
    "jobs": 12,
    "computed": 7,
    "steps": {
        "fit forest": {"jobs": 1, "model_rows": 0, "seconds": 1.26},
        "sample forest": {"jobs": 6, "model_rows": 1_783_350, "seconds": 8.9},
        "score agreement": {"jobs": 5, "model_rows": 0, "seconds": 0.01},
    },
}


def page(folder: Path, timings=TIMINGS) -> str:
    source = made()
    report.write(report.build(source.results, source.comparison), folder, timings)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def dated(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


def test_it_tells_date_rows_and_seconds(tmp_path, dated):
    html = page(tmp_path)
    for said in ("2026-01-02 03:04 UTC", "took 10 seconds", "1,783,350 rows", "7 of them were computed", "sample forest", "8.9"):
        assert said in html
    assert '<td class=" ">score agreement</td>' not in html  # too short to be told


def test_report_json_does_not(tmp_path, dated):
    page(tmp_path)
    assert "2026-01-02" not in (tmp_path / "report.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("why", ["epoch", "unknown"])
def test_it_is_left_out_with_source_date_epoch_and_without_timings(tmp_path, monkeypatch, why):
    if why == "epoch":
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    html = page(tmp_path, TIMINGS if why == "epoch" else None)
    assert "What it took" not in html
    assert "2026-01-02" not in html


def test_rendering_again_tells_what_timings_json_tells(tmp_path, dated):
    first = page(tmp_path)
    (tmp_path / "timings.json").write_text(json.dumps(TIMINGS))
    report.rerender(tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == first
    (tmp_path / "timings.json").write_text("{")
    report.rerender(tmp_path)
    assert "What it took" not in (tmp_path / "report.html").read_text(encoding="utf-8")
