"""The progress bar: where it is drawn, what it tells, and that it never gets in the way."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from embedpipe.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch, stream, **options) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(4, unit="texts", **options) as bar:
        bar.advance(1)
        bar.advance(3)
    assert bar.done == 4
    return stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "shown", "expected"),
    [
        (Terminal, None, True),
        (Terminal, True, True),
        (Terminal, False, False),
        (io.StringIO, None, False),
        (io.StringIO, True, True),
        (io.StringIO, False, False),
    ],
)
def test_it_is_drawn_on_a_terminal_or_when_asked_for(monkeypatch, stream, shown, expected):
    assert bool(drawn(monkeypatch, stream(), shown=shown)) == expected


def test_it_tells_total_rate_and_time_left(monkeypatch):
    text = drawn(monkeypatch, Terminal(), label="embedding")
    assert "embedding: " in text
    assert "4/4 [00:00<" in text
    assert "texts/s]" in text


def test_the_total_is_reckoned_from_the_share_that_is_done(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(unit="records") as bar:
        bar.advance(10, share=0.25)
    assert "10/40 " in stream.getvalue()


def test_bytes_are_written_in_larger_units(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(3_000_000, unit="bytes", leave=True) as bar:
        bar.advance(3_000_000)
    assert "3.00M/3.00M" in stream.getvalue()
    assert "B/s]" in stream.getvalue()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_a_terminal_of_any_encoding_shows_any_label(monkeypatch, encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", write_through=True)
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(1, unit="texts", label="caf\u00e9 \U0001f600 \udce9 \x1b[2J", shown=True) as bar:
        bar.advance(1)
    text = raw.getvalue().decode(encoding)
    assert "1/1" in text
    assert "\\x1b[2J" in text


CLOSED = """
import sys
from embedpipe.progress import Progress
for shown in (None, True):
    with Progress(1, unit="texts", shown=shown) as bar:
        bar.advance(1)
print(bar.done)
"""


def test_without_standard_error_nothing_is_drawn_and_all_goes_on(monkeypatch):
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, CLOSED]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"1\n"
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    for shown in (None, True):
        with Progress(1, unit="texts", shown=shown) as bar:
            bar.advance(1)
