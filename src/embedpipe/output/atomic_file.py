"""A file that is written completely or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import weakref
from pathlib import Path

from embedpipe.errors import OutputError

__all__ = ["AtomicFile", "check_above", "checked_target", "output_failure"]

_REMEDIES: dict[int | None, str] = {
    errno.ENOSPC: "free some space or write to another disk",
    errno.EDQUOT: "free some space or ask for a larger quota",
    errno.EFBIG: "the limit on file sizes is too small (ulimit -f)",
    errno.EROFS: "write to another disk",
    errno.EACCES: "change the folder's permissions or write elsewhere",
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.EEXIST: "it came while this was written; name another one",
    errno.EPERM: "change the folder's permissions or write elsewhere",
}


class AtomicFile:
    """A binary file written under a temporary name beside `path`, and renamed at the end.

    Leaving the context normally writes everything through to the disk and renames; leaving it by an
    exception, KeyboardInterrupt included, removes the temporary file and leaves what was at `path`
    before as it was. Every failure is an OutputError that names `path`. A symbolic link is followed
    and stays; the permissions of a file that is replaced are kept.

    Data goes straight to the operating system: write in large pieces. pyarrow takes it as a file.

    replace: whether a file that is there at the end is replaced; else it is an OutputError.

    durable: whether to wait until the disk has it all. Without, a loss of power may leave a damaged
    file under the name, which readers must detect.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "greeting.txt")
    ...     with AtomicFile(path) as file:
    ...         _ = file.write(b"hello")
    ...         early = path.exists()
    ...     early, path.read_bytes()
    (False, b'hello')
    """

    def __init__(self, path: str | Path, *, replace: bool = True, durable: bool = True) -> None:
        self.path = Path(path)
        self._replace = replace
        self._durable = durable
        try:
            self._target = checked_target(self.path)
        except (OSError, ValueError) as error:  # too long, or with characters no name can have
            raise self._failure(error) from error
        self._temporary = self._target.with_name(f".embedpipe-{secrets.token_hex(8)}.tmp")
        self._position = 0
        self._descriptor = -1
        # Called by _discard; and at the end of the process, should an interrupt cut that short.
        self._remove = weakref.finalize(self, self._temporary.unlink, missing_ok=True)

    def __enter__(self) -> AtomicFile:
        try:
            self._descriptor = os.open(
                self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666
            )
            if self._target.exists():
                os.fchmod(self._descriptor, stat.S_IMODE(self._target.stat().st_mode))
        except OSError as error:
            self._discard()
            raise self._failure(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._commit()
        except OSError as error:
            raise self._failure(error) from error
        finally:
            self._discard()

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append all of `data` and return its number of bytes."""
        remaining = memoryview(data).cast("B")
        size = len(remaining)
        try:
            while remaining:
                remaining = remaining[os.write(self._descriptor, remaining) :]
        except OSError as error:
            raise self._failure(error) from error
        self._position += size
        return size

    def overwrite(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`, over bytes that were written before; `tell` stays as it is."""
        try:
            os.pwrite(self._descriptor, data, offset)
        except OSError as error:
            raise self._failure(error) from error

    def tell(self) -> int:
        """The number of bytes appended so far."""
        return self._position

    def flush(self) -> None:
        """Do nothing, as nothing is buffered; pyarrow calls it."""

    @property
    def closed(self) -> bool:
        """Whether the context has been left, or not yet entered."""
        return self._descriptor < 0

    def _commit(self) -> None:
        if self._durable:
            os.fsync(self._descriptor)
        if not self._replace:
            self._commit_to_new_name()
        else:
            self._temporary.replace(self._target)

    def _commit_to_new_name(self) -> None:
        try:
            # A link, unlike a new name, is refused where a file has just come.
            os.link(self._temporary, self._target)
        except FileExistsError:
            raise
        except OSError:  # a system without links
            if self._target.exists():
                raise FileExistsError(errno.EEXIST, "File exists") from None
            self._temporary.replace(self._target)

    def _discard(self) -> None:
        self._remove()
        if not self.closed:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _failure(self, error: OSError | ValueError) -> OutputError:
        return output_failure(self.path, error)


def output_failure(path: Path, error: OSError | ValueError) -> OutputError:
    """The OutputError that names `path` and a remedy; one that is one already stays."""
    if isinstance(error, OutputError):
        return error
    reason = getattr(error, "strerror", None) or str(error)
    remedy = _REMEDIES.get(getattr(error, "errno", None), "check the disk and the folder")
    return OutputError(f"cannot write {path}: {reason}; {remedy}")


def check_above(path: Path, above: Path) -> None:
    """Raise OutputError unless the folder in which `path` is to stand is there."""
    if above.is_dir():
        return
    file = next((each for each in (above, *above.parents) if each.is_file()), None)
    if file is not None:
        raise OutputError(f"cannot write {path}: {file} is a file and no folder; name another one")
    raise OutputError(
        f"cannot write {path}: the folder {path.parent} does not exist; "
        f"make it first: mkdir -p {path.parent}"
    )


def checked_target(path: Path) -> Path:
    """The real path of the file; OutputError for problems that can be found in advance."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise OutputError(
            f"cannot write {path}: it is a folder; give the name of a file, such as "
            f"{path / 'vectors.parquet'}"
        )
    if target.exists() and not target.is_file():
        raise OutputError(f"cannot write {path}: it is not a regular file; name another one")
    check_above(path, target.parent)
    effective = os.access in os.supports_effective_ids
    if target.exists() and not os.access(target, os.W_OK, effective_ids=effective):
        raise OutputError(f"cannot write {path}: the file is write-protected; name another one")
    return target
