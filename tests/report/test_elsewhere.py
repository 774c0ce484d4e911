"""The report of images, texts and series: what it holds, what it shows, and what it must not show."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.report.conftest import KNOWN
from tests.report.made import HOSTILE, Made
from tests.report.made_elsewhere import MODALITIES, made_of
from xai_compare import report
from xai_compare.compare.importance import importance_rows, word_rows
from xai_compare.report.blocks import Block, Case, Cases, Details, Figure, Part, Prose, SideBySide, Table, Tokens
from xai_compare.report.coded import image_of, map_of, pixels, pooled, thinned, weights
from xai_compare.report.render import render
from xai_compare.report.sections import SECTIONS
from xai_compare.report.sections._shown import shares, signed_text, strongest
from xai_compare.report.sheets import tinted
from xai_compare.report.write import dumps, validate
from xai_compare.streams import Streams


def build(source: Made) -> dict[str, Any]:
    return report.build(source.results, source.comparison)


@cache
def of_a(modality: str, **options: Any) -> Made:
    return made_of(modality, **options)


def section(found: dict[str, Any], name: str) -> list[Block]:
    return list(SECTIONS[name].make(found))


def cases(found: dict[str, Any]) -> list[Case]:
    return [case for block in section(found, "cases") if isinstance(block, Cases) for case in block.items]


def every(blocks: Any) -> list[Block]:
    """Blocks with those that are folded in them."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        if isinstance(block, Details | Part):
            found += every(block.blocks)
        elif isinstance(block, SideBySide):
            found += [inner for column in block.columns for inner in every(column)]
        elif isinstance(block, Figure) and block.table is not None:
            found.append(block.table)
    return found


def of(kind: Any, blocks: Any) -> list[Any]:
    return [block for block in every(blocks) if isinstance(block, kind)]


def text_of(pieces: Any) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces)


# ---- images and maps in a few characters


def test_images_keep_every_whole_number() -> None:
    grey = np.arange(256).reshape(16, 16) / 255
    assert image_of(grey)["rows"][0] == "".join(f"{i:02x}" for i in range(16))
    np.testing.assert_array_equal(pixels(image_of(grey)), np.arange(256).reshape(16, 16))
    colour = np.random.default_rng(0).integers(0, 256, (5, 4, 3))
    np.testing.assert_array_equal(pixels(image_of(colour / 255)), colour)


def test_maps_keep_their_sign_their_gaps_and_half_a_step() -> None:
    values = np.random.default_rng(0).normal(size=(6, 7))
    values[2, 3] = np.nan
    back = weights(map_of(values))
    assert np.isnan(back[2, 3])
    known = np.isfinite(values)
    largest = np.abs(values[known]).max()
    assert np.abs(back - values)[known].max() <= 0.51 * largest / 127 + 0.005 * largest
    np.testing.assert_array_equal(weights(map_of(np.zeros((2, 2)))), np.zeros((2, 2)))


