"""Records that cannot be read: an error, or noted and passed over."""

from __future__ import annotations

from dataclasses import dataclass

from embedpipe.errors import EmbedpipeError, InputError

__all__ = ["BadRecord", "BadRecords"]

_MOST = 100_000
_SHOWN = 500  # characters of a record


@dataclass(frozen=True)
class BadRecord:
    """A record, or with line None a whole input or its rest, that could not be read.

    record: how it begins, where it is known.
    """

    source: str
    line: int | None
    reason: str
    record: str | None = None


class BadRecords:
    """What is done about them: raised, or with `skip` collected until `taken`.

    >>> bad = BadRecords(skip=True)
    >>> bad.found(InputError("a.csv, line 3: no"), source="a.csv", line=3)
    >>> [each.line for each in bad.taken()], bad.taken()
    ([3], ())
    """

    def __init__(self, *, skip: bool = False) -> None:
        self.skip = skip
        self._found: list[BadRecord] = []

    def found(
        self, error: EmbedpipeError, *, source: str, line: int | None, record: str | None = None
    ) -> None:
        """Raise the error, or note it; InputError if nothing else is found for too long."""
        if not self.skip:
            raise error
        if len(self._found) >= _MOST:
            raise InputError(
                f"{source}: {_MOST:,} records in a row cannot be read, the last since {error}; "
                "say what the file is with --format and --encoding"
            ) from error
        shown = None if record is None else _text(record[:_SHOWN])
        self._found.append(BadRecord(source, line, str(error), shown))

    def taken(self) -> tuple[BadRecord, ...]:
        """Those found since this was last called."""
        found, self._found = tuple(self._found), []
        return found


def _text(text: str) -> str:
    """Without halves of characters, which no file of text can hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
