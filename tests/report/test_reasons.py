"""Sections 11, 12 and 14: reason codes, choosing, and the regulation map with the words it may not use."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import pytest

from tests.report.made import made
from tests.report.made_reasons import reasoned
from xai_compare import report
from xai_compare.errors import XaiCompareError
from xai_compare.report.blocks import Block, Details, Figure, Heading, Link, Prose, Table, Terms
from xai_compare.report.regulation import regulation_map
from xai_compare.report.render import compose
from xai_compare.report.sections import SECTIONS


@cache
def built() -> dict[str, Any]:
    source = reasoned(made())
    return report.build(source.results, source.comparison)


def blocks(name: str, found: dict[str, Any] | None = None) -> list[Block]:
    return list(SECTIONS[name].make(found or built()))


def flat(found: list[Block]) -> list[Block]:
    """Blocks with those folded away, and the tables of figures."""
    inner = [one for block in found if isinstance(block, Details) for one in flat(list(block.blocks))]
    return [*found, *inner, *(block.table for block in found if isinstance(block, Figure) and block.table)]


def text(block: Any) -> str:
    return "".join(str(getattr(piece, "text", piece)) for piece in block.pieces)


def cells(table: Table) -> list[list[str]]:
    return [["".join(str(getattr(piece, "text", piece)) for piece in entry.pieces) for entry in row] for row in table.rows]


def words(found: list[Block]) -> str:
    """Everything a reader reads of some blocks."""
    said = []
    for block in flat(found):
        if isinstance(block, Prose):
            said.append(text(block))
        elif isinstance(block, Heading):
            said.append(block.text)
        elif isinstance(block, Details):
            said.append(block.summary)
        elif isinstance(block, Terms):
            said += [f"{term} {''.join(map(str, pieces))}" for term, pieces, _ in block.items]
        elif isinstance(block, Table):
            said += [block.caption, *(column.title for column in block.columns), *(cell for row in cells(block) for cell in row)]
    return "\n".join(said)


def table(found: list[Block], begins: str) -> Table:
    return next(block for block in flat(found) if isinstance(block, Table) and block.caption.startswith(begins))


# ---- reason codes


def test_it_is_left_out_where_no_reasons_were_asked_for():
    source = made()
    bare = report.build(source.results, source.comparison)
    assert bare["reason_codes"] is None
    assert blocks("reasons", bare) == []
    assert {"choosing", "regulation"} <= {section.name for section in compose(bare)}
    assert "reasons" not in {section.name for section in compose(bare)}


def test_the_report_holds_what_the_statistics_say_and_fits_its_schema():
    found = built()["reason_codes"]
    source = reasoned(made())
    rows = source.comparison.reasons
    assert rows is not None
    report.validate(built())
    assert [row["rate"]["estimate"] for row in found["crossings"]] == [pytest.approx(row.rate.estimate) for row in rows.crossings]
    assert [(row["kind"], row["a"], row["b"]) for row in found["pairs"]] == [(row.kind, row.a, row.b) for row in rows.pairs]
    assert [row["share"] is None for row in found["shares"]] == [row.share is None for row in rows.shares]
    assert [method["difference"] for method in found["methods"]] == [True, False]
    assert {row["model"]: row["share"]["n"] for row in found["decided"]} == {"logistic": 40, "forest": 40, "network": 40}


def test_a_prohibited_feature_blocks_before_anything_else_is_told():
    found = blocks("reasons")
    findings = [text(block) for block in found if isinstance(block, Prose) and block.kind == "finding"]
    assert findings[0].startswith("Blocking, by SHAP: age, which must not be a reason, is one in ")
    assert isinstance(found[0], Prose)
    assert text(found[0]) == findings[0]
    flags = cells(table(found, "Prohibited"))
    assert {(row[0], row[2]) for row in flags} >= {("age", "logistic")}
    counted = [row for row in built()["reason_codes"]["flags"] if (row["explainer"], row["model"]) == ("shap", "logistic")]
    assert f" {counted[0]['cases']} of {counted[0]['of']} adverse cases of logistic" in findings[0]
    assert text(blocks("verdict")[0]).startswith(findings[0])
    clean = deepcopy(built())
    clean["reason_codes"]["flags"] = []
    assert "Blocking" not in words(blocks("verdict", clean))
    said = [text(block) for block in blocks("reasons", clean) if isinstance(block, Prose)]
    assert "No prohibited feature is among the reasons (age)." in said
    other = deepcopy(built())
    other["reason_codes"]["flags"] = [row for row in other["reason_codes"]["flags"] if row["explainer"] == "lime"]
    assert other["reason_codes"]["flags"]
    assert "Blocking" not in words(blocks("verdict", other))  # a diagnostic blocks nothing
    assert "No prohibited feature is among the reasons, by SHAP (age)." in words(blocks("reasons", other))
    assert table(blocks("reasons", other), "Prohibited")


def by_group(shares: dict[str, tuple[float, float, float, float]]) -> dict[str, Any]:
    """The report with two groups' shares of a code: {group: (share, difference, low, high)}."""
    changed = deepcopy(built())
    (row,) = [
        one
        for one in changed["reason_codes"]["shares"]
        if (one["model"], one["explainer"], one["code"], one["column"]) == ("logistic", "shap", "R01", "")
    ]
    span = {**row["share"], "n": 40}
    changed["reason_codes"]["shares"] += [
        {
            **row,
            "column": "sex",
            "label": label,
            "share": {**span, "estimate": share, "low": max(share - 0.1, 0.0), "high": min(share + 0.1, 1.0)},
            "difference": {**span, "estimate": difference, "low": low, "high": high},
        }
        for label, (share, difference, low, high) in shares.items()
    ]
    return changed


