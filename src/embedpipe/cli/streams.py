"""Standard streams that are closed, or that cannot encode all characters."""

from __future__ import annotations

import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

from embedpipe.cli.invocation import Invocation
from embedpipe.environment import is_colorless
from embedpipe.errors import EmbedpipeWarning, OutputError

__all__ = [
    "give_up_output",
    "has_colors",
    "printable",
    "short_warnings",
    "tell_error",
    "usable_streams",
]

# Control characters, line ends of Unicode, marks that reorder a line, halves of characters.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""The text with control characters escaped.

    >>> print(printable("red: \x1b[31m"))
    red: \x1b[31m
    """
    return _HIDDEN.sub(lambda found: ascii(found[0])[1:-1], text)


def has_colors(stream: TextIO) -> bool:
    """Whether what is printed there may be colored: on terminals, unless the user refuses."""
    return stream.isatty() and not is_colorless()


def tell_error(message: str, invocation: Invocation) -> None:
    """Print an error on standard error, after where it comes from if that was asked for."""
    if invocation.debug:
        import traceback

        traceback.print_exc()
    mark = "\x1b[1;31merror:\x1b[0m" if has_colors(sys.stderr) else "error:"
    said = "\n".join(map(printable, message.split("\n")))
    print(f"embedpipe: {mark} {said}", file=sys.stderr)


class _ClosedOutput(io.TextIOBase):
    """Replaces a standard output that is closed."""

    def write(self, _text: str) -> NoReturn:
        raise OutputError("standard output is closed; leave it open, or send it to a file")


@contextmanager
def short_warnings() -> Iterator[None]:
    """Our own warnings as one line; others keep the file and line that they come from."""
    usual = warnings.formatwarning

    def told(message: Warning | str, category: type[Warning], *place: Any, **named: Any) -> str:
        if issubclass(category, EmbedpipeWarning):
            return f"embedpipe: warning: {printable(str(message))}\n"
        return usual(message, category, *place, **named)

    warnings.formatwarning = told
    try:
        yield
    finally:
        warnings.formatwarning = usual


def give_up_output() -> None:
    """Discard what is buffered for standard output, which Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def usable_streams() -> Iterator[None]:
    """Make standard streams usable: all text can be printed, and closed ones stay unused.

    Characters that standard output has no bytes for become escapes. If it is closed, printing is an
    OutputError; if standard error is, what goes there is lost.
    """
    before = sys.stdout, sys.stderr
    _reserve_descriptors()
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    output = sys.stdout if isinstance(sys.stdout, io.TextIOWrapper) else None
    errors = output.errors if output else None
    if output:
        output.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        if output:
            with suppress(ValueError):  # closed meanwhile
                output.reconfigure(errors=errors)
        sys.stdout, sys.stderr = before


def _reserve_descriptors() -> None:
    """Open the null device for those of descriptors 0, 1 and 2 that are closed.

    Otherwise the next file to be opened gets the number, and whatever is printed goes into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
