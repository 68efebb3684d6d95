"""One file that holds a saved pipeline: a zip archive whose bytes follow from its contents alone.

Members are stored as they are and begin at multiples of 64 bytes, so that weights are used where
they lie in the mapped file. `embedpipe.formats.archives.zip` reads it.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterable
from types import TracebackType

from embedpipe.output import AtomicFile

__all__ = ["BundleFile"]

_ALIGNMENT = 64
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that the format can tell
_PERMISSIONS = 0o100644 << 16
_UNIX = 3
_LOCAL_HEADER = 30
_ZIP64_FIELD = 20
_PADDING_FIELD = 0xD935  # the id that Android's tools gave to padding
_FIELD_HEADER = 4


class BundleFile:
    """Writes the members in the order given; the file appears whole or not at all."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = AtomicFile(os.fspath(path))

    def __enter__(self) -> BundleFile:
        self._file.__enter__()
        self._archive = zipfile.ZipFile(self._file, "w")  # type: ignore[call-overload]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._archive.close()
            self._archive.fp = None  # or it would try to finish a file that is given up
        except BaseException as failure:
            self._file.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._file.__exit__(kind, error, traceback)

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """Add a member: `name` is its path, `parts` its bytes end to end."""
        member = zipfile.ZipInfo(name, _EARLIEST)
        member.create_system = _UNIX
        member.external_attr = _PERMISSIONS
        header = _LOCAL_HEADER + len(name.encode()) + _FIELD_HEADER + _ZIP64_FIELD
        padding = -(self._file.tell() + header) % _ALIGNMENT
        member.extra = struct.pack("<2H", _PADDING_FIELD, padding) + bytes(padding)
        with self._archive.open(member, "w", force_zip64=True) as file:
            for part in parts:
                file.write(part)
