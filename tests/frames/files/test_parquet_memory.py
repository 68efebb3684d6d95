"""Parquet is read piece by piece: a row group is never held as a whole."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import pyarrow as pa
from pyarrow import parquet

from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.parquet import parquet_batches

ROWS = 40_000


class Recording(io.FileIO):
    """A file that remembers how far it had been read when the first rows came out of it."""

    done = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(-1 if size is None else size)
        self.done += len(found)
        return found


def test_a_row_group_is_read_piece_by_piece(tmp_path: Path) -> None:
    random = Random(1)
    texts = [random.randbytes(250).hex() for _ in range(ROWS)]  # which compression cannot shorten
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table({"text": texts}), path)
    assert parquet.ParquetFile(path).num_row_groups == 1
    with Recording(path) as stream:
        batches = parquet_batches(stream, "in", InputOptions("text"), BadRecords())
        rows = [next(batches)[0].num_rows, next(batches)[0].num_rows]
        early = stream.done
        rows += [batch.records.num_rows for batch in batches]
    assert sum(rows) == ROWS
    assert early < path.stat().st_size / 2
