"""`embedpipe.json`: what embedpipe keeps beside a model's files, and what people declare in it.

| field | what it says, and who writes it |
|---|---|
| pooling, normalize, max_length | how sentence vectors are made; people, and `embedpipe import` |
| name, version, language, license, ... | which model of the catalog it is; the download |
| source | kind and place that the files came from; the download |
| files | SHA-256 and size of each file; the download |
| verified | whether published values are met; `embedpipe verify` |
| measured | times and memory; `embedpipe card` |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedpipe.engine.pooling import POOLINGS
from embedpipe.files.fields import FLAG, Field, check_fields, choice, optional
from embedpipe.files.strict_json import read_json
from embedpipe.formats.archives.tree import FileTree

__all__ = ["LENGTH", "OWN_RECORD", "add_to_record", "read_declared", "read_record", "record_text"]

OWN_RECORD = "embedpipe.json"

_SHORTEST = 3  # two special pieces and one of the text


def _is_length(value: Any) -> bool:
    # transformers writes "no limit" as 1e30, a float in some versions
    return type(value) in (int, float) and _SHORTEST <= value < float("inf")


LENGTH = Field(  # of a sequence, in pieces
    f"a number of pieces from {_SHORTEST} up", _is_length
)

_DECLARED = {
    "pooling": optional(choice(POOLINGS)),
    "normalize": optional(FLAG),
    "max_length": optional(LENGTH),
}


def read_record(tree: FileTree) -> dict[str, Any]:
    """All that the record of a model says; nothing if it has none."""
    content: dict[str, Any] = tree.read_json(OWN_RECORD, dict) if OWN_RECORD in tree else {}
    return content


def read_declared(tree: FileTree) -> dict[str, Any]:
    """`pooling`, `normalize` and `max_length` as the record declares them, None where it does not.

    Raises ModelFormatError for values that cannot be.
    """
    remedy = "Correct it, or leave it out"
    record = check_fields(read_record(tree), _DECLARED, tree.where(OWN_RECORD), remedy=remedy)
    return {key: record.get(key) for key in _DECLARED}


def record_text(content: Mapping[str, Any]) -> bytes:
    """A record for people to read, in the order of `content`."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def add_to_record(folder: Path, changes: Mapping[str, Any]) -> None:
    """Set those fields in the folder's record, which is made if it has none.

    Raises OutputError if that cannot be written.
    """
    from embedpipe.output import AtomicFile  # not loaded by those who only read

    path = folder / OWN_RECORD
    content = read_json(path, dict) if path.is_file() else {}
    with AtomicFile(path) as file:
        file.write(record_text({**content, **changes}))
