"""docs/choosing.md: what it says of the methods is so, and its questions are those of the report's section."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from tests.pages import DOCS
from tests.report.made import made
from tests.worlds import WORLDS, net
from xai_compare.config import DataSpec
from xai_compare.data.sources import read
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models.adapt import adapt
from xai_compare.models.trained import Training
from xai_compare.registry import configured
from xai_compare.report import build
from xai_compare.report.blocks import Heading
from xai_compare.report.sections import SECTIONS
from xai_compare.streams import Streams
from xai_compare.types import Attribution, Data, Model

PAGE = DOCS["choosing.md"]
TIMES = "\N{MULTIPLICATION SIGN}"


def methods() -> dict[str, tuple[str, ...]]:
    rows = re.findall(r"^\| `(\w+)` \| " + r"(.*?) \| " * 5 + r"(.*?) \|$", PAGE, flags=re.MULTILINE)
    return {name: tuple(said) for name, *said in rows}


def test_the_page_says_of_every_method_what_it_says_of_itself() -> None:
    words = {False: "no", True: "yes"}
    assert {name: said[:3] for name, said in methods().items()} == {
        name: (EXPLAINERS[name].scope, words[EXPLAINERS[name].signed], words[EXPLAINERS[name].additive]) for name in EXPLAINERS
    }


def test_the_page_names_what_is_only_run_on_request() -> None:
    (named,) = re.findall(r"only run\s+on request \(([^)]*)\)", PAGE)
    assert set(re.findall(r"`(\w+)`", named)) == {name for name in EXPLAINERS if getattr(EXPLAINERS[name], "on_request", False)}


XOR = DataSpec(source="synthetic:xor", params={"rows": 60, "columns": 8}, background=5, explain=3)
QUICK: dict[str, dict[str, Any]] = {
    "logistic_regression": {},
    "random_forest": {"n_estimators": 4},
    "mlp": {"epochs": 2},
    "cnn": {"epochs": 2},
}
KNOWN = "with known outcomes"
# What the last column may say, and on which of these models such a method runs.
FITS = {
    "any model": {"function", "line", "tree", "net", "pixels", "cnn", "lstm", "transformer"},
    "nets": {"net", "cnn", "lstm", "transformer"},
    "nets with a convolution": {"cnn"},
    "transformers": {"transformer"},
    "lines and trees on tables": {"line", "tree"},
    f"any model on tables, {KNOWN}": {"function", "line", "tree", "net"},
    f"models of the study on tables, {KNOWN}": {"line", "tree", "net"},
}


def xor(rows: Any) -> Any:
    return (rows["x0"] * rows["x1"] > 0).astype(float)


@pytest.fixture(scope="module")
def asked_of() -> dict[str, tuple[Model, Data]]:
    """A model of each sort: a function, what a study trains on a table, and on images, series and texts."""
    table = read(XOR, 0)
    made: dict[str, tuple[Model, Data]] = {"function": (adapt("function", xor, table.train.inputs, table.classes), table)}
    for name, kind in (("line", "logistic_regression"), ("tree", "random_forest"), ("net", "mlp")):
        made[name] = (Training(name, kind, 0, QUICK[kind]).train(table)[0], table)
    for name, kind, modality in (("pixels", "logistic_regression", "image"), ("cnn", "cnn", "image")):
        made[name] = (Training(name, kind, 0, QUICK[kind]).train(WORLDS[modality]())[0], WORLDS[modality]())
    return made | {kind: (net(kind, modality, 2), WORLDS[modality]()) for kind, modality in (("lstm", "series"), ("transformer", "text"))}


def explained(method: str, model: Model, data: Data, seed: int = 0) -> tuple[Attribution, int] | None:
    """Two cases by a method with the model rows that it asked for; None where it is not applicable."""
    game = Game(model, data, data.cases(np.arange(2)), np.arange(2), np.ones(2, dtype=np.int64), model.native, data.space.fills[0])
    try:
        return configured(EXPLAINERS[method], {})(game, Streams(seed)), game.rows_spent
    except NotApplicable:
        return None


@pytest.mark.parametrize("method", methods())
def test_a_method_fits_and_varies_as_the_page_says(method: str, asked_of) -> None:
    _, _, _, random, _, fits = methods()[method]
    first, second = ({name: explained(method, *one, seed) for name, one in asked_of.items()} for seed in (0, 1))
    assert {name for name, found in first.items() if found} == FITS[fits]
    moved = {name for name, found in first.items() if found and not np.allclose(found[0].known(), second[name][0].known())}
    if random == "unless exact":
        exact = {name for name, found in first.items() if found and found[0].about["exact"]}
        assert exact
        assert moved
        assert not exact & moved
    else:
        assert bool(moved) == (random == "yes")


@pytest.mark.parametrize("method", methods())
def test_a_method_costs_what_the_page_says(method: str, asked_of) -> None:
    """From outside: counted on the function. With gradients: the factor is one of the method's own parameters."""
    cost = methods()[method][4]
    model, data = asked_of["function"]
    found = explained(method, model, data)
    if found is None:
        parameters = {str(field.default) for field in fields(EXPLAINERS[method])}
        assert set(re.findall(r"\d+", cost)) <= parameters | {"1"}
        return
    formula = re.match(r"[^;,(]*?(?= at most|;|, once|, else| on tables|$)", cost.replace("5,000", "5000"))
    numbers = {"features": data.space.d, "background": len(data.background), "test rows": len(data.test.inputs), "none": 0}
    worked_out = re.sub("|".join(numbers), lambda name: str(numbers[name[0]]), formula[0]).replace(TIMES, "*")
    expected = eval(worked_out) * (1 if "once" in cost else 2)  # a product of numbers
    asked = found[1]
    if "at most" in cost:
        assert expected / 4 < asked <= expected
        for name in ("line", "tree") if "none for lines and trees" in cost else ():  # but for the cases, and for nothing shown
            assert explained(method, *asked_of[name])[1] == 2 + len(data.background)
    else:  # and the cases themselves, once with everything shown and once with nothing
        assert expected <= asked <= expected + len(data.test.inputs) + 2


def test_the_questions_of_the_page_are_those_of_the_section() -> None:
    source = made()
    headings = [block.text for block in SECTIONS["choosing"].make(build(source.results, source.comparison)) if isinstance(block, Heading)]
    assert re.findall(r"^\| ([A-Z][^|]*\?) \|", PAGE, flags=re.MULTILINE) == headings
