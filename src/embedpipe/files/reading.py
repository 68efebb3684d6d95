"""Reads whole files, with errors that name the file."""

from __future__ import annotations

from pathlib import Path

from embedpipe.errors import ModelFormatError, ModelNotFoundError

__all__ = ["check_is_file", "check_is_no_pointer", "decoded", "read_bytes"]

_POINTER = b"version https://git-lfs.github.com/spec/"


def check_is_file(path: Path) -> None:
    """Raise ModelNotFoundError if nothing is there, ModelFormatError for a folder or device."""
    if path.is_file():
        return
    if path.exists():
        raise ModelFormatError(f"{path} is not a regular file; expected one")
    raise ModelNotFoundError(f"{path} does not exist; expected a file of a model")


def read_bytes(path: Path, *, largest: int) -> bytes:
    """The contents of a file of at most `largest` bytes.

    Raises ModelNotFoundError if there is no such file, ModelFormatError if it is no regular file,
    too large to believe, or cannot be read.
    """
    check_is_file(path)
    try:
        size = path.stat().st_size
        if size > largest:
            raise ModelFormatError(
                f"{path}: found {size} bytes, larger than the {largest} bytes allowed. Put the "
                "file of a model in its place"
            )
        data = path.read_bytes()
    except OSError as error:
        raise ModelFormatError(
            f"{path} cannot be read: {error.strerror}. Check its type and its permissions"
        ) from error
    check_is_no_pointer(data, str(path))
    return data


def check_is_no_pointer(data: bytes | memoryview, source: str) -> None:
    """Raise ModelFormatError for the few lines that a clone without Git LFS has for a large file.

    >>> check_is_no_pointer(b"version https://git-lfs.github.com/spec/v1", "weights.bin")
    Traceback (most recent call last):
    embedpipe.errors.ModelFormatError: weights.bin is a Git LFS pointer, ...
    """
    if bytes(data[: len(_POINTER)]) == _POINTER:
        raise ModelFormatError(
            f"{source} is a Git LFS pointer, which only names the file that belongs here. Run "
            "git lfs pull in its repository, or download the file itself"
        )


def decoded(data: bytes, source: str) -> str:
    """UTF-8 text; ModelFormatError names the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(
            f"{source}: byte {error.start} is not UTF-8 ({error.reason}); expected UTF-8 text. "
            "Save it as UTF-8"
        ) from error
