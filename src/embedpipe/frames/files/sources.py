"""Where inputs are: files, folders, patterns, addresses of object stores, standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import Any, BinaryIO

from embedpipe._dependencies import require
from embedpipe.errors import InputError, OutputError, ParameterError

__all__ = [
    "expanded",
    "is_pipe",
    "is_remote",
    "opened",
    "remote_errors",
    "size_of",
    "source_name",
    "state_of",
]


def expanded(inputs: Sequence[str]) -> list[tuple[str, bool]]:
    """The files that inputs stand for, those of folders and patterns sorted by name.

    Each with whether it was named itself.

    A folder stands for all files in it and below; names that begin with a dot or an underscore are
    passed over, as other readers of folders do. "*", "?", "[...]" and "**" are patterns unless a
    file has that very name. Addresses such as s3://bucket/folder are listed by fsspec.

    Raises ParameterError for no input and for standard input twice, InputError for a pattern or a
    folder without files and for a folder that cannot be read.
    """
    if not inputs:
        raise ParameterError("inputs: found none; name a file, or - for standard input")
    if list(inputs).count("-") > 1:
        raise ParameterError("inputs: found - twice; standard input can be read only once")
    found: list[tuple[str, bool]] = []
    for each in inputs:
        names = [each]
        if is_remote(each):
            names = _remote_files(each)
        elif _is_folder(each):
            names = _files_below(each)
        elif has_magic(each) and not _is_there(each):
            names = _matching(each)
        found += [(name, names == [each]) for name in names]
    return found


def _is_there(name: str) -> bool:
    try:
        return os.path.lexists(name)
    except (OSError, ValueError):
        return False


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # told by who opens it
        return False


def _files_below(folder: str) -> list[str]:
    def fail(error: OSError) -> None:
        raise InputError(
            f"cannot read the folder {error.filename}: {error.strerror}; change its permissions, "
            "or name the files"
        ) from error

    found = []
    for above, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        found += [str(Path(above, name)) for name in names if not name.startswith((".", "_"))]
    if not found:
        raise InputError(f"{folder}: the folder holds no files; name another one")
    return sorted(found)


def _matching(pattern: str) -> list[str]:
    try:
        found = glob(pattern, recursive=True)  # noqa: PTH207 - a Path's glob has other rules
        names = sorted(name for name in found if not _is_folder(name))
    except ValueError:  # characters that no name can have
        names = []
    if not names:
        raise InputError(f"cannot read {pattern}: no file fits the pattern; name another one")
    return names


# --- object stores ----------------------------------------------------------------------------


def is_remote(name: str) -> bool:
    """Whether it is an address such as s3://bucket/file."""
    return "://" in name


def file_system(address: str) -> tuple[Any, str]:
    """fsspec's file system for an address, and the path in it."""
    fsspec: Any = require("fsspec", f"{address.partition('://')[0]}://")
    try:
        return fsspec.core.url_to_fs(address)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        raise InputError(
            f"cannot open {address}: {error}; install what fsspec names, such as s3fs for s3://"
        ) from error


def _remote_files(address: str) -> list[str]:
    with remote_errors(address):
        system, path = file_system(address)
        if has_magic(path):
            paths = [found for found in system.glob(path) if not system.isdir(found)]
        elif system.isdir(path):
            paths = system.find(path)
        else:
            return [address]
    below = path.split("*")[0]
    kept = [each for each in paths if not _is_hidden(each[len(below) :])]
    if not kept:
        raise InputError(f"cannot read {address}: no files are there; name another folder")
    return sorted(system.unstrip_protocol(each) for each in kept)


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.split("/"))


@contextmanager
def remote_errors(
    address: str, *, verb: str = "read", kind: type[InputError | OutputError] = InputError
) -> Iterator[None]:
    """Make what an object store raises an error of this kind, which itself passes."""
    try:
        yield
    except kind:
        raise
    except Exception as error:  # each store has errors of its own
        raise kind(
            f"cannot {verb} {address}: {type(error).__name__}: {error}; check the address and the "
            "store's credentials"
        ) from error


# --- opening ----------------------------------------------------------------------------------


def is_pipe(source: str) -> bool:
    """Whether it can be read only once."""
    try:
        return source == "-" or (not is_remote(source) and Path(source).is_fifo())
    except (OSError, ValueError):  # told by who opens it
        return False


def size_of(source: str) -> int | None:
    """Bytes as they are stored; None where they are not known, as of a pipe."""
    if is_remote(source):
        with remote_errors(source):
            system, path = file_system(source)
            size: int | None = system.size(path)
            return size
    try:
        status = os.fstat(standard_input().fileno()) if source == "-" else Path(source).stat()
    except (OSError, ValueError):  # told by who opens it
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def state_of(source: str) -> list[Any]:
    """Name, size, and of local files the time of change: what tells whether it is still the same.

    None where it is not known.
    """
    size = size_of(source)
    is_local = size is not None and source != "-" and not is_remote(source)
    return [source_name(source), size, Path(source).stat().st_mtime_ns if is_local else None]


def source_name(source: str) -> str:
    r"""The name of a source as valid text: bytes that are not UTF-8 become escapes, as `\xe9`."""
    return os.fsencode(source).decode("utf-8", "backslashreplace")


def standard_input() -> BinaryIO:
    """The stream of bytes; InputError if it is closed."""
    if sys.stdin is None:
        raise InputError("cannot read standard input: it is closed; name a file instead of -")
    return sys.stdin.buffer


@contextmanager
def opened(source: str) -> Iterator[BinaryIO]:
    """The stream of bytes as they are stored."""
    if source == "-":
        yield standard_input()
        return
    if is_remote(source):
        with remote_errors(source):
            system, path = file_system(source)
            remote = system.open(path, "rb")
        with remote:
            yield remote
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115 - only opening is inside the try
    except (OSError, ValueError) as error:  # also a name with characters that none can have
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot read {source}: {reason}; expected a file, or - for standard input"
        ) from error
    with stream:
        yield stream
