"""Section 4: what each model gives in return, and how simple it is in itself."""

from __future__ import annotations

from typing import Any

from xai_compare.report.blocks import Block, Column, Details, Entry, Figure, Heading, Prose, Table, Terms
from xai_compare.report.canvas import Span
from xai_compare.report.charts import Dot, dots
from xai_compare.report.learning import Learner, learning
from xai_compare.report.sections import section
from xai_compare.report.sections._facts import facts
from xai_compare.report.sections._predicting import decisions, parted, told
from xai_compare.report.words import interval_entry, interval_text, model_name, number_text, plain_entry, shown_name

__all__ = ["make"]

_OF_MODEL, _OF_COST, _LEARNING = "model", "cost", "learning"
_BYTES = "stored bytes"
_MEASURES = {
    "features_used": ("Features used", "features whose change moves the output at all, of {d}"),
    "interaction_share": (
        "Interaction share",
        "share of what moves the output that the features' own effects, added up, do not tell; 0: each feature counts on its own",
    ),
    "main_effect_complexity": (
        "Bends of the effects",
        "straight pieces that tell a feature's effect, on average; 1: straight lines. For categories: steps between groups of levels",
    ),
    "surrogate_tree": ("Imitated by a small tree", "R2 of a decision tree of depth 3 that imitates the model; 1: it could replace it"),
    "surrogate_linear": ("Imitated by five features", "R2 of a linear model of 5 features that imitates the model; 1: it could replace it"),
}
_SIMPLER = {"higher": "higher is simpler", "lower": "lower is simpler", "none": "no direction"}
_DIRECTION = {"higher": "higher is better", "lower": "lower is better", "none": "no direction"}


@section("performance", 4, "Performance and cost", "What do I get for it?")
def make(report: dict[str, Any]) -> list[Block]:
    """Who is told apart by which score; scores with intervals, what is decided by them, agreement of predictions, sizes."""
    found = [row for row in report["performance"] if row["split"] not in (_OF_MODEL, _OF_COST, _LEARNING)]
    rows, decided = parted(found)
    unmeasured = Prose(("Prediction quality was not measured: no outcomes were given.",), "note")
    blocks: list[Block] = [*told(report, rows), *(_figure(report, rows) if rows else [unmeasured]), *decisions(report, decided)]
    agree = _agree(report)
    blocks += [agree] if agree else []
    blocks += [*_sizes(report), *_learning(report), *_themselves(report)]
    about = [(model, facts(model["about"])) for model in report["models"] if model["about"]]
    return blocks + [Details(f"About {model['name']}", (Terms(items),)) for model, items in about]


def _figure(report: dict[str, Any], scores_of: list[dict[str, Any]]) -> list[Block]:
    rows = [row for row in scores_of if row["split"] == "test" and Span.of(row["value"])]
    table = _table(report, scores_of)
    if not rows:
        return [table]
    scores = list(dict.fromkeys(row["score"] for row in rows))
    panels = [(score, _DIRECTION[_better(rows, score)], [_dot(report, row) for row in rows if row["score"] == score]) for score in scores]
    drawing = dots(panels)
    spoken = "; ".join(f"{row['score']} of {row['model']}: {interval_text(row['value'])}" for row in rows)
    alt = f"Dots with intervals, one panel per test score, models below each other. {spoken}."
    return [Figure("performance", drawing, alt, "Scores on test data with their intervals.", table)]


def _better(rows: list[dict[str, Any]], score: str) -> str:
    return next(str(row["better"]) for row in rows if row["score"] == score)


def _dot(report: dict[str, Any], row: dict[str, Any]) -> Dot:
    span = Span.of(row["value"])
    if span is None:
        raise ValueError(f"{row['score']} of {row['model']} was not measured")
    return Dot(shown_name(report, row["model"]), model_name(report, row["model"]).colour, span)


