"""The learning curve: nested and stratified subsets, scores against training by hand, the same draws for every model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from tests.toys import classified
from xai_compare.data.tabular import as_frame, as_table, assemble, strata_of
from xai_compare.errors import NotApplicable, XaiCompareError
from xai_compare.metrics import METRICS, View
from xai_compare.metrics.learning import _order
from xai_compare.models.adapt import adapt
from xai_compare.models.trained import Training
from xai_compare.streams import Streams

FRAME, Y = classified()


def data_for(y, classes):
    train, test = as_table(as_frame(FRAME.head(200)), y[:200]), as_table(as_frame(FRAME.tail(100)), y[200:])
    return assemble(train, test, "classification" if classes else "regression", classes, (20, 10), Streams(0))


DATA = data_for(Y, ("0", "1"))
NUMBERS = data_for((FRAME["x0"] + FRAME["x1"] ** 2).to_numpy(), ())


def curve(kind="decision_tree", data=DATA, params=None, **options):
    model = Training("m", kind, 0, params or {}).train(data)[0]
    return METRICS["learning_curve"](**{"resamples": 200, **options})(View(data, Streams(0), model=model))


@pytest.mark.parametrize("y", [Y, FRAME["x0"].to_numpy()], ids=["classes", "numbers"])
def test_every_beginning_has_the_strata_in_their_shares(y):
    order = _order(y, np.random.default_rng(0))
    assert sorted(order.tolist()) == list(range(len(y)))
    strata = strata_of(y)
    shares = {label: np.mean(strata == label) for label in np.unique(strata)}
    for size in (10, 30, 77, 150, 299):
        for label, share in shares.items():
            assert abs(np.sum(strata[order[:size]] == label) - share * size) <= 1
    assert not np.array_equal(order, _order(y, np.random.default_rng(1)))


@pytest.mark.parametrize(("data", "name"), [(DATA, "ROC-AUC"), (NUMBERS, "R2")], ids=["classes", "numbers"])
def test_each_score_is_the_mean_over_draws_of_the_model_trained_on_the_first_rows(data, name):
    """By hand: the same orders and seeds, the study's own training, scikit-learn's score."""
    found = curve(data=data, draws=2)
    sizes = (20, 40, 80, 140, 200)
    assert list(found.parts) == [f"{name}, {size} rows" for size in sizes]
    streams = Streams(0)
    for place, size in enumerate(sizes):
        scores = []
        for draw in range(2):
            rows = _order(data.train.y, streams.at("order", draw).shared())[:size]
            some = replace(data, train=as_table(data.train.inputs.iloc[rows].reset_index(drop=True), data.train.y[rows]))
            seed = streams.at("training", draw, place).integer()
            model = Training("m", "decision_tree", seed).train(some.with_background(np.arange(10)))[0]
            if data.classes:
                scores.append(roc_auc_score(data.test.y, model.predict(data.test.inputs, "probability")[:, 1]))
            else:
                scores.append(r2_score(data.test.y, model.predict(data.test.inputs, "value")[:, 0]))
        assert found.parts[f"{name}, {size} rows"].values[0] == pytest.approx(np.mean(scores))
    assert found.values[0] == found.parts[f"{name}, 200 rows"].values[0]
    assert found.n == 100


def test_resamples_are_of_rows_and_draws_and_the_same_for_every_model():
    one, two = curve("logistic_regression", draws=2), curve("logistic_regression", draws=2, params={"C": 0.9})
    for name in one.parts:
        a, b = one.parts[name].replicates, two.parts[name].replicates
        assert a.shape == (200,)
        assert np.corrcoef(a, b)[0, 1] > 0.95
    single = curve("decision_tree", draws=1).parts["ROC-AUC, 20 rows"]
    several = curve("decision_tree", draws=3).parts["ROC-AUC, 20 rows"]
    assert single.replicates.std() > 0
    assert not np.array_equal(several.replicates, single.replicates)


def test_more_rows_make_a_better_model_where_there_is_something_to_learn():
    found = [part.values[0] for part in curve("logistic_regression").parts.values()]
    assert found[-1] > found[0]


def test_too_few_rows_to_train_on_cost_their_own_score_only():
    y = np.array([0, 1] * 5)
    few = replace(DATA, train=as_table(DATA.train.inputs.head(10), y)).with_background(np.arange(8))
    found = curve("decision_tree", few, {"min_samples_leaf": 1}).parts
    assert list(found) == [f"ROC-AUC, {size} rows" for size in (1, 2, 4, 7, 10)]
    assert "no training row has the class" in found["ROC-AUC, 1 rows"].reasons[0]
    assert not np.isnan(found["ROC-AUC, 10 rows"].values[0])


def test_what_it_needs():
    model = Training("m", "decision_tree", 0).train(DATA)[0]
    with pytest.raises(NotApplicable, match="a model that the study trains"):
        METRICS["learning_curve"]()(View(DATA, Streams(0), model=adapt("m", model.inside.estimator, FRAME.head(20))))
    unknown = replace(DATA, test=replace(DATA.test, y=None))
    with pytest.raises(NotApplicable, match="known outcomes"):
        METRICS["learning_curve"]()(View(unknown, Streams(0), model=model))
    with pytest.raises(XaiCompareError, match="draws must be at least 1"):
        METRICS["learning_curve"](draws=0)


def test_auto_leaves_it_out():
    from tests.made import study_of
    from xai_compare.config import study_from_dict
    from xai_compare.run.plan import plan_study

    assert "learning_curve" not in plan_study(study_from_dict(study_of(metrics="auto"))).metrics
    asked = plan_study(study_from_dict(study_of(metrics=["learning_curve"])))
    assert set(asked.metrics) == {"learning_curve"}
