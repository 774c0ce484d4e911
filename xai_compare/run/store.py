"""The journal of finished jobs: SQLite for the facts, one .npz per job for the arrays, put in place atomically."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from xai_compare.errors import XaiCompareError
from xai_compare.files import place
from xai_compare.results import Status

__all__ = ["DiskStore", "MemoryStore", "Outcome", "Store"]


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a job came to: a status with its reason, arrays, plain facts, a file's bytes (a trained model), warnings, seconds."""

    status: Status
    reason: str = ""
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    content: bytes = b""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def usable(self) -> bool:
        return self.status in ("ok", "degraded")


class Store(Protocol):
    """Where outcomes are kept between jobs, and between runs."""

    def get(self, key: str) -> Outcome | None:
        """A finished job's outcome, or None."""

    def put(self, key: str, job: str, outcome: Outcome) -> None:
        """Keep an outcome. After this returns it survives a kill."""

    def close(self) -> None:
        """Let go of files."""


class MemoryStore:
    """Outcomes of one comparison in Python, gone with it."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}

    def get(self, key: str) -> Outcome | None:
        return self._outcomes.get(key)

    def put(self, key: str, job: str, outcome: Outcome) -> None:
        self._outcomes[key] = outcome

    def close(self) -> None:
        """Nothing to let go of."""


class DiskStore:
    """Outcomes under a folder. A row in the journal is written only after its arrays are in place.

    Failed jobs, and those skipped for them, are journaled for the record but not given back: the next run tries them again.

    Parameters
    ----------
    fresh : forget what the folder holds.

    Raises
    ------
    XaiCompareError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        self._folder = folder
        try:
            if fresh and (folder / "journal.sqlite").exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            self._journal = sqlite3.connect(folder / "journal.sqlite")
            self._journal.execute("PRAGMA journal_mode=WAL")
            self._journal.execute("PRAGMA synchronous=NORMAL")
            self._journal.execute(
                "CREATE TABLE IF NOT EXISTS jobs "
                "(key TEXT PRIMARY KEY, job TEXT, status TEXT, reason TEXT, about TEXT, warnings TEXT, seconds REAL)"
            )
            self._journal.execute("CREATE TABLE IF NOT EXISTS files (key TEXT, name TEXT, sha256 TEXT, PRIMARY KEY (key, name))")
        except sqlite3.DatabaseError as error:
            raise XaiCompareError(f"the journal in '{folder.name}' cannot be used: {error}. Start anew with --fresh") from error
        except OSError as error:
            raise XaiCompareError(f"the run folder '{folder}' cannot be written: {error}") from error

    def get(self, key: str) -> Outcome | None:
        row = self._journal.execute("SELECT status, reason, about, warnings, seconds FROM jobs WHERE key = ?", (key,)).fetchone()
        if row is None or row[0] in ("failed", "skipped"):
            return None
        status, reason, about, warnings, seconds = row
        files: dict[str, bytes] = {}
        for name, digest in self._journal.execute("SELECT name, sha256 FROM files WHERE key = ?", (key,)):
            path = self._folder / f"{key}.{name}"
            files[name] = path.read_bytes() if path.is_file() else b""
            if hashlib.sha256(files[name]).hexdigest() != digest:
                _log.warning("'%s' is missing or damaged: its job is run again", path.name)
                return None
        arrays, content = {}, files.get("model", b"")
        if "npz" in files:
            with np.load(io.BytesIO(files["npz"]), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        return Outcome(status, reason, arrays, json.loads(about), content, tuple(json.loads(warnings)), seconds)

    def put(self, key: str, job: str, outcome: Outcome) -> None:
        files: dict[str, bytes] = {}
        if outcome.arrays:
            buffer = io.BytesIO()
            np.savez(buffer, **dict(outcome.arrays))  # type: ignore[arg-type]  # numpy's stub takes the arrays for its flag
            files["npz"] = buffer.getvalue()
        if outcome.content:
            files["model"] = outcome.content
        for name, content in files.items():
            place(self._folder / f"{key}.{name}", content)
        row = (key, job, outcome.status, outcome.reason, json.dumps(dict(outcome.about)), json.dumps(outcome.warnings), outcome.seconds)
        with self._journal:
            self._journal.execute("DELETE FROM files WHERE key = ?", (key,))
            hashes = [(key, name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
            self._journal.executemany("INSERT INTO files VALUES (?, ?, ?)", hashes)
            self._journal.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        self._journal.close()
