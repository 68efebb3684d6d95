"""Environment variables that embedpipe reads, and what follows from them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from embedpipe.errors import ParameterError

__all__ = ["CACHE_VARIABLE", "cache_directory"]

CACHE_VARIABLE = "EMBEDPIPE_CACHE"


def cache_directory() -> Path:
    """Where files that can be made or fetched again are kept: `EMBEDPIPE_CACHE`, or by convention.

    By convention of the platform: `$XDG_CACHE_HOME/embedpipe` or `~/.cache/embedpipe`,
    `~/Library/Caches/embedpipe` on macOS, `%LOCALAPPDATA%\\embedpipe\\Cache` on Windows. The
    directory need not exist. Raises ParameterError if there is no home directory to put it in.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    platform_base = {
        "darwin": ("", "Library/Caches", "embedpipe"),
        "win32": ("LOCALAPPDATA", "AppData/Local", "embedpipe/Cache"),
    }
    variable, below_home, folder = platform_base.get(
        sys.platform, ("XDG_CACHE_HOME", ".cache", "embedpipe")
    )
    base = os.environ.get(variable, "") if variable else ""
    if base and Path(base).is_absolute():  # the XDG specification has relative ones ignored
        return Path(base) / folder
    try:
        return Path.home() / below_home / folder
    except RuntimeError as error:
        raise ParameterError(
            f"no home directory is known to keep a cache in; set {CACHE_VARIABLE} to a directory"
        ) from error
