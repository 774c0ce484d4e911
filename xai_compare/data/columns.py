"""What a study declares of columns, and what columns tell of themselves: dates, free text, leaks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xai_compare.errors import DataError, nearest
from xai_compare.types import Task

if TYPE_CHECKING:
    import pandas as pd

    from xai_compare.config import DataSpec

__all__ = ["checked_columns", "declared", "suspicious"]

_LEAK = 0.99  # ROC-AUC, or R2, of one column alone
_WORDS = 6  # words per value from which a column of different texts is prose
_PANDAS = {"weekday": "day_of_week"}
_SEEN = 1000  # values that are looked at to tell what a column holds


def declared(frame: pd.DataFrame, spec: DataSpec, where: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table with everything done that the study declares of its columns, and facts about it.

    Codes for missing values become missing, columns of codes become categories, ordinal ones categories with an order, dates their parts.

    Raises
    ------
    DataError
        For a column that is not there, with the nearest name; for a date that is none; for a value that is no level.
    """
    named: dict[str, tuple[Any, ...]] = {
        "target": (spec.target,),
        "split": (spec.split,),
        "id": (spec.id,),
        "drop": spec.drop,
        "categorical": spec.categorical,
        "ordinal": tuple(spec.ordinal),
        "dates": tuple(spec.dates),
    }
    for key, columns in named.items():
        for column in columns:
            if column is not None and column not in frame.columns:
                raise DataError(f"{where} has no column '{column}', which data.{key} names: {nearest(column, frame.columns)}")
    others = {spec.target, spec.split, spec.id, *spec.drop}
    for key, columns in (("dates", tuple(spec.dates)), ("ordinal", tuple(spec.ordinal))):
        if twice := [column for column in columns if column in others]:
            raise DataError(f"{where}: the column '{twice[0]}' stands under data.{key} and is no feature: leave it out of one of them")
    if twice := [column for column in spec.ordinal if column in {*spec.categorical, *spec.dates}]:
        raise DataError(f"{where}: the column '{twice[0]}' of data.ordinal stands under data.categorical or data.dates as well")
    frame = frame.copy()
    kept = [column for column in frame.columns if column not in {spec.target, spec.split, spec.id, *spec.drop}]
    facts: dict[str, Any] = {}
    if spec.missing:
        facts["declared_missing"] = _blank(frame, kept, spec)
    for column in spec.categorical:
        known = frame[column].notna()
        frame[column] = frame[column].map(_code, na_action="ignore").astype(object).where(known, None)
    for column, levels in spec.ordinal.items():
        frame[column] = _ordered(frame[column], [_code(level) for level in levels], column, where)
    for column, parts in spec.dates.items():
        frame = _parted(frame, column, parts, where)
    return frame, facts


def _blank(frame: pd.DataFrame, columns: list[str], spec: DataSpec) -> dict[str, int]:
    """Make the codes for missing values missing, in place; {column: how many}. What is then a column of numbers becomes one."""
    import pandas as pd

    counts = {}
    texts = {str(code).strip() for code in spec.missing}
    numbers = [float(code) for code in spec.missing if _is_number(code)]
    for column in columns:
        values = frame[column]
        as_text = values.dtype.kind not in "iuf"
        hit = values.astype(str).str.strip().isin(texts) & values.notna() if as_text else values.isin(numbers)
        if hit.any():
            counts[column] = int(hit.sum())
            values = values.mask(hit)
            if as_text and column not in {*spec.categorical, *spec.dates} and not values.map(lambda value: isinstance(value, bool)).any():
                read = pd.to_numeric(values, errors="coerce")
                values = read if read.notna().any() and (read.notna() == values.notna()).all() else values
            frame[column] = values
    return counts


def _is_number(code: Any) -> bool:
    try:
        float(code)
    except ValueError:
        return False
    return True


