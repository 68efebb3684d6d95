"""Texts, vectors and one more column of files, all in memory, as pictures need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.embedding.options import ModelOptions
from embedpipe.embedding.searched import common_embedder, searched_files
from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import InputBatch, Inputs
from embedpipe.frames.files.json_rows import record_values
from embedpipe.frames.files.vectors import Vectors
from embedpipe.progress import Progress

__all__ = ["Gathered", "gather", "read_texts"]


@dataclass(frozen=True)
class Gathered:
    """n records: texts, vectors (n, D) of float32, and the values of a column, None without one."""

    texts: list[str]
    vectors: npt.NDArray[np.float32]
    values: list[Any] | None


def gather(  # noqa: PLR0913 - all but one are keywords with defaults
    paths: Sequence[str | Path],
    *,
    reading: InputOptions | None = None,
    embedding: ModelOptions | None = None,
    vectors: str | None = None,
    column: str | None = None,
    limit: int | None = None,
    progress: bool = False,
) -> Gathered:
    """The first records that have a text, at most `limit`, with stored vectors or new ones.

    Errors are those of `embedpipe.search_file`; ColumnError where `column` is missing, InputError
    where no record has a text.
    """
    texts: list[str] = []
    rows: list[npt.NDArray[np.float32]] = []
    values: list[Any] | None = None if column is None else []
    embedding = embedding or ModelOptions()
    for batch, text_column, made in _read(paths, reading, embedding, vectors, progress):
        present = np.flatnonzero(made.present)[: None if limit is None else limit - len(texts)]
        texts += batch.records[text_column].take(present).to_pylist()
        rows.append(made.values[present])
        if values is not None and column is not None:
            values += _values(batch, column, present.tolist())
        if len(texts) == limit:
            break
    if not texts:
        raise InputError(f"{', '.join(map(str, paths))}: no record has a text; nothing to show")
    return Gathered(texts, np.concatenate(rows), values)


def _read(
    paths: Sequence[str | Path],
    reading: InputOptions | None,
    embedding: ModelOptions,
    vectors: str | None,
    progress: bool,
) -> Iterator[tuple[InputBatch, str, Vectors]]:
    """The records of files, the name of the column of texts, and stored vectors or new ones."""
    files = searched_files(paths, reading, vectors)
    stored = [file.stored for file in files if file.stored is not None]
    embedder = common_embedder(stored, embedding).for_documents()
    with Progress(unit="records", shown=None if progress else False, leave=False) as bar:
        for file in files:
            for batch, made in file.batches(embedder, is_named=embedding.model is not None):
                bar.advance(len(made.present))
                yield batch, file.column, made


def read_texts(
    paths: Sequence[str | Path], *, reading: InputOptions | None = None, limit: int
) -> list[str]:
    """The first texts of files that are not null or blank, in order, at most `limit`."""
    texts: list[str] = []
    if not paths:
        return texts
    inputs = Inputs([str(path) for path in paths], reading or InputOptions())
    inputs.check()
    column = (reading or InputOptions()).text_column
    for batch in inputs.batches():
        found = batch.records[column].to_pylist()
        texts += [text for text in found if text and not text.isspace()]
        if len(texts) >= limit:
            break
    return texts[:limit]


def _values(batch: InputBatch, column: str, rows: Sequence[int]) -> list[Any]:
    """Of rows of a batch, as JSON can hold them."""
    names = batch.records.schema.names
    if names.count(column) != 1:
        found = ", ".join(map(repr, names)) or "none"
        count = names.count(column) or "no"
        raise ColumnError(
            f"{batch.source}: {count} columns are named {column!r}, to color by; found {found}"
        )
    only = batch.records.select([column])
    return [record_values(only.slice(row, 1), set())[column] for row in rows]
