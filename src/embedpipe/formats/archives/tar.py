"""Tar archives, with gzip or without, as Google and TF-Hub publish them: members as bytes.

The archive is read once, from front to back, into a file without name, which is mapped; no member
is extracted to a place. What zip archives must not do is refused here as well.
"""

from __future__ import annotations

import gzip
import io
import mmap
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import IO

from embedpipe.errors import ModelFormatError
from embedpipe.formats.archives.zip import (
    LARGEST_TOTAL,
    MOST_MEMBERS,
    STEEPEST_RATIO,
    check_member_name,
)

__all__ = ["is_tar", "read_tar"]

_GZIP = b"\x1f\x8b"
_MAGIC = (257, b"ustar")
_SMALL = 2**20
_PIECE = 2**20
_TOO_LARGE = (
    f"its members grow beyond {{}} bytes; at most {LARGEST_TOTAL} and {STEEPEST_RATIO} times the "
    "archive's size are allowed"
)
# What Python's library raises for damaged archives, besides OSError
_DAMAGED = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError, OverflowError)


def is_tar(data: memoryview) -> bool:
    """Whether bytes begin like a tar archive, or like a gzip file, which may hold one."""
    head = bytes(data[: _MAGIC[0] + 8])
    return head.startswith(_GZIP) or head[_MAGIC[0] :].startswith(_MAGIC[1])


def read_tar(path: Path) -> dict[str, memoryview]:
    """The files of an archive by relative path.

    Raises ModelFormatError for a damaged archive, for links and devices, for names that occur twice
    or lead out of the archive, and beyond zip archives' limits on count, total and ratio.
    """
    largest = min(LARGEST_TOTAL, max(_SMALL, STEEPEST_RATIO * path.stat().st_size))
    places: dict[str, tuple[int, int]] = {}
    try:
        with tempfile.TemporaryFile() as target, _opened(path) as file:
            with tarfile.open(fileobj=file, mode="r|") as archive:
                for count, member in enumerate(archive):
                    if count >= MOST_MEMBERS:
                        raise _refused(path, f"it has more than {MOST_MEMBERS} members")
                    if not member.isdir():
                        name = _checked_name(member, places, path)
                        end = target.tell() + member.size
                        if end > largest:
                            raise _refused(path, _TOO_LARGE.format(largest))
                        places[name] = (target.tell(), end)
                        _copy(archive, member, target, path)
            for _ in iter(lambda: file.read(_PIECE), b""):  # to the end, where the checksum is
                pass
            whole = _mapped(target)
    except _DAMAGED as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(
            f"{path} is damaged or no tar archive: {error}. Get a new copy of it"
        ) from error
    except OSError as error:
        raise ModelFormatError(
            f"{path} cannot be unpacked into {tempfile.gettempdir()}: {error}. Set TMPDIR to a "
            "folder with more space, or fetch the archive again"
        ) from error
    return {name: whole[begin:end] for name, (begin, end) in places.items()}


def _mapped(file: IO[bytes]) -> memoryview:
    """All that was written into a file, which may be closed then."""
    end = file.seek(0, io.SEEK_END)
    file.flush()
    if not end:
        return memoryview(b"")
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _opened(path: Path) -> IO[bytes]:
    """The file, decompressed while it is read."""
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path) if compressed else path.open("rb")  # type: ignore[return-value]


def _checked_name(member: tarfile.TarInfo, places: dict[str, tuple[int, int]], path: Path) -> str:
    name = member.name.removeprefix("./")
    if not member.isreg():
        raise _refused(path, f"member {name[:80]!r} is a link or a device")
    check_member_name(name, str(path))
    if name in places:
        raise _refused(path, f"member {name[:80]!r} occurs twice")
    return name


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: IO[bytes], path: Path) -> None:
    """Put one member behind the others."""
    copied = 0
    source = archive.extractfile(member)
    while source is not None and (piece := source.read(_PIECE)):
        copied += target.write(piece)
    if copied != member.size:
        raise _refused(path, f"member {member.name[:80]!r} is cut off")


def _refused(path: Path, finding: str) -> ModelFormatError:
    return ModelFormatError(
        f"{path}: {finding}. Do not use this archive: models' have none of that"
    )
