"""`embed_files` keeps every column of its inputs, in order and type, beside the vectors."""

from __future__ import annotations

import datetime
import decimal
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
from pyarrow import parquet

from embedpipe import Encoder, InputOptions, ModelOptions, embed_files
from embedpipe.errors import ColumnError, InputError
from tests.support.cli_support import write_tiny_model

TEXTS = ["one", None, "two", "three"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def table_of_many_types() -> pa.Table:
    instants = [datetime.datetime(2020, 1, day) for day in (1, 2, 3)]
    return pa.table(
        {
            "id": pa.array([1, 2, None, 2**63], pa.uint64()),
            "body": pa.array(TEXTS, pa.large_string()),
            "when": pa.array([*instants, None], pa.timestamp("ns", "Europe/Zurich")),
            "price": pa.array([decimal.Decimal("1.10"), None, None, None], pa.decimal128(9, 2)),
            "kind": pa.array(["a", "b", None, "a"]).dictionary_encode(),
            "image": pa.array([b"\0\xff", None, b"", b"x"]),
            "tags": [["x"], [], None, ["y", None]],
            "by": [{"name": "A", "age": 1}, None, {"name": None, "age": 2}, {}],
            "half": pa.array(np.array([0.5, 1, 2, 3], np.float16)),
        }
    )


def test_parquet_keeps_types_values_order_and_metadata(encoder: Encoder, tmp_path: Path) -> None:
    before = table_of_many_types().replace_schema_metadata({"mine": "kept"})
    parquet.write_table(before, tmp_path / "a.parquet", row_group_size=3)
    reading = InputOptions(column="body")
    output = tmp_path / "o.parquet"
    embed_files([tmp_path / "a.parquet"], output, reading=reading, embedding=ModelOptions(encoder))
    after = parquet.read_table(output)
    assert after.schema.names == [*before.schema.names, "embedding"]
    assert after.drop_columns("embedding").equals(before)
    assert after.schema.metadata[b"mine"] == b"kept"
    assert after["embedding"].is_valid().to_pylist() == [text is not None for text in TEXTS]
    # Independent readers see the same
    names = ["id", "body", "embedding"]
    assert pandas.read_parquet(output, columns=names)["id"].to_list()[3] == 2**63
    assert polars.read_parquet(output, columns=names)["body"].to_list() == TEXTS


def test_an_index_of_pandas_comes_back(encoder: Encoder, tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {"text": ["a", "b"], "n": [1, 2]}, index=pandas.Index([7, 9], name="k")
    )
    frame.to_parquet(tmp_path / "a.parquet")
    embed_files([tmp_path / "a.parquet"], tmp_path / "o.parquet", embedding=ModelOptions(encoder))
    found = pandas.read_parquet(tmp_path / "o.parquet")
    pandas.testing.assert_frame_equal(found.drop(columns="embedding"), frame)


def test_json_lines_come_back_as_they_were(encoder: Encoder, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"id": 1, "text": 'say "ü"\n%s', "mixed": 1, "by": {"name": "A"}, "big": 2**70},
        {"id": 2, "text": None, "mixed": ["x", {"y": None}], "by": {"name": None}, "big": 1},
    ]
    source, output = tmp_path / "a.jsonl", tmp_path / "o.jsonl"
    source.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    embed_files([source], output, embedding=ModelOptions(encoder))
    found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    for record in found:
        del record["embedding"], record["embedding_model"]
    assert found == records
    assert [list(record) for record in found] == [list(record) for record in records]


def test_parquet_becomes_json_lines(encoder: Encoder, tmp_path: Path) -> None:
    table = table_of_many_types().drop_columns(["image"])
    parquet.write_table(table, tmp_path / "a.parquet")
    output = tmp_path / "o.jsonl"
    reading = InputOptions(column="body")
    embed_files([tmp_path / "a.parquet"], output, reading=reading, embedding=ModelOptions(encoder))
    first = json.loads(output.read_text(encoding="utf-8").splitlines()[0])
    assert first["when"].startswith("2020-01-01 ")
    assert first["price"] == "1.10"
    assert first["kind"] == "a"
    assert first["by"] == {"name": "A", "age": 1}
    assert first["half"] == 0.5


@pytest.mark.parametrize(
    ("keep", "expected"), [([], ["body"]), (["tags", "id"], ["id", "body", "tags"])]
)
def test_columns_can_be_left_out(
    keep: list[str], expected: list[str], encoder: Encoder, tmp_path: Path
) -> None:
    parquet.write_table(table_of_many_types(), tmp_path / "a.parquet")
    reading = InputOptions(column="body")
    output = tmp_path / "o.parquet"
    embed_files(
        tmp_path / "a.parquet", output, reading=reading, embedding=ModelOptions(encoder), keep=keep
    )
    assert parquet.read_table(output).column_names == [*expected, "embedding"]
    with pytest.raises(ColumnError, match="no column is named 'none', which is to be kept; found"):
        embed_files(
            tmp_path / "a.parquet",
            tmp_path / "p.parquet",
            reading=reading,
            embedding=ModelOptions(encoder),
            keep=["none"],
        )


