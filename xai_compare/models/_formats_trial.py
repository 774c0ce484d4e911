"""A model file tried in a process of its own first: a file that makes a library crash or hang is then an error, not a crash.

The libraries that read these formats are written in C++ and check little: one changed bit can end the whole process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from xai_compare.errors import ModelError, XaiCompareError

__all__ = ["SECONDS", "attempt", "examine", "serve"]

SECONDS: Final = 120
"""How long a file may take to load: some hundred times what a large model needs."""

_ROWS: Final = 256


def attempt(kind: str, content: bytes, seconds: float = SECONDS) -> None:
    """Load and use a model file in a fresh process.

    Parameters
    ----------
    kind : the name of its format. seconds : after which the process is ended.

    Raises
    ------
    ModelError
        With the library's own words, or that the process crashed or took too long.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from xai_compare.models._formats_trial import serve; serve({kind!r}, {len(content)})"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"the library did not finish reading it within {seconds:.0f} seconds: it is damaged") from None
    except OSError as error:
        raise ModelError(f"it could not be tried in a process of its own: {error.strerror}") from error
    judge(done.returncode, done.stdout)


def judge(status: int, said: bytes) -> None:
    """Turn the end of a trial into nothing, or the error that it found."""
    try:
        answer = json.loads(said)
    except ValueError:
        raise ModelError(f"it makes the library crash (exit status {status}): it is damaged") from None
    if status != 0 or answer.get("error") is not None:
        raise ModelError(str(answer.get("error") or f"it makes the library crash (exit status {status}): it is damaged"))


def serve(kind: str, size: int) -> None:
    """The body of the trial process: the file from standard input, one line of JSON to standard output."""
    answer = os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what a library prints must not mix with the answer
    os.dup2(silence, 2)
    content = sys.stdin.buffer.read(size)
    _bound(8 * 2**30 + 32 * size)
    answer.write(json.dumps({"error": examine(kind, content)}).encode())
    answer.flush()
    os._exit(0)  # a damaged model may crash once more where it is freed


def _bound(size: int) -> None:
    """At most `size` bytes of memory, where the system can say so."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, OSError, ValueError):
        return  # Windows, macOS: the file size is bounded all the same


def examine(kind: str, content: bytes) -> str | None:
    """What is wrong with a file, in one line; None if it loads, has sound trees and answers some made-up rows."""
    import warnings
    from pathlib import Path

    from xai_compare.models.load import _LOADERS, _plain

    warnings.simplefilter("ignore")
    try:
        model = _LOADERS[kind](Path("model"), content)
        _CHECKS.get(kind, _nothing)(model)
    except XaiCompareError as error:
        return str(error)
    except Exception as error:  # whatever the library stumbles on
        return f"{type(error).__name__}: {_plain(str(error)) or 'it is damaged'}"
    return None


def _nothing(model: Any) -> None:
    return None


def _made_up(d: int) -> Any:
    """(n, d) rows of small and large numbers and missing values, always the same."""
    import numpy as np

    if d > 1_000_000:
        raise ModelError(f"it claims {d:,} features")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(_ROWS, d)) * 10.0 ** rng.integers(-3, 6, size=(_ROWS, 1))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


def _check_xgboost(booster: Any) -> None:
    booster.set_param({"nthread": 1})
    booster.inplace_predict(_made_up(booster.num_features()), validate_features=False, missing=float("nan"))


def _check_lightgbm(booster: Any) -> None:
    booster.predict(_made_up(booster.num_feature()), num_threads=1)


def _check_catboost(model: Any) -> None:
    counts, values = model.get_tree_leaf_counts(), model.get_leaf_values()
    if counts.sum() < 0 or (counts.sum() and len(values) % counts.sum()):
        raise ModelError("its trees and leaves do not match: it is damaged")
    if not model.get_cat_feature_indices() and not model.get_text_feature_indices():
        model.predict(_made_up(len(model.feature_names_)), thread_count=1)


_CHECKS: Final[Mapping[str, Callable[[Any], None]]] = {
    "xgboost-json": _check_xgboost,
    "xgboost-ubj": _check_xgboost,
    "lightgbm": _check_lightgbm,
    "catboost": _check_catboost,
}
