"""The report on disk: report.json, report.html, figures and CSV files, each put in place whole."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from xai_compare.compare import ReasonTold
from xai_compare.errors import XaiCompareError
from xai_compare.files import place
from xai_compare.lazy import load
from xai_compare.report.blocks import Section
from xai_compare.report.coherent import fault
from xai_compare.report.plain import number
from xai_compare.report.render import compose, figures, page, pictured
from xai_compare.report.tables import REASONS, reasons, tables

__all__ = ["dumps", "rerender", "schema", "validate", "write"]

logger = logging.getLogger(__name__)

# What a report may remove of an earlier one. Not data/results.json, whatever a report.json claims: that is the run's own.
_REMOVABLE = re.compile(r"figures/[A-Za-z0-9._-]+\.(svg|png)|data/[A-Za-z0-9._-]+\.csv")
_EVERY = f"data/{REASONS}"
_MEGA, _SLOW, _REFUSED = 1_000_000, 10, 25


def write(report: dict[str, Any], folder: Path, timings: Mapping[str, Any] | None = None, told: Iterable[ReasonTold] = ()) -> None:
    """Write the report into `folder`, which is made where it is missing.

    timings : what the run took, as in timings.json. The page tells it, and nothing else does: report.json stays the same for every run of
    a study. With the environment variable SOURCE_DATE_EPOCH set the page does not tell it either, and is the same too.
    told : the candidate reasons of all adverse cases, for a table of their own; report.json has only those of a few.

    Files are validated, written under a temporary name and put in place, so that a reader never meets half a file. Figures and CSV files
    that an earlier report in the folder lists as its own, and this one does not have, are removed.

    Raises
    ------
    XaiCompareError
        If the report does not fit its schema, or if its page has more than 25 MB and the study does not allow that (`report.large`).
    """
    every = reasons(told)
    _write(report, folder, timings, {_EVERY: every.encode()} if every else {})


def _write(report: dict[str, Any], folder: Path, timings: Mapping[str, Any] | None, beside: Mapping[str, bytes]) -> None:
    """The report with what its dictionary does not tell `beside` it, by path."""
    took = None if os.environ.get("SOURCE_DATE_EPOCH") else timings
    sections = compose(report if took is None else {**report, "timings": took})
    made = {f"figures/{name}": content for name, content in _painted(report, sections).items()} | dict(beside)
    made |= {f"data/{name}": text.encode() for name, text in tables(report).items()}
    whole = {**report, "assets": [_asset(path, content) for path, content in sorted(made.items())]}
    made["report.json"] = dumps(whole).encode()
    made["report.html"] = _weighed(page(whole, sections).encode(), bool(report["scope"]["study"].get("report", {}).get("large")))
    left = _earlier(Path(folder)) - set(made)
    for path, content in made.items():
        _put(Path(folder) / path, content)
    for path in sorted(left):
        _remove(Path(folder), path)


def _painted(report: dict[str, Any], sections: list[Section]) -> dict[str, bytes]:
    """{file name: bytes} of every figure in each of the forms that the study asks for."""
    forms = report["scope"]["study"].get("report", {}).get("figures", ["svg"])
    found = figures(sections) if "svg" in forms else {}
    if "png" in forms:
        dots = load("xai_compare.report.picture").dots
        found |= {f"{figure.name}.png": dots(figure.drawing) for figure in pictured(sections)}
    return found


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
        If there is no report.json, if it does not fit the schema, if its parts do not fit together, or if the table of reasons beside it
        was changed.
    """
    path = Path(folder) / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise XaiCompareError(f"{path.name} in '{Path(folder).name}' cannot be read: {error}") from error
    validate(report)
    _write(report, folder, _timings(Path(folder)), _kept(report, Path(folder)))


def _kept(report: dict[str, Any], folder: Path) -> dict[str, bytes]:
    """The table that report.json lists and does not hold, as it was written; none where it is gone."""
    listed = [asset["sha256"] for asset in report["assets"] if asset["path"] == _EVERY]
    if not listed:
        return {}
    again = "In Python xai_compare.load(folder).save(folder) writes it anew"
    try:
        content = (folder / _EVERY).read_bytes()
    except OSError as error:
        logger.warning("%s in '%s' cannot be read, so the report is without it: %s. %s", _EVERY, folder.name, error.strerror, again)
        return {}
    if hashlib.sha256(content).hexdigest() != listed[0]:
        raise XaiCompareError(f"{_EVERY} in '{folder.name}' is not the one that report.json lists: move it away. {again}")
    return {_EVERY: content}


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


def _asset(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    place(path, content)
