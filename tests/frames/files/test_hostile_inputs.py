"""Values, names and encodings that nobody expects: kept, or refused with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import Inputs
from embedpipe.frames.files.json_types import JSON_TEXT, is_json_text


def batches(path: Path | list[Path], **options: Any) -> list[pa.RecordBatch]:
    paths = [str(each) for each in ([path] if isinstance(path, Path) else path)]
    inputs = Inputs(paths, InputOptions(**options))
    inputs.check()
    return [batch.records for batch in inputs.batches()]


def test_deeply_nested_members_stay_json_that_every_reader_opens(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "x", "deep": json.loads("[" * 40 + "]" * 40)}))
    (batch,) = batches(path)
    assert is_json_text(batch.schema.field("deep"))
    parquet.write_table(pa.Table.from_batches([batch]), tmp_path / "o.parquet")
    assert parquet.read_table(tmp_path / "o.parquet")["deep"].to_pylist() == ["[" * 40 + "]" * 40]


def test_json_that_stays_json_has_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "n": [NaN, 1]}\n{"text": "x", "n": "one"}\n')
    (batch,) = batches(path)
    assert batch["n"].to_pylist() == ["[null, 1]", '"one"']


def test_names_of_members_that_become_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "a\\ud83d": 1, "a\\ud83e": 2}\n')
    with pytest.raises(InputError, match="line 1: names of members differ in halves"):
        batches(path, errors="replace")


@pytest.mark.parametrize("encoding", ["undefined", "a\0b", "\udce9"])
def test_names_of_encodings_that_are_none(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ParameterError, match="is unknown; expected a name such as utf-8"):
        batches(tmp_path / "a.txt", encoding=encoding)


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
def test_half_characters_that_an_encoding_states_are_treated_as_bytes(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{suffix}"
    content = {".txt": "x\ny+2AA-\n", ".csv": "text\ny+2AA-\n", ".jsonl": '\n{"text":"y+2AA-"}\n'}
    path.write_bytes(content[suffix].replace("{", "+AHs-").replace("}", "+AH0-").encode())
    with pytest.raises(InputError, match=r"line 2: not utf-7: '\\ud800' is half a character"):
        batches(path, encoding="utf-7")
    assert (
        batches(path, encoding="utf-7", errors="replace")[-1]["text"].to_pylist()[-1] == "y\ufffd"
    )
    assert batches(path, encoding="utf-7", errors="ignore")[-1]["text"].to_pylist()[-1] == "y"


def test_a_codec_that_tells_no_place_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,a\nx,1\n")
    with pytest.raises(InputError, match=r"a\.csv, line 1: not punycode: .*--encoding"):
        batches(tmp_path / "a.csv", encoding="punycode")


def test_an_empty_delimiter_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,a\nx,1\n")
    with pytest.raises(ParameterError, match="delimiter '': expected one character"):
        batches(tmp_path / "a.csv", delimiter="")


def test_a_quote_that_is_never_closed_is_not_read_to_the_end_of_a_large_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,a\n"x,1\n' + ("y" * 1000 + "\n") * 18_000)
    for escape in (None, "\\"):
        with pytest.raises(InputError, match="a field has more than 16 million characters"):
            batches(path, escape=escape)


@pytest.mark.parametrize("sources", [[], ["-", "-"]])
def test_no_input_and_standard_input_twice(sources: list[str]) -> None:
    with pytest.raises(ParameterError, match=r"found none; name a file|only once"):
        Inputs(sources)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError, match="cannot read"):
        batches(Path(name))


@pytest.mark.parametrize(
    ("values", "others"),
    [
        (pa.array([2**60 + 1]), pa.array([1.5])),
        (pa.array([2**64 - 1], pa.uint64()), pa.array([-1], pa.int64())),
        (pa.array([2**60], pa.timestamp("us")), pa.array([1], pa.timestamp("ns"))),
    ],
)
def test_a_value_that_the_common_type_cannot_hold_names_its_input(
    values: pa.Array, others: pa.Array, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, array in zip(paths, (values, others), strict=True):
        parquet.write_table(pa.table({"text": ["x"], "n": array}), path)
    with pytest.raises(InputError, match=r"a\.parquet: a value of 'n' does not fit the type"):
        batches(paths)


def test_a_column_that_an_input_lacks_may_be_null_whatever_the_others_say(tmp_path: Path) -> None:
    fields = [pa.field("text", pa.string()), pa.field("n", pa.int32(), nullable=False)]
    table = pa.Table.from_arrays([["x"], pa.array([1], pa.int32())], schema=pa.schema(fields))
    parquet.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("text\ny\n")
    found = pa.Table.from_batches(batches([tmp_path / "a.parquet", tmp_path / "b.csv"]))
    assert found["n"].to_pylist() == [1, None]
    parquet.write_table(found, tmp_path / "o.parquet")  # which refuses nulls where none may be


def test_only_strings_can_be_json(tmp_path: Path) -> None:
    assert not is_json_text(pa.field("j", pa.int64(), metadata=JSON_TEXT))
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"text": [1]}), path)
    with pytest.raises(ColumnError):
        batches(path)