def _table(report: dict[str, Any], rows: list[dict[str, Any]]) -> Table:
    """One row per score and model. Chance has no place here: a score's own chance level is part of its definition."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["score"], row["model"]), {})[row["split"]] = row
    titles = ("Test", "Test rows", "Train minus test", "Difference to the reference")
    columns = (Column("Score"), Column("Model"), *(Column(title, numeric=True) for title in titles))
    caption = "Prediction quality, with intervals from resampled predictions; differences are paired resample by resample"
    scores = list(dict.fromkeys(score for score, _ in found))
    ordered = sorted(found, key=lambda key: scores.index(key[0]))  # models stay in their order
    return Table(caption, columns, tuple(_row(report, *key, found[key]) for key in ordered))


def _row(report: dict[str, Any], score: str, model: str, splits: dict[str, dict[str, Any]]) -> tuple[Entry, ...]:
    test, shift = splits.get("test"), splits.get("train - test")
    n = test["value"]["n"] if test else None
    own = "is the reference" if model == report["verdict"]["reference"] else "not measured"
    return (
        plain_entry(f"{score} ({_DIRECTION[(test or next(iter(splits.values())))['better']]})"),
        plain_entry(model_name(report, model)),
        interval_entry(test["value"] if test else None, "not measured"),
        Entry((str(n) if n is not None else "none",), n),
        interval_entry(shift["value"] if shift else None, "not measured"),
        interval_entry(test["difference"] if test else None, own),
    )


def _agree(report: dict[str, Any]) -> Table | None:
    rows = [(model, model["predictions_agree"]) for model in report["models"] if model["predictions_agree"]]
    if not rows:
        return None
    columns = (Column("Model"), Column("Share of cases", numeric=True), Column("Cases", numeric=True))
    entries = tuple(
        (plain_entry(model_name(report, m["name"])), interval_entry(found), Entry((str(found["n"]),), found["n"])) for m, found in rows
    )
    return Table("How often a model predicts the same class as the reference", columns, entries)


def _sizes(report: dict[str, Any]) -> list[Block]:
    """How large each model is. Counts of different things are not compared."""
    found = {
        model["name"]: {
            row["score"]: row["value"] for row in report["performance"] if (row["model"], row["split"]) == (model["name"], _OF_COST)
        }
        for model in report["models"]
    }
    if not any(found.values()):
        return []
    columns = (Column("Model"), Column("Made of", numeric=True), Column("Stored", numeric=True))
    rows = tuple(
        (plain_entry(model_name(report, name)), _made_of(sizes), _stored(sizes.get(_BYTES))) for name, sizes in found.items() if sizes
    )
    caption = (
        "Size of the models. Coefficients are those that are not 0, with intercepts; preprocessing counts in what is stored only, and "
        "formats differ. Seconds are under What it took, where the page tells them"
    )
    return [Table(caption, columns, rows)]


def _made_of(sizes: dict[str, dict[str, Any]]) -> Entry:
    counts = {name: value for name, value in sizes.items() if name != _BYTES}
    known = {name: value["estimate"] for name, value in counts.items() if value["estimate"] is not None}
    if not known:
        return Entry((f"not counted ({next((value['how'] for value in counts.values()), 'nothing is known of it')})",), None, "quiet")
    told = ", ".join(f"{count:,.0f} {name}" for name, count in known.items())
    return Entry((told,), sum(known.values()))


def _stored(value: dict[str, Any] | None) -> Entry:
    if value is None or value["estimate"] is None:
        return Entry((f"not known ({value['how']})" if value else "not known",), None, "quiet")
    size, unit = value["estimate"], "bytes"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return Entry((f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}",), value["estimate"])


def _learning(report: dict[str, Any]) -> list[Block]:
    """The test score against the number of training rows, where the study asked for it."""
    rows = [row for row in report["performance"] if row["split"] == _LEARNING]
    if not rows:
        return []
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for row in rows:
        found.setdefault(row["model"], []).append((_rows(row), row))
    columns = (Column("Model"), *(Column(title, True) for title in ("Training rows", "Test score", "Difference to the reference")))
    score = rows[0]["score"].rpartition(", ")[0]
    table = Table(
        f"Test {score} of the models trained again on a part of the training rows, mean over draws, higher is better",
        columns,
        tuple(_learnt(report, model, size, row) for model, each in found.items() for size, row in each),
    )
    learners = [
        Learner(shown_name(report, model), model_name(report, model).colour, points)
        for model, each in found.items()
        if (points := tuple((size, span) for size, row in each if (span := Span.of(row["value"])) is not None))
    ]
    said = (
        "Does it take more rows? Intervals cover the test rows and the draws of the training rows, as far as a few draws can. "
        "The models stand on the same rows: their differences, in the table, are surer than their scores."
    )
    if not learners:
        return [Heading("Learning curves"), Prose((said,)), table]
    drawing = learning(learners, score)
    spoken = "; ".join(f"{row['model']}, {row['score']}: {interval_text(row['value'])}" for row in rows)
    alt = f"Lines with intervals, one for each model: the test score against the number of training rows. {spoken}."
    caption = "Test score against the number of training rows."
    return [Heading("Learning curves"), Prose((said,)), Figure("learning", drawing, alt, caption, table)]


def _rows(row: dict[str, Any]) -> int:
    """The number of training rows that a score's name ends in: "ROC-AUC, 40 rows"."""
    return int(row["score"].rpartition(", ")[2].split()[0])


