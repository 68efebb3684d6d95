"""JSON Lines keep all members: each as a column of the one type that holds all of its values."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from embedpipe.errors import InputError
from embedpipe.frames.files.inputs import Inputs
from embedpipe.frames.files.json_types import is_json_text


def table_of(path: Path) -> pa.Table:
    inputs = Inputs([str(path)])
    return pa.Table.from_batches([batch.records for batch in inputs.batches()], inputs.schema())


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_members_are_columns_in_order_and_type(tmp_path: Path) -> None:
    records = [
        {"id": 1, "text": "a", "score": 1, "ok": True, "tags": ["x"], "by": {"name": "A"}},
        {"id": 2, "text": None, "score": 2.5, "ok": None, "tags": [], "by": {"age": 3}},
    ]
    table = table_of(written(tmp_path / "a.jsonl", records))
    assert table.schema == pa.schema(
        {
            "id": pa.int64(),
            "text": pa.string(),
            "score": pa.float64(),
            "ok": pa.bool_(),
            "tags": pa.list_(pa.string()),
            "by": pa.struct({"name": pa.string(), "age": pa.int64()}),
        }
    )
    assert table.to_pylist() == [
        {**records[0], "by": {"name": "A", "age": None}},
        {**records[1], "by": {"name": None, "age": 3}},
    ]


@pytest.mark.parametrize("late", [2.5, None, "no", {"b": 1}])
def test_what_comes_late_decides_as_well(late: object, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"text": "a", "n": 1} for _ in range(3000)]
    records += [{"text": "b", "n": late, "new": "x"}]
    table = table_of(written(tmp_path / "a.jsonl", records))
    assert table.schema.names == ["text", "n", "new"]
    values = table["n"].to_pylist()
    if is_json_text(table.schema.field("n")):
        values = [json.loads(value) for value in values]
    assert values == [1] * 3000 + [late]
    assert table["new"].to_pylist() == [None] * 3000 + ["x"]


@pytest.mark.parametrize(
    "values",
    [
        [1, "one"],
        [True, 1],
        [2**70],
        [2**60 + 1, 0.5],
        [{"a": 1}, [1]],
        [[1], ["a"]],
        [{}],
        [{f"key{i}": i} for i in range(300)],
        [{"a": {}}],
    ],
    ids=str,
)
def test_values_that_no_type_holds_stay_json(values: list[Any], tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"text": "a", "v": value} for value in values])
    table = table_of(path)
    assert is_json_text(table.schema.field("v"))
    assert [json.loads(value) for value in table["v"].to_pylist()] == values


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "text": "b"}', "line 1: not JSON: the member 'text' stands twice"),
        ('{"text": "a", "v": {"k": 1, "k": 2}}', "the member 'k' stands twice"),
        ('{"text": "a"} {"text": "b"}', "line 1: not JSON: Extra data"),
        ('{"text": "a", "other": "\\ud83d"}', "line 1: the escape .ud83d is half a character"),
    ],
)
def test_nothing_is_lost_without_a_word(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        table_of(path)


def through_pipe(path: Path, lines: list[str]) -> list[pa.RecordBatch]:
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=["".join(lines)], daemon=True)
    writer.start()
    try:
        return [batch.records for batch in Inputs([str(path)]).batches()]
    finally:
        writer.join(30)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    lines = [json.dumps({"id": i, "text": f"t{i}"}) + "\n" for i in range(3000)]
    table = pa.Table.from_batches(through_pipe(tmp_path / "a.jsonl", lines))
    assert table.to_pydict() == {"id": list(range(3000)), "text": [f"t{i}" for i in range(3000)]}


@pytest.mark.parametrize("last", [{"id": 1, "new": 2}, {"id": {"b": 2}}, {"id": "one"}])
def test_what_does_not_fit_the_first_records_of_a_pipe_is_refused(
    last: dict[str, Any], tmp_path: Path
) -> None:
    lines = [json.dumps({"id": i, "text": "t"}) + "\n" for i in range(2000)]
    lines += [json.dumps({"text": "t"} | last) + "\n"]
    with pytest.raises(
        InputError, match=r"lines 1025 to 2001: the values of '(id|new)' do not fit"
    ):
        through_pipe(tmp_path / "a.jsonl", lines)


def test_damage_far_in_a_file_is_found_beforehand(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"text": "a"}] * 5000)
    with path.open("a", encoding="utf-8") as file:
        file.write("{\n")
    with pytest.raises(InputError, match="line 5001: not JSON"):
        Inputs([str(path)]).check()
