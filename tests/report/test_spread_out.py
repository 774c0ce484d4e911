"""What drives each model, seen closer: ranks from model to model, dots of single cases, and which way values push."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from tests.report.made import HOSTILE, Made, made
from tests.report.made_elsewhere import made_of
from xai_compare import report as reports
from xai_compare.compare.importance import importance_rows
from xai_compare.report.ranks import Ranked, bump
from xai_compare.report.render import pictured, section
from xai_compare.report.sections._spread_out import leaning
from xai_compare.report.swarms import Swarm, offsets, swarms
from xai_compare.streams import Streams


def built(source: Made | None = None) -> dict[str, Any]:
    source = source or made()
    return reports.build(source.results, source.comparison)


def changed(**changes: Any) -> Made:
    source = made()
    results = replace(source.results, **changes)
    return Made(results, replace(source.comparison, driving=(), importance=importance_rows(results, 0.95, Streams(0))))


def said(report: dict[str, Any]) -> str:
    blocks = section(report, "drivers").blocks
    words = ["".join(getattr(piece, "text", piece) for piece in block.pieces) for block in blocks if hasattr(block, "pieces")]
    return " ".join(words).replace("\u00a0", " ")


# ---- what the report keeps


def test_the_mean_size_of_the_dots_is_the_share_of_the_feature() -> None:
    report = built()
    shares = {
        (row["model"], one["feature"]): one["share"]["estimate"]
        for row in report["global"]
        if row["explainer"] == "shap"
        for one in row["features"]
    }
    for one in report["swarm"]["features"]:
        for model, dots in zip(report["swarm"]["models"], one["shares"], strict=True):
            assert np.mean(np.abs(dots)) == pytest.approx(shares[model, one["feature"]], abs=1e-4)


def test_the_reference_stands_beside_the_model_least_like_it() -> None:
    source = made()
    apart = {
        model: sum(abs(row.difference.estimate) for row in source.comparison.importance if (row.model, row.explainer) == (model, "shap"))
        for model in ("forest", "network")
    }
    assert built()["swarm"]["models"] == ["logistic", max(apart, key=lambda name: apart[name])]


@pytest.mark.parametrize(("lost", "beside"), [("forest", ["network"]), ("network", ["forest"])])
def test_a_model_whose_attributions_are_not_there_is_not_beside_the_reference(lost: str, beside: list[str]) -> None:
    source = made()
    known = source.results.attributions
    kept = {key: one for key, one in known.items() if key[1] in ("shap", "permutation_importance") and key != (lost, "shap")}
    report = built(replace(source, results=replace(source.results, attributions=kept)))  # its shares are in the comparison still
    reports.validate(report)
    assert report["swarm"]["explainer"] == "shap"
    assert report["swarm"]["models"] == ["logistic", *beside]
    none = {key: one for key, one in kept.items() if key[0] != "logistic"}
    assert built(replace(source, results=replace(source.results, attributions=none)))["swarm"] is None  # no reference to stand beside


def test_values_are_their_places_among_all() -> None:
    source = made()
    draw = np.random.default_rng(0).integers(0, 15, (40, 12))
    shown = tuple(tuple(map(str, row)) for row in draw)
    cases = replace(source.results.cases, values=(("missing", *shown[0][1:]), *shown[1:]))
    swarm = built(changed(cases=cases))["swarm"]
    by_name = {one["feature"]: one["values"] for one in swarm["features"]}
    column = draw[:, source.results.features.index("credit amount")]
    assert by_name["credit amount"] == pytest.approx((rankdata(column) - 1) / 39, abs=0.0051)
    assert by_name["duration in months"][0] is None
    assert by_name["purpose"] is None  # its levels have no order


def test_of_two_classes_all_cases_speak_of_the_second() -> None:
    source = made()
    target = np.arange(40) % 2
    turned = built(changed(cases=replace(source.results.cases, target=target)))["swarm"]
    same = built()["swarm"]
    assert turned["towards"] == same["towards"] == "bad"
    for one, other in zip(turned["features"], same["features"], strict=True):
        assert np.allclose(one["shares"], np.array(other["shares"]) * np.where(target == 1, 1, -1))
    three = built(changed(cases=replace(source.results.cases, target=np.arange(40) % 3), classes=("a", "b", "c")))["swarm"]
    assert three["towards"] is None


def test_at_most_two_hundred_cases_and_eight_features_are_kept() -> None:
    source = made()

    def longer(one: Any) -> Any:
        return np.tile(one, (6, *[1] * (one.ndim - 1)))

    results = source.results
    attributions = {
        key: replace(one, values=longer(one.values), target=longer(one.target), base=None if one.base is None else longer(one.base))
        for key, one in results.attributions.items()
    }
    cases = results.cases
    spread = {
        name: {key: longer(one) for key, one in getattr(cases, name).items()} for name in ("outputs", "base", "predicted", "probability")
    }
    more = replace(
        cases, ids=tuple(f"row {i}" for i in range(240)), target=longer(cases.target), y=longer(cases.y), values=cases.values * 6, **spread
    )
    swarm = built(changed(attributions=attributions, cases=more))["swarm"]
    assert (swarm["cases"], swarm["of"], len(swarm["features"])) == (200, 240, 8)
    assert len(json.dumps(swarm)) < 60_000
    drawing = next(
        figure.drawing
        for figure in pictured([section(built(changed(attributions=attributions, cases=more)), "drivers")])
        if figure.name == "swarm"
    )
    assert len(drawing.svg) < 250_000


@pytest.mark.parametrize("kind", ["image", "text", "series"])
def test_what_is_no_table_has_none(kind: str) -> None:
    assert built(made_of(kind))["swarm"] is None


def test_without_values_the_dots_have_no_order() -> None:
    report = built(made(shown=False))
    assert all(one["values"] is None for one in report["swarm"]["features"])
    swarm = next(figure for figure in pictured([section(report, "drivers")]) if figure.name == "swarm")
    assert "dots have one colour" in swarm.caption
    assert "higher values" not in swarm.alt


# ---- which way


@pytest.mark.parametrize("seed", range(3))
def test_the_direction_is_the_rank_correlation(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values, shares = draw.integers(0, 9, 60) / 9, draw.normal(size=60).round(1)
    found = leaning({"values": [*values, None], "shares": [[*shares, 5.0]]}, 0)
    assert found == pytest.approx(spearmanr(values, shares).statistic)
    assert leaning({"values": None, "shares": [shares]}, 0) is None
    assert leaning({"values": [0.5] * 60, "shares": [shares]}, 0) is None


def test_features_that_push_opposite_ways_are_named() -> None:
    report = built()
    one = report["swarm"]["features"][0]
    one["values"] = [i / 39 for i in range(40)]
    one["shares"] = [[i / 100 for i in range(40)], [-i / 100 for i in range(40)]]
    second = report["swarm"]["models"][1]
    wanted = f"Not the same direction in logistic and {second}: {one['feature']} (rank correlation of value and attribution "
    wanted += "+1.00 and \u22121.00)."
    assert wanted in said(report)
    one["shares"][1] = one["shares"][0]
    assert "Not the same direction" not in said(report)
    assert "leading features with an order pushes logistic one way" in said(report)


# ---- the pictures


def test_ranks_go_from_model_to_model_and_of_one_model_from_method_to_method() -> None:
    figures = {figure.name: figure for figure in pictured([section(built(), "drivers")])}
    assert "in each model, columns logistic, forest and network" in figures["ranks"].alt
    source = made()
    one = built(changed(models=source.results.models[:1]))
    figures = {figure.name: figure for figure in pictured([section(one, "drivers")])}
    assert "in logistic by each method" in figures["ranks"].caption
    table = figures["ranks"].table
    assert table is not None
    ranks = {(row["explainer"], found["feature"]): found["rank"] for row in one["global"] for found in row["features"]}
    titles = {method.title: method.name for method in source.results.methods}
    for row in table.rows:
        for column, entry in zip(table.columns[1:], row[1:], strict=True):
            assert entry.order == ranks[titles[column.title], str(row[0].pieces[0])]


def test_only_lines_that_move_far_are_dark() -> None:
    figure = bump([Ranked("a", 0, (1, 2, 3, 4)), Ranked("b", 1, (4, 1, None, 3))], ["w", "x", "y", "z"]).figure()
    dark = [line.get_color() == "#1c1f24" for line in figure.axes[0].lines[:4]]
    assert dark == [True, False, False, False]
    heights = [list(line.get_ydata()) for line in figure.axes[0].lines[:4]]
    assert heights == [[0, 2], [1, 0], [2], [3, 1]]


def test_dots_that_would_lie_on_each_other_stand_apart() -> None:
    found = offsets(np.array([0.1] * 5 + [0.9]), 1.0)
    assert len(set(found[:5])) == 5
    assert found[5] == 0
    assert np.abs(offsets(np.zeros(200), 1.0)).max() < 0.5  # and never on the next feature's line


@pytest.mark.parametrize("name", ["plain", HOSTILE, "$x$", ""])
def test_any_name_and_nothing_at_all_can_be_drawn(name: str) -> None:
    panels = [Swarm(name, 0, ((0.0, 0.0), (0.5, -0.5))), Swarm("b", 1, ((0.0, 0.0), (0.0, 0.0)))]
    drawing = swarms(panels, [name, "b"], [None, [0.0, None]])
    assert b"<script" not in drawing.svg
    assert b"<img" not in drawing.svg
    assert bump([Ranked(name, 0, (None, None)), Ranked("b", 1, (1, 2))], [name, "b"]).svg
