"""A study file becomes a frozen `Study`, or one error that lists everything wrong with it.

Every line of that error names the file, the YAML path, what was found, what is allowed, and the nearest valid spelling.
Names of plugins (model kinds, explainers, metrics, sources) are not checked here: the planner knows the registries and
reports through `problem`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PrivateAttr,
    StringConstraints,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from xai_compare.contradictions import contradictions
from xai_compare.errors import StudyError, nearest
from xai_compare.types import class_name
from xai_compare.yaml_file import display, read_yaml

__all__ = [
    "Check",
    "CompareSpec",
    "DataSpec",
    "DatePart",
    "Form",
    "ModelSpec",
    "Pairing",
    "PluginSpec",
    "Plugins",
    "Question",
    "ReasonsSpec",
    "ReportSpec",
    "Spread",
    "Study",
    "load_study",
    "problem",
    "study_from_dict",
]

Question: TypeAlias = Literal["fidelity", "stability", "simplicity", "agreement", "sanity", "truth"]
Pairing: TypeAlias = Literal["same_method", "best_method"]
Check: TypeAlias = Literal["probability", "fill"]
Spread: TypeAlias = Literal["background", "training"]
DatePart: TypeAlias = Literal["year", "month", "day", "weekday", "hour", "days"]
Form: TypeAlias = Literal["svg", "png"]

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _as_written(path: Path) -> str:
    return path.name if path.is_absolute() else path.as_posix()


def _by_class(value: object) -> object:
    """A mapping from classes, which may be numbers or truth values, by their names."""
    if not isinstance(value, Mapping):
        return value
    out = {class_name(key): inner for key, inner in value.items()}
    if len(out) < len(value):  # such as 1 and "1"
        raise PydanticCustomError("twice", "names a class twice")
    return out


# Strict scalars: the text "0" is no number and the number 1 is no truth value, so that a slip in the YAML is seen.
_Name: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Int: TypeAlias = Annotated[int, Field(strict=True)]
_Float: TypeAlias = Annotated[float, Field(strict=True)]
_Bool: TypeAlias = Annotated[bool, Field(strict=True)]
_Label: TypeAlias = Annotated[str, StringConstraints(min_length=1)] | _Int | _Float
# A path stands as it was written; of an absolute one only the file's name leaves this machine.
_File: TypeAlias = Annotated[Path, PlainSerializer(_as_written)]


class _Spec(BaseModel):
    """One mapping of the study file: closed to unknown keys, read by everyone, written by no one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PluginSpec(_Spec):
    """An explainer, a metric or a profile by name; `lime` is short for `{name: lime, params: {}}`."""

    name: _Name
    params: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _by_name_alone(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class ModelSpec(_Spec):
    """One model: the name the report uses, and the registered kind that is trained with its parameters, or the file of a fitted model.

    A file of bare weights does not say what it is of: `architecture` names the kind of net, and `params` are that kind's.

    `allow_unsafe: "sha256:..."` vouches for one very file whose format can run code when it is loaded. `drop` names columns that
    this model is not given, while others are: their attribution is 0 for it.
    """

    name: _Name
    kind: _Name = ""  # none: it is loaded
    load: _File | None = None
    architecture: _Name | None = None
    allow_unsafe: _Name | None = None
    params: dict[str, Any] = {}
    drop: tuple[_Name, ...] = ()
    reference: _Bool = False


class DataSpec(_Spec):
    """Where the cases come from and which of them are used.

    Without a `source` a file is read (CSV, Parquet or Feather): `path`, of which `test_size` is held out, or the rows that the column
    `split` calls "test"; or `train` and `test`, a file each. Its column `target` is predicted (`text` is that of the texts, `rationale`
    that of what people marked in them); `labels` gives its classes other names, by the values that they have in the data, and every other
    place speaks these names; `positive` names the class that scores count. `id` names the column that tells cases apart,
    `drop` columns left out, `missing` the codes that stand for a missing value, `categorical` columns of numbers that are codes,
    `ordinal` the levels of a column from the lowest to the highest, `dates` what is taken from a date. `groups` makes one feature of
    several columns. `slices` names columns, used as features or not, by whose values results are told apart: a list, or a mapping to
    the cut points of a number. `background` counts the rows that stand for "this feature is not known", `explain` the cases explained.
    `params` are those of a source that has some (`synthetic`: rows, columns, seed; `images`: grid).
    """

    source: _Name = "file"
    params: dict[str, Any] = {}
    path: _File | None = None
    train: _File | None = None
    test: _File | None = None
    split: _Name | None = None
    target: _Name | None = None
    text: _Name | None = None
    rationale: _Name | None = None
    labels: Annotated[dict[str, _Name], BeforeValidator(_by_class)] = {}
    positive: _Label | None = None
    id: _Name | None = None
    missing: tuple[_Label, ...] = ()
    categorical: tuple[_Name, ...] = ()
    ordinal: dict[_Name, Annotated[tuple[_Label, ...], Field(min_length=2)]] = {}
    dates: dict[_Name, Annotated[tuple[DatePart, ...], Field(min_length=1)]] = {}
    test_size: Annotated[_Float, Field(gt=0, lt=1)] = 0.3
    background: Annotated[_Int, Field(ge=1)] = 50
    explain: Annotated[_Int, Field(ge=1)] = 150
    drop: tuple[_Name, ...] = ()
    groups: dict[_Name, Annotated[tuple[_Name, ...], Field(min_length=2)]] = {}
    slices: dict[_Name, tuple[_Float, ...]] = {}

    @field_validator("slices", mode="before")
    @classmethod
    def _without_cuts(cls, value: object) -> object:
        """A list of columns is a mapping to no cut points."""
        return dict.fromkeys(value, ()) if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value) else value


