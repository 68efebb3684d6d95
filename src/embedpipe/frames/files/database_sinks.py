"""Writes record batches with vectors into databases: DuckDB, SQLite and Lance."""

from __future__ import annotations

import datetime
import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from embedpipe._dependencies import require
from embedpipe.errors import ColumnError, OutputError
from embedpipe.frames.files.json_types import finite
from embedpipe.frames.files.sinks import Sink
from embedpipe.frames.files.vectors import MADE_WITH, stored_rows

__all__ = ["DuckDbSink", "LanceSink", "SqliteSink"]


class DuckDbSink(Sink):
    """A table `records`; the vectors are FLOAT[dimension], their comment says what made them."""

    def __init__(self, path: Path, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`; `path` is that of a new file."""
        duckdb: Any = require("duckdb", "writing .duckdb")
        self._error = duckdb.Error
        self._connection = duckdb.connect(str(path))
        self._path = path
        made_with = (schema.field(vectors).metadata or {}).get(MADE_WITH, b"null").decode()
        try:
            self._insert("CREATE TABLE records AS SELECT * FROM batch", schema.empty_table())
            self._connection.execute(
                f"COMMENT ON COLUMN records.{_quoted(vectors)} IS '{_escaped(made_with)}'"
            )
        except duckdb.Error as error:
            self._connection.close()
            raise ColumnError(
                f"DuckDB cannot hold these columns: {error}; leave some out with --keep, or write "
                "Parquet"
            ) from error

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        try:
            batch = pa.Table.from_batches([records])
            self._insert("INSERT INTO records SELECT * FROM batch", batch)
        except self._error as error:
            raise OutputError(f"cannot write to DuckDB: {error}; check the disk") from error

    def _insert(self, statement: str, batch: pa.Table) -> None:
        self._connection.register("batch", batch)
        self._connection.execute(statement)
        self._connection.unregister("batch")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.close()


class SqliteSink(Sink):
    """A table `records`; a vector is a BLOB of float32, as the functions of sqlite-vec take it.

    The table `embedpipe` says what made them. Lists and objects become JSON, times ISO 8601.
    """

    def __init__(self, path: Path, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`; `path` is that of a new file."""
        lower = [name.lower() for name in schema.names]
        twice = next((name for name in lower if lower.count(name) > 1), None)
        if twice is not None:
            raise ColumnError(
                f"two columns are named {twice!r} in capital or small letters, which SQLite cannot "
                "hold; leave one out with --keep, or write Parquet"
            )
        self._vectors = vectors
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA synchronous = OFF")  # it appears when it is complete
        columns = ", ".join(f"{_quoted(field.name)} {_affinity(field)}" for field in schema)
        self._connection.execute(f"CREATE TABLE records ({columns})")
        self._connection.execute("CREATE TABLE embedpipe (vectors TEXT, made_with TEXT)")
        made_with = (schema.field(vectors).metadata or {}).get(MADE_WITH, b"null").decode()
        self._connection.execute("INSERT INTO embedpipe VALUES (?, ?)", (vectors, made_with))
        marks = ", ".join("?" * len(schema))
        self._statement = f"INSERT INTO records VALUES ({marks})"  # noqa: S608 - marks alone

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        columns = [
            _blobs(array) if field.name == self._vectors else map(_plain, array.to_pylist())
            for field, array in zip(records.schema, records.columns, strict=True)
        ]
        try:
            self._connection.executemany(self._statement, zip(*columns, strict=True))
        except (sqlite3.Error, OverflowError) as error:
            raise OutputError(
                f"cannot write to SQLite: {error}; check the disk, leave the column out with "
                "--keep, or write Parquet"
            ) from error

    def finish(self) -> None:
        """Commit."""
        self._connection.commit()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            super().__exit__(kind)
        finally:
            self._connection.close()


class LanceSink(Sink):
    """A Lance dataset, a folder; the field's metadata says what made the vectors."""

    _ROWS = 1 << 16  # of a fragment

    def __init__(self, path: Path, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`; `path` is that of a folder."""
        self._lance: Any = require("lance", "writing .lance")
        require("lance.fragment", "writing .lance")
        self._path = str(path)
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []
        self._fragments: list[Any] = []
        del vectors

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        self._batches.append(records)
        if sum(batch.num_rows for batch in self._batches) >= self._ROWS:
            self._write_fragment()

    def _write_fragment(self) -> None:
        table = pa.Table.from_batches(self._batches, self._schema)
        self._batches = []
        try:
            self._fragments += self._lance.fragment.write_fragments(table, self._path)
        except (OSError, ValueError) as error:
            raise OutputError(
                f"cannot write to Lance: {error}; check the disk, leave the column out with "
                "--keep, or write Parquet"
            ) from error

    def finish(self) -> None:
        """Write the last fragment, and the list of all of them."""
        if self._batches or not self._fragments:
            self._write_fragment()
        operation = self._lance.LanceOperation.Overwrite(self._schema, self._fragments)
        self._lance.LanceDataset.commit(self._path, operation)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    return text.replace("'", "''")


def _affinity(field: pa.Field) -> str:
    kind = field.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "INTEGER"
    if pa.types.is_floating(kind):
        return "REAL"
    is_blob = pa.types.is_fixed_size_list(kind) or pa.types.is_binary(kind)
    return "BLOB" if is_blob else "TEXT"


def _blobs(lists: Any) -> list[bytes | None]:
    present = lists.is_valid().to_pylist()
    rows = stored_rows(lists)
    return [row.tobytes() if there else None for row, there in zip(rows, present, strict=True)]


def _plain(value: Any) -> Any:
    """The value as SQLite can hold it."""
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(finite(value), ensure_ascii=False, default=str)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (datetime.timedelta, Decimal)):
        return str(value)
    return value
