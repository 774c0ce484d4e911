"""Blocks in a text, whatever the text: what stands outside keeps every character, and what was put in can be taken out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_compare.cards.marks import find, newline_of, put, take
from xai_compare.errors import XaiCompareError

LINES = ("", "# Card", "text", "- item", "  indented", "```", "---", "<!-- a comment -->", "xai_compare: see below", "caf\u00e9", "a | b")
CONTENT = "\n### Found\n\n| a | b |\n|---|---|\n\n"


@st.composite
def cards(draw, newlines=("\n", "\r\n", "\r")):
    """Lines with newlines of one style or several, with front matter or without, ending anyhow."""
    lines = draw(st.lists(st.sampled_from(LINES), max_size=8))
    text = "".join(line + draw(st.sampled_from(newlines)) for line in lines)
    front = draw(st.sampled_from(("", "---\nlicense: mit\n---\n", "---\r\nlicense: mit\r\n---\r\n", "\ufeff")))
    return front + text + draw(st.sampled_from(("", "the end")))


contents = st.lists(st.sampled_from(("", "word", "| a | b |", "caf\u00e9")), max_size=4).map(lambda lines: "\n".join(["", *lines, "", ""]))


@settings(deadline=None)
@given(cards(), contents, contents)
def test_outside_the_block_no_character_changes(text, first, second) -> None:
    once = put(text, "a", first)
    assert once.startswith(text)
    assert put(once, "a", first) == once
    (block,) = find(once)
    assert block.content == first
    other = put(once, "a", second)
    (after,) = find(other)
    assert (other[: after.start], other[after.end :]) == (once[: block.start], once[block.end :])
    assert take(other, "a") == text


@settings(deadline=None)
@given(cards(), st.permutations("abc"), st.permutations("abc"))
def test_several_blocks_leave_in_any_order(text, come, go) -> None:
    held = text
    for name in come:
        held = put(held, name, CONTENT)
    for left, name in enumerate(go, 1):
        held = take(held, name)
        assert {block.id for block in find(held)} == set(go[left:])
    assert held == text


@settings(deadline=None)
@given(cards(), cards())
def test_what_is_written_after_a_block_stays(text, later) -> None:
    held = put(text, "a", CONTENT) + later
    (block,) = find(held)
    assert held[block.end :] == later
    gone = take(held, "a")
    assert gone.startswith(text)
    assert gone.endswith(later)
    assert set(gone[len(text) : len(gone) - len(later)]) <= set("\r\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("ending", [0, 1, 2, 3])
def test_one_blank_line_stands_before_a_new_block(newline, ending) -> None:
    text = f"a{newline}b{newline * ending}"
    held = put(text, "x", CONTENT)
    assert newline_of(held) == newline
    assert len(re.findall("\r\n|\n|\r", held)) == held.count(newline)
    before = held[: find(held)[0].start]
    assert before == f"a{newline}b{newline * max(ending, 2)}"


@pytest.mark.parametrize("text", ["", "\n", "\n\n"])
def test_in_an_empty_file_nothing_stands_before_it(text) -> None:
    held = put(text, "x", CONTENT)
    assert held.startswith(f"{text}<!-- xai_compare:begin id=x ")
    assert take(held, "x") == text


def test_a_hand_edited_block_stops_it_and_force_does_not() -> None:
    held = put("text\n", "x", CONTENT).replace("Found", "Found by me")
    for change in (lambda: put(held, "x", CONTENT), lambda: take(held, "x")):
        with pytest.raises(XaiCompareError, match=r"'x' was edited by hand.*--force"):
            change()
    assert put(held, "x", CONTENT, force=True) == put("text\n", "x", CONTENT)
    assert take(held, "x", force=True) == "text\n"


def test_newlines_that_git_changed_are_no_edit() -> None:
    held = put("text\n", "x", CONTENT)
    assert not find(held.replace("\n", "\r\n"))[0].edited
    assert put(held.replace("\n", "\r\n"), "x", CONTENT) == held.replace("\n", "\r\n")


BEGIN = f"<!-- xai_compare:begin id=x sha256={'0' * 64} added=1 -->"
END = "<!-- xai_compare:end id=x -->"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{BEGIN}\n", "begins and has no end"),
        (f"{END}\n", r"line 1: .* that did not begin"),
        (f"{BEGIN}\n{BEGIN}\n{END}\n", r"line 2: .* begins inside another"),
        (f"{BEGIN}\n<!-- xai_compare:end id=y -->\n", r"line 2: .*'y'.* did not begin"),
        (f"{BEGIN}\n{END}\n" * 2, r"line 4: the block 'x' is there twice"),
        ("<!-- xai_compare:begin id=x -->\n", "line 1: a marker of xai_compare that was changed"),
        ("\n  <!-- xai_compare:end -->\n", "line 2: a marker of xai_compare that was changed"),
        (f"text {BEGIN}\n{END}\n", "line 1: .* does not stand alone"),
        (f"{BEGIN}{END}\n", "line 1: .* does not stand alone"),
        (f"{BEGIN}\r{END} text", "line 2: .* does not stand alone"),
    ],
)
def test_markers_that_do_not_fit_together_stop_it(text, says) -> None:
    for change in (find, lambda held: put(held, "z", CONTENT), lambda held: take(held, "x")):
        with pytest.raises(XaiCompareError, match=says):
            change(text)


def test_a_sentence_about_markers_is_no_marker() -> None:
    assert find("Look between `<!-- xai_compare:begin ... -->` and the end.\n") == []


def test_a_block_that_is_not_there_cannot_be_taken() -> None:
    with pytest.raises(XaiCompareError, match=r"no block 'y' to remove. Blocks that are there: x$"):
        take(put("", "x", CONTENT), "y")
