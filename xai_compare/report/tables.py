"""The numbers of the report as CSV: a spreadsheet runs nothing of what a user's names hold."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from xai_compare.compare import ReasonTold
from xai_compare.report.plain import number, text

__all__ = ["REASONS", "reasons", "tables"]

REASONS = "reasons.csv"
"""The one table that report.json does not hold: see `reasons`."""

_RISKY = ("=", "+", "-", "@", "\t", "\r")
_SPAN = ("estimate", "low", "high", "n", "how", "p", "reason")


def tables(report: dict[str, Any]) -> dict[str, str]:
    """{file name: CSV text} in the order of the report: gaps, skills and shares, a row each; curves and profiles, a row per step.

    Of texts the words too; where the study asks for reason codes, how often each is given, how far they agree and whether they decide.
    A table without rows is left out.
    """
    gaps = [_flat({**_without(row, "choices"), **_chosen(row), "no": no}, ("gap",)) for no, row in enumerate(report["gaps"])]
    skills = [_flat(_without(row, "missing"), ("value", "skill")) for row in report["skills"]]
    curves = [_flat({**_without(row, "y"), **step}, ("value",)) for row in report["curves"] for step in _steps(row["y"])]
    shares = [_flat({**_without(row, "features"), **one}, ("share", "difference")) for row in report["global"] for one in row["features"]]
    panels = [point for panel in report["profiles"]["panels"] for point in _points(panel)]
    words = [_flat(row, ()) for row in report["words"]]
    found = {"gaps": gaps, "skills": skills, "curves": curves, "importance": shares, "profiles": panels, "words": words}
    return {f"{name}.csv": _csv(rows) for name, rows in (found | _on_reasons(report["reason_codes"] or {})).items() if rows}


def _on_reasons(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The statistics on reason codes; of each code the text too."""
    texts = {code["code"]: code["text"] for code in found.get("codes", [])}
    shares = [{**row, "text": texts.get(row["code"], "")} for row in found.get("shares", [])]
    return {
        "reason_shares": [_flat(row, ("share",)) for row in shares],
        "reason_agreement": [_flat(row, ("overlap", "first", "changed")) for row in found.get("pairs", [])],
        "reason_crossings": [_flat(row, ("rate",)) for row in found.get("crossings", [])],
    }


def reasons(told: Iterable[ReasonTold]) -> str:
    """The candidate reasons of every adverse case as CSV, a row for each model, method and reason; "" for none.

    A case for which nothing works towards the adverse outcome has one row of rank 0. Cases are called what the report calls them.
    report.json has a few of them only, for it does not grow with the number of cases.
    """
    return _csv(
        [
            {
                "model": text(row.model),
                "explainer": text(row.explainer),
                "case": text(row.case),
                "rank": int(row.rank),
                "code": text(row.code),
                "text": text(row.text),
                "share": number(row.share),
                "tied": bool(row.tied),
                "prohibited": text("; ".join(row.prohibited)),
                "omitted": number(row.omitted),
                "flips": bool(row.flips),
            }
            for row in told
        ]
    )


def _points(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each model and value of a panel; a number is told as itself, or as its rank where values may not be shown."""
    facts = {key: panel[key] for key in ("feature", "kind", "level", "output", "profile", "ranked", "target")}
    for one in panel["models"]:
        for i, value in enumerate(panel["levels"] or panel["grid"]):
            curve = {key: one[key][i] for key in ("curve", "low", "high")}
            yield {**facts, "model": one["model"], "n": one["n"], "value": value, "share_of_rows": panel["share"][i], **curve}


def _without(row: dict[str, Any], left_out: str) -> dict[str, Any]:
    return {key: item for key, item in row.items() if key != left_out}


def _chosen(row: dict[str, Any]) -> dict[str, str]:
    """The methods chosen for a and for b, "" where none was; two if the halves of the cases chose differently."""
    return {f"choices_{key}": " and ".join(dict.fromkeys((row["choices"] or {}).get(key, []))) for key in "ab"}


def _steps(y: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from ({"share": number(step / (len(y) - 1)), "value": value} for step, value in enumerate(y))


def _flat(row: dict[str, Any], spans: tuple[str, ...]) -> dict[str, Any]:
    flat = {key: value for key, value in sorted(row.items()) if key not in spans}
    for span in spans:
        flat |= {f"{span}_{part}": (row[span] or {}).get(part) for part in _SPAN}
    return flat


def _csv(rows: list[dict[str, Any]]) -> str:
    out = StringIO()
    # All text is quoted: left to itself, the writer would leave a carriage return bare, and a spreadsheet would start a row at it.
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    if rows:
        writer.writerow(rows[0])
    writer.writerows([_quoted(value) for value in row.values()] for row in rows)
    return out.getvalue()


def _quoted(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value
