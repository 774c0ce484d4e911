"""The values that travel along the straight line, and the protocols of the things that make them.

Shapes: n cases, d features, k outputs, m coalitions. Arrays are float64, and read by everyone, written by no one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from xai_compare.errors import XaiCompareError

__all__ = [
    "Array",
    "Attribution",
    "BoolArray",
    "Data",
    "FeatureCurve",
    "FeatureSpace",
    "Inputs",
    "IntArray",
    "Modality",
    "Model",
    "Output",
    "Profile",
    "Scores",
    "Table",
    "Task",
    "Truth",
    "class_name",
    "take",
]

Array: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Inputs: TypeAlias = Any
"""n cases: DataFrame (n, c) for tables; float32 images (n, height, width) or (n, height, width, 3) in [0, 1]; float64 series
(n, channels, length), NaN after the end of a shorter one; texts as an object array (n,) of str."""

Output: TypeAlias = Literal["probability", "margin", "value"]
"""The space in which a model's output is read: class probabilities, margins (log-odds and the like), or the value of a regression."""

Task: TypeAlias = Literal["classification", "regression"]

Modality: TypeAlias = Literal["table", "image", "text", "series"]


def class_name(label: Any) -> str:
    """A class label as text; 1, 1.0 and numpy's 1 are the same class "1"."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label)


def take(inputs: Inputs, rows: IntArray) -> Inputs:
    """Some of the inputs, in the order of `rows`, numbered from 0."""
    if hasattr(inputs, "iloc"):
        return inputs.iloc[rows].reset_index(drop=True)
    return inputs[rows]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """n cases with what is known about them: inputs (n, ...), y (n,) or None, ids (n,) as text."""

    inputs: Inputs
    y: npt.NDArray[Any] | None
    ids: tuple[str, ...]


class FeatureSpace(Protocol):
    """The features of a data set and how to hide some of them: one per data set, shared by all models and methods."""

    @property
    def modality(self) -> Modality:
        """What the inputs are."""

    @property
    def cells(self) -> int:
        """How many numbers one input holds, about: how large a block of them may be."""

    @property
    def d(self) -> int:
        """Number of features."""

    @property
    def names(self) -> tuple[str, ...]:
        """(d,) names a reviewer would use."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """(d,) what each feature is: "numeric", "boolean", "categorical", "ordinal", "group" (several columns that count as one);
        "patch", "word", "stretch"."""

    @property
    def columns(self) -> tuple[str, ...]:
        """(c,) names of the raw columns of a table."""

    @property
    def column_kinds(self) -> tuple[str, ...]:
        """(c,) what each raw column of a table is: "numeric", "boolean", "categorical", "ordinal"."""

    @property
    def feature_of(self) -> IntArray:
        """(c,) the feature that each raw column of a table belongs to."""

    @property
    def fills(self) -> tuple[str, ...]:
        """The ways of hiding features, the usual one first."""

    @property
    def layout(self) -> Mapping[str, Any]:
        """Where the features lie, in plain values: {} for a table and for texts; "rows" and "columns", where the patches of an image
        begin and the last one ends; "edges" of the stretches of a series, and the names of its "channels"."""

    def present(self, inputs: Inputs) -> BoolArray:
        """(n, d): which features a case has at all (always all for a table): texts differ in their words."""

    def labels(self, inputs: Inputs) -> list[list[str]]:
        """n lists of d texts: what each feature of each case holds, as a report may print it."""

    def width(self, fill: str) -> int:
        """How many masked inputs stand for one coalition under this fill: the background's rows, or 1."""

    def fill_rows(self, fill: str) -> Inputs | None:
        """The (width, ...) rows from which hidden features are filled, or None if the fill is no row."""

    def hide(self, inputs: Inputs, rows: IntArray, keep: BoolArray, fill: str) -> Inputs:
        """Masked inputs.

        Parameters
        ----------
        inputs : n cases.
        rows : (m,) which case each coalition belongs to.
        keep : (m, d), True = shown; False for a feature that the case does not have.
        fill : one of the fills of this space.

        Returns
        -------
        m * width(fill) inputs; the fill rows of one coalition stand together.
        """

    def neighbours(
        self, inputs: Inputs, known: Inputs, count: int, draws: Sequence[np.random.Generator], spare: BoolArray | None = None
    ) -> Inputs:
        """n * count slightly changed copies of n inputs, made of what is in `known`; those of one input stand together.

        draws : the random generator of each input. spare : (n, d) features that must stay where a change would take one away.
        """

    def with_background(self, inputs: Inputs) -> FeatureSpace:
        """The same features, hidden by other rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What an explanation ought to say where the rule behind the outcome is known: an attribution, a mask, or both.

    attribution : (n, d) the true attribution, on any scale, or None. For two classes it speaks for the last one.
    mask : (n, d) True for the features that the outcome of the case depends on, or None.
    """

    attribution: Array | None = None
    mask: BoolArray | None = None

    def __post_init__(self) -> None:
        shapes = {each.shape for each in (self.attribution, self.mask) if each is not None}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise XaiCompareError(f"a truth needs an attribution or a mask, of one shape (cases, features), found {sorted(shapes)}")
        if self.attribution is not None and not np.isfinite(self.attribution).all():
            raise XaiCompareError("the true attribution has values that are not finite")


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """What a study is about: tables, the feature space, and which rows are explained.

    A reviewer rarely holds the training data: `train` is then the background as given, its y None.
    `explain` (n,) are rows of `test`; `background` (B,) are rows of `train`.
    y holds positions in `classes` (classification) or floats (regression).
    slices : {column: (n_test,) the slice that each test row belongs to, as text}.
    truth : of the test rows, where it is known.
    """

    train: Table
    test: Table
    explain: IntArray
    background: IntArray
    space: FeatureSpace
    task: Task
    classes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    slices: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    truth: Truth | None = None

    def cases(self, which: IntArray | slice = slice(None)) -> Inputs:
        """The inputs of explained cases, by their numbers in the study."""
        return take(self.test.inputs, self.explain[which])

    def background_inputs(self) -> Inputs:
        """The inputs of the background rows."""
        return take(self.train.inputs, self.background)

    def with_background(self, rows: IntArray) -> Data:
        """The same data with other background rows of `train`."""
        return replace(self, background=rows, space=self.space.with_background(take(self.train.inputs, rows)))