class CompareSpec(_Spec):
    """How models are compared: confidence level, pairings, and the largest loss per question that is tolerated.

    `checks` are the conditions under which the fidelity gap is measured again: on the scale of probabilities, with a second fill.
    `spread` measures it three times more each, with other background rows, and with the models of the study trained from other seeds.
    """

    level: Annotated[_Float, Field(ge=0.5, le=0.999)] = 0.95
    tolerance: dict[Question, Annotated[_Float, Field(ge=0)]] = {}
    pairings: Annotated[tuple[Pairing, ...], Field(min_length=1)] = ("same_method", "best_method")
    checks: tuple[Check, ...] = ("probability", "fill")
    spread: tuple[Spread, ...] = ()


class ReasonsSpec(_Spec):
    """Candidate reasons for adverse decisions: what is decided, against whom a case is held, and the code and the text of each feature.

    A case is decided adversely where the model's `output` for the class `adverse` is at least `threshold`. `reference`, which has no
    default, says whose mean a contribution is a difference from: "near_threshold", applicants just on the good side of it;
    "all_applicants", the study's background. `map` is a file, or its content: see `xai_compare.reasons.reason_map`. `methods` are all
    signed ones where none are named. `top` is how many reasons are told at most.
    """

    threshold: _Float
    adverse: _Label
    output: Literal["probability", "margin"] = "probability"
    reference: Literal["near_threshold", "all_applicants"]
    map: Annotated[Any, PlainSerializer(lambda held: _as_written(held) if isinstance(held, Path) else held)]
    methods: Annotated[tuple[_Name, ...], Field(min_length=1)] | None = None
    top: Annotated[_Int, Field(ge=1, le=4)] = 4

    @field_validator("map", mode="before")
    @classmethod
    def _file_or_content(cls, value: object) -> object:
        if isinstance(value, str | Path) and str(value):
            return Path(value)
        if isinstance(value, Mapping | list | tuple) and value:
            return value
        raise PydanticCustomError("reason_map", "should be the path of a map file, or its content")


def _form(value: object) -> str:
    return "[auto]" if value == "auto" else "[list]"


_Sections: TypeAlias = Annotated[
    Annotated[Literal["auto"], Tag("[auto]")] | Annotated[tuple[_Name, ...], Tag("[list]")], Discriminator(_form)
]


