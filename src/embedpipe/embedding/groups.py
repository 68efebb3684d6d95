"""Joins the batches of many small inputs, so that they are embedded and written together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from embedpipe.frames.files.bad_records import BadRecord
from embedpipe.frames.files.batches import GROUP_CHARACTERS, GROUP_RECORDS
from embedpipe.frames.files.inputs import InputBatch, Position
from embedpipe.frames.files.sources import source_name

__all__ = ["Group", "groups"]


@dataclass(frozen=True)
class Group:
    """Records of one or several inputs: at most 1,024.

    sources: the input of each record. text_bytes: of the texts. next, bytes_read: after the last of
    them. bad: what was passed over among them and before.
    """

    records: pa.RecordBatch
    sources: pa.Array
    text_bytes: int
    next: Position
    bytes_read: int
    bad: tuple[BadRecord, ...]


def groups(batches: Iterable[InputBatch], column: str, limit: int | None = None) -> Iterator[Group]:
    """Whole batches together, as long as records and the characters of `column` allow it.

    Which ones come together depends on where the batches begin, and on nothing else. limit: no more
    records than that.
    """
    together: list[InputBatch] = []
    left = limit
    for batch in batches:
        if left is not None:
            batch = _cut(batch, left)  # noqa: PLW2901
            left -= batch.records.num_rows
        if together and not _fits([*together, batch], column):
            yield _group(together, column)
            together = []
        together.append(batch)
        if left == 0:
            break
    if together:
        yield _group(together, column)


def _cut(batch: InputBatch, most: int) -> InputBatch:
    if batch.records.num_rows <= most:
        return batch
    return InputBatch(
        batch.records.slice(0, most),
        batch.source,
        batch.first_row,
        batch.bytes_read,
        None if batch.lines is None else batch.lines[:most],
        Position(batch.next.input, batch.first_row + most),
        batch.bad,
    )


def _fits(batches: list[InputBatch], column: str) -> bool:
    if any(pa.types.is_dictionary(field.type) for field in batches[0].records.schema):
        return False
    if sum(batch.records.num_rows for batch in batches) > GROUP_RECORDS:
        return False
    position = batches[0].records.schema.names.index(column)
    texts = sum(batch.records.column(position).nbytes for batch in batches)
    everything = sum(batch.records.nbytes for batch in batches)
    return bool(texts <= GROUP_CHARACTERS and everything <= 16 * GROUP_CHARACTERS)


def _group(batches: list[InputBatch], column: str) -> Group:
    records = batches[0].records
    if len(batches) > 1:
        table = pa.Table.from_batches([batch.records for batch in batches]).combine_chunks()
        records = (table.to_batches() or [records.slice(0, 0)])[0]
    sources = [pa.repeat(source_name(batch.source), batch.records.num_rows) for batch in batches]
    last = batches[-1]
    return Group(
        records,
        pa.concat_arrays(sources),
        records.column(records.schema.names.index(column)).nbytes,
        last.next,
        last.bytes_read,
        tuple(bad for batch in batches for bad in batch.bad),
    )
