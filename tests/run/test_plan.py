"""What `auto` stands for."""

from __future__ import annotations

from tests.made import study_of
from xai_compare.config import study_from_dict
from xai_compare.explainers import EXPLAINERS
from xai_compare.metrics import METRICS
from xai_compare.run.plan import plan_study


def test_auto_is_everything_with_the_additive_explainers_first_and_the_control_last():
    plan = plan_study(study_from_dict({**study_of(), "explainers": "auto", "metrics": "auto"}))
    assert set(plan.explainers) == unasked(EXPLAINERS)
    assert "drop_column" not in plan.explainers
    assert set(plan.metrics) == {name for name in unasked(METRICS) if METRICS[name].question != "truth"}  # nothing is known of iris
    order = [explainer.additive for explainer in plan.explainers.values()]
    assert order == sorted(order, reverse=True)
    assert list(plan.explainers)[-1] == plan.control


def test_metrics_of_truth_are_asked_where_the_truth_is_known():
    known = plan_study(study_from_dict({**study_of(), "data": {"source": "synthetic:xor", "explain": 10}, "metrics": "auto"}))
    assert set(known.metrics) == unasked(METRICS)
    assert "learning_curve" not in known.metrics


def unasked(registry) -> set[str]:
    """All but what is run on request only."""
    return {name for name in registry if not getattr(registry[name], "on_request", False)}
