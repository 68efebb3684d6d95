"""Vectors stored in files, and how they were made."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute, parquet, types

from embedpipe.embedding.embedder import Embedder
from embedpipe.embedding.options import ModelOptions
from embedpipe.errors import InputError, ModelNotFoundError, ParameterError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.detected import kind_of
from embedpipe.frames.files.json_rows import MODEL_SUFFIX
from embedpipe.frames.files.json_types import is_json_text
from embedpipe.frames.files.sources import is_pipe
from embedpipe.frames.files.vectors import MADE_WITH

__all__ = ["StoredVectors", "made_with"]

_TYPES = dict.fromkeys(("model", "fingerprint", "pooling", "precision", "column"), str) | {
    "normalize": bool
}


@dataclass(frozen=True)
class StoredVectors:
    """Vectors in a file. made_with: what `Embedder.origin` gave; empty where the file is silent."""

    source: str
    made_with: dict[str, Any]

    def embedder(self, options: ModelOptions) -> Embedder:
        """The embedder that made these vectors, by the file and `options`.

        Another precision is allowed, as vectors of all precisions lie close together. Raises
        ParameterError where neither names a model, or `options` name something else.
        """
        self.check_said(options)
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
        for name, value in (("pooling", options.pooling), ("normalize", options.normalize)):
            if value is not None:
                self._check(name, value)
        embedder = replace(embedder, pooling=made["pooling"], normalize=made["normalize"])
        self.check(embedder)
        return embedder

    def check_said(self, options: ModelOptions) -> None:
        """ParameterError where neither the file nor `options` name a model."""
        if options.model is None and "model" not in self.made_with:
            raise ParameterError(
                f"{self.source}: the file does not say which model made its vectors (pandas and "
                "Polars drop what embedpipe writes about it); name the model with --model"
            )

    def check(self, embedder: Embedder) -> None:
        """Raise ParameterError if the file says that its vectors were made otherwise."""
        origin = embedder.origin()
        if self.made_with.get("fingerprint", origin["fingerprint"]) != origin["fingerprint"]:
            mine, other = (_short(made) for made in (self.made_with, origin))
            raise ParameterError(
                f"{self.source}: its vectors were made with model {mine}, not {other}; name that "
                "model with --model, or embed the texts again"
            )
        names = ("pooling", "normalize")
        for name in names if "fingerprint" in self.made_with else ("model", *names):
            self._check(name, origin[name])

    def _check(self, name: str, value: Any) -> None:
        made = self.made_with.get(name, value)
        if made != value:
            raise ParameterError(
                f"{self.source}: its vectors were made with {name} {made}, not {value}; "
                f"leave out --{name}, or embed the texts again"
            )

    def check_records(
        self, records: pa.RecordBatch, vectors: str, embedder: Embedder, *, is_named: bool
    ) -> None:
        """InputError where a record of its own says that something else made its vector.

        is_named: whether the caller names the model, so that records need not say it.
        """
        column = vectors + MODEL_SUFFIX
        if records.schema.names.count(column) != 1:
            return
        origin = embedder.origin()
        has_vector = records.column(records.schema.names.index(vectors)).is_valid()
        said = records[column].filter(has_vector)
        for name in ("fingerprint", "pooling", "normalize"):
            found = _said(said, records.schema.field(column), name)
            if is_named:
                found -= {None}
            if found - {origin[name]}:
                raise InputError(
                    f"{self.source}: its vectors were made with several models or settings: not "
                    f"in all records does {column!r} say {name} {origin[name]!r}; keep those of one"
                )


def made_with(source: str, options: InputOptions, vectors: str) -> dict[str, Any]:
    """How the vectors of a Parquet or JSON Lines file were made; empty if it does not say.

    In Parquet it stands in the field's metadata, in JSON Lines in every object.
    """
    if is_pipe(source):  # which is read once
        return {}
    if kind_of(source, options).format == "parquet":
        found = _in_parquet(source, vectors)
    else:
        found = _in_first_object(source, options, vectors + MODEL_SUFFIX)
    return _known(found)


def _in_parquet(source: str, vectors: str) -> Any:
    """What the metadata says, else the first row: other programs copy columns without metadata."""
    try:
        # By name, pyarrow opens addresses and UTF-8 alone
        with Path(source).open("rb") as stream, parquet.ParquetFile(stream) as file:
            schema, column = file.schema_arrow, vectors + MODEL_SUFFIX
            of_field = schema.field(vectors).metadata if schema.names.count(vectors) == 1 else None
            found = {**(schema.metadata or {}), **(of_field or {})}.get(MADE_WITH)
            if found is not None:
                return json.loads(found)
            if schema.names.count(column) != 1:
                return None
            batch = next(file.iter_batches(1, columns=[column]), None)
            return batch[0][0].as_py() if batch else None
    except (pa.ArrowException, OSError) as error:
        # Arrow's own words name the file again.
        said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise InputError(f"cannot read {source}: {said}; expected a Parquet file") from error
    except (ValueError, RecursionError):  # not JSON, so that another program wrote it
        return None


def _in_first_object(source: str, options: InputOptions, column: str) -> Any:
    """None if it cannot be read: reading the whole file reports errors."""
    try:
        with Path(source).open(encoding=options.encoding, errors="replace") as file:
            line = next((line for line in file if line.strip()), "{}")
            record = json.loads(line.removeprefix("\ufeff"))
            return record.get(column) if isinstance(record, dict) else None
    except (OSError, ValueError, RecursionError):
        return None


def _known(found: Any) -> dict[str, Any]:
    """Without what is of another type than `Embedder.origin` gives, which says nothing."""
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if type(value) is _TYPES.get(name)}


def _said(column: Any, field: pa.Field, name: str) -> set[Any]:
    """The values under that name in what JSON Lines say of each vector; none in another column."""
    if is_json_text(field):
        return {_known(json.loads(text or "null")).get(name) for text in column.to_pylist()}
    if not types.is_struct(field.type) or field.type.get_field_index(name) < 0:
        return set()
    return set(compute.struct_field(column, name).unique().to_pylist())


def _short(made: dict[str, Any]) -> str:
    return f"{made.get('model')} (fingerprint {made['fingerprint'][:12]})"
