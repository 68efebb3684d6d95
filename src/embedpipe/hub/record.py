"""A model's record, the file `embedpipe.json`: where it came from, and what was found out about it.

What in it concerns the use of the model is read in `formats`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedpipe.errors import OutputError
from embedpipe.files.strict_json import read_json
from embedpipe.formats.archives.tree import FileTree
from embedpipe.formats.huggingface.sentence_transformers import OWN_SETTINGS
from embedpipe.output import AtomicFile

__all__ = ["add_to_record", "read_record", "readable_json"]


def read_record(tree: FileTree) -> dict[str, Any]:
    """What the `embedpipe.json` of a model says; nothing if it has none."""
    content: dict[str, Any] = tree.read_json(OWN_SETTINGS, dict) if OWN_SETTINGS in tree else {}
    return content


def add_to_record(place: Path, changes: Mapping[str, Any], *, digits: int) -> Path:
    """Set those keys in the record of a model's folder, which is made if it has none; its path.

    digits: to which numbers in `changes` are rounded, as further ones depend on the processor.
    Numbers that are none become null, as JSON has no other word for them.

    Raises OutputError for an archive, and for a record that cannot be written.
    """
    if not place.is_dir():
        raise OutputError(
            f"cannot write a record into {place}, as it is no folder; convert it with embedpipe "
            "import, or leave out --record"
        )
    path = place / OWN_SETTINGS
    content = read_json(path, dict) if path.is_file() else {}
    with AtomicFile(path) as file:
        file.write(readable_json({**content, **_rounded(dict(changes), digits)}).encode())
    return path


def readable_json(content: Mapping[str, Any]) -> str:
    """JSON for people to read, in the order of `content`."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item, digits) for item in value]
    return value
