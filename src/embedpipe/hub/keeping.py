"""What is kept on this machine: models by name, and the cache; what it takes, and clearing it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embedpipe._dependencies import require
from embedpipe.engine.packed_cache import PackedCache
from embedpipe.environment import cache_directory, model_directories
from embedpipe.errors import EmbedpipeError, ModelNotFoundError
from embedpipe.files.strict_json import read_json
from embedpipe.formats.layout import CONFIG, MODULES
from embedpipe.hub.catalog import catalog
from embedpipe.hub.catalog_file import CatalogModel
from embedpipe.hub.disk import writing_into
from embedpipe.hub.find import find_here, find_model
from embedpipe.hub.hub_cache import repositories, snapshot
from embedpipe.hub.names import FOLDER_NAME, hub_name
from embedpipe.hub.repository import wanted_files

__all__ = [
    "CachePart",
    "KeptModel",
    "cache_parts",
    "clean_cache",
    "get_model",
    "models_here",
    "place_of",
    "remove_model",
]

Place = Literal["cache", "directory", "package", "Hugging Face"]


@dataclass(frozen=True)
class KeptModel:
    """A model on this machine.

    place: "cache", ours; "directory", one of `EMBEDPIPE_MODELS`; "package"; or "Hugging Face", its
    cache. size: bytes of its files.
    """

    name: str
    place: Place
    path: Path
    size: int


@dataclass(frozen=True)
class CachePart:
    """A kind of files in the cache: "models", "packed weights" or "leftovers"; bytes of them."""

    name: str
    path: Path
    files: int
    size: int


def models_here() -> list[KeptModel]:
    """The models that can be used by name without a download, in the order of their names.

    A name that is in several places is listed once, where it is found first.
    """
    found: dict[str, KeptModel] = {}
    for model in [*_in_directories(), *_in_packages(), *_at_hub()]:
        found.setdefault(model.name, model)
    return sorted(found.values(), key=lambda model: model.name.lower())


def place_of(model: CatalogModel) -> Path | None:
    """Where a model of the catalog lies on this machine, Hugging Face's cache included, or None."""
    here = find_here(model)
    sources = [] if here is not None else [s for s in model.sources if s.repository is not None]
    for source in sources:
        folder = snapshot(str(source.repository), source.revision)
        if folder is not None and wanted_files(_names(folder)):
            return folder
    return here


def get_model(name: str, language: str | None = None) -> KeptModel:
    """Find a model as `Encoder.load` does, and download it if it is not here, to use it later.

    Raises the errors of `find_model`.
    """
    return _kept(name, find_model(name, language=language))


def remove_model(name: str) -> KeptModel:
    """Remove a model, and what was packed of it, from the cache; nothing anywhere else.

    Raises ModelNotFoundError if it is not there, and says where it is instead.
    """
    known = catalog()
    folders = [name, known.name_of(name), f"{known.name_of(name)}@{name.partition('@')[2]}"]
    root = cache_directory() / "models"
    for folder in dict.fromkeys(folders):
        path = root / folder
        if FOLDER_NAME.fullmatch(folder) and path.is_dir():
            removed = KeptModel(folder, "cache", path, _size(path))
            with writing_into(root), _locked(path):
                _remove_packed(path)
                aside = path.with_name(f".{path.name}.removed")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)  # so that nobody finds half of it
                shutil.rmtree(aside)
            return removed
    raise ModelNotFoundError(f"no model {name!r} in {root}; {_elsewhere(name)}")


def cache_parts() -> list[CachePart]:
    """What the cache holds, also what it holds none of."""
    root = cache_directory()
    leftovers = _leftovers(root)
    packed = [path for path in _files(root / "packed") if path not in leftovers]
    models = [path for path in _files(root / "models") if not _is_hidden(path, root)]
    return [
        CachePart("models", root / "models", len(models), _sum(models)),
        CachePart("packed weights", root / "packed", len(packed), _sum(packed)),
        CachePart("leftovers", root, len(leftovers), _sum(leftovers)),
    ]


