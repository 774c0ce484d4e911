"""Explainers: from a game to an attribution. A new one is one file with one `@EXPLAINERS.register("name")`.

An explainer is a frozen dataclass of its own parameters; these are the keys in the study file and part of the cache key.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, runtime_checkable

from xai_compare.game import Game
from xai_compare.registry import Registry
from xai_compare.streams import Streams
from xai_compare.types import Attribution

__all__ = ["EXPLAINERS", "Explainer"]


@runtime_checkable
class Explainer(Protocol):
    """What every explainer offers.

    title, citation : for the report. signed : whether it tells direction. scope : "case", or "model" where all cases share
    one vector (then it is run once over all cases). additive : whether base + values add up to the output.
    control : True for the one that knows nothing of the model. depends_on : which settings of the game its values hang on, of
    "output", "fill" (which the background's rows belong to) and "background" (where its rows serve as anything else); its values are
    taken over when the study asks again under another setting of the rest.
    `depends_elsewhere` (optional) : the same where the inputs are no table, if it differs.
    `reruns` (optional) : False for values that cannot be computed again, so that what asks for that is not applicable.
    `on_request` (optional) : True for one that is too dear to run unasked, which auto leaves out.
    """

    title: ClassVar[str]
    citation: ClassVar[str]
    signed: ClassVar[bool]
    scope: ClassVar[Literal["case", "model"]]
    additive: ClassVar[bool]
    control: ClassVar[bool]
    depends_on: ClassVar[frozenset[str]]

    def __call__(self, game: Game, streams: Streams) -> Attribution:
        """Explain all cases of the game, in its output space. Raises NotApplicable where it does not fit the model."""


EXPLAINERS: Registry[type[Explainer]] = Registry("explainer", "xai_compare.explainers", "xai_compare.explainers")
