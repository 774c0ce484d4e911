"""Reason codes against a scorecard worked out by hand: contributions, ranking, the rows near the threshold, the cross-over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from xai_compare.data.tabular import as_frame, as_table, assemble
from xai_compare.errors import NotApplicable
from xai_compare.explainers import EXPLAINERS
from xai_compare.game import Game
from xai_compare.metrics import View
from xai_compare.metrics.reasons import ReasonCodes
from xai_compare.models.adapt import adapt
from xai_compare.models.function import FunctionModel
from xai_compare.reasons import AGAIN, POLICIES, Reason
from xai_compare.run.again import Again
from xai_compare.streams import Streams

COLUMNS = ["debt", "income", "job", "town"]
REASONS = (Reason("money", "M", "Debt or income", (0, 1)), Reason("job", "J", "Job", (2,)), Reason("town", "T", "Town", (3,), (3,)))


def applicants(n: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"debt": draw.normal(3, 2, n).round(2), "income": draw.normal(5, 2, n).round(2)})
    return frame.assign(job=draw.choice(["clerk", "cook", "none"], n), town=draw.choice(["Aix", "Bonn"], n))


TRAIN, TEST = applicants(400, 0), applicants(40, 1)
BAD = (TRAIN.debt - TRAIN.income + 2 * (TRAIN.job == "none") + np.random.default_rng(2).normal(0, 1.5, 400) > 0).to_numpy().astype(int)
CARD = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["job", "town"]), remainder="passthrough"), LogisticRegression(max_iter=2000)
).fit(TRAIN, BAD)
DATA = assemble(as_table(as_frame(TRAIN), BAD), as_table(as_frame(TEST), None), "classification", ("good", "bad"), (30, 40), Streams(0))


def metric(**options) -> ReasonCodes:
    asked = {"threshold": 0.5, "adverse": 1, "adverse_class": "bad", "output": "probability", "policy": "near_threshold", "top": 2}
    return ReasonCodes(**{**asked, "reasons": REASONS, "methods": ("shap",), "differences": ("shap",), **options})


def scored(asked: ReasonCodes, method="shap", target=0, model=None, cases=None, data=DATA):
    cases = np.arange(len(data.explain)) if cases is None else cases
    adapted = model or adapt("card", CARD, data.background_inputs(), data.classes)
    game = Game(adapted, data, data.cases(cases), cases, np.full(len(cases), target), adapted.native)
    streams = Streams(0).at("explain", method)
    explainer = EXPLAINERS[method](**({"samples": 100} if method == "lime" else {}))
    view = View(data, Streams(0).at("score"), tuple(cases.tolist()), (explainer(game, streams),), model=adapted)
    return asked(View(**{field: getattr(view, field) for field in view.__slots__} | {"rerun": Again(explainer, method, game, streams)}))


def bad(frame: pd.DataFrame) -> np.ndarray:
    return CARD.predict_proba(frame)[:, 1]


def references(threshold: float = 0.5) -> dict[str, np.ndarray]:
    """The rows of each policy: the 30 of the background, and a tenth of the good ones, or 30, whose probability is largest."""
    output = bad(TRAIN)
    good = np.flatnonzero(output < threshold)
    near = good[np.argsort(output[good])[::-1]][: min(30, -(-len(good) // 10))]
    return {"near_threshold": near, "all_applicants": DATA.background}


def by_hand(cases: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """w (x - mean of the reference), one-hot columns added up to their own."""
    encode, line = CARD[0], CARD[-1]
    apart = line.coef_[0] * (encode.transform(cases) - encode.transform(TRAIN.iloc[rows]).mean(axis=0))
    return np.stack([apart[:, 5], apart[:, 6], apart[:, :3].sum(axis=1), apart[:, 3:5].sum(axis=1)], axis=1)


CASES = TEST.iloc[DATA.explain].reset_index(drop=True)
ADVERSE = bad(CASES) >= 0.5


@pytest.mark.parametrize("target", [0, 1])
def test_contributions_are_the_scorecards_own_whatever_class_the_study_explains(target):
    found = scored(metric(), target=target)
    assert 5 < ADVERSE.sum() < 35
    np.testing.assert_array_equal(np.isfinite(found.values), ADVERSE)
    np.testing.assert_allclose(found.curves["output"][:, 0], bad(CASES))
    for policy, rows in references().items():
        np.testing.assert_allclose(found.curves[policy][ADVERSE], by_hand(CASES[ADVERSE], rows), atol=1e-9)
        assert np.isnan(found.curves[policy][~ADVERSE]).all()
    np.testing.assert_array_equal(found.curves[AGAIN], found.curves["near_threshold"])  # there is no chance in it
    assert not np.allclose(found.curves["near_threshold"][ADVERSE], found.curves["all_applicants"][ADVERSE])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("top", [1, 2, 3])
def test_the_cross_over_is_that_of_the_row_changed_by_hand(policy, top):
    found = scored(metric(policy=policy, top=top))
    members = [["debt", "income"], ["job"], ["town"]]
    for name, rows in references().items():
        held, expected = TRAIN.iloc[rows], []
        middle = {column: held[column].median() if column in ("debt", "income") else held[column].mode()[0] for column in COLUMNS}
        for i in np.flatnonzero(ADVERSE):
            own = by_hand(CASES.iloc[[i]], rows)[0]
            sums = np.array([own[0] + own[1], own[2], own[3]])
            told = [place for place in np.argsort(-sums)[:top] if sums[place] > 0]
            changed = CASES.iloc[[i]].assign(**{column: middle[column] for place in told for column in members[place]})
            expected.append(bad(changed)[0] < 0.5)
        scores = found if name == policy else found.parts[name]
        np.testing.assert_array_equal(scores.values[ADVERSE], np.array(expected, dtype=float))
    assert np.nanmean(found.values) > 0


def test_the_threshold_moves_who_is_adverse_and_who_is_near():
    found = scored(metric(threshold=0.3))
    adverse = bad(CASES) >= 0.3
    np.testing.assert_array_equal(np.isfinite(found.values), adverse)
    rows = references(0.3)["near_threshold"]
    np.testing.assert_allclose(found.curves["near_threshold"][adverse], by_hand(CASES[adverse], rows), atol=1e-9)


def test_a_margin_is_as_good_as_its_probability():
    on_margin, plain = scored(metric(output="margin", threshold=0.0)), scored(metric())
    np.testing.assert_array_equal(on_margin.values, plain.values)
    np.testing.assert_array_equal(on_margin.curves["near_threshold"], plain.curves["near_threshold"])


def test_chunks_make_no_difference():
    whole, chunk = scored(metric(), "lime"), scored(metric(), "lime", cases=np.arange(10, 20))
    np.testing.assert_allclose(chunk.values, whole.values[10:20])
    for name, curve in whole.curves.items():
        np.testing.assert_allclose(chunk.curves[name], curve[10:20])
    noisy = whole.curves[AGAIN][ADVERSE] - whole.curves["near_threshold"][ADVERSE]
    assert np.abs(noisy).max() > 0  # LIME draws


def test_without_an_adverse_case_nothing_is_asked_and_nothing_is_scored():
    found = scored(metric(threshold=1.0))
    assert np.isnan(found.values).all()
    assert set(found.reasons.values()) == {"not among the cases that this model decides adversely"}


def test_what_does_not_fit_says_why():
    with pytest.raises(NotApplicable, match="without direction"):
        scored(metric(), "permutation_importance", data=KNOWN)
    harsh = FunctionModel("harsh", lambda rows: np.full(len(rows), 0.9), "classification", ("good", "bad"), "probability", as_array=False)
    with pytest.raises(NotApplicable, match="on every training row"):
        scored(metric(), "occlusion", model=harsh)
    with pytest.raises(NotApplicable, match="taken on the margin, which this model does not give"):
        scored(metric(output="margin"), "occlusion", model=harsh)


KNOWN = assemble(as_table(as_frame(TRAIN), BAD), as_table(as_frame(TRAIN), BAD), "classification", ("good", "bad"), (30, 40), Streams(0))
