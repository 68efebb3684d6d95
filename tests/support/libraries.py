"""Libraries that only some tests need."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

__all__ = ["require"]


def require(library: str) -> Any:
    """Import it; without it, the test could not run."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        pytest.skip(f"COULD NOT RUN: {error}; pip install {library.partition('.')[0]}")
