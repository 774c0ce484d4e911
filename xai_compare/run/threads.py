"""One thread for numeric libraries: results that do not depend on the machine, and no fight between workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP on one thread inside the block. (Torch is held to one where it is called: it may not be loaded yet.)"""
    import sklearn.ensemble  # noqa: F401  (libraries that are loaded later would not be limited)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