def test_a_code_that_one_group_hears_is_told_and_a_share_of_nothing_stays_in_the_table():
    found = blocks("reasons", by_group({"w": (0.9, 0.9, 0.7, 0.95), "m": (0.0, -0.9, -0.95, -0.7)}))
    said = words(found).replace("\u00a0", " ")
    assert "logistic gives R01 (Reason about" in said
    assert "to 0.90 of its adverse cases where sex is w, 0.90 [0.70, 0.95] more than to the others." in said
    assert "where sex is m" not in said
    assert "Exploratory: 2 such differences were looked at." in said
    rows = cells(table(found, "Share of a group's adverse cases"))
    assert [row[1] for row in rows if row[0] == "sex"] == ["w", "m"]


def test_groups_that_hear_the_same_are_said_to():
    found = blocks("reasons", by_group({"w": (0.5, 0.1, -0.1, 0.3), "m": (0.4, -0.1, -0.3, 0.1)}))
    assert "No group hears a code more or less often than the others by more than its interval." in words(found)


def test_a_diagnostic_is_never_told_without_saying_so():
    found = blocks("reasons")
    assert "LIME is a diagnostic, not a difference from a reference" in words(found)
    for block in flat(found):
        if isinstance(block, Table):
            assert not any(cell == "LIME" for row in cells(block) for cell in row), block.caption
    assert "never a letter" in words(found)


def test_the_picture_has_the_numbers_of_the_leading_method_and_its_table_all():
    figure = next(block for block in blocks("reasons") if isinstance(block, Figure))
    shares = [row for row in built()["reason_codes"]["shares"] if not row["column"]]
    for row in shares:
        if row["explainer"] == "shap" and row["share"]["estimate"]:
            assert f"{row['code']}:" in figure.alt
            assert f"{row['model']} {row['share']['estimate']:.2f}" in figure.alt
    assert figure.table is not None
    assert len(figure.table.rows) == len(shares)


def test_there_is_a_table_for_each_thing_that_changes():
    found = blocks("reasons")
    for kind, what in (
        ("models", "another model"),
        ("methods", "another method"),
        ("seeds", "other random"),
        ("references", "another ref"),
    ):
        rows = [row for row in built()["reason_codes"]["pairs"] if row["kind"] == kind]
        assert len(table(found, f"Principal reasons with {what}").rows) == len(rows) > 0
    told = next(text(block) for block in found if isinstance(block, Prose) and "codes change" in text(block))
    shap = [row["changed"]["estimate"] for row in built()["reason_codes"]["pairs"] if (row["kind"], row["explainer"]) == ("models", "shap")]
    ends = " to ".join(dict.fromkeys(f"{end:.2f}" for end in (min(shap), max(shap))))
    most = max(row["changed"]["n"] for row in built()["reason_codes"]["pairs"] if (row["kind"], row["explainer"]) == ("models", "shap"))
    assert most < 30
    assert f"By SHAP the codes change for {ends} of the cases with another model (of {most} cases at most), " in told.replace("\u00a0", " ")
    assert " 0.00 with other random numbers" in told


