"""What the columns of a table hold, and whether training and test rows are rows of one kind: facts without a value of any row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.data.space import TableSpace
from xai_compare.data.together import level_codes, move_together
from xai_compare.streams import Streams
from xai_compare.types import Array, Data, Table, class_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["described"]

_COMPARED = 10_000  # rows of each side: sorting more tells no more
_HIDES = 20  # numbers whose quartiles tell none of them
_FEW = 30  # rows up to which a p-value is counted out: the formula for many does not hold
_EXPECTED = 5  # rows of a level that a chi-squared test needs on either side


def described(data: Data, streams: Streams, *, shown: bool, handed: bool) -> dict[str, Any]:
    """Facts of a table: each feature, rows that come again, and the features that move together.

    Parameters
    ----------
    shown : whether values may be shown: the name of a level, and quartiles of so few numbers that they are values of rows.
    handed : the rows were handed over in Python: what they are told by are the test rows, as training rows are not known. Those that
        stand for them are the background's, which may be the test rows themselves.

    Returns
    -------
    {"rows": how many the facts are of, "training": whether training rows are known and among them, "repeated": how many of the rows are
    the same as an earlier one, target and all, "known": how many test rows are the same as a training row, or None, "features": for each
    {"missing", "distinct", "quartiles", "most_frequent", "distance"}, "together": see `together.move_together`}.
    """
    import pandas as pd

    assert isinstance(data.space, TableSpace)
    train, test = data.train, data.test
    whole = test.inputs if handed else pd.concat([train.inputs, test.inputs], ignore_index=True)
    picked = streams.at("described")
    some = [_some(table.inputs, picked.at(side)) for side, table in (("train", train), ("test", test))]
    columns = {feature: np.flatnonzero(data.space.feature_of == feature) for feature in range(data.space.d)}
    features = []
    for feature, kind in enumerate(data.space.kinds):
        if kind == "group":
            features.append({"missing": float(whole.iloc[:, columns[feature]].isna().any(axis=1).mean())})
        else:
            at = columns[feature][0]
            distance = _distance(some[0].iloc[:, at], some[1].iloc[:, at], kind)
            features.append(_column(whole.iloc[:, at], kind, shown) | {"distance": distance})
    repeated, known = _again(train, test, handed)
    told: dict[str, Any] = {"rows": len(whole), "training": not handed, "repeated": repeated, "known": known}
    return told | {"features": features, "together": move_together(train.inputs, data.space, streams)}


def _some(frame: pd.DataFrame, streams: Streams) -> pd.DataFrame:
    if len(frame) <= _COMPARED:
        return frame
    return frame.iloc[np.sort(streams.shared().choice(len(frame), _COMPARED, replace=False))]


def _column(values: pd.Series[Any], kind: str, shown: bool) -> dict[str, Any]:
    """The share of missing values, how many different ones there are, and where they lie; of the shares of a category the largest."""
    told: dict[str, Any] = {"missing": float(values.isna().mean()), "distinct": int(values.nunique())}
    if kind == "numeric":
        numbers = _numbers(values)
        return told | {"quartiles": _quartiles(numbers) if len(numbers) >= (1 if shown else _HIDES) else None}
    codes, named = level_codes(values)
    if not named:
        return told
    share = float((codes == 0).sum() / (codes >= 0).sum())
    return told | {"most_frequent": {"share": share, "level": class_name(named[0]) if shown else None}}


def _quartiles(numbers: Array) -> list[float] | None:
    with np.errstate(over="ignore", invalid="ignore"):  # between two numbers that no float lies between
        found = np.quantile(numbers, [0.25, 0.5, 0.75])
    return [float(one) for one in found] if np.isfinite(found).all() else None


def _numbers(values: pd.Series[Any]) -> Array:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(numbers[~np.isnan(numbers)])


def _distance(train: pd.Series[Any], test: pd.Series[Any], kind: str) -> dict[str, Any] | None:
    """How far the known values of training and test rows lie apart, from 0 to 1, and the p-value of such a distance among rows of one
    kind: Kolmogorov-Smirnov for numbers; for categories the total variation, with the p-value of the chi-squared test over
    levels that are common enough for it, None where there is one only.
    """
    import pandas as pd
    from scipy.stats import chi2_contingency, ks_2samp

    if not (train.notna().any() and test.notna().any()):
        return None
    if kind == "numeric":
        sides = _numbers(train), _numbers(test)
        found = ks_2samp(*sides, method="exact" if min(map(len, sides)) < _FEW else "asymp")
        return {"measure": "Kolmogorov-Smirnov", "value": float(found.statistic), "p": float(found.pvalue)}
    codes, levels = level_codes(pd.concat([train.astype(object), test.astype(object)], ignore_index=True))
    counts = np.stack([np.bincount(side[side >= 0], minlength=len(levels)) for side in np.split(codes, [len(train)])])
    shares = counts / counts.sum(axis=1, keepdims=True)
    common = _enough(counts)
    p = float(chi2_contingency(common, correction=False).pvalue) if common.shape[1] > 1 else None
    return {"measure": "total variation", "value": float(np.abs(shares[0] - shares[1]).sum() / 2), "p": p}


def _enough(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The table (2, levels) with its rare levels, the last ones, as one: the chi-squared test wants 5 rows expected on either side."""
    least = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    kept = int(np.argmin(np.append(least, 0) >= _EXPECTED))
    rest = counts[:, kept:].sum(axis=1, keepdims=True)
    if kept and 0 < rest.sum() * counts.sum(axis=1).min() / counts.sum() < _EXPECTED:
        kept, rest = kept - 1, counts[:, kept - 1 :].sum(axis=1, keepdims=True)
    return np.concatenate([counts[:, :kept], rest], axis=1) if rest.sum() else counts[:, :kept]


def _again(train: Table, test: Table, handed: bool) -> tuple[int, int | None]:
    """How many rows are the same as an earlier one, and how many test rows the same as a training row, if those are known."""
    rows = [_hashed(test)] if handed else [_hashed(train), _hashed(test)]
    repeated = sum(map(len, rows)) - len(np.unique(np.concatenate(rows)))
    return repeated, None if handed else int(np.isin(rows[1], rows[0]).sum())


def _hashed(table: Table) -> npt.NDArray[np.uint64]:
    """(n,) equal for rows that are equal in every column and, where it is known, in the target."""
    import pandas as pd

    frame = table.inputs.set_axis(range(table.inputs.shape[1]), axis=1)
    if table.y is not None:
        frame = frame.assign(**{"the target": table.y})
    return np.asarray(pd.util.hash_pandas_object(frame, index=False).to_numpy(dtype=np.uint64))
