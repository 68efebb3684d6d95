"""Files of packed weights: mapped read-only, so that all processes of a machine share one copy.

A file is a head that says what was packed and for what, the block's CRC-32, zeros up to a
multiple of 4096 bytes, and the block as `embedpipe._native` gave it. Where caches lie is decided in
`embedpipe.environment`.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.engine.weights import WeightsFile
from embedpipe.errors import OutputError

__all__ = ["PackedCache"]

Float32 = npt.NDArray[np.float32]

_MAGIC = b"embedpipe packed weights\0\n\r\n"
_SIZES = struct.Struct("<IQ")  # bytes of the key, bytes of the block
_CHECKSUM = struct.Struct("<I")
_ALIGNMENT = 4096

_SMALLEST_BLOCK = 4 * 2**20
"""Bytes; less is packed within three milliseconds, and mapping it would gain nothing."""

_MOST_BYTES = 4 * 2**30
"""Of all files together; those that were not used for the longest time are removed first."""

_ABANDONED = 3600
"""Seconds after which an unfinished file counts as left behind by a process that has ended."""


@dataclass(frozen=True)
class PackedCache:
    """The packed weights of one model, in `folder`, which need not exist.

    weights: the files that the model's weights were read from.

    Whatever is wrong with a file or the folder, nothing is raised: then there is no block, or it
    cannot be kept, and a line in the log at debug level says why.
    """

    folder: Path
    weights: tuple[WeightsFile, ...]

    def find(self, made_for: Mapping[str, Any], size: int) -> Float32 | None:
        """The block of `size` floats that was kept under the same description; None if damaged.

        made_for: all that the block depends on besides the files of weights, as JSON can hold it;
        of it, "isa" and "precision" name the file.
        """
        if not _is_worth_it(4 * size):
            return None
        path = self._path(made_for)
        try:
            block = _checked_block(path, self._head(made_for, size), 4 * size)
        except (OSError, ValueError) as error:
            _log(path, error)
            return None
        with suppress(OSError):  # others' file, or a disk that is only read, keeps its time
            os.utime(path)
        return block

    def keep(self, made_for: Mapping[str, Any], block: Float32) -> Float32 | None:
        """Write a block, and give it back as `find` does; None for a small one, or if it fails.

        Of processes that packed the same at once, the first one's file is what all of them get.
        """
        from embedpipe.output import AtomicFile  # not loaded by starts that find a block

        if not _is_worth_it(block.nbytes):
            return None
        path = self._path(made_for)
        head = self._head(made_for, block.size)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(self.folder):
                if (others := self.find(made_for, block.size)) is not None:
                    return others
                with AtomicFile(path, durable=False) as file, _Checksum(block) as checksum:
                    file.write(head.ljust(_block_begin(head), b"\0"))
                    file.write(block.data)
                    file.overwrite(len(head), _CHECKSUM.pack(checksum.value()))
                self._remove_oldest(path)
                return _map_block(path, head, block.nbytes)
        except (OSError, OutputError, ValueError) as error:
            _log(path, error)
            return None

    def remove(self) -> None:
        """Remove every block of these weights."""
        for path in self.folder.glob(f"{self._model()}-*.packed"):
            with suppress(OSError):  # others' file, or one that another process removed
                path.unlink()

    def _model(self) -> str:
        """What the names of all of a model's blocks begin with."""
        return f"{zlib.crc32(json.dumps([file.path for file in self.weights]).encode()):08x}"

    def _path(self, made_for: Mapping[str, Any]) -> Path:
        """One name for all states of the weights and all versions: a newer file replaces older."""
        name = f"{self._model()}-{made_for['isa']}-{made_for['precision']}.packed"
        return self.folder / name

    def _head(self, made_for: Mapping[str, Any], size: int) -> bytes:
        files = [[f.path, f.size, f.modified_ns, f.changed_ns] for f in self.weights]
        key = json.dumps({**made_for, "weights": files}, sort_keys=True).encode()
        return _MAGIC + _SIZES.pack(len(key), 4 * size) + key

    def _remove_oldest(self, kept: Path) -> None:
        """Remove files left unfinished, then the oldest until the limit holds, but not `kept`."""
        total = kept.stat().st_size
        for path, status in sorted(self._files(), key=lambda file: -file[1].st_mtime_ns):
            if path == kept:
                continue
            total += status.st_size
            unfinished = path.suffix == ".tmp"
            if time.time() - status.st_mtime > _ABANDONED if unfinished else total > _MOST_BYTES:
                with suppress(OSError):  # others' file, or one that another process removed
                    path.unlink()

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for pattern in ("*.packed", ".embedpipe-*.tmp"):
            for path in self.folder.glob(pattern):
                try:
                    yield path, path.stat()
                except FileNotFoundError:  # removed by another process meanwhile
                    continue


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Lock a folder for writing; a disk that knows no locks is written to without."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


class _Checksum:
    """CRC-32 of a block, computed in another thread while it is written, which takes as long.

    Where the system refuses a thread, it is computed when it is asked for.
    """

    def __init__(self, block: Float32) -> None:
        self._block = block
        self._found: list[int] = []
        self._thread: Thread | None = None

    def __enter__(self) -> _Checksum:
        thread = Thread(target=self._compute)
        with suppress(RuntimeError):
            thread.start()
            self._thread = thread
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def _compute(self) -> None:
        self._found.append(zlib.crc32(self._block.data))

    def value(self) -> int:
        self.__exit__()
        if not self._found:
            self._compute()
        return self._found[0]


def _map_block(path: Path, head: bytes, size: int) -> Float32:
    """The block of `size` bytes; OSError or ValueError unless size and head are as expected."""
    begin = _block_begin(head)
    if path.stat().st_size != begin + size:
        raise ValueError("has another size")
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), begin + size, access=mmap.ACCESS_READ)
    if content[: len(head)] != head:
        raise ValueError("is of other weights or of another version")
    return np.frombuffer(content, np.float32, offset=begin)


def _checked_block(path: Path, head: bytes, size: int) -> Float32:
    """The same, ValueError also where the file is not what `keep` wrote."""
    block = _map_block(path, head, size)
    with path.open("rb") as file:
        file.seek(len(head))
        if _CHECKSUM.unpack(file.read(_CHECKSUM.size))[0] != zlib.crc32(block.data):
            raise ValueError("is damaged")
    return block


def _block_begin(head: bytes) -> int:
    return -(-(len(head) + _CHECKSUM.size) // _ALIGNMENT) * _ALIGNMENT


def _is_worth_it(size: int) -> bool:
    return _SMALLEST_BLOCK <= size <= _MOST_BYTES


def _log(path: Path, error: Exception) -> None:
    import logging  # which takes longer to load than a block to check

    logging.getLogger(__name__).debug("packed weights: %s: %s", path, error)