class ReportSpec(_Spec):
    """What the report shows. `show_values: null` leaves it to the data source whether raw values of cases appear.

    `sections` are those of the page in their order, by the names of `xai-compare list sections`. The verdict, the limits and the provenance
    are on every page: where the list does not name them, the first opens it and the other two close it. `large` allows more than 25 MB.
    `figures` are the forms in which pictures are written beside the page: svg, png (200 dots per inch) or both.
    """

    title: _Name | None = None
    show_values: _Bool | None = None
    sections: _Sections = "auto"
    figures: Annotated[tuple[Form, ...], Field(min_length=1)] = ("svg",)
    large: _Bool = False

    @field_validator("sections", "figures")
    @classmethod
    def _once(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        twice = [name for name in value if value.count(name) > 1] if isinstance(value, tuple) else []
        if twice:
            raise PydanticCustomError("twice", "names '{name}' twice", {"name": twice[0]})
        return value


# The tags stand in brackets, so that `_place` can tell them from keys of the file.
Plugins: TypeAlias = Annotated[
    Annotated[Literal["auto"], Tag("[auto]")] | Annotated[tuple[PluginSpec, ...], Tag("[list]")], Discriminator(_form)
]


class Study(_Spec):
    """The validated configuration of one comparison. Made by `load_study` or `study_from_dict`, never by hand.

    `target` names the explained class (None: each case is explained for the class that the reference predicts) and
    `fill` what stands in for hidden features (auto: what is usual for the data, "background" for a table). The first model is the
    reference if the file names none. `profiles` are the curves drawn of each model's features; an empty list draws none. `reasons`
    asks for reason codes.
    """

    title: _Name = "Interpretability comparison"
    data: DataSpec
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1)]
    output: Literal["native", "probability", "margin"] = "native"
    explainers: Plugins = "auto"
    metrics: Plugins = "auto"
    profiles: Plugins = "auto"
    target: _Name | None = None
    fill: _Name = "auto"
    compare: CompareSpec = CompareSpec()
    reasons: ReasonsSpec | None = None
    report: ReportSpec = ReportSpec()
    seed: Annotated[_Int, Field(ge=0)] = 0

    _where: str = PrivateAttr("<study>")
    _folder: Path = PrivateAttr(Path())

    @field_validator("models")
    @classmethod
    def _first_is_reference(cls, models: tuple[ModelSpec, ...]) -> tuple[ModelSpec, ...]:
        if any(model.reference for model in models):
            return models
        return (models[0].model_copy(update={"reference": True}), *models[1:])

    @property
    def where(self) -> str:
        """What messages call this study: its file, never with the machine's own folders. No part of `resolved`."""
        return self._where

    @property
    def reference(self) -> ModelSpec:
        """The model that the others are compared with."""
        return next(model for model in self.models if model.reference)

    def resolved(self) -> dict[str, Any]:
        """The whole study with every default, ready for JSON: equal studies give equal mappings on every machine.

        A path stands as it was written; of an absolute one only the file's name is kept.

        >>> spec = {"data": {"source": "sklearn:diabetes"}, "models": [{"name": "line", "kind": "linear_regression"}]}
        >>> study_from_dict(spec).resolved()["data"]["explain"]
        150
        """
        return self.model_dump(mode="json")

    def locate(self, path: Path) -> Path:
        """Where a file that the study names lies: `${NAME}` is an environment variable, a relative path starts in the study's folder.

        Raises
        ------
        StudyError
            If a variable is not set.
        """
        unset = [name for name in _VARIABLE.findall(str(path)) if name not in os.environ]
        if unset:
            raise StudyError(f"{self.where}: the path '{path}' needs the environment variable {unset[0]}, which is not set")
        return self._folder / _VARIABLE.sub(lambda found: os.environ[found[1]], str(path))


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    path : a YAML file of at most 1 MB. Relative paths in it are taken from the file's own folder.

    Raises
    ------
    StudyError
        If the file cannot be read, is no plain YAML (a repeated key, an anchor, a tag) or is no valid study. The message
        holds one line per problem.
    """
    file = Path(path)
    study = _checked(read_yaml(file), display(file))
    study._folder = file.absolute().parent
    return study


def study_from_dict(mapping: Mapping[str, Any], where: str = "<study>") -> Study:
    """Check a study given as a mapping, by the rules of the file. Relative paths in it are taken from the working folder.

    Raises
    ------
    StudyError
        As `load_study`; `where` stands for the file in its message.

    Examples
    --------
    >>> spec = {"data": {"source": "sklearn:diabetes"}, "models": [{"name": "line", "kind": "linear_regression"}]}
    >>> study_from_dict(spec).reference.name
    'line'
    >>> study_from_dict({**spec, "output": "nativ"})
    Traceback (most recent call last):
    xai_compare.errors.StudyError: <study>: output: found 'nativ': did you mean 'native'? Allowed: margin, native, probability
    """
    return _checked(dict(mapping) if isinstance(mapping, Mapping) else mapping, where)


def problem(study: Study, at: str, message: str) -> StudyError:
    """An error about one place of a study, for those who can judge what this module cannot.

    >>> spec = {"data": {"source": "sklearn:diabetes"}, "models": [{"name": "line", "kind": "linear_regression"}]}
    >>> problem(study_from_dict(spec), "explainers[1]", "unknown explainer 'sharp'")
    StudyError("<study>: explainers[1]: unknown explainer 'sharp'")
    """
    return StudyError(_line(study.where, at, message))


# ---- from plain values to a study


def _checked(raw: object, where: str) -> Study:
    problems = dict(_not_plain(raw, ""))
    study = None
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if not _is_echo(one):
                problems.setdefault(_place(one), _message(one))
    for at, message in contradictions(raw):
        problems.setdefault(at, message)
    if problems or study is None:
        raise StudyError("\n".join(_line(where, at, message) for at, message in problems.items()))
    study._where = where
    return study


def _not_plain(value: object, at: str) -> Iterator[tuple[str, str]]:
    """Everything that JSON cannot hold, by place: `resolved` is printed in the manifest."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, str) or (at == "data.labels" and isinstance(key, int | float)):  # classes are often numbers
                yield from _not_plain(inner, _join(at, str(key)))
            else:
                yield _join(at, str(key)), f"found {_shown(key)} as a key: should be text (put it in quotes)"
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _not_plain(inner, _join(at, i))
    elif isinstance(value, float) and not math.isfinite(value):
        yield at, f"found {value}: should be a finite number"
    elif not isinstance(value, str | int | float | Path | None):
        yield at, f"found {_shown(value)}: should be text, a number, true, false, a list or a mapping"


