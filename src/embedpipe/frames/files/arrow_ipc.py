"""Reads Arrow IPC files, Feather version 2 among them, and streams, with all columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.batches import GROUP_RECORDS, ReadBatch, reading_errors
from embedpipe.frames.files.typed import text_position, with_decoded_text

__all__ = ["arrow_batches"]


def arrow_batches(
    stream: Any, source: str, options: InputOptions, bad: BadRecords, *, is_file: bool
) -> Iterator[ReadBatch]:
    """Batches of at most 1,024 rows; the first one is empty.

    is_file: whether it is the format with an index, which is read from `stream` where it is no file
    of this machine; else the format without one. A batch of the file is mapped, not loaded, unless
    it is compressed. Raises ColumnError as for Parquet.
    """
    with (
        reading_errors(source, "an Arrow file"),
        _reader(stream, source, is_file=is_file) as (schema, parts, count),
    ):
        position = text_position(schema, source, options)
        yield ReadBatch(pa.RecordBatch.from_pylist([], schema=schema), None, 0.0)
        rows = 0
        for number, part in enumerate(parts, start=1):
            for begin in range(0, part.num_rows, GROUP_RECORDS):
                batch = part.slice(begin, GROUP_RECORDS)
                decoded = with_decoded_text(
                    batch, position, options.errors, source=source, first_row=rows, bad=bad
                )
                rows += batch.num_rows
                within = min(begin + GROUP_RECORDS, part.num_rows) / part.num_rows
                done = (number - 1 + within) / count if count else None
                yield ReadBatch(decoded, None, done)


@contextmanager
def _reader(
    stream: Any, source: str, *, is_file: bool
) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch], int | None]]:
    """The schema, the batches, and how many there are."""
    if not is_file:
        with pa.ipc.open_stream(stream) as reader:
            yield reader.schema, iter(reader), None
        return
    with _mapped(stream, source) as mapped, pa.ipc.open_file(mapped) as reader:
        count = reader.num_record_batches
        yield reader.schema, map(reader.get_batch, range(count)), count


def _mapped(stream: BinaryIO, source: str) -> Any:
    if Path(source).is_file():
        return pa.memory_map(source, "r")
    return pa.PythonFile(stream, "r")
