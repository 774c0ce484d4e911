"""The rows that a comparison consists of: estimates with intervals, and verdicts. Plain values, read by report and cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from xai_compare.types import Array

__all__ = [
    "AgreementRow",
    "Comparison",
    "CurveRow",
    "GapRow",
    "ImportanceRow",
    "Interval",
    "PerformanceRow",
    "ReasonCrossing",
    "ReasonFlag",
    "ReasonPair",
    "ReasonShare",
    "ReasonTold",
    "Reasons",
    "SkillRow",
    "SliceRow",
    "SpreadRow",
    "Verdict",
    "WordRow",
]

Verdict = Literal["better", "worse", "cannot be told apart", "no power here"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval.

    n counts the cases (for performance: the rows) it rests on. low and high are None where there is no interval, and `how` says
    why ("all equal", "no room", "too few cases"); otherwise it names the method: "bootstrap-t", "BCa, few differing cases",
    "resampled predictions", "Wilson". p is the two-sided p-value that inverts this very interval for the value 0, or where all cases
    are equally far from 0 that of the sign-flip test (None where there is no such question).
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    how: str
    p: float | None = None


@dataclass(frozen=True, slots=True)
class SkillRow:
    """One (model, explainer, metric): the mean score, its chance level, its skill; `missing` counts NaN by reason.

    part is "" for the metric's own value, else the name of a part ("lost_by_method"); parts without chance and ceiling have no skill.
    chance and ceiling are means over the same cases.
    """

    model: str
    explainer: str
    metric: str
    part: str
    value: Interval
    chance: float | None
    ceiling: float | None
    skill: Interval | None
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GapRow:
    """A difference of skill, a minus b, paired by case, with its verdict for a against b.

    kind "models": a and b are models under `explainer`, b the reference. kind "methods": a and b are explainers on `model`.
    (A gap between models has model ""; agreement, which rests on several methods, has explainer "all signed methods".)
    pairing "same_method": both models by the same explainer (agreement: by the same explainers). "best_method": each by its best,
    cross-fitted; explainer is then "". `choices` names them for a, then for b: first the explainer by which the cases of half 0 are
    scored (it was the best on half 1), then that of half 1 (the best on half 0). "" between methods.
    condition "" : the study's own question. "predictions agree": only the cases for which both models predict the same class.
    "probability", or the name of a fill: the same question asked again on that scale or with that fill, see `Results.checks`.
    "background draw 1", "training seed 1" and so on: with other background rows, or models trained from another seed.
    verdict "no power here": the metric tells no method of either model from the control, so it ranks nothing.
    p_adjusted is Holm's p within the family of lead gaps that the verdict speaks of; None: exploratory, unadjusted.
    tolerance is the user's tolerance for the question (None: none was given); disposition: pass, review or not assessed.
    """

    kind: Literal["models", "methods"]
    question: str
    metric: str
    pairing: str
    model: str
    explainer: str
    a: str
    b: str
    gap: Interval
    p_adjusted: float | None
    verdict: Verdict
    tolerance: float | None
    disposition: Literal["pass", "review", "not assessed"]
    headline: bool = False
    condition: str = ""
    choices: tuple[tuple[str, str], tuple[str, str]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DrivingRow:
    """The cases behind the gap of fidelity that leads: of model a against the reference b, by the methods of that gap.

    own, reference : (n,) the scores of every case. terms : (n,) what each case adds to the gap of skill; their mean is the gap, and NaN
    stands where either model has no score.
    """

    metric: str
    a: str
    b: str
    own: Array
    reference: Array
    terms: Array


@dataclass(frozen=True, slots=True)
class SpreadRow:
    """How far a headline gap moves from draw to draw of what its interval takes as given.

    what : "background draw" or "training seed". estimates : the study's own gap, then that of each other draw. deviation : theirs.
    lowest and highest are the ends that the intervals of all draws reach together; None where a draw has no interval.
    """

    metric: str
    pairing: str
    explainer: str
    a: str
    b: str
    what: str
    estimates: tuple[float, ...]
    deviation: float
    lowest: float | None
    highest: float | None


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """Agreement of two explainers on one model by one measure ("sign", "feature", "similarity", ...), with its chance level."""

    model: str
    a: str
    b: str
    measure: str
    value: Interval
    chance: float | None
    skill: Interval | None


@dataclass(frozen=True, slots=True)
class PerformanceRow:
    """One score ("F1", "ROC-AUC", ...) of one model on one split ("test", "train", "train - test").

    split "model": how simple the model itself is, by one part of the metric "intrinsic" ("features_used", ...). Descriptive: better
    is the direction of simplicity, the difference has no p, and no verdict rests on it. Counts have no interval. split "cost": likewise,
    what it is made of, counted ("leaves of trees"), and its stored bytes. split "learning": the test score of the model trained on fewer
    rows ("ROC-AUC, 40 rows").
    difference is to the reference, paired resample by resample; None for the reference itself. n counts the resamples.
    """

    model: str
    score: str
    split: str
    better: Literal["higher", "lower", "none"]
    value: Interval
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class CurveRow:
    """The mean of one of a metric's curves over the cases that have it: one `Interval` (pointwise, exploratory) per step.

    x runs from 0 to 1 in equal steps. `curve` is its name within the metric ("most_first"). For a curve that belongs to the model
    rather than to a method (the best one possible) the explainer is "".
    """

    model: str
    explainer: str
    metric: str
    curve: str
    y: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One number of the cases whose `column` has the value `label`, and how far it lies from that of all other cases.

    kind "skill": of `model` by `explainer` and a lead metric. "gap": the headline gap of `model` against the reference `b`, within the
    slice. "predicted": the share of cases for which the model predicts the last class, or its mean prediction. "observed": the same of
    the known outcomes. "right": the share of cases whose predicted class is the known one. "suppressed": fewer than 30 explained cases,
    so nothing is said. `difference` is unpaired, None where there are too few other cases; all is exploratory.
    """

    kind: Literal["skill", "gap", "predicted", "observed", "right", "suppressed"]
    column: str
    label: str
    model: str = ""
    explainer: str = ""
    metric: str = ""
    b: str = ""
    value: Interval | None = None
    difference: Interval | None = None

    def measured(self, value: Interval, difference: Interval | None) -> SliceRow:
        """The same row with its numbers. Whether a share or a skill is 0 is no question, so only gaps and differences keep their p."""
        return replace(self, value=value if self.kind == "gap" else replace(value, p=None), difference=difference)


