"""What the picker of cases and the filters go by: facts of report.json, and the places of models and methods beside rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tests.report.made import METHODS, Made, N, made
from xai_compare import report as reports
from xai_compare.report.blocks import About, Cases, Entry, Name
from xai_compare.report.charts import _ink_on
from xai_compare.report.choose import choose, differing
from xai_compare.report.render import _about
from xai_compare.report.sections import SECTIONS
from xai_compare.report.words import about, method_entry

SIGNED = [method.name for method in METHODS if method.signed and not method.control]


def distance(a, b) -> float:
    """1 minus the overlap of two explanations' signed shares, the long way round."""
    shares = [[value / sum(abs(other) for other in one) for value in one] for one in (a, b)]
    return sum(abs(x - y) for x, y in zip(*shares, strict=True)) / 2


def test_how_much_explanations_differ_by_hand() -> None:
    results = made().results
    by_model, by_method = differing(results)
    names = [model.name for model in results.models]
    for case in range(0, N, 7):
        rows = {key: one.values[case] for key, one in results.attributions.items()}
        apart = [distance(rows[a, "shap"], rows[b, "shap"]) for a, b in combinations(names, 2)]
        assert by_model[case] == pytest.approx(np.mean(apart))
        each = []
        for name in names:
            pairs = combinations([rows[name, method] for method in SIGNED if (name, method) in rows], 2)
            each.append(np.mean([distance(a, b) for a, b in pairs]))
        assert by_method[case] == pytest.approx(np.mean(each))


def test_one_model_and_one_method_differ_from_nothing() -> None:
    results = made().results
    alone = {("logistic", "shap"): results.attributions["logistic", "shap"]}
    lonely = replace(results, models=results.models[:1], attributions=alone)
    assert all(np.isnan(one).all() for one in differing(lonely))


def sliced(shown: bool) -> Made:
    source = made(shown=shown)
    return replace(source, results=replace(source.results, slices={"sex": tuple("fm"[i % 2] for i in range(N))}))


def test_cases_tell_their_slices_only_where_values_are_shown() -> None:
    source = sliced(shown=True)
    told = [case["slices"] for case in reports.build(source.results, source.comparison)["cases"]]
    assert told == [[{"column": "sex", "label": "fm"[index % 2]}] for index, _ in choose(source.results, source.comparison.driving)]
    hidden = sliced(shown=False)
    assert {len(case["slices"]) for case in reports.build(hidden.results, hidden.comparison)["cases"]} == {0}


@pytest.mark.parametrize(
    ("predicted", "outcome", "said"),
    [
        (("good", "good", "good"), "good", ("right",)),
        (("good", "bad", "good"), "good", ("differ", "wrong")),
        (("bad", "bad", "bad"), "good", ("wrong",)),
        (("good", "bad", "good"), None, ("differ",)),
        ((None, None, None), 3.5, ()),
    ],
)
def test_what_a_case_is_picked_by(predicted, outcome, said) -> None:
    source = sliced(shown=True)
    report = reports.build(source.results, source.comparison)
    case = report["cases"][0]
    case["outcome"] = outcome
    for one, name in zip(case["models"], predicted, strict=True):
        one["predicted"] = name
    (cases,) = [block for block in SECTIONS["cases"].make(report) if isinstance(block, Cases)]
    assert cases.items[0].said == said
    assert [cases.groups[place] for place in cases.items[0].groups] == [f"sex: {case['slices'][0]['label']}"]
    assert cases.items[0].models == case["differ"]["models"]


def test_rows_know_the_places_of_what_they_name() -> None:
    source = made()
    report = reports.build(source.results, source.comparison)
    row = (Entry((Name("forest", 1), " and ", Name("logistic", 0))), method_entry(report, "lime ~ shap"), method_entry(report, "no method"))
    assert _about(row) == About((0, 1), (0, 1))
    assert about(report, "network", "random") == About((2,), (4,))


@pytest.mark.parametrize(("shade", "ink"), [("#000000", "white"), ("#ffffff", "#"), ("#2c5478", "white"), ("#8297af", "#")])
def test_words_on_a_colour_have_the_greater_contrast(shade: str, ink: str) -> None:
    assert _ink_on(shade).startswith(ink)
