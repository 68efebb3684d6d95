"""A reader of model files as the fuzzer calls it, and the inputs that are made for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from embedpipe.formats.archives.tree import FileTree
from tests.fuzz.mutations import damage, damage_files

Files = dict[str, bytes]


@dataclass(frozen=True)
class Reader:
    """A reader: what is damaged for it (an input of bytes or files by name), and how it is called.

    share: of all inputs, in parts; slow readers get less. good: inputs that must be read. put: what
    lays an input where the reader finds it, for those that take paths.
    """

    name: str
    share: int
    make: Callable[[Random], Any]
    read: Callable[[Any], object]
    good: list[Any]
    put: Callable[[Any], Any] = lambda content: content


def of_files(
    name: str, share: int, files: Mapping[str, bytes], read: Callable[[bytes], object], **more: Any
) -> Reader:
    """A reader of one file; `files` are good ones, by names that tell how to take them apart."""
    seeds = sorted(files.items())
    hostile = sorted(more.get("hostile", {}).items())

    def make(rng: Random) -> bytes:
        return damage(rng, *rng.choice([*seeds, *hostile]))

    good = [content for _, content in seeds]
    return Reader(name, share, make, read, good, more.get("put", lambda content: content))


def of_trees(name: str, share: int, trees: list[Files], read: Callable[[Any], object]) -> Reader:
    return Reader(name, share, lambda rng: damage_files(rng, rng.choice(trees)), read, trees)


def tree_of(files: Files) -> FileTree:
    return FileTree("fuzz", tuple(files), lambda name: memoryview(files[name]))


def files_named(folder: Path, pattern: str, ending: str = "") -> Files:
    return {f"{file.name}{ending}": file.read_bytes() for file in sorted(folder.glob(pattern))}


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path
