"""Strict JSON from untrusted files: every error is a ModelFormatError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from embedpipe.errors import ModelFormatError
from embedpipe.files.reading import read_bytes

__all__ = ["parse_json", "read_json"]

# The largest file read here is the index of a sharded model: under a megabyte for any encoder.
_LARGEST_FILE = 16 * 2**20


def read_json(path: Path, expected: type[dict[str, Any]] | type[list[Any]]) -> Any:
    """The contents of a JSON file whose outermost value is an `expected` (dict or list).

    Raises ModelNotFoundError if there is no such file, ModelFormatError for anything else.
    """
    return parse_json(read_bytes(path, largest=_LARGEST_FILE), expected, source=str(path))


def parse_json(
    data: bytes, expected: type[dict[str, Any]] | type[list[Any]], *, source: str
) -> Any:
    """The JSON value in `data`, UTF-8 with or without byte order mark; `source` names it in errors.

    Raises ModelFormatError for what is not JSON, for the same key twice in one object (readers
    would disagree on which counts), for NaN and Infinity, for nesting too deep, and for another
    outermost type than `expected`.

    >>> parse_json(b'{"hidden_size": 128}', dict, source="config.json")
    {'hidden_size': 128}
    """
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(
            f"{source} is not valid JSON: {error}. Correct it, or get a new copy of the file"
        ) from error
    if not isinstance(value, expected):
        raise ModelFormatError(
            f"{source}: the outermost value is {_KINDS.get(type(value), 'a number or constant')}; "
            f"expected {_KINDS[expected]}"
        )
    return value


_KINDS: dict[type, str] = {dict: "an object", list: "an array", str: "a string"}


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:80]!r} occurs twice")
            seen.add(key)
    return result


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
