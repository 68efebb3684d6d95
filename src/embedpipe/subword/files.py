"""Reads a tokenizer's files whole, with errors that name the file, whatever the file means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from embedpipe.errors import ModelFormatError

__all__ = ["decoded", "json_object", "read_bytes"]

_LARGEST_FILE = 256 * 2**20
"""Bytes. The largest published multilingual vocabularies take 20 MiB."""


def read_bytes(path: Path) -> bytes:
    """The contents of a file; ModelFormatError if it cannot be read or is too large to believe."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise ModelFormatError(
                f"{path}: found {size} bytes; expected at most {_LARGEST_FILE} in a tokenizer's "
                "file. Fetch the model again"
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelFormatError(
            f"{path} cannot be read: {error.strerror}. Check its type and its permissions"
        ) from error


def decoded(data: bytes, source: str) -> str:
    """UTF-8 text; ModelFormatError names the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(
            f"{source}: byte {error.start} is not UTF-8 ({error.reason}); expected UTF-8 text. "
            "Fetch the model again"
        ) from error


def json_object(data: bytes, source: str) -> dict[str, Any]:
    """The JSON object in a file's contents."""
    try:
        value = json.loads(decoded(data, source))
    # RecursionError: brackets nested deeper than the interpreter follows
    except (ValueError, RecursionError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(
            f"{source} is not valid JSON: {error}. Fetch the model again"
        ) from error
    if not isinstance(value, dict):
        raise ModelFormatError(f"{source}: found {type(value).__name__}; expected a JSON object")
    return value
