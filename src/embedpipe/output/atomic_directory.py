"""A folder that is written completely or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from embedpipe.errors import EmbedpipeError, OutputError
from embedpipe.output.atomic_file import check_above

__all__ = ["AtomicDirectory"]


class AtomicDirectory:
    """A folder made under a temporary name beside `path`, and renamed at the end.

    Leaving the context normally writes everything through to the disk and renames; leaving it by an
    exception, KeyboardInterrupt included, leaves nothing behind and what was at `path` as it was.
    `path` may be an empty folder, and with `replace` a full one, which is put aside until the new
    one stands in its place. A symbolic link is followed and stays.

    Raises OutputError that names `path` for every failure.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as above:
    ...     with AtomicDirectory(Path(above, "model")) as folder:
    ...         folder.write("models/one/config.json", [b"{}"])
    ...         early = Path(above, "model").exists()
    ...     early, Path(above, "model/models/one/config.json").read_bytes()
    (False, b'{}')
    """

    def __init__(self, path: str | os.PathLike[str], *, replace: bool = False) -> None:
        self.path = Path(path)
        self._replace = replace
        try:
            self._target = self._checked_target()
        except (OSError, ValueError) as error:  # too long, or with characters no name can have
            raise self._failure(error) from error
        self._temporary = self._target.with_name(f".embedpipe-{secrets.token_hex(8)}.tmp")

    def __enter__(self) -> AtomicDirectory:
        try:
            self._temporary.mkdir()
        except OSError as error:
            raise self._failure(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *_: object
    ) -> None:
        try:
            if kind is None:
                self._commit()
        except OSError as failure:
            raise self._failure(failure) from failure
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, EmbedpipeError):
            raise self._failure(error) from error

    @property
    def temporary(self) -> Path:
        """Where it stands until it is complete, for libraries that write into folders."""
        return self._temporary

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """Add a file: `name` is its path below the folder, `parts` its bytes end to end."""
        path = self._temporary / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())

    def _commit(self) -> None:
        if not self._target.exists():
            self._temporary.rename(self._target)
        elif not self._replace:
            self._target.rmdir()  # which refuses, should it have been filled meanwhile
            self._temporary.rename(self._target)
        else:
            aside = self._temporary.with_suffix(".old")
            self._target.rename(aside)
            try:
                self._temporary.rename(self._target)
            except BaseException:
                if not self._target.exists():
                    aside.rename(self._target)
                raise
            shutil.rmtree(aside, ignore_errors=True)
        with suppress(OSError):  # not every system can write a folder's names through
            descriptor = os.open(self._target.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _checked_target(self) -> Path:
        """The absolute path, or OutputError for what can be known to fail beforehand."""
        target = Path(os.path.realpath(self.path))
        if target.exists() and not target.is_dir():
            raise OutputError(
                f"cannot write {self.path}: it is a file; give the name of a new directory"
            )
        if target.is_dir() and not self._replace and any(target.iterdir()):
            raise OutputError(
                f"cannot write {self.path}: the directory is not empty; remove it or name a new one"
            )
        check_above(self.path, target.parent)
        return target

    def _failure(self, error: OSError | ValueError) -> OutputError:
        if isinstance(error, OutputError):
            return error
        return OutputError(
            f"cannot write {self.path}: {getattr(error, 'strerror', None) or error}; check the "
            "name, the disk's free space and the folder's permissions"
        )
