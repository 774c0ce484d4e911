"""The section on limits: a metric that fits the data nowhere is said once, and nothing vanishes."""

from __future__ import annotations

from dataclasses import replace

from tests.report.made import Made, made
from tests.report.test_again import words
from xai_compare import report
from xai_compare.report.blocks import Table
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


def where(source: Made) -> tuple[str, str]:
    """(places, count) of the reason."""
    tables = [block for block in SECTIONS["limits"].make(report.build(source.results, source.comparison)) if isinstance(block, Table)]
    ((_, places, count),) = [row for table in tables for row in table.rows if words(row[0].pieces) == WHY]
    return words(places.pieces), words(count.pieces)


def test_a_metric_that_fits_nowhere_is_said_once() -> None:
    source = with_truth()
    there = sum(not cell.metric and cell.status in ("ok", "degraded") for cell in source.results.cells)
    assert there > 5
    assert where(source) == ("wherever there is an explanation: mass, rank", str(2 * there))


def test_one_that_fits_somewhere_is_said_with_every_place() -> None:
    source = with_truth(("forest", "shap"))
    places, _ = where(source)
    first, *others = places.split("; ")
    assert first == "wherever there is an explanation: mass"
    there = {(cell.model, cell.explainer) for cell in source.results.cells if not cell.metric and cell.status in ("ok", "degraded")}
    assert len(others) == len(there) - 1
    assert all(other.endswith(": rank") for other in others)
    assert not any(other.startswith("forest by SHAP") for other in others)


def test_an_explanation_that_could_not_be_had_takes_along_what_rests_on_it() -> None:
    source = made()
    own = next(cell for cell in source.results.cells if not cell.metric and cell.status == "not_applicable")
    again = [Cell(own.model, own.explainer, metric, own.status, own.reason) for metric in ("features_needed", "gini")]
    pair = Cell(own.model, f"shap ~ {own.explainer}", "agreement", own.status, own.reason)
    results = replace(source.results, cells=(*source.results.cells, *again, pair))
    tables = [block for block in SECTIONS["limits"].make(report.build(results, source.comparison)) if isinstance(block, Table)]
    ((_, places, count),) = [row for table in tables for row in table.rows if words(row[0].pieces) == own.reason]
    said = words(places.pieces)
    assert said.count("the explanation, and all that rests on it") == len(
        {cell.model for cell in results.cells if cell.reason == own.reason}
    )
    assert "Agreement" not in said
    assert int(words(count.pieces)) == sum(cell.reason == own.reason for cell in results.cells)  # none of them vanishes
