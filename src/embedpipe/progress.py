"""The one progress display: how much is done, how fast, and how long it will take.

A bar on a terminal and in a notebook; elsewhere, as in a log, a line a minute.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager
from typing import Any, Protocol, TextIO

from embedpipe._dependencies import require

__all__ = ["Progress", "duration"]

_USUAL_SIZE = {"ncols": 80, "nrows": 20}
_BAR_SECONDS = 0.25
_LINE_SECONDS = 60.0
_FIRST_CHUNK = 32
_GROWTH = 4  # of a chunk, over the one before

_OF_A_SHARE = "{desc}{percentage:3.0f}%|{bar}| {unit} [{elapsed}<{remaining}]"
"""What tqdm shows where the share is known and the total is not."""


class Progress(AbstractContextManager["Progress"]):
    """Counts work that is done, and shows it on standard error with rate and time left.

    Args:
        total: how much there is to do; None if unknown, or if `advance` tells the share done.
        unit: what is counted, such as "texts"; "bytes" are written as kB, MB and so on.
        label: what stands before it.
        shown: True and None show a bar on a terminal or in a notebook, and elsewhere a line after
            each minute; True says how long it took there, too. False shows nothing.
        leave: whether the bar stays when it has ended.

    Without standard error, or with one that was closed, nothing is shown and all else goes on.

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
        self._display: _Display | None = None
        stream = None if shown is False else _open_stream()
        if stream is not None:
            label = _printable(label, stream)
            if _redraws(stream):
                self._display = _Bar(stream, total, unit, label, leave)
            else:
                self._display = _Lines(stream, total, unit, label, bool(shown))
        self._chunk = _FIRST_CHUNK
        self._asked = 0.0

    def advance(self, amount: int, *, share: float | None = None) -> None:
        """So much more is done; `share`: of all there is, by which the time left is reckoned."""
        self.done += amount
        if self._display is not None:
            self._display.show(self.done, None if share is None else min(share, 1.0))

    def note(self, text: str) -> None:
        """What to show beside it from the next `advance` on, such as how well it goes."""
        if self._display is not None:
            self._display.note = text

    def at_once(self, most: int) -> int:
        """How many to do before the next `advance`, so that a bar moves some four times a second.

        At most so many, and as many where nothing is shown; where lines are, what takes some ten
        seconds. It learns from the time between calls.
        """
        if self._display is None:
            return most
        now = time.monotonic()
        if self._asked:
            fitting = round(self._chunk * self._display.seconds / max(now - self._asked, 1e-6))
            self._chunk = max(1, min(fitting, self._chunk * _GROWTH))
        self._asked = now
        self._chunk = min(self._chunk, most)
        return self._chunk

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._display is not None:
            self._display.close(ended=kind is None)


class _Display(Protocol):
    seconds: float
    """How often it wants to know."""
    note: str
    """What stands beside it."""

    def show(self, done: int, share: float | None) -> None:
        """So much is done, and this share of all, where it is known."""

    def close(self, *, ended: bool) -> None:
        """No more comes; `ended`: and nothing failed."""


class _Bar:
    """Redraws one line, by tqdm."""

    seconds = _BAR_SECONDS

    def __init__(
        self, stream: TextIO, total: int | None, unit: str, label: str, leave: bool
    ) -> None:
        self._unit = unit
        self.note = ""
        scale = {"unit": "B", "unit_scale": True} if unit == "bytes" else {"unit": f" {unit}"}
        self._bar = require("tqdm", "a progress bar").tqdm(
            total=total,
            desc=label or None,
            file=stream,
            leave=leave,
            **({"dynamic_ncols": True} if _has_size(stream) else _USUAL_SIZE),
            mininterval=_BAR_SECONDS,
            miniters=0,  # or it would wait for as many as came at once before
            **scale,
        )

    def show(self, done: int, share: float | None) -> None:
        bar = self._bar
        if self.note:
            bar.set_postfix_str(self.note, refresh=False)
        if share is None:
            bar.update(done - bar.n)
            return
        elapsed = max(bar.format_dict["elapsed"], 1e-6)
        bar.total, bar.bar_format, bar.unit_scale = 1.0, _OF_A_SHARE, False
        bar.unit = f"{_amount(done, self._unit)}, {_rate(done, elapsed, self._unit)}"
        bar.update(share - bar.n)

    def close(self, *, ended: bool) -> None:  # noqa: ARG002 - the bar shows how far it came
        self._bar.close()


