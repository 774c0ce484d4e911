"""Explainers, metrics, profiles and sections of another distribution, installed beside this one, take part in a study by their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]

MODULE = '''
"""A constant explanation, a count of features, flat curves and a section that says hello."""
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xai_compare.report.blocks import Prose
from xai_compare.report.sections import section
from xai_compare.types import Attribution, FeatureCurve, Profile, Scores


@dataclass(frozen=True, slots=True)
class Ones:
    title: ClassVar[str] = "Ones"
    citation: ClassVar[str] = "nobody"
    signed: ClassVar[bool] = True
    scope: ClassVar[str] = "case"
    additive: ClassVar[bool] = False
    control: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset()

    size: float = 1.0

    def __call__(self, game, streams):
        return Attribution(np.full((game.n, game.d), self.size), game.target, game.output)


@dataclass(frozen=True, slots=True)
class Count:
    title: ClassVar[str] = "Count of features"
    question: ClassVar[str] = "simplicity"
    better: ClassVar[str] = "lower"
    range: ClassVar[str] = "0 to d"
    cost: ClassVar[str] = "none"
    citation: ClassVar[str] = "nobody"
    scope: ClassVar[str] = "method"
    lead: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, view):
        return Scores((view.attributions[0].values != 0).sum(axis=1).astype(float))


@dataclass(frozen=True, slots=True)
class Flat:
    title: ClassVar[str] = "Flat lines"
    citation: ClassVar[str] = "nobody"
    cost: ClassVar[str] = "none"
    reading: ClassVar[str] = "nothing ever moves"

    def __call__(self, model, data, output, target, streams, features=None):
        two = np.arange(2.0)
        facts = dict(grid=two, levels=(), curve=0 * two, low=0 * two, high=0 * two, share=two, quantiles=two, n=2)
        return Profile(tuple(FeatureCurve(name, "numeric", **facts) for name in data.space.names), output, target, 0.9)


@section("hello", 14, "Hello", "Who else is here?")
def hello(report):
    return [Prose(("A section from outside.",))]
'''

ENTRY_POINTS = """
[xai_compare.explainers]
ones = outside:Ones

[xai_compare.metrics]
count = outside:Count

[xai_compare.profiles]
flat = outside:Flat

[xai_compare.sections]
hello = outside
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment of a process that finds the other distribution installed, as pip leaves it: module and metadata."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "outside.py").write_text(MODULE)
    facts = folder / "outside-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "SOURCE_DATE_EPOCH": "0"}


def run(environment, *arguments) -> str:
    done = command(environment, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(environment, *arguments) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "xai_compare.cli", *map(str, arguments)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


LISTED = {"explainers": "Ones", "metrics": "Count of features (simplicity)", "profiles": "Flat lines", "sections": "Hello"}


@pytest.mark.parametrize(("what", "said"), LISTED.items())
def test_they_are_listed(environment, what, said):
    assert said in run(environment, "list", what)


def test_they_take_part_in_a_study_also_in_workers(environment, tmp_path):
    study = {
        "data": {"source": "sklearn:iris", "explain": 30, "background": 10},
        "models": [{"name": "line", "kind": "logistic_regression"}, {"name": "tree", "kind": "decision_tree"}],
        "explainers": ["shap", {"name": "ones", "params": {"size": 2.0}}],
        "metrics": ["additive_fit", "count"],
        "profiles": ["flat"],
        "report": {"sections": ["hello", "profiles"]},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    run(environment, "run", tmp_path / "study.yaml", "--out", tmp_path / "out", "--jobs", "2")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert {cell["status"] for cell in report["cells"]} == {"ok"}
    values = {row["value"]["estimate"] for row in report["skills"] if (row["explainer"], row["metric"]) == ("ones", "count")}
    assert values == {4.0}
    explained = {row["explained"]["estimate"] for row in report["decomposition"] if row["explainer"] == "ones"}
    assert explained == {0.0}  # a constant explanation names no feature
    assert {panel["profile"] for panel in report["profiles"]["panels"]} == {"flat"}
    assert "flat lines (nothing ever moves)" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "A section from outside." in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("asked", ["plan", "run"])
def test_their_sections_are_known_when_a_name_is_misspelt(environment, tmp_path, asked):
    models = [{"name": "line", "kind": "logistic_regression"}]
    study = {"data": {"source": "sklearn:iris"}, "models": models, "report": {"sections": ["gaps", "helo"]}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    done = command(environment, asked, tmp_path / "study.yaml", *(["--out", tmp_path / "out"] if asked == "run" else []))
    assert (done.returncode, done.stdout) == (2, "")
    told = "error: study.yaml: report.sections[1]: unknown section 'helo': did you mean 'hello'? Allowed: agreement, cases, "
    assert done.stderr.startswith(told)
    assert not (tmp_path / "out").exists()
