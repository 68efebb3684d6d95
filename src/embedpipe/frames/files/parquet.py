"""Reads Parquet as record batches with all columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.columns import is_text_type
from embedpipe.frames.files.batches import GROUP_RECORDS, column_position
from embedpipe.frames.texts import is_utf8

__all__ = ["parquet_batches"]


def parquet_batches(
    stream: BinaryIO, source: str, options: InputOptions
) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Batches, each with the fraction of all rows read so far; the first one is empty.

    Raises ColumnError unless there is one string column of the text's name at the top level.
    """
    # Otherwise a whole row group, or one column of it, would be loaded at a time.
    piecewise = {"buffer_size": 1 << 20, "pre_buffer": False}
    with _errors(source), parquet.ParquetFile(stream, **piecewise) as file:
        schema = file.schema_arrow
        column = options.text_column
        position = column_position(schema.names, column, source)
        kind = schema.field(position).type
        if not is_text_type(kind):
            raise ColumnError(
                f"{source}: the column {column!r} has the type {kind}; expected string"
            )
        yield pa.RecordBatch.from_pylist([], schema=schema), 0.0
        rows = 0
        # All columns, not some by name: a name may be that of a nested column, too.
        for batch in file.iter_batches(batch_size=GROUP_RECORDS):
            texts = _decoded(batch.column(position), options.errors, source, rows)
            rows += batch.num_rows
            if texts is not batch.column(position):
                batch = batch.set_column(position, schema.field(position), texts)  # noqa: PLW2901
            yield batch, rows / file.metadata.num_rows


@contextmanager
def _errors(source: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{source} is not a Parquet file that can be read: {error}; check the file, or name "
            "its format with --format"
        ) from error


def _decoded(array: pa.Array, errors: str, where: str, first_row: int) -> pa.Array:
    """The strings, those that are not UTF-8 decoded as `errors` says; the same array if all are.

    Arrow's files may hold any bytes as strings. first_row: the number of the first one's row, from
    which an InputError counts.
    """
    if is_utf8(array):
        return array
    plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    texts: list[str | None] = []
    for row, value in enumerate(plain.cast(pa.large_binary()).to_pylist(), start=first_row):
        try:
            texts.append(None if value is None else value.decode("utf-8", errors))
        except UnicodeDecodeError as error:
            raise InputError(
                f"{where}, row {row}: byte {error.start} of the text "
                f"(0x{value[error.start]:02x}) is not utf-8: {error.reason}; correct the text, or "
                "use --errors replace"
            ) from error
    return pa.array(texts, plain.type)
