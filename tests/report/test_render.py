"""The page: self-contained, closed to scripts, complete, and inert whatever the names are."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from tests.report.made import HOSTILE, NOT_OPEN, Made, made, with_gap
from xai_compare import report
from xai_compare.compare import Interval
from xai_compare.report.blocks import Figure, Prose, Section, SideBySide
from xai_compare.report.canvas import draw
from xai_compare.report.render import compose, figures
from xai_compare.report.render import page as page_of
from xai_compare.report.sections import SECTIONS, Plugin
from xai_compare.results import Cell

TITLES = ["Verdict", "Scope", "Where interpretability goes", "Gaps", "Performance and cost"]
TITLES += ["What drives each model", "How features act", "Do methods agree", "Fidelity"]
TITLES += ["Stability, sanity", "Cases", "Slices", "Choosing", "Limits", "Where this may be relevant", "Provenance and sign-off"]
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Elements with their attributes, texts by element, and whether every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.broken: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts.setdefault(tag, []).append(data)

    def text(self, tag: str = "body") -> str:
        return re.sub(r"\s+", " ", "".join(self.texts.get(tag, [])))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for found, attrs in self.tags if found == tag]


@lru_cache(maxsize=8)
def html_made(task: str = "classification", hostile: bool = False, shown: bool = True) -> str:
    return html_of(made(task, hostile, shown))


def html_of(source: Made) -> str:
    return report.render(report.build(source.results, source.comparison))


@pytest.fixture(scope="module")
def html() -> str:
    return html_made()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_tags_are_closed_in_order(page: Page) -> None:
    assert not page.broken
    assert not page.open


def test_every_section_stands_in_order_under_its_question(page: Page) -> None:
    assert [text.strip() for text in page.texts["h2"] if text.strip()] == TITLES
    for name in set(SECTIONS) - {"took", "reasons"}:  # which have nothing to say of a report without timings, or reasons
        assert SECTIONS[name].question in page.text()
        assert any(attrs.get("id") == name for attrs in page.all("section"))
        assert any(attrs.get("href") == f"#{name}" for attrs in page.all("a"))


def test_the_policy_comes_first_and_its_hashes_hold(html: str) -> None:
    head = re.search(r"<head>\s*(<meta [^>]*>)", html)
    assert head
    assert "Content-Security-Policy" in head[1]
    policy = Page(head[1]).all("meta")[0]["content"]
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("base-uri 'none'; form-action 'none'")
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        if tag == "script":
            assert len(content) < 15_000


def leaks(page: Page) -> Iterator[str]:
    for tag, attrs in page.tags:
        for key, value in attrs.items():
            if key == "style" or key.startswith("on"):
                yield f"{tag} {key}"
            if key == "src" and not value.startswith("data:image/svg+xml,"):
                yield f"{tag} src={value[:40]}"
            if key == "href" and not re.fullmatch(r"#[A-Za-z0-9_.-]+|(figures|data)/[A-Za-z0-9._-]+", value):
                yield f"{tag} href={value[:40]}"
        if tag in ("link", "iframe", "object", "embed", "base", "form", "svg"):
            yield tag


@pytest.mark.parametrize("hostile", [False, True])
def test_nothing_reaches_outside_and_nothing_runs(hostile: bool) -> None:
    page = Page(html_made(hostile=hostile))
    assert not list(leaks(page))
    assert not page.broken
    assert len(page.all("script")) == len(page.all("style")) == 1


def test_hostile_text_is_shown_as_text() -> None:
    found = html_made(hostile=True)
    page = Page(found)
    shown = HOSTILE.replace("\u202e", "[U+202E]")
    assert f"logistic{shown}" in page.text()
    assert "49" not in page.text("h1")
    assert "\u202e" not in found
    assert not [attrs for attrs in page.all("img") if attrs.get("src") == "x"]


def test_every_figure_says_what_it_shows(page: Page) -> None:
    images = page.all("img")
    assert len(images) == 11 + 7
    assert all(len(image["alt"]) > 80 and image["width"].isdigit() for image in images)
    assert len({image["alt"] for image in images}) == len(images)


def test_links_inside_the_page_lead_somewhere(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in page.all("a") if attrs["href"].startswith("#")} <= set(ids)


def test_every_table_has_a_caption_and_no_empty_cell(html: str, page: Page) -> None:
    assert len(page.all("table")) == len(page.all("caption"))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html, re.S)
    assert len(cells) > 300
    assert not [cell for cell in cells if not re.sub(r"<[^>]+>|\s", "", cell)]
    assert not re.search(r">\s*(nan|None|inf)\s*<", html)


def test_the_first_words_answer_the_question(page: Page) -> None:
    said = page.text("main").replace("\u00a0", " ")
    start = said.index("network can be explained less than logistic")
    paragraph = said[start : said.index("Not tested", start)]
    assert "by each model's best method (SHAP for both) a list of features tells 0.95 of what moves its output, against 1.00" in paragraph
    gap = "corrected for chance the gap is \u22120.05 [\u22120.06, \u22120.04] (40 cases; review: more than the 0.02 accepted)."
    assert f"against 1.00; {gap}" in paragraph
    assert said.count("counted beyond how many features are shown") == 1
    assert "exploratory" not in paragraph
    assert "lies in the model (interactions between features), not in the method: SHAP loses 0.00" in paragraph
    assert "In return network predicts no better: ROC-AUC" in paragraph
    assert "Not tested: of 61 cells 1 failed and 8 not applicable" in said


def test_a_difference_in_prediction_is_said_first() -> None:
    source = made()
    better = Interval(0.1, 0.05, 0.15, 300, "resampled predictions", 0.001)
    rows = tuple(
        replace(row, difference=better) if row.model == "forest" and row.difference else row for row in source.comparison.performance
    )
    said = Page(html_of(replace(source, comparison=replace(source.comparison, performance=rows)))).text("main")
    assert said.index("do not predict equally well. forest predicts better") < said.index("can be explained")


def test_that_models_predict_unlike_is_said_once() -> None:
    source = made()
    better = Interval(0.1, 0.05, 0.15, 300, "resampled predictions", 0.001)
    rows = tuple(replace(row, difference=better) if row.difference else row for row in source.comparison.performance)
    said = Page(html_of(replace(source, comparison=replace(source.comparison, performance=rows)))).text("main")
    assert said.count("First: the models do not predict equally well.") == 1
    assert re.search(r"equally well\. forest predicts better: [^;]*?rows\)\. network predicts better: ", said.replace("\u00a0", " "))


FEW = "few differing cases: decides nothing"


def test_a_headline_gap_on_few_differing_cases_is_flagged_everywhere() -> None:
    weak = Interval(-0.05, -0.09, -0.01, 40, "BCa, few differing cases", 0.001)
    found = html_of(with_gap(made(), 0, gap=weak, p_adjusted=1.0, verdict="cannot be told apart"))
    page, said = Page(found), Page(found).text("main").replace("\u00a0", " ")
    span = "\u22120.05 [\u22120.09, \u22120.01]"
    assert f"corrected for chance the gap is {span} ({FEW}; 40 cases; review: may be more than the 0.02 accepted)" in said
    assert said.count(span) == said.count(f"{span} ({FEW}")
    assert f"not tested ({FEW})" in said
    assert "1.00 (Holm)" not in said
    assert "and not tested on 1 of the headline questions" in said
    (alt,) = [image["alt"].replace("\u00a0", " ") for image in page.all("img") if image["alt"].startswith("Forest plot")]
    assert f"{span} ({FEW})" in alt
    assert "dotted lines rest on few differing cases and decide nothing" in said


def test_gaps_that_are_all_equal_show_their_p() -> None:
    equal = Interval(-0.1, None, None, 40, "all equal", 2.0**-39)
    said = Page(html_of(with_gap(made(), 0, gap=equal, p_adjusted=0.0001, verdict="worse"))).text("main").replace("\u00a0", " ")
    notes = "no interval: all cases differ equally; sign-flip test, p <0.001; 40 cases; review: more than the 0.02 accepted"
    assert f"the gap is \u22120.10 ({notes})" in said
    assert "<0.001 (Holm; all cases differ equally; sign-flip test)" in said


def test_a_first_sentence_that_rests_on_an_exploratory_gap_says_so() -> None:
    source = made()
    gaps = tuple(replace(row, headline=False, p_adjusted=None) for row in source.comparison.gaps)
    said = Page(html_of(replace(source, comparison=replace(source.comparison, gaps=gaps)))).text("main").replace("\u00a0", " ")
    assert "(40 cases; exploratory). The missing" in said


def test_one_is_not_many() -> None:
    source = made()
    methods = tuple(method for method in source.results.methods if method.name in ("shap", "random"))
    said = Page(html_of(replace(source, results=replace(source.results, methods=methods)))).text("header").replace("\u00a0", " ")
    assert "; 1 method and a control; 40 cases of 12 features" in said


def test_long_reasons_are_cut_for_display_only() -> None:
    source = made()
    cells = (*source.results.cells, Cell("forest", "shap", "seed_stability", "failed", "no memory " * 200))
    source = replace(source, results=replace(source.results, cells=cells))
    found = report.build(source.results, source.comparison)
    assert any(len(row["reason"]) == 2000 for row in found["limits"])
    said = Page(report.render(found)).text()
    assert "no memory no memory" in said
    assert "no memory " * 31 not in said


def test_headings_go_down_one_step_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert max(levels) == 3


def test_what_scrolls_shows_its_focus_and_has_a_name(html: str, page: Page) -> None:
    regions = [attrs for _, attrs in page.tags if attrs.get("tabindex") == "0"]
    assert len(regions) > 20
    assert {attrs["class"] for attrs in regions} == {"scroll", "card"}
    assert all(attrs["role"] == "region" and attrs["aria-label"] for attrs in regions)
    (css,) = re.findall(r"<style>(.*?)</style>", html, re.S)
    for selector in (".scroll:focus-visible", ".card:focus-visible"):
        assert re.search(rf"{re.escape(selector)}[^{{}}]*{{[^}}]*outline: 2px solid", css)
    removed = [line.partition("{")[0].strip() for line in css.splitlines() if "outline: none" in line]
    assert removed == ["main:focus, .case:focus"]  # where the script or a link jumps to
    assert re.search(r"\.picker a {[^}]*min-height: 24px; min-width: 24px", css)


def test_a_ninth_model_is_told_from_the_first_by_its_number() -> None:
    source = made()
    more = tuple(replace(source.results.models[2], name=f"network {i}") for i in range(6))
    results = replace(source.results, models=(*source.results.models, *more))
    said = Page(html_of(replace(source, results=results))).text("header")
    assert "1 logistic" in said
    assert "9 network 5" in said


def test_verdicts_and_words_for_what_is_missing() -> None:
    source = with_gap(made(), 0, gap=Interval(None, None, None, 0, "no room"), verdict="cannot be told apart")
    said = Page(html_of(source)).text()
    assert "Whether forest can be explained as well as logistic was not measured: no room. In return forest" in said
    assert "not measured (no room)" in said
    assert "0.00 (no interval: all equal)" in said  # the logistic model has nothing beyond a list of features
    level = with_gap(made(), 0, verdict="cannot be told apart")
    assert "forest and logistic cannot be told apart in how far they can be explained" in Page(html_of(level)).text()


def test_controls_exploratory_and_people_are_marked(page: Page) -> None:
    said = page.text()
    assert "control (knows nothing of the model)" in said
    assert "<0.001, exploratory" in said
    assert "(Holm)" in said
    assert said.count("not provided") >= 6


def test_limits_show_the_reasons(page: Page) -> None:
    said = page.text()
    limits = said[said.index("What was not tested?") :]
    assert "LinAlgError: singular matrix in the local fit" in limits
    assert NOT_OPEN in limits
    assert "no neighbour" in limits
    assert limits.count("not among the") == 2
    assert "Cases left out by design, everywhere: not among the 30 cases that this metric takes (stability over seeds and" in limits
    assert "the background's mean prediction of forest differs" in limits


def test_a_section_that_raises_costs_only_itself(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(report: dict[str, Any]) -> list[Any]:
        raise KeyError("no such <thing>")

    plugin = SECTIONS["gaps"]
    monkeypatch.setitem(SECTIONS._found, "gaps", Plugin(plugin.order, plugin.title, plugin.question, broken))
    page = Page(html_of(made()))
    assert [text.strip() for text in page.texts["h2"] if text.strip()] == TITLES
    assert page.text().count("section 'Gaps': KeyError: 'no such <thing>'") == 2  # in its place, and under Limits
    assert "could not be made" in caplog.text


def test_no_section_fails_on_any_variant(caplog: pytest.LogCaptureFixture) -> None:
    for variant in ({}, {"task": "regression"}, {"hostile": True}, {"shown": False}):
        source = made(**variant)  # type: ignore[arg-type]  # the variants are keywords of made
        compose(report.build(source.results, source.comparison))
    assert not caplog.records


def test_a_bare_run_still_makes_a_whole_page(caplog: pytest.LogCaptureFixture) -> None:
    source = made()
    results = replace(source.results, models=source.results.models[:1], cells=(), limits=(), provenance={}, data={}, study={})
    comparison = replace(source.comparison, skills=(), gaps=(), agreement=(), performance=(), predictions_agree={}, curves=())
    said = Page(html_of(Made(results, comparison))).text()
    assert not caplog.records
    assert "There is only one model in this study" in said
    for words in (
        "The decomposition was not measured",
        "No gap was computed",
        "Prediction quality was not measured",
        "Agreement was not measured",
        "Removal curves were not measured",
        "Stability was not measured, nor was sanity",
    ):
        assert words in said


def test_values_do_not_appear_when_hidden() -> None:
    shown, hidden = html_made(), html_made(shown=False)
    assert "savings = " in shown
    assert "savings = " not in hidden
    assert "the outcome was" not in hidden
    assert "Values of cases are not shown" in Page(hidden).text()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((0.8, 0.0, 0.2), "The missing 0.20 lies in the model (interactions between features), not in the method: SHAP loses 0.00."),
        ((0.8, 0.19, 0.01), "The missing 0.20 is lost by the method (SHAP), not by the model: beyond any list of features is 0.01."),
        ((0.8, 0.1, 0.1), "Of the missing 0.20, 0.10 lies in the model (interactions) and 0.10 is lost by SHAP."),
        ((0.999, 0.001, 0.0), "Nothing is missing."),
    ],
)
def test_the_sentence_says_where_the_rest_lies(parts: tuple[float, float, float], said: str) -> None:
    source = made()
    found = report.build(source.results, source.comparison)
    (row,) = [row for row in found["decomposition"] if (row["model"], row["explainer"]) == ("forest", "shap")]
    for name, share in zip(("explained", "lost_by_method", "beyond_additive"), parts, strict=True):
        row[name]["estimate"] = share
    assert said in Page(report.render(found)).text()


def test_columns_beside_each_other_are_shown_with_their_figures() -> None:
    source = made()
    figure = Figure("pair", draw(1, 1, lambda figure: None), "alt of the pair", "caption")
    section = Section("x", 1, "Title", "Question?", (SideBySide(((Prose(("left",)), figure), (Prose(("right",)),))),))
    html = page_of(report.build(source.results, source.comparison), [section])
    assert "alt of the pair" in html
    assert Page(html).text("p").count("left") == Page(html).text("p").count("right") == 1
    ((name, svg),) = figures([section]).items()
    assert name == "pair.svg"
    assert svg.endswith(b"</svg>\n")


def test_spaces_are_named_and_never_mixed(page: Page) -> None:
    waterfalls = [image["alt"] for image in page.all("img") if image["alt"].startswith("Waterfalls")]
    assert len(waterfalls) == 7
    assert all("(margin)" in alt and "(probability)" in alt and "one panel per model" in alt for alt in waterfalls)
