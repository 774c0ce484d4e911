"""The report dictionary: fits its schema, holds no NaN, chooses cases for a reason, hides what must be hidden."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from tests.report.made import FEATURES, HOSTILE, MODELS, NOT_OPEN, TAKEN, Made, made, with_answer, with_gap
from xai_compare import report
from xai_compare.compare import Interval
from xai_compare.errors import XaiCompareError
from xai_compare.report.choose import choose, overlap, pick
from xai_compare.report.coherent import fault
from xai_compare.report.plain import number, plain
from xai_compare.report.write import schema
from xai_compare.results import Cell

TOP = "schema_version tool scope models methods cells performance global agreement metrics decomposition gaps slices cases"
TOP += " reason_codes limits regulation_map assets skills verdict provenance curves powerless profiles swarm spread words"


def build(source: Made) -> dict[str, Any]:
    return report.build(source.results, source.comparison)


VARIANTS = [{}, {"task": "regression"}, {"hostile": True}, {"shown": False}]


@pytest.mark.parametrize("variant", VARIANTS, ids=["plain", "regression", "hostile", "hidden"])
def test_the_report_fits_its_schema_and_is_json(variant: dict[str, Any]) -> None:
    found = build(made(**variant))
    report.validate(found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == set(TOP.split())


def test_the_schema_is_a_schema_and_closed() -> None:
    Draft202012Validator.check_schema(schema())
    loose = [name for name, one in schema()["$defs"].items() if one.get("additionalProperties", True) and name != "free"]
    assert not loose
    assert schema()["additionalProperties"] is False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.update(extra=1),
        lambda found: found["gaps"][0].update(verdict="great"),
        lambda found: found["gaps"][0].pop("condition"),
        lambda found: found["gaps"][0].update(choices={"a": ["shap"], "b": ["shap", "shap"]}),
        lambda found: found["cells"][0].pop("condition"),
        lambda found: found["curves"][0].update(y=found["curves"][0]["y"][:1]),
        lambda found: found["curves"][0]["y"][5].update(low=None),
        lambda found: found["powerless"].append("ordering"),
        lambda found: found["verdict"]["models"][0].pop("conditions"),
        lambda found: found["gaps"][0]["gap"].update(low=None),  # a null without its reason
        lambda found: found["cases"][0].update(secret="x"),
        lambda found: found.pop("limits"),
        lambda found: found["assets"].append({"path": "../x.csv", "sha256": "0" * 64, "bytes": 1}),
    ],
)
def test_a_spoilt_report_is_refused(spoil: Any) -> None:
    found = build(made())
    spoil(found)
    with pytest.raises(XaiCompareError, match="does not fit its schema"):
        report.validate(found)


def test_numbers_that_are_not_finite_become_null_with_a_reason() -> None:
    source = with_gap(made(), 0, gap=Interval(float("nan"), None, float("inf"), 0, "no room"))
    gap = build(source)["gaps"][0]["gap"]
    assert (gap["estimate"], gap["low"], gap["high"], gap["reason"]) == (None, None, None, "no room")


def test_free_facts_become_plain() -> None:
    assert plain({"b": np.float32(0.5), "a": (np.int64(3), {"z", "y"}), 1: float("nan")}) == {"1": "nan", "a": [3, ["y", "z"]], "b": 0.5}
    assert number(-0.0) == 0.0
    assert str(number(-0.0)) == "0.0"
    assert number(1 / 3) == 0.3333333333
    assert plain("\ud800") == "?"


def test_the_decomposition_has_every_part_and_the_control() -> None:
    rows = build(made())["decomposition"]
    assert len(rows) == 4 * 3 + 1  # four methods on three models, and the one that needs a gradient on the network
    for row in rows:
        assert sum(row[part]["estimate"] for part in ("explained", "lost_by_method", "beyond_additive")) == pytest.approx(1)
        assert row["explained"]["chance"] == 0.04
        assert {row[part]["n"] for part in ("explained", "attainable", "size_alone")} == {40}
    assert sum(row["control"] for row in rows) == 3


@pytest.mark.parametrize(("gaps", "counts"), [(0, [0, 2, 2, 2]), (1, [1, 2, 2, 1]), (2, [2, 2, 2, 1])])
def test_six_cases_or_more_each_with_its_reason(gaps: int, counts: list[int]) -> None:
    source = made()
    chosen = choose(source.results, source.comparison.driving[:gaps])
    assert len({case for case, _ in chosen}) == len(chosen) == sum(counts)
    whys = [why for _, why in chosen]
    assert [sum(word in why for why in whys) for word in ("is widest", "differ most", "nearest to one half", "at random")] == counts


def test_the_first_cases_are_those_on_which_models_differ_most() -> None:
    results = made().results
    names = [name for name, _, _ in MODELS]
    values = [results.attributions[name, "shap"].values for name in names]
    mean = np.mean([overlap(values[i], values[j]) for i, j in ((0, 1), (0, 2), (1, 2))], axis=0)
    assert [case for case, _ in choose(results)[:2]] == list(np.argsort(mean)[:2])


def test_cases_near_the_threshold_and_largest_differences() -> None:
    results = made().results
    nearest = np.argsort(np.abs(results.cases.probability["logistic"] - 0.5))
    found = {case: why for case, why in choose(results) if "nearest to one half" in why}
    assert set(found) <= set(nearest[:4].tolist())
    for case, why in found.items():
        assert why.endswith(f"logistic's probability is nearest to one half, at {results.cases.probability['logistic'][case]:.2f}")
    regression = made("regression").results
    assert sum("predictions differ most" in why for _, why in choose(regression)) == 2


def test_without_probabilities_the_threshold_is_the_margin() -> None:
    results = made().results
    bare = replace(results, cases=replace(results.cases, probability={}))
    found = [case for case, why in choose(bare) if "logistic's margin is nearest to zero, at " in why]
    assert set(found) <= set(np.argsort(np.abs(results.cases.outputs["logistic"]))[:4].tolist())
    assert len(found) == 2


def test_nearest_to_one_half_may_be_far_from_it() -> None:
    results = made().results
    sure = {name: np.linspace(0.87, 0.99, len(values)) for name, values in results.cases.probability.items()}
    whys = [why for _, why in choose(replace(results, cases=replace(results.cases, probability=sure)))]
    assert any(why.endswith("is nearest to one half, at 0.87") for why in whys)
    assert not any("threshold" in why or "close to" in why for why in whys)


def test_among_three_classes_one_half_means_nothing() -> None:
    results = replace(made().results, classes=("good", "bad", "unclear"))
    said = np.array([0.5, 0.41, *np.linspace(0.6, 0.99, 38)])
    results = replace(results, cases=replace(results.cases, probability={"logistic": said}))
    found = dict(choose(results))
    assert found[1].endswith("logistic's probability shows it least sure of the explained class, at 0.41")
    fixed = dict(choose(replace(results, study={**results.study, "target": "bad"})))  # then a low probability is sure of another class
    assert fixed[0].endswith("nearest to one half, at 0.50")


def test_with_one_model_the_methods_are_compared() -> None:
    results = made().results
    alone = replace(results, models=results.models[:1])
    assert sum("the methods differ most for logistic" in why for _, why in choose(alone)) == 2


def test_outcomes_are_classes_or_numbers() -> None:
    classes = {case["outcome"] for case in build(made())["cases"]}
    assert classes <= {"good", "bad"}
    assert all(isinstance(case["outcome"], float) for case in build(made("regression"))["cases"])


def test_overlap_of_shares_by_hand() -> None:
    a, b = np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 0.0]]), np.array([[2.0, 2.0], [1.0, 1.0], [1.0, 0.0]])
    assert overlap(a, b)[:2].tolist() == [1.0, 0.5]
    assert np.isnan(overlap(a, b)[2])


def test_few_cases_are_all_shown() -> None:
    source = made()
    cases = source.results.cases
    few = replace(
        source.results,
        cases=replace(
            cases,
            ids=cases.ids[:3],
            target=cases.target[:3],
            outputs={k: v[:3] for k, v in cases.outputs.items()},
            probability={k: v[:3] for k, v in cases.probability.items()},
        ),
        attributions={key: one.rows(slice(0, 3)) for key, one in source.results.attributions.items()},
    )
    assert sorted(case for case, _ in choose(few)) == [0, 1, 2]


def test_values_are_absent_when_they_may_not_be_shown() -> None:
    shown, hidden = build(made()), build(made(shown=False))
    assert all(len(case["values"]) == len(FEATURES) for case in shown["cases"])
    assert all(case["values"] is None and case["outcome"] is None for case in hidden["cases"])
    assert hidden["scope"]["values_shown"] is False


def test_limits_hold_every_cell_that_is_not_ok() -> None:
    found = build(made())
    by_kind = {row["kind"]: row for row in found["limits"]}
    assert by_kind["failed"]["reason"].startswith("LinAlgError")
    assert by_kind["not_applicable"]["reason"] == NOT_OPEN
    assert by_kind["not_applicable"]["count"] == 8
    assert by_kind["missing"]["count"] == 8  # two cases for each of the four methods that ran on the forest
    told = sum(row["count"] for row in found["limits"] if row["kind"] in ("failed", "not_applicable", "degraded", "skipped"))
    assert told == sum(cell["status"] != "ok" for cell in found["cells"])


def without_power(source: Made, *pairs: tuple[str, str]) -> Made:
    return replace(source, comparison=replace(source.comparison, powerless=frozenset(pairs)))


def test_a_metric_without_power_is_said() -> None:
    found = build(without_power(made(), ("network", "input_stability"), ("forest", "input_stability"), ("forest", "additive_fit")))
    # In the order of the study, whatever the order of the set.
    assert found["powerless"] == [
        {"model": "forest", "metric": "additive_fit"},
        {"model": "forest", "metric": "input_stability"},
        {"model": "network", "metric": "input_stability"},
    ]
    (row,) = [row for row in found["limits"] if row["kind"] == "no_power"]
    assert row["where"] == [
        {"model": "forest", "explainer": "", "condition": "", "metrics": ["additive_fit", "input_stability"]},
        {"model": "network", "explainer": "", "condition": "", "metrics": ["input_stability"]},
    ]
    assert row["count"] == 3


def test_power_is_what_the_statistics_say_and_no_rule_of_the_report() -> None:
    source = made()
    flat = Interval(0.0, -0.1, 0.1, 40, "bootstrap-t")
    skills = tuple(replace(row, skill=flat) if row.metric == "input_stability" else row for row in source.comparison.skills)
    found = build(replace(source, comparison=replace(source.comparison, skills=skills)))
    assert found["powerless"] == []
    assert not [row for row in found["limits"] if row["kind"] == "no_power"]


def test_cases_that_a_metric_does_not_take_are_no_trouble() -> None:
    rows = [row for row in build(made())["limits"] if row["kind"] == "subset"]
    assert [row["reason"] for row in rows] == [TAKEN, "not among the 30 cases that this metric takes"]
    assert all(row["where"] == [] and row["count"] > 0 for row in rows)


def test_a_cell_under_a_condition_says_so() -> None:
    source = made()
    cells = (*source.results.cells, Cell("forest", "lime", "additive_fit", "failed", "no memory", "probability"))
    found = build(replace(source, results=replace(source.results, cells=cells)))
    assert [cell["condition"] for cell in found["cells"][-2:]] == ["", "probability"]
    (row,) = [row for row in found["limits"] if row["reason"] == "no memory"]
    assert row["where"] == [{"model": "forest", "explainer": "lime", "condition": "probability", "metrics": ["additive_fit"]}]


def test_gaps_carry_their_condition_and_choices() -> None:
    gaps = build(made())["gaps"]
    assert gaps[0]["choices"] == {"a": ["shap", "shap"], "b": ["shap", "shap"]}
    assert {row["choices"] is None for row in gaps if row["pairing"] == "same_method" or row["kind"] == "methods"} == {True}
    assert [row["condition"] for row in gaps if row["condition"]] == ["predictions agree", "probability", "reference"] * 2
    assert [row["condition"] for row in build(made("regression"))["gaps"] if row["condition"]] == ["reference"] * 2


def test_curves_are_carried_step_by_step() -> None:
    source = made()
    found, rows = build(source)["curves"], source.comparison.curves
    assert len(found) == len(rows)
    assert [step["estimate"] for step in found[0]["y"]] == pytest.approx([step.estimate for step in rows[0].y])
    assert {row["explainer"] for row in found if row["curve"].startswith("best ")} == {""}


def test_the_verdict_knows_where_its_gap_was_asked_again() -> None:
    found = build(made())
    for entry in found["verdict"]["models"]:
        rows = [found["gaps"][index] for index in entry["conditions"]]
        assert [row["condition"] for row in rows] == ["predictions agree", "probability", "reference"]
        assert {(row["a"], row["metric"], row["pairing"]) for row in rows} == {(entry["model"], "additive_fit", "best_method")}
        assert not found["gaps"][entry["gap"]]["condition"]


@pytest.mark.parametrize(("choices", "told"), [(("lime", "shap"), "shap"), (("shap", "lime"), "shap"), (("lime", "lime"), "lime")])
def test_the_share_told_is_that_of_a_chosen_method(choices: tuple[str, str], told: str) -> None:
    entry = build(with_answer(made(), "forest", "", "worse", choices=(choices, ("shap", "shap"))))["verdict"]["models"][0]
    assert (entry["explainer"], entry["reference_explainer"]) == (told, "shap")


def test_the_verdict_points_at_the_leading_gap() -> None:
    found = build(made())
    entry = found["verdict"]["models"][1]
    gap = found["gaps"][entry["gap"]]
    assert (gap["a"], gap["b"], gap["metric"], gap["headline"]) == ("network", "logistic", "additive_fit", True)
    assert (entry["explainer"], entry["reference_explainer"], entry["performance_differs"]) == ("shap", "shap", False)
    assert found["performance"][entry["performance"]]["score"] == "ROC-AUC"
    assert [found["gaps"][index]["headline"] for index in found["verdict"]["headline"]] == [True] * 8
    assert found["verdict"]["not_tested"] == {"failed": 1, "degraded": 0, "skipped": 0, "not_applicable": 8}


def test_the_headline_gap_goes_before_others_of_its_metric() -> None:
    found = build(with_gap(with_gap(made(), 0, headline=False), 2, headline=True))
    entry = found["verdict"]["models"][0]
    assert (entry["gap"], entry["explainer"], entry["conditions"]) == (2, "lime", [])  # nobody asked that one again


@pytest.mark.parametrize(
    ("names", "lead"),
    [
        (("F1 (bad)", "ROC-AUC", "log loss"), "ROC-AUC"),
        (("log loss", "F1 (macro)"), "F1 (macro)"),
        (("RMSE", "R2"), "R2"),
        (("log loss", "Brier"), "log loss"),
    ],
)
def test_the_leading_score_does_not_hang_on_what_stands_in_brackets(names: tuple[str, ...], lead: str) -> None:
    source = made()
    like = [row for row in source.comparison.performance if row.split == "test" and row.score == "ROC-AUC"]
    rows = tuple(replace(row, score=name) for name in names for row in like)
    found = build(replace(source, comparison=replace(source.comparison, performance=rows)))
    assert [found["performance"][entry["performance"]]["score"] for entry in found["verdict"]["models"]] == [lead] * 2


def test_a_gap_that_decides_nothing_is_not_level() -> None:
    weak = Interval(0.01, -0.1, 0.1, 40, "BCa, few differing cases", 0.9)
    before, after = (build(source)["verdict"]["models"][0] for source in (made(), with_gap(made(), 0, gap=weak, p_adjusted=1.0)))
    assert sum(before[key] for key in ("ahead", "behind", "level")) == 4
    assert sum(after[key] for key in ("ahead", "behind", "level")) == 3


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda found: found["verdict"]["headline"].append(999), r"verdict\.headline\[8\]: 999, but there are \d+ gaps"),
        (lambda found: found["verdict"]["models"][0].update(gap=999), r"verdict\.models\[0\]\.gap: 999"),
        (lambda found: found["verdict"]["models"][0].update(performance=999), r"verdict\.models\[0\]\.performance: 999"),
        (lambda found: found["verdict"]["models"][0].update(gap=found["verdict"]["models"][1]["gap"]), "not about 'forest'"),
        (lambda found: found["verdict"]["models"][0].update(model="nobody"), "'nobody' is none of the report's models"),
        (lambda found: found["verdict"]["picture"][0].update(model="nobody"), r"verdict\.picture\[0\]"),
        (lambda found: found["verdict"].update(reference="forest"), r"verdict\.reference"),
        (lambda found: found["gaps"][0].update(b="nobody"), r"gaps\[0\]\.b"),
        (lambda found: found["gaps"][-1].update(model="nobody"), r"gaps\[\d+\]\.model"),
        (lambda found: found["decomposition"][0].update(model="nobody"), r"decomposition\[0\]"),
        (lambda found: found["cases"][0]["models"][0].update(model="nobody"), r"cases\[0\]\.models\[0\]"),
        (lambda found: found["limits"][0]["where"][0].update(model="nobody"), r"limits\[0\]\.where\[0\]"),
        (
            lambda found: found["verdict"]["models"][0]["conditions"].append(999),
            r"verdict\.models\[0\]\.conditions\[3\]: 999, but there are",
        ),
        (
            lambda found: found["verdict"]["models"][0]["conditions"].append(0),
            r"conditions\[3\]: 0, which does not ask the gap of 'forest' again",
        ),
        (lambda found: found["verdict"]["models"][0].update(conditions=found["verdict"]["models"][1]["conditions"]), "of 'forest' again"),
        (lambda found: found["verdict"]["models"][0].update(gap=None), "of 'forest' again"),
        (
            lambda found: found["gaps"][0]["choices"].update(a=["shap", "nobody"]),
            r"gaps\[0\]\.choices\.a\[1\]: 'nobody' is none",
        ),
        (lambda found: found["curves"][0].update(model="nobody"), r"curves\[0\]\.model"),
        (lambda found: found["curves"][0].update(explainer="nobody"), r"curves\[0\]\.explainer: 'nobody' is none of the report's methods"),
        (lambda found: found["curves"][0].update(metric="nothing"), r"curves\[0\]\.metric: 'nothing' is none of the report's metrics"),
        (lambda found: found["powerless"].append({"model": "nobody", "metric": "ordering"}), r"powerless\[0\]\.model"),
        (lambda found: found["powerless"].append({"model": "forest", "metric": "nothing"}), r"powerless\[0\]\.metric"),
        (lambda found: found["cases"][0]["values"].pop(), "11 values for 12 features"),
        (lambda found: found["cases"][0]["attributions"][0]["values"].pop(), "11 values for 12 features"),
    ],
)
def test_a_report_that_does_not_fit_together_is_refused(spoil: Any, place: str) -> None:
    found = build(made())
    report.validate(found)
    spoil(found)
    with pytest.raises(XaiCompareError, match=f"does not fit together at .*{place}"):
        report.validate(found)


def test_hostile_names_survive_unchanged_in_the_data() -> None:
    found = build(made(hostile=True))
    assert found["models"][0]["name"] == f"logistic{HOSTILE}"
    assert found["cases"][0]["values"][0].endswith(HOSTILE)


def test_the_case_in_which_a_gap_is_widest_comes_first_and_the_verdict_names_it() -> None:
    audit = made()
    report = build(audit)
    for entry, row in zip(report["verdict"]["models"], audit.comparison.driving, strict=True):
        told = entry["widest"]
        if report["gaps"][entry["gap"]]["verdict"] not in ("better", "worse"):
            assert told is None
            continue
        index = int(np.argmin(row.terms))
        case = report["cases"][told["case"]]
        assert case["id"] == audit.results.cases.ids[index]
        assert case["why"].endswith("is widest")
        assert (told["own"], told["reference"]) == pytest.approx((row.own[index], row.reference[index]), rel=1e-9)
        fits = {one["model"]: one["fit"] for one in case["models"]}
        assert (fits[row.a], fits[row.b]) == (told["own"], told["reference"])
    assert any(entry["widest"] for entry in report["verdict"]["models"])


def test_cases_by_how_wide_the_gap_is() -> None:
    audit = made()
    asked = pick(audit.results, "widest_gap", 4, audit.comparison.driving)
    first = [int(np.argmin(row.terms)) for row in audit.comparison.driving]
    assert [case for case, _ in asked[:2]] == list(dict.fromkeys(first))[:2]
    assert len({case for case, _ in asked}) == 4
    assert pick(audit.results, "widest_gap") == []


def test_a_verdict_that_points_at_no_case_is_refused() -> None:
    report = build(made())
    entry = next(one for one in report["verdict"]["models"] if one["widest"])
    entry["widest"]["case"] = 99
    assert "widest.case: 99, but there are" in fault(report)
