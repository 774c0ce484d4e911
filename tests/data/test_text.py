"""Words: the one splitter by hand-made examples, what a model is told, and hiding words against a loop that builds each text."""

from __future__ import annotations

import random
import unicodedata

import numpy as np
import pytest

from xai_compare.data.text import FILLS, GONE, MASK, TextSpace, as_texts, check_words, longest, plain, split, spoken
from xai_compare.errors import DataError

SPLITS = {
    "Don't panic": ["Don't", "panic"],
    "the well-known l\u2019été": ["the", "well-known", "l\u2019été"],
    "-5 o' clock'": ["-", "5", "o", "'", "clock", "'"],
    "!!! wow...ok": ["!!!", "wow", "...", "ok"],
    "&lt;#&gt; now": ["&", "lt", ";#&", "gt", ";", "now"],  # HTML is text like any other
    "cost £1,000.": ["cost", "£", "1", ",", "000", "."],
    "a_b snake_case": ["a_b", "snake_case"],
    "👍🏽 ❤️ ok 👩‍💻": ["👍🏽", "❤️", "ok", "👩‍💻"],
    unicodedata.normalize("NFD", "é naïve"): [unicodedata.normalize("NFD", word) for word in ("é", "naïve")],
    "हिन्दी में": ["हिन्दी", "में"],  # vowel signs belong to their letters
    "می‌خواهم": ["می‌خواهم"],  # and a joiner to its word
    "שלום, עולם": ["שלום", ",", "עולם"],
    "\u200fشكر\u200f": ["شكر"],  # a mark of direction is no word
    "1️⃣ a\ttab\n\nline": ["1️⃣", "a", "tab", "line"],
    f"x{MASK}y!{GONE}{MASK}": ["x", MASK, "y", "!", GONE, MASK],
    "": [],
    " \u200b\n ": [],
}


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


@pytest.mark.parametrize("text", SPLITS)
def test_a_text_is_split_as_by_hand(text) -> None:
    assert words(text) == SPLITS[text]


def test_every_sign_but_blanks_is_in_one_word() -> None:
    for text in SPLITS:
        inside = {place for start, end in split(text) for place in range(start, end)}
        outside = "".join(sign for place, sign in enumerate(text) if place not in inside)
        assert outside.replace("\u200b", "").replace("\u200f", "").strip() == ""
        assert sum(end - start for start, end in split(text)) == len(inside)


# ---- what a model is told


@pytest.mark.parametrize(
    ("text", "mask", "told", "left"),
    [
        ("a b c", "[M]", "a b c", [(0, "a"), (1, "b"), (2, "c")]),
        (f"a {MASK} c", "[M]", "a [M] c", [(0, "a"), (2, "c")]),
        (f"a {MASK} c", "", "a c", [(0, "a"), (2, "c")]),
        (f"a {GONE} c", "[M]", "a c", [(0, "a"), (2, "c")]),
        (f"{GONE} b {GONE}", "", "b", [(1, "b")]),
        (f"b{GONE}c", "", "b c", [(0, "b"), (2, "c")]),  # two words are never joined into a third
        (f"Hi{MASK} you{GONE}", "<m>", "Hi<m> you", [(0, "Hi"), (2, "you")]),
        (f"a{GONE}\n{GONE} b", "", "a\nb", [(0, "a"), (3, "b")]),
        (f"{MASK} {GONE}", "", "", []),
        ("", "[M]", "", []),
        (f" {GONE}{MASK} ", "[M]", "[M] ", []),
    ],
)
def test_hidden_words_are_said_or_dropped(text, mask, told, left) -> None:
    said, at = spoken(text, mask)
    assert said == told == plain(text, mask)
    assert [(slot, said[start:end]) for slot, start, end in at] == left


def test_what_is_told_splits_into_the_words_that_are_left() -> None:
    """Random texts of awkward signs: the same words, in the same slots, whichever way it is said."""
    rng = random.Random(0)
    for _ in range(4000):
        text = "".join(rng.choice(f"ab'-! \n\u0301\u200b{MASK}{GONE}{GONE}") for _ in range(rng.randrange(12)))
        left = [(slot, word) for slot, word in enumerate(words(text)) if word not in (MASK, GONE)]
        for mask in ("", "[MASK]"):
            said, at = spoken(text, mask)
            assert [(slot, said[start:end]) for slot, start, end in at] == left
            assert plain(text, mask) == said
        assert words(spoken(text, "")[0]) == [word for _, word in left]


# ---- texts from users


def test_signs_of_hidden_words_are_taken_out_of_the_users_texts() -> None:
    assert as_texts([f"a{MASK}b{GONE}", "c"]).tolist() == ["a b ", "c"]


@pytest.mark.parametrize(
    ("texts", "said"), [("one text", "one text"), ([], "no texts"), (["a", None], "row 1 is no text but NoneType"), ([1.5], "row 0")]
)
def test_what_is_no_list_of_texts_is_refused(texts, said) -> None:
    with pytest.raises(DataError, match=said):
        as_texts(texts)


def test_texts_without_a_word_are_refused_with_their_rows() -> None:
    check_words(as_texts(["a", "!!!"]))
    with pytest.raises(DataError, match="2 of 3 texts have no words, first row 1"):
        check_words(as_texts(["a", "  ", "\u200b"]))