class Model(Protocol):
    """A fitted model behind one face. What it `offers` decides which explainers fit it.

    offers: "margin", "probability", "value" (output spaces); "tree" (shap reads it), "leaves" (we read its trees),
    "contributions" (its library gives its own), "linear", "gradient" (the inside); "refit" (it has `refit`: see `models.trained`).
    A model that can be opened has `owner`: it separates into encode (column by column) and `core`.
    `closed` says why one cannot. A model that is linear in its encoding has `weights` (k, p) and (k,). One that multiplies columns is
    closed, and may have `shares` (p, columns): the part of each encoded column that falls to each raw one.
    It may have `size` {what it is made of: how many}, and `stored_bytes`.
    """

    name: str
    task: Task
    outputs: tuple[str, ...]
    about: Mapping[str, Any]
    closed: str
    core: Any
    weights: tuple[Array, Array] | None

    @property
    def native(self) -> Output:
        """The output space in which the model adds up."""

    @property
    def offers(self) -> frozenset[str]:
        """What the model has to offer, see above."""

    @property
    def owner(self) -> IntArray | None:
        """(p,) the raw column each encoded column belongs to; None if the model cannot be opened."""

    def predict(self, inputs: Inputs, output: Output) -> Array:
        """(n, k) outputs of n inputs in the space `output`."""

    def decide(self, inputs: Inputs) -> IntArray:
        """(n,) predicted class positions: the model's own decision, which need not be its largest output."""

    def encode(self, inputs: Inputs) -> Array:
        """(n, p) the model's own encoding; column c belongs to the raw column `owner[c]`."""

    def predict_encoded(self, encoded: Array, output: Output) -> Array:
        """(n, k) outputs of n encoded rows: predict(x) == predict_encoded(encode(x))."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """One number per case and feature: what every explainer returns.

    Attributes
    ----------
    values : (n, d) float64; NaN only where `present` says that the case has no such feature.
    target : (n,) the explained output of each case; always recorded.
    output : the space phi speaks in.
    base : (n,) reference output where the method has one, else None.
    signed : False for a method that gives strength without direction.
    scope : "case", or "model" where every case gets the same vector.
    additive : whether base + sum of values is meant to be the model's output.
    detail : a map at the method's own resolution, for display only.
    about : parameters, algorithm chosen and why, exact or estimated, model rows spent.

    Raises
    ------
    XaiCompareError
        If a shape is wrong or a value is not finite. Nowhere else is this checked.
    """

    values: Array
    target: IntArray
    output: Output
    base: Array | None = None
    signed: bool = True
    scope: Literal["case", "model"] = "case"
    additive: bool = False
    detail: npt.NDArray[Any] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    present: BoolArray | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise XaiCompareError(f"attribution values must be (cases, features), found shape {self.values.shape}")
        n = len(self.values)
        for what, array in (("target", self.target), ("base", self.base)):
            if array is not None and array.shape != (n,):
                raise XaiCompareError(f"attribution {what} must have shape ({n},), found {array.shape}")
        wanted = np.ones(self.values.shape, dtype=bool) if self.present is None else self.present
        bad = ~np.isfinite(self.values) & wanted
        if bad.any():
            first = int(np.argwhere(bad)[0][0])
            raise XaiCompareError(f"attribution has {int(bad.sum())} values that are not finite, first at case {first}")
        if self.base is not None and not np.isfinite(self.base).all():
            raise XaiCompareError("attribution base has values that are not finite")

    def known(self) -> Array:
        """(n, d) the values, 0 where a case does not have the feature."""
        return self.values if self.present is None else np.where(self.present, self.values, 0.0)

    def rows(self, take: slice | IntArray) -> Attribution:
        """The same attribution for some of its cases."""
        return Attribution(
            self.values[take],
            self.target[take],
            self.output,
            None if self.base is None else self.base[take],
            self.signed,
            self.scope,
            self.additive,
            None if self.detail is None else self.detail[take],
            self.about,
            None if self.present is None else self.present[take],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a metric returns: one score per case, never an average.

    Attributes
    ----------
    values : (n,) float64; NaN where `reasons` says why. (1,) for a metric of scope "model".
    chance : (n,) what knowing nothing of the model would score, or None where there is no such level.
    ceiling : (n,) the best possible score, or None where there is none; skill needs both.
    parts : named sub-scores of the same n cases, each a `Scores` of its own.
    reasons : {case index within values: reason} for every NaN.
    curves : named curves, each (n, steps): what the score is the area of; NaN rows where the score is NaN.
    replicates : (r,) the statistic on resampled predictions (scope "model" only): the same resamples for every model.
    n : how many rows the one value of a metric of scope "model" rests on.
    better : the direction of a part, where it need not be that of its metric; None: the metric's.
    """

    values: Array
    chance: Array | None = None
    ceiling: Array | None = None
    parts: Mapping[str, Scores] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    replicates: Array | None = None
    n: int | None = None
    curves: Mapping[str, Array] = field(default_factory=dict)
    better: Literal["higher", "lower", "none"] | None = None

    def __post_init__(self) -> None:
        n = len(self.values)
        for what, array in (("chance", self.chance), ("ceiling", self.ceiling)):
            if array is not None and array.shape != (n,):
                raise XaiCompareError(f"score {what} must have shape ({n},), found {array.shape}")
        for name, curve in self.curves.items():
            if curve.ndim != 2 or len(curve) != n:
                raise XaiCompareError(f"curve '{name}' must have shape ({n}, steps), found {curve.shape}")
        unexplained = set(np.flatnonzero(np.isnan(self.values)).tolist()) - set(self.reasons)
        if unexplained:
            raise XaiCompareError(f"a score is NaN without a reason at case {min(unexplained)}")


