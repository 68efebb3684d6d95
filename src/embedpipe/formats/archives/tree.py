"""A folder or an archive as one thing: the files in it by relative path, mapped into memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from embedpipe.errors import ModelFormatError, ModelNotFoundError
from embedpipe.files.reading import check_is_no_pointer
from embedpipe.files.strict_json import parse_json
from embedpipe.formats.archives.zip import MOST_MEMBERS, ZipArchive

__all__ = ["FileTree", "map_file", "open_tree", "tree_of_zip"]

_DEEPEST = 6  # a pipeline's stages/<stage>/fields/<field>/<part> take five
_LARGEST_TEXT = 16 * 2**20
_LARGEST_VOCABULARY = 256 * 2**20


class FileTree:
    """Files by relative path; `source` names the whole in errors.

    `names` are sorted. Hidden files, such as Hadoop's `.crc`, are left out. `named`: the file that
    was asked for, and stands for the whole; None if that was the whole itself.
    """

    def __init__(  # noqa: PLR0913
        self,
        source: str,
        names: tuple[str, ...],
        read: Callable[[str], memoryview],
        *,
        prefix: str = "",
        root: Path | None = None,
        named: str | None = None,
    ) -> None:
        """Keep how to read; `prefix` stands before each name there. root: of files in a folder."""
        self.source = source
        self.names = tuple(sorted(name for name in names if not _is_hidden(name)))
        self._known = frozenset(self.names)
        self._read = read
        self._prefix = prefix
        self._root = root
        self.named = named

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def read(self, name: str) -> memoryview:
        """The bytes of a file, mapped where possible.

        Raises ModelFormatError if there is none of this name.
        """
        if name not in self:
            raise ModelFormatError(
                f"{self.source} has no {name}; found {_listing(self.names)}. Copy it there from "
                "where the model was published"
            )
        data = self._read(self._prefix + name)
        check_is_no_pointer(data, self.where(name))
        return data

    def read_small(self, name: str) -> bytes:
        """The same for text and settings, as bytes; at most 16 MiB."""
        return self._limited(name, _LARGEST_TEXT)

    def read_text_file(self, name: str) -> bytes:
        """The same for vocabularies; the largest multilingual ones take 20 MiB of 256 allowed."""
        return self._limited(name, _LARGEST_VOCABULARY)

    def read_json(self, name: str, expected: type[dict[str, Any]] | type[list[Any]]) -> Any:
        """The JSON in a file, whose outermost value must be an `expected` (dict or list)."""
        return parse_json(self.read_small(name), expected, source=self.where(name))

    def _limited(self, name: str, most: int) -> bytes:
        data = self.read(name)
        if len(data) > most:
            raise ModelFormatError(
                f"{self.where(name)} has {len(data)} bytes; at most {most} are allowed in a file "
                "of text or settings"
            )
        return bytes(data)

    def where(self, name: str) -> str:
        """How errors name a file."""
        return f"{self.source}/{name}"

    def file(self, name: str) -> Path | None:
        """The file itself; None in an archive."""
        return None if self._root is None else self._root / (self._prefix + name)

    def below(self, folder: str) -> FileTree:
        """The part of the tree in a folder."""
        if not folder:
            return self
        start = f"{folder}/"
        names = tuple(name[len(start) :] for name in self.names if name.startswith(start))
        prefix = self._prefix + start
        return FileTree(self.where(folder), names, self._read, prefix=prefix, root=self._root)

    def folders_with(self, file: str) -> list[str]:
        """The folders that hold a file of this relative path, "" for the tree itself."""
        found = [""] if file in self else []
        ending = f"/{file}"
        return found + [name[: -len(ending)] for name in self.names if name.endswith(ending)]


def open_tree(path: Path, *, links: bool = True, named: str | None = None) -> FileTree:
    """The tree of a folder, or of a zip or tar archive.

    links: whether a folder may hold symbolic links to files, as Hugging Face's cache does. The
    folder itself may always be one. named: the file in the folder that was asked for.

    Raises ModelNotFoundError if nothing is there, ModelFormatError if it is neither.
    """
    if path.is_dir():
        names = tuple(_walk(path, links=links))
        return FileTree(
            str(path), names, lambda name: map_file(path / name), root=path, named=named
        )
    data = map_file(path)
    check_is_no_pointer(data, str(path))
    from embedpipe.formats.archives.tar import is_tar, read_tar  # most models lie in folders

    if is_tar(data):
        members = read_tar(path)
        return FileTree(str(path), tuple(members), members.__getitem__)
    return tree_of_zip(data, str(path))


def tree_of_zip(data: memoryview, source: str) -> FileTree:
    """The tree of a zip archive that is in memory already, such as one inside another."""
    archive = ZipArchive(data, source)
    return FileTree(source, archive.names, archive.read)


def map_file(path: Path) -> memoryview:
    """All bytes of a file, mapped read-only."""
    if not path.exists():
        raise ModelNotFoundError(f"{path} does not exist; give a model's folder or file")
    if not path.is_file():
        raise ModelFormatError(f"{path} is not a regular file; expected one")
    try:
        with path.open("rb") as file:
            if not file.seek(0, os.SEEK_END):
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read: {error}") from error


def _walk(root: Path, *, links: bool) -> Iterator[str]:
    """The files below a folder; links to files are followed, links to folders are not."""
    count = 0
    try:
        for folder, folders, files in os.walk(root, onerror=_refuse):
            place = Path(folder).relative_to(root)
            if len(place.parts) >= _DEEPEST:
                folders.clear()
            folders[:] = [name for name in folders if not _is_hidden(name)]
            linked = [n for n in (*folders, *files) if not links and Path(folder, n).is_symlink()]
            if linked:
                raise ModelFormatError(
                    f"{Path(folder, linked[0])} is a symbolic link; expected files and folders of "
                    "its own in here. Put a copy of what it leads to in its place if you trust it"
                )
            for name in files:
                count += 1
                if count > MOST_MEMBERS:
                    raise ModelFormatError(
                        f"{root} holds more than {MOST_MEMBERS} files, which no model has; give "
                        "the model's own folder"
                    )
                yield (place / name).as_posix()
    except OSError as error:
        raise ModelFormatError(f"{root} cannot be read: {error}") from error


def _refuse(error: OSError) -> None:
    raise error


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX/")) or "/." in name


def _listing(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:10]) or "no files"
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")
