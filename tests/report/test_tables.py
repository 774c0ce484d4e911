"""The CSV files that not every report has: words, and what there is on reason codes."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.report.made import HOSTILE, Made, made
from tests.report.made_elsewhere import made_of
from tests.report.made_reasons import reasoned
from xai_compare import report
from xai_compare.audit import Audit
from xai_compare.errors import XaiCompareError
from xai_compare.report.tables import reasons, tables

ALWAYS = {"gaps.csv", "skills.csv", "curves.csv"}
ON_FEATURES = {"importance.csv", "profiles.csv"}
ON_REASONS = {"reason_shares.csv", "reason_agreement.csv", "reason_crossings.csv"}


@cache
def source(hostile: bool = False) -> Made:
    return reasoned(made(hostile=hostile), hostile=hostile)


def built(one: Made) -> dict[str, Any]:
    return report.build(one.results, one.comparison)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def told(one: Made) -> Any:
    assert one.comparison.reasons is not None
    return one.comparison.reasons.told


def brief(one: Made) -> dict[str, Any]:
    """A report of few pictures."""
    whole = built(one)
    return {**whole, "scope": {**whole["scope"], "study": {**whole["scope"]["study"], "report": {"sections": ["limits"]}}}}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ---- the statistics, from report.json


def test_there_are_tables_of_what_there_is_only() -> None:
    assert set(tables(built(made()))) == ALWAYS | ON_FEATURES
    assert set(tables(built(source()))) == ALWAYS | ON_FEATURES | ON_REASONS
    assert set(tables({**built(made()), "curves": []})) == {"gaps.csv", "skills.csv"} | ON_FEATURES
    assert set(tables(built(made_of("text")))) == ALWAYS | {"words.csv"}
    assert set(tables(built(made_of("text", shown=False)))) == ALWAYS


def test_words_are_those_of_the_report() -> None:
    whole = built(made_of("text"))
    found = rows_of(tables(whole)["words.csv"])
    assert len(found) == len(whole["words"]) > 20
    for row, own in zip(found, whole["words"], strict=True):
        assert (row["model"], row["explainer"], row["word"], int(row["n"])) == (own["model"], own["explainer"], own["word"], own["n"])
        assert float(row["share"]) == own["share"]
        assert row["leaning"] == ("" if own["leaning"] is None else str(own["leaning"]))


def test_how_often_codes_are_given_how_far_they_agree_and_whether_they_decide() -> None:
    whole = built(source())
    held, found = whole["reason_codes"], tables(whole)
    texts = {code["code"]: code["text"] for code in held["codes"]}
    shares = rows_of(found["reason_shares.csv"])
    assert [(row["model"], row["explainer"], row["column"], row["label"], row["code"]) for row in shares] == [
        (row["model"], row["explainer"], row["column"], row["label"], row["code"]) for row in held["shares"]
    ]
    for row, own in zip(shares, held["shares"], strict=True):
        assert row["text"] == texts.get(own["code"], "")
        assert row["share_estimate"] == ("" if own["share"] is None else str(own["share"]["estimate"]))
    agree = rows_of(found["reason_agreement.csv"])
    assert {row["kind"] for row in agree} == {"models", "methods", "seeds", "references"}
    for row, own in zip(agree, held["pairs"], strict=True):
        assert (row["kind"], row["model"], row["explainer"], row["a"], row["b"]) == tuple(
            own[key] for key in ("kind", "model", "explainer", "a", "b")
        )
        for span in ("overlap", "first", "changed"):
            assert float(row[f"{span}_estimate"]) == own[span]["estimate"]
            assert int(row[f"{span}_n"]) == own[span]["n"]
        assert float(row["overlap_chance"]) == own["overlap_chance"]
    crossings = rows_of(found["reason_crossings.csv"])
    assert [float(row["rate_estimate"]) for row in crossings] == [row["rate"]["estimate"] for row in held["crossings"]]


# ---- the reasons of every adverse case


def test_every_adverse_case_has_its_reasons_of_every_model_and_method() -> None:
    found, rows = rows_of(reasons(told(source()))), told(source())
    adverse = {(model, case) for model, chance in source().results.cases.probability.items() for case in range(40) if chance[case] >= 0.5}
    ids = source().results.cases.ids
    assert {(row["model"], row["case"]) for row in found} == {(model, ids[case]) for model, case in adverse}
    assert len(found) == len(rows) > 300
    for row, own in zip(found, rows, strict=True):
        assert (row["model"], row["explainer"], row["case"], int(row["rank"])) == (own.model, own.explainer, own.case, own.rank)
        assert (row["code"], row["text"], row["prohibited"]) == (own.code, own.text, "; ".join(own.prohibited))
        assert float(row["share"]) == pytest.approx(own.share, rel=1e-9)
        assert float(row["omitted"]) == pytest.approx(own.omitted, rel=1e-9)
        assert (row["tied"], row["flips"]) == (str(own.tied), str(own.flips))
    assert "age" in {row["prohibited"] for row in found}


def test_a_case_without_reasons_has_a_row_that_says_so() -> None:
    own = replace(told(source())[0], rank=0, code="", text="", share=0.0, prohibited=("age", "sex"), omitted=float("nan"))
    (row,) = rows_of(reasons([own]))
    assert (row["rank"], row["code"], row["omitted"], row["prohibited"]) == ("0", "", "", "age; sex")
    assert reasons([]) == ""


def test_hostile_words_stay_words_in_every_table() -> None:
    hostile = source(hostile=True)
    texts = {**tables(built(hostile)), "reasons.csv": reasons(told(hostile))}
    texts["words.csv"] = tables(built(made_of("text", hostile=True)))["words.csv"]
    for name, key in (("reasons.csv", "code"), ("reasons.csv", "case"), ("reason_shares.csv", "text"), ("words.csv", "model")):
        assert any(HOSTILE in row[key] for row in rows_of(texts[name])), name
    for bad in ("=1+1", "+x", "-x", "@SUM(A1)", "\tx", "\rx"):
        changed = dict.fromkeys(("model", "explainer", "case", "code", "text"), bad)
        (row,) = rows_of(reasons([replace(told(source())[0], **changed, prohibited=(bad, "b"))]))
        assert {row[key] for key in changed} == {f"'{bad}"}
        assert row["prohibited"] == f"'{bad}; b"
        whole = built(source())
        for part in ("shares", "pairs", "crossings"):
            whole["reason_codes"][part][0] |= {"explainer": bad}
        found = tables({**whole, "words": [{"explainer": bad, "leaning": -0.5, "model": "m", "n": 2, "share": 0.5, "word": bad}]})
        for name in (*ON_REASONS, "words.csv"):
            assert rows_of(found[name])[0]["explainer"] == f"'{bad}", name
        assert rows_of(found["words.csv"])[0]["leaning"] == "-0.5"  # a number with a minus sign is no formula


# ---- on disk


def test_a_saved_run_has_the_reasons_and_rendering_again_keeps_them(tmp_path: Path) -> None:
    report.write(brief(source()), tmp_path, None, told(source()))
    before = files(tmp_path)
    assert before["data/reasons.csv"].decode() == reasons(told(source()))
    (listed,) = [one for one in json.loads(before["report.json"])["assets"] if one["path"] == "data/reasons.csv"]
    assert listed["sha256"] == hashlib.sha256(before["data/reasons.csv"]).hexdigest()
    assert b"data/reasons.csv" in before["report.html"]
    report.rerender(tmp_path)
    assert files(tmp_path) == before
    report.write(brief(made()), tmp_path)  # another study, without reasons
    assert set(before) - set(files(tmp_path)) >= {"data/reasons.csv", "data/reason_shares.csv"}


def test_an_audit_hands_them_over(tmp_path: Path) -> None:
    one = source()
    study = {**one.results.study, "report": {"sections": ["limits"]}}
    audit = Audit(replace(one.results, study=study), one.comparison, {})
    audit.save(tmp_path)
    found = rows_of((tmp_path / "data" / "reasons.csv").read_text(encoding="utf-8"))
    assert len(found) == len(audit.reasons)
    assert "data/reasons.csv" in {one["path"] for one in json.loads((tmp_path / "manifest.json").read_bytes())["outputs"]}


def test_reasons_that_were_changed_are_neither_shown_nor_overwritten(tmp_path: Path) -> None:
    report.write(brief(source()), tmp_path, None, told(source()))
    (tmp_path / "data" / "reasons.csv").write_text("my own notes", encoding="utf-8")
    before = files(tmp_path)
    with pytest.raises(XaiCompareError, match=r"data/reasons\.csv in '.*' is not the one that report\.json lists: move it away"):
        report.rerender(tmp_path)
    assert files(tmp_path) == before


def test_reasons_that_are_gone_are_no_longer_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report.write(brief(source()), tmp_path, None, told(source()))
    (tmp_path / "data" / "reasons.csv").unlink()
    report.rerender(tmp_path)
    assert "so the report is without it" in caplog.text
    assert "data/reasons.csv" not in {one["path"] for one in json.loads((tmp_path / "report.json").read_bytes())["assets"]}
    assert {path.name for path in (tmp_path / "data").iterdir()} >= ON_REASONS
