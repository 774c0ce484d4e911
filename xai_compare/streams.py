"""Randomness by name: the same name gives the same numbers whatever the order, the worker or the chunk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

__all__ = ["Streams"]


@dataclass(frozen=True, slots=True)
class Streams:
    """A tree of independent random streams under one seed.

    >>> a, b = Streams(0).at("lime"), Streams(0).at("lime")
    >>> a.case(7).integers(100) == b.case(7).integers(100)
    np.True_
    """

    seed: int
    path: tuple[str, ...] = ()

    def at(self, *names: str | int) -> Streams:
        """The sub-tree under these names."""
        return Streams(self.seed, (*self.path, *map(str, names)))

    def case(self, case: int) -> np.random.Generator:
        """The stream of one case, by its number in the study (not in the chunk)."""
        return self.at("case", int(case)).shared()

    def shared(self) -> np.random.Generator:
        """The stream of this node, common to all cases."""
        return np.random.default_rng(self._entropy())

    def integer(self) -> int:
        """A seed below 2**31 for a library that wants a plain integer."""
        return self._entropy()[0] % 2**31

    def _entropy(self) -> list[int]:
        text = "\x1f".join((str(self.seed), *self.path)).encode()
        digest = hashlib.sha256(text).digest()
        return [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
