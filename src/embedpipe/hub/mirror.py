"""A mirror: the directory `models` of a cache, on a disk or behind an address, asked first.

MIRROR/NAME/embedpipe.json lists the files of a model with their SHA-256; they lie beside it. So a
copy of a cache that holds the wanted models is a mirror, and any web server can serve it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from embedpipe.environment import MIRROR_VARIABLE, is_offline, mirror_place
from embedpipe.errors import DownloadError, ModelFormatError, ParameterError
from embedpipe.files.hashes import sha256_of
from embedpipe.files.strict_json import read_json
from embedpipe.formats.own_record import OWN_RECORD
from embedpipe.hub.download import download_file

__all__ = ["fetch_from_mirror", "mirror"]

_MOST_FILES = 1000
_FILE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,199}/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile("[0-9a-f]{64}")


def mirror() -> str | None:
    """The directory or address in `EMBEDPIPE_MIRROR`; ParameterError if it is neither."""
    place = mirror_place()
    if place is None or _is_address(place) or Path(place).is_dir():
        return place
    raise ParameterError(
        f"{MIRROR_VARIABLE}: {place!r:.200} is no directory; expected one, or an address that "
        "begins with http:// or https://"
    )


def fetch_from_mirror(
    place: str, name: str, folder: Path, check_size: Callable[[int], None]
) -> None:
    """Copy a model's files into a new folder. check_size: called with the bytes needed.

    Raises DownloadError if the mirror lacks the model or a file is not the one in its record.
    """
    folder.mkdir()
    record = folder / OWN_RECORD
    _bring(place, f"{name}/{OWN_RECORD}", record)
    files = _listed(read_json(record, dict).get("files"), f"{OWN_RECORD} of {name}")
    check_size(sum(size for _, size in files.values()))
    for file, (digest, _) in files.items():
        target = folder / file
        target.parent.mkdir(exist_ok=True)
        _bring(place, f"{name}/{file}", target, digest)


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _bring(place: str, file: str, target: Path, sha256: str | None = None) -> None:
    if _is_address(place):
        if is_offline():
            raise DownloadError("an address, which is not asked when offline")
        download_file(f"{place.rstrip('/')}/{quote(file, safe='/@')}", target, sha256=sha256)
        return
    origin = Path(place, file)
    if not origin.is_file():
        raise DownloadError(f"{origin} does not exist")
    shutil.copyfile(origin, target)
    found = sha256_of(target)
    if sha256 not in (None, found):
        raise DownloadError(
            f"{origin} has SHA-256 {found}; the record beside it expects {sha256}. "
            "It was damaged or replaced"
        )


def _listed(files: Any, where: str) -> Mapping[str, tuple[str, int]]:
    """SHA-256 and size of each file; ModelFormatError if the list is not valid."""
    if not isinstance(files, dict) or not 0 < len(files) <= _MOST_FILES:
        raise ModelFormatError(f"{where} lists no files; expected 1 to {_MOST_FILES}")
    for name, facts in files.items():
        size = facts.get("size") if isinstance(facts, dict) else None
        if (
            not _FILE.fullmatch(name)
            or name == OWN_RECORD
            or type(size) is not int
            or size < 0
            or not _SHA256.fullmatch(str(facts.get("sha256")))
        ):
            raise ModelFormatError(
                f"{where}: the entry {name!r:.80} is {facts!r:.200}; expected a file's name with "
                "its sha256 and size"
            )
    return {name: (facts["sha256"], facts["size"]) for name, facts in files.items()}
