"""The sections on fidelity and stability: removal curves, dots of skill, their tables, and what is said where they are missing."""

from __future__ import annotations

import pickle
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.report.drawn import lettering
from tests.report.made import HOSTILE, D, Made, made
from tests.report.test_again import words
from xai_compare import report
from xai_compare.compare import Interval
from xai_compare.report.blocks import Block, Details, Figure, Prose, Table
from xai_compare.report.canvas import Drawing, Span, colour
from xai_compare.report.curves import Curves, Panels, removal
from xai_compare.report.sections import SECTIONS
from xai_compare.report.strips import Mark, Strip, strips
from xai_compare.results import Cell

BUILT: dict[bytes, dict[str, Any]] = {}


def whole(source: Made) -> dict[str, Any]:
    """The report, which fits its schema: built and checked once for all who ask about the same source."""
    key = pickle.dumps((source.results, source.comparison))
    if key not in BUILT:
        found = report.build(source.results, source.comparison)
        report.validate(found)
        BUILT[key] = found
    return BUILT[key]


def blocks(source: Made, section: str) -> list[Block]:
    """The blocks of a section, what is folded away too."""
    made_of = SECTIONS[section].make(whole(source))
    return [inner for block in made_of for inner in (block.blocks if isinstance(block, Details) else (block,))]


def prose(source: Made, section: str) -> str:
    return " ".join(words(block.pieces) for block in blocks(source, section) if isinstance(block, Prose))


def figure(source: Made, section: str) -> Figure:
    (found,) = [block for block in blocks(source, section) if isinstance(block, Figure)]
    return found


def table(source: Made, section: str, caption: str) -> list[list[str]]:
    every = [block for block in blocks(source, section) if isinstance(block, Table)]
    every += [block.table for block in blocks(source, section) if isinstance(block, Figure) and block.table]
    (found,) = [one for one in every if caption in one.caption]
    return [[words(entry.pieces) for entry in row] for row in found.rows]


def changed(source: Made, **changes: Any) -> Made:
    return replace(source, comparison=replace(source.comparison, **changes))


# ---- removal curves


def test_each_model_has_a_line_of_panels_and_each_signed_method_a_column() -> None:
    texts = lettering(figure(made(), "fidelity").drawing)
    assert [text for text in texts if text in ("SHAP", "LIME", "integrated gradients", "permutation importance")] == [
        "SHAP",
        "LIME",
        "integrated gradients",
    ]
    assert [text for text in texts if text in ("logistic", "forest", "network")] == ["logistic", "forest", "network"]
    assert texts.count("does not apply") == 2  # integrated gradients on the two models that cannot be opened
    assert texts.count("share of features taken away") == 1
    assert texts.count("most supporting first") == texts.count("least supporting first") == 1
    # One y axis per model.
    assert sum(text.startswith("probability of the") for text in texts) == 3


def test_the_words_beside_the_picture_tell_what_it_shows() -> None:
    found = figure(made(), "fidelity")
    assert "logistic by SHAP: from 0.90 to 0.39 with 50 % of the features gone most supporting first, to 0.99 least" in found.alt
    assert found.alt.count("; ") == 8  # nine panels, two of them without curves
    assert "; logistic by integrated gradients: does not apply; " in found.alt
    assert "A panel without curves says what became of the method; Limits says why." in found.caption
    assert "Mean over 10 cases" in found.caption
    assert "pointwise 95" in found.caption


def test_the_table_has_the_numbers_of_the_picture_in_at_most_eleven_steps() -> None:
    source = made()
    rows = table(source, "fidelity", "Mean of each curve")
    shap = [row for row in rows if row[:2] == ["forest", "SHAP"]]
    assert len(shap) == 11
    assert D > 10
    assert [row[2] for row in shap[:2]] == ["0 %", "8 %"]
    assert shap[-1][2] == "100 %"
    assert shap[0][3].startswith("0.90")
    assert {row[1] for row in rows} == {"SHAP", "LIME", "integrated gradients", "control (knows nothing of the model)", "best order found"}
    short = tuple(replace(row, y=(*row.y[:3], row.y[-1])) for row in source.comparison.curves)
    rows = table(changed(source, curves=short), "fidelity", "Mean of each curve")
    assert [row[2] for row in rows if row[:2] == ["forest", "SHAP"]] == ["0 %", "33 %", "67 %", "100 %"]


