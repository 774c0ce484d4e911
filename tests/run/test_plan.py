"""What `auto` stands for."""

from __future__ import annotations

from tests.made import study_of
from xai_compare.config import study_from_dict
from xai_compare.explainers import EXPLAINERS
from xai_compare.metrics import METRICS
from xai_compare.run.plan import plan_study


def test_auto_is_everything_with_the_additive_explainers_first_and_the_control_last():
    plan = plan_study(study_from_dict({**study_of(), "explainers": "auto", "metrics": "auto"}))
    assert set(plan.explainers) == set(EXPLAINERS)
    assert set(plan.metrics) == set(METRICS)
    order = [explainer.additive for explainer in plan.explainers.values()]
    assert order == sorted(order, reverse=True)
    assert list(plan.explainers)[-1] == plan.control
