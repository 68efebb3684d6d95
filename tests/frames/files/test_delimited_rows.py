"""CSV that is written: Python's `csv`, DuckDB and our own reader get every value back."""

from __future__ import annotations

import csv
import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.files.inputs import Inputs
from embedpipe.frames.files.sinks import sink_of
from embedpipe.frames.files.vectors import Vectors, vector_field
from embedpipe.output import AtomicFile

VECTORS = np.array([[0.124283254, -0.0], [1e-45, 3.4028235e38]], np.float32)

HARD = ["a,b", 'say "x"', "two\nlines", "re\rturn", "crlf\r\n", "tab\t|;", " spaced ", "東\ufeff"]


def write(path: Path, columns: dict[str, Any], vectors: np.ndarray | None = None) -> None:
    """The columns, with a vector for each row; a row of NaN is null."""
    table = pa.table(columns)
    if vectors is None:
        vectors = np.resize(VECTORS, (table.num_rows, 2))
    made = Vectors(np.nan_to_num(vectors).astype(np.float32), ~np.isnan(vectors[:, 0]))
    schema = pa.schema([*table.schema, vector_field("embedding", 2, b"{}")])
    with AtomicFile(path) as file, sink_of(path)(file, schema, "embedding") as sink:
        arrays = [*(column.combine_chunks() for column in table.columns), made.to_arrow()]
        sink.write(pa.RecordBatch.from_arrays(arrays, schema=schema))


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        return list(csv.DictReader(file, delimiter=delimiter, strict=True))


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_any_text_comes_back(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, {'na"me,\t': HARD[::-1], "text": HARD})
    assert [row["text"] for row in rows_in(path)] == HARD
    assert [row['na"me,\t'] for row in rows_in(path)] == HARD[::-1]
    batches = list(Inputs([str(path)]).batches())
    assert [text for batch in batches for text in batch.records["text"].to_pylist()] == HARD


def test_vectors_come_back_to_the_bit_and_null_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, {"text": ["a", "b", None]}, np.concatenate([VECTORS, [[np.nan, 0.0]]]))
    found = rows_in(path)
    parsed = np.array([json.loads(row["embedding"]) for row in found[:2]], np.float32)
    assert parsed.tobytes() == VECTORS.tobytes()
    assert found[2] == {"text": "", "embedding": ""}


def test_values_stay_as_they_are(tmp_path: Path) -> None:
    columns = {
        "large": pa.array([2**63 - 1, 9007199254740993], pa.int64()),
        "larger": pa.array([2**64 - 1, None], pa.uint64()),
        "float": [0.1, float("nan")],
        "truth": [True, None],
        "zeros": ["007", ""],
        "exact": pa.array([Decimal("1.50"), None], pa.decimal128(5, 2)),
        "day": [datetime.date(2020, 1, 2), None],
        "span": [datetime.timedelta(seconds=1), None],
        "tags": [["x", '"'], None],
        "kind": pa.array(["k", None]).dictionary_encode(),
    }
    write(tmp_path / "a.csv", columns)
    first, second = (
        {name: value for name, value in row.items() if name != "embedding"}
        for row in rows_in(tmp_path / "a.csv")
    )
    assert list(first.values()) == [
        "9223372036854775807",
        "18446744073709551615",
        "0.1",
        "true",
        "007",
        "1.50",
        "2020-01-02",
        "0:00:01",
        '["x", "\\""]',
        "k",
    ]
    assert second == dict.fromkeys(columns, "") | {"large": "9007199254740993", "float": "nan"}


def test_duckdb_reads_vectors_as_numbers(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="COULD NOT RUN: pip install duckdb")
    write(tmp_path / "a.csv", {"n": [1, 2], "text": ["a,b", "c"]})
    found = duckdb.sql(
        f"SELECT n, text, embedding::FLOAT[2] FROM read_csv('{tmp_path}/a.csv') ORDER BY n"
    ).fetchall()
    assert [row[:2] for row in found] == [(1, "a,b"), (2, "c")]
    vectors = np.array([row[2] for row in found], np.float32)
    assert vectors.tobytes() == VECTORS.tobytes()


def test_what_csv_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=r"'b' has the type binary, which CSV cannot hold; write"):
        write(tmp_path / "a.csv", {"b": [b"\xff", b""]})
    bad = pa.array([b"\xff", b"a"]).view(pa.string())
    with pytest.raises(InputError, match=r"'s' holds strings that are not UTF-8.*which CSV cannot"):
        write(tmp_path / "a.csv", {"s": bad})
    assert list(tmp_path.iterdir()) == []
