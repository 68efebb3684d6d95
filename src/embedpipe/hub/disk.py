"""Checks of disk space, and errors for folders that cannot be written."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedpipe.environment import CACHE_VARIABLE
from embedpipe.errors import EmbedpipeError, OutputError

__all__ = ["check_room", "writing_into"]


def check_room(folder: Path, needed: int, *, variable: str = CACHE_VARIABLE) -> None:
    """Raise OutputError unless `needed` bytes are free; `variable` sets another folder."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OutputError(
            f"the model needs {_megabytes(needed)} in {folder}, and {_megabytes(free)} are free; "
            f"free some space, or set {variable} to a directory on another disk"
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


@contextmanager
def writing_into(folder: Path, *, variable: str = CACHE_VARIABLE) -> Iterator[None]:
    """Turn an OSError on writing into an OutputError; `variable` sets another folder."""
    try:
        yield
    except EmbedpipeError:  # some of which are OSErrors as well
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space" if full else "check the folder's permissions"
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error}; {remedy}, or set "
            f"{variable} to another directory"
        ) from error
