"""Numbers and names as a reader sees them."""

from __future__ import annotations

import pytest

from xai_compare.report.words import (
    abridged,
    anchor,
    case_anchors,
    gap_text,
    interval_text,
    number_text,
    p_text,
    p_words,
    shortened,
    shown_name,
    span_text,
    visible,
)


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


def gap(how: str, p: float | None, low: float | None = None, high: float | None = None) -> dict[str, object]:
    return {"estimate": 0.5, "low": low, "high": high, "n": 40, "how": how, "p": p, "reason": None if low else how}


FEW = "few differing cases: decides nothing"


@pytest.mark.parametrize(
    ("found", "adjusted", "headline", "p", "said"),
    [
        (gap("bootstrap-t", 0.03, 0.2, 0.8), 0.06, True, "0.060 (Holm)", "0.50 [0.20, 0.80]"),
        (gap("bootstrap-t", 0.03, 0.2, 0.8), None, False, "0.030, exploratory", "0.50 [0.20, 0.80]"),
        (gap("BCa, few differing cases", 0.001, 0.2, 0.8), 1.0, True, f"not tested ({FEW})", f"0.50 [0.20, 0.80] ({FEW})"),
        (gap("BCa, few differing cases", 0.001, 0.2, 0.8), None, False, f"0.001, exploratory ({FEW})", f"0.50 [0.20, 0.80] ({FEW})"),
        (gap("few differing cases", None), 1.0, True, f"not tested ({FEW})", f"0.50 (no interval: {FEW})"),
        (gap("too few cases", None), 1.0, True, "not tested (too few cases)", "0.50 (no interval: too few cases)"),
        (gap("too few cases", None), None, False, "none (too few cases)", "0.50 (no interval: too few cases)"),
        (gap("all equal", None), 1.0, True, "not tested (no case differs)", "0.50 (no interval: no case differs)"),
        (
            gap("all equal", 0.004),
            0.008,
            True,
            "0.008 (Holm; all cases differ equally; sign-flip test)",
            "0.50 (no interval: all cases differ equally)",
        ),
        (
            gap("all equal", 0.004),
            None,
            False,
            "0.004, exploratory (all cases differ equally; sign-flip test)",
            "0.50 (no interval: all cases differ equally)",
        ),
    ],
)
def test_a_gap_says_what_it_rests_on(found: dict[str, object], adjusted: float | None, headline: bool, p: str, said: str) -> None:
    assert p_words({"gap": found, "p_adjusted": adjusted, "headline": headline}) == p
    assert gap_text(found).replace("\u00a0", " ") == said


def test_long_reasons_end_in_an_ellipsis() -> None:
    assert abridged("x" * 300) == "x" * 300
    assert len(abridged("x" * 301)) == 300
    assert abridged("x" * 301).endswith("x\u2026")
    assert len(interval_text({"estimate": None, "low": None, "high": None, "reason": "y" * 5000})) < 330


@pytest.mark.parametrize("longest", [1, 2, 3, 10])
def test_shortened_text_has_its_length(longest: int) -> None:
    assert len(shortened("abcdefghijklmnop", longest)) == longest


def names(*models: str) -> list[str]:
    return [shown_name({"models": [{"name": name} for name in models]}, name) for name in models]


def test_models_that_nothing_else_tells_apart_get_a_number() -> None:
    assert names("a", "b") == ["a", "b"]
    assert names(*"abcdefghi")[:2] == ["1 a", "2 b"]  # the ninth has the first one's colour
    alike = [f"gradient boosting {depth} levels of trees" for depth in (3, 4)]
    assert names(*alike) == [f"1 {alike[0]}", f"2 {alike[1]}"]
    assert names("gradient boosting of depth 3", "gradient boosting of depth 5") == [
        "gradient boosting of depth 3",
        "gradient boosting of depth 5",
    ]


def test_no_negative_zero() -> None:
    assert number_text(-0.00001) == "0.00"


def test_hidden_characters_are_spelled_out() -> None:
    assert visible("a\u202eb\u2028c\x00d e\u00e9") == "a[U+202E]b[U+2028]c[U+0000]d e\u00e9"


def test_anchors_are_plain_and_unlike() -> None:
    assert anchor("case", '<b>"x y"') == "case-b-x-y"
    assert anchor("case", "\u2603") == "case-x"
    found = case_anchors({"cases": [{"id": "a b"}, {"id": "a?b"}, {"id": "a-b"}]})
    assert len(set(found.values())) == 3