def test_the_axis_says_what_the_model_says() -> None:
    assert "predicted value" in lettering(figure(made("regression"), "fidelity").drawing)
    source = made()
    bare = replace(source, results=replace(source.results, cases=replace(source.results.cases, probability={})))
    texts = lettering(figure(bare, "fidelity").drawing)
    assert sum(text.startswith("margin of the") for text in texts) == 2
    assert sum(text.startswith("probability of the") for text in texts) == 1


def test_methods_without_sign_are_drawn_by_strength() -> None:
    source = made()
    found = figure(changed(source, curves=tuple(row for row in source.comparison.curves if row.metric == "ordering_abs")), "fidelity")
    texts = lettering(found.drawing)
    assert "permutation importance" in texts
    assert "strongest first" in texts
    assert any(text.startswith("change of the") for text in texts)


def test_more_than_five_methods_are_in_the_table_only() -> None:
    source = made()
    extra = tuple(replace(source.results.methods[0], name=f"shap {i}", title=f"SHAP {i}") for i in range(4))
    curves = [replace(row, explainer=one.name) for row in source.comparison.curves if row.explainer == "shap" for one in extra]
    results = replace(source.results, methods=(*source.results.methods, *extra))
    more = replace(source, results=results, comparison=replace(source.comparison, curves=(*source.comparison.curves, *curves)))
    found = figure(more, "fidelity")
    assert "2 more methods are in the table" in found.caption
    assert "SHAP 3" not in lettering(found.drawing)
    assert any(row[1] == "SHAP 3" for row in table(more, "fidelity", "Mean of each curve"))


def test_a_curve_with_a_step_that_was_not_measured_is_left_out() -> None:
    source = made()
    none = Interval(None, None, None, 0, "no case")
    curves = tuple(
        replace(row, y=(none,) * len(row.y)) if (row.model, row.explainer) == ("forest", "lime") else row
        for row in source.comparison.curves
    )
    found = changed(source, curves=curves)
    assert lettering(figure(found, "fidelity").drawing).count("not measured") == 1
    assert "forest by LIME: not measured; " in figure(found, "fidelity").alt


@pytest.mark.parametrize(
    ("metric", "status", "said"),
    [
        ("", "failed", "failed"),
        ("ordering", "skipped", "skipped"),
        ("ordering", "not_applicable", "does not apply"),
        ("ordering", "ok", "not measured"),
    ],
)
def test_a_panel_without_curves_says_what_became_of_the_method(metric: str, status: Any, said: str) -> None:
    source = made()
    curves = tuple(row for row in source.comparison.curves if (row.model, row.explainer) != ("forest", "lime"))
    kept = [cell for cell in source.results.cells if (cell.model, cell.explainer) != ("forest", "lime")]
    # Asked again under a condition it may have come to another end, which is not that of the picture.
    cells = (*kept, Cell("forest", "lime", metric, status, "why"), Cell("forest", "lime", metric, "degraded", "", "probability"))
    found = figure(replace(changed(source, curves=curves), results=replace(source.results, cells=cells)), "fidelity")
    assert f"; forest by LIME: {said}; " in found.alt
    drawn = [text.get_text() for axes in found.drawing.figure().axes for text in axes.texts]
    assert drawn.count(said) == 1 + 2 * (said == "does not apply")


# ---- numbers of fidelity


def test_orderings_stand_with_their_best_possible_and_the_controls() -> None:
    rows = table(made(), "fidelity", "ordering of features: area between the two curves")
    assert len(rows) == 7
    assert {row[3] for row in rows} == {"0.35"}
    assert not [row for row in rows if "control" in row[1]]
    assert len(table(made(), "fidelity", "ordering by strength")) == 10


