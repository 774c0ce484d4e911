"""The sections that a study asks for: chosen, in its order, and never without what a reader must not miss."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.report.made import made
from tests.report.test_render import Page
from xai_compare import report as reports
from xai_compare.errors import UnknownName
from xai_compare.report.render import compose, section
from xai_compare.report.sections import SECTIONS, chosen


def asking(*names: str) -> dict[str, Any]:
    """The report of a study that asks for these sections."""
    source = made()
    study = {**source.results.study, "report": {"sections": list(names)}}
    return reports.build(replace(source.results, study=study), source.comparison)


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        (["gaps", "scope"], ["verdict", "gaps", "scope", "limits", "provenance"]),
        ([], ["verdict", "limits", "provenance"]),
        (["scope", "verdict"], ["scope", "verdict", "limits", "provenance"]),
        (["limits", "cases"], ["verdict", "limits", "cases", "provenance"]),
    ],
)
def test_sections_stand_in_the_order_of_the_study_and_three_are_always_there(asked: list[str], there: list[str]) -> None:
    assert chosen({"report": {"sections": asked}}) == there
    assert [one.name for one in compose(asking(*asked))] == there


def test_auto_is_every_section_by_its_number() -> None:
    names = chosen({})
    assert set(names) == set(SECTIONS)
    assert [SECTIONS[name].order for name in names] == sorted(SECTIONS[name].order for name in names)
    assert chosen({"report": {"sections": "auto"}}) == names


def test_a_link_to_a_section_that_was_not_asked_for_is_plain_words() -> None:
    page = Page(reports.render(asking("agreement", "stability")))
    assert "read stability beside fidelity" in page.text()
    anchors = {attrs["href"][1:] for attrs in page.all("a") if attrs["href"].startswith("#")}
    assert {"agreement", "stability"} <= anchors <= {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    whole = Page(reports.render(reports.build(made().results, made().comparison)))
    assert [attrs for attrs in whole.all("a") if attrs["href"] == "#fidelity"]


def test_a_section_that_is_not_installed_here_is_a_limit() -> None:
    page = reports.render(asking("gaps", "from-another-package"))
    assert re.search(r"section .{0,5}from-another-package.{0,5} is not installed here", Page(page).text())


def test_one_section_by_its_name() -> None:
    assert section(asking("gaps"), "stability").title == "Stability, sanity"
    with pytest.raises(UnknownName, match="did you mean 'gaps'"):
        section(asking(), "gasp")
