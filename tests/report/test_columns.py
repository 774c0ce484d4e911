"""What section Scope says of a table's columns: what moves together, which rows come again, and each feature."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.report.made import FEATURES, HOSTILE, Made, made
from tests.report.made_elsewhere import made_of
from tests.report.test_driven import blocks, built, said, words
from xai_compare import report as reports
from xai_compare.report import validate
from xai_compare.report.blocks import Details, Prose, Table
from xai_compare.report.coherent import fault

PAIRS = [
    {"a": FEATURES[0], "b": FEATURES[1], "measure": "Spearman", "value": 0.9996},
    {"a": FEATURES[2], "b": FEATURES[3], "measure": "Spearman", "value": -0.7012},
    {"a": FEATURES[4], "b": FEATURES[0], "measure": "correlation ratio", "value": 0.6},
    {"a": FEATURES[5], "b": FEATURES[6], "measure": "Cramer's V", "value": 0.55},
]
NUMBER = {
    "missing": 0.0,
    "distinct": 1234,
    "quartiles": [-1.25, 0.5, 4000.0],
    "distance": {"measure": "Kolmogorov-Smirnov", "value": 0.08, "p": 0.4},
}
CATEGORY = {
    "missing": 0.0,
    "distinct": 3,
    "most_frequent": {"share": 0.6, "level": None},
    "distance": {"measure": "total variation", "value": 0.04, "p": 0.9},
}


def told(change: Any = None, pairs: int = 2, found: int | None = None, bad: str = "", **facts: Any) -> Made:
    """The made-up run with facts of its columns; `change` {feature: facts} puts others in their place."""
    features = [{**(NUMBER if j < 4 else CATEGORY), **(change or {}).get(j, {})} for j in range(len(FEATURES))]
    some = [{**pair, "a": pair["a"] + bad, "b": pair["b"] + bad} for pair in PAIRS[:pairs]]
    together = {"rows": 700, "above": 0.5, "found": pairs if found is None else found, "pairs": some, "left_out": [], "reason": ""}
    described = {"rows": 1000, "training": True, "repeated": 0, "known": 0, "features": features, "together": together, **facts}
    source = made(hostile=bool(bad))
    return replace(source, results=replace(source.results, data={**source.results.data, "described": described}))


def scope(source: Made) -> str:
    return said(blocks(source, "scope"))


def table(source: Made) -> Table:
    found = next(block for block in blocks(source, "scope") if isinstance(block, Details) and block.summary == "Features")
    assert isinstance(found.blocks[0], Table)
    return found.blocks[0]


def test_what_moves_together_is_named_the_strongest_first() -> None:
    one, two = f"{FEATURES[0]} and {FEATURES[1]} (Spearman >0.99)", f"{FEATURES[2]} and {FEATURES[3]} (Spearman \u22120.70)"
    rest = (
        "Hiding one of them alone can make rows that hardly occur. Read their shares together, or make one feature of them (data.groups)."
    )
    assert f"These features move together: {one}. {rest}" in scope(told(pairs=1))
    assert f"These features move together: {one}, and {two}. {rest}" in scope(told(pairs=2))
    long = scope(told(pairs=4, found=150))
    assert "(correlation ratio 0.60), and 147\u00a0more pairs. Hiding" in long
    assert "Cramer" not in long
    assert "(correlation ratio 0.60), and 1\u00a0more pair. Hiding" in scope(told(pairs=4))


def test_nothing_moves_together_or_nothing_is_known() -> None:
    assert "No two features move together: no pair has an association above 0.5 on 700 rows." in scope(told(pairs=0))
    together = {"rows": 30, "above": 0.5, "found": 0, "pairs": [], "left_out": ["body"], "reason": "it takes 50 rows to tell, found 30"}
    assert "Which features move together is not known: it takes 50 rows to tell, found 30." in scope(told(together=together))
    assert "body, of several columns, is not paired." in scope(told(together={**together, "reason": ""}))
    before = scope(made())  # results of a run that did not ask
    assert "move together" not in before
    assert "an earlier one" not in before


def test_rows_that_are_fine_take_one_quiet_sentence() -> None:
    wanted = (
        "Of 1,000 rows none lacks a value, and no row stands twice; the largest difference of training and test rows, "
        f"that of {FEATURES[0]} (KS 0.08), is no more than chance makes."
    )
    assert wanted in scope(told())
    assert [block.kind for block in blocks(told(), "scope") if isinstance(block, Prose)] == ["plain", "plain", "note"]


def test_missing_values_and_rows_that_come_again_are_counted() -> None:
    found = scope(told({0: {"missing": 0.004}, 5: {"missing": 0.2}, 6: {"missing": 0.1}, 7: {"missing": 0.3}}, repeated=1))
    named = f"{FEATURES[7]} (30\u00a0%), {FEATURES[5]} (20\u00a0%) and {FEATURES[6]} (10\u00a0%) and 1\u00a0more feature"
    assert f"some lack a value of {named}, and 1\u00a0row repeats an earlier one;" in found


def test_test_rows_that_were_trained_on_are_a_finding() -> None:
    found = [block for block in blocks(told(repeated=9, known=2), "scope") if isinstance(block, Prose) and block.kind == "finding"]
    assert "2\u00a0test rows are the same as a training row, target and all" in said(tuple(found))
    assert "9\u00a0rows repeat an earlier one" in scope(told(repeated=9, known=2))


def test_a_difference_beyond_chance_is_told_as_one() -> None:
    far = {"distance": {"measure": "total variation", "value": 0.3, "p": 0.001}}
    assert f"training and test rows differ by more than chance in {FEATURES[5]} (TV 0.30)." in scope(told({5: far}))
    near = {"distance": {**far["distance"], "p": 0.01}}  # .01 in twelve features is no rarity
    assert f"that of {FEATURES[5]} (TV 0.30), is no more than chance makes." in scope(told({5: near}))
    same = {j: {"distance": {"measure": "total variation", "value": 0.0, "p": 1.0}} for j in range(12)}
    handed = scope(told(same, training=False, known=None))
    assert "Of 1,000 test rows" in handed
    assert "background and test rows do not differ in any feature." in handed


def test_the_table_has_a_row_for_each_feature() -> None:
    level = {"most_frequent": {"share": 0.6, "level": HOSTILE}}
    rows = words(table(told({4: level, 5: {"missing": 0.001, "most_frequent": None, "distinct": None, "distance": None}})))
    assert rows[0] == [FEATURES[0], "numeric", "0\u00a0%", "1,234", "\u22121.25; 0.5; 4000", "KS 0.08"]
    assert rows[4][2:] == ["0\u00a0%", "3", f"{HOSTILE} (60\u00a0%)", "TV 0.04"]
    assert rows[5][2:] == ["<1\u00a0%", "none", "none", "none"]
    assert rows[6][4] == "60\u00a0%"
    assert [len(row) for row in words(table(made()))] == [2] * 12


def test_names_are_text_and_reports_fit_their_schema() -> None:
    source = told(pairs=4, bad=HOSTILE)
    report = built(source)
    validate(report)
    page = reports.render(report)
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_pairs_that_do_not_fit_the_report_are_faults() -> None:
    report = built(told())
    assert fault(report) == ""
    report["scope"]["together"]["pairs"][1]["b"] = "nobody"
    assert fault(report) == "$.scope.together.pairs[1].b: 'nobody' is none of the report's features"
    fewer = built(told(pairs=2, found=1))
    assert fault(fewer) == "$.scope.together.found: 1, but 2 pairs are told"


@pytest.mark.parametrize("modality", ["image", "text", "series"])
def test_what_is_no_table_has_names_and_kinds_only(modality: str) -> None:
    report = built(made_of(modality))
    assert report["scope"]["rows"] is None is report["scope"]["together"]
    empty = dict.fromkeys(("missing", "distinct", "quartiles", "most_frequent", "distance"))
    assert report["scope"]["features"][0] | empty == report["scope"]["features"][0]
    assert "move together" not in scope(made_of(modality))
