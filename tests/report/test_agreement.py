"""The section on agreement where its leading measure could not be told: of few features every method names the same ones."""

from __future__ import annotations

from tests.report.made import made
from xai_compare import report
from xai_compare.report.blocks import Figure, Prose, Table
from xai_compare.report.sections import SECTIONS


def test_without_its_leading_measure_the_others_are_told() -> None:
    source = made()
    found = report.build(source.results, source.comparison)
    before = SECTIONS["agreement"].make(found)
    assert [block for block in before if isinstance(block, Figure)]
    lost = {"estimate": None, "low": None, "high": None, "n": 0, "how": "too few cases", "p": None, "reason": "too few cases"}
    for row in found["agreement"]:
        row["measures"] = [{"measure": "sign", "value": lost, "chance": None, "skill": None}, *row["measures"][1:]]
    note, table, *_ = SECTIONS["agreement"].make(found)
    assert isinstance(note, Prose)
    assert note.pieces == ("The leading measure (sign) could be told of no two methods. The others:",)
    assert isinstance(table, Table)
    assert len(table.rows) == sum(len(row["measures"]) for row in found["agreement"])
