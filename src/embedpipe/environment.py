"""Every environment variable that embedpipe reads; they are read anew each time they are asked for.

What they mean to users stands in docs/environment.md. Proxies, certificates and tokens are left to
huggingface_hub and its HTTP library.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from embedpipe.errors import ParameterError

__all__ = [
    "API_KEY_VARIABLE",
    "CACHE_VARIABLE",
    "CATALOG_VARIABLE",
    "COMPLETION_ASKED",
    "ISA_VARIABLE",
    "MIRROR_VARIABLE",
    "MODELS_VARIABLE",
    "PACKED_VARIABLE",
    "api_key",
    "cache_directory",
    "catalog_places",
    "completion_asked",
    "go_offline",
    "hub_cache_directory",
    "installed_home",
    "is_colorless",
    "is_offline",
    "isa_name",
    "keeps_packed_weights",
    "mirror_place",
    "model_directories",
    "use_this_python_on_spark",
]

API_KEY_VARIABLE = "EMBEDPIPE_API_KEY"
CACHE_VARIABLE = "EMBEDPIPE_CACHE"
CATALOG_VARIABLE = "EMBEDPIPE_CATALOG"
ISA_VARIABLE = "EMBEDPIPE_ISA"
MIRROR_VARIABLE = "EMBEDPIPE_MIRROR"
MODELS_VARIABLE = "EMBEDPIPE_MODELS"
PACKED_VARIABLE = "EMBEDPIPE_PACKED_CACHE"

COMPLETION_ASKED = "_EMBEDPIPE_COMPLETE"
"""Set by the scripts of `embedpipe completion` when they ask what can follow; not for users."""

_OFFLINE_VARIABLES = ("EMBEDPIPE_OFFLINE", "HF_HUB_OFFLINE")
_YES = {"1", "on", "yes", "true"}  # as huggingface_hub reads its variable
_NO = {"0", "off", "no", "false"}


def api_key() -> str | None:
    """The key that clients of `embedpipe serve` must send, None for none."""
    return os.environ.get(API_KEY_VARIABLE)


def cache_directory() -> Path:
    """Where files that can be made or fetched again are kept: `EMBEDPIPE_CACHE`, or by convention.

    By convention of the platform: `$XDG_CACHE_HOME/embedpipe` or `~/.cache/embedpipe`,
    `~/Library/Caches/embedpipe` on macOS, `%LOCALAPPDATA%\\embedpipe\\Cache` on Windows. The
    directory need not exist. Raises ParameterError if there is no home directory to put it in.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs

    try:
        path = platformdirs.user_cache_path("embedpipe", appauthor=False)
        # Versions for Python 3.10 take a relative XDG_CACHE_HOME, which is to be passed over.
        return path if path.is_absolute() else Path.home() / ".cache" / "embedpipe"
    except RuntimeError as error:
        raise ParameterError(
            f"no home directory is known to keep a cache in; set {CACHE_VARIABLE} to a directory"
        ) from error


def hub_cache_directory() -> Path:
    """Where huggingface_hub keeps what it downloads, by the same variables as it decides it by."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    hub_home = os.environ.get("HF_HOME") or f"{home}/huggingface"
    chosen = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(os.path.expandvars(os.path.expanduser(chosen or f"{hub_home}/hub")))  # noqa: PTH111


def model_directories() -> list[Path]:
    """Where folders of models are looked for by name, in order; not all need exist.

    Those of `EMBEDPIPE_MODELS`, then `models` in the cache.
    """
    return [*map(Path, _listed(MODELS_VARIABLE)), cache_directory() / "models"]


def catalog_places() -> list[Path]:
    """The catalog files, and directories of them, that `EMBEDPIPE_CATALOG` names."""
    return list(map(Path, _listed(CATALOG_VARIABLE)))


def mirror_place() -> str | None:
    """The directory or address in `EMBEDPIPE_MIRROR`."""
    return os.environ.get(MIRROR_VARIABLE) or None


def go_offline() -> None:
    """Make no more requests in this process, nor in those that it starts."""
    os.environ[_OFFLINE_VARIABLES[0]] = "1"


def is_offline() -> bool:
    """Whether no request may be made: `EMBEDPIPE_OFFLINE` or `HF_HUB_OFFLINE` is 1 or yes."""
    return any(os.environ.get(name, "").lower() in _YES for name in _OFFLINE_VARIABLES)


def keeps_packed_weights() -> bool:
    """Whether packed weights may be kept in the cache: unless `EMBEDPIPE_PACKED_CACHE` is 0."""
    return os.environ.get(PACKED_VARIABLE, "").lower() not in _NO


def isa_name() -> str | None:
    """The instruction set in `EMBEDPIPE_ISA`, which is checked where it is used."""
    return os.environ.get(ISA_VARIABLE) or None


def is_colorless() -> bool:
    """Whether terminals show no colors: `NO_COLOR` is set to anything, or `TERM` is dumb."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def completion_asked() -> str | None:
    """What a shell asks about a command line, as click writes it, in place of running a command."""
    return os.environ.get(COMPLETION_ASKED) or None


def installed_home(program: str) -> Path | None:
    """The folder of a program that others say in a variable too: JAVA_HOME, SPARK_HOME."""
    home = os.environ.get(f"{program.upper()}_HOME")
    return Path(home) if home else None


def use_this_python_on_spark() -> None:
    """Have Spark's executors run this Python, unless `PYSPARK_PYTHON` names another."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def _listed(variable: str) -> list[str]:
    return [entry for entry in os.environ.get(variable, "").split(os.pathsep) if entry]