def test_other_measures_stand_beside_the_controls_score() -> None:
    rows = table(made(), "fidelity", "On their own scales")
    assert [row[0] for row in rows[:1]] == ["comprehensiveness (higher is better)"]
    assert {row[0] for row in rows} >= {"sufficiency (lower is better)", "completeness error (lower is better)"}
    assert {row[4] for row in rows if row[0].startswith("completeness")} == {"has none"}
    assert not [row for row in rows if row[0].startswith("additive fit")]
    assert "additive fit) is split into its parts under Where interpretability goes." in prose(made(), "fidelity")


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (lambda row: row.metric == "additive_fit", "Removal curves were not measured"),
        (lambda row: row.metric == "input_stability", "was not measured; it would stand under"),
    ],
)
def test_what_is_missing_is_said_in_a_line(keep: Callable[[Any], bool], said: str) -> None:
    source = made()
    found = changed(source, skills=tuple(row for row in source.comparison.skills if keep(row)), curves=())
    assert said in prose(found, "fidelity")
    assert not [block for block in blocks(found, "fidelity") if isinstance(block, Table | Figure)]


# ---- stability


def test_stability_has_a_panel_per_metric_and_a_dot_per_model() -> None:
    found = figure(made(), "stability")
    texts = lettering(found.drawing)
    titles = ["input stability", "stability over seeds", "stability over backgrounds"]  # the one that leads first
    assert [text for text in texts if text in titles] == titles
    assert texts.count("0 (control)") == 3
    assert found.alt.count("forest by SHAP: ") == 3
    assert "control by" not in found.alt


def test_the_scores_of_stability_stand_with_what_moved() -> None:
    rows = table(made(), "stability", "Mean overlap")
    assert len(rows) == 3 * 10
    small, again = ([row for row in rows if row[0] == name] for name in ("input stability", "stability over seeds"))
    assert all(row[6].startswith("0.") for row in small)
    assert {row[6] for row in again} == {"none"}


def test_the_largest_change_has_a_column_beside_what_moved() -> None:
    source = made()
    skills = source.comparison.skills
    moved = [row for row in skills if row.part == "output_changed"]
    largest = [replace(row, part="max_sensitivity", value=replace(row.value, estimate=0.25)) for row in moved]
    found = changed(source, skills=(*skills, *largest))
    rows = table(found, "stability", "Mean overlap")
    assert {row[7] for row in rows if row[0] == "input stability"} == {"0.25"}
    assert {row[7] for row in rows if row[0] == "stability over seeds"} == {"none"}
    assert [row[:7] for row in rows] == [row[:7] for row in table(source, "stability", "Mean overlap")]


def test_stability_is_read_beside_fidelity() -> None:
    said = prose(made(), "stability")
    assert "A constant explanation is perfectly stable: read stability beside fidelity." in said
    assert "Sanity (whether explanations depend on the model at all) was not measured." in said


def test_sanity_gets_a_panel_once_it_is_measured() -> None:
    source = made()
    metric = replace(source.results.metrics[1], name="randomisation", title="randomisation", question="sanity")
    rows = tuple(
        replace(row, metric="randomisation") for row in source.comparison.skills if row.metric == "input_stability" and not row.part
    )
    results = replace(source.results, metrics=(*source.results.metrics, metric))
    found = replace(source, results=results, comparison=replace(source.comparison, skills=(*source.comparison.skills, *rows)))
    assert "randomisation" in lettering(figure(found, "stability").drawing)
    assert "Sanity" not in prose(found, "stability")
    assert "Sanity: skill is 0 for what does not depend on the model" in figure(found, "stability").table.caption
    assert "Sanity" not in figure(source, "stability").table.caption


def test_without_stability_one_line_says_so() -> None:
    source = made()
    bare = changed(source, skills=tuple(row for row in source.comparison.skills if "stability" not in row.metric))
    assert prose(bare, "stability") == "Stability was not measured, nor was sanity (whether explanations depend on the model at all)."


