"""Options of the readers of records.

The readers themselves are in `embedpipe.frames.files`. This module imports nothing heavy, as every
start of the program imports it.
"""

from __future__ import annotations

from dataclasses import dataclass

from embedpipe.errors import ParameterError

__all__ = ["FORMATS", "InputOptions"]

FORMATS = ("text", "csv", "tsv", "jsonl", "json", "parquet", "arrow")
"""What an input can be, by the names that `--format` takes."""

_DELIMITED = ("csv", "tsv")


@dataclass(frozen=True)
class InputOptions:
    """How inputs are read.

    column: where the text is; None means "text". format: one of FORMATS; None goes by each input's
    content and suffix; "json" is an array of objects. encoding, errors: of all but Parquet and
    Arrow, as `bytes.decode` takes them; `errors` also decides about strings in JSON, Parquet and
    Arrow that are no text.

    Of CSV and TSV alone: delimiter is one character between fields, None for the format's own.
    quote is the character around fields that hold delimiters, quotes (doubled) or line ends; None
    where quotes are ordinary characters. escape is a character that makes a quote within a quoted
    field ordinary, as Spark's backslash does.
    """

    column: str | None = None
    format: str | None = None
    encoding: str = "utf-8"
    errors: str = "strict"
    delimiter: str | None = None
    quote: str | None = '"'
    escape: str | None = None

    @property
    def text_column(self) -> str:
        """The name of the column with the text."""
        return "text" if self.column is None else self.column

    def delimiter_of(self, kind: str) -> str:
        """Between fields in a file of that format, "csv" or "tsv"."""
        usual = "," if kind == "csv" else "\t"
        return usual if self.delimiter is None else self.delimiter

    def check(self, kinds: set[str]) -> None:
        """ParameterError for values that are not allowed, or say nothing about such formats."""
        if self.column is not None and kinds == {"text"}:
            raise ParameterError(
                f"column {self.column!r}: plain text has no columns; leave out --column, or name "
                "the format with --format"
            )
        marks = {"delimiter": self.delimiter, "quote": self.quote, "escape": self.escape}
        asked = [name for name, mark in marks.items() if mark != getattr(InputOptions, name)]
        if asked and not kinds.intersection(_DELIMITED):
            raise ParameterError(
                f"{asked[0]} {marks[asked[0]]!r}: only CSV and TSV have it; leave out "
                f"--{asked[0]}, or say --format csv"
            )
        for kind in kinds.intersection(_DELIMITED):
            _check_marks(marks | {"delimiter": self.delimiter_of(kind)})

    def check_marks(self) -> None:
        """ParameterError for delimiter, quote and escape that are not allowed in any format."""
        _check_marks({"delimiter": self.delimiter, "quote": self.quote, "escape": self.escape})


def _check_marks(marks: dict[str, str | None]) -> None:
    for name, mark in marks.items():
        if mark is not None and (len(mark) != 1 or mark in "\r\n\0"):
            raise ParameterError(
                f"{name} {mark!r}: expected one character, and no line end; a tab is '\\t'"
            )
    given = [mark for mark in marks.values() if mark is not None]
    if len(set(given)) < len(given):
        listed = ", ".join(f"{name} {mark!r}" for name, mark in marks.items())
        raise ParameterError(f"{listed}: expected different characters")
    if marks["escape"] is not None and marks["quote"] is None:
        raise ParameterError(
            f"escape {marks['escape']!r}: it makes quotes ordinary, but there is no quote; leave "
            "out --escape or --quote none"
        )
