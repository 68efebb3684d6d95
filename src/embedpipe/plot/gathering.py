"""Texts, vectors and one more column of files, all in memory, as pictures need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.embedding.options import ModelOptions
from embedpipe.embedding.search import records_with_vectors
from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.inputs import InputBatch
from embedpipe.frames.files.json_rows import record_values

__all__ = ["Gathered", "gather"]


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
) -> Gathered:
    """The first records that have a text, at most `limit`, with stored vectors or new ones.

    Errors are those of `embedpipe.search_file`; ColumnError where `column` is missing, InputError
    where no record has a text.
    """
    texts: list[str] = []
    rows: list[npt.NDArray[np.float32]] = []
    values: list[Any] | None = None if column is None else []
    found = records_with_vectors(paths, reading=reading, embedding=embedding, vectors=vectors)
    for batch, text_column, made in found:
        present = np.flatnonzero(made.present)[: None if limit is None else limit - len(texts)]
        taken = batch.records[text_column].take(present)
        texts += taken.to_pylist()
        rows.append(made.values[present])
        if values is not None and column is not None:
            values += _values(batch, column, present.tolist())
        if len(texts) == limit:
            break
    if not texts:
        raise InputError(f"{', '.join(map(str, paths))}: no record has a text; nothing to show")
    return Gathered(texts, np.concatenate(rows), values)


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
