"""Imports of packages that are optional or slow to load; others ask for them here, when needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from embedpipe.errors import MissingDependencyError

_INSTALL = {
    "filelock": "pip install filelock",
    "huggingface_hub": "pip install huggingface_hub",
    "matplotlib": "pip install matplotlib",
    "pyarrow": "pip install pyarrow",
    "pandas": "pip install pandas",
    "sentencepiece": "pip install sentencepiece",
    "tokenizers": "pip install tokenizers",
    "tqdm": "pip install tqdm",
}


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
        raise MissingDependencyError(
            f"{purpose} needs the package {package!r}, which is not installed; "
            f"run: {_INSTALL.get(package, f'pip install {package}')}"
        ) from error
