"""Imports of packages that are optional or slow to load; others ask for them here, when needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from embedpipe.errors import MissingDependencyError

_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "faiss": "faiss-cpu",
    "lance": "pylance",
    "markdown_it": "markdown-it-py",
    "prometheus_client": "prometheus-client",
}
"""Where a package is installed by another name than it is imported."""


def require(name: str, purpose: str, *, extra: str | None = None) -> ModuleType:
    """Import ``name`` (``package`` or ``package.module``) or say what needs it and how to get it.

    extra: the one of embedpipe's extras that brings it with all else that the purpose needs.

    >>> require("tokenizers", "reading tokenizer.json").__name__
    'tokenizers'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != package:
            raise  # the package is there, but one of its own requirements is not
        distribution = _DISTRIBUTIONS.get(package, package)
        wanted = distribution if extra is None else f"'embedpipe[{extra}]'"
        raise MissingDependencyError(
            f"{purpose} needs the package {distribution!r}, which is not installed; "
            f"run: pip install {wanted}"
        ) from error