def _code(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _ordered(values: pd.Series[Any], levels: list[str], column: str, where: str) -> pd.Series[Any]:
    """The levels of a column as categories with an order, the lowest first."""
    import pandas as pd

    if twice := [level for level in levels if levels.count(level) > 1]:
        raise DataError(f"data.ordinal.{column} names the level '{twice[0]}' twice")
    texts = values.map(_code, na_action="ignore")
    if strange := sorted(set(texts.dropna()) - set(levels)):
        raise DataError(
            f"{where}: the column '{column}' holds '{strange[0]}', which is none of the levels of data.ordinal: {', '.join(levels)}. "
            f"Name all levels, from the lowest to the highest"
        )
    return pd.Series(pd.Categorical(texts, categories=levels, ordered=True), index=values.index)


def _parted(frame: pd.DataFrame, column: str, parts: tuple[str, ...], where: str) -> pd.DataFrame:
    """A date column replaced by its parts: year, month, day, weekday (0 is Monday), hour, or days since the earliest date."""
    dates = _as_dates(frame[column], column, where)
    place = list(frame.columns).index(column)
    out = frame.drop(columns=[column])
    for offset, part in enumerate(dict.fromkeys(parts)):
        values = (dates - dates.min()).dt.days if part == "days" else getattr(dates.dt, _PANDAS.get(part, part))
        name = f"{column} {part}"
        if name in out.columns:
            raise DataError(f"{where} has a column '{name}' already, which data.dates would make of '{column}'. Drop or rename it")
        out.insert(place + offset, name, values.astype(np.float64))
    return out


def _as_dates(values: pd.Series[Any], column: str, where: str) -> pd.Series[Any]:
    """Dates in any usual form. Whole numbers are read as year, month and day without marks; a dotted date has its day first.

    Raises
    ------
    DataError
        If it holds no dates, or if day and month could be told apart by no row.
    """
    import pandas as pd

    known = values.dropna()
    if pd.api.types.is_numeric_dtype(values):
        if not ((known == known.round()) & known.between(18_000_101, 21_991_231)).all():
            raise DataError(f"{where}: the column '{column}' of data.dates holds numbers, not dates such as 20240131")
        texts = known.astype(np.int64).astype(str)
        read = pd.to_datetime(texts, format="%Y%m%d", errors="coerce")
    else:
        read = _dated(known, column, where)
    if read.isna().any():
        bad = known[read.isna()]
        raise DataError(f"{where}: the column '{column}' of data.dates holds no date in {len(bad)} rows, such as '{bad.iloc[0]}'")
    return read.reindex(values.index)


def _dated(known: pd.Series[Any], column: str, where: str) -> pd.Series[Any]:
    """Dates from text. Where two numbers stand before the year, the rows as a whole say which of them is the day."""
    import pandas as pd

    texts = known.astype(str).str.strip()
    parts = texts.str.extract(r"^(\d{1,2})([-/.])(\d{1,2})[-/.]\d{2,4}(?!\d)")
    day_first = False
    if parts.notna().all(axis=None):
        one, other = parts[0].astype(int), parts[2].astype(int)
        day_first = bool((one > 12).any() or (parts[1] == ".").all())
        if not day_first and not (other > 12).any() and (one != other).any():
            first = known[one != other].iloc[0]
            raise DataError(
                f"{where}: dates such as '{first}' in the column '{column}' have two readings. Write the year first: 2024-01-31"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no format is given: it is found out
        return pd.to_datetime(texts, errors="coerce", format="mixed", dayfirst=day_first)


def checked_columns(frame: pd.DataFrame, where: str) -> None:
    """Refuse columns that are no features as they stand.

    Raises
    ------
    DataError
        For dates, prose, names and the like, columns without any value: what it looks like and what to declare.
    """
    if not len(frame):
        raise DataError(f"{where} has a header and 0 rows")
    for column in frame.columns:
        values = frame[column].dropna()
        if not len(values):
            raise DataError(f"{where}: the column '{column}' has no value at all. Add it to data.drop")
        if not _texts(values):
            continue
        some = values.astype(str).head(_SEEN)
        if _dates(some):
            raise DataError(
                f"{where}: the column '{column}' holds dates, such as '{some.iloc[0]}'. Say what counts of them, as in "
                f"dates: {{{column}: [year, month]}}, or add it to data.drop"
            )
        different = values.nunique() / len(values)
        words = some.map(lambda text: len(str(text).split())).mean()
        if different > 0.5 and words >= _WORDS:
            raise DataError(
                f"{where}: the column '{column}' holds free text (about {words:.0f} words). Add it to data.drop: tables take no prose"
            )
        if different > 0.95 and len(values) > 50:
            raise DataError(
                f"{where}: almost every row has its own value in the column '{column}', such as '{some.iloc[0]}'. "
                f"It tells rows apart and nothing else: write id: {column}, or add it to data.drop"
            )


def _texts(values: pd.Series[Any]) -> bool:
    import pandas as pd

    return not pd.api.types.is_numeric_dtype(values) and not isinstance(values.dtype, pd.CategoricalDtype)


def _dates(some: pd.Series[Any]) -> bool:
    """Whether texts are dates: nearly all can be read as such, and look like numbers between dashes, dots, slashes or colons."""
    import pandas as pd

    if some.str.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?").mean() < 0.95:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no format is given: that is the question
        return bool(pd.to_datetime(some, errors="coerce").notna().mean() >= 0.9)


def suspicious(frame: pd.DataFrame, y: npt.NDArray[Any], task: Task) -> dict[str, float]:
    """{column: score} of the columns that alone tell the target almost perfectly: what a model should not have known.

    The score is the ROC-AUC of the class told best, or the R2 of a regression, of a small tree on the one column,
    predicted out of fold. Only columns at .99 and more. At most 5,000 rows are looked at.
    """
    from scipy.stats import rankdata
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rows = np.linspace(0, len(frame) - 1, min(len(frame), 5000)).astype(np.int64)
    target = y[rows] if task == "classification" else rankdata(y[rows])  # ranks: a long tail is no excuse
    if len(rows) < 30 or (task == "classification" and np.bincount(target.astype(np.int64)).min() < 3):
        return {}
    tree = (DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor)(max_depth=8, min_samples_leaf=3, random_state=0)
    method = "predict_proba" if task == "classification" else "predict"
    folds = (StratifiedKFold if task == "classification" else KFold)(3, shuffle=True, random_state=0)
    found = {}
    for column in frame.columns:
        numbers = _as_numbers(frame[column].iloc[rows])
        told = cross_val_predict(tree, numbers[:, None], target, cv=folds, method=method)
        score = _score(told, target, task)
        if score >= _LEAK:
            found[str(column)] = round(score, 4)
    return found


_LARGEST = 1e30  # scikit-learn's trees take single precision, and add the numbers up to see whether all are finite


def _as_numbers(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """(n,) numbers that a tree can cut: categories by their code, a missing value below them all."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        low = np.nanmin(values) if np.isfinite(values).any() else 0.0
        return np.clip(np.where(np.isnan(values), low - 1, values), -_LARGEST, _LARGEST)
    return pd.Categorical(column.astype(str)).codes.astype(np.float64)


def _score(told: npt.NDArray[Any], target: npt.NDArray[Any], task: Task) -> float:
    from sklearn.metrics import r2_score, roc_auc_score

    if task == "regression":
        return float(r2_score(target, told))
    classes = np.unique(target)
    # A column that gives away one of three classes is a leak as well.
    return float(max(roc_auc_score(target == label, told[:, k]) for k, label in enumerate(classes)))
