"""What an input is: told by its content, by its name, and by what the caller says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath

from embedpipe.errors import InputError
from embedpipe.files.input_options import FORMATS, InputOptions
from embedpipe.frames.files.sources import is_pipe, opened
from embedpipe.frames.files.streams import InputStream

__all__ = ["Kind", "UnknownFormat", "check_pipe", "kind_in", "kind_of"]

_SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_COMPRESSED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".bzip2", ".xz")
_DELIMITERS = (",", "\t", ";", "|")
_STREAM_OF_ARROW = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class Kind:
    """format: one of FORMATS. delimiter: of CSV whose name does not say so, else None."""

    format: str
    delimiter: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether its schema is known only when all of it has been read."""
        return self.format in ("json", "jsonl")


class UnknownFormat(InputError):  # noqa: N818 - for those who list folders alone
    """Neither name nor content tells the format."""


def check_pipe(source: str, options: InputOptions) -> None:
    """Raise InputError for a pipe that by its name or `options` is Parquet."""
    if "parquet" in (options.format, _SUFFIXES.get(_suffix(source))):
        raise _parquet_in_pipe(source)


def kind_of(source: str, options: InputOptions) -> Kind:
    """The kind of an input that can be opened more than once; InputError if nothing tells."""
    with opened(source) as stream:
        return kind_in(InputStream(stream, source), options)


def kind_in(stream: InputStream, options: InputOptions) -> Kind:
    """The kind of an open input.

    Parquet and Arrow are told by their first bytes, whatever the name. Else the name's suffix
    tells, without that of compression; of a name without one, or with one that is not known, JSON
    is told by its brackets, and CSV by the text's column in its first line. A name without suffix,
    and standard input, are text otherwise.
    """
    source, head = stream.source, stream.head
    found = options.format or _columnar(head)
    if found is None:
        suffix = "" if source == "-" else _suffix(source)
        found = _SUFFIXES.get(suffix)
        if found in (None, "json", "jsonl"):
            text = head.decode(options.encoding, "replace").lstrip("\ufeff \t\r\n")
            kind = _written(text, options, found)
            if kind is not None:
                return kind
            found = "text" if suffix == "" else found
        if found is None:
            raise _unknown(source, suffix)
    if found in ("parquet", "arrow"):
        _check_seekable(stream, found)
    return Kind(found)


def _columnar(head: bytes) -> str | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    is_stream = (
        head.startswith(_STREAM_OF_ARROW) and 0 < int.from_bytes(head[4:8], "little") < 1 << 24
    )
    return "arrow" if head.startswith(b"ARROW1\0\0") or is_stream else None


def _written(text: str, options: InputOptions, by_name: str | None) -> Kind | None:
    """JSON and CSV by what they begin with; None if it is neither."""
    if by_name is not None:
        return Kind("json" if text.startswith("[") else "jsonl")
    line = text.partition("\n")[0].removesuffix("\r")
    if text.startswith("["):
        is_array = text[1:].lstrip().startswith(("{", "]"))
        return Kind("json") if is_array else None
    if text.startswith("{"):
        return Kind("jsonl") if _is_object(line) else None
    marks = _DELIMITERS if options.delimiter is None else (options.delimiter,)
    for mark in marks:
        names = [name.strip('"') for name in line.split(mark)]
        if len(names) > 1 and names.count(options.text_column) == 1:
            return Kind("tsv", None) if mark == "\t" else Kind("csv", mark)
    return None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _suffix(source: str) -> str:
    """The last suffix in small letters, without that of compression."""
    path = PurePath(source)
    if path.suffix.lower() in _COMPRESSED:
        path = path.with_suffix("")
    return path.suffix.lower()


def _check_seekable(stream: InputStream, found: str) -> None:
    name = {"parquet": "Parquet", "arrow": "Arrow"}[found]
    if found == "parquet" and is_pipe(stream.source):
        raise _parquet_in_pipe(stream.source)
    if stream.compression is not None:
        raise InputError(
            f"{stream.source}: {name} within {stream.compression} cannot be read; decompress it "
            f"first ({name} compresses its columns itself)"
        )


def _parquet_in_pipe(source: str) -> InputError:
    return InputError(
        f"{source}: Parquet cannot be read from a pipe, as its index is at the end; "
        "name the file itself"
    )


def _unknown(source: str, suffix: str) -> UnknownFormat:
    return UnknownFormat(
        f"{source}: neither the suffix {suffix!r} nor the content tells the format; expected one "
        f"of {', '.join(_SUFFIXES)}, also with {', '.join(_COMPRESSED[::2])}, or say --format "
        f"{'|'.join(FORMATS)}"
    )