def test_large_images_are_means_of_blocks() -> None:
    values = np.random.default_rng(0).random((6, 9))
    expected = values.reshape(3, 2, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(pooled(values, 3), expected)
    np.testing.assert_array_equal(pooled(values, 9), values)


def test_long_lines_keep_their_highest_and_lowest_points() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    values[::7] = np.nan
    kept = thinned(values, 40)
    assert len(kept) <= 40
    assert np.isfinite(values[kept]).all()
    assert {int(np.nanargmax(values)), int(np.nanargmin(values))} <= set(kept.tolist())
    np.testing.assert_array_equal(thinned(values[:30], 40), np.flatnonzero(np.isfinite(values[:30])))


def test_colours_are_those_of_the_other_pictures() -> None:
    shades = tinted(np.array([-1.0, 0.0, 1.0, np.nan]))
    assert shades.tolist() == [[176, 98, 20], [238, 240, 242], [44, 84, 120], [255, 255, 255]]


# ---- what the report holds


@pytest.mark.parametrize("hostile", [False, True], ids=["plain", "hostile"])
@pytest.mark.parametrize("modality", MODALITIES)
def test_the_report_fits_its_schema_and_stays_the_same(modality: str, hostile: bool) -> None:
    found = build(of_a(modality, hostile=hostile))
    validate(found)
    assert found["scope"]["modality"] == modality
    again = json.loads(dumps(build(made_of(modality, hostile=hostile))))
    assert again == json.loads(dumps(found))
    assert not [row for row in found["limits"] if row["kind"] == "section"]


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_page_comes_from_the_report_alone_and_is_of_a_fair_size(modality: str) -> None:
    found = build(of_a(modality))
    page = render(found)
    assert render(json.loads(dumps(found))) == page
    assert "could not be made" not in page
    assert len(page.encode()) < 3e6


def test_a_case_has_its_image_and_the_maps_of_its_methods() -> None:
    source = of_a("image")
    found = build(source)
    case = found["cases"][0]
    index = source.results.cases.ids.index(case["id"])
    raw = source.results.cases.raw
    assert raw is not None
    np.testing.assert_array_equal(pixels(case["image"]), np.rint(255 * raw[index].astype(float)))
    row = next(row for row in case["attributions"] if row["explainer"] == "integrated_gradients")
    detail = source.results.attributions["network", "integrated_gradients"].detail
    assert detail is not None
    share = detail[index] / np.abs(detail[index]).sum()
    np.testing.assert_allclose(weights(row["fine"]), share, atol=0.01 * np.abs(share).max())
    assert {row["explainer"] for row in case["attributions"]} == {"shap", "lime", "integrated_gradients", "grad_cam"}


def test_a_series_is_told_by_points_where_it_has_any() -> None:
    source = of_a("series", channels=2)
    found = build(source)
    raw = source.results.cases.raw
    assert raw is not None
    for case in found["cases"]:
        index = source.results.cases.ids.index(case["id"])
        for channel, told in zip(raw[index], case["series"], strict=True):
            np.testing.assert_allclose(channel[told["at"]], told["values"], rtol=1e-4)
    assert found["scope"]["layout"]["channels"] == ["sensor 0", "sensor 1"]


def test_attention_is_of_the_features_that_the_case_has() -> None:
    source = of_a("text")
    found = build(source)
    for case in found["cases"]:
        row = next(row for row in case["attributions"] if row["explainer"] == "attention")
        there = [j for j, word in enumerate(case["values"]) if word]
        assert row["attention"]["features"] == there[:30]
        detail = source.results.attributions["network", "attention"].detail
        assert detail is not None
        own = detail[source.results.cases.ids.index(case["id"])][:, : len(there), : len(there)]
        for grid, layer in zip(row["attention"]["maps"], own, strict=True):
            np.testing.assert_allclose(weights(grid), layer, atol=0.01 * layer.max())


@pytest.mark.parametrize("modality", MODALITIES)
def test_hidden_values_are_nowhere(modality: str) -> None:
    source = of_a(modality, hostile=True, shown=False)
    source = replace(source, results=replace(source.results, classes=("good", "bad")))
    found = build(source)
    assert all(case["image"] is None and case["series"] is None and case["values"] is None for case in found["cases"])
    assert found["words"] == []
    page = render(found)
    assert "could not be made" not in page
    if modality == "text":
        assert ">word 3</bdi>" in page
        assert "acting" not in page


def test_old_results_are_tables() -> None:
    source = of_a("series")
    bare = {key: value for key, value in source.results.data.items() if key not in ("modality", "layout")}
    found = build(replace(source, results=replace(source.results, data=bare, cases=replace(source.results.cases, raw=None))))
    assert found["scope"]["modality"] == "table"
    assert found["scope"]["layout"] is None


# ---- shares


def test_shares_are_of_the_whole_size_and_keep_signs_and_gaps() -> None:
    assert shares({"values": [3.0, -1.0, None], "signed": True}) == [0.75, -0.25, None]
    assert shares({"values": [3.0, -1.0, 1.0], "signed": False}) == [0.75, 0.0, 0.25]
    assert shares({"values": [0.0, None], "signed": True}) == [0.0, None]
    assert strongest([0.1, None, -0.7, 0.0]) == [2, 0]


def test_share_words() -> None:
    assert [signed_text(value, True) for value in (0.304, -0.304, 0.001)] == ["+0.30", "\u22120.30", "0.00"]
    assert signed_text(0.304, False) == "0.30"


# ---- what it shows


def test_token_strips_have_each_word_with_its_share() -> None:
    found = build(of_a("text"))
    for case, shown in zip(found["cases"], cases(found), strict=True):
        words = [word for word in case["values"] if word]
        strips = of(Tokens, shown.blocks)
        assert len(strips) == len(case["attributions"])
        for strip in strips:
            assert [token.word for token in strip.words] == words
            assert all(0 <= token.step <= 20 for token in strip.words)
        row = next(row for row in case["attributions"] if row["explainer"] == "shap" and row["model"] == "logistic")
        own = next(strip for strip in strips if text_of(strip.title) == "logistic")
        assert [token.number for token in own.words] == [signed_text(share, True) for share in shares(row) if share is not None]


def test_the_strongest_word_of_all_models_has_the_deepest_colour() -> None:
    found = build(of_a("text"))
    rows = [row for row in found["cases"][0]["attributions"] if row["explainer"] == "shap"]
    strips = of(Tokens, cases(found)[0].blocks)[: len(rows)]
    values = [share for row in rows for share in shares(row) if share is not None]
    steps = [token.step for strip in strips for token in strip.words]
    largest = max(map(abs, values))
    assert steps == [10 + round(10 * value / largest) for value in values]
    assert {0, 20} & set(steps)


def test_methods_without_direction_have_no_signs() -> None:
    found = build(of_a("text"))
    page = render(found)
    at = page.index("<h3>Grad-CAM</h3>")
    strip = page[at : page.index("</p>", page.index('class="tokens"', at))]
    assert "\u2212" not in strip
    assert not re.search(r"<b>\+", strip)
    assert not re.search(r'class="s[0-9]"', strip)


def test_pictures_say_what_they_show() -> None:
    found = build(of_a("image"))
    figure = of(Figure, cases(found)[0].blocks)[0]
    row = next(row for row in found["cases"][0]["attributions"] if row["explainer"] == "shap" and row["model"] == "logistic")
    told = shares(row)
    first = int(np.argmax(np.abs([share or 0.0 for share in told])))
    name = found["scope"]["features"][first]["name"].replace(",", "")
    assert f"SHAP: logistic {name} {signed_text(told[first] or 0.0, True)}" in figure.alt
    assert figure.table is not None
    rows = {text_of(row[0].pieces): text_of(row[1].pieces) for row in figure.table.rows}
    assert rows[name] == signed_text(told[first] or 0.0, True)
    assert b"image-rendering:pixelated" in figure.drawing.svg


def test_a_model_without_a_picture_by_a_method_has_words_in_its_place() -> None:
    figure = of(Figure, cases(build(of_a("image")))[0].blocks)[0]
    assert "integrated gradients: logistic does not apply; forest does not apply; network row " in figure.alt
    drawn = [text.get_text() for text in figure.drawing.figure().texts]
    assert drawn.count("does not apply") == 2


@pytest.mark.parametrize("modality", MODALITIES)
def test_pictures_are_the_same_each_time(modality: str) -> None:
    found = build(of_a(modality))
    found = {**found, "cases": found["cases"][:1]}
    drawn = {}
    for turn in range(2):
        KNOWN.clear()  # what `conftest` remembers
        drawn[turn] = {figure.name: figure.drawing.svg for figure in of(Figure, cases(found)[0].blocks)}
    assert drawn[0] == drawn[1]
    assert not any(b"<dc:date>" in svg for svg in drawn[0].values())


@pytest.mark.parametrize(("modality", "options"), [("image", {"side": 8}), ("image", {"side": 224}), ("series", {"channels": 8})])
def test_small_and_large_inputs_fit(modality: str, options: dict[str, int]) -> None:
    found = build(of_a(modality, **options))
    figures = [figure for name in ("drivers", "cases") for figure in of(Figure, section(found, name))]
    figures += [figure for case in cases(found) for figure in of(Figure, case.blocks)]
    assert all(0 < figure.drawing.width <= 960 for figure in figures)
    assert sum(len(figure.drawing.svg) for figure in figures) < 1.6e6


def test_attention_says_that_it_is_no_attribution_and_is_open_twice() -> None:
    found = build(of_a("series"))
    folded = []
    for case in cases(found):
        assert any("attention" in figure.name for figure in of(Figure, case.blocks))
        folded.append(any(isinstance(block, Details) and block.summary == "Attention is not attribution" for block in case.blocks))
    assert folded == [False, False, True, True, True, True, True]


def test_absent_features_are_in_no_picture_and_no_table() -> None:
    found = build(of_a("text"))
    short = next(i for i, case in enumerate(found["cases"]) if sum(map(bool, case["values"])) < len(case["values"]))
    case, shown = found["cases"][short], cases(found)[short]
    table = next(table for table in of(Table, shown.blocks) if table.columns[0].title == "Feature")
    assert len(table.rows) == sum(map(bool, case["values"]))


def test_scope_says_how_inputs_are_cut_and_hidden() -> None:
    said = {modality: text_of(of(Prose, section(build(of_a(modality)), "scope"))[0].pieces) for modality in MODALITIES}
    assert "Images of 28 x 28 pixels in 49\u00a0patches of 4 x 4; hidden patches show a blurred copy." in said["image"]
    assert "in the place of a hidden word stands the mask sign" in said["text"]
    assert "Series of 600\u00a0points in 10\u00a0stretches; hidden stretches show the background's mean." in said["series"]


# ---- what drives the models


def test_places_in_texts_drive_nothing_but_words_do() -> None:
    source = of_a("text")
    assert importance_rows(source.results, 0.95, Streams(0)) == ()
    told = of(Table, section(build(source), "drivers"))
    assert [column.title for column in told[0].columns][:2] == ["Model", "Word"]
    hidden = build(of_a("text", shown=False))
    assert "may not be shown" in text_of(of(Prose, section(hidden, "drivers"))[0].pieces)


def test_word_shares_by_hand() -> None:
    source = of_a("text")
    cases_ = source.results.cases
    made = source.results.attributions["forest", "lime"]
    rows = {row.word: row for row in word_rows(source.results) if (row.model, row.explainer) == ("forest", "lime")}
    assert cases_.values is not None
    found, leaning = [], []
    for words, values in zip(cases_.values, made.values, strict=True):
        at = [j for j, word in enumerate(words) if word.lower() == "very"]
        if at:
            found.append(np.abs(values[at]).sum() / np.nansum(np.abs(values)))
            leaning.append(values[at].sum() / np.nansum(np.abs(values)))
    assert rows["very"].n == len(found) == 14
    assert rows["very"].share == pytest.approx(np.mean(found))
    assert rows["very"].leaning == pytest.approx(np.mean(leaning))
    order = [row.share for row in rows.values()]
    assert order == sorted(order, reverse=True)
    assert all(row.n >= 2 for row in rows.values())
    assert {row.leaning for row in word_rows(source.results) if row.explainer == "attention"} == {None}


@pytest.mark.parametrize("modality", ["image", "series"])
def test_patches_and_stretches_that_drive_are_one_picture(modality: str) -> None:
    found = build(of_a(modality))
    figure = next(figure for figure in of(Figure, section(found, "drivers")) if figure.name == "where")
    rows = next(one for one in found["global"] if (one["model"], one["explainer"]) == ("logistic", "shap"))["features"]
    first = max(rows, key=lambda row: row["share"]["estimate"])
    name = first["feature"].replace(",", "") if modality == "image" else f"points {first['feature']}"
    assert f"SHAP: logistic {name} {signed_text(first['share']['estimate'], False)}" in figure.alt


def test_hostile_words_are_text() -> None:
    page = render(build(of_a("text", hostile=True)))
    assert HOSTILE[:10] not in page
    assert "&lt;img src=x onerror=" in page
