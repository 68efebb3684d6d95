"""The progress bar: where it is drawn, what it tells, and that it never gets in the way."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from embedpipe import progress
from embedpipe.progress import Progress


class TerminalOfBytes(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


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


def test_the_time_left_is_reckoned_from_the_share_that_is_done(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(unit="records") as bar:
        bar.advance(1000, share=0.25)
    assert re.search(
        r" 25%\|.*\| 1,000 records, [\d,]+ records/s \[00:00<00:00\]", stream.getvalue()
    )


@pytest.fixture
def clock(monkeypatch):
    """A clock of its own for the display, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_it_is_a_line_a_minute_and_one_at_the_end(monkeypatch, clock):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(20_000, unit="texts", label="embedding") as bar:
        for _ in range(20):
            clock[0] += 13
            bar.advance(1000)
    assert stream.getvalue().splitlines() == [
        "embedding: 5,000 of 20,000 texts (25%), 77 texts/s, 3:15 left",
        "embedding: 10,000 of 20,000 texts (50%), 77 texts/s, 2:10 left",
        "embedding: 15,000 of 20,000 texts (75%), 77 texts/s, 1:05 left",
        "embedding: 20,000 of 20,000 texts (100%), 77 texts/s, 0:00 left",
        "embedding: 20,000 texts in 4:20, 77 texts/s",
    ]


def test_lines_know_shares_bytes_and_slow_work(monkeypatch, clock):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(unit="records") as bar:
        clock[0] += 60
        bar.advance(30, share=0.1)
    with Progress(3_000_000_000, unit="bytes", label="a.zip") as bar:
        clock[0] += 120
        bar.advance(1_500_000_000)
    with pytest.raises(KeyError), Progress(unit="rows") as bar:
        clock[0] += 7300
        bar.advance(1)
        raise KeyError
    assert stream.getvalue().splitlines() == [
        "embedpipe: 30 records (10%), 2.0 s each, 9:00 left",
        "embedpipe: 30 records in 1:00, 2.0 s each",
        "a.zip: 1.5 GB of 3 GB (50%), 12.5 MB/s, 2:00 left",
        "a.zip: 1.5 GB in 2:00, 12.5 MB/s",
        "embedpipe: 1 row, 7300.0 s each",
    ]


def test_as_much_comes_at_once_as_lets_the_bar_move(monkeypatch, clock):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress(unit="texts") as bar:
        sizes = []
        for seconds_each in (0.001, 0.001, 0.001, 0.01, 0.01, 1, 1, 0.001):
            sizes.append(bar.at_once(1000))
            clock[0] += sizes[-1] * seconds_each
    assert sizes == [32, 128, 250, 250, 25, 25, 1, 1]
    with Progress(unit="texts", shown=False) as bar:
        assert bar.at_once(1000) == 1000


class Notebook(io.StringIO):
    __module__ = "ipykernel.iostream"


def test_a_notebook_has_a_bar(monkeypatch):
    assert "4/4 [00:00<" in drawn(monkeypatch, Notebook())


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
    stream = TerminalOfBytes(raw, encoding=encoding, errors="strict", write_through=True)
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
