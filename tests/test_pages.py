"""Whatever a page names is there: commands with their options, files, targets of make, keys of a study, plugins, names in Python."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import typer
import yaml
from pydantic import ValidationError

import xai_compare
from tests.pages import DOCS, PAGES, ROOT, STUDIES, blocks, commands, in_code, of, spans
from xai_compare.audit import Audit
from xai_compare.cli import app
from xai_compare.compare.threshold import threshold
from xai_compare.config import CompareSpec, DataSpec, ModelSpec, ReasonsSpec, ReportSpec, Study, study_from_dict
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.metrics import METRICS
from xai_compare.models.zoo import KINDS
from xai_compare.profiles import PROFILES
from xai_compare.reasons import reason_map
from xai_compare.registry import configured
from xai_compare.report.sections import SECTIONS
from xai_compare.streams import Streams

READ = PAGES | STUDIES
SPECS = {"": Study, "data": DataSpec, "compare": CompareSpec, "report": ReportSpec, "reasons": ReasonsSpec, "models": ModelSpec}


def pairs(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(page, one) for page, some in found.items() for one in some]


# ---- commands


@cache
def known() -> dict[str, Any]:
    found: dict[str, Any] = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group has them
    return found


def parsed(line: str) -> None:
    """Read a command line as the program would, and its thresholds; a command that is only named has to be there."""
    name, *words = shlex.split(line)
    assert name in known()
    if words:
        context = known()[name].make_context(name, words)
        for text in context.params.get("fail_on") or ():
            threshold(text)


SAID = {page: commands(text) for page, text in READ.items()}
SHORT = {page: [one for one in spans(text) if re.match(rf"({'|'.join(known())}) (\S*[A-Z]|-)", one)] for page, text in PAGES.items()}


@pytest.mark.parametrize(("page", "line"), pairs(SAID) + pairs(SHORT))
def test_every_command_line_is_one_that_the_program_takes(page: str, line: str) -> None:
    if line.split()[1:] and not set(line.split()[1:]) <= {"--long", "--rerun"}:  # else it says what the option is of
        parsed(line)
    else:
        assert line.split(maxsplit=1)[0] in known()
        assert set(line.split()[1:]) <= options(line.split(maxsplit=1)[0])


def options(*names: str) -> set[str]:
    return {text for name in names or known() for each in known()[name].params for text in each.opts}


@pytest.mark.parametrize("page", PAGES)
def test_every_option_is_one_of_the_program(page: str) -> None:
    for span in spans(PAGES[page]):
        if span.startswith("--"):
            assert set(re.findall(r"(?<!\S)--[a-z-]+", span)) <= options(), span
            for text in re.findall(r"^--fail-on '(.*)'$", span):
                threshold(text)


def test_every_command_is_told_somewhere() -> None:
    assert {line.split()[0] for some in (SAID, SHORT) for page in PAGES for line in some[page]} == set(known())


# ---- files, targets, extras


def test_every_file_is_there() -> None:
    for page, text in READ.items():
        for name in re.findall(r"(?<![\w./-])(?:docs|configs|tests|xai_compare|reports/gallery)/[\w./-]*\w", text):
            assert (ROOT / name).exists(), f"{page}: {name}"
        for name in re.findall(r"`([A-Z]+\.md)`", text):
            assert (ROOT / name).exists(), f"{page}: {name}"


def test_links_lead_somewhere() -> None:
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert link.startswith("http") or ((ROOT / page).parent / link).exists(), f"{page}: {link}"


def test_every_page_can_be_found_from_the_readme() -> None:
    assert set(DOCS) == {name for name in DOCS if f"docs/{name}" in PAGES["README.md"]}


@pytest.mark.parametrize("page", PAGES)
def test_every_target_is_one_of_the_makefile(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {found[1] for line in in_code(PAGES[page]) if (found := re.match(r"make ([a-z]+)", line))} <= targets


def test_every_extra_is_one_of_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra for text in READ.values() for extra in re.findall(rf"{project['name']}\[(\w+)\]", text)}
    assert named
    assert named <= set(project["optional-dependencies"])


# ---- studies and pieces of them


BASE = {"data": {"source": "sklearn:breast_cancer"}, "models": [{"name": "line", "kind": "logistic_regression"}]}
YAML = [(page, block) for page, text in PAGES.items() for block in of("yaml", text)]


def checked(study: Study) -> None:
    """Names and parameters of plugins, too; data need not be there."""
    for registry, asked in ((EXPLAINERS, study.explainers), (METRICS, study.metrics), (PROFILES, study.profiles)):
        for one in () if asked == "auto" else asked:
            configured(registry[one.name], one.params)
    for model in study.models:
        if model.load is None:
            KINDS[model.kind].check(model.params)
    assert study.report.sections == "auto" or set(study.report.sections) <= set(SECTIONS)


@pytest.mark.parametrize(("page", "block"), YAML, ids=[f"{page} {i}" for i, (page, _) in enumerate(YAML)])
def test_every_piece_of_a_study_is_valid(page: str, block: str) -> None:
    found = yaml.safe_load(block)
    if isinstance(found, list):
        features = [line.get("feature") or line["pattern"].replace("*", "amount") for line in found]
        assert reason_map(found, features, page)
    else:
        checked(study_from_dict({**BASE, **found}, where=page))


def takes(spec: Any, key: str, value: object) -> bool:
    """Whether a mapping of a study may have this key with this value; what else it lacks is not asked."""
    try:
        spec.model_validate({key: value})
    except ValidationError as error:
        return not [one for one in error.errors() if one["loc"][:1] == (key,)]
    return True


KEYS = {key for spec in SPECS.values() for key in spec.model_fields}
PARAMS = {"features", "encoder", "n_neighbors"}  # of kinds of models: `KINDS[...].check` knows them
ELSEWHERE = {"model_name"}  # of a Hugging Face card


@pytest.mark.parametrize("page", PAGES)
def test_every_key_in_a_line_is_one_of_a_study_and_takes_the_value(page: str) -> None:
    for span in spans(PAGES[page]):
        if not (found := re.match(r"([a-z_]+): \S", span)):
            continue
        assert found[1] in {*KEYS, *PARAMS, *ELSEWHERE}, span
        if found[1] in KEYS and "..." not in span:
            assert any(takes(spec, found[1], yaml.safe_load(span)[found[1]]) for spec in SPECS.values()), span


@pytest.mark.parametrize("page", PAGES)
def test_every_key_with_its_place_is_one_of_a_study(page: str) -> None:
    suffixes = {"csv", "html", "json", "md", "npz", "parquet", "yaml"}
    for span in spans(PAGES[page]):
        if (found := re.fullmatch(r"(data|compare|report|reasons|models)\.([a-z_]+)", span)) and found[2] not in suffixes:
            assert found[2] in SPECS[found[1]].model_fields, span


# ---- plugins and names in Python


def in_tables(text: str) -> set[str]:
    """The words in backticks of all tables."""
    rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    return set(re.findall(r"`([a-z0-9_]+)`", rows))


def test_the_tables_of_the_readme_have_every_metric_and_every_explainer() -> None:
    named = in_tables(PAGES["README.md"])
    unseen = {"random"}  # which the table calls the control
    assert named >= {*METRICS, *PROFILES, *EXPLAINERS} - unseen - {METRICS_OF_REASONS}
    assert named <= {*METRICS, *PROFILES, *EXPLAINERS}


METRICS_OF_REASONS = next((name for name in METRICS if METRICS[name].question == "reasons"), "")


def words() -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        yield from ((page, span) for span in spans(text) if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", span))


@cache
def source() -> set[str]:
    """Every word of the package, and the fixtures of the tests."""
    files = [*(ROOT / "xai_compare").rglob("*.py"), ROOT / "tests" / "conftest.py"]
    return {word for file in files for word in re.findall(r"\w+", file.read_text(encoding="utf-8"))}


def test_every_word_with_an_underscore_is_one_of_ours() -> None:
    foreign = {"save_pretrained"}  # of transformers
    written = {word for text in PAGES.values() for language, block in blocks(text) if language for word in re.findall(r"\w+", block)}
    assert {(page, word) for page, word in words() if word not in source() | foreign | written} == set()


OWNERS = {
    "xc": {*xai_compare.__all__},
    "result": {*dir(Audit), *Audit.__init__.__code__.co_names},
    "game": {*dir(Game), *Game.__init__.__code__.co_names},
    "streams": {*dir(Streams)},
}


@pytest.mark.parametrize("page", PAGES)
def test_every_name_in_python_is_there(page: str) -> None:
    for span in spans(PAGES[page]):
        for owner, name in re.findall(r"(?<![\w.])(xc|result|game|streams)\.([a-z_]+)", span):
            assert name in OWNERS[owner], span


def test_every_block_is_in_a_language_that_is_tested() -> None:
    """Python, commands and what they print in `test_docs` and `test_readme`, yaml here; toml is a package, which `test_docs` finds."""
    found = {(page, language) for page, text in PAGES.items() for language, _ in blocks(text)}
    found -= {("docs/report-json.md", "py")}  # `tests/report/test_schema_page.py` runs it beside a report.json
    assert {language for _, language in found} == {"python", "sh", "text", "toml", "yaml"}
    assert {page for page, language in found if language in ("python", "sh", "text")} <= {"README.md", *(f"docs/{name}" for name in DOCS)}
