"""Decodes lines of text in any encoding; errors name the file, line and byte.

What the lines mean (plain text, CSV, JSON) is in the other modules here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Protocol

from embedpipe.errors import InputError, ParameterError
from embedpipe.frames.files.bad_records import BadRecords

__all__ = ["LineReader", "check_encoding"]

_CHUNK = 1 << 16
_HALVES = re.compile("[\ud800-\udfff]")
_MARKS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Buffered(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def check_encoding(encoding: str) -> None:
    """Raise ParameterError unless Python knows `encoding` as a text encoding."""
    try:
        codecs.lookup(encoding)
        "".encode(encoding)  # "hex" and "rot13" are codecs, but not of text
    except (LookupError, ValueError) as error:  # the name is no text, or the codec refuses all
        raise ParameterError(
            f"encoding {encoding!r} is unknown; expected a name such as utf-8, latin-1 or cp1252"
        ) from error


class LineReader:
    """The lines of a binary stream, each with its line end, read in pieces of 64 KiB.

    Only a line feed ends a line (with or without a carriage return before it), as in `wc -l`; the
    last line may lack it. A byte-order mark at the beginning is dropped. `bytes_read` says how far
    the stream has been read, `number` which line came last. Iterating raises InputError, naming
    `source`, line and byte, where the bytes do not decode and `errors` is "strict", and where the
    stream cannot be read. Where `bad` skips, lines that do not decode are noted and left out.

    >>> import io
    >>> list(LineReader(io.BytesIO(b"one\\r\\ntwo"), source="-"))
    ['one\\r\\n', 'two']
    """

    def __init__(
        self,
        stream: _Stream | _Buffered,
        *,
        source: str,
        encoding: str = "utf-8",
        errors: str = "strict",
        bad: BadRecords | None = None,
    ) -> None:
        self.source = source
        self.bytes_read = 0
        self.number = 0
        self._bad = bad if bad is not None and bad.skip and errors == "strict" else None
        self._stream = stream
        self._encoding = encoding
        self._errors = errors
        kept = "surrogateescape" if self._bad else errors
        self._decoder = codecs.getincrementaldecoder(encoding)(kept)
        self._newlines = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines():
            self.number += 1
            if self._bad is None or line.isascii() or not _HALVES.search(line):
                yield line
            else:
                error = self._failure(self.number, "some bytes do not decode")
                self._bad.found(error, source=self.source, line=self.number, record=line)

    def _lines(self) -> Iterator[str]:
        unfinished: list[str] = []  # the pieces of a line whose end has not been read yet
        for text in self.pieces():
            first, *rest = text.split("\n")
            unfinished.append(first)
            for part in rest:
                yield "".join(unfinished) + "\n"
                unfinished = [part]
        if any(unfinished):
            yield "".join(unfinished)

    def pieces(self) -> Iterator[str]:
        """The stream, decoded piece by piece, where lines mean nothing."""
        at_start = True
        while chunk := self._read():
            text = self._decode(chunk)
            self.bytes_read += len(chunk)
            if at_start and text:
                at_start = False
                text = text.removeprefix("\ufeff")
            self._newlines += text.count("\n")
            yield text
        yield self._decode(b"", final=True)

    def _read(self) -> bytes:
        try:
            # One system call: what a pipe holds is passed on without waiting for a full chunk.
            read = getattr(self._stream, "read1", None) or getattr(self._stream, "read", None)
            data: bytes = read(_CHUNK) if read else b""
        except OSError as error:
            raise InputError(f"cannot read {self.source}: {error.strerror or error}") from error
        return data

    def _decode(self, chunk: bytes, *, final: bool = False) -> str:
        state = self._decoder.getstate()
        held_back = len(state[0])  # bytes of a character that the last chunk left unfinished
        try:
            return self._whole_characters(self._decoder.decode(chunk, final))
        except UnicodeDecodeError as error:
            self._decoder.setstate(state)
            before = self._decoder.decode(error.object[held_back : error.start])
            line = self._newlines + before.count("\n") + 1
            offset = self.bytes_read - held_back + error.start
            is_utf16 = not self.bytes_read and chunk.startswith(_MARKS_OF_UTF16)
            remedy = (
                "the file begins as UTF-16 does: say --encoding utf-16"
                if is_utf16
                else "name the file's real encoding with --encoding, or use --errors replace"
            )
            raise InputError(
                f"{self.source}, line {line}: byte {offset} (0x{error.object[error.start]:02x}) "
                f"is not {self._encoding}: {error.reason}; {remedy}"
            ) from error
        except UnicodeError as error:  # of a codec that tells no place
            raise self._failure(self._newlines + 1, str(error)) from error

    def _whole_characters(self, text: str) -> str:
        """The text with lone surrogates, which UTF-7 and escapes can state, treated as `errors`."""
        found = None if text.isascii() or self._bad else _HALVES.search(text)
        if found is None:
            return text
        if self._errors == "strict":
            line = self._newlines + text.count("\n", 0, found.start()) + 1
            raise self._failure(line, f"{found[0]!a} is half a character")
        return _HALVES.sub("\ufffd" if self._errors == "replace" else "", text)

    def _failure(self, line: int, reason: str) -> InputError:
        return InputError(
            f"{self.source}, line {line}: not {self._encoding}: {reason}; name the file's real "
            "encoding with --encoding, or use --errors replace"
        )
