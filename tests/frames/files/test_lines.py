"""Bytes to lines, in any encoding and however the bytes arrive."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.errors import InputError
from embedpipe.frames.files.lines import LineReader


class Drip(io.RawIOBase):
    """A stream that gives `size` bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, self._size))


@given(
    text=st.text(st.sampled_from("ab\n\r\x0b\x85\u2028é東🎉")),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "gb18030", "shift_jis"]),
    size=st.integers(1, 7),
)
def test_lines_are_cut_at_line_feeds_alone_however_the_bytes_arrive(
    text: str, encoding: str, size: int
) -> None:
    text = text.encode(encoding, "ignore").decode(encoding)  # what the encoding can hold
    lines = LineReader(Drip(text.encode(encoding), size), source="-", encoding=encoding)
    parts = text.split("\n")
    expected = [part + "\n" for part in parts[:-1]] + [part for part in parts[-1:] if part]
    assert list(lines) == expected
    assert lines.bytes_read == len(text.encode(encoding))


@given(
    before=st.text(st.sampled_from("ab\né🎉"), max_size=30),
    after=st.text(st.sampled_from("ab\n"), max_size=9),
    size=st.integers(1, 7),
)
def test_a_wrong_byte_is_named_by_line_and_offset(before: str, after: str, size: int) -> None:
    data = before.encode() + b"\xff" + after.encode()
    line, offset = before.count("\n") + 1, len(before.encode())
    with pytest.raises(InputError) as caught:
        list(LineReader(Drip(data, size), source="some.txt"))
    assert f"some.txt, line {line}: byte {offset} (0xff) is not utf-8" in str(caught.value)
    assert "--encoding" in str(caught.value)
    assert "--errors replace" in str(caught.value)
