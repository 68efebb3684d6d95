"""What a model's name looks like, and the default one."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["DEFAULT_FOLDER", "DEFAULT_MODEL", "FOLDER_NAME", "MODEL_NAME", "HubName", "hub_name"]

DEFAULT_MODEL = "embedpipe-small-v1"
"""The model in the package; another one, of which vectors differ, would have another number."""

DEFAULT_FOLDER = "default_model"
"""Where it lies in the package."""

# One folder, or an organization and a folder; no part begins with a dot, so none leads upwards.
_PART = "[A-Za-z0-9_][A-Za-z0-9._-]{0,199}"
MODEL_NAME = re.compile(f"({_PART}/)?{_PART}")

FOLDER_NAME = re.compile(f"{MODEL_NAME.pattern}(@[A-Za-z0-9.-]{{1,100}}){{0,2}}")
"""The cache tells languages and versions of a model apart behind its name."""

_HUB_NAME = re.compile(f"({_PART}/{_PART})(?:@({_PART}(?:/{_PART}){{0,4}}))?")


class HubName(NamedTuple):
    """A repository at Hugging Face, and a branch, tag or commit of it, None for the usual one."""

    repository: str
    revision: str | None


def hub_name(name: str) -> HubName | None:
    """A name as a repository's at Hugging Face, if it can be one.

    >>> hub_name("BAAI/bge-small-en-v1.5@main")
    HubName(repository='BAAI/bge-small-en-v1.5', revision='main')
    """
    found = _HUB_NAME.fullmatch(name)
    if found is None or "--" in found[1] or ".." in found[1]:
        return None
    return HubName(found[1], found[2])
