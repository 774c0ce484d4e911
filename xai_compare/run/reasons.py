"""The metric behind reason codes, made of what the study says and the data hold."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from xai_compare.config import Study, problem
from xai_compare.errors import nearest
from xai_compare.explainers import Explainer
from xai_compare.metrics.reasons import ReasonCodes
from xai_compare.reasons import reason_map
from xai_compare.types import Data
from xai_compare.yaml_file import display, read_yaml

__all__ = ["REASON_CODES", "reason_codes"]

REASON_CODES = "reason_codes"
"""The name of the metric in results."""


def reason_codes(study: Study, data: Data, explainers: Mapping[str, Explainer]) -> ReasonCodes:
    """The metric that the study's `reasons` ask for.

    Raises
    ------
    StudyError
        For data without classes or columns, a class or a method that there is none of, a threshold out of range, or a map that does not
        cover every feature.
    """
    asked, wrong = study.reasons, partial(problem, study)
    assert asked is not None
    if data.space.modality != "table":
        raise wrong("reasons", f"reason codes are for tables, and '{study.data.source}' holds {data.space.modality} data")
    if data.task != "classification":
        raise wrong("reasons", "a decision is taken between classes, and the target is a number")
    adverse = str(asked.adverse)
    if adverse not in data.classes:
        raise wrong("reasons.adverse", f"found '{adverse}', which is no class. The classes: {', '.join(data.classes)}")
    if asked.output == "probability" and not 0 < asked.threshold <= 1:
        raise wrong("reasons.threshold", f"found {asked.threshold:g}: a probability above 0 and at most 1 (or say output: margin)")
    held = asked.map
    if isinstance(held, Path):
        path = study.locate(held)
        reasons = reason_map(read_yaml(path, "the map of reasons"), data.space.names, display(path))
    else:
        reasons = reason_map(held, data.space.names, f"{study.where}: reasons.map")
    methods = _methods(study, explainers)
    differences = tuple(name for name in methods if "fill" in explainers[name].depends_on)
    return ReasonCodes(
        threshold=asked.threshold,
        adverse=data.classes.index(adverse),
        adverse_class=adverse,
        output=asked.output,
        policy=asked.reference,
        reasons=reasons,
        methods=methods,
        differences=differences,
        top=asked.top,
    )


def _methods(study: Study, explainers: Mapping[str, Explainer]) -> tuple[str, ...]:
    """The methods that are named, or all signed ones that can explain again."""
    assert study.reasons is not None
    named = study.reasons.methods
    if named is None:
        named = tuple(
            name for name, made in explainers.items() if made.signed and made.scope == "case" and not made.control and _reruns(made)
        )
        if not named:
            raise problem(study, "reasons", "no method of the study has a direction: add one to explainers, such as shap")
    for i, name in enumerate(named):
        if name not in explainers:
            raise problem(study, f"reasons.methods[{i}]", f"'{name}' is no method of this study: {nearest(name, explainers)}")
    return named


def _reruns(made: Explainer) -> bool:
    return bool(getattr(made, "reruns", True))
