"""Statistics on reason codes, counted by hand on a handful of cases."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from xai_compare.compare import compare
from xai_compare.compare.intervals import newcombe, wilson
from xai_compare.compare.reasons import reason_rows
from xai_compare.reasons import AGAIN, POLICIES
from xai_compare.results import CaseFacts, MethodFacts, MetricFacts, ModelFacts, Results
from xai_compare.streams import Streams
from xai_compare.types import Scores

NAN = np.nan
REASONS = [
    {"group": "g", "code": "G", "text": "Two features", "features": [0, 1], "prohibited": []},
    {"group": "h", "code": "H", "text": "One", "features": [2], "prohibited": []},
    {"group": "p", "code": "P", "text": "Not to be used", "features": [3], "prohibited": [3]},
]
FEATURES = ("a", "b", "c", "p")


def scores(rows: list[list[float] | None], flips: list[float], others: Any = None, again: Any = None) -> Scores:
    """Contributions of each case to the adverse class, None where it is not adverse."""

    def array(found: list[list[float] | None]) -> np.ndarray:
        return np.array([[NAN] * len(FEATURES) if row is None else row for row in found], dtype=float)

    values = np.array(flips, dtype=float)
    reasons = {i: "not adverse" for i, row in enumerate(rows) if row is None}
    curves = {"near_threshold": array(rows), "all_applicants": array(others or rows), AGAIN: array(again or rows)}
    part = Scores(np.where(np.isnan(values), NAN, 1.0), reasons=reasons)
    output = np.array([[0.2 if row is None else 0.7] for row in rows])
    return Scores(values, parts={"all_applicants": part}, reasons=reasons, curves={**curves, "output": output})


def study(found: dict[tuple[str, str], Scores], top: int = 2, slices: Any = None) -> Results:
    n = len(next(iter(found.values())).values)
    asked = {"threshold": 0.5, "adverse": 1, "adverse_class": "bad", "output": "probability", "policy": "near_threshold", "top": top}
    asked |= {"reasons": REASONS, "methods": ["shap", "lime"], "differences": ["shap"]}
    metric = MetricFacts("reason_codes", "Reasons", "reasons", "higher", "", "", "", "method", False, asked)
    models = tuple(ModelFacts(name, "k", "margin", name == "m", True) for name in dict.fromkeys(model for model, _ in found))
    methods = tuple(MethodFacts(name, name, "", True, "case", name == "random") for name in ("shap", "lime", "random"))
    cases = CaseFacts(tuple(f"case {i}" for i in range(n)), np.ones(n, dtype=np.int64), None, None, {}, {}, {}, {})
    known = {(model, method, "reason_codes"): one for (model, method), one in found.items()}
    plain = ("", {}, "classification", FEATURES, ("numeric",) * 4, ("good", "bad"), {}, models, methods, (metric,), (), cases)
    return Results(*plain, {}, known, slices=slices or {})


OWN = [[0.5, 0.2, 0.4, -1.0], [0.1, -0.3, 0.2, 0.3], None, [-1.0, 0.1, -0.5, -0.1]]
SHAP = scores(OWN, [1, 0, NAN, 0], others=[[0.5, 0.2, 0.4, 1.0], [0.1, -0.3, 0.2, 0.3], None, [-1.0, 0.1, 0.5, -0.1]])
LIME = scores([[0.1, 0.0, 0.4, 0.2], [0.3, 0.3, 0.2, -0.3], None, [1.0, 0.1, -0.5, -0.1]], [1, 1, NAN, 0])
OTHER = scores([[0.5, 0.2, 0.9, -1.0], None, [1.0, 0.0, 0.0, 0.0], None], [0, NAN, 1, NAN])


def found(**options: Any) -> Any:
    rows = reason_rows(study({("m", "shap"): SHAP, ("m", "lime"): LIME, ("o", "shap"): OTHER}, **options), 0.95, Streams(0))
    assert rows is not None
    return rows


def test_without_the_metric_there_is_nothing():
    facts = study({("m", "shap"): SHAP})
    bare = Results(**{field: getattr(facts, field) for field in facts.__slots__} | {"metrics": (), "scores": {}})
    assert reason_rows(bare, 0.95, Streams(0)) is None


def test_reasons_are_ranked_by_hand():
    told = [
        (row.model, row.explainer, row.case, row.rank, row.code, round(row.share, 6)) for row in found().told if row.explainer == "shap"
    ]
    assert told == [
        ("m", "shap", "case 0", 1, "G", round(0.7 / 1.1, 6)),  # 0.5 + 0.2 against 0.4; P works the other way
        ("m", "shap", "case 0", 2, "H", round(0.4 / 1.1, 6)),
        ("m", "shap", "case 1", 1, "P", 0.6),  # 0.1 - 0.3 is no reason
        ("m", "shap", "case 1", 2, "H", 0.4),
        ("m", "shap", "case 3", 0, "", 0.0),  # nothing works towards it
        ("o", "shap", "case 0", 1, "H", round(0.9 / 1.6, 6)),
        ("o", "shap", "case 0", 2, "G", round(0.7 / 1.6, 6)),
        ("o", "shap", "case 2", 1, "G", 1.0),
    ]
    assert {(row.case, row.flips) for row in found().told if (row.model, row.explainer) == ("m", "shap")} == {
        ("case 0", True),
        ("case 1", False),
        ("case 3", False),
    }


def test_what_is_not_told_is_counted_and_ties_are_marked():
    rows = [row for row in found(top=1).told if (row.model, row.explainer, row.case) == ("m", "shap", "case 0")]
    assert [(row.rank, row.code) for row in rows] == [(1, "G")]
    assert rows[0].omitted == pytest.approx(0.4 / 1.1)
    tied = reason_rows(study({("m", "shap"): scores([[0.1, 0.1, 0.2, 0.0]], [1])}), 0.95, Streams(0))
    assert tied is not None
    assert [(row.code, row.tied) for row in tied.told] == [("G", True), ("H", True)]


def test_a_prohibited_feature_is_flagged_where_it_works_towards_the_outcome():
    assert [(row.model, row.explainer, row.feature, row.code, row.cases, row.of) for row in found().flags] == [
        ("m", "shap", "p", "P", 1, 3),
        ("m", "lime", "p", "P", 1, 3),
    ]
    assert [row.prohibited for row in found().told if row.code == "P"] == [("p",), ("p",)]
    assert {row.prohibited for row in found().told if row.code != "P"} == {()}


def test_adverse_shares_and_cross_over_have_wilsons_interval():
    rows = found()
    assert rows.adverse == {"m": wilson(3, 4, 0.95), "o": wilson(2, 4, 0.95)}
    assert [(row.model, row.explainer, row.policy, row.rate) for row in rows.crossings] == [
        ("m", "shap", "near_threshold", wilson(1, 3, 0.95)),
        ("m", "shap", "all_applicants", wilson(3, 3, 0.95)),
        ("m", "lime", "near_threshold", wilson(2, 3, 0.95)),
        ("m", "lime", "all_applicants", wilson(3, 3, 0.95)),
        ("o", "shap", "near_threshold", wilson(1, 2, 0.95)),
        ("o", "shap", "all_applicants", wilson(2, 2, 0.95)),
    ]


def test_pairs_by_hand():
    """Sets of m: shap GH, PH, none; lime HP, GH, G. By all applicants shap: PG, PH, H; o: HG on the one case that both refuse."""
    rows = {(row.kind, row.model, row.explainer, row.a, row.b): row for row in found().pairs}
    methods = rows["methods", "m", "", "shap", "lime"]
    assert methods.overlap.estimate == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)
    assert methods.overlap_chance == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert (methods.first, methods.changed) == (wilson(0, 3, 0.95), wilson(3, 3, 0.95))
    assert methods.first_chance == pytest.approx((1 / 3 + 1 / 3 + 0) / 3)
    models = rows["models", "", "shap", "m", "o"]
    assert (models.overlap.estimate, models.overlap.n) == (1.0, 1)
    assert (models.first, models.changed) == (wilson(0, 1, 0.95), wilson(0, 1, 0.95))
    seeds = rows["seeds", "m", "shap", "near_threshold", AGAIN]
    assert (seeds.overlap.estimate, seeds.changed, seeds.first) == (1.0, wilson(0, 3, 0.95), wilson(3, 3, 0.95))
    references = rows["references", "m", "shap", *POLICIES]
    assert references.overlap.estimate == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert references.changed == wilson(2, 3, 0.95)


def test_shares_count_codes_and_small_slices_are_silent():
    labels = tuple("young" if i % 2 else "old" for i in range(4))
    rows = found(slices={"age": labels}).shares
    whole = {(row.model, row.explainer, row.code): row.share for row in rows if not row.column}
    assert whole["m", "shap", "G"] == wilson(1, 3, 0.95)
    assert whole["m", "shap", "H"] == wilson(2, 3, 0.95)
    assert whole["o", "shap", "P"] == wilson(0, 2, 0.95)
    assert {(row.column, row.label, row.code, row.share) for row in rows if row.column} == set(
        product(["age"], ["old", "young"], [""], [None])
    )


def test_a_slice_with_thirty_adverse_cases_speaks():
    many = scores([[1.0, 0, 0, 0]] * 30 + [[0, 0, 1.0, 0]] * 35, [1.0] * 65)
    rows = reason_rows(study({("m", "shap"): many}, slices={"age": ("old",) * 30 + ("young",) * 35}), 0.95, Streams(0))
    assert rows is not None
    assert {(row.label, row.code): row.share for row in rows.shares if row.column} == {
        **{("old", code): wilson(30 * (code == "G"), 30, 0.95) for code in "GHP"},
        **{("young", code): wilson(35 * (code == "H"), 35, 0.95) for code in "GHP"},
    }
    apart = {(row.label, row.code): row.difference for row in rows.shares if row.column}
    assert apart["old", "G"] == newcombe(wilson(30, 30, 0.95), wilson(0, 35, 0.95))
    assert apart["young", "G"] == newcombe(wilson(0, 35, 0.95), wilson(30, 30, 0.95))
    assert apart["old", "P"].estimate == 0
    assert {row.difference for row in rows.shares if not row.column} == {None}


def test_a_group_without_thirty_others_has_no_difference():
    many = scores([[1.0, 0, 0, 0]] * 40, [1.0] * 40)
    rows = reason_rows(study({("m", "shap"): many}, slices={"age": ("old",) * 35 + ("young",) * 5}), 0.95, Streams(0))
    assert rows is not None
    assert {(row.label, row.share is None, row.difference) for row in rows.shares if row.column} == {
        ("old", False, None),
        ("young", True, None),
    }


@pytest.mark.parametrize("told", [2, 4])
def test_the_chance_of_an_overlap_is_that_of_random_sets(told):
    """Contributions that are independent of each other: the mean overlap meets its closed form."""
    draw = np.random.default_rng(0)
    a, b = (draw.normal(size=(3000, 4)) for _ in range(2))
    one, other = (scores(values.tolist(), [1.0] * 3000) for values in (a, b))
    rows = reason_rows(study({("m", "shap"): one, ("m", "lime"): other}, top=told), 0.95, Streams(0))
    assert rows is not None
    pair = next(row for row in rows.pairs if row.kind == "methods")
    # The sizes of the sets are taken as they are; G sums two features, but for its sign that is no matter.
    assert pair.overlap.estimate == pytest.approx(pair.overlap_chance, abs=0.03)
    assert pair.first.estimate == pytest.approx(pair.first_chance, abs=0.06)


def test_reasons_have_rows_of_their_own_and_none_among_skills_and_curves():
    comparison = compare(study({("m", "shap"): SHAP, ("m", "lime"): LIME}))
    assert comparison.reasons is not None
    assert comparison.skills == ()
    assert comparison.curves == ()
    assert comparison.gaps == ()
