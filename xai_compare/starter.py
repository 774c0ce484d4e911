"""A study to start from, for a table of the user's own: what its columns hold is looked at, and everything guessed is said."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from xai_compare.config import study_from_dict
from xai_compare.data.columns import checked_columns
from xai_compare.data.reading import read_table
from xai_compare.data.sources import read, target_of
from xai_compare.data.tabular import class_name, classes_of, guess_task, kinds_of
from xai_compare.errors import DataError, StudyError, nearest
from xai_compare.files import place
from xai_compare.types import Data, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Starter", "starter", "write_starter"]

_ROWS_APART = re.compile(r"(^|[_ .-])(id|ids|index|key|no|nr|number|unnamed: ?\d+)$", re.IGNORECASE)
_CODES = 10  # different whole numbers up to which a column may be one of codes
_LISTED = 60  # columns that the comment tells of
_ADVICE = re.compile(r"(,? or add it to data\.drop|\.? Add it to data\.drop| in the column ').*", re.DOTALL)  # to leave it out
_READY = "sklearn:breast_cancer"


@dataclass(frozen=True, slots=True)
class Starter:
    """A study as YAML, and what was guessed for it, a line each."""

    text: str
    told: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    """What the columns of a table hold: those that stay with their kind, and those that are left out with the reason."""

    kept: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)


def write_starter(table: Path | None, target: str | None, path: Path, force: bool = False) -> tuple[str, ...]:
    """Write `starter` into a file, and return what was guessed.

    Raises
    ------
    StudyError
        If there is a file already and `force` does not say to overwrite it, if that file is the table itself, or if it cannot be written.
    DataError, StudyError
        As `starter`; nothing is written then.
    """
    if table is None and target is not None:
        raise StudyError("--target names a column of a table, and there is none: xai-compare init TABLE --target COLUMN")
    if not path.parent.is_dir():
        raise StudyError(f"the folder '{path.parent}' of --out is not there: make it first")
    if table is not None and table.exists() and path.exists() and path.samefile(table):
        raise StudyError(f"'{path}' is the table itself: name another file by --out")
    if path.exists() and not force:
        raise StudyError(f"'{path}' is there already: --force overwrites it, --out names another file")
    found = starter(table, target, path.parent)
    try:
        place(path, found.text.encode())
    except OSError as error:
        raise StudyError(f"'{path}' cannot be written: {error.strerror or error}") from error
    return found.told


def starter(table: Path | None, target: str | None, folder: Path) -> Starter:
    """A study of a table, or without one of data that come with scikit-learn, that can be run as it is.

    Parameters
    ----------
    table : a CSV, Parquet or Feather file. target : its column to predict. folder : where the study is to lie; its paths start there.

    Raises
    ------
    DataError, StudyError
        If the table cannot be read, has no such column, or nothing can be learnt from it: what was found and what to do.
    """
    if table is None:
        title = "Breast cancer: logistic regression against boosted trees"
        return _checked(title, "classification", [f"source: {_READY}     # comes with scikit-learn"], [], folder)
    if not table.is_file():
        raise DataError(
            f"there is no file '{table}'. Without a table `xai-compare init` writes a study of data that come with scikit-learn"
        )
    frame, facts = read_table(table)
    where = f"file '{table.name}'"
    if target is None:
        raise StudyError(f"say which column is to be predicted: --target COLUMN. {where} has {_names(frame.columns)}")
    if target not in frame.columns:
        raise DataError(f"{where} has no column '{target}', which --target names: {nearest(target, frame.columns)}")
    if not len(frame):
        raise DataError(f"{where} has a header and 0 rows")
    values = target_of(frame, target, where)
    if len(set(values.tolist())) < 2:
        raise DataError(f"{where}: the target '{target}' has one value only: '{class_name(values[0])}'. There is nothing to predict")
    found = _survey(frame.drop(columns=[target]), where)
    if odd := [name for name in (target, *found.ids, *found.dropped) if name != name.strip()]:
        raise DataError(f"{where}: the name of the column '{odd[0]}' begins or ends with a space, so no study can name it. Rename it")
    if not found.kept:
        raise DataError(f"{where}: no column is left to predict '{target}' from: {_reasons(found.dropped) or 'there is no other'}")
    data = [f"path: {_scalar(_relative(table, folder))}", f"target: {_scalar(target)}", *_positive(values)]
    data += [*_left_out(found), *_kinds(found, facts, len(frame))]
    title = f"{table.name.partition('.')[0]}: a linear model against boosted trees"
    return _checked(title, guess_task(values), data, _told(found), folder)


# ---- what the columns hold


def _survey(frame: pd.DataFrame, where: str) -> _Found:
    found = _Found()
    for column in map(str, frame.columns):
        values = frame[column]
        if values.dtype == object and values.map(lambda value: isinstance(value, list | dict | np.ndarray)).any():
            found.dropped[column] = "lists or mappings, not one value a row"
        elif values.nunique() < 2 and values.notna().any():
            found.dropped[column] = "the same value in all rows" if values.notna().all() else "one value, or none"
        elif _tells_apart(values):
            found.ids.append(column)
        elif refused := _refused(frame[[column]], where):
            found.dropped[column] = refused
        else:
            found.kept[column] = _kind(frame[[column]])
    for column in found.ids[1:]:
        found.dropped[column] = "another value in each row"
    return found


def _tells_apart(values: pd.Series[Any]) -> bool:
    """Whether a column tells rows apart and nothing else: words that never come twice; whole numbers that rise from row to row, that
    leave none out, or that are called so."""
    import pandas as pd

    if not len(values) or values.isna().any() or values.nunique() < len(values):
        return False
    if pd.api.types.is_integer_dtype(values):
        counted = values.is_monotonic_increasing or values.max() - values.min() + 1 == len(values)
        return bool(counted) or _ROWS_APART.search(str(values.name)) is not None
    words = pd.api.types.is_string_dtype(values) or values.dtype == object
    return bool(words) and bool((values.astype(str).map(str.split).map(len) == 1).all()) and not _refused(values.to_frame(), "", "dates")


def _refused(column: pd.DataFrame, where: str, what: str = "") -> str:
    """Why a column is no feature as it stands, without a value of it; "" where it is one."""
    try:
        checked_columns(column, where)
    except DataError as error:
        example = f", such as '{column.iloc[:, 0].dropna().astype(str).head(1).to_string(index=False, header=False)}'"
        said = str(error).removeprefix(f"{where}: ").removeprefix(f"the column '{column.columns[0]}' ")
        return _ADVICE.sub("", said.replace(example, "")) if what in said else ""
    return ""


def _kind(column: pd.DataFrame) -> str:
    values = column.iloc[:, 0]
    kind, different = kinds_of(column)[0], int(values.nunique())
    missing = f", missing in {count} rows" if (count := int(values.isna().sum())) else ""
    if kind != "numeric":
        return f"{'true or false' if kind == 'boolean' else f'{different} categories'}{missing}"
    codes = different <= _CODES and bool((values.dropna() % 1 == 0).all())
    return f"a number, {different} values{missing}{'. If they are codes, name it under categorical' if codes and different > 2 else ''}"


# ---- what is said of them


def _positive(target: Any) -> list[str]:
    if guess_task(target) == "regression":
        return ["# The target is predicted as a number: it has fractions, or more than 20 values."]
    classes = classes_of(target)
    counts = Counter(map(class_name, target.tolist()))
    told = ", ".join(f"{_said(name)} ({counts[name]} rows)" for name in classes[:_CODES])
    lines = [f"# The target is one of {len(classes)} classes: {told}{', ...' if len(classes) > _CODES else ''}."]
    if len(classes) == 2:
        lines.append(
            f"# positive: {_scalar(classes[1])}     # CHECK: the class that scores count. Without this line it is {_said(classes[1])}"
        )
    return lines


def _left_out(found: _Found) -> Iterator[str]:
    if found.ids:
        yield f"id: {_scalar(found.ids[0])}     # another value in each row: tells cases apart, and is no feature"
    if found.dropped:
        yield "drop:     # CHECK: no features. Take out of this list what is one"
        for column, why in found.dropped.items():
            yield f"  - {_scalar(column)}     # {_said(why)}"


def _kinds(found: _Found, facts: dict[str, Any], rows: int) -> Iterator[str]:
    how = ", ".join(str(facts[key]) for key in ("format", "encoding") if key in facts)
    how += f", cells parted by {facts['delimiter']!r}" if "delimiter" in facts else ""
    yield f"# {rows} rows were read ({how}). The columns that stay, as they were understood:"
    for column, kind in list(found.kept.items())[:_LISTED]:
        yield f"#   {_said(column)}: {_said(kind)}"
    if len(found.kept) > _LISTED:
        yield f"#   and {len(found.kept) - _LISTED} more"
    yield '# missing: ["?", -9]     # codes that stand for "not known"'
    yield "# categorical: [COLUMN]     # numbers that are codes"
    yield "# slices: [COLUMN]     # groups told apart in the report"


def _told(found: _Found) -> list[str]:
    ids = [f"{_said(found.ids[0])} tells the rows apart (id)"] if found.ids else []
    stay = "1 column stays" if len(found.kept) == 1 else f"{len(found.kept)} columns stay"
    return [stay, *ids, *(f"left out: {_said(name)}: {_said(why)}" for name, why in found.dropped.items())]


def _reasons(dropped: dict[str, str]) -> str:
    return "; ".join(f"'{name}' is left out ({why})" for name, why in list(dropped.items())[:5])


def _names(columns: Iterable[Any]) -> str:
    names = [str(column) for column in columns]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"the columns {', '.join(names[:_LISTED])}{more}"


def _relative(table: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(table, folder)).as_posix()
    except ValueError:  # another drive
        return table.absolute().as_posix()


# ---- the file

_STUDY = """\
# Run it: xai-compare run THIS_FILE. What it will cost: xai-compare plan THIS_FILE
title: {title}

