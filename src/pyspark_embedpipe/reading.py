"""Texts of files with what a pipeline makes of them, as rows of Spark: one partition a file."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyspark.sql.datasource import DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

from embedpipe.errors import InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.batches import conform
from embedpipe.frames.files.inputs import Inputs
from embedpipe.spark.shipped import BatchFunction
from pyspark_embedpipe.pipelines import Running, check_options, running

__all__ = ["Reader", "schema_of_files"]


def schema_of_files(options: Mapping[str, str]) -> StructType:
    """What reading gives: the files' columns, and those that the stages make."""
    check_options(options)
    return _found(options)[1].schema


class Reader(DataSourceReader):  # type: ignore[misc]  # untyped
    """Opens the files on executors, which must see them under the same path."""

    def __init__(self, options: Mapping[str, str], schema: StructType) -> None:
        """Find the files, and put the pipeline together."""
        check_options(options)
        inputs, found = _found(options)
        self._files = inputs.sources
        self._rows = _Rows(inputs.options, inputs.schema(), found.function, schema)

    def partitions(self) -> Sequence[InputPartition]:
        """One for each file."""
        return [InputPartition(path) for path in self._files]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """The rows of a file."""
        return self._rows.of_file(partition.value)


class _Rows:
    """What executors need of a reader."""

    def __init__(
        self, options: InputOptions, schema: pa.Schema, function: BatchFunction, made: StructType
    ) -> None:
        self._options = options
        self._schema = schema
        self._function = function
        self._made = made

    def of_file(self, path: str) -> Iterator[pa.RecordBatch]:
        batches = (found.records for found in Inputs([path], self._options).batches())
        wanted = _arrow_schema(self._made)
        for batch in self._function(conform(one, self._schema, path) for one in batches):
            if batch.schema.equals(wanted):
                yield batch
            else:  # Spark compares types, though not the names of what lies in lists
                yield from pa.Table.from_batches([batch]).cast(wanted).to_batches()


def _found(options: Mapping[str, str]) -> tuple[Inputs, Running]:
    column = options.get("inputCol")
    asked = InputOptions(column=column, format=options.get("format"))
    inputs = Inputs(_files(options.get("path", "")), asked)
    return inputs, running(options, from_arrow_schema(inputs.schema()))


def _files(path: str) -> list[str]:
    """The files of a path: itself, or all below it but hidden ones, or all that fit a pattern."""
    place = Path(path.removeprefix("file://").removeprefix("file:"))
    if path and place.is_dir():
        below = (os.path.relpath(file, place) for file in place.rglob("*") if file.is_file())
        found = sorted(
            str(place / name)
            for name in below
            if not any(part.startswith(("_", ".")) for part in Path(name).parts)
        )
    elif path and place.exists():
        found = [str(place)]
    else:
        found = sorted(glob.glob(str(place), recursive=True)) if path else []  # noqa: PTH207
    if not found:
        raise InputError(
            f"format('embedpipe'): no file is at {path!r}; expected a file, a folder with files, "
            "or a pattern, on a disk that driver and executors see. Name it in load(path); files "
            "elsewhere are read by Spark: spark.read…, then write.format('embedpipe')"
        )
    return found


def _arrow_schema(schema: StructType) -> pa.Schema:
    try:
        return to_arrow_schema(schema, timezone="UTC")
    except TypeError:  # Spark 4.0
        return to_arrow_schema(schema)
