"""The report on disk: report.json, report.html, figures and CSV files, each put in place whole."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from xai_compare.errors import XaiCompareError
from xai_compare.files import place
from xai_compare.lazy import load
from xai_compare.report.coherent import fault
from xai_compare.report.plain import number
from xai_compare.report.render import compose, figures, page

__all__ = ["dumps", "rerender", "schema", "validate", "write"]

logger = logging.getLogger(__name__)

# What a report may remove of an earlier one. Not data/results.json, whatever a report.json claims: that is the run's own.
_REMOVABLE = re.compile(r"figures/[A-Za-z0-9._-]+\.(svg|png)|data/[A-Za-z0-9._-]+\.csv")
_MEGA, _SLOW, _REFUSED = 1_000_000, 10, 25
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_SPAN = ("estimate", "low", "high", "n", "how", "p", "reason")


def write(report: dict[str, Any], folder: Path, timings: Mapping[str, Any] | None = None) -> None:
    """Write the report into `folder`, which is made where it is missing.

    timings : what the run took, as in timings.json. The page tells it, and nothing else does: report.json stays the same for every run of
    a study. With the environment variable SOURCE_DATE_EPOCH set the page does not tell it either, and is the same too.

    Files are validated, written under a temporary name and put in place, so that a reader never meets half a file. Figures and CSV files
    that an earlier report in the folder lists as its own, and this one does not have, are removed.

    Raises
    ------
    XaiCompareError
        If the report does not fit its schema, or if its page has more than 25 MB and the study does not allow that (`report.large`).
    """
    told = None if os.environ.get("SOURCE_DATE_EPOCH") else timings
    sections = compose(report if told is None else {**report, "timings": told})
    made = {f"figures/{name}": svg for name, svg in figures(sections).items()}
    made |= {f"data/{name}": text.encode() for name, text in tables(report).items()}
    whole = {**report, "assets": [_asset(path, content) for path, content in sorted(made.items())]}
    made["report.json"] = dumps(whole).encode()
    made["report.html"] = _weighed(page(whole, sections).encode(), bool(report["scope"]["study"].get("report", {}).get("large")))
    left = _earlier(Path(folder)) - set(made)
    for path, content in made.items():
        _put(Path(folder) / path, content)
    for path in sorted(left):
        _remove(Path(folder), path)


def _weighed(html: bytes, allowed: bool) -> bytes:
    """The page, if it can be read: one that is slow is told of, and one that few browsers bear is refused."""
    size = f"report.html has {len(html) / _MEGA:.0f} MB"
    if len(html) > _REFUSED * _MEGA and not allowed:
        raise XaiCompareError(
            f"{size}, more than {_REFUSED}. Compare fewer models or methods, or choose sections (report.sections in the study); "
            "`report: {large: true}` in the study allows it. What was computed is kept"
        )
    if len(html) > _SLOW * _MEGA:
        logger.warning("%s, more than %d: it will be slow to open and to send", size, _SLOW)
    return html


def _earlier(folder: Path) -> set[str]:
    """The figures and CSV files of the report that is in the folder; none where there is no report, or none that can be read."""
    path = folder / "report.json"
    if not path.is_file():
        return set()
    try:
        assets = json.loads(path.read_text(encoding="utf-8"))["assets"]
        return {asset["path"] for asset in assets if _REMOVABLE.fullmatch(asset["path"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        logger.warning("the earlier report.json in '%s' cannot be read, so its files stay: %s", folder.name, error)
        return set()


def _remove(folder: Path, path: str) -> None:
    """Remove one file of an earlier report; a link stays, for what it or its folder leads to may lie elsewhere."""
    old = folder / path
    if old.is_file() and not old.is_symlink() and old.parent.resolve() == folder.resolve() / old.parent.name:
        old.unlink()


def rerender(folder: Path) -> None:
    """Render the report in `folder` again from its report.json, computing nothing.

    Raises
    ------
    XaiCompareError
        If there is no report.json, if it does not fit the schema, or if its parts do not fit together.
    """
    path = Path(folder) / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise XaiCompareError(f"{path.name} in '{Path(folder).name}' cannot be read: {error}") from error
    validate(report)
    write(report, folder, _timings(Path(folder)))


def _timings(folder: Path) -> dict[str, Any] | None:
    """What is in timings.json; None where there is none that can be read."""
    try:
        found = json.loads((folder / "timings.json").read_text(encoding="utf-8"))
        return found if {"finished", "jobs", "computed", "steps"} <= set(found) else None
    except (OSError, ValueError, TypeError):
        return None


def dumps(report: dict[str, Any]) -> str:
    """The report as JSON text: sorted keys, floats of at most 10 significant digits, never NaN. Validates first."""
    rounded = _rounded(report)
    validate(rounded)
    return json.dumps(rounded, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def validate(report: dict[str, Any]) -> None:
    """Check a report against the schema that ships with the package, and that what its parts point at is there.

    Raises
    ------
    XaiCompareError
        With the place of the first fault.
    """
    form, own = report.get("schema_version") if isinstance(report, dict) else None, schema()["properties"]["schema_version"]["const"]
    if form is not None and form != own:
        raise XaiCompareError(
            f"the report does not fit its schema: its form is {str(form)[:20]}, and this version reads {own}. "
            "In Python xai_compare.load(folder).save(folder) writes it anew from what is stored beside it"
        )
    best = load("jsonschema").exceptions.best_match(_validator().iter_errors(report))
    if best is not None:
        raise XaiCompareError(f"the report does not fit its schema at {best.json_path}: {best.message[:300]}")
    found = fault(report)
    if found:
        raise XaiCompareError(f"the report does not fit together at {found}")


@lru_cache(maxsize=1)
def _validator() -> Any:
    return load("jsonschema").Draft202012Validator(schema())


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of report.json."""
    found: dict[str, Any] = json.loads(files("xai_compare.report").joinpath("schema.json").read_text(encoding="utf-8"))
    return found


def tables(report: dict[str, Any]) -> dict[str, str]:
    """{file name: CSV text} in the order of the report: gaps, skills and shares, a row each; curves and profiles, a row per step."""
    gaps = [_flat({**_without(row, "choices"), **_chosen(row)}, ("gap",)) for row in report["gaps"]]
    skills = [_flat(_without(row, "missing"), ("value", "skill")) for row in report["skills"]]
    curves = [_flat({**_without(row, "y"), **step}, ("value",)) for row in report["curves"] for step in _steps(row["y"])]
    shares = [_flat({**_without(row, "features"), **one}, ("share", "difference")) for row in report["global"] for one in row["features"]]
    panels = [point for panel in report["profiles"]["panels"] for point in _points(panel)]
    found = {"gaps": gaps, "skills": skills, "curves": curves, "importance": shares, "profiles": panels}
    return {f"{name}.csv": _csv(rows) for name, rows in found.items()}


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


def _asset(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    place(path, content)
