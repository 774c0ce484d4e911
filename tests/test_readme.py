"""The README's promises: its Python runs, its study and those under configs/ can be planned. What it names is asked in `test_pages`."""

from __future__ import annotations

import re

import pytest
import yaml
from sklearn import datasets

from tests.pages import PAGES, ROOT, STUDIES, of
from xai_compare.config import load_study, study_from_dict
from xai_compare.run.plan import plan_study


def block(language: str) -> str:
    (found,) = of(language, PAGES["README.md"])
    return found


def a_part_of(load):
    """The same table with every fourth row and ten of its thirty columns: a sixth of the minute that the whole one takes."""

    def part(**options):
        X, y = load(**options)
        return X.iloc[::4, :10], y.iloc[::4]

    return part


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["part of the table", "whole table"])
def test_the_ten_lines_of_python_run(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if not whole:
        monkeypatch.setattr(datasets, "load_breast_cancer", a_part_of(datasets.load_breast_cancer))
    names: dict[str, object] = {}
    exec(compile(block("python"), "README.md", "exec"), names)
    assert (tmp_path / "audit" / "report.html").exists()
    said = capsys.readouterr().out
    for column in re.search(r"gaps\.frame\(\)\)\s+# (.*)", block("python")).group(1).split(", "):
        assert column in names["result"].gaps.frame().columns, column
    assert "rows x" in said
    assert "additive_fit" in set(names["result"].gaps.frame()["metric"])
    for name in re.search(r'save\("audit/"\)\s+# (.*)', block("python")).group(1).split(", "):
        assert (tmp_path / "audit" / name).exists(), name


def test_the_study_can_be_planned():
    plan_study(study_from_dict(yaml.safe_load(block("yaml"))))


@pytest.mark.parametrize("file", STUDIES)
def test_every_config_can_be_planned(file, request):
    study = load_study(ROOT / file)
    if "XAI_COMPARE_DATA" in str(study.resolved()["data"]):
        request.getfixturevalue("data_dir")
    if file == "configs/your_own.yaml":  # its table is the reader's
        spec = study.resolved()
        spec["data"] = {"source": "sklearn:breast_cancer"}
        study = study_from_dict(spec)
    plan_study(study)
