"""Thresholds: what an expression reads as, what it says of a report, and that any text at all is an expression or one clear error."""

from __future__ import annotations

import copy
import operator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.made import made
from xai_compare.compare.expressions import Both, Either, Limit, Name, Not, Some, named, parse
from xai_compare.compare.threshold import Known, breaches, check, known_to, threshold
from xai_compare.errors import StudyError
from xai_compare.report import build


def a_report() -> dict:
    source = made()
    report = build(source.results, source.comparison)
    report["metrics"].append({**report["metrics"][0], "name": "performance", "question": "performance", "scope": "model", "lead": False})
    return report


REPORT = a_report()


def changed(**parts) -> dict:
    return {**copy.deepcopy(REPORT), **parts}


def gaps(question: str, model: str) -> float:
    (row,) = [row for row in REPORT["gaps"] if row["headline"] and row["question"] == question and row["a"] == model]
    return row["gap"]["estimate"]


def said(text: str, report: dict = REPORT) -> list[str]:
    return breaches([threshold(text)], report)


# ---- reading


def limit(name: str, sign: str, value: float) -> Limit:
    kind, *parts = name.split(".")
    return Limit(Name(kind, tuple(parts), name), sign, value)  # type: ignore[arg-type]


A, B, C = limit("gap.a", "<", -0.1), Some("failed"), limit("score.m.F1", ">=", 2.5)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("gap.a < -0.1", A),
        ("gap.a<-.1", A),
        ("  any   failed ", B),
        ("score.m.F1>=25e-1", C),
        ("gap.a < -0.1 or any failed and score.m.F1 >= 2.5", Either(A, Both(B, C))),
        ("(gap.a < -0.1 or any failed) and score.m.F1 >= 2.5", Both(Either(A, B), C)),
        ("not any failed or gap.a < -0.1", Either(Not(B), A)),
        ("not not (any failed)", Not(Not(B))),
        ("any failed and any failed and gap.a < -0.1", Both(Both(B, B), A)),
    ],
)
def test_expressions_bind_as_they_do_everywhere(text, read) -> None:
    assert parse(text) == read


def test_a_part_in_quotes_may_hold_anything() -> None:
    (name,) = named(parse("skill.'a.b'.\"x < y (z)\".and >= 1"))
    assert name.parts == ("a.b", "x < y (z)", "and")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found the end where a test should stand"),
        ("gap.fidelity", "found the end where <, <=, > or >="),
        ("gap.fidelity == 1", "found '==' where <, <=, > or >="),
        ("gap.fidelity < x", "found 'x' where a number"),
        ("gap.fidelity < 1e999", "found '1e999' where a number"),
        ("gap.fidelity < nan", "found 'nan' where a number"),
        ("gap < 1", "should read gap.QUESTION or gap.QUESTION.MODEL"),
        ("skill.shap < 1", "should read skill.METHOD.QUESTION"),
        ("score.m.F1 (macro) < 1", r"found '\(' where"),
        ("gapp.fidelity < 1", "did you mean 'gap'"),
        ("any model", "found 'model' where 'failed', 'degraded' or 'review'"),
        ("any failed or", "found the end where a test"),
        ("(any failed", r"found the end where '\)'"),
        ("any failed)", r"found '\)' where 'and', 'or' or the end"),
        ("any failed any failed", "found 'any' where 'and', 'or'"),
        ('gap."fidelity < 1', "cannot be read from"),
        ("gap..x < 1", "cannot be read from"),
        ("__import__('os')", "cannot be read from|unknown name|should stand"),
        ("(" * 60 + "any failed" + ")" * 60, "nested more than 50 deep"),
        ("not " * 60 + "any failed", "nested more than 50 deep"),
        ("any failed or " * 200 + "any failed", "at most 2000"),
    ],
)
def test_what_is_no_expression_is_one_clear_error(text, says) -> None:
    with pytest.raises(StudyError, match=says):
        threshold(text)


