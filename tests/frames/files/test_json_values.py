"""Values of every type as JSON, in files and for people."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.files.json_rows import JsonLinesRows, record_values
from embedpipe.frames.files.json_types import JSON_TEXT
from embedpipe.frames.files.vectors import vector_field

FAR = 2**62  # microseconds: a year of six digits, which Python's dates cannot hold


def bad_strings() -> pa.Array:
    buffers = pa.array([b"\xff"]).buffers()
    return pa.Array.from_buffers(pa.string(), 1, buffers)


def written(array: pa.Array, **field: Any) -> Any:
    fields = [pa.field("x", array.type, **field), vector_field("v", 1, b"{}")]
    vectors = pa.array([[0.5]], pa.list_(pa.float32(), 1))
    records = pa.RecordBatch.from_arrays([array, vectors], schema=pa.schema(fields))
    lines = JsonLinesRows(records.schema, "v").lines(records)
    (line,) = lines.splitlines()
    return json.loads(line)["x"]


def shown(array: pa.Array, **field: Any) -> Any:
    schema = pa.schema([pa.field("x", array.type, **field)])
    return record_values(pa.RecordBatch.from_arrays([array], schema=schema), ())["x"]


@pytest.mark.parametrize("as_json", [written, shown])
@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([[FAR]], pa.list_(pa.timestamp("us"))), [f"<value out of range: {FAR}>"]),
        (pa.array([[5]], pa.large_list(pa.time64("ns"))), ["00:00:00.000000005"]),
        (
            pa.array([{"t": 1}], pa.struct([("t", pa.timestamp("ns"))])),
            {"t": "1970-01-01 00:00:00.000000001"},
        ),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.date32())), [["k", "1970-01-02"]]),
        (pa.array([1], pa.timestamp("s")).dictionary_encode(), "1970-01-01 00:00:01"),
        (pa.array([[1, 2]], pa.list_(pa.date32(), 2)), ["1970-01-02", "1970-01-03"]),
    ],
)
def test_times_within_other_types_keep_all_digits(
    as_json: Any, array: pa.Array, expected: Any
) -> None:
    assert as_json(array) == expected


@pytest.mark.parametrize("as_json", [written, shown])
def test_what_only_claims_to_be_json_is_a_string(as_json: Any) -> None:
    assert as_json(pa.array(["no json\n}"]), metadata=JSON_TEXT) == "no json\n}"
    assert as_json(pa.array(['{"a": [1, NaN]}']), metadata=JSON_TEXT) == {"a": [1, None]}


def unknown() -> list[pa.Array]:
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    return [twice, pa.array([1], pa.timestamp("us", "No/Where"))]


@pytest.mark.parametrize("array", unknown(), ids=["names", "zone"])
def test_what_python_cannot_hold_is_refused_or_shown_as_such(array: pa.Array) -> None:
    with pytest.raises(InputError, match=r"column 'x' has the type .*leave it out with --keep"):
        written(array)
    assert str(array.type) in shown(array)


def test_bytes_within_other_types_are_shown_with_escapes_and_not_written() -> None:
    nested = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), bad_strings())
    assert shown(nested) == shown(pa.array([[b"\xff"]])) == ["\\xff"]
    with pytest.raises(InputError, match="not UTF-8"):
        written(nested)


@pytest.mark.skipif(not hasattr(pa, "binary_view"), reason="COULD NOT RUN: needs pyarrow 16")
def test_views_of_bytes_are_bytes() -> None:
    with pytest.raises(ColumnError, match="binary_view, which JSON Lines cannot hold"):
        written(pa.array([b"\xff"], pa.binary_view()))
