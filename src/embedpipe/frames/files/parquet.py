"""Parquet to record batches, all columns in their types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from embedpipe.errors import InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.columns import check_string, check_utf8, column_position
from embedpipe.frames.files.grouping import GROUP_RECORDS

__all__ = ["parquet_batches"]


def parquet_batches(
    stream: BinaryIO, source: str, options: InputOptions
) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Batches, each with the fraction of all rows read so far; the first one is empty.

    Raises ColumnError unless there is one string column of the text's name at the top level.
    """
    # Without buffer_size, a whole column of a row group would be loaded at a time.
    with _errors(source), parquet.ParquetFile(stream, buffer_size=1 << 20) as file:
        schema = file.schema_arrow
        column = options.text_column
        position = column_position(schema.names, column, source)
        check_string(schema.field(position).type, source, column)
        yield pa.RecordBatch.from_pylist([], schema=schema), 0.0
        rows = 0
        # All columns, not some by name: a name may be that of a nested column, too.
        for batch in file.iter_batches(batch_size=GROUP_RECORDS):
            texts = check_utf8(batch.column(position), options.errors, source, rows)
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
