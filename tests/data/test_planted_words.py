"""Texts made by a known rule: the planted words alone tell the class, and the truth marks them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from xai_compare.config import DataSpec
from xai_compare.data.planted_words import FILLERS, PLANTED
from xai_compare.data.sources import read
from xai_compare.errors import DataError, UnknownName


def made(seed: int = 0, **options):
    return read(DataSpec.model_validate({"source": "synthetic:words", **options}), seed)


def test_the_planted_words_tell_the_class_and_nothing_else_does() -> None:
    data = made(params={"rows": 400})
    for text, code in zip(data.test.inputs, data.test.y, strict=True):
        own, other = (PLANTED[data.classes[each]] for each in (code, 1 - code))
        assert 1 <= len(set(text.split()) & set(own)) <= 3
        assert not set(text.split()) & set(other)
        assert set(text.split()) <= {*own, *FILLERS}
    everyone = [word for words in PLANTED.values() for word in words]
    assert len({*everyone, *FILLERS}) == len(everyone) + len(FILLERS)


def test_the_truth_marks_them_by_another_reading() -> None:
    data = made()
    planted = re.compile("|".join(word for words in PLANTED.values() for word in words))
    for text, mask in zip(data.test.inputs, data.truth.mask, strict=True):
        words = text.split(" ")
        assert [word for word, marked in zip(words, mask, strict=False) if marked] == planted.findall(text)
        assert not mask[len(words) :].any()
    assert data.truth.attribution is None
    places = np.flatnonzero(data.truth.mask.any(axis=0))
    assert places.tolist() == list(range(data.space.d))  # anywhere in the text


def test_size_and_seed_are_the_studys() -> None:
    data = made(params={"rows": 50, "length": 30, "planted": 3, "seed": 1})
    lengths = [len(text.split()) for text in (*data.train.inputs, *data.test.inputs)]
    assert len(lengths) == 50
    assert min(lengths) >= 20
    assert max(lengths) == data.space.d <= 40
    assert data.about["made"] == {"rows": 50, "length": 30, "planted": 3, "seed": 1}
    assert set(made(1).train.inputs) | set(made(1).test.inputs) == set(made().train.inputs) | set(made().test.inputs)
    assert not set(made().test.inputs) & set(made(params={"seed": 1}).test.inputs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"params": {"rows": 5}}, "rows must be 20 to 100,000"),
        ({"params": {"length": 5}}, "length must be 6 to 60"),
        ({"params": {"seed": -1}}, "seed must be 0 or more"),
        ({"params": {"columns": 5}}, "unknown parameter 'columns'"),
        ({"source": "synthetic:word"}, "unknown synthetic data 'word': did you mean 'words'"),
        ({"text": "t"}, "remove text"),
        ({"groups": {"a": ["b", "c"]}}, "has no use for 'groups'"),
        ({"slices": ["x0"]}, "has no use for 'slices'"),
    ],
)
def test_what_does_not_fit_is_refused(options, said) -> None:
    with pytest.raises((DataError, UnknownName), match=said):
        made(**options)
