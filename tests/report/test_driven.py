"""What drives each model: shares and curves in report.json, in the CSV files, in words and in pictures."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.report.drawn import lettering
from tests.report.made import FEATURES, MODELS, Made, made
from xai_compare import report as reports
from xai_compare.errors import XaiCompareError
from xai_compare.report.blocks import Block, Details, Figure, Name, Prose, Strong, Table
from xai_compare.report.canvas import Span
from xai_compare.report.render import compose
from xai_compare.report.shares import Panel, Share, shares
from xai_compare.report.tables import tables
from xai_compare.report.walks import Line, Walk, walks
from xai_compare.results import Cell
from xai_compare.types import FeatureCurve, Profile

NAMES = [name for name, _, _ in MODELS]


def built(source: Made) -> dict[str, Any]:
    return reports.build(source.results, source.comparison)


def blocks(source: Made, name: str) -> tuple[Block, ...]:
    return next((section.blocks for section in compose(built(source)) if section.name == name), ())


def figures(source: Made, name: str) -> list[Figure]:
    return [block for block in blocks(source, name) if isinstance(block, Figure)]


def said(found: tuple[Block, ...]) -> str:
    """All prose of a section."""
    pieces = [piece for block in found if isinstance(block, Prose) for piece in block.pieces]
    return "".join(piece.text if isinstance(piece, Name | Strong) else str(piece) for piece in pieces)


def words(table: Table) -> list[list[str]]:
    return [["".join(str(getattr(piece, "text", piece)) for piece in entry.pieces) for entry in row] for row in table.rows]


def with_profiles(source: Made, change: Any) -> Made:
    """The same run with each profile changed by a function of (model, method, profile); None takes it away."""
    found = {key: change(*key, one) for key, one in source.results.profiles.items()}
    return replace(source, results=replace(source.results, profiles={key: one for key, one in found.items() if one is not None}))


# ---- report.json


def test_shares_are_those_of_the_comparison_grouped_by_model_and_method() -> None:
    source = made()
    rows = {(row.model, row.explainer, row.feature): row for row in source.comparison.importance}
    found = built(source)["global"]
    told = {(one["model"], one["explainer"], row["feature"]): row for one in found for row in one["features"]}
    assert list(told) == list(rows)
    for key, row in told.items():
        assert row["rank"] == rows[key].rank
        assert row["share"]["estimate"] == pytest.approx(rows[key].share.estimate, rel=1e-9)
        assert (row["difference"] is None) == (rows[key].difference is None)
    for one in found:
        assert sum(row["share"]["estimate"] for row in one["features"]) == pytest.approx(1)
    assert {one["explainer"]: one["unit"] for one in found if one["model"] == "forest"}["shap"] == "probability"


def test_a_method_of_its_own_unit_says_so() -> None:
    source = made()
    facts = {"permutation_importance": {"loss": "log loss"}, "lime": {"kind": "impurity"}}
    changed = {key: replace(one, about=facts.get(key[1], {})) for key, one in source.results.attributions.items()}
    found = built(replace(source, results=replace(source.results, attributions=changed)))["global"]
    units = {one["explainer"]: one["unit"] for one in found if one["model"] == "logistic"}
    assert (units["permutation_importance"], units["lime"], units["shap"]) == ("rise of the log loss", "impurity", "margin")


def test_the_curves_of_the_leading_features_are_kept_each_by_one_method() -> None:
    source = made()
    report = built(source)
    rows = [row for row in source.comparison.importance if row.explainer == "shap"]
    mean = {name: np.mean([row.share.estimate for row in rows if row.feature == name]) for name in FEATURES}
    panels = report["profiles"]["panels"]
    assert [panel["feature"] for panel in panels] == sorted(FEATURES, key=lambda name: -mean[name])[:6]
    for panel in panels:
        assert panel["profile"] == ("ale" if panel["kind"] == "numeric" else "partial_dependence")
        assert (panel["output"], panel["target"], panel["level"], panel["ranked"]) == ("probability", "bad", 0.95, False)
        assert [row["model"] for row in panel["models"]] == NAMES
        for row in panel["models"]:
            own = next(
                curve for curve in source.results.profiles[row["model"], panel["profile"]].curves if curve.feature == panel["feature"]
            )
            for key in ("curve", "low", "high"):
                assert row[key] == pytest.approx(getattr(own, key).tolist())
            assert (row["n"], row["missing"]) == (own.n, own.missing)
    assert [method["name"] for method in report["profiles"]["methods"]] == ["ale", "partial_dependence"]


def sliced(source: Made, *columns: str) -> Made:
    """The same run with slices by these columns."""
    slices = {column: ("one", "two") * (len(source.results.cases.ids) // 2) for column in columns}
    rows = tuple(replace(source.comparison.slices[0], column=column) for column in columns)
    return Made(replace(source.results, slices=slices), replace(source.comparison, slices=rows))


def test_features_that_slices_are_made_by_have_their_curves_too() -> None:
    source = made()
    first = [panel["feature"] for panel in built(source)["profiles"]["panels"]]
    last = [name for name in FEATURES if name not in first]
    more = sliced(source, first[1], last[3], "a column that no model sees", last[0])
    assert [panel["feature"] for panel in built(more)["profiles"]["panels"]] == [*first, last[3], last[0]]
    assert f"There are slices by {first[1]}, {last[3]} and {last[0]}, so they are shown whatever their share." in said(
        blocks(more, "profiles")
    )
    assert "There are slices" not in said(blocks(sliced(source), "profiles"))
    assert len(built(sliced(source, *last))["profiles"]["panels"]) == len(first) + 3  # more would crowd out those that lead


def test_a_feature_that_slices_are_made_by_and_has_no_curve_is_told_with_its_reason() -> None:
    source = made()
    shown = [panel["feature"] for panel in built(source)["profiles"]["panels"]]
    last = next(name for name in FEATURES if name not in shown)

    def without(model: str, method: str, one: Profile) -> Profile:
        kept = tuple(curve for curve in one.curves if curve.feature != last)
        return replace(one, curves=kept, left_out={**one.left_out, last: "a group of columns has no axis"})

    report = built(with_profiles(sliced(source, last), without))["profiles"]
    assert report["left_out"] == [{"feature": last, "reason": "a group of columns has no axis"}]
    assert [panel["feature"] for panel in report["panels"]] == shown


def test_what_leads_and_has_no_curve_is_told_with_its_reason() -> None:
    source = made()
    first = built(source)["profiles"]["panels"][0]["feature"]

    def without(model: str, method: str, one: Profile) -> Profile:
        kept = tuple(curve for curve in one.curves if curve.feature != first)
        return replace(one, curves=kept, left_out={**one.left_out, first: "a group of columns has no axis"})

    changed = with_profiles(source, without)
    report = built(changed)["profiles"]
    assert report["left_out"] == [{"feature": first, "reason": "a group of columns has no axis"}]
    assert len(report["panels"]) == 6
    assert f"Without a curve: {first} (a group of columns has no axis)." in said(blocks(changed, "profiles"))


def test_models_of_another_scale_have_pictures_of_their_own() -> None:
    other = with_profiles(made(), lambda model, _, one: replace(one, output="margin") if model == "network" else one)
    report = built(other)
    assert {(panel["output"], tuple(row["model"] for row in panel["models"])) for panel in report["profiles"]["panels"]} == {
        ("probability", ("logistic", "forest")),
        ("margin", ("network",)),
    }
    found = figures(other, "profiles")
    assert [figure.name for figure in found] == ["profiles", "profiles-2"]
    assert "network" not in lettering(found[0].drawing)
    assert "the class 'bad'" in lettering(found[1].drawing)
    assert "heights cannot be compared" in said(blocks(other, "profiles"))


def test_a_model_without_profiles_is_not_drawn_and_the_others_are() -> None:
    alone = with_profiles(made(), lambda model, _, one: None if model == "forest" else one)
    (figure,) = figures(alone, "profiles")
    assert "forest" not in lettering(figure.drawing)
    assert "logistic" in lettering(figure.drawing)
    none = with_profiles(made(), lambda *_: None)
    assert "No feature has a curve" in said(blocks(none, "profiles"))
    silent = replace(none, results=replace(none.results, profiled=()))
    assert blocks(silent, "profiles") == ()  # the study asks for none


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda found: found["profiles"]["panels"][0].update(profile="walk"), "none of the report's profiles"),
        (lambda found: found["profiles"]["panels"][0]["models"][0]["low"].pop(), "20 numbers for 21 values"),
        (lambda found: found["profiles"]["panels"][0]["models"][0].update(model="nobody"), "none of the report's models"),
        (lambda found: found["global"][0].update(explainer="guess"), "none of the report's methods"),
        (lambda found: found["global"][0]["features"][0].update(rank=0), "schema"),
        (lambda found: found["profiles"]["panels"][0].update(output="votes"), "schema"),
        (lambda found: found["profiles"].pop("left_out"), "schema"),
    ],
)
def test_a_spoiled_report_is_refused(spoil: Any, told: str) -> None:
    found = built(made())
    reports.validate(found)
    spoil(found)
    with pytest.raises(XaiCompareError, match=told):
        reports.validate(found)


# ---- files beside the page


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_files_hold_the_numbers_of_the_report() -> None:
    report = built(made())
    found = tables(report)
    shares_told = rows_of(found["importance.csv"])
    assert len(shares_told) == sum(len(one["features"]) for one in report["global"])
    first = report["global"][0]
    assert float(shares_told[0]["share_estimate"]) == first["features"][0]["share"]["estimate"]
    points = rows_of(found["profiles.csv"])
    assert len(points) == sum(len(panel["grid"]) * len(panel["models"]) for panel in report["profiles"]["panels"])
    last = report["profiles"]["panels"][-1]
    assert float(points[-1]["curve"]) == last["models"][-1]["curve"][-1]
    assert points[-1]["value"] == str((last["levels"] or last["grid"])[-1])


# ---- words and pictures


def test_the_finding_names_the_first_features_of_each_model() -> None:
    source = made()
    text = said(blocks(source, "drivers"))
    for model in NAMES:
        mine = [row for row in source.comparison.importance if (row.model, row.explainer) == (model, "shap")]
        own = sorted(mine, key=lambda row: row.rank or 99)
        first = [f"{row.feature} ({100 * row.share.estimate:.0f}\u00a0%)" for row in own[:3]]
        assert f"{model} leans most on {first[0]}, {first[1]} and {first[2]}" in text
    for model in NAMES[1:]:
        rows = [row.difference for row in source.comparison.importance if (row.model, row.explainer) == (model, "shap")]
        apart = sum(gap.low > 0 or gap.high < 0 for gap in rows if gap and gap.low is not None and gap.high is not None)
        assert f"{model} {apart} of 12\u00a0features" in text


def test_the_figure_of_shares_has_a_panel_per_method_and_its_numbers_in_a_table() -> None:
    source = made()
    figure = next(one for one in figures(source, "drivers") if one.name == "importance")
    shown = lettering(figure.drawing)
    assert {"SHAP", "permutation importance", *NAMES} <= set(shown)
    assert "LIME" not in shown  # of the methods for each case only the leading one
    assert figure.table is not None
    rows = {tuple(row[:3]): row[3:] for row in words(figure.table)}
    first = max((row for row in source.comparison.importance if row.explainer == "shap"), key=lambda row: row.share.estimate)
    told = rows[first.feature, "SHAP", first.model]
    assert told[0].startswith(f"{first.share.estimate:.2f} [")
    assert told[-1] == "1"
    assert rows[first.feature, "permutation importance", "logistic"][1] == "none"
    for model in NAMES:
        assert f"{model}, SHAP: " in figure.alt


def test_every_rank_is_in_the_folded_table() -> None:
    source = made()
    (details,) = [block for block in blocks(source, "drivers") if isinstance(block, Details)]
    (table,) = details.blocks
    assert isinstance(table, Table)
    rows = {tuple(row[:2]): row[2:] for row in words(table)}
    titles = {method.name: method.title for method in source.results.methods}
    for row in source.comparison.importance:
        told = rows[row.feature, titles[row.explainer]][NAMES.index(row.model)]
        assert told == f"{row.rank} ({100 * row.share.estimate:.0f}\u00a0%)"
    assert rows[FEATURES[0], "integrated gradients"][0] == "does\u00a0not\u00a0apply"


def test_a_model_without_shares_by_a_method_of_the_picture_is_named_with_what_became_of_it() -> None:
    source = made()
    rows = tuple(row for row in source.comparison.importance if (row.model, row.explainer) != ("forest", "permutation_importance"))
    cells = (*source.results.cells[:1], Cell("forest", "permutation_importance", "", "failed", "no outcomes"))
    lost = Made(replace(source.results, cells=cells), replace(source.comparison, importance=rows))
    figure = next(one for one in figures(lost, "drivers") if one.name == "importance")
    assert "for reasons that Limits tells: permutation importance of forest (failed)." in figure.caption
    assert "Limits" not in next(one for one in figures(source, "drivers") if one.name == "importance").caption


def test_the_figure_of_curves_tells_where_they_go() -> None:
    source = made()
    (figure,) = figures(source, "profiles")
    panels = built(source)["profiles"]["panels"]
    for panel in panels:
        assert panel["feature"] in figure.alt
        row = panel["models"][0]
        assert f"logistic from {row['curve'][0]:.2f}".replace("-", "\u2212") in figure.alt
    assert figure.table is not None
    rows = words(figure.table)
    for panel in panels:
        mine = [row for row in rows if row[0] == panel["feature"]]
        assert len(mine) == (len(panel["levels"]) or 11)
        ends = [f"{panel['models'][0][key][0]:.2f}".replace("-", "\u2212") for key in ("curve", "low", "high")]
        assert mine[0][3] == f"{ends[0]} [{ends[1]},\u00a0{ends[2]}]"
    assert "95\u00a0%" in figure.caption
    assert "credit amount (3\u00a0rows)" in said(blocks(source, "profiles"))


def test_values_that_may_not_be_shown_are_ranks_in_words_and_pictures() -> None:
    source = made(shown=False)
    (figure,) = figures(source, "profiles")
    assert "share of rows with a smaller value" in lettering(figure.drawing)
    assert figure.table is not None
    assert {row[1] for row in words(figure.table) if row[0] == FEATURES[0]} == {f"{10 * i} % of the rows" for i in range(11)}


def test_without_anything_attributed_the_section_says_so() -> None:
    source = made()
    none = replace(source, comparison=replace(source.comparison, importance=()))
    assert "No method attributed anything" in said(blocks(none, "drivers"))
    assert len(built(none)["profiles"]["panels"]) == 6  # the first of the table then


def test_a_study_of_one_global_method_is_led_by_it() -> None:
    source = made()
    kept = {key: one for key, one in source.results.attributions.items() if key[1] == "permutation_importance"}
    rows = tuple(row for row in source.comparison.importance if row.explainer == "permutation_importance")
    only = Made(replace(source.results, attributions=kept), replace(source.comparison, importance=rows))
    text = said(blocks(only, "drivers"))
    assert text.startswith("By permutation importance, logistic leans most on")
    assert "take a share that differs" not in text  # there is no interval to say so


# ---- the pictures themselves


def drawn(count: int = 3, levels: bool = False) -> dict[str, Any]:
    span = Span(0.2, 0.1, 0.3)
    panel = Panel("SHAP", "mean over the cases", tuple(tuple(Share(place, span) for place in range(count)) for _ in range(4)))
    grid = tuple(map(float, range(5)))
    names = tuple(f"level number {i}" for i in range(5)) if levels else ()
    lines = tuple(Line(place, (span,) * 5) for place in range(count))
    walk = Walk("age $x$ <b>", "", False, grid, names, (0.2,) * 5, () if levels else grid, lines)
    return {
        "shares": shares([panel] * 3, [f"feature {i}" for i in range(4)], [f"model {i}" for i in range(count)], 0.25),
        "walks": walks([walk] * 5, [(place, f"model {place}") for place in range(count)], "probability of\nthe class 'bad'"),
    }


@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("levels", [False, True], ids=["numbers", "levels"])
def test_pictures_are_plain_svg_and_the_same_each_time(count: int, levels: bool) -> None:
    first, second = drawn(count, levels), drawn(count, levels)
    for name, drawing in first.items():
        assert drawing.svg == second[name].svg
        tags = {node.tag.rpartition("}")[2] for node in ET.fromstring(drawing.svg).iter()}
        assert not tags & {"script", "img", "image", "foreignObject", "a"}
        assert len(drawing.svg) < 150_000


def test_flat_curves_and_single_values_are_drawn() -> None:
    flat = FeatureCurve("f", "numeric", np.arange(2.0), (), np.zeros(2), np.zeros(2), np.zeros(2), np.ones(2) / 2, np.arange(2.0), 30)
    source = made()
    changed = with_profiles(source, lambda _, name, one: replace(one, curves=(replace(flat, feature=FEATURES[0]),)))
    (figure,) = figures(changed, "profiles")
    assert FEATURES[0] in lettering(figure.drawing)
