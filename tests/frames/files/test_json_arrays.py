"""JSON arrays of records, in whatever parts they come."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.errors import InputError
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.json_lines import JsonReading, json_batches
from embedpipe.frames.files.lines import LineReader


class Slowly(io.BytesIO):
    """Gives a few bytes at a time."""

    size = 3

    def read1(self, _size: int | None = -1, /) -> bytes:
        return super().read1(self.size)


def array_of(text: str, size: int) -> list[tuple[int, object]]:
    stream = Slowly(text.encode())
    stream.size = size
    reading = JsonReading("text", "strict", BadRecords(), is_array=True)
    return [
        (line, record)
        for batch in json_batches(LineReader(stream, source="a"), reading)
        for line, record in zip(batch.lines or (), batch.records.to_pylist(), strict=True)
    ]


@given(
    st.lists(st.fixed_dictionaries({"text": st.text(max_size=9), "n": st.integers(-9, 99)})),
    st.sampled_from([None, 1, 4]),
    st.integers(1, 40),
)
def test_arrays_come_back_however_they_are_cut(
    records: list[dict[str, object]], indent: int | None, size: int
) -> None:
    text = json.dumps(records, indent=indent)
    found = array_of(text, size)
    assert [record for _, record in found] == records
    lines = text.split("\n")
    assert all("{" in lines[line - 1] for line, _ in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"text": "a"}\n {"text": "b"}]', "line 2: expected a comma or the end"),
        ('[{"text": "a"},\n{"text": "b"', "line 2: not JSON"),
        ('[{"text": "a"},\n\n{"text": oh}, {"text": "b"}]', "line 3: not JSON"),
        ('[{"text": "a"}] more', "line 1: something comes after the array"),
        ('[{"text": "a"}, 3]', "line 1: found a number; expected a JSON object"),
        ('[{"text": "a"}, ' + "[" * 100_000, "line 1: "),
        ('{"text": "a"}', "expected an array of objects"),
    ],
)
def test_broken_arrays(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        array_of(text, 1 << 16)
