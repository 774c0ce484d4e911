"""The section on limits: the same reason is said in one line, what a reviewer must worry about first, and nothing vanishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tests.report.made import Made, made, with_answer
from tests.report.test_again import words
from xai_compare import report
from xai_compare.report.blocks import Block, Details, Heading, Table
from xai_compare.report.render import compose, page
from xai_compare.report.sections import SECTIONS
from xai_compare.results import Cell

WHY = "nobody knows the true explanation of these data"


def with_truth(left_out: tuple[str, str] | None = None) -> Made:
    """A study with two metrics that fit nowhere; one of their cells is ok if it is left out here."""
    source = made()
    results = source.results
    metrics = [replace(results.metrics[1], name=name, title=name, question="truth", lead=False) for name in ("mass", "rank")]
    there = {(cell.model, cell.explainer) for cell in results.cells if not cell.metric and cell.status in ("ok", "degraded")}
    own = [cell for cell in results.cells if not cell.metric]
    cells = []
    for cell in own:
        found = (cell.model, cell.explainer) in there
        for metric in metrics:
            fine = (cell.model, cell.explainer) == left_out and metric.name == "rank"
            told = ("ok", "") if fine else ("not_applicable", WHY if found else cell.reason)
            cells.append(Cell(cell.model, cell.explainer, metric.name, *told))
    return replace(source, results=replace(results, metrics=(*results.metrics, *metrics), cells=(*results.cells, *cells)))


def blocks(source: Made) -> Sequence[Block]:
    return SECTIONS["limits"].make(report.build(source.results, source.comparison))


def folded(source: Made, summary: str) -> Table:
    (table,) = [block.blocks[0] for block in blocks(source) if isinstance(block, Details) and block.summary.startswith(summary)]
    assert isinstance(table, Table)
    return table


def told(table: Table) -> list[list[str]]:
    return [[words(entry.pieces) for entry in row] for row in table.rows]


def of_reason(source: Made, reason: str) -> list[list[str]]:
    """[metric or method, places, count] of each line with this reason."""
    return [[what, where, count] for what, where, why, count in told(folded(source, "Not applicable")) if why == reason]


def missing(source: Made, *cells: Cell) -> Made:
    """The study with these cells in place of its own ones."""
    places = {(cell.model, cell.explainer, cell.metric) for cell in cells}
    kept = [cell for cell in source.results.cells if (cell.model, cell.explainer, cell.metric) not in places]
    return replace(source, results=replace(source.results, cells=(*kept, *cells)))


def test_a_metric_that_fits_nowhere_is_said_once() -> None:
    source = with_truth()
    there = sum(not cell.metric and cell.status in ("ok", "degraded") for cell in source.results.cells)
    assert there > 5
    assert of_reason(source, WHY) == [["mass, rank", "wherever there is an explanation", str(2 * there)]]


def test_one_that_fits_somewhere_is_said_with_every_place() -> None:
    source = with_truth(("forest", "shap"))
    there = {(cell.model, cell.explainer) for cell in source.results.cells if not cell.metric and cell.status in ("ok", "degraded")}
    first, second = of_reason(source, WHY)
    assert first == ["mass", "wherever there is an explanation", str(len(there))]
    assert (second[0], second[2]) == ("rank", str(len(there) - 1))
    assert second[1].count("SHAP") == 1
    assert "logistic, network by SHAP" in second[1]


def test_models_that_miss_the_same_by_the_same_methods_are_one_line() -> None:
    why = "it has no sign"
    cells = [Cell(model, explainer, "completeness", "skipped", why) for model in ("logistic", "network") for explainer in ("shap", "lime")]
    source = missing(made(), *cells, Cell("network", "random", "completeness", "skipped", why))
    (table,) = [block for block in blocks(source) if isinstance(block, Table) and block.caption.startswith("Left out before")]
    assert told(table) == [["completeness error", "logistic, network by SHAP and LIME; network by control", why, "5"]]
    methods = [method.name for method in source.results.methods]
    assert table.rows[0][1].methods == tuple(methods.index(name) for name in ("shap", "lime", "random"))  # what the filters go by


def test_an_explanation_that_could_not_be_had_takes_along_what_rests_on_it() -> None:
    source = made()
    own = next(cell for cell in source.results.cells if not cell.metric and cell.status == "not_applicable")
    again = [Cell(own.model, own.explainer, metric, own.status, own.reason) for metric in ("features_needed", "gini")]
    pair = Cell(own.model, f"shap ~ {own.explainer}", "agreement", own.status, own.reason)
    other = Cell(own.model, "shap", "agreement", own.status, own.reason)  # rests on no lost explanation
    source = missing(source, *again, pair, other)
    (line, rest) = of_reason(source, own.reason)
    assert line[0].endswith(": the explanation, and all that rests on it")
    assert rest == ["sign agreement", f"{own.model} by SHAP", "1"]
    assert int(line[2]) == sum(cell.reason == own.reason for cell in source.results.cells) - 1  # none of them vanishes


def test_an_explanation_lost_under_a_condition_only_is_said_to_be() -> None:
    why = "no such fill"
    lost = [Cell("forest", "lime", metric, "not_applicable", why, "probability") for metric in ("", "additive_fit")]
    ran = Cell("forest", "lime", "completeness", "not_applicable", why)
    source = made()
    source = replace(source, results=replace(source.results, cells=(*source.results.cells, *lost, ran)))
    assert of_reason(source, why) == [
        ["LIME: the explanation, and all that rests on it", "forest on the probability scale", "2"],
        ["completeness error", "forest by LIME", "1"],
    ]


def test_every_cell_is_told_one_by_one() -> None:
    source = with_truth(("forest", "shap"))
    source = missing(source, Cell("forest", "lime", "additive_fit", "failed", "no memory"))
    found = report.build(source.results, source.comparison)
    titles = {metric["name"]: metric["title"] for metric in found["metrics"]} | {"": "the explanation itself"}
    wanted = Counter(
        (cell["status"].replace("_", " "), cell["model"], titles[cell["metric"]], cell["reason"])
        for cell in found["cells"]
        if cell["status"] != "ok"
    )
    table = folded(source, "Every cell that is not ok")
    lines = [(status, model, metric, why) for status, model, _, metrics, why in told(table) for metric in listed(metrics)]
    assert Counter(lines) == wanted
    assert sum(wanted.values()) > 20
    assert all(row[2].methods for row in table.rows if row[2].pieces != ("the model itself",))
    summed = sum(int(line[-1]) for line in told(folded(source, "Not applicable")))
    assert summed == sum(cell["status"] == "not_applicable" for cell in found["cells"])


def listed(metrics: str) -> list[str]:
    return metrics.replace(" and ", ", ").split(", ")


def test_what_to_worry_about_comes_first_and_what_does_not_apply_is_folded() -> None:
    source = with_truth()
    source = replace(source, comparison=replace(source.comparison, powerless=frozenset({("forest", "input_stability")})))
    cells = (
        Cell("forest", "lime", "additive_fit", "failed", "no memory"),
        Cell("forest", "shap", "additive_fit", "degraded", "half the rows"),
    )
    found = blocks(with_answer(missing(source, *cells), "forest", "probability", "better"))
    assert [block.text for block in found if isinstance(block, Heading)] == [
        "Failed",
        "Degraded",
        "Verdicts that change",
        "No power here",
        "Scores missing for some cases",
        "Warnings of the run",
    ]
    assert [block.summary.partition(":")[0].partition(" (")[0] for block in found[-3:] if isinstance(block, Details)] == [
        "Not applicable",
        "Cases left out by design",
        "Every cell that is not ok, one by one",
    ]


def test_a_line_is_shown_for_each_model_and_method_it_names() -> None:
    """The filters of the page go by these marks; a limit that holds everywhere has none."""
    source = with_truth()
    found = report.build(source.results, source.comparison)
    html = page(found, [one for one in compose(found) if one.name == "limits"])
    (everywhere,) = [row for row in html.split("<tr") if "wherever there is an explanation" in row]
    assert not everywhere.startswith(" data-")
    rows = [row for row in html.split("<tr") if "the explanation itself" in row]
    assert rows
    assert all("data-model=" in row.partition(">")[0] and "data-method=" in row.partition(">")[0] for row in rows)
