"""What drives each model, seen closer: ranks from model to model, and attributions case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xai_compare.report.blocks import Block, Column, Entry, Figure, Piece, Prose, Table
from xai_compare.report.ranks import Ranked, bump
from xai_compare.report.swarms import Swarm, swarms
from xai_compare.report.words import (
    count,
    fixed,
    join,
    method_title,
    model_name,
    number_entry,
    plain_entry,
    short_title,
    shown_name,
)

__all__ = ["ranks", "swarm"]

_FIRST = 8  # features of a column that the picture of ranks has
_TELLS = 0.3  # of a rank correlation: from here on values are said to go with a direction
_OPPOSITE = 0.5  # and from here on two models are said to go opposite ways

_Rows = Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]]


# ---- ranks


def ranks(report: dict[str, Any], rows: _Rows, lead: str) -> list[Block]:
    """Ranks by the leading method from model to model; of one model, from method to method; nothing where there is one column."""
    models = [model["name"] for model in report["models"] if (model["name"], lead) in rows]
    methods = [one["name"] for one in report["methods"] if models and (models[0], one["name"]) in rows]
    keys = [(model, lead) for model in models] if len(models) > 1 else [(models[0], name) for name in methods] if models else []
    if len(keys) < 2:
        return []
    features = _leading([rows[key] for key in keys])
    by_model = len(models) > 1
    titles = [shown_name(report, model) if by_model else short_title(report, name) for model, name in keys]
    columns = [
        Ranked(title, model_name(report, model).colour, tuple(rows[model, name][feature]["rank"] for feature in features))
        for title, (model, name) in zip(titles, keys, strict=True)
    ]
    alone = shown_name(report, models[0])
    what = f"by {method_title(report, lead)} in each model" if by_model else f"in {alone} by each method"
    spoken = "; ".join(f"{name}: {', '.join(_rank(column, at) for column in columns)}" for at, name in enumerate(features))
    alt = f"Lines of the ranks of features {what}, columns {join(titles)}. {spoken}."
    caption = (
        f"Ranks {what}: numbers are places among all {count(len(rows[keys[0]]), 'feature')}, dark lines move by three or more. "
        f"Shown are the first {_FIRST} of any column."
    )
    table = Table(
        "Ranks, 1 for the largest share", (Column("Feature"), *(Column(title, True) for title in titles)), _entries(columns, features)
    )
    return [Figure("ranks", bump(columns, features), alt, caption, table)]


def _leading(found: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """The first features of any column, by their mean rank."""
    last = len(found[0]) + 1
    mean = {name: float(np.mean([one[name]["rank"] or last for one in found])) for name in found[0]}
    first = {name for one in found for name, row in one.items() if row["rank"] is not None and row["rank"] <= _FIRST}
    return sorted((name for name in mean if name in first), key=lambda name: mean[name])


def _rank(column: Ranked, at: int) -> str:
    return f"{column.title} {column.ranks[at] or 'none'}"


def _entries(columns: Sequence[Ranked], features: Sequence[str]) -> tuple[tuple[Entry, ...], ...]:
    return tuple((plain_entry(name), *(_entry(column.ranks[at]) for column in columns)) for at, name in enumerate(features))


def _entry(rank: int | None) -> Entry:
    return Entry(("none",), None, "quiet") if rank is None else Entry((str(rank),), rank)


# ---- case by case


def swarm(report: dict[str, Any]) -> list[Block]:
    """Dots of single cases, the reference beside the model least like it, and which features push the other way there."""
    held = report["swarm"]
    if held is None or not held["features"]:
        return []
    names, features = held["models"], held["features"]
    panels = [
        Swarm(shown_name(report, name), model_name(report, name).colour, tuple(tuple(one["shares"][at]) for one in features))
        for at, name in enumerate(names)
    ]
    drawing = swarms(panels, [one["feature"] for one in features], [one["values"] for one in features])
    spoken = "; ".join(_spoken(one, names) for one in features)
    alt = f"Dots of the attributions of single cases, a line per feature, a panel per model. {spoken}."
    return [*_opposite(report), Figure("swarm", drawing, alt, _caption(report), _table(report))]


def _caption(report: dict[str, Any]) -> str:
    held = report["swarm"]
    drawn = f"a dot per case, {held['cases']}" + (f" of {held['of']}, drawn by seed" if held["of"] > held["cases"] else "")
    said = f"{method_title(report, held['explainer'])}: {drawn}; to the right what raises the output"
    if report["scope"]["task"] == "classification":
        said += f" for '{held['towards']}'" if held["towards"] is not None else " for the explained class of each case"
    if len(held["models"]) > 1:
        said += f". {shown_name(report, held['models'][1])} stands beside the reference because its shares are least like the reference's"
    if all(one["values"] is None for one in held["features"]):
        said += ". Values may not be shown here, or have no order, so dots have one colour"
    else:
        said += ". The darker a dot, the higher the case's value among those of all"
    return f"{said}. The mean size of a feature's dots is its share."


def leaning(feature: Mapping[str, Any], at: int) -> float | None:
    """Rank correlation of the values of a feature with its attributions in a model; None where either does not vary, or has no order."""
    if feature["values"] is None:
        return None
    pairs = [(value, share) for value, share in zip(feature["values"], feature["shares"][at], strict=True) if value is not None]
    if len(pairs) < 3:
        return None
    x, y = (_midranks(np.array(one)) for one in zip(*pairs, strict=True))
    spread = float(np.std(x) * np.std(y))
    return float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread > 0 else None


def _midranks(values: Any) -> Any:
    order = np.sort(values)
    return (np.searchsorted(order, values, side="left") + np.searchsorted(order, values, side="right")) / 2


def _opposite(report: dict[str, Any]) -> list[Block]:
    """Features whose high values raise the output of one model and lower that of the other."""
    held = report["swarm"]
    if len(held["models"]) < 2:
        return []
    told = [(one["feature"], leaning(one, 0), leaning(one, 1)) for one in held["features"]]
    known = [(name, a, b) for name, a, b in told if a is not None and b is not None]
    apart = [(name, a, b) for name, a, b in known if a * b < 0 and min(abs(a), abs(b)) >= _OPPOSITE]
    if not known:
        return []
    first, second = (model_name(report, name) for name in held["models"])
    if not apart:
        pieces: tuple[Piece, ...] = (
            f"None of {count(len(known), 'leading feature')} with an order pushes ",
            first,
            " one way and ",
            second,
        )
        return [Prose((*pieces, " the other."), "note")]
    names = join([f"{name} (rank correlation of value and attribution {_signed(a)} and {_signed(b)})" for name, a, b in apart])
    return [Prose(("Not the same direction in ", first, " and ", second, f": {names}."))]


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{fixed(value, 2)}"


def _spoken(feature: Mapping[str, Any], names: Sequence[str]) -> str:
    told = []
    for at, name in enumerate(names):
        shares, lean = np.array(feature["shares"][at]), leaning(feature, at)
        way = "" if lean is None or abs(lean) < _TELLS else f", higher values {'raise' if lean > 0 else 'lower'} it"
        told.append(f"{name} from {_signed(float(shares.min()))} to {_signed(float(shares.max()))}{way}")
    return f"{feature['feature']}: {', '.join(told)}"


def _table(report: dict[str, Any]) -> Table:
    held = report["swarm"]
    titles = ("Mean size", "Lowest", "Median", "Highest", "Correlation with the value")
    columns = (Column("Feature"), Column("Model"), *(Column(title, True) for title in titles))
    rows = []
    for one in held["features"]:
        for at, name in enumerate(held["models"]):
            shares = np.array(one["shares"][at])
            numbers = (np.abs(shares).mean(), shares.min(), np.median(shares), shares.max())
            told = (Entry((fixed(float(value), 3),), float(value)) for value in numbers)
            lean = number_entry(leaning(one, at), "no order")
            rows.append((plain_entry(one["feature"]), plain_entry(model_name(report, name)), *told, lean))
    caption = f"Attributions of {count(held['cases'], 'case')} in shares of the mean size of all; exploratory"
    return Table(caption, columns, tuple(rows))
