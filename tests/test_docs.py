"""The pages under docs/: what they show runs, and what their tables say is so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.made import TABULAR
from xai_compare.config import DataSpec, study_from_dict
from xai_compare.data.sources import _SKLEARN, read
from xai_compare.data.synthetic import RULES
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.models.zoo import KINDS
from xai_compare.registry import configured
from xai_compare.run.plan import plan_study
from xai_compare.streams import Streams
from xai_compare.types import Data, Model

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.DOTALL)


def test_links_lead_somewhere() -> None:
    for name, text in PAGES.items():
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert link.startswith("http") or (DOCS / link).exists(), f"{name}: {link}"
        for link in re.findall(r"`((?:configs|tests|docs)/[\w./-]+\.\w+|[A-Z]+\.md)`", text):
            assert (DOCS.parent / link).exists(), f"{name}: {link}"


@pytest.mark.parametrize("page", [name for name in PAGES if blocks(name, "python")])
def test_python_runs_and_prints_what_is_said(page: str, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), names)
        said = capsys.readouterr().out
        for expected in re.findall(r"print\(.*\)  # (.*)", block):
            for line in expected.split("; "):
                assert line in said, f"{page}: {line}"


# ---- data


def loans(n: int = 300) -> pd.DataFrame:
    """Every column that the page declares something of."""
    draw = np.random.default_rng(0)
    bad = draw.random(n) < 0.4
    return pd.DataFrame(
        {
            "outcome": np.where(bad, "bad", "good"),
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
    assert f"{words[len(list(KINDS))]} kinds" in (DOCS.parent / "README.md").read_text(encoding="utf-8")


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
