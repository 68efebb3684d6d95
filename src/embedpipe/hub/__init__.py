"""Models by name: local folders, the catalog, downloads, and what is kept of them.

`formats` reads their files.
"""

from typing import TYPE_CHECKING, Any

from embedpipe.hub.find import find_model

if TYPE_CHECKING:
    from embedpipe.hub.keeping import (
        cache_parts,
        clean_cache,
        get_model,
        models_here,
        remove_model,
    )

__all__ = [
    "cache_parts",
    "clean_cache",
    "find_model",
    "get_model",
    "models_here",
    "remove_model",
]


def __getattr__(name: str) -> Any:
    """What few programs need is loaded when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from embedpipe.hub import keeping

    return getattr(keeping, name)