def _learnt(report: dict[str, Any], model: str, size: int, row: dict[str, Any]) -> tuple[Entry, ...]:
    own = "is the reference" if model == report["verdict"]["reference"] else "not measured"
    return (
        plain_entry(model_name(report, model)),
        Entry((f"{size:,}",), size),
        interval_entry(row["value"], "not measured"),
        interval_entry(row["difference"], own),
    )


def _themselves(report: dict[str, Any]) -> list[Block]:
    """How simple each model is, before any method explains it: descriptive, in no verdict."""
    rows = [row for row in report["performance"] if row["split"] == _OF_MODEL]
    if not rows:
        return []
    measures = list(dict.fromkeys(row["score"] for row in rows))
    said = (
        "How simple each model is in itself, asked without any method of explanation. Descriptive: no verdict rests on it, intervals are "
        "exploratory, and simple is not the same as good. Counts of features and pieces have no interval."
    )
    columns = (Column("Measure"), Column("Model"), Column("Value", numeric=True), Column("Difference to the reference", numeric=True))
    ordered = sorted(rows, key=lambda row: measures.index(row["score"]))  # models stay in their order
    n = sorted({row["value"]["n"] for row in rows})
    counted = f"{n[0]}" if len(n) == 1 else f"{n[0]} to {n[-1]}"
    caption = f"The models themselves, asked on {counted} test rows; differences are paired resample by resample"
    d = len(report["scope"]["features"])
    terms = tuple((_measure(name)[0], (_measure(name)[1].replace("{d}", str(d)),), "") for name in measures)
    table = Table(caption, columns, tuple(_about_model(report, row) for row in ordered))
    return [Heading("The models themselves"), Prose((said,)), table, Terms(terms)]


def _measure(name: str) -> tuple[str, str]:
    """The title of a measure and its one line of plain words."""
    return _MEASURES.get(name, (name.replace("_", " "), "see the metric's definition"))


def _about_model(report: dict[str, Any], row: dict[str, Any]) -> tuple[Entry, ...]:
    own = "is the reference" if row["model"] == report["verdict"]["reference"] else "not measured"
    return (
        plain_entry(f"{_measure(row['score'])[0]} ({_SIMPLER[row['better']]})"),
        plain_entry(model_name(report, row["model"])),
        _counted(row["value"], row["score"]),
        Entry((own,), None, "quiet") if row["difference"] is None else _counted(row["difference"], row["score"]),
    )


def _counted(found: dict[str, Any], measure: str) -> Entry:
    """A cell with an interval; a count, or a difference of counts, stands alone."""
    if found["estimate"] is None or found["low"] is not None or found["how"] != "no resamples":
        return interval_entry(found)
    shown = f"{found['estimate']:.0f}".replace("-", "\u2212") if measure == "features_used" else number_text(found["estimate"])
    return Entry((shown,), found["estimate"])
