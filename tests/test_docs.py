"""The pages under docs/: what they show runs, and what their tables say is so."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.made import TABULAR
from tests.pages import DOCS, ROOT, name_of, of
from tests.pages import PAGES as EVERY
from tests.pages import blocks as every_block
from tests.report.made import made
from xai_compare.config import DataSpec, study_from_dict
from xai_compare.data.sources import _SKLEARN, read
from xai_compare.data.synthetic import RULES
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.metrics import METRICS
from xai_compare.models.zoo import KINDS
from xai_compare.profiles import PROFILES
from xai_compare.registry import configured
from xai_compare.report import build
from xai_compare.report.blocks import Prose
from xai_compare.report.sections import SECTIONS, chosen
from xai_compare.run.plan import plan_study
from xai_compare.streams import Streams
from xai_compare.types import Data, Model

PAGES = DOCS
REGISTRIES = (EXPLAINERS, METRICS, PROFILES, SECTIONS)


def blocks(page: str, language: str) -> list[str]:
    return of(language, PAGES[page])


# ---- what runs


@pytest.fixture
def as_found() -> Iterator[None]:
    """Plugins that a page registers are gone afterwards, for the other tests ask the registries what there is."""
    before = [(registry, {name: registry[name] for name in registry}) for registry in REGISTRIES]
    yield
    for registry, found in before:
        registry._found = found
    for own in (name_of(block) for text in PAGES.values() for block in of("python", text)):
        sys.modules.pop(own.removesuffix(".py"), None)


def shell(block: str) -> None:
    """Run the lines of a block, which are all commands of this package."""
    for line in block.splitlines():
        name, *words = shlex.split(line)
        assert name == "xai-compare"
        subprocess.run([sys.executable, "-m", "xai_compare.cli", *words], check=True)


def near(said: str, shown: str) -> bool:
    """Whether a line is the one that the page shows: the same words, and numbers that differ in their last digit at most."""
    number = r"-?\d+\.\d+"
    if re.sub(number, "#", said).split() != re.sub(number, "#", shown).split():
        return False
    found = zip(re.findall(number, said), re.findall(number, shown), strict=True)
    return all(abs(float(a) - float(b)) < 1.5 * 10.0 ** -len(b.partition(".")[2]) for a, b in found)


@pytest.mark.usefixtures("as_found")
@pytest.mark.parametrize("page", [name for name in PAGES if blocks(name, "python")])
def test_the_page_runs_and_prints_what_is_said(page: str, tmp_path, monkeypatch, capfd) -> None:
    """In order, in an empty folder: Python and commands are run, blocks that are files are written, and text is what came out before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    said = ""
    for language, block in every_block(PAGES[page]):
        if file := name_of(block):
            (tmp_path / file).write_text(block, encoding="utf-8")
        elif language == "text":
            assert [line for line in block.splitlines() if not any(near(own, line) for own in said.splitlines())] == [], said
        elif language == "sh":
            shell(block)
            said = capfd.readouterr().out
        elif language == "python":
            exec(compile(block, page, "exec", dont_inherit=True), names)
            said = capfd.readouterr().out
            check_comments(block, said)


