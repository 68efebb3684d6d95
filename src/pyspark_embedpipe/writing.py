"""Rows of Spark with what a pipeline makes of them, as a folder of Parquet files."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage
from pyspark.sql.types import StructType

from embedpipe.errors import InputError
from pyspark_embedpipe.pipelines import check_options, running

__all__ = ["Writer"]

_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"  # where Spark keeps a frame's schema
_DONE = "_SUCCESS"


@dataclass
class _Written(WriterCommitMessage):  # type: ignore[misc]  # untyped
    """A task's file, in the folder of the job."""

    name: str | None


class Writer(DataSourceArrowWriter):  # type: ignore[misc]  # untyped
    """Tasks write to a folder of their own; the driver moves what is complete into its place."""

    def __init__(self, options: Mapping[str, str], schema: StructType, *, overwrite: bool) -> None:
        """Put the pipeline together; nothing is written yet."""
        check_options(options)
        path = options.get("path", "")
        if not path:
            raise InputError("format('embedpipe'): no folder to write; name it in save(path)")
        self._folder = path.removeprefix("file://").removeprefix("file:")
        self._job = os.path.join(self._folder, f"_embedpipe-{uuid.uuid4().hex}")  # noqa: PTH118
        self._overwrite = overwrite
        found = running(options, schema)
        self._function = found.function
        self._type = found.schema.json()

    def write(self, iterator: Iterator[pa.RecordBatch]) -> _Written:
        """One task's rows, in a file that is named by none but this task."""
        Path(self._job).mkdir(parents=True, exist_ok=True)
        name = f"part-{uuid.uuid4().hex}.parquet"
        writer: parquet.ParquetWriter | None = None
        for batch in self._function(iterator):
            if writer is None:
                told = {**(batch.schema.metadata or {}), _SPARK_SCHEMA: self._type.encode()}
                schema = batch.schema.with_metadata(told)
                writer = parquet.ParquetWriter(Path(self._job, name), schema)
            writer.write_batch(batch)
        if writer is None:
            return _Written(None)
        writer.close()
        return _Written(name)

    def commit(self, messages: Sequence[WriterCommitMessage | None]) -> None:
        """Move the files to where they are read."""
        folder = Path(self._folder)
        before = [*folder.glob("part-*.parquet"), folder / _DONE] if self._overwrite else []
        folder.mkdir(parents=True, exist_ok=True)
        for message in messages:
            if isinstance(message, _Written) and message.name:
                Path(self._job, message.name).rename(folder / message.name)
        for file in before:
            file.unlink(missing_ok=True)
        shutil.rmtree(self._job, ignore_errors=True)
        (folder / _DONE).touch()

    def abort(self, messages: Sequence[WriterCommitMessage | None]) -> None:  # noqa: ARG002
        """Leave nothing behind."""
        shutil.rmtree(self._job, ignore_errors=True)
