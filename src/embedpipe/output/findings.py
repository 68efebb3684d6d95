"""Small findings that take long to make, kept as JSON beside the packed weights.

They are as good as what they were made of: a file holds that too, and is passed by where that is
another now. Where nothing can be kept, everything is found anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from embedpipe.environment import cache_directory, keeps_packed_weights
from embedpipe.errors import OutputError, ParameterError
from embedpipe.output.atomic_file import AtomicFile

__all__ = ["found_once"]

Value = TypeVar("Value", str, float)


def found_once(
    file: str,
    made_of: Mapping[str, Any],
    name: str,
    *,
    find: Callable[[], Value],
    is_valid: Callable[[Any], bool],
) -> Value:
    """What `find` gives, or gave before for the same `made_of`.

    file: where it is kept, in the folder of packed weights. name: of the value in that file.
    is_valid: whether what a file says can be a value.
    """
    place = _place(file)
    if place is not None:
        with suppress(OSError, ValueError):
            stored = json.loads(place.read_text(encoding="utf-8"))
            if isinstance(stored, dict) and {key: stored.get(key) for key in made_of} == made_of:
                kept = stored.get(name)
                if is_valid(kept):
                    return cast("Value", kept)
    found = find()
    if place is not None:
        with suppress(OSError, OutputError):
            place.parent.mkdir(parents=True, exist_ok=True)
            with AtomicFile(place, durable=False) as sink:
                sink.write(json.dumps({**made_of, name: found}).encode())
    return found


def _place(file: str) -> Path | None:
    if not keeps_packed_weights():
        return None
    try:
        return cache_directory() / "packed" / file
    except ParameterError:  # nowhere to keep anything
        return None
