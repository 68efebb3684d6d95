"""Files that are searched or indexed: their records with stored vectors, or with new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.options import VECTORS, ModelOptions
from embedpipe.embedding.stored import StoredVectors, made_with
from embedpipe.errors import ColumnError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.detected import UnknownFormat, kind_of
from embedpipe.frames.files.inputs import InputBatch, Inputs
from embedpipe.frames.files.json_rows import MODEL_SUFFIX
from embedpipe.frames.files.sources import expanded, is_pipe
from embedpipe.frames.files.vectors import Vectors, check_vectors, vectors_from

__all__ = ["Searched", "common_embedder", "searched_files"]

_WITH_TYPES = ("parquet", "jsonl", "json", "arrow")


@dataclass(frozen=True)
class Searched:
    """A file, the names of its columns of text and of vectors, and what made the stored vectors."""

    inputs: Inputs
    column: str
    vectors: str
    stored: StoredVectors | None

    @classmethod
    def of(cls, source: str, reading: InputOptions, vectors: str | None) -> Searched:
        """Raise what `Inputs.check` raises, and ColumnError for a column that holds no vectors."""
        name = VECTORS if vectors is None else vectors
        can_hold = not is_pipe(source) and kind_of(source, reading).format in _WITH_TYPES
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

    @property
    def without(self) -> set[str]:
        """The columns that hold vectors or say what made them."""
        return {self.vectors, self.vectors + MODEL_SUFFIX}

    def batches(
        self, embedder: Embedder, *, is_named: bool
    ) -> Iterator[tuple[InputBatch, Vectors]]:
        """All records, with their stored vectors or new ones; is_named: the model, by the caller.

        Records without a text have no vector.
        """
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

    def schema(self) -> pa.Schema:
        """Of the records, without vectors."""
        fields = [field for field in self.inputs.schema() if field.name not in self.without]
        return pa.schema(fields)


def searched_files(
    files: Sequence[str | os.PathLike[str]], reading: InputOptions | None, vectors: str | None
) -> list[Searched]:
    """Every file of these and of the folders and patterns among them."""
    found = []
    for source, is_named in expanded([str(path) for path in files]):
        try:
            found.append(Searched.of(source, reading or InputOptions(), vectors))
        except UnknownFormat:
            if is_named:
                raise
    if not found:
        raise ParameterError(
            f"{Path(files[0])}: none of the files there has a format that is known"
        )
    return found


def common_embedder(stored: Sequence[StoredVectors], options: ModelOptions) -> Embedder:
    """What made all of these vectors; ParameterError if one says that something else did."""
    if not stored:
        return Embedder.load(options)
    made = stored[0].embedder(options)
    for each in stored[1:]:
        each.check_said(options)
        each.check(made)
    return made
