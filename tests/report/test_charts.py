"""The pictures: same bytes for the same data, hostile labels harmless, odd numbers drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import matplotlib
import pytest

from tests.report.drawn import lettering
from tests.report.made import HOSTILE
from xai_compare.report.canvas import Drawing, Span, colour, label, paired
from xai_compare.report.charts import Bar, Dot, Gap, Grid, decomposition, dots, forest, heatmaps
from xai_compare.report.waterfall import Steps, order, waterfalls

HALF = Span(0.5, 0.4, 0.6)


def pictures(name: str = "x") -> dict[str, Drawing]:
    bars = [
        Bar(name, 0, name, False, Span(1.002), Span(-0.02, -0.03, -0.01), Span(0.0)),
        Bar(name, 0, "control", True, Span(-0.01), None, None),
    ]
    grid = Grid(name, 0, (name, "b", "c"), {(1, 0): 0.7, (2, 0): None, (2, 1): -0.9})
    steps = [Steps(name, 0, "margin", -0.2, 1.0, (0.5, -0.3, 1.0)), Steps("b", 1, "probability", 0.1, 0.1, (0.0, 0.0, 0.0))]
    return {
        "decomposition": decomposition(bars),
        "forest": forest([Gap(name, name, 0, HALF, 0.1, True), Gap("q", name, 1, Span(0.0), None, False)], "95 %"),
        "heatmaps": heatmaps([grid, Grid("two", 1, ("a", "b"), {(1, 0): 0.0})]),
        "dots": dots([(name, "higher is better", [Dot(name, 0, HALF), Dot("b", 1, Span(0.3))])] * 4),
        "waterfalls": waterfalls(steps, [name, "b", "c"]),
    }


@pytest.mark.parametrize("name", ["plain", HOSTILE, "$\\frac{1$", "\u6f22\u5b57 \U0001f600", "", "--", "x" * 500])
def test_any_name_can_be_drawn_and_is_no_markup(name: str) -> None:
    for drawing in pictures(name).values():
        tags = {node.tag.rpartition("}")[2] for node in ET.fromstring(drawing.svg).iter()}
        assert not tags & {"script", "img", "image", "foreignObject", "a"}


def test_same_data_same_bytes_and_no_date() -> None:
    first, second = pictures(), pictures()
    assert {name: one.svg for name, one in first.items()} == {name: one.svg for name, one in second.items()}
    assert not [name for name, one in first.items() if b"<dc:date>" in one.svg or b"Matplotlib v" in one.svg]


def test_the_users_settings_neither_show_nor_change() -> None:
    before = pictures()["forest"].svg
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert pictures()["forest"].svg == before
        assert matplotlib.rcParams["font.size"] == 30


def test_labels_are_cut_and_made_visible() -> None:
    assert label("a" * 40, 10) == "aaaaa\u2026aaaa"
    assert label("gradient boosting, depth 3", 18) != label("gradient boosting, depth 5", 18)
    assert label("a\u202eb") == "a[U+202E]b"
    assert label("\U0001f9ff") in ("\u25a1", "\U0001f9ff")


def test_a_value_is_never_cut() -> None:
    assert paired("worst fractal dimension", "0.07678", 30) == "worst frac\u2026dimension = 0.07678"
    assert paired("checking account", "no checking account at this bank", 44) == "chec\u2026ount = no checking account at this bank"
    assert len(paired("a" * 100, "b" * 500, 44)) == 44  # text that alone fills the room is cut, and stands whole in the table
    steps = [Steps("a", 0, "margin", 0.0, 1.0, (0.4, 0.6))]
    names, values = ["worst fractal dimension", "a = b of a very long name indeed"], ["0.07678", "no checking account at this bank"]
    words = lettering(waterfalls(steps, names, values))
    assert any(word.endswith("= 0.07678") for word in words)
    assert any(word.endswith("= no checking account at this bank") for word in words)


def test_a_gap_that_decides_nothing_says_so_in_the_picture() -> None:
    lines = [Gap("q", "a", 0, HALF, None, True, "few differing cases"), Gap("q", "b", 1, HALF, None, False)]
    flagged = lettering(forest(lines, "95 %"))
    assert sum(word.endswith("few differing cases") for word in flagged) == 1


def test_a_model_keeps_its_colour() -> None:
    assert len({colour(place) for place in range(8)}) == 8
    assert colour(0) == colour(8) == "#0072B2"


def test_features_are_ordered_by_share_not_by_size() -> None:
    big = Steps("a", 0, "margin", 0.0, 110.0, (100.0, 10.0))
    small = Steps("b", 1, "probability", 0.0, 0.2, (0.0, 0.2))
    assert order([big]) == [0, 1]
    assert order([big, small]) == [1, 0]


def test_waterfalls_start_with_the_leading_feature_and_sum_up_the_rest() -> None:
    values = tuple(float(i) for i in range(1, 15))
    words = lettering(waterfalls([Steps("a", 0, "margin", 0.0, sum(values), values)], [f"feature {i}" for i in range(1, 15)]))
    assert words.index("feature 14") < words.index("feature 5") < words.index("other (4 features)")
    assert "feature 4" not in words
    assert "+10" in words  # 1 + 2 + 3 + 4


def test_what_steps_leave_unexplained_is_drawn() -> None:
    adds_up = waterfalls([Steps("a", 0, "margin", 0.0, 1.0, (0.4, 0.6))], ["x", "y"])
    falls_short = waterfalls([Steps("a", 0, "margin", 0.0, 1.5, (0.4, 0.6))], ["x", "y"])
    assert "not accounted for" not in lettering(adds_up)
    assert "not accounted for" in lettering(falls_short)


def test_a_span_without_interval_ends_at_its_estimate() -> None:
    assert Span.of({"estimate": 0.5, "low": None, "high": None}) == Span(0.5)
    assert Span(0.5).ends == (0.5, 0.5)
    assert Span.of({"estimate": None, "low": None, "high": None}) is None
    assert Span.of(None) is None