def prints(block: str) -> list[str]:
    """What stands in a comment behind each call of print."""
    calls = (node.value for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ours = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    after = [block.splitlines()[call.end_lineno - 1].encode()[call.end_col_offset :].decode() for call in ours]
    return [comment.removeprefix("  # ") for comment in after if comment]


def check_comments(block: str, said: str) -> None:
    """What stands behind a call of print is among what it printed."""
    for shown in prints(block):
        for line in shown.split("; "):
            assert line in said or any(near(own, line) for own in said.splitlines()), f"{line} is not in:\n{said}"


def test_comments_behind_a_print_are_found() -> None:
    assert prints("print(\n    1,\n)  # 1\nx = 2  # two\nfor one in []:\n    print(f(one))  # 3; 4\nprint(x)\n") == ["1", "3; 4"]


def test_lines_are_compared_by_words_and_by_the_last_digit() -> None:
    assert near("shap   0.91 ok", "shap 0.90 ok")
    assert not near("shap 0.93 ok", "shap 0.90 ok")
    assert not near("shap 0.90 ok", "lime 0.90 ok")
    assert not near("shap 0.90 ok", "shap 0.90")


# ---- data


def loans(n: int = 300) -> pd.DataFrame:
    """Every column that the page declares something of."""
    draw = np.random.default_rng(0)
    bad = draw.random(n) < 0.4
    return pd.DataFrame(
        {
            "outcome": np.where(bad, 2, 1),
            "customer": [f"c{i}" for i in range(n)],
            "branch": draw.choice(["north", "south"], n),
            "part": draw.choice(["train", "train", "test"], n),
            "region": draw.integers(1, 4, n),
            "level": draw.choice(["low", "middle", "high"], n),
            "opened": pd.to_datetime("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, n), unit="D"),
            "street": draw.choice(["a", "b", "?"], n),
            "town": draw.choice(["Aix", "Bonn"], n),
            "sex": draw.choice(["f", "m"], n),
            "age": np.where(draw.random(n) < 0.1, -9, draw.integers(18, 70, n)),
        }
    )


def test_every_declaration_of_the_page_is_read(tmp_path) -> None:
    table = loans()
    table.to_csv(tmp_path / "loans.csv", index=False)
    spec = yaml.safe_load(blocks("data.md", "yaml")[0])["data"]
    own = {"source", "params", "train", "test", "test_size"}  # told in the page's first table, or beside `split`
    own |= {"text", "rationale"}  # of texts, which have a section of their own
    assert set(DataSpec.model_fields) - own == set(spec)
    data = read(DataSpec.model_validate(spec), 0, lambda path: tmp_path / path)
    assert data.classes == ("good", "bad")
    assert set(data.test.ids) == set(table.customer[table.part == "test"])
    kinds = {
        "region": "categorical",
        "level": "ordinal",
        "opened year": "numeric",
        "sex": "categorical",
        "age": "numeric",
        "address": "group",
    }
    found = dict(zip(data.space.names, data.space.kinds, strict=True))
    assert {re.sub(r"\W", " ", name): kind for name, kind in found.items()}.items() >= kinds.items()
    assert "branch" not in found
    assert data.about["declared_missing"] == {"street": (table.street == "?").sum(), "age": (table.age == -9).sum()}
    assert set(data.slices["age"]) == {"under 25", "25 to under 45", "45 and over", "missing"}
    assert (len(data.background), len(data.explain)) == (50, len(data.test.inputs))


def test_the_sources_and_rules_are_those_that_there_are() -> None:
    page = PAGES["data.md"]
    assert dict(re.findall(r"^\| `synthetic:(\w+)` \| (.*) \|$", page, flags=re.MULTILINE)) == {
        name: rule.says for name, rule in RULES.items()
    }
    (shipped,) = re.findall(r"scikit-learn ships: (.*) \|$", page, flags=re.MULTILINE)
    assert tuple(re.findall(r"`(\w+)`", shipped)) == _SKLEARN


def test_the_study_of_a_known_rule_can_be_planned() -> None:
    spec = yaml.safe_load(blocks("data.md", "yaml")[1])
    plan_study(study_from_dict({**spec, "models": [{"name": "forest", "kind": "random_forest"}]}))


# ---- models


def test_the_models_of_the_page_are_a_study(tmp_path) -> None:
    trained, loaded = (yaml.safe_load(block)["models"] for block in blocks("models.md", "yaml"))
    spec = {"path": "loans.csv", "target": "outcome"}
    for models in (trained, loaded):
        study_from_dict({"data": spec, "models": models})
    for model in trained:
        KINDS[model["kind"]].check(model.get("params", {}))


@pytest.fixture(scope="module")
def tables() -> dict[str, Data]:
    return {task: read(DataSpec(source=f"sklearn:{name}", explain=3, background=8), 0) for task, name in TABLES.items()}


TABLES = {"classification": "breast_cancer", "regression": "diabetes"}
QUICK = {
    **{kind: {"n_estimators": 4} for kind in ("random_forest", "extra_trees", "gradient_boosting", "lightgbm", "xgboost")},
    "hist_gradient_boosting": {"max_iter": 4},
    "catboost": {"iterations": 4},
    "mlp": {"epochs": 2},
}


def kinds_of_the_page() -> dict[str, tuple[str, str, str, str]]:
    rows = re.findall(r"^\| (`.*?`) \| (\w+) \| (.*?) \| (.*?) \| (\w+) \|$", PAGES["models.md"], flags=re.MULTILINE)
    return {kind: tuple(said) for names, *said in rows for kind in re.findall(r"`(\w+)`", names)}


def test_the_page_names_every_kind_and_counts_them() -> None:
    assert set(kinds_of_the_page()) == set(TABULAR)
    others = re.search(r"^On other inputs: (.*)$", PAGES["models.md"], flags=re.MULTILINE)
    assert others is not None
    assert set(re.findall(r"`(\w+)`", others[1])) == set(KINDS) - set(TABULAR)
    words = {17: "seventeen", 18: "eighteen", 19: "nineteen", 20: "twenty"}
    assert f"\n{words[len(list(KINDS))].capitalize()} kinds" in PAGES["models.md"]
    assert f"{words[len(list(KINDS))]} kinds" in EVERY["README.md"]


def asked(method: str, model: Model, data: Data) -> dict[str, object] | None:
    """What a method says of itself on two cases of a model; None where it is not applicable."""
    cases = np.arange(2)
    game = Game(model, data, data.cases(cases), cases, np.zeros(2, dtype=np.int64), model.native)
    try:
        return dict(configured(EXPLAINERS[method], {})(game, Streams(0)).about)
    except NotApplicable:
        return None


@pytest.mark.parametrize("kind", TABULAR)
def test_what_opens_which_is_as_the_table_says(kind: str, tables) -> None:
    output, shap, importance, gradients = kinds_of_the_page()[kind]
    for task in KINDS[kind].tasks:
        data = tables[task]
        model, _ = KINDS[kind].fit(kind, data, QUICK.get(kind, {}), 0)
        assert model.native == (output if task == "classification" else "value")
        told = asked("shap", model, data)
        assert told is not None
        assert f"{told['algorithm']}{', exact' if told['exact'] else ''}" == shap
        kept = asked("model_importance", model, data)
        assert (kept is None) == (importance == "none")
        assert kept is None or importance in str(kept["kind"])
        assert {asked(method, model, data) is not None for method in ("integrated_gradients", "saliency", "input_x_gradient")} == {
            gradients == "yes"
        }


def test_exact_up_to_seven_features(tables) -> None:
    for columns, expected in ((7, "exact"), (8, "permutation")):
        frame = tables["classification"].train.inputs.iloc[:, :columns]
        data = read(DataSpec(source="synthetic:xor", params={"rows": 60, "columns": columns}, background=5, explain=3), 0)
        assert len(frame.columns) == data.space.d
        model, _ = KINDS["knn"].fit("knn", data, {}, 0)
        told = asked("shap", model, data)
        assert told is not None
        assert told["algorithm"] == expected


# ---- sections


def test_the_sections_of_the_page_are_those_of_a_report() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \|", PAGES["reading.md"], flags=re.MULTILINE)
    assert rows == [(str(SECTIONS[name].order), SECTIONS[name].title, SECTIONS[name].question) for name in chosen({})]


def test_the_sentences_that_the_page_takes_apart_are_those_of_a_verdict() -> None:
    source = made()
    proses = [block for block in SECTIONS["verdict"].make(build(source.results, source.comparison)) if isinstance(block, Prose)]
    said = " ".join("".join(piece if isinstance(piece, str) else piece.text for piece in prose.pieces) for prose in proses)
    quoted = " ".join(re.findall(r"^> (.*)$", PAGES["reading.md"], flags=re.MULTILINE))
    words = re.findall(r"[A-Za-z][A-Za-z' ]{9,}", re.sub(r"\*\*\w+\*\*", "#", quoted))
    assert len(words) > 8
    assert [some for some in words if some.strip() not in said] == []


# ---- a package of plugins


def test_the_package_of_the_page_is_found(tmp_path) -> None:
    """Installed as pip leaves it: the module, and what its project says of entry points."""
    (project,) = (tomllib.loads(block)["project"] for block in blocks("your-own.md", "toml"))
    (module,) = (block for block in blocks("your-own.md", "python") if name_of(block))
    (tmp_path / name_of(module)).write_text(module, encoding="utf-8")
    facts = tmp_path / f"{project['name']}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
    points = (f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in some.items()) for group, some in project["entry-points"].items())
    (facts / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    listed = {"explainers": "alone", "metrics": "top_share", "profiles": "two_ends", "sections": "strongest"}
    for what, name in listed.items():
        line = [sys.executable, "-m", "xai_compare.cli", "list", what]
        said = subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout
        assert re.search(rf"^{name} ", said, flags=re.MULTILINE), said
