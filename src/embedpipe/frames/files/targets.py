"""Where outputs go: files, folders, addresses of object stores, standard output."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from embedpipe.errors import OutputError
from embedpipe.frames.files.sources import file_system, is_remote, remote_errors
from embedpipe.output import AtomicFile

__all__ = [
    "Target",
    "joined",
    "make_folder",
    "names_in",
    "read_target",
    "remove",
    "writing",
]


class Target(Protocol):
    """What sinks write to; pyarrow takes it as a file."""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""

    def write(self, data: Any, /) -> int:
        """Append bytes."""

    def overwrite(self, offset: int, data: bytes) -> None:
        """Put bytes over others."""

    def tell(self) -> int:
        """How many bytes have been appended."""

    def flush(self) -> None:
        """Hand on what is buffered."""


def joined(folder: str, name: str) -> str:
    """The name of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else str(Path(folder, name))


def writing(output: str, *, replace: bool = True) -> AbstractContextManager[Target]:
    """A file that is written whole or not at all; "-" is standard output, where it comes at once.

    What goes to an object store is first written to a temporary file here.
    """
    if output == "-":
        return _to_standard_output()
    if is_remote(output):
        return _uploaded(output)
    return AtomicFile(output, replace=replace)


@contextmanager
def _uploaded(output: str) -> Iterator[Target]:
    with tempfile.TemporaryDirectory(prefix="embedpipe-") as folder:
        path = Path(folder, "file")
        with AtomicFile(path, durable=False) as file:
            yield file
        with remote_errors(output, verb="write", kind=OutputError):
            system, remote = file_system(output)
            system.makedirs(remote.rpartition("/")[0], exist_ok=True)
            system.put_file(str(path), remote)


@contextmanager
def _to_standard_output() -> Iterator[Target]:
    yield _StandardOutput()
    sys.stdout.flush()


class _StandardOutput:
    closed = False

    def write(self, data: Any, /) -> int:
        return int(sys.stdout.buffer.write(data))

    def overwrite(self, offset: int, data: bytes) -> None:
        raise OutputError(
            f"standard output cannot be written again at {offset} ({len(data)} bytes)"
        )

    def tell(self) -> int:
        return 0

    def flush(self) -> None:
        sys.stdout.flush()


# --- folders ----------------------------------------------------------------------------------


def names_in(folder: str) -> list[str]:
    """The names in a folder, none if it is not there."""
    if is_remote(folder):
        with remote_errors(folder, verb="write", kind=OutputError):
            system, path = file_system(folder)
            system.invalidate_cache()
            if not system.exists(path):
                return []
            return sorted(each.rstrip("/").rpartition("/")[2] for each in system.ls(path, False))
    try:
        return sorted(path.name for path in Path(folder).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror}; name a folder that can be read and written"
        ) from error


def make_folder(folder: str) -> None:
    """Make it unless it is there; its parent must be."""
    if is_remote(folder):
        return
    try:
        Path(folder).mkdir(exist_ok=True)
    except FileNotFoundError as error:
        parent = Path(folder).parent
        raise OutputError(
            f"cannot write {folder}: the folder {parent} does not exist; make it first: "
            f"mkdir -p {parent}"
        ) from error
    except OSError as error:
        raise OutputError(
            f"cannot write {folder}: {error.strerror}; name another folder"
        ) from error


def read_target(name: str) -> bytes | None:
    """What a file of an output holds; None if it is not there."""
    try:
        if is_remote(name):
            system, path = file_system(name)
            data: bytes = system.cat_file(path)
            return data
        return Path(name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"cannot read {name}: {error}; check its permissions") from error


def remove(name: str) -> None:
    """Remove a file, or a folder with all that is in it."""
    if is_remote(name):
        with remote_errors(name, verb="write", kind=OutputError):
            system, path = file_system(name)
            system.rm(path, recursive=True)
    elif Path(name).is_dir():
        shutil.rmtree(name)
    else:
        Path(name).unlink(missing_ok=True)
