"""Streams of bytes whose beginning is looked at, counted and decompressed while they are read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import Any, BinaryIO

import pyarrow as pa

from embedpipe.errors import InputError

__all__ = ["HEAD", "InputStream"]

HEAD = 1 << 16
"""Bytes at the beginning that are looked at, at most."""

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_LONGEST_MAGIC = 8  # of compressed files and of columnar ones


class InputStream(io.RawIOBase):
    """The bytes of an input, decompressed if they are gzip, zstd, bzip2 or xz.

    compression: the name of that, or None. head: what it begins with, up to a whole line. position:
    how many bytes, as they are stored, have been read. `read1` raises InputError where compressed
    data are damaged or end early.
    """

    def __init__(self, stream: BinaryIO, source: str) -> None:
        self.source = source
        self._stored = _Counted(stream)
        begin = self._stored.peeked(_LONGEST_MAGIC)
        self.compression = next(
            (name for magic, name in _MAGIC.items() if begin[:8].startswith(magic)), None
        )
        self._inner: Any = self._stored
        self._ahead = b""
        if self.compression is not None:
            self._inner = _decompressor(self.compression, self._stored)
        self.head = self._read_head()

    @property
    def position(self) -> int:
        """Bytes read so far, as they are stored."""
        return self._stored.position

    def read1(self, size: int) -> bytes:
        """Some bytes, at most `size`; none at the end."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._read(size)

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """For `io.BufferedReader`."""
        data = self.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        if self.compression is None:
            return self._stored.read1(size)
        try:
            data: bytes = getattr(self._inner, "read1", self._inner.read)(size)
        except (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
            if isinstance(error, InputError):
                raise
            is_cut = isinstance(error, EOFError) or "runcated" in str(error)
            what = "end early: the file is cut short" if is_cut else f"are damaged: {error}"
            raise InputError(
                f"{self.source}: its {self.compression} data {what}; get the file again, or keep "
                "what comes before with --on-error skip"
            ) from error
        return data

    def _read_head(self) -> bytes:
        """The first line, the first bytes if it is very long; they are read again later."""
        head = b""
        while b"\n" not in head.lstrip() and len(head) < HEAD:
            try:
                data = self._read(HEAD)
            except InputError:
                if not head:
                    raise
                break  # told when it is read again
            if not data:
                break
            head += data
        self._ahead = head
        return head


class _Counted(io.RawIOBase):
    """A stream that counts what has been taken from it, and whose first bytes can be peeked at."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""
        self.position = 0

    def peeked(self, size: int) -> bytes:
        """The first bytes, at least `size` unless there are fewer."""
        while len(self._ahead) < size and (data := self._next(HEAD)):
            self._ahead += data
        return self._ahead

    def read1(self, size: int) -> bytes:
        """Some bytes, at most `size`: what a pipe holds comes without waiting for more."""
        data = self._ahead[:size] or self._next(size)
        self._ahead = self._ahead[size:]
        self.position += len(data)
        return data

    def read(self, size: int = -1) -> bytes:
        """As `read1`; decompressors ask for more until none comes."""
        return self.read1(HEAD if size is None or size < 0 else size)

    def readable(self) -> bool:
        """True."""
        return True

    def _next(self, size: int) -> bytes:
        data: bytes = getattr(self._stream, "read1", self._stream.read)(size)
        return data


def _decompressor(name: str, stream: Any) -> Any:
    if name == "gzip":
        return gzip.GzipFile(fileobj=stream, mode="rb")
    if name == "bzip2":
        return bz2.BZ2File(stream, "rb")
    if name == "xz":
        return lzma.LZMAFile(stream, "rb")
    return pa.CompressedInputStream(stream, "zstd")
