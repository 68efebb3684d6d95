"""What a model's name looks like, and the default one."""

from __future__ import annotations

import re

__all__ = ["DEFAULT_MODEL", "FOLDER_NAME", "MODEL_NAME"]

DEFAULT_MODEL = "all-MiniLM-L6-v2"

# One folder, or an organization and a folder; no part begins with a dot, so none leads upwards.
_PART = "[A-Za-z0-9_][A-Za-z0-9._-]{0,199}"
MODEL_NAME = re.compile(f"({_PART}/)?{_PART}")

FOLDER_NAME = re.compile(f"{MODEL_NAME.pattern}(@[A-Za-z0-9.-]{{1,100}}){{0,2}}")
"""The cache tells languages and versions of a model apart behind its name."""
