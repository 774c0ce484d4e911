"""Plugins made for one test, and gone after it."""

from __future__ import annotations

import pytest

from xai_compare.explainers import EXPLAINERS


@pytest.fixture
def explainer(monkeypatch):
    """Register an explainer class under a name for one test."""
    list(EXPLAINERS)  # the built-in ones first

    def add(name: str, cls: type) -> type:
        monkeypatch.setitem(EXPLAINERS._found, name, cls)
        return cls

    return add
