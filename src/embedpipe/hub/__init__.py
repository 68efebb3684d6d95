"""Models by name: where they lie on this machine, the catalog, and downloads.

What is in their files is read in `formats`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedpipe.environment import cache_directory
from embedpipe.hub.find import find_model

if TYPE_CHECKING:
    from embedpipe.hub.catalog import search, show

__all__ = ["cache_directory", "find_model", "search", "show"]


def __getattr__(name: str) -> Any:
    if name in ("search", "show"):  # which finding a model that is here does not need
        return getattr(importlib.import_module("embedpipe.hub.catalog"), name)
    raise AttributeError(f"module 'embedpipe.hub' has no attribute {name!r}")