@dataclass(frozen=True, slots=True)
class ImportanceRow:
    """How much of one model's attributions by one method a feature takes: `share` of the strength of all features, 0 to 1.

    rank : 1 for the largest share; features of the same share have the same rank. None where nothing is attributed.
    difference : of the share to the reference model's by the same method, paired by case; None for the reference itself, or without
    its share. A method with one vector for all cases has no intervals.
    """

    model: str
    explainer: str
    feature: str
    rank: int | None
    share: Interval
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class WordRow:
    """How much of a text's attributions by one method a word takes, on average over the `n` cases in which it occurs, 0 to 1.

    leaning : the same with its sign, -1 to 1; None for a method without signs. Words are compared without their case; every place of a
    word in a text counts.
    """

    model: str
    explainer: str
    word: str
    n: int
    share: float
    leaning: float | None


@dataclass(frozen=True, slots=True)
class ReasonTold:
    """One candidate reason for one adverse case, by one method: number `rank` of its principal reasons, the strongest first.

    share : of everything that works towards the adverse outcome. omitted : the share of the reasons that are not told, the same for
    all reasons of the case. tied : another reason contributes the same. prohibited : features in it that must not be a reason
    and work towards the outcome. rank 0 : no feature works towards it against this reference; there is no code then.
    flips : whether the decision turns once the features of all principal reasons take the reference's values.
    """

    model: str
    explainer: str
    case: str
    rank: int
    code: str
    text: str
    share: float
    tied: bool
    prohibited: tuple[str, ...]
    omitted: float
    flips: bool


@dataclass(frozen=True, slots=True)
class ReasonPair:
    """How far the principal reasons of the same adverse cases stay the same when one thing changes.

    kind "methods": a and b are explainers on `model`. "models": models, by `explainer`, on the cases that both decide adversely.
    "seeds": the method with other random numbers. "references": the study's reference policy against the other one.
    overlap : shared codes over the larger number of codes, mean over cases. first : share of cases with the same first reason.
    changed : share of cases whose codes are not the same ones. The chances are what drawing as many of the codes at random would give.
    """

    kind: Literal["methods", "models", "seeds", "references"]
    model: str
    explainer: str
    a: str
    b: str
    overlap: Interval
    overlap_chance: float | None
    first: Interval
    first_chance: float | None
    changed: Interval


@dataclass(frozen=True, slots=True)
class ReasonShare:
    """The share of a model's adverse cases for which a code is among the principal reasons, by one method.

    column and label : a slice, "" for all cases. share is None for a slice with fewer than 30 adverse cases, code is then "".
    difference : the share less that of all other adverse cases; None for all cases, and where there are fewer than 30 others.
    """

    model: str
    explainer: str
    code: str
    share: Interval | None
    column: str = ""
    label: str = ""
    difference: Interval | None = None


@dataclass(frozen=True, slots=True)
class ReasonCrossing:
    """The share of adverse cases whose decision turns when the features of the principal reasons take a reference's values."""

    model: str
    explainer: str
    policy: str
    rate: Interval


@dataclass(frozen=True, slots=True)
class ReasonFlag:
    """A feature that must not be a reason works towards the adverse outcome within a principal reason of some cases."""

    model: str
    explainer: str
    feature: str
    code: str
    cases: int
    of: int


@dataclass(frozen=True, slots=True)
class Reasons:
    """Everything about reason codes that is a statistic, and the reasons of each adverse case.

    adverse {model: Interval}: share of the explained cases that a model decides adversely; absent for a model without any result.
    """

    adverse: Mapping[str, Interval]
    crossings: tuple[ReasonCrossing, ...]
    pairs: tuple[ReasonPair, ...]
    shares: tuple[ReasonShare, ...]
    told: tuple[ReasonTold, ...]
    flags: tuple[ReasonFlag, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every number of the report that is a statistic.

    powerless : (model, metric) pairs whose metric tells no method of that model from the control.
    predictions_agree {model: Interval}: share of cases on which a model predicts the reference's class (absent for regression).
    reasons : None where the study asks for no reason codes.
    """

    level: float
    skills: tuple[SkillRow, ...]
    gaps: tuple[GapRow, ...]
    agreement: tuple[AgreementRow, ...]
    performance: tuple[PerformanceRow, ...]
    predictions_agree: Mapping[str, Interval]
    curves: tuple[CurveRow, ...] = ()
    powerless: frozenset[tuple[str, str]] = frozenset()
    importance: tuple[ImportanceRow, ...] = ()
    slices: tuple[SliceRow, ...] = ()
    spread: tuple[SpreadRow, ...] = ()
    reasons: Reasons | None = None
    words: tuple[WordRow, ...] = ()
    driving: tuple[DrivingRow, ...] = field(default=(), compare=False)  # arrays, which are not simply equal or not
