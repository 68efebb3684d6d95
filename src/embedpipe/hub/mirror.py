"""A mirror: the directory `models` of a cache, on a disk or behind an address, asked first.

MIRROR/NAME/embedpipe.json lists the files of a model with their SHA-256; they lie beside it. So a
copy of a cache that holds the wanted models is a mirror, and any web server can serve it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from embedpipe.environment import MIRROR_VARIABLE, mirror_place
from embedpipe.errors import DownloadError, ModelFormatError, ParameterError
from embedpipe.files.hashes import sha256_of
from embedpipe.files.strict_json import parse_json
from embedpipe.formats.own_record import OWN_RECORD
from embedpipe.hub.transfer import shown

__all__ = ["Mirror", "fetch_from_mirror", "mirror"]

_MOST_FILES = 1000
_FILE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9._-]{0,199}/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


class Mirror(Protocol):
    """Where models lie as they lie in a cache."""

    place: str
    local: bool

    def record(self, name: str) -> bytes | None:
        """The `embedpipe.json` of a model; None if the mirror lacks it."""
        ...

    def bring(self, file: str, target: Path, sha256: str) -> None:
        """Copy a file, by its path in the mirror; DownloadError if it is not what it should be."""
        ...


class _Directory:
    local = True

    def __init__(self, place: str) -> None:
        self.place = place

    def record(self, name: str) -> bytes | None:
        path = Path(self.place, name, OWN_RECORD)
        return path.read_bytes() if path.is_file() else None

    def bring(self, file: str, target: Path, sha256: str) -> None:
        origin = Path(self.place, file)
        if not origin.is_file():
            raise DownloadError(f"{origin} is missing, though the record there lists it")
        shutil.copyfile(origin, target)
        if sha256_of(target) != sha256:
            raise DownloadError(f"{origin} has not the SHA-256 {sha256} that the record there says")


class _Address:
    local = False

    def __init__(self, address: str) -> None:
        self.place = shown(address)
        self._address = address.rstrip("/")

    def record(self, name: str) -> bytes | None:
        from embedpipe.hub.http_file import MissingFileError, read_small_file

        try:
            return read_small_file(self._of(f"{name}/{OWN_RECORD}"))
        except MissingFileError:
            return None

    def bring(self, file: str, target: Path, sha256: str) -> None:
        from embedpipe.hub.http_file import download_file

        download_file(self._of(file), target, sha256=sha256)

    def _of(self, file: str) -> str:
        return f"{self._address}/{quote(file, safe='/@')}"


def mirror() -> Mirror | None:
    """The mirror that `EMBEDPIPE_MIRROR` names; ParameterError if it is no place at all."""
    chosen = mirror_place()
    if not chosen:
        return None
    if chosen.startswith(("http://", "https://")):
        return _Address(chosen)
    if not Path(chosen).is_dir():
        raise ParameterError(
            f"{MIRROR_VARIABLE}: {chosen!r:.200} is no directory; expected one, or an address that "
            "begins with http:// or https://"
        )
    return _Directory(chosen)


def fetch_from_mirror(
    origin: Mirror, name: str, folder: Path, check_size: Callable[[int], None]
) -> bool:
    """Bring a model's files into `folder`; False if the mirror lacks the model.

    Files that are there already and right are kept. check_size: called with the bytes needed.
    """
    data = origin.record(name)
    if data is None:
        return False
    where = f"{origin.place}/{name}/{OWN_RECORD}"
    files = _listed(parse_json(data, dict, source=where).get("files"), where)
    check_size(sum(size for _, size in files.values()))
    for file, (digest, _) in files.items():
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or sha256_of(target) != digest:
            origin.bring(f"{name}/{file}", target, digest)
    for path in folder.rglob("*"):  # what an earlier process brought by another record
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    (folder / OWN_RECORD).write_bytes(data)
    return True


def _listed(files: Any, where: str) -> Mapping[str, tuple[str, int]]:
    """SHA-256 and size of each file; ModelFormatError for what is no such list."""
    if not isinstance(files, dict) or not 0 < len(files) <= _MOST_FILES:
        raise ModelFormatError(f"{where} lists no files; expected 1 to {_MOST_FILES}")
    found: dict[str, tuple[str, int]] = {}
    for name, facts in files.items():
        digest = facts.get("sha256") if isinstance(facts, dict) else None
        size = facts.get("size") if isinstance(facts, dict) else None
        if (
            not _FILE.fullmatch(name)
            or not isinstance(digest, str)
            or not re.fullmatch("[0-9a-f]{64}", digest)
            or type(size) is not int
            or size < 0
        ):
            raise ModelFormatError(
                f"{where}: the entry {name!r:.80} is {facts!r:.200}; expected a file's name with "
                "its sha256 and size"
            )
        found[name] = (digest, size)
    return found