data:
{data}
  test_size: 0.3     # share of the rows that no model is trained on; cases are explained from these
  background: 50     # training rows that stand for "this feature is not known"
  explain: 150       # cases explained, the same for every model and method

models:     # xai-compare list models
{models}

explainers: [shap, lime]     # or auto: every method that fits. A random control is always added
metrics: auto

compare:
  tolerance: {{fidelity: 0.05}}     # the loss of fidelity that you accept before the verdict asks for a review

seed: 0
"""
_LINEAR = {"classification": ("logistic", "logistic_regression"), "regression": ("linear", "linear_regression")}


def _checked(title: str, task: Task, lines: list[str], told: list[str], folder: Path) -> Starter:
    """The study as text, once its data were read by it: what is wrong with them is said now, and nothing is written."""
    name, kind = _LINEAR[task]
    models = [f"  - {{name: {name}, kind: {kind}, reference: true}}     # the other is compared with it"]
    models.append("  - {name: boosting, kind: hist_gradient_boosting}")
    text = _STUDY.format(title=_scalar(title), data="\n".join(f"  {line}" for line in lines), models="\n".join(models))
    study = study_from_dict(yaml.safe_load(text), "the study")
    data = read(study.data, study.seed, lambda path: folder / path)
    return Starter(text, (_predicted(data), *told, *_leaks(data)))


def _predicted(data: Data) -> str:
    if data.task == "regression":
        return "a number is predicted"
    return f"one of {len(data.classes)} classes is predicted" + (
        f"; scores count {_said(data.classes[-1])}" if len(data.classes) == 2 else ""
    )


def _leaks(data: Data) -> Iterator[str]:
    for column in data.about.get("leakage") or {}:
        yield f"look at {_said(column)}: alone it tells the target almost perfectly. Drop it if it is not known when the decision is made"


def _scalar(text: str) -> str:
    """A text as YAML has it, in quotes where it could be anything else."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", text) and yaml.safe_load(text) == text:
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=2**20).strip()


def _said(text: str) -> str:
    """A text in a comment, or on a terminal: on one line, and without what a terminal would obey."""
    words = "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))
    return words if len(words) <= 200 else f"{words[:199]}\u2026"
