"""Models by name: where they lie, and the encoder that is loaded from there.

File formats are read in `formats`, tokenizers in `subword`; what is computed is in `encoder`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedpipe.models.encoder import Encoder
from embedpipe.models.resolve import cache_directory, find_model

if TYPE_CHECKING:
    from embedpipe.models.catalog import search, show

__all__ = ["Encoder", "cache_directory", "find_model", "search", "show"]


def __getattr__(name: str) -> Any:
    if name in ("search", "show"):  # which an encoder does not need
        return getattr(importlib.import_module("embedpipe.models.catalog"), name)
    raise AttributeError(f"module 'embedpipe.models' has no attribute {name!r}")
