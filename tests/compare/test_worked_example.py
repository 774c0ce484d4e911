"""The worked example of docs/worked-example.md: three cases -> scores -> skill -> gap -> verdict, every number by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xai_compare.compare import compare

CHANCE = (0.2, 0.6, 0.2)
LOGISTIC = (0.92, 0.92, 0.84)
NETWORK = (0.64, 0.82, 0.72)


@pytest.fixture
def comparison(study, scored):
    return compare(
        study(
            {
                ("logistic", "shap", "additive_fit"): scored(LOGISTIC, CHANCE, 1.0),
                ("network", "shap", "additive_fit"): scored(NETWORK, CHANCE, 1.0),
            }
        ),
        tolerance={"fidelity": 0.05},
        pairings=("same_method",),
    )


def test_scores_and_skill(comparison) -> None:
    logistic, network = comparison.skills
    # Means: chance 1.0 / 3; logistic 2.68 / 3; network 2.18 / 3.
    assert logistic.chance == pytest.approx(1 / 3)
    assert logistic.value.estimate == pytest.approx(2.68 / 3)
    assert network.value.estimate == pytest.approx(2.18 / 3)
    # Above chance 0.72 + 0.32 + 0.64 = 1.68 and 0.44 + 0.22 + 0.52 = 1.18, of 0.8 + 0.4 + 0.8 = 2.0 that was there to gain.
    assert logistic.skill.estimate == pytest.approx(1.68 / 2.0)
    assert network.skill.estimate == pytest.approx(1.18 / 2.0)
    # Not the means of the three ratios, (0.9 + 0.8 + 0.8) / 3 and (0.55 + 0.55 + 0.65) / 3, where case 2 has as much say as the others.
    assert logistic.skill.estimate != pytest.approx(2.5 / 3, abs=1e-3)
    assert network.skill.estimate != pytest.approx(1.75 / 3, abs=1e-3)


def test_gap_and_interval(comparison) -> None:
    (row,) = comparison.gaps
    assert row.gap.estimate == pytest.approx(0.59 - 0.84)
    # Three cases give 27 resamples. The lowest gap is that of case 1 drawn thrice, -0.28 / 0.8; the highest that of case 3, -0.12 / 0.8.
    # Either has probability 1/27 = 3.7 %, more than the 2.5 % of a tail, and cases 1 and 3 lie alike around case 2, whose own gap
    # -0.10 / 0.4 is the estimate: BCa has nothing to shift. So these are the limits.
    assert (row.gap.low, row.gap.high) == pytest.approx((-0.35, -0.15))
    assert (row.gap.n, row.gap.how) == (3, "BCa, few differing cases")


def test_p_and_verdict(comparison) -> None:
    (row,) = comparison.gaps
    # No resample reaches 0: p is the smallest that 9,999 resamples allow, 2 / 10,000, but for the Monte Carlo error of BCa's shift.
    assert row.gap.p == pytest.approx(0.0002, rel=0.2)
    # Three cases are too few for a verdict, whatever their interval says.
    assert row.p_adjusted == 1
    assert (row.headline, row.verdict) == (True, "cannot be told apart")


def test_the_same_three_cases_eight_times_over_decide(study, scored) -> None:
    many = {
        ("logistic", "shap", "additive_fit"): scored(LOGISTIC * 8, CHANCE * 8, 1.0),
        ("network", "shap", "additive_fit"): scored(NETWORK * 8, CHANCE * 8, 1.0),
    }
    (row,) = compare(study(many), tolerance={"fidelity": 0.05}, pairings=("same_method",)).gaps
    assert (row.gap.n, row.gap.how, row.verdict) == (24, "bootstrap-t", "worse")
    assert row.gap.estimate == pytest.approx(-0.25)
    assert -0.35 < row.gap.low < row.gap.high < -0.15


def test_disposition(comparison) -> None:
    (row,) = comparison.gaps
    # The gap may be as low as -0.35, below -0.05.
    assert (row.tolerance, row.disposition) == (0.05, "review")


def test_the_page_says_the_same(comparison) -> None:
    page = (Path(__file__).parents[2] / "docs" / "worked-example.md").read_text(encoding="utf-8")
    table = [[float(cell) for cell in re.findall(r"\d\.\d+", line)] for line in page.splitlines() if re.match(r"\| [123] ", line)]
    assert [row[0] for row in table] == list(CHANCE)
    assert [row[2] for row in table] == list(LOGISTIC)
    assert [row[3] for row in table] == list(NETWORK)
    (row,) = comparison.gaps
    logistic, network = comparison.skills
    for number in (logistic.skill.estimate, network.skill.estimate, row.gap.estimate, row.gap.low, row.gap.high, 100 / 27, row.tolerance):
        assert f"{number:.2f}".rstrip("0") in page
    assert f"**{row.verdict}**" in page
    assert f"**{row.disposition}**" in page
