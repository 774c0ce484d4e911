"""Results made readable: statistics -> report.json -> blocks -> one HTML file. Three pure stages and a writer.

>>> from xai_compare import report                                # doctest: +SKIP
>>> made = report.build(results, comparison)                      # doctest: +SKIP
>>> report.write(made, Path("audit"))                             # doctest: +SKIP

Names are resolved when they are used, so that importing this package loads neither matplotlib nor jinja2.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xai_compare.report.build import build
    from xai_compare.report.render import render
    from xai_compare.report.write import rerender, validate, write

__all__ = ["build", "render", "rerender", "validate", "write"]

_HOMES = {"build": "build", "render": "render", "rerender": "write", "validate": "write", "write": "write"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found  # a submodule of the same name would otherwise win the next look-up
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