def test_names_and_numbers_that_json_writes_otherwise(encoder: Encoder, tmp_path: Path) -> None:
    table = pa.table(
        {"text": ["a"], "100 %s": [float("inf")], 'say "x"': [[float("nan"), 1.5]], "ok": [True]}
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    embed_files(tmp_path / "a.parquet", tmp_path / "o.jsonl", embedding=ModelOptions(encoder))
    found = json.loads((tmp_path / "o.jsonl").read_text(), parse_constant=pytest.fail)
    kept = {name: found[name] for name in table.column_names}
    assert kept == {"text": "a", "100 %s": None, 'say "x"': [None, 1.5], "ok": True}


def test_what_json_cannot_hold_is_told_before_any_work(encoder: Encoder, tmp_path: Path) -> None:
    parquet.write_table(table_of_many_types(), tmp_path / "a.parquet")
    with pytest.raises(ColumnError, match="'image' has the type binary, which JSON Lines cannot"):
        embed_files(
            [tmp_path / "a.parquet"],
            tmp_path / "o.jsonl",
            reading=InputOptions(column="body"),
            embedding=ModelOptions(encoder),
        )
    assert not (tmp_path / "o.jsonl").exists()


def test_inputs_of_different_columns_are_joined_by_name(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n007,one\n")
    (tmp_path / "b.jsonl").write_text('{"text": "two", "stars": 5}\n')
    (tmp_path / "c.txt").write_text("three\n")
    inputs = [tmp_path / name for name in ("a.csv", "b.jsonl", "c.txt")]
    embed_files(inputs, tmp_path / "o.parquet", embedding=ModelOptions(encoder))
    found = parquet.read_table(tmp_path / "o.parquet").drop_columns("embedding").to_pydict()
    assert found == {
        "id": ["007", None, None],
        "text": ["one", "two", "three"],
        "stars": [None, 5, None],
        "source": list(map(str, inputs)),
    }


def test_columns_that_do_not_fit_together_are_an_error(encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n007,one\n")
    (tmp_path / "b.jsonl").write_text('{"text": "two", "id": 5}\n')
    with pytest.raises(ColumnError, match=r"b\.jsonl: its columns do not fit .*string vs int64"):
        embed_files(
            [tmp_path / "a.csv", tmp_path / "b.jsonl"],
            tmp_path / "o.parquet",
            embedding=ModelOptions(encoder),
        )


@pytest.mark.parametrize(
    ("header", "message"),
    [("text,embedding", "'embedding' already; name that of the vectors with --vectors")],
)
def test_a_column_of_the_name_of_the_vectors(
    header: str, message: str, encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\na,b\n")
    with pytest.raises(ColumnError, match=message):
        embed_files([tmp_path / "a.csv"], tmp_path / "o.jsonl", embedding=ModelOptions(encoder))
    embed_files(
        [tmp_path / "a.csv"],
        tmp_path / "o.jsonl",
        embedding=ModelOptions(encoder),
        vectors="mine",
    )
    found = json.loads((tmp_path / "o.jsonl").read_text())
    assert list(found) == ["text", "embedding", "mine", "mine_model"]


def test_a_flat_and_a_nested_column_of_one_name(encoder: Encoder, tmp_path: Path) -> None:
    table = pa.table({"a": [{"b": "nested"}], "a.b": ["flat"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    reading = InputOptions(column="a.b")
    embed_files(
        [tmp_path / "a.parquet"],
        tmp_path / "o.parquet",
        reading=reading,
        embedding=ModelOptions(encoder),
    )
    found = parquet.read_table(tmp_path / "o.parquet")
    assert found.drop_columns("embedding").equals(table)
    vector = np.array(found["embedding"].to_pylist()[0], np.float32)
    assert vector.tobytes() == encoder.encode(["flat"])[0].tobytes()


def not_utf8(path: Path) -> Path:
    texts = pa.array([b"good", b"caf\xe9"], pa.binary()).cast(pa.string(), safe=False)
    table = pa.table({"text": pa.array(["x"] * 5), "other": pa.array(["y"] * 5)})
    bad = pa.Array.from_buffers(pa.string(), 2, texts.buffers())
    table = pa.table({"text": pa.concat_arrays([table["text"].chunk(0), bad])})
    parquet.write_table(table, path)
    return path


def test_strings_that_are_not_utf8(encoder: Encoder, tmp_path: Path) -> None:
    source = not_utf8(tmp_path / "a.parquet")
    embedding = ModelOptions(encoder)
    with pytest.raises(InputError, match=r"row 6: byte 3 of the text \(0xe9\).*--errors replace"):
        embed_files([source], tmp_path / "o.parquet", embedding=embedding)
    for output in ("o.parquet", "o.jsonl"):
        reading = InputOptions(errors="replace")
        embed_files([source], tmp_path / output, reading=reading, embedding=embedding)
    assert parquet.read_table(tmp_path / "o.parquet")["text"].to_pylist()[6] == "caf\ufffd"


def test_names_that_are_not_utf8_have_escapes(encoder: Encoder, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    Path(name).write_text("a\n")
    (tmp_path / "b.txt").write_text("b\n")
    for output in ("o.parquet", "o.jsonl", "o.npy"):
        embed_files([name, tmp_path / "b.txt"], tmp_path / output, embedding=ModelOptions(encoder))
    found = parquet.read_table(tmp_path / "o.parquet")["source"].to_pylist()
    assert found == [f"{tmp_path}/caf\\xe9.txt", f"{tmp_path}/b.txt"]
