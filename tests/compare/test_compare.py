"""The public function: deterministic, fast to import, and its inputs untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xai_compare.compare import compare

ROOT = Path(__file__).parents[2]
MODELS = ("logistic", "network")
METHODS = ("saliency", "shap", "lime", "random")


@pytest.fixture
def everything(scored):
    draw = np.random.default_rng(0)

    def some():
        parts = {name: scored(draw.random(30), 0.1, 1.0) for name in ("beyond", "lost")}
        return scored(draw.beta(4, 2, 30), draw.uniform(0, 0.2, 30), 1.0, parts)

    scores = {(model, method, metric): some() for model in MODELS for method in METHODS for metric in ("additive_fit", "seed_stability")}
    scores |= {(model, pair, "agreement"): some() for model in MODELS for pair in ("shap ~ lime", "shap ~ random")}
    return scores


def test_the_order_of_the_scores_does_not_matter(study, everything) -> None:
    backwards = {key: replace(one, parts=dict(reversed(one.parts.items()))) for key, one in reversed(everything.items())}
    forth, back = compare(study(everything)), compare(study(backwards))
    assert forth == back
    # 2 models x 4 explainers x 2 metrics x 3; the best methods on the one lead metric, 3 explainers x 2 metrics, agreement,
    # 2 models x 3 pairs x 2 metrics; 2 models x 2 pairs x 3.
    assert [len(rows) for rows in (forth.skills, forth.gaps, forth.agreement)] == [48, 1 + 6 + 1 + 12, 12]


def test_seed_and_level_matter(study, everything) -> None:
    first = compare(study(everything))
    assert first == compare(study(everything), seed=0)
    other = compare(study(everything), seed=1)
    assert [gap.pairing for gap in first.gaps[:2]] == ["best_method", "same_method"]
    assert first.gaps[1].gap.low != other.gaps[1].gap.low
    assert first.gaps[1].gap.estimate == other.gaps[1].gap.estimate
    # The best methods are chosen on other halves.
    assert first.gaps[0].gap.estimate != other.gaps[0].gap.estimate
    wide = compare(study(everything), level=0.99)
    assert wide.level == 0.99
    assert wide.gaps[0].gap.low < first.gaps[0].gap.low


def test_inputs_are_left_alone(study, everything) -> None:
    for scores in everything.values():
        for array in (scores.values, scores.chance, scores.ceiling):
            array.setflags(write=False)
    results = study(everything)
    tolerance = {"fidelity": 0.05}
    compare(results, tolerance=tolerance)
    assert tolerance == {"fidelity": 0.05}


def test_nothing_to_compare(study) -> None:
    comparison = compare(study({}))
    assert (comparison.skills, comparison.gaps, comparison.agreement, comparison.performance) == ((), (), (), ())
    assert (comparison.curves, comparison.powerless) == ((), frozenset())
    assert compare(study({}, models=("logistic",))).gaps == ()


PROGRAM = """
import sys
import numpy as np
from xai_compare.compare import compare
from xai_compare.compare.resample import intervals, mean_of
from xai_compare.streams import Streams
print(intervals([mean_of(np.random.default_rng(0).random(30))], 0.95, Streams(0)))
print(sorted({"scipy", "sklearn", "pandas", "torch", "shap", "matplotlib"} & set(sys.modules)))
"""


def test_no_heavy_import_and_no_hash_order() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (output,) = outputs
    assert output.endswith("[]\n")
