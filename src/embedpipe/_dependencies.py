"""Imports of packages that are optional or slow to load; others ask for them here, when needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from embedpipe.errors import MissingDependencyError

_DISTRIBUTIONS = {"faiss": "faiss-cpu", "lance": "pylance", "markdown_it": "markdown-it-py"}
"""Where a package is installed by another name than it is imported."""


def require(name: str, purpose: str) -> ModuleType:
    """Import ``name`` (``package`` or ``package.module``) or say what needs it and how to get it.

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
        raise MissingDependencyError(
            f"{purpose} needs the package {distribution!r}, which is not installed; "
            f"run: pip install {distribution}"
        ) from error
