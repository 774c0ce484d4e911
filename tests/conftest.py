"""Fixtures that any test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the larger data sets: named by XAI_COMPARE_DATA, for they are no part of the repository."""
    folder = os.environ.get("XAI_COMPARE_DATA")
    if not folder:
        pytest.skip("XAI_COMPARE_DATA does not name the folder with the larger data sets")
    if not Path(folder).is_dir():
        pytest.fail(f"XAI_COMPARE_DATA names {folder}, which is no folder")
    return Path(folder)
