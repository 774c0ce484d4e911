"""The size that a report may have: three models, six methods, thirty features, two hundred cases; more cases add next to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xai_compare.api import run_study
from xai_compare.config import study_from_dict

LARGEST = 3_000_000


def study(explain: int) -> dict[str, Any]:
    return {
        "data": {"source": "sklearn:breast_cancer", "test_size": 0.4, "background": 20, "explain": explain},
        "models": [
            {"name": "logistic", "kind": "logistic_regression", "reference": True},
            {"name": "forest", "kind": "random_forest", "params": {"n_estimators": 20}},
            {"name": "network", "kind": "mlp", "params": {"hidden": [16]}},
        ],
        "explainers": [
            "shap",
            {"name": "lime", "params": {"samples": 200}},
            "occlusion",
            "permutation_importance",
            "integrated_gradients",
            "saliency",
        ],
    }


@pytest.mark.slow
def test_a_page_stays_small_however_many_cases_are_explained(tmp_path: Path) -> None:
    sizes = []
    for explain in (60, 200):
        audit = run_study(study_from_dict(study(explain)), tmp_path / str(explain), jobs=2)
        made = audit.report
        found = (len(made["models"]), len(made["methods"]) - 1, len(made["scope"]["features"]), made["scope"]["cases"])
        assert found == (3, 6, 30, explain)
        sizes.append((tmp_path / str(explain) / "report.html").stat().st_size)
    assert max(sizes) < LARGEST
    assert sizes[1] < 1.1 * sizes[0]
