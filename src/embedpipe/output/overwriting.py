"""Checks that an output is no input, and overwrites nothing unless that was asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from embedpipe.errors import OutputError

__all__ = ["check_output"]


def check_output(
    path: str | os.PathLike[str],
    *,
    overwrite: bool,
    folder: bool = False,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> None:
    """Raise OutputError if `path` may not be written; to be called before any work is done.

    An output is never an input, under whatever name, nor a folder that holds one, nor a file that
    is there within an input that is a folder; "-" is standard input. Any other file that is there,
    or where the output is to be a `folder` any other folder with something in it, needs
    `overwrite`. A folder in place of a file, or the reverse, is left to the writer to refuse.
    """
    if not os.path.lexists(path):
        return
    target = os.path.realpath(path)
    for source in inputs:
        if _is_same(target, source):
            raise OutputError(
                f"cannot write {path}: it is the input {source}, or part of it; name another output"
            )
    there = Path(target)
    is_taken = (there.is_dir() and any(there.iterdir())) if folder else there.is_file()
    if is_taken and not overwrite:
        raise OutputError(
            f"cannot write {path}: it exists already; name another one, or replace it with "
            "--overwrite (in Python overwrite=True, or write().overwrite())"
        )


def _is_same(target: str, source: str | os.PathLike[str]) -> bool:
    try:
        if os.fspath(source) == "-":
            return sys.stdin is not None and os.path.samestat(
                Path(target).stat(), os.fstat(sys.stdin.fileno())
            )
        if Path(target).samefile(source):
            return True
        real = Path(os.path.realpath(source))
        return Path(target) in real.parents or real in Path(target).parents
    except (OSError, ValueError):  # one is not there, or standard input has no file
        return False
