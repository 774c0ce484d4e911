"""verify: a changed or missing file of a report is named."""

from __future__ import annotations

import json

import pytest

from xai_compare.errors import XaiCompareError
from xai_compare.run.manifest import verify, write_manifest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "data" / "gaps.csv").write_text("a,b\n")
    write_manifest(tmp_path, {}, {}, ["report.json", "data/gaps.csv"])
    return tmp_path


def test_an_unchanged_report_has_nothing_wrong(folder):
    assert verify(folder) == []


def test_a_changed_and_a_missing_file_are_named(folder):
    (folder / "report.json").write_text("{ }")
    (folder / "data" / "gaps.csv").unlink()
    assert verify(folder) == ["data/gaps.csv: missing", "report.json: changed since the report was written"]


@pytest.mark.parametrize("content", [None, "[]", "{", json.dumps({"outputs": [{"path": "x"}]})])
def test_no_manifest_is_a_clear_error(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(XaiCompareError, match="no manifest that can be read"):
        verify(tmp_path)
