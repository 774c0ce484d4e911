"""The ready-made studies run from their raw files to a report, and their models are as good as they are known to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from xai_compare.api import Audit, run_study
from xai_compare.config import load_study, study_from_dict
from xai_compare.results import Results

FOLDER = Path(__file__).parents[1] / "configs"

# Where the test ROC-AUC (or R2) of each model lies. Bands, not numbers: another platform draws other rows and other forests.
KNOWN = {
    "breast_cancer": {"logistic": (0.98, 1), "forest": (0.97, 1), "network": (0.97, 1)},
    "diabetes": {"linear": (0.35, 0.6), "forest": (0.35, 0.6), "network": (0.3, 0.6)},
    "german_credit": {"scorecard": (0.75, 0.85), "forest": (0.75, 0.85), "boosting": (0.74, 0.85)},
    "german_credit_reasons": {"scorecard": (0.75, 0.85), "forest": (0.75, 0.85), "boosting": (0.74, 0.85)},
    "income": {"logistic": (0.89, 0.92), "boosting": (0.91, 0.935)},
    "recidivism": {"logistic": (0.75, 0.84), "forest": (0.76, 0.85), "boosting": (0.75, 0.85)},
    "monks": {"logistic": (0.6, 0.8), "forest": (0.9, 1), "network": (0.995, 1)},
    "synthetic": {"logistic": (0.4, 0.6), "boosting": (0.95, 1), "network": (0.9, 1)},
    "german_credit_nets": {"scorecard": (0.75, 0.85), "network": (0.75, 0.85)},
    "digits": {"svm": (0.99, 1), "cnn": (0.99, 1)},
    "mnist": {"pixels": (0.97, 1), "hog": (0.99, 1), "cnn": (0.99, 1)},
    "colour_shortcut": {"pixels": (0.6, 0.8), "cnn": (0.6, 0.8)},  # the colour misleads in 30 % of the test images
    "gunpoint": {"neighbour": (0.9, 0.93), "forest": (0.95, 1), "lstm": (0.85, 1), "transformer": (0.9, 1)},
    "italy_power": {"neighbour": (0.945, 0.965), "logistic": (0.95, 1), "lstm": (0.9, 1), "transformer": (0.95, 1)},
    "sms_spam": {"words": (0.97, 1), "transformer": (0.97, 1)},
    "sms_embedding": {"words": (0.97, 1), "embedding": (0.97, 1)},
}
# Their nets, or their texts, take minutes: in full only.
HEAVY = {"mnist", "colour_shortcut", "gunpoint", "italy_power", "sms_spam", "sms_embedding"}
# The gradients of a recurrent net change too fast along the path for a few hundred steps, and the cell says so.
DEGRADED = {("lstm", "integrated_gradients")}
# The rows of each table, train and test together.
ROWS = {
    "breast_cancer": 569,
    "diabetes": 442,
    "german_credit": 1000,
    "german_credit_reasons": 1000,
    "income": 32561,
    "recidivism": 7214,
    "monks": 556,
    "synthetic": 1000,
    "german_credit_nets": 1000,
    "digits": 1797,
    "mnist": 2500,
    "colour_shortcut": 1000,
    "gunpoint": 200,
    "italy_power": 1096,
    "sms_spam": 5171,
    "sms_embedding": 5171,
}


@pytest.fixture(params=KNOWN)
def name(request) -> str:
    if "XAI_COMPARE_DATA" in str(load_study(FOLDER / f"{request.param}.yaml").resolved()["data"]):
        request.getfixturevalue("data_dir")
    return request.param


# Of as many rows resampling the performance takes longer than all the rest: left to the whole study.
LARGE = 5000


def check(results: Results, name: str) -> None:
    assert not [
        (cell.model, cell.explainer, cell.metric, cell.condition, cell.reason)
        for cell in results.cells
        if cell.status not in ("ok", "not_applicable") and not (cell.status == "degraded" and (cell.model, cell.explainer) in DEGRADED)
    ]
    assert results.data["rows"] == ROWS[name]


def known(name: str, results: Results, performance) -> None:
    wanted = "R2" if results.task == "regression" else "ROC-AUC"
    found = {model: estimate for model, split, score, estimate in performance if (split, score) == ("test", wanted)}
    assert set(found) == set(KNOWN[name])
    assert {model: value for model, value in found.items() if not KNOWN[name][model][0] <= value <= KNOWN[name][model][1]} == {}


def test_every_ready_made_study_is_here() -> None:
    assert set(KNOWN) | {"your_own"} == {path.stem for path in FOLDER.glob("*.yaml")}


def test_a_small_study_of_the_same_file_and_models(name: str, tmp_path) -> None:
    if name in HEAVY:
        pytest.skip("its nets take minutes to train: the whole study is among the slow tests")
    spec = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    spec["data"] |= {"explain": 10, "background": 20}
    small = ROWS[name] < LARGE
    metrics = ["additive_fit", "agreement", *(["performance"] if small else [])]
    spec |= {"explainers": ["shap", "occlusion"], "metrics": metrics, "compare": {"checks": []}}
    if "reasons" in spec:  # its map lies beside the study
        spec["reasons"]["map"] = str(FOLDER / spec["reasons"]["map"])
    audit: Audit = run_study(study_from_dict(spec), tmp_path)
    check(audit.results, name)
    if small:
        known(name, audit.results, [(row.model, row.split, row.score, row.value.estimate) for row in audit.performance])
    assert (tmp_path / "report.html").stat().st_size > 50_000


@pytest.mark.slow
def test_the_study_as_it_is_ends_with_0_and_no_failed_cell(name: str, tmp_path) -> None:
    line = [sys.executable, "-m", "xai_compare.cli", "run", str(FOLDER / f"{name}.yaml"), "--out", str(tmp_path / "out")]
    done = subprocess.run(line, check=False, capture_output=True, text=True, encoding="utf-8", env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    performance = [(row["model"], row["split"], row["score"], row["value"]["estimate"]) for row in report["performance"]]
    results = Results.load(tmp_path / "out" / "data")
    check(results, name)
    known(name, results, performance)
    assert [gap for gap in report["gaps"] if gap["headline"] and gap["question"] == "fidelity"]
