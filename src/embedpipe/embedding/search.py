"""Searches files for the records nearest to a query."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.nearest import Nearest
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.embedding.stored import StoredVectors, made_with
from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import InputBatch, Inputs, format_of, source_name
from embedpipe.frames.files.json_rows import MODEL_SUFFIX, record_values
from embedpipe.frames.files.vectors import Vectors, check_vectors, vectors_from

__all__ = ["Hit", "records_with_vectors", "search_file"]


@dataclass(frozen=True)
class Hit:
    """A record found.

    rank counts from 1; score is the cosine similarity; row counts from 0 in the file `source`.
    columns: what else the record has, by name, without vectors, as JSON can hold it.
    """

    rank: int
    score: float
    row: int
    text: str
    source: str
    columns: dict[str, Any]


def search_file(  # noqa: PLR0913 - all but two are keywords with defaults
    query: str,
    file: str | Path | Sequence[str | Path],
    *,
    k: int = 5,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str | None = None,
) -> list[Hit]:
    """The k records whose vectors have the largest cosine with the query's, best first.

    Args:
        file: one, or several, which are searched as one.
        reading, embedding: None for the defaults; where a file says what made its vectors, these
            are the defaults. Prompts are those of the query; None takes the model's for queries,
            and texts that are embedded get the model's for documents, each where it has one.
        vectors: the column with vectors in Parquet and JSON Lines; None means "embedding" where
            there is such a column. Files without are embedded.

    Equal scores keep the order of the files; records with a null text are passed over; fewer than k
    records give fewer hits. Files are read through in batches, so that they may be larger than
    memory.

    Raises ParameterError if a file with vectors does not say what made them and `embedding` names
    no model, or if one says that another model, pooling or normalization did; InputError for a
    wrong dimension; ColumnError for columns that are missing or of another type.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "in.csv")
    ...     _ = path.write_text("id,text\\n7,The train is late.\\n8,A red apple.\\n")
    ...     hit = search_file("fruit", path, k=1)[0]
    >>> hit.rank, hit.row, hit.text, hit.columns
    (1, 1, 'A red apple.', {'id': '8'})
    """
    embedding = embedding or ModelOptions()
    paths = [file] if isinstance(file, (str, os.PathLike)) else list(file)
    if not isinstance(query, str):
        raise InputError(f"query: found {query!r:.80}; expected str")
    if not (isinstance(k, int) and k >= 1):
        raise ParameterError(f"k: found {k!r:.80}; expected a number of at least 1")
    files, made = _opened(paths, reading, embedding, vectors)
    nearest: Nearest[Hit] = Nearest(made.for_queries(embedding).embed([query]).values[0], k)
    embedder = made.for_documents()
    for searched in files:
        for batch, found in searched.batches(embedder, is_named=embedding.model is not None):
            nearest.add(found, partial(searched.hit, batch))
    return [
        replace(hit, rank=rank, score=score)
        for rank, (score, hit) in enumerate(nearest.found(), start=1)
    ]


def records_with_vectors(
    paths: Sequence[str | Path],
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str | None = None,
) -> Iterator[tuple[InputBatch, str, Vectors]]:
    """The records of files, the name of the column of texts, and stored vectors or new ones.

    Arguments and errors are those of `search_file`; records with a null text have no vector.
    """
    embedding = embedding or ModelOptions()
    files, made = _opened(paths, reading, embedding, vectors)
    for searched in files:
        is_named = embedding.model is not None
        for batch, found in searched.batches(made.for_documents(), is_named=is_named):
            yield batch, searched.column, found


def _opened(
    paths: Sequence[str | Path],
    reading: InputOptions | None,
    embedding: ModelOptions,
    vectors: str | None,
) -> tuple[list[_Searched], Embedder]:
    """The files, and what made all of their vectors or is to make them."""
    if not paths:
        raise ParameterError("file: found none; expected one or several")
    files = [_Searched.of(str(path), reading or InputOptions(), vectors) for path in paths]
    stored = [searched.stored for searched in files if searched.stored is not None]
    made = stored[0].embedder(embedding) if stored else Embedder.load(embedding)
    for each in stored[1:]:
        each.check_said(embedding)
        each.check(made)
    return files, made


@dataclass(frozen=True)
class _Searched:
    """A file, the names of its columns of text and of vectors, and what made the stored vectors."""

    inputs: Inputs
    column: str
    vectors: str
    stored: StoredVectors | None

    @classmethod
    def of(cls, source: str, reading: InputOptions, vectors: str | None) -> _Searched:
        name = VECTORS if vectors is None else vectors
        can_hold = format_of(source, reading) in ("parquet", "jsonl")
        said = made_with(source, reading, name) if can_hold else {}
        if reading.column is None and "column" in said:
            reading = replace(reading, column=said["column"])
        inputs = Inputs([source], reading)
        inputs.check()
        names = inputs.schema().names if can_hold else []
        if name in names:
            if names.count(name) > 1:
                raise ColumnError(
                    f"{source}: {names.count(name)} columns are named {name!r}; expected one, so "
                    "rename the others"
                )
            check_vectors(inputs.schema().field(name), source)
            return cls(inputs, reading.text_column, name, StoredVectors(source, said))
        if vectors is not None:
            raise ColumnError(
                f"{source}: no column is named {vectors!r}; found "
                f"{', '.join(map(repr, names)) or 'no columns'}; name the column of vectors with "
                "--vectors, or leave it out to embed the texts"
            )
        return cls(inputs, reading.text_column, name, None)

    def batches(
        self, embedder: Embedder, *, is_named: bool
    ) -> Iterator[tuple[InputBatch, Vectors]]:
        """All records, with their stored vectors or new ones; is_named: by the caller."""
        for batch in self.inputs.batches():
            if self.stored is not None:
                records = batch.records
                self.stored.check_records(records, self.vectors, embedder, is_named=is_named)
            yield batch, self._vectors(batch, embedder)

    def _vectors(self, batch: InputBatch, embedder: Embedder) -> Vectors:
        records = batch.records
        texts = records[self.column]
        if self.stored is None:
            return embedder.embed(texts.to_pylist())
        lists = records[self.vectors]
        found = vectors_from(lists, embedder.dimension, batch.source, batch.first_row)
        return replace(found, present=found.present & texts.is_valid().to_numpy(False))

    def hit(self, batch: InputBatch, row: int) -> Hit:
        """A row of the batch, without rank and score."""
        record = batch.records.slice(row, 1)
        without = {self.column, self.vectors, self.vectors + MODEL_SUFFIX}
        return Hit(
            rank=0,
            score=0.0,
            row=batch.first_row + row,
            text=record[self.column][0].as_py(),
            source=source_name(batch.source),
            columns=record_values(record, without),
        )