# ---- the space

TEXTS = as_texts(["the cat sat", "Hi, you!", "one", "a-b  c\td e f", "…", ""])


@pytest.fixture
def space() -> TextSpace:
    return TextSpace(TEXTS, longest(TEXTS))


def test_the_longest_text_says_how_many_features_there_are(space) -> None:
    assert (space.d, longest(TEXTS, 3), longest([]), longest(["", ""])) == (5, 3, 1, 1)
    assert space.names[:2] == ("word 1", "word 2")
    assert set(space.kinds) == {"word"}
    assert len(space.names) == 5
    assert (space.modality, space.fills, space.cells, space.columns, len(space.feature_of)) == ("text", FILLS, 320, (), 0)
    assert [space.width(fill) for fill in FILLS] == [1, 1]
    assert [space.fill_rows(fill) for fill in FILLS] == [None, None]


def test_present_and_labels_by_hand(space) -> None:
    assert space.present(TEXTS).sum(axis=1).tolist() == [3, 4, 1, 5, 1, 0]
    assert space.labels(TEXTS)[:3] == [["the", "cat", "sat", "", ""], ["Hi", ",", "you", "!", ""], ["one", "", "", "", ""]]
    gone = np.array([f"the {GONE} sat {MASK}"], dtype=object)
    assert space.present(gone)[0].tolist() == [True, False, True, False, False]
    assert space.labels(gone)[0] == ["the", "", "sat", "", ""]


def by_loop(text: str, keep: np.ndarray, sign: str) -> str:
    out, done = "", 0
    for slot, (start, end) in enumerate(split(text)):
        out += text[done:start] + (text[start:end] if keep[slot] else sign)
        done = end
    return out + text[done:]


@pytest.mark.parametrize(("fill", "sign"), [("mask", MASK), ("drop", GONE)])
def test_hiding_equals_a_loop_over_words_and_keeps_the_slots(space, fill, sign) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(len(TEXTS), size=200)
    keep = (rng.random((200, space.d)) < 0.5) & space.present(TEXTS)[rows]
    hidden = space.hide(TEXTS, rows, keep, fill)
    assert hidden.tolist() == [by_loop(TEXTS[row], shown, sign) for row, shown in zip(rows, keep, strict=True)]
    assert (space.present(hidden) == keep).all()
    for text, row in zip(hidden, rows, strict=True):
        assert len(split(text)) == len(split(TEXTS[row]))
    whole = space.hide(TEXTS, np.arange(len(TEXTS)), space.present(TEXTS), fill)
    assert whole.tolist() == TEXTS.tolist()


def test_a_slot_that_is_hidden_already_changes_nothing(space) -> None:
    texts = np.array([f"the {GONE} sat"], dtype=object)
    keep = np.array([[True, False, False, False, False]])
    assert space.hide(texts, np.array([0]), keep, "mask").tolist() == [f"the {GONE} {MASK}"]


def test_the_last_feature_takes_all_words_from_there_on() -> None:
    space = TextSpace(TEXTS, 3)
    keep = np.array([[False, True, True], [True, True, False]])
    assert space.hide(TEXTS, np.array([3, 3]), keep, "mask").tolist() == [f"{MASK}  c\td e f", f"a-b  c\t{MASK}"]
    assert space.labels(TEXTS)[3] == ["a-b", "c", "d e f"]
    assert space.labels(TEXTS)[1] == ["Hi", ",", "you!"]
    partly = np.array([f"a b {GONE} d", f"a b {GONE} {MASK}"], dtype=object)
    assert space.present(partly).tolist() == [[True, True, True], [True, True, False]]
    long = TextSpace(TEXTS, 1).labels(as_texts(["word " * 50]))[0][0]
    assert len(long) == 60
    assert long.endswith("…")


def test_neighbours_lack_one_word_that_is_not_spared(space) -> None:
    rows = as_texts(["the cat sat", "one"])
    spare = np.zeros((2, space.d), dtype=bool)
    spare[0, 1] = True
    found = space.neighbours(rows, TEXTS, 40, [np.random.default_rng(i) for i in range(2)], spare)
    assert set(found[:40]) == {f"{GONE} cat sat", f"the cat {GONE}"}
    assert set(found[40:]) == {"one"}  # nothing would be left of it
    again = space.neighbours(rows, TEXTS, 40, [np.random.default_rng(i) for i in range(2)], spare)
    assert again.tolist() == found.tolist()
    spare[0] = True
    assert set(space.neighbours(rows[:1], TEXTS, 3, [np.random.default_rng(0)], spare[:1])) == {"the cat sat"}


def test_other_fills_are_refused(space) -> None:
    for asked in (
        lambda: space.width("mean"),
        lambda: space.fill_rows("mean"),
        lambda: space.hide(TEXTS, np.array([0]), np.ones((1, 5), bool), "mean"),
    ):
        with pytest.raises(DataError, match="unknown fill 'mean' for texts"):
            asked()


def test_with_background_keeps_the_features(space) -> None:
    other = space.with_background(TEXTS[:1])
    assert other.d == space.d
    assert other.background.tolist() == ["the cat sat"]
