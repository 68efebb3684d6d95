"""The one progress bar: how much is done, how fast, and how long it will take."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any, TextIO

from embedpipe._dependencies import require

__all__ = ["Progress"]


class Progress(AbstractContextManager["Progress"]):
    """Counts work that is done, and draws it on standard error with rate and time left.

    Args:
        total: how much there is to do; None if unknown, or if `advance` tells the share done.
        unit: what is counted, such as "texts"; "bytes" are written as kB, MB and so on.
        label: what stands before the bar.
        shown: True draws it wherever standard error goes, None only on a terminal, False never.
        leave: whether the bar stays when it has ended.

    Without standard error, or with one that was closed, nothing is drawn and all else goes on.

    >>> with Progress(10, unit="texts", shown=False) as bar:
    ...     bar.advance(4)
    ...     bar.advance(6)
    >>> bar.done
    10
    """

    def __init__(
        self,
        total: int | None = None,
        *,
        unit: str,
        label: str = "",
        shown: bool | None = None,
        leave: bool = True,
    ) -> None:
        self.done = 0
        self._bar: Any = None
        stream = None if shown is False else _open_stream()
        if stream is None or not (stream.isatty() if shown is None else shown):
            return
        scale = {"unit": "B", "unit_scale": True} if unit == "bytes" else {"unit": f" {unit}"}
        self._bar = require("tqdm", "a progress bar").tqdm(
            total=total,
            desc=_printable(label, stream) or None,
            file=stream,
            leave=leave,
            dynamic_ncols=True,
            **scale,
        )

    def advance(self, amount: int, *, share: float | None = None) -> None:
        """So much more is done; `share`: of all there is, from which the total is reckoned."""
        self.done += amount
        if self._bar is None:
            return
        if share:
            self._bar.total = round(self.done / min(share, 1.0))
        self._bar.update(amount)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _open_stream() -> TextIO | None:
    """Standard error, if there is one: a process may have been started without."""
    stream: TextIO | None = sys.stderr
    return None if stream is None or stream.closed else stream


def _printable(text: str, stream: TextIO) -> str:
    """The text with escapes for what the stream cannot encode or a terminal would obey."""
    escaped = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    encoding = getattr(stream, "encoding", None) or "ascii"
    return escaped.encode(encoding, "backslashreplace").decode(encoding)
