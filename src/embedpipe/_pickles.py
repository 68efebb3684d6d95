"""What every pickle of ours carries beside the object: who made it, and a checksum.

Pickles are for the way from one process to another. What is to be kept is written by `saving`.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from embedpipe._version import __version__
from embedpipe.errors import ModelFormatError

__all__ = ["PICKLE_FORMAT", "seal", "unseal"]

PICKLE_FORMAT = 1
"""Counts up when what pickles hold changes within one version of embedpipe."""


def seal(state: dict[str, Any]) -> dict[str, Any]:
    """The state of an object with all that `unseal` checks.

    >>> unseal(seal({"uid": "Tokenizer_1"}), "Tokenizer")
    {'uid': 'Tokenizer_1'}
    """
    return {
        "embedpipe": __version__,
        "format": PICKLE_FORMAT,
        "checksum": _checksum(state),
        "state": state,
    }


def unseal(found: Any, what: str) -> dict[str, Any]:
    """The state that was sealed, of an object of the class `what`.

    Raises ModelFormatError if another version made it, or if it is not as it was.
    """
    try:
        made_by = found["embedpipe"], found["format"]
        checksum, state = found["checksum"], found["state"]
    except (TypeError, KeyError, IndexError) as error:
        raise ModelFormatError(
            f"this pickle of a {what} says neither version nor checksum: another version of "
            f"embedpipe made it, or it is damaged. Make it again with embedpipe {__version__}"
        ) from error
    if made_by != (__version__, PICKLE_FORMAT):
        raise ModelFormatError(
            f"this pickle of a {what} was made by embedpipe {made_by[0]} (pickle format "
            f"{made_by[1]}); this is embedpipe {__version__} (pickle format {PICKLE_FORMAT}). "
            "Pickles are for processes of one version: install the same one for all. To keep a "
            "pipeline, use save and load"
        )
    if not isinstance(state, dict) or checksum != _checksum(state):
        raise ModelFormatError(
            f"this pickle of a {what} is damaged: its content does not fit its checksum. "
            "Make it again"
        )
    return state


def _checksum(state: dict[str, Any]) -> int:
    """Of all that JSON can hold in it; other objects count by their classes."""
    text = json.dumps(state, skipkeys=True, default=lambda value: type(value).__qualname__)
    return zlib.crc32(text.encode())