def test_cases_show_codes_and_texts_side_by_side_and_who_did_not_refuse():
    shown = built()["reason_codes"]["cases"]
    assert 3 <= len(shown) <= 6
    folded = {block.summary.partition(":")[0]: block for block in blocks("reasons") if isinstance(block, Details)}
    for case in shown:
        rows = cells(table([folded[case["id"]]], "Candidate reasons for"))
        told = [(one["model"], method) for one in case["models"] for method in one["methods"]]
        assert len(rows) == len(told)
        for row, (model, method) in zip(rows, told, strict=True):
            assert row[0] == model
            for entry, reason in zip(row[2:], method["reasons"], strict=False):
                assert entry.startswith(f"{reason['code']} {reason['text']} ({reason['share']:.2f}")
                assert ("prohibited: age" in entry) == bool(reason["prohibited"])
        for one in case["models"]:
            assert bool(one["methods"]) == (one["output"] >= 0.5)
            assert f"{one['model']} {one['output']:.2f} ({'adverse' if one['methods'] else 'not adverse'})" in folded[case["id"]].summary


def test_groups_that_are_too_small_are_named_only():
    assert "Not shown, with fewer than 30 adverse cases: age" in words(blocks("reasons"))


def test_where_no_method_has_reasons_one_line_says_so():
    none = {**built(), "reason_codes": {**built()["reason_codes"], "decided": [], "crossings": []}}
    (only,) = blocks("reasons", none)
    assert "no method has any" in text(only)


def test_hostile_names_go_through():
    source = reasoned(made(hostile=True), hostile=True)
    found = report.build(source.results, source.comparison)
    report.validate(found)
    html = report.render(found)
    assert "<img src=x" not in html
    assert "Reason codes" in html


def test_a_model_that_is_none_of_the_report_is_refused():
    for part in ("decided", "crossings", "shares", "flags"):
        wrong = deepcopy(built())
        wrong["reason_codes"][part][0]["model"] = "nobody"
        with pytest.raises(XaiCompareError, match=rf"reason_codes\.{part}\[0\]\.model: 'nobody' is none of the report's models"):
            report.validate(wrong)


# ---- choosing


def test_the_five_questions_are_answered_from_what_was_measured():
    found = blocks("choosing")
    headings = [block.text for block in found if isinstance(block, Heading)]
    assert headings == [
        "What data are there?",
        "How much of it?",
        "Must it be interpretable?",
        "Which task?",
        "Must it answer in real time?",
    ]
    trade = table(found, "What an explanation can tell")
    assert [row[0] for row in cells(trade)] == ["logistic", "forest", "network"]
    gaps = {row["a"]: row["gap"]["estimate"] for row in built()["gaps"] if row["headline"] and row["metric"] == "additive_fit"}
    for row in cells(trade)[1:]:
        assert f"{gaps[row[0]]:.2f}".replace("-", "\u2212") in row[2]
    ahead = {row[0].partition(" (")[0]: row[1] for row in cells(table(found, "Who is ahead"))}
    for score, sign in (("ROC-AUC", 1), ("F1", 1), ("Brier", -1)):
        rows = [row for row in built()["performance"] if row["split"] == "test" and row["score"] == score]
        assert ahead[score] == max(rows, key=lambda row: sign * row["value"]["estimate"])["model"]


def test_evidence_links_lead_to_sections_of_the_page():
    there = {section.name for section in compose(built())}
    anchors = {
        piece.anchor for block in blocks("choosing") if isinstance(block, Prose) for piece in block.pieces if isinstance(piece, Link)
    }
    assert anchors
    assert anchors <= there


def test_it_gives_no_advice():
    said = words(blocks("choosing")).lower()
    assert not re.search(r"\b(should|recommend\w*|choose the|must use|best model|we suggest|superior)\b", said)
    assert "not measured (metric learning_curve, on request)" in said


