"""docs/report-json.md tells the schema as it is, and the schema tells every field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.report.made import made
from tests.report.write_schema_page import fields, page
from xai_compare.report import build
from xai_compare.report.write import dumps, schema

PAGE = Path(__file__).parents[2] / "docs" / "report-json.md"


def test_the_page_is_the_schema() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.report.write_schema_page docs/report-json.md"


@pytest.mark.parametrize("name", ["", *schema()["$defs"]])
def test_every_field_is_told(name: str) -> None:
    node = schema()["$defs"][name] if name else schema()
    assert node["description"]
    assert [place for place, one in fields(node) if not one.get("description")] == []


def test_every_definition_is_used_and_every_link_leads_to_one() -> None:
    text = page()
    headings = set(re.findall(r"^## (.+)$", text, flags=re.MULTILINE)) - {"The top level"}
    assert headings == set(schema()["$defs"])
    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= headings


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit").mkdir()
    source = made()
    (tmp_path / "audit" / "report.json").write_text(dumps(build(source.results, source.comparison)), encoding="utf-8")
    (block,) = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(block, "page", "exec"), {})
    assert "fidelity forest logistic -0.1" in capsys.readouterr().out
