"""docs/cards.md: its expressions can be asked, and its commands are those that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from xai_compare.cli import app
from xai_compare.compare.threshold import Known, check, threshold

PAGE = (Path(__file__).parents[2] / "docs" / "cards.md").read_text(encoding="utf-8")
METRICS = {"additive_fit": ("fidelity", True, "method"), "input_stability": ("stability", True, "method")}
METRICS |= {"performance": ("performance", False, "model")}
KNOWN = Known(("logistic", "network", "my model"), "logistic", ("shap",), METRICS, ("ROC-AUC", "F1 (macro)"))

COMMANDS = re.findall(r"xai-compare ([a-z]+ [^`\n]*)", PAGE)
EXPRESSIONS = re.findall(r"`((?:gap|skill)\.[^`]* [<>]=? [^`]*|score\.[^`]* < [^`]*|any \w+)`", PAGE)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_those_that_there_are(line: str) -> None:
    words = shlex.split(line, comments=True)
    command = get_command(app).commands[words[0]]
    command.make_context(words[0], words[1:])
    for place, word in enumerate(words):
        if word == "--fail-on":
            check([threshold(words[place + 1])], KNOWN)


def test_all_commands_were_found() -> None:
    assert {line.split()[0] for line in COMMANDS} == {"attach", "run", "report", "verify"}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_can_be_asked(text: str) -> None:
    check([threshold(text)], KNOWN)


def test_names_of_the_page_can_be_asked() -> None:
    assert len(EXPRESSIONS) >= 6
    names = re.findall(r"`((?:gap|skill|score)\.[^`<>]+)`", PAGE)
    assert len(names) == 3
    check([threshold(f"{name} < 0") for name in names], KNOWN)