def test_seconds_are_told_where_the_page_has_them_and_else_where_they_are():
    assert "timings.json" in words(blocks("choosing"))
    steps = {
        "explain shap forest": {"jobs": 2, "model_rows": 10, "seconds": 8.0},
        "explain lime forest": {"jobs": 2, "model_rows": 10, "seconds": 2.0},
        "explain random forest": {"jobs": 2, "model_rows": 0, "seconds": 0.1},
        "fit forest": {"jobs": 1, "model_rows": 0, "seconds": 3.0},
    }
    timings = {
        "finished": "",
        "jobs": 7,
        "computed": 7,
        "steps": steps,
        "models": {"forest": {"inference_ms_per_1000": 12.5}},
        "peak_mib": 1.0,
    }
    rows = cells(table(blocks("choosing", {**built(), "timings": timings}), "Predictions in one call"))
    assert rows[1] == ["forest", "12.5", "50", "LIME"]  # 2 seconds for 40 cases; the control competes with nothing
    assert rows[0][1:] == ["not measured", "not measured", "none"]


def test_a_learning_curve_is_told_by_its_ends():
    source = made()
    rows = [row for row in source.comparison.performance if row.split == "test" and row.score == "ROC-AUC"]
    learnt = [replace(row, split="learning", score=f"ROC-AUC, {size} rows", difference=None) for row in rows for size in (40, 100, 400)]
    found = report.build(source.results, replace(source.comparison, performance=(*source.comparison.performance, *learnt)))
    ends = table(blocks("choosing", found), "Test ROC-AUC after training")
    assert [column.title for column in ends.columns] == ["Model", "40 rows", "400 rows", "Gain"]
    assert [row[3] for row in cells(ends)] == ["0.00"] * 3


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_one_model_or_no_outcome_leaves_sentences_that_say_so(task):
    source = made(task=task)
    bare = replace(source.comparison, performance=(), gaps=(), skills=())
    said = words(blocks("choosing", report.build(source.results, bare)))
    assert "no outcomes were given" in said
    assert "was not measured (metric additive_fit)" in said


# ---- the regulation map

CLAIMS = r"\b(complian(t|ce)|compl(y|ies|ied)|satisf(y|ies|ied)|certif\w*|conform\w*|fulfil\w*|guarantee\w*|approved|meets?)\b"
HEADER = "It is not legal advice, not a conformity assessment, and does not state that any requirement is met."


def test_neither_the_file_nor_the_section_claims_anything():
    file = files("xai_compare.report").joinpath("regulation.yaml").read_text(encoding="utf-8")
    assert re.findall(CLAIMS, file, flags=re.IGNORECASE) == []
    said = words(blocks("regulation"))
    assert said.count(HEADER) == 1
    assert re.findall(CLAIMS, said.replace(HEADER, ""), flags=re.IGNORECASE) == []
    html = report.render(built()).partition('<section id="regulation"')[2].partition("</section>")[0]
    assert re.findall(CLAIMS, html.replace(HEADER, ""), flags=re.IGNORECASE) == []


@pytest.mark.parametrize("claim", ["compliant", "satisfies", "certified", "Complies", "meets", "conforms"])
def test_the_lint_would_see_a_claim(claim):
    assert re.search(CLAIMS, f"the model {claim} with it", flags=re.IGNORECASE)


NAMED = ("SR 26-2", "1002.9", "FCRA", "EU AI Act", "GDPR", "ICO", "IR 8312", "MEASURE 2.9", "TS 6254", "42001", "MAS", "FDA", "NAIC")


def test_every_row_says_what_it_looks_for_what_may_inform_it_and_what_is_not_addressed():
    found = regulation_map()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", found["as_of"])
    assert built()["regulation_map"] == found
    for row in found["rows"]:
        assert all(row.values())
        assert row["source_url"].startswith("https://")
        assert re.search(r"may inform|one input|speaks? of|candidate reasons|the ranking", row["may_inform"])
    moving = next(row for row in found["rows"] if row["name"].startswith("EU AI Act"))  # its dates of application do: none is printed
    assert not re.search(r"\b20\d\d\b", " ".join(moving.values()).replace("2024/1689", "").replace("reg/2024", ""))
    names = " ".join(row["name"] for row in found["rows"])
    assert all(name in names for name in NAMED)
    assert f"as of {found['as_of']}" in words(blocks("regulation"))
