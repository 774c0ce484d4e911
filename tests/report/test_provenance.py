"""The section to sign: who signs and how it is checked come first, the rest is folded, and nothing of it is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.report.made import made
from tests.report.test_again import words
from xai_compare import __version__, report
from xai_compare.report.blocks import Block, Details, Downloads, Heading, Table, Terms
from xai_compare.report.build import SCHEMA_VERSION
from xai_compare.report.sections import SECTIONS


def blocks(study: dict[str, Any] | None = None, **facts: Any) -> Sequence[Block]:
    source = made()
    results = replace(source.results, provenance=source.results.provenance | facts, study=source.results.study | (study or {}))
    return SECTIONS["provenance"].make(report.build(results, source.comparison))


def terms(found: Sequence[Block]) -> dict[str, str]:
    """What stands open."""
    return {term: words(said) for block in found if isinstance(block, Terms) for term, said, _ in block.items}


def folded(found: Sequence[Block]) -> Iterator[tuple[str, dict[str, str]]]:
    return ((block.summary, terms(block.blocks)) for block in found if isinstance(block, Details))


def test_people_sign_first_then_it_is_checked_then_the_files() -> None:
    found = blocks(reviewer="R. Viewer")
    table = next(block for block in found if isinstance(block, Table))
    assert [[words(entry.pieces) for entry in row] for row in table.rows] == [
        ["preparer", "not provided"],
        ["reviewer", "R. Viewer"],
        ["independence note", "not provided"],
        ["date", "not provided"],
        ["disposition", "not provided"],
        ["signature", "not provided"],
    ]
    places = [found.index(table)]
    places += [next(i for i, block in enumerate(found) if isinstance(block, kind)) for kind in (Heading, Terms, Details, Downloads)]
    assert places == sorted(places)
    assert [block.text for block in found if isinstance(block, Heading)] == [
        "How to check it",
        "Files beside this report",
        "Metrics",
        "Words",
    ]


def test_commands_and_hashes_stand_open_and_versions_are_folded() -> None:
    found = blocks()
    shown = terms(found)
    assert shown["Nothing was changed"] == "xai-compare verify FOLDER"
    assert shown["Numbers come out again"] == "xai-compare verify FOLDER --rerun"
    assert shown["It was run by"] == "xai-compare run credit.yaml"
    assert shown["data, sha256"] == "ab" * 32
    assert shown["seed"] == "0"
    assert not [term for term in shown if term.startswith("versions") or term in ("reviewer", "command")]
    machine, study, *_ = folded(found)
    assert machine[0] == f"Made by xai_compare {__version__}, report format {SCHEMA_VERSION}: the versions and the machine"
    assert machine[1] == {"versions, numpy": "2.4", "versions, scikit-learn": "1.9"}
    assert study[1]["compare, level"] == "0.95"


def test_what_was_made_in_python_is_not_run_again_by_a_command() -> None:
    shown = terms(blocks({"data": {"source": "python"}}))
    assert shown["Numbers come out again"] == "run the code again that made it"


def test_what_was_not_recorded_is_said() -> None:
    source = made()
    bare = report.build(replace(source.results, provenance={}, study={}), source.comparison)
    found = SECTIONS["provenance"].make(bare)
    shown = terms(found)
    assert (shown["It was run by"], shown["hashes and seeds"]) == ("not recorded", "not recorded")
    assert [summary for summary, _ in folded(found)] == ["What each is: range, chance, cost and source", "Methods and their settings"]
