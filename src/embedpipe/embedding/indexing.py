"""Makes an index of the records of files, adds to it, and deletes from it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.options import ModelOptions
from embedpipe.embedding.searched import Searched, common_embedder, searched_files
from embedpipe.embedding.stored import StoredVectors
from embedpipe.embedding.vector_index import VectorIndex, is_index
from embedpipe.embedding.where import Condition, conditions
from embedpipe.errors import ColumnError, OutputError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.batches import conform, kept_positions, unified
from embedpipe.frames.files.inputs import InputBatch
from embedpipe.frames.files.sources import source_name
from embedpipe.frames.files.vectors import Vectors
from embedpipe.output import AtomicDirectory, check_output
from embedpipe.progress import Progress

__all__ = [
    "LINE",
    "ROW",
    "SOURCE_COLUMN",
    "IndexSummary",
    "aliased",
    "delete_from_index",
    "index_files",
]

SOURCE_COLUMN, ROW, LINE = "embedpipe_source", "embedpipe_row", "embedpipe_line"
"""Columns of an index that tell where a record stood."""


@dataclass(frozen=True)
class IndexSummary:
    """What was done. added, deleted: records. records: that can be found now."""

    records: int
    added: int
    deleted: int
    seconds: float


def index_files(  # noqa: PLR0913 - all but two are keywords with defaults
    files: str | Path | Sequence[str | Path],
    folder: str | Path,
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str | None = None,
    keep: Sequence[str] | None = None,
    add: bool = False,
    overwrite: bool = False,
    progress: bool = False,
) -> IndexSummary:
    """Make an index of the records of files, which `search_files` searches, or add to one.

    Args:
        files, reading, embedding, vectors: as for `search_files`: vectors that are stored are
            taken, other texts embedded.
        folder: where the index is made; whole or not at all.
        keep: the columns that are kept beside the text; None for all.
        add: whether an index that is there gets the records too; it must be of the same model.
        overwrite: whether it is replaced instead.
        progress: whether to show it on standard error.

    With 50,000 records and more, search is approximate if FAISS is there (pip install
    'embedpipe[search]'). Records without text or vector are left out.

    >>> import tempfile
    >>> from embedpipe.embedding.search import search_file
    >>> with tempfile.TemporaryDirectory() as above:
    ...     path = Path(above, "in.txt")
    ...     _ = path.write_text("The train is late.\\nA red apple.\\n")
    ...     count = index_files(path, Path(above, "index")).records
    ...     hit = search_file("fruit", Path(above, "index"), k=1)[0]
    >>> count, hit.text, hit.line
    (2, 'A red apple.', 2)
    """
    paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if add and overwrite:
        raise ParameterError("add and overwrite contradict each other; say one of them")
    start = time.perf_counter()
    existing = VectorIndex(folder) if add and is_index(folder) else None
    if existing is None:
        _check_folder(folder, paths, overwrite=overwrite)
    searched = searched_files(paths, reading, vectors)
    stored = [each.stored for each in searched if each.stored is not None]
    if existing is not None:
        stored.append(StoredVectors(str(folder), existing.made_with))
    options = embedding or ModelOptions()
    embedder = common_embedder(stored, options).for_documents()
    column = _common_column(searched, existing)
    with Progress(unit="records", shown=None if progress else False, leave=False) as bar:
        batches = _batches(searched, embedder, options.model is not None, keep, bar)
        if existing is not None:
            before, index = existing.count, existing.add(batches)
        else:
            with AtomicDirectory(folder, replace=overwrite) as new:
                made = embedder.origin() | {"column": column}
                before = 0
                index = VectorIndex.create(new.temporary, embedder.dimension, made).add(batches)
    seconds = time.perf_counter() - start
    return IndexSummary(index.count, index.count - before, 0, seconds)


def delete_from_index(folder: str | Path, where: str | Sequence[str]) -> IndexSummary:
    """Delete the records that meet all conditions, such as "source = a.csv" or "stars < 2"."""
    start = time.perf_counter()
    index = VectorIndex(folder)
    asked = [aliased(each, index) for each in conditions(where)]
    if not asked:
        raise ParameterError("where: found no condition; expected one, as in 'stars < 2'")
    index, count = index.delete(asked)
    return IndexSummary(index.count, 0, count, time.perf_counter() - start)


def aliased(condition: Condition, index: VectorIndex) -> Condition:
    """With `source`, `line` and `row` for where a record stood, if no column has that name."""
    known = {"source": SOURCE_COLUMN, "line": LINE, "row": ROW}
    names = {name for segment in index.segments for name in segment.schema.names}
    if condition.column in names or condition.column not in known:
        return condition
    return replace(condition, column=known[condition.column])


def _check_folder(folder: str | Path, inputs: Sequence[Any], *, overwrite: bool) -> None:
    path = Path(folder)
    if is_index(path) and not overwrite:
        raise OutputError(
            f"cannot write {folder}: it holds an index already; add to it with --add, or replace "
            "it with --overwrite"
        )
    if path.is_dir() and any(path.iterdir()) and not is_index(path):
        raise OutputError(
            f"cannot write {folder}: the folder holds something that is no index; name another one"
        )
    check_output(folder, overwrite=overwrite, folder=True, inputs=inputs)


def _common_column(searched: Sequence[Searched], existing: VectorIndex | None) -> str:
    columns = {each.column for each in searched}
    if existing is not None:
        columns.add(existing.made_with.get("column", "text"))
    if len(columns) > 1:
        names = " and ".join(map(repr, sorted(columns)))
        raise ColumnError(
            f"the text is in columns of different names, {names}; an index has one: rename them, "
            "or make an index of each"
        )
    return columns.pop()


def _batches(
    searched: Sequence[Searched],
    embedder: Embedder,
    is_named: bool,
    keep: Sequence[str] | None,
    bar: Progress,
) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.float32]]]:
    """The records of all files under one schema, with where they stood, and their vectors."""
    sources = [each.inputs.sources[0] for each in searched]
    schema = unified([each.schema() for each in searched], sources)
    kept = kept_positions(schema.names, searched[0].column, keep)
    sizes = [each.inputs.total_size() for each in searched]
    total, before = sum(size or 0 for size in sizes), 0
    for file, size in zip(searched, sizes, strict=True):
        for batch, vectors in file.batches(embedder, is_named=is_named):
            yield _with_place(batch, vectors, file, schema, kept)
            share = (before + batch.bytes_read) / total if total and None not in sizes else None
            bar.advance(batch.records.num_rows, share=share)
        before += size or 0


def _with_place(
    batch: InputBatch, vectors: Vectors, file: Searched, schema: pa.Schema, kept: list[int]
) -> tuple[pa.RecordBatch, npt.NDArray[np.float32]]:
    names = batch.records.schema.names
    chosen = [i for i, name in enumerate(names) if name not in file.without]
    records = conform(batch.records.select(chosen), schema, batch.source)
    count = records.num_rows
    rows = pa.array(np.arange(count, dtype=np.int64) + batch.first_row)
    lines = (
        pa.nulls(count, pa.int64()) if batch.lines is None else pa.array(batch.lines, pa.int64())
    )
    places = {SOURCE_COLUMN: pa.repeat(source_name(batch.source), count), ROW: rows, LINE: lines}
    fields = [_plain(schema.field(i)) for i in kept]
    arrays = [
        array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        for array in (records.column(i) for i in kept)
    ]
    made = pa.RecordBatch.from_arrays(
        [*arrays, *places.values()],
        schema=pa.schema([*fields, *(pa.field(n, a.type) for n, a in places.items())]),
    )
    if vectors.present.all():
        return made, vectors.values
    return made.filter(pa.array(vectors.present)), vectors.values[vectors.present]


def _plain(field: pa.Field) -> pa.Field:
    """A dictionary's values: a file of Arrow holds one dictionary, which would have to grow."""
    kind = field.type
    return field.with_type(kind.value_type) if pa.types.is_dictionary(kind) else field
