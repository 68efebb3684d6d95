"""`embedpipe.json`: what embedpipe keeps beside a model's files, and what people declare in it.

| field | what it says, and who writes it |
|---|---|
| pooling, normalize, max_length | how sentence vectors are made; people, and `embedpipe import` |
| prompts, default_prompt_name, include_prompt, lowercase | what is done to texts; likewise |
| truncate_dim, similarity | how much of a vector is kept, and how two are compared; likewise |
| compact | version and CRC-32 of compact weights beside it; `embedpipe import --compact` |
| name, version, language, license, ... | which model of the catalog it is; the download |
| source | kind and place that the files came from; the download |
| files | SHA-256 and size of each file; the download |
| verified | whether published values are met; `embedpipe verify` |
| measured | times and memory; `embedpipe card` |
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedpipe.engine.pooling import is_pooling
from embedpipe.errors import OutputError
from embedpipe.files.fields import (
    FLAG,
    TEXT,
    Field,
    check_fields,
    choice,
    optional,
    whole_number,
)
from embedpipe.files.strict_json import read_json
from embedpipe.formats.archives.tree import FileTree

__all__ = [
    "LENGTH",
    "OWN_RECORD",
    "POOLING",
    "SIMILARITIES",
    "SIZE",
    "add_to_record",
    "read_declared",
    "read_record",
    "readable_json",
]

OWN_RECORD = "embedpipe.json"

_SHORTEST = 3  # two special pieces and one of the text


def _is_length(value: Any) -> bool:
    # transformers writes "no limit" as 1e30, a float in some versions
    return type(value) in (int, float) and _SHORTEST <= value < float("inf")


LENGTH = Field(  # of a sequence, in pieces
    f"a number of pieces from {_SHORTEST} up", _is_length
)

POOLING = Field("a pooling such as 'mean', 'cls', 'pooler', 'max' or 'cls+mean'", is_pooling)
SIZE = whole_number(1, 2**16)  # of a vector
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")

_PROMPTS = Field(
    "an object of texts by name",
    lambda value: isinstance(value, dict) and all(map(TEXT.holds, value.values())),
)

_DECLARED = {
    "pooling": optional(POOLING),
    "normalize": optional(FLAG),
    "max_length": optional(LENGTH),
    "lowercase": optional(FLAG),
    "include_prompt": optional(FLAG),
    "prompts": optional(_PROMPTS),
    "default_prompt_name": optional(TEXT),
    "truncate_dim": optional(SIZE),
    "similarity": optional(choice(SIMILARITIES)),
}


def read_record(tree: FileTree) -> dict[str, Any]:
    """All that the record of a model says; nothing if it has none."""
    content: dict[str, Any] = tree.read_json(OWN_RECORD, dict) if OWN_RECORD in tree else {}
    return content


def read_declared(tree: FileTree) -> dict[str, Any]:
    """What the record declares of the model's use, by `Usage`'s names; None where it does not.

    Raises ModelFormatError for values that cannot be.
    """
    remedy = "Correct it, or leave it out"
    record = check_fields(read_record(tree), _DECLARED, tree.where(OWN_RECORD), remedy=remedy)
    return {key: record.get(key) for key in _DECLARED}


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
    from embedpipe.output import AtomicFile  # not loaded by those who only read

    path = place / OWN_RECORD
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