class _Lines:
    """Writes a line a minute."""

    seconds = _LINE_SECONDS / 6

    def __init__(
        self, stream: TextIO, total: int | None, unit: str, label: str, tells_the_end: bool
    ) -> None:
        self.note = ""
        self._stream = stream
        self._total = total
        self._unit = unit
        self._label = f"{label or 'embedpipe'}: "
        self._tells_the_end = tells_the_end
        self._begin = self._last = time.monotonic()
        self._done = 0

    def show(self, done: int, share: float | None) -> None:
        self._done = done
        now = time.monotonic()
        if now - self._last < _LINE_SECONDS:
            return
        self._last, self._tells_the_end = now, True
        elapsed = now - self._begin
        amount = _amount(done, self._unit)
        if self._total:
            share = done / self._total
            known = amount if self._unit == "bytes" else f"{done:,}"
            amount = f"{known} of {_amount(self._total, self._unit)}"
        parts = [amount, _rate(done, elapsed, self._unit)]
        if share:
            parts[0] += f" ({share:.0%})"
            parts.append(f"{duration(elapsed / share - elapsed)} left")
        if self.note:
            parts.append(self.note)
        self._write(", ".join(parts))

    def close(self, *, ended: bool) -> None:
        if ended and self._tells_the_end:
            elapsed = time.monotonic() - self._begin
            speed = _rate(self._done, max(elapsed, 1e-6), self._unit)
            self._write(f"{_amount(self._done, self._unit)} in {duration(elapsed)}, {speed}")

    def _write(self, text: str) -> None:
        print(f"{self._label}{text}", file=self._stream, flush=True)


def _amount(number: float, unit: str) -> str:
    if unit != "bytes":
        shown = f"{number:,.0f}"
        return f"{shown} {unit.removesuffix('s') if shown == '1' else unit}".rstrip()
    for prefix in ("", "k", "M", "G"):
        if number < 1000 or prefix == "G":
            break
        number /= 1000
    return f"{number:.3g} {prefix}B"


def _rate(done: int, seconds: float, unit: str) -> str:
    """How fast it goes; slow work by the time that one takes.

    >>> _rate(600, 60, "texts"), _rate(30, 60, "rows"), _rate(5_000_000, 2, "bytes")
    ('10 texts/s', '2.0 s each', '2.5 MB/s')
    """
    speed = done / seconds
    if 0 < speed < 1 and unit != "bytes":
        return f"{1 / speed:.1f} s each"
    return f"{_amount(speed, unit)}/s"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> duration(62.4), duration(3723)
    ('1:02', '1:02:03')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _open_stream() -> TextIO | None:
    """Standard error, if there is one: a process may have been started without."""
    stream: TextIO | None = sys.stderr
    return None if stream is None or stream.closed else stream


def _has_size(stream: Any) -> bool:
    """Whether the terminal knows its size; one without a window says 0, and would show nothing."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError, AttributeError):
        return False


def _redraws(stream: Any) -> bool:
    """Whether a line can be written over: on a terminal and in a notebook."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel.")


def _printable(text: str, stream: TextIO) -> str:
    """The text with escapes for what the stream cannot encode or a terminal would obey."""
    escaped = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    encoding = getattr(stream, "encoding", None) or "ascii"
    return escaped.encode(encoding, "backslashreplace").decode(encoding)
