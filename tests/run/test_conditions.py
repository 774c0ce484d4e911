"""The lead metric of fidelity asked again with other background rows and other trainings: the same as doing it by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import xai_compare as xc
from tests.made import numbers, study_of
from xai_compare.compare import compare
from xai_compare.config import study_from_dict
from xai_compare.errors import StudyError
from xai_compare.models.trained import Training
from xai_compare.run.collect import collect
from xai_compare.run.conditions import background_of, conditions
from xai_compare.run.execute import execute
from xai_compare.run.jobs import Job
from xai_compare.run.plan import plan_study
from xai_compare.run.store import MemoryStore
from xai_compare.streams import Streams

METHODS = ["shap", "lime", "permutation_importance", "model_importance"]


def finished(**compare_options):
    study = study_of(explainers=METHODS, metrics=["additive_fit"], compare={"checks": [], **compare_options}, data=DATA)
    return execute(plan_study(study_from_dict(study)), MemoryStore())


DATA = {"source": "sklearn:iris", "explain": 20, "background": 10}


@pytest.fixture(scope="module")
def spread():
    return finished(spread=["background", "training"])


@pytest.fixture(scope="module")
def results(spread):
    return collect(spread)


class TestBackground:
    @pytest.mark.parametrize("method", METHODS)
    def test_a_draw_is_the_study_with_those_background_rows(self, spread, results, method):
        plan = spread.plan
        rows = background_of("background draw 2", plan.data, Streams(plan.study.seed))
        assert len(rows) == len(plan.data.background)
        assert set(rows.tolist()) != set(plan.data.background.tolist())
        other = collect(execute(replace(plan, data=plan.data.with_background(rows), study=without_spread(plan.study)), MemoryStore()))
        for model in plan.models:
            found, by_hand = results.checks.get(("background draw 2", model, method)), other.scores.get((model, method, "additive_fit"))
            assert (found is None) == (by_hand is None)
            if found is not None:
                np.testing.assert_allclose(found.values, by_hand.values, atol=1e-12, equal_nan=True)

    def test_what_looks_at_no_background_is_not_computed_again(self, spread):
        again = spread[Job("explain", "forest", "permutation_importance", condition="background draw 1")]
        assert again.about["model_rows"] == 0
        assert spread[Job("explain", "forest", "lime", chunk=0, condition="background draw 1")].about["model_rows"] > 0


class TestTraining:
    def test_a_seed_is_another_training_of_the_same_kind(self, spread, results):
        plan = spread.plan
        seed = spread[Job("fit", "forest", condition="training seed 1")].about["seed"]
        assert seed != spread[Job("fit", "forest")].about["seed"]
        model, _ = Training("forest", "random_forest", seed, plan.spec("forest").params).train(plan.data)
        study = study_from_dict(study_of(explainers=METHODS, metrics=["additive_fit"], compare={"checks": []}, data=DATA))
        by_hand = collect(execute(replace(plan, study=study, given={"forest": model}), MemoryStore()))
        np.testing.assert_allclose(
            results.checks["training seed 1", "forest", "shap"].values, by_hand.scores["forest", "shap", "additive_fit"].values, atol=1e-12
        )

    def test_each_draw_is_another_one(self, results):
        drawn = [results.checks[f"training seed {time}", "forest", "shap"].values for time in (1, 2, 3)]
        own = results.scores["forest", "shap", "additive_fit"].values
        assert len({tuple(np.nan_to_num(values).tolist()) for values in (own, *drawn)}) == 4

    def test_models_that_are_given_stay_as_they_are(self):
        frame = numbers(120)
        y = (frame.a * frame.b + frame.c > 0).astype(int)
        models = {"one": LogisticRegression().fit(frame, y), "other": LogisticRegression(C=0.01).fit(frame, y)}
        with pytest.raises(StudyError, match=r"compare\.spread: found 'training', but all models are fitted already"):
            xc.compare(models, frame, y, background=frame, study={"compare": {"spread": ["training"]}})


class TestRows:
    def test_the_headline_gap_is_told_over_all_draws(self, results):
        found = compare(results)
        assert [(row.what, len(row.estimates)) for row in found.spread] == [("background draw", 4), ("training seed", 4)]
        for row in found.spread:
            gaps = {gap.condition: gap for gap in found.gaps if (gap.metric, gap.pairing, gap.a) == (row.metric, row.pairing, row.a)}
            own, again = gaps[""].gap, [gaps[f"{row.what} {time}"].gap for time in (1, 2, 3)]
            assert row.estimates == (own.estimate, *(gap.estimate for gap in again))
            assert row.deviation == pytest.approx(np.std(row.estimates, ddof=1))
            assert row.lowest == min(gap.low for gap in (own, *again))
            assert row.highest == max(gap.high for gap in (own, *again))

    def test_without_being_asked_there_is_none(self):
        results = collect(finished())
        assert compare(results).spread == ()
        assert results.checks == {}


def without_spread(study):
    return study.model_copy(update={"compare": study.compare.model_copy(update={"spread": ()})})


def test_too_few_rows_for_another_background():
    study = study_of(data={"source": "sklearn:iris", "background": 80}, compare={"spread": ["background"]})
    with pytest.raises(StudyError, match=r"compare\.spread: 105 rows are too few to draw another background of 80"):
        plan_study(study_from_dict(study))


def test_the_order_in_which_conditions_are_asked(spread):
    study = study_from_dict(study_of(compare={"spread": ["training", "background"]}))
    found = conditions(study, spread.plan.data, "background", True, lambda at, message: StudyError(message))
    assert found[:2] == ("probability", "reference")
    assert found[2:] == tuple(f"{what} {time}" for what in ("training seed", "background draw") for time in (1, 2, 3))
