"""Searches files and indexes for the records nearest to queries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from embedpipe.embedding.indexing import LINE, ROW, SOURCE_COLUMN, aliased
from embedpipe.embedding.nearest import Nearest
from embedpipe.embedding.options import ModelOptions
from embedpipe.embedding.searched import Searched, common_embedder, searched_files
from embedpipe.embedding.stored import StoredVectors
from embedpipe.embedding.vector_index import VectorIndex, is_index
from embedpipe.embedding.where import Condition, conditions, fits
from embedpipe.errors import InputError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import InputBatch
from embedpipe.frames.files.json_rows import record_values
from embedpipe.frames.files.sources import source_name
from embedpipe.progress import Progress

__all__ = ["Hit", "search_file", "search_files"]


@dataclass(frozen=True)
class Hit:
    """A record found.

    rank counts from 1; score is the cosine similarity; row counts from 0 in the file `source`, line
    from 1, None where the format has no lines. columns: what else the record has, by name, without
    vectors, as JSON can hold it.
    """

    rank: int
    score: float
    row: int
    text: str
    source: str
    columns: dict[str, Any]
    line: int | None = None


def search_file(query: str, file: str | Path | Sequence[str | Path], **options: Any) -> list[Hit]:
    """The k records whose vectors have the largest cosine with the query's, best first.

    As `search_files`, for one query.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "in.csv")
    ...     _ = path.write_text("id,text\\n7,The train is late.\\n8,A red apple.\\n")
    ...     hit = search_file("fruit", path, k=1)[0]
    >>> hit.rank, hit.row, hit.line, hit.text, hit.columns
    (1, 1, 3, 'A red apple.', {'id': '8'})
    """
    if not isinstance(query, str):
        raise InputError(f"query: found {query!r:.80}; expected str")
    return search_files([query], file, **options)[0]


def search_files(  # noqa: PLR0913 - all but two are keywords with defaults
    queries: Sequence[str],
    files: str | Path | Sequence[str | Path],
    *,
    k: int = 5,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str | None = None,
    where: str | Sequence[str] = (),
    min_score: float | None = None,
    exact: bool = False,
    progress: bool = False,
) -> list[list[Hit]]:
    """For each query, the k records whose vectors have the largest cosine with its own, best first.

    Args:
        files: one or several, folders, patterns, and indexes that `index_files` made, which are
            searched as one.
        reading, embedding: None for the defaults; where a file says what made its vectors, these
            are the defaults. Prompts are those of the queries; None takes the model's for queries,
            and texts that are embedded get the model's for documents, each where it has one.
        vectors: the column with vectors in Parquet, Arrow and JSON; None means "embedding" where
            there is such a column. Files without are embedded.
        where: conditions that records meet, such as "stars >= 4".
        min_score: the least cosine of what is found.
        exact: whether indexes are searched exactly too; files always are.
        progress: whether to show it on standard error, where files are read.

    Equal scores keep the order of the files; records with a null text are passed over; fewer than k
    records give fewer hits. Files are read through in batches, so that they may be larger than
    memory.

    Raises ParameterError if a file with vectors does not say what made them and `embedding` names
    no model, or if one says that another model, pooling or normalization did; InputError for a
    wrong dimension; ColumnError for columns that are missing or of another type.
    """
    embedding = embedding or ModelOptions()
    paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if not (isinstance(k, int) and k >= 1):
        raise ParameterError(f"k: found {k!r:.80}; expected a number of at least 1")
    if not paths:
        raise ParameterError("file: found none; expected one or several")
    asked = conditions(where)
    indexes = [VectorIndex(path) for path in paths if is_index(path)]
    others = [path for path in paths if not is_index(path)]
    searched = searched_files(others, reading, vectors) if others else []
    stored = [each.stored for each in searched if each.stored is not None]
    stored += [StoredVectors(str(index.folder), index.made_with) for index in indexes]
    made = common_embedder(stored, embedding)
    if not queries:
        return []
    embedded = made.for_queries(embedding).embed(list(queries)).values
    nearest: list[Nearest[Hit]] = [Nearest(vector, k) for vector in embedded]
    for index in indexes:
        found = index.search(
            embedded, k, exact=exact, conditions=[aliased(each, index) for each in asked]
        )
        for each, rows, scores in zip(nearest, found.rows, found.scores, strict=True):
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
                if row >= 0:
                    each.offer(score, partial(_indexed_hit, index, row))
    is_named = embedding.model is not None
    with Progress(unit="records", shown=None if progress else False, leave=False) as bar:
        for batch, file, vectors_ in _read(searched, made.for_documents(), is_named, asked, bar):
            for each in nearest:
                each.add(vectors_, partial(_hit, batch, file))
    return [_ranked(each, min_score) for each in nearest]


def _read(
    searched: Sequence[Searched],
    embedder: Any,
    is_named: bool,
    asked: Sequence[Condition],
    bar: Progress,
) -> Iterator[tuple[InputBatch, Searched, Any]]:
    """All batches of files with the vectors of the records that meet the conditions."""
    sizes = [each.inputs.total_size() for each in searched]
    total, before = sum(size or 0 for size in sizes), 0
    for file, size in zip(searched, sizes, strict=True):
        for batch, vectors in file.batches(embedder, is_named=is_named):
            present = vectors.present
            if asked:
                present = present & fits(batch.records, asked, batch.source)
            yield batch, file, replace(vectors, present=present)
            share = (before + batch.bytes_read) / total if total and None not in sizes else None
            bar.advance(batch.records.num_rows, share=share)
        before += size or 0


def _ranked(nearest: Nearest[Hit], min_score: float | None) -> list[Hit]:
    return [
        replace(hit, rank=rank, score=score)
        for rank, (score, hit) in enumerate(nearest.found(), start=1)
        if min_score is None or score >= min_score
    ]


def _hit(batch: InputBatch, file: Searched, row: int) -> Hit:
    """A row of the batch, without rank and score."""
    record = batch.records.slice(row, 1)
    return Hit(
        rank=0,
        score=0.0,
        row=batch.first_row + row,
        text=record[file.column][0].as_py(),
        source=source_name(batch.source),
        columns=record_values(record, {file.column, *file.without}),
        line=None if batch.lines is None else int(batch.lines[row]),
    )


def _indexed_hit(index: VectorIndex, row: int) -> Hit:
    record = index.record(row)
    column = index.made_with.get("column", "text")
    line = record[LINE][0].as_py()
    return Hit(
        rank=0,
        score=0.0,
        row=record[ROW][0].as_py(),
        text=record[column][0].as_py(),
        source=record[SOURCE_COLUMN][0].as_py(),
        columns=record_values(record, {column, SOURCE_COLUMN, ROW, LINE}),
        line=line,
    )
