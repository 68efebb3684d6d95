"""Vectors read back from a Parquet file that `sinks` wrote, and what they were made with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from embedpipe.cli.options import InputOptions, ModelOptions
from embedpipe.cli.records import format_of
from embedpipe.cli.sinks import EMBEDDING, METADATA_KEY
from embedpipe.cli.vectors import Embedder, Vectors
from embedpipe.errors import ColumnError, InputError, ModelNotFoundError, ParameterError

__all__ = ["StoredVectors", "stored_vectors"]

_BATCH = 4096


@dataclass(frozen=True)
class StoredVectors:
    """A Parquet file with texts in the column `column` and their vectors.

    made_with: what `Embedder.origin` gave when they were made; empty if something else wrote them.
    """

    source: str
    column: str
    made_with: dict[str, Any]

    def embedder(self, options: ModelOptions) -> Embedder:
        """What made these vectors; ParameterError if `options` name something else.

        Another precision is allowed, as vectors of all precisions lie close together.
        """
        model = self.made_with.get("model") if options.model is None else options.model
        precision = options.precision or self.made_with.get("precision")
        try:
            embedder = Embedder.load(replace(options, model=model, precision=precision))
        except ModelNotFoundError as error:
            if model is options.model:
                raise
            raise ModelNotFoundError(
                f"{self.source}: its vectors were made with the model {model!r}; name its folder "
                f"with --model, since {error}"
            ) from error
        made = embedder.origin() | self.made_with
        asked = {"pooling": options.pooling, "normalize": options.normalize}
        for name, value in asked.items() | {("model", embedder.encoder.name)}:
            if value is not None and value != made[name]:
                raise ParameterError(
                    f"{self.source}: its vectors were made with {name} {made[name]}, not {value}; "
                    f"leave out --{name}, or embed the texts again"
                )
        return replace(embedder, pooling=made["pooling"], normalize=made["normalize"])

    def batches(self, dimension: int) -> Iterator[tuple[list[str | None], Vectors]]:
        """Texts and vectors in order; InputError unless each vector has that dimension."""
        with parquet.ParquetFile(self.source, buffer_size=1 << 20) as file:
            for batch in file.iter_batches(_BATCH, columns=[self.column, EMBEDDING]):
                vectors = self._vectors(batch.column(EMBEDDING), dimension)
                yield batch.column(self.column).to_pylist(), vectors

    def _vectors(self, lists: Any, dimension: int) -> Vectors:
        present = lists.is_valid().to_numpy(zero_copy_only=False)
        found = lists.drop_null()
        lengths = compute.unique(compute.list_value_length(found)).to_pylist()
        if lengths not in ([], [dimension]):
            raise InputError(
                f"{self.source}: its vectors have {' or '.join(map(str, lengths))} dimensions, the "
                f"model has {dimension}; name the model that made them with --model"
            )
        values = np.zeros((len(lists), dimension), np.float32)
        values[present] = found.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension)
        return Vectors(values, present, cut=0)


def stored_vectors(source: str, options: InputOptions) -> StoredVectors | None:
    """The vectors in `source`; None if it is not Parquet or has no column of them.

    Raises ColumnError if that column does not hold lists of float.
    """
    if format_of(source, options) != "parquet":
        return None
    try:
        schema = parquet.read_schema(source)
        made_with = json.loads((schema.metadata or {}).get(METADATA_KEY, b"{}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"cannot read {source}: {error}; expected a Parquet file") from error
    if EMBEDDING not in schema.names:
        return None
    kind = schema.field(EMBEDDING).type
    is_list = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    if not (is_list and pa.types.is_floating(kind.value_type)):
        raise ColumnError(
            f"{source}: the column {EMBEDDING!r} has the type {kind}; expected lists of float, as "
            "`embedpipe embed` writes them"
        )
    return StoredVectors(source, made_with.get("column", options.column), made_with)