# ---- from pydantic's errors to ours

_EXPECTED: Final = {
    "bool_type": "should be true or false",
    "dict_type": "should be a mapping",
    "float_type": "should be a number",
    "int_type": "should be a whole number",
    "model_type": "should be a mapping",
    "path_type": "should be text",
    "string_too_short": "should not be empty",
    "string_type": "should be text (put it in quotes)",
    "too_short": "should hold at least one item",
    "tuple_type": "should be a list",
}


_PLUGINS: Final = ("explainers", "metrics", "profiles")


def _is_echo(error: ErrorDetails) -> bool:
    """Whether it only follows from what is told anyway: a key that is no text, a list short of its invalid items."""
    return error["type"] == "invalid_key" or (error["type"] == "too_short" and bool(error["input"]))


def _place(error: ErrorDetails) -> str:
    at = ""
    for step in error["loc"]:
        if not str(step).startswith("["):  # pydantic's own marks, such as the form of "auto" or the key of a mapping
            at = _join(at, step)
    return at


def _message(error: ErrorDetails) -> str:
    kind, found = error["type"], error["input"]
    if kind == "missing":
        return "missing: it has no default"
    if kind == "extra_forbidden":
        return f"unknown key: {nearest(str(error['loc'][-1]), _keys_at(error['loc'][:-1]))}"
    if kind == "literal_error":
        allowed = re.findall(r"'(.*?)'", error["ctx"]["expected"])
        return f"found {_shown(found)}: {nearest(str(found), allowed)}"
    if error["loc"][-1:] == ("[list]",):
        return f"found {_shown(found)}: should be auto or a list of names"
    if kind == "model_type" and error["loc"][:1] in {(key,) for key in _PLUGINS}:
        return f"found {_shown(found)}: should be a name, or a mapping with name and params"
    return f"found {_shown(found)}: {_EXPECTED.get(kind) or error['msg'].removeprefix('Input ')}"


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the mapping at this place may have."""
    spec = _spec_in(Study.model_fields[str(loc[0])].annotation) if loc else Study
    return list(spec.model_fields) if spec else []


def _spec_in(annotation: object) -> type[_Spec] | None:
    """The mapping that a field holds: `ModelSpec` for a tuple of them."""
    if isinstance(annotation, type) and issubclass(annotation, _Spec):
        return annotation
    return next(filter(None, map(_spec_in, get_args(annotation))), None)


def _shown(value: object) -> str:
    """A value as the file would say it, short enough for one line."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _join(at: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{at}[{step}]"
    return f"{at}.{step}" if at else step


def _line(where: str, at: str, message: str) -> str:
    return f"{where}: {at}: {message}" if at else f"{where}: {message}"
