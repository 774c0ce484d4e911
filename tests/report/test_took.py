"""The part of the page that tells date and seconds, and when it does not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.report.made import made
from xai_compare import report

TIMINGS = {
    "finished": "2026-01-02 03:04 UTC",
    "jobs": 12,
    "computed": 7,
    "models": {
        "logistic": {"training_seconds": 0.061, "inference_ms_per_1000": 2.5},
        "forest": {"training_seconds": 1234.5, "inference_ms_per_1000": 80.4},
        "network": {"inference_ms_per_1000": 7.0},
    },
    "peak_mib": 724.46,
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
    told = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert not [word for word in ("2026-01-02", "training_seconds", "inference_ms", "peak_mib") if word in told]


def test_it_tells_the_seconds_of_each_model_and_the_memory_of_a_worker(tmp_path, dated):
    html = " ".join(re.sub("<[^>]+>", " ", page(tmp_path)).split())
    assert "logistic 0.06 2.50" in html
    assert "forest 1,234 80" in html
    assert "network not measured 7.00" in html
    assert "held at most 724 MiB" in html
    assert "Memory was not measured" in page(tmp_path, {**TIMINGS, "peak_mib": None})


def test_timings_of_an_earlier_version_tell_no_models(tmp_path, dated):
    html = page(tmp_path, {key: value for key, value in TIMINGS.items() if key not in ("models", "peak_mib")})
    assert "What it took" in html
    assert "held at most" not in html
    assert "milliseconds" not in html


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