def test_dots_without_power_are_grey_and_said() -> None:
    source = changed(made(), powerless=frozenset({("forest", "input_stability")}))
    found = figure(source, "stability")
    assert "Hollow grey dots rank nothing" in found.caption
    assert "Hollow" not in figure(made(), "stability").caption


# ---- any run


def many(count: int) -> Made:
    """The same study with more models, which all say what the network says."""
    source = made()
    names = [f"network {i}" for i in range(count - 3)]
    model, comparison, results = source.results.models[2], source.comparison, source.results

    def more(rows: Any) -> Any:
        return (*rows, *(replace(row, model=name) for name in names for row in rows if row.model == "network"))

    models = (*results.models, *(replace(model, name=name) for name in names))
    return Made(replace(results, models=models), replace(comparison, skills=more(comparison.skills), curves=more(comparison.curves)))


@pytest.mark.parametrize("source", [made(hostile=True), made("regression"), many(8)], ids=["hostile", "regression", "eight"])
@pytest.mark.parametrize("section", ["fidelity", "stability"])
def test_any_run_is_drawn(source: Made, section: str) -> None:
    tags = {node.tag.rpartition("}")[2] for node in ET.fromstring(figure(source, section).drawing.svg).iter()}
    assert not tags & {"script", "img", "image", "foreignObject", "a"}


def test_one_model_alone_is_drawn() -> None:
    source = made()
    comparison = source.comparison
    kept = {
        name: tuple(row for row in getattr(comparison, name) if row.model == "logistic")
        for name in ("skills", "curves", "agreement", "performance", "importance")
    }
    drawn = {key: one for key, one in source.results.profiles.items() if key[0] == "logistic"}
    results = replace(source.results, models=source.results.models[:1], cells=(), profiles=drawn)
    results = replace(results, attributions={key: one for key, one in results.attributions.items() if key[0] == "logistic"})
    alone = Made(results, replace(comparison, **kept, gaps=(), predictions_agree={}))
    assert lettering(figure(alone, "fidelity").drawing).count("logistic") == 1
    assert figure(alone, "stability").alt.count("logistic by ") == 3 * 3


def pictures(name: str = "x") -> dict[str, Drawing]:
    pair = Curves((Span(0.9, 0.8, 1.0), Span(0.5), Span(0.5)), (Span(0.9, -90.0, 1.0), Span(0.8), Span(0.5)))
    lines = [Panels(name, 0, "value", (pair, "failed"), pair, None), Panels("flat", 1, "value", ("skipped",) * 2, None, None)]
    panel = Strip(name, ((Mark(0, Span(0.5, 0.4, 0.6)), Mark(1, Span(-0.3), True)), ()))
    return {
        "removal": removal(lines, [name, "b"], ("most", "least")),
        "one": removal([replace(lines[0], methods=(pair,))], ["only"], ("most", "least")),
        "strips": strips([panel] * 4, [name, "b"], [name, "two"]),
    }


@pytest.mark.parametrize("name", ["plain", HOSTILE, "$\\frac{1$", "\u6f22\u5b57 \U0001f600", "", "x" * 500])
def test_any_name_can_be_drawn_and_is_no_markup(name: str) -> None:
    for drawing in pictures(name).values():
        tags = {node.tag.rpartition("}")[2] for node in ET.fromstring(drawing.svg).iter()}
        assert not tags & {"script", "img", "image", "foreignObject", "a"}


def test_same_data_same_bytes_and_no_date() -> None:
    first, second = pictures(), pictures()
    assert {name: one.svg for name, one in first.items()} == {name: one.svg for name, one in second.items()}
    assert not [name for name, one in first.items() if b"<dc:date>" in one.svg or b"Matplotlib v" in one.svg]


def test_a_band_that_goes_far_does_not_flatten_the_curves() -> None:
    assert "\u221290" not in lettering(pictures()["removal"])  # the tick that an axis down to -90 would have


def test_models_keep_their_colours() -> None:
    for section in ("fidelity", "stability"):
        svg = figure(made(), section).drawing.svg.decode().lower()
        assert all(colour(place).lower() in svg for place in range(3))
