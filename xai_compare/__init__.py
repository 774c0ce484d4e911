"""Compare how far fitted models can be explained, by which method, and how sure one can be of it.

    import xai_compare as xc
    result = xc.compare({"scorecard": pipe, "net": net}, X_test, y_test, background=X_train, random_state=0)

Names are resolved when they are first used: importing the package loads none of the libraries that it wraps.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xai_compare.api import compare, explain, given, measure
    from xai_compare.cards import attach
    from xai_compare.data.cases import images, series, texts
    from xai_compare.errors import DataError, MissingExtra, ModelError, NotApplicable, StudyError, UnknownName, XaiCompareError
    from xai_compare.models.modules import net
    from xai_compare.results import Results
    from xai_compare.saved import load
    from xai_compare.types import Attribution, Scores

__version__ = "0.1.0"

__all__ = [
    "Attribution",
    "DataError",
    "MissingExtra",
    "ModelError",
    "NotApplicable",
    "Results",
    "Scores",
    "StudyError",
    "UnknownName",
    "XaiCompareError",
    "__version__",
    "attach",
    "compare",
    "explain",
    "given",
    "images",
    "load",
    "measure",
    "net",
    "series",
    "texts",
]

_HOMES: Final = {
    "Attribution": "types",
    "DataError": "errors",
    "MissingExtra": "errors",
    "ModelError": "errors",
    "NotApplicable": "errors",
    "Results": "results",
    "Scores": "types",
    "StudyError": "errors",
    "UnknownName": "errors",
    "XaiCompareError": "errors",
    "attach": "cards",
    "compare": "api",
    "explain": "api",
    "given": "api",
    "images": "data.cases",
    "load": "saved",
    "measure": "api",
    "net": "models.modules",
    "series": "data.cases",
    "texts": "data.cases",
}

if not TYPE_CHECKING:  # else every misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """The package: `compare` is its function, although a sub-package has the same name.

    Importing a sub-package binds it as an attribute of its parent; for a public name that would put a module in the
    place of the function, depending on what was imported before. The sub-package stays importable as ever.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
