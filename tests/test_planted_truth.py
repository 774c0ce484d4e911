"""Where one part of an image, a series or a text decides the class, and a model has learnt it, explanations put their mass on that part."""

from __future__ import annotations

import numpy as np
import pytest

from xai_compare.api import Audit, run_study
from xai_compare.config import study_from_dict

METHODS = ("shap", "occlusion", "integrated_gradients")
MOST = 0.8
KNOWN: dict[str, tuple[dict, dict]] = {
    "patch": ({"background": 200}, {"kind": "cnn"}),
    "stretch": ({"background": 200}, {"kind": "lstm", "params": {"weight_decay": 1e-4}}),
    "colour": ({"background": 200}, {"kind": "cnn"}),
    # One word in each text: of several that say the same, hiding one takes nothing away.
    "words": ({"params": {"rows": 5000, "planted": 1}}, {"kind": "transformer"}),
}


def study(name: str, **options) -> dict:
    data, model = KNOWN[name]
    return {
        "data": {"source": f"synthetic:{name}", "explain": 20, **data, **options.pop("data", {})},
        "models": [{"name": "net", **model}],
        # Blurred, a neighbour's colour runs into what is hidden.
        **({"fill": "mean"} if name == "colour" else {}),
        "explainers": list(METHODS),
        "metrics": ["relevance_mass", "mask_auroc", "performance"],
        "compare": {"checks": []},
        **options,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_the_mass_lies_on_what_decides(name: str, tmp_path) -> None:
    audit: Audit = run_study(study_from_dict(study(name)), tmp_path)
    right = {row.value.estimate for row in audit.performance if row.split == "test" and row.score == "ROC-AUC"}
    assert min(right) > 0.97  # else there would be nothing to explain
    scores = {method: audit.results.scores["net", method, "relevance_mass"] for method in (*METHODS, "random")}
    for method in METHODS:
        assert np.nanmean(scores[method].values) > MOST, method
    control = scores["random"]
    spread = np.nanstd(control.values) / np.sqrt(np.isfinite(control.values).sum())
    assert abs(np.nanmean(control.values - control.chance)) < 3 * spread


@pytest.mark.slow
def test_a_model_that_looks_at_the_colour_is_found_out(tmp_path) -> None:
    """Shown as what it is: right while the colour tells the shape, wrong where another shape has it, its mass on the coloured patches."""
    spec = study("colour", data={"params": {"swapped": 0.3}, "slices": ["colour"], "explain": 150, "test_size": 0.5})
    audit = run_study(study_from_dict(spec), tmp_path)
    mass = audit.results.scores["net", "shap", "relevance_mass"]
    assert np.nanmean(mass.values) > MOST
    said = {row.label: row.value.estimate for row in audit.slices if row.kind == "right" and row.column == "colour"}
    assert said["of the class"] > 0.97, said
    assert said["of the other class"] < 0.5, said
