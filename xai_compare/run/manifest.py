"""What was run, with what, and what came out: manifest.json and timings.json beside a report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xai_compare.errors import XaiCompareError
from xai_compare.files import place
from xai_compare.run.execute import Finished

__all__ = ["timings", "verify", "write_manifest", "write_timings"]


def timings(finished: Finished) -> dict[str, Any]:
    """What the run took, as journaled when each job ran; `computed` counts the jobs of this very run.

    Date; jobs, model rows and seconds by step and model; where the study asks for the cost of its models, the seconds of each training
    ("training_seconds", storing the model included) and what metrics noted ("inference_ms_per_1000"); the most memory that a worker's
    process held (MiB), None where the system does not tell. A peak belongs to the process, which holds Python, the libraries, the data
    and every model it was asked for: it is of no single model.
    """
    steps: dict[str, dict[str, Any]] = {}
    for job in finished.jobs:
        name = " ".join(part for part in (job.kind, job.metric or job.explainer or job.profile, job.model) if part)
        step = steps.setdefault(f"{name} ({job.condition})" if job.condition else name, {"jobs": 0, "model_rows": 0, "seconds": 0.0})
        step["jobs"] += 1
        step["model_rows"] += finished[job].about.get("model_rows", 0)
        step["seconds"] = round(step["seconds"] + finished[job].seconds, 3)
    peaks = [peak for job in finished.jobs if (peak := finished[job].about.get("peak_mib")) is not None]
    return {
        "finished": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "jobs": len(finished.jobs),
        "computed": finished.computed,
        "steps": steps,
        "models": {name: _of_model(finished, name) for name in finished.plan.models},
        "peak_mib": round(max(peaks), 1) if peaks else None,
    }


def _of_model(finished: Finished, name: str) -> dict[str, float]:
    noted: dict[str, float] = {}
    for job in finished.jobs:
        if job.model == name and not job.condition:
            noted |= {key: round(value, 3) for key, value in finished[job].about.get("took", {}).items()}
    return noted


def write_timings(folder: Path, seconds: Mapping[str, Any]) -> None:
    """timings.json: the one file that differs between runs of the same study."""
    _write(folder / "timings.json", seconds)


def write_manifest(folder: Path, study: Mapping[str, Any], provenance: Mapping[str, Any], outputs: Sequence[str]) -> None:
    """manifest.json: the resolved study, versions and hashes, and the sha256 of every file of the report (paths in `outputs`)."""
    files = [(name, (folder / name).read_bytes()) for name in sorted(outputs)]
    listed = [{"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)} for name, content in files]
    _write(folder / "manifest.json", {"study": study, "provenance": provenance, "outputs": listed})


def verify(folder: Path) -> list[str]:
    """Recompute the hash of every file that the manifest lists; what differs, one line each.

    Raises
    ------
    XaiCompareError
        If there is no manifest, or it is none.
    """
    try:
        listed = json.loads((folder / "manifest.json").read_bytes())["outputs"]
        expected = {str(entry["path"]): str(entry["sha256"]) for entry in listed}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise XaiCompareError(f"'{folder}' has no manifest that can be read: {type(error).__name__}: {error}") from error
    wrong = []
    for name, digest in expected.items():
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name}: missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            wrong.append(f"{name}: changed since the report was written")
    return wrong


def _write(path: Path, content: Mapping[str, Any]) -> None:
    place(path, (json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, default=str) + "\n").encode())
