"""What an interval over cases does not cover: other background rows, other trainings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xai_compare.compare.rows import GapRow, SpreadRow

__all__ = ["SPREAD", "spread_rows"]

SPREAD = ("background draw", "training seed")
"""The conditions that are draws of the same thing, each followed by its number."""


def spread_rows(gaps: Sequence[GapRow]) -> tuple[SpreadRow, ...]:
    """One row for each headline gap and each kind of draw under which it was measured again, in the order of the gaps.

    A draw under which the gap could not be measured is left out; with none left there is no row.
    """
    return tuple(row for own in gaps if own.headline for what in SPREAD for row in _of(own, what, gaps))


def _of(own: GapRow, what: str, gaps: Sequence[GapRow]) -> list[SpreadRow]:
    again = [row for row in gaps if row.condition.rpartition(" ")[0] == what and _question(row) == _question(own)]
    drawn = [row for row in (own, *again) if row.gap.estimate is not None]
    if own.gap.estimate is None or len(drawn) < 2:
        return []
    estimates = tuple(row.gap.estimate for row in drawn if row.gap.estimate is not None)
    lows, highs = [row.gap.low for row in drawn], [row.gap.high for row in drawn]
    lowest = None if None in lows else min(low for low in lows if low is not None)
    highest = None if None in highs else max(high for high in highs if high is not None)
    deviation = float(np.std(estimates, ddof=1))
    return [SpreadRow(own.metric, own.pairing, own.explainer, own.a, own.b, what, estimates, deviation, lowest, highest)]


def _question(row: GapRow) -> tuple[str, ...]:
    """What a gap under a condition shares with the one that it asks again."""
    return row.kind, row.metric, row.pairing, row.explainer, row.a, row.b
