"""Section 12: what was measured here that bears on five questions of anyone who has to choose a model. It chooses nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xai_compare.report.blocks import Block, Column, Entry, Heading, Link, Piece, Prose, Table, Text
from xai_compare.report.sections import section
from xai_compare.report.sections._predicting import parted
from xai_compare.report.verdict import excludes_zero
from xai_compare.report.words import (
    count,
    gap_entry,
    interval_entry,
    interval_text,
    join,
    method_title,
    model_name,
    number_text,
    plain_entry,
)

__all__ = ["make"]

_THINGS = {"table": "features", "image": "patches", "text": "words", "series": "stretches"}
_FEW = 20  # explained cases, or test rows, below which nothing here should be leant on


@section("choosing", 12, "Choosing", "Which model for this job?")
def make(report: dict[str, Any]) -> list[Block]:
    """Five questions, each with what this study measured of it and where the evidence stands."""
    said = (
        "Five questions that a choice of model turns on, with what this study measured of each. It speaks of these fitted models on these "
        "data, not of their kinds; what was not measured is named, and how to weigh the answers is left to the reader."
    )
    asked = (
        ("What data are there?", _data),
        ("How much of it?", _amount),
        ("Must it be interpretable?", _interpretable),
        ("Which task?", _task),
        ("Must it answer in real time?", _time),
    )
    blocks: list[Block] = [Prose((said,))]
    for question, answer in asked:
        blocks += [Heading(question), *answer(report)]
    return blocks


def _see(*names: str) -> Text:
    """Where the evidence stands; a link to a section that the page does not have is made plain text there."""
    titles = {
        "scope": "Scope",
        "decomposition": "Where interpretability goes",
        "gaps": "Gaps",
        "performance": "Performance and cost",
        "took": "What it took",
    }
    pieces: list[Piece] = [" Evidence: "]
    for i, name in enumerate(names):
        pieces += [", "] * (i > 0) + [Link(titles[name], name)]
    return (*pieces, ".")


# ---- what data, and how much


def _data(report: dict[str, Any]) -> list[Block]:
    scope, data = report["scope"], report["scope"]["data"]
    kind = str(scope.get("modality", "table"))
    kinds = Counter(feature["kind"] for feature in scope["features"])
    of = f" ({join([f'{number} {name}' for name, number in kinds.most_common()])})" if kind == "table" else ""
    told = [f"{count(len(scope['features']), 'feature' if kind == 'table' else 'part')}{of}"]
    told += [f"{int(data[key]):,} {what}" for key, what in (("train_rows", "training rows"), ("test_rows", "test rows")) if key in data]
    seen = _unseen(report)
    names = join([model["name"] for model in report["models"]])
    what = {"table": "a table", "image": "images", "text": "texts", "series": "series"}[kind]
    said = f"All models here ({names}) were measured on {what}: {join(told)}. Of data of another kind nothing was measured."
    return [Prose((said, *seen, *_see("scope")))]


def _unseen(report: dict[str, Any]) -> Text:
    """Models that are not given all features: a difference of inputs, not of kinds."""
    fewer = {model["name"]: model["about"].get("unseen") or [] for model in report["models"]}
    said = [f"{name} is given {len(names)} fewer" for name, names in fewer.items() if names]
    return (f" Not all models see the same: {join(said)}.",) if said else ()


def _amount(report: dict[str, Any]) -> list[Block]:
    rows = [row for row in report["performance"] if row["split"] == "learning"]
    data = report["scope"]["data"]
    known = f"The models stand on {int(data['train_rows']):,} training rows. " if "train_rows" in data else ""
    if not rows:
        said = f"{known}Whether fewer would do, or more would help, was not measured (metric learning_curve, on request). "
        return [Prose((said, *_overfit(report), *_see("performance")))]
    sizes = sorted({_size(row) for row in rows})
    score = rows[0]["score"].rpartition(", ")[0]
    columns = (Column("Model"), *(Column(f"{size:,} rows", True) for size in (sizes[0], sizes[-1])), Column("Gain", True))
    by = {(row["model"], _size(row)): row["value"] for row in rows}
    names = [model["name"] for model in report["models"] if (model["name"], sizes[0]) in by]
    table = Table(
        f"Test {score} after training on the fewest and on all rows; the gain is a difference of means, without an interval of its own",
        columns,
        tuple(_grown(report, name, by.get((name, sizes[0])), by.get((name, sizes[-1]))) for name in names),
    )
    return [Prose((f"{known}Measured on a part of them: ", *_overfit(report), *_see("performance"))), table]


def _size(row: dict[str, Any]) -> int:
    return int(row["score"].rpartition(", ")[2].split()[0])


def _grown(report: dict[str, Any], name: str, few: dict[str, Any] | None, many: dict[str, Any] | None) -> tuple[Entry, ...]:
    ends = [None if one is None else one["estimate"] for one in (few, many)]
    gain = None if None in ends else ends[1] - ends[0]  # type: ignore[operator]  # neither is None
    shown = Entry((number_text(gain),), gain)
    return plain_entry(model_name(report, name)), interval_entry(few, "not measured"), interval_entry(many, "not measured"), shown


def _overfit(report: dict[str, Any]) -> Text:
    """Models that do better on their training rows than on others by more than the interval."""
    rows = [
        report["performance"][entry["performance"]]["score"] for entry in report["verdict"]["models"] if entry["performance"] is not None
    ]
    found = [row for row in report["performance"] if row["split"] == "train - test" and row["score"] in rows[:1]]
    apart = [f"{row['model']} by {interval_text(row['value'])}" for row in found if excludes_zero(row["value"])]
    if not found:
        return ()
    if not apart:
        return (f"On {found[0]['score']} no model is told apart between its training rows and others.",)
    return (f"On {found[0]['score']} training rows and others differ for {join(apart)}.",)


# ---- must it be interpretable, and which task


def _interpretable(report: dict[str, Any]) -> list[Block]:
    told = report["verdict"]["models"]
    names = [entry["model"] for entry in told]
    explained = {(row["model"], row["explainer"]): row["explained"] for row in report["decomposition"]}
    own = {row["model"]: explained.get((row["model"], row["explainer"])) for row in report["verdict"]["picture"]}
    intrinsic = {(row["model"], row["score"]): row["value"] for row in report["performance"] if row["split"] == "model"}
    simple = any(score == "interaction_share" for _, score in intrinsic)
    if not any(own.values()):
        return [Prose(("How far a list of features tells what a model does was not measured (metric additive_fit).",), "note")]
    columns = (
        *(Column("Model"), Column("Told by a list of features", True), Column("Gap to the reference", True)),
        *((Column("Interactions", True),) if simple else ()),
        Column("Difference in performance", True),
    )
    rows = tuple(
        _weighed(report, model["name"], own.get(model["name"]), (intrinsic.get((model["name"], "interaction_share")),) if simple else ())
        for model in report["models"]
    )
    caption = "What an explanation can tell of each model, by its best method here, beside what the model gives in return"
    return [Prose((*_trade(report, names), *_see("decomposition", "gaps"))), Table(caption, columns, rows)]


def _weighed(
    report: dict[str, Any], name: str, explained: dict[str, Any] | None, interactions: tuple[dict[str, Any] | None, ...]
) -> tuple[Entry, ...]:
    entry = next((entry for entry in report["verdict"]["models"] if entry["model"] == name), None)
    gap = report["gaps"][entry["gap"]] if entry and entry["gap"] is not None else None
    score = report["performance"][entry["performance"]] if entry and entry["performance"] is not None else None
    own = "is the reference" if entry is None else "not measured"
    return (
        plain_entry(model_name(report, name)),
        interval_entry(explained, "not measured"),
        gap_entry(gap) if gap else Entry((own,), None, "quiet"),
        *(interval_entry(share, "not measured") for share in interactions),
        Entry((f"{score['score']} {interval_text(score['difference'])}",), score["difference"]["estimate"])
        if score
        else Entry((own,), None, "quiet"),
    )


def _trade(report: dict[str, Any], names: list[str]) -> Text:
    """Which models are explained worse than the reference, and which of those predict better: the trade that was found here, if any."""
    gaps, told = report["gaps"], {entry["model"]: entry for entry in report["verdict"]["models"]}
    said: list[Piece] = []
    for name in names:
        entry = told[name]
        if entry["gap"] is None:
            continue
        row, reference = gaps[entry["gap"]], report["verdict"]["reference"]
        if row["gap"]["estimate"] is None:
            said += ["How far ", model_name(report, name), " can be explained was not measured; "]
        elif tells := {"worse": "less", "better": "more"}.get(row["verdict"]):
            said += ["Of ", model_name(report, name), f" a list of features tells {tells} than of {reference}; "]
        else:
            said += ["How far ", model_name(report, name), f" and {reference} can be explained is not told apart; "]
        said += [f"{_predicts(report, entry)}. "]
    return tuple(said) or ("No gap between models was measured here.",)


def _predicts(report: dict[str, Any], entry: dict[str, Any]) -> str:
    if entry["performance"] is None:
        return "how well it predicts was not measured beside it"
    row = report["performance"][entry["performance"]]
    if not entry["performance_differs"] or row["better"] == "none":
        return f"by {row['score']} their predictions are not told apart"
    ahead = (row["difference"]["estimate"] > 0) == (row["better"] == "higher")
    return f"it predicts {'better' if ahead else 'worse'} by {row['score']}"


def _task(report: dict[str, Any]) -> list[Block]:
    scope = report["scope"]
    task = "a number" if scope["task"] == "regression" else f"one of {count(len(scope['classes']), 'class', 'classes')}"
    told, _ = parted(report["performance"])
    rows = [row for row in told if row["split"] == "test" and row["value"]["estimate"] is not None]
    if not rows:
        return [Prose((f"The models predict {task}. How well was not measured: no outcomes were given.", *_see("scope")))]
    scores = list(dict.fromkeys(row["score"] for row in rows))
    columns = (Column("Score"), Column("Ahead by the estimate"), Column("Score of it", True), Column("Told apart from the reference"))
    n = max(row["value"]["n"] for row in rows)
    few = f" {n} test rows are few to lean on." if n < _FEW else ""
    table = Table(
        "Who is ahead on each test score. A score on which a model is ahead but not told apart decides nothing",
        columns,
        tuple(_ahead(report, score, [row for row in rows if row["score"] == score]) for score in scores),
    )
    said = f"The models predict {task}, and were measured by {count(len(scores), 'score')} on {count(n, 'test row')}.{few}"
    return [Prose((said, *_see("performance"))), table]


def _ahead(report: dict[str, Any], score: str, rows: list[dict[str, Any]]) -> tuple[Entry, ...]:
    better = rows[0]["better"]
    sign = -1 if better == "lower" else 1
    first = max(rows, key=lambda row: sign * row["value"]["estimate"])
    apart = [row["model"] for row in rows if excludes_zero(row["difference"])]
    direction = {"higher": "higher is better", "lower": "lower is better"}.get(better, "no direction")
    return (
        plain_entry(f"{score} ({direction})"),
        plain_entry(model_name(report, first["model"])) if better != "none" else plain_entry("no direction", "quiet"),
        Entry((interval_text(first["value"]),), first["value"]["estimate"]),
        plain_entry(join(apart) if apart else "no model", "" if apart else "quiet"),
    )


# ---- must it answer in real time


def _time(report: dict[str, Any]) -> list[Block]:
    timings = report.get("timings")
    asked = {model["name"]: _seconds(timings, model["name"]) for model in report["models"]}
    if not timings or not any(any(found) for found in asked.values()):
        said = (
            "Seconds are not part of this page, which is the same for every run of the study: timings.json beside it has those of each "
            "step. The sizes of the models, where the study asked for their cost, are beside their scores."
        )
        return [Prose((said, *_see("performance")))]
    said = (
        "Measured once, on the machine of this run, beside its other workers: an order of size, not a promise. An explanation asks the "
        "model many times, so it may be what does not fit in real time."
    )
    columns = (
        *(Column("Model"), Column("1,000 predictions, milliseconds", True)),
        *(Column("One explanation, milliseconds", True), Column("By")),
    )
    rows = tuple(_speed(report, name, *found) for name, found in asked.items())
    caption = "Predictions in one call on one thread, warm; the quickest method that was run, per case, in chunks of cases"
    return [Prose((said, *_see("took"))), Table(caption, columns, rows)]


def _seconds(timings: dict[str, Any] | None, name: str) -> tuple[float | None, dict[str, float]]:
    """Milliseconds of 1,000 predictions, and seconds of every method's explanations of all cases."""
    if not timings:
        return None, {}
    steps = {key.removesuffix(f" {name}"): step["seconds"] for key, step in timings["steps"].items() if key.endswith(f" {name}")}
    explained = {key.removeprefix("explain "): seconds for key, seconds in steps.items() if key.startswith("explain ")}
    return timings.get("models", {}).get(name, {}).get("inference_ms_per_1000"), explained


def _speed(report: dict[str, Any], name: str, inference: float | None, explained: dict[str, float]) -> tuple[Entry, ...]:
    own = {method["name"] for method in report["methods"] if not method["control"] and method["scope"] == "case"}
    known = {method: seconds for method, seconds in explained.items() if method in own and seconds > 0}
    quickest = min(known, key=lambda method: known[method], default="")
    each = 1000 * known[quickest] / max(report["scope"]["cases"], 1) if quickest else None
    return (
        plain_entry(model_name(report, name)),
        Entry(("not measured",), None, "quiet") if inference is None else Entry((number_text(inference),), inference),
        Entry(("not measured",), None, "quiet") if each is None else Entry((number_text(each),), each),
        plain_entry(method_title(report, quickest) if quickest else "none"),
    )
