"""The map of reason codes, the ranking, and what a study may ask of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.made import study_of
from xai_compare.config import load_study, study_from_dict
from xai_compare.errors import StudyError
from xai_compare.reasons import Reason, contributions, ranked, reason_map, reasons_of
from xai_compare.run.plan import plan_study

FEATURES = ["age", "income", "debt_card", "debt_loan"]
DEBT = {"pattern": "debt_*", "group": "debt", "code": "D", "text": "Debt"}
MAP = [{"feature": "age", "code": "A", "text": "Age", "prohibited": True}, {"feature": "income", "code": 12, "text": "Income"}, DEBT]


# ---- the map


def test_a_map_sums_features_by_group_in_its_own_order():
    assert reason_map(MAP, FEATURES, "map") == (
        Reason("A", "A", "Age", (0,), (0,)),
        Reason("12", "12", "Income", (1,)),
        Reason("debt", "D", "Debt", (2, 3)),
    )


def test_a_mapping_says_the_same_and_a_line_of_its_own_goes_before_a_pattern():
    lines = {"age": {"code": "A", "text": "Age", "prohibited": True}, "income": {"code": "12", "text": "Income"}}
    debts = {name: {"group": "debt", "code": "D", "text": "Debt"} for name in FEATURES[2:]}
    assert reason_map(lines | debts, FEATURES, "map") == reason_map(MAP, FEATURES, "map")
    own = reason_map([*MAP, {"feature": "debt_card", "code": "C", "text": "Card"}], FEATURES, "map")
    assert [(reason.code, reason.features) for reason in own[2:]] == [("D", (3,)), ("C", (2,))]


def test_the_parameters_of_a_metric_bring_it_back():
    plain = [{"group": "g", "code": "c", "text": "t", "features": [0, 2], "prohibited": [2]}]
    assert reasons_of({"reasons": plain}) == (Reason("g", "c", "t", (0, 2), (2,)),)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (MAP[:2], "map: the feature 'debt_card' has no reason: add a line for it"),
        ([*MAP, {"feature": "agee", "code": "B", "text": "B"}], r"map: \[3\]: 'agee' is no feature: did you mean 'age'"),
        ([*MAP, {"pattern": "a*", "code": "B", "text": "B"}, {"pattern": "?ncom?", "code": "C", "text": "C"}], None),
        ([MAP[0], MAP[1], DEBT, {"pattern": "*_loan", "code": "L", "text": "L"}], r"\[3\]: 'debt_loan' has a reason already, by \[2\]"),
        ([*MAP, {"feature": "age", "code": "A", "text": "Age"}], "'age' has a reason already"),
        ([*MAP[:2], DEBT, {"feature": "debt_loan", "group": "debt", "code": "D", "text": "Loans"}], "has another code or text already"),
        ([*MAP[:2], DEBT, {"feature": "debt_loan", "group": "loans", "code": "D", "text": "Debt"}], "stands for the group 'debt' already"),
        ([{**MAP[0], "prohibitted": True}, *MAP[1:]], "unknown key 'prohibitted': did you mean 'prohibited'"),
        ([{**MAP[0], "prohibited": "yes"}, *MAP[1:]], "prohibited should be true or false, found 'yes'"),
        ([{"feature": "age", "code": "A"}, *MAP[1:]], "text is missing"),
        ([{"feature": "age", "code": "A", "text": " "}, *MAP[1:]], "text should be text that is not empty"),
        ([{"feature": "age", "pattern": "a*", "code": "A", "text": "a"}, *MAP[1:]], "a feature or a pattern, one of them"),
        (["age", *MAP[1:]], "should be a mapping with feature, code and text, found str"),
        ("age", "should be a list of lines"),
    ],
)
def test_a_map_with_a_fault_is_refused_by_name(lines, said):
    if said is None:  # two patterns that fit features with a line of their own: those lines hold
        assert reason_map(lines, FEATURES, "map") == reason_map(MAP, FEATURES, "map")
        return
    with pytest.raises(StudyError, match=said):
        reason_map(lines, FEATURES, "map")


# ---- the ranking


def test_only_what_works_towards_the_outcome_is_ranked():
    found = ranked(np.array([[0.1, -5.0, 0.6, 0.3], [-1.0, -2.0, 0.0, -0.1], [0.0, 0.0, 0.0, 0.0]]), 2)
    assert found.order.tolist() == [[2, 3], [-1, -1], [-1, -1]]
    np.testing.assert_allclose(found.shares, [[0.6, 0.3], [0, 0], [0, 0]])
    np.testing.assert_allclose(found.omitted, [0.1, 0, 0])
    assert not found.tied.any()
    assert found.members(4).tolist() == [[False, False, True, True], [False] * 4, [False] * 4]


def test_ties_keep_the_order_of_the_map_and_are_told_also_with_what_is_left_out():
    found = ranked(np.array([[0.2, 0.2 + 1e-15, 0.6, 0.1 + 0.1]]), 2)
    assert found.order.tolist() == [[2, 0]]
    assert found.tied.tolist() == [[False, True]]
    assert ranked(np.array([[0.2, 0.3]]), 4).order.tolist() == [[1, 0]]


def test_a_scale_changes_no_rank_and_no_share():
    draw = np.random.default_rng(0).normal(size=(50, 7))
    one, other = ranked(draw, 4), ranked(1e6 * draw, 4)
    np.testing.assert_array_equal(one.order, other.order)
    np.testing.assert_allclose(one.shares, other.shares)


def test_ranks_and_shares_by_brute_force():
    draw = np.random.default_rng(1).normal(size=(40, 6))
    found = ranked(draw, 4)
    for row, order, shares, omitted in zip(draw, found.order, found.shares, found.omitted, strict=True):
        adverse = sorted(((value, -place) for place, value in enumerate(row) if value > 0), reverse=True)
        told = [-place for _, place in adverse[:4]]
        assert order[order >= 0].tolist() == told
        total = sum(value for value, _ in adverse)
        np.testing.assert_allclose(shares[: len(told)], [row[place] / total for place in told], atol=1e-8)
        np.testing.assert_allclose(omitted, sum(value for value, _ in adverse[4:]) / total if total else 0, atol=1e-8)


def test_contributions_of_a_group_are_added_with_their_signs():
    values = np.array([[1.0, 2.0, -5.0, 4.0]])
    assert contributions(values, reason_map(MAP, FEATURES, "map")).tolist() == [[1.0, 2.0, -1.0]]


# ---- the study

IRIS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
LINES = [{"feature": name, "code": f"R{i}", "text": name} for i, name in enumerate(IRIS)]
ASKED = {"threshold": 0.5, "adverse": "virginica", "reference": "all_applicants", "map": LINES}


def study(**options):
    return study_from_dict(study_of(reasons={**ASKED, **options}))


def test_the_metric_joins_where_reasons_are_asked_for_and_only_then():
    assert "reason_codes" not in plan_study(study_from_dict(study_of())).metrics
    assert "reason_codes" not in plan_study(study_from_dict(study_of(metrics="auto"))).metrics
    made = plan_study(study()).metrics["reason_codes"]
    assert (made.adverse, made.adverse_class, made.methods, made.differences, made.top) == (2, "virginica", ("shap",), ("shap",), 4)
    assert [reason.code for reason in made.reasons] == ["R0", "R1", "R2", "R3"]


def test_a_map_may_be_a_file_beside_the_study(tmp_path):
    (tmp_path / "codes.yaml").write_text('- {pattern: "*", code: R, text: All}\n', encoding="utf-8")
    (tmp_path / "study.yaml").write_text(
        "data: {source: 'sklearn:iris', explain: 5}\nmodels: [{name: m, kind: logistic_regression}]\nexplainers: [shap, lime, saliency]\n"
        "reasons: {threshold: 0.5, adverse: virginica, reference: near_threshold, map: codes.yaml}\n",
        encoding="utf-8",
    )
    made = plan_study(load_study(tmp_path / "study.yaml")).metrics["reason_codes"]
    assert made.reasons == (Reason("R", "R", "All", (0, 1, 2, 3)),)
    assert (made.methods, made.differences) == (("shap", "lime"), ("shap",))  # saliency has no direction; LIME is no difference
    (tmp_path / "codes.yaml").write_text("- {pattern: '*', code: R, code: R, text: All}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"codes.yaml: line 1: the key 'code' is given twice"):
        plan_study(load_study(tmp_path / "study.yaml"))
    (tmp_path / "codes.yaml").unlink()
    with pytest.raises(StudyError, match=r"codes.yaml: the map of reasons cannot be read"):
        plan_study(load_study(tmp_path / "study.yaml"))


def test_a_path_leaves_the_machine_by_its_name_only():
    held = study(map="/home/somebody/codes.yaml").resolved()["reasons"]
    assert held["map"] == "codes.yaml"
    assert study().resolved()["reasons"]["map"] == LINES


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"adverse": "bad"}, "reasons.adverse: found 'bad', which is no class. The classes: setosa"),
        ({"threshold": 50.0}, "reasons.threshold: found 50: a probability above 0 and at most 1"),
        ({"methods": ["lime"]}, r"reasons.methods\[0\]: 'lime' is no method of this study: "),
        ({"map": LINES[:3]}, "reasons.map: the feature 'petal width .cm.' has no reason"),
        ({"map": ""}, "reasons.map: found nothing: should be the path of a map file, or its content"),
        ({"top": 5}, "reasons.top: found 5: should be less than or equal to 4"),
        ({"reference": "everyone"}, "reasons.reference: found 'everyone': Allowed: all_applicants, near_threshold"),
        ({"output": "native"}, "reasons.output: found 'native'"),
        ({"adverze": 1}, "reasons.adverze: unknown key: did you mean 'adverse'"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_place(options, said):
    with pytest.raises(StudyError, match=said):
        plan_study(study(**options))


def test_the_reference_has_no_default():
    with pytest.raises(StudyError, match=r"reasons\.reference: missing: it has no default"):
        study_from_dict(study_of(reasons={key: value for key, value in ASKED.items() if key != "reference"}))


def test_reasons_need_classes_and_columns():
    spec = {"data": {"source": "sklearn:diabetes", "explain": 5}, "models": [{"name": "m", "kind": "linear_regression"}]}
    with pytest.raises(StudyError, match="a decision is taken between classes, and the target is a number"):
        plan_study(study_from_dict({**spec, "reasons": ASKED}))
    with pytest.raises(StudyError, match="no method of the study has a direction"):
        plan_study(study_from_dict(study_of(explainers=["permutation_importance"], reasons=ASKED)))
