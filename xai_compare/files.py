"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["place"]


def place(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it into it: whoever reads sees the old content or the new, never a mix.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is then still there.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except BaseException:  # Ctrl-C as well: nothing is left lying about
        beside.unlink(missing_ok=True)
        raise
