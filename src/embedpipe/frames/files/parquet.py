"""Reads Parquet as record batches with all columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from embedpipe.errors import InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.batches import GROUP_RECORDS, ReadBatch, reading_errors
from embedpipe.frames.files.typed import text_position, with_decoded_text

__all__ = ["parquet_batches"]


def parquet_batches(
    stream: BinaryIO, source: str, options: InputOptions, bad: BadRecords
) -> Iterator[ReadBatch]:
    """Batches, each with the fraction of all rows read so far; the first one is empty.

    Raises ColumnError unless there is one string column of the text's name at the top level.
    """
    # Otherwise a whole row group, or one column of it, would be loaded at a time.
    piecewise = {"buffer_size": 1 << 20, "pre_buffer": False}
    with reading_errors(source, "a Parquet file"), parquet.ParquetFile(stream, **piecewise) as file:
        schema = file.schema_arrow
        position = text_position(schema, source, options)
        yield ReadBatch(pa.RecordBatch.from_pylist([], schema=schema), None, 0.0)
        rows = 0
        # All columns, not some by name: a name may be that of a nested column, too.
        for batch in _whole(file, source):
            decoded = with_decoded_text(
                batch, position, options.errors, source=source, first_row=rows, bad=bad
            )
            rows += batch.num_rows
            yield ReadBatch(decoded, None, rows / file.metadata.num_rows)


def _whole(file: parquet.ParquetFile, source: str) -> Iterator[pa.RecordBatch]:
    """All batches; InputError tells in which rows the file is damaged."""
    rows = 0
    try:
        for batch in file.iter_batches(batch_size=GROUP_RECORDS):
            rows += batch.num_rows
            yield batch
    except (pa.ArrowException, OSError) as error:
        last = min(rows + GROUP_RECORDS, file.metadata.num_rows) - 1
        raise InputError(
            f"{source}: what holds its rows {rows:,} to {last:,} (from 0) is damaged: {error}; get "
            "the file again, or keep what comes before with --on-error skip"
        ) from error