@dataclass(frozen=True, slots=True, eq=False)
class FeatureCurve:
    """How the explained output moves with one feature, the other features as they are in n rows.

    Attributes
    ----------
    feature, kind : its name, and what it is: "numeric", "boolean", "categorical" or "ordinal".
    grid : (L,) values of a numeric feature, ascending; 0..L-1 for levels.
    levels : (L,) names of the levels; () for a numeric feature.
    curve : (L,) in the unit of the output, 0 on average over the rows.
    low, high : (L,) the pointwise band around it.
    share : (L,) how much of the rows each node stands for (between two nodes both share a row).
    quantiles : (q,) the feature's values at equal steps of the rows, from the lowest to the highest; (0,) for levels.
    n : rows that the curve rests on. missing : of the rows that were drawn, those without a value, or with a level too rare to be told.
    ranked : grid and quantiles hold the share of rows below a value instead of the value, which may not be shown.
    """

    feature: str
    kind: str
    grid: Array
    levels: tuple[str, ...]
    curve: Array
    low: Array
    high: Array
    share: Array
    quantiles: Array
    n: int
    missing: int = 0
    ranked: bool = False

    def __post_init__(self) -> None:
        size = len(self.grid)
        for what in ("curve", "low", "high", "share"):
            array = getattr(self, what)
            if array.shape != (size,) or not np.isfinite(array).all():
                raise XaiCompareError(f"the {what} of '{self.feature}' must be {size} finite numbers, found {array!r}")
        if self.levels and len(self.levels) != size:
            raise XaiCompareError(f"'{self.feature}' has {len(self.levels)} levels for {size} values")
        if not size or not np.isfinite(self.grid).all() or (np.diff(self.grid) <= 0).any():
            raise XaiCompareError(f"the grid of '{self.feature}' must ascend, found {self.grid!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Curves of one model by one method: what every plugin of `profiles` returns.

    curves : of the features that have one, in the order of the table. left_out {feature: reason} : of the others.
    output : the space in which the output is read. target : which of the model's outputs it is.
    level : of the pointwise bands. model_rows : rows the model was asked.
    """

    curves: tuple[FeatureCurve, ...]
    output: Output
    target: int
    level: float
    left_out: Mapping[str, str] = field(default_factory=dict)
    model_rows: int = 0