WORDS = [
    "gap",
    ".",
    "fidelity",
    "skill",
    "shap",
    "any",
    "failed",
    "and",
    "or",
    "not",
    "(",
    ")",
    "<",
    ">=",
    "-0.1",
    "1e5",
    '"',
    "'",
    " ",
    "\n",
]


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=25).map("".join)))
def test_any_text_is_an_expression_or_a_typed_error(text) -> None:
    try:
        one = threshold(text)
        check([one], known_to(REPORT))
    except StudyError:
        return
    assert all(line.startswith(f"{text}: ") for line in breaches([one], REPORT))


TRUTHS = {"any failed": "True", "any degraded": "False", "gap.fidelity < 5": "True", "gap.fidelity.forest > 5": "False"}
JOINED = st.recursive(
    st.sampled_from(sorted(TRUTHS)),
    lambda inner: st.one_of(
        inner.map("not {}".format),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(JOINED)
def test_and_or_not_and_brackets_mean_what_they_do_in_python(text) -> None:
    plain = text
    for name, value in TRUTHS.items():
        plain = plain.replace(name, value)
    assert bool(said(text)) == eval(plain)  # of True, False, and, or, not and brackets alone


# ---- values


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_a_gap_is_the_lowest_over_the_models(sign) -> None:
    forest, network = gaps("fidelity", "forest"), gaps("fidelity", "network")
    compare = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[sign]
    for bound in (forest, network, -1, 1, (forest + network) / 2):
        assert bool(said(f"gap.fidelity {sign} {bound!r}")) == compare(min(forest, network), bound)
        assert bool(said(f"gap.fidelity.network {sign} {bound!r}")) == compare(network, bound)


def test_the_line_names_the_number_and_whose_it_is() -> None:
    assert said("gap.fidelity < -0.05") == ["gap.fidelity < -0.05: breached: gap.fidelity is -0.1017 (forest against logistic)"]
    assert said("any failed") == ["any failed: breached: 1 cell failed"]
    assert said("any review") == ["any review: breached: 2 headline gaps to review"]
    assert said("gap.fidelity < -0.5") == []


def test_a_skill_is_the_lowest_over_the_models_that_the_method_fits() -> None:
    rows = {row["model"]: row["skill"]["estimate"] for row in REPORT["skills"] if (row["explainer"], row["metric"], row["part"]) == KEY}
    lowest = min(rows.values())
    assert said(f"skill.lime.stability < {lowest + 1e-6}")
    assert not said(f"skill.lime.stability < {lowest}")
    assert said(f"skill.lime.input_stability.network <= {rows['network']!r}")
    # Integrated gradients fit one model of three: its number speaks, and asked of another there is none.
    assert not said("skill.integrated_gradients.fidelity < 0.5")
    (line,) = said("skill.integrated_gradients.fidelity.forest < 0.5")
    assert "cannot be told" in line
    assert "offers no gradient" in line


KEY = ("lime", "input_stability", "")


def test_a_score_is_named_with_or_without_its_brackets() -> None:
    value = next(row["value"]["estimate"] for row in REPORT["performance"] if (row["model"], row["score"]) == ("forest", "ROC-AUC"))
    assert said(f"score.forest.ROC-AUC <= {value!r}")
    assert not said(f"score.forest.ROC-AUC < {value!r}")
    renamed = changed(performance=[{**row, "score": f"{row['score']} (bad)"} for row in REPORT["performance"]])
    for name in ("ROC-AUC", '"ROC-AUC (bad)"'):
        check([threshold(f"score.forest.{name} < 1")], known_to(renamed))
        assert said(f"score.forest.{name} <= {value!r}", renamed)


# ---- what was not measured


def unmeasured(model: str, **row) -> dict:
    lost = {"gap": {"estimate": None, "low": None, "high": None, "n": 0, "how": "", "p": None, "reason": "nothing moves the output"}}
    hit = [gap["headline"] and gap["question"] == "fidelity" and gap["a"] == model for gap in REPORT["gaps"]]
    return changed(gaps=[{**gap, **(row or lost)} if mine else gap for gap, mine in zip(REPORT["gaps"], hit, strict=True)])


def test_what_was_not_measured_counts_as_breached_with_its_reason() -> None:
    (line,) = said("gap.fidelity.forest < -0.9", unmeasured("forest"))
    assert line == (
        "gap.fidelity.forest < -0.9: cannot be told, which counts as breached: "
        "gap.fidelity.forest was not measured for forest against logistic: nothing moves the output"
    )
    (line,) = said("gap.fidelity.forest < -0.9", unmeasured("forest", verdict="no power here"))
    assert "no power here" in line


def test_one_missing_number_is_no_excuse_where_another_settles_it() -> None:
    report, network = unmeasured("forest"), gaps("fidelity", "network")
    for sign, bound, outcome in (("<", network + 0.01, "breached"), ("<", network - 0.01, "cannot"), (">", network + 0.01, None)):
        lines = said(f"gap.fidelity {sign} {bound}", report)
        assert (lines[0].split(": ")[1].split()[0] if lines else None) == outcome
    assert "cannot" in said(f"gap.fidelity > {network - 0.01}", report)[0]


THREE = {"any failed": True, "any degraded": False, "gap.fidelity.forest < -0.9": None}


def test_unknown_goes_through_and_or_not_as_it_must() -> None:
    """Against what every value of the unknown would give: settled where all agree."""
    report = unmeasured("forest")
    for (a, x), (b, y) in product(THREE.items(), repeat=2):
        for word, how in (("and", operator.and_), ("or", operator.or_)):
            could = {how(p, q) for p in ({x} if x is not None else {True, False}) for q in ({y} if y is not None else {True, False})}
            for negated in (False, True):
                text = f"not ({a} {word} {b})" if negated else f"{a} {word} {b}"
                outcome = {one ^ negated for one in could}
                lines = said(text, report)
                if a == b and x is None:
                    assert lines  # the same unknown twice: still unknown
                elif outcome == {False}:
                    assert lines == []
                else:
                    assert ("cannot be told" in lines[0]) == (len(outcome) == 2)


# ---- names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gap.fidelty < 0", "no question 'fidelty': did you mean 'fidelity'"),
        ("gap.performance < 0", "no question 'performance'"),
        ("gap.fidelity.forrest < 0", "no model 'forrest': did you mean 'forest'"),
        ("gap.fidelity.logistic < 0", "'logistic' is the reference"),
        ("skill.sharp.fidelity < 0", "no method 'sharp': did you mean 'shap'"),
        ("skill.shap.agreement < 0", "no question or metric 'agreement'"),
        ("skill.shap.fidelity.net < 0", "no model 'net'"),
        ("score.net.F1 < 0", "no model 'net'"),
        ("score.forest.AUC < 0", "no score 'AUC': did you mean 'ROC-AUC'"),
        ("any failed or not gap.x < 0", "no question 'x'"),
    ],
)
def test_a_name_that_cannot_exist_is_an_error_before_anything_runs(text, says) -> None:
    with pytest.raises(StudyError, match=f"'{text}': .*{says}"):
        check([threshold("any failed"), threshold(text)], known_to(REPORT))


def test_names_of_a_study_of_one_model_or_without_performance() -> None:
    metrics = {"additive_fit": ("fidelity", True, "method")}
    alone = Known(("m",), "m", ("shap", "random"), metrics)
    with pytest.raises(StudyError, match="only one model"):
        check([threshold("gap.fidelity < 0")], alone)
    with pytest.raises(StudyError, match="measures no performance"):
        check([threshold("score.m.F1 < 0")], alone)
    check([threshold("skill.random.fidelity.m < 0 or any review")], alone)