def clean_cache(*, models: bool = False) -> list[CachePart]:
    """Remove what is made again when needed: packed weights, and what broken downloads left.

    models: whether downloaded models go too. What another process is just downloading stays. Gives
    what was removed.
    """
    root = cache_directory()
    before = {part.name: part for part in cache_parts()}
    with writing_into(root):
        for path in [*_files(root / "packed")]:
            path.unlink(missing_ok=True)
        for staging in [*_hidden_folders(root / "models")]:
            _remove_unless_locked(staging)
        for lock in [p for p in _files(root / "models") if p.name.endswith(".lock")]:
            _remove_unless_locked(lock)
        if models:
            for model in [m for m in _in_directories() if m.place == "cache"]:
                remove_model(model.name)
    after = {part.name: part for part in cache_parts()}
    return [
        CachePart(name, was.path, was.files - after[name].files, was.size - after[name].size)
        for name, was in before.items()
    ]


def _in_directories() -> Iterator[KeptModel]:
    own = cache_directory() / "models"
    for directory in model_directories():
        for folder in _model_folders(directory):
            name = folder.relative_to(directory).as_posix()
            yield KeptModel(
                name, "cache" if directory == own else "directory", folder, _size(folder)
            )


def _model_folders(directory: Path) -> Iterator[Path]:
    """Folders of models directly below a directory, or below an organization in it."""
    for pattern in (f"*/{CONFIG}", f"*/*/{CONFIG}"):
        for path in sorted(directory.glob(pattern)):
            folder, above = path.parent, path.parent.parent
            is_step = above != directory and any((above / n).is_file() for n in (CONFIG, MODULES))
            if FOLDER_NAME.fullmatch(folder.relative_to(directory).as_posix()) and not is_step:
                yield folder


def _in_packages() -> Iterator[KeptModel]:
    for versions in catalog().models.values():
        model = versions[0]
        if any(source.package is not None for source in model.sources):
            here = find_here(model)
            if here is not None:
                yield KeptModel(model.name, "package", here, _size(here))


def _at_hub() -> Iterator[KeptModel]:
    """The models in Hugging Face's cache that are of a kind that runs here."""
    from embedpipe.engine.config import EncoderConfig

    for name, folder in repositories():
        try:
            EncoderConfig.from_huggingface(read_json(folder / CONFIG, dict), source=name)
        except EmbedpipeError:
            continue
        if wanted_files(_names(folder)):
            yield KeptModel(name, "Hugging Face", folder, _size(folder))


def _kept(name: str, path: Path) -> KeptModel:
    for model in models_here():
        if model.path == path:
            return model
    at_hub = hub_name(name) is not None and "snapshots" in path.parts
    return KeptModel(name, "Hugging Face" if at_hub else "directory", path, _size(path))


def _elsewhere(name: str) -> str:
    """Where a model is that is not in the cache, and how to remove it there."""
    plain = catalog().name_of(name)
    model = next((m for m in models_here() if m.name in (name, plain)), None)
    if model is None:
        return "to see what is here, run: embedpipe models --here"
    if model.place == "Hugging Face":
        return f"it lies in Hugging Face's own cache; run: hf cache rm model/{model.name}"
    if model.place == "package":
        return f"it lies in an installed package, {model.path}; uninstall that with pip"
    return f"it lies in {model.path}, a directory of yours; remove it there"


def _remove_packed(folder: Path) -> None:
    """Remove what was packed of the model in a folder, if it can be read."""
    from embedpipe.formats.reading import open_model

    try:
        files = open_model(folder).weights_files
    except EmbedpipeError:  # damaged, which may be why it is removed
        return
    PackedCache(cache_directory() / "packed", files).remove()


def _leftovers(root: Path) -> list[Path]:
    packing = [p for p in _files(root / "packed") if p.suffix == ".tmp"]
    return [p for p in _files(root / "models") if _is_hidden(p, root)] + packing


def _hidden_folders(directory: Path) -> Iterator[Path]:
    for pattern in (".*", "*/.*"):
        yield from (path for path in directory.glob(pattern) if path.is_dir())


def _remove_unless_locked(path: Path) -> None:
    """Remove a folder of a download that broke off, or its lock, unless it is going on."""
    filelock = require("filelock", "clearing the cache")
    stem = path.name.removesuffix(".partial").removesuffix(".lock").removesuffix(".removed")
    lock = path.with_name(f"{stem}.lock")
    try:
        with filelock.FileLock(lock, timeout=0):
            shutil.rmtree(path, ignore_errors=True)
            lock.unlink(missing_ok=True)
    except filelock.Timeout:
        return


def _locked(folder: Path) -> Any:
    lock = folder.with_name(f".{folder.name}.lock")
    return require("filelock", "removing a model").FileLock(lock)


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in _files(folder)]


def _size(folder: Path) -> int:
    return folder.stat().st_size if folder.is_file() else _sum(_files(folder))


def _sum(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)
