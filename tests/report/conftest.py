"""Pictures take most of the time of a report, and nearly all tests here show the same ones."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import wraps
from importlib import import_module
from inspect import isfunction
from pkgutil import iter_modules
from typing import Any

import pytest

from xai_compare.report import sections
from xai_compare.report.canvas import Drawing


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """The sections draw the same picture of the same numbers once for all tests. (Tests of the pictures themselves call the originals.)"""
    with pytest.MonkeyPatch.context() as patch:
        for module in (import_module(f"{sections.__name__}.{found.name}") for found in iter_modules(sections.__path__)):
            for name, function in vars(module).copy().items():
                if isfunction(function) and function.__module__ != module.__name__ and draws(function):
                    patch.setattr(module, name, remembered(function))
        yield


def draws(function: Callable[..., Any]) -> bool:
    return function.__annotations__.get("return") in ("Drawing", Drawing)


KNOWN: dict[tuple[str, bytes], Drawing] = {}


def remembered(function: Callable[..., Drawing]) -> Callable[..., Drawing]:
    @wraps(function)
    def once(*args: Any, **kwargs: Any) -> Drawing:
        key = (f"{function.__module__}.{function.__name__}", pickle.dumps((args, kwargs)))
        if key not in KNOWN:
            KNOWN[key] = function(*args, **kwargs)
        return KNOWN[key]

    return once
