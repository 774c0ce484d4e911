"""Numbers and names as a reader sees them."""

from __future__ import annotations

import pytest

from xai_compare.report.words import anchor, case_anchors, interval_text, number_text, p_text, span_text, visible


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ((0.418, 0.38, 0.46), "0.42 [0.38, 0.46]"),
        ((-0.05, -0.061, -0.039), "\u22120.05 [\u22120.06, \u22120.04]"),
        ((0.0123, 0.0031, 0.0212), "0.012 [0.003, 0.021]"),  # it leaves 0 out, so it must not read as touching it
        ((3120.4, 2900.0, 3340.0), "3120 [2900, 3340]"),
        ((1.0, 1.0, 1.0), "1.00 [1.00, 1.00]"),
    ],
)
def test_numbers_have_the_precision_of_their_interval(span: tuple[float, float, float], said: str) -> None:
    assert span_text(*span).replace("\u00a0", " ") == said


def test_a_missing_interval_is_words() -> None:
    told = {"estimate": 0.5, "low": None, "high": None, "reason": "all equal"}
    assert interval_text(told) == "0.50 (no interval: all equal)"
    assert interval_text({**told, "estimate": None}) == "not measured (all equal)"
    assert interval_text(None) == number_text(None) == "not measured"


def test_p_values() -> None:
    assert [p_text(p) for p in (0.0, 0.0009, 0.0312, 0.5, None)] == ["<0.001", "<0.001", "0.031", "0.50", "none"]


def test_no_negative_zero() -> None:
    assert number_text(-0.00001) == "0.00"


def test_hidden_characters_are_spelled_out() -> None:
    assert visible("a\u202eb\u2028c\x00d e\u00e9") == "a[U+202E]b[U+2028]c[U+0000]d e\u00e9"


def test_anchors_are_plain_and_unlike() -> None:
    assert anchor("case", '<b>"x y"') == "case-b-x-y"
    assert anchor("case", "\u2603") == "case-x"
    found = case_anchors({"cases": [{"id": "a b"}, {"id": "a?b"}, {"id": "a-b"}]})
    assert len(set(found.values())) == 3
