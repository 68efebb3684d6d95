"""Model files in, checked tensors out: one module per format.

The importers of foreign formats are loaded when first asked for: most programs need none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedpipe.formats.huggingface.folder import HuggingFaceModel, read_huggingface
from embedpipe.formats.huggingface.safetensors import read_safetensors

if TYPE_CHECKING:
    from embedpipe.formats.imported import ImportedModel, ImportReport
    from embedpipe.formats.importer import import_model, recognize

__all__ = [
    "HuggingFaceModel",
    "ImportReport",
    "ImportedModel",
    "import_model",
    "read_huggingface",
    "read_safetensors",
    "recognize",
]

_MODULES = {
    "ImportReport": "imported",
    "ImportedModel": "imported",
    "import_model": "importer",
    "recognize": "importer",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
