"""Under what else the lead metric of fidelity is asked: conditions by their names, which results and reports use as well."""

from __future__ import annotations

from collections.abc import Callable

from xai_compare.config import Study
from xai_compare.data.tabular import spread_rows
from xai_compare.errors import StudyError
from xai_compare.streams import Streams
from xai_compare.types import Data, IntArray

__all__ = ["BACKGROUND", "PROBABILITY", "TRAINING", "background_of", "conditions", "is_of"]

PROBABILITY = "probability"
"""All models on one scale. The condition of another fill is the name of the fill."""

BACKGROUND, TRAINING = "background draw", "training seed"
"""Another draw of the background rows; the models of the study trained from another seed. Followed by a number from 1."""

_TIMES = 3


def is_of(condition: str, kind: str) -> bool:
    """Whether a condition is one of a numbered kind."""
    return condition.rpartition(" ")[0] == kind


def conditions(study: Study, data: Data, usual: str, trains: bool, problem: Callable[[str, str], StudyError]) -> tuple[str, ...]:
    """The conditions of a study, in the order in which they are asked.

    Parameters
    ----------
    usual : the study's own fill. trains : whether the study trains any of its models. problem : makes the error about a place of the study.

    Raises
    ------
    StudyError
        For a spread over what there is only one of.
    """
    scale = [PROBABILITY] if data.task == "classification" and study.output == "native" else []
    other = [fill for fill in data.space.fills if fill != usual][:1]
    wanted = {"probability": scale, "fill": other}
    found = [condition for check in study.compare.checks for condition in wanted[check]]
    rows, size = len(data.train.inputs), len(data.background)
    if "background" in study.compare.spread and rows < 2 * size:  # two draws would be mostly the same rows
        raise problem("compare.spread", f"{rows} rows are too few to draw another background of {size}: twice as many are needed")
    if "training" in study.compare.spread and not trains:
        raise problem("compare.spread", "found 'training', but all models are fitted already: none is trained by the study")
    numbered = {"background": BACKGROUND, "training": TRAINING}
    return (*found, *(f"{numbered[what]} {time}" for what in study.compare.spread for time in range(1, _TIMES + 1)))


def background_of(condition: str, data: Data, streams: Streams) -> IntArray:
    """The rows of the training table that make another background, as many as the study's own."""
    return spread_rows(data.train.y, len(data.train.inputs), len(data.background), streams.at(condition).shared())
