"""Runs that are finished: brought back from their folder, held against thresholds, computed again and compared."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from xai_compare.api import audit_study, compared
from xai_compare.audit import Audit
from xai_compare.compare.threshold import breaches, check, known_to, threshold
from xai_compare.config import CompareSpec, Study, load_study
from xai_compare.errors import StudyError, XaiCompareError
from xai_compare.report import validate
from xai_compare.report.write import dumps
from xai_compare.results import Results
from xai_compare.run.execute import Watch
from xai_compare.run.plan import plan_study

__all__ = ["Rerun", "breached", "differences", "load", "rerun"]

TOLERANCE = 1e-9
"""How far a number may lie from that of the report, as a part of its size. A report keeps ten digits."""

_ZERO = 1e-12  # below this a number is 0 for all purposes
_MOST = 20  # differences that are listed
# Told apart from differences: what made the numbers, not what they are. Assets are pictures and tables of these very numbers.
_ABOUT = ("tool", "schema_version", "provenance", "assets")
_SAME = ("seed", "data_sha256")  # of the provenance what must be the same


def load(folder: str | Path) -> Audit:
    """Bring back a run from the folder that `run` or `save` wrote: `.gaps`, `.scores`, `.report` and all else that a comparison has.

    No model is called; the statistics are computed again from the stored scores, in seconds, and are the same numbers.

    Parameters
    ----------
    folder : the folder, or its report.json.

    Raises
    ------
    XaiCompareError
        If there is no run in the folder, or one of another version whose files have another form.

    Examples
    --------
    >>> import xai_compare as xc
    >>> xc.load("reports/credit").gaps.frame()                                          # doctest: +SKIP
    """
    where = _folder(folder)
    results = Results.load(where / "data")
    try:
        spec, seed = CompareSpec.model_validate(results.study["compare"]), int(results.study["seed"])
    except (LookupError, TypeError, ValueError, ValidationError) as error:
        raise XaiCompareError(f"the run in '{folder}' does not say how it was compared: {type(error).__name__}: {error}") from error
    timings = _json(where / "timings.json") if (where / "timings.json").is_file() else {}
    audit = Audit(results, compared(results, spec, seed), timings)
    audit.folder = where
    return audit


def breached(folder: Path, expressions: Sequence[str]) -> list[str]:
    """As `Audit.breaches`, from the report.json in a folder."""
    asked = [threshold(text) for text in expressions]
    if not asked:
        return []
    report = _json(_folder(folder) / "report.json")
    validate(report)
    check(asked, known_to(report))
    return breaches(asked, report)


@dataclass(frozen=True, slots=True)
class Rerun:
    """What came out when a report was computed again.

    differences : every place whose value is another one now. told : versions that differ, and other facts of the machine.
    """

    differences: tuple[str, ...]
    told: tuple[str, ...]
    numbers: int
    tolerance: float = TOLERANCE

    @property
    def shown(self) -> list[str]:
        """The first differences, and how many more there are."""
        more = len(self.differences) - _MOST
        return [*self.differences[:_MOST], *([f"and {more} more"] if more > 0 else [])]


def rerun(folder: str | Path, study: Path | None = None, *, jobs: int = 1, watch: Watch | None = None, pins: Sequence[str] = ()) -> Rerun:
    """Compute a report again, in an empty journal of its own, and compare it with the one in the folder. Nothing there is changed.

    Parameters
    ----------
    study : the study file; by default the one that the report names, from the folder in which the command runs.
    jobs, watch, pins : as for a run.

    Raises
    ------
    StudyError
        If there is no study file to run again, or it is another study now.
    XaiCompareError
        If the folder holds no whole report.
    """
    where = _folder(folder)
    old, manifest = _json(where / "report.json"), _json(where / "manifest.json")
    if lacking := [part for part in ("tool", "provenance", "scope") if not isinstance(old.get(part), dict)]:
        raise XaiCompareError(f"report.json in '{folder}' has no '{lacking[0]}': it is no report")
    asked = _study(manifest, study)
    with TemporaryDirectory(prefix="xai-compare-") as empty:
        audit = audit_study(plan_study(asked, pins), Path(empty), jobs=jobs, watch=watch)
    new = json.loads(dumps(audit.report))
    before, after = ({**_without(report), "provenance": _kept(report)} for report in (old, new))
    return Rerun(tuple(differences(before, after)), tuple(_told(old, new)), _numbers(before))


def _study(manifest: Mapping[str, Any], given: Path | None) -> Study:
    """The study to run again: the file that is given or named, checked to be the very study of the report."""
    try:
        was, command = manifest["study"], shlex.split(manifest["provenance"]["command"])
        in_python = was["data"]["source"] == "python"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise XaiCompareError(f"the manifest does not say what was run: {type(error).__name__}: {error}") from error
    if in_python:
        raise StudyError("this report was made in Python (xai_compare.compare): there is no study file to run again. Run that code again")
    path = given or Path(command[-1])
    if not path.is_file():
        raise StudyError(f"the study file '{path}' is not there: give it with --study, or run this from the folder that the path begins in")
    found = load_study(path)
    changed = [line for line in differences(was, found.resolved(), "study") if not line.endswith(_NEW)]
    if changed:
        raise StudyError(f"'{path}' is not the study of this report: {'; '.join(changed[:3])}")
    return found


_NEW = "only now"


def differences(old: Any, new: Any, place: str = "$") -> Iterator[str]:
    """Every place at which two reports differ, numbers by more than the tolerance, as "place: old, now new"."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from (f"{place}.{key}: gone" for key in old if key not in new)
        yield from (f"{place}.{key}: {_NEW}" for key in new if key not in old)
        for key in old:
            if key in new:
                yield from differences(old[key], new[key], f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{place}: {len(old)} items, now {len(new)}"
        for index, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from differences(before, after, f"{place}[{index}]")
    elif not _same(old, new):
        yield f"{place}: {_short(old)}, now {_short(new)}"


def _same(old: Any, new: Any) -> bool:
    if _is_number(old) and _is_number(new):
        return bool(abs(old - new) <= max(TOLERANCE * max(abs(old), abs(new)), _ZERO))
    return type(old) is type(new) and bool(old == new)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 80 else f"{said[:79]}\u2026"


def _numbers(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_numbers, value.values()))
    return sum(map(_numbers, value)) if isinstance(value, list) else int(_is_number(value))


def _without(report: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key not in _ABOUT}


def _kept(report: Mapping[str, Any]) -> dict[str, Any]:
    return {key: report["provenance"].get(key) for key in _SAME}


def _told(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What made the numbers, where that is not the same: versions, Python, the machine, the models' exact answers."""
    yield from differences(old["tool"], new["tool"], "tool")
    before, after = old["provenance"], new["provenance"]
    yield from differences(before.get("versions"), after.get("versions"), "versions")
    yield from (line for key in ("python", "platform") for line in differences(before.get(key), after.get(key), key))
    for name, print_ in (before.get("models_fingerprint") or {}).items():
        if (after.get("models_fingerprint") or {}).get(name) != print_:
            yield f"models_fingerprint.{name}: the model's answers are not the same to the last digit"


def _folder(path: str | Path) -> Path:
    """The folder of a run, of which its report.json may be given; a folder that is not there is itself, so that errors name it."""
    return Path(path).parent if Path(path).suffix == ".json" and not Path(path).is_dir() else Path(path)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise XaiCompareError(f"'{path}' cannot be read: {type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise XaiCompareError(f"'{path}' is no report: it holds a {type(found).__name__}")
    return found
